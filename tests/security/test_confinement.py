# SPDX-License-Identifier: GPL-2.0-or-later
"""
A container has what was asked for, or is not started: T83, T84, T88, T93; and what signals and full places do to
us: T102, T105, T106, T107.
"""
import os
import signal
import subprocess
import time

import pytest
from lib import host, kernel
from lib.box import deadline
from lib.config import mount, set_caps, userns
from tools.step import box_step, points, step

# ---- T83: id maps

MAPS = {
    "container twice": [(0, 100000, 10), (5, 200000, 10)],
    "host twice": [(0, 100000, 10), (20, 100005, 10)],
    "empty": [(0, 100000, 0)],
    "past the end": [(0, 4294967290, 10)],
    "too many": [(i, 100000 + i, 1) for i in range(341)],
    "no root": [(1, 100000, 10)],
}


def map_refused(box, name):
    """Before anything is made."""
    userns(box.config, 100000)
    rows = [{"containerID": c, "hostID": h, "size": n} for c, h, n in MAPS[name]]
    box.linux["uidMappings"] = rows
    run = box_step(box, ["0:*=log"], "create", "--bundle", box.bundle)
    assert run.rc == 1 and "/linux/uidMappings" in run.err or "/process/user/uid" in run.err or "mapped" in run.err, run
    assert "clone3" not in [c["call"] for c in run.calls("0")], "told after a process was made"


@pytest.mark.case("T83")
@pytest.mark.parametrize("name", MAPS)
def test_T83_bad_map(box, name):
    map_refused(box, name)


@pytest.mark.control("T83")
def test_control_of_T83(box, mutant):
    mutant("T83")
    with pytest.raises(AssertionError):
        map_refused(box, "host twice")


@pytest.mark.case("T83")
def test_T83_read_back_equal(box):
    userns(box.config, 100000, size=1000)
    os.chown(box.rootfs, 100000, 100000)
    pid = box.up()
    assert kernel.read(f"/proc/{pid}/uid_map").split() == kernel.read(f"/proc/{pid}/gid_map").split() == ["0", "100000", "1000"]


# ---- T84: security modules


def labels_refused(box):
    """On a host without the module."""
    for key, word in (("apparmorProfile", "AppArmor"), ("selinuxLabel", "SELinux")):
        box.process[key] = "some_t:some_r:some_t:s0" if "selinux" in key else "some-profile"
        box.refused(word)
        del box.process[key]
    box.linux["mountLabel"] = "system_u:object_r:container_file_t:s0"
    box.refused("SELinux")


@pytest.mark.case("T84")
def test_T84_label_without_its_module(box):
    if host.apparmor() or host.selinux():
        pytest.skip("here is one: test_lsm.py")
    labels_refused(box)


@pytest.mark.control("T84")
def test_control_of_T84(box, mutant):
    if host.apparmor():
        pytest.skip("AppArmor is active")
    mutant("T84")
    box.process["apparmorProfile"] = "some-profile"
    with pytest.raises(AssertionError):
        box.refused("AppArmor")
    assert box.status() == "created"


# ---- T88: calls that lie


def lied_to(box, call):
    """The caller has groups 27 and 33; the call says that it was done."""
    box.args()
    box.process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [5]}
    run = box_step(box, [f"0.1:{call}=return:0"], "run", "--bundle", box.bundle, preexec_fn=lambda: os.setgroups([27, 33]))
    if run.rc == 0:
        assert sorted(run.json()["groups"]) == [5], "the caller's groups are in the container"
        assert run.json()["uids"] == [1000] * 4
    assert run.hit


@pytest.mark.case("T88")
@pytest.mark.parametrize("call", ["setgroups", "setresgid", "setresuid", "prctl", "capset", "close_range", "umask", "fchdir",
                                  "mount_setattr", "move_mount", "pivot_root", "sethostname", "setsid"])
def test_T88_lie(box, call):
    lied_to(box, call)


@pytest.mark.control("T88")
def test_control_of_T88(box, mutant):
    mutant("T88")
    with pytest.raises(AssertionError, match="the caller's groups"):
        lied_to(box, "setgroups")


# ---- T93: the device program


