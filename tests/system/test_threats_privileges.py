# SPDX-License-Identifier: GPL-2.0-or-later
"""
Privileges of the process (T80 to T82, T85 to T87), what logs and messages show (T99, T100), and
containers that do not want to end (T103, T104).
"""
import itertools
import json
import os
import re
import resource
import shutil
import signal
import struct
import subprocess
import time

import pytest
from lib import host, kernel
from lib.box import deadline
from lib.config import SETS, bind, set_caps

KILL = 1 << 5


# ---- T80

def model(sets, uid):
    """What execve(2) leaves of CAP_KILL in each set: capabilities(7), a program without file capabilities."""
    bounding, permitted = "bounding" in sets, "permitted" in sets
    inheritable = "inheritable" in sets and bounding  # capset(2) takes no more
    ambient = "ambient" in sets and permitted and inheritable
    if uid == 0:
        new_permitted = inheritable or bounding
        new_effective = new_permitted
        ambient_after = ambient
        new_permitted |= ambient
        new_effective |= ambient
    else:
        ambient_after = new_permitted = new_effective = ambient
    return {"bounding": bounding, "inheritable": inheritable, "ambient": ambient_after,
            "permitted": new_permitted, "effective": new_effective}


@pytest.mark.parametrize("uid", [0, 1000])
@pytest.mark.parametrize("verb", ["run", "exec"])
def test_T80_all_patterns_of_one_capability(box, uid, verb):
    """Each as the model says; what the kernel cannot grant is left out with a warning."""
    if verb == "exec":
        set_caps(box.process, ["CAP_KILL"], SETS)
        box.process["noNewPrivileges"] = False
        box.up()
    patterns = [p for n in range(6) for p in itertools.combinations(SETS, n)]
    if host.IN_VM:
        patterns = patterns[::3]
    for sets in patterns:
        caps = {s: ["CAP_KILL"] for s in sets}
        process = {"args": ["/bin/probe"], "cwd": "/", "user": {"uid": uid, "gid": 0}, "capabilities": caps}
        if verb == "run":
            box.config["process"] = process
            box.process = process
            r = box.run()
        else:
            r = box.exec_process(process)
        expected = {k: KILL * int(v) for k, v in model(sets, uid).items()}
        assert r.json()["caps"] == expected, sets
        impossible = ("effective" in sets and "permitted" not in sets or
                      "inheritable" in sets and "bounding" not in sets or
                      "ambient" in sets and not {"permitted", "inheritable"} <= set(sets))
        assert impossible == ("CAP_KILL" in r.err), (sets, r.err)
        assert r.json()["securebits"] == r.json()["keepcaps"] == 0


def test_T80_more_than_the_kernel_knows(box):
    """A capability that is unknown here is left out, and the others stay."""
    set_caps(box.process, ["CAP_KILL", "CAP_SOMETHING_NEW", "cap_chown", "KILL"])
    r = box.args().run().ok()
    assert r.json()["caps"]["bounding"] == KILL
    for name in ("CAP_SOMETHING_NEW", "cap_chown"):
        assert name in r.err


# ---- T81

def test_T81_file_capabilities(box, tmp):
    """Without no_new_privs they work within the bounding set, with it they do not."""
    program = f"{tmp}/volume"
    os.mkdir(program)
    shutil.copy(f"{box.rootfs}/bin/probe", f"{program}/p")
    # struct vfs_cap_data, revision 2, effective: CAP_KILL and CAP_CHOWN
    os.setxattr(f"{program}/p", "security.capability", struct.pack("<IIIII", 0x02000001, KILL | 1, 0, 0, 0))
    box.mounts.append(bind(program, "/v"))
    box.process["user"] = {"uid": 1000, "gid": 1000}
    box.process["args"] = ["/v/p"]
    for nnp, bounding, expected in ((False, ["CAP_KILL", "CAP_CHOWN"], KILL | 1), (True, ["CAP_KILL", "CAP_CHOWN"], 0)):
        box.process["noNewPrivileges"] = nnp
        set_caps(box.process, bounding, ("bounding",))
        assert box.run().json()["caps"]["effective"] == expected


