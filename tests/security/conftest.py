# SPDX-License-Identifier: GPL-2.0-or-later
"""
Attacks, with the fixtures of the system tests (tests/system/conftest.py: box, make_box, orlop, canary, tmp; after
every test nothing may be left).  README.md has the tools.

    ORLOP=$build/orlop ORLOP_TEST_BIN=$build/tests/system/probe ORLOP_MUTANT=$mutations/orlop \\
        /usr/bin/python3 -m pytest -q -p no:cacheprovider tests/security [-k T31] [--most 40 | --every 1] [--seed 3]

Fixtures
    mutant      mutant("T35"): from here on orlop and box use the build in which that defence is left out;
                skipped without ORLOP_MUTANT
    sample      sample(list): at most --most of it, evenly spread, from a place that --seed chooses; with --every 1
                all, with --every 3 every third
Markers case("T31", "T35") and control("T31"): tests/system/conftest.py.
"""
import importlib.util
import os
import sys

import pytest

HERE = os.path.dirname(os.path.realpath(__file__))
SYSTEM = os.path.join(os.path.dirname(HERE), "system")
sys.path[:0] = [HERE, SYSTEM]

_spec = importlib.util.spec_from_file_location("system_conftest", f"{SYSTEM}/conftest.py")
system_conftest = sys.modules["system_conftest"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(system_conftest)
from system_conftest import *  # noqa: E402,F401,F403  its hooks and fixtures are ours

from tools import mutant as mutant_build  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--most", type=int, default=40, help="sweeps: how many points of each")
    parser.addoption("--every", type=int, default=int(os.environ.get("ORLOP_EVERY", 0)), help="sweeps: every N-th point instead; 1: all")
    parser.addoption("--seed", type=int, default=int(os.environ.get("ORLOP_SEED", 0)), help="sweeps: where to begin")


def pytest_report_header(config):
    every = config.getoption("--every")
    return f"sweeps: {f'--every {every}' if every else '--most %d' % config.getoption('--most')} --seed {config.getoption('--seed')}"


@pytest.fixture
def mutant(orlop):
    def leave_out(*names):
        if not mutant_build.PROGRAM:
            pytest.skip("ORLOP_MUTANT names no program: configure --enable-mutations")
        orlop.program = mutant_build.PROGRAM
        orlop.env["ORLOP_MUTATE"] = ",".join(names)
    return leave_out


@pytest.fixture
def sample(request):
    every, most, seed = (request.config.getoption(f"--{o}") for o in ("every", "most", "seed"))

    def choose(points):
        points = list(points)
        step = every or -(-len(points) // most) or 1
        return points[seed % step::step]
    return choose
