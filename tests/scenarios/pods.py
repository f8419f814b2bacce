# SPDX-License-Identifier: GPL-2.0-or-later
"""Pods as a kubelet makes them, by containerd's Container Runtime Interface."""
import pathlib
import time

POD, CONTAINER, NODE, TARGET = range(4)
IMAGE = "localhost/bb:latest"


class Pod:
    """A pod of one runtime, and what a kubelet asks of it. Its names end with that of the runtime."""

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
