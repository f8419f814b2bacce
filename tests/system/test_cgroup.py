# SPDX-License-Identifier: GPL-2.0-or-later
"""
Control groups: where the container is, what limits do to it, and what remains: nothing.
Beside version 1 cgroup2 has only the hugetlb controller; the limits themselves are tested in the
virtual machine, by their effect (threats.md T59, T91, T92, T94, T103, T104).
"""
import os
import random
import signal
import subprocess
import time

import pytest
from lib import config as conf
from lib import host, kernel
from lib.box import deadline, stop, timed

pytestmark = pytest.mark.kernel

ROOT = host.CGROUP
TAG = host.TAG
MIB = 1 << 20
ONCE = pytest.mark.needs_native("the same on every host, and slow where it is emulated")


def cgroup_of(pid):
    """The path in cgroup2, as the host sees it."""
    lines = [x for x in kernel.read(f"/proc/{pid}/cgroup").splitlines() if x.startswith("0::")]
    return lines[0][3:]


def value(box, file, path=None):
    return kernel.read(f"{ROOT}{path or '/orlop/' + box.id}/{file}").strip()


def keys(box, file):
    return {k: int(v) for k, v in (x.split() for x in value(box, file).splitlines())}


def limits(box, **resources):
    box.linux["resources"].update(resources)
    return box


def cpu_seconds(pid):
    return sum(map(int, kernel.stat_fields(pid)[11:13])) / os.sysconf("SC_CLK_TCK")


# ---- where -------------------------------------------------------------------------------------


@pytest.mark.one_vm
@pytest.mark.parametrize("path, expected", [
    (None, "/orlop/{id}"), ("{tag}rel", "/orlop/{tag}rel"), ("/{tag}abs", "/{tag}abs"),
    ("/{tag}deep/a/b/c", "/{tag}deep/a/b/c"), ("{tag}rel/x//y/", "/orlop/{tag}rel/x/y"),
    ("/{tag}dots/./x", "/{tag}dots/x"), ("a.slice:{tag}:x", "/orlop/a.slice:{tag}:x"),
])
@pytest.mark.case("T94")
def test_path(box, path, expected):
    """The process is there from its first instruction, and all that was made is gone later."""
    names = {"id": box.id, "tag": TAG}
    if path:
        box.linux["cgroupsPath"] = path.format(**names)
    expected = expected.format(**names)
    conf.without_namespace(box.config, "cgroup")
    assert f"0::{expected}\n" in box.probe()["cgroup"]
    assert not os.path.exists(ROOT + expected)
    pid = box.up()
    assert cgroup_of(pid) == expected
    assert str(pid) in value(box, "cgroup.procs", expected).split()


def test_seen_from_inside(box):
    """With a cgroup namespace the container's cgroup is its root."""
    seen = box.probe(commands=["open", "/sys/fs/cgroup/cgroup.procs", "r", ",",
                               "list", "/sys/fs/cgroup", ",", "state"])
    assert "0::/\n" in seen["cgroup"]
    assert "1" in seen["results"][0]["text"].split()
    assert "cgroup.type" in seen["results"][1]["names"], "not the root of the host"


def test_seen_from_inside_without_cgroup_namespace(box):
    conf.without_namespace(box.config, "cgroup")
    seen = box.probe(commands=["open", f"/sys/fs/cgroup/orlop/{box.id}/cgroup.procs", "r", ",",
                               "list", f"/sys/fs/cgroup/orlop/{box.id}", ",", "state"])
    assert f"0::/orlop/{box.id}\n" in seen["cgroup"]
    assert seen["results"][0]["ret"] >= 0, seen
    assert "cgroup.type" in seen["results"][1]["names"]


@pytest.mark.case("T91")
def test_walls(box):
    """T91: read-only unless asked otherwise, and no way up."""
    conf.set_caps(box.process, conf.ALL_CAPS)
    box.linux["resources"]["devices"] = []
    r = box.probe(commands=["write", "/sys/fs/cgroup/cgroup.procs", "1", ",",
                            "mkdir", "/sys/fs/cgroup/x", ",", "list", "/sys/fs/cgroup/..", ",",
                            "list", "/sys/fs"])["results"]
    assert r[0]["errno"] == r[1]["errno"] == "EROFS", r
    assert r[2]["names"] == r[3]["names"], "'..' of the mount leads elsewhere"


@pytest.mark.case("T91")
def test_own_tree_when_writable(box):
    """Mounted rw the container may divide its cgroup; what it made is removed with it."""
    m = [m for m in box.mounts if m["destination"] == "/sys/fs/cgroup"][0]
    m["options"] = ["nosuid", "noexec", "nodev", "relatime"]
    box.args("mkdir", "/sys/fs/cgroup/a", ",", "mkdir", "/sys/fs/cgroup/a/b", ",",
             "mkdir", "/sys/fs/cgroup/c", ",", "write", "/sys/fs/cgroup/a/b/cgroup.procs", "0", ",",
             "state")
    r = box.run("--keep").json()
    assert all(x["ret"] >= 0 for x in r["results"]), r["results"]
    assert "0::/a/b\n" in r["cgroup"]
    assert os.path.isdir(f"{ROOT}/orlop/{box.id}/a/b")
    box.delete().ok()
    assert not os.path.exists(f"{ROOT}/orlop/{box.id}")


