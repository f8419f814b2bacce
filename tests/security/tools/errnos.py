# SPDX-License-Identifier: GPL-2.0-or-later
"""Which errors a system call may return, as far as it matters here: man2, and filters of who calls us (EPERM, ENOSYS)."""

USUAL = ["EPERM", "ENOSYS", "EINVAL", "ENOMEM", "EMFILE", "EAGAIN", "ENOSPC", "EIO", "EACCES", "EBUSY"]
# cannot fail, or is the end
NEVER = {"exit", "exit_group", "getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "umask", "rt_sigreturn",
         "set_tid_address", "set_robust_list", "rseq", "arch_prctl", "brk", "munmap", "sched_yield", "clock_gettime",
         "getrandom", "alarm"}
# a signal may come while these wait: that is no failure
INTERRUPTED = {"read", "write", "poll", "ppoll", "wait4", "waitid", "recvmsg", "sendmsg", "connect", "accept4", "flock", "openat",
               "nanosleep", "clock_nanosleep", "rt_sigtimedwait"}
ONLY = {
    "mmap": ["ENOMEM"], "mprotect": ["ENOMEM", "EACCES"], "mremap": ["ENOMEM"],
    "close": ["EIO", "ENOSPC"],
    "read": ["EIO", "EPERM", "ENOMEM"], "pread64": ["EIO"],
    "write": ["EIO", "ENOSPC", "EPERM", "EINVAL", "ENOMEM"],
    "clone3": ["EAGAIN", "ENOMEM", "EPERM", "ENOSPC", "EBUSY", "ENOSYS"], "clone": ["EAGAIN", "ENOMEM", "EPERM"],
    "fork": ["EAGAIN", "ENOMEM"], "vfork": ["EAGAIN", "ENOMEM"],
    "poll": ["ENOMEM", "EINVAL"], "rt_sigaction": ["EINVAL"], "rt_sigprocmask": ["EINVAL"],
    "wait4": ["ECHILD"], "waitid": ["ECHILD"],
    "execve": ["EACCES", "ENOMEM", "EPERM", "EIO", "ENOEXEC"],
}


def of(call):
    """All that are tried."""
    if call in NEVER:
        return []
    return ONLY.get(call, USUAL) + (["EINTR"] if call in INTERRUPTED else [])
