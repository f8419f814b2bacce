# SPDX-License-Identifier: GPL-2.0-or-later
"""
What goes wrong for engines where systemd makes the cgroups: memory, ports, a bus that is gone, a runtime that is replaced
while containers run. The status is runc's, the message says why, and the engine and its containers are usable afterwards.
What needs neither systemd nor controllers is in tests/engines/test_errors.py and test_exit_codes.py.
"""
import contextlib
import os
import re
import shutil
import time

import pytest

from conftest import IMAGE, ORLOP, call

EAT = "x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done"
BEFORE = os.environ.get("ORLOP_BEFORE")  # an older build; without it the same one is put in its own place


@pytest.fixture(params=["podman", "docker"])
def engine(request):
    return request.getfixturevalue(request.param)


def once(engine, runtime, *args, **kwargs):
    return engine(runtime, "run", "--rm", "--network", "none", *args, **kwargs)


def usable(engine, *names):
    """A new container runs; those that ran are still there and answer."""
    r = once(engine, "orlop", IMAGE, "sh", "-c", "echo fine; exit 3")
    assert (r.rc, r.out) == (3, "fine\n"), r
    for name in names:
        assert engine("orlop", "exec", name, "cat", "/proc/1/comm").out == "sleep\n"


@contextlib.contextmanager
def sleeper(engine, name, *options, network="none", runtime="orlop"):
    r = engine(runtime, "run", "-d", "--network", network, "--name", name, *options, IMAGE, "sleep", "1000")
    assert r.rc == 0, r
    try:
        yield r.out.strip()
    finally:
        engine.clean(name)


def test_memory_at_the_start(engine):
    """Less than a runtime needs: runc's is killed in it; we need less, or say it."""
    small = "6m" if engine.name == "docker" else "300k"
    r = once(engine, "orlop", "--memory", small, IMAGE, "true")
    if r.rc:
        assert re.search("memory|oom", r.err, re.I), r
        assert r.rc == once(engine, "runc", "--memory", small, IMAGE, "true").rc
    usable(engine)


def ended(engine, runtime, name):
    """How, when the engine has tidied up: until then Podman says "stopped"."""
    deadline = time.monotonic() + 20
    while True:
        out = engine(runtime, "inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", name).out
        if not out.startswith("stopped") or time.monotonic() > deadline:
            return out
        time.sleep(0.2)


@pytest.mark.newest
def test_memory_later(engine):
    """
    137, and the container has ended.  Whether the engine knows why depends on its shim or conmon, which have to look into
    the cgroup before systemd removes it: with runc, too, they miss it now and then.
    """
    seen = {}
    for runtime in ("runc", "orlop"):
        name = f"oom-{runtime}"
        r = engine(runtime, "run", "--network", "none", "--name", name, "--memory", "16m", "--memory-swap", "16m", IMAGE,
                   "sh", "-c", EAT)
        seen[runtime] = (r.rc, ended(engine, runtime, name))
        engine.clean(name)
    assert seen["orlop"] == seen["runc"] == (137, "exited 137\n")
    usable(engine)


def test_port_is_in_use(engine):
    """The second one fails and leaves nothing; its name can be used at once."""
    network = "bridge" if engine.name == "docker" else "podman"
    with sleeper(engine, "port", "-p", "127.0.0.1:8099:80", network=network):
        r = engine("orlop", "run", "-d", "--network", network, "--name", "port2", "-p", "127.0.0.1:8099:80", IMAGE, "sleep", "9")
        assert r.rc in (125, 126) and re.search("in use|already allocated", r.err), r
        assert call(ORLOP, "list", "-q").out.split().count("port2") == 0
        engine.clean("port2")
        usable(engine, "port")
        again = engine("orlop", "run", "--rm", "--network", network, "--name", "port2", "-p", "127.0.0.1:8098:80", IMAGE, "true")
        assert again.rc == 0, again


@contextlib.contextmanager
def away(*paths):
    """Sockets that nobody finds: as while dbus is restarted, or where there is none."""
    for path in paths:
        os.rename(path, f"{path}.away")
    try:
        yield
    finally:
        for path in paths:
            os.rename(f"{path}.away", path)


BUS, PRIVATE = "/run/dbus/system_bus_socket", "/run/systemd/private"


def test_bus_is_gone(podman):
    """The service manager has a socket of its own: for us nothing changes, in the life of one and for a new one."""
    with sleeper(podman, "bus"), away(BUS):
        assert once(podman, "orlop", "--memory", "50m", IMAGE, "cat", "/sys/fs/cgroup/memory.max").out == "52428800\n"
        assert podman("orlop", "update", "--memory", "60m", "bus").rc == 0
        usable(podman, "bus")
    usable(podman)


@pytest.mark.newest
def test_systemd_cannot_be_asked(podman):
    """Neither way is there: an error that names both, as runc's, nothing is left, and what ran goes on."""
    with sleeper(podman, "bus"):
        with away(BUS, PRIVATE):
            want, got = (once(podman, runtime, IMAGE, "true") for runtime in ("runc", "orlop"))
            assert got.rc == want.rc == 127, (got, want)
            assert re.search("systemd|bus", got.err) and "/run/" in got.err, got
            assert podman("orlop", "exec", "bus", "true").rc == 0
        assert len(call(ORLOP, "list", "-q").out.split()) == 1
        usable(podman, "bus")
    assert call("systemctl", "list-units", "--all", "--plain", "--no-legend", "libpod-*.scope").out == ""


def replace(program):
    """As a package manager does: a new file takes the name."""
    shutil.copy(program, f"{ORLOP}.new")
    os.chmod(f"{ORLOP}.new", 0o755)
    os.rename(f"{ORLOP}.new", ORLOP)


def test_runtime_is_replaced(engine):
    """Containers of the older one are known to the newer one: each action on them works, and their end is seen."""
    newer = os.environ["ORLOP"]
    replace(BEFORE or newer)
    with contextlib.ExitStack() as stack:
        stack.callback(replace, newer)
        for name in ("old1", "old2"):
            stack.enter_context(sleeper(engine, name))
        replace(newer)
        usable(engine, "old1", "old2")
        assert engine("orlop", "pause", "old1").rc == 0
        assert engine("orlop", "unpause", "old1").rc == 0
        r = engine("orlop", "update", "--memory", "64m", "--memory-swap", "64m", "old1")
        assert r.rc == 0, r
        assert engine("orlop", "exec", "old1", "cat", "/sys/fs/cgroup/memory.max").out == f"{64 << 20}\n"
        assert len(engine("orlop", "top", "old1").out.splitlines()) == 2
        assert "old1" in engine("orlop", "stats", "--no-stream", "old1").out
        assert engine("orlop", "kill", "old2").rc == 0
        assert engine("orlop", "wait", "old2").out == "137\n"
        assert engine("orlop", "restart", "-t", "0", "old1").rc == 0
        usable(engine, "old1")
        assert engine("orlop", "stop", "-t", "0", "old1").rc == 0
        for name in ("old1", "old2"):
            assert engine("orlop", "rm", "-f", name).rc == 0
    assert call(ORLOP, "list", "-q").out == ""


def test_runtime_is_missing(engine):
    """A clear error of the engine; with it in place again, what ran is still there."""
    with sleeper(engine, "missing"):
        with away(ORLOP):
            r = once(engine, "orlop", IMAGE, "true")
            assert r.rc != 0 and "orlop" in r.err, r
        usable(engine, "missing")
