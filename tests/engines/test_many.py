# SPDX-License-Identifier: GPL-2.0-or-later
"""
Many at once: no error, and nothing is left. The times are written to $ENGINES_TIMES, beside crun's; they are no result.

    ENGINES_TIMES=FILE, MANY=50 (as many `run`; four times as many `exec`)
"""
import os
import pathlib
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import IMAGE

MANY = int(os.environ.get("MANY", "50"))
AT_ONCE = 50
STATE = ["/run/orlop", "/run/crun", "/run/docker/runtime-runc/moby", "/run/docker/runtime-crun/moby"]


def left():
    """What containers are made of: states, cgroups, mounts, processes."""
    states = {f"{d}/{n}" for d in STATE if os.path.isdir(d) for n in os.listdir(d) if not n.startswith(".")}
    cgroups = {p for p, _, _ in os.walk("/sys/fs/cgroup") if re.search(r"[0-9a-f]{64}", p)}
    mounts = {line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
              if re.search(r"/merged|/[0-9a-f]{64}/|netns/|/shm$", line.split()[4]) and line.split()[4] != "/dev/shm"}
    out = subprocess.run(["ps", "-eo", "comm="], capture_output=True, text=True, check=True).stdout.split()
    programs = {n for n in out if n in ("conmon", "sleep", "orlop", "crun") or n.startswith("containerd-shim")}
    return {"states": states, "cgroups": cgroups, "mounts": mounts, "programs": programs}


def eventually(before, seconds=30):
    """Docker and conmon clean up behind the back of the command."""
    deadline = time.monotonic() + seconds
    while any(now := {k: v - before[k] for k, v in left().items()}.values()) and time.monotonic() < deadline:
        time.sleep(0.3)
    assert not any(now), now


def tell(engine, what, runtime, n, seconds, wrong):
    path = os.environ.get("ENGINES_TIMES")
    if path:
        with open(path, "a") as f:
            print(engine.name, what, runtime, n, f"{seconds:.1f}", wrong, sep="\t", file=f)


def at_once(n, work):
    begin = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(work, range(n)))
    return results, time.monotonic() - begin


@pytest.mark.parametrize("runtime", ["crun", "orlop"])
def test_run(engine, runtime):
    before = left()
    results, seconds = at_once(MANY, lambda i: engine.run(runtime, IMAGE, "sh", "-c", f"echo {i}; exit {i % 100}", timeout=300))
    tell(engine, "run", runtime, MANY, seconds, sum(r.rc != i % 100 for i, r in enumerate(results)))
    if runtime == "orlop":
        # Docker loses the output of a container that ends at once now and then, with any runtime
        assert [r.rc for r in results] == [i % 100 for i in range(MANY)], [r for i, r in enumerate(results) if r.rc != i % 100]
        assert not [r for r in results if r.err]
        assert sum(r.out == f"{i}\n" for i, r in enumerate(results)) >= MANY - (2 if engine.name == "docker" else 0)
        eventually(before)


@pytest.mark.parametrize("runtime", ["crun", "orlop"])
def test_exec(engine, runtime):
    before = left()
    name = f"many-{runtime}"
    r = engine(runtime, "run", "-d", "--network", "none", "--name", name, IMAGE, "sleep", "1000")
    if r.rc and runtime == "crun":  # removes the parent of all containers that another one is being made in
        engine(runtime, "rm", "-f", name)
        return
    assert r.rc == 0, r
    try:
        results, seconds = at_once(4 * MANY, lambda i: engine(runtime, "exec", name, "sh", "-c", f"exit {i % 100}", timeout=300))
        tell(engine, "exec", runtime, 4 * MANY, seconds, sum(r.rc != i % 100 for i, r in enumerate(results)))
        if runtime == "orlop":
            assert [r.rc for r in results] == [i % 100 for i in range(4 * MANY)], [r for i, r in enumerate(results) if r.rc != i % 100]
            processes = engine(runtime, "top", name).out.splitlines()[1:]
            assert len(processes) == 1, processes
    finally:
        assert engine(runtime, "rm", "-f", name).rc == 0
    if runtime == "orlop":
        eventually(before)
