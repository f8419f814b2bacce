# SPDX-License-Identifier: GPL-2.0-or-later
"""linux.seccomp: what a filter does to the program, and what is no filter.  T75, T76, T77, T78."""
import json
import os
import platform

import pytest
from lib import kernel
from lib.config import set_caps

X86 = platform.machine() == "x86_64"
MKDIR, MKDIR_I386, GETPID = 83, 39, 39
PROFILE = os.path.join(os.path.dirname(__file__), "../data/docker-seccomp.json")

pytestmark = [pytest.mark.kernel, pytest.mark.one_vm, pytest.mark.skipif(not X86, reason="system call numbers of x86-64")]


def profile(default="SCMP_ACT_ALLOW", *rules, **more):
    return {"defaultAction": default, "syscalls": [
        {"names": names, "action": action, **rest} for names, action, rest in rules], **more}


def errno(names, **more):
    return (names, "SCMP_ACT_ERRNO", more)


@pytest.fixture
def docker(box):
    with open(PROFILE) as f:
        box.linux["seccomp"] = json.load(f)
    return box


# ---- loading

def test_docker_default_profile(docker):
    seen = docker.probe(commands=["unshare", kernel.CLONE["user"], ",", "syscall", 304, ",", "mkdir", "/x", ",",
                                  "state"])
    assert seen["seccomp"] == 2
    unshare, open_by_handle_at, mkdir = seen["results"]
    assert (unshare["errno"], open_by_handle_at["errno"], mkdir["errno"]) == ("EPERM", "EPERM", None)
    assert "Seccomp_filters:\t1" in seen["status"] or "Seccomp_filters" not in seen["status"]


def test_docker_profile_from_outside_and_exec(docker):
    pid = docker.up()
    assert kernel.status(pid)["Seccomp"] == "2"
    assert docker.exec("--", "unshare", kernel.CLONE["user"]).json()["results"][0]["errno"] == "EPERM"


@pytest.mark.parametrize("nnp", [True, False])
def test_with_and_without_no_new_privileges(box, nnp):
    box.process["noNewPrivileges"] = nnp
    box.linux["seccomp"] = profile("SCMP_ACT_ALLOW", errno(["mkdir", "mkdirat"], errnoRet=5))
    seen = box.probe(commands=["mkdir", "/x", ",", "state"])
    assert seen["results"][0]["errno"] == "EIO"
    assert (seen["no_new_privs"], seen["seccomp"]) == (int(nnp), 2)


def test_no_profile_no_filter(box):
    assert box.probe()["seccomp"] == 0


# ---- actions

@pytest.mark.parametrize("action,expected", [
    ("SCMP_ACT_ERRNO", ("EPERM", 0)), ("SCMP_ACT_KILL", (None, 31)), ("SCMP_ACT_KILL_THREAD", (None, 31)),
    ("SCMP_ACT_KILL_PROCESS", (None, 31)), ("SCMP_ACT_TRAP", (None, 31)), ("SCMP_ACT_TRACE", ("ENOSYS", 0)),
    ("SCMP_ACT_LOG", (None, 0)), ("SCMP_ACT_ALLOW", (None, 0))])
def test_action(box, action, expected):
    default = "SCMP_ACT_ALLOW" if action != "SCMP_ACT_ALLOW" else "SCMP_ACT_LOG"
    box.process["rlimits"].append({"type": "RLIMIT_CORE", "soft": 0, "hard": 0})
    box.linux["seccomp"] = profile(default, (["getppid"], action, {}))
    r = box.attack("syscall", 110)
    if expected[1]:
        assert r["signal"] == expected[1]
    else:
        assert (r["errno"], r["signal"]) == (expected[0], 0)


def test_errno_ret(box):
    box.linux["seccomp"] = profile("SCMP_ACT_ALLOW", errno(["getppid"], errnoRet=38),
                                   errno(["gettid"], errnoRet=0))
    r = box.probe(commands=["syscall", 110, ",", "syscall", 186])["results"]
    assert r[0]["errno"] == "ENOSYS" and r[1]["ret"] == 0


def test_default_errno_ret(docker):
    docker.linux["seccomp"]["defaultErrnoRet"] = 13
    assert docker.attack("syscall", 304)["errno"] == "EACCES"


@pytest.mark.parametrize("op,value,two,hits", [
    ("SCMP_CMP_EQ", 7, 0, [7]), ("SCMP_CMP_NE", 7, 0, [6, 8]), ("SCMP_CMP_LT", 7, 0, [6]),
    ("SCMP_CMP_LE", 7, 0, [6, 7]), ("SCMP_CMP_GE", 7, 0, [7, 8]), ("SCMP_CMP_GT", 7, 0, [8]),
    ("SCMP_CMP_MASKED_EQ", 6, 6, [6, 7])])
