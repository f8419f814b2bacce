# SPDX-License-Identifier: GPL-2.0-or-later
"""
Bad input, property by property.  tests/spec/properties.csv has every property of config.json that concerns
Linux.  Each refuses a value of the wrong kind before any process, directory or mount is made, and a value that
is right but cannot be applied on this host; with its JSON pointer, and nothing is left behind.
"""
import copy
import csv
import os

import pytest
from lib import config as conf
from lib import kernel

pytestmark = pytest.mark.needs_native("the same reader everywhere; what cannot be applied depends on the host")

TABLE = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../spec/properties.csv")
with open(TABLE, newline="") as f:
    ROWS = {r["property"]: r for r in csv.DictReader(f)}

# The rest of an object that a property is in, where the default configuration has none.
ID = [{"containerID": 0, "hostID": 0, "size": 1}]
REST = {
    **{f"/hooks/{kind}/0": {"path": "/bin/true"} for kind in
       ("prestart", "createRuntime", "createContainer", "poststart", "poststop")},
    "/hooks/startContainer/0": {"path": conf.PROBE},
    "/mounts/0/uidMappings": ID, "/mounts/0/gidMappings": ID, "/linux/uidMappings": ID, "/linux/gidMappings": ID,
    "/process/ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 1},
    "/process/scheduler": {"policy": "SCHED_OTHER"},
    "/process/consoleSize": {"height": 1, "width": 1},
    "/linux/devices/0": {"path": "/dev/x", "type": "c", "major": 1, "minor": 3},
    "/linux/resources/devices/0": {"allow": True},
    **{f"/linux/resources/blockIO/throttle{way}Device/0": {"major": 1, "minor": 0, "rate": 1} for way in
       ("ReadBps", "WriteBps", "ReadIOPS", "WriteIOPS")},
    "/linux/resources/blockIO/weightDevice/0": {"major": 1, "minor": 0, "weight": 10},
    "/linux/resources/hugepageLimits/0": {"pageSize": "2MB", "limit": 0},
    "/linux/resources/network/priorities/0": {"name": "lo", "priority": 0},
    "/linux/seccomp": {"defaultAction": "SCMP_ACT_ALLOW"},
    "/linux/seccomp/syscalls/0": {"names": ["getpgid"], "action": "SCMP_ACT_ERRNO"},
    "/linux/seccomp/syscalls/0/args/0": {"index": 0, "value": 0, "op": "SCMP_CMP_EQ"},
    "/linux/memoryPolicy": {"mode": "MPOL_DEFAULT"},
    "/linux/personality": {"domain": "LINUX"},
}


def put(config, pointer, value):
    """Set one member, with all that it is in."""
    at, path = config, ""
    words = pointer.strip("/").split("/")
    for word, following in zip(words, [*words[1:], None]):
        path += f"/{word}"
        new = copy.deepcopy(REST.get(path, [] if following == "0" else {})) if following else value
        if word == "0":
            if not at:
                at.append(new)
            elif following is None:
                at[0] = new
            at = at[0]
        else:
            if following is None or word not in at:
                at[word] = new
            at = at[word]


WRONG = {
    "string": [7, ["x"], True], "integer": ["1", 1.5, True], "boolean": ["true", 0], "array": [{"x": 1}, "x"],
    "object": [["x"], "x"],
}
# these are members of the kind as well; the rest of the documents of other platforms is not looked at
IGNORED = {p for p, r in ROWS.items() if r["always_possible"].startswith("ignored")}


def test_every_kind_is_known():
    assert {r["type"] for r in ROWS.values()} == set(WRONG) and len(ROWS) > 200


@pytest.mark.spec("CF-104")
@pytest.mark.parametrize("pointer", [p for p in ROWS if p not in IGNORED])
def test_value_of_the_wrong_kind(box, tmp, pointer):
    real = pointer.replace("*", "lo")
    for value in WRONG[ROWS[pointer]["type"]]:
        config = copy.deepcopy(box.config)
        put(config, real, value)
        box.config = config
        made = f"{tmp}/made"
        r = box.refused(f"(at {real})", "(line ", wrap=[
            "strace", "-f", "-qq", "-o", made, "-e", "signal=none", "-e",
            "trace=clone,clone3,fork,vfork,unshare,setns,mount,move_mount,mkdir,mkdirat,mknod,mknodat,bpf"])
        assert kernel.read(made) == "", r


# ---- what cannot be applied here ---------------------------------------------------------------


def injected(call, error):
    """The kernel refuses: for what this machine would allow."""
    return ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error={error}"]


