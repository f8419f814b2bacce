# SPDX-License-Identifier: GPL-2.0-or-later
"""
Hostile images, without races: T01 to T16.  Whoever made the root file system wants to write to the
host, or to weaken the container.  The canary is a host directory that must not change; what the
container gets must lie inside its root.
"""
import os
import shutil
import stat
import subprocess
import time

import pytest
from lib import host, kernel
from lib.box import deadline
from lib.config import bind, mount, set_caps, userns, without_namespace

pytestmark = [pytest.mark.kernel, pytest.mark.one_vm]

CAPS = ["CAP_DAC_OVERRIDE", "CAP_MKNOD", "CAP_SYS_ADMIN", "CAP_CHOWN"]


def replace_by_link(box, name, target):
    """The path `name` of the root file system becomes a symbolic link."""
    path = f"{box.rootfs}/{name}"
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.symlink(target, path)


def outcome(box, *options, timeout=10, **kw):
    """Create and start; returns the state the probe saw, or None when refused (cleanly, in time)."""
    box.args()
    before = host.Snapshot()
    begin = time.monotonic()
    r = box.run(*options, timeout=timeout, **kw)
    assert time.monotonic() - begin < deadline(timeout)
    if r.rc == 0:
        return r.json()
    r.failed()
    before.assert_same()
    return None


def mounts(seen):
    return kernel.parse_mountinfo(seen["mountinfo"])


LINKS = {
    "absolute": lambda c: c,
    "upwards": lambda c: "../" * 20 + c.lstrip("/"),
    "self-root": lambda c: f"/proc/self/root{c}",
    "pid-1-root": lambda c: f"/proc/1/root{c}",
    "self-cwd": lambda c: f"/proc/self/cwd{c}",
}


def link_chain(box, name, target):
    replace_by_link(box, name, "/chain1")
    os.symlink("chain2", f"{box.rootfs}/chain1")
    os.symlink(target, f"{box.rootfs}/chain2")


# ---- T01

@pytest.mark.parametrize("mounted", [True, False])
@pytest.mark.parametrize("kind", LINKS)
def test_T01_dev_is_a_link_to_the_outside(box, canary, mounted, kind):
    replace_by_link(box, "dev", LINKS[kind](f"{canary.path}/dev"))
    if not mounted:
        box.config["mounts"] = [m for m in box.mounts if not m["destination"].startswith("/dev")]
    seen = outcome(box)
    canary.assert_intact()
    if seen and mounted:
        assert kernel.mount_at(mounts(seen), f"{canary.path}/dev").fstype == "tmpfs", "it is not inside"


def test_T01_dev_is_a_link_inside(box, canary):
    """Harmless: it is followed within the root."""
    replace_by_link(box, "dev", "/real")
    os.mkdir(f"{box.rootfs}/real")
    seen = outcome(box)
    assert seen is None or kernel.mount_at(mounts(seen), "/real").fstype == "tmpfs"


# ---- T02

T02 = {
    "proc": lambda b: mount("/proc", "proc", "proc"),
    "sys": lambda b: mount("/sys", "sysfs", "sysfs", ["ro"]),
    "dev": lambda b: mount("/dev", "tmpfs", "tmpfs"),
    "dev/pts": lambda b: mount("/dev/pts", "devpts", "devpts"),
    "dev/shm": lambda b: mount("/dev/shm", "tmpfs", "shm"),
    "dev/mqueue": lambda b: mount("/dev/mqueue", "mqueue", "mqueue"),
    "sys/fs/cgroup": lambda b: mount("/sys/fs/cgroup", "cgroup", "cgroup", ["ro"]),
    "tmp": lambda b: mount("/tmp", "tmpfs", "t"),
    "etc/hosts": lambda b: bind(f"{b.bundle}/config.json", "/etc/hosts"),
    "a/b/c": lambda b: bind(f"{b.bundle}/source", "/a/b/c"),
}


