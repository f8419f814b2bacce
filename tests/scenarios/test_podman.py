# SPDX-License-Identifier: GPL-2.0-or-later
"""Podman as root, on its default settings: the groups are systemd's."""
import os
import pathlib

import pytest

from conftest import IMAGE, Step, beside, host
from podman_steps import LONG, at_terminal, inside, inspect, long, notified, once, ranges_for_auto, shell, state_until, until

HERE = pathlib.Path(__file__).resolve().parent
# Not cpu.weight: crun before 1.23 had another formula. Not MemorySwapMax: crun gives systemd memory and swap together.
LIMITS = "cd /sys/fs/cgroup; for f in memory.max memory.low memory.swap.max cpu.max pids.max cpuset.cpus; do echo $f $(cat $f); done"
PROPERTIES = "MemoryMax,MemoryLow,CPUQuotaPerSecUSec,TasksMax,AllowedCPUs"
SCOPE = "libpod-$($P inspect -f '{{{{.Id}}}}' {c}).scope"
CAPS = "grep -e CapEff -e CapBnd -e NoNew -e Seccomp: /proc/self/status"
# Below its scope crun has one more group.
FORGET = "sed 's/[0-9a-f]\\{{64\\}}/ID/g;s/[0-9a-f]\\{{12\\}}/ID/g;s,/container$,,'"

