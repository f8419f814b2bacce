# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kubelet does: pods and containers by containerd's Container Runtime Interface."""
import os

from conftest import PEER, call, error_class
from cri import Error
from pods import NODE, POD, TARGET, Pod

# Not cpu.weight, for which older peers have another formula, and not pids.max: crun's cgroup is one below systemd's.
FILES = ("cd /sys/fs/cgroup; for f in memory.max memory.swap.max cpu.max cpuset.cpus; do "
         "echo $f $(cat $f 2>&1); done")
STATUS = "grep -e Cap -e NoNew -e Seccomp: -e Groups /proc/self/status; sed 's,//.*,,; s/ .*//' /proc/self/attr/current"


def said(call, *args, **kwargs):
    """What became of a request: its answer, or the code of the error and what it is about."""
    try:
        return call(*args, **kwargs)
    except Error as error:
        return error.code, error_class(error.text)


def both(cri, scenario, name, **pod):
    seen = {}
    for runtime in (PEER, "orlop"):
        p = Pod(cri, runtime, name, **pod)
        try:
            seen[runtime] = list(scenario(p))
        finally:
            p.remove()
        left = call("sh", "-c", f"find /sys/fs/cgroup -name '*{p.id[:12]}*'; ctr -n k8s.io container ls -q | grep {p.id[:12]}").out
        assert left == ""
    for ours, peers in zip(seen["orlop"], seen[PEER]):
        assert ours == peers
    assert len(seen["orlop"]) == len(seen[PEER])


def test_life(cri):
    def scenario(p):
        c = p.container("a", "sh", "-c", "echo out; echo err >&2; trap 'exit 6' TERM; while :; do sleep 0.1; done",
                        resources={"memory_limit_in_bytes": 50 << 20, "cpu_quota": 50000, "cpu_period": 100000, "cpu_shares": 512,
                                   "oom_score_adj": 900})
        yield p.sh(c, FILES + "; cat /proc/self/cgroup; cat /proc/1/oom_score_adj; id; exit 3")
        yield said(p.sh, c, "sleep 30", timeout=2)
        yield p.sh(c, r"""for p in /proc/[0-9]*; do tr '\0' ' ' <$p/cmdline; echo; done 2>/dev/null | grep -c -e '^sleep 30 ' -e '^sh -c sleep 30 '""")
        yield said(p.cri.ExecSync, container_id=c, cmd=["nosuch"], timeout=5)
        yield said(p.cri.ExecSync, container_id=c, cmd=["/etc"], timeout=5)
        yield said(p.cri.UpdateContainerResources, container_id=c, linux={"memory_limit_in_bytes": 80 << 20, "cpu_quota": 150000,
                                                                           "cpu_period": 100000, "cpu_shares": 2048, "cpuset_cpus": "1"})
        yield p.sh(c, FILES)
        yield said(p.cri.UpdateContainerResources, container_id=c, linux={"cpuset_cpus": "77"})
        yield said(p.cri.UpdateContainerResources, container_id=c, linux={"unified": {"memory.high": "70000000"}})
        yield p.sh(c, FILES + "; cat memory.high")
        stats = p.cri.ContainerStats(container_id=c)["stats"]
        yield stats["cpu"]["usage_core_nano_seconds"]["value"] > 0, 0 < stats["memory"]["working_set_bytes"]["value"] < 80 << 20
        stats = p.cri.PodSandboxStats(pod_sandbox_id=p.id)["stats"]["linux"]
        yield stats["process"]["process_count"]["value"], len(stats["containers"])
        yield said(p.cri.StopContainer, container_id=c, timeout=10)
        yield p.ended(c), sorted(p.log("a"))
        yield said(p.sh, c, "true")
        yield said(p.cri.RemoveContainer, container_id=c)
    both(cri, scenario, "life")


def test_ends(cri):
    """Containers that end, or never begin."""
    def scenario(p):
        yield p.ended(p.container("seven", "sh", "-c", "exit 7"))
        yield p.ended(p.container("killed", "sh", "-c", "kill -9 $$"))
        c = p.container("missing", "nosuch", start=False)
        yield said(p.cri.StartContainer, container_id=c)
        yield p.ended(c)
        c = p.container("directory", "/etc", start=False)
        yield said(p.cri.StartContainer, container_id=c)
        yield p.ended(c)
        # systemd may take the cgroup away before containerd has looked at it, whatever the runtime is: once of three is enough
        for n in range(3):
            end = p.ended(p.container(f"oom{n}", "sh", "-c", "x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done",
                                      resources={"memory_limit_in_bytes": 24 << 20, "memory_swap_limit_in_bytes": 24 << 20}))
            if end[2] == "OOMKilled":
                break
        yield end
        c = p.container("tiny", "true", resources={"memory_limit_in_bytes": 4096}, start=False)
        yield said(p.cri.StartContainer, container_id=c)[:1]
    both(cri, scenario, "ends")


