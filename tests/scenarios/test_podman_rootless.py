# SPDX-License-Identifier: GPL-2.0-or-later
"""Podman as a user who has a service manager: its groups are that manager's, with the controllers that it gets."""
import os

import pytest

from conftest import IMAGE, Step, beside
from podman_steps import at_terminal, inside, inspect, long, once, shell, state_until

LIMITS = "cd /sys/fs/cgroup; for f in memory.max memory.low memory.swap.max cpu.max pids.max; do echo $f $(cat $f); done"
SCOPE = "libpod-$($P inspect -f '{{{{.Id}}}}' {c}).scope"
CAPS = "grep -e CapEff -e CapBnd -e NoNew -e Seccomp: -e Groups /proc/self/status"
FORGET = "sed 's/[0-9a-f]\\{{64\\}}/ID/g;s,/container$,,'"
MAP = "id; awk '{print $1,$3}' /proc/self/uid_map; stat -c %u /etc/passwd; touch /tmp/x && stat -c %u /tmp/x"

SCENARIOS = {
    "life": [long(command=("sh", "-c", "trap 'exit 9' TERM; while :; do sleep 0.1; done")),
             shell("systemctl --user show -p Slice,Delegate,ActiveState " + SCOPE + "; cat /proc/$($P inspect -f '{{{{.State.Pid}}}}' {c})/cgroup | "
                   + FORGET),
             inside("id; cat /proc/self/uid_map /proc/self/cgroup; touch /x; stat -c '%u %g' /x; " + CAPS), ["pause", "{c}"], ["unpause", "{c}"],
             ["stop", "-t", "9", "{c}"], inspect("{{.State.ExitCode}}"),
             shell("s=" + SCOPE + "; $P rm {c}; systemctl --user show -P LoadState $s; find /sys/fs/cgroup -name $s | wc -l")],
    "terminal": [at_terminal("33x77", "w:/ #|s:stty size\\n|w:33 77|r:20x40|p:1|s:stty size\\n|w:20 40|s:exit 5\\n", "run", "--rm", "-it",
                             "--network", "none", IMAGE, "sh")],
    "limits": [long("--memory", "64m", "--memory-reservation", "32m", "--memory-swap", "96m", "--cpus", "0.5", "--cpu-shares", "512", "--pids-limit", "40"),
               inside(LIMITS), ["update", "--memory", "80m", "--cpus", "1.5", "--pids-limit", "50", "--cpu-shares", "2048", "{c}"],
               shell("systemctl --user daemon-reload; systemctl --user show -p MemoryMax,TasksMax " + SCOPE), inside(LIMITS),
               Step(["update", "--cpuset-cpus", "0", "{c}"], words=False), ["stats", "--no-stream", "--format", "{{{{.Name}}}} {{{{.PIDs}}}}", "{c}"]],
    "oom": [["run", "--network", "none", "--name", "{c}", "--memory", "20m", "--memory-swap", "20m", IMAGE, "tail", "/dev/zero"],
            inspect("{{.State.OOMKilled}} {{.State.ExitCode}}")],
    "cgroups": [once("cut -c1-9 /proc/self/cgroup", "--cgroups=disabled"),
                ["--cgroup-manager", "cgroupfs", "run", "--rm", "--network", "none", IMAGE, "cat", "/proc/self/cgroup"],
                ["--cgroup-manager", "cgroupfs", "run", "--rm", "--network", "none", "--memory", "30m", IMAGE, "cat", "/sys/fs/cgroup/memory.max"],
                shell("systemd-run --user -q --pipe --wait --unit s-split-{r} -p Delegate=yes $P run --rm --network none --cgroups split --memory 40m "
                      + IMAGE + " cat /sys/fs/cgroup/memory.max /proc/self/cgroup"),
                once("ls -d /sys/fs/cgroup; mkdir /sys/fs/cgroup/x", "--cgroupns", "host"),
                once("cat /proc/1/cgroup; mkdir /sys/fs/cgroup/x && echo made; stat -c %u /sys/fs/cgroup", "--systemd=always")],
    "userns": [once(MAP, "--userns", "auto:size=2000"), once(MAP, "--userns", "keep-id:uid=200,gid=210"), once(MAP, "--userns", "nomap"),
               [*long("--userns", "keep-id")], inside(MAP), ["exec", "-u", "0", "{c}", "id"],
               once("cat /proc/self/uid_map", "--uidmap", "0:1:10", "--uidmap", "+1000:@1000:1"),
               once("grep Groups /proc/self/status", "--group-add", "keep-groups")],
    "volumes": [shell("mkdir -p v u-{r}; echo a >v/a; chmod 755 .; echo hush >secret"),
                once("touch /ro/x; cat /z/a; stat -c '%u %g' /U; echo new >/O/a; cat /O/a; touch /U/g && echo w", "-u", "77:88",
                     "-v", "/home/user/v:/ro:ro", "-v", "/home/user/v:/z:z", "-v", "/home/user/v:/O:O", "-v", "/home/user/u-{r}:/U:U", "--mount",
                     "type=tmpfs,dst=/etc,tmpcopyup"),
                once("stat -c %u /m/a", "--userns", "keep-id", "-v", "/home/user/v:/m:idmap"),
                once("cat /m", "-v", "/etc/shadow:/m"), Step(["secret", "create", "{c}", "secret"], output=False),
                once("cat /run/secrets/*; stat -c '%a %u %g' /run/secrets/*; ls -a /m", "--userns", "keep-id", "--secret", "{c},uid=5", "--mount",
                     "type=volume,src={c},dst=/m"),
                Step(["secret", "rm", "{c}"], output=False), ["volume", "rm", "{c}"]],
    # without the program's own profile, which only crun's package brings
    "security": [once("sed 's/^crun (//; s/)$//' /proc/self/attr/current; ls /dev/kmsg; mount -t tmpfs x /mnt && echo m; mkdir /sys/fs/cgroup/x && echo g; " + CAPS, "--privileged"),
                 once("ls -ln /dev/x /dev/fuse | tr -s ' ' | cut -d' ' -f1-6; ulimit -n; cat /proc/sys/kernel/msgmax "
                      "/proc/self/oom_score_adj", "--device", "/dev/null:/dev/x", "--device", "/dev/fuse", "--ulimit", "nofile=64:128", "--sysctl",
                      "kernel.msgmax=4096", "--oom-score-adj", "700"),
                 once("true", "--security-opt", "apparmor=nosuch"), once("true", "--device", "/dev/vdc"),
                 ["run", "--rm", "--ipc", "host", "--pid", "host", "--uts", "host", "--network", "host", IMAGE, "sh", "-c",
                  "hostname; ls /sys/class/net; touch /sys/x"]],
    "build": [Step(["build", "-q", "--network", "none", "-t", "b-{r}", "-f", "-", "/home/user/v"],
                   stdin=b"FROM bb\nCOPY a /a\nRUN id >/as; " + CAPS.encode() + b" >>/as\nUSER 1000\nRUN id >/tmp/id\n"),
              once("cat /a /as /tmp/id", image="b-{r}"), ["rmi", "-f", "b-{r}"]],
}