def without_device_program(box, error):
    box.args("pause")
    r = box_step(box, [f"0:bpf=error:{error}"], "create", "--bundle", box.bundle, "--pid-file", box.pid_file)
    assert r.hit and r.rc == 1 and "device" in r.err, f"started without a device program: {r}"


@pytest.mark.case("T93")
@pytest.mark.parametrize("error", ["EPERM", "EACCES", "EINVAL", "ENOSYS", "ENOMEM"])
def test_T93_device_program_refused(box, error):
    without_device_program(box, error)


@pytest.mark.control("T93")
def test_control_of_T93(box, mutant):
    mutant("T93")
    with pytest.raises(AssertionError, match="without a device program"):
        without_device_program(box, "EPERM")
    box.orlop.clean()


@pytest.mark.case("T93")
def test_T93_program_before_the_process(box):
    """No process is in the cgroup before the program is attached."""
    run = box_step(box.args("true"), ["0:*=log"], "run", "--bundle", box.bundle)
    calls = [c["call"] for c in run.calls("0")]
    assert "bpf" in calls and max(i for i, c in enumerate(calls[:calls.index("clone3")]) if c == "bpf") < calls.index("clone3")


# ---- T102: signals to us


def signal_at(box, at, sig):
    """It ends, and what was half made is gone; or it was done already."""
    before = host.Snapshot()
    for role, k, call in at:
        r = box_step(box, [f"{role}:{k}=run:kill -{sig} $STEP_PID"], "create", "--bundle", box.bundle)
        if r.rc == 0:
            assert box.status() == "created", f"said to be made: signal {sig} at call {k} {call}"
            box.delete("--force").ok()
        assert not box.orlop.ids(), f"left behind by signal {sig} at call {k} {call}: {r}"
        before.assert_same(deadline(3))


def calls_of_create(box):
    box.args("pause")
    run = box_step(box, ["0:*=log"], "create", "--bundle", box.bundle)
    assert run.rc == 0, run
    box.delete("--force").ok()
    return points(run, skip={"mmap", "munmap", "brk", "mprotect", "close", "rt_sigaction", "fcntl"})


@pytest.mark.case("T102")
@pytest.mark.needs_native("a run for each call")
@pytest.mark.parametrize("sig", ["TERM", "INT", "HUP", "QUIT"])
def test_T102_signal_at_each_call(box, sig, sample):
    at = calls_of_create(box)
    signal_at(box, sample(at), sig)


@pytest.mark.control("T102")
def test_control_of_T102(box, mutant):
    mutant("T102")
    at = [p for p in calls_of_create(box) if p[2] in ("mkdirat", "clone3", "bpf", "pidfd_open", "poll")]
    with pytest.raises(AssertionError, match="left behind"):
        signal_at(box, at, "TERM")
    box.orlop.clean()


@pytest.mark.case("T102")
def test_T102_stopped_and_continued(box):
    box.args("true")
    for role in ("0", "0.1"):
        run = box_step(box, [f"{role}:openat#5=run:kill -STOP $STEP_PID; (sleep 0.2; kill -CONT $STEP_PID) >/dev/null 2>&1 &"],
                       "run", "--bundle", box.bundle)
        assert run.rc == 0, run


# ---- T105: what cannot be killed


def unkillable(box):
    """cgroup.kill says that it was done, and everybody lives on."""
    box.up()
    # two of write(2) to cgroup.kill; the third is our message
    return step(box.orlop, ["0:write#1=return:1", "0:write#2=return:1", "0:pidfd_send_signal=return:0"], "delete", "--force",
                box.id, deadline=30)


@pytest.mark.case("T105")
@pytest.mark.needs_native("waits for a deadline")
def test_T105_unkillable(box):
    begin = time.monotonic()
    run = unkillable(box)
    assert run.rc == 1 and not run.late and time.monotonic() - begin < deadline(20), run
    assert str(box.pid) in run.err, "the processes are named"
    assert box.status() == "running" and kernel.alive(box.pid)
    box.delete("--force").ok()
    assert not box.orlop.ids()


