# SPDX-License-Identifier: GPL-2.0-or-later
"""Namespaces, new ones and given ones, names, sysctl, loopback, user namespaces as root."""
import os
import subprocess

import pytest
from lib import kernel
from lib.box import stop
from lib.config import ALL_CAPS, SETS, mount, namespace, set_caps, userns, without_namespace

pytestmark = pytest.mark.kernel

KINDS = ("cgroup", "ipc", "mount", "network", "pid", "uts", "user")
FILE = {k: kernel.NS_FILE.get(k, k) for k in KINDS}


def here(kind):
    return kernel.ns_inode("self", kind)


@pytest.fixture
def holder(tmp):
    """A process in new namespaces of the given kinds; returns a function kind -> path."""
    started = []

    def make(*kinds, extra=()):
        flags = [f"--{'net' if k == 'network' else k}" for k in kinds]
        p = subprocess.Popen(["unshare", *flags, *extra, *(["--fork"] if "pid" in kinds else []), "sleep", "1000"],
                             stdin=subprocess.DEVNULL)
        started.append(p)

        def pid():
            if "pid" not in kinds:
                return p.pid
            return next(iter(kernel.children(p.pid)), None)

        def ready():
            n = pid()
            return n and kernel.read(f"/proc/{n}/comm") == "sleep\n" and all(
                kernel.ns_inode(n, k) != here(k) for k in kinds)
        kernel.until(ready)
        n = pid()
        make.pid = n
        return lambda kind: f"/proc/{n}/ns/{FILE[kind]}"
    yield make
    for p in started:
        for c in kernel.children(p.pid):
            os.kill(c, 9)
        stop(p)


# ---- new ones

@pytest.mark.spec("CL-006", "CL-007", "CL-008", "CL-009", "CL-010", "CL-012", "CL-017")
def test_all_new(box):
    seen = box.probe()["namespaces"]
    for kind in ("cgroup", "ipc", "mount", "network", "pid", "uts"):
        assert seen[FILE[kind]] != here(kind), kind
    for kind in ("user", "time"):
        assert seen[kind] == os.stat(f"/proc/self/ns/{kind}").st_ino


@pytest.mark.spec("CL-018")
@pytest.mark.parametrize("kind", ["cgroup", "ipc", "network", "pid", "uts"])
def test_one_left_out_is_the_callers(box, kind):
    without_namespace(box.config, kind)
    if kind == "uts":
        del box.config["hostname"]
    seen = box.probe()["namespaces"]
    assert seen[FILE[kind]] == here(kind)


@pytest.mark.parametrize("kind", ["ipc", "network", "pid", "uts"])
def test_only_one_besides_mount(box, kind):
    box.linux["namespaces"] = [{"type": "mount"}, {"type": kind}]
    box.config.pop("hostname")
    seen = box.probe()["namespaces"]
    for k in ("ipc", "network", "pid", "uts", "cgroup"):
        assert (seen[FILE[k]] != here(k)) == (k == kind), k


def test_outside_sees_the_same(box):
    pid = box.up()
    seen = box.exec().json()["namespaces"]
    for kind in KINDS:
        assert kernel.ns_inode(pid, kind) == seen[FILE[kind]], kind


def test_init_is_process_1(box):
    assert box.probe()["pid"] == 1
    without_namespace(box.config, "pid")
    assert box.probe()["pid"] > 1


def test_without_mount_namespace_and_without_mounts(box):
    """Only chroot is left."""
    without_namespace(box.config, "mount")
    box.linux["maskedPaths"] = box.linux["readonlyPaths"] = []
    box.config["mounts"] = []
    seen = box.probe()
    assert seen["namespaces"]["mnt"] == -1  # there is no /proc
    assert seen["cwd"] == "/"


def host_table():
    return kernel.read("/proc/self/mountinfo")


