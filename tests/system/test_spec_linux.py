# SPDX-License-Identifier: GPL-2.0-or-later
"""config-linux.md and runtime-linux.md of the specification, as far as no other test shows it."""
import json
import os
import stat
import subprocess

import pytest
from lib import host, kernel
from lib.config import namespace, set_caps, userns, without_namespace

DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}


def cgroup_of(pid):
    return kernel.read(f"/proc/{pid}/cgroup").splitlines()[-1]


# ---- descriptors and devices

@pytest.mark.spec("RL-001", "RL-002", "RL-003", "RL-004")
@pytest.mark.parametrize("closed", [(), (0,), (0, 1, 2)], ids=str)
def test_links_do_not_depend_on_our_descriptors(box, closed):
    box.args("pause").create(fds=dict.fromkeys(closed)).ok()
    dev = f"/proc/{box.pid}/root/dev"
    assert [os.readlink(f"{dev}/{n}") for n in ("fd", "stdin", "stdout", "stderr", "ptmx")] == [
        "/proc/self/fd", "/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2", "pts/ptmx"]


@pytest.mark.spec("CL-031", "CL-032", "CL-033", "CL-034", "CL-035", "CL-036", "CL-038")
@pytest.mark.parametrize("who", ["root", "user", "user namespace", "user of a user namespace"])
def test_default_devices_for_everybody(box, who):
    """With the numbers they have, and fit for use."""
    if "namespace" in who:
        userns(box.config)
    if who.startswith("user") and who != "user namespace":
        box.process["user"] = {"uid": 1000, "gid": 1000}
    commands = [w for n in DEVICES for w in ("stat", f"/dev/{n}", ",")]
    commands += ["open", "/dev/null", "rw", ",", "open", "/dev/zero", "r", ",", "write", "/dev/full", "x", ",",
                 "open", "/dev/random", "r", ",", "open", "/dev/urandom", "r", ",", "open", "/dev/tty", "rw", ",",
                 "open", "/dev/ptmx", "rw"]
    r = box.probe(commands=commands)["results"]
    for (name, numbers), st in zip(DEVICES.items(), r):
        assert stat.S_ISCHR(st["mode"]) and (st["rmajor"], st["rminor"]) == numbers, name
    null, zero, full, random, urandom, tty, ptmx = r[len(DEVICES):]
    assert null["text"] == "" and zero["text"] == "\0" * 1024 and full["errno"] == "ENOSPC"
    assert len(random["text"]) == len(urandom["text"]) == 1024 and random["text"] != urandom["text"]
    assert tty["errno"] == "ENXIO"  # the device is there, a terminal is not
    assert ptmx["ret"] == 0


@pytest.mark.spec("CL-030", "CL-024")
def test_devices_with_one_number(box):
    """The author should not, and may."""
    box.linux["devices"] = [{"path": f"/dev/{n}", "type": "c", "major": 10, "minor": 229, "fileMode": 0o640 + i}
                            for i, n in enumerate(("fuse", "other", "third"))]
    r = box.probe(commands=["stat", "/dev/fuse", ",", "stat", "/dev/other", ",", "stat", "/dev/third"])["results"]
    assert [(x["rmajor"], x["rminor"], x["mode"] & 0o777) for x in r] == [(10, 229, 0o640 + i) for i in range(3)]


@pytest.mark.spec("CL-061")
@pytest.mark.parametrize("rules,opened", [
    ([(False, None, "rwm"), (True, (10, 229), "rw")], ["r", "w", "rw"]),
    ([(True, (10, 229), "rw"), (False, None, "rwm")], []),
    ([(False, None, "rwm"), (True, (10, 229), "r")], ["r"]),
    ([(False, None, "rwm"), (True, (10, 229), "r"), (True, (10, 229), "w")], ["r", "w", "rw"]),
    ([(False, None, "rwm"), (True, (10, 229), "rw"), (False, (10, 229), "w")], ["r"]),
    ([(True, None, "rwm"), (False, (10, None), "r"), (True, (10, 229), "r")], ["r", "w", "rw"])], ids=str)
