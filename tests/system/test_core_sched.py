# SPDX-License-Identifier: GPL-2.0-or-later
"""
The annotation org.orlop.core-sched: the cookies that the kernel shows of processes, from outside.  Most of it needs a kernel
with CONFIG_SCHED_CORE and a core with two threads: the lane core-sched builds one and runs this there.
"""
import json
import os
import sys
import time

import pytest
from lib import config as conf
from lib import kernel
from test_rootless import SETPRIV, UID, As

pytestmark = [pytest.mark.kernel, pytest.mark.one_vm]

KEY = "org.orlop.core-sched"
PRCTL, PR_SCHED_CORE, CREATE, SHARE_TO, SHARE_FROM = 157, 62, 1, 2, 3
REFUSE = f"{os.path.dirname(__file__)}/lib/refuse.py"
EINVAL, ENODEV = 22, 19


def cookie(pid):
    value = kernel.core_sched_cookie(pid)
    assert value >= 0, (pid, value)
    return value


HERE = kernel.core_sched_cookie()
NEEDED = pytest.mark.needs_core_sched


def refusing(error, command=None):
    """Below a filter that answers so to PR_SCHED_CORE, or to that with this command."""
    only = ["when", "1", str(command)] if command else []
    return [sys.executable, REFUSE, str(PRCTL), str(error), "when", "0", str(PR_SCHED_CORE), *only]


def asked(box, value="true"):
    box.config["annotations"] = {KEY: value}
    return box


@pytest.fixture
def apart(box):
    box.add_busybox()
    return asked(box)


# ---- with any kernel


@pytest.mark.parametrize("value", ["", "false", "True", "true ", "1", "besteffort", "share", "share:", "share:../x", "share:a/b", "share: a", "tr\nue"])
def test_value_is_wrong(box, value):
    asked(box, value).refused(f"/annotations/{KEY}", "is not true, best-effort or share:ID")


def test_name_is_nearly_it(box):
    box.config["annotations"] = {"org.orlop.core-shed": "true"}
    box.refused("unknown annotation", f"did you mean `{KEY}`")


LACKS = {EINVAL: ["the kernel has no core scheduling", "CONFIG_SCHED_CORE", "linux.resources.cpu.cpus"],
         ENODEV: ["no core of this machine has two threads", "smt/control"]}


def test_this_kernel(apart):
    """As it answers itself."""
    apart.args("/bin/echo", "ran")
    if HERE < 0:
        apart.refused(f"/annotations/{KEY}", *LACKS[-HERE], "best-effort")
    else:
        assert apart.run().ok().out == "ran\n"


@pytest.mark.parametrize("error", LACKS)
def test_kernel_has_none(apart, error):
    apart.args("/bin/echo", "ran").refused(f"/annotations/{KEY}", *LACKS[error], "best-effort", wrap=refusing(error))
    r = asked(apart, "best-effort").run(wrap=refusing(error)).ok()
    assert r.out == "ran\n" and LACKS[error][0] in r.err and KEY in r.err


@pytest.mark.parametrize("error", LACKS)
def test_exec_goes_without_as_well(apart, error):
    asked(apart, "best-effort").up(wrap=refusing(error))
    r = apart.exec("--", "/bin/echo", "ran", wrap=refusing(error)).ok()
    assert r.out == "ran\n" and LACKS[error][0] in r.err


@pytest.mark.parametrize("value", ["true", "best-effort"])
def test_another_error_is_no_lack(apart, value):
    asked(apart, value).args("/bin/echo", "ran").refused(f"/annotations/{KEY}", "Operation not permitted", wrap=refusing(1))


@pytest.mark.parametrize("value", ["true", "best-effort"])
def test_kernel_lies(apart, value):
    """It says yes, and there is no cookie: no program runs."""
    asked(apart, value).args("/bin/echo", "ran").refused(f"/annotations/{KEY}", "does not have what was asked for", run=True,
                                                         wrap=refusing(0))


@pytest.mark.parametrize("value", ["true", "best-effort"])
def test_no_checkpoint(box, tmp, value):
    """Nor one of a container that went without."""
    asked(box, "best-effort").up()
    saved = f"{box.orlop.root}/{box.id}/config.json"
    text = kernel.read(saved)
    assert text.count('"best-effort"') == 1
    with open(saved, "w") as f:
        f.write(text.replace('"best-effort"', f'"{value}"'))
    box.orlop("checkpoint", "--image-path", f"{tmp}/images", box.id).failed("core scheduling", KEY)
    assert box.status() == "running"