@pytest.mark.parametrize("kind", [*LINKS, "chain", "loop"])
@pytest.mark.parametrize("name", T02)
def test_T02_destination_is_a_link(box, canary, name, kind):
    os.mkdir(f"{box.bundle}/source")
    target = canary.path + ("/file" if name == "etc/hosts" else "/etc")
    if kind == "chain":
        link_chain(box, name, target)
    elif kind == "loop":
        replace_by_link(box, name, f"/{name}")
    else:
        replace_by_link(box, name, LINKS[kind](target))
    box.linux["maskedPaths"] = box.linux["readonlyPaths"] = []
    box.config["mounts"] = [m for m in box.mounts if m["destination"] == "/proc" and name != "proc"]
    box.config["mounts"].append(T02[name](box))
    seen = outcome(box, timeout=5)
    canary.assert_intact()
    if kind == "loop":
        assert seen is None and "symbolic links" in box.last.err or "not a directory" in box.last.err
    if name in ("proc", "sys"):
        assert seen is None
        box.last.failed("not a directory" if kind != "loop" else f"/{name}")
    if seen:
        # whatever was mounted lies below the container's root, under the path of the link's text
        added = [m for m in mounts(seen) if m.target not in ("/", "/proc")]
        assert len(added) == 1 and not added[0].target.startswith("//deleted")
        inside = f"{box.rootfs}{added[0].target}"
        assert os.path.lexists(inside), added


def test_T02_control_the_links_do_lead_to_the_canary(box, canary):
    """Outside of the container they would: so the test above sees what it claims to see."""
    for kind in ("absolute", "upwards"):
        replace_by_link(box, "x", LINKS[kind](canary.path))
        assert os.path.samefile(f"{box.rootfs}/x", canary.path)


# ---- T03

def test_T03_missing_mount_point_below_a_link(box, canary):
    os.mkdir(f"{box.bundle}/source")
    replace_by_link(box, "a", canary.path)
    box.mounts += [bind(f"{box.bundle}/source", "/a/new/dir"), bind("/dev/null", "/a/new/file")]
    seen = outcome(box, preexec_fn=lambda: os.umask(0o777))
    canary.assert_intact()
    assert seen is None or os.path.isdir(f"{box.rootfs}{canary.path}/new/dir")


def test_T03_dangling_link(box, canary):
    replace_by_link(box, "etc/resolv.conf", f"{canary.path}/pwn")
    box.mounts.append(bind("/dev/null", "/etc/resolv.conf"))
    seen = outcome(box)
    assert not os.path.exists(f"{canary.path}/pwn")
    assert seen is None or os.path.exists(f"{box.rootfs}{canary.path}/pwn")


@pytest.mark.parametrize("umask", [0, 0o777])
def test_T03_modes_of_what_is_made(box, umask):
    os.mkdir(f"{box.bundle}/source")
    box.mounts += [bind(f"{box.bundle}/source", "/new/dir"), bind("/dev/null", "/new/file")]
    assert outcome(box, preexec_fn=lambda: os.umask(umask))
    modes = [os.stat(f"{box.rootfs}/new{x}").st_mode & 0o7777 for x in ("", "/dir", "/file")]
    assert modes == [0o755, 0o755, 0o644]


# ---- T04

@pytest.mark.parametrize("what", ["fifo", "socket", "device", "directory", "hard link"])
def test_T04_file_bind_onto_an_odd_target(box, tmp, what):
    path = f"{box.rootfs}/target"
    outside = f"{tmp}/outside"
    with open(outside, "w") as f:
        f.write("outside")
    os.utime(outside, ns=(1, 1))
    if what == "fifo":
        os.mkfifo(path)
    elif what == "socket":
        os.mknod(path, stat.S_IFSOCK | 0o600)
    elif what == "device":
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))
    elif what == "directory":
        os.mkdir(path)
    else:
        os.link(outside, path)
    before = os.lstat(outside)
    with open(f"{box.bundle}/source", "w") as f:
        f.write("source")
    box.mounts.append(bind(f"{box.bundle}/source", "/target"))
    seen = outcome(box, timeout=2)
    after = os.lstat(outside)
    assert kernel.read(outside) == "outside"
    assert (before.st_mtime_ns, before.st_mode, before.st_uid) == (after.st_mtime_ns, after.st_mode, after.st_uid)
    assert (seen is None) == (what == "directory")


