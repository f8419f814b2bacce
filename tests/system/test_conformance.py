# SPDX-License-Identifier: GPL-2.0-or-later
"""
What the programs of the upstream validation suite (opencontainers/runtime-tools, validation/) check, one test
each, of the same name, with their default configuration: the bundle is the root file system, so config.json
lies at / of the container, 14 capabilities in all five sets, and a seccomp profile.  Written anew.

Where a program is stale or asserts nothing, the rule it is about is tested as it is now.  Programs that read
files of cgroup version 1 have their values here with the files of version 2; where no conversion exists,
the refusal.  What `runtimetest` checks inside is runtimetest() below.

These tests passed for a while where the programs failed, because they were kinder than those.  What they
hold to since then:
  - The seccomp profile is the suite's own, not an engine's of today.  It knows no call that is younger than
    Linux 4.x (faccessat2, close_range, ...): a runtime that needs one of these after the filter is in place
    fails with it, though it never does with a profile that has been kept up to date.
  - mountinfo has all mounts of the list in one order, also those that are bound: not first the ones, then
    the others.  Bind mounts have no type, only the option.
  - While `create` runs somebody asks for the state, as engines do: creating, then created, and no third.
"""
import json
import os
import stat
import subprocess

import pytest
from lib import host, kernel
from lib.config import ALL_CAPS, bind, mount, namespace, set_caps, userns, without_namespace

PROFILE = os.path.join(os.path.dirname(__file__), "../data/conformance-seccomp.json")
SETS = ("bounding", "effective", "inheritable", "permitted", "ambient")
CAPS = ["CAP_" + n for n in ("CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP "
                             "NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE").split()]
LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
         "ptmx": "pts/ptmx"}
DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
FILE_SYSTEMS = {"/proc": "proc", "/sys": "sysfs", "/dev/pts": "devpts", "/dev/shm": "tmpfs"}
NS = {"cgroup": "cgroup", "ipc": "ipc", "mount": "mnt", "network": "net", "pid": "pid", "user": "user", "uts": "uts"}
GROUP = f"{host.TAG}cgrouptest"


@pytest.fixture
def suite(box):
    """The box with the suite's default configuration."""
    box.bundle = box.rootfs
    box.config.update(hostname="mrsdalloway", root={"path": ".", "readonly": False})
    box.process.update(env=["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"])
    del box.process["noNewPrivileges"]
    set_caps(box.process, CAPS, SETS)
    box.mounts[:] = [m for m in box.mounts if m["destination"] != "/sys/fs/cgroup"]
    without_namespace(box.config, "cgroup")
    box.linux["maskedPaths"], box.linux["readonlyPaths"] = [], []
    with open(PROFILE) as f:
        box.linux["seccomp"] = json.load(f)
    return box


def no_seccomp(box, *more_caps):
    del box.linux["seccomp"]
    set_caps(box.process, [*CAPS, *more_caps], SETS)


def created(box):
    """create, and what `state` says meanwhile: nothing before, then these two, and never again `creating`."""
    p = box.start_create()
    seen = ["none"]
    while p.poll() is None:
        r = box.orlop("state", box.id)
        seen.append(r.json()["status"] if r.rc == 0 else r.failed("does not exist") and "none")
    box.orlop.finish(p).ok()
    order = ["none", "creating", "created"]
    assert set(seen) <= set(order) and seen == sorted(seen, key=order.index), seen
    assert box.status() == "created"


def lived(box):
    """create, start, `state` until it is stopped, delete: the output."""
    created(box)
    box.start().ok()
    box.wait_stopped()
    out = box.output()
    box.delete().ok()
    return out


