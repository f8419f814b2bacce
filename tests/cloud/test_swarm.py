# SPDX-License-Identifier: GPL-2.0-or-later
"""
Docker Swarm on three machines, orlop the runtime of each because contrib/engines/setup said so. Runs on node1 of

    tests/vm/lab cluster 3 --setup tests/scenarios/setup --share "$PWD" --env ORLOP="$PWD/build/gcc/orlop" -- \\
        python3 -m pytest -q -p no:cacheprovider tests/cloud/test_swarm.py

The tests are one story: each begins where the one before it ended. What was seen, and the seconds it took, is
appended to $SCENARIOS_TABLE.
"""
import collections
import http.client
import os
import subprocess
import threading
import time

import cluster
from cluster import NODES, TOP, at, everywhere, fine

PORT = 8080
# Says which version it is and who; when it is told to end, it goes on until nobody is sent to it any more.
WEB = """trap 'sleep 3; exit' TERM
mkdir /www && echo "$VERSION $(hostname) $(cat /run/secrets/word) $(cat /etc/page)" >/www/index.html
httpd -f -p 80 -h /www & while :; do wait; sleep 1; done"""
LIMITS = ["--limit-memory", "48M", "--limit-cpu", "0.5", "--limit-pids", "30", "--reserve-memory", "16M"]
HEALTH = ["--health-cmd", "wget -q -O /dev/null http://127.0.0.1/", "--health-interval", "10m", "--health-start-period", "2m",
          "--health-start-interval", "1s", "--health-timeout", "30s"]
UPDATE = ["--update-parallelism", "3", "--update-order", "start-first", "--update-monitor", "1s",
          "--rollback-parallelism", "3", "--rollback-order", "start-first", "--rollback-monitor", "1s"]


def docker(*args, stdin=None, timeout=300):
    return fine(subprocess.run(["docker", *args], input=stdin, capture_output=True, timeout=timeout))


def until(question, wanted, **options):
    return cluster.until(question, wanted, why=lambda: (docker("service", "ps", "--no-trunc", "web"), docker("node", "ls")), **options)


def running(service="web"):
    """Where its replicas run: [node, ...]"""
    tasks = docker("service", "ps", service, "-f", "desired-state=running", "--format", "{{.Node}} {{.CurrentState}}")
    return sorted(line.split()[0] for line in tasks.splitlines() if line.split()[1] == "Running")


def get(node, timeout=20):
    connection = http.client.HTTPConnection(node, PORT, timeout=timeout)
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def all_answer(node):
    """What this node's requests give, once each of six replicas has had one."""
    answers = set()

    def another():
        try:
            answers.add(get(node))
        except (OSError, http.client.HTTPException):
            pass
        return answers

    return until(another, lambda seen: len(seen) == 6, step=0)


class Load:
    """Requests, one after the other, to these nodes in turn, while the body of `with` runs."""

    def __init__(self, *nodes, timeout=20):
        self.nodes, self.timeout, self.seen, self.failures, self.slowest = nodes, timeout, collections.Counter(), [], 0
        self.end, self.begin = threading.Event(), time.monotonic()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        count = 0
        while not self.end.is_set():
            node, begin = self.nodes[count % len(self.nodes)], time.monotonic()
            try:
                status, text = get(node, self.timeout)
                assert status == 200, status
                self.seen[text.split()[0]] += 1
            except (OSError, http.client.HTTPException, AssertionError, IndexError) as e:
                self.failures.append((round(begin - self.begin, 1), node, repr(e)))
            self.slowest = max(self.slowest, time.monotonic() - begin)
            count += 1
            self.end.wait(0.1)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.end.set()
        self.thread.join()

    def __str__(self):
        versions = ", ".join(f"{n} of version {v}" for v, n in sorted(self.seen.items()))
        return f"requests: {versions}, {len(self.failures)} failed, slowest {self.slowest:.1f} s"


def install(node):
    return at(node, f"install -m 755 {os.environ['ORLOP']} /usr/local/bin/orlop && sh {TOP}/contrib/engines/setup docker && "
                    "systemctl reload docker && docker info -f '{{.DefaultRuntime}} {{.CgroupDriver}}'")


