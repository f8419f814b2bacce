# SPDX-License-Identifier: GPL-2.0-or-later
"""A containerd of this test's own, that may come and go, with orlop as contrib/engines/setup sets it and crun beside it."""
import hashlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import time

TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "tests/scenarios"))
from cri import Client, Error  # noqa: E402
from pods import IMAGE  # noqa: E402

ORLOP = os.environ["ORLOP"]
CONFIG = pathlib.Path("/etc/containerd/config.toml")
SOCKET = "/run/containerd/containerd.sock"
LOG = pathlib.Path("/srv/containerd.log")
PAUSE = "localhost/pause:latest"
PLUGIN = 'plugins."io.containerd.grpc.v1.cri"'
# no systemd is needed here, no controller, and no right to lower oom_score_adj
OWN = f"""version = 2
[{PLUGIN}]
disable_cgroup = true
restrict_oom_score_adj = true
sandbox_image = "{PAUSE}"
[{PLUGIN}.containerd.runtimes.crun]
runtime_type = "io.containerd.runc.v2"
[{PLUGIN}.containerd.runtimes.crun.options]
BinaryName = "/usr/bin/crun"
"""


def run(*args, timeout=60):
    r = subprocess.run([str(a) for a in args], capture_output=True, text=True, timeout=timeout, check=False)
    assert r.returncode == 0, r
    return r.stdout


def image(archive, command):
    """An OCI archive of busybox."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        tar.add("/bin/busybox", "bin/busybox")
        for applet in ("sh", "sleep", "echo"):
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
        for name in ("tmp", "proc", "sys", "dev", "etc"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(folder)
    blobs = {}

    def blob(data, kind):
        digest = hashlib.sha256(data).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = data
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(data)}

    content = blob(layer.getvalue(), "layer.v1.tar")
    config = blob(json.dumps({"architecture": "amd64", "os": "linux", "config": {"Cmd": command, "Env": ["PATH=/bin"]},
                              "rootfs": {"type": "layers", "diff_ids": [content["digest"]]}}).encode(), "config.v1+json")
    manifest = blob(json.dumps({"schemaVersion": 2, "config": config, "layers": [content]}).encode(), "manifest.v1+json")
    blobs["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [manifest]}).encode()
    blobs["oci-layout"] = b'{"imageLayoutVersion": "1.0.0"}'
    with tarfile.open(archive, "w") as tar:
        for name, data in blobs.items():
            file = tarfile.TarInfo(name)
            file.size = len(data)
            tar.addfile(file, io.BytesIO(data))


class Containerd:
    def __init__(self):
        self.cri = Client(SOCKET)
        CONFIG.parent.mkdir(exist_ok=True)
        CONFIG.write_text(OWN)
        run("sh", TOP / "contrib/engines/setup", "containerd", "--runtime", ORLOP)
        CONFIG.write_text(CONFIG.read_text().replace("SystemdCgroup = true", "SystemdCgroup = false"))
        self.start()
        for name in (PAUSE, IMAGE):
            image("/srv/image.tar", ["/bin/sleep", "100000"])
            run("ctr", "-n", "k8s.io", "image", "import", "--index-name", name, "/srv/image.tar")

    def start(self):
        with open(LOG, "ab") as log:
            self.process = subprocess.Popen(["containerd"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while True:
            try:
                self.cri.Status(deadline=5, verbose=False)
                return
            except Error as error:
                assert self.process.poll() is None and time.monotonic() < deadline, (error, LOG.read_text()[-2000:])
                time.sleep(0.05)

    def end(self, signal):
        self.process.send_signal(signal)
        self.process.wait(30)
