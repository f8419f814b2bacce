#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
host_ro.py PATH... -- COMMAND...: run a command where every mount of the host is read-only but for /proc, the cgroup
file system, /dev and PATHs, so that a stray write is EROFS and seen.  As a wrapper: wrap=host_ro(path, ...).
"""
import ctypes
import os
import sys

NR_MOUNT_SETATTR, AT_RECURSIVE, RDONLY = 442, 0x8000, 1


def host_ro(*paths):
    return [sys.executable, os.path.abspath(__file__), *paths, "--"]


def _setattr(libc, path, set_, clear):
    attr = (ctypes.c_uint64 * 4)(set_, clear, 0, 0)
    if libc.syscall(NR_MOUNT_SETATTR, -100, os.fsencode(path), AT_RECURSIVE, attr, ctypes.sizeof(attr)) < 0:
        e = ctypes.get_errno()
        raise OSError(e, f"mount_setattr {path}: {os.strerror(e)}")


def main():
    at = sys.argv.index("--")
    paths, command = sys.argv[1:at], sys.argv[at + 1:]
    libc = ctypes.CDLL(None, use_errno=True)
    libc.unshare(0x20000)
    libc.mount(None, b"/", None, ctypes.c_ulong(0x44000), None)  # MS_REC | MS_PRIVATE
    for path in paths:
        os.makedirs(path, exist_ok=True)
        libc.mount(os.fsencode(path), os.fsencode(path), None, ctypes.c_ulong(0x5000), None)  # MS_BIND | MS_REC
    _setattr(libc, "/", RDONLY, 0)
    for path in ("/proc", "/sys/fs/cgroup", "/dev", *paths):
        if os.path.isdir(path):
            _setattr(libc, path, 0, RDONLY)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