def test_device_rules_in_order(box, rules, opened):
    """What open(2) of /dev/fuse's number says; ENXIO and the like come from the driver, EPERM from the rules."""
    set_caps(box.process, ["CAP_MKNOD", "CAP_DAC_OVERRIDE"])
    box.linux["resources"]["devices"] = [
        {"allow": allow, "access": access, **({"type": "c", **{k: n for k, n in zip(("major", "minor"), numbers)
                                                               if n is not None}} if numbers else {})}
        for allow, numbers, access in rules]
    r = box.probe(commands=["mknod", "/n", "c", 10, 229, 0o666, ",", "open", "/n", "r", ",", "open", "/n", "w", ",",
                            "open", "/n", "rw"])["results"]
    assert r[0]["ret"] == 0  # making nodes is always allowed: it is useless without the right to open them
    assert [way for way, x in zip(("r", "w", "rw"), r[1:]) if x["errno"] != "EPERM"] == opened


@pytest.mark.spec("CL-027")
def test_device_path_taken_by_a_file(box):
    box.file("dev-file", "text")
    box.linux["devices"] = [{"path": "/dev-file", "type": "p"}]
    box.refused("/dev-file", "/linux/devices/0")
    assert kernel.read(f"{box.rootfs}/dev-file") == "text"
    os.mkfifo(f"{box.rootfs}/pipe")
    os.chmod(f"{box.rootfs}/pipe", 0o600)
    box.linux["devices"] = [{"path": "/pipe", "type": "p", "fileMode": 0o600}]
    assert stat.S_ISFIFO(box.attack("stat", "/pipe")["mode"])


# ---- namespaces

@pytest.mark.spec("CL-018")
def test_no_namespaces_at_all(box):
    """Every one is the caller's."""
    box.linux["namespaces"] = []
    box.config["mounts"], box.linux["maskedPaths"], box.linux["readonlyPaths"] = [], [], []
    del box.config["hostname"]
    pid = box.up()
    for kind in ("cgroup", "ipc", "mount", "network", "pid", "user", "uts", "time"):
        assert kernel.ns_inode(pid, kind) == kernel.ns_inode("self", kind), kind


@pytest.mark.spec("CL-020", "CL-021", "CL-022", "CL-023")
def test_maps_are_written_and_owners_stay(box):
    """Nobody's files are given to others to make the mapping true."""
    userns(box.config, 100000, 200000, 1000)
    files = [os.path.join(top, n) for top, dirs, names in os.walk(box.rootfs) for n in [*dirs, *names]]
    before = [(f, os.lstat(f).st_uid, os.lstat(f).st_gid) for f in files]
    pid = box.up()
    assert kernel.read(f"/proc/{pid}/uid_map").split() == ["0", "100000", "1000"]
    assert kernel.read(f"/proc/{pid}/gid_map").split() == ["0", "200000", "1000"]
    assert before == [(f, os.lstat(f).st_uid, os.lstat(f).st_gid) for f in files]


@pytest.mark.spec("CL-014")
def test_relative_namespace_path(box, orlop):
    os.symlink("/proc/self/ns/net", f"{box.bundle}/netns")
    namespace(box.config, "network", "netns")
    box.write()
    r = orlop("create", "-b", box.bundle, box.id, cwd=box.bundle)
    r.failed("/linux/namespaces/5/path", "absolute")


# ---- cgroups

@pytest.mark.spec("CL-048", "CL-049", "CL-050")
def test_cgroups_path(make_box):
    """Absolute: from the mount point; relative: always the same place; both as the kernel says."""
    name = f"{host.TAG}a"
    seen = []
    for path in (f"/{name}/b", f"{name}/b", f"/{name}/b", f"{name}/b"):
        box = make_box()
        box.linux["cgroupsPath"] = path
        pid = box.up()
        seen.append(cgroup_of(pid))
        assert str(pid) in kernel.read(f"{host.CGROUP}{seen[-1][3:]}/cgroup.procs").split()
        box.delete("--force").ok()
    assert seen[0] == seen[2] == f"0::/{name}/b"
    assert seen[1] == seen[3] and seen[1].endswith(f"/{name}/b")
    assert not os.path.exists(f"{host.CGROUP}/{name}")


@pytest.mark.spec("CL-048", "CL-051")
@pytest.mark.parametrize("path", ["/..", "..", "/a/../../b", "../a", "/", "/a\nb"], ids=ascii)
def test_cgroups_path_that_is_none(box, path):
    box.linux["cgroupsPath"] = path
    box.refused("/linux/cgroupsPath")