def runtimetest(box, *commands):
    """Run the probe and compare what it sees with the configuration, as far as that says something."""
    c, p, linux = box.config, box.process, box.linux
    asked = [["readlink", f"/dev/{n}"] for n in LINKS] + [["stat", f"/dev/{n}"] for n in DEVICES]
    asked += [["stat", d["path"]] for d in linux.get("devices", [])]
    asked += [[verb, path, *rest] for path in linux["maskedPaths"] for verb, *rest in (["open", "r"], ["list"])]
    asked += [["mkdir", f"{path}/new"] for path in linux["readonlyPaths"]]
    asked += [["chmod", path, "0755"] for path in linux["readonlyPaths"]]
    asked += [["open", "/proc/sys/" + key.replace(".", "/"), "r"] for key in linux.get("sysctl", {})]
    asked += [["mkdir", "/written"], ["open", "/proc/self/uid_map", "r"], ["open", "/proc/self/gid_map", "r"], *commands,
              ["state"]]
    if os.path.exists(f"{box.rootfs}/written"):
        os.rmdir(f"{box.rootfs}/written")
    box.args(*[w for one in asked for w in [*one, ","]][:-1])
    seen = json.loads(lived(box))
    results = iter(seen["results"])

    def take(n):
        return [next(results) for _ in range(n)]
    assert [r["text"] for r in take(len(LINKS))] == list(LINKS.values())
    for (name, numbers), st in zip(DEVICES.items(), take(len(DEVICES))):
        assert stat.S_ISCHR(st["mode"]) and (st["rmajor"], st["rminor"]) == numbers, name
    for d, st in zip(linux.get("devices", []), take(len(linux.get("devices", [])))):
        kind = {"c": stat.S_IFCHR, "b": stat.S_IFBLK, "p": stat.S_IFIFO}[d["type"]]
        assert st["mode"] == kind | d["fileMode"] and (st["uid"], st["gid"]) == (d["uid"], d["gid"]), d
        assert d["type"] == "p" or (st["rmajor"], st["rminor"]) == (d["major"], d["minor"]), d
    for path in linux["maskedPaths"]:
        opened, listed = take(2)
        assert not opened.get("text") and not listed.get("names"), path
    for r in take(2 * len(linux["readonlyPaths"])):
        assert r["errno"] in ("EROFS", "ENOTDIR"), r
    for key, r in zip(linux.get("sysctl", {}), take(len(linux.get("sysctl", {})))):
        assert r["text"] == linux["sysctl"][key] + "\n", key
    touched, uids, gids = take(3)
    assert touched["errno"] == ("EROFS" if c["root"]["readonly"] else touched["errno"] if p["user"]["uid"] else None)
    for key, r in (("uidMappings", uids), ("gidMappings", gids)):
        if key in linux:
            assert [[int(x) for x in line.split()] for line in r["text"].splitlines()] == [
                [m["containerID"], m["hostID"], m["size"]] for m in linux[key]]
    assert seen["hostname"] == c.get("hostname", os.uname().nodename)
    assert seen["proc_cwd"] == p["cwd"]
    assert set(p["env"]) <= set(seen["env"])
    assert (seen["uids"], seen["gids"]) == ([p["user"]["uid"]] * 4, [p["user"]["gid"]] * 3)
    assert seen["groups"] == p["user"].get("additionalGids", [])
    for limit in p["rlimits"]:
        assert seen["rlimits"][limit["type"][7:]] == [limit["soft"], limit["hard"]], limit
    can = int(kernel.status("self")["CapBnd"], 16)
    for name in SETS:
        assert seen["caps"][name] == sum(1 << ALL_CAPS.index(x) for x in p["capabilities"][name]) & can, name
    assert seen["argv"] == p["args"]
    assert seen["no_new_privs"] == int(p.get("noNewPrivileges", False))
    if "oomScoreAdj" in p:
        assert seen["oom_score_adj"] == f"{p['oomScoreAdj']}\n"
    mounts = kernel.parse_mountinfo(seen["mountinfo"])
    at = 0
    for m in c["mounts"]:
        while at < len(mounts) and not same_mount(m, mounts[at]):
            at += 1
        assert at < len(mounts), f"{m} is not there, or not in this order"
    for target, fstype in FILE_SYSTEMS.items():
        assert kernel.mount_at(mounts, target).fstype == fstype
    if "rootfsPropagation" in linux:
        got, word = kernel.mount_at(mounts, "/").propagation - {"propagate_from"}, linux["rootfsPropagation"]
        wanted = {"shared": {"shared"}, "slave": {"master"}, "unbindable": {"unbindable"}, "private": set()}[word]
        # what is shared again may be the slave of the host's mount, too
        assert (got - {"master"} if word == "shared" else got) == wanted
    return seen, list(results)


def same_mount(wanted, seen):
    if seen.target != wanted["destination"]:
        return False
    if {"bind", "rbind"} & set(wanted.get("options", [])):
        return os.path.basename(seen.root) == os.path.basename(wanted["source"])
    return seen.fstype == wanted["type"] and seen.source == wanted["source"]


# ---- life

@pytest.mark.spec("RT-004", "RT-036", "RT-037", "RT-038", "RT-039")
def test_create(suite, orlop):
    suite.args("pause").write()
    orlop("create", "--bundle", suite.bundle).failed()
    suite.create().ok()
    assert suite.state()["id"] == suite.id
    suite.create().failed("already exists")
    assert suite.status() == "created"


