# SPDX-License-Identifier: GPL-2.0-or-later
"""Docker on its default settings. What needs neither systemd nor limits is in tests/engines."""
import json
import os
import pathlib
import time

import pytest

from conftest import IMAGE, ORLOP, PEER, Step, beside, call, host

ONCE = ["run", "--rm", "--network", "none"]
LONG = ["run", "-d", "--network", "none", "--name", "{c}"]
REMOVE = ["rm", "-f", "-v", "{c}"]
SCOPE = "docker-$(docker inspect -f '{{{{.Id}}}}' {c}).scope"
# Not the weights, for which older peers have another formula, and not MemorySwapMax, where crun puts the sum with memory.
FILES = ("cd /sys/fs/cgroup; for f in memory.max memory.low memory.swap.max cpu.max cpuset.cpus pids.max memory.oom.group; do "
         "echo $f $(cat $f 2>&1); done; ls | sort")
PROPERTIES = ("MemoryMax,MemoryLow,CPUQuotaPerSecUSec,CPUQuotaPeriodUSec,AllowedCPUs,TasksMax,Slice,Delegate,ActiveState,OOMPolicy,"
              "KillMode,Result")
# Without the program's own profile, which only crun's package brings.
LABEL = "sed 's,.*//&,,; s,//.*,,; s/ .*//' /proc/self/attr/current"


def unit(properties=PROPERTIES):
    return host("sh", "-c", f"systemctl show -p {properties} {SCOPE}")


def until(wanted, form):
    """What `docker inspect` says of the container, when it says that, or after a minute."""
    return host("sh", "-c", f"for i in $(seq 60); do s=$(docker inspect -f '{form}' {{c}}); [ \"$s\" = '{wanted}' ] && break; sleep 1; done; echo $s")


def state(words="Status ExitCode OOMKilled Restarting Paused"):
    return ["inspect", "-f", " ".join("{{{{.State.%s}}}}" % w for w in words.split()), "{c}"]


def ex(*args):
    return ["exec", *args]


def sh(script, *options):
    return [*ONCE, *options, IMAGE, "sh", "-c", script]


CODES = [[*ONCE, IMAGE, "id"], sh("exit 7"), [*ONCE, IMAGE, "nosuch"], [*ONCE, IMAGE, "/etc"], sh("true", "-w", "/etc/passwd")]

