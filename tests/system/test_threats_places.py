# SPDX-License-Identifier: GPL-2.0-or-later
"""
Mount points that are moved while a container is made: by a hook, or by somebody who shares the root file system
(A3).  Then it is not started; and a procfs without its masks and read-only paths there is never.
"""
import errno
import os
import re
import subprocess
import sys

import pytest
from lib import config as conf
from lib import kernel, refuse
from lib.box import stop
from lib.config import bind, mount, set_caps, userns

MOVED = "is no more where it was mounted"
SWAP = '''
import ctypes, os, sys
libc, root = ctypes.CDLL(None), sys.argv[1]
for name in sys.argv[2:]:
    os.makedirs(f"{root}/.other-{name}/sys", exist_ok=True)
pairs = [(f"{root}/{name}".encode(), f"{root}/.other-{name}".encode()) for name in sys.argv[2:]]
print("ready", flush=True)
while os.getppid() != 1:
    for a, b in pairs:
        libc.renameat2(-100, a, -100, b, 2)  # RENAME_EXCHANGE
'''


def hook(box, kind, text):
    path = f"{box.bundle}/hook-{kind}"
    with open(path, "w") as f:
        f.write(f"#!/bin/sh\nset -e\nR={box.rootfs}\n{text}\n")
    os.chmod(path, 0o755)
    box.config.setdefault("hooks", {}).setdefault(kind, []).append({"path": path})


STATMOUNT = "457"


def no_statmount(error, *when):
    """A kernel before 6.8, or a filter that does not know the call."""
    return [sys.executable, refuse.__file__, STATMOUNT, str(error), *when]


WAYS = [pytest.param((), id="statmount"), pytest.param(no_statmount(errno.ENOSYS), id="ENOSYS"),
        pytest.param(no_statmount(errno.EPERM), id="EPERM")]


def protected(seen, box):
    """Every procfs and sysfs that is there has all that was asked for."""
    mounts = kernel.parse_mountinfo(seen["mountinfo"])
    whole = [m for m in mounts if m.fstype in ("proc", "sysfs") and m.root == "/" and m.target.count("/") == 1]
    assert {m.fstype for m in whole} == {"proc", "sysfs"}
    for m in whole:
        own = "/proc" if m.fstype == "proc" else "/sys"
        for path in box.linux["maskedPaths"] + box.linux["readonlyPaths"]:
            if path.startswith(own + "/") and os.path.exists(path):
                # not by the whole target: somebody may rename while the kernel writes the list
                over = [x for x in mounts if x.parent == m.id and x.target.endswith(path.removeprefix(own))]
                assert over and "ro" in over[-1].options, (path, m, mounts)


@pytest.mark.parametrize("wrap", WAYS)
@pytest.mark.parametrize("name", ["proc", "sys"])
def test_mount_point_moved_by_a_hook_of_the_host(box, name, wrap):
    hook(box, "createRuntime", f"mv $R/{name} $R/x; mkdir -p $R/{name}/sys")
    box.refused(f"/{name}", MOVED, wrap=wrap)


@pytest.mark.parametrize("wrap", WAYS)
@pytest.mark.parametrize("text", ["mv $R/data $R/x; mkdir $R/data", "mv $R/data $R/x", "mv $R/a $R/x; mkdir -p $R/a/b", "rm -f $R/file; touch $R/file"])
def test_any_mount_point(box, tmp, text, wrap):
    """Not only those with masks: somebody counts on what is mounted there, and on its flags."""
    os.mkdir(f"{tmp}/source")
    box.file("file")
    box.mounts += [bind(f"{tmp}/source", "/data", "ro"), mount("/a/b", "tmpfs", "t"),
                   bind("/etc/hostname", "/file", "ro")]
    hook(box, "prestart", text)
    if "touch" in text:  # the kernel takes a mount away whose place is deleted
        box.refused("/file", "mount", wrap=wrap)
    else:
        box.refused(MOVED, wrap=wrap)


@pytest.mark.parametrize("name, ok", [("data", True), ("proc", False), ("sys", False)])
def test_link_to_where_it_is_now(box, name, ok):
    """One comes to it all the same; but for what is looked up there by name all the time a link will not do."""
    box.mounts.append(mount("/data", "tmpfs", "t"))
    hook(box, "createRuntime", f"mv $R/{name} $R/x; ln -s x $R/{name}")
    if ok:
        box.probe()
    else:
        box.refused(f"/{name}", MOVED)


@pytest.mark.parametrize("wrap", WAYS)
def test_mount_moved_by_a_hook_inside(box, wrap):
    hook(box, "createContainer", "mkdir $R/x; mount --move $R/proc $R/x")
    box.refused("/proc", MOVED, wrap=wrap)


