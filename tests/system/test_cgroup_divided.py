# SPDX-License-Identifier: GPL-2.0-or-later
"""
The annotation org.orlop.cgroup.delegate: what a container without privileges can do with its cgroup, and what not.
It needs cgroup2 with nsdelegate, as systemd mounts it.
"""
import json
import os
import re

import pytest
from lib import config as conf
from lib import host, kernel
from test_rootless import UID, As, delegated, enter, user  # noqa: F401
from test_systemd import manager, user_box  # noqa: F401

KEY = "org.orlop.cgroup.delegate"
TOP = "/sys/fs/cgroup"
MIB = 1 << 20


def has_nsdelegate():
    return any("nsdelegate" in line for line in kernel.read("/proc/self/mountinfo").splitlines() if " - cgroup2 " in line)


def needed(f):
    return pytest.mark.kernel(pytest.mark.needs_vm("nsdelegate, and controllers of version 2")(f))


def cgroup_of(pid):
    return next(x[3:] for x in kernel.read(f"/proc/{pid}/cgroup").splitlines() if x.startswith("0::"))


def value(path, file):
    return kernel.read(f"{host.CGROUP}{path}/{file}").strip()


@pytest.fixture
def divided(make_box):
    """Of a user without capabilities, and with the `ro` of all engines."""
    box = make_box(busybox=True)
    for applet in ("mkdir", "rmdir"):
        os.symlink("busybox", f"{box.rootfs}/bin/{applet}")
    box.config["annotations"] = {KEY: "true"}
    box.process["user"] = {"uid": 1000, "gid": 1000}
    conf.set_caps(box.process, [])
    return box


@pytest.fixture(params=["cgroupfs", "systemd"])
def box(divided, request):
    divided.top = f"/orlop/{divided.id}"
    if request.param == "systemd":
        divided.orlop.options = ["--systemd-cgroup"]
        divided.top = f"/system.slice/orlop-{divided.id}.scope/container"
    return divided


def script(box, text):
    return box.args("/bin/sh", "-c", text)


def background(box, text):
    """The container runs `text`, then waits; its pid when that is done."""
    script(box, f"{text}\necho READY; sleep 1000")
    box.create().ok()
    box.start().ok()
    kernel.until(lambda: "READY" in box.output(), 60, "the container is ready")
    return box.pid


# ---- what it can do


WHO = {"a user": {"uid": 1000, "gid": 1000}, "root with all capabilities": {"uid": 0, "gid": 0}, "user namespace": None}
LIMITS = {"cpu.max": "20000 100000", "memory.max": str(32 * MIB), "pids.max": "7"}


@needed
@pytest.mark.parametrize("who", WHO)
def test_it_limits_what_it_makes(box, who):
    if who == "user namespace":
        conf.userns(box.config)
        os.chmod(box.orlop.tmp, 0o755)
    elif who != "a user":
        box.process["user"] = WHO[who]
        conf.set_caps(box.process, conf.ALL_CAPS)
    box.linux["resources"]["pids"] = {"limit": 100}
    own = ["cpu.max", "memory.max", "pids.max", "cgroup.max.depth", "cgroup.max.descendants", "cgroup.freeze"]
    commands = ["mkdir", f"{TOP}/a", ",", "write", f"{TOP}/a/cgroup.procs", "0", ","]
    for file, text in LIMITS.items():
        commands += ["write", f"{TOP}/a/{file}", text, ","]
    for file in own:
        commands += ["write", f"{TOP}/{file}", "1" if file.startswith("cgroup.") else "max", ","]
    seen = box.probe(commands=[*commands, "state"])
    results = [r["errno"] for r in seen["results"]]
    assert results[:5] == [None] * 5
    assert set(results[5:5 + len(own)]) == {"EPERM" if who.startswith("root") else "EACCES"}, results
    assert "0::/a\n" in seen["cgroup"]


