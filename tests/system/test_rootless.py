# SPDX-License-Identifier: GPL-2.0-or-later
"""
Callers with less than all of root's power: another user with one id or with a range of them, root of
a user namespace, a read-only cgroup tree, missing capabilities.
The user is a bare number, 1000; nothing on the machine is changed: what newuidmap(1) reads is covered
by bind mounts in the mount namespace of the test run.
"""
import json
import os
import platform
import shutil
import subprocess

import pytest
from lib import config as conf
from lib import host, kernel
from lib.agent import Agent, go_on
from lib.box import PROGRAM, Box, Orlop, deadline

pytestmark = pytest.mark.kernel

UID = 1000
FIRST, COUNT = 100000, 65536
SETPRIV = ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups", "--"]


class As(Orlop):
    """Calls the program behind `always`, a command that changes who we are."""

    def __init__(self, tmp, always, owner=0):
        super().__init__(tmp)
        self.always = always
        self.owner = owner
        self.root = f"{tmp}/home/state"
        os.mkdir(f"{tmp}/home", 0o700)
        os.chown(f"{tmp}/home", owner, owner)
        os.chmod(tmp, 0o755)
        # Where it was built, other users may have no access.
        self.program = shutil.copy(PROGRAM, f"{tmp}/orlop")
        self.n_boxes = 0

    def popen(self, *args, wrap=(), program=None, **kw):
        return super().popen(*args, wrap=[*self.always, *wrap], program=program or self.program,
                             **kw)

    def box(self):
        """A bundle that the caller owns, with what `spec --rootless` writes for the caller."""
        self.n_boxes += 1
        box = Box(self, f"{host.TAG}less{self.n_boxes}")
        for path in [os.path.join(d, x) for d, dirs, files in os.walk(box.bundle)
                     for x in ["", *dirs, *files]]:
            os.chown(path, self.owner, self.owner, follow_symlinks=False)
        self("spec", "--rootless", "--bundle", box.bundle).ok()
        with open(f"{box.bundle}/config.json") as f:
            box.config = json.load(f)
        box.process, box.linux = box.config["process"], box.config["linux"]
        box.mounts = box.config["mounts"]
        box.process["terminal"] = False
        box.process["env"] = [conf.PATH]
        box.config["root"]["readonly"] = False
        box.args()
        return box


@pytest.fixture
def user(tmp):
    o = As(tmp, SETPRIV, UID)
    yield o
    o.clean()


def covered(tmp, name, text):
    path = f"{tmp}/{name}"
    with open(path, "w") as f:
        f.write(text)
    kernel.mount(path, f"/etc/{name}", None, kernel.MS["bind"])
    return f"/etc/{name}"


@pytest.fixture
def no_ranges(tmp):
    mounted = [covered(tmp, "subuid", ""), covered(tmp, "subgid", "")]
    yield
    for path in mounted:
        kernel.umount(path)


@pytest.fixture
def ranges(tmp):
    """For this test uid 1000 has a name and subordinate ids."""
    mounted = [covered(tmp, "passwd", "root:x:0:0::/:/bin/sh\n"
                       f"orlop-test:x:{UID}:{UID}::/:/bin/sh\n"),
               covered(tmp, "group", f"root:x:0:\norlop-test:x:{UID}:\n"),
               covered(tmp, "subuid", f"orlop-test:{FIRST}:{COUNT}\n"),
               covered(tmp, "subgid", f"orlop-test:{FIRST}:{COUNT}\n")]
    yield
    for path in mounted:
        kernel.umount(path)


def with_range(box, count=COUNT, first=FIRST):
    for what in ("uidMappings", "gidMappings"):
        box.linux[what] = [{"containerID": 0, "hostID": UID, "size": 1},
                           {"containerID": 1, "hostID": first, "size": count}]
    return box


# ---- one id ------------------------------------------------------------------------------------


def test_one_id(user):
    """The configuration of `spec --rootless` runs as it is."""
    seen = user.box().probe()
    assert seen["uids"] == [0, 0, 0, 0] and seen["gids"] == [0, 0, 0]
    assert seen["no_new_privs"] == 1


