# SPDX-License-Identifier: GPL-2.0-or-later
"""
What a kubelet does with containers that run, on a node where systemd makes the cgroups: what it is told, what it changes
and how it ends them is what the kernel shows, also after containerd was started again. A hundred containers and their
probes are in tests/cloud/node, which is ten times faster.
"""
import json
import os
import pathlib
import time

import pytest

from conftest import call
from cri import Error
from pods import POD, Pod

MIB = 1 << 20
IDS = [{"host_id": 200000, "container_id": 0, "length": 65536}]
# Has 4 MiB to show, and ends with status 6 when it is told to.
PROGRAM = "trap 'exit 6' TERM; x=$(dd if=/dev/zero bs=1M count=4 | tr '\\0' x); n=0; while :; do n=$((n + 1)); echo $n; sleep 0.2; done"


def pid(pod, container):
    info = pod.cri.ContainerStatus(container_id=container, verbose=True)["info"]["info"]
    return json.loads(info)["pid"]


def unit(container):
    return pathlib.Path(f"/sys/fs/cgroup/kubepods.slice/cri-containerd-{container}.scope")


def fields(path):
    return {k: int(v) for k, v in (line.split() for line in path.read_text().splitlines())}


def until(question, seconds=60):
    deadline = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < deadline
        time.sleep(0.2)


LIMITS = {"memory_limit_in_bytes": 40 * MIB, "memory_swap_limit_in_bytes": 40 * MIB, "cpu_quota": 50000, "cpu_period": 100000,
          "cpu_shares": 512, "unified": {"memory.high": str(36 * MIB)}}
CHANGED = {"memory_limit_in_bytes": 80 * MIB, "memory_swap_limit_in_bytes": 80 * MIB, "cpu_quota": 150000, "cpu_period": 100000,
           "cpu_shares": 2048, "cpuset_cpus": "1", "unified": {"memory.high": str(70 * MIB)}}
WANTED = {"memory.max": str(80 * MIB), "memory.high": str(70 * MIB), "cpu.max": "150000 100000", "cpuset.cpus": "1"}


@pytest.fixture(scope="module", name="node")
def _node(cri):
    """[(pod, container, name)]: two of one pod, and one of a pod with a user namespace."""
    plain = Pod(cri, "orlop", "plain")
    mapped = Pod(cri, "orlop", "mapped", namespace_options={"network": POD, "userns_options": {"mode": POD, "uids": IDS, "gids": IDS}})
    # containerd maps the ids of volumes since 2.0, which is also what tells of its handlers; before it takes them as they are
    maps = {"uidMappings": IDS, "gidMappings": IDS} if cri.Status(verbose=False)["runtime_handlers"] else {}
    os.makedirs("/srv/node-volume", exist_ok=True)
    os.chmod("/srv/node-volume", 0o777)
    volume = [{"container_path": "/data", "host_path": "/srv/node-volume", **maps}]
    running = [(p, p.container(name, "sh", "-c", PROGRAM, resources=LIMITS, mounts=volume), name)
               for p, name in ((plain, "a"), (plain, "b"), (mapped, "c"))]
    for p, _, name in running:
        until(lambda p=p, name=name: p.log(name))
    yield running
    for p in (plain, mapped):
        p.remove()
    ids = [plain.id, mapped.id, *(c for _, c, _ in running)]
    left = call("sh", "-c", "find /sys/fs/cgroup /run/containerd; ps -eo args; cat /proc/self/mountinfo").out
    assert not [line for line in left.splitlines() if any(i in line for i in ids)]


def test_user_namespace(node):
    """Its root is nobody's outside; files of the volume are whose containerd says."""
    (plain, a, _), _, (mapped, c, _) = node
    assert mapped.sh(c, "touch /data/c; cat /proc/self/uid_map; stat -c %u /data/c")[1].split() == ["0", "200000", "65536", "0"]
    owner = os.stat(f"/proc/{pid(mapped, c)}").st_uid, os.stat("/srv/node-volume/c").st_uid
    assert owner == (200000, 0 if plain.cri.Status(verbose=False)["runtime_handlers"] else 200000)
    assert plain.sh(a, "cat /proc/self/uid_map")[1].split() == ["0", "0", str((1 << 32) - 1)]