@pytest.mark.spec("RT-013", "RT-023", "RT-044", "RT-045", "RT-046", "RT-047", "RT-048")
def test_start(suite, orlop):
    orlop("start").failed()
    orlop("start", "unknown").failed("does not exist")
    suite.file("output")
    suite.add_busybox()
    suite.args("/bin/sh", "-c", "echo process called >>/output")
    suite.create().ok()
    assert kernel.read(f"{suite.rootfs}/output") == ""
    suite.start().ok()
    suite.wait_stopped()
    assert kernel.read(f"{suite.rootfs}/output") == "process called\n"
    suite.start().failed("stopped")
    assert kernel.read(f"{suite.rootfs}/output") == "process called\n"
    suite.delete().ok()
    del suite.config["process"]
    suite.create().ok()
    suite.start().failed("process")


@pytest.mark.spec("RT-033", "RT-034", "RT-035")
def test_state(suite, orlop):
    orlop("state").failed()
    orlop("state", "unknown").failed("does not exist")
    suite.args("pause").create().ok()
    assert suite.state()["status"] == "created"
    suite.kill("KILL").ok()
    suite.wait_stopped()
    suite.delete().ok()


@pytest.mark.spec("RT-049", "RT-050", "RT-052")
def test_kill(suite, orlop):
    orlop("kill", "KILL").failed()
    orlop("kill", "unknown", "KILL").failed("does not exist")
    suite.args("exit", 0).create().ok()
    suite.kill("KILL").ok()
    suite.wait_stopped()
    suite.delete().ok()
    suite.create().ok()
    suite.start().ok()
    suite.wait_stopped()
    suite.kill("KILL").failed("not running")
    suite.delete().ok()
    suite.up()
    suite.kill("KILL").ok()
    suite.wait_stopped()


@pytest.mark.spec("RT-051")
def test_kill_no_effect(suite, orlop):
    suite.args("exit", 0).create().ok()
    suite.start().ok()
    suite.wait_stopped()
    before = orlop("state", suite.id).ok().out
    suite.kill("KILL").failed("not running")
    assert orlop("state", suite.id).ok().out == before


@pytest.mark.spec("RT-052")
def test_killsig(suite):
    """Each signal reaches the program as what it is."""
    suite.add_busybox()
    for name in ("TERM", "USR1", "USR2"):
        suite.args("/bin/sh", "-c", f"trap 'echo {name} >/caught; exit 0' {name}; echo trapped; while :; do sleep 0.01; done")
        suite.create().ok()
        suite.start().ok()
        kernel.until(lambda: "trapped" in suite.output())
        suite.kill(name).ok()
        suite.wait_stopped()
        assert kernel.read(f"{suite.rootfs}/caught") == f"{name}\n"
        suite.delete().ok()


@pytest.mark.spec("RT-053", "RT-054", "RT-055", "RT-056")
def test_delete(suite, orlop):
    """But for a created container, which engines delete so: the manual page says it."""
    orlop("delete").failed()
    orlop("delete", "unknown").failed("does not exist")
    pid = suite.up()
    suite.delete().failed("not stopped")
    assert suite.status() == "running" and kernel.alive(pid)
    suite.kill("KILL").ok()
    suite.wait_stopped()
    suite.delete().ok()
    orlop("state", suite.id).failed("does not exist")
    suite.args("pause").create().ok()
    suite.delete().ok()


@pytest.mark.spec("RT-056", "RT-026")
@pytest.mark.needs_controllers("pids")
def test_delete_resources(suite):
    suite.linux["cgroupsPath"] = f"/{GROUP}"
    suite.linux["resources"]["pids"] = {"limit": 1000}
    suite.up()
    assert kernel.read(f"{host.CGROUP}/{GROUP}/pids.max") == "1000\n"
    suite.kill("KILL").ok()
    suite.wait_stopped()
    suite.delete().ok()
    assert not os.path.exists(f"{host.CGROUP}/{GROUP}")


@pytest.mark.spec("RT-057")
def test_delete_only_create_resources(suite):
    os.mkdir(f"{host.CGROUP}/{GROUP}")
    try:
        suite.linux["cgroupsPath"] = f"/{GROUP}/inner"
        suite.up()
        suite.kill("KILL").ok()
        suite.wait_stopped()
        suite.delete().ok()
        assert os.listdir(f"{host.CGROUP}/{GROUP}") and not os.path.exists(f"{host.CGROUP}/{GROUP}/inner")
    finally:
        suite.orlop.clean()
        os.rmdir(f"{host.CGROUP}/{GROUP}")