def test_one_id_that_is_not_root_inside(user):
    box = user.box()
    box.linux["uidMappings"][0]["containerID"] = box.linux["gidMappings"][0]["containerID"] = 7
    box.process["user"] = {"uid": 7, "gid": 7}
    box.up()
    seen = box.exec().json()
    assert seen["uids"] == [7] * 4 and seen["gids"] == [7] * 3


def test_one_id_from_outside(user):
    box = user.box()
    pid = box.up()
    status = kernel.status(pid)
    assert status["Uid"].split() == [str(UID)] * 4 and status["Gid"].split() == [str(UID)] * 4
    assert status["Groups"].split() == []
    assert kernel.read(f"/proc/{pid}/uid_map").split() == ["0", str(UID), "1"]
    assert kernel.read(f"/proc/{pid}/gid_map").split() == ["0", str(UID), "1"]
    assert kernel.read(f"/proc/{pid}/setgroups").strip() == "deny"
    for ns in ("user", "pid", "mount", "ipc", "uts", "cgroup"):
        assert kernel.ns_inode(pid, ns) != kernel.ns_inode("self", ns), ns
    assert kernel.ns_inode(pid, "network") == kernel.ns_inode("self", "network")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="system call numbers of x86-64")
def test_seccomp_agent(user):
    """The process, which may not be traced then, sends its listener itself; for exec, too."""
    box = user.box().args("pause")
    path = f"{box.bundle}/agent"
    box.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": path, "syscalls": [
        {"names": ["getppid", "prctl", "close"], "action": "SCMP_ACT_NOTIFY"}]}
    with Agent(path, lambda call: {"val": 4711} if call.nr == 110 else go_on(call)) as agent:
        os.chmod(path, 0o777)
        pid = box.up()
        assert box.exec("--", "syscall", 110).json()["results"][0]["ret"] == 4711
        assert agent.message()["pid"] == pid and len(agent.messages) == 2


def test_all_verbs(user):
    box = user.box().args("pause")
    box.create().ok()
    assert box.status() == "created"
    state = box.state()
    assert state["pid"] == box.pid and os.stat(f"/proc/{box.pid}").st_uid == UID
    box.start().ok()
    assert box.status() == "running"
    assert box.exec().json()["uids"] == [0, 0, 0, 0]
    assert box.exec("--", "exit", "5").rc == 5
    assert user("list", "--quiet").ok().out == f"{box.id}\n"
    user("ps", box.id).failed("no cgroup")
    box.delete().failed("running")
    box.kill("KILL").ok()
    box.wait_stopped()
    box.delete().ok()
    assert user.ids() == []
    st = os.stat(user.root)
    assert (st.st_uid, st.st_mode & 0o777) == (UID, 0o700)


def test_exit_status_and_signals(user):
    box = user.box()
    assert box.args("exit", "42").run().rc == 42
    p = box.args("catch").start_run()
    kernel.until(lambda: box.output() == "READY\n", deadline(10), "it runs")
    box.kill("USR1").ok()
    kernel.until(lambda: box.output() == "READY\n10\n", deadline(10), "the signal arrives")
    box.kill("KILL").ok()
    assert user.finish(p).rc == 128 + 9
    assert user.ids() == []


def test_terminal(user):
    box = user.box()
    box.process["terminal"] = True
    seen = box.probe()
    assert seen["dev_tty"] == "open" and all(f["tty"] for f in seen["fds"] if f["fd"] < 3)


def test_cgroup_manager_disabled(user):
    box = user.box()
    box.args("pause").write()
    user("--cgroup-manager", "disabled", "create", "--bundle", box.bundle, box.id).ok()
    user("start", box.id).ok()
    box.exec("--", "exit", "0").ok()
    box.kill("KILL").ok()
    box.wait_stopped()
    box.delete().ok()


def test_disabled_refuses_limits(user):
    box = user.box()
    box.linux["resources"] = {"pids": {"limit": 10}}
    box.write()
    user("--cgroup-manager", "disabled", "create", "--bundle", box.bundle, box.id).failed(
        "/linux/resources/pids/limit", "--cgroup-manager=disabled")
    assert user.ids() == []


def test_limit_without_delegation(user):
    """No cgroup of ours, so no limit: refused, not dropped."""
    box = user.box()
    box.linux["resources"] = {"pids": {"limit": 10}}
    box.refused("cgroup")