SCENARIOS = {
    "limits": [[*LONG, "-m", "64m", "--memory-reservation", "32m", "--memory-swap", "128m", "--cpus", "0.5", "--cpu-shares", "512",
                "--cpuset-cpus", "0", "--pids-limit", "50", "--blkio-weight", "300", IMAGE, "sleep", "1000"],
               ex("{c}", "sh", "-c", FILES), unit(),
               ["update", "--memory", "80m", "--memory-swap", "200m", "--cpus", "1.5", "--pids-limit", "60", "--cpuset-cpus", "0-1",
                "--blkio-weight", "500", "--cpu-shares", "2048", "{c}"],
               ex("{c}", "sh", "-c", FILES), unit(),
               # no swap is named here: Docker takes -1 for that, and with crun memory.swap.max stays; with orlop the sum does
               ["update", "--memory", "100m", "--memory-swap", "300m", "--pids-limit", "-1", "{c}"],
               ex("{c}", "sh", "-c", FILES), unit(),
               ["update", "--cpuset-cpus", "7", "{c}"], ["update", "--memory", "1m", "{c}"], ["update", "--memory", "300m", "--memory-swap", "200m", "{c}"],
               ex("{c}", "sh", "-c", FILES),
               ["stats", "--no-stream", "--format", "{{{{.Name}}}} {{{{.PIDs}}}}", "{c}"],
               host("sh", "-c", "docker stats --no-stream --format '{{{{.MemUsage}}}}' {c} | sed 's/.* //'"),
               ["top", "{c}", "-o", "comm,args"], REMOVE, unit("ActiveState,LoadState")],
    "life": [[*LONG, IMAGE, "sh", "-c", "trap 'exit 6' TERM; trap 'exit 9' USR1; echo up; while :; do sleep 0.1; done"], ["pause", "{c}"], state(), ex("{c}", "true"),
             ["stats", "--no-stream", "--format", "{{{{.Name}}}}", "{c}"], ["unpause", "{c}"], ex("{c}", "echo", "on"), ["stop", "-t", "20", "{c}"],
             state(), ["start", "{c}"], ["restart", "-t", "20", "{c}"], ["kill", "-s", "USR1", "{c}"], ["wait", "{c}"], state(),
             ["start", "{c}"], ["kill", "{c}"], ["wait", "{c}"], ["logs", "{c}"], state(), ["kill", "{c}"], ex("{c}", "true"), REMOVE],
    "exec": [[*LONG, "--pids-limit", "20", IMAGE, "sleep", "1000"], ex("-u", "user", "-w", "/tmp", "-e", "A=b", "{c}", "sh", "-c", "id; pwd; echo $A; umask"),
             ex("{c}", "nosuch"), ex("{c}", "/etc"), ex("-w", "/nosuch", "{c}", "pwd"), ex("-u", "nobody-here", "{c}", "id"),
             ex("{c}", "sh", "-c", "kill -9 $$"), ex("{c}", "sh", "-c", "exit 9"),
             ex("{c}", "sh", "-c", "cat /proc/self/cgroup; cat /sys/fs/cgroup/pids.max; grep -e Cap -e NoNew -e Seccomp /proc/self/status"),
             ex("--privileged", "{c}", "sh", "-c", "cat /proc/self/cgroup; grep -e Cap -e NoNew -e Seccomp /proc/self/status; " + LABEL),
             ex("{c}", "sh", "-c", LABEL),
             Step(ex("-i", "{c}", "sh", "-c", "cat; echo end >&2"), stdin=b"typed\n"),
             host("script", "-qec", "docker exec -it {c} sh -c 'tty; exit 4'", "/dev/null"),
             ex("-d", "{c}", "sh", "-c", "sleep 500; true"), host("sh", "-c", "sleep 1; docker top {c} -o args | sort"),
             ex("{c}", "sh", "-c", "for i in $(seq 30); do sleep 5 & done; true"), REMOVE],
    "terminal": [host("script", "-qec", "docker run --rm -it --network none --runtime {r} bb sh -c 'tty; test -c /dev/console && echo console; exit 5'",
                      "/dev/null"),
                 host("sh", "-c", "(sleep 4; echo 'echo typed $((40+2)); exit 3') | script -qec 'docker run --rm -it --network none --runtime {r} bb sh' /dev/null | grep -a -o 'typed 42' | tail -n 1")],
    "cgroups": [sh("cat /proc/self/cgroup; mkdir /sys/fs/cgroup/x; grep cgroup /proc/mounts | cut -d' ' -f2-4 | cut -d, -f1"),
                sh("cat /proc/self/cgroup | sed 's/docker-.*scope/SCOPE/; s,SCOPE/container,SCOPE,'; ls -d /sys/fs/cgroup/system.slice", "--cgroupns", "host"),
                sh("cat /proc/self/cgroup; mkdir /sys/fs/cgroup/x && echo made; grep cgroup /proc/mounts | cut -d' ' -f2-4 | cut -d, -f1", "--privileged"),
                [*LONG, "--cgroup-parent", "some-thing.slice", "-m", "50m", IMAGE, "sleep", "1000"], unit("Slice,MemoryMax"),
                host("sh", "-c", "systemctl show -P ControlGroup " + SCOPE + " | sed 's/docker-.*scope/SCOPE/'"),
                REMOVE, [*ONCE, "--cgroup-parent", "nosuffix", IMAGE, "true"]],
    "devices": [sh("echo >/dev/null; cat /dev/vdc; cat /dev/kmsg; mknod /tmp/vdc b 254 32 && cat /tmp/vdc; ls /dev"),
                sh("head -c 5 /dev/vdc | wc -c; echo x >/dev/vdc", "--device", "/dev/vdc:/dev/vdc:r"),
                sh("mknod /tmp/f c 10 229 && cat /tmp/f; mknod /tmp/n c 1 5; head -c 3 /tmp/n | wc -c", "--device-cgroup-rule", "c 10:229 rwm"),
                sh("test -b /dev/vdc && head -c 5 /dev/vdc | wc -c; test -c /dev/kmsg && echo kmsg", "--privileged"),
                [*LONG, "--device-read-bps", "/dev/vdc:1mb", "--device-write-iops", "/dev/vdc:100", IMAGE, "sleep", "1000"],
                host("sh", "-c", "cat /sys/fs/cgroup/system.slice/" + SCOPE + "/io.max"), unit("IOReadBandwidthMax,IOWriteIOPSMax"), REMOVE],
    "oom": [["run", "--network", "none", "--name", "{c}", "-m", "16m", "--memory-swap", "16m", IMAGE, "sh", "-c",
             "x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done"], state(), REMOVE,
            [*LONG, "-m", "24m", "--memory-swap", "24m", IMAGE, "sleep", "1000"],
            # crun's exec keeps the -998 of the shim, so that the container's first process is killed
            ex("{c}", "sh", "-c", "echo 500 >/proc/self/oom_score_adj; x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done"), state(), ex("{c}", "echo", "alive"),
            host("sh", "-c", "docker events --since 60s --until 0s --filter container={c} --format '{{{{.Action}}}}' | sed 's/:.*//' | sort | uniq -c"), REMOVE],
    "security": [sh(LABEL + "; grep -e Cap -e NoNew -e Seccomp /proc/self/status", "--security-opt", "no-new-privileges"),
                 sh(LABEL + "; grep -e Cap -e NoNew -e Seccomp /proc/self/status", "--security-opt", "apparmor=unconfined",
                    "--security-opt", "seccomp=unconfined", "--cap-drop", "ALL", "--cap-add", "NET_RAW", "-u", "1000"),
                 Step(sh("true", "--security-opt", "apparmor=nosuch"), words=False),
                 sh("ulimit -n; ulimit -u; cat /proc/self/oom_score_adj; cat /proc/sys/kernel/shmmax; df -k /dev/shm | tail -1; cat /proc/sys/net/ipv4/ip_forward",
                    "--ulimit", "nofile=99:100", "--oom-score-adj", "200", "--shm-size", "8m", "--sysctl", "net.ipv4.ip_forward=1"),
                 sh("touch /x; touch /tmp/x && echo tmp; cat /proc/1/cmdline | tr '\\0' ' '", "--read-only", "--tmpfs", "/tmp", "--init"),
                 sh("grep -c . /proc/self/mountinfo; ls /proc/sys/kernel | wc -l; cat /proc/keys | wc -l; ls /proc/acpi | wc -l; touch /proc/sys/kernel/x")],
    "volumes": [[*ONCE, "-v", "v-{r}:/home", IMAGE, "sh", "-c", "ls /home; touch /home/new"], [*ONCE, "-v", "v-{r}:/mnt:ro", IMAGE, "sh", "-c", "ls /mnt; touch /mnt/x"],
                [*ONCE, "--mount", "type=volume,src=v-{r},dst=/mnt,volume-subpath=user", IMAGE, "sh", "-c", "ls -la /mnt | wc -l"],
                [*ONCE, "-v", "/srv/dir-{r}:/mnt:rslave", "-v", "/etc/hostname:/mnt2/h:ro", IMAGE, "sh", "-c", "ls -ld /mnt; cat /mnt2/h; touch /mnt/f"],
                [*LONG, "-v", "/data", IMAGE, "sh", "-c", "echo shared >/data/f; sleep 1000"], [*ONCE, "--volumes-from", "{c}", IMAGE, "cat", "/data/f"],
                ["cp", "/etc/hostname", "{c}:/data/h"], ["cp", "/etc/hostname", "{c}:/root/h"], ex("{c}", "cat", "/data/h", "/root/h"),
                ["cp", "{c}:/data/f", "/srv/f-{r}"], host("sh", "-c", "docker diff {c} | sort"), ["commit", "-q", "{c}", "made-{r}"], REMOVE,
                [*ONCE, "made-{r}", "cat", "/root/h"], ["rmi", "made-{r}"], ["volume", "rm", "v-{r}"]],
    "shared": [["run", "-d", "--ipc", "shareable", "--name", "{c}", IMAGE, "sh", "-c", "echo x >/dev/shm/x; exec sleep 1000"],
               ["run", "--rm", "--network", "container:{c}", "--pid", "container:{c}", "--ipc", "container:{c}", IMAGE, "sh", "-c",
                "cat /dev/shm/x; cat /proc/1/comm; hostname; ip addr | grep -c 172.17"],
               ["run", "--rm", "--pid", "host", "--network", "host", "--ipc", "host", "--uts", "host", IMAGE, "sh", "-c", "cat /proc/1/comm; hostname; ip link show docker0 | grep -c docker0"], REMOVE],
    "network": [["network", "create", "--subnet", "10.9{n}.0.0/24", "net-{r}"],
                ["run", "-d", "--network", "net-{r}", "--ip", "10.9{n}.0.7", "--network-alias", "web", "-p", "127.0.0.1:808{n}:80", "--name", "{c}", IMAGE, "sh", "-c",
                 "mkdir /www; echo page >/www/index.html; httpd -f -h /www -p 80"],
                ["run", "--rm", "--network", "net-{r}", "--add-host", "h:1.2.3.4", "--dns", "9.9.9.9", "--hostname", "cl", IMAGE, "sh", "-c",
                 "wget -q -O - http://web/; wget -q -O - http://10.9{n}.0.7 | wc -c; grep 1.2.3.4 /etc/hosts; hostname; cat /etc/resolv.conf | grep -v '^#'"],
                host("sh", "-c", "busybox wget -q -O - http://127.0.0.1:808{n}/"),
                ["network", "connect", "bridge", "{c}"], ex("{c}", "sh", "-c", "ip link | grep -c eth; wget -q -O - http://localhost/"),
                ["network", "disconnect", "bridge", "{c}"], ex("{c}", "sh", "-c", "ip link | grep -c eth"),
                ["run", "--rm", "-p", "127.0.0.1:808{n}:80", IMAGE, "true"], ["network", "rm", "net-{r}"], ["restart", "-t", "0", "{c}"],
                host("sh", "-c", "sleep 1; busybox wget -q -O - http://127.0.0.1:808{n}/"), REMOVE, ["network", "rm", "net-{r}"]],
    "restart": [["run", "-d", "--network", "none", "--restart", "on-failure:2", "--name", "{c}", IMAGE, "sh", "-c", "echo run; exit 3"],
                until("2 exited 3", "{{{{.RestartCount}}}} {{{{.State.Status}}}} {{{{.State.ExitCode}}}}"),
                host("sh", "-c", "sleep 2; docker logs {c}"), REMOVE,
                ["run", "-d", "--network", "none", "--restart", "always", "--name", "{c}", IMAGE, "sleep", "1000"],
                host("sh", "-c", "kill -9 $(docker inspect -f '{{{{.State.Pid}}}}' {c})"),
                until("1 running", "{{{{.RestartCount}}}} {{{{.State.Status}}}}"),
                ex("{c}", "cat", "/proc/1/comm"), ["update", "--restart", "no", "{c}"], ["kill", "{c}"], ["wait", "{c}"], state(), REMOVE],
    "health": [[*LONG, "--health-cmd", "test -e /tmp/ok", "--health-interval", "1s", "--health-retries", "1", IMAGE, "sh", "-c", "touch /tmp/ok; exec sleep 1000"],
               until("healthy", "{{{{.State.Health.Status}}}}"),
               ex("{c}", "rm", "/tmp/ok"),
               until("unhealthy", "{{{{.State.Health.Status}}}}"), REMOVE],
}