def test_existing_cgroup_is_kept(box):
    """What was there before is not ours to remove; what is made below is."""
    path = f"/{TAG}mine"
    os.mkdir(ROOT + path)
    try:
        for below in ("", "/sub"):
            box.linux["cgroupsPath"] = path + below
            pid = box.up()
            assert cgroup_of(pid) == path + below
            box.delete("--force").ok()
            assert os.path.isdir(ROOT + path) and not os.path.exists(f"{ROOT}{path}/sub")
    finally:
        os.rmdir(ROOT + path)


def test_cgroup_with_processes_is_refused(box):
    """Nobody is limited, killed or joined by accident."""
    path = f"/{TAG}theirs"
    os.mkdir(ROOT + path)
    p = subprocess.Popen(["sleep", "1000"])
    host.POPEN.add(p.pid)
    try:
        with open(f"{ROOT}{path}/cgroup.procs", "w") as f:
            f.write(str(p.pid))
        box.linux["cgroupsPath"] = path
        box.refused(path, "container's cgroup is not empty", "holds processes")
        assert p.poll() is None and value(box, "cgroup.freeze", path) == "0"
    finally:
        stop(p)
        kernel.until(lambda: not value(box, "cgroup.procs", path), 5, "empty")
        os.rmdir(ROOT + path)


def test_cgroup_of_another_container_is_refused(box, make_box):
    other = make_box()
    box.linux["cgroupsPath"] = other.linux["cgroupsPath"] = f"/{TAG}shared"
    pid = box.up()
    other.refused("holds processes")
    assert box.state()["pid"] == pid


def test_frozen_cgroup_is_refused(box):
    """What is cloned into one never runs: an error instead of a hang."""
    path = f"/{TAG}frozen"
    os.mkdir(ROOT + path)
    try:
        with open(f"{ROOT}{path}/cgroup.freeze", "w") as f:
            f.write("1")
        box.linux["cgroupsPath"] = f"{path}/sub"
        took, r = timed(box.refused, "frozen")
        assert took < deadline(3), r
    finally:
        os.rmdir(ROOT + path)


@ONCE
@pytest.mark.parametrize("path", ["../../x", "/../x", "/a/../../b", "a/..", "/", ".", "/orlop",
                                  "/a\nb", "/" + "d/" * 2500])
def test_impossible_path(box, path):
    """T59."""
    box.linux["cgroupsPath"] = path
    box.refused("/linux/cgroupsPath")


@pytest.fixture
def killed_cgroup():
    """An empty one that was killed as a whole: since Linux 6.14 what is cloned from it into another one dies at once."""
    path = f"{ROOT}/{TAG}killed"
    os.mkdir(path)
    with open(f"{path}/cgroup.kill", "w") as f:
        f.write("1")
    yield path
    os.rmdir(path)


@pytest.mark.parametrize("user", [False, True], ids=["host's users", "user namespace"])
def test_from_a_cgroup_that_was_killed(box, killed_cgroup, user):
    wrap = ["sh", "-c", f'echo $$ >{killed_cgroup}/cgroup.procs; exec "$@"', "sh"]
    conf.without_namespace(box.config, "cgroup")
    if user:
        conf.userns(box.config, 0)
    box.args("pause")
    box.create(wrap=wrap).ok()
    box.start(wrap=wrap).ok()
    assert kernel.read(f"/proc/{box.pid}/cgroup").endswith(f"0::/orlop/{box.id}\n")
    r = box.exec("--", "state", wrap=wrap)
    assert f"0::/orlop/{box.id}\n" in r.json()["cgroup"]


def test_from_a_killed_cgroup_into_a_joined_user_namespace(box, make_box, killed_cgroup):
    """Where the process is made by another one that has joined."""
    wrap = ["sh", "-c", f'echo $$ >{killed_cgroup}/cgroup.procs; exec "$@"', "sh"]
    conf.userns(box.config, 0)
    box.args("pause").up()
    second = make_box()
    conf.userns(second.config, 0)
    for x in second.linux["namespaces"]:
        if x["type"] == "user":
            x["path"] = f"/proc/{box.pid}/ns/user"
    for key in ("uidMappings", "gidMappings"):
        second.linux.pop(key, None)
    second.args("pause").create(wrap=wrap).ok()
    second.start(wrap=wrap).ok()
    assert kernel.read(f"/proc/{second.pid}/cgroup").endswith(f"/orlop/{second.id}\n")
    assert os.readlink(f"/proc/{second.pid}/ns/user") == os.readlink(f"/proc/{box.pid}/ns/user")


@pytest.mark.parametrize("hook", ["prestart", "createRuntime"])
def test_hooks_of_a_container_from_a_killed_cgroup(box, killed_cgroup, hook):
    """It runs once, for a process that lives."""
    wrap = ["sh", "-c", f'echo $$ >{killed_cgroup}/cgroup.procs; exec "$@"', "sh"]
    conf.without_namespace(box.config, "cgroup")
    text = (f"sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/' >{box.bundle}/pid; "
            f"cat /proc/$(cat {box.bundle}/pid)/cgroup >>{box.bundle}/log")
    box.config["hooks"] = {hook: [{"path": "/bin/sh", "args": ["sh", "-c", text]}]}
    box.args("pause").create(wrap=wrap).ok()
    assert int(kernel.read(f"{box.bundle}/pid")) == box.pid
    assert kernel.read(f"{box.bundle}/log").splitlines()[-1] == f"0::/orlop/{box.id}"
    assert kernel.read(f"{box.bundle}/log").count("0::") == 1


