# SPDX-License-Identifier: GPL-2.0-or-later
"""Default devices and links, linux.devices, and who may use which device."""
import os
import stat

import pytest
from lib import kernel
from lib.config import bind, mount, namespace, set_caps, userns, without_namespace

pytestmark = [pytest.mark.kernel, pytest.mark.one_vm]

DEFAULT = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1",
         "stderr": "/proc/self/fd/2", "ptmx": "pts/ptmx"}


def results(box, *commands, **kw):
    joined = []
    for c in commands:
        joined += [*map(str, c), ","]
    return box.probe(commands=joined[:-1], **kw)["results"]


@pytest.mark.spec("CL-031", "CL-032", "CL-033", "CL-034", "CL-035", "CL-036")
def test_default_devices(box):
    found = results(box, *[("stat", f"/dev/{n}") for n in DEFAULT])
    for (name, numbers), st in zip(DEFAULT.items(), found):
        assert stat.S_ISCHR(st["mode"]) and st["mode"] & 0o7777 == 0o666, name
        assert (st["rmajor"], st["rminor"], st["uid"], st["gid"]) == (*numbers, 0, 0), name


@pytest.mark.spec("RL-001", "RL-002", "RL-003", "RL-004", "CL-038")
def test_default_links(box):
    found = results(box, *[("readlink", f"/dev/{n}") for n in LINKS])
    assert [x["text"] for x in found] == list(LINKS.values())


@pytest.mark.spec("CL-037")
def test_nothing_else_is_in_dev(box):
    core = ["core"] if os.path.exists("/proc/kcore") else []
    assert sorted(box.attack("list", "/dev")["names"]) == sorted([*DEFAULT, *LINKS, *core, "pts", "shm", "mqueue"])


@pytest.mark.spec("CL-031", "CL-032", "CL-033", "CL-034", "CL-035", "CL-038")
def test_default_devices_work(box):
    r = results(box, ("open", "/dev/zero", "r"), ("open", "/dev/null", "r"), ("write", "/dev/full", "x"),
                ("open", "/dev/urandom", "r"), ("open", "/dev/random", "r"), ("open", "/dev/ptmx", "rw"))
    assert r[0]["text"] == "\0" * 1024 and r[1]["text"] == ""
    assert r[2]["errno"] == "ENOSPC" and len(r[3]["text"]) == 1024 and r[4]["ret"] == 0
    assert r[5]["ret"] == 0


@pytest.mark.case("T86")
def test_umask_of_the_caller_has_no_say(box):
    """T86."""
    for umask in (0, 0o777):
        st = results(box, ("stat", "/dev/null"), ("stat", "/dev"), preexec_fn=lambda u=umask: os.umask(u))
        assert [s["mode"] & 0o7777 for s in st] == [0o666, 0o755]


@pytest.mark.spec("CL-024", "CL-030")
def test_configured_devices(box):
    box.linux["devices"] = [
        {"path": "/dev/mychar", "type": "c", "major": 1, "minor": 5, "fileMode": 0o640, "uid": 7, "gid": 8},
        {"path": "/dev/sub/dir/myblock", "type": "b", "major": 7, "minor": 0, "fileMode": 0o600},
        {"path": "/dev/mypipe", "type": "p", "fileMode": 0o622},
        {"path": "/dev/unbuffered", "type": "u", "major": 1, "minor": 3},
        {"path": "/elsewhere", "type": "c", "major": 1, "minor": 3, "fileMode": 0o4755}]
    found = results(box, *[("stat", d["path"]) for d in box.linux["devices"]])
    kinds = [stat.S_IFMT(s["mode"]) for s in found]
    assert kinds == [stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFCHR]
    assert [s["mode"] & 0o7777 for s in found] == [0o640, 0o600, 0o622, 0o666, 0o4755]
    assert [(s["rmajor"], s["rminor"]) for s in found[:2]] == [(1, 5), (7, 0)]
    assert (found[0]["uid"], found[0]["gid"]) == (7, 8)