def test_T81_setuid_program_as_child(box):
    shutil.copy(f"{box.rootfs}/bin/probe", f"{box.rootfs}/bin/su")
    os.chmod(f"{box.rootfs}/bin/su", 0o4755)
    box.process["user"] = {"uid": 1000, "gid": 1000}
    set_caps(box.process, ["CAP_KILL"], ("bounding",))
    for nnp, uid in ((True, 1000), (False, 0)):
        box.process["noNewPrivileges"] = nnp
        box.args("exec", "/bin/su").run().ok()
        assert json.loads(kernel.read(f"{box.rootfs}/tmp/exec.out"))["uids"][1] == uid


# ---- T82

@pytest.mark.parametrize("groups,expected", [
    (None, []), ([], []), ([5], [5]), ([5, 5, 5], None), ([0], [0]), ([4294967294], [4294967294]),
    (list(range(2000, 2500)), list(range(2000, 2500)))], ids=range(7))
def test_T82_groups(box, groups, expected):
    box.process["user"] = {"uid": 1000, "gid": 1000}
    if groups is not None:
        box.process["user"]["additionalGids"] = groups
    seen = box.probe(preexec_fn=lambda: os.setgroups([27, 33]))
    assert sorted(set(seen["groups"])) == sorted(set(groups or [])) if expected is None else \
        sorted(seen["groups"]) == expected


@pytest.mark.parametrize("field,value", [("uid", 4294967295), ("gid", 4294967295), ("uid", -1), ("uid", 4294967296),
                                         ("uid", "1000"), ("uid", 1.5), ("additionalGids", [4294967295]),
                                         ("additionalGids", [-1]), ("umask", 0o1000), ("umask", 99999),
                                         ("additionalGids", list(range(70000)))])
def test_T82_ids_that_are_none(box, field, value):
    box.process["user"][field] = value
    box.refused(f"/process/user/{field}")


# ---- T85

def test_T85_keys_of_the_caller_are_out_of_reach(box):
    """A key in the session keyring of the caller is found by it, and not by the container."""
    key = "orlop-test-secret"
    script = ("import ctypes,sys,os;l=ctypes.CDLL(None,use_errno=True);"
              "l.syscall(250,1,None);"  # KEYCTL_JOIN_SESSION_KEYRING
              f"k=l.syscall(248,b'user',b'{key}',b'secret',6,-3);"  # add_key(2), to the session keyring
              "assert k>0;os.execvp(sys.argv[1],sys.argv[1:])")
    wrap = ["/usr/bin/python3", "-c", script]
    commands = ("keyctl-search", "user", key)
    assert box.attack(*commands, wrap=wrap)["errno"] == "ENOKEY"
    box.args(*commands)
    assert box.run("--no-new-keyring", wrap=wrap).json()["results"][0]["ret"] > 0  # the control


def test_T85_exec_keyring_is_not_the_callers(box):
    box.up()
    callers = box.orlop("exec", box.id, "/bin/probe").json()["keyring"]
    mine = kernel.session_keyring()
    assert callers > 0 and callers != mine


# ---- T87

def test_T87_what_a_careless_caller_hands_on(box):
    """Signals ignored and blocked, nice: the program starts with defaults."""
    def careless():
        for s in (signal.SIGCHLD, signal.SIGUSR1, signal.SIGHUP, signal.SIGPIPE, 34, 40):
            signal.signal(s, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE, signal.SIGTERM, signal.SIGINT, 50})
    for seen in (box.probe(preexec_fn=careless), (box.up(), box.exec(preexec_fn=careless).json())[1]):
        assert seen["ignored_signals"] == [] and seen["blocked_signals"] == []
        assert seen["pdeathsig"] == 0 and seen["subreaper"] == 0


def test_T87_few_descriptors(box):
    """An error that says so, or a container; nothing left behind."""
    for n in (8, 16, 30, 64):
        r = box.args("exit", 0).run(preexec_fn=lambda n=n: resource.setrlimit(resource.RLIMIT_NOFILE, (n, 2000)))
        if r.rc:
            r.failed("open files")
        assert box.orlop.ids() == []


def test_T87_core_limit_is_the_configured_one(box):
    box.process["rlimits"] = [{"type": "RLIMIT_CORE", "soft": 4096, "hard": 8192}]
    assert box.probe()["rlimits"]["CORE"] == [4096, 8192]


