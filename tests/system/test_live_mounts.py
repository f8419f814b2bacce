# SPDX-License-Identifier: GPL-2.0-or-later
"""`mounts add`, `mounts remove`, `mounts list`: as mountinfo of the container's first process shows them."""
import json
import os
import re
import select

import pytest
from lib import kernel
from lib.config import bind, mount, set_caps, userns
from test_rootless import SETPRIV, UID, As


class Live:
    """A container that runs, and what is done to its mounts."""

    def __init__(self, box):
        self.box = box
        self.n = 0

    def file(self, mounts):
        self.n += 1
        path = f"{self.box.bundle}/mounts{self.n}.json"
        with open(path, "w") as f:
            json.dump(mounts, f)
        return path

    def call(self, action, *mounts, options=(), **kw):
        return self.box.orlop("mounts", action, *options, self.box.id, self.file(list(mounts)), **kw)

    def add(self, *mounts, **kw):
        return self.call("add", *mounts, **kw)

    def remove(self, *destinations, **kw):
        return self.call("remove", *[{"destination": d} for d in destinations], **kw)

    def list(self):
        return self.box.orlop("mounts", "list", "--format", "json", self.box.id).ok().json()

    def points(self):
        return [m.target for m in self.seen()]

    def seen(self, target=None):
        with open(f"/proc/{self.box.pid}/mountinfo") as f:
            mounts = kernel.parse_mountinfo(f.read())
        return mounts if target is None else [m for m in mounts if m.target == target]

    def source(self, name="source", text="from the host"):
        path = f"{self.box.bundle}/{name}"
        os.makedirs(path, exist_ok=True)
        with open(f"{path}/file", "w") as f:
            f.write(text)
        return path

    def read(self, path):
        """What a process in the container reads there."""
        with open(f"/proc/{self.box.pid}/root{path}") as f:
            return f.read()


@pytest.fixture
def live(box):
    return Live(box)



@pytest.fixture(params=["host's users", "user namespace"])
def both(box, request):
    """With and without a user namespace."""
    if request.param == "user namespace":
        userns(box.config)
        for d, dirs, files in os.walk(box.rootfs):
            for x in ["", *dirs, *files]:
                os.chown(os.path.join(d, x), 100000, 100000, follow_symlinks=False)
        os.chmod(box.orlop.tmp, 0o755)
        os.chmod(box.bundle, 0o755)
    return Live(box)


@pytest.mark.kernel
def test_bind(both):
    live = both
    live.box.up()
    r = live.add(bind(live.source(), "/new/place", "ro", "nosuid")).ok()
    assert (r.out, r.err) == ("", "")
    m, = live.seen("/new/place")
    assert {"ro", "nosuid"} <= m.options
    assert live.read("/new/place/file") == "from the host"
    assert live.box.exec("--", "open", "/new/place/file", "r").json()["results"][0]["ret"] >= 0
    r = live.remove("/new/place").ok()
    assert (r.out, r.err) == ("", "")
    assert live.seen("/new/place") == []


@pytest.mark.parametrize("options,there", [
    (["ro"], "ro"), (["nosuid"], "nosuid"), (["nodev"], "nodev"), (["noexec"], "noexec"), (["noatime"], "noatime"),
    (["nosymfollow"], "nosymfollow"), (["rw"], "rw")])
@pytest.mark.parametrize("kind", ["bind", "tmpfs"])
def test_option(live, kind, options, there):
    live.box.up()
    live.add(bind(live.source(), "/m", *options) if kind == "bind" else mount("/m", "tmpfs", "t", options)).ok()
    m, = live.seen("/m")
    assert there in m.options


def test_tmpfs_has_its_size_and_the_mode_of_its_mount_point(both):
    both.box.up()
    os.mkdir(f"{both.box.rootfs}/sticky", 0o755)
    os.chmod(f"{both.box.rootfs}/sticky", 0o1777)
    both.add(mount("/sticky", "tmpfs", "name", ["size=64k", "ro"])).ok()
    m, = both.seen("/sticky")
    assert "size=64k" in m.super and m.source == "name" and "ro" in m.options
    assert os.stat(f"/proc/{both.box.pid}/root/sticky").st_mode & 0o7777 == 0o1777