@pytest.mark.parametrize("wrap", WAYS)
def test_mount_taken_away_by_a_hook_inside(box, wrap):
    hook(box, "createContainer", "umount $R/dev/shm")
    box.refused("/dev/shm", wrap=wrap)


def test_with_a_user_namespace(box):
    userns(box.config)
    hook(box, "createRuntime", "mv $R/proc $R/x; mkdir -p $R/proc/sys")
    box.refused("/proc", MOVED)


def test_without_pivot_root(box):
    hook(box, "createRuntime", "mv $R/proc $R/x; mkdir -p $R/proc/sys")
    r = box.run("--no-pivot")
    r.failed("/proc", MOVED)
    assert r.out == ""


@pytest.mark.parametrize("wrap", WAYS)
@pytest.mark.parametrize("text", ["mount -t tmpfs hook $R/dev/shm", "mount -t tmpfs hook $R/data",
                                  "mount -t tmpfs hook $R/var/run", "mount --bind /etc/hostname $R/proc/uptime"])
def test_hooks_may_mount_over_it(box, tmp, text, wrap):
    """As those for graphics cards do: what was planned is below, and that is no loss."""
    box.add_busybox()
    os.makedirs(f"{box.rootfs}/run")
    os.makedirs(f"{box.rootfs}/var")
    os.symlink("/run", f"{box.rootfs}/var/run")
    box.mounts += [mount("/data", "tmpfs", "t"), mount("/var/run", "tmpfs", "t")]
    hook(box, "createContainer", text)
    protected(box.probe(wrap=wrap), box)


@pytest.mark.parametrize("wrap", WAYS)
def test_mounts_over_each_other(box, wrap):
    """In the list itself: the same place twice, once by a link; and one that hides an earlier one."""
    os.makedirs(f"{box.rootfs}/run")
    os.makedirs(f"{box.rootfs}/var")
    os.symlink("/run", f"{box.rootfs}/var/run")
    box.mounts += [mount("/var/run", "tmpfs", "first"), mount("/run", "tmpfs", "second"),
                   mount("/a/b", "tmpfs", "hidden"), mount("/a", "tmpfs", "above"), mount("/proc", "proc", "again")]
    box.linux["readonlyPaths"] += ["/run", "/a"]
    box.args("touch", "/run/x", ",", "touch", "/var/run/x", ",", "write", "/proc/sys/kernel/domainname", "x", ",",
             "touch", "/a/x", ",", "open", "/proc/keys", "r")
    results = box.run(wrap=wrap).json()["results"]
    assert [r.get("errno") for r in results[:4]] == ["EROFS"] * 4 and results[4].get("text", "") == ""


def test_bound_procfs_has_its_masks(box):
    """A bind of the host's instead of a new one, and a link that leads out of a mount."""
    conf.without_namespace(box.config, "pid")
    box.mounts[0] = bind("/proc", "/proc", "rbind")
    hook(box, "createRuntime", "mv $R/proc $R/x; mkdir -p $R/proc/sys")
    box.refused("/proc", MOVED)
    del box.config["hooks"]
    os.rmdir(f"{box.rootfs}/proc/sys")
    os.rmdir(f"{box.rootfs}/proc")
    os.rename(f"{box.rootfs}/x", f"{box.rootfs}/proc")
    assert box.attack("write", "/proc/sys/kernel/domainname", "x")["errno"] == "EROFS"


@pytest.mark.parametrize("key", ["maskedPaths", "readonlyPaths"])
def test_link_that_leads_out_of_a_mount(box, tmp, key):
    os.makedirs(f"{tmp}/source/in")
    os.symlink("/etc/secret", f"{tmp}/source/link")
    os.symlink("../etc/secret", f"{tmp}/source/up")
    os.symlink("in", f"{tmp}/source/within")
    box.file("etc/secret", "secret")
    box.mounts.append(bind(f"{tmp}/source", "/data"))
    for path, target in (("/data/link", "/etc/secret"), ("/data/up", "/etc/secret"), ("/data/within", "/data/in"),
                         ("/data", "/data")):
        box.linux[key] = [path]
        mounts = kernel.parse_mountinfo(box.probe()["mountinfo"])
        assert "ro" in kernel.mount_at(mounts, target).options, path


# ---- what may be missing

@pytest.mark.parametrize("key", ["maskedPaths", "readonlyPaths"])
def test_what_may_be_missing(box, key):
    """The last name of a path in a procfs or sysfs; in the image whatever; and what is masked already."""
    box.linux[key] = ["/proc/none", "/sys/none", "/none", "/none/below", "/etc/none/below/that"]
    box.probe()
    box.file("file", "x")
    box.file("dir/file", "x")
    box.linux["maskedPaths"] = ["/file", "/file/below", "/dir", "/dir/a/b", "/proc/scsi", "/proc/scsi/a/b"]
    box.probe()