@pytest.mark.parametrize("cgroup", [True, False])
def test_without_mount_namespace_mounts_are_below_the_root(box, cgroup):
    """The specification: that of the runtime is inherited; all is gone with the container."""
    without_namespace(box.config, "mount", *([] if cgroup else ["cgroup"]))
    box.config["root"]["readonly"] = True
    box.mounts.append(mount("/t", "tmpfs", "t", ["size=1m"]))
    os.makedirs(f"{box.rootfs}/t")
    before = host_table()
    pid = box.up()
    assert kernel.ns_inode(pid, "mnt") == here("mnt")
    below = [m.target for m in kernel.parse_mountinfo(host_table()) if m.target.startswith(box.rootfs)]
    assert below[0] == box.rootfs and {f"{box.rootfs}{m['destination']}" for m in box.mounts} <= set(below)
    assert not any("shared" in m.propagation for m in kernel.parse_mountinfo(host_table())
                   if m.target.startswith(f"{box.rootfs}/"))
    seen = box.exec("--", "open", "/proc/sys/kernel/domainname", "w", ",", "touch", "/x", ",", "touch", "/t/x", ",",
                    "stat", "/dev/null", ",", "list", "/proc/acpi", ",", "state").json()
    results = seen["results"]
    assert [r.get("errno") for r in results[:2]] == ["EROFS", "EROFS"] and results[2]["ret"] == 0
    assert (results[3]["rmajor"], results[3]["rminor"]) == (1, 3) and results[4].get("names", []) == []
    box.delete("--force").ok()
    assert host_table() == before


def test_without_mount_namespace_run_and_failure_leave_nothing(box):
    without_namespace(box.config, "mount")
    before = host_table()
    assert box.probe()["cwd"] == "/"
    assert host_table() == before
    box.mounts.append(mount("/m", "nosuchfs", "x"))
    box.refused("nosuchfs")
    box.mounts.pop()
    box.config["hooks"] = {"createRuntime": [{"path": "/bin/false"}]}
    box.refused("hook")
    assert host_table() == before


def test_without_mount_namespace_killed_in_between(box):
    """What will be made is written down before: the runtime and the container's process are killed in a hook."""
    without_namespace(box.config, "mount")
    box.config["hooks"] = {"createRuntime": [{"path": "/bin/sleep", "args": ["sleep", "1000"]}]}
    before = host_table()
    box.args("pause").write()
    p = box.orlop.popen("create", "--bundle", box.bundle, box.id)
    kernel.until(lambda: f"{box.rootfs}/proc" in host_table() and box.orlop.ids())
    kernel.until(lambda: any(kernel.read(f"/proc/{c}/comm") == "sleep\n" for c in kernel.children(p.pid)))
    sleeping = [c for c in kernel.children(p.pid) if kernel.read(f"/proc/{c}/comm") == "sleep\n"]
    p.kill()
    p.wait()
    for c in sleeping:
        os.kill(int(c), 9)
    assert f"{box.rootfs}/proc" in host_table()
    box.delete("--force").ok()
    assert host_table() == before


def test_without_mount_namespace_leaves_the_mounts_of_others(box):
    """The root file system is a mount of the engine itself, and stays one."""
    kernel.mount(box.rootfs, box.rootfs, None, kernel.MS["bind"])
    try:
        without_namespace(box.config, "mount")
        before = host_table()
        box.up()
        box.delete("--force").ok()
        assert host_table() == before
    finally:
        kernel.umount(box.rootfs)


def test_without_mount_namespace_in_a_user_namespace_is_refused(box):
    without_namespace(box.config, "mount")
    userns(box.config)
    box.refused("/mounts", "user namespace has no power")


def test_exec_without_mount_namespace_has_the_containers_root(box):
    without_namespace(box.config, "mount")
    box.linux["maskedPaths"] = box.linux["readonlyPaths"] = []
    box.config["mounts"] = []
    box.file("marker", "of the container")
    box.up()
    r = box.exec("--", "open", "/marker", "r", ",", "list", "/", ",", "list", "/..").json()["results"]
    assert r[0]["text"] == "of the container"
    assert set(r[1]["names"]) == set(r[2]["names"]) == set(os.listdir(box.rootfs))
    assert box.exec("--cwd", "/etc").json()["cwd"] == "/etc"


# ---- given by path

@pytest.mark.spec("CL-015")
@pytest.mark.parametrize("kind", ["ipc", "network", "uts", "cgroup"])
def test_join_one(box, holder, kind):
    path = holder(kind)
    namespace(box.config, kind, path(kind))
    if kind == "uts":
        del box.config["hostname"]
    want = os.stat(path(kind)).st_ino
    assert box.probe()["namespaces"][FILE[kind]] == want


@pytest.mark.spec("CL-015")
def test_join_pid(box, holder):
    path = holder("pid")
    namespace(box.config, "pid", path("pid"))
    seen = box.probe()
    assert seen["namespaces"]["pid"] == os.stat(path("pid")).st_ino
    assert seen["pid"] > 1


