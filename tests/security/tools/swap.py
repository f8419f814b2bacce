# SPDX-License-Identifier: GPL-2.0-or-later
"""Names that change under us: swap/swap.c."""
import contextlib
import os
import subprocess

from lib import box as box_module

SWAP = os.path.realpath(os.environ.get("ORLOP_SWAP", f"{box_module.BIN}/../../security/swap/swap"))


class Storm:
    count = 0  # what has been exchanged, when it is over


@contextlib.contextmanager
def swapping(*pairs, blink=()):
    """While the block runs, exchange each (A, B) as fast as can be; and make, link and remove each (PATH, TARGET)."""
    storm = Storm()
    commands = [[SWAP, "loop", *(name for pair in pairs for name in pair)]] if pairs else []
    if blink:
        commands.append([SWAP, "blink", *(f"{path}={target}" for path, target in blink)])
    running = [subprocess.Popen(c, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for c in commands]
    try:
        yield storm
    finally:
        for p in running:
            out, _ = p.communicate("", timeout=30)
            storm.count += sum(map(int, out.split()))


def once(a, b):
    """The shell command that exchanges two names, for a rule of step."""
    return f"{SWAP} once '{a}' '{b}'"