@pytest.mark.spec("RT-014")
def test_config_updates_without_affect(suite):
    suite.linux.update(maskedPaths=["/proc/kcore"], readonlyPaths=["/proc/fs"], sysctl={"net.ipv4.ip_forward": "1"},
                       rootfsPropagation="shared")
    suite.process["oomScoreAdj"] = 100
    suite.args("open", "/proc/kcore", "r", ",", "open", "/proc/sys/net/ipv4/ip_forward", "r", ",", "state")
    suite.create().ok()
    config, suite.config = suite.config, {"ociVersion": "1.0.0"}
    suite.write()
    suite.start().ok()
    suite.wait_stopped()
    seen = json.loads(suite.output())
    assert seen["oom_score_adj"] == "100\n" and seen["hostname"] == config["hostname"]
    kcore, forward = seen["results"]
    assert not kcore.get("text") and forward["text"] == "1\n"
    suite.delete().ok()


@pytest.mark.spec("RT-007")
def test_pidfile(suite):
    suite.args("pause").create().ok()
    assert kernel.read(suite.pid_file) == str(suite.state()["pid"])
    suite.start().ok()
    suite.kill("KILL").ok()
    suite.wait_stopped()


@pytest.mark.spec("CF-101", "CF-103", "CF-002")
def test_misc_props(suite):
    suite.config["annotations"] = {"org.5a8b7d3e-4d6a-4f64-8c31-3dd2d4f6f6a5": ""}
    runtimetest(suite)
    suite.config["unknown"] = "property"
    runtimetest(suite)
    suite.config["ociVersion"] = "invalid"
    suite.refused("/ociVersion")


# ---- hooks

def hook(box, kind, text, **more):
    """The suite's hooks are programs of the host, with arguments."""
    box.config.setdefault("hooks", {}).setdefault(kind, []).append(
        {"path": "/bin/sh", "args": ["sh", "-c", text], **more})


@pytest.fixture
def log(suite):
    """A suite whose program and hooks write to one file: log() is what it holds."""
    path = suite.file("output")
    suite.add_busybox()
    suite.args("/bin/sh", "-c", "echo process called >>/output; exec /bin/probe pause")
    suite.note = lambda kind, what, end="": hook(suite, kind, f"echo {what} called >>{path}; {end}")
    return lambda: kernel.read(path).splitlines()


@pytest.mark.spec("CF-068", "RT-015", "RT-024", "RT-027")
def test_hooks(suite, log):
    for kind in ("prestart", "poststart", "poststop"):
        for n in "12":
            suite.note(kind, f"{kind}{n}")
    suite.create().ok()
    assert log() == ["prestart1 called", "prestart2 called"]
    suite.start().ok()
    kernel.until(lambda: "READY" in suite.output())
    assert sorted(log()[2:]) == ["poststart1 called", "poststart2 called", "process called"]
    suite.kill("KILL").ok()
    suite.wait_stopped()
    suite.delete().ok()
    assert log()[5:] == ["poststop1 called", "poststop2 called"]


@pytest.mark.spec("CF-069")
def test_hooks_stdin(suite, log):
    """The statuses as the text defines them: the program wants `created` for prestart, too early."""
    suite.config["annotations"] = {"key": "value"}
    for kind in ("prestart", "poststart", "poststop"):
        hook(suite, kind, f"cat >{suite.bundle}/{kind}", timeout=20)
    suite.create().ok()
    pid = suite.pid
    suite.start().ok()
    suite.kill("KILL").ok()
    suite.wait_stopped()
    suite.delete().ok()
    for kind, status in (("prestart", "creating"), ("poststart", "running"), ("poststop", "stopped")):
        s = json.loads(kernel.read(f"{suite.bundle}/{kind}"))
        assert (s["id"], s["bundle"], s["status"], s["annotations"]) == (
            suite.id, suite.bundle, status, {"key": "value"}), kind
        assert kind == "poststop" or s["pid"] == pid


@pytest.mark.spec("RT-015")
def test_prestart(suite, log):
    """At create, since version 1.1."""
    suite.note("prestart", "prestart")
    suite.create().ok()
    assert log() == ["prestart called"]
    suite.start().ok()
    kernel.until(lambda: len(log()) == 2)


@pytest.mark.spec("RT-016")
def test_prestart_fail(suite, log, orlop):
    suite.note("prestart", "prestart", "exit 1")
    suite.refused("prestart hook #0")
    assert log() == ["prestart called"]
    orlop("state", suite.id).failed("does not exist")


@pytest.mark.spec("RT-024")
def test_poststart(suite, log):
    suite.note("poststart", "poststart")
    suite.create().ok()
    assert log() == []
    suite.start().ok()
    kernel.until(lambda: len(log()) == 2)
    assert sorted(log()) == ["poststart called", "process called"]


@pytest.mark.spec("RT-025")
def test_poststart_fail(suite, log, orlop):
    """An error since version 1.3."""
    suite.note("poststart", "poststart1", "exit 1")
    suite.note("poststart", "poststart2")
    suite.create().ok()
    suite.start().failed("poststart hook #0")
    assert "poststart1 called" in log() and "poststart2 called" not in log()
    orlop("state", suite.id).failed("does not exist")