def test_operator(box, op, value, two, hits):
    """On the first argument of getpriority(2), which takes any for what it is worth."""
    box.linux["seccomp"] = profile("SCMP_ACT_ALLOW", errno(["getpgid"], errnoRet=40, args=[
        {"index": 0, "value": value, "valueTwo": two, "op": op}]))
    r = box.probe(commands=["syscall", 121, 6, ",", "syscall", 121, 7, ",", "syscall", 121, 8])["results"]
    assert [n for n, x in zip((6, 7, 8), r) if x["errno"] == "ELOOP"] == hits


def test_arguments_of_64_bits(box):
    box.linux["seccomp"] = profile("SCMP_ACT_ALLOW", errno(["getpgid"], errnoRet=40, args=[
        {"index": 1, "value": 1 << 40, "op": "SCMP_CMP_EQ"}]))
    r = box.probe(commands=["syscall", 121, 0, 1 << 40, ",", "syscall", 121, 0, 0])["results"]
    assert [x["errno"] for x in r] == ["ELOOP", None]


def test_all_arguments_have_to_match(box):
    box.linux["seccomp"] = profile("SCMP_ACT_ALLOW", errno(["getpgid"], errnoRet=40, args=[
        {"index": 1, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 2, "value": 2, "op": "SCMP_CMP_EQ"}]))
    r = box.probe(commands=["syscall", 121, 0, 1, 2, ",", "syscall", 121, 0, 1, 3])["results"]
    assert [x["errno"] for x in r] == ["ELOOP", None]


@pytest.mark.parametrize("flags", [[], ["SECCOMP_FILTER_FLAG_LOG"], ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"],
                                   ["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG"]])
def test_flags(box, flags):
    box.linux["seccomp"] = profile("SCMP_ACT_ALLOW", errno(["mkdir"]), flags=flags)
    seen = box.probe(commands=["mkdir", "/x", ",", "state"])
    assert seen["results"][0]["errno"] == "EPERM" and seen["seccomp"] == 2


def test_without_flags_speculation_is_left_alone(box):
    """Without flags: SECCOMP_FILTER_FLAG_SPEC_ALLOW, which keeps the filter cheap."""
    box.linux["seccomp"] = profile("SCMP_ACT_ALLOW", errno(["mkdir"]))
    host = kernel.status("self").get("Speculation_Store_Bypass")
    assert f"Speculation_Store_Bypass:\t{host}\n" in box.probe()["status"]


def test_big_profile(box):
    box.linux["seccomp"] = profile("SCMP_ACT_ALLOW", *[
        errno(["getpgid"], errnoRet=40, args=[{"index": 0, "value": 100000 + i, "op": "SCMP_CMP_EQ"}])
        for i in range(500)])
    r = box.probe(commands=["syscall", 121, 100499, ",", "syscall", 121, 0])["results"]
    assert [x["errno"] for x in r] == ["ELOOP", None]


# ---- foreign ABIs

def test_T75_foreign_abi_is_killed(box):
    """Only the native architecture is listed: the filter does not apply to others, so they end."""
    box.process["rlimits"].append({"type": "RLIMIT_CORE", "soft": 0, "hard": 0})
    box.linux["seccomp"] = profile("SCMP_ACT_ALLOW", errno(["mkdir", "mkdirat"]), architectures=["SCMP_ARCH_X86_64"])
    r = box.probe(commands=["syscall", MKDIR, 0, ",", "int80", MKDIR_I386, "/x", 511, ",", "x32", GETPID, ",",
                            "syscall", "0xffffffffffffffff"])["results"]
    assert r[0]["errno"] == "EPERM"
    assert r[1]["signal"] == 31 or r[1]["errno"] == "ENOSYS"
    assert r[2]["signal"] == 31 or r[2]["errno"] == "ENOSYS"
    assert r[3]["signal"] == 31 or r[3]["errno"] == "ENOSYS"
    assert not os.path.exists(f"{box.rootfs}/x")


def test_T75_listed_abi_has_the_rule_too(box):
    box.linux["seccomp"] = profile("SCMP_ACT_ALLOW", errno(["mkdir", "mkdirat"], errnoRet=5),
                                   architectures=["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"])
    r = box.probe(commands=["syscall", MKDIR, 0, ",", "int80", MKDIR_I386, "/x", 511, ",",
                            "int80", 20])["results"]
    assert r[0]["errno"] == "EIO"
    assert r[1]["errno"] == "EIO" or r[1]["signal"] == 11  # 11: a kernel without 32-bit programs
    assert r[2]["ret"] > 0 or r[2]["signal"] == 11
    assert not os.path.exists(f"{box.rootfs}/x")