def test_into_a_cgroup_that_was_killed(box, killed_cgroup):
    box.linux["cgroupsPath"] = killed_cgroup.removeprefix(ROOT)
    conf.without_namespace(box.config, "cgroup")
    box.args("pause").create().ok()
    assert kernel.read(f"/proc/{box.pid}/cgroup").endswith(f"0::/{TAG}killed\n")
    box.delete("--force").ok()


def test_removed_by_somebody_else(box):
    """The cgroup is gone, or another one has its name: delete does not touch it."""
    box.up()
    box.kill("KILL").ok()
    box.wait_stopped()
    path = f"{ROOT}/orlop/{box.id}"
    kernel.until(lambda: "populated 0" in kernel.read(f"{path}/cgroup.events"), 5, "empty")
    os.rmdir(path)
    os.makedirs(path)
    try:
        box.delete().ok()
        assert os.path.isdir(path)
    finally:
        os.rmdir(path)


@ONCE
def test_parallel_in_one_parent(make_box):
    """
    The directory above, made by the first, comes and goes while others use it, and goes with the last.
    """
    boxes = [make_box() for _ in range(6)]
    for b in boxes:
        b.linux["cgroupsPath"] = f"/{TAG}parent/{b.id}"
        b.args("exit", "0").write()
    for _ in range(3):
        running = [b.orlop.popen("run", "--bundle", b.bundle, b.id) for b in boxes]
        for b, p in zip(boxes, running):
            b.orlop.finish(p).ok()
    assert not os.path.exists(f"{ROOT}/{TAG}parent")


# ---- exec --------------------------------------------------------------------------------------


def test_exec_is_in_the_same_cgroup(box):
    conf.without_namespace(box.config, "cgroup")
    box.up()
    assert f"0::/orlop/{box.id}\n" in box.exec().json()["cgroup"]


def test_exec_follows_the_first_process(box):
    """The host's ruler has moved it, and removed what we made."""
    box.up()
    made, other = f"{host.CGROUP}/orlop/{box.id}", f"{host.CGROUP}/{host.TAG}elsewhere"
    os.mkdir(other)
    try:
        with open(f"{other}/cgroup.procs", "w") as f:
            f.write(str(box.pid))
        os.rmdir(made)
        p = box.orlop.popen("exec", "--pid-file", f"{box.bundle}/exec.pid", box.id, "/bin/probe", "pause")
        kernel.until(lambda: kernel.read(f"{box.bundle}/exec.pid"), deadline(5), "it runs")
        pid = kernel.read(f"{box.bundle}/exec.pid")
        assert kernel.read(f"/proc/{pid}/cgroup").endswith(f"0::/{host.TAG}elsewhere\n")
        os.kill(int(pid), 9)
        r = box.orlop.finish(p)
        assert r.rc == 137 and f"/orlop/{box.id}, is gone" in r.err and f"{host.TAG}elsewhere" in r.err
        with open(f"{other}/cgroup.freeze", "w") as f:
            f.write("1")
        box.exec("--", "/bin/probe", "true").failed("frozen", f"{host.TAG}elsewhere")
        with open(f"{other}/cgroup.freeze", "w") as f:
            f.write("0")
        box.exec("--cgroup", "sub", "--", "/bin/probe", "true").failed("cgroup")
        box.delete("--force").ok()
    finally:
        kernel.until(lambda: "populated 0" in kernel.read(f"{other}/cgroup.events"), deadline(5))
        os.rmdir(other)


def test_exec_in_a_sub_cgroup(box):
    conf.without_namespace(box.config, "cgroup")
    box.up()
    path = f"{ROOT}/orlop/{box.id}/sub"
    os.mkdir(path)
    assert f"0::/orlop/{box.id}/sub\n" in box.exec("--cgroup", "sub").json()["cgroup"]
    assert f"0::/orlop/{box.id}/sub\n" in box.exec("--cgroup", "/sub").json()["cgroup"]
    box.exec("--cgroup", "nowhere").failed("sub-cgroup nowhere", "no such file")
    for bad in ("../..", "sub/../..", "/../" + box.id):
        box.exec("--cgroup", bad).failed("bad sub cgroup path", bad, "leads out of", f" {bad} is not a sub cgroup path")


@pytest.mark.parametrize("lists", [["cpu:sub"], ["cpu,memory:sub"], ["cpu,cpuacct:/sub", "memory:/sub"],
                                   ["name=systemd:sub"], ["pids:sub", "io,blkio:sub", "devices,freezer:sub"]])
def test_exec_in_a_sub_cgroup_by_lists_of_controllers(box, lists):
    """As runc has them; in cgroup v2 there is one path for all."""
    conf.without_namespace(box.config, "cgroup")
    box.up()
    os.mkdir(f"{ROOT}/orlop/{box.id}/sub")
    options = [word for text in lists for word in ("--cgroup", text)]
    assert f"0::/orlop/{box.id}/sub\n" in box.exec(*options).json()["cgroup"]


