# SPDX-License-Identifier: GPL-2.0-or-later
"""
A node as a kubelet keeps it, by containerd's Container Runtime Interface: a hundred containers in pods, each probed every
second, while containerd comes and goes. On this machine's kernel, in a fresh root:

    tests/fresh --with "$(tests/cloud/packages)" --share "$PWD" trixie -- env ORLOP=$PWD/build/gcc/orlop \\
        python3 -m pytest -q -p no:cacheprovider tests/cloud/node

The tests are one story of the same containers. Figures are added to $CLOUD_TABLE; they are no result. What needs systemd
or controllers is in tests/scenarios/test_cri_node.py.
"""
import json
import os
import pathlib
import signal
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from containerd import ORLOP, run
from pods import Pod
from table import tell

PODS, EACH, PROBED = int(os.environ.get("PODS", "5")), 20, int(os.environ.get("PROBED", "10"))
STATES = "/run/containerd/runc/k8s.io"
# Ends when it is told to, by a file, and tells of itself meanwhile.
PROGRAM = "n=0; until [ -e /tmp/end ]; do n=$((n + 1)); echo $n; sleep 0.5; done; exit 8"


def at_once(work, items, workers=4):
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, items))


class Node:
    """`containers`: {id: pod} of one runtime."""
    def __init__(self, containerd, runtime, pods, each):
        self.containerd = containerd

        def fill(n):
            pod = Pod(containerd.cri, runtime, f"full{n}")
            return {pod.container(f"c{i}", "sleep", "100000"): pod for i in range(each)}
        self.containers = {c: p for some in at_once(fill, range(pods)) for c, p in some.items()}

    def pods(self):
        return list(dict.fromkeys(self.containers.values()))

    def probe(self, container):
        """Seconds that it took."""
        begin = time.monotonic()
        r = self.containerd.cri.ExecSync(container_id=container, cmd=["sh", "-c", "echo fine"], timeout=20)
        assert (r["exit_code"], r["stdout"], r["stderr"]) == (0, b"fine\n", b""), r
        return time.monotonic() - begin

    def probe_each_second(self, seconds):
        """Each container once a second, in turn."""
        begin, gap = time.monotonic(), 1 / len(self.containers)

        def one(turn):
            time.sleep(max(0, begin + turn[0] * gap - time.monotonic()))
            return self.probe(turn[1])
        return at_once(one, enumerate(list(self.containers) * seconds), workers=16)

    def remove(self):
        at_once(Pod.remove, self.pods())


def processes():
    """{pid: what it is}"""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            found[int(pid)] = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended
    return found


def shims(pods):
    ids = {p.id for p in pods}
    return [pid for pid, argv in processes().items() if "shim" in argv[0] and ids & set(argv)]