def test_nothing_is_asked_without_it(box, tmp):
    box.args("exit", 0).run(wrap=["strace", "-f", "-qq", "-o", f"{tmp}/trace", "-e", "trace=prctl"]).ok()
    calls = kernel.read(f"{tmp}/trace")
    assert "prctl(" in calls and "SCHED_CORE" not in calls and "0x3e," not in calls


def test_plan(box, orlop):
    for value, shown in (("best-effort", ("best-effort", None)), ("share:a.b", ("share", "a.b"))):
        asked(box, value).write()
        steps = [s for s in orlop("plan", "--format", "json", box.bundle).json() if s["step"] == "core-sched"]
        assert [(s["cookie"], s.get("with"), s["pointer"]) for s in steps] == [(*shown, f"/annotations/{KEY}")]


def test_check_for_another_host(box, orlop, tmp):
    asked(box).write()
    facts = orlop("features", "--host").json()
    assert (facts["coreScheduling"], facts["smt"]) == (True, True) or HERE < 0
    for there, smt, error in ((True, True, None), (True, False, ENODEV), (False, True, EINVAL), (False, False, EINVAL)):
        with open(f"{tmp}/facts", "w") as f:
            json.dump({**facts, "coreScheduling": there, "smt": smt}, f)
        r = orlop("check", "--host", f"{tmp}/facts", box.bundle)
        assert (f"/annotations/{KEY}: {LACKS[error][0]}" in r.out) if error else (KEY not in r.out), r


def test_doctor(orlop):
    line, = [x for x in orlop("doctor").out.splitlines() if "kernel.core-sched" in x]
    assert line.startswith("ok" if HERE >= 0 else "todo")


# ---- with one that has it


def below(pid):
    """The processes of the container that the one with this pid is the first of."""
    return {pid, *(p for child in kernel.children(pid) for p in below(child))}


def start_exec(box, *command):
    """A process of exec that goes on; its pid."""
    pid_file = f"{box.bundle}/exec-pid"
    box.exec("--detach", "--pid-file", pid_file, "--", *command).ok()
    return int(kernel.read(pid_file))


def cookies_of_hooks(out, *kinds):
    """Hooks that write their cookie to a file."""
    text = ("import ctypes; c = ctypes.c_uint64(); "
            f"ctypes.CDLL(None).prctl({PR_SCHED_CORE}, 0, 0, 0, ctypes.byref(c)); print(c.value, file=open('{out}', 'a'))")
    return {kind: [{"path": sys.executable, "args": ["python3", "-c", text]}] for kind in kinds}


USERS = {"root": None, "a user": {"uid": 5, "gid": 6}}


