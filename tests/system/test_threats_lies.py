# SPDX-License-Identifier: GPL-2.0-or-later
"""
T88: a system call says that it succeeded and has done nothing (strace injects the result).  The
program must not start then, or it has everything that was asked for all the same.
"""
import os
import shutil
import signal

import pytest
from lib import kernel
from lib.box import PROGRAM
from lib.config import bind, mount, set_caps

CALLS = ["prctl", "capset", "setgroups", "setresuid", "setresgid", "setgid", "setuid", "umask", "seccomp",
         "close_range", "mount_setattr", "move_mount", "sethostname", "setdomainname", "keyctl", "unshare",
         "pivot_root", "chdir", "fchdir", "umount2", "setsid", "prlimit64", "fchown", "mknodat", "dup2", "dup3",
         "fchownat", "chroot"]
MOST = 60  # occurrences of one call that are tried one by one

# a mount namespace for each run, shared in itself as a host is: what leaks is seen and goes away
SANDBOX = ["unshare", "-m", "sh", "-c", 'mount --make-rshared / && cat /proc/self/mountinfo >"$0.before"; "$@"; r=$?; '
           'cat /proc/self/mountinfo >"$0.after"; exit $r']

pytestmark = pytest.mark.needs_native("hundreds of runs below strace, about the same code")


@pytest.fixture
def program(tmp):
    """On a read-only mount, so that it need not execute itself again: strace lets go at execve."""
    path = f"{tmp}/program"
    os.mkdir(path)
    shutil.copy(PROGRAM, f"{path}/orlop")
    kernel.mount(path, path, None, kernel.MS["bind"])
    kernel.mount(None, path, None, kernel.MS["bind"] | kernel.MS["remount"] | kernel.MS["ro"])
    yield f"{path}/orlop"
    kernel.umount(path)


def full_request(box):
    box.process["user"] = {"uid": 1000, "gid": 1001, "additionalGids": [5, 6], "umask": 0o27}
    box.process["cwd"] = "/tmp"
    set_caps(box.process, ["CAP_KILL"])
    box.config["domainname"] = "domain"
    box.config["root"]["readonly"] = True
    box.file("etc/secret", "secret")
    box.file("etc/fixed/file", "fixed")
    box.linux["maskedPaths"] = ["/etc/secret", "/proc/keys"]
    box.linux["readonlyPaths"] = ["/etc/fixed", "/proc/sys"]
    box.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["getpgid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 40}]}
    box.linux["devices"] = [{"path": "/dev/mychar", "type": "c", "major": 1, "minor": 5, "fileMode": 0o640,
                             "uid": 7, "gid": 8}]
    os.mkdir(f"{box.bundle}/source")
    box.mounts += [bind(f"{box.bundle}/source", "/ro", "ro", "nosuid", "nodev", "noexec"), mount("/t", "tmpfs", "t", ["ro"])]
    box.args("open", "/etc/secret", "r", ",", "syscall", 121, 0, ",", "touch", "/t/x", ",", "stat", "/dev/mychar", ",",
             "stat", "/dev/null", ",", "readlink", "/dev/stdout", ",", "state")


def check(seen, own_keyring):
    """Everything that was asked for is there."""
    secret, getpgid, touch, mychar, null, stdout = seen["results"]
    assert secret.get("text", "") == ""
    assert getpgid["errno"] == "ELOOP" and touch["errno"] == "EROFS"
    assert (mychar["mode"], mychar["rmajor"], mychar["rminor"], mychar["uid"], mychar["gid"]) == (0o20640, 1, 5, 7, 8)
    assert (null["mode"] & 0o777, null["rmajor"]) == (0o666, 1) and stdout["text"] == "/proc/self/fd/1"
    assert seen["uids"] == [1000] * 4 and seen["gids"] == [1001] * 3 and sorted(seen["groups"]) == [5, 6]
    assert seen["caps"] == {"bounding": 1 << 5, "effective": 0, "permitted": 0, "inheritable": 0, "ambient": 0}
    assert (seen["no_new_privs"], seen["seccomp"], seen["umask"], seen["keepcaps"]) == (1, 2, 0o27, 0)
    assert (seen["hostname"], seen["domainname"], seen["cwd"]) == ("orlop", "domain", "/tmp")
    assert [f["fd"] for f in seen["fds"]] == [0, 1, 2]
    assert seen["rlimits"]["NOFILE"] == [1024, 1024]
    assert seen["blocked_signals"] == [] and seen["ignored_signals"] == []
    assert seen["sid"] == 1 and seen["keyring"] != own_keyring
    mounts = kernel.parse_mountinfo(seen["mountinfo"])
    assert [m.target for m in mounts if m.target == "/"] == ["/"] and "ro" in mounts[0].options
    assert {"ro", "nosuid", "nodev", "noexec"} <= kernel.mount_at(mounts, "/ro").options
    for target in ("/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys", "/sys/fs/cgroup", "/t"):
        kernel.mount_at(mounts, target)
    for target in ("/proc/sys", "/etc/fixed", "/sys"):
        assert "ro" in kernel.mount_at(mounts, target).options
    assert not [m for m in mounts if m.propagation]
    for kind in ("mnt", "net", "pid", "ipc", "uts", "cgroup"):
        assert seen["namespaces"][kind] != kernel.ns_inode("self", kind)


def lie(box, program, trace, call, when=None, own=None):
    """One run with a lying call; True when there was such an occurrence."""
    inject = f"{call}:retval=0" + (f":when={when}" if when else "")
    root = os.open("/", os.O_RDONLY)

    def careless():
        os.setgroups([27, 33])
        os.umask(0)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    # strace starts the program with what it was given itself
    r = box.run(wrap=[*SANDBOX, trace, "strace", "-f", "-b", "execve", "-o", trace, "-e", f"trace={call}", "-e", f"inject={inject}"],
                program=program, preexec_fn=careless, fds={9: root, 30: root}, timeout=20)
    os.close(root)
    text = kernel.read(trace)
    assert kernel.read(f"{trace}.before") == kernel.read(f"{trace}.after"), f"{inject}: mounts on the host, {r}"
    if r.rc == 0 and r.out:
        try:
            check(r.json(), own)
        except (AssertionError, KeyError, TypeError) as e:
            raise AssertionError(f"{inject}: {e}\n{text[-2000:]}") from None
    else:
        assert r.out == "", (inject, r)
    box.orlop.clean()
    return "(INJECTED)" in text


@pytest.fixture
def own_keyring(box, tmp):
    full_request(box)
    box.write()
    seen = box.run("--no-new-keyring").json()
    return seen["keyring"]


def test_T88_control_without_lies(box, own_keyring):
    check(box.run().json(), own_keyring)


@pytest.mark.parametrize("call", CALLS)
def test_T88_one_call_lies(box, program, tmp, call, own_keyring):
    if not lie(box, program, f"{tmp}/trace", call, None, own_keyring):
        return  # not used at all
    for when in range(1, MOST):
        if not lie(box, program, f"{tmp}/trace", call, when, own_keyring):
            break
