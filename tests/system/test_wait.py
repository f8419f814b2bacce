# SPDX-License-Identifier: GPL-2.0-or-later
"""
How a container ended: `wait`, what `state` keeps of it, and what `run` says.  The test collects the processes itself,
as an engine does; what memory has to do with it is shown in test_effects.py.
"""
import json
import os
import re
import signal
import time

import pytest
from lib import host, kernel
from lib.box import deadline, timed

TELLS_LATER = tuple(map(int, re.findall(r"\d+", os.uname().release)[:2])) >= (6, 15)


def start_wait(orlop, *args):
    """It has begun to wait: it sleeps and has a directory of /proc for each."""
    p = orlop.popen("wait", *args)
    kernel.until(lambda: sum("pidfd" in name for name in kernel.opened(p.pid)) == len([a for a in args if a[0] != "-" and
                                                                                      a != "json"])
                 and state_of(p.pid) == "S", deadline(5), "it waits")
    return p


def without_memory(seen):
    """What its cgroup tells of memory, if it has that controller."""
    return {k: v for k, v in seen.items() if k not in ("memoryMax", "memoryPeak")}


def lines(r):
    return [{**x, "exit": without_memory(x["exit"])} for x in map(json.loads, r.ok().out.splitlines())]


def ending(box):
    return without_memory(box.state()["exit"])


def state_of(pid):
    return kernel.stat_fields(pid)[0]


def ended(box, *args):
    """Run it detached until it has ended, without anybody who collects it."""
    box.args(*args)
    box.create().ok()
    box.start().ok()
    kernel.until(lambda: state_of(box.pid) == "Z", deadline(10), "a zombie")


def collected(box):
    """By its parent, which we are: the first try may come too early."""
    kernel.until(lambda: host.reap() or not os.path.exists(f"/proc/{box.pid}"), deadline(10), "collected")


@pytest.mark.kernel
@pytest.mark.parametrize("args, code, seen", [
    (("exit", "3"), 3, {"reason": "exited", "code": 3}),
    (("exit", "0"), 0, {"reason": "exited", "code": 0}),
    (("exit", "137"), 137, {"reason": "exited", "code": 137}),
])
def test_exit_status(box, orlop, args, code, seen):
    """Of a detached container, by somebody who is not its parent."""
    box.args(*args)
    box.create().ok()
    p = start_wait(orlop, box.id)
    box.start().ok()
    r = orlop.finish(p).ok()
    assert (r.out, r.err) == (f"{code}\n", "")
    kept = ending(box)
    assert kept.pop("time") and kept == seen
    host.reap()
    assert ending(box).items() >= seen.items(), "kept until delete"
    assert lines(orlop("wait", "--format", "json", box.id)) == [{"id": box.id, "exit": ending(box)}]
    box.delete().ok()
    orlop("wait", box.id).failed("does not exist")


@pytest.mark.kernel
@pytest.mark.parametrize("sig", ["TERM", "KILL", "SEGV", "SYS"])
def test_signal(box, orlop, sig):
    n = getattr(signal, f"SIG{sig}").value
    box.linux["namespaces"] = [x for x in box.linux["namespaces"] if x["type"] != "pid"]
    box.args("die", n)
    box.create().ok()
    p = start_wait(orlop, "-f", "json", box.id)
    before = time.time()
    box.start().ok()
    seen, = lines(orlop.finish(p))
    when = seen["exit"].pop("time")
    assert seen == {"id": box.id, "exit": {"reason": "seccomp" if sig == "SYS" else "signal", "code": 128 + n,
                                           "signal": f"SIG{sig}", "core": seen["exit"]["core"]}}
    assert orlop("wait", box.id).ok().out == f"{128 + n}\n"
    assert time.strftime("%Y-%m-%dT%H:%M", time.gmtime(before)) <= when < "3000"


@pytest.mark.kernel
def test_a_filter_ends_it(box, orlop):
    """With the signal that only the kernel sends."""
    box.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_KILL_PROCESS"}]}
    box.args("mkdir", "/x")
    box.create().ok()
    p = start_wait(orlop, "-f", "json", box.id)
    box.start().ok()
    assert lines(orlop.finish(p))[0]["exit"]["reason"] == "seccomp"


def test_not_collected(box, orlop):
    """A zombie tells it to who comes late, too; nobody saw when."""
    ended(box, "exit", "5")
    assert ending(box) == {"reason": "exited", "code": 5}
    assert orlop("wait", box.id).ok().out == "5\n"