def test_configured_device_replaces_a_default_one(box):
    box.linux["devices"] = [{"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o600, "uid": 5}]
    st = box.attack("stat", "/dev/null")
    assert (st["mode"] & 0o7777, st["uid"]) == (0o600, 5)


def test_type_bits_in_the_mode_mean_nothing(box):
    """Docker has written st_mode there."""
    box.linux["devices"] = [{"path": "/dev/x", "type": "c", "major": 1, "minor": 3, "fileMode": 0o60640}]
    assert box.attack("stat", "/dev/x")["mode"] == stat.S_IFCHR | 0o640


@pytest.mark.spec("CL-027")
def test_device_in_the_image_that_is_the_right_one(box):
    os.mknod(f"{box.rootfs}/node", stat.S_IFCHR | 0o600, os.makedev(1, 5))
    box.linux["devices"] = [{"path": "/node", "type": "c", "major": 1, "minor": 5, "fileMode": 0o600}]
    assert box.attack("stat", "/node")["mode"] & 0o7777 == 0o600


@pytest.mark.spec("CL-027")
@pytest.mark.parametrize("asked,taken", [
    ({}, True), ({"fileMode": 0o600}, True), ({"uid": 7, "gid": 8}, True), ({"fileMode": 0o666}, False), ({"uid": 0}, False),
    ({"gid": 8}, False)])
def test_device_in_the_image_has_to_be_as_was_asked(box, asked, taken):
    """What config.json does not say may be as it is there."""
    os.mknod(f"{box.rootfs}/node", stat.S_IFCHR | 0o600, os.makedev(1, 5))
    os.chown(f"{box.rootfs}/node", 7, 8)
    before = os.lstat(f"{box.rootfs}/node")
    box.linux["devices"] = [{"path": "/node", "type": "c", "major": 1, "minor": 5, **asked}]
    if taken:
        seen = box.attack("stat", "/node")
        assert (seen["mode"] & 0o7777, seen["uid"], seen["gid"]) == (0o600, 7, 8)
    else:
        box.refused("/node", "is there with mode 600 and owner 7:8", "/linux/devices/0")
    assert os.lstat(f"{box.rootfs}/node").st_ctime_ns == before.st_ctime_ns


@pytest.mark.case("T05")
@pytest.mark.spec("CL-027")
@pytest.mark.parametrize("what", ["other numbers", "file", "directory", "link", "other mode"])
def test_device_over_something_else(box, what, canary):
    """T05: never changed, never followed."""
    path = f"{box.rootfs}/node"
    if what == "other numbers":
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    elif what == "file":
        box.file("node", "text")
    elif what == "directory":
        os.mkdir(path)
    elif what == "link":
        os.symlink(f"{canary.path}/file", path)
    else:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))
    before = os.lstat(path)
    box.linux["devices"] = [{"path": "/node", "type": "c", "major": 1, "minor": 5, "fileMode": 0o666}]
    word = {"directory": "a directory", "link": "a symbolic link", "regular": "a regular file"}.get(what)
    box.refused("/node", "/linux/devices/0", *([word, "not a character device 1:5"] if word else []))
    after = os.lstat(path)
    assert (before.st_mode, before.st_ino, before.st_ctime_ns) == (after.st_mode, after.st_ino, after.st_ctime_ns)


def test_device_in_a_devpts(box):
    """mknod(2) says EPERM there, which no capability would change."""
    box.linux["devices"] = [{"path": "/dev/pts/x", "type": "c", "major": 1, "minor": 5}]
    r = box.refused("/dev/pts/x", "devpts", "/linux/devices/0")
    assert "CAP_MKNOD" not in r.err


def test_device_in_proc(box):
    box.linux["devices"] = [{"path": "/proc/x", "type": "c", "major": 1, "minor": 5}]
    r = box.refused("/proc/x", "/linux/devices/0")
    assert "CAP_MKNOD" not in r.err


