# SPDX-License-Identifier: GPL-2.0-or-later
"""
What the container needs between its filter and its program: execve(2), and nothing else, with and without
noNewPrivileges, for run, create and start, and exec.  The program is a handful of instructions, so that all
that fails is ours.
"""
import os
import platform
import signal

import pytest
from lib import elf, host, kernel
from lib.box import deadline
from lib.config import set_caps

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="system call numbers of x86-64")

# all that our own processes are seen to make, and what a C library may make of it
CALLS = """access arch_prctl brk capget capset chdir clone clone3 close close_range dup2 dup3 execveat exit
    faccessat faccessat2 fchdir fchown fcntl fork fstat fstatfs futex getcwd getdents64 getegid geteuid getgid
    getgroups getpid getppid getrandom getresgid getresuid getrlimit gettid getuid ioctl keyctl lseek lstat
    madvise memfd_create mmap mount mount_setattr move_mount mprotect mremap munmap newfstatat open open_tree openat
    openat2 pidfd_open pidfd_send_signal pipe2 poll ppoll prctl pread64 prlimit64 ptrace read readlink readlinkat
    readv recvmsg rseq rt_sigaction rt_sigprocmask rt_sigreturn sched_setaffinity seccomp sendmsg sendto
    set_robust_list set_tid_address setgid setgroups setpgid setresgid setresuid setrlimit setsid setuid
    sigaltstack socket stat statx sysinfo umask uname unlinkat unshare wait4 waitid write writev""".split()
RAN = 7


def deny(*names, default="SCMP_ACT_ALLOW", action="SCMP_ACT_ERRNO", **more):
    return {"defaultAction": default, "syscalls": [{"names": list(names), "action": action, **more}]}


def allow(*names, default="SCMP_ACT_ERRNO", **more):
    return {"defaultAction": default, "syscalls": [{"names": list(names), "action": "SCMP_ACT_ALLOW"}]
            if names else [], **more}


@pytest.fixture
def tiny(box):
    elf.install(box, "bin/tiny", elf.program(RAN))
    box.args("/bin/tiny")
    box.process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [5, 6]}
    set_caps(box.process, ["CAP_KILL"])
    return box


def end_of(pid):
    """The exit status of a container that we inherited; -N: signal N."""
    host.POPEN.add(pid)     # not to be collected by others
    with deadline_of(15):
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class deadline_of:
    def __init__(self, seconds):
        self.seconds = int(deadline(seconds))

    def __enter__(self):
        signal.signal(signal.SIGALRM, self.late)
        signal.alarm(self.seconds)

    def late(self, *_):
        raise AssertionError(f"no end after {self.seconds} s")

    def __exit__(self, *_):
        signal.alarm(0)


def create_and_start(box):
    box.create().ok()
    box.start().ok()
    status = end_of(box.pid)
    box.delete().ok()
    return status


# ---- each call in turn

@pytest.mark.parametrize("nnp", [True, False])
def test_run_needs_no_call(tiny, nnp):
    tiny.process["noNewPrivileges"] = nnp
    failed = {}
    for call in CALLS:
        tiny.linux["seccomp"] = deny(call)
        r = tiny.run()
        if r.rc != RAN:
            failed[call] = r.err
    assert failed == {}


@pytest.mark.parametrize("nnp", [True, False])
def test_create_and_start_need_no_call(tiny, nnp):
    tiny.process["noNewPrivileges"] = nnp
    failed = []
    for call in ("read", "write", "close", "prctl", "setresuid", "capset", "getgroups", "faccessat2", "rt_sigprocmask"):
        tiny.linux["seccomp"] = deny(call)
        if create_and_start(tiny) != RAN:
            failed.append(call)
    assert failed == []