@pytest.mark.parametrize("value", [1001, -1001, "0", 1.5, 2**31])
def test_T87_oom_score_out_of_range(box, value):
    box.process["oomScoreAdj"] = value
    box.refused("/process/oomScoreAdj")


# ---- T99

NASTY = "a\nlevel=error\n{\"level\":\"error\",\"msg\":\"forged\"}\x1b[2J\x07\x7f\x9b"


@pytest.mark.parametrize("where", ["hostname", "args", "destination", "source", "hook", "annotation", "cwd", "sysctl",
                                   "namespace", "capability", "syscall"])
@pytest.mark.parametrize("form", ["text", "json"])
def test_T99_forged_lines(box, orlop, where, form, tmp):
    if where == "hostname":
        box.config["hostname"] = NASTY + "x" * 64
    elif where == "args":
        box.process["args"] = [NASTY]
    elif where == "destination":
        box.mounts.append({"destination": "/" + NASTY, "type": "nosuchfs", "source": "x"})
    elif where == "source":
        box.mounts.append(bind("/nonexistent/" + NASTY, "/x"))
    elif where == "hook":
        box.config["hooks"] = {"prestart": [{"path": "/" + NASTY}]}
    elif where == "annotation":
        box.config["annotations"] = {NASTY: 1}
    elif where == "cwd":
        box.process["cwd"] = NASTY
    elif where == "sysctl":
        box.linux["sysctl"] = {NASTY: "1"}
    elif where == "namespace":
        box.linux["namespaces"].append({"type": NASTY})
    elif where == "capability":
        set_caps(box.process, [NASTY])
        box.process["args"] = ["/none"]
    else:
        box.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": [NASTY], "action": NASTY}]}
    box.write()
    log = f"{tmp}/log"
    r = orlop("--log", log, "--log-format", form, "create", "-b", box.bundle, box.id)
    assert r.rc == 1
    control = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]")
    assert not control.search(r.err), r
    text = kernel.read(log)
    assert not control.search(text)
    lines = text.splitlines()
    if form == "json":
        entries = [json.loads(line) for line in lines]
        assert {e["level"] for e in entries} <= {"error", "warning"}
        assert len([e for e in entries if e["level"] == "error"]) == 1
        assert "forged" not in {e.get("msg") for e in entries}
    else:
        assert not [x for x in lines if x.startswith(("{", "level="))]
    errors = [x for x in r.err.splitlines() if not x.startswith("orlop: ")]
    assert errors == [], r.err


def test_T99_state_and_list_are_valid(make_box, orlop):
    box = make_box()
    box.config["annotations"] = {NASTY: NASTY, "\"": "\\"}
    box.up()
    r = orlop("state", box.id).ok()
    assert json.loads(r.out)["annotations"] == box.config["annotations"]
    assert not re.search("[\x00-\x09\x0b-\x1f]", r.out)
    r = orlop("list").ok()
    assert len(r.out.splitlines()) == 2


def test_T99_long_message(box):
    box.process["args"] = ["/" + "x" * 100000]
    box.args(*box.process["args"])
    r = box.create()
    r.failed()
    assert len(r.err) < 3000


# ---- T100

@pytest.mark.parametrize("kind", ["full", "fifo", "missing directory", "stderr closed", "stderr full"])
def test_T100_log_target(box, orlop, kind, tmp):
    box.args("exit", 3).write()
    log, kw = f"{tmp}/log", {}
    if kind == "full":
        log = "/dev/full"
    elif kind == "fifo":
        os.mkfifo(log)
    elif kind == "missing directory":
        log = f"{tmp}/none/log"
    elif kind == "stderr closed":
        kw["fds"] = {2: None}
    full = open("/dev/full", "w")  # noqa: SIM115
    if kind == "stderr full":
        kw["stderr"] = full
    r = orlop("--log", log, "--log-format", "json", "run", "-b", box.bundle, box.id, timeout=4, **kw)
    full.close()
    assert r.rc in (1, 3)
    if kind in ("stderr closed", "stderr full", "full"):
        assert r.rc == 3
    assert orlop.ids() == []
    assert orlop("--log", log, "state", "none", timeout=10, **({} if kind != "stderr closed" else kw)).rc == 1


def test_T100_pipe_without_reader(box, orlop):
    r, w = os.pipe()
    os.close(r)
    box.up()
    p = orlop.popen("list", stdout=w, stderr=w)
    os.close(w)
    assert p.wait(deadline(10)) != 0
    assert box.status() == "running"


