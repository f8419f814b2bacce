# SPDX-License-Identifier: GPL-2.0-or-later
"""
Containers at random, orlop killed at random, and nothing left: drive.py, and that it sees each kind of leak.

    ENDURANCE_SECONDS   how long (20)
    ENDURANCE_ALONE     set: nobody else works on this machine, so that its counters count
    ENDURANCE_TABLE     a file for what it has printed
"""
import os
import pathlib
import re
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "system")]

import counters  # noqa: E402
from lib import host  # noqa: E402

SECONDS = float(os.environ.get("ENDURANCE_SECONDS", 20))
ALONE = "ENDURANCE_ALONE" in os.environ
OPTIONS = [*(["--alone"] if ALONE else []), *(["--systemd"] if host.IN_VM else [])]
IN_VM_ONLY = {"units", "managers"}
KINDS = [*counters.OWN, *(k for k in counters.MACHINE if ALONE and (host.IN_VM or k not in IN_VM_ONLY))]


def drive(*args, timeout):
    r = subprocess.run([HERE / "drive.py", *args, *OPTIONS], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       timeout=timeout, check=False)
    return r.returncode, r.stdout


def test_nothing_is_left():
    rc, out = drive("--seconds", str(SECONDS), timeout=2 * SECONDS + 900)
    if "ENDURANCE_TABLE" in os.environ:
        with open(os.environ["ENDURANCE_TABLE"], "a", encoding="utf-8") as f:
            f.write(out)
    assert rc == 0, out[-20000:]
    assert re.search(r"[1-9]\d* killed", out), out


@pytest.mark.parametrize("kind", KINDS)
def test_a_leak_is_seen(kind):
    rc, out = drive("--seconds", "0", "--containers", "4", "--patience", "1", "--leak", kind, timeout=300)
    assert rc == 1 and re.search(rf"^{kind}: ", out.partition("left behind:")[2], re.M), out