SCENARIOS = {
    # --- a terminal
    "terminal-run": [at_terminal("33x77", "w:/ #|s:stty size\\n|w:33 77|r:20x40|p:1|s:stty size\\n|w:20 40|s:exit 5\\n",
                                 "run", "--rm", "-it", "--network", "none", IMAGE, "sh")],
    "terminal-detach": [at_terminal("24x80", "w:/ #|s:echo $((40+2))\\n|w:\\n42|s:\\x10|p:0.2|s:\\x11", "run", "-it", "--network",
                                    "none", "--name", "{c}", IMAGE, "sh"),
                        at_terminal("24x80", "p:2|s:echo $((50+2))\\n|w:\\n52|s:exit 3\\n", "attach", "{c}"),
                        state_until("exited*", "{{.State.Status}} {{.State.ExitCode}}")],
    "terminal-exec": [long(),
                      at_terminal("44x55", "w:/ #|s:stty size; tty\\n|w:44 55|s:sleep 50\\n|p:1|s:\\x03|p:1|s:exit 4\\n", "exec", "-it",
                                  "{c}", "sh"),
                      ["top", "{c}", "comm"]],
    # --- its life, and what systemd sees of it
    "attach": [[*LONG, "-i", IMAGE, "sh", "-c", "read x; echo got $x; exit 6"],
               Step(["attach", "{c}"], stdin=b"hello\n"), ["logs", "{c}"],
               state_until("exited*", "{{.State.Status}} {{.State.ExitCode}}")],
    "logs-journald": [[*LONG, IMAGE, "sh", "-c", "for i in 1 2 3; do echo out $i; echo err $i >&2; sleep 0.2; done; printf partial"],
                      shell("$P logs -f {c} 2>&1 | sort"),
                      shell("journalctl -o cat CONTAINER_NAME={c} PRIORITY=6 --no-pager | grep out", retry=5)],
    "life": [long(command=("sh", "-c", "trap 'exit 9' TERM; while :; do sleep 0.1; done")),
             shell("systemctl show -p Slice,Delegate,ActiveState,Description " + SCOPE + "; cat /proc/$($P inspect -f "
                   "'{{{{.State.Pid}}}}' {c})/cgroup | " + FORGET + "; find /sys/fs/cgroup/machine.slice/" + SCOPE + " -type d | wc -l",
                   output=False),
             ["pause", "{c}"],  # the scope of crun has a group "container" that it freezes
             shell("grep -r -h frozen /sys/fs/cgroup/machine.slice/" + SCOPE + " --include cgroup.events | sort -u | tail -n 1"),
             ["exec", "{c}", "true"], ["stop", "-t", "1", "{c}"], ["unpause", "{c}"], ["stop", "-t", "9", "{c}"],
             inspect("{{.State.ExitCode}}"), ["restart", "{c}"], ["kill", "-s", "9", "{c}"],
             ["wait", "{c}"],
             shell("s=" + SCOPE + "; $P rm {c}; systemctl show -P LoadState $s; find /sys/fs/cgroup -name $s | wc -l")],
    "restart-on-failure": [[*LONG, "--restart", "on-failure:2", IMAGE, "sh", "-c", "echo r; exit 3"],
                           state_until("exited*2", "{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}}")],
    # --- limits, by what the kernel and systemd say
    "limits": [long("--memory", "64m", "--memory-reservation", "32m", "--memory-swap", "96m", "--cpus", "0.5", "--cpu-shares", "512",
                    "--pids-limit", "40", "--cpuset-cpus", "1", "--device-read-bps", "/dev/vdc:1mb"),
               inside(LIMITS + "; cat io.max"), shell(f"systemctl show -p {PROPERTIES} {SCOPE}"),
               ["update", "--memory", "80m", "--cpus", "1.5", "--pids-limit", "50", "--cpuset-cpus", "0-1", "--cpu-shares", "2048", "{c}"],
               inside(LIMITS), shell(f"systemctl daemon-reload; systemctl show -p {PROPERTIES} {SCOPE}"), inside(LIMITS),
               ["update", "--cpu-quota", "20000", "--memory-swap", "-1", "--pids-limit", "-1", "--device-write-iops", "/dev/vdc:100", "{c}"],
               inside(LIMITS + "; cat io.max"),
               ["update", "--cpuset-cpus", "9", "{c}"],
               ["stats", "--no-stream", "--format", "{{{{.Name}}}} {{{{.PIDs}}}}", "{c}"]],
    "oom": [[*LONG[:1], *LONG[2:], "--memory", "20m", "--memory-swap", "20m", IMAGE, "tail", "/dev/zero"],
            inspect("{{.State.OOMKilled}} {{.State.ExitCode}}")],
    "cgroup-conf": [once("cd /sys/fs/cgroup; cat memory.high pids.max io.max", "--cgroup-conf", "memory.high=30003200", "--cgroup-conf",
                         "pids.max=33", "--device-write-bps", "/dev/vdc:2mb", "--device-read-iops", "/dev/vdc:100"),
                    once("true", "--cgroup-conf", "nosuch.file=3", words=False)],
    # --- other places for the group
    "cgroup-parent": [once("sed 's,/container$,,' /proc/self/cgroup; cat /sys/fs/cgroup/$(cut -d: -f3 /proc/self/cgroup)/memory.max", "--cgroup-parent",
                           "machine-s.slice", "--cgroupns", "host", "--memory", "30m"),
                      once("true", "--cgroup-parent", "notaslice")],
    "split": [shell("systemd-run -q --unit s-split-{r} -p Delegate=yes -p MemoryMax=200M $P run --name {c} --rm --network none --cgroups split "
                    "--memory 50m " + IMAGE + " sleep 1000; for i in $(seq 30); do $P exec {c} true 2>/dev/null && break; sleep 1; done"),
              shell("find /sys/fs/cgroup/system.slice/s-split-{r}.service -type d | " + FORGET + " | sort"),
              inside("cat /sys/fs/cgroup/memory.max /proc/self/cgroup"), ["update", "--memory", "40m", "{c}"],
              inside("cat /sys/fs/cgroup/memory.max"),
              ["stats", "--no-stream", "--format", "{{{{.PIDs}}}}", "{c}"],
              shell("systemctl stop s-split-{r}; systemctl show -p ActiveState,Result s-split-{r}; $P ps -aq --filter name={c}")],
    "cgroups-disabled": [[*LONG, "--cgroups=disabled", IMAGE, "sleep", "1000"], inside("grep -c libpod /proc/self/cgroup"),
                         ["pause", "{c}"], Step(["update", "--memory", "30m", "{c}"], words=False),
                         ["stop", "-t", "0", "{c}"]],
    # --- pods
    "pod": [["pod", "create", "--name", "{c}", "--network", "none", "--share", "ipc,uts,pid,net", "--memory", "100m", "--cpus", "0.5"],
            ["run", "-d", "--pod", "{c}", "--name", "{c}-1", "--memory", "50m", IMAGE, "sh", "-c", "echo x >/dev/shm/f; sleep 1000"],
            ["run", "--rm", "--pod", "{c}", IMAGE, "sh", "-c", "cat /dev/shm/f; hostname; cat /proc/1/comm /proc/self/cgroup"],
            shell("s=$(basename $($P pod inspect {c} --format '{{{{.CgroupPath}}}}')); systemctl show -p MemoryMax,CPUQuotaPerSecUSec $s; "
                  "find /sys/fs/cgroup/machine.slice/$s -type d | " + FORGET + " | sed 's/pod_ID/pod/' | sort -u"),
            ["exec", "{c}-1", "cat", "/sys/fs/cgroup/memory.max"],
            ["pod", "stats", "--no-stream", "--format", "{{{{.PIDS}}}}", "{c}"], ["pod", "pause", "{c}"],
            ["pod", "rm", "-f", "-t", "0", "{c}"]],
    "kube": [["kube", "play", "--network", "none", "/srv/{r}.yaml"],
             until("exited", "$P inspect -f '{{{{.State.Status}}}}' {r}-side"),
             ["exec", "{r}-main", "sh", "-c", "cd /sys/fs/cgroup; cat memory.max cpu.max /etc/cm/key; echo $FROM; id; cat "
              "/proc/self/cgroup /vol/init; ls /empty; touch /x; " + CAPS],
             ["pod", "rm", "-f", "-t", "0", "{r}"]],
    # --- health, notification, systemd inside
    "health": [[*LONG, "--health-cmd", "test -e /ok", "--health-interval", "1s", "--health-retries", "1", IMAGE, "sh", "-c",
                "touch /ok; sleep 1000"],
               state_until("healthy", "{{.State.Health.Status}}"), ["exec", "{c}", "rm", "/ok"],
               state_until("unhealthy", "{{.State.Health.Status}}"), ["healthcheck", "run", "{c}"]],
    "systemd-always": [once("cat /proc/1/cgroup; mkdir /sys/fs/cgroup/x && echo made; grep -e ' /run' -e '/tmp' -e /sys/fs/cgroup -e "
                            "/var/log /proc/self/mountinfo | cut -d' ' -f5 | sort; echo $container ${container_uuid:+uuid}; "
                            "ls -l /dev/console /dev/tty 2>/dev/null | cut -c1-10", "--systemd=always"),
                       once("mkdir /sys/fs/cgroup/x && echo made; stat -c %u /sys/fs/cgroup /sys/fs/cgroup/cgroup.procs "
                            "/sys/fs/cgroup/memory.max", "--systemd=always", "--userns=auto")],
    "sdnotify-container": notified("container", "test -S $NOTIFY_SOCKET && echo socket; systemd-notify --ready --status=up; sleep 1000"),
    # --- files
    "secrets": [Step(["secret", "create", "{c}", "/srv/v/a"], output=False),
                once("cat /etc/deep/x; stat -c '%a %u %g' /etc/deep/x; echo $S; cat /run/secrets/*", "--secret", "{c},target=/etc/deep/x,mode=0400,"
                     "uid=5,gid=6", "--secret", "{c},type=env,target=S", "--secret", "{c}"),
                once("stat -c '%a %u %g' /run/secrets/*", "--userns", "auto", "--secret", "{c},uid=7"), Step(["secret", "rm", "{c}"], output=False)],
    "volumes": [once("touch /ro/x; cat /ro/a; cat /z/a; stat -c '%u %g' /U /U/f; touch /U/g && echo w; echo new >/O/a; cat /O/a; "
                     "cat /n/a; grep ' /n ' /proc/self/mountinfo | cut -d' ' -f5,6; cat /etc/passwd | wc -l; ls /image", "-u", "77:88", "-v",
                     "/srv/v:/ro:ro", "-v", "/srv/v:/z:z", "-v", "/srv/u-{r}:/U:U", "-v", "/srv/v:/O:O,upperdir=/srv/up-{r},workdir=/srv/work-{r}",
                     "-v", "/srv/v:/n:rshared,noexec,nodev", "--mount", "type=tmpfs,dst=/etc,tmpcopyup", "--mount",
                     f"type=image,src={IMAGE},dst=/image,subpath=/etc", "--tmpfs", "/t:size=1m,mode=1777"),
                once("ls /home; touch sub && echo w", "-v", "{c}:/home", "--workdir", "/home/user"),
                once("ls -a /m", "--mount", "type=volume,src={c},dst=/m,subpath=user"),
                once("readlink /l/i", "--mount", "type=bind,src=/bin,dst=/l/i,no-dereference"),
                once("true", "--mount", "type=volume,src={c},dst=/m,subpath=nosuch"),
                once("true", "--mount", "type=bind,src=/nosuch,dst=/m"), ["volume", "rm", "{c}"]],
    "volume-idmap": [once("stat -c '%u %g' /m /m/f; touch /m/made && echo w", "--userns", "auto", "-v", "/srv/id-{r}:/m:idmap"),
                     host("stat", "-c", "%u %g", "/srv/id-{r}/made"),
                     once("stat -c '%u %g' /m/sub", "--userns", "auto:size=100", "-v", "/srv/v:/m:idmap=uids=0-5-10;gids=0-6-10"),
                     once("stat -c '%u %g' /m/sub", "-v", "/srv/v:/m:idmap=uids=0-5-10#20-20-5;gids=0-6-10")],
    "volumes-many-layers": [once("cat /m*/f* | wc -l; touch /m7/new && ls /m7", *(a for i in range(30) for a in ("-v", f"/srv/many/{i}:/m{i}:O")))],
    # --- users and rights
    "userns": [once("awk '{print $1,$3}' /proc/self/uid_map; stat -c %u /etc/passwd; touch /x && stat -c %u /x; " + CAPS, "--userns", "auto:size=2000"),
               once("cat /proc/self/uid_map /proc/self/gid_map; mkdir /sys/fs/cgroup/x", "--uidmap", "0:100000:10", "--gidmap", "0:200000:10",
                    "--privileged"),
               once("true", "--userns", "keep-id"), once("true", "--userns", "nomap"),
               once("cat /proc/self/uid_map", "--subuidname", "user", "--subgidname", "user")],
    "security": [once("cat /proc/self/attr/current; " + CAPS),
                 once("cat /etc/passwd /proc/uptime | wc -c; grep -c unconfined /proc/self/attr/current; cat /proc/keys >/dev/null && echo keys; " + CAPS, "--security-opt",
                      "apparmor=unconfined", "--security-opt", "mask=/etc/passwd:/proc/uptime", "--security-opt", "unmask=/proc/keys",
                      "--security-opt", "no-new-privileges", "--cap-drop", "all", "--cap-add", "chown"),
                 once("true", "--security-opt", "apparmor=nosuch"), once("true", "--security-opt", "seccomp=/nosuch")],
    "devices": [[*LONG, "--device", "/dev/vdc:/dev/x:r", "--device-cgroup-rule", "b 254:16 rw", "--ulimit", "nofile=64:128", "--ulimit", "core=-1",
                 "--sysctl", "kernel.shmmni=100", IMAGE, "sleep", "1000"],
                inside("head -c 3 /dev/x | wc -c; echo x >/dev/x; busybox mknod /dev/y b 254 16; echo w >>/dev/y && echo w; busybox mknod /dev/z b 254 0; "
                       "head -c 1 /dev/z; grep -e files -e core /proc/self/limits; cat /proc/sys/kernel/shmmni"),
                shell("systemctl daemon-reload"), ["update", "--memory", "60m", "{c}"],
                inside("head -c 3 /dev/x | wc -c; echo x >/dev/x; head -c 1 /dev/z"),
                ["exec", "--privileged", "{c}", "sh", "-c", "head -c 1 /dev/z; " + CAPS],
                once("true", "--device", "/nosuch"), once("true", "--ulimit", "nofile=300:200")],
    # --- images
    "build": [["build", "-q", "--network", "none", "-t", "b-{r}", "-f", "/srv/Containerfile", "--memory", "100m", "--ulimit", "nofile=99", "-v",
               "/srv/v:/vv:ro", "--secret", "id=s,src=/srv/v/a", "/srv/v"],
              once("cat /made /as /tmp/id", image="b-{r}"),
              Step(["build", "-q", "--no-cache", "--network", "none", "-f", "-", "/srv/v"], stdin=b"FROM bb\nRUN exit 4\n"),
              Step(["build", "-q", "--no-cache", "--network", "none", "-f", "-", "/srv/v"], stdin=b'FROM bb\nRUN ["/nosuch"]\n'),
              ["rmi", "-f", "b-{r}"]],
    "buildah": [shell("b='buildah --runtime {r}'; c=$(buildah from --name {c} " + IMAGE + ") && buildah run --runtime {r} --network none {c} -- sh -c "
                      "'echo made >/made; id; cat /proc/self/cgroup; " + CAPS + "'"),
                shell("buildah run --runtime {r} --network none --user 5 -v /srv/v:/m:ro --cap-drop all {c} -- sh -c 'cat /made /m/a; id; touch /m/x'"),
                shell("buildah run --runtime {r} --network none {c} -- /nosuch"), shell("buildah run --runtime {r} --network none {c} -- sh -c 'exit 7'"),
                shell("buildah bud --runtime {r} -q --network none --no-cache -t b-{r} -f /srv/Containerfile --secret id=s,src=/srv/v/a -v "
                      "/srv/v:/vv:ro /srv/v; buildah rm {c} >&2; buildah rmi b-{r} >&2")],
}

