# SPDX-License-Identifier: GPL-2.0-or-later
"""
An application as people run it, in containers that orlop alone starts: what it does beside the same processes without,
restarts of its workers under load, a worker that goes beyond its limits, and five hundred workers; with mapped ids, as a
pod of Podman and by Docker.

    tests/fresh --with "$(tests/cloud/packages)" --share "$PWD" trixie -- env ORLOP=$PWD/build/gcc/orlop \\
        python3 -m pytest -q -p no:cacheprovider tests/cloud/app

Figures are added to $CLOUD_TABLE; they are no result: that no request fails is.
"""
import contextlib
import json
import os
import pathlib
import pwd
import shutil
import signal
import statistics
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from application import (HERE, ORLOP, SERVICES, WORKERS, Containers, Docker, First, Mapped, Pod, Processes, Second, get, orlop,
                         run, until)
from table import tell

ROUNDS, SECONDS = int(os.environ.get("ROUNDS", "10")), int(os.environ.get("SECONDS", "1"))
MANY = int(os.environ.get("MANY", "500"))
NAMES = [f"worker{n}" for n in range(WORKERS)]


class Load:
    """Requests, 16 at a time, until they are looked at."""
    def __init__(self, port, seconds):
        self.wrk = subprocess.Popen(
            ["wrk", "-t", "1", "-c", "16", "-d", str(seconds), "--timeout", "20s", "-s", HERE / "report.lua",
             f"http://127.0.0.1:{port}/"], stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.wrk.poll() is None:
            self.wrk.kill()
            self.wrk.wait()

    def stop(self):
        self.wrk.send_signal(signal.SIGINT)
        return self.figures()

    def figures(self):
        out = self.wrk.communicate(timeout=60)[0]
        words = next(line for line in out.splitlines() if line.startswith("figures ")).split()[1:]
        return {k: float(v) for k, v in (w.split("=") for w in words)}


@pytest.fixture(scope="module", name="srv")
def _srv():
    path = pathlib.Path("/srv")
    run("mount", "-t", "tmpfs", "tmpfs", path)
    yield path
    assert orlop("list", "-q") == ""
    run("umount", "-l", path)


@pytest.fixture(scope="module", name="app")
def _app(srv):
    app = Containers(srv / "containers", 10000)
    begin = time.monotonic()
    app.up()
    tell("application up", containers=len(SERVICES), seconds=time.monotonic() - begin)
    yield app
    app.down()


@pytest.fixture(name="four")
def _four(srv):
    """Containers, processes, and each once more: what is started later may be a few percent quicker, whatever it is."""
    four = [First(srv / "first-containers", 20000), Processes(srv / "processes", 21000),
            Second(srv / "second-containers", 22000), Processes(srv / "second-processes", 23000)]
    with contextlib.ExitStack() as stack:
        for app in four:
            stack.callback(app.down)
            app.up()
        yield four


def test_throughput(four):
    """In turn, in short rounds: what else the machine does then meets all."""
    seen = {app: [] for app in four}
    for n in range(-1, ROUNDS):  # the first makes them warm
        for app in four[::-1 if n % 2 else 1]:
            before = app.processor_seconds()
            with Load(app.port, SECONDS) as load:
                figures = load.figures()
            assert figures["failed"] == 0 and figures["requests"] > 0, figures
            figures["cpu_us"] = (app.processor_seconds() - before) / figures["requests"] * 1e6
            if n >= 0:
                seen[app].append(figures)
    middle = [{k: statistics.median(f[k] for f in seen[app]) for k in ("rps", "p50", "p99", "cpu_us")} for app in four]
    for app, figures in zip(four, middle):
        tell(f"throughput, {app.where.name}", **figures)
    tell("throughput, containers to processes", **{k: (middle[0][k] + middle[2][k]) / (middle[1][k] + middle[3][k]) for k in middle[0]})


def _restart(app, end, what):
    """One worker after the other, under load."""
    before = app.pids()
    slowest = 0
    with Load(app.port, 170) as load:
        for name in NAMES:
            begin = time.monotonic()
            status = end(name)
            assert status == "0", (status, app.words(name))
            app.start(name)
            app.ready(name)
            slowest = max(slowest, time.monotonic() - begin)
            time.sleep(1.1)  # after that nginx asks it again
        figures = load.stop()
    after = app.pids()
    assert {n for n in SERVICES if before[n] != after[n]} == set(NAMES)
    print(app.words("nginx"), *map(app.words, NAMES), sep="\n")
    assert figures["failed"] == 0 and figures["requests"] > 100, figures
    tell(what, workers=WORKERS, requests=int(figures["requests"]), failed=0, p99=figures["p99"], slowest_s=slowest)


def test_rolling_restart(app):
    _restart(app, app.stopped, "rolling restart")


@pytest.mark.parametrize("what, limit, value", [("descriptors", "RLIMIT_NOFILE", 64), ("memory", "RLIMIT_AS", 1 << 30)])
def test_beyond_limits(app, what, limit, value):
    """It ends alone: the others go on under load, and it comes back."""
    name = NAMES[0]
    app.stopped(name)
    app.limit(name, limit, value)
    app.start(name)
    app.ready(name)
    before = app.pids()
    with Load(app.port, 170) as load:
        time.sleep(0.5)
        status = app.ended(name, lambda: get(app.worker_port(name), f"/hoard/{what}"))
        time.sleep(1)
        app.start(name)
        app.ready(name)
        figures = load.stop()
    after = app.pids()
    assert status == "70"
    assert {n for n in SERVICES if before[n] != after[n]} == {name}
    assert figures["failed"] == 0 and figures["requests"] > 100, figures
    tell(f"beyond its {what}", requests=int(figures["requests"]), failed=0)


def _pss(pid):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise AssertionError(pid)


def test_five_hundred_workers(srv):
    """Each a server with a port of its own."""
    top = srv / "many"
    (top / "rootfs/bin").mkdir(parents=True)
    shutil.copy("/bin/busybox", top / "rootfs/bin")
    (top / "rootfs/index.html").write_text("here it is\n")
    orlop("spec", "--bundle", top, "--no-terminal", "--net", "host", "--user", "65534", "--",
          "/bin/busybox", "httpd", "-f", "-h", "/", "-p")
    config = json.loads((top / "config.json").read_text())

    def start(n):
        process = config["process"]
        own = {**config, "process": {**process, "args": [*process["args"], f"127.0.0.1:{30000 + n}"]}}
        with open(top / "log", "ab") as log:  # a pipe would stay open as long as the container
            subprocess.run([ORLOP, "run", "--detach", "--bundle", top, "--config", "-", f"many{n}"],
                           input=json.dumps(own).encode(), stdout=log, stderr=log, timeout=60, check=True)

    try:
        begin = time.monotonic()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(start, range(MANY)))
        started = time.monotonic() - begin
        for n in range(MANY):
            until(lambda n=n: get(30000 + n, "/index.html") == "here it is\n", n)
        containers = [c for c in json.loads(orlop("list", "--format", "json")) if c["id"].startswith("many")]
        assert [c["status"] for c in containers] == ["running"] * MANY
        pss = [_pss(c["pid"]) for c in containers]
    finally:
        begin = time.monotonic()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda n: orlop("delete", "--force", f"many{n}"), range(MANY)))
    tell("many workers", containers=MANY, start_s=started, start_ms_each=started * 1000 / MANY,
         delete_s=time.monotonic() - begin, pss_kib_each=statistics.mean(pss))