@pytest.mark.one_vm
@pytest.mark.parametrize("lists,words", [
    (["whaaat:/"], ["unknown controller whaaat"]), ([":sub"], ["without a name"]), (["cpu,:sub"], ["without a name"]),
    (["cpu:sub", "cpu,memory:sub"], ["twice", "cpu"]), (["cpu:sub", "memory:other"], ["one tree", "sub"]),
    (["sub", "cpu:sub"], ["several"]), (["cpu:"], ["path is missing"]), (["cpu:../.."], ["is not a sub cgroup path"]),
    (["cpu:nowhere"], ["no such file"])])
def test_exec_in_a_sub_cgroup_by_lists_that_are_refused(box, lists, words):
    box.up()
    box.exec(*[word for text in lists for word in ("--cgroup", text)]).failed(*words)


def test_exec_beside_processes_in_sub_cgroups(box):
    """
    A payload that divides its cgroup, as systemd does, leaves no place for processes at the top
    (cgroup-v2.rst, "No Internal Process Constraint"): exec goes where process 1 is.
    """
    m = [m for m in box.mounts if m["destination"] == "/sys/fs/cgroup"][0]
    m["options"] = ["nosuid", "noexec", "nodev", "relatime"]
    box.add_busybox()
    limits(box, unified={"hugetlb.2MB.max": "max"})
    box.args("/bin/sh", "-ec", "cd /sys/fs/cgroup; echo >/ready; ls >/dev/null; "
             "busybox mkdir init; echo 0 >init/cgroup.procs; echo +hugetlb >cgroup.subtree_control; "
             "echo divided; exec sleep 1000")
    box.create().ok()
    box.start().ok()
    kernel.until(lambda: "divided" in box.output(), deadline(10), "it divides its cgroup")
    assert cgroup_of(box.pid) == f"/orlop/{box.id}/init"
    assert "0::/init\n" in box.exec().json()["cgroup"]
    box.exec("--cgroup", "/").failed("resource busy", "cgroup.subtree_control")
    assert "0::/init\n" in box.exec("--cgroup", "init").json()["cgroup"]


def test_exec_when_the_cgroup_is_frozen_from_outside(box):
    box.up()
    box.orlop("pause", box.id).ok()
    took, r = timed(box.exec)
    r.failed("cannot exec in a paused container", box.id)
    assert took < deadline(3)


# ---- the freezer -------------------------------------------------------------------------------


def test_pause_and_resume(box):
    """Paused it gets no processor time, resumed it does."""
    box.args("spin", "1000")
    box.create().ok()
    box.start().ok()
    pid = box.pid
    kernel.until(lambda: cpu_seconds(pid) > 0.02, deadline(10), "it computes")
    box.orlop("pause", box.id).ok()
    assert box.status() == "paused"
    before = cpu_seconds(pid)
    time.sleep(deadline(0.15))
    assert cpu_seconds(pid) == before
    box.orlop("resume", box.id).ok()
    assert box.status() == "running"
    kernel.until(lambda: cpu_seconds(pid) > before, deadline(10), "it computes again")


def test_paused_can_be_killed(box):
    """T104: SIGKILL ends it while frozen; other signals wait for resume."""
    box.args("catch")
    box.create().ok()
    box.start().ok()
    kernel.until(lambda: box.output() == "READY\n", deadline(10), "it runs")
    box.orlop("pause", box.id).ok()
    box.kill("USR1").ok()
    time.sleep(0.05)
    assert box.output() == "READY\n"
    box.orlop("resume", box.id).ok()
    kernel.until(lambda: box.output() == "READY\n10\n", deadline(10), "the signal arrives")
    box.orlop("pause", box.id).ok()
    box.kill("KILL").ok()
    box.wait_stopped()
    box.delete().ok()


def test_paused_is_deleted_by_force(box):
    box.up()
    box.orlop("pause", box.id).ok()
    took, r = timed(box.delete, "--force")
    r.ok()
    assert took < deadline(5)


def test_self_frozen_sub_cgroup(box):
    """T104: the payload froze a part of itself: that is no pause of ours, and delete works."""
    m = [m for m in box.mounts if m["destination"] == "/sys/fs/cgroup"][0]
    m["options"] = ["nosuid", "noexec", "nodev", "relatime"]
    box.add_busybox()
    box.args("/bin/sh", "-ec", "cd /sys/fs/cgroup; busybox mkdir a; sleep 1000 & "
             "echo $! >a/cgroup.procs; echo 1 >a/cgroup.freeze; echo done; exec sleep 1001")
    box.create().ok()
    box.start().ok()
    kernel.until(lambda: "done" in box.output(), deadline(10), "it is frozen")
    assert box.status() == "running"
    box.exec("--", "exit", "0").ok()
    took, r = timed(box.delete, "--force")
    r.ok()
    assert took < deadline(5)


# ---- figures without limits --------------------------------------------------------------------


@pytest.mark.parametrize("path", [None, "a/b", "/{tag}parent/pod/x"])
@pytest.mark.parametrize("resources", [{}, {"memory": {"limit": -1}}])
def test_all_controllers_are_enabled(box, path, resources):
    """What `stats` reads is there without any limit: memory.current, io.stat, cpu.stat with times."""
    where = f"/orlop/{box.id}"
    if path:
        path = box.linux["cgroupsPath"] = path.format(tag=TAG)
        where = path if path[0] == "/" else f"/orlop/{path}"
    limits(box, **resources)
    box.up()
    assert set(value(box, "cgroup.controllers", where).split()) == host.controllers()
    for controller, file in (("memory", "memory.current"), ("pids", "pids.current"), ("io", "io.stat"),
                             ("hugetlb", "hugetlb.2MB.current")):
        if controller in host.controllers():
            value(box, file, where)
    box.delete("--force").ok()
    assert not os.path.exists(f"{ROOT}/{TAG}parent")