@pytest.mark.spec("CL-047")
def test_cgroup_that_is_not_fit(box):
    """One in which somebody else is, and one that is frozen; both as they were, afterwards."""
    group = f"{host.CGROUP}/{host.TAG}taken"
    os.mkdir(group)
    p = subprocess.Popen(["sleep", "1000"])
    try:
        box.linux["cgroupsPath"] = f"/{host.TAG}taken"
        with open(f"{group}/cgroup.procs", "w") as f:
            f.write(str(p.pid))
        box.refused(host.TAG, "processes")
        assert kernel.read(f"{group}/cgroup.procs").split() == [str(p.pid)] and kernel.alive(p.pid)
        p.kill()
        p.wait()
        with open(f"{group}/cgroup.freeze", "w") as f:
            f.write("1")
        box.refused("container's cgroup unexpectedly frozen", host.TAG)
        assert kernel.read(f"{group}/cgroup.freeze") == "1\n"
        with open(f"{group}/cgroup.freeze", "w") as f:
            f.write("0")
        box.up()
    finally:
        box.orlop.clean()
        p.kill()
        p.wait()
        os.rmdir(group)


@pytest.mark.spec("CL-083", "CL-084")
@pytest.mark.needs_controllers("hugetlb")
def test_unified(box):
    """The controller is switched on all the way; a file that we know nothing of is written too."""
    box.linux["cgroupsPath"] = f"/{host.TAG}u/v/w"
    box.linux["resources"]["unified"] = {"hugetlb.2MB.max": "4194304", "cgroup.max.depth": "3"}
    pid = box.up()
    group = host.CGROUP + cgroup_of(pid)[3:]
    assert kernel.read(f"{group}/hugetlb.2MB.max") == "4194304\n"
    assert kernel.read(f"{group}/cgroup.max.depth") == "3\n"
    assert "hugetlb" in kernel.read(f"{group}/cgroup.controllers")


@pytest.mark.spec("CL-083", "CL-084", "CL-081")
@pytest.mark.needs_controllers("memory", "pids")
def test_unified_memory(box):
    box.linux["cgroupsPath"] = f"/{host.TAG}u/v/w"
    box.linux["resources"].update(unified={"memory.high": "536870912", "memory.oom.group": "1"}, pids={"limit": 77})
    group = host.CGROUP + cgroup_of(box.up())[3:]
    assert kernel.read(f"{group}/memory.high") == "536870912\n"
    assert kernel.read(f"{group}/memory.oom.group") == "1\n"
    assert kernel.read(f"{group}/pids.max") == "77\n"
    box.delete("--force").ok()
    box.linux["resources"]["pids"] = {"limit": -1}
    group = host.CGROUP + cgroup_of(box.up())[3:]
    # no limit needs no controller
    assert not os.path.exists(f"{group}/pids.max") or kernel.read(f"{group}/pids.max") == "max\n"


@pytest.mark.spec("CL-085", "RT-042", "RT-043")
@pytest.mark.parametrize("key,words", [("nosuch.max", "nosuch"), ("cgroup.nosuch", "cgroup.nosuch")])
def test_unified_that_cannot_be(box, key, words):
    box.linux["resources"]["unified"] = {key: "1"}
    box.refused(words, "/linux/resources/unified")


@pytest.mark.spec("CL-085", "RT-042", "RT-043")
def test_controller_that_is_not_there(box):
    """Whatever this host lacks: the message names it."""
    known = {"memory": "memory.high", "pids": "pids.max", "cpu": "cpu.weight", "io": "io.weight",
             "rdma": "rdma.max", "misc": "misc.max", "cpuset": "cpuset.cpus"}
    for name, key in known.items():
        if name not in host.controllers():
            box.linux["resources"]["unified"] = {key: "1"}
            box.refused(name, "/linux/resources/unified")


@pytest.mark.spec("CL-086", "RT-042")
@pytest.mark.parametrize("resources,where", [
    ({"memory": {"swappiness": 10}}, "memory/swappiness"),
    ({"memory": {"disableOOMKiller": True}}, "memory/disableOOMKiller"),
    ({"memory": {"kernelTCP": 4096}}, "memory/kernelTCP"), ({"memory": {"kernel": 4096}}, "memory/kernel"),
    ({"blockIO": {"leafWeight": 300}}, "blockIO/leafWeight"), ({"network": {"classID": 255}}, "network/classID"),
    ({"network": {"priorities": [{"name": "lo", "priority": 1}]}}, "network/priorities"),
    ({"cpu": {"realtimeRuntime": 950000}}, "cpu/realtimeRuntime"),
    ({"cpu": {"realtimePeriod": 1000000}}, "cpu/realtimePeriod")], ids=str)
def test_what_only_version_1_has(box, resources, where):
    box.linux["resources"].update(resources)
    box.refused(f"/linux/resources/{where}")


