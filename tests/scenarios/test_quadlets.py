# SPDX-License-Identifier: GPL-2.0-or-later
"""Containers, pods and Kubernetes files that systemd starts, from quadlets, as root and as a user."""
import itertools
import os
import pathlib
import shlex
import threading
import time
import urllib.request

import pytest

from conftest import beside, call
from podman_steps import inside, literal, ranges_for_auto, shell, until

IDS = "sed 's/[0-9a-f]\\{{64\\}}/ID/g;s/[0-9a-f]\\{{12\\}}/ID/g'"
CONTAINER = "[Container]\nImage=localhost/bb\nNetwork=none\nContainerName={c}\nGlobalArgs=--runtime {r}\n"
SLEEP = CONTAINER + "Exec=sh -c \"trap 'exit 0' TERM; while :; do sleep 0.1; done\"\n"
HOME = "/etc/containers/systemd"


def quadlets(files, home=HOME, user=""):
    """Write them, and let systemd read them."""
    writing = "".join(f"printf %s {shlex.quote(text)} >{home}/{name}; " for name, text in files.items())
    return shell(f"mkdir -p {home}; {writing}systemctl {user} daemon-reload")


def groups(unit):
    return f"find /sys/fs/cgroup/system.slice/{unit}.service -type d | {IDS} | sort"


def show(*units, properties="ActiveState,SubState", user=""):
    return shell(f"systemctl {user} show -p {properties} {' '.join(units)}")


def active(state, *units):
    """Each of them, when none is on its way any more."""
    each = " ".join(units)
    return until(" ".join([state] * len(units)), f"echo $(systemctl is-active {each})")


SCENARIOS = {
    "container": [quadlets({"c-{r}.container": SLEEP + "PodmanArgs=--memory 50m\nReadOnly=true\nUser=1000\nDropCapability=all\n"
                            "Ulimit=nofile=50:60\nNoNewPrivileges=true\nEnvironment=A=b\n[Service]\nRestart=on-failure\nRestartSec=1\n"
                            "MemoryMax=200M\n"}),
                  shell("systemctl start c-{r}"), show("c-{r}", properties="ActiveState,SubState,Type"),
                  shell("cat /sys/fs/cgroup/system.slice/c-{r}.service/memory.max; " + groups("c-{r}")),
                  inside("cat /sys/fs/cgroup/memory.max /proc/self/cgroup; id; ulimit -n; echo $A; grep -e CapEff -e NoNew /proc/self/status; touch /x"),
                  ["update", "--memory", "60m", "{c}"], shell("systemctl daemon-reload; $P exec {c} cat /sys/fs/cgroup/memory.max"),
                  ["kill", "-s", "KILL", "{c}"], until("again", "$P exec {c} echo again 2>&1"),
                  show("c-{r}", properties="ActiveState,NRestarts"),
                  shell("systemctl stop c-{r}"), show("c-{r}", properties="ActiveState,Result"),
                  shell("find /sys/fs/cgroup/system.slice -path '*c-{r}.service*' | wc -l")],
    "container-fails": [quadlets({"m-{r}.container": CONTAINER + "Exec=/nosuch\n",
                                  "o-{r}.container": CONTAINER + "Exec=sh -c 'exit 7'\n[Service]\nType=oneshot\n"}),
                        shell("systemctl start m-{r}", words=False), show("m-{r}", properties="ActiveState,Result,ExecMainStatus"),
                        shell("systemctl start o-{r}", words=False), show("o-{r}", properties="ActiveState,Result,ExecMainStatus")],
    "pod": [quadlets({"p-{r}.pod": "[Pod]\nPodName={c}\nNetwork=none\nGlobalArgs=--runtime {r}\n",
                      "p1-{r}.container": SLEEP.replace("Network=none", "Pod=p-{r}.pod").replace("{c}", "{c}-1")}),
            shell("systemctl start p-{r}-pod"), active("active", "p-{r}-pod", "p1-{r}"), until("s-*", "$P exec {c}-1 hostname"),
            shell(groups("p1-{r}")), shell("systemctl stop p-{r}-pod"), active("inactive", "p-{r}-pod", "p1-{r}"), ["pod", "exists", "{c}"]],
    "kube": [quadlets({"k-{r}.kube": "[Kube]\nYaml=/srv/k-{r}.yaml\nNetwork=none\nGlobalArgs=--runtime {r}\n"}), shell("systemctl start k-{r}"),
             show("k-{r}"), ["exec", "k-{r}-a", "cat", "/sys/fs/cgroup/memory.max"], ["stop", "-t", "0", "k-{r}-a"],
             active("inactive", "k-{r}"), ["pod", "exists", "k-{r}"]],
}