# Played when $SCENARIOS_WIDE is set: the lane has no time for them.
WIDE = {
    "pod": [["pod", "create", "--name", "{c}", "--network", "none", "--memory", "100m"],
            ["run", "-d", "--pod", "{c}", "--name", "{c}-1", IMAGE, "sleep", "1000"],
            shell("systemctl --user show -p MemoryMax $(basename $($P pod inspect {c} --format '{{{{.CgroupPath}}}}'))"),
            ["pod", "pause", "{c}"], ["pod", "unpause", "{c}"], ["pod", "rm", "-f", "-t", "0", "{c}"]],
    "networks": [["run", "--rm", IMAGE, "sh", "-c", "ls /sys/class/net"], ["run", "--rm", "--network", "slirp4netns", IMAGE, "ls", "/sys/class/net"]],
    "health": [[*long()[:5], "{c}", "--health-cmd", "test -e /ok", "--health-interval", "1s", "--health-retries", "1", IMAGE, "sh", "-c",
                "touch /ok; sleep 1000"],
               state_until("healthy", "{{.State.Health.Status}}"), ["exec", "{c}", "rm", "/ok"],
               state_until("unhealthy", "{{.State.Health.Status}}")],
    "restart-on-failure": [[*long()[:5], "{c}", "--restart", "on-failure:1", IMAGE, "sh", "-c", "echo r; exit 3"],
                state_until("exited*1", "{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}}"), ["logs", "{c}"]],
}

CHOSEN = SCENARIOS | (WIDE if os.environ.get("SCENARIOS_WIDE") else {})


@pytest.mark.parametrize("name", CHOSEN)
def test_rootless(rootless, name):
    beside(rootless, name, CHOSEN[name])


@pytest.mark.parametrize("options", [["--cpuset-cpus", "0"], ["--blkio-weight", "100"]])
def test_not_delegated(rootless, options):
    """The user's manager gets cpu, memory and pids. Of a weight crun says that a command was not found: exit status 127."""
    r = rootless("orlop", "run", "--rm", "--network", "none", *options, IMAGE, "true")
    assert r.rc == 126 and "Delegate=cpu cpuset io memory pids" in r.err, r
