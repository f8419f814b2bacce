# SPDX-License-Identifier: GPL-2.0-or-later
"""System calls and files of /proc that the tests look at; nothing here knows the program."""
import contextlib
import ctypes
import errno
import os
import sys
import re
import time

CLONE = {"mount": 0x20000, "cgroup": 0x2000000, "uts": 0x4000000, "ipc": 0x8000000,
         "user": 0x10000000, "pid": 0x20000000, "network": 0x40000000}
NS_FILE = {"mount": "mnt", "network": "net"}
MS = {"ro": 1, "nosuid": 2, "nodev": 4, "noexec": 8, "remount": 32, "bind": 4096, "move": 8192,
      "rec": 16384, "unbindable": 1 << 17, "private": 1 << 18, "slave": 1 << 19, "shared": 1 << 20}
SUPER_MAGIC = {"proc": 0x9fa0, "tmpfs": 0x01021994, "devpts": 0x1cd1, "sysfs": 0x62656572,
               "pipefs": 0x50495045, "sockfs": 0x534f434b, "anon": 0x09041934,
               "cgroup2": 0x63677270, "mqueue": 0x19800202}

_libc = ctypes.CDLL(None, use_errno=True)


def _check(r, what):
    if r < 0:
        e = ctypes.get_errno()
        raise OSError(e, f"{what}: {os.strerror(e)}")
    return r


def prctl(option, arg=0):
    return _check(_libc.prctl(option, ctypes.c_ulong(arg), 0, 0, 0), f"prctl({option})")


def core_sched_cookie(pid=0):
    """PR_SCHED_CORE_GET; an error as a negative number."""
    value = ctypes.c_uint64()
    r = _libc.prctl(62, ctypes.c_ulong(0), ctypes.c_ulong(pid), ctypes.c_ulong(0), ctypes.byref(value))
    return value.value if r == 0 else -ctypes.get_errno()


def unshare(flags):
    _check(_libc.unshare(flags), "unshare")


def mount(source, target, fstype=None, flags=0, data=None):
    def enc(x):
        return None if x is None else os.fsencode(x)
    _check(_libc.mount(enc(source), enc(target), enc(fstype), ctypes.c_ulong(flags), enc(data)),
           f"mount {source} on {target}")


def umount(target, flags=2):  # MNT_DETACH
    _check(_libc.umount2(os.fsencode(target), flags), f"umount {target}")


def until(condition, timeout=15, what="condition"):
    """
    Poll until condition() is true and return its value; fail loudly at the deadline.  A file or a process that is not
    there, not yet or no more, is no answer: what the condition looks at is changing.
    """
    end = time.monotonic() + timeout
    pause = 0.002
    while True:
        missing = None
        try:
            value = condition()
        except (FileNotFoundError, ProcessLookupError) as e:
            value, missing = None, e
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"timed out after {timeout} s: {what}") from missing
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def read(path):
    with open(path, "rb") as f:
        return f.read().decode("utf-8", "surrogateescape")


def status(pid):
    """/proc/PID/status as a dict of strings."""
    return dict(line.split(":\t", 1) if ":\t" in line else line.split(":", 1)
                for line in read(f"/proc/{pid}/status").splitlines())


def stat_fields(pid):
    """/proc/PID/stat behind the name: [0] is the state, [1] the parent."""
    return read(f"/proc/{pid}/stat").rpartition(")")[2].split()


