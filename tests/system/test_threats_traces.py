# SPDX-License-Identifier: GPL-2.0-or-later
"""
T110: what fails leaves nothing behind, wherever it fails; and where the undoing fails itself, that is said, and
`delete --force` removes the rest.  One call fails once, by strace, which counts for each process.
"""
import json
import os
import time

import pytest
from lib import host, kernel
from lib.box import deadline

pytestmark = pytest.mark.needs_native("runs below strace, about the same code")
MOST = 400


def inject(trace, call, error, when):
    return ["strace", "-f", "-qq", "-o", trace, "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={when}"]


def settle():
    """The end of what was killed takes a moment."""
    host.reap()


def nothing_left(box, before, text=""):
    def same():
        settle()
        try:
            before.assert_same()
        except AssertionError as e:
            same.why = e
            return False
        return True
    try:
        kernel.until(same, deadline(3))
    except AssertionError:
        raise AssertionError(f"{text}: {same.why}") from None
    assert box.orlop.ids() == [], text
    assert not os.path.exists(box.pid_file), text


def sweep(box, tmp, call, error, command, accept=lambda r: False, most=MOST):
    """Every occurrence in every process; returns how many there were."""
    trace = f"{tmp}/trace"
    before = host.Snapshot()
    for when in range(1, most):
        r = box.orlop(*command, wrap=inject(trace, call, error, when))
        text = f"{call} {error} {when}: {r}"
        if r.rc == 0:
            box.orlop("delete", "--force", box.id)
        elif accept(r):
            box.orlop("delete", "--force", box.id).ok()
        if os.path.exists(box.pid_file) and (r.rc == 0 or accept(r)):
            os.unlink(box.pid_file)  # the container has run
        nothing_left(box, before, text)
        if "INJECTED" not in kernel.read(trace):
            return when - 1
    return most


def run_words(box, verb="run"):
    box.args("exit", 0).write()
    return [verb, "--bundle", box.bundle, "--pid-file", box.pid_file, box.id]


def undoing_failed(r):
    """It is said, beside what failed first, if anything did."""
    return "delete container" in r.err


@pytest.mark.parametrize("call", ["openat", "flock", "newfstatat", "fchmod", "mkdirat", "unlinkat", "renameat"])
@pytest.mark.parametrize("error", ["EMFILE", "EIO"])
def test_calls_about_the_state(box, tmp, call, error):
    os.mkdir(box.orlop.root, 0o700)
    sweep(box, tmp, call, error, run_words(box), undoing_failed)


@pytest.mark.parametrize("verb", ["run"])
def test_out_of_memory(box, tmp, verb):
    """The state directory, the cgroup and the process are there when there is no memory for the next piece."""
    os.mkdir(box.orlop.root, 0o700)
    assert sweep(box, tmp, "mmap", "ENOMEM", run_words(box, verb)) > 5


def test_out_of_memory_for_good(box, tmp):
    """Also for the undoing: then `delete --force` can do it."""
    os.mkdir(box.orlop.root, 0o700)
    before = host.Snapshot()
    command, trace = run_words(box), f"{tmp}/trace"
    for when in range(1, 40):
        r = box.orlop(*command, wrap=inject(trace, "mmap", "ENOMEM", f"{when}+"))
        box.orlop.clean()
        if os.path.exists(box.pid_file):
            os.unlink(box.pid_file)
        nothing_left(box, before, f"{when}: {r}")


@pytest.mark.parametrize("call, error", [("flock", "EIO"), ("poll", "ENOMEM"), ("ppoll", "ENOMEM"), ("waitid", "EINVAL"),
                                         ("wait4", "EINVAL"), ("signalfd4", "EMFILE"), ("read", "EIO")])
def test_run_in_the_foreground(box, tmp, call, error):
    """It waits for a program that ends by itself never: so it has to be ended."""
    os.mkdir(box.orlop.root, 0o700)
    box.args("pause").write()
    command = ["run", "--bundle", box.bundle, "--pid-file", box.pid_file, box.id]
    trace, before, seen = f"{tmp}/trace", host.Snapshot(), 0
    for when in range(1, 60):
        p = box.orlop.popen(*command, wrap=inject(trace, call, error, when))

        def over():
            if p.poll() is not None or not os.path.exists(box.pid_file) or os.path.getsize(trace) == 0:
                return p.poll() is not None
            # what it waits in now does not fail any more
            return "INJECTED" not in kernel.read(trace) or box.orlop("state", box.id).rc == 0
        try:
            kernel.until(over, deadline(3))
        except AssertionError:
            pass
        # it may not have come to waiting when the pid is told
        for _ in range(10):
            if "INJECTED" not in kernel.read(trace):
                time.sleep(deadline(0.05))
        injected = "INJECTED" in kernel.read(trace)
        if p.poll() is None:
            box.orlop("delete", "--force", box.id)
        r = box.orlop.finish(p)
        if os.path.exists(box.pid_file):
            os.unlink(box.pid_file)
        nothing_left(box, before, f"{call} {when}: {r}")
        seen += injected
        if not injected:
            break
    assert seen or call in ("poll", "ppoll", "wait4", "waitid")