def test_dev_of_the_image(box):
    """Without a mount on /dev the nodes are made in the root file system itself."""
    box.config["mounts"] = [m for m in box.mounts if m["destination"] not in ("/dev", "/dev/pts")]
    assert box.probe()["cwd"] == "/"
    st = os.lstat(f"{box.rootfs}/dev/null")
    assert stat.S_ISCHR(st.st_mode) and st.st_rdev == os.makedev(1, 3)
    assert box.probe()["cwd"] == "/"  # a second time: they are there


def test_bound_dev_is_left_alone(box):
    os.makedirs(f"{box.bundle}/dev/pts")
    box.config["mounts"] = [m for m in box.mounts if not m["destination"].startswith("/dev")]
    box.mounts = box.config["mounts"]
    box.mounts.append(bind(f"{box.bundle}/dev", "/dev"))
    assert box.attack("list", "/dev")["names"] == ["pts"]
    assert os.listdir(f"{box.bundle}/dev") == ["pts"]


def test_full_dev_of_the_host(box):
    box.config["mounts"] = [m for m in box.mounts if not m["destination"].startswith("/dev")]
    box.config["mounts"].append(bind("/dev", "/dev", "rbind"))
    r = results(box, ("open", "/dev/null", "w"), ("list", "/dev"))
    assert r[0]["ret"] == 0 and len(r[1]["names"]) > 6


# ---- the list of rules

@pytest.mark.spec("CL-061")
def test_deny_all_leaves_the_defaults(box):
    set_caps(box.process, ["CAP_MKNOD", "CAP_DAC_OVERRIDE"])
    r = results(box, ("mknod", "/dev/mem", "c", 1, 1, 0o600), ("open", "/dev/mem", "r"),
                ("mknod", "/dev/loop", "b", 7, 0, 0o600), ("open", "/dev/loop", "r"),
                ("mknod", "/dev/null2", "c", 1, 3, 0o600), ("open", "/dev/null2", "rw"))
    assert [x["errno"] for x in r] == [None, "EPERM", None, "EPERM", None, None]


def test_allow_a_device(box):
    set_caps(box.process, ["CAP_MKNOD", "CAP_DAC_OVERRIDE"])
    box.linux["resources"]["devices"].append({"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rm"})
    r = results(box, ("mknod", "/f", "c", 10, 229, 0o600), ("open", "/f", "r"), ("open", "/f", "w"))
    assert r[0]["errno"] is None and r[1]["errno"] != "EPERM" and r[2]["errno"] == "EPERM"


@pytest.mark.case("T92")
@pytest.mark.spec("CL-061")
def test_later_rule_wins(box):
    set_caps(box.process, ["CAP_MKNOD", "CAP_DAC_OVERRIDE"])
    box.linux["resources"]["devices"] = [
        {"allow": True, "type": "c", "major": 1, "access": "rwm"},
        {"allow": False, "type": "c", "major": 1, "minor": 11, "access": "w"}]
    r = results(box, ("mknod", "/kmsg", "c", 1, 11, 0o666), ("open", "/kmsg", "w"), ("open", "/kmsg", "rw"))
    assert [x["errno"] for x in r] == [None, "EPERM", "EPERM"]
    box.linux["resources"]["devices"].append({"allow": True, "access": "rwm"})
    assert results(box, ("open", "/dev/zero", "r"), ("open", "/kmsg", "w"))[1]["errno"] is None


@pytest.mark.case("T92")
def test_empty_list_denies_all_but_the_defaults(box):
    set_caps(box.process, ["CAP_MKNOD", "CAP_DAC_OVERRIDE"])
    box.linux["resources"]["devices"] = []
    r = results(box, ("mknod", "/kmsg", "c", 1, 11, 0o666), ("open", "/kmsg", "w"), ("open", "/dev/null", "w"))
    # the manual page: without the list there is no restriction; an empty one is a list
    assert r[2]["errno"] is None and r[1]["errno"] in (None, "EPERM")


def test_mknod_denied_only_without_the_capability(box):
    assert box.attack("mknod", "/x", "c", 1, 3, 0o600)["errno"] == "EPERM"
    assert box.attack("mknod", "/pipe", "p", 0, 0, 0o600)["errno"] is None