def test_controllers_that_cannot_be_had(box):
    """The cgroup above holds a process and so passes nothing on: the container runs without figures."""
    parent = f"{ROOT}/{TAG}full"
    os.mkdir(parent)
    sleeper = subprocess.Popen(["sleep", "1000"])
    try:
        with open(f"{parent}/cgroup.procs", "w") as f:
            f.write(str(sleeper.pid))
        box.linux["cgroupsPath"] = f"/{TAG}full/x"
        limits(box)
        r = box.run().ok()
        assert r.err == ""
        with open(f"{parent}/cgroup.subtree_control") as f:
            assert f.read().strip() == ""
        some = sorted(host.controllers())[0]
        limits(box, unified={{"hugetlb": "hugetlb.2MB.max"}.get(some, f"{some}.max"): "4194304"})
        box.refused("processes are in", f"/{TAG}full")
    finally:
        sleeper.kill()
        sleeper.wait()
        box.orlop.clean()
        kernel.until(lambda: "populated 0" in kernel.read(f"{parent}/cgroup.events"))
        os.rmdir(parent)


@pytest.mark.needs_vm("needs the pids controller")
@pytest.mark.spec("CL-069")
def test_podmans_pids_limit_of_0(box):
    """Podman before 5.4.1 writes 0 for no limit; for everybody else it is one."""
    limits(box, pids={"limit": 0})
    box.config["annotations"] = {"io.container.manager": "libpod"}
    box.up()
    assert value(box, "pids.max") == "max"
    box.exec("--", "exit", "0").ok()
    box.delete("--force").ok()
    box.config["annotations"] = {"io.container.manager": "other"}
    box.up()
    assert value(box, "pids.max") == "0"
    box.exec().failed("limit on processes")


# ---- limits beside version 1 -------------------------------------------------------------------


@pytest.mark.needs_native("there no controller is held by version 1")
@pytest.mark.parametrize("controller, resources, pointer", [
    ("memory", {"memory": {"limit": 100 * MIB}}, "memory/limit"),
    ("memory", {"memory": {"reservation": 100 * MIB}}, "memory/reservation"),
    ("pids", {"pids": {"limit": 100}}, "pids/limit"),
    ("cpu", {"cpu": {"shares": 512}}, "cpu/shares"),
    ("cpu", {"cpu": {"quota": 20000, "period": 100000}}, "cpu/quota"),
    ("cpuset", {"cpu": {"cpus": "0"}}, "cpu/cpus"),
    ("io", {"blockIO": {"weight": 100}}, "blockIO/weight"),
    ("pids", {"unified": {"pids.max": "10"}}, "unified/pids.max"),
])
def test_controller_held_by_version_1(box, controller, resources, pointer):
    """Refused with the names of both, instead of a container without the limit."""
    if controller in host.controllers():
        pytest.skip(f"cgroup2 has {controller} here")
    limits(box, **resources)
    box.refused(controller, "v1", f"/linux/resources/{pointer}")


def test_no_limit_needs_no_controller(box):
    """What engines write for "not limited" asks for nothing."""
    limits(box, memory={"limit": -1, "swap": -1}, pids={"limit": -1},
           cpu={"shares": 0, "quota": -1, "cpus": "", "mems": ""}, blockIO={"weight": 0})
    box.probe()


@pytest.mark.needs_controllers("hugetlb")
@pytest.mark.parametrize("spelt", ["pageSize", "pagesize"])  # as runc's own tests have it
def test_hugetlb(box, spelt):
    limits(box, hugepageLimits=[{spelt: "2MB", "limit": 4 * MIB}])
    box.up()
    assert value(box, "hugetlb.2MB.max") == str(4 * MIB)
    assert value(box, "hugetlb.2MB.rsvd.max") == str(4 * MIB)


@pytest.mark.needs_controllers("hugetlb")
def test_unified(box):
    """Written as they are, after all else."""
    limits(box, hugepageLimits=[{"pageSize": "2MB", "limit": 4 * MIB}],
           unified={"hugetlb.2MB.max": str(2 * MIB), "cgroup.max.descendants": "7"})
    box.up()
    assert value(box, "hugetlb.2MB.max") == str(2 * MIB)
    assert value(box, "cgroup.max.descendants") == "7"


@pytest.mark.needs_controllers("hugetlb")
@pytest.mark.parametrize("key, text", [
    ("cgroup.procs", "1"), ("cgroup.kill", "1"), ("cgroup.freeze", "1"), ("no.such.file", "1"),
    ("hugetlb.3MB.max", "1"), ("hugetlb.2MB.max", "many"), ("../cgroup.procs", "1"), ("", "1"),
    ("hugetlb.2MB.max\n", "1"), ("cgroup.events", "1"),
])
def test_unified_that_cannot_be(box, key, text):
    limits(box, unified={key: text})
    box.refused("/linux/resources/unified")


