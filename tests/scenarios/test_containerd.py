# SPDX-License-Identifier: GPL-2.0-or-later
"""containerd by its own client, with both drivers of cgroups."""
import subprocess
import time

import pytest

from conftest import ORLOP, PEER, beside, call, host

IMAGE = "localhost/bb:latest"
BINARY = {"orlop": ORLOP, "crun": "/usr/bin/crun"}
REMOVE = [["task", "rm", "-f", "{c}"], ["container", "rm", "{c}"]]
# ctr's containers have no /sys/fs/cgroup. crun's have a cgroup of their own in the scope.
FILES = ("cd /sys/fs/cgroup$(cut -d: -f3 /proc/$(ctr task ls | grep '^{c} ' | tr -s ' ' | cut -d' ' -f2)/cgroup); "
         "for f in memory.max cpu.max; do echo $f $(cat $f); done; pwd | sed s,/container$,,")


class Containerd:
    name = "containerd"
    parallel = True

    def __call__(self, runtime, *args, **kwargs):
        args = list(args)
        if args[0] == "run":
            args[1:1] = ["--runc-binary", BINARY[runtime]]
        return call("ctr", *args, **kwargs)

    def clean(self, name):
        call("ctr", "task", "rm", "-f", name)
        call("ctr", "container", "rm", name)


@pytest.fixture(scope="session")
def containerd(installed):
    r = call("ctr", "image", "import", "--index-name", IMAGE, "/srv/bb.oci")
    assert r.rc == 0, r
    return Containerd()


def once(*command, options=()):
    return ["run", "--rm", *options, IMAGE, "{c}", *command]


def sh(script, *options):
    return once("sh", "-c", script, options=options)


def life(*options):
    return [["run", "-d", "--memory-limit", "50000000", "--cpus", "0.5", *options, IMAGE, "{c}", "sleep", "1000"],
            host("sh", "-c", FILES), ["task", "exec", "--exec-id", "a", "{c}", "sh", "-c", "id; cat /proc/1/comm"],
            ["task", "exec", "--exec-id", "b", "--user", "1000", "--cwd", "/tmp", "{c}", "sh", "-c", "id; pwd; exit 5"],
            ["task", "exec", "--exec-id", "c", "{c}", "nosuch"], ["task", "exec", "--exec-id", "d", "{c}", "/etc"],
            host("script", "-qec", "ctr task exec -t --exec-id e {c} sh -c 'test -t 0 && exit 3'", "/dev/null", output=False),
            host("sh", "-c", "ctr task ps {c} | wc -l; ctr task metrics {c} | grep -c -e memory.usage_limit -e pids.current"),
            host("sh", "-c", "ctr task metrics {c} | grep -e memory.usage_limit -e pids.current | tr -s ' '"),
            ["task", "pause", "{c}"], host("sh", "-c", "ctr task ls | grep '^{c} ' | tr -s ' ' | cut -d' ' -f3"),
            ["task", "exec", "--exec-id", "f", "{c}", "true"], ["task", "resume", "{c}"], ["task", "exec", "--exec-id", "g", "{c}", "echo", "on"],
            ["task", "exec", "-d", "--exec-id", "h", "{c}", "sleep", "600"], ["task", "kill", "--exec-id", "h", "-s", "KILL", "{c}"],
            ["task", "rm", "{c}"], ["task", "kill", "-s", "KILL", "{c}"], host("sh", "-c", "sleep 1; ctr task ls | grep '^{c} ' | tr -s ' ' | cut -d' ' -f3"),
            ["task", "kill", "{c}"], ["task", "exec", "--exec-id", "i", "{c}", "true"], ["task", "rm", "{c}"], ["task", "start", "-d", "{c}"],
            ["task", "kill", "-a", "-s", "KILL", "{c}"], host("sleep", "1"), *REMOVE,
            host("sh", "-c", "systemctl list-units --all --plain --no-legend 'ctr-{c}.scope'; find /sys/fs/cgroup -name '*{c}*'")]


SCENARIOS = {
    "run": [once("id"), once("sh", "-c", "exit 7"), once("nosuch"), once("/etc"), sh("kill -9 $$"),
            sh("id; pwd; echo $A; touch /mnt/x", "--user", "1000:5", "--cwd", "/tmp", "--env", "A=b", "--mount", "type=bind,src=/srv,dst=/mnt,options=rbind:ro"),
            once("true", options=["--cwd", "/etc/passwd"]), once("true", options=["--mount", "type=bind,src=/nosuch,dst=/mnt,options=rbind"])],
    "options": [sh("grep -e Cap -e NoNew -e Seccomp: /proc/self/status; test -b /dev/vdc && echo vdc", "--privileged"),
                sh("grep -e Cap -e NoNew -e Seccomp: /proc/self/status; touch /x; ls /dev", "--read-only", "--seccomp", "--cap-add", "CAP_SYS_ADMIN", "--cap-drop", "CAP_CHOWN"),
                sh("id; touch /x && stat -c '%u' /x", "--uidmap", "0:{n}00000:1000", "--gidmap", "0:{n}00000:1000", "--remap-labels"),
                sh("ls /sys/class/net; hostname", "--net-host", "--no-pivot"),
                sh("ls -l /dev/vdc | cut -c1-10; head -c 3 /dev/vdc | wc -c", "--device", "/dev/vdc"),
                host("script", "-qec", "ctr run --runc-binary $(command -v {r}) --rm -t localhost/bb:latest {c} sh -c 'tty; exit 4'", "/dev/null")],
    "cgroupfs": life("--cgroup", "/some/{c}"),
    "systemd": life("--runc-systemd-cgroup", "--cgroup", "system.slice:ctr:{c}"),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_containerd(containerd, name):
    beside(containerd, name, SCENARIOS[name])


def topics(lines, name):
    """What containerd published of a container: DATE TIME ZONE ZONE NAMESPACE TOPIC EVENT."""
    return {line.split()[5] for line in lines if name in line}


@pytest.mark.parametrize("driver", ["cgroupfs", "systemd"])
def test_oom_event(containerd, driver):
    call("swapoff", "-a")  # ctr sets no limit of it
    seen = {}
    for runtime in (PEER, "orlop"):
        name = f"s-{runtime}-oom"
        options = ["--runc-systemd-cgroup", "--cgroup", f"system.slice:ctr:{name}"] if driver == "systemd" else []
        with subprocess.Popen(["ctr", "events"], stdout=subprocess.PIPE, text=True) as events:
            time.sleep(1)
            r = containerd(runtime, "run", "--rm", "--memory-limit", "16000000", *options, IMAGE, name, "sh", "-c",
                           "x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done")
            time.sleep(1)
            events.terminate()
            seen[runtime] = (r.rc, topics(events.stdout, name))
        if driver == "systemd":     # which removes the cgroup before the shim has looked into it, or after
            seen[runtime][1].discard("/tasks/oom")
    assert seen["orlop"] == seen[PEER], seen
    assert driver == "systemd" or "/tasks/oom" in seen["orlop"][1]