@pytest.mark.parametrize("userns", [False, True])
@pytest.mark.parametrize("action", ["SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP"])
@pytest.mark.parametrize("nnp", [True, False])
def test_execve_alone(tiny, nnp, action, userns):
    """All but execve is denied, and the program's own exit."""
    if userns:
        tiny.linux["namespaces"].append({"type": "user"})
        tiny.linux["uidMappings"] = tiny.linux["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        os.chmod(tiny.bundle, 0o755)
    tiny.process["noNewPrivileges"] = nnp
    tiny.linux["seccomp"] = allow("execve", "exit_group", default=action)
    assert tiny.run().rc == RAN
    assert create_and_start(tiny) == RAN
    tiny.process["terminal"] = False


@pytest.mark.parametrize("nnp", [True, False])
def test_exec_needs_execve_alone(tiny, nnp):
    tiny.process["noNewPrivileges"] = nnp
    tiny.linux["seccomp"] = allow("execve", "exit_group", "pause", "ppoll", "poll", "rt_sigsuspend", "rt_sigtimedwait",
                                  "nanosleep", "select", "pselect6", "rt_sigaction", "rt_sigprocmask", "brk",
                                  "arch_prctl", "set_tid_address", "write", "openat", "close", "fstat", "newfstatat",
                                  "signalfd4", "epoll_wait", "sigaltstack", "mmap", "mprotect", "prctl", "read")
    tiny.up()
    r = tiny.orlop("exec", tiny.id, "/bin/tiny")
    assert r.rc == RAN, r
    assert (r.out, r.err) == ("", "")


@pytest.mark.parametrize("nnp", [True, False])
def test_start_container_hook(tiny, nnp):
    """The hook is under the filter, what runs it is not: pipes, clone and wait are not the workload's need."""
    tiny.process["noNewPrivileges"] = nnp
    tiny.add_busybox()
    tiny.file("bin/hook", "#!/bin/sh\ngrep -E '^(Seccomp|NoNewPrivs|CapEff|CapBnd):' /proc/self/status >/tmp/seen\n", 0o755)
    os.symlink("busybox", f"{tiny.rootfs}/bin/grep")
    tiny.config["hooks"] = {"startContainer": [{"path": "/bin/hook", "env": ["PATH=/bin"]}]}
    tiny.linux["seccomp"] = deny("memfd_create", "waitid", "ppoll", "prctl", "capset", "clone3", "setresuid", "getgroups")
    assert tiny.run().rc == RAN
    seen = dict(line.split(":\t") for line in kernel.read(f"{tiny.rootfs}/tmp/seen").splitlines())
    assert (seen["Seccomp"], seen["NoNewPrivs"]) == ("2", str(int(nnp)))
    assert (int(seen["CapEff"], 16), int(seen["CapBnd"], 16)) == (0, 1 << 5)


# ---- what the program has, although the filter came last

@pytest.mark.parametrize("caps", [[], ["CAP_KILL"], ["CAP_SYS_ADMIN"]])
@pytest.mark.parametrize("uid", [0, 1000])
@pytest.mark.parametrize("nnp", [True, False])
def test_nothing_is_left_of_what_installs_it(box, nnp, uid, caps):
    """CAP_SYS_ADMIN, which seccomp(2) wants without no_new_privs, is none of the program's."""
    def sets(config):
        box.config.get("linux").pop("seccomp", None)
        if config:
            box.linux["seccomp"] = config
        box.process["noNewPrivileges"] = nnp
        box.process["user"] = {"uid": uid, "gid": uid}
        set_caps(box.process, caps)
        seen = box.probe()
        return seen["caps"], seen["no_new_privs"], seen["uids"], seen["seccomp"]
    without, with_filter = sets(None), sets(deny("mkdir"))
    assert without[:3] == with_filter[:3]
    assert (without[3], with_filter[3]) == (0, 2)


# ---- when it fails after all

@pytest.mark.parametrize("errnum,words", [(None, "operation not permitted"), (38, "function not implemented"),
                                          (95, "operation not supported")])
def test_execve_is_denied(tiny, errnum, words):
    more = {"errnoRet": errnum} if errnum else {}
    tiny.linux["seccomp"] = deny("execve", **more)
    r = tiny.run()
    r.failed("/bin/tiny", words, "the seccomp profile may deny execve(2)", rc=126)
    assert "subgid" not in r.err and "ns/net" not in r.err


@pytest.mark.parametrize("nnp", [True, False])
def test_all_is_denied(tiny, nnp):
    """The process can neither say so nor exit, and says it in memory and traps: at once."""
    tiny.process["noNewPrivileges"] = nnp
    tiny.linux["seccomp"] = allow()
    with deadline_of(10):
        tiny.run().failed("/bin/tiny", "operation not permitted", "seccomp profile", rc=126)
    tiny.create().ok()
    tiny.start()
    assert end_of(tiny.pid) == -signal.SIGILL
    tiny.wait_stopped(5)
    tiny.delete().ok()


def test_killed_by_the_filter(tiny):
    tiny.linux["seccomp"] = allow(default="SCMP_ACT_KILL_PROCESS")
    assert tiny.run().rc == 128 + signal.SIGSYS