def test_machines_become_a_swarm(told):
    assert [text.splitlines()[-1] for text in everywhere(install)] == ["orlop systemd"] * 3
    docker("swarm", "init", "--advertise-addr", "10.77.0.1")
    token = docker("swarm", "join-token", "-q", "worker")
    join = f"docker swarm join --advertise-addr eth0 --token {token} 10.77.0.1:2377"
    everywhere(at, ["docker info -f '{{.Swarm.ControlAvailable}}'", join, join])
    docker("node", "update", "--label-add", "disk=fast", "node2")
    until(lambda: docker("node", "ls", "--format", "{{.Hostname}} {{.Status}}"), lambda text: text.count("Ready") == 3)
    told("3 nodes ready")


def test_service(told):
    """Six replicas, two on each node; each node answers for all of them."""
    docker("secret", "create", "word", "-", stdin=b"secret-word\n")
    docker("config", "create", "page", "-", stdin=b"page-text\n")
    docker("service", "create", "-d", "--no-resolve-image", "--name", "web", "--replicas", "6", "-p", f"{PORT}:80", "-e", "VERSION=1",
           "--secret", "word", "--config", "source=page,target=/etc/page,mode=0444", *LIMITS, *HEALTH, *UPDATE, "bb", "sh", "-c", WEB)
    begin = time.monotonic()
    assert until(running, lambda nodes: len(nodes) == 6) == sorted(NODES * 2)
    told(f"6 replicas run after {time.monotonic() - begin:.0f} s")
    for node in NODES:
        assert all(status == 200 and text.endswith(" secret-word page-text\n") for status, text in all_answer(node))


LOOK = """for id in $(docker ps -q --no-trunc -f name=web.); do
cd /sys/fs/cgroup/system.slice/docker-$id.scope && echo $(cat memory.max pids.max cpu.max) $(docker inspect -f '{{.HostConfig.Runtime}}' $id)
orlop --root /run/docker/runtime-runc/moby state $id | jq -r .status
docker exec $id sh -c 'grep " /run/secrets/word " /proc/mounts | cut -d" " -f3,4 | cut -d, -f1; stat -c "%a %U" /etc/page'
done"""


def test_kernel_has_the_limits(told):
    """On each node: those of the service, in the cgroup that systemd made; the secret in memory that is read-only."""
    wanted = ["50331648 30 50000 100000 orlop", "running", "tmpfs ro", "444 root"]
    assert everywhere(at, [LOOK] * 3) == ["\n".join(wanted * 2)] * 3
    told("memory.max, pids.max, cpu.max, secret of 6 containers")


def test_constraint(told):
    docker("service", "create", "-d", "--no-resolve-image", "--name", "pinned", "--replicas", "2", "--constraint", "node.labels.disk==fast",
           "bb", "sleep", "1000")
    assert until(lambda: running("pinned"), lambda nodes: len(nodes) == 2) == ["node2", "node2"]
    docker("service", "rm", "pinned")
    told("2 replicas where the label is")


def test_sixty_containers(told):
    """
    With the six there are sixty, twenty on each node; orlop and systemd know them, and when they go they are gone.  In the
    host's network, as half of what a container of Docker takes in an emulated machine is its network.
    """
    count = "orlop --root /run/docker/runtime-runc/moby list -q | wc -l; systemctl list-units --plain --no-legend 'docker-*.scope' | wc -l"
    docker("service", "create", "-d", "--no-resolve-image", "--name", "many", "--replicas", "54", "--stop-grace-period", "1s",
           "--network", "host", "bb", "sleep", "1000")
    begin = time.monotonic()
    assert until(lambda: running("many"), lambda nodes: len(nodes) == 54, seconds=300) == sorted(NODES * 18)
    told(f"54 more after {time.monotonic() - begin:.0f} s")
    assert everywhere(at, [count] * 3) == ["20\n20"] * 3
    for node in NODES:
        all_answer(node)
    begin = time.monotonic()
    docker("service", "rm", "many")
    until(lambda: everywhere(at, [count] * 3), lambda counts: counts == ["2\n2"] * 3)
    told(f"gone after {time.monotonic() - begin:.0f} s")