# ---- T05 (more in test_devices.py)

def test_T05_device_below_a_link(box, canary):
    replace_by_link(box, "sub", canary.path)
    box.linux["devices"] = [{"path": "/sub/x", "type": "c", "major": 1, "minor": 3}]
    seen = outcome(box)
    canary.assert_intact()
    assert seen is None or stat.S_ISCHR(os.stat(f"{box.rootfs}{canary.path}/x").st_mode)


def test_T05_device_path_with_dots(box, canary):
    box.linux["devices"] = [{"path": "/../.." + canary.path + "/d", "type": "c", "major": 1, "minor": 3}]
    seen = outcome(box)
    canary.assert_intact()
    assert seen is None or os.path.exists(f"{box.rootfs}{canary.path}/d")


# ---- T06

def test_T06_console_and_ptmx(box, canary):
    box.config["mounts"] = [m for m in box.mounts if m["destination"] not in ("/dev", "/dev/pts")]
    box.process["terminal"] = True
    os.symlink(f"{canary.path}/dev/console", f"{box.rootfs}/dev/console")
    box.file("dev/ptmx", "regular")
    os.makedirs(f"{box.rootfs}/dev/pts")
    os.symlink("/dev/zero", f"{box.rootfs}/dev/pts/ptmx")
    os.symlink(canary.path, f"{box.rootfs}/dev/fd")
    assert outcome(box) is None
    canary.assert_intact()
    box.config["mounts"].append(mount("/dev/pts", "devpts", "devpts", ["newinstance", "ptmxmode=0666"]))
    assert outcome(box) is None  # /dev/ptmx is a file: "another file is there"
    canary.assert_intact()
    os.unlink(f"{box.rootfs}/dev/ptmx")
    outcome(box)
    canary.assert_intact()


def test_T06_links_of_dev_over_files_of_the_image(box, canary):
    box.config["mounts"] = [m for m in box.mounts if not m["destination"].startswith("/dev")]
    box.file("dev/stdin", "a file")
    before = os.stat(f"{box.rootfs}/dev/stdin")
    assert outcome(box) is None
    assert os.stat(f"{box.rootfs}/dev/stdin").st_ino == before.st_ino


# ---- T07

@pytest.mark.parametrize("what", ["link", "file", "other node", "missing"])
def test_T07_dev_null_of_the_image(box, canary, what):
    """Masks are the host's null device, and stdin of the caller stays what it is."""
    box.config["mounts"] = [m for m in box.mounts if not m["destination"].startswith("/dev")]
    path = f"{box.rootfs}/dev/null"
    if what == "link":
        os.symlink(f"{canary.path}/dev/null", path)
    elif what == "file":
        box.file("dev/null", "text")
    elif what == "other node":
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    box.process["user"] = {"uid": 1000, "gid": 1000}
    box.file("etc/secret", "secret")
    box.linux["maskedPaths"] = ["/etc/secret"]
    null = os.stat("/dev/null")
    seen = outcome(box)
    assert (seen is None) == (what != "missing")
    after = os.stat("/dev/null")
    assert (null.st_uid, null.st_mode, null.st_ctime_ns) == (after.st_uid, after.st_mode, after.st_ctime_ns)
    if seen:
        stdin = seen["fds"][0]
        assert (stdin["rmajor"], stdin["rminor"]) == (1, 3)


def test_T07_mask_is_the_hosts_null(box):
    box.file("etc/secret", "secret")
    box.linux["maskedPaths"] = ["/etc/secret"]
    r = box.probe(commands=["stat", "/etc/secret", ",", "open", "/etc/secret", "r"])["results"]
    assert (r[0]["rmajor"], r[0]["rminor"], r[0]["ino"]) == (1, 3, os.stat("/dev/null").st_ino)