def test_rootfs_of_root(user):
    """All mount points exist: nothing has to be made in it. Others' files have no owner here."""
    box = user.box()
    subprocess.run(["chown", "-R", "0:0", box.rootfs], check=True)
    r = box.attack("stat", "/bin/probe")
    assert (r["uid"], r["gid"]) == (65534, 65534), r
    assert box.attack("touch", "/new")["errno"] == "EACCES"


def test_rootfs_of_root_without_mount_points(user):
    box = user.box()
    os.rmdir(f"{box.rootfs}/proc")
    subprocess.run(["chown", "-R", "0:0", box.rootfs], check=True)
    box.refused("/proc", "Permission denied")


def without_user_namespace(box):
    conf.without_namespace(box.config, "user")
    del box.linux["uidMappings"], box.linux["gidMappings"]
    return box


def maps(pid):
    return [kernel.read(f"/proc/{pid}/{name}_map").split() for name in ("uid", "gid")]


def test_without_user_namespace(user, no_ranges):
    """It is needed, so there is one: root in it is the caller."""
    box = without_user_namespace(user.box())
    pid = box.up()
    assert maps(pid) == [["0", str(UID), "1"]] * 2
    assert os.readlink(f"/proc/{pid}/ns/user") != os.readlink("/proc/self/ns/user")
    assert box.exec().json()["uids"] == [0] * 4
    box.delete("--force").ok()


def terminals(box, *options):
    """Give it such a mount, whatever it has."""
    box.config["mounts"] = [m for m in box.config["mounts"] if m["destination"] != "/dev/pts"]
    box.config["mounts"].append(conf.mount("/dev/pts", "devpts", "devpts", ["newinstance", "ptmxmode=0666", *options]))
    return f"/mounts/{len(box.config['mounts']) - 1}/options"


def test_without_user_namespace_the_group_of_terminals_is_left_out(user, no_ranges):
    """Configurations for root have it, and nobody asked for the namespace without it."""
    box = without_user_namespace(user.box())
    where = terminals(box, "mode=0620", "gid=5")
    r = box.run().ok()
    assert f"{where}: `gid=5` is left out" in r.err and "--rootless" in r.err, r
    r = box.orlop("check", box.bundle)
    assert r.rc == 2 and where in r.out, r


@pytest.mark.parametrize("type, word, member", [("devpts", "gid=5", "gidMappings"), ("tmpfs", "uid=7", "uidMappings")])
def test_an_owner_that_is_not_mapped(user, no_ranges, type, word, member):
    box = user.box()
    box.config["mounts"].append(conf.mount("/mnt", type, type, ["nosuid", word]))
    where = f"/mounts/{len(box.config['mounts']) - 1}/options/1"
    box.run().failed("is not mapped", member, "leave the option out", where)
    r = box.orlop("check", box.bundle)
    assert r.rc == 1 and where in r.out, r


def test_without_user_namespace_but_with_ranges(user, ranges):
    """Then what `spec` writes for root runs as it is, and other users are there."""
    box = without_user_namespace(user.box())
    user("spec", "--bundle", f"{user.tmp}/home").ok()
    with open(f"{user.tmp}/home/config.json") as f:
        box.config.update(json.load(f), root=box.config["root"])
    box.process, box.linux = box.config["process"], box.config["linux"]
    box.process["terminal"] = False
    box.process["user"] = {"uid": 5, "gid": 6, "additionalGids": [7]}
    pid = box.up()
    assert maps(pid) == [["0", str(UID), "1", "1", str(FIRST), str(COUNT)]] * 2
    assert kernel.status(pid)["Uid"].split() == [str(FIRST + 4)] * 4
    assert box.exec().json()["uids"] == [5] * 4


@pytest.mark.parametrize("ids, where", [({"uid": 5, "gid": 0}, "uid"), ({"uid": 0, "gid": 5}, "gid")])
def test_without_user_namespace_an_id_without_a_place(user, no_ranges, ids, where):
    box = without_user_namespace(user.box())
    box.process["user"] = ids
    box.refused(f"/process/user/{where}", f"/etc/sub{where}")


def test_without_user_namespace_and_a_joined_one(user):
    """What is joined stays as it is."""
    box = without_user_namespace(user.box())
    box.linux["namespaces"].append({"type": "user", "path": "/proc/self/ns/user"})
    box.refused("namespaces")