def test_pod(cri):
    """A pod with a network, where containers share namespaces, volumes and processes."""
    def scenario(p):
        status = p.cri.PodSandboxStatus(pod_sandbox_id=p.id)["status"]
        yield status["state"], status["network"]["ip"].startswith("10.66.")
        os.makedirs(f"/srv/cri-{p.runtime}", exist_ok=True)
        volume = [{"container_path": "/data", "host_path": f"/srv/cri-{p.runtime}"},
                  {"container_path": "/ro", "host_path": "/srv/image", "readonly": True, "recursive_read_only": True},
                  {"container_path": "/slave", "host_path": f"/srv/cri-{p.runtime}", "propagation": 1}]
        server = p.container("server", "sh", "-c", "echo page >/data/index.html; httpd -f -h /data -p 80", mounts=volume)
        c = p.container("client", "sleep", "1000", mounts=volume, run_as_user={"value": 1000}, run_as_group={"value": 5},
                        supplemental_groups=[7, 8], readonly_rootfs=True, no_new_privs=True, capabilities={"drop_capabilities": ["ALL"], "add_capabilities": ["NET_RAW"]})
        yield p.sh(c, "wget -q -O - http://localhost/; cat /data/index.html; touch /ro/x; touch /x; id; hostname; cat /proc/sys/net/ipv4/ip_unprivileged_port_start")
        yield p.sh(c, STATUS)
        yield p.sh(c, "cat /proc/1/comm; cat /proc/[0-9]*/comm | grep -c sleep")
        yield p.sh(server, STATUS)
        t = p.container("target", "sleep", "1000", namespace_options={"network": POD, "pid": TARGET, "target_id": server})
        yield p.sh(t, "cat /proc/1/comm")
        v = p.container("privileged", "sleep", "1000", devices=[{"container_path": "/dev/x", "host_path": "/dev/vdc", "permissions": "r"}])
        yield p.sh(v, "head -c 3 /dev/x | wc -c; echo a >/dev/x; mknod /tmp/k c 10 229 && cat /tmp/k")
    both(cri, scenario, "pod", namespace_options={"network": POD}, sysctls={"net.ipv4.ip_unprivileged_port_start": "80"})


def test_shared_processes(cri):
    def scenario(p):
        a = p.container("a", "sleep", "1001")
        b = p.container("b", "sleep", "1002")
        yield p.sh(a, "cat /proc/1/comm; ps -o args | grep -e 1001 -e 1002 | grep -v grep | sort")
        yield said(p.cri.StopContainer, container_id=b, timeout=0)
        yield p.ended(b)
        yield p.sh(a, "ps -o args | grep -e 1001 -e 1002 | grep -v grep | sort")
    both(cri, scenario, "processes", namespace_options={"network": NODE, "pid": POD})


def test_user_namespace(cri):
    ids = [{"host_id": 200000, "container_id": 0, "length": 65536}]

    # containerd mounts volumes with ids mapped since 2.0, which is what tells of its handlers
    handlers = {h["name"]: h["features"] for h in cri.Status(verbose=False)["runtime_handlers"]}
    maps = {"uidMappings": ids, "gidMappings": ids} if handlers else {}
    assert not handlers or handlers["orlop"] == {"recursive_read_only_mounts": True, "user_namespaces": True}

    def scenario(p):
        os.makedirs("/srv/cri-userns", exist_ok=True)
        os.chmod("/srv/cri-userns", 0o777)
        c = p.container("a", "sleep", "1000", mounts=[{"container_path": "/data", "host_path": "/srv/cri-userns", **maps}],
                        resources={"memory_limit_in_bytes": 50 << 20})
        yield p.sh(c, "cat /proc/self/uid_map | tr -s ' '; touch /data/x /y; stat -c '%u %g' /data/x /y; ls -d /proc/keys; " + FILES)
        yield os.stat("/srv/cri-userns/x").st_uid
        os.unlink("/srv/cri-userns/x")
        yield said(p.cri.UpdateContainerResources, container_id=c, linux={"memory_limit_in_bytes": 60 << 20})
        yield p.sh(c, "cat /sys/fs/cgroup/memory.max; " + STATUS)
        yield said(p.cri.StopContainer, container_id=c, timeout=0)
    both(cri, scenario, "userns", namespace_options={"network": POD, "userns_options": {"mode": POD, "uids": ids, "gids": ids}})