@pytest.mark.parametrize("key", ["maskedPaths", "readonlyPaths"])
@pytest.mark.parametrize("path", ["/proc/none/below", "/sys/none/below", "/proc/version/below"])
def test_what_may_not_be_missing(box, key, path):
    box.linux[key] = ["/proc/kcore", path]
    box.refused(f"/linux/{key}/1", path.rpartition("/")[0], "leave it out")


@pytest.mark.needs_native("below strace")
@pytest.mark.parametrize("error", ["ENOENT", "ENOTDIR", "EXDEV"])
def test_one_fault_of_a_look_up(box, tmp, error):
    """Never less than what was asked for."""
    box.linux["maskedPaths"] = ["/proc/keys", "/sys/firmware", "/etc/secret"]
    box.file("etc/secret", "secret")
    trace = f"{tmp}/trace"
    box.args("open", "/etc/secret", "r", ",", "state")
    for when in range(1, 80):
        r = box.run(wrap=["strace", "-f", "-qq", "-o", trace, "-e", "trace=openat2", "-e",
                          f"inject=openat2:error={error}:when={when}"])
        if r.rc == 0:
            seen = r.json()
            assert seen["results"][0]["text"] == "", when
            protected(seen, box)
        box.orlop.clean()
        if "INJECTED" not in kernel.read(trace):
            break
    assert when > 10


@pytest.mark.parametrize("error", [errno.EPERM, errno.ENOSYS, errno.EINVAL])
def test_a_call_that_fails_is_not_missing(box, error):
    """It fails where it is used, and the kernel has it."""
    if not kernel.has_call(int(STATMOUNT)):
        pytest.skip("a kernel before 6.8")
    box.refused("root file system", wrap=no_statmount(error, "when", "3", "0"))


# ---- races

@pytest.mark.parametrize("user", [False, True])
def test_race_with_one_who_shares_the_root(box, tmp, user):
    """It exchanges /proc and /sys with other directories all the time; each start is right, or none."""
    if user:
        userns(box.config)
        os.chmod(box.rootfs, 0o755)
    set_caps(box.process, [])
    with open(f"{tmp}/swap.py", "w") as f:
        f.write(SWAP)
    p = subprocess.Popen(["/usr/bin/python3", f"{tmp}/swap.py", box.rootfs, "proc", "sys"], stdout=subprocess.PIPE)
    started = refused = 0
    try:
        assert p.stdout.readline() == b"ready\n"
        for _ in range(60):
            r = box.create()
            if r.rc == 0:
                protected({"mountinfo": kernel.read(f"/proc/{box.pid}/mountinfo")}, box)
                started += 1
            else:
                refused += 1
            box.orlop.clean()
    finally:
        stop(p)
        p.stdout.close()
    assert started + refused == 60 and refused > 0


def test_control_the_masks_are_seen(box):
    seen = box.probe()
    protected(seen, box)
    with pytest.raises(AssertionError):
        protected({"mountinfo": re.sub(r"(?m)^.* /proc/keys .*\n", "", seen["mountinfo"])}, box)


# ---- a procfs of our own, where we have no right to a new one

def on_proc(*places):
    """A `wrap`: a mount namespace in which something lies on these places of /proc, as systemd's on sys/fs/binfmt_misc."""
    script = "".join(f"mount -t tmpfs none /proc/{p}; " for p in places)
    return ["unshare", "-m", "sh", "-ec", script + 'exec "$@"', "sh"]


def test_private_procfs_below_mounts_that_cannot_be_taken_off(box):
    """In a user namespace, in the pid namespace of others: as in a pod with both, where a sysctl or a label is set."""
    userns(box.config)
    conf.without_namespace(box.config, "pid")
    box.config["mounts"] = [m for m in box.mounts if m["type"] != "proc"]
    box.config["mounts"].append(bind("/proc", "/proc", "rbind"))
    box.linux["sysctl"] = {"kernel.msgmax": "4097"}
    for key in "maskedPaths", "readonlyPaths":
        box.linux[key] = []
    box.add_busybox()
    box.args("/bin/busybox", "sh", "-c", "cat /proc/sys/kernel/msgmax")
    box.write()
    run = ["run", "--bundle", box.bundle, box.id]
    assert "4097" in box.orlop(*run, wrap=on_proc("fs")).ok().out
    box.orlop(*run, wrap=on_proc("sys")).failed("/proc")
    box.orlop(*run, wrap=on_proc("fs", "sys/kernel")).failed("kernel/msgmax")