def test_network_drops(told):
    """A node is away for 10 s. Whether the swarm has replaced its replicas by then or not, there are six afterwards, and
    the node has no more than those that are its own."""
    with Load("node1", timeout=3) as load:
        at("node3", "(sleep 1; ip link set eth0 down; sleep 10; ip link set eth0 up) >/dev/null 2>&1 &")
        time.sleep(12)
    told(f"meanwhile {load}")
    begin = time.monotonic()
    nodes = until(running, lambda nodes: len(nodes) == 6)
    own = str(nodes.count("node3"))
    until(lambda: docker("node", "inspect", "node3", "-f", "{{.Status.State}}"), lambda text: text == "ready")
    until(lambda: at("node3", "orlop --root /run/docker/runtime-runc/moby list -q | wc -l; docker ps -q | wc -l").split(),
          lambda counts: counts == [own, own])
    everywhere(all_answer)
    told(f"all as before after {time.monotonic() - begin:.0f} s, {own} replicas on the node")
    with Load(*NODES) as load:
        time.sleep(5)
    assert not load.failures, load.failures


def changed(load, told, state, *args):
    """The service is changed under load, until all replicas are, without a failed request."""
    begin = time.monotonic()
    docker("service", *args)
    until(lambda: docker("service", "inspect", "web", "-f", "{{.UpdateStatus.State}}"), lambda text: text == state, seconds=300)
    until(running, lambda nodes: len(nodes) == 6)
    told(f"{time.monotonic() - begin:.0f} s")


def test_rolling_update(told):
    with Load(*NODES) as load:
        changed(load, told, "completed", "update", "-d", "--no-resolve-image", "--env-add", "VERSION=2", "web")
    told(load)
    assert not load.failures, load.failures
    assert set(load.seen) == {"1", "2"} and get("node1")[1].startswith("2 ")


def test_rollback(told):
    with Load(*NODES) as load:
        changed(load, told, "rollback_completed", "rollback", "-d", "web")
    told(load)
    assert not load.failures, load.failures
    assert set(load.seen) == {"1", "2"} and get("node1")[1].startswith("1 ")


def test_power_off(told):
    """The swarm misses a node after three heartbeats of 5 s; then what it had runs elsewhere."""
    with Load("node1", "node2", timeout=3) as load:
        begin = time.monotonic()
        at("node3", "(sleep 1; echo o >/proc/sysrq-trigger) >/dev/null 2>&1 &")
        until(lambda: docker("node", "inspect", "node3", "-f", "{{.Status.State}}"), lambda text: text == "down", seconds=120)
        down = time.monotonic() - begin
        nodes = until(running, lambda nodes: len(nodes) == 6 and "node3" not in nodes)
        told(f"missed after {down:.0f} s, all elsewhere after {time.monotonic() - begin:.0f} s")
    told(load)
    assert nodes == ["node1"] * 3 + ["node2"] * 3
    assert len(load.failures) < sum(load.seen.values()), load.failures
    with Load("node1", "node2") as load:
        time.sleep(5)
    assert not load.failures, load.failures


def test_drain(told):
    """
    All that a node had runs elsewhere, nothing of it is left, and it still answers for the others.  Meanwhile Docker stops
    what it has before others are there, and its mesh may still ask for one that is not there any more.
    """
    with Load("node1", "node2") as load:
        begin = time.monotonic()
        docker("node", "update", "--availability", "drain", "node2")
        until(running, lambda nodes: nodes == ["node1"] * 6)
        until(lambda: at("node2", "docker ps -q"), lambda text: text == "")
        told(f"empty after {time.monotonic() - begin:.0f} s")
    told(load)
    assert len(load.failures) < sum(load.seen.values()), load.failures
    with Load("node1", "node2") as load:
        time.sleep(5)
    assert not load.failures, load.failures
    assert at("node2", "orlop --root /run/docker/runtime-runc/moby list -q; systemctl list-units --plain --no-legend 'docker-*.scope'") == ""
