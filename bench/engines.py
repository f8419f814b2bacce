#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
What engines take with each runtime, and what of it is the runtime's, in a fresh root (tests/fresh) with Podman and Docker;
cgroups by cgroupfs.  Runtimes take turns; medians by the clock, in milliseconds.

Usage: engines.py ROUNDS      prints {"action": {"runtime": [ms, ms of them in the runtime, commands of it]}} as JSON
Reads $TIMED: a directory with timed/ORLOP, CRUN, RUNC (timed.c) and log; real/ is made here.
"""
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE.parent / "tests/engines"))
import conftest as engines  # noqa: E402

TIMED = pathlib.Path(os.environ["TIMED"])
RUNTIMES = ("orlop", "crun", "runc")
SLEEP = ("sleep", "100000")


def log():
    path = TIMED / "log"
    lines = path.read_text().splitlines() if path.exists() else []
    return sum(float(line.split()[0]) for line in lines) / 1000, len(lines)


def shell(*args):
    r = engines.call(*args)
    if r.rc:
        raise SystemExit(f"{' '.join(args)}: {r}")


def works(args):
    """Not every runtime can do without controllers, as a machine may have none for cgroup v2."""
    r = engines.call(*args)
    if r.rc:
        print(f"{' '.join(args[:4])}: {r.err[-300:]}", file=sys.stderr)
    return not r.rc


def measured(args):
    """[ms, ms in the runtime, its commands]; what an engine does after its command has ended counts for the runtime alone."""
    before, begin = log(), time.monotonic()
    shell(*args)
    ms = (time.monotonic() - begin) * 1000
    seen, deadline = log(), time.monotonic() + 1
    while time.monotonic() < deadline:
        time.sleep(0.05)
        last, seen = seen, log()
        if last == seen:
            break
    return [ms, seen[0] - before[0], seen[1] - before[1]]


def prepare():
    for d in ("/var/lib/docker", "/var/lib/containers", "/var/lib/containerd", "/run", "/tmp"):
        os.makedirs(d, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", d], check=True)
    (TIMED / "real").mkdir(exist_ok=True)
    for name in RUNTIMES:
        shutil.copy(engines.RUNTIMES[name], TIMED / "real" / name)
        engines.RUNTIMES[name] = str(TIMED / "timed" / name)
    engines.ORLOP = engines.RUNTIMES["orlop"]
    tar = engines._image()
    return engines.Podman(tar), engines.Docker(tar)


def docker_runtimes(docker):
    """Each by another name: Docker's own runc is not where we measure."""
    config = json.loads(pathlib.Path("/etc/docker/daemon.json").read_text())
    for name in RUNTIMES:
        config["runtimes"]["timed-" + name] = {"path": engines.RUNTIMES[name]}
    pathlib.Path("/etc/docker/daemon.json").write_text(json.dumps(config))
    docker.daemon.send_signal(1)
    time.sleep(1)


def actions():
    """{title: arguments by runtime}, of containers that sleep: p-RUNTIME, d-RUNTIME."""
    def podman(name, *args):
        return ["podman", "--cgroup-manager", "cgroupfs", "--runtime", engines.RUNTIMES[name], *args]
    return {
        "podman run": lambda r: podman(r, "run", "--rm", "--network", "none", engines.IMAGE, "true"),
        "podman exec": lambda r: podman(r, "exec", "p-" + r, "true"),
        "podman healthcheck run": lambda r: podman(r, "healthcheck", "run", "p-" + r),
        "docker run": lambda r: ["docker", "run", "--rm", "--network", "none", "--runtime", "timed-" + r, engines.IMAGE, "true"],
        "docker exec": lambda r: ["docker", "exec", "d-" + r, "true"],
    }, podman


def main():
    _, docker = prepare()
    try:
        docker_runtimes(docker)
        todo, podman = actions()
        sleeping = {
            "podman": lambda r: podman(r, "run", "-d", "--network", "none", "--name", "p-" + r, "--health-cmd", "true",
                                       "--health-interval", "disable", engines.IMAGE, *SLEEP),
            "docker": lambda r: ["docker", "run", "-d", "--network", "none", "--name", "d-" + r, "--runtime", "timed-" + r,
                                 engines.IMAGE, *SLEEP]}
        able = {engine: [r for r in RUNTIMES if works(sleeping[engine](r))] for engine in sleeping}
        found = {}
        for title, command in todo.items():
            got = {r: [] for r in able[title.split()[0]]}
            for i in range(-1, int(sys.argv[1])):   # one round to warm up
                for r in random.sample(list(got), len(got)):
                    answer = measured(command(r))
                    if i >= 0:
                        got[r].append(answer)
            found[title] = {r: [statistics.median(x) for x in zip(*answers)] for r, answers in got.items()}
        json.dump(found, sys.stdout)
        for r in RUNTIMES:
            shell("podman", "rm", "-f", "-t", "0", "p-" + r)
    finally:
        docker.stop()


if __name__ == "__main__":
    main()