@pytest.mark.one_vm
@pytest.mark.kernel
@pytest.mark.parametrize("type,destination", [("mqueue", "/q"), ("devpts", "/p"), ("ramfs", "/r"), ("sysfs", "/s"),
                                              ("proc", "/pr"), ("cgroup2", "/cg"), ("cgroup", "/cg1")])
def test_new_file_system(both, type, destination):
    both.box.up()
    both.add(mount(destination, type, type)).ok()
    m, = both.seen(destination)
    assert m.fstype == type.replace("cgroup2", "cgroup").replace("cgroup", "cgroup2")


@pytest.mark.kernel
def test_procfs_is_of_the_pid_namespace_of_the_container(both):
    both.box.up()
    both.add(mount("/other/proc", "proc", "proc")).ok()
    pids = [p for p in os.listdir(f"/proc/{both.box.pid}/root/other/proc") if p.isdigit()]
    assert pids == ["1"]


def test_overlay_has_layers_of_the_host(live):
    live.box.up()
    for d in ("lower", "upper", "work"):
        live.source(d, d)
    os.unlink(f"{live.box.bundle}/upper/file")
    b = live.box.bundle
    live.add(mount("/o", "overlay", "overlay", [f"lowerdir={b}/lower", f"upperdir={b}/upper", f"workdir={b}/work"])).ok()
    assert live.read("/o/file") == "lower"


def test_recursive_bind_has_the_mounts_below(live):
    source = live.source()
    os.mkdir(f"{source}/sub")
    kernel.mount("tmpfs", f"{source}/sub", "tmpfs")
    try:
        live.box.up()
        live.add(bind(source, "/all", "rbind", "rro"), bind(source, "/one")).ok()
        assert [m.target for m in live.seen() if m.target.startswith(("/all", "/one"))] == ["/all", "/all/sub", "/one"]
        assert "ro" in live.seen("/all/sub")[0].options
    finally:
        live.box.orlop.clean()
        kernel.umount(f"{source}/sub")


def test_what_is_mounted_later_on_the_host_does_not_come(live):
    source = live.source()
    os.mkdir(f"{source}/sub")
    live.box.up()
    live.add(bind(source, "/a", "rbind")).ok()
    kernel.mount("tmpfs", f"{source}/sub", "tmpfs")
    try:
        assert live.seen("/a/sub") == []
    finally:
        live.box.orlop.clean()
        kernel.umount(f"{source}/sub")


def test_file_on_a_file(both):
    source = f"{both.source()}/file"
    both.box.file("/etc/conf", "of the image")
    both.box.up()
    both.add(bind(source, "/etc/conf", "ro")).ok()
    assert both.read("/etc/conf") == "from the host"
    both.remove("/etc/conf").ok()
    assert both.read("/etc/conf") == "of the image"


def test_mounts_in_one_another(both):
    both.box.up()
    both.add(mount("/a", "tmpfs", "t"), mount("/a/b", "tmpfs", "t"), bind(both.source(), "/a/b/c")).ok()
    assert both.read("/a/b/c/file") == "from the host"
    both.remove("/a", "/a/b", "/a/b/c").ok()
    assert [m for m in both.seen() if m.target.startswith("/a")] == []


def test_remove_of_the_one_above_takes_those_below(live):
    live.box.up()
    live.add(mount("/a", "tmpfs", "t"), mount("/a/b", "tmpfs", "t")).ok()
    live.remove("/a/b", "/a").ok()
    assert [m for m in live.seen() if m.target.startswith("/a")] == []


@pytest.mark.kernel
def test_id_mapped(live):
    source = live.source()
    os.chown(f"{source}/file", 1234, 1235)
    live.box.up()
    maps = {"uidMappings": [{"containerID": 1234, "hostID": 5000, "size": 1}],
            "gidMappings": [{"containerID": 1235, "hostID": 5001, "size": 1}]}
    live.add({**bind(source, "/m"), **maps}).ok()
    st = os.stat(f"/proc/{live.box.pid}/root/m/file")
    assert (st.st_uid, st.st_gid) == (5000, 5001)
    live.add({**bind(source, "/n"), "uidMappings": maps["uidMappings"]}).failed("/mounts/0/gidMappings")


