# SPDX-License-Identifier: GPL-2.0-or-later
"""Our own program with a defence left out: src/sys/mutate.h."""
import os

PROGRAM = os.environ.get("ORLOP_MUTANT")