@pytest.mark.parametrize("call", ["poll", "ppoll", "waitid", "wait4", "signalfd4"])
def test_exec_in_the_foreground(box, tmp, call):
    """Its process is ended, and the container lives on."""
    box.up()
    trace = f"{tmp}/trace"
    for when in range(1, 30):
        p = box.orlop.popen("exec", box.id, "/bin/probe", "pause", wrap=inject(trace, call, "EINVAL", when))

        def over():
            return p.poll() is not None or _processes(box) > 1
        kernel.until(over, deadline(5))
        try:  # what runs may be about to fail
            kernel.until(lambda: p.poll() is not None, 0.3)
        except AssertionError:
            break  # it waits, and the call that fails is not made
        assert p.returncode == 255, box.orlop.finish(p)
        kernel.until(lambda: host.reap() or _processes(box) == 1, deadline(3))
        assert box.status() == "running"
    box.orlop.clean()
    box.orlop.finish(p)


def _processes(box):
    return len(json.loads(box.orlop("ps", "--format", "json", box.id).out))


def test_fault_in_the_undoing(box, tmp):
    """A limit is refused, and the cgroup cannot be removed: it is said, and `delete --force` does it."""
    os.mkdir(box.orlop.root, 0o700)
    before = host.Snapshot()
    box.linux["resources"]["unified"] = {"cgroup.max.depth": "nonsense"}
    command, trace = run_words(box), f"{tmp}/trace"
    for when in range(1, 9):
        r = box.orlop(*command, wrap=inject(trace, "unlinkat", "EIO", when))
        r = r if r.err.count("\n") == 1 else r
        assert r.rc == 1 and "cgroup.max.depth" in r.err, r
        if box.orlop.ids():
            assert "delete container" in r.err, r
        box.orlop.clean()
        nothing_left(box, before, f"{when}: {r}")
        if "INJECTED" not in kernel.read(trace):
            break
    assert when > 1


def test_pause_that_cannot_be_undone(box, tmp):
    """Half frozen, and it cannot be thawed: that is said.  (When it freezes at once there is nothing to wait for.)"""
    box.up()
    for when in range(1, 8):
        r = box.orlop("pause", box.id, wrap=["strace", "-qq", "-o", f"{tmp}/trace", "-e", "trace=poll,write", "-e",
                                             f"inject=poll:error=EIO:when={when}+", "-e", "inject=write:error=EIO:when=2"])
        freezes = kernel.read(f"{host.CGROUP}/orlop/{box.id}/cgroup.freeze") == "1\n"
        assert not freezes or r.rc == 0 or "resume it" in r.err, r
        if freezes:
            kernel.until(lambda: box.status() == "paused", deadline(5), "it is frozen")
            box.orlop("resume", box.id).ok()
    assert box.status() == "running"


@pytest.mark.parametrize("call, error", [("poll", "ENOMEM"), ("pidfd_open", "ESRCH"), ("pidfd_open", "EINVAL"), ("fstatfs", "EIO"),
                                         ("fstat", "EIO"), ("newfstatat", "EIO"), ("openat2", "ENOENT"), ("openat", "ENOENT")])
def test_one_that_runs_is_never_taken_for_one_that_has_stopped(box, tmp, call, error):
    """`delete` would end it, `kill` and `state` would say what is wrong."""
    pid = box.up()
    trace = f"{tmp}/trace"
    for when in range(1, 30):
        for command in (["state", box.id], ["delete", box.id], ["kill", box.id, "0"]):
            r = box.orlop(*command, wrap=inject(trace, call, error, when))
            assert kernel.alive(pid), (when, r)
            if command[0] == "state" and r.rc == 0:
                assert r.json()["status"] == "running", (when, r)
            assert "not running" not in r.err, (when, r)
        if "INJECTED" not in kernel.read(trace):
            break