def test_id_mapped_as_the_container(box):
    userns(box.config)
    live = Live(box)
    source = live.source()
    os.chown(f"{source}/file", 7, 7)
    os.chmod(box.orlop.tmp, 0o755)
    os.chown(box.rootfs, 100000, 100000)
    box.up()
    live.add(bind(source, "/m", "idmap")).ok()
    st = os.stat(f"/proc/{box.pid}/root/m/file")
    assert (st.st_uid, st.st_gid) == (100007, 100007)
    assert live.add(bind(live.source("other"), "/n", "remount")).failed("remount", "/mounts/0/options")


def test_many(live):
    live.box.up()
    live.add(*[mount(f"/many/{n}", "tmpfs", "t") for n in range(300)]).ok()
    assert len([m for m in live.seen() if m.target.startswith("/many/")]) == 300
    live.remove(*[f"/many/{n}" for n in range(300)]).ok()
    assert not [m for m in live.seen() if m.target.startswith("/many/")]


# ---- all or nothing

def test_failure_leaves_nothing(both):
    both.box.up()
    before = both.points()
    both.add(mount("/a", "tmpfs", "t"), mount("/a/b", "tmpfs", "t"), bind("/nowhere/at/all", "/c")).failed(
        "/nowhere/at/all", "/mounts/2")
    both.add(mount("/a", "tmpfs", "t"), mount("/bin/probe", "tmpfs", "t")).failed("/bin/probe", "not a directory")
    assert both.points() == before
    assert both.box.orlop("mounts", "remove", both.box.id, both.file([{"destination": "/a"}])).failed("no such mount")


def test_one_look_at_a_mount_fails(live):
    """What was added can be removed: it is known by the id that the kernel has for it, not by an older kind of id."""
    live.box.up()
    for when in range(1, 8):
        r = live.add(mount("/tmp", "tmpfs", "t"), wrap=[
            "strace", "-f", "-qq", "-o", f"{live.box.bundle}/trace", "-e", f"inject=statx:error=ENOSYS:when={when}"])
        if r.rc == 0:
            live.remove("/tmp").ok()
        assert "/tmp" not in live.points(), r


def test_of_the_list_to_be_removed_none_goes_if_one_cannot(live):
    live.box.up()
    live.add(mount("/a", "tmpfs", "t"), mount("/b", "tmpfs", "t")).ok()
    live.remove("/a", "/c", "/b").failed("/c", "/mounts/1")
    assert live.seen("/a") and live.seen("/b")
    live.remove("/b").ok()
    live.remove("/b").failed("no such mount")


# ---- replace

@pytest.mark.kernel
@pytest.mark.parametrize("kind", ["bind", "file"])
def test_replace(both, kind):
    first, second = both.source("first", "1"), both.source("second", "2")
    sub = "/file" if kind == "file" else ""
    path = f"/m{'' if sub else '/file'}"
    both.box.up()
    both.add(bind(first + sub, "/m"), options=["--replace"]).ok()
    assert both.read(path) == "1"
    both.add(bind(second + sub, "/m", "ro"), options=["--replace"]).ok()
    m, = both.seen("/m")
    assert both.read(path) == "2" and "ro" in m.options
    both.remove("/m").ok()
    assert both.seen("/m") == []


def test_replace_of_a_mount_of_the_configuration(live):
    live.box.mounts.append(bind(live.source("first", "1"), "/m"))
    live.box.up()
    live.add(bind(live.source("second", "2"), "/m"), options=["--replace"]).ok()
    assert len(live.seen("/m")) == 1 and live.read("/m/file") == "2"


@pytest.mark.kernel
def test_replace_has_no_gap(live):
    first, second = live.source("first", "1"), live.source("second", "2")
    live.box.up()
    live.add(bind(first, "/m")).ok()
    root = os.open(f"/proc/{live.box.pid}/root", os.O_PATH)
    read, write = os.pipe()
    watcher = os.fork()
    if not watcher:
        missed = 0
        while not select.select([read], [], [], 0)[0]:
            try:
                os.close(os.open("m/file", os.O_RDONLY, dir_fd=root))
            except OSError:
                missed = 1
        os._exit(missed)
    for i in range(20):
        live.add(bind(second if i % 2 == 0 else first, "/m"), options=["--replace"]).ok()
    os.write(write, b"x")
    assert os.waitpid(watcher, 0)[1] == 0
    for fd in (root, read, write):
        os.close(fd)
    assert len(live.seen("/m")) == 1


