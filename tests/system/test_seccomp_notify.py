# SPDX-License-Identifier: GPL-2.0-or-later
"""SCMP_ACT_NOTIFY: the listener reaches an agent, which then decides. T77, T79."""
import contextlib
import errno
import json
import os
import platform
import signal
import socket
import threading

import pytest
from lib import config, kernel
from lib.agent import Agent, fail, give, go_on
from lib.box import deadline, timed

pytestmark = [pytest.mark.kernel, pytest.mark.one_vm,
              pytest.mark.skipif(platform.machine() != "x86_64", reason="system call numbers of x86-64")]

NR = {"read": 0, "close": 3, "rt_sigprocmask": 14, "getpid": 39, "sendmsg": 46, "execve": 59, "umask": 95,
      "getppid": 110, "setgroups": 116, "setresuid": 117, "capset": 126, "prctl": 157, "mkdir": 83}


def probe(box, *commands, rootless=False):
    """Run the probe; `rootless`: without CAP_SYS_PTRACE, as a caller without privileges."""
    box.args(*commands).write()
    how = {"wrap": ["setpriv", "--bounding-set", "-sys_ptrace"]} if rootless else {}
    return box.orlop(*(["--rootless=true"] if rootless else []), "run", "--bundle", box.bundle, box.id, **how).json()


def profile(path, *names, **more):
    return {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": path,
            "syscalls": [{"names": list(names), "action": "SCMP_ACT_NOTIFY"}], **more}


@pytest.fixture
def path(box):
    return f"{box.bundle}/agent"


def answers(calls, nr):
    return [c for c in calls if c.nr == nr]


# ---- what the agent decides is what the program gets

@pytest.mark.parametrize("nnp", [True, False])
def test_agent_refuses(box, path, nnp):
    box.process["noNewPrivileges"] = nnp
    box.linux["seccomp"] = profile(path, "mkdir", "mkdirat")
    with Agent(path, fail(errno.EXDEV)) as agent:
        seen = box.probe(commands=["mkdir", "/x", ",", "state"])
        assert seen["results"][0]["errno"] == "EXDEV"
        assert (seen["seccomp"], seen["no_new_privs"]) == (2, int(nnp))
        assert not os.path.exists(f"{box.rootfs}/x")
        assert [c.nr for c in agent.calls] in ([NR["mkdir"]], [258])


def test_agent_lets_go_on(box, path):
    box.linux["seccomp"] = profile(path, "mkdir", "mkdirat")
    with Agent(path) as agent:
        assert box.attack("mkdir", "/x")["errno"] is None
        assert os.path.isdir(f"{box.rootfs}/x")
        assert len(agent.calls) == 1


def test_agent_gives_a_value(box, path):
    box.linux["seccomp"] = profile(path, "getppid")
    with Agent(path, give(4711)):
        assert box.attack("syscall", NR["getppid"])["ret"] == 4711


