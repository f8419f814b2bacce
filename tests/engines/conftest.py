# SPDX-License-Identifier: GPL-2.0-or-later
"""
Podman and Docker on this machine's kernel, in a fresh root with namespaces of its own: no systemd, cgroup v2
with few controllers or none, ten times faster than a virtual machine.  What needs systemd or limits is tested
there (tests/vm/engines).

    tests/fresh --with "$(tests/engines/packages)" --share "$PWD" trixie -- env ORLOP=$PWD/build/gcc/orlop \\
        python3 -m pytest -q -p no:cacheprovider tests/engines

Each test runs the same action with orlop and with runc, whose words and statuses engines were written for, and
compares exit status and effect.

    engine          fixture: podman, then docker; engine(RUNTIME, "run", ...) is a Result with rc, out, err
"""
import json
import os
import pathlib
import signal
import subprocess
import time

import pytest

ORLOP = os.environ.get("ORLOP", "/usr/local/bin/orlop")
RUNTIMES = {"orlop": ORLOP, "crun": "/usr/bin/crun", "runc": "/usr/sbin/runc"}
IMAGE = "bb"
SCRATCH = pathlib.Path("/srv/image")

FILES = {  # of the image: what cannot be executed, each in its own way
    "bin/notexec": (b"#!/bin/sh\necho no\n", 0o644),
    "bin/nointerp": (b"#!/nosuch/interpreter\n", 0o755),
    "bin/crlf": (b"#!/bin/sh\r\necho hi\r\n", 0o755),
    "bin/text": (b"just words\n", 0o755),
    "bin/empty": (b"", 0o755),
    "bin/fine": (b"#!/bin/sh\necho fine\nexit 3\n", 0o755),
    "bin/private": (b"#!/bin/sh\necho private\n", 0o700),
    "etc/passwd": (b"root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n", 0o644),
    "etc/group": (b"root:x:0:\nuser:x:1000:\n", 0o644),
    "etc/file": (b"text\n", 0o644),
}


class Result:
    def __init__(self, run):
        self.rc = run.returncode
        self.out = run.stdout.decode(errors="replace")
        self.err = run.stderr.decode(errors="replace")

    def __repr__(self):
        return f"<{self.rc}: {self.out[-300:]!r}, {self.err[-900:]!r}>"


def call(*args, stdin=None, timeout=60, env=None):
    return Result(subprocess.run(list(args), input=stdin, capture_output=True, timeout=timeout, env=env,
                                 stdin=subprocess.DEVNULL if stdin is None else None))


def _image():
    for d in "bin proc sys dev etc tmp home/user root var mnt".split():
        (SCRATCH / d).mkdir(parents=True, exist_ok=True)
    (SCRATCH / "bin/busybox").write_bytes(pathlib.Path("/usr/bin/busybox").read_bytes())
    (SCRATCH / "bin/busybox").chmod(0o755)
    for name in ("sh cat echo id sleep true false kill ls pwd env test touch stat grep readlink mount umount stty tr "
                 "head wc ps hostname ln mkdir rm chmod printf seq trap date tail").split():
        if not (SCRATCH / "bin" / name).is_symlink():
            (SCRATCH / "bin" / name).symlink_to("busybox")
    # an ELF file for another machine: e_machine of busybox, changed to EM_S390
    data = bytearray((SCRATCH / "bin/busybox").read_bytes())
    data[18:20] = b"\x16\x00"
    (SCRATCH / "bin/otherarch").write_bytes(data)
    (SCRATCH / "bin/otherarch").chmod(0o755)
    for name, (content, mode) in FILES.items():
        (SCRATCH / name).write_bytes(content)
        (SCRATCH / name).chmod(mode)
    if not (SCRATCH / "bin/loop").is_symlink():
        (SCRATCH / "bin/loop").symlink_to("loop")
    subprocess.run(["tar", "-C", str(SCRATCH), "-cf", "/srv/bb.tar", "."], check=True)
    return "/srv/bb.tar"


class Podman:
    name = "podman"

    def __init__(self, tar):
        # no controller to limit with: they are in the virtual machine
        os.makedirs("/etc/containers/containers.conf.d", exist_ok=True)
        with open("/etc/containers/containers.conf.d/engines.conf", "w") as f:
            f.write('[containers]\npids_limit = 0\n[engine]\nruntime_supports_json = ["orlop", "crun", "runc"]\n')
        call("podman", "import", "-q", tar, IMAGE)

    def __call__(self, runtime, *args, **kwargs):
        return call("podman", "--cgroup-manager", "cgroupfs", "--runtime", RUNTIMES[runtime], *args, **kwargs)

    def run(self, runtime, *args, **kwargs):
        return self(runtime, "run", "--rm", "--network", "none", *args, **kwargs)

    def stop(self):
        call("podman", "rm", "-f", "-t", "0", "-a")


class Docker:
    name = "docker"

    def __init__(self, tar):
        os.makedirs("/etc/docker", exist_ok=True)
        with open("/etc/docker/daemon.json", "w") as f:
            json.dump({"runtimes": {"orlop": {"path": ORLOP}, "crun": {"path": "/usr/bin/crun"}},
                       "exec-opts": ["native.cgroupdriver=cgroupfs"], "bridge": "none", "iptables": False,
                       "ip6tables": False, "experimental": True}, f)  # checkpoints are
        self.log = open("/srv/dockerd.log", "wb")
        self.daemon = subprocess.Popen(["dockerd"], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 60
        while call("docker", "info").rc:
            assert self.daemon.poll() is None and time.monotonic() < deadline, open("/srv/dockerd.log").read()[-2000:]
            time.sleep(0.2)
        call("docker", "import", tar, IMAGE)

    def __call__(self, runtime, *args, **kwargs):
        args = list(args)
        if args[0] in ("run", "create"):
            args[1:1] = ["--runtime", runtime]
        return call("docker", *args, **kwargs)

    def run(self, runtime, *args, **kwargs):
        return self(runtime, "run", "--rm", "--network", "none", *args, **kwargs)

    def stop(self):
        ids = call("docker", "ps", "-aq").out.split()
        if ids:
            call("docker", "rm", "-f", *ids)
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.wait(30)


@pytest.fixture(scope="session", params=["podman", "docker"])
def engine(request):
    tar = _image()
    for d in ("/var/lib/docker", "/var/lib/containers", "/var/lib/containerd", "/run", "/tmp"):
        os.makedirs(d, exist_ok=True)
        if not os.path.ismount(d):
            subprocess.run(["mount", "-t", "tmpfs", "tmpfs", d], check=True)
    e = {"podman": Podman, "docker": Docker}[request.param](tar)
    for runtime in ("runc", "orlop"):
        r = e.run(runtime, IMAGE, "fine")
        assert r.rc == 3, r
    yield e
    e.stop()