@ONCE
@pytest.mark.parametrize("resources, pointer", [
    ({"memory": {"swappiness": 60}}, "memory/swappiness"),
    ({"memory": {"disableOOMKiller": True}}, "memory/disableOOMKiller"),
    ({"memory": {"kernel": MIB}}, "memory/kernel"),
    ({"memory": {"kernelTCP": MIB}}, "memory/kernelTCP"),
    ({"memory": {"swap": 100 * MIB}}, "memory/swap"),
    ({"memory": {"limit": 100 * MIB, "swap": 50 * MIB}}, "memory/swap"),
    ({"cpu": {"realtimeRuntime": 1000}}, "cpu/realtimeRuntime"),
    ({"cpu": {"idle": 2}}, "cpu/idle"),
    ({"cpu": {"quota": 10000, "burst": 20000}}, "cpu/burst"),
    ({"cpu": {"period": 10}}, "cpu/period"), ({"cpu": {"cpus": "zero"}}, "cpu/cpus"),
    ({"blockIO": {"leafWeight": 100}}, "blockIO/leafWeight"),
    ({"blockIO": {"weight": 5}}, "blockIO/weight"),
    ({"network": {"classID": 1}}, "network/classID"),
    ({"network": {"priorities": [{"name": "lo", "priority": 1}]}}, "network/priorities"),
    ({"hugepageLimits": [{"pageSize": "2MiB", "limit": 1}]}, "hugepageLimits/0/pageSize"),
])
def test_limit_that_cannot_be(box, resources, pointer):
    limits(box, **resources)
    box.refused(f"/linux/resources/{pointer}")


# ---- devices -----------------------------------------------------------------------------------


def allowed(rules, kind, major, minor, access):
    """The model: the last rule that matches decides (runtime-spec, config-linux.md)."""
    verdict = True  # nothing is forbidden yet
    for r in rules:
        if r.get("type", "a") in ("a", kind) and r.get("major", major) in (-1, major) \
                and r.get("minor", minor) in (-1, minor) and access in r.get("access", "rwm"):
            verdict = r["allow"]
    return verdict


def node(box, kind, major, minor):
    """No driver has these numbers: open(2) is EPERM when forbidden and ENXIO when allowed."""
    path = f"/tmp/{kind}{major}.{minor}"
    if not os.path.exists(box.rootfs + path):
        os.mknod(box.rootfs + path, 0o666 | {"c": 0o020000, "b": 0o060000}[kind],
                 os.makedev(major, minor))
    return path


def opened(box, tried):
    """[(type, major, minor, "r"|"w"|"rw")] to [allowed]."""
    commands = []
    for kind, major, minor, access in tried:
        commands += ["open", node(box, kind, major, minor), access, ","]
    results = box.probe(commands=commands[:-1])["results"]
    assert {r["errno"] for r in results} <= {"EPERM", "ENXIO"}
    return [r["errno"] == "ENXIO" for r in results]


@pytest.mark.case("T92")
@ONCE
@pytest.mark.parametrize("seed", range(4))
def test_device_rules_against_a_model(box, seed):
    """T92: random devices under random rules."""
    rng = random.Random(seed)
    rules = [{"allow": seed == 3, "access": "rwm"}]
    for _ in range(rng.randrange(3, 12)):
        rule = {"allow": rng.random() < 0.6, "type": rng.choice("cb")}
        if rng.random() < 0.8:
            rule["major"] = rng.choice([300, 301, 302])
        if rng.random() < 0.6:
            rule["minor"] = rng.choice([0, 1, 70000])
        rule["access"] = rng.choice(["rwm", "w", "rw", "rm", "r"])
        rules.append(rule)
    box.linux["resources"]["devices"] = rules
    tried = [(rng.choice("cb"), rng.choice([300, 301, 302, 303]), rng.choice([0, 1, 2, 70000]),
              rng.choice(["r", "w", "rw"])) for _ in range(60)]
    expected = [all(allowed(rules, *device, a) for a in access) for *device, access in tried]
    assert opened(box, tried) == expected, rules
    assert len(set(expected)) == 2, "the model says the same of all: change the seed"


def test_node_that_cannot_be_opened(box):
    """As with other runtimes a node may be made where it may not be used."""
    conf.set_caps(box.process, ["CAP_MKNOD"])
    r = box.probe(commands=["mknod", "/tmp/x", "b", "300", "0", "0600", ",",
                            "open", "/tmp/x", "r"])["results"]
    assert r[0]["ret"] == 0 and r[1]["errno"] == "EPERM"


@pytest.mark.case("T92")
def test_many_device_rules(box):
    rules = [{"allow": False, "access": "rwm"}]
    rules += [{"allow": True, "type": "c", "major": 300 + i, "minor": i, "access": "r"}
              for i in range(3000)]
    box.linux["resources"]["devices"] = rules
    assert opened(box, [("c", 3000, 2700, "r"), ("c", 3000, 2701, "r"), ("c", 3000, 2700, "w"),
                        ("b", 3000, 2700, "r")]) == [True, False, False, False]
    rules += rules[1:]
    box.refused("/linux/resources/devices", "4096")


# ---- limits by their effect --------------------------------------------------------------------


VM = pytest.mark.needs_vm("all controllers of cgroup2")


@VM
def test_memory_kills(box):
    limits(box, memory={"limit": 32 * MIB, "swap": 32 * MIB})
    box.args("hog", "100")
    r = box.run("--keep")
    assert r.rc == 128 + signal.SIGKILL, r
    assert keys(box, "memory.events")["oom_kill"] == 1
    assert box.args("hog", "10").process and value(box, "memory.max") == str(32 * MIB)