@pytest.mark.spec("RT-027")
def test_poststop(suite, log):
    suite.note("poststop", "poststop")
    suite.create().ok()
    suite.start().ok()
    suite.kill("KILL").ok()
    suite.wait_stopped()
    assert "poststop called" not in log()
    suite.delete().ok()
    assert log()[-1] == "poststop called"


@pytest.mark.spec("RT-028", "RT-029")
def test_poststop_fail(suite, log):
    suite.note("poststop", "poststop1", "exit 1")
    suite.note("poststop", "poststop2")
    suite.create().ok()
    suite.start().ok()
    suite.kill("KILL").ok()
    suite.wait_stopped()
    assert "poststop hook #0" in suite.delete().ok().err
    assert log()[-2:] == ["poststop1 called", "poststop2 called"]


# ---- the process

@pytest.mark.spec("CF-021", "CF-008", "CL-001", "CL-002", "CL-003", "CL-004")
def test_default(suite):
    seen, _ = runtimetest(suite)
    assert seen["seccomp"] == 2 and seen["pid"] == 1


@pytest.mark.spec("RT-040")
def test_process(suite):
    os.mkdir(f"{suite.rootfs}/test", 0o700)
    suite.process["cwd"] = "/test"
    suite.process["env"] += ["testa=valuea", "testb=123"]
    runtimetest(suite)


@pytest.mark.spec("RT-040")
def test_process_user(suite):
    suite.process["user"] = {"uid": 10, "gid": 10, "additionalGids": [5], "umask": 2}
    seen, _ = runtimetest(suite)
    assert seen["umask"] == 2


@pytest.mark.spec("CF-030", "CF-032", "CF-034")
def test_process_rlimits(suite):
    g = 1 << 30
    suite.process["rlimits"] = [{"type": f"RLIMIT_{n}", "soft": s, "hard": h} for n, s, h in (
        ("AS", g, 2 * g), ("CORE", 3 * g, 4 * g), ("DATA", 5 * g, 6 * g), ("FSIZE", 7 * g, 8 * g),
        ("STACK", 9 * g, 10 * g), ("CPU", 60, 120), ("NOFILE", 3000, 4000))]
    runtimetest(suite)


@pytest.mark.spec("CF-029", "CF-104")
def test_process_rlimits_fail(suite):
    suite.process["rlimits"].append({"type": "RLIMIT_TEST", "soft": 1024, "hard": 1024})
    suite.refused("RLIMIT_TEST", "/process/rlimits/1")


@pytest.mark.spec("CF-037")
def test_process_capabilities(suite):
    """All of them, in all sets; runtimetest() expects those that this host can give."""
    no_seccomp(suite)
    set_caps(suite.process, ALL_CAPS, SETS)
    runtimetest(suite)


@pytest.mark.spec("CF-036", "RT-031")
def test_process_capabilities_fail(suite):
    """A warning since version 1.1."""
    suite.process["capabilities"]["bounding"].append("CAP_TEST")
    r = suite.args("exit", 0).run().ok()
    assert "CAP_TEST" in r.err and "warning" in r.err


@pytest.mark.spec("CF-038")
def test_process_oom_score_adj(suite):
    suite.process["oomScoreAdj"] = 500
    runtimetest(suite)


@pytest.mark.spec("RT-040")
def test_hostname(suite):
    suite.config["hostname"] = "hostname-specific"
    runtimetest(suite)
    del suite.config["hostname"]
    runtimetest(suite)


@pytest.mark.spec("CF-007")
def test_root_readonly_true(suite):
    suite.config["root"]["readonly"] = True
    runtimetest(suite)


# ---- mounts, devices, paths

WORDS = ("shared", "rshared", "slave", "rslave", "private", "rprivate", "unbindable", "runbindable")