# ---- T08

@pytest.mark.parametrize("key", ["maskedPaths", "readonlyPaths"])
def test_T08_path_is_a_link(box, canary, key):
    box.file("etc/inside", "text")
    replace_by_link(box, "etc/in", "/etc/inside")
    replace_by_link(box, "etc/out", f"{canary.path}/file")
    replace_by_link(box, "etc/outdir", "../" * 20 + canary.path.lstrip("/"))
    box.linux[key] = ["/etc/in", "/etc/out", "/etc/outdir", "/etc/in", "/nothing", "/../../etc/inside"]
    box.mounts[0]["options"] = []
    r = box.run().ok() if not box.args("open", "/etc/inside", "r", ",", "write", "/etc/inside", "x") else box.run()
    results = r.json()["results"]
    if key == "maskedPaths":
        assert results[0]["text"] == ""
    else:
        assert results[1]["errno"] == "EROFS"
    canary.assert_intact()


@pytest.mark.parametrize("key", ["maskedPaths", "readonlyPaths"])
def test_T08_relative_path(box, key):
    box.linux[key] = ["proc/kcore"]
    box.refused(f"/linux/{key}/0")


def test_T08_masks_hold_one_inode(box):
    set_caps(box.process, CAPS)
    os.mkdir(f"{box.rootfs}/masked")
    box.linux["maskedPaths"] = ["/masked"]
    seen = kernel.mount_at(mounts(box.probe()), "/masked")
    assert "nr_inodes=1" in seen.super and {"ro", "noexec", "nosuid", "nodev"} <= seen.options


# ---- T09

@pytest.mark.parametrize("number", [3, 7, 9, 40])
@pytest.mark.parametrize("way", ["path", "link"])
def test_T09_cwd_is_a_leaked_directory(box, number, way):
    """CVE-2024-21626."""
    root = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    target = f"/proc/self/fd/{number}"
    if way == "link":
        replace_by_link(box, "cwd", target)
        box.process["cwd"] = "/cwd"
    else:
        box.process["cwd"] = target
    seen = outcome(box, fds={number: root})
    os.close(root)
    assert seen is None or ((seen["cwd"] or "").startswith("/") and seen["proc_cwd"] == seen["cwd"])
    assert seen is None or [f["fd"] for f in seen["fds"]] == [0, 1, 2]


@pytest.mark.parametrize("cwd", ["/proc/self/fd/9", "/link"])
def test_T09_cwd_of_exec(box, cwd):
    replace_by_link(box, "link", "/proc/self/fd/9")
    box.up()
    root = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    r = box.exec("--cwd", cwd, fds={9: root})
    os.close(root)
    r.failed("working directory")


def test_T09_missing_below_a_link(box, canary):
    replace_by_link(box, "x", canary.path)
    box.process["cwd"] = "/x/new"
    seen = outcome(box)
    canary.assert_intact()
    assert seen is None or os.path.isdir(f"{box.rootfs}{canary.path}/new")


# ---- T10

T10 = ["net/../kernel/core_pattern", "net.ipv4.../../kernel/core_pattern", "kernel.shm_rmid_forced/../core_pattern",
       "user.max_user_namespaces", "", "/", "net." + "x" * 4096, "net..ipv4", "../kernel/core_pattern", "net/",
       "/net/ipv4/ip_forward", "net/./ipv4", "fs.mqueue/../../kernel/core_pattern", "net"]


@pytest.mark.parametrize("key", T10, ids=range(len(T10)))
def test_T10_sysctl_key(box, key):
    pattern = kernel.read("/proc/sys/kernel/core_pattern")
    box.linux["sysctl"] = {key: "|/pwn"}
    box.refused("sysctl")
    assert kernel.read("/proc/sys/kernel/core_pattern") == pattern


@pytest.mark.parametrize("value", ["1\n", "1\n2", "", " "])
def test_T10_sysctl_value(box, value):
    box.linux["sysctl"] = {"net.ipv4.ip_forward": value}
    outcome(box)  # whatever it is: clean, and nothing of the host changes
    assert kernel.read("/proc/sys/net/ipv4/ip_forward") in ("0\n", "1\n")