@needed
def test_from_outside(box):
    box.linux["resources"]["pids"] = {"limit": 100}
    pid = background(box, f"""
        mkdir {TOP}/a {TOP}/a/b; echo 7 >{TOP}/a/pids.max; echo '20000 100000' >{TOP}/a/cpu.max
        sleep 1000 & echo $! >{TOP}/a/cgroup.procs
    """)
    assert cgroup_of(pid) == f"{box.top}/init"
    assert value(box.top, "pids.max") == "100" and value(f"{box.top}/a", "pids.max") == "7"
    assert value(f"{box.top}/a", "cpu.max") == "20000 100000"
    assert value(box.top, "cgroup.procs") == ""
    assert value(box.top, "cgroup.subtree_control").split() == value(box.top, "cgroup.controllers").split()
    assert len(value(box.top, "cgroup.controllers").split()) > 3
    listed = set(kernel.read("/sys/kernel/cgroup/delegate").split())
    owned = {n for n in os.listdir(host.CGROUP + box.top) if os.stat(f"{host.CGROUP}{box.top}/{n}").st_uid == 1000}
    assert owned == (listed & set(os.listdir(host.CGROUP + box.top))) | {"init", "a"}
    inner = f"{host.CGROUP}{box.top}/init"
    assert {os.stat(f"{inner}/{n}").st_uid for n in [".", *os.listdir(inner)]} == {1000}
    assert os.stat(f"{host.CGROUP}{os.path.dirname(box.top)}").st_uid == 0
    box.delete("--force").ok()  # and no_trace looks for cgroups


@needed
def test_limits_hold(box):
    script(box, f"""
        mkdir {TOP}/pids {TOP}/memory; echo 2 >{TOP}/pids/pids.max
        echo 8M >{TOP}/memory/memory.max; echo 0 >{TOP}/memory/memory.swap.max
        (echo 0 >{TOP}/pids/cgroup.procs; sleep 0 & sleep 0 & sleep 0 & wait)
        (echo 0 >{TOP}/memory/cgroup.procs; exec dd if=/dev/zero of=/dev/null bs=64M count=1)
        cat {TOP}/pids/pids.events {TOP}/memory/memory.events
    """)
    seen = dict(line.split() for line in box.run().out.splitlines())
    assert int(seen["max"]) > 0 and int(seen["oom_kill"]) == 1, seen


@needed
@pytest.mark.parametrize("uid", [1000, 0])
def test_it_cannot_leave(box, uid):
    """It is given the host's tree, and a cgroup there that its user owns."""
    if uid == 0:
        box.process["user"] = WHO["root with all capabilities"]
        conf.set_caps(box.process, conf.ALL_CAPS)
    beside = f"{host.CGROUP}/{host.TAG}beside"
    os.mkdir(beside)
    for name in ("", "/cgroup.procs"):
        os.chown(beside + name, uid, uid)
    try:
        box.mounts.append(conf.bind(host.CGROUP, "/host", "rw"))
        box.file("host/.keep")
        seen = box.probe(commands=["write", f"/host/{host.TAG}beside/cgroup.procs", "0", ",", "write", "/host/cgroup.procs",
                                   "0", ",", "write", f"/host{box.top}/pids.max", "max", ",", "state"])
        assert [r["errno"] for r in seen["results"]] == (["EACCES"] * 3 if uid else ["ENOENT", "ENOENT", "EPERM"])
        assert "0::/init\n" in seen["cgroup"]
    finally:
        os.rmdir(beside)


@needed
def test_only_those_that_are_named(box):
    box.config["annotations"][KEY] = "pids memory"
    background(box, "")
    assert set(value(box.top, "cgroup.subtree_control").split()) == {"memory", "pids"}
    box.exec().ok()


@needed
@pytest.mark.parametrize("change", ["umask", "joined pid namespace", "hooks", "no pids"])
def test_however_it_is_made(box, make_box, change):
    wrap = []
    if change == "umask":
        wrap = ["sh", "-c", 'umask 077; exec "$@"', "sh"]
    elif change == "joined pid namespace":
        conf.namespace(box.config, "pid", f"/proc/{make_box().up()}/ns/pid")
    elif change == "hooks":
        hook = {"path": "/bin/sh", "args": ["sh", "-c", f"cat >/dev/null; echo $$ >{host.CGROUP}{box.top}/cgroup.procs; sleep 0.1"]}
        box.config["hooks"] = {"createRuntime": [hook]}
    else:
        box.linux["resources"]["pids"] = {"limit": 1}
    pid = box.up(wrap=wrap)
    assert cgroup_of(pid) == f"{box.top}/init"
    assert value(box.top, "cgroup.subtree_control")
    assert os.stat(f"{host.CGROUP}{box.top}/init").st_mode & 0o7777 == 0o755


# ---- what others do with it