@pytest.mark.spec("CF-008", "CF-013")
def test_mounts(suite):
    """In order; a word for a file system on a bind mount has nothing to go to, and does no harm."""
    for i, word in enumerate(("shared", "slave", "private")):
        suite.mounts.append(mount(f"/tmp/tmpfs{i}", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=1k", word]))
    for i, word in enumerate(WORDS):
        kind = "rbind" if word.startswith("r") else "bind"
        suite.mounts.append(mount(f"/tmp/bind{i}", None, "/etc",
                                  [kind, "nosuid", "strictatime", "mode=755", "size=1k", word]))
    runtimetest(suite)


@pytest.mark.spec("CL-024")
def test_linux_devices(suite):
    """Minor numbers above 255, and modes whatever the umask is."""
    suite.linux["devices"] = [
        {"path": "/dev/test1", "type": "c", "major": 10, "minor": 666, "fileMode": 0o660, "uid": 0, "gid": 0},
        {"path": "/dev/test2", "type": "b", "major": 8, "minor": 666, "fileMode": 0o660, "uid": 0, "gid": 0},
        {"path": "/dev/test3", "type": "p", "fileMode": 0o660, "uid": 0, "gid": 0}]
    runtimetest(suite)


def tree(suite):
    os.makedirs(f"{suite.rootfs}/masktest/dir/below")
    for name in ("file", "dir/file", "dir/below/file"):
        suite.file(f"masktest/{name}", "secret")
    suite.file("maskfile", "secret")
    return ["/masktest", "/maskfile", "/masktest/file", "/masktest/dir", "/masktest/dir/below"]


@pytest.mark.spec("CL-138")
@pytest.mark.parametrize("node", [None, ("b", 8, 666), ("c", 1, 5), ("p", 0, 0)], ids=str)
def test_linux_masked_paths(suite, node):
    suite.linux["maskedPaths"] = tree(suite)
    if node:
        kind = {"b": stat.S_IFBLK, "c": stat.S_IFCHR, "p": stat.S_IFIFO}[node[0]]
        os.mknod(f"{suite.rootfs}/node", kind | 0o666, os.makedev(*node[1:]))
        suite.linux["maskedPaths"] = ["/node"]
        suite.linux["resources"]["devices"] = [{"allow": True, "access": "rwm"}]
    runtimetest(suite)


@pytest.mark.spec("CL-139")
@pytest.mark.parametrize("node", [None, ("b", 8, 666), ("c", 1, 5), ("p", 0, 0)], ids=str)
def test_linux_readonly_paths(suite, node):
    suite.linux["readonlyPaths"] = tree(suite)
    if node:
        kind = {"b": stat.S_IFBLK, "c": stat.S_IFCHR, "p": stat.S_IFIFO}[node[0]]
        os.mknod(f"{suite.rootfs}/node", kind | 0o666, os.makedev(*node[1:]))
        suite.linux["readonlyPaths"] = ["/node"]
    _, written = runtimetest(suite, ["write", "/maskfile", "x"], ["write", "/masktest/dir/file", "x"])
    assert node or [r["errno"] for r in written] == ["EROFS"] * 2


@pytest.mark.parametrize("word", ["shared", "slave", "private", "unbindable"])
def test_linux_rootfs_propagation(suite, word):
    no_seccomp(suite, "CAP_SYS_ADMIN")
    suite.linux["rootfsPropagation"] = word
    runtimetest(suite)


def test_linux_sysctl(suite):
    suite.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    runtimetest(suite)


def test_linux_seccomp(suite):
    """getcwd(2) fails for the program; we do not need it once the filter is there."""
    suite.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["getcwd"], "action": "SCMP_ACT_ERRNO"}]}
    seen, _ = runtimetest(suite)
    assert seen["cwd"] is None and seen["seccomp"] == 2


def test_linux_mount_label(suite):
    """Without SELinux a label cannot be applied: an error, and never a mount without it."""
    label = "system_u:object_r:container_file_t:s0:c715,c811"
    suite.linux["mountLabel"] = label
    suite.mounts.append(mount("/labelled", "tmpfs", "tmpfs"))
    if not host.selinux():
        suite.refused("/linux/mountLabel")
        return
    seen, _ = runtimetest(suite)
    m = kernel.mount_at(kernel.parse_mountinfo(seen["mountinfo"]), "/labelled")
    assert label in ",".join(sorted(m.super)) or any("context=" in o for o in m.super)


@pytest.mark.spec("RT-042")
def test_linux_process_apparmor_profile(suite):
    """One that is not loaded, or no AppArmor at all: an error."""
    suite.process["apparmorProfile"] = "acme_secure_profile"
    suite.refused("/process/apparmorProfile")


# ---- namespaces

@pytest.mark.spec("CL-011", "CL-020", "CL-021", "CL-022", "CL-023")
def test_linux_uid_mappings(suite):
    namespace(suite.config, "user")
    suite.linux["uidMappings"] = [{"containerID": 0, "hostID": 1000, "size": 2000}]
    suite.linux["gidMappings"] = [{"containerID": 0, "hostID": 1000, "size": 3000}]
    os.chown(suite.rootfs, 1000, 1000)  # so that runtimetest() can write there
    runtimetest(suite)