def test_T10_netns_path_of_the_host(box):
    """A path that leads to the host's own network namespace is not a namespace of the container."""
    ttl = kernel.read("/proc/sys/net/ipv4/ip_default_ttl")
    without_namespace(box.config, "network")
    box.linux["namespaces"].append({"type": "network", "path": "/proc/self/ns/net"})
    box.linux["sysctl"] = {"net.ipv4.ip_default_ttl": "33"}
    r = box.run()
    now = kernel.read("/proc/sys/net/ipv4/ip_default_ttl")
    if now != ttl:
        with open("/proc/sys/net/ipv4/ip_default_ttl", "w") as f:
            f.write(ttl)
    assert now == ttl and r.rc != 0, r


def test_T10_uts_path_of_the_host(box):
    name = os.uname().nodename
    without_namespace(box.config, "uts")
    box.linux["namespaces"].append({"type": "uts", "path": "/proc/self/ns/uts"})
    r = box.run()
    now = os.uname().nodename
    if now != name:
        subprocess.run(["hostname", name], check=True)
    assert now == name
    r.failed("uts", "/linux/namespaces/5/path")


def test_T10_sysctls_are_opened_by_descriptor(box, tmp):
    box.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    trace = f"{tmp}/trace"
    box.args("exit", 0).run(wrap=["strace", "-f", "-o", trace, "-e", "trace=openat,openat2,open"]).ok()
    lines = [x for x in kernel.read(trace).splitlines() if "ip_forward" in x]
    assert len(lines) == 1 and "openat2(" in lines[0] and "RESOLVE_BENEATH" in lines[0]
    writes = [x for x in kernel.read(trace).splitlines() if "/proc/sys" in x and "O_RDONLY" not in x]
    assert writes == []


# ---- T11

@pytest.mark.parametrize("over", ["none", "tmpfs", "bind"])
def test_T11_fake_procfs(box, over):
    for name in ("attr/exec", "attr/current", "setgroups", "uid_map", "oom_score_adj", "status", "ns/net"):
        for who in ("self", "thread-self", "1"):
            box.file(f"proc/{who}/{name}", "fake")
    os.makedirs(f"{box.rootfs}/proc/self/fd")
    box.file("proc/sys/net/ipv4/ip_forward", "fake")
    stamp = {}
    for top, _, files in os.walk(f"{box.rootfs}/proc"):
        for f in files:
            os.utime(f"{top}/{f}", ns=(1000, 1000))
            stamp[f"{top}/{f}"] = os.stat(f"{top}/{f}").st_ctime_ns
    box.config["mounts"] = [m for m in box.mounts if m["destination"] != "/proc"]
    if over == "tmpfs":
        box.config["mounts"].insert(0, mount("/proc", "tmpfs", "t"))
    elif over == "bind":
        os.mkdir(f"{box.bundle}/fakeproc")
        box.config["mounts"].insert(0, bind(f"{box.bundle}/fakeproc", "/proc"))
    box.linux["maskedPaths"] = box.linux["readonlyPaths"] = []
    box.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    box.process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [5]}
    box.process["oomScoreAdj"] = 500
    secret = os.open("/", os.O_RDONLY)
    box.args("pause").create(fds={9: secret}).ok()
    os.close(secret)
    box.start().ok()
    s = kernel.status(box.pid)
    assert s["Groups"].split() == ["5"] and s["NoNewPrivs"] == "1" and s["Uid"].split() == ["1000"] * 4
    assert kernel.read(f"/proc/{box.pid}/oom_score_adj") == "500\n"
    assert sorted(os.listdir(f"/proc/{box.pid}/fd")) == ["0", "1", "2"]
    net = subprocess.run(["nsenter", "-t", str(box.pid), "-n", "cat", "/proc/sys/net/ipv4/ip_forward"],
                         capture_output=True, text=True, check=True)
    assert net.stdout == "1\n"
    for path, ctime in stamp.items():
        st = os.stat(path)
        assert (st.st_mtime_ns, st.st_ctime_ns) == (1000, ctime), path
        assert kernel.read(path) == "fake"