@needed
def test_commands_act_on_all_of_it(box):
    pid = background(box, f"mkdir {TOP}/a; sleep 999 & echo $! >{TOP}/a/cgroup.procs")
    assert "0::/init\n" in box.exec().json()["cgroup"]
    listed = box.orlop("ps", "--format", "json", box.id).json()
    assert len(listed) == 2 and pid in listed
    box.orlop("pause", box.id).ok()
    assert box.status() == "paused" and "frozen 1" in value(f"{box.top}/a", "cgroup.events")
    box.exec().failed("paused")
    box.orlop("resume", box.id).ok()
    box.orlop("update", "--pids-limit", "50", box.id).ok()
    assert value(box.top, "pids.max") == "50"
    row = next(x for x in box.orlop("resources", "--format", "json", box.id).json()["limits"] if x["file"] == "pids.max")
    assert row["now"] == "50" and row["state"] == "same"
    stats = box.orlop("events", "--stats", box.id).json()["data"]
    assert stats["pids"]["current"] == 2 and stats["memory"]["usage"]["usage"] > 0
    box.kill("--all", "KILL").ok()
    box.wait_stopped()
    box.delete().ok()
    assert not os.path.exists(host.CGROUP + box.top)


@needed
def test_exec_where_there_is_no_init(box):
    background(box, f"mkdir {TOP}/a; echo 0 >{TOP}/a/cgroup.procs; rmdir {TOP}/init")
    assert "0::/a\n" in box.exec().json()["cgroup"]
    assert "0::/a\n" in box.exec("--cgroup", "a").json()["cgroup"]


@needed
def test_exec_where_init_is_shared_out(box):
    background(box, f"""
        mkdir {TOP}/a {TOP}/init/b; echo 0 >{TOP}/a/cgroup.procs; echo +pids +memory >{TOP}/init/cgroup.subtree_control
    """)
    assert "0::/a\n" in box.exec().json()["cgroup"]


@needed
def test_exec_into_what_is_frozen(box):
    background(box, f"mkdir {TOP}/a; echo 0 >{TOP}/a/cgroup.procs; echo 1 >{TOP}/init/cgroup.freeze")
    box.exec().failed("frozen", "init")
    box.exec("--cgroup", "a").ok()


@needed
def test_many_cgroups_are_removed(box):
    """T106: as many as it likes, if nobody limits it; the config may."""
    box.linux["resources"]["unified"] = {"cgroup.max.descendants": "300", "cgroup.max.depth": "40"}
    background(box, f"""
        cd {TOP}; for i in $(busybox seq 400); do mkdir n$i; done
        cd init; for i in $(busybox seq 60); do mkdir d; cd d; done
    """)
    deep = max(len(os.path.relpath(d, host.CGROUP + box.top).split("/")) for d, _, _ in os.walk(host.CGROUP + box.top))
    assert deep <= 40 and "nr_descendants 300\n" in value(box.top, "cgroup.stat") + "\n"
    box.delete("--force").ok()


@needed
def test_checkpoint_is_refused(box):
    box.up()
    box.orlop("checkpoint", "--image-path", f"{box.orlop.tmp}/images", box.id).failed(f"/annotations/{KEY}", "CRIU")


@needed
@pytest.mark.parametrize("uid", [0, 5])
def test_rootless(user, delegated, uid):  # noqa: F811
    """The caller can let itself be the owner, and nobody else."""
    box = user.box()
    box.mounts.append(conf.mount(TOP, "cgroup", "cgroup", ["ro"]))
    box.config["annotations"] = {KEY: "memory pids"}
    if uid:
        for what in ("uidMappings", "gidMappings"):
            box.linux[what] = [{"containerID": 0, "hostID": UID, "size": 1}, {"containerID": 1, "hostID": 100000, "size": 9}]
        box.process["user"] = {"uid": uid, "gid": uid}
    box.args("mkdir", f"{TOP}/a", ",", "write", f"{TOP}/a/cgroup.procs", "0", ",", "write", f"{TOP}/a/pids.max", "7", ",", "state")
    r = box.run(preexec_fn=enter(f"{delegated}/session"))
    if uid:
        r.failed(f"/annotations/{KEY}", "as root of the container's user namespace")
    else:
        assert [x["errno"] for x in r.json()["results"]] == [None] * 3 and "0::/a\n" in r.json()["cgroup"]
    assert not os.path.exists(f"{delegated}/orlop")


