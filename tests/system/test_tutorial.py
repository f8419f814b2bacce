# SPDX-License-Identifier: GPL-2.0-or-later
"""
orlop-tutorial(7): each command on it works and shows what stands below it.  What is about services is played in
tests/scenarios/test_units.py.
"""
import os
import pathlib

from lib.box import PROGRAM
from lib.tutorial import BY_HAND, Shell, play, sections, shows


def test_page_is_read():
    found = sections()
    assert BY_HAND | {"4. As a service"} == set(found) and sum(len(c) for c in found.values()) > 25
    assert shows(["a...", "...", "z"], "ab\nx\ny\nz\n") and not shows(["a...", "z"], "ab\nx\nz\n")


def test_by_hand(tmp, orlop):
    for d in ("bin", "home"):
        os.mkdir(f"{tmp}/{d}")
    wrapper = pathlib.Path(f"{tmp}/bin/orlop")
    wrapper.write_text(f'#!/bin/sh\nexec {PROGRAM} --root {orlop.root} "$@"\n')
    wrapper.chmod(0o755)
    shell = Shell(f"{tmp}/home", PATH=f"{tmp}/bin:{os.environ['PATH']}")
    try:
        play(shell, sorted(BY_HAND))
    finally:
        shell.close()
    assert orlop.ids() == []
