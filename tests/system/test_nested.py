# SPDX-License-Identifier: GPL-2.0-or-later
"""
A container in a container, whose cgroup namespace is its own: what is the root there is no root to the kernel.  The
program runs in a privileged container that may write to its cgroups.
"""
import json
import os
import shutil

import pytest
from lib import box as box_module
from lib import config as conf
from lib import host, kernel
from lib.box import deadline

pytestmark = [pytest.mark.kernel, pytest.mark.one_vm]

HUGE = {"hugepageLimits": [{"pageSize": "2MB", "limit": 4 << 20}]}


ABOVE = f"{host.CGROUP}/{host.TAG}nest"


def group(box):
    return f"{ABOVE}/{box.id}"


def refused(r, *words):
    assert r.rc == 1, r
    for w in words:
        assert w in r.err.splitlines()[-1], r


def value(path, file):
    return kernel.read(f"{path}/{file}").strip()


@pytest.fixture
def outer(make_box):
    """Up, with the program as /bin/orlop and a bundle in /inner; outer.inner is its configuration."""
    if not os.path.exists(shutil.which("busybox") or ""):
        pytest.skip("no busybox")
    box = make_box(busybox=True)
    if b"ld-linux" in open(box_module.PROGRAM, "rb").read(4096):
        pytest.skip("the program is linked dynamically")
    shutil.copy(box_module.PROGRAM, f"{box.rootfs}/bin/orlop")
    box.process["noNewPrivileges"] = False
    conf.set_caps(box.process, conf.ALL_CAPS)
    box.linux["cgroupsPath"] = f"/{host.TAG}nest/{box.id}"
    box.linux["resources"] = {"devices": [{"allow": True, "access": "rwm"}]}
    box.linux["maskedPaths"] = box.linux["readonlyPaths"] = []
    for m in box.mounts:
        if m["destination"] == "/sys/fs/cgroup":
            m["options"] = ["nosuid", "noexec", "nodev"]
    box.mounts.append(conf.mount("/run", "tmpfs", "tmpfs", ["mode=755"]))
    inner = make_box()
    shutil.copytree(inner.rootfs, f"{box.rootfs}/inner/rootfs", symlinks=True)
    box.inner = inner.config
    box.up()
    yield box
    box.delete("--force").ok()
    assert not os.path.exists(ABOVE)


def orlop(box, *args, **kw):
    """Where process 1 is: else it would itself be in the root again."""
    init = ["--cgroup", "init"] if os.path.exists(f"{group(box)}/init") else []
    return box.exec(*init, "--", "/bin/orlop", *args, **kw)


def write(box):
    with open(f"{box.rootfs}/inner/config.json", "w") as f:
        json.dump(box.inner, f)


def empty_the_root(box):
    """As engines in containers do: whoever is in the root goes into a cgroup below it."""
    os.mkdir(f"{group(box)}/init")
    for pid in value(group(box), "cgroup.procs").split():
        with open(f"{group(box)}/init/cgroup.procs", "w") as f:
            f.write(pid)


@pytest.mark.parametrize("emptied", [False, True])
def test_without_limits(outer, emptied):
    """It has a cgroup of its own, below the one of the container around it, and all of it goes again."""
    if emptied:
        empty_the_root(outer)
    outer.inner["process"]["args"] = [conf.PROBE, "pause"]
    write(outer)
    orlop(outer, "run", "--detach", "--bundle", "/inner", "in").ok()
    state = orlop(outer, "state", "in").json()
    assert state["status"] == "running"
    assert value(f"{group(outer)}/orlop/in", "cgroup.procs").split()
    assert orlop(outer, "exec", "in", conf.PROBE, "state").json()["cgroup"].endswith("0::/\n")
    orlop(outer, "pause", "in").ok()
    assert value(f"{group(outer)}/orlop/in", "cgroup.freeze") == "1" and outer.status() == "running"
    orlop(outer, "resume", "in").ok()
    orlop(outer, "delete", "--force", "in").ok()
    assert not os.path.exists(f"{group(outer)}/orlop")


@pytest.mark.needs_controllers("hugetlb")
def test_with_limits(outer):
    """The root is not ours to empty: said with what to do; once it is, limits hold and can be changed."""
    outer.inner["linux"]["resources"].update(HUGE)
    outer.inner["process"]["args"] = [conf.PROBE, "pause"]
    write(outer)
    refused(orlop(outer, "run", "--detach", "--bundle", "/inner", "in"), "/linux/resources/hugepageLimits/0/limit",
            "processes are in", "move them to a child")
    assert not os.path.exists(f"{group(outer)}/orlop")
    empty_the_root(outer)
    orlop(outer, "run", "--detach", "--bundle", "/inner", "in").ok()
    assert value(f"{group(outer)}/orlop/in", "hugetlb.2MB.max") == str(4 << 20)
    with open(f"{outer.rootfs}/inner/r.json", "w") as f:
        json.dump({"hugepageLimits": [{"pageSize": "2MB", "limit": 6 << 20}]}, f)
    orlop(outer, "update", "--resources", "/inner/r.json", "in").ok()
    assert value(f"{group(outer)}/orlop/in", "hugetlb.2MB.max") == str(6 << 20)
    orlop(outer, "delete", "--force", "in").ok()


@pytest.mark.needs_controllers("hugetlb")
def test_what_is_not_passed_on(outer):
    """The container around has no such controller: the namespace's root says so, and that it is none."""
    with open(f"{ABOVE}/cgroup.subtree_control", "w") as f:
        f.write("-hugetlb")
    empty_the_root(outer)
    outer.inner["linux"]["resources"].update(HUGE)
    write(outer)
    refused(orlop(outer, "run", "--bundle", "/inner", "in"), "hugetlb controller", "cgroup namespace", "above")


@pytest.mark.needs_vm("needs the pids controller")
def test_threaded_controllers_alone(outer):
    """The kernel would pass them on beside processes, and nothing could be below then."""
    with open(f"{ABOVE}/cgroup.subtree_control", "w") as f:
        f.write(" ".join(f"-{c}" for c in value(ABOVE, "cgroup.subtree_control").split() if c not in ("pids", "cpu")))
    assert set(value(group(outer), "cgroup.controllers").split()) == {"cpu", "pids"}
    write(outer)
    outer.inner["process"]["args"] = [conf.PROBE, "true"]
    orlop(outer, "run", "--bundle", "/inner", "in").ok()
    assert value(group(outer), "cgroup.subtree_control") == ""


def test_the_end_of_the_outer_one(outer):
    """What it has made goes with it, cgroups and all."""
    outer.inner["process"]["args"] = [conf.PROBE, "pause"]
    write(outer)
    orlop(outer, "run", "--detach", "--bundle", "/inner", "in").ok()
    pids = value(f"{group(outer)}/orlop/in", "cgroup.procs").split()
    outer.delete("--force").ok()
    kernel.until(lambda: not any(kernel.alive(int(p)) for p in pids), deadline(5))
    assert not os.path.exists(group(outer))