def test_rules_hold_for_exec_too(box):
    set_caps(box.process, ["CAP_MKNOD", "CAP_DAC_OVERRIDE"])
    box.up()
    r = box.exec("--", "mknod", "/kmsg", "c", 1, 11, 384, ",", "open", "/kmsg", "w").json()["results"]
    assert [x["errno"] for x in r] == [None, "EPERM"]


@pytest.mark.spec("MO-013")
def test_nodev(box):
    """A node of the image on a mount that forbids devices."""
    box.mounts.append(mount("/n", "tmpfs", "t", ["nodev"]))
    set_caps(box.process, ["CAP_MKNOD"])
    r = results(box, ("mknod", "/n/null", "c", 1, 3, 0o666), ("open", "/n/null", "r"))
    assert r[1]["errno"] == "EACCES"


NODES = [
    {"path": "/dev/mychar", "type": "c", "major": 1, "minor": 5, "fileMode": 0o640, "uid": 7, "gid": 8},
    {"path": "/dev/null", "type": "c", "major": 1, "minor": 5, "fileMode": 0o600},  # not what the host has
    {"path": "/dev/deep/er", "type": "b", "major": 7, "minor": 200, "fileMode": 0o4755},
    {"path": "/elsewhere", "type": "u", "major": 1, "minor": 7},
    {"path": "/dev/pipe", "type": "p", "fileMode": 0o622, "uid": 1}]


@pytest.mark.parametrize("hooks", [False, True])
@pytest.mark.parametrize("no_pivot", [False, True])
def test_devices_in_user_namespace_are_as_configured(box, hooks, no_pivot):
    userns(box.config)
    os.chown(box.rootfs, 100000, 100000)
    box.linux["devices"] = NODES
    if hooks:
        box.config["hooks"] = {"createRuntime": [{"path": "/bin/true"}]}
    seen = box.probe(*(["--no-pivot"] if no_pivot else []),
                     commands=[w for d in NODES for w in ("stat", d["path"], ",")] + ["open", "/dev/null", "r"])["results"]
    for device, st in zip(NODES, seen):
        kind = {"c": stat.S_IFCHR, "u": stat.S_IFCHR, "b": stat.S_IFBLK, "p": stat.S_IFIFO}[device["type"]]
        assert st["mode"] == kind | device.get("fileMode", 0o666), device
        assert (st["uid"], st["gid"]) == (device.get("uid", 0), device.get("gid", 0)), device
        if kind != stat.S_IFIFO:
            assert (st["rmajor"], st["rminor"]) == (device["major"], device["minor"]), device
    assert seen[-1]["ret"] >= 0


def test_device_of_an_owner_without_an_id_in_the_user_namespace(box):
    """podman run --privileged passes on all devices, with owners like the group kvm: the host's node, which is nobody's."""
    userns(box.config)
    full = {"path": "/dev/full", "type": "c", "major": 1, "minor": 7, "fileMode": 0o660, "uid": 0, "gid": 2 ** 31}
    box.linux["devices"] = [full]
    st = box.attack("stat", "/dev/full")
    assert (st["rmajor"], st["rminor"], st["uid"], st["gid"]) == (1, 7, 65534, 65534)
    for other in ({"path": "/dev/nosuch"}, {"minor": 3}):
        box.linux["devices"] = [{**full, **other}]
        box.refused("/linux/devices/0", "of the host")


def test_devices_in_user_namespace_leave_no_other_mount(box):
    userns(box.config)
    box.linux["devices"] = NODES[:2]
    seen = kernel.parse_mountinfo(box.probe()["mountinfo"])
    assert [m.target for m in seen if m.target in ("/", "/dev/mychar", "/dev/null")].count("/") == 1
    assert kernel.mount_at(seen, "/dev/mychar").fstype == "tmpfs"


@pytest.mark.parametrize("target, words", [
    ("/proc/self/attr/exec", ["a symbolic link"]), ("null", ["a symbolic link"]), ("/etc/passwd", ["a symbolic link"])])