def test_without_replace_it_lies_on_top(live):
    live.box.up()
    live.add(bind(live.source("first", "1"), "/m")).ok()
    live.add(bind(live.source("second", "2"), "/m")).ok()
    assert len(live.seen("/m")) == 2 and live.read("/m/file") == "2"
    live.remove("/m").ok()
    assert live.read("/m/file") == "1"
    live.remove("/m").ok()
    assert live.seen("/m") == []


def test_replace_of_the_masks_and_of_others_is_refused(live):
    live.box.up()
    live.add(mount("/sys/firmware", "tmpfs", "t"), options=["--replace"]).failed("neither of config.json")
    live.add(bind("/dev/null", "/dev/null"), options=["--replace"]).ok()


# ---- names inside that others have made

def link(live, path, target):
    os.symlink(target, f"{live.box.rootfs}{path}")


@pytest.mark.parametrize("target", ["/tmp", "../../../../tmp", "/../../tmp"])
def test_link_stays_inside(both, target, canary):
    link(both, "/way", target)
    both.box.up()
    both.add(mount("/way/on", "tmpfs", "t")).ok()
    assert both.seen("/tmp/on") and not both.seen("/way/on")
    with open("/proc/self/mountinfo") as f:
        assert not [m for m in kernel.parse_mountinfo(f.read()) if m.target.endswith("/tmp/on")]
    both.remove("/way/on").ok()
    assert not both.seen("/tmp/on")


@pytest.mark.parametrize("target", ["/proc/acpi", "/proc/self/attr", "/proc/1/root", "/proc/self/fd/0", "/proc/sys/kernel",
                                    "/proc/self/cwd"])
def test_link_into_procfs(both, target):
    link(both, "/way", target)
    both.box.up()
    before = both.points()
    assert both.add(mount("/way", "tmpfs", "t")).rc == 1
    assert both.points() == before


@pytest.mark.kernel
def test_T112_link_does_not_lift_a_mask(live):
    """Neither remove nor --replace takes away what hides files, wherever a name leads."""
    live.box.mounts.append(mount("/data", "tmpfs", "t"))
    live.box.up()
    live.add(mount("/srv/data", "tmpfs", "t"), mount("/plain", "tmpfs", "t")).ok()
    pid = live.box.pid
    os.rename(f"/proc/{pid}/root/srv", f"/proc/{pid}/root/old")
    os.symlink("/proc", f"/proc/{pid}/root/srv")
    live.remove("/srv/data").failed("/srv/data")
    os.unlink(f"/proc/{pid}/root/srv")
    os.makedirs(f"/proc/{pid}/root/srv")
    os.symlink("/proc/acpi", f"/proc/{pid}/root/srv/data")
    before = live.points()
    live.remove("/srv/data").failed("symbolic link")
    live.add(mount("/srv/data", "tmpfs", "t"), options=["--replace"]).failed("/proc/acpi")
    assert live.points() == before
    live.remove("/proc/acpi").failed("no such mount")
    live.remove("/").failed("/")


@pytest.mark.kernel
def test_T112_another_mount_at_the_same_place_stays(live):
    live.box.up()
    live.add(mount("/srv/data", "tmpfs", "mine"), mount("/opt/data", "tmpfs", "other")).ok()
    root = f"/proc/{live.box.pid}/root"
    os.rename(f"{root}/srv", f"{root}/old")
    os.rename(f"{root}/opt", f"{root}/srv")
    live.remove("/srv/data").failed("another mount")
    assert live.seen("/srv/data")[0].source == "other"


def test_source_in_the_root_file_system_leads_nowhere_else(live, canary):
    secret = live.source("secret", "secret")
    link(live, "/out", secret)
    live.box.up()
    r = live.add(bind(f"{live.box.rootfs}/out", "/m"))
    assert r.rc == 1 and live.seen("/m") == []
    live.box.file("/in/file", "inside")
    live.add(bind(f"{live.box.rootfs}/in", "/m", "ro")).ok()
    assert live.read("/m/file") == "inside"