@pytest.mark.spec("RT-057")
def test_join_pid_state_and_exec(box, holder):
    path = holder("pid")
    namespace(box.config, "pid", path("pid"))
    pid = box.up()
    assert os.readlink(f"/proc/{pid}/exe") == "/bin/probe"  # the number of the host's view
    assert int(kernel.stat_fields(pid)[1]) == os.getpid()
    assert box.exec().json()["namespaces"]["pid"] == kernel.ns_inode(pid, "pid")
    box.delete("--force").ok()
    assert kernel.alive(holder.pid)


def test_join_pid_of_a_container_and_kill_only_the_second(make_box):
    one, two = make_box(), make_box()
    pid = one.up()
    namespace(two.config, "pid", f"/proc/{pid}/ns/pid")
    other = two.up()
    assert kernel.ns_inode(other, "pid") == kernel.ns_inode(pid, "pid")
    two.kill("KILL").ok()
    two.wait_stopped()
    two.delete().ok()
    assert one.status() == "running"


def test_pod(make_box):
    """What engines do: network, ipc, uts and pid of a first container."""
    one, two = make_box(), make_box()
    pid = one.up()
    for kind in ("network", "ipc", "uts", "pid"):
        namespace(two.config, kind, f"/proc/{pid}/ns/{FILE[kind]}")
    del two.config["hostname"]
    seen = two.probe()
    for kind in ("network", "ipc", "uts", "pid"):
        assert seen["namespaces"][FILE[kind]] == kernel.ns_inode(pid, kind)
    assert seen["hostname"] == "orlop"
    assert seen["namespaces"]["mnt"] != kernel.ns_inode(pid, "mount")


@pytest.mark.spec("CL-015")
def test_join_mount(box, holder):
    path = holder("mount")
    namespace(box.config, "mount", path("mount"))
    box.linux["maskedPaths"] = box.linux["readonlyPaths"] = []
    seen = box.probe()
    assert seen["namespaces"]["mnt"] == os.stat(path("mount")).st_ino
    assert kernel.mount_at(kernel.parse_mountinfo(seen["mountinfo"]), "/proc").fstype == "proc"


@pytest.mark.spec("CL-015")
def test_join_user(box, holder):
    path = holder("user", "network", extra=["--map-root-user"])
    namespace(box.config, "user", path("user"))
    namespace(box.config, "network", path("network"))
    box.config["mounts"] = [m for m in box.mounts if m["type"] not in ("sysfs", "cgroup", "mqueue", "devpts")]
    box.linux["maskedPaths"] = []
    box.linux["readonlyPaths"] = []
    seen = box.probe()
    assert seen["namespaces"]["user"] == os.stat(path("user")).st_ino
    assert seen["namespaces"]["net"] == os.stat(path("network")).st_ino


@pytest.mark.spec("CL-015")
@pytest.mark.parametrize("kind", ["ipc", "network", "uts", "pid"])
def test_join_user_and_one_that_is_not_owned_by_it(box, holder, kind):
    """The joined user namespace has no power over it, but the caller has."""
    user, other = holder("user", extra=["--map-root-user"]), holder(kind)
    namespace(box.config, "user", user("user"))
    namespace(box.config, kind, other(kind))
    box.config.pop("hostname")
    box.config["mounts"] = [m for m in box.mounts if m["type"] not in ("proc", "sysfs", "cgroup", "mqueue", "devpts")]
    box.linux["maskedPaths"] = box.linux["readonlyPaths"] = []
    pid = box.up()
    assert kernel.ns_inode(pid, "user") == os.stat(user("user")).st_ino
    assert kernel.ns_inode(pid, kind) == os.stat(other(kind)).st_ino
    box.exec().ok()


@pytest.mark.spec("CL-014", "CL-016")
@pytest.mark.parametrize("path,words", [
    ("/nonexistent", "no such file"), ("/etc", "namespace"), ("/dev/null", "namespace"),
    ("/proc/self/ns/mnt", "is a mount namespace"), ("relative", "absolute")])
def test_path_that_is_no_such_namespace(box, path, words):
    namespace(box.config, "network", path)
    box.refused(words, "/linux/namespaces/5/path")


def test_path_that_is_a_fifo_does_not_hang(box):
    os.mkfifo(f"{box.bundle}/fifo")
    namespace(box.config, "network", f"{box.bundle}/fifo")
    box.refused("namespace", timeout=5)