# Played when $SCENARIOS_WIDE is set: the lane has no time for them, and they hardly depend on systemd.
WIDE = {"life", "volumes", "shared", "terminal", "devices"}
CHOSEN = [x for x in SCENARIOS if x not in WIDE or os.environ.get("SCENARIOS_WIDE")]

COMPOSE = """
services:
  web:
    image: bb
    runtime: {r}
    command: [sh, -c, "mkdir -p /www; echo page >/www/index.html; touch /data/up; exec httpd -f -h /www -p 80"]
    volumes: ["data:/data"]
    networks: [front]
    mem_limit: 50m
    healthcheck: {{test: test -e /data/up, interval: 3s, retries: 30}}
    init: true
    ulimits: {{nofile: 500}}
  client:
    image: bb
    runtime: {r}
    command: [sh, -c, "wget -q -O - http://web/; ls /data; exec sleep 1000"]
    volumes: ["data:/data:ro"]
    networks: [front, back]
    depends_on: {{web: {{condition: service_healthy}}}}
    read_only: true
    tmpfs: [/tmp]
volumes: {{data: }}
networks: {{front: , back: {{internal: true}}}}
"""
APPLICATION = [host("docker", "compose", "-f", "/srv/compose-{r}.yml", "-p", "{c}", *args) if isinstance(args, list) else host("sh", "-c", args) for args in (
    ["up", "-d", "--quiet-pull"], "sleep 2; docker compose -p {c} logs --no-log-prefix client", ["exec", "client", "sh", "-c", "wget -q -O - http://web/; ip link | grep -c eth; touch /x"],
    ["exec", "web", "sh", "-c", "cat /sys/fs/cgroup/memory.max; ulimit -n; cat /proc/1/comm"], ["run", "--rm", "client", "sh", "-c", "wget -q -O - http://web/; exit 4"],
    ["restart", "-t", "0", "client"], ["up", "-d", "--scale", "client=2"], ["pause", "web"], ["unpause", "web"],
    "docker compose -p {c} ps -q | wc -l", ["down", "-v", "-t", "0"], "docker ps -aq --filter name={c} | wc -l; docker volume ls -q | grep -c {c}")]


