# SPDX-License-Identifier: GPL-2.0-or-later
"""
A whole Debian whose process 1 is systemd, as root, with a user namespace, and for a user: it boots to multi-user,
keeps a journal, divides its own cgroup, and ends when it is told to.  It is the virtual machine's own file system,
below an overlay.
"""
import os
import subprocess
import time

import pytest
from lib import config as conf
from lib import host, kernel
from lib.box import deadline
from test_systemd import MANAGER, User, manager  # noqa: F401

pytestmark = [pytest.mark.needs_vm("a file system with systemd in it"), pytest.mark.one_vm]

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CAPS = ["CAP_" + c for c in ("CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL NET_BIND_SERVICE NET_ADMIN SETFCAP SETGID "
                             "SETPCAP SETUID SYS_CHROOT SYS_ADMIN SYS_PTRACE AUDIT_WRITE").split()]
# what has no place in a container, or is this test's own machine
MASKED = ["lab.service", "docker.service", "docker.socket", "containerd.service", "systemd-udevd.service", "user@1000.service",
          "apparmor.service"]
FIRST = 300000
SIGRTMIN_3 = 37  # systemd(1): halt


@pytest.fixture
def tree(tmp):
    """mount(ids) gives an overlay of / in which ids are shifted: mount(8), X-mount.idmap."""
    mounted = []

    def make(ids):
        lower, target = f"{tmp}/lower", f"{tmp}/tree"
        for d in (lower, target, f"{tmp}/up", f"{tmp}/work"):
            os.mkdir(d)
        options = f"bind,X-mount.idmap={ids}" if ids else "bind"
        subprocess.run(["mount", "-o", options, "/", lower], check=True)
        mounted.append(lower)
        kernel.mount("overlay", target, "overlay", 0, f"lowerdir={lower},upperdir={tmp}/up,workdir={tmp}/work")
        mounted.append(target)
        for unit in MASKED:
            path = f"{target}/etc/systemd/system/{unit}"
            os.path.lexists(path) and os.unlink(path)
            os.symlink("/dev/null", path)
        return target
    yield make
    for path in reversed(mounted):
        kernel.umount(path)


def prepare(box, rootfs):
    box.config["root"] = {"path": rootfs, "readonly": False}
    box.config["hostname"] = "inside"
    box.process["args"] = ["/sbin/init"]
    box.process["env"] = [PATH, "container=oci"]
    box.process["noNewPrivileges"] = False
    box.process["rlimits"] = []
    conf.set_caps(box.process, CAPS)
    for m in box.mounts:
        if m["destination"] == "/sys/fs/cgroup":
            m.update(type="cgroup", source="cgroup", options=["nosuid", "noexec", "nodev", "relatime"])
    for d in ("/run", "/tmp"):
        box.mounts.append({"destination": d, "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "mode=755"]})


def booted(box):
    """How `systemctl is-system-running` answers in the end."""
    end, answer = time.monotonic() + deadline(45), ""
    while time.monotonic() < end:
        answer = box.exec("--", "/bin/systemctl", "is-system-running").out.strip()
        if answer in ("running", "degraded"):
            break
        time.sleep(1)
    return answer


def inside(box, *command):
    return box.exec("--", *command).ok().out.strip()


def check(box):
    box.create().ok()
    box.start().ok()
    answer = booted(box)
    assert answer == "running", (answer, box.exec("--", "/bin/systemctl", "--failed", "--no-legend").out, box.output()[-2000:])
    assert inside(box, "/bin/systemctl", "is-active", "multi-user.target") == "active"
    assert inside(box, "/bin/cat", "/proc/1/comm") == "systemd"
    assert "Multi-User" in inside(box, "/bin/journalctl", "-b", "--no-pager", "-g", "Reached target multi-user")
    # where init is, as the top has sub-cgroups with controllers
    assert inside(box, "/bin/cat", "/proc/self/cgroup") == "0::/init.scope"
    inside(box, "/bin/systemd-run", "-q", "--wait", "-p", "MemoryMax=50M", "/bin/true")
    box.kill(SIGRTMIN_3).ok()
    box.wait_stopped(60)
    box.delete().ok()


@pytest.mark.parametrize("driver", ["cgroupfs", "systemd"])
def test_as_root(box, tree, driver):
    """With a user namespace, whose root makes cgroups below the container's."""
    box.orlop.options = [f"--cgroup-manager={driver}"]
    prepare(box, tree(f"b:0:{FIRST}:65536"))
    box.linux["namespaces"].append({"type": "user"})
    box.linux["uidMappings"] = box.linux["gidMappings"] = [{"containerID": 0, "hostID": FIRST, "size": 65536}]
    check(box)


def test_as_user(manager, make_box, tree, tmp):  # noqa: F811
    """Below the user's own manager."""
    user = User(tmp, False)
    box = make_box()
    box.orlop, spare = user, box.orlop
    ids = [{"containerID": 0, "hostID": 1000, "size": 1}, {"containerID": 1, "hostID": 100000, "size": 65535}]
    prepare(box, tree("u:0:1000:1 u:1:100000:65535 g:0:1000:1 g:1:100000:65535"))
    subprocess.run(["chown", "-R", "1000:1000", box.bundle], check=True)
    box.linux["namespaces"].append({"type": "user"})
    box.linux["uidMappings"] = box.linux["gidMappings"] = ids
    box.linux["resources"] = {}
    check(box)
    user.clean()
    box.orlop = spare
    assert not os.path.exists(f"{host.CGROUP}{MANAGER}/user.slice/orlop-{box.id}.scope")
