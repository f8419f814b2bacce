# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests with several machines (`tests/vm/lab cluster`) have in common; they run on node1."""
import concurrent.futures
import pathlib
import sys
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/vm"))
from node import on  # noqa: E402

NODES = ["node1", "node2", "node3"]


def fine(run):
    assert run.returncode == 0, run
    return run.stdout.decode().strip()


def at(node, script):
    return fine(on(node, "sh", "-c", script))


def everywhere(function, *args):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return list(pool.map(function, NODES, *args))


def until(question, wanted, seconds=180, step=1, why=lambda: None):
    """The answer that is wanted; `why` is asked when there is none."""
    deadline = time.monotonic() + seconds
    while not wanted(answer := question()):
        assert time.monotonic() < deadline, (answer, why())
        time.sleep(step)
    return answer