def test_T75_control_without_a_profile(box):
    """The probe's own way into the other ABI works, so the tests above see the filter."""
    r = box.probe(commands=["int80", MKDIR_I386, "/x", 511])["results"][0]
    assert r["ret"] == 0 or r["signal"] == 11
    assert os.path.exists(f"{box.rootfs}/x") == (r["ret"] == 0)


def test_T76_newer_calls_are_ENOSYS(docker):
    r = docker.probe(commands=["syscall", 304, ",", "syscall", 600, ",", "syscall", 5000, ",", "int80", 600, ",",
                               "int80", 5000])["results"]
    assert [x["errno"] for x in r[:3]] == ["EPERM", "ENOSYS", "ENOSYS"]
    for x in r[3:]:
        assert x["errno"] == "ENOSYS" or x["signal"] == 11


def test_T76_not_when_the_default_is_allow(box):
    box.linux["seccomp"] = profile("SCMP_ACT_ALLOW", errno(["mkdir"]))
    assert box.attack("syscall", 5000)["errno"] == "ENOSYS"  # the kernel's own


# ---- what is no profile

@pytest.mark.parametrize("seccomp,words", [
    ({}, "/linux/seccomp"),
    ({"syscalls": []}, "defaultAction"),
    ({"defaultAction": "ALLOW"}, "/linux/seccomp/defaultAction"),
    ({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_VAX"]}, "/linux/seccomp/architectures/0"),
    ({"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_X"]}, "/linux/seccomp/flags/0"),
    ({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 5000}, "/linux/seccomp/defaultErrnoRet"),
    ({"defaultAction": "SCMP_ACT_NOTIFY"}, "/linux/seccomp"),
    ({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "X"}]},
     "/linux/seccomp/syscalls/0/action"),
    ({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": [], "action": "SCMP_ACT_ERRNO"}]},
     "/linux/seccomp/syscalls/0/names"),
    ({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO",
                                                       "errnoRet": 4096}]}, "/linux/seccomp/syscalls/0/errnoRet"),
    ({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "args": [
        {"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}]}]}, "/linux/seccomp/syscalls/0/args/0/index"),
    ({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "args": [
        {"index": 0, "value": 0, "op": "SCMP_CMP_X"}]}]}, "/linux/seccomp/syscalls/0/args/0/op"),
    ({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]},
     "/linux/seccomp/listenerPath"),
])
def test_T77_bad_profile(box, seccomp, words):
    box.linux["seccomp"] = seccomp
    box.refused(words)


def test_T77_unknown_name_is_skipped(box):
    box.linux["seccomp"] = profile("SCMP_ACT_ALLOW", errno(["of_the_future", "mkdir"]))
    assert box.attack("mkdir", "/x")["errno"] == "EPERM"


@pytest.mark.parametrize("nnp", [True, False])
@pytest.mark.parametrize("call", ["close_range", "fcntl", "prctl", "setgroups", "openat2", "getcwd", "write",
                                  "close", "setresuid", "capset", "sendmsg", "sendto", "read", "umask", "capget"])
def test_T78_hostile_profile(box, call, nnp):
    """It refuses what our own steps need: a clean error, or a container as asked for, never a weaker one."""
    box.process["noNewPrivileges"] = nnp
    box.process["user"] = {"uid": 1000, "gid": 1001, "additionalGids": [5], "umask": 0o27}
    box.linux["seccomp"] = profile("SCMP_ACT_ALLOW", errno([call]))
    set_caps(box.process, ["CAP_KILL"], ("bounding", "permitted", "effective"))
    root = os.open("/", os.O_RDONLY)
    box.args("pause")
    result = box.create(fds={3: root, 40: root}, preexec_fn=lambda: os.setgroups([27]))
    os.close(root)
    if result.rc != 0:
        result.failed()
        return
    pid = box.pid
    started = box.start()
    s = kernel.status(pid) if kernel.alive(pid) else None
    if started.rc != 0 or s is None or call == "write":  # without which the probe ends
        return
    assert s["Uid"].split() == ["1000"] * 4 and s["Gid"].split() == ["1001"] * 4
    assert s["Groups"].split() == ["5"] and s["Umask"] == "0027"
    assert s["NoNewPrivs"] == str(int(nnp)) and s["Seccomp"] == "2"
    assert int(s["CapBnd"], 16) == 1 << 5 and int(s["CapEff"], 16) == 0
    assert sorted(os.listdir(f"/proc/{pid}/fd")) == ["0", "1", "2"]