@pytest.mark.parametrize("destination,word", [("/", "/"), ("/..", "/"), ("/proc/sys", "/proc"),
                                              ("/proc/../proc/1", "/proc")])
def test_destination_that_is_refused(live, destination, word):
    live.box.up()
    live.add(mount(destination, "tmpfs", "t")).failed(word, "/mounts/0")


def test_link_instead_of_a_mount_is_refused(live):
    os.symlink("text", f"{live.box.bundle}/link")
    live.box.up()
    live.add(bind(f"{live.box.bundle}/link", "/m", "copy-symlink")).failed("copy-symlink", "config.json only", "/mounts/0")
    live.add(bind(f"{live.box.bundle}/link", "/m", "src-nofollow")).failed("nofollow", "config.json only", "/mounts/0")


def test_taken_away_inside(live):
    set_caps(live.box.process, ["CAP_SYS_ADMIN"])
    live.box.up()
    live.add(mount("/a", "tmpfs", "t"), mount("/b", "tmpfs", "t")).ok()
    assert live.box.exec("--", "umount", "/a", "0").json()["results"][0]["ret"] == 0
    live.remove("/b", "/a").failed("/a", "nothing is mounted there any more", "/mounts/1")
    assert live.seen("/b")
    live.remove("/a").failed("no such mount")
    live.remove("/b").ok()


def test_destination_below_the_path_of_the_root_file_system(live):
    live.box.up()
    live.add(mount(f"{live.box.rootfs}/a", "tmpfs", "t")).ok()
    assert live.seen("/a")
    live.remove(f"{live.box.rootfs}/a").ok()
    assert not live.seen("/a")


# ---- states

@pytest.mark.kernel
def test_created_and_paused(both):
    both.box.args("pause")
    both.box.create().ok()
    both.add(mount("/a", "tmpfs", "t")).ok()
    assert both.seen("/a")
    both.box.start().ok()
    assert both.seen("/a")
    if both.box.orlop("pause", both.box.id).rc == 0:
        both.add(mount("/b", "tmpfs", "t")).ok()
        both.remove("/a").ok()
        assert both.seen("/b") and not both.seen("/a")
        both.box.orlop("resume", both.box.id).ok()


def test_stopped_and_missing(live):
    live.box.up()
    live.box.kill("KILL").ok()
    live.box.wait_stopped()
    for action in ("add", "remove"):
        live.call(action, mount("/a", "tmpfs", "t")).failed("container not running", "stopped")
    live.box.orlop("mounts", "list", live.box.id).failed("container not running")
    live.box.orlop("mounts", "list", "nobody").failed("does not exist")


def test_without_a_mount_namespace(live):
    namespaces = live.box.linux["namespaces"]
    live.box.linux["namespaces"] = [n for n in namespaces if n["type"] != "mount"]
    live.box.mounts.clear()
    for member in ("maskedPaths", "readonlyPaths"):
        del live.box.linux[member]
    live.box.up()
    live.add(mount("/a", "tmpfs", "t")).failed("no mount namespace")


def test_first_process_that_left_its_namespace(box):
    set_caps(box.process, ["CAP_SYS_ADMIN"])
    box.add_busybox()
    live = Live(box)
    box.args("/bin/sh", "-c", "exec /bin/busybox unshare -m /bin/probe pause")
    box.create().ok()
    box.start().ok()
    kernel.until(lambda: "READY" in box.output())
    live.add(mount("/a", "tmpfs", "t")).failed("has left its namespace")
    box.orlop("mounts", "list", box.id).failed("has left its mount namespace")


def test_no_pivot(live):
    live.box.up("--no-pivot")
    live.add(bind(live.source(), "/m")).ok()
    assert live.read("/m/file") == "from the host"
    live.remove("/m").ok()


@pytest.mark.parametrize("propagation", ["shared", "slave", "private"])
def test_root_propagation(live, propagation):
    live.box.linux["rootfsPropagation"] = propagation
    live.box.up()
    before = kernel.read("/proc/self/mountinfo")
    live.add(bind(live.source(), "/m")).ok()
    assert live.seen("/m") and kernel.read("/proc/self/mountinfo") == before
    live.remove("/m").ok()
    assert not live.seen("/m")