def test_bound_namespace_file(box, tmp):
    """As `ip netns add` makes them."""
    p = f"{tmp}/netns"
    open(p, "w").close()
    subprocess.run(["unshare", "--net", "mount", "--bind", "/proc/self/ns/net", p], check=True)
    try:
        namespace(box.config, "network", p)
        assert box.probe()["namespaces"]["net"] == os.stat(p).st_ino
    finally:
        kernel.umount(p)


# ---- names, sysctl, loopback

def test_hostname_and_domainname(box):
    before = os.uname().nodename
    box.config["hostname"] = "a-host.example"
    box.config["domainname"] = "the.domain"
    seen = box.probe()
    assert (seen["hostname"], seen["domainname"]) == ("a-host.example", "the.domain")
    assert os.uname().nodename == before


def test_names_without_uts_are_refused(box):
    without_namespace(box.config, "uts")
    box.refused("/hostname")
    box.config["domainname"] = box.config.pop("hostname")
    box.refused("/domainname")


def test_hostname_of_64_bytes(box):
    box.config["hostname"] = "h" * 64
    assert box.probe()["hostname"] == "h" * 64
    box.config["hostname"] = "h" * 65
    box.refused("/hostname")


def test_loopback_is_up_in_a_new_network_namespace(box):
    seen = box.probe(commands=["connect", "127.0.0.1", "4711", ",", "state"])
    assert set(seen["interfaces"]) >= {"lo"}
    assert seen["interfaces"]["lo"] & 1  # IFF_UP
    assert seen["results"][0]["ret"] == 0


def test_loopback_of_a_given_network_namespace_is_left_alone(box, holder):
    namespace(box.config, "network", holder("network")("network"))
    assert box.probe()["interfaces"]["lo"] & 1 == 0


@pytest.mark.parametrize("key,value", [
    ("net.ipv4.ip_forward", "1"), ("net/ipv4/ip_default_ttl", "99"), ("kernel.shmmax", "123456"),
    ("kernel.msgmax", "4096"), ("fs.mqueue.msg_max", "7"), ("kernel.domainname", "dom.example"),
    ("net.ipv4.conf.lo.forwarding", "1")])
def test_sysctl(box, key, value):
    path = "/proc/sys/" + key.replace(".", "/")
    before = kernel.read(path)
    box.linux["sysctl"] = {key: value}
    assert box.attack("open", path, "r")["text"] == value + "\n"
    assert kernel.read(path) == before


@pytest.mark.parametrize("key", ["kernel.core_pattern", "vm.swappiness", "fs.file-max", "kernel.hostname"])
def test_sysctl_of_the_host_is_refused(box, key):
    path = "/proc/sys/" + key.replace(".", "/")
    before = kernel.read(path)
    box.linux["sysctl"] = {key: "1"}
    box.refused("/linux/sysctl")
    assert kernel.read(path) == before


def test_sysctl_without_its_namespace_is_refused(box):
    box.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    without_namespace(box.config, "network")
    box.refused("/linux/sysctl", "network")


def test_sysctl_that_does_not_exist(box):
    box.linux["sysctl"] = {"net.ipv4.no_such_thing": "1"}
    box.refused("no_such_thing", "no such file")


def test_sysctl_value_that_the_kernel_refuses(box):
    box.linux["sysctl"] = {"net.ipv4.ip_default_ttl": "900"}
    box.refused("ip_default_ttl", "invalid argument")


# ---- user namespaces, by root

@pytest.mark.spec("CL-011")
def test_user_namespace(box):
    userns(box.config, 100000)
    box.process["user"] = {"uid": 5, "gid": 6, "additionalGids": [7]}
    seen = box.probe()
    assert (seen["uids"], seen["gids"], seen["groups"]) == ([5] * 4, [6] * 3, [7])
    assert seen["namespaces"]["user"] != here("user")
    assert seen["caps"]["bounding"] == 0x20000420


@pytest.mark.spec("CL-011")
def test_user_namespace_from_outside(box):
    userns(box.config, 100000)
    box.process["user"] = {"uid": 5, "gid": 6}
    pid = box.up()
    s = kernel.status(pid)
    assert s["Uid"].split() == ["100005"] * 4 and s["Gid"].split() == ["100006"] * 4
    assert kernel.read(f"/proc/{pid}/uid_map").split() == ["0", "100000", "65536"]
    assert kernel.read(f"/proc/{pid}/setgroups") == "allow\n"


