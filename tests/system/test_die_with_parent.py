# SPDX-License-Identifier: GPL-2.0-or-later
"""run --die-with-parent: the container ends with whoever called the runtime, and with the runtime."""
import os
import select
import signal

import pytest
from lib import config as conf
from lib import host, kernel
from lib.box import deadline, stop

pytestmark = [pytest.mark.kernel, pytest.mark.one_vm]

CALLER = '"$@" & echo $! >"$PID_OF_RUN"; wait'


class Caller:
    """A shell that calls `run`, as a script does; `run` is the runtime's pid."""

    def __init__(self, box, *options, **kw):
        where = f"{box.orlop.tmp}/run.pid"
        box.args("pause")
        self.shell = box.start_run("--pid-file", box.pid_file, *options, wrap=["sh", "-c", CALLER, "sh"],
                                   env={**box.orlop.env, "PID_OF_RUN": where}, **kw)
        kernel.until(lambda: box.orlop.ids() and os.path.exists(box.pid_file) and box.status() == "running")
        self.run, self.init = int(kernel.read(where)), box.pid
        self.run_fd, self.init_fd = os.pidfd_open(self.run), os.pidfd_open(self.init)

    def end(self):
        stop(self.shell)

    def close(self):
        for fd in (self.run_fd, self.init_fd):
            try:
                signal.pidfd_send_signal(fd, signal.SIGKILL)
            except ProcessLookupError:
                pass
            os.close(fd)
        self.end()


@pytest.fixture
def call(box):
    callers = []

    def make(*options, **kw):
        callers.append(Caller(box, *options, **kw))
        return callers[-1]
    yield make
    for c in callers:
        c.close()


def has_ended(pidfd, seconds):
    return bool(select.select([pidfd], [], [], seconds)[0])


def ended(pidfd):
    """What was started in the background is our child: its pid namespace ends when it has been waited for."""
    kernel.until(lambda: host.reap() or has_ended(pidfd, 0.1), deadline(15), "the end of the process")


@pytest.mark.parametrize("own_pids", [True, False])
def test_caller_is_killed(box, tmp, call, own_pids):
    """All of the container ends, its hooks run, nothing is left."""
    if not own_pids:
        conf.without_namespace(box.config, "pid")
    box.config["hooks"] = {"poststop": [{"path": "/bin/sh", "args": ["sh", "-c", f"touch {tmp}/poststop"]}]}
    before = host.cgroups()
    c = call("--die-with-parent")
    assert box.exec("--detach", "--pid-file", f"{tmp}/exec.pid", "--", "pause").rc == 0
    second = os.pidfd_open(int(kernel.read(f"{tmp}/exec.pid")))
    c.end()
    for fd in (c.init_fd, c.run_fd, second):
        ended(fd)
    os.close(second)
    assert os.path.exists(f"{tmp}/poststop")
    assert box.orlop.ids() == [] and host.cgroups() == before


def test_caller_is_killed_without_it(box, call):
    c = call()
    c.end()
    assert not has_ended(c.init_fd, 0.5)
    assert box.status() == "running"


def test_runtime_is_killed(box, call):
    """There nobody is left to tidy up, but the program has ended."""
    c = call("--die-with-parent")
    signal.pidfd_send_signal(c.run_fd, signal.SIGKILL)
    ended(c.init_fd)
    box.wait_stopped()
    box.delete().ok()


def test_runtime_is_killed_without_it(box, call):
    c = call()
    signal.pidfd_send_signal(c.run_fd, signal.SIGKILL)
    assert not has_ended(c.init_fd, 0.5)


@pytest.mark.parametrize("join", ["pid", "user"])
def test_runtime_is_killed_in_another_order_of_clones(box, make_box, call, join):
    """The process is cloned last where it is to be in others' namespaces, and has other ids in a user namespace."""
    if join == "pid":
        other = make_box()
        other.up()
        conf.namespace(box.config, "pid", f"/proc/{other.pid}/ns/pid")
    else:
        conf.userns(box.config)
        box.process["user"] = {"uid": 5, "gid": 6}
    c = call("--die-with-parent")
    signal.pidfd_send_signal(c.run_fd, signal.SIGKILL)
    ended(c.init_fd)


def test_caller_is_killed_with_a_terminal(box, call):
    box.process["terminal"] = True
    c = call("--die-with-parent")
    c.end()
    ended(c.init_fd)
    ended(c.run_fd)
    assert box.orlop.ids() == []


def test_caller_in_another_pid_namespace(box):
    """Its end could not be seen: no container is made."""
    box.args("pause").write()
    r = box.orlop("run", "--die-with-parent", "--bundle", box.bundle, box.id, wrap=["unshare", "--pid", "--fork", "--mount-proc"])
    r.failed("--die-with-parent", "another pid namespace")
    assert box.orlop.ids() == []


def test_detached(box):
    box.run("--die-with-parent", "--detach").failed("--die-with-parent", "--detach")
    assert box.orlop.ids() == []


def test_program_ends_first(box):
    box.args("exit", "7")
    assert box.run("--die-with-parent").rc == 7
    assert box.orlop.ids() == []