# ---- the command

def test_list(live):
    source = live.source()
    live.box.mounts.append(bind(source, "/of/config"))
    live.box.up()
    live.add(bind(source, "/added", "ro"), mount("/t", "tmpfs", "name")).ok()
    rows = {m["destination"]: m for m in live.list()}
    assert rows["/"]["origin"] == "root"
    assert (rows["/of/config"]["origin"], rows["/of/config"]["source"]) == ("config", source)
    assert (rows["/added"]["origin"], rows["/added"]["source"]) == ("added", source)
    assert "ro" in rows["/added"]["options"] and rows["/t"]["type"] == "tmpfs" and rows["/t"]["source"] == "name"
    assert rows["/proc/acpi"]["origin"] == "other" if "/proc/acpi" in rows else True
    table = live.box.orlop("mounts", "list", live.box.id).ok().out.splitlines()
    assert table[0].split() == ["DESTINATION", "TYPE", "SOURCE", "ORIGIN", "OPTIONS"]
    assert len(table) == len(live.list()) + 1 == len(live.seen()) + 1


def test_list_goes_into_remove(live):
    live.box.up()
    live.add(mount("/a", "tmpfs", "t"), mount("/b", "tmpfs", "t")).ok()
    live.remove(*[m["destination"] for m in live.list() if m["origin"] == "added"]).ok()
    assert not live.seen("/a") and not live.seen("/b")


def test_forms_of_the_list(live):
    live.box.up()
    path = f"{live.box.bundle}/x.json"
    for text in ('[]', '{"mounts": [{"destination": "/a", "type": "tmpfs", "source": "t"}], "other": 1}'):
        with open(path, "w") as f:
            f.write(text)
        live.box.orlop("mounts", "add", live.box.id, path).ok()
    assert live.seen("/a")
    with open(live.file([mount("/b", "tmpfs", "t")])) as f:
        live.box.orlop("mounts", "add", live.box.id, "-", stdin=f).ok()
    assert live.seen("/b")


@pytest.mark.parametrize("text,words", [
    ("", ["empty"]), ("{}", ["mounts"]), ("7", []), ('{"mounts": 3}', ["/mounts"]), ("[7]", ["/mounts/0"]),
    ('[{"type": "tmpfs"}]', ["/mounts/0/destination"]), ('[{"destination": "/a"}]', ["/mounts/0/type"]),
    ('[{"destination": "/a", "type": "nothing-like-it"}]', ["nothing-like-it", "/mounts/0"]),
    ('[{"destination": "/a", "type": "bind", "options": ["bind"]}]', ["/mounts/0/source"])])
def test_bad_list(live, text, words):
    live.box.up()
    path = f"{live.box.bundle}/bad.json"
    with open(path, "w") as f:
        f.write(text)
    live.box.orlop("mounts", "add", live.box.id, path).failed(*words)
    assert not live.seen("/a")


@pytest.mark.parametrize("args,words", [
    (["add", "ID"], ["FILE"]), (["remove", "ID"], ["FILE"]), (["move", "ID", "x"], ["add, remove and list"]),
    (["list", "ID", "x"], ["too many"]), (["add"], ["ID"]), ([], ["add|remove|list"]), (["remove", "--replace", "ID", "x"],
    ["--replace"]), (["list", "--replace", "ID"], ["--replace"]), (["add", "--format", "json", "ID", "x"], ["--format"]),
    (["add", "ID", "/nowhere"], ["/nowhere"])])
def test_bad_arguments(live, args, words):
    live.box.up()
    live.box.orlop("mounts", *[live.box.id if a == "ID" else a for a in args]).failed(*words)


# ---- who does it