# ---- T12

@pytest.mark.parametrize("destination", [
    "/proc/self/attr", "/proc/1", "/proc/thread-self", "/proc/sys/kernel", "/proc/self", "/proc/sys",
    "/proc/self/../sys", "/x", "/proc/fs", "/proc/sysrq-trigger"])
def test_T12_mount_over_a_proc_entry(box, destination):
    replace_by_link(box, "x", "/proc/self")
    source = f"{box.bundle}/source"
    os.mkdir(source)
    if destination.endswith("sysrq-trigger"):
        source = f"{box.bundle}/sourcefile"
        open(source, "w").close()
    box.mounts.append(bind(source, destination))
    box.refused(f"/mounts/{len(box.mounts) - 1}")


@pytest.mark.parametrize("name", ["cpuinfo", "meminfo", "uptime", "stat", "loadavg", "swaps", "diskstats"])
def test_T12_files_of_lxcfs(box, name):
    source = f"{box.bundle}/lxcfs"
    with open(source, "w") as f:
        f.write("from lxcfs")
    box.mounts.append(bind(source, f"/proc/{name}"))
    assert box.attack("open", f"/proc/{name}", "r")["text"] == "from lxcfs"


@pytest.mark.parametrize("kind", ["user", None])
def test_T12_link_of_proc_itself(box, kind):
    """/proc/net is self/net, a directory of one process: its children would not see the mount."""
    if kind:
        userns(box.config)
    source = f"{box.bundle}/lxcfs"
    open(source, "w").close()
    box.mounts.append(bind(source, "/proc/net/dev"))
    box.refused(f"/mounts/{len(box.mounts) - 1}", "/proc/net/dev", "symbolic link")


def test_T12_link_to_an_allowed_file(box):
    """The name alone decides nothing."""
    source = f"{box.bundle}/source"
    open(source, "w").close()
    replace_by_link(box, "innocent", "/proc/self/status")
    box.mounts.append(bind(source, "/innocent"))
    box.refused("/innocent")


# ---- T13

def test_T13_root_path_variants(box):
    for path in (f"../{box.id}/rootfs", "./rootfs/", "rootfs/../rootfs", box.rootfs + "//"):
        box.config["root"]["path"] = path
        assert outcome(box)["cwd"] == "/", path


@pytest.mark.parametrize("path", ["rootfs\0/x", "/dev/null", "rootfs/bin/probe", "loop"])
def test_T13_root_path_that_is_none(box, path):
    os.symlink("loop", f"{box.bundle}/loop")
    box.config["root"]["path"] = path
    box.refused("root" if "\0" not in path else "config.json")


def test_T13_root_is_the_hosts(box):
    """Asked for explicitly, with everything of it: the host's own mounts stay as they are."""
    box.config["root"]["path"] = "/"
    box.config["mounts"] = []
    box.linux["maskedPaths"] = box.linux["readonlyPaths"] = []
    before = kernel.read("/proc/self/mountinfo")
    box.process["args"] = ["/bin/true"]
    box.process["env"] = ["PATH=/usr/bin:/bin"]
    r = box.run()
    assert r.rc in (0, 1)
    assert kernel.read("/proc/self/mountinfo") == before


# ---- T14