def test_ids_of_others(user, no_ranges):
    """A range without an entry in subuid(5): the helper says no."""
    r = with_range(user.box()).refused("/linux/gidMappings", "newgidmap", "/etc/subgid")
    assert "/usr/bin/newgidmap" in r.err


def test_root_mapped(user):
    """Host root is nobody's to map."""
    box = user.box()
    box.linux["uidMappings"][0]["hostID"] = box.linux["gidMappings"][0]["hostID"] = 0
    box.refused("Mappings")


def test_groups_cannot_be_dropped(user):
    """setgroups(2) is denied with one id: supplementary groups are refused."""
    box = user.box()
    box.process["user"]["additionalGids"] = [0]
    box.refused("/process/user/additionalGids")


def test_state_root_of_the_session(user):
    """Without --root: $XDG_RUNTIME_DIR/orlop."""
    runtime = f"{user.tmp}/home/run"
    os.mkdir(runtime, 0o700)
    os.chown(runtime, UID, UID)
    box = user.box().args("pause")
    box.write()

    def call(*args):
        r = subprocess.run([*SETPRIV, user.program, *args], capture_output=True, text=True,
                           stdin=subprocess.DEVNULL, timeout=deadline(20),
                           env={"PATH": user.env["PATH"], "XDG_RUNTIME_DIR": runtime})
        assert r.returncode == 0, r
        return r.stdout

    os.close(os.open(f"{user.tmp}/out", os.O_CREAT | os.O_WRONLY))
    with open(f"{user.tmp}/out", "w") as out:  # a pipe would be kept open by the container
        subprocess.run([*SETPRIV, user.program, "create", "--bundle", box.bundle, box.id],
                       stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=True,
                       env={"PATH": user.env["PATH"], "XDG_RUNTIME_DIR": runtime})
    assert os.listdir(f"{runtime}/orlop") == [box.id]
    assert json.loads(call("state", box.id))["status"] == "created"
    call("delete", "--force", box.id)
    assert os.listdir(f"{runtime}/orlop") == []


def test_no_state_root(user):
    r = subprocess.run([*SETPRIV, user.program, "list"], capture_output=True, text=True, env={})
    if not os.path.isdir(f"/run/user/{UID}"):
        assert r.returncode == 1 and "XDG_RUNTIME_DIR" in r.stderr and "--root" in r.stderr


def test_state_root_of_no_session(user):
    """Only systemd can make the directory of a session."""
    box = user.box()
    box.write()
    r = subprocess.run([*SETPRIV, user.program, "--root", "/run/user/4242/orlop", "run", "--bundle", box.bundle, box.id],
                       capture_output=True, text=True, env={"PATH": user.env["PATH"]})
    assert r.returncode == 1 and "/run/user/4242/orlop: permission denied" in r.stderr and "loginctl enable-linger" in r.stderr, r


# ---- ranges ------------------------------------------------------------------------------------


def test_range(user, ranges):
    box = with_range(user.box())
    box.process["user"] = {"uid": 33, "gid": 44, "additionalGids": [5, 100]}
    os.chmod(box.rootfs, 0o777)
    box.process["capabilities"] = {}
    seen = box.probe(commands=["touch", "/mine", ",", "state"])
    assert seen["uids"][:3] == [33] * 3 and seen["gids"] == [44] * 3
    assert sorted(seen["groups"]) == [5, 100]
    st = os.stat(f"{box.rootfs}/mine")
    assert (st.st_uid, st.st_gid) == (FIRST + 32, FIRST + 43)


def test_range_from_outside(user, ranges):
    box = with_range(user.box())
    pid = box.up()
    assert kernel.read(f"/proc/{pid}/uid_map").split() == ["0", str(UID), "1", "1", str(FIRST),
                                                          str(COUNT)]
    assert kernel.read(f"/proc/{pid}/setgroups").strip() == "allow"
    assert box.exec("--user", "7:8").json()["uids"][:3] == [7, 7, 7]