def test_helper_has_nothing_of_the_host(both):
    """In the container's mount namespace it names nothing but "/", and before that it has closed all of ours."""
    source = both.source()
    both.box.up()
    trace = f"{both.box.bundle}/trace"
    both.add(bind(source, "/m"), wrap=["strace", "-f", "-qq", "-o", trace]).ok()
    with open(trace) as f:
        calls = [line.split(None, 1) for line in f.read().splitlines()]
    enter = max(i for i, (_, call) in enumerate(calls) if call.startswith("setns("))
    pid = calls[enter][0]
    after = [call for p, call in calls[enter + 1:] if p == pid]
    paths = {p for call in after for p in re.findall(r'(?:AT_FDCWD, |^[a-z0-9_]+\()"([^"]+)"', call)
             if not call.startswith(("sendmsg", "readlinkat"))}
    assert paths <= {"/"}, after
    before = [call for p, call in calls[:enter] if p == pid]
    assert any(call.startswith("close_range(0,") for call in before), before
    assert any(call.startswith("prctl(PR_SET_DUMPABLE, S") or "PR_SET_DUMPABLE, 0" in call for call in before), before


@pytest.mark.parametrize("when", [1, 2])
def test_killed_before_it_is_known(live, when):
    """Whoever kills the parent at any time leaves no mount that `remove` does not know."""
    live.box.up()
    path = live.file([mount("/a", "tmpfs", "t")])
    p = live.box.orlop.popen("mounts", "add", live.box.id, path, wrap=[
        "strace", "-qq", "-o", f"{live.box.bundle}/trace", "-e", f"inject=renameat:signal=KILL:when={when}"])
    p.wait()
    live.box.orlop.finish(p)
    kernel.until(lambda: not live.seen("/a") or live.remove("/a").rc == 0)
    assert not live.seen("/a")


def test_file_that_cannot_be_saved(live):
    """Then the mounts go again."""
    live.box.up()
    path = live.file([mount("/a", "tmpfs", "t"), mount("/a/b", "tmpfs", "t")])
    live.box.orlop("mounts", "add", live.box.id, path, wrap=[
        "strace", "-qq", "-o", f"{live.box.bundle}/trace", "-e", "inject=renameat:error=ENOSPC:when=2"]).failed(
            "mounts.json", "no space")
    assert live.seen("/a") == []
    live.add(mount("/a", "tmpfs", "t")).ok()


# ---- other users

@pytest.fixture
def user(tmp):
    o = As(tmp, SETPRIV, UID)
    yield o
    o.clean()


@pytest.mark.kernel
def test_rootless(user):
    live = Live(user.box())
    source = live.source()
    for path in (source, f"{source}/file"):
        os.chown(path, UID, UID)
    live.box.up()
    live.add(bind(source, "/m", "ro", "rbind"), mount("/t", "tmpfs", "t", ["size=64k"])).ok()
    assert "ro" in live.seen("/m")[0].options and live.read("/m/file") == "from the host"
    live.add(bind(source, "/m"), options=["--replace"]).ok()
    assert len(live.seen("/m")) == 1 and "ro" not in live.seen("/m")[0].options
    assert {m["destination"] for m in live.list() if m["origin"] == "added"} == {"/m", "/t"}
    live.remove("/m", "/t").ok()
    assert not live.seen("/m") and not live.seen("/t")


def test_rootless_cannot_map_ids(user):
    live = Live(user.box())
    live.box.up()
    maps = [{"containerID": 0, "hostID": UID, "size": 1}]
    live.add({**bind(live.source(), "/m"), "uidMappings": maps, "gidMappings": maps}).failed("CAP_SYS_ADMIN", "/mounts/0")


@pytest.mark.kernel
def test_flags_of_the_host_stay_locked(box):
    """Root of a user namespace cannot make writable what is read-only on the host."""
    userns(box.config)
    live = Live(box)
    source = live.source()
    os.chmod(box.orlop.tmp, 0o755)
    os.chown(box.rootfs, 100000, 100000)
    set_caps(box.process, ["CAP_SYS_ADMIN"])
    kernel.mount(source, source, None, kernel.MS["bind"])
    kernel.mount(None, source, None, kernel.MS["bind"] | kernel.MS["remount"] | kernel.MS["ro"])
    try:
        box.up()
        live.add(bind(source, "/m")).ok()
        flags = kernel.MS["bind"] | kernel.MS["remount"]
        assert box.exec("--", "mount", "none", "/m", "none", flags, "").json()["results"][0]["errno"] == "EPERM"
        assert "ro" in live.seen("/m")[0].options
    finally:
        box.orlop.clean()
        kernel.umount(source)