def test_link_in_the_place_of_a_device_in_a_user_namespace(box, target, words):
    """As without: neither is it followed to a file of the kernel, nor taken for what it leads to."""
    userns(box.config)
    box.file("etc/passwd", "")
    box.config["mounts"] = [m for m in box.mounts if not m["destination"].startswith("/dev")]
    os.makedirs(f"{box.rootfs}/dev", exist_ok=True)
    os.symlink(target, f"{box.rootfs}/dev/zz")
    box.linux["devices"] = [{"path": "/dev/zz", "type": "c", "major": 1, "minor": 5}]
    box.refused("/linux/devices/0", "/dev/zz", *words)


def test_device_below_a_link_to_procfs_in_a_user_namespace(box):
    userns(box.config)
    box.config["mounts"] = [m for m in box.mounts if not m["destination"].startswith("/dev")]
    os.symlink("/proc", f"{box.rootfs}/way")
    box.linux["devices"] = [{"path": "/way/cpuinfo", "type": "c", "major": 1, "minor": 5}]
    box.refused("/linux/devices/0", "a file of the kernel")


def test_devices_in_joined_user_namespace(make_box):
    first, second = make_box(), make_box()
    userns(first.config)
    namespace(second.config, "user", f"/proc/{first.up()}/ns/user")
    second.linux["devices"] = NODES[:1]
    second.refused("/dev/mychar", "/linux/devices/0")   # its ids are not known
    for name in ("uidMappings", "gidMappings"):
        second.linux[name] = first.linux[name]
    st = second.attack("stat", "/dev/mychar")
    assert (st["uid"], st["gid"], st["mode"] & 0o7777) == (7, 8, 0o640)


@pytest.mark.parametrize("member", ["uid", "gid"])
def test_fifo_of_an_owner_who_is_not_mapped(box, member):
    userns(box.config)
    box.linux["devices"] = [{"path": "/dev/fifo", "type": "p", member: 70000}]
    box.refused("70000", f"/linux/devices/0/{member}")


def without_mknod(box, device):
    userns(box.config)
    box.linux["devices"] = [device]
    return ["setpriv", "--bounding-set", "-mknod", "--inh-caps", "-mknod", "--"]


def test_device_in_user_namespace_without_the_right_to_make_one(box):
    """Then a node of the host will do, and nothing else."""
    wrap = without_mknod(box, {"path": "/dev/zero", "type": "c", "major": 1, "minor": 5})
    assert box.attack("open", "/dev/zero", "r", wrap=wrap)["ret"] >= 0
    wrap = without_mknod(box, NODES[0])
    box.refused("/dev/mychar", "/linux/devices/0", wrap=wrap)
    wrap = without_mknod(box, NODES[1])
    box.refused("/dev/null", "1:3", "/linux/devices/0", wrap=wrap)


def test_fifo_in_user_namespace(box):
    userns(box.config)
    box.linux["devices"] = [{"path": "/dev/mypipe", "type": "p", "fileMode": 0o600}]
    assert stat.S_ISFIFO(box.attack("stat", "/dev/mypipe")["mode"])


@pytest.mark.spec("RL-001", "RL-002", "RL-003", "RL-004")
def test_without_proc_there_are_no_links_into_it(box):
    box.config["mounts"] = [m for m in box.mounts if m["destination"] == "/dev"]
    box.linux["maskedPaths"] = box.linux["readonlyPaths"] = []
    without_namespace(box.config, "cgroup")
    assert sorted(box.attack("list", "/dev")["names"]) == sorted(DEFAULT)


@pytest.mark.parametrize("device,words", [
    ({"path": "/dev/x", "type": "x", "major": 1, "minor": 1}, "type"),
    ({"path": "/dev/x", "type": "c"}, "major"),
    ({"path": "dev/x", "type": "c", "major": 1, "minor": 1}, "absolute"),
    ({"path": "/dev/x", "type": "c", "major": 99999, "minor": 1}, "major"),
])
def test_impossible_device(box, device, words):
    box.linux["devices"] = [device]
    box.refused(words, "/linux/devices/0")