def test_resize_in_place(node):
    """Inside and outside, for systemd too, and still so when systemd has read its units again. Nobody is started anew."""
    before = [pid(p, c) for p, c, _ in node]
    for p, c, _ in node:
        assert (unit(c) / "memory.max").read_text() == f"{40 * MIB}\n"
        p.cri.UpdateContainerResources(container_id=c, linux=CHANGED)
    assert call("systemctl", "daemon-reload").rc == 0
    for p, c, _ in node:
        assert p.sh(c, f"cd /sys/fs/cgroup; cat {' '.join(WANTED)}") == (0, "\n".join(WANTED.values()) + "\n", "")
        assert {f: (unit(c) / f).read_text().strip() for f in WANTED} == WANTED
        said = call("systemctl", "show", "-p", "MemoryMax,CPUQuotaPerSecUSec,AllowedCPUs", unit(c).name).out
        assert sorted(said.split()) == ["AllowedCPUs=1", "CPUQuotaPerSecUSec=1.500000s", f"MemoryMax={80 * MIB}"]
        status = p.cri.ContainerStatus(container_id=c)["status"]
        assert status["state"] == 1 and status["resources"]["linux"]["memory_limit_in_bytes"] == 80 * MIB
    assert [pid(p, c) for p, c, _ in node] == before


def figures(stats):
    return {"cpu": stats["cpu"]["usage_core_nano_seconds"]["value"], "memory": stats["memory"]["working_set_bytes"]["value"]}


def kernels(*containers):
    """The same by the files of the cgroups."""
    seen = {"cpu": 0, "memory": 0}
    for c in containers:
        inactive = fields(unit(c) / "memory.stat")["inactive_file"]
        seen["cpu"] += fields(unit(c) / "cpu.stat")["usage_usec"] * 1000
        seen["memory"] += int((unit(c) / "memory.current").read_text()) - inactive
    return seen


def agree(stats, before, after):
    """The kernel charges memory in portions, to which each processor may add."""
    assert before["cpu"] <= stats["cpu"] <= after["cpu"]
    assert min(before["memory"], after["memory"]) - MIB <= stats["memory"] <= max(before["memory"], after["memory"]) + MIB


def test_stats(node):
    (pod, a, _), (_, b, _), _ = node
    cri, both = pod.cri, [a, b]
    before = [kernels(c) for c in both]
    each = [figures(cri.ContainerStats(container_id=c)["stats"]) for c in both]
    listed = {s["attributes"]["id"]: figures(s) for s in cri.ListContainerStats(filter={"pod_sandbox_id": pod.id})["stats"]}
    of_pod = {s["attributes"]["id"]: figures(s) for s in cri.PodSandboxStats(pod_sandbox_id=pod.id)["stats"]["linux"]["containers"]}
    after = [kernels(c) for c in both]
    assert set(listed) == set(of_pod) == set(both)
    for c, asked, first, last in zip(both, each, before, after):
        assert first["memory"] > 4 * MIB
        for stats in (asked, listed[c], of_pod[c]):
            agree(stats, first, last)


@pytest.mark.parametrize("how", ["restart", "kill --kill-whom=main -s KILL"])
def test_containerd_is_started_again(node, how):
    """By systemd: all containers are those that they were, go on to write, and obey."""
    def main():
        return call("systemctl", "show", "-P", "MainPID", "containerd").out

    def answers():
        try:
            return node[0][0].cri.Status(verbose=False)
        except Error:
            return False
    before, daemon = [pid(p, c) for p, c, _ in node], main()
    assert call("systemctl", *how.split(), "containerd").rc == 0
    until(lambda: main() not in (daemon, "0\n") and answers())
    assert [pid(p, c) for p, c, _ in node] == before
    for p, c, name in node:
        written = len(p.log(name))
        assert p.sh(c, "echo fine") == (0, "fine\n", "")
        p.cri.UpdateContainerResources(container_id=c, linux={"memory_limit_in_bytes": 60 * MIB})
        assert (unit(c) / "memory.max").read_text() == f"{60 * MIB}\n"
        until(lambda: len(p.log(name)) > written)


def test_grace(node):
    """Who ends by himself is given the time for it; who does not is killed after it."""
    pod, a, _ = node[0]
    deaf = pod.container("deaf", "sh", "-c", "trap 'echo no' TERM; echo up; while :; do sleep 0.2; done")
    until(lambda: pod.log("deaf") == ["stdout F up"])
    begin = time.monotonic()
    pod.cri.StopContainer(container_id=a, timeout=60)
    assert time.monotonic() - begin < 50 and pod.ended(a)[:2] == (2, 6)
    begin = time.monotonic()
    pod.cri.StopContainer(container_id=deaf, timeout=2)
    assert time.monotonic() - begin >= 2
    assert pod.ended(deaf)[:2] == (2, 137) and pod.log("deaf") == ["stdout F up", "stdout F no"]