@pytest.mark.spec("CL-077", "CL-078")
@pytest.mark.needs_controllers("hugetlb")
def test_hugepage_limits(box):
    limit = {"pageSize": "2MB", "limit": 4194304}
    box.linux["resources"]["hugepageLimits"] = [limit]
    group = host.CGROUP + cgroup_of(box.up())[3:]
    assert kernel.read(f"{group}/hugetlb.2MB.max") == "4194304\n"
    assert kernel.read(f"{group}/hugetlb.2MB.rsvd.max") == "4194304\n"
    box.delete("--force").ok()
    for size in ("3MB", "64kB", "2M", ""):
        limit["pageSize"] = size
        box.refused("/linux/resources/hugepageLimits/0")


DELEGATED = {"cgroup.procs", "cgroup.subtree_control", "cgroup.threads"}


def owners(box):
    """The container's cgroup as (owner of the directory, {file: owner})."""
    group = host.CGROUP + cgroup_of(box.pid)[3:]
    return os.stat(group).st_uid, {n: os.stat(f"{group}/{n}").st_uid for n in os.listdir(group)
                                   if os.path.isfile(f"{group}/{n}")}


@pytest.fixture
def writable(box):
    """A container of a user namespace that has its cgroup to write to."""
    userns(box.config, 100000)
    box.process["user"] = {"uid": 7, "gid": 7}
    [m] = [m for m in box.mounts if m["destination"] == "/sys/fs/cgroup"]
    m["options"].remove("ro")
    return box


@pytest.mark.spec("CL-054", "CL-056", "CL-057", "CL-058", "CL-060")
@pytest.mark.parametrize("mapped", [True, False])
def test_cgroup_is_given_to_the_user(writable, mapped):
    """The directory and what the kernel says may be given away; no limit. Then it can be used."""
    if not mapped:
        without_namespace(writable.config, "user")
        del writable.linux["uidMappings"], writable.linux["gidMappings"]
    uid = 100007 if mapped else 7
    writable.up()
    directory, files = owners(writable)
    try:
        listed = set(kernel.read("/sys/kernel/cgroup/delegate").split())
    except FileNotFoundError:
        listed = DELEGATED
    assert directory == uid and DELEGATED <= listed
    assert {n for n, owner in files.items() if owner == uid} == listed & set(files)
    assert set(files.values()) == {0, uid}
    r = writable.exec("--", "mkdir", "/sys/fs/cgroup/mine", ",", "write", "/sys/fs/cgroup/mine/cgroup.procs", "1", ",",
                      "write", "/sys/fs/cgroup/cgroup.max.depth", "0", ",",
                      "open", "/sys/fs/cgroup/mine/cgroup.procs", "r").json()["results"]
    assert [x["errno"] for x in r] == [None, None, "EACCES", None] and r[3]["text"] == "1\n"
    writable.delete("--force").ok()


@pytest.mark.spec("CL-053", "CL-054", "CL-055", "CL-060")
@pytest.mark.parametrize("why", ["read-only", "later word", "other source", "no mount", "no cgroup namespace"])
def test_cgroup_stays_with_root(writable, why):
    [m] = [m for m in writable.mounts if m["destination"] == "/sys/fs/cgroup"]
    if why in ("read-only", "later word"):
        m["options"] += ["ro"] if why == "read-only" else ["rw", "ro"]
    elif why == "other source":
        m["source"] = "cgroup2"
    elif why == "no mount":
        writable.mounts.remove(m)
    else:
        without_namespace(writable.config, "cgroup")
        m["options"].append("ro")
        writable.up()
        assert owners(writable)[0] == 0
        writable.delete("--force").ok()
        m["options"].remove("ro")
        if writable.create().rc:  # refused: without the namespace others could be seen there
            return
    if why != "no cgroup namespace":
        writable.up()
    directory, files = owners(writable)
    assert directory == 0 and set(files.values()) == {0}


@pytest.mark.spec("CL-045", "CL-046")
def test_interface_stays_in_a_namespace_that_is_joined(box, make_box):
    """delete does not take it out again."""
    other = make_box()
    pid = other.up()
    name = f"o{os.getpid() % 100000:x}x"
    ip = ["nsenter", f"--net=/proc/{pid}/ns/net", "ip", "link", "show", "eth5"]
    subprocess.run(["ip", "link", "add", name, "type", "veth", "peer", "name", f"{name}p"], check=True)
    try:
        namespace(box.config, "network", f"/proc/{pid}/ns/net")
        box.linux["netDevices"] = {name: {"name": "eth5"}}
        box.up()
        box.delete("--force").ok()
        r = subprocess.run(ip, capture_output=True, text=True)
        assert r.returncode == 0 and "UP" in r.stdout
    finally:
        subprocess.run(["ip", "link", "del", f"{name}p"], check=True)