# Played when $SCENARIOS_WIDE is set: the lane has no time for them.
WIDE = {
    "attach-signal": [long(command=("sh", "-c", "trap 'echo term; exit 9' TERM; while :; do sleep 0.1; done")),
                      shell("(sleep 3; $P kill -s TERM {c} >&2) & $P attach {c}")],
    "restart-always": [[*LONG, "--restart", "always", IMAGE, "sh", "-c", "echo r; sleep 1"],
                       shell("for i in $(seq 20); do [ $($P logs {c} | wc -l) -gt 2 ] && break; sleep 1; done; "
                             "$P update --restart no {c} >&2; $P wait {c}; $P ps -a --filter name={c} --format '{{{{.State}}}}'"),
                       inspect("{{.HostConfig.RestartPolicy.Name}}")],
    "signals": [shell("$P run --rm --network none --name {c} " + IMAGE + " sh -c 'trap \"echo int; exit 8\" INT; echo up; while :; do sleep 0.1; done' & "
                      "for i in $(seq 30); do $P exec {c} true 2>/dev/null && break; sleep 0.5; done; kill -INT $!; wait $!")],
    "descriptors": [shell("exec 3</srv/v/a 4<>/srv/v/three; $P run --rm --network none --preserve-fds 2 " + IMAGE +
                          " sh -c 'cat <&3; echo w >&4; ls /proc/self/fd | wc -l'"),
                    shell("systemd-socket-activate -l /run/s-{r} $P run --rm --network none " + IMAGE + " sh -c 'echo $LISTEN_FDS $LISTEN_PID; "
                          "ls /proc/self/fd | wc -l' 2>/dev/null & for i in $(seq 50); do test -S /run/s-{r} && break; sleep 0.1; done; python3 -c "
                          "'import socket; socket.socket(socket.AF_UNIX).connect(\"/run/s-{r}\")'; wait"),
                    shell("$P run --rm --network none --log-driver none " + IMAGE + " seq 30000 | tail -n 1")],
    "managers": [["create", "--network", "none", "--name", "{c}", IMAGE, "sleep", "1000"],
                 ["--cgroup-manager", "cgroupfs", "start", "{c}"], shell("$P exec {c} true; cut -c1-18 /proc/$($P inspect -f '{{{{.State.Pid}}}}' {c})/cgroup"),
                 ["--cgroup-manager", "cgroupfs", "restart", "-t", "0", "{c}"], ["pause", "{c}"], ["unpause", "{c}"]],
    "pids": [once("for i in 1 2 3 4 5 6; do sleep 1 & done; wait", "--pids-limit", "4"), once("true", "--pids-limit", "0"),
             once("true", "--cpuset-cpus", "7"), once("true", "--memory", "4k")],
    "cgroupfs": [["--cgroup-manager", "cgroupfs", *LONG, "--cgroupns", "host", "--memory", "40m", IMAGE, "sleep", "1000"],
                 shell("$P exec {c} cat /proc/self/cgroup | " + FORGET),
                 ["--cgroup-manager", "cgroupfs", "stats", "--no-stream", "--format", "{{{{.PIDs}}}}", "{c}"],
                 ["--cgroup-manager", "cgroupfs", "update", "--memory", "50m", "{c}"],
                 shell("cat /sys/fs/cgroup/libpod_parent/libpod-$($P inspect -f '{{{{.Id}}}}' {c})/memory.max")],
    "health-kill": [[*LONG, "--health-cmd", "false", "--health-interval", "1s", "--health-retries", "1", "--health-on-failure", "kill",
                     IMAGE, "sleep", "1000"], Step(["wait", "{c}"])],
    "systemd": [[*LONG, "--systemd=always", "--rootfs", "/:O", "/lib/systemd/systemd"],
                shell("for i in $(seq 40); do s=$($P exec {c} systemctl is-system-running); case $s in running | degraded) break;; esac; "
                      "sleep 1; done; echo $s"),
                ["exec", "{c}", "systemd-run", "-q", "--pipe", "--wait", "-p", "MemoryMax=30M", "sh", "-c",
                 "cat /sys/fs/cgroup/$(cut -d: -f3 /proc/self/cgroup)/memory.max"],
                ["update", "--memory", "500m", "{c}"], ["exec", "{c}", "cat", "/sys/fs/cgroup/memory.max"], ["stop", "-t", "30", "{c}"],
                inspect("{{.State.ExitCode}}")],
    "sdnotify-conmon": notified("conmon", "[ -z $NOTIFY_SOCKET ] && echo none; sleep 1000"),
    "sdnotify-ignore": notified("ignore", "[ -z $NOTIFY_SOCKET ] && echo none; sleep 1000"),
    "sdnotify-healthy": notified("healthy", "sleep 1000"),
    "pod-userns": [["pod", "create", "--name", "{c}", "--network", "none", "--userns", "auto:size=3000"],
                   ["run", "--rm", "--pod", "{c}", "-u", "5", IMAGE, "sh", "-c", "id -u; awk '{{print $1,$3}}' /proc/self/uid_map"],
                   ["pod", "rm", "-f", "-t", "0", "{c}"]],
}