def test_user_namespace_with_all_capabilities(box):
    userns(box.config, 100000)
    set_caps(box.process, ALL_CAPS, SETS)
    seen = box.probe()
    assert seen["caps"]["bounding"] == seen["caps"]["effective"] == (1 << 41) - 1


@pytest.mark.spec("CL-020", "CL-021", "CL-022")
def test_several_maps(box):
    namespace(box.config, "user")
    maps = [(0, 100000, 10), (10, 200000, 1), (1000, 300000, 5)]
    box.linux["uidMappings"] = [{"containerID": c, "hostID": h, "size": n} for c, h, n in maps]
    box.linux["gidMappings"] = list(reversed(box.linux["uidMappings"]))
    box.process["user"] = {"uid": 10, "gid": 1004}
    pid = box.up()
    text = [[int(x) for x in line.split()] for line in kernel.read(f"/proc/{pid}/uid_map").splitlines()]
    assert text == [list(m) for m in maps]
    assert kernel.status(pid)["Uid"].split()[0] == "200000"
    assert kernel.status(pid)["Gid"].split()[0] == "300004"


@pytest.mark.parametrize("change,words", [
    (lambda x: x.__setitem__("uidMappings", []), "/linux/uidMappings"),
    (lambda x: x["uidMappings"].append({"containerID": 5, "hostID": 1, "size": 1}), "/linux/uidMappings/1"),
    (lambda x: x["uidMappings"].append({"containerID": 70000, "hostID": 100001, "size": 1}), "/linux/uidMappings/1"),
    (lambda x: x["gidMappings"][0].update(size=0), "/linux/gidMappings/0"),
    (lambda x: x["gidMappings"][0].update(hostID=4294967290, size=10), "/linux/gidMappings/0"),
    (lambda x: x["uidMappings"][0].update(containerID=1), "/linux/uidMappings"),
    (lambda x: x.__setitem__("uidMappings", [{"containerID": i, "hostID": i, "size": 1} for i in range(341)]),
     "/linux/uidMappings"),
])
def test_maps_that_cannot_be(box, change, words):
    """T83."""
    userns(box.config, 100000)
    change(box.linux)
    box.refused(words)


def without_root(config):
    """Only user and group 1000 exist inside."""
    userns(config, 100000)
    for m in (config["linux"]["uidMappings"], config["linux"]["gidMappings"]):
        m[:] = [{"containerID": 1000, "hostID": 100000, "size": 1}]
    config["process"]["user"] = {"uid": 1000, "gid": 1000}
    for m in config["mounts"]:
        m["options"] = [o for o in m.get("options", []) if o != "gid=5"]


@pytest.mark.spec("CL-020")
def test_user_namespace_without_root(make_box):
    one, two = make_box(), make_box()
    for box in one, two:
        without_root(box.config)
    set_caps(one.process, ["CAP_KILL"], ["bounding", "permitted", "inheritable", "ambient", "effective"])
    pid = one.up()
    s = kernel.status(pid)
    assert s["Uid"].split() == s["Gid"].split() == ["100000"] * 4 and s["Groups"].split() == []
    assert int(s["CapEff"], 16) == int(s["CapBnd"], 16) == 1 << 5
    assert kernel.read(f"/proc/{pid}/uid_map").split() == ["1000", "100000", "1"]
    seen = one.exec().json()
    assert (seen["uids"], seen["gids"], seen["groups"]) == ([1000] * 4, [1000] * 3, [])
    one.exec("--user", "0").failed("become user 0", "not mapped")

    for x in two.linux["namespaces"]:
        if x["type"] == "user":
            x["path"] = f"/proc/{pid}/ns/user"
    del two.linux["uidMappings"], two.linux["gidMappings"]
    assert two.probe()["uids"] == [1000] * 4


def test_ids_that_are_not_mapped(box):
    userns(box.config, 100000, size=100)
    box.process["user"] = {"uid": 100, "gid": 0}
    box.refused("/process/user/uid")
    box.process["user"] = {"uid": 0, "gid": 100}
    box.refused("/process/user/gid")
    box.process["user"] = {"uid": 0, "gid": 0, "additionalGids": [5, 100]}
    box.refused("/process/user/additionalGids/1")


def test_maps_without_a_user_namespace(box):
    box.linux["uidMappings"] = [{"containerID": 0, "hostID": 0, "size": 1}]
    box.refused("/linux/uidMappings")


