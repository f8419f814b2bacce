# SPDX-License-Identifier: GPL-2.0-or-later
"""
What goes wrong with a machine while containers are on it: file systems that are full, a clock that somebody sets, nothing
delegated, another build of the program.  Each error says so, nothing is left, and what runs can be listed, killed and deleted.
"""
import contextlib
import json
import os
import shutil
import subprocess
import time

import pytest
from lib import host, kernel
from lib.box import deadline
from test_rootless import user  # noqa: F401

FULL = "No space left on device"


# ---- a file system that is full ------------------------------------------------------------------


def fill(directory):
    """To the last byte, and the last inode."""
    os.mkdir(f"{directory}/.filler")
    with open(f"{directory}/.filler/bytes", "wb", buffering=0) as f:
        for size in (1 << 16, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    f.write(bytes(size))
    with contextlib.suppress(OSError):
        for n in range(10000):
            open(f"{directory}/.filler/{n}", "w").close()


class Small:
    """A file system of half a megabyte."""

    def __init__(self, directory, kind):
        self.directory = directory
        os.makedirs(directory, mode=0o711, exist_ok=True)
        if kind == "tmpfs":
            kernel.mount("tmpfs", directory, "tmpfs", 0, "mode=711,size=512k,nr_inodes=100")
        else:
            subprocess.run(["mkfs.ext4", "-q", "-O", "^has_journal", "-m", "0", f"{directory}.image", "512k"], check=True, capture_output=True)
            subprocess.run(["mount", "-o", "loop", f"{directory}.image", directory], check=True)
            os.rmdir(f"{directory}/lost+found")
            os.chmod(directory, 0o711)

    def fill(self):
        fill(self.directory)

    def clear(self):
        shutil.rmtree(f"{self.directory}/.filler")


@pytest.fixture(params=["tmpfs", "ext4"])
def small(request, tmp):
    made = []

    def make(directory):
        made.append(directory)
        return Small(directory, request.param)
    yield make
    for directory in made:
        kernel.umount(directory)


@pytest.fixture
def state_root(small, orlop):
    made = small(orlop.root)
    yield made
    orlop.clean()
    assert orlop.ids() == []


def test_state_root_becomes_full(state_root, make_box, orlop):
    """What is there is known, entered, paused, killed and deleted; what is new is refused, and leaves nothing."""
    box, waiting, ended = make_box(), make_box(), make_box()
    box.up()
    waiting.args("pause").create().ok()
    ended.args("true").create().ok()
    state_root.fill()
    make_box().refused(FULL, orlop.root)
    assert {c["id"]: c["status"] for c in orlop("list", "--format", "json").json()} == {
        box.id: "running", waiting.id: "created", ended.id: "created"}
    assert box.exec("--", "exit", "7").rc == 7
    assert orlop("ps", "--format", "json", box.id).json() == [box.pid]
    orlop("pause", box.id).ok()
    assert box.status() == "paused"
    orlop("resume", box.id).ok()
    waiting.start().ok()
    ended.start().ok()
    ended.wait_stopped()
    for b in (box, waiting):
        b.kill("KILL").ok()
        b.wait_stopped()
    for b in (box, waiting, ended):
        b.delete().ok()
        assert not os.path.exists(f"{orlop.root}/{b.id}")


def limits(n):
    """Of controllers that there are: beside version 1 few."""
    return {"unified": {"cgroup.max.depth": str(n)}, "devices": [{"allow": False}, {"allow": True, "type": "c", "major": 300, "minor": n, "access": "r"}]}


def update(box, n):
    with open(f"{box.bundle}/new.json", "w") as f:
        json.dump(limits(n), f)
    return box.orlop("update", "--resources", f"{box.bundle}/new.json", box.id)


def test_update_without_room(state_root, box):
    """What now holds could not be kept for the next update: all is as before, and it works when there is room."""
    box.linux["resources"] = limits(5)
    box.up()
    depth = f"{host.CGROUP}/orlop/{box.id}/cgroup.max.depth"
    state_root.fill()
    update(box, 6).failed(FULL, box.id)
    assert kernel.read(depth) == "5\n"
    assert box.status() == "running"
    state_root.clear()
    update(box, 7).ok()
    assert kernel.read(depth) == "7\n"


def test_forced_end_without_room(state_root, make_box, orlop):
    running, paused, waiting = make_box(), make_box(), make_box()
    for b in (running, paused):
        b.up()
    orlop("pause", paused.id).ok()
    waiting.args("pause").create().ok()
    state_root.fill()
    for b in (running, paused, waiting):
        pid = b.pid
        orlop.delete_by_force(b.id).ok()
        assert not kernel.alive(pid) and orlop("state", b.id).failed("does not exist")
    assert os.listdir(orlop.root) == [".filler"]


def test_a_foreground_run_ends_without_room(state_root, box, orlop):
    """Its status is told, and it is removed."""
    box.args("read")
    given, taken = os.pipe()
    p = box.start_run(stdin=given)
    kernel.until(lambda: '"running"' in orlop("state", box.id).out, deadline(10))
    state_root.fill()
    os.close(given)
    os.write(taken, b"\n")
    os.close(taken)
    assert orlop.finish(p).ok().err == ""
    assert os.listdir(orlop.root) == [".filler"]


def test_wait_without_room(state_root, box, orlop):
    """How it ended is told, though it cannot be kept for those who ask later."""
    box.up()
    p = orlop.popen("wait", box.id)
    kernel.until(lambda: any("pidfd" in name for name in kernel.opened(p.pid)), deadline(10), "it waits")
    state_root.fill()
    box.kill("KILL").ok()
    r = orlop.finish(p)
    assert r.out == "137\n", r
    box.delete().ok()


def test_gc_without_room(state_root, box, orlop):
    box.up()
    state_root.fill()
    box.kill("KILL").ok()
    box.wait_stopped()
    orlop("gc", "--force").ok()
    assert os.listdir(orlop.root) == [".filler"]


def test_bundle_without_room(small, box, orlop):
    """Where the root file system lies no mount point can be made, and no pid file; with nothing to write it runs."""
    disk = small(f"{box.bundle}/disk")
    box.args("exit", 7)
    box.pid_file = f"{disk.directory}/pid"
    disk.fill()
    box.refused(FULL, box.pid_file)
    assert box.run().rc == 7


def test_mount_point_without_room(small, box):
    disk = small(f"{box.rootfs}/disk")
    box.mounts.append({"destination": "/disk/new/place", "type": "tmpfs", "source": "t"})
    disk.fill()
    box.refused(FULL, "/disk/new")
    assert os.listdir(disk.directory) == [".filler"]


def test_pid_file_of_exec_without_room(small, box, orlop):
    """Its process does not go on, as whoever waits for the file would know of none."""
    disk = small(f"{box.bundle}/disk")
    box.up()
    disk.fill()
    box.exec("--detach", "--pid-file", f"{disk.directory}/pid", "--", "pause").failed(FULL, f"{disk.directory}/pid")
    assert os.listdir(disk.directory) == [".filler"]
    kernel.until(lambda: orlop("ps", "--format", "json", box.id).json() == [box.pid], deadline(5))


def test_log_without_room(small, box, orlop):
    """What cannot be said there is said on standard error, and stops nobody."""
    disk = small(f"{box.bundle}/disk")
    open(f"{disk.directory}/log", "w").close()
    disk.fill()
    orlop.options = ["--log", f"{disk.directory}/log", "--debug"]
    box.up()
    box.orlop("state", "nobody").failed("does not exist")
    box.kill("KILL").ok()
    box.wait_stopped()
    box.delete().ok()


def test_spec_without_room(small, box, orlop):
    disk = small(f"{box.bundle}/disk")
    disk.fill()
    orlop("spec", "--bundle", disk.directory).failed(FULL, "config.json")
    assert os.listdir(disk.directory) == [".filler"]


# ---- no cgroup is delegated ----------------------------------------------------------------------


def test_nothing_is_delegated(user):  # noqa: F811
    """The error names the controllers that the limits need and what to do; without limits the container runs."""
    box = user.box()
    kinds = {"hugetlb": {"hugepageLimits": [{"pageSize": "2MB", "limit": 4 << 20}]},
             "memory pids": {"pids": {"limit": 10}, "memory": {"limit": 64 << 20}}}
    for names, resources in kinds.items():
        if set(names.split()) <= host.controllers():
            box.linux["resources"] = resources
            for run in (False, True):
                box.refused("permission denied", "delegated", "Delegate=", *names.split(), run=run)
    box.linux["resources"] = {}
    box.args("exit", 7)
    assert box.run().rc == 7


# ---- a clock that jumps --------------------------------------------------------------------------


@pytest.fixture
def set_clock():
    """By so many hours; afterwards it is as it would have been."""
    wall, monotonic = time.time(), time.monotonic()
    yield lambda hours: time.clock_settime(time.CLOCK_REALTIME, time.time() + 3600 * hours)
    time.clock_settime(time.CLOCK_REALTIME, wall + time.monotonic() - monotonic)


CLOCK = [pytest.mark.needs_vm("the clock of this machine is not ours to set"), pytest.mark.one_vm,
         pytest.mark.parametrize("hours", [-5, 5])]


def jumps(f):
    for mark in CLOCK:
        f = mark(f)
    return f


@jumps
def test_containers_live_on_when_the_clock_jumps(box, orlop, set_clock, hours):
    """When it was made stays what it was, and all can be done with it."""
    pid = box.up()
    created = box.state()["created"]
    set_clock(hours)
    assert box.state()["created"] == created == orlop("list", "--format", "json").json()[0]["created"]
    assert box.status() == "running" and orlop("ps", "--format", "json", box.id).json() == [pid]
    assert box.exec("--", "exit", "7").rc == 7
    orlop("pause", box.id).ok()
    orlop("resume", box.id).ok()
    orlop("events", "--stats", box.id).ok()
    orlop("gc", "--force").ok()
    assert box.status() == "running"
    box.kill("KILL").ok()
    box.wait_stopped()
    box.delete().ok()


@jumps
def test_deadlines_do_not_mind_the_clock(box, orlop, set_clock, hours):
    """Neither at once, nor in hours."""
    box.up()
    begin = time.monotonic()
    p = orlop.popen("wait", "--timeout", "3s", box.id)
    kernel.until(lambda: any("pidfd" in name for name in kernel.opened(p.pid)), deadline(5), "it waits")
    set_clock(hours)
    orlop.finish(p).failed("3000 ms")
    assert 3 <= time.monotonic() - begin < 3 + deadline(10)


@jumps
def test_the_deadline_of_a_hook_does_not_mind_the_clock(box, orlop, set_clock, hours):
    box.config["hooks"] = {"createRuntime": [{"path": "/bin/sleep", "args": ["sleep", "1000"], "timeout": 3}]}
    begin = time.monotonic()
    p = box.start_create()
    kernel.until(lambda: '"creating"' in orlop("state", box.id).out, deadline(10), "the hook runs")
    set_clock(hours)
    orlop.finish(p).failed("/hooks/createRuntime/0", "timeout")
    assert 3 <= time.monotonic() - begin < 3 + deadline(10)


@jumps
def test_samples_do_not_mind_the_clock(box, orlop, set_clock, hours):
    """`events` goes on with its interval."""
    box.up()
    p = orlop.popen("events", "--interval", "1s", box.id)

    def lines():
        return kernel.read(p.out_path).count("\n")
    kernel.until(lines, deadline(10), "the first sample")
    set_clock(hours)
    before, begin = lines(), time.monotonic()
    kernel.until(lambda: lines() >= before + 3, deadline(10), "three more")
    assert time.monotonic() - begin > 1.5
    box.kill("KILL").ok()
    orlop.finish(p)


@jumps
@pytest.mark.parametrize("manager", ["cgroupfs", "systemd"])
def test_reason_when_the_clock_jumps(box, orlop, set_clock, hours, manager):
    """That the kernel killed for want of memory: of a scope only its log tells, as systemd removes the cgroup."""
    orlop.options = [f"--cgroup-manager={manager}"]
    box.linux["resources"]["memory"] = {"limit": 16 << 20, "swap": 16 << 20}
    box.args("hog", "64").create().ok()
    set_clock(hours)
    box.start()
    box.wait_stopped()
    if manager == "systemd":
        scope = f"{host.CGROUP}/system.slice/orlop-{box.id}.scope"
        kernel.until(lambda: not os.path.exists(scope), deadline(10), "systemd has removed it")
    assert box.state()["exit"]["reason"] == "oom"
