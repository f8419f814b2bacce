# SPDX-License-Identifier: GPL-2.0-or-later
"""Podman as root, on its default settings."""
import pytest

from conftest import IMAGE, beside, host

ONCE = ["run", "--rm", "--network", "none"]
LONG = ["run", "-d", "--network", "none", "--name", "{c}"]
REMOVE = ["rm", "-f", "-t", "0", "{c}"]

SCENARIOS = {
    "run": [[*ONCE, IMAGE, "id"], [*ONCE, IMAGE, "sh", "-c", "exit 7"], [*ONCE, IMAGE, "nosuch"], [*ONCE, IMAGE, "/etc"]],
    "life": [[*LONG, IMAGE, "sleep", "1000"], ["exec", "{c}", "cat", "/proc/1/comm"], ["pause", "{c}"], ["exec", "{c}", "true"],
             ["unpause", "{c}"], ["logs", "{c}"], ["kill", "-s", "TERM", "{c}"], ["stop", "-t", "0", "{c}"], REMOVE,
             host("systemctl", "list-units", "--all", "--plain", "--no-legend", "libpod-*.scope")],
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_podman(podman, name):
    beside(podman, name, SCENARIOS[name])