def test_collected_before(box, orlop):
    """What cannot be known is said to be unknown, and the command has waited all the same."""
    ended(box, "exit", "5")
    collected(box)
    assert ending(box) == {"reason": "unknown"}
    r = orlop("wait", box.id).ok()
    assert r.out == "unknown\n"
    assert r.err == f"orlop: warning: how container `{box.id}` ended is unknown: nobody waited for it then\n"
    assert lines(orlop("wait", "-f", "json", box.id)) == [{"id": box.id, "exit": {"reason": "unknown"}}]


@pytest.mark.kernel
def test_collected_at_once(box, orlop):
    """
    The parent is faster: while the waiting process is stopped, it ends and is collected.  Since Linux 6.15 that makes no
    difference; before, it is said.
    """
    box.up()
    p = start_wait(orlop, box.id)
    p.send_signal(signal.SIGSTOP)
    kernel.until(lambda: state_of(p.pid) == "T", deadline(5))
    pid = box.pid
    os.kill(pid, signal.SIGKILL)
    kernel.until(lambda: state_of(pid) == "Z", deadline(5))
    collected(box)
    p.send_signal(signal.SIGCONT)
    r = orlop.finish(p).ok()
    if TELLS_LATER:
        assert (r.out, r.err) == ("137\n", "")
    else:
        assert r.out == "unknown\n" and "6.15" in r.err and r.err.count("\n") == 1


def test_several(make_box, orlop):
    """In the order of their ids, whoever ends first; with --any one, and which."""
    a, b, c = (make_box() for _ in range(3))
    for box in (a, b, c):
        box.up()
    p = start_wait(orlop, a.id, b.id, c.id, a.id)
    one = start_wait(orlop, "--any", a.id, b.id, c.id)
    os.kill(c.pid, signal.SIGTERM)
    assert orlop.finish(one).ok().out == f"{c.id} 143\n"
    assert orlop("wait", "--any", "-f", "json", a.id, c.id).json()["id"] == c.id
    assert p.poll() is None
    os.kill(b.pid, signal.SIGUSR1)
    os.kill(a.pid, signal.SIGKILL)
    assert orlop.finish(p).ok().out == "137\n138\n143\n137\n"


def test_timeout(make_box, orlop):
    a, b = make_box(), make_box()
    a.up()
    b.up()
    b.kill("KILL").ok()
    b.wait_stopped()
    took, r = timed(orlop, "wait", "--timeout", "300ms", b.id, a.id)
    r.failed(f"container `{a.id}` has not ended in 300 ms")
    assert 0.3 <= took < deadline(5) and r.out == ""
    orlop("wait", "--timeout", "1h", "--any", a.id, b.id).ok()


@pytest.mark.parametrize("value, words", [("0", "greater than 0"), ("5", "no duration"), ("-1s", "greater than 0")])
def test_bad_timeout(box, orlop, value, words):
    box.up()
    orlop("wait", "--timeout", value, box.id).failed("timeout", words)


def test_arguments(orlop):
    orlop("wait").failed("the argument ID... is missing")
    orlop("wait", "nobody").failed("container `nobody` does not exist")


def test_deleted_while_waiting(box, orlop):
    """It is told, and nothing is left of it."""
    box.up()
    p = start_wait(orlop, box.id)
    box.delete("--force").ok()
    assert orlop.finish(p).ok().out == "137\n"
    assert orlop.ids() == []


def test_nobody_waits_for_a_waiter(box, orlop):
    """Other commands need no lock that it has, and its end by a signal is nothing to them."""
    box.up()
    p = start_wait(orlop, box.id)
    assert timed(box.kill, "0")[0] < deadline(2)
    assert box.exec().json()
    p.kill()
    p.wait()
    assert box.status() == "running"


def test_kept_by_run(box, orlop):
    """What `run` in the foreground learns as the parent."""
    box.args("exit", "9")
    assert box.run("--keep").rc == 9
    kept = ending(box)
    assert kept.pop("time") and kept == {"reason": "exited", "code": 9}
    assert orlop("wait", box.id).ok().out == "9\n"


def test_kept_by_run_of_what_cannot_be_executed(box, orlop):
    """That is found out when the container is made, and it has ended then."""
    box.add_busybox()
    box.file("/bin/program", "#!/bin/sh", 0o755)
    box.args("/bin/program")
    box.config["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "echo no >/bin/program"]}]}
    r = box.run("--keep")
    assert r.rc == 126, r
    assert box.state()["exit"]["code"] == 126


def test_state_of_the_living(box):
    """It has no member `exit`, and neither do the objects of `list`."""
    box.args("pause")
    box.create().ok()
    assert "exit" not in box.state()
    box.start().ok()
    assert "exit" not in box.state()
    box.kill("KILL").ok()
    box.wait_stopped()
    r = box.orlop("state", box.id).ok()
    assert "exit" in json.loads(r.out) and r.err == ""
    assert all("exit" not in x for x in box.orlop("list", "-f", "json").json())