@pytest.mark.spec("CL-006", "CL-007", "CL-008", "CL-009", "CL-010", "CL-011", "CL-012", "CL-017")
def test_linux_ns_nopath(suite):
    suite.linux["namespaces"] = [{"type": t} for t in NS]
    userns_maps(suite)
    suite.args("pause").create().ok()
    for name in NS.values():
        assert kernel.ns_inode(suite.pid, name) != kernel.ns_inode("self", name), name


def userns_maps(suite):
    for key in ("uidMappings", "gidMappings"):
        suite.linux[key] = [{"containerID": 0, "hostID": 1000, "size": 1000}]


@pytest.mark.spec("CL-015")
@pytest.mark.parametrize("kind", ["ipc", "mount", "network", "pid", "uts"])
def test_linux_ns_path(suite, kind):
    """Those of another process; of the pid namespace the one its children have."""
    flag = "--net" if kind == "network" else f"--{kind}"
    p = subprocess.Popen(["unshare", flag, "--fork", "sleep", "1000"], stdin=subprocess.DEVNULL)
    host.POPEN.add(p.pid)
    name = NS[kind]
    file = "pid_for_children" if kind == "pid" else name
    try:
        kernel.until(lambda: kernel.children(p.pid) and os.readlink(f"/proc/{p.pid}/ns/{file}")
                     != os.readlink(f"/proc/self/ns/{name}"))
        wanted = os.stat(f"/proc/{p.pid}/ns/{file}").st_ino
        namespace(suite.config, kind, f"/proc/{p.pid}/ns/{file}")
        if kind == "uts":
            del suite.config["hostname"]
        suite.args("pause").create().ok()
        assert kernel.ns_inode(suite.pid, name) == wanted
        suite.delete("--force").ok()
    finally:
        for child in kernel.children(p.pid):
            os.kill(child, 9)
        # the end of a pid namespace waits for those in it, which we have to collect
        kernel.until(lambda: (host.reap(), p.poll() is not None)[1])


@pytest.mark.spec("CL-016")
@pytest.mark.parametrize("kind,wrong", [("cgroup", "ipc"), ("ipc", "mnt"), ("mount", "net"), ("network", "pid"),
                                        ("pid", "user"), ("user", "uts"), ("uts", "cgroup")])
def test_linux_ns_path_type(suite, kind, wrong):
    namespace(suite.config, kind, f"/proc/self/ns/{wrong}")
    suite.refused("/linux/namespaces/")


@pytest.mark.spec("CL-018")
def test_linux_ns_itype(suite):
    """None at all: the mounts are made in ours, below the root file system, until delete."""
    suite.linux["namespaces"] = []
    del suite.config["hostname"]
    before = kernel.read("/proc/self/mountinfo")
    suite.args("pause").create().ok()
    for name in NS.values():
        assert kernel.ns_inode(suite.pid, name) == kernel.ns_inode("self", name), name
    below = [m.target for m in kernel.parse_mountinfo(kernel.read("/proc/self/mountinfo"))]
    assert {suite.rootfs + m["destination"] for m in suite.mounts} <= set(below)
    suite.kill("KILL").ok()
    suite.wait_stopped()
    suite.delete().ok()
    assert kernel.read("/proc/self/mountinfo") == before


# ---- cgroups: the suite's values in the files of version 2

def limited(suite, path=f"/{GROUP}", **resources):
    """Create with these limits: what the cgroup's files hold, by name; and no container any more."""
    suite.linux["cgroupsPath"] = path
    suite.linux["resources"].update(resources)
    suite.args("pause").create().ok()
    group = host.CGROUP + kernel.read(f"/proc/{suite.pid}/cgroup").splitlines()[-1][3:]
    assert group.endswith(path)
    found = {}
    for name in os.listdir(group):
        try:
            found[name] = kernel.read(f"{group}/{name}").rstrip("\n")
        except OSError:
            pass
    suite.delete("--force").ok()
    return found


RELATIVE = f"{host.TAG}dir/cgrouptest/container"
paths = pytest.mark.parametrize("path", [f"/{GROUP}", RELATIVE], ids=["absolute", "relative"])


@pytest.mark.spec("CL-086")
def test_linux_cgroups_blkio_not_convertible(suite):
    for more, where in (({"leafWeight": 300}, "leafWeight"),
                        ({"weightDevice": [{"major": 8, "minor": 0, "weight": 500, "leafWeight": 300}]}, "weightDevice/0")):
        suite.linux["resources"]["blockIO"] = {"weight": 500, **more}
        suite.refused(f"/linux/resources/blockIO/{where}")