# ---- T103

def test_T103_fork_bomb(box):
    """Processes that fork, leave their session and ignore signals, as fast as they can."""
    uid = 61000 + os.getpid() % 4000
    box.process["user"] = {"uid": uid, "gid": uid}
    box.process["rlimits"].append({"type": "RLIMIT_NPROC", "soft": 150, "hard": 150})
    box.args("flood").create().ok()
    box.start().ok()
    group = f"{host.CGROUP}/orlop/{box.id}"
    kernel.until(lambda: len(kernel.read(f"{group}/cgroup.procs").split()) > 100, deadline(15), "the bomb goes off")
    begin = time.monotonic()
    box.delete("--force").ok()
    assert time.monotonic() - begin < deadline(5)
    assert not os.path.exists(group)


def test_T103_kill_is_for_all(box):
    """Without a pid namespace the end of init is not that of the others."""
    box.linux["namespaces"] = [n for n in box.linux["namespaces"] if n["type"] != "pid"]
    box.up()
    box.exec("--detach", "--", "pause").ok()
    group = f"{host.CGROUP}/orlop/{box.id}"
    assert len(kernel.read(f"{group}/cgroup.procs").split()) == 2
    box.kill("KILL").ok()
    kernel.until(lambda: (host.reap(), "populated 0" in kernel.read(f"{group}/cgroup.events"))[1], deadline(2))


def test_T103_fork_bomb_in_the_hosts_pid_namespace(box):
    uid = 61000 + os.getpid() % 4000
    box.linux["namespaces"] = [n for n in box.linux["namespaces"] if n["type"] != "pid"]
    box.process["user"] = {"uid": uid, "gid": uid}
    box.process["rlimits"].append({"type": "RLIMIT_NPROC", "soft": 100, "hard": 100})
    box.args("flood").create().ok()
    box.start().ok()
    group = f"{host.CGROUP}/orlop/{box.id}"
    kernel.until(lambda: len(kernel.read(f"{group}/cgroup.procs").split()) > 60, deadline(15), "the bomb goes off")
    box.kill("KILL", timeout=5).ok()
    kernel.until(lambda: (host.reap(), "populated 0" in kernel.read(f"{group}/cgroup.events"))[1], deadline(5))
    box.delete().ok()
    assert not os.path.exists(group)


# ---- T104

@pytest.mark.parametrize("verb", ["kill", "delete"])
def test_T104_paused(box, verb):
    pid = box.up()
    box.orlop("pause", box.id).ok()
    assert box.status() == "paused"
    box.orlop("pause", box.id).failed("paused")
    box.exec(timeout=3).failed("paused")
    if verb == "kill":
        box.kill("KILL", timeout=5).ok()
        kernel.until(lambda: not kernel.alive(pid), deadline(5))
        box.wait_stopped()
        box.delete().ok()
    else:
        box.delete("--force", timeout=5).ok()
        assert not kernel.alive(pid)


def test_T104_freezing_a_stopped_and_traced_container(box, tmp):
    """It freezes all the same, or pause fails in time and everything runs again."""
    pid = box.up()
    p = subprocess.Popen(["strace", "-o", f"{tmp}/trace", "-p", str(pid)], stderr=subprocess.DEVNULL)
    kernel.until(lambda: kernel.status(pid)["TracerPid"].strip() != "0")
    os.kill(p.pid, signal.SIGSTOP)  # a tracer that does not go on
    os.kill(pid, signal.SIGUSR1)
    r = box.orlop("pause", box.id, timeout=15)
    if r.rc == 0:
        assert box.status() == "paused"
        box.orlop("resume", box.id).ok()
    else:
        r.failed("freeze")
        assert "frozen 0" in kernel.read(f"{host.CGROUP}/orlop/{box.id}/cgroup.events")
    p.kill()
    p.wait()
    box.delete("--force", timeout=10).ok()


def test_T104_container_is_never_left_frozen_by_a_failed_command(box):
    box.args("exit", 0).create().ok()
    box.start().ok()
    box.wait_stopped()
    box.orlop("pause", box.id).failed("not running")
    assert "frozen 0" in kernel.read(f"{host.CGROUP}/orlop/{box.id}/cgroup.events")