def test_only_what_matches_is_reported(box, path):
    box.linux["seccomp"] = profile(path)
    box.linux["seccomp"]["syscalls"] = [
        {"names": ["getpgid"], "action": "SCMP_ACT_NOTIFY",
         "args": [{"index": 0, "value": 7, "op": "SCMP_CMP_EQ"}]},
        {"names": ["getpgid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 40,
         "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]}]
    with Agent(path, fail(errno.EXDEV)) as agent:
        r = box.probe(commands=["syscall", 121, 7, ",", "syscall", 121, 8, ",", "syscall", 121, 0])["results"]
        assert [x["errno"] for x in r] == ["EXDEV", "ELOOP", None]
        assert [(c.nr, c.args[0]) for c in agent.calls] == [(121, 7)]


def test_unknown_names_are_skipped(box, path):
    box.linux["seccomp"] = profile(path, "of_the_future", "getppid")
    with Agent(path, give(4711)):
        assert box.attack("syscall", NR["getppid"])["ret"] == 4711


@pytest.mark.parametrize("flags", [
    [], ["SECCOMP_FILTER_FLAG_TSYNC"], ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
    ["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
     "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]])
def test_flags(box, path, flags):
    box.linux["seccomp"] = profile(path, "getppid", flags=flags)
    with Agent(path, give(4711)):
        assert box.attack("syscall", NR["getppid"])["ret"] == 4711


@pytest.mark.parametrize("killable", [False, True])
def test_wait_killable_holds_signals_back(box, path, killable):
    """SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV reaches the kernel: once the agent has the call, only a deadly signal
    interrupts it, and SIGSTOP does not stop."""
    flags = ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"] if killable else []
    box.linux["seccomp"] = profile(path, "mkdir", "mkdirat", flags=flags)
    box.args("mkdir", "/x", ",", "state")
    with Agent(path, lambda call: None) as agent:
        p = box.start_run("--pid-file", box.pid_file)
        kernel.until(lambda: agent.calls, deadline(15), "the agent has the call")
        pid = agent.calls[0].pid
        kernel.until(lambda: kernel.stat_fields(pid)[0] == "S", deadline(15), "mkdir waits")
        os.kill(pid, signal.SIGSTOP)
        kernel.until(lambda: kernel.stat_fields(pid)[0] == ("D" if killable else "T"), deadline(15), "as asked for")
        os.kill(box.pid, signal.SIGKILL)
        assert box.orlop.finish(p).rc == 137


# ---- the message

def check_message(m, box, pid, init, status, metadata):
    state = m.pop("state")
    assert m.pop("ociVersion") == state["ociVersion"] == "1.3.0"
    assert m.pop("metadata", None) == metadata
    assert m == {"fds": ["seccompFd"], "pid": pid}
    assert (state["id"], state["pid"], state["status"]) == (box.id, init, status)
    assert state["bundle"] == box.bundle
    assert set(state) <= {"ociVersion", "id", "pid", "status", "bundle", "annotations"}


@pytest.mark.spec("CL-132", "CL-133", "CL-135", "CL-136", "CL-137")
@pytest.mark.spec("CL-117", "CL-118", "CL-119", "CL-121", "CL-123")
@pytest.mark.parametrize("metadata", [None, "", "profile=web \u00e4\"\n"])
def test_message_of_create(box, path, metadata):
    more = {} if metadata is None else {"listenerMetadata": metadata}
    box.config["annotations"] = {"a": "b"}
    box.linux["seccomp"] = profile(path, "mkdir", **more)
    with Agent(path) as agent:
        pid = box.up()
        kernel.until(lambda: agent.messages)
        assert len(agent.messages) == 1
        assert agent.message()["state"]["annotations"] == {"a": "b"}
        check_message(agent.message(), box, pid, pid, "creating", metadata or None)
        assert agent.names() == ["anon_inode:seccomp notify"]
        assert kernel.status(pid)["Seccomp"] == "2"


@pytest.mark.spec("CL-136")
def test_message_of_run(box, path):
    box.linux["seccomp"] = profile(path, "execve")
    with Agent(path) as agent:
        box.probe()
        pid = agent.message()["pid"]
        check_message(agent.message(), box, pid, pid, "creating", None)
        assert [c.pid for c in agent.calls] == [pid]  # the kernel says so, too


@pytest.mark.spec("CL-136", "CL-137")
@pytest.mark.spec("CL-120")
@pytest.mark.parametrize("started", [True, False])
def test_message_of_exec(box, path, started):
    """The pid of the new process, the state of the container; each process has a listener of its own."""
    box.linux["seccomp"] = profile(path, "getppid", "execve", listenerMetadata="m")
    with Agent(path, lambda c: give(4711)(c) if c.nr == NR["getppid"] else go_on(c)) as agent:
        box.args("pause")
        box.create().ok()
        if started:
            box.start().ok()
        init = box.pid
        r = box.exec("--", "syscall", NR["getppid"]).json()["results"][0]
        assert r["ret"] == 4711
        assert len(agent.messages) == 2
        pid = agent.message(1)["pid"]
        assert pid not in (init, 0)
        check_message(agent.message(1), box, pid, init, "running" if started else "created", "m")
        assert [c.pid for c in answers(agent.calls, NR["execve"])] == [init, pid][not started:]


@pytest.mark.spec("CL-134")
def test_long_metadata(box, path):
    """More than a socket holds: several parts, the descriptor with the first."""
    metadata = "x" * 1000000
    box.linux["seccomp"] = profile(path, "getppid", listenerMetadata=metadata)
    with Agent(path, give(4711)) as agent:
        assert box.attack("syscall", NR["getppid"])["ret"] == 4711
        assert agent.message()["metadata"] == metadata


# ---- who has the listener

def _holds_listener(pid):
    return "anon_inode:seccomp notify" in kernel.opened(pid)


def test_nobody_else_keeps_the_listener(box, path):
    box.linux["seccomp"] = profile(path, "mkdir")
    with Agent(path) as agent:
        box.args("pause")
        box.create().ok()
        kernel.until(lambda: agent.messages)
        assert _holds_listener(os.getpid()) and not _holds_listener(box.pid)
        box.start().ok()
        assert sorted(os.listdir(f"/proc/{box.pid}/fd")) == ["0", "1", "2"]
        agent.drop()  # the last: nobody could answer any more
        assert box.exec("--", "mkdir", "/x").json()["results"][0]["errno"] is None


@pytest.mark.parametrize("user", [0, 1000])
@pytest.mark.parametrize("userns", [False, True])
def test_without_the_power_to_trace(box, path, user, userns):
    """pidfd_getfd(2) is refused then, so the process sends its listener itself."""
    box.process["user"] = {"uid": user, "gid": user}
    if userns:
        config.userns(box.config)
    box.linux["seccomp"] = profile(path, "getppid")
    with Agent(path, give(4711)) as agent:
        for rootless in (False, True):
            assert probe(box, "syscall", NR["getppid"], rootless=rootless)["results"][0]["ret"] == 4711
        assert len(agent.messages) == 2


def test_in_joined_namespaces(make_box):
    """With a launcher: the pid is the one that the host sees."""
    first, second = make_box(), make_box()
    init = first.up()
    path = f"{second.bundle}/agent"
    config.namespace(second.config, "pid", f"/proc/{init}/ns/pid")
    second.linux["seccomp"] = profile(path, "getppid")
    with Agent(path, give(4711)) as agent:
        pid = second.up()
        assert agent.message()["pid"] == pid


def test_socket_deep_in_the_tree(box, tmp):
    """A path longer than a socket address holds."""
    deep = f"{tmp}/" + "d" * 100
    os.mkdir(deep)
    here = os.getcwd()
    os.chdir(deep)
    try:
        with Agent("agent", give(4711)) as agent:
            box.linux["seccomp"] = profile(f"{deep}/agent", "getppid")
            assert box.attack("syscall", NR["getppid"])["ret"] == 4711
            assert len(agent.messages) == 1
    finally:
        os.chdir(here)


# ---- our own calls under the filter

@pytest.mark.parametrize("rootless", [False, True])
@pytest.mark.parametrize("nnp", [True, False])
def test_T79_own_calls_are_answered(box, path, nnp, rootless):
    """Everything that comes between the filter and the program: the agent has the listener by then."""
    box.process["noNewPrivileges"] = nnp
    box.process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [5]}
    ours = ["read", "close", "rt_sigprocmask", "execve", "setgroups", "setresuid", "setresgid", "capset", "prctl",
            "getcwd", "openat", "newfstatat", "rt_sigaction"] + ([] if rootless else ["sendmsg", "recvmsg", "poll"])
    box.linux["seccomp"] = profile(path, *ours)
    with Agent(path, go_on) as agent:
        seen = probe(box, rootless=rootless)
        assert (seen["seccomp"], seen["no_new_privs"]) == (2, int(nnp))
        got = {c.nr for c in agent.calls}
        assert {NR[n] for n in ("read", "close", "execve")} <= got
    pids = {c.pid for c in agent.calls}
    assert pids == {agent.message()["pid"]}


def test_T79_all_calls_but_write(box, path):
    """The rest of the table, create, start and exec."""
    with open(os.path.join(os.path.dirname(__file__), "../data/docker-seccomp.json")) as f:
        names = {n for rule in json.load(f)["syscalls"] for n in rule["names"]}
    box.linux["seccomp"] = profile(path, *sorted(names - {"write"}))
    with Agent(path, go_on) as agent:
        pid = box.up()
        assert kernel.status(pid)["Seccomp"] == "2"
        assert box.exec().json()["seccomp"] == 2
        assert answers(agent.calls, NR["execve"])


@pytest.mark.parametrize("call", ["execve", "prctl", "setresuid", "close"])
def test_agent_refuses_our_calls(box, path, call):
    """A clean error, or a program that runs under the filter, and nothing in between."""
    box.process["noNewPrivileges"] = False
    box.linux["seccomp"] = profile(path, call)
    with Agent(path, fail(errno.EXDEV)):
        r = box.run()
        if r.rc == 0:
            assert "Seccomp:\t2" in r.json()["status"]
        else:  # close: what stays open is noticed
            r.failed("descriptor" if call == "close" else "Invalid cross-device link", rc=126 if call == "execve" else 1)


def test_startContainer_hook_is_answered(box, path):
    box.add_busybox()
    box.config["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "mkdir /made || exit 3"]}]}
    os.symlink("busybox", f"{box.rootfs}/bin/mkdir")
    box.linux["seccomp"] = profile(path, "mkdir", "mkdirat")
    with Agent(path) as agent:
        box.up()
        assert os.path.isdir(f"{box.rootfs}/made") and len(agent.calls) == 1


# ---- T79: agents that do not behave

def test_T79_closes_without_reading(box, path):
    box.linux["seccomp"] = profile(path, "mkdir", "mkdirat")
    with Agent(path, first=lambda c: False):
        r = box.args("mkdir", "/x", ",", "state").run()
        if r.rc == 0:
            seen = r.json()
            assert (seen["results"][0]["errno"], seen["seccomp"]) == ("ENOSYS", 2)
        else:
            r.failed("seccomp")
        assert not os.path.exists(f"{box.rootfs}/x")


def test_T79_closes_the_listener(box, path):
    """Calls that nobody can answer fail with ENOSYS."""
    box.linux["seccomp"] = profile(path, "mkdir", "mkdirat")
    with Agent(path, taken=lambda fds: False):
        seen = box.probe(commands=["mkdir", "/x", ",", "state"])
        assert (seen["results"][0]["errno"], seen["seccomp"]) == ("ENOSYS", 2)
        assert not os.path.exists(f"{box.rootfs}/x")


def test_T79_closes_while_we_wait(box, path):
    """Our own call is in its hands when it goes: an error at once, not at the deadline."""
    box.process["noNewPrivileges"] = False
    box.linux["seccomp"] = profile(path, "execve")

    def leave(_call):
        threading.Timer(0.2, agent.drop).start()

    with Agent(path, leave) as agent:
        seconds, r = timed(box.run)
        r.failed("Function not implemented", rc=126)
        assert len(agent.calls) == 1 and seconds < deadline(10)


def test_T79_says_garbage(box, path):
    def talk(c):
        with contextlib.suppress(BrokenPipeError):
            c.sendall(b"\0garbage\n" * 100)
        return True

    box.linux["seccomp"] = profile(path, "getppid")
    with Agent(path, give(4711), first=talk):
        assert box.attack("syscall", NR["getppid"])["ret"] == 4711


def test_T79_never_answers(make_box):
    """create, start, run and exec end by themselves, and no program runs."""
    made, started, ran, joined = boxes = [make_box() for _ in range(4)]
    agents = [Agent(f"{b.bundle}/agent", lambda call: None) for b in boxes]
    made.process["noNewPrivileges"] = False
    made.linux["seccomp"] = profile(agents[0].path, "read")
    for b in (started, ran):
        b.linux["seccomp"] = profile(f"{b.bundle}/agent", "execve")
        b.args("touch", "/ran", ",", "pause")
    joined.linux["seccomp"] = profile(agents[3].path, "getppid")
    joined.up()
    joined.linux["seccomp"] = profile(agents[3].path, "execve")
    joined.write()
    with open(f"{joined.orlop.root}/{joined.id}/config.json", "w") as f:
        json.dump(joined.config, f)
    started.create().ok()
    made.args("pause").write()
    try:
        p = [made.orlop.popen("create", "--bundle", made.bundle, made.id),
             started.orlop.popen("start", started.id), ran.start_run(),
             joined.orlop.popen("exec", joined.id, "/bin/probe", "touch", "/ran")]
        for one in p:
            joined.orlop.finish(one, timeout=45).failed("seccomp agent")
        for b in boxes:
            assert not os.path.exists(f"{b.rootfs}/ran")
        assert [len(a.calls) for a in agents] == [1, 1, 1, 1]
        assert sorted(joined.orlop.ids()) == sorted([started.id, joined.id])
        assert started.status() == "stopped" and joined.status() == "running"
    finally:
        for a in agents:
            a.stop()


def test_T79_never_reads(box, path):
    """The message does not fit into the socket."""
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.bind(path)
    s.listen(1)
    box.linux["seccomp"] = profile(path, "getppid", listenerMetadata="x" * 1000000)
    seconds, _ = timed(box.refused, "/linux/seccomp/listenerPath", "timed out")
    assert seconds < deadline(25)
    s.close()


def test_T79_never_accepts(box, path):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.bind(path)
    s.listen(0)
    full = []
    while True:
        c = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        full.append(c)
        try:
            c.connect(path)
        except BlockingIOError:
            break
    box.linux["seccomp"] = profile(path, "getppid")
    seconds, _ = timed(box.refused, "/linux/seccomp/listenerPath", "connect", "timed out", timeout=14)
    assert seconds < deadline(14)
    for c in [*full, s]:
        c.close()


# ---- what is refused, and what is not used

@pytest.mark.spec("CL-118", "CL-122", "CL-124")
@pytest.mark.parametrize("change,words", [
    ({"defaultAction": "SCMP_ACT_NOTIFY"}, "/linux/seccomp/defaultAction"),
    ({"syscalls": [{"names": ["read", "write"], "action": "SCMP_ACT_NOTIFY"}]},
     "SCMP_ACT_NOTIFY cannot be used for the write syscall"),
    ({"listenerPath": None}, "/linux/seccomp/listenerPath"),
    ({"listenerPath": ""}, "/linux/seccomp/listenerPath"),
    ({"syscalls": [], "listenerPath": None, "listenerMetadata": "x"}, "/linux/seccomp/listenerMetadata"),
    ({"listenerPath": "/nonexistent/agent"}, "/linux/seccomp/listenerPath"),
    ({"listenerPath": "/dev/null"}, "/linux/seccomp/listenerPath"),
])
def test_T77_refused(box, path, change, words):
    box.linux["seccomp"] = {**profile(path, "mkdir"), **change}
    with Agent(path) as agent:
        box.refused(words)
        assert not agent.messages


def test_agent_is_asked_before_anything_is_made(box):
    """Nothing is left, not even a cgroup: refused() looks."""
    box.linux["seccomp"] = profile("/nonexistent/agent", "mkdir")
    box.refused("/linux/seccomp/listenerPath", "no such file", run=True)
    del box.linux["seccomp"]
    box.up()
    box.linux["seccomp"] = profile("/nonexistent/agent", "mkdir")
    with open(f"{box.orlop.root}/{box.id}/config.json", "w") as f:
        json.dump(box.config, f)
    box.exec().failed("/linux/seccomp/listenerPath", "no such file")


@pytest.mark.spec("CL-118")
def test_agent_with_another_type_of_socket(box, path):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.bind(path)
    s.listen(1)
    box.linux["seccomp"] = profile(path, "mkdir")
    box.refused("/linux/seccomp/listenerPath", "failed to connect with seccomp agent", path)
    s.close()


def test_listener_path_is_not_used_without_notify(box, path):
    box.linux["seccomp"] = profile("/nonexistent/agent", listenerMetadata="x", syscalls=[
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}],
        flags=["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"])
    seen = box.probe(commands=["mkdir", "/x", ",", "state"])
    assert (seen["results"][0]["errno"], seen["seccomp"]) == ("EPERM", 2)