@VM
def test_memory_below_the_limit(box):
    limits(box, memory={"limit": 64 * MIB, "reservation": 16 * MIB})
    assert box.attack("hog", "30")["mib"] == 30
    box.up()
    assert value(box, "memory.low") == str(16 * MIB)


@VM
@pytest.mark.parametrize("swap, survives", [(50 * MIB, False), (40 * MIB, False), (-1, True)])
def test_swap(box, swap, survives):
    """memory.swap is memory and swap together: 40 MiB of memory and so much less of swap."""
    limits(box, memory={"limit": 40 * MIB, "swap": swap})
    box.args("hog", "80")
    r = box.run()
    assert r.rc == (0 if survives else 128 + signal.SIGKILL), r


@VM
def test_memory_limit_too_small_to_start(box):
    """Killed before the program runs: an error that says so, not a hang."""
    limits(box, memory={"limit": 64 << 10, "swap": 64 << 10})
    took, r = timed(box.run)
    r.failed("memory")
    assert took < deadline(10)


@VM
@pytest.mark.spec("CL-063")
def test_limit_below_the_usage(box):
    """checkBeforeUpdate: what an earlier process of the cgroup left in memory counts."""
    path, left = f"{ROOT}/{TAG}used", f"/dev/shm/{TAG}left"
    with open(f"{ROOT}/cgroup.subtree_control", "w") as f:
        f.write("+memory")
    os.mkdir(path)
    try:
        script = f"echo $$ >{path}/cgroup.procs; exec dd if=/dev/zero of={left} bs=1M count=16"
        subprocess.run(["sh", "-c", script], check=True, stderr=subprocess.DEVNULL)
        assert int(kernel.read(f"{path}/memory.current")) >= 16 * MIB
        box.linux["cgroupsPath"] = f"/{TAG}used"
        limits(box, memory={"limit": 8 * MIB, "checkBeforeUpdate": True})
        box.refused("/linux/resources/memory/limit", "memory.current", "checkBeforeUpdate")
        assert kernel.read(f"{path}/memory.max").strip() == "max"
        limits(box, memory={"limit": 64 * MIB, "checkBeforeUpdate": True})
        box.probe()
        assert kernel.read(f"{path}/memory.max").strip() == str(64 * MIB)
    finally:
        if os.path.exists(left):
            os.unlink(left)
        box.orlop.clean()
        os.rmdir(path)


@VM
def test_pids(box):
    limits(box, pids={"limit": 5})
    r = box.attack("fork", "20")
    assert r["forked"] == 4 and r["errno"] == "EAGAIN"


@VM
def test_pids_hold_for_exec(box):
    limits(box, pids={"limit": 5})
    box.up()
    r = box.exec("--", "fork", "20").json()["results"][0]
    assert r["forked"] == 3 and r["errno"] == "EAGAIN"


@VM
def test_pids_zero(box):
    """A real limit in the specification: the process itself, and no other."""
    limits(box, pids={"limit": 0})
    assert box.attack("fork", "1")["errno"] == "EAGAIN"


@VM
@pytest.mark.parametrize("how", ["kill", "delete"])
def test_fork_bomb(box, how):
    """T103."""
    limits(box, pids={"limit": 200})
    box.args("flood")
    box.create().ok()
    box.start().ok()
    kernel.until(lambda: int(value(box, "pids.current")) == 200, deadline(10), "it is full")
    begin = time.monotonic()
    if how == "kill":
        box.kill("KILL").ok()
        box.wait_stopped()
        box.delete().ok()
    else:
        box.delete("--force").ok()
    assert time.monotonic() - begin < deadline(5)
    assert not os.path.exists(f"{ROOT}/orlop/{box.id}")


@pytest.mark.case("T103")
@VM
def test_fork_bomb_in_a_shared_pid_namespace(box):
    """Here the end of process 1 is not the end of the others: cgroup.kill is."""
    conf.without_namespace(box.config, "pid")
    box.mounts[:] = [m for m in box.mounts if m["destination"] != "/proc"]
    box.linux["maskedPaths"] = box.linux["readonlyPaths"] = []
    limits(box, pids={"limit": 50})
    box.args("flood")
    box.create().ok()
    box.start().ok()
    kernel.until(lambda: int(value(box, "pids.current")) == 50, deadline(10), "it is full")
    took, r = timed(box.delete, "--force")
    r.ok()
    assert took < deadline(5)


@VM
def test_cpu_period_alone_and_burst(box):
    limits(box, cpu={"period": 50000})
    box.up()
    assert value(box, "cpu.max") == "max 50000"
    box.delete("--force").ok()
    limits(box, cpu={"quota": 50000, "period": 100000, "burst": 25000})
    box.up()
    assert (value(box, "cpu.max"), value(box, "cpu.max.burst")) == ("50000 100000", "25000")


@VM
@pytest.mark.parametrize("shares, weight", [(2, 1), (256, 35), (512, 59), (1024, 100),
                                            (262144, 10000)])
def test_cpu_shares_to_weight(box, shares, weight):
    limits(box, cpu={"shares": shares})
    box.up()
    assert value(box, "cpu.weight") == str(weight)


@VM
def test_cpu_idle(box):
    limits(box, cpu={"idle": 1, "shares": 1024})
    box.up()
    assert value(box, "cpu.idle") == "1"