def alive(pid):
    """Neither gone nor a zombie."""
    try:
        return stat_fields(pid)[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def ns_inode(pid, kind):
    return os.stat(f"/proc/{pid}/ns/{NS_FILE.get(kind, kind)}").st_ino


def children(pid="self"):
    pid = os.getpid() if pid == "self" else pid
    found = set()
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            found.update(int(p) for p in read(f"/proc/{pid}/task/{task}/children").split())
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found


def opened(pid):
    """What the process has open: the targets of /proc/PID/fd.  One that it closes meanwhile is left out."""
    found = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
    return found


class Mount:
    """One line of mountinfo: see proc_pid_mountinfo(5)."""

    def __init__(self, line):
        left, right = line.split(" - ", 1)
        f = left.split(" ")
        self.id, self.parent, self.dev = int(f[0]), int(f[1]), f[2]
        self.root, self.target = _unescape(f[3]), _unescape(f[4])
        self.options = set(f[5].split(","))
        self.optional = f[6:]
        self.propagation = {o.split(":")[0] for o in self.optional if o}
        self.fstype, source, sb = (right.split(" ") + [""])[:3]
        self.source = _unescape(source)
        self.super = set(sb.split(","))

    def __repr__(self):
        return (f"<{self.fstype} {self.root} on {self.target} {','.join(sorted(self.options))} "
                f"{self.optional} {','.join(sorted(self.super))}>")


def _unescape(s):
    return re.sub(r"\\(\d{3})", lambda m: chr(int(m[1], 8)), s)


def parse_mountinfo(text):
    return [Mount(line) for line in text.splitlines() if line]


def mounts_at(mounts, target):
    return [m for m in mounts if m.target == target]


def mount_at(mounts, target):
    """The topmost mount on target."""
    found = mounts_at(mounts, target)
    assert found, f"nothing is mounted on {target}: {mounts}"
    return found[-1]


def process_with_pid(pid, argv):
    """A child of ours that has this number and runs argv: clone3(2), set_tid.  None if it is taken."""
    tid = (ctypes.c_int * 1)(pid)
    args = (ctypes.c_uint64 * 11)(0, 0, 0, 0, 17, 0, 0, 0, ctypes.addressof(tid), 1, 0)  # SIGCHLD
    r = _libc.syscall(435, args, ctypes.sizeof(args))
    if r == 0:
        try:
            os.execv(argv[0], argv)
        finally:
            os._exit(127)
    return r if r == pid else None


def has_call(number):
    """Arguments that are wrong are another error than ENOSYS."""
    return _libc.syscall(number, 0, 0, 0, ctypes.c_ulong(0xffffffff)) < 0 and ctypes.get_errno() != 38


def has_tree_namespaces():
    """OPEN_TREE_NAMESPACE of open_tree(2), Linux 7.0: flags are looked at first."""
    return _libc.syscall(428, -1, b"", 2 | os.O_CLOEXEC | 0x1000) < 0 and ctypes.get_errno() == errno.EBADF


def session_keyring():
    """Serial number of ours: KEYCTL_GET_KEYRING_ID."""
    return _libc.syscall(250, 0, -3, 0)


def _program_name(id):
    """bpf(2), BPF_PROG_GET_FD_BY_ID and BPF_OBJ_GET_INFO_BY_FD; None when it is gone."""
    attr = (ctypes.c_uint32 * 30)(id)
    fd = _libc.syscall(321, 13, attr, ctypes.sizeof(attr))
    if fd < 0:
        return None
    info = ctypes.create_string_buffer(256)
    attr = (ctypes.c_uint32 * 30)(fd, len(info))
    ctypes.cast(attr, ctypes.POINTER(ctypes.c_uint64))[1] = ctypes.addressof(info)
    assert _libc.syscall(321, 15, attr, ctypes.sizeof(attr)) >= 0, os.strerror(ctypes.get_errno())
    os.close(fd)
    return info.raw[64:80].split(b"\0")[0].decode()


def bpf_program_ids():
    """Loaded BPF programs that are not systemd's own, or None where we may not ask: BPF_PROG_GET_NEXT_ID."""
    ids, attr = set(), (ctypes.c_uint32 * 30)()
    while True:
        if _libc.syscall(321, 11, attr, ctypes.sizeof(attr)) < 0:
            return ids if ctypes.get_errno() == 2 else None
        if not (_program_name(attr[1]) or "sd_").startswith(("sd_", "restrict_")):
            ids.add(attr[1])
        attr[0] = attr[1]


def device_programs(directory):
    """The names of the device programs of a cgroup, sorted: BPF_PROG_QUERY."""
    ids, attr = (ctypes.c_uint32 * 64)(), (ctypes.c_uint32 * 30)()
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    attr[0], attr[1], attr[6] = fd, 6, len(ids)
    ctypes.cast(attr, ctypes.POINTER(ctypes.c_uint64))[2] = ctypes.addressof(ids)
    assert _libc.syscall(321, 16, attr, ctypes.sizeof(attr)) >= 0, os.strerror(ctypes.get_errno())
    os.close(fd)
    return sorted(_program_name(ids[i]) for i in range(attr[6]))


class Watch:
    """What is made in these directories from now on, inotify(7), also if it is gone again when it is asked."""

    def __init__(self, *directories):
        self._fd = _check(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), "inotify_init1")
        for d in directories:
            _check(_libc.inotify_add_watch(self._fd, os.fsencode(d), 0x100), f"inotify_add_watch({d})")  # IN_CREATE

    def made(self):
        names = []
        try:
            data = os.read(self._fd, 1 << 16)
        except BlockingIOError:
            data = b""
        while data:
            n = int.from_bytes(data[12:16], sys.byteorder)
            names.append(data[16:16 + n].rstrip(b"\0").decode())
            data = data[16 + n:]
        os.close(self._fd)
        return names