CHOSEN = SCENARIOS | (WIDE if os.environ.get("SCENARIOS_WIDE") else {})

CONTAINERFILE = """FROM bb
COPY a /copied
RUN echo made >/made; id >/as; cat /vv/a >>/as; ulimit -n >>/as; cat /sys/fs/cgroup/memory.max >>/as
RUN --mount=type=secret,id=s cat /run/secrets/s >>/as
RUN --mount=type=tmpfs,target=/t grep -e CapEff -e NoNew -e Seccomp: /proc/self/status >>/as
USER 1000
RUN id >/tmp/id
"""


@pytest.fixture(scope="session", autouse=True)
def things():
    for name in ["v/sub", *(f"many/{i}" for i in range(30)), *(f"{n}-{r}" for n in ("u", "up", "work", "id") for r in ("crun", "orlop"))]:
        os.makedirs(f"/srv/{name}", exist_ok=True)
    os.chown("/srv/v/sub", 5, 6)
    files = {"v/a": "a\n", "Containerfile": CONTAINERFILE, "u-crun/f": "", "u-orlop/f": "", "id-crun/f": "", "id-orlop/f": "", **{f"many/{i}/f{i}": "x\n" for i in range(30)}}
    pod = (HERE / "pod.yaml").read_text()
    files |= {f"{r}.yaml": pod.replace("RUNTIME", r) for r in ("crun", "orlop")}
    for name, text in files.items():
        pathlib.Path("/srv", name).write_text(text)
    ranges_for_auto()


@pytest.mark.parametrize("name", CHOSEN)
def test_podman(podman, name):
    beside(podman, name, CHOSEN[name])
