# SPDX-License-Identifier: GPL-2.0-or-later
"""
Many at once, each with a scope of its own: no error, and nothing is left. A few, as each process takes long to start in an
emulated machine; fifty are in tests/engines/test_many.py. MANY: how many; the times are written to $SCENARIOS_TIMES.
"""
import os
import pathlib
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import IMAGE, call

MANY = int(os.environ.get("MANY", "5"))


@pytest.fixture(params=["podman", "docker"])
def engine(request):
    return request.getfixturevalue(request.param)


def left():
    """States, cgroups, units, mounts, processes."""
    found = {f"{d}/{n}" for d in ("/run/orlop", "/run/docker/runtime-runc/moby") if os.path.isdir(d) for n in os.listdir(d)}
    found |= {p for p, _, _ in os.walk("/sys/fs/cgroup") if re.search(r"(libpod|docker|crun|orlop)-.*\.scope", p)}
    found |= set(call("systemctl", "list-units", "--all", "--plain", "--no-legend", "--type=scope").out.split())
    found |= {line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()}
    return found | {n for n in call("ps", "-eo", "comm=").out.split() if n in ("conmon", "orlop") or "shim" in n}


def gone(before):
    deadline = time.monotonic() + 30
    while (now := left() - before) and time.monotonic() < deadline:
        time.sleep(1)
    assert not now


def at_once(engine, runtime, what, n, work):
    begin = time.monotonic()
    with ThreadPoolExecutor(n) as pool:
        results = list(pool.map(work, range(n)))
    if "SCENARIOS_TIMES" in os.environ:
        with open(os.environ["SCENARIOS_TIMES"], "a") as f:
            wrong = sum(r.rc != i % 100 for i, r in enumerate(results))
            print(engine.name, what, runtime, n, f"{time.monotonic() - begin:.1f}", wrong, sep="\t", file=f)
    return results


RUNTIMES = ["crun", "orlop"] if "SCENARIOS_TIMES" in os.environ else ["orlop"]


@pytest.mark.newest
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_run(engine, runtime):
    before = left()
    results = at_once(engine, runtime, "run", MANY, lambda i: engine(
        runtime, "run", "--rm", "--network", "none", "--memory", "50m", IMAGE, "sh", "-c", f"exit {i % 100}", timeout=900))
    if runtime == "orlop":
        assert [r.rc for r in results] == [i % 100 for i in range(MANY)], results
        assert not [r for r in results if r.err]
    gone(before)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_exec(engine, runtime):
    before = left()
    name = f"many-{runtime}"
    r = engine(runtime, "run", "-d", "--network", "none", "--name", name, IMAGE, "sleep", "1000")
    assert r.rc == 0, r
    results = at_once(engine, runtime, "exec", 2 * MANY, lambda i: engine(
        runtime, "exec", name, "sh", "-c", f"exit {i % 100}", timeout=900))
    if runtime == "orlop":
        assert [r.rc for r in results] == [i % 100 for i in range(2 * MANY)], results
        assert len(engine(runtime, "top", name).out.splitlines()) == 2
    engine.clean(name)
    gone(before)