def test_range_terminal_in_group_tty(user, ranges):
    box = with_range(user.box())
    for m in box.mounts:
        if m["destination"] == "/dev/pts":
            m["options"].append("gid=5")
    box.process["terminal"] = True
    box.process["user"] = {"uid": 33, "gid": 33}
    seen = box.probe()
    assert {(f["uid"], f["gid"]) for f in seen["fds"] if f["fd"] < 3} == {(33, 5)}


def test_more_than_the_range(user, ranges):
    with_range(user.box(), count=COUNT + 1).refused("/linux/gidMappings", "newgidmap")


def test_hostile_path(user, ranges, tmp):
    """T83: the helpers are found without PATH, and run without the caller's environment."""
    os.mkdir(f"{tmp}/evil")
    for name in ("newuidmap", "newgidmap"):
        with open(f"{tmp}/evil/{name}", "w") as f:
            f.write(f"#!/bin/sh\necho $0 >{tmp}/home/fooled\n")
        os.chmod(f"{tmp}/evil/{name}", 0o755)
    box = with_range(user.box())
    box.run(env={"PATH": f"{tmp}/evil:{user.env['PATH']}"}).ok()
    assert not os.path.exists(f"{tmp}/home/fooled")


def test_limits_of_a_map(box):
    """T83: what the kernel would refuse, or take for something else, is refused before."""
    for mappings, words in (
            ([(0, 100000, 0)], ["size"]), ([(0, 100000, 10), (5, 200000, 10)], ["twice"]),
            ([(0, 100000, 10), (10, 100005, 10)], ["twice"]),
            ([(0, 4294967290, 10)], ["4294967294"]), ([(4294967290, 100000, 10)], ["4294967294"]),
            ([(1, 100000, 10)], ["0"]), ([(i, 100000 + i, 1) for i in range(341)], ["340"])):
        conf.userns(box.config)
        box.linux["uidMappings"] = [{"containerID": a, "hostID": b, "size": c}
                                    for a, b, c in mappings]
        box.refused("/linux/uidMappings" if words != ["0"] else "uid", *words)


# ---- root of a user namespace ------------------------------------------------------------------


def nested(tmp, *unshare):
    return As(tmp, ["unshare", *unshare])


def plain(box):
    """The default configuration, less what one id cannot have: the group of terminals."""
    default = conf.default()
    for m in default["mounts"]:
        m["options"] = [o for o in m.get("options", []) if not o.startswith("gid=")]
    del default["linux"]["resources"]
    box.config.clear()
    box.config.update(default)
    box.process, box.linux, box.mounts = default["process"], default["linux"], default["mounts"]
    return box.args()


@pytest.mark.parametrize("unshare", [("-Ur",), ("-Urm",)], ids=" ".join)
def test_nested_without_another(tmp, unshare):
    """Root there may make every namespace but needs none for users."""
    o = nested(tmp, *unshare)
    box = plain(o.box())
    seen = box.probe()
    assert seen["uids"] == [0, 0, 0, 0]
    o.clean()


def test_nested_twice(tmp):
    """A user namespace in the user namespace, by the rootless configuration."""
    o = nested(tmp, "-Ur")
    box = o.box()
    assert box.probe()["uids"] == [0, 0, 0, 0]
    box.args("exit", "3")
    assert box.run().rc == 3
    o.clean()


def test_nested_in_a_users_namespace(tmp):
    """As `unshare -Ur` of an ordinary user: the root of engines without a helper."""
    o = As(tmp, [*SETPRIV, "unshare", "-Urm"], UID)
    box = plain(o.box())
    assert box.probe()["uids"] == [0, 0, 0, 0]
    assert o.ids() == []


def test_nested_ids_that_are_not_there(tmp):
    o = nested(tmp, "-Ur")
    box = o.box()
    conf.userns(box.config)
    box.refused("Mappings")
    o.clean()


# ---- cgroups of the caller's own ---------------------------------------------------------------


@pytest.fixture
def delegated():
    """A cgroup that belongs to the user, with one below it for the user's processes."""
    top = f"{host.CGROUP}/{host.TAG}user"
    for path in (top, f"{top}/session"):
        os.mkdir(path)
        for name in ("", "/cgroup.procs", "/cgroup.subtree_control", "/cgroup.threads"):
            os.chown(path + name, UID, UID)
    # what systemd has done for the slices of users
    with open(f"{host.CGROUP}/cgroup.subtree_control", "w") as f:
        f.write(" ".join(f"+{c}" for c in host.controllers()))
    yield top
    for d, dirs, _ in os.walk(top, topdown=False):
        os.rmdir(d)


