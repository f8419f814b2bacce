# SPDX-License-Identifier: GPL-2.0-or-later
"""
    refuse.py NUMBER ERRNO [when INDEX VALUE]... COMMAND...

Run a command below a seccomp filter that answers one system call with an error: what strace does not know by name,
or what shall stay so after execve.  With `when` only if the low half of argument INDEX is VALUE; of several all must be.  x86_64 alone.
"""
import ctypes
import os
import struct
import sys

LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7fff0000, 0x00050000
NR, ARGS = 0, 16  # offsets in struct seccomp_data


def program(number, error, when):
    tests = [(NR, number), *((ARGS + 8 * index, value) for index, value in when)]
    code = []
    for i, (offset, value) in enumerate(tests):
        left = len(tests) - i - 1
        code += [(LOAD, 0, 0, offset), (EQUAL, 0, 2 * left + 1, value)]
    return [*code, (RETURN, 0, 0, ERRNO | error), (RETURN, 0, 0, ALLOW)]


def install(number, error, when=()):
    code = b"".join(struct.pack("=HBBI", *c) for c in program(number, error, when))
    data = ctypes.create_string_buffer(code, len(code))
    fprog = struct.pack("=HxxxxxxQ", len(code) // 8, ctypes.addressof(data))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(22, 2, ctypes.c_char_p(fprog), 0, 0) < 0:  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
        raise OSError(ctypes.get_errno(), "seccomp")


def main(number, error, *argv):
    when = []
    while argv[0] == "when":
        when.append((int(argv[1]), int(argv[2])))
        argv = argv[3:]
    install(int(number), int(error), when)
    os.execvp(argv[0], argv)


if __name__ == "__main__":
    main(*sys.argv[1:])