@pytest.mark.control("T105")
@pytest.mark.needs_native("waits for a deadline")
def test_control_of_T105(box, mutant):
    mutant("T105")
    unkillable(box)
    assert kernel.alive(box.pid) and not box.orlop.ids(), "what lives on is forgotten"
    with open(f"{host.CGROUP}/orlop/{box.id}/cgroup.kill", "w") as f:
        f.write("1")
    kernel.until(lambda: "populated 0" in kernel.read(f"{host.CGROUP}/orlop/{box.id}/cgroup.events"))
    host.reap()
    os.rmdir(f"{host.CGROUP}/orlop/{box.id}")


# ---- T106: a tree of cgroups


@pytest.mark.case("T106")
def test_T106_many_cgroups(box, sample, request):
    every = request.config.getoption("--every")
    wide, deep = (20000, 400) if every == 1 else (300, 30)
    box.up()
    group = f"{host.CGROUP}/orlop/{box.id}"
    for i in range(wide):
        os.mkdir(f"{group}/c{i}")
    path = group
    for i in range(deep):
        path += "/d"
        try:
            os.mkdir(path)
        except OSError:
            break
    begin = time.monotonic()
    box.orlop("ps", box.id).ok()
    assert time.monotonic() - begin < deadline(5)
    r = box.orlop("delete", "--force", box.id, preexec_fn=lambda: _limit(64), timeout=60)
    assert r.rc == 0 and time.monotonic() - begin < deadline(30), r
    assert not os.path.exists(group)


@pytest.mark.control("T106")
def test_control_of_T106(box, mutant):
    mutant("T106")
    box.up()
    group = f"{host.CGROUP}/orlop/{box.id}"
    os.makedirs(f"{group}/a/b")
    box.delete("--force").failed("cgroup")
    for name in ("a/b", "a"):
        os.rmdir(f"{group}/{name}")


def _limit(n):
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (n, n))
    resource.setrlimit(resource.RLIMIT_STACK, (256 << 10, 256 << 10))


# ---- T107: no room


@pytest.fixture
def small_root(box, tmp):
    """The state directory is a file system with that many pages and inodes."""
    mounted = []

    def make(size, inodes):
        box.orlop.root = f"{tmp}/small"
        os.makedirs(box.orlop.root, exist_ok=True)
        kernel.mount("tmpfs", box.orlop.root, "tmpfs", 0, f"size={size},nr_inodes={inodes},mode=700")
        mounted.append(box.orlop.root)
    yield make
    for path in mounted:
        kernel.umount(path)


@pytest.mark.case("T107")
@pytest.mark.parametrize("inodes", range(1, 9))
def test_T107_no_inodes(box, small_root, inodes):
    small_root("64k", inodes)
    box.args("pause")
    r = box.create()
    if r.rc == 0:
        box.delete("--force").ok()
    else:
        r.failed("no space")
    assert box.orlop.ids() == []


@pytest.mark.control("T107")
def test_control_of_T107(box, small_root, mutant):
    """Without the undoing something is left of it."""
    mutant("T110")
    small_root("64k", 4)
    box.args("pause")
    box.create().failed("no space")
    assert box.orlop.ids() == [box.id]
    del box.orlop.env["ORLOP_MUTATE"]
    box.delete("--force").ok()


@pytest.mark.case("T107")
@pytest.mark.parametrize("size", ["4k", "8k", "12k"])
def test_T107_no_pages(box, small_root, size):
    small_root(size, 100)
    box.args("pause")
    r = box.create()
    if r.rc == 0:
        box.delete("--force").ok()
    else:
        r.failed("no space")
    assert box.orlop.ids() == []


@pytest.mark.case("T107")
@pytest.mark.parametrize("n", range(3, 14))
def test_T107_few_descriptors(box, n):
    box.args("true")
    r = box.run(preexec_fn=lambda: _limit(n))
    assert r.rc in (0, 1) and (r.rc == 0 or r.err.count("\n") == 1), r
    assert box.orlop.ids() == []


@pytest.mark.case("T107")
@pytest.mark.parametrize("call", ["rename", "renameat", "write", "fsync"])
def test_T107_the_old_state_stays(box, call):
    """`start` changes what is written down: when that fails, the old text is there."""
    box.args("pause").create().ok()
    step(box.orlop, [f"0:{call}=error:ENOSPC"], "start", box.id)
    assert box.status() in ("created", "running")
