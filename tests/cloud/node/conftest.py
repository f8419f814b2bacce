# SPDX-License-Identifier: GPL-2.0-or-later
"""One containerd for all tests of a node."""
import pathlib
import signal

import pytest
from containerd import Containerd, run


@pytest.fixture(scope="session", name="containerd")
def _containerd():
    for place in ("/var/lib/containerd", "/srv"):
        pathlib.Path(place).mkdir(exist_ok=True)
        run("mount", "-t", "tmpfs", "tmpfs", place)
    daemon = Containerd()
    yield daemon
    daemon.end(signal.SIGTERM)