@NEEDED
@pytest.mark.parametrize("who", USERS)
@pytest.mark.parametrize("how", ["plain", "userns", "no pid namespace", "filtered", "best-effort"])
def test_all_have_the_same(apart, who, how):
    """The first process, what it starts, and what exec starts; the host has none."""
    if USERS[who]:
        apart.process["user"] = USERS[who]
    if how == "userns":
        conf.userns(apart.config)
    elif how == "no pid namespace":
        conf.without_namespace(apart.config, "pid")
    elif how == "filtered":
        apart.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["prctl"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": PR_SCHED_CORE, "op": "SCMP_CMP_EQ"}]}]}
    elif how == "best-effort":
        asked(apart, "best-effort")
    apart.args("/bin/sh", "-c", "sleep 1000 & sleep 1001 & wait")
    apart.create().ok()
    mine = cookie(apart.pid)
    assert mine not in (0, HERE)
    r = apart.start().ok()
    assert r.err == ""
    kernel.until(lambda: len(below(apart.pid)) == 3)
    assert {cookie(p) for p in below(apart.pid)} == {mine}
    entered = start_exec(apart, "/bin/sh", "-c", "sleep 1002 & wait")
    kernel.until(lambda: len(below(entered)) == 2)
    assert {cookie(p) for p in below(entered)} == {mine}
    assert cookie(os.getpid()) == HERE == 0
    assert all(kernel.core_sched_cookie(int(p)) in (0, -3) for p in os.listdir("/proc") if p.isdigit() and int(p) not in below(apart.pid) | below(entered))


@NEEDED
def test_two_containers(apart, make_box):
    other, without = asked(make_box()), make_box()
    apart.up()
    other.up()
    without.up()
    assert len({0, cookie(apart.pid), cookie(other.pid)}) == 3
    assert cookie(without.pid) == 0
    assert cookie(start_exec(without, conf.PROBE, "pause")) == 0


@NEEDED
@pytest.mark.parametrize("how", ["plain", "userns", "no pid namespace", "hook", "pid namespace of the other", "created", "no SIGCHLD"])
def test_share(apart, make_box, how):
    """By a helper that ends: neither the runtime nor a hook of the host has it."""
    if how == "created":
        apart.args("pause").create().ok()
    else:
        apart.up()
    sharer, out = asked(make_box(busybox=True), f"share:{apart.id}"), None
    if how == "userns":
        conf.userns(sharer.config)
    elif how == "no pid namespace":
        conf.without_namespace(sharer.config, "pid")
    elif how == "pid namespace of the other":
        conf.namespace(sharer.config, "pid", f"/proc/{apart.pid}/ns/pid")
    elif how == "hook":
        out = f"{sharer.bundle}/seen"
        sharer.config["hooks"] = cookies_of_hooks(out, "createRuntime", "createContainer", "poststart")
    sharer.args("/bin/sh", "-c", "sleep 1000 & wait")
    sharer.create(wrap=["env", "--ignore-signal=CHLD"] if how == "no SIGCHLD" else []).ok()
    assert cookie(sharer.pid) == cookie(apart.pid) != 0
    sharer.start().ok()
    kernel.until(lambda: len(below(sharer.pid)) == 2)
    entered = start_exec(sharer, "/bin/sleep", "1000")
    assert {cookie(p) for p in {*below(sharer.pid), entered}} == {cookie(apart.pid)}
    assert out is None or kernel.read(out).split() == ["0"] * 3
    apart.kill("KILL").ok()
    if how not in ("pid namespace of the other",):
        assert cookie(sharer.pid) != 0  # and of a third, which comes later, it is another's
        third = asked(make_box())
        third.up()
        assert cookie(third.pid) not in (0, cookie(sharer.pid))


@NEEDED
def test_share_by_the_foreground(apart, make_box):
    apart.up()
    sharer = asked(make_box(), f"share:{apart.id}").args("pause")
    p = sharer.start_run("--pid-file", sharer.pid_file)
    kernel.until(lambda: kernel.read(sharer.pid_file))
    assert cookie(sharer.pid) == cookie(apart.pid) != 0 and cookie(p.pid) == 0
    sharer.kill("KILL").ok()
    sharer.orlop.finish(p)


@NEEDED
def test_share_with_whom(apart, make_box):
    sharer = asked(make_box(), "share:nosuch").args("pause")
    sharer.refused("`nosuch` does not exist", f"/annotations/{KEY}")
    asked(sharer, f"share:{sharer.id}").refused("does not exist")
    without = make_box()
    without.up()
    asked(sharer, f"share:{without.id}").refused("has no core scheduling cookie", f"/annotations/{KEY}", f"{KEY}=true")
    apart.args("exit", 0).create().ok()
    apart.start().ok()
    apart.wait_stopped()
    asked(sharer, f"share:{apart.id}").refused("is stopped", f"/annotations/{KEY}")


@NEEDED
@pytest.mark.parametrize("command", [SHARE_TO, SHARE_FROM], ids=["to", "from"])
def test_share_fails(apart, make_box, command):
    """In the helper: said, or a lie."""
    apart.up()
    sharer = asked(make_box(), f"share:{apart.id}").args("pause")
    for error, words in ((1, "Operation not permitted"), (0, "does not have what was asked for")):
        sharer.refused(words, f"/annotations/{KEY}", wrap=refusing(error, command))


@NEEDED
@pytest.mark.parametrize("error, words", [(12, "Cannot allocate memory"), (0, "does not have what was asked for")])
def test_cookie_cannot_be_made(apart, error, words):
    apart.args("/bin/echo", "ran").refused(words, f"/annotations/{KEY}", run=True, wrap=refusing(error, CREATE))
    asked(apart, "best-effort").refused(words, f"/annotations/{KEY}", run=True, wrap=refusing(error, CREATE))


@NEEDED
def test_pid_namespace_of_another(apart, make_box):
    """Its processes are seen by the other's, and are no others' for that."""
    apart.up()
    joining = asked(make_box())
    conf.namespace(joining.config, "pid", f"/proc/{apart.pid}/ns/pid")
    joining.up()
    assert len({0, cookie(apart.pid), cookie(joining.pid)}) == 3
    assert cookie(start_exec(joining, conf.PROBE, "pause")) == cookie(joining.pid)


@NEEDED
def test_exec_follows_the_first_process(apart):
    """Which may give itself another, as may every process."""
    for d in ("/usr", "/lib", "/lib64"):
        apart.mounts.append(conf.bind(os.path.realpath(d), d, "ro"))
    text = f"import ctypes, time; ctypes.CDLL(None).prctl({PR_SCHED_CORE}, {CREATE}, 0, 1, 0); time.sleep(1000)"
    apart.args("/usr/bin/python3", "-c", text)
    apart.create().ok()
    first = cookie(apart.pid)
    apart.start().ok()
    kernel.until(lambda: cookie(apart.pid) not in (0, first))
    assert cookie(start_exec(apart, "/bin/sleep", "1000")) == cookie(apart.pid)


@NEEDED
def test_exec_into_one_that_lost_it(apart):
    """No process of exec runs in the way of others."""
    apart.up()
    r = apart.exec("--", "/bin/echo", "ran", wrap=refusing(0))
    r.failed(KEY, "does not have what was asked for")
    assert r.out == ""
    for command in (None, SHARE_FROM):
        apart.exec("--", "/bin/echo", "ran", wrap=refusing(1, command)).failed(KEY, "Operation not permitted")


@NEEDED
def test_hooks_of_the_host_have_none(apart):
    out = f"{apart.bundle}/seen"
    apart.config["hooks"] = cookies_of_hooks(out, "createRuntime", "createContainer", "poststart", "poststop")
    apart.up()
    apart.kill("KILL").ok()
    apart.wait_stopped()
    apart.delete().ok()
    assert kernel.read(out).split() == ["0"] * 4


@NEEDED
def test_caller_that_has_one(apart):
    """As when an engine gave its shim a cookie: the container's is another."""
    text = (f"import ctypes, os, sys; ctypes.CDLL(None).prctl({PR_SCHED_CORE}, {CREATE}, 0, 1, 0); "
            "os.execvp(sys.argv[1], sys.argv[1:])")
    wrap = [sys.executable, "-c", text]
    p = asked(apart).args("/bin/sleep", "1000").start_run("--pid-file", apart.pid_file, wrap=wrap)
    kernel.until(lambda: kernel.read(apart.pid_file))
    assert len({0, cookie(apart.pid), cookie(p.pid)}) == 3
    apart.kill("KILL").ok()
    apart.orlop.finish(p)


@NEEDED
def test_rootless(tmp):
    o = As(tmp, SETPRIV, UID)
    try:
        box = asked(o.box())
        box.up()
        assert cookie(box.pid) != 0
        assert cookie(start_exec(box, conf.PROBE, "pause")) == cookie(box.pid)
        asked(o.box(), f"share:{box.id}").args("pause").refused("Operation not permitted", f"/annotations/{KEY}")
    finally:
        o.clean()


def seconds(pids):
    """Processor time."""
    return sum(int(x) for pid in pids for x in kernel.stat_fields(pid)[11:13]) / os.sysconf("SC_CLK_TCK")


def at_a_time(pids, period=4):
    """How many of them ran, in the mean."""
    before, begin = seconds(pids), time.monotonic()
    time.sleep(period)
    return (seconds(pids) - before) / (time.monotonic() - begin)


@NEEDED
@pytest.mark.skipif(os.cpu_count() != 2, reason="needs one core with two threads and no other")
@pytest.mark.parametrize("containers, values", [(2, ["true", None]), (2, ["true", "true"]), (1, ["true"]), (2, [None, None]),
                                                (2, ["true", "share"])])
def test_never_at_once(make_box, containers, values):
    """Of two that would take a thread of the core each one waits, unless they are of one container, or of none of these."""
    boxes = [make_box(busybox=True) for _ in range(containers)]
    for box, value in zip(boxes, values):
        if value:
            asked(box, f"share:{boxes[0].id}" if value == "share" else value)
        spin = "while :; do :; done"
        box.args("/bin/sh", "-c", spin if containers == 2 else f"({spin}) & ({spin}) & wait").create().ok()
    for box in boxes:
        box.start().ok()
    kernel.until(lambda: len(set().union(*(below(b.pid) for b in boxes))) == (2 if containers == 2 else 3))
    n = at_a_time(set().union(*(below(b.pid) for b in boxes)))
    assert n < 1.3 if values in (["true", None], ["true", "true"]) else n > 1.5
    for box in boxes:
        box.kill("KILL").ok()