@paths
@pytest.mark.spec("CL-049", "CL-071", "CL-074")
@pytest.mark.needs_controllers("io")
def test_linux_cgroups_blkio(suite, path):
    disk = next((kernel.read(f"/sys/block/{d}/dev").strip() for d in os.listdir("/sys/block")), None)
    if not disk:
        pytest.skip("no block device")
    major, minor = map(int, disk.split(":"))
    throttle = [{"major": major, "minor": minor, "rate": 102400}]
    files = limited(suite, path, blockIO={f"throttle{x}Device": throttle for x in (
        "ReadBps", "WriteBps", "ReadIOPS", "WriteIOPS")})
    assert files["io.max"] == f"{disk} rbps=102400 wbps=102400 riops=102400 wiops=102400"


@paths
@pytest.mark.spec("CL-049", "CL-050")
@pytest.mark.needs_controllers("cpu", "cpuset")
@pytest.mark.parametrize("shares,weight", [(1024, "100"), (2048, "174")])
@pytest.mark.parametrize("period", [100000, 500000])
@pytest.mark.parametrize("quota", [50000, 200000])
def test_linux_cgroups_cpus(suite, path, shares, weight, period, quota):
    files = limited(suite, path, cpu={"shares": shares, "period": period, "quota": quota, "cpus": "0", "mems": "0"})
    assert (files["cpu.weight"], files["cpu.max"]) == (weight, f"{quota} {period}")
    assert (files["cpuset.cpus"], files["cpuset.mems"]) == ("0", "0")


@paths
@pytest.mark.spec("CL-061", "CL-048", "CL-050")
def test_linux_cgroups_devices(suite, path):
    """Three rules after the one that denies all: what open(2) says."""
    no_seccomp(suite)
    suite.linux["cgroupsPath"] = path
    nodes = (("c", 10, 229, "rwm"), ("b", 8, 20, "rw"), ("b", 10, 200, "r"), ("c", 10, 230, ""))
    suite.linux["resources"]["devices"] += [{"allow": True, "type": t, "major": a, "minor": b, "access": access}
                                            for t, a, b, access in nodes if access]
    commands = []
    for t, a, b, _ in nodes:
        name = f"/{t}{a}-{b}"
        commands += [["mknod", name, t, str(a), str(b), "0600"], ["open", name, "r"], ["open", name, "w"]]
    _, results = runtimetest(suite, *commands)
    for i, (t, a, b, access) in enumerate(nodes):
        made, read, write = results[3 * i:3 * i + 3]
        assert made["ret"] == 0, (t, a, b)
        assert (read["errno"] == "EPERM", write["errno"] == "EPERM") == ("r" not in access, "w" not in access), (t, a, b)


@paths
@pytest.mark.spec("CL-077", "CL-078", "CL-050")
@pytest.mark.needs_controllers("hugetlb")
def test_linux_cgroups_hugetlb(suite, path):
    sizes = [int(d.split("-")[1][:-2]) for d in os.listdir("/sys/kernel/mm/hugepages")]
    names = [f"{s >> 20}GB" if s >= 1 << 20 else f"{s >> 10}MB" for s in sizes if s >= 1024]
    limits = [{"pageSize": n, "limit": 1 << 31} for n in names]
    files = limited(suite, path, hugepageLimits=limits)
    assert names and {files[f"hugetlb.{n}.max"] for n in names} == {str(1 << 31)}
    suite.linux["resources"]["hugepageLimits"] = [{"pageSize": "3MB", "limit": 1 << 31}]
    suite.refused("3MB", "/linux/resources/hugepageLimits/0")


@paths
@pytest.mark.needs_controllers("memory")
@pytest.mark.parametrize("limit", [50593792, 151781376])
def test_linux_cgroups_memory(suite, path, limit):
    files = limited(suite, path, memory={"limit": limit, "reservation": limit, "swap": limit})
    assert (files["memory.max"], files["memory.low"]) == (str(limit), str(limit))
    assert files.get("memory.swap.max", "0") == "0"


@pytest.mark.spec("CL-086")
@pytest.mark.parametrize("more", [{"swappiness": 10}, {"disableOOMKiller": True}, {"kernelTCP": 50593792}], ids=str)
def test_linux_cgroups_memory_not_convertible(suite, more):
    suite.linux["resources"]["memory"] = more
    suite.refused(f"/linux/resources/memory/{next(iter(more))}")


@pytest.mark.spec("CL-086")
@pytest.mark.parametrize("network", [{"classID": 255}, {"classID": 550}, {"priorities": [{"name": "lo", "priority": 10}]}],
                         ids=str)
def test_linux_cgroups_network(suite, network):
    suite.linux["resources"]["network"] = network
    suite.refused("/linux/resources/network/")


@paths
@pytest.mark.needs_controllers("pids")
def test_linux_cgroups_pids(suite, path):
    assert limited(suite, path, pids={"limit": 1000})["pids.max"] == "1000"