def test_devices_in_a_user_namespace_are_the_hosts(box):
    userns(box.config, 100000)
    r = box.probe(commands=["stat", "/dev/null", ",", "open", "/dev/null", "w", ",", "open", "/dev/zero", "r"])
    null, write, zero = r["results"]
    assert (null["rmajor"], null["rminor"]) == (1, 3)
    assert write["ret"] == 0 and zero["text"] == "\0" * 1024


def test_user_namespace_life(box):
    userns(box.config, 100000)
    box.up()
    assert box.status() == "running"
    assert box.exec("--user", "3").json()["uids"] == [3] * 4
    box.orlop("pause", box.id).ok()
    box.orlop("resume", box.id).ok()
    box.kill("TERM").ok()
    box.wait_stopped()
    box.delete().ok()


def test_namespace_twice(box):
    box.linux["namespaces"].append({"type": "pid"})
    box.refused("pid", "twice")


# ---- mappings beside a user namespace that is joined: what Podman writes for every container of a pod

@pytest.fixture
def pod(make_box):
    """A container with a user namespace of its own, and one that joins it, with these mappings."""
    first, second = make_box(), make_box()
    maps = [{"containerID": 0, "hostID": 100000, "size": 1000}, {"containerID": 1000, "hostID": 200000, "size": 50}]
    namespace(first.config, "user")
    first.linux["uidMappings"] = first.linux["gidMappings"] = maps
    pid = first.up()
    namespace(second.config, "user", f"/proc/{pid}/ns/user")
    return second, maps, pid


def cut(maps):
    """The same, in other lines and another order."""
    return [maps[1], {"containerID": 10, "hostID": 100010, "size": 990}, {"containerID": 0, "hostID": 100000, "size": 10}]


@pytest.mark.parametrize("given", ["both", "uid", "gid", "cut"])
def test_joined_user_namespace_with_its_own_mappings(pod, given):
    box, maps, pid = pod
    if given != "gid":
        box.linux["uidMappings"] = cut(maps) if given == "cut" else maps
    if given != "uid":
        box.linux["gidMappings"] = maps
    box.process["user"] = {"uid": 1003, "gid": 7}
    assert kernel.ns_inode(box.up(), "user") == kernel.ns_inode(pid, "user")
    assert kernel.status(box.pid)["Uid"].split()[0] == "200003"
    assert box.exec("--user", "0").json()["uids"] == [0] * 4


@pytest.mark.one_vm
@pytest.mark.parametrize("change", [{"hostID": 100001}, {"size": 999}, {"size": 1001, "containerID": 0}, {"containerID": 1}])
@pytest.mark.parametrize("which", ["uidMappings", "gidMappings"])
def test_joined_user_namespace_with_other_mappings(pod, which, change):
    box, maps, pid = pod
    box.linux[which] = [{**maps[0], **change}]
    box.process["user"] = {"uid": 1, "gid": 1}
    box.refused(f"/linux/{which}", "other mappings", "0 100000 1000, 1000 200000 50")


def test_joined_user_namespace_and_an_id_that_is_not_mapped(pod):
    box, maps, pid = pod
    box.linux["uidMappings"] = maps
    box.process["user"]["uid"] = 5000
    box.refused("/process/user/uid", "5000")


def with_no_more(kind):
    """As root of a user namespace in which there may be no namespaces of this kind."""
    return ["unshare", "-Urm", "sh", "-ec", f'echo 0 >/proc/sys/user/max_{kind}_namespaces; exec "$@"', "sh"]


@pytest.mark.parametrize("kind, said", [("uts", "clone3 the container process"), ("net", "clone3 the container process"),
                                        ("cgroup", "make a cgroup namespace"), ("time", "time namespace"), ("mnt", "namespace")])
def test_limit_on_namespaces_is_named(box, kind, said):
    """The kernel calls it ENOSPC."""
    for m in box.mounts:
        m["options"] = [o for o in m.get("options", []) if not o.startswith("gid=")]
    del box.linux["resources"]
    if kind == "time":
        box.linux["namespaces"].append({"type": "time"})
        box.linux["timeOffsets"] = {"boottime": {"secs": 10}}
    box.write()
    r = box.orlop("run", "--bundle", box.bundle, box.id, wrap=with_no_more(kind))
    r.failed(said, "No space left on device", "/proc/sys/user/max_*_namespaces")


def test_limit_on_mounts_is_named(box):
    box.run(wrap=["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=move_mount:error=ENOSPC:when=2"]).failed(
        "attach the mount", "No space left on device", "/proc/sys/fs/mount-max")