LONG = "x" * (1 << 17)  # MAX_ARG_STRLEN of execve(2)
NOTIFY = [{"names": ["chmod"], "action": "SCMP_ACT_NOTIFY"}]
UNMAPPED = {"linux": {"namespaces": [{"type": t} for t in ("pid", "mount", "user", "network", "ipc", "uts", "cgroup")],
                      "uidMappings": [{"containerID": 0, "hostID": 100000, "size": 10}],
                      "gidMappings": [{"containerID": 0, "hostID": 100000, "size": 10}]}}
UNMAPPED_FIFO = {"linux": {**UNMAPPED["linux"], "devices": [{"path": "/dev/x", "type": "p"}]}}
NO_MOUNT_NS = {"linux": {**UNMAPPED["linux"], "namespaces": [{"type": "pid"}, {"type": "uts"}, {"type": "user"}]}, "mounts": []}
IN_DEVPTS = {"linux": {"devices": [{"path": "/dev/pts/x", "type": "c", "major": 1, "minor": 3}]}}
DEADLINE = {"policy": "SCHED_DEADLINE", "runtime": 10 ** 8, "deadline": 10 ** 9, "period": 10 ** 9}
RESOURCES = "/linux/resources/"
NOTHING_LIKE_IT = {"major": 4095, "minor": 1048575}


def limit(name, value, words, **more):
    return {RESOURCES + name: dict(value=value, words=words, **more)}


