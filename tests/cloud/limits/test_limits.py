# SPDX-License-Identifier: GPL-2.0-or-later
"""
Workers with limits that only a machine with cgroup controllers has: one that goes beyond takes nobody along.

    tests/vm/lab run --share "$PWD" -- env ORLOP=$PWD/build/gcc/orlop \\
        /usr/bin/python3 -m pytest -q -p no:cacheprovider tests/cloud/limits
"""
import json
import os
import pathlib
import shutil
import subprocess
import threading
import time
import urllib.request

import pytest

ORLOP = os.environ["ORLOP"]
PORTS = {f"limited{n}": 8100 + n for n in range(4)}
VICTIM, *OTHERS = PORTS
HOG = "#!/bin/sh\nx=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done\n"
FORKS = "#!/bin/sh\nwhile :; do sleep 1000 & done\n"


def run(*args):
    r = subprocess.run([str(a) for a in args], capture_output=True, text=True, timeout=120, check=False)
    assert r.returncode == 0, r
    return r.stdout


def until(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def get(name, path="index.html"):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORTS[name]}/{path}", timeout=60) as r:
            return r.read().decode()
    except OSError as e:
        return repr(e)


def cgroup(name):
    pid = json.loads(run(ORLOP, "state", name))["pid"]
    return pathlib.Path("/sys/fs/cgroup" + pathlib.Path(f"/proc/{pid}/cgroup").read_text().strip().removeprefix("0::"))


def start(top, name):
    with open(top / "log", "ab") as log:
        subprocess.run([ORLOP, "run", "--detach", "--bundle", top, "--config", f"{name}.json", name],
                       stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=120, check=True)
    until(lambda: get(name) == "here it is\n")


@pytest.fixture(name="workers")
def _workers(tmp_path):
    """Servers, all of one root file system."""
    rootfs = tmp_path / "rootfs"
    (rootfs / "bin").mkdir(parents=True)
    shutil.copy("/bin/busybox", rootfs / "bin")
    for applet in ("sh", "sleep"):
        (rootfs / "bin" / applet).symlink_to("busybox")
    (rootfs / "index.html").write_text("here it is\n")
    (rootfs / "cgi-bin").mkdir()
    for name, words in (("memory", HOG), ("pids", FORKS)):
        (rootfs / "cgi-bin" / name).write_text(words)
        (rootfs / "cgi-bin" / name).chmod(0o755)
    for name, port in PORTS.items():
        run(ORLOP, "spec", "--bundle", tmp_path, "--file", f"{name}.json", "--no-terminal", "--net", "host", "--memory", "24M",
            "--", "/bin/busybox", "httpd", "-f", "-h", "/", "-p", f"127.0.0.1:{port}")
        config = json.loads((tmp_path / f"{name}.json").read_text())
        resources = config["linux"].setdefault("resources", {})
        resources["pids"] = {"limit": 24}
        resources["unified"] = {"memory.oom.group": "1"}  # all of a worker, or nothing
        (tmp_path / f"{name}.json").write_text(json.dumps(config))
        start(tmp_path, name)
    yield tmp_path
    for name in PORTS:
        run(ORLOP, "delete", "--force", name)


class Asking:
    """All others, again and again, as long as this lasts."""
    def __enter__(self):
        self.answers, self.over = [], threading.Event()
        self.thread = threading.Thread(target=self._ask)
        self.thread.start()
        return self

    def _ask(self):
        while not self.over.is_set():
            self.answers += map(get, OTHERS)

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def _beyond(workers, what, goes_on):
    pids = {name: json.loads(run(ORLOP, "state", name))["pid"] for name in OTHERS}
    with Asking() as asking:
        request = threading.Thread(target=get, args=(VICTIM, f"cgi-bin/{what}"))
        request.start()
        goes_on()
        run(ORLOP, "delete", "--force", VICTIM)
        request.join()
        start(workers, VICTIM)
    assert set(asking.answers) == {"here it is\n"} and len(asking.answers) >= 3 * len(OTHERS)
    assert pids == {name: json.loads(run(ORLOP, "state", name))["pid"] for name in OTHERS}


def test_memory(workers):
    """All of it is killed by the kernel. Who collects it may keep the status, where a kernel tells that to nobody else."""
    events = cgroup(VICTIM) / "memory.events"

    def ends():
        assert run(ORLOP, "wait", "--timeout", "100s", VICTIM) in ("137\n", "unknown\n")
        assert "oom_group_kill 1" in events.read_text().splitlines()
    _beyond(workers, "memory", ends)


def test_pids(workers):
    """It can make no more processes, and is ended from outside."""
    events = cgroup(VICTIM) / "pids.events"

    def is_full():
        until(lambda: "max 0" not in events.read_text().splitlines())
    _beyond(workers, "pids", is_full)
