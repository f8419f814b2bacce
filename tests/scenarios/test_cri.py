# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kubelet does: pods and containers by containerd's Container Runtime Interface."""
import json
import os
import pathlib
import re
import time

import grpc
import pytest

import cri as client
from conftest import PEER, call, set_up

SOCKET = "/run/containerd/containerd.sock"
CONFIG = "/etc/containerd/config.toml"
PEERS_HANDLER = """
[plugins."{plugin}".containerd.runtimes.crun]
runtime_type = "io.containerd.runc.v2"
[plugins."{plugin}".containerd.runtimes.crun.options]
BinaryName = "/usr/bin/crun"
SystemdCgroup = true
"""
NETWORK = {"cniVersion": "1.0.0", "name": "scenarios", "plugins": [
    {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": False,
     "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.66.0.0/16"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
POD, CONTAINER, NODE, TARGET = range(4)
# Not cpu.weight, for which older peers have another formula, and not pids.max: crun's cgroup is one below systemd's.
FILES = ("cd /sys/fs/cgroup; for f in memory.max memory.swap.max cpu.max cpuset.cpus; do "
         "echo $f $(cat $f 2>&1); done")
STATUS = "grep -e Cap -e NoNew -e Seccomp: -e Groups /proc/self/status; sed 's,//.*,,; s/ .*//' /proc/self/attr/current"
IMAGE = "localhost/bb:latest"


def sandbox_image():
    """The name that containerd has for the image of a pod: it differs from version to version."""
    return re.search(r"""(?m)^ *sandbox(?:_image)? = ['"](.+)['"]$""", call("containerd", "config", "dump").out)[1]


@pytest.fixture(scope="session")
def cri(installed):
    """containerd as contrib/engines/setup leaves it, with crun as a second handler."""
    set_up("containerd")
    text = pathlib.Path(CONFIG).read_text()
    plugin = "io.containerd.cri.v1.runtime" if "io.containerd.cri.v1.runtime" in text else "io.containerd.grpc.v1.cri"
    pathlib.Path(CONFIG).write_text(text + PEERS_HANDLER.replace("{plugin}", plugin))
    os.makedirs("/etc/cni/net.d", exist_ok=True)
    pathlib.Path("/etc/cni/net.d/10-scenarios.conflist").write_text(json.dumps(NETWORK))
    for args in (["podman", "import", "-q", "--change", 'CMD ["/bin/sleep", "100000"]', "/srv/bb.tar", "pause"],
                 ["podman", "save", "-q", "--format", "oci-archive", "-o", "/srv/pause.oci", "pause"],
                 ["systemctl", "restart", "containerd"],
                 ["ctr", "-n", "k8s.io", "image", "import", "--index-name", IMAGE, "/srv/bb.oci"],
                 ["ctr", "-n", "k8s.io", "image", "import", "--index-name", sandbox_image(), "/srv/pause.oci"]):
        r = call(*args)
        assert r.rc == 0, r
    c = client.Client(SOCKET)
    return c


class Pod:
    """A pod of one runtime, and what a kubelet asks of it. Errors are results, as (code, class) pairs."""

    def __init__(self, cri, runtime, name, **linux):
        self.cri, self.runtime = cri, runtime
        options = linux.pop("namespace_options", {"network": NODE, "pid": CONTAINER})
        self.config = {"metadata": {"name": f"{name}-{runtime}", "uid": f"{name}-{runtime}", "namespace": "default"},
                       "log_directory": f"/var/log/pods/{name}-{runtime}",
                       "linux": {"cgroup_parent": "/kubepods.slice", "security_context": {"namespace_options": options}, **linux}}
        self.options = options
        # the default handler is orlop's
        self.id = cri.RunPodSandbox(config=self.config, runtime_handler="" if runtime == "orlop" else runtime)["pod_sandbox_id"]

    def container(self, name, *command, resources=None, mounts=(), devices=(), start=True, **security):
        config = {"metadata": {"name": name}, "image": {"image": IMAGE}, "command": list(command), "log_path": f"{name}.log",
                  "mounts": list(mounts), "devices": list(devices),
                  "linux": {"resources": resources or {}, "security_context": {"namespace_options": self.options, **security}}}
        c = self.cri.CreateContainer(pod_sandbox_id=self.id, config=config, sandbox_config=self.config)["container_id"]
        if start:
            self.cri.StartContainer(container_id=c)
        return c

    def sh(self, container, script, timeout=20):
        r = self.cri.ExecSync(container_id=container, cmd=["sh", "-c", script], timeout=timeout)
        return r["exit_code"], r["stdout"].decode(), r["stderr"].decode()

    def ended(self, container, seconds=20):
        deadline = time.monotonic() + seconds
        while True:
            status = self.cri.ContainerStatus(container_id=container)["status"]
            if status["state"] == 2 or time.monotonic() > deadline:
                return status["state"], status["exit_code"], status["reason"]
            time.sleep(0.2)

    def log(self, name):
        lines = pathlib.Path(f"{self.config['log_directory']}/{name}.log").read_text().splitlines()
        return [line.split(" ", 1)[1] for line in lines]

    def remove(self):
        self.cri.StopPodSandbox(pod_sandbox_id=self.id)
        self.cri.RemovePodSandbox(pod_sandbox_id=self.id)


def said(call, *args, **kwargs):
    """What became of a request: its answer, or the code of the error and what it is about."""
    from conftest import error_class
    try:
        return call(*args, **kwargs)
    except client.Error as error:
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
