# SPDX-License-Identifier: GPL-2.0-or-later
"""What Docker's daemon does with the runtime by itself: a restart over running containers."""
import time

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


TASKS = "docker ps -aq --filter label=com.docker.swarm.service.name=s"


def tasks():
    return fine("sh", "-c", TASKS.replace("-aq", "-q")).split()


def until(condition, what):
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.5)


@pytest.fixture
def swarm(docker):
    """Of one node."""
    docker.configure(**{"live-restore": False, "default-runtime": "orlop"})
    fine("systemctl", "reload", "docker")
    fine("docker", "swarm", "init", "--advertise-addr", "127.0.0.1")
    yield
    call("docker", "swarm", "leave", "--force")


def test_swarm(swarm):
    """The tasks of a service have the default runtime."""
    fine("docker", "service", "create", "-q", "--name", "s", "--no-resolve-image", "--limit-memory", "50m", "--limit-pids", "40",
         "--restart-delay", "1s", "--init", "--hostname", "{{.Service.Name}}-{{.Task.Slot}}", IMAGE, "sh", "-c", "exec sleep 1000")
    until(tasks, "the first task")
    c, = tasks()
    assert fine("docker", "inspect", "-f", "{{.HostConfig.Runtime}}", c) == "orlop"
    limits = fine("docker", "exec", c, "sh", "-c", "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max; hostname")
    assert limits.split() == ["52428800", "40", "s-1"]
    fine("docker", "service", "scale", "s=3")
    until(lambda: len(tasks()) == 3, "three tasks")
    fine("docker", "service", "update", "-q", "--no-resolve-image", "--limit-memory", "60m", "--env-add", "A=b",
         "--update-parallelism", "3", "s")
    until(lambda: len(tasks()) == 3, "three tasks")
    seen = {fine("docker", "exec", c, "sh", "-c", "cat /sys/fs/cgroup/memory.max; echo $A") for c in tasks()}
    assert seen == {"62914560\nb"}
    victim = tasks()[0]
    fine("docker", "kill", victim)
    until(lambda: victim not in tasks() and len(tasks()) == 3, "another task in its place")
    fine("docker", "service", "rm", "s")
    until(lambda: not fine("sh", "-c", TASKS), "no task is left")