def update(user, box, document):
    path = f"{box.bundle}/resources.json"
    with open(path, "w") as f:
        json.dump(document, f)
    return user("update", "--resources", path, box.id)


def enter(path):
    def inside():
        with open(f"{path}/cgroup.procs", "w") as f:
            f.write("0")
    return inside


@pytest.mark.needs_controllers("hugetlb")
@pytest.mark.parametrize("given, where", [(None, "orlop/{id}"), ("a/b", "orlop/a/b"),
                                          ("/{tag}user/mine", "mine")])
def test_cgroup_below_the_callers_own(user, delegated, given, where):
    """Beside that of the caller, which holds processes: there limits can be had, and pause works."""
    box = user.box()
    if given:
        box.linux["cgroupsPath"] = given.format(tag=host.TAG)
    box.linux["resources"] = {"hugepageLimits": [{"pageSize": "2MB", "limit": 4 << 20}]}
    box.args("pause").write()
    caller = {"preexec_fn": enter(f"{delegated}/session")}
    user("create", "-b", box.bundle, "--pid-file", box.pid_file, box.id, **caller).ok()
    path = f"{delegated}/{where.format(id=box.id)}"
    assert kernel.read(f"{path}/cgroup.procs").split() == [str(box.pid)]
    assert kernel.read(f"{path}/hugetlb.2MB.max").strip() == str(4 << 20)
    box.start(**caller).ok()
    user("pause", box.id).ok()
    assert "frozen 1" in kernel.read(f"{path}/cgroup.events")
    user("resume", box.id).ok()
    box.exec(**caller).ok()
    update(user, box, {"hugepageLimits": [{"pageSize": "2MB", "limit": 6 << 20}], "devices": []}).ok()
    assert kernel.read(f"{path}/hugetlb.2MB.max").strip() == str(6 << 20)
    update(user, box, {"hugepageLimits": [{"pageSize": "2MB", "limit": 2 << 20}], "unified": {"cgroup.max.depth": "x"}}) \
        .failed("/unified/cgroup.max.depth", "before it is undone")
    assert kernel.read(f"{path}/hugetlb.2MB.max").strip() == str(6 << 20)
    box.delete("--force").ok()
    assert not os.path.exists(path) and os.listdir(f"{delegated}/session")
    assert not os.path.exists(f"{delegated}/orlop")


def test_cgroup_when_only_the_callers_own_is_delegated(user, delegated):
    """As in a service with Delegate=yes: below it, but as it holds us, without a limit."""
    for name in ("", "/cgroup.procs"):
        os.chown(delegated + name, 0, 0)
    box = user.box()
    box.args("pause").write()
    caller = {"preexec_fn": enter(f"{delegated}/session")}
    user("create", "-b", box.bundle, "--pid-file", box.pid_file, box.id, **caller).ok()
    assert kernel.read(f"{delegated}/session/orlop/{box.id}/cgroup.procs").split() == [str(box.pid)]
    user("pause", box.id).ok()
    box.delete("--force").ok()
    box.linux["resources"] = {"hugepageLimits": [{"pageSize": "2MB", "limit": 4 << 20}]}
    box.write()
    watch = kernel.Watch(f"{delegated}/session")
    user("create", "-b", box.bundle, box.id, **caller).failed("/session", "processes are in")
    assert watch.made() == []


@pytest.mark.needs_controllers("hugetlb")
@pytest.mark.parametrize("path", [None, f"/{host.TAG}user/a/b"])
def test_controller_is_not_delegated(user, delegated, path):
    """Nothing is made before the limit is refused; without the limit it runs there."""
    os.chown(f"{delegated}/cgroup.subtree_control", 0, 0)
    caller = {"preexec_fn": enter(f"{delegated}/session")}
    box = user.box()
    if path:
        box.linux["cgroupsPath"] = path
    box.linux["resources"] = {"hugepageLimits": [{"pageSize": "2MB", "limit": 4 << 20}]}
    box.args("pause").write()
    watch = kernel.Watch(delegated)
    user("create", "-b", box.bundle, box.id, **caller).failed(
        "/linux/resources/hugepageLimits", "hugetlb", os.path.basename(delegated), "not delegated", "Delegate=")
    assert watch.made() == []
    box.linux["resources"] = {}
    box.write()
    watch = kernel.Watch(delegated)
    user("create", "-b", box.bundle, box.id, **caller).ok()
    assert watch.made() == ["a" if path else "orlop"]
    box.delete("--force").ok()


