# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs of a few instructions, written by hand: whatever else happens is not theirs."""
import struct

X86_64, AARCH64 = 62, 183
EXIT_GROUP = 231


def program(status=0, machine=X86_64, loader=None, bits=64):
    """It calls exit_group(2) with @status; if that is denied, it executes an instruction that is none."""
    code = b"\xb8" + struct.pack("<I", EXIT_GROUP) + b"\xbf" + struct.pack("<I", status) + b"\x0f\x05\x0f\x0b"
    name = loader.encode() + b"\0" if loader else b""
    n = 2 if loader else 1
    start = 64 + 56 * n + len(name)
    size = start + len(code)
    head = struct.pack("<4sBBB9sHHIQQQIHHHHHH", b"\x7fELF", bits // 32, 1, 1, b"", 2, machine, 1, 0x400000 + start, 64, 0,
                       0, 64, 56, n, 0, 0, 0)
    interp = struct.pack("<IIQQQQQQ", 3, 4, 64 + 56 * n, 0x400000 + 64 + 56 * n, 0, len(name), len(name), 1) if loader else b""
    return head + interp + struct.pack("<IIQQQQQQ", 1, 5, 0, 0x400000, 0x400000, size, size, 4096) + name + code


def install(box, path, data, mode=0o755):
    """As a file of the rootfs."""
    p = box.file(path, "", mode)
    with open(p, "wb") as f:
        f.write(data)
    return p