@VM
def test_cpuset(box):
    """Whatever the caller's affinity."""
    limits(box, cpu={"cpus": "1", "mems": "0"})
    box.args("state")
    assert box.run(wrap=["taskset", "-c", "0"]).json()["affinity"] == [1]
    box.up()
    assert box.exec().json()["affinity"] == [1]
    assert (value(box, "cpuset.cpus.effective"), value(box, "cpuset.mems.effective")) == ("1", "0")


@VM
def test_cpuset_that_is_not_there(box):
    limits(box, cpu={"cpus": "77"})
    box.refused("/linux/resources/cpu/cpus")


@VM
def test_io(make_box):
    """3 MiB from a disk at 1 MiB a second."""
    st = os.stat("/dev/vdc")
    major, minor = os.major(st.st_rdev), os.minor(st.st_rdev)
    took = []
    for limit in (False, True):
        box = make_box(busybox=True)
        box.linux["devices"] = [{"path": "/dev/disk", "type": "b", "major": major, "minor": minor}]
        box.linux["resources"]["devices"].append(
            {"allow": True, "type": "b", "major": major, "minor": minor, "access": "rw"})
        if limit:
            device = {"major": major, "minor": minor}
            limits(box, blockIO={"throttleReadBpsDevice": [dict(device, rate=MIB)],
                                 "throttleWriteIOPSDevice": [dict(device, rate=1000)]})
        box.args("/bin/dd", "if=/dev/disk", "of=/dev/null", "bs=64k", "count=48", "iflag=direct",
                 "status=none")
        seconds, r = timed(box.run, "--keep")
        r.ok()
        took.append(seconds)
        if limit:
            line = value(box, "io.max").splitlines()[0].split()
            assert line[0] == f"{major}:{minor}" and {f"rbps={MIB}", "wiops=1000"} <= set(line)
    assert took[1] > 2 and took[1] - took[0] > 1.5, took


@VM
def test_io_weight(box):
    limits(box, blockIO={"weight": 500})
    r = box.create()
    if not (os.path.exists(f"{ROOT}/orlop/{box.id}/io.bfq.weight") or r.rc == 0):
        r.failed("/linux/resources/blockIO/weight")
        return
    r.ok()
    if os.path.exists(f"{ROOT}/orlop/{box.id}/io.bfq.weight"):
        assert value(box, "io.bfq.weight").splitlines()[0].split()[-1] == "500"
    else:
        assert value(box, "io.weight").split() == ["default", "4950"]


@VM
def test_io_device_that_is_not_there(box):
    limits(box, blockIO={"throttleReadBpsDevice": [{"major": 250, "minor": 99, "rate": MIB}]})
    box.refused("/linux/resources/blockIO/throttleReadBpsDevice/0")


@VM
def test_rdma(box):
    """The device stays: to remove one that a cgroup was limited for corrupts a list of Linux 6.12 now and then."""
    for words in (["modprobe", "rdma_rxe"], ["ip", "link", "add", "d0", "type", "dummy"],
                  ["rdma", "link", "add", "rxe0", "type", "rxe", "netdev", "d0"]):
        if subprocess.run(words, capture_output=True).returncode != 0:
            pytest.fail(f"{words} failed")
    limits(box, rdma={"rxe0": {"hcaHandles": 3, "hcaObjects": 10000}})
    box.up()
    assert set(value(box, "rdma.max").split()) == {"rxe0", "hca_handle=3", "hca_object=10000"}
    box.delete("--force").ok()
    limits(box, rdma={"nodevice": {"hcaHandles": 3}})
    box.refused("/linux/resources/rdma/nodevice")


@VM
def test_unified_at_work(box):
    limits(box, unified={"pids.max": "4", "memory.high": "60000000"})
    assert box.attack("fork", "20")["forked"] == 3
    box.up()
    assert int(value(box, "memory.high")) == 60000000 // 4096 * 4096


@VM
def test_delegated_sub_cgroups(box):
    """With a user namespace and a writable mount the payload governs below, but not its own limit."""
    conf.userns(box.config)
    os.chmod(box.orlop.tmp, 0o755)
    m = [m for m in box.mounts if m["destination"] == "/sys/fs/cgroup"][0]
    m["options"] = ["nosuid", "noexec", "nodev", "relatime"]
    limits(box, pids={"limit": 10})
    r = box.probe(commands=["mkdir", "/sys/fs/cgroup/sub", ",",
                            "write", "/sys/fs/cgroup/pids.max", "1000", ",",
                            "write", "/sys/fs/cgroup/sub/cgroup.procs", "0", ",",
                            "fork", "20"])["results"]
    assert r[1]["errno"] in ("EACCES", "EPERM"), "it raised its own limit"
    assert r[3]["forked"] == 9
    if r[0]["ret"] == 0:
        assert r[2]["ret"] >= 0


@pytest.mark.case("T94")
@VM
def test_nobody_escapes_the_limit_at_the_start(box):
    """T94: the program is in the cgroup, with its limits, from its first instruction."""
    limits(box, pids={"limit": 3})
    box.args("flood")
    box.create().ok()
    assert value(box, "pids.current") == "1"
    box.start().ok()
    kernel.until(lambda: int(value(box, "pids.current")) == 3, deadline(10), "it is full")
    r = box.exec(timeout=20)
    assert r.rc != 0
    box.delete("--force").ok()