# ---- seccomp

@pytest.mark.spec("CL-115", "CL-116", "CL-125", "CL-126", "CL-127", "CL-128", "CL-129", "CL-130", "CL-131")
@pytest.mark.parametrize("change,where", [
    ({"defaultAction": None}, "/defaultAction"), ({"defaultAction": "ALLOW"}, "/defaultAction"),
    ({"defaultErrnoRet": 1}, "/defaultErrnoRet"), ({"rule": {"names": None}}, "/syscalls/0/names"),
    ({"rule": {"names": []}}, "/syscalls/0/names"), ({"rule": {"action": None}}, "/syscalls/0/action"),
    ({"rule": {"action": "SCMP_ACT_KILL", "errnoRet": 1}}, "/syscalls/0/errnoRet"),
    ({"rule": {"action": "SCMP_ACT_ALLOW", "errnoRet": 1}}, "/syscalls/0/errnoRet"),
    ({"arg": {"index": None}}, "/syscalls/0/args/0/index"), ({"arg": {"index": 6}}, "/syscalls/0/args/0/index"),
    ({"arg": {"value": None}}, "/syscalls/0/args/0/value"), ({"arg": {"op": None}}, "/syscalls/0/args/0/op"),
    ({"arg": {"op": "EQ"}}, "/syscalls/0/args/0/op")], ids=str)
def test_impossible_seccomp(box, change, where):
    arg = {"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}
    rule = {"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "args": [arg]}
    profile = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}
    arg.update(change.pop("arg", {}))
    rule.update(change.pop("rule", {}))
    profile.update(change)
    for d in (arg, rule, profile):
        for k in [k for k, v in d.items() if v is None]:
            del d[k]
    box.linux["seccomp"] = profile
    box.refused(f"/linux/seccomp{where}")


# ---- paths

@pytest.mark.spec("CL-138", "CL-139")
@pytest.mark.parametrize("key", ["maskedPaths", "readonlyPaths"])
def test_protected_paths(box, key):
    """A file, a directory, what lies below, what is not there; and never a relative name."""
    box.file("top/file", "text")
    box.file("top/sub/file", "text")
    box.file("etc/file", "text")
    box.linux[key] = ["/top", "/etc/file", "/none", "/top/sub/file", "/top/none"]
    r = box.probe(commands=["open", "/top/file", "r", ",", "open", "/etc/file", "r", ",", "open", "/top/sub/file", "r",
                            ",", "write", "/etc/file", "x", ",", "mkdir", "/top/new", ",", "touch", "/etc/new"])["results"]
    if key == "maskedPaths":
        assert [x["errno"] for x in r[:3]] == ["ENOENT", None, "ENOENT"] and r[1]["text"] == ""
    else:
        assert [x["text"] for x in r[:3]] == ["text"] * 3 and r[3]["errno"] == "EROFS"
    assert r[4]["errno"] == "EROFS" and r[5]["errno"] is None
    assert kernel.read(f"{box.rootfs}/etc/file") == "text"
    for bad in ("etc/file", "", "./etc"):
        box.linux[key] = ["/proc/kcore", bad]
        box.refused(f"/linux/{key}/1", "absolute")


@pytest.mark.spec("CL-001", "CL-002", "CL-003", "CL-004")
def test_file_systems_of_the_template(box, orlop):
    """What `spec` writes has the file systems that programs count on."""
    orlop("spec", "--bundle", box.bundle).ok()
    box.config = json.loads(kernel.read(f"{box.bundle}/config.json"))
    box.config["process"].update(terminal=False, args=["/bin/probe"])
    mounts = kernel.parse_mountinfo(box.run().json()["mountinfo"])
    for target, fstype in (("/proc", "proc"), ("/sys", "sysfs"), ("/dev/pts", "devpts"), ("/dev/shm", "tmpfs")):
        assert kernel.mount_at(mounts, target).fstype == fstype


@pytest.mark.spec("CL-037")
def test_no_console_without_a_terminal(box):
    without_namespace(box.config, "cgroup")
    assert "console" not in box.attack("list", "/dev")["names"]