# property: the value; words of the message; members of the configuration that are other than by default (base);
# the pointer in the message, if it is that of an object around; the command that finds it out.
OUT_OF_REACH = {
    "/ociVersion": dict(value="2.0.0", words="2.0.0"),
    "/hostname": dict(value="x", base={"linux": {"namespaces": [{"type": "mount"}]}}, words="uts"),
    "/domainname": dict(value="x", base={"linux": {"namespaces": [{"type": "mount"}]}, "hostname": ""}, words="uts"),
    "/root/path": dict(value="/nonexistent", words="No such file"),
    "/mounts/0/source": dict(value="/nonexistent", base={"mounts": [conf.bind("/x", "/x")]}, at="/mounts/0", words="No such file"),
    "/mounts/0/destination": dict(value="/bin/probe/x", at="/mounts/0", words="Not a directory"),
    "/mounts/0/options": dict(value=["no_such_option"], at="/mounts/0", words="no_such_option"),
    "/mounts/0/type": dict(value="nosuchfs", at="/mounts/0", words="nosuchfs"),
    "/process/args": dict(value=["/nonexistent"], words="No such file"),
    "/process/cwd": dict(value="/bin/probe", words="Not a directory"),
    "/process/env": dict(value=[f"A={LONG}"], run=True, at="/process/args", words="Argument list too long"),
    "/process/terminal": dict(value=True, words="--console-socket"),
    "/process/user/uid": dict(value=10, base=UNMAPPED, words="the id 10"),
    "/process/user/gid": dict(value=10, base=UNMAPPED, words="the id 10"),
    "/process/user/additionalGids": dict(value=[10], base=UNMAPPED, at="/process/user/additionalGids/0", words="the id 10"),
    "/process/apparmorProfile": dict(value="nobody-loaded-this", words="AppArmor"),
    "/process/selinuxLabel": dict(value="a:b:c:s0", words="SELinux"),
    "/linux/mountLabel": dict(value="a:b:c:s0", words="SELinux"),
    "/process/oomScoreAdj": dict(value=-1000, words="oom_score_adj", wrap=["choom", "-n", "0", "--", "setpriv", "--bounding-set",
                                 "-sys_resource", "--inh-caps", "-sys_resource"]),
    "/process/ioPriority/class": dict(value="IOPRIO_CLASS_RT", wrap=injected("ioprio_set", "EPERM"), at="/process/ioPriority",
                                      words="not permitted"),
    "/process/ioPriority/priority": dict(value=7, wrap=injected("ioprio_set", "EINVAL"), at="/process/ioPriority",
                                         words="Invalid"),
    "/process/scheduler/policy": dict(value="SCHED_ISO", words="SCHED_ISO"),
    "/process/scheduler/nice": dict(value=-20, wrap=injected("sched_setattr", "EPERM"), at="/process/scheduler",
                                    words="CAP_SYS_NICE"),
    "/process/scheduler/priority": dict(value=99, base={"process": {"scheduler": {"policy": "SCHED_FIFO"}}},
                                        wrap=injected("sched_setattr", "EPERM"), at="/process/scheduler", words="CAP_SYS_NICE"),
    "/process/scheduler/flags": dict(value=["SCHED_FLAG_UTIL_CLAMP_MIN"], wrap=injected("sched_setattr", "EOPNOTSUPP"),
                                     at="/process/scheduler", words="CONFIG_UCLAMP_TASK"),
    **{f"/process/scheduler/{name}": dict(value=10 ** 9, base={"process": {"scheduler": DEADLINE}},
                                          wrap=injected("sched_setattr", "EBUSY"), at="/process/scheduler",
                                          words="unpromised CPU time") for name in ("runtime", "deadline", "period")},
    "/process/rlimits/0/hard": dict(value=1 << 60, at="/process/rlimits/0", words="RLIMIT_NOFILE"),
    "/process/rlimits/0/soft": dict(value=1 << 60, base={"process": {"rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1 << 60}]}},
                                    at="/process/rlimits/0", words="RLIMIT_NOFILE"),
    "/process/execCPUAffinity/initial": dict(value="8191", exec=True, words="8191"),
    "/process/execCPUAffinity/final": dict(value="8191", exec=True, words="8191"),
    "/linux/devices/0/path": dict(value="/bin/probe/x", at="/linux/devices/0", words="Not a directory"),
    "/linux/devices/0/major": dict(value=4000, base=IN_DEVPTS, at="/linux/devices/0", words="devpts"),
    "/linux/devices/0/minor": dict(value=4000, base=IN_DEVPTS, at="/linux/devices/0", words="devpts"),
    "/linux/devices/0/uid": dict(value=10, base=UNMAPPED_FIFO, words="the id 10"),
    "/linux/devices/0/gid": dict(value=10, base=UNMAPPED_FIFO, words="the id 10"),
    "/linux/netDevices/*/name": dict(value="eth9", key="nosuch0", at="/linux/netDevices/nosuch0", words="no interface of this name"),
    "/linux/namespaces/0/path": dict(value="/proc/self/ns/uts", words="pid"),
    "/linux/cgroupsPath": dict(value="/../elsewhere", words="leads out"),
    "/linux/sysctl": dict(value={"net.no_such": "1"}, at="/linux/sysctl/net.no_such", words="no such sysctl"),
    "/linux/maskedPaths": dict(value=["/x"], base=NO_MOUNT_NS, words="mount"),
    "/linux/readonlyPaths": dict(value=["/x"], base={**NO_MOUNT_NS, "linux": {**NO_MOUNT_NS["linux"], "maskedPaths": []}}, words="mount"),
    "/linux/seccomp/flags": dict(value=["SECCOMP_FILTER_FLAG_LOG"], wrap=injected("seccomp", "EINVAL"), words="FLAG_LOG"),
    "/linux/seccomp/listenerPath": dict(value="/nonexistent", base={"linux": {"seccomp": {
        "defaultAction": "SCMP_ACT_ALLOW", "syscalls": NOTIFY}}}, words="No such file"),
    "/linux/seccomp/syscalls/0/action": dict(value="SCMP_ACT_NOTIFY", base={"linux": {"seccomp": {
        "defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/x", "syscalls": [{"names": ["write"]}]}}}, words="write"),
    "/linux/memoryPolicy/mode": dict(value="MPOL_LOCAL", wrap=injected("set_mempolicy", "EINVAL"), at="/linux/memoryPolicy",
                                     words="MPOL_LOCAL"),
    "/linux/memoryPolicy/nodes": dict(value="1000", base={"linux": {"memoryPolicy": {"mode": "MPOL_BIND"}}},
                                      at="/linux/memoryPolicy", words="1000"),
    "/linux/memoryPolicy/flags": dict(value=["MPOL_F_STATIC_NODES"], base={"linux": {"memoryPolicy": {
        "mode": "MPOL_BIND", "nodes": "0"}}}, wrap=injected("set_mempolicy", "EINVAL"), at="/linux/memoryPolicy", words="MPOL_BIND"),
    "/linux/personality/domain": dict(value="LINUX32", wrap=injected("personality", "EINVAL"), at="/linux/personality",
                                      words="Invalid"),
    "/linux/personality/flags": dict(value=["ADDR_NO_RANDOMIZE"], at="/linux/personality/flags/0", words="not supported"),
    **{f"/linux/timeOffsets/{clock}/secs": dict(value=-4611686018, base={"linux": {"namespaces": [
        {"type": t} for t in ("pid", "mount", "time", "uts")]}}, at="/linux/timeOffsets", words="below zero")
        for clock in ("boottime", "monotonic")},
    **{f"/linux/intelRdt/{name}": dict(value=value, at="/linux/intelRdt", words="resctrl") for name, value in (
        ("closID", "x"), ("schemata", ["L3:0=f"]), ("l3CacheSchema", "L3:0=f"), ("memBwSchema", "MB:0=9"),
        ("enableMonitoring", True))},
    # cgroups: controllers that version 1 holds, files that version 2 has not
    **limit("unified", {"memory.high": "1"}, "memory", at=RESOURCES + "unified/memory.high"),
    **limit("pids/limit", 1, "pids"),
    **limit("memory/limit", 1 << 30, "memory"), **limit("memory/reservation", 1 << 30, "memory"),
    **limit("memory/swap", 1 << 31, "memory", base={"linux": {"resources": {"memory": {"limit": -1}}}}),
    **limit("memory/kernel", 1 << 30, "cgroup v2"), **limit("memory/kernelTCP", 1 << 30, "cgroup v2"),
    **limit("memory/swappiness", 5, "cgroup v2"), **limit("memory/disableOOMKiller", True, "cgroup v2"),
    **limit("memory/useHierarchy", False, "hierarchical"),
    **limit("memory/checkBeforeUpdate", True, "memory", base={"linux": {"resources": {"memory": {"limit": 1 << 30}}}},
            at=RESOURCES + "memory/limit"),
    **limit("cpu/shares", 100, "cpu"), **limit("cpu/quota", 5000, "cpu"), **limit("cpu/period", 5000, "cpu"),
    **limit("cpu/burst", 1, "cpu"), **limit("cpu/idle", 1, "cpu"), **limit("cpu/cpus", "0", "cpuset"),
    **limit("cpu/mems", "0", "cpuset"), **limit("cpu/realtimeRuntime", 1, "cgroup v2"),
    **limit("cpu/realtimePeriod", 1, "cgroup v2"),
    **limit("blockIO/weight", 100, "io"), **limit("blockIO/leafWeight", 100, "cgroup v2"),
    **{k: v for way in ("ReadBps", "WriteBps", "ReadIOPS", "WriteIOPS") for name in ("major", "minor", "rate")
       for k, v in limit(f"blockIO/throttle{way}Device/0/{name}", {**NOTHING_LIKE_IT, "rate": 5}[name], "io",
                         at=f"{RESOURCES}blockIO/throttle{way}Device/0").items()},
    **{k: v for name in ("major", "minor", "weight") for k, v in limit(
        f"blockIO/weightDevice/0/{name}", {**NOTHING_LIKE_IT, "weight": 50}[name], "io",
        at=RESOURCES + "blockIO/weightDevice/0").items()},
    **limit("blockIO/weightDevice/0/leafWeight", 50, "cgroup v2"),
    **limit("hugepageLimits/0/pageSize", "3MB", "3MB", at=RESOURCES + "hugepageLimits/0"),
    **limit("network/classID", 1, "cgroup v2"), **limit("network/priorities/0/name", "lo", "cgroup v2", at=RESOURCES + "network/priorities"),
    **limit("network/priorities/0/priority", 1, "cgroup v2", at=RESOURCES + "network/priorities"),
    **limit("rdma/*/hcaHandles", 1, "rdma", key="mlx5_0", at=RESOURCES + "rdma/mlx5_0"),
    **limit("rdma/*/hcaObjects", 1, "rdma", key="mlx5_0", at=RESOURCES + "rdma/mlx5_0"),
    # hooks
    **{f"/hooks/{kind}/0/{name}": dict(value=value, at=f"/hooks/{kind}/0", words=words, run=kind in ("startContainer", "poststart"))
       for kind in ("prestart", "createRuntime", "createContainer", "startContainer", "poststart")
       for name, value, words in (("path", "/nonexistent", "No such file"), ("args", ["x", LONG], "Argument list too long"),
                                  ("env", [f"A={LONG}"], "Argument list too long"))},
}


def test_every_property_is_tried():
    """Each is in one of the tables, with a value or with a reason."""
    reasons = {p for p, r in ROWS.items() if r["always_possible"]}
    assert set(OUT_OF_REACH) - set(ROWS) == set()
    assert set(OUT_OF_REACH) & reasons == set()
    assert set(ROWS) - reasons - set(OUT_OF_REACH) == set()


def merge(config, changes):
    for name, value in changes.items():
        if isinstance(value, dict) and isinstance(config.get(name), dict):
            merge(config[name], value)
        else:
            config[name] = copy.deepcopy(value)


@pytest.mark.spec("RT-042", "RT-043")
@pytest.mark.parametrize("pointer", OUT_OF_REACH)
def test_value_out_of_reach(box, pointer):
    row = OUT_OF_REACH[pointer]
    real = pointer.replace("*", row.get("key", "*"))
    merge(box.config, row.get("base", {}))
    put(box.config, real, row["value"])
    where = row.get("at", real)
    if row.get("exec"):
        box.up()
        box.exec().failed(where, row["words"])
        assert box.status() == "running"
        return
    if row.get("run") and not pointer.startswith("/process"):
        box.args("exit", 0)  # it is there when a poststart hook fails
    box.refused(where, row["words"], run=row.get("run", False), wrap=row.get("wrap", ()))