def seconds_of(pids, own):
    """Processor time of processes, or of those that they have collected."""
    ticks = 0
    for pid in pids:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, stat[11:13] if own else stat[13:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def pids():
    """{container: (pid, status)}, pods among them."""
    return {c["id"]: (c["pid"], c["status"]) for c in json.loads(run(ORLOP, "--root", STATES, "list", "--format", "json"))}


def cri_pid(cri, container):
    return json.loads(cri.ContainerStatus(container_id=container, verbose=True)["info"]["info"])["pid"]


def traces():
    """What might be left: processes, mounts, files of the state, fifos."""
    return {"processes": sorted(" ".join(argv) for argv in processes().values() if argv != [""]),
            "mounts": len(pathlib.Path("/proc/self/mountinfo").read_text().splitlines()),
            "files": sorted(f"{d}/{f}" for d, _, files in os.walk("/run/containerd") for f in files)}


def descriptors(node):
    return [len(os.listdir(f"/proc/{pid}/fd")) for pid in shims(node.pods())]


def until(question, wanted, seconds=20):
    """Who collects what has ended may need a moment."""
    deadline = time.monotonic() + seconds
    while not wanted(seen := question()):
        assert time.monotonic() < deadline, seen
        time.sleep(0.1)


def is_as(before):
    until(traces, lambda seen: seen == before)


@pytest.fixture(scope="module", name="node")
def _node(containerd):
    before = traces()
    begin = time.monotonic()
    node = Node(containerd, "orlop", PODS, EACH)
    tell("node filled", containers=len(node.containers), pods=PODS, seconds=time.monotonic() - begin)
    yield node
    ids, begin = set(pids()), time.monotonic()
    node.remove()
    tell("node emptied", seconds=time.monotonic() - begin)
    is_as(before)
    assert not [p for p, _, _ in os.walk("/sys/fs/cgroup") if any(c in p for c in ids)]


def figures(node, runtime, seconds):
    who = shims(node.pods())
    before = seconds_of(who, own=False), seconds_of([*who, node.containerd.process.pid], own=True)
    begin = time.monotonic()
    times = node.probe_each_second(seconds)
    took = time.monotonic() - begin
    runtimes = seconds_of(who, own=False) - before[0]
    engine = seconds_of([*who, node.containerd.process.pid], own=True) - before[1]
    tell(f"probes, {runtime}", probes=len(times), each_s=took / seconds, p50_ms=statistics.median(times) * 1e3, slowest_ms=max(times) * 1e3,
         cpu_ms=runtimes * 1e3 / len(times), engine_cpu_ms=engine * 1e3 / len(times))


def test_probes(node):
    """They leave nothing, and all containers are those that they were."""
    at_once(node.probe, node.containers)  # the first makes them warm
    alive, before, opened = pids(), traces(), descriptors(node)
    assert len(alive) == PODS * (EACH + 1) and {status for _, status in alive.values()} == {"running"}
    figures(node, "orlop", PROBED)
    is_as(before)
    # a shim has a few more or less at times, but not one for each probe
    assert all(n < m + EACH for n, m in zip(descriptors(node), opened, strict=True))
    assert pids() == alive


def test_probes_of_another_runtime(containerd):
    """To compare: fewer containers, each once a second."""
    other = Node(containerd, "crun", 1, EACH)
    try:
        at_once(other.probe, other.containers)
        figures(other, "crun", max(2, PROBED // 2))
    finally:
        other.remove()


@pytest.fixture(scope="module", name="peer")
def _peer(containerd):
    """A pod to compare with."""
    pod = Pod(containerd.cri, "crun", "peer")
    yield pod
    pod.remove()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_containerd_is_started_again(node, peer, how):
    """All containers are those that they were, and obey. What ended meanwhile has; what is told of it is containerd's."""
    containerd, pod, name = node.containerd, node.pods()[0], how.name.lower()
    ending = [p.container(f"ending-{name}", "sh", "-c", PROGRAM) for p in (pod, peer)]
    going_on = pod.container(f"going-on-{name}", "sh", "-c", PROGRAM)
    alive = pids()
    ends = [cri_pid(p.cri, c) for p, c in zip((pod, peer), ending)]
    containerd.end(how)
    for pid in ends:
        run("touch", f"/proc/{pid}/root/tmp/end")
    time.sleep(1)
    begin = time.monotonic()
    containerd.start()
    seconds = time.monotonic() - begin
    ours, peers = (p.ended(c) for p, c in zip((pod, peer), ending))
    assert ours == peers and ours[0] == 2
    now = pids()
    assert {c: v for c, v in now.items() if c not in ending} == {c: v for c, v in alive.items() if c not in ending}
    said = len(pod.log(f"going-on-{name}"))
    at_once(node.probe, node.containers)
    until(lambda: len(pod.log(f"going-on-{name}")), lambda lines: lines > said)
    for c in (*ending, going_on):
        containerd.cri.StopContainer(container_id=c, timeout=0)
        containerd.cri.RemoveContainer(container_id=c)
    tell(f"containerd again after {how.name}", containers=len(now), seconds=seconds, ended=ours)