# Played when $SCENARIOS_WIDE is set: the lane has no time for them.
WIDE = {
    "container-notify": [quadlets({"n-{r}.container": "[Container]\nRootfs=/:O\nNetwork=none\nContainerName={c}\nNotify=true\nGlobalArgs=--runtime {r}\n"
                                   "CgroupsMode=disabled\n"
                                   "Exec=sh -c \"trap 'exit 0' TERM; systemd-notify --ready; while :; do sleep 0.1; done\"\n"}),
                         shell("systemctl start n-{r}"), show("n-{r}"), shell(groups("n-{r}")), ["exec", "{c}", "true"],
                         shell("systemctl stop n-{r}"), show("n-{r}")],
    "container-userns": [quadlets({"u-{r}.container": SLEEP + "UserNS=auto\nHealthCmd=true\nHealthInterval=1s\nNotify=healthy\n"}),
                         shell("systemctl start u-{r}"), inside("wc -l /proc/self/uid_map; stat -c %u /"), show("u-{r}"),
                         shell("systemctl stop u-{r}"), show("u-{r}", properties="ActiveState,Result")],
}

CHOSEN = SCENARIOS | (WIDE if os.environ.get("SCENARIOS_WIDE") else {})

USER = "--user"
ROOTLESS = {
    "container": [quadlets({"c-{r}.container": SLEEP + "PodmanArgs=--memory 50m\n"}, home="~/.config/containers/systemd", user=USER),
                  shell("systemctl --user start c-{r}"), show("c-{r}", user=USER), inside("cat /sys/fs/cgroup/memory.max /proc/self/cgroup"),
                  shell("systemctl --user stop c-{r}"), show("c-{r}", user=USER, properties="ActiveState,Result")],
}

POD = """apiVersion: v1
kind: Pod
metadata:
  name: k-RUNTIME
spec:
  containers:
  - name: a
    image: localhost/bb
    command: ["sleep", "1000"]
    resources: {limits: {memory: 40Mi}}
"""


@pytest.fixture(scope="session", autouse=True)
def things():
    for r in ("crun", "orlop"):
        pathlib.Path(f"/srv/k-{r}.yaml").write_text(POD.replace("RUNTIME", r))
    ranges_for_auto()


@pytest.mark.parametrize("name", CHOSEN)
def test_quadlet(podman, name):
    beside(podman, name, CHOSEN[name])


@pytest.mark.parametrize("name", ROOTLESS)
def test_rootless(rootless, name):
    beside(rootless, name, ROOTLESS[name])


WEB = """[Container]
Image=localhost/bb
Network=host
ContainerName=web-%i
Exec=sh -c "trap 'exit 0' TERM; httpd -f -h /etc -p 127.0.0.1:%i & wait"
"""
PORTS = [8101, 8102]


class Front:
    """Asks the workers in turn, the next one when one is not there, as long as the body of `with` lasts."""
    def __enter__(self):
        self.answered, self.failed, self.over = 0, 0, threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def run(self):
        for turn in itertools.count():
            if self.over.wait(0.1):
                return
            fine = any(answers(PORTS[(turn + n) % len(PORTS)]) for n in range(len(PORTS)))
            self.answered, self.failed = self.answered + fine, self.failed + (not fine)


def answers(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/passwd", timeout=20) as r:
            return r.read().startswith(b"root:")
    except OSError:
        return False


def test_workers_are_restarted_one_by_one(podman):
    """An application of one unit with instances: no request is lost, and nobody else is started anew."""
    pathlib.Path(HOME).mkdir(parents=True, exist_ok=True)
    pathlib.Path(HOME, "web@.container").write_text(WEB)
    units = [f"web@{port}" for port in PORTS]

    def fine(*args):
        r = call(*args)
        assert r.rc == 0, r
        return r.out

    def is_there(port):
        deadline = time.monotonic() + 60
        while not answers(port):
            assert time.monotonic() < deadline, call("journalctl", "-u", f"web@{port}")
            time.sleep(0.2)

    def pids():
        looked = fine("podman", "inspect", "-f", "{{.State.Pid}} {{.OCIRuntime}}", *(f"web-{port}" for port in PORTS))
        return [line.split() for line in looked.splitlines()]

    fine("systemctl", "daemon-reload")
    try:
        fine("systemctl", "start", *units)
        for port in PORTS:
            is_there(port)
        now = pids()
        assert [runtime for _, runtime in now] == ["orlop"] * len(PORTS)
        with Front() as front:
            for n, port in enumerate(PORTS):
                before = now
                fine("systemctl", "restart", units[n])
                is_there(port)
                now = pids()
                assert [a != b for a, b in zip(before, now)] == [i == n for i in range(len(PORTS))]
        assert front.failed == 0 and front.answered > 10
    finally:
        fine("systemctl", "stop", *units)
    assert {fine("systemctl", "show", "-P", "Result", unit) for unit in units} == {"success\n"}