def test_T14_no_mount_reaches_the_host(box):
    """The host's mounts are all shared here, also the source of a bind."""
    source = f"{box.bundle}/shared"
    os.mkdir(source)
    kernel.mount("tmpfs", source, "tmpfs")
    kernel.mount(None, source, None, kernel.MS["shared"])
    os.mkdir(f"{source}/in")
    try:
        before = kernel.read("/proc/self/mountinfo")
        set_caps(box.process, CAPS)
        for option in ("rshared", "rslave", "rprivate"):
            box.config["mounts"] = [m for m in box.mounts if m["destination"] != "/m"]
            box.mounts = box.config["mounts"]
            box.mounts.append(bind(source, "/m", "rbind", option))
            for propagation in ("rprivate", "rslave"):
                box.linux["rootfsPropagation"] = propagation
                r = box.attack("mount", "t", "/m/in", "tmpfs", 0, "")
                assert r["ret"] == 0
                assert kernel.read("/proc/self/mountinfo") == before
        # and it is not for want of sharing: shared with both words does reach the host
        box.mounts[-1] = bind(source, "/m", "rbind", "rshared")
        box.linux["rootfsPropagation"] = "rshared"
        assert box.attack("mount", "t", "/m/in", "tmpfs", 0, "")["ret"] == 0
        assert kernel.read("/proc/self/mountinfo") != before
        kernel.umount(f"{source}/in")
    finally:
        box.orlop.clean()
        kernel.umount(source)


def test_T14_failures_leave_no_mount(box):
    before = kernel.read("/proc/self/mountinfo")
    for change in (mount("/z", "nosuchfs", "x"), bind("/nonexistent", "/z"), mount("/z", "tmpfs", "t", ["bad=1"])):
        box.mounts.append(change)
        box.refused()
        box.mounts.pop()
    box.process["args"] = ["/none"]
    box.refused()
    assert kernel.read("/proc/self/mountinfo") == before


# ---- T15

def test_T15_read_only_bind_at_every_instant(box, make_box, tmp):
    """Another container tries to write through the shared volume from before create on."""
    volume = f"{tmp}/volume"
    os.mkdir(volume)
    with open(f"{volume}/file", "w") as f:
        f.write("x")
    os.mkdir(f"{volume}/sub")
    kernel.mount("tmpfs", f"{volume}/sub", "tmpfs")
    try:
        set_caps(box.process, CAPS)
        box.mounts += [bind(volume, "/ro", "rbind", "rro", "rnosuid", "rnodev", "rnoexec"), bind(volume, "/top", "rbind", "ro")]
        r = box.probe(commands=["write", "/ro/file", "y", ",", "touch", "/ro/sub/x", ",", "write", "/top/file", "y", ",",
                                "touch", "/top/sub/x", ",", "mknod", "/top/sub/null", "c", 1, 3, 0o666, ",",
                                "open", "/ro/sub/null", "r"])["results"]
        assert [x["errno"] for x in r] == ["EROFS", "EROFS", "EROFS", None, None, "EACCES"]
    finally:
        box.orlop.clean()
        kernel.umount(f"{volume}/sub")


def test_T15_setuid_on_nosuid(box, tmp):
    volume = f"{tmp}/volume"
    os.mkdir(volume)
    shutil.copy(f"{box.rootfs}/bin/probe", f"{volume}/su")
    os.chown(f"{volume}/su", 0, 0)
    os.chmod(f"{volume}/su", 0o4755)
    box.process["user"] = {"uid": 1000, "gid": 1000}
    box.process["noNewPrivileges"] = False
    set_caps(box.process, ["CAP_SETUID", "CAP_KILL"], ("bounding",))
    for options, uid in (((), 0), (("nosuid",), 1000)):
        box.config["mounts"] = [m for m in box.mounts if m["destination"] != "/v"] + [bind(volume, "/v", *options)]
        box.mounts = box.config["mounts"]
        box.process["args"] = ["/v/su"]
        assert box.run().json()["uids"][1] == uid
    box.process["noNewPrivileges"] = True  # T81
    box.mounts[-1] = bind(volume, "/v")
    assert box.run().json()["uids"] == [1000] * 4


# ---- T16

@pytest.mark.parametrize("destination", ["/", "", "relative", "/..", "/.", "//", "/bin/probe/below"])
def test_T16_odd_destination(box, destination):
    box.mounts.append(mount(destination, "tmpfs", "t"))
    index = len(box.mounts) - 1
    r = box.args().run()
    if destination == "relative" and r.rc == 0:
        return
    r.failed(f"/mounts/{index}")
    box.orlop.clean()