@pytest.mark.parametrize("name", CHOSEN)
def test_docker(docker, name):
    beside(docker, name, SCENARIOS[name])


def test_exit_codes(docker):
    """Beside runc, whose words Docker knows: with crun it ends with 125."""
    beside(docker, "codes", CODES, peer="runc")


def test_application(docker):
    for r in (PEER, "orlop"):
        pathlib.Path(f"/srv/compose-{r}.yml").write_text(COMPOSE.format(r=r))
    for step in APPLICATION:
        step.words, step.timeout = False, 300
    beside(docker, "app", APPLICATION)


def fine(*args, **kwargs):
    r = call(*args, **kwargs)
    assert r.rc == 0, (args, r)
    return r.out.strip()


class RootlessDocker:
    """dockerd of an ordinary user, under that user's service manager."""
    name = "docker-rootless"
    parallel = True
    socket = "unix:///run/user/1000/docker.sock"

    def __init__(self):
        home = pathlib.Path("/home/user/.config/docker")
        home.mkdir(parents=True, exist_ok=True)
        (home / "daemon.json").write_text(json.dumps({"runtimes": {r: {"path": p} for r, p in (("orlop", ORLOP), (PEER, f"/usr/bin/{PEER}"))},
                                                      "default-runtime": "orlop"}))
        fine("chown", "-R", "user:user", "/home/user/.config")
        fine("systemd-run", "--user", "--machine=user@.host", "-q", "--unit", "dockerd", "-p", "Delegate=yes", "-p", "KillMode=mixed",
             "-E", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", ROOTLESS)
        deadline = time.monotonic() + 120
        while call("docker", "-H", self.socket, "info").rc:
            assert time.monotonic() < deadline, call("journalctl", "-n", "50", "--no-pager")
            time.sleep(1)
        fine("docker", "-H", self.socket, "import", "/srv/bb.tar", IMAGE)

    def __call__(self, runtime, *args, **kwargs):
        args = list(args)
        if args[0] in ("run", "create"):
            args[1:1] = ["--runtime", runtime]
        return call("docker", "-H", self.socket, *args, **kwargs)

    def clean(self, name):
        self("orlop", "rm", "-f", "-v", name)


ROOTLESS = "/usr/share/docker.io/contrib/dockerd-rootless.sh"
ROOTLESS_STEPS = [
    [*ONCE, IMAGE, "sh", "-c", "id; exit 7"],
    [*LONG, "-m", "64m", "--pids-limit", "50", "--cpus", "0.5", IMAGE, "sleep", "1000"],
    ex("{c}", "sh", "-c", "cd /sys/fs/cgroup; cat memory.max pids.max cpu.max; id; cat /proc/self/uid_map | tr -s ' '"),
    ["update", "--memory", "80m", "--memory-swap", "-1", "{c}"], ex("{c}", "cat", "/sys/fs/cgroup/memory.max"), ["pause", "{c}"], ["unpause", "{c}"],
    ex("-u", "1000", "{c}", "id"), ["run", "--rm", IMAGE, "sh", "-c", "ip addr | grep -c eth0"],
    host("sh", "-c", "find /sys/fs/cgroup/user.slice -name 'docker-*.scope' | wc -l | grep -c -e 1 -e 2"), ["stop", "-t", "0", "{c}"], state(), REMOVE]


@pytest.mark.skipif(not os.path.exists(ROOTLESS), reason="dockerd-rootless.sh is not packaged")
def test_rootless(installed):
    engine = RootlessDocker()
    try:
        assert engine("orlop", *ONCE, IMAGE, "nosuch").rc == 127  # 125 with crun
        beside(engine, "rootless", ROOTLESS_STEPS)
    finally:
        call("systemctl", "--user", "--machine=user@.host", "stop", "dockerd")