def test_pod(srv):
    """The same application as a pod of Podman, and its workers one after the other stopped and started."""
    pod = Pod(srv / "pod", 24000)
    try:
        begin = time.monotonic()
        pod.up()
        assert {pod.podman("inspect", "--format", "{{.OCIRuntime}}", name).strip() for name in SERVICES} == {ORLOP}
        tell("pod up", containers=len(SERVICES), seconds=time.monotonic() - begin)
        _restart(pod, pod.ended, "rolling restart, pod")
    finally:
        pod.down()


def test_mapped_ids(srv):
    """Each container has ids of its own, and a volume that is on disk as the programs see it."""
    pathlib.Path("/app").mkdir()  # what all share has the place for it
    app = Mapped(srv / "mapped", 25000)
    try:
        begin = time.monotonic()
        app.up()
        tell("mapped ids up", containers=len(SERVICES), seconds=time.monotonic() - begin)
        _restart(app, app.stopped, "rolling restart, mapped ids")
        for name, pid in app.pids().items():
            user = pwd.getpwnam(app.command(name)[0]).pw_uid
            assert os.stat(f"/proc/{pid}").st_uid == app.first_id(name) + user
        data = [f for f in (app.where / "postgres/data").rglob("*") if f.is_file()]
        assert {f.owner() for f in data} == {"postgres"}
        assert max(f.stat().st_mtime for f in data) > time.time() - (time.monotonic() - begin)  # it has written there
    finally:
        app.down()


def test_docker(srv):
    """The same by Docker, and its workers one after the other stopped and started."""
    app = Docker(srv / "docker", 26000)
    try:
        begin = time.monotonic()
        app.up()
        assert {app.inspect(name, "HostConfig.Runtime") for name in SERVICES} == {"orlop"}
        tell("docker up", containers=len(SERVICES), seconds=time.monotonic() - begin)
        _restart(app, app.ended, "rolling restart, docker")
    finally:
        app.down()
