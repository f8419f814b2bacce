# SPDX-License-Identifier: GPL-2.0-or-later
"""What Docker's daemon does with the runtime by itself: a restart over running containers."""
import pytest

from conftest import IMAGE, PEER, beside, call
from test_docker import LONG, REMOVE, ex, fine, state


@pytest.fixture(scope="session")
def restarted(docker):
    """dockerd killed and started again while containers run."""
    docker.configure(**{"live-restore": True})
    fine("systemctl", "reload", "docker")
    pids = {}
    for r in (PEER, "orlop"):
        c = f"s-{r}-restored"
        for step in ([*LONG[:-1], c, "-m", "60m", IMAGE, "sh", "-c", "trap 'exit 6' TERM; echo up; while :; do sleep 0.1; done"],
                     ["run", "-d", "--network", "none", "--name", f"{c}-2", IMAGE, "sh", "-c", "while ! [ -e /tmp/end ]; do sleep 0.1; done; exit 8"]):
            assert docker(r, *step).rc == 0
        pids[r] = fine("docker", "inspect", "-f", "{{.State.Pid}}", c)
    fine("systemctl", "kill", "-s", "KILL", "docker.service")
    fine("systemctl", "reset-failed", "docker.service")
    fine("systemctl", "restart", "docker")
    yield pids
    for r in (PEER, "orlop"):
        call("docker", "rm", "-f", f"s-{r}-restored", f"s-{r}-restored-2")


def test_live_restore(docker, restarted):
    for r, pid in restarted.items():
        assert fine("docker", "inspect", "-f", "{{.State.Pid}}", f"s-{r}-restored") == pid
    beside(docker, "restored", [ex("{c}", "cat", "/proc/self/cgroup"), ["update", "--memory", "70m", "--memory-swap", "-1", "{c}"],
                                ex("{c}", "cat", "/sys/fs/cgroup/memory.max"), ["pause", "{c}"], ["unpause", "{c}"],
                                ex("{c}-2", "touch", "/tmp/end"), ["wait", "{c}-2"], ["stop", "-t", "20", "{c}"], state(), ["logs", "{c}"],
                                ["start", "{c}"], REMOVE])