def test_no_cgroup_is_delegated(user):
    box = user.box()
    box.args("pause").write()
    user("create", "-b", box.bundle, box.id).ok()
    user("pause", box.id).failed("no cgroup")
    update(user, box, {"pids": {"limit": 5}}).failed("no cgroup")


# ---- cgroups that cannot be written ------------------------------------------------------------


READ_ONLY = ["unshare", "-m", "sh", "-ec",
             "while read -r _ _ _ _ at _; do case $at in /sys/fs/cgroup*) "
             "mount -o remount,bind,ro \"$at\";; esac; done </proc/self/mountinfo; "
             "exec \"$@\"", "sh"]


def test_read_only_cgroup_tree(box):
    """As in a container of somebody else's; root asks for a cgroup and cannot have one."""
    box.args("state")
    r = box.run(wrap=READ_ONLY)
    r.failed("cgroup", "Read-only file system")
    box.linux["resources"] = {}
    box.write()
    seen = box.orlop("--cgroup-manager=disabled", "run", "--bundle", box.bundle, box.id,
                     wrap=READ_ONLY).json()
    assert seen["uids"] == [0, 0, 0, 0]


def test_read_only_cgroup_tree_rootless(user):
    """A rootless caller does not depend on it."""
    box = user.box()
    inner = " ".join(SETPRIV)
    wrap = [*READ_ONLY[:4], READ_ONLY[4].replace('exec "$@"', f'exec {inner} "$@"'), "sh"]
    user.always = []
    assert box.run(wrap=wrap).json()["uids"] == [0, 0, 0, 0]
    user.always = SETPRIV


# ---- root without some capability --------------------------------------------------------------


def test_without_cap_sys_resource(box):
    less = ["setpriv", "--bounding-set=-sys_resource", "--"]
    box.args("state")
    seen = box.run(wrap=less).json()
    assert seen["uids"] == [0, 0, 0, 0]
    box.process["oomScoreAdj"] = -500
    box.refused("/process/oomScoreAdj", "CAP_SYS_RESOURCE", wrap=less)
    del box.process["oomScoreAdj"]
    box.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 10 ** 9, "hard": 10 ** 9}]
    box.refused("/process/rlimits/0", wrap=less)
    with open("/proc/self/oom_score_adj") as f:
        if f.read().strip() != "1000":
            box.process["rlimits"] = []
            box.process["oomScoreAdj"] = 1000
            assert box.run(wrap=less).rc == 0


def test_without_cap_sys_admin(box):
    less = ["setpriv", "--bounding-set=-sys_admin", "--"]
    box.refused("/linux/namespaces", "CAP_SYS_ADMIN", wrap=less)


def test_without_any_capability(tmp):
    """uid 0 without power is less than another user: it may not even map itself (since 5.12)."""
    o = As(tmp, ["setpriv", "--bounding-set=-all", "--"])
    o.box().refused("/linux/uidMappings", "Operation not permitted")
    o.always = ["setpriv", "--bounding-set=-all,+setfcap", "--"]
    assert o.box().probe()["uids"] == [0, 0, 0, 0]
    assert o.ids() == []


@pytest.mark.parametrize("options", [[], ["rw"]])
def test_cgroup_mount_without_a_namespace_is_never_writable(tmp, options):
    """CVE-2023-25809: the cgroups of all that its user has would be."""
    o = As(tmp, [*SETPRIV, "unshare", "-Urm"], UID)
    box = plain(o.box())
    conf.without_namespace(box.config, "cgroup")
    box.mounts[-1]["options"] = options
    box.args("mkdir", "/sys/fs/cgroup/x", ",", "open", "/sys/fs/cgroup/cgroup.procs", "r")
    made, procs = box.run().json()["results"]
    assert made["errno"] == "EROFS" and procs["ret"] >= 0