@needed
def test_in_a_users_namespace(tmp, delegated):  # noqa: F811
    """As Podman calls it: root of a user namespace, whose cgroup it is."""
    o = As(tmp, ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups", "--", "unshare", "-Urm"], UID)
    box = o.box()
    box.linux["namespaces"] = [n for n in box.linux["namespaces"] if n["type"] != "user"]
    box.linux.pop("uidMappings"), box.linux.pop("gidMappings")
    box.mounts.append(conf.mount(TOP, "cgroup", "cgroup", ["ro"]))
    box.config["annotations"] = {KEY: "memory pids"}
    box.args("mkdir", f"{TOP}/a", ",", "write", f"{TOP}/a/cgroup.procs", "0", ",", "state")
    seen = box.run(preexec_fn=enter(f"{delegated}/session")).json()
    assert [x["errno"] for x in seen["results"]] == [None] * 2 and "0::/a\n" in seen["cgroup"]


@needed
def test_in_a_unit_of_the_user(user_box):  # noqa: F811
    box = user_box
    box.mounts.append(conf.mount(TOP, "cgroup", "cgroup", ["ro"]))
    box.config["annotations"] = {KEY: "memory pids"}
    pid = box.up()
    assert cgroup_of(pid) == f"{box.path}/init"
    assert set(value(box.path, "cgroup.subtree_control").split()) == {"memory", "pids"}
    r = box.exec("--", "mkdir", f"{TOP}/a", ",", "write", f"{TOP}/a/pids.max", "7", ",", "write", f"{TOP}/a/cgroup.procs", "1",
                 ",", "state").json()
    assert [x["errno"] for x in r["results"]] == [None] * 3 and "0::/init\n" in r["cgroup"]
    assert cgroup_of(pid) == f"{box.path}/a"
    box.exec().ok()
    box.delete("--force").ok()


# ---- refused


@pytest.mark.skipif(not host.CGROUP or has_nsdelegate(), reason="cgroup2 has nsdelegate, or is not there")
def test_without_nsdelegate(divided):
    """A program of uid 0 could change the limits of the cgroup that it sees as the root."""
    divided.refused(f"/annotations/{KEY}", "nsdelegate", "remount")
    r = divided.orlop("check", divided.bundle)
    assert r.rc == 1 and f"error: /annotations/{KEY}: cgroup2 is mounted without nsdelegate" in r.out


@needed
def test_a_cgroup_that_was_there(divided):
    path = f"{host.CGROUP}/{host.TAG}there"
    os.mkdir(path)
    try:
        divided.linux["cgroupsPath"] = f"/{host.TAG}there"
        divided.refused(f"/annotations/{KEY}", "was there before")
        assert os.stat(path).st_uid == 0 and not os.path.exists(f"{path}/init")
    finally:
        os.rmdir(path)


@pytest.mark.parametrize("text", ["false", "", "TRUE", "cpu,memory", "cpu nonsense", "\u001b[2J"])
def test_value(divided, text):
    divided.config["annotations"][KEY] = text
    r = divided.refused(f"/annotations/{KEY}", "neither true nor a list")
    assert "\x1b" not in r.err


def test_other_name(divided):
    divided.config["annotations"] = {"org.orlop.cgroup.delegated": "true"}
    divided.refused("did you mean", KEY)


def test_what_it_needs(divided):
    conf.without_namespace(divided.config, "cgroup")
    divided.refused(f"/annotations/{KEY}", "no new cgroup namespace")


def test_plan_and_features(divided, orlop):
    """`plan` shows that the mount's `ro` is overruled."""
    divided.config["annotations"][KEY] = "memory cpu"
    divided.write()
    text = orlop("plan", divided.bundle).ok().out
    assert re.search(r"mount .*/sys/fs/cgroup .*made-writable", text), text
    assert re.search(rf"cgroup-delegation .*cpu memory.*/annotations/{KEY}", text), text
    assert KEY in orlop("features").json()["annotations"]["run.orlop.annotations.honoured"].split()


@pytest.mark.skipif(not host.CGROUP, reason="cgroup2 is not mounted")
@pytest.mark.kernel
def test_doctor_knows(orlop):
    r = orlop("doctor", "--json")
    fact = next(x for x in json.loads(r.out) if x["id"] == "cgroup.nsdelegate")
    assert fact["ok"] == has_nsdelegate() and (fact["ok"] or "remount,nsdelegate" in fact["todo"])
