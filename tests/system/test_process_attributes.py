# SPDX-License-Identifier: GPL-2.0-or-later
"""
How the process is scheduled, from where its memory comes, what its clocks show: scheduler,
ioPriority, execCPUAffinity, memoryPolicy, personality, timeOffsets and the time namespace.
"""
import ctypes
import json
import os
import platform
import time

import pytest
from lib import config as conf
from lib import kernel

pytestmark = [pytest.mark.kernel, pytest.mark.one_vm]

OTHER, FIFO, RR, BATCH, IDLE, DEADLINE = 0, 1, 2, 3, 5, 6
RESET_ON_FORK = 1
MPOL = {"DEFAULT": 0, "PREFERRED": 1, "BIND": 2, "INTERLEAVE": 3, "LOCAL": 4, "PREFERRED_MANY": 5,
        "WEIGHTED_INTERLEAVE": 6}
CPUS = sorted(os.sched_getaffinity(0))
MS = 10**6
DAY = 86400


class Attr(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint32), ("policy", ctypes.c_uint32), ("flags", ctypes.c_uint64),
                ("nice", ctypes.c_int32), ("priority", ctypes.c_uint32),
                ("runtime", ctypes.c_uint64), ("deadline", ctypes.c_uint64),
                ("period", ctypes.c_uint64)]


_libc = ctypes.CDLL(None, use_errno=True)


def set_attr(policy, *, runtime=0, deadline=0, period=0, priority=0):
    """sched_setattr(2) on ourselves: 0 or the errno."""
    a = Attr(ctypes.sizeof(Attr), policy, 0, 0, priority, runtime, deadline, period)
    return ctypes.get_errno() if _libc.syscall(314, 0, ctypes.byref(a), 0) < 0 else 0


def possible(policy, **kw):
    """May a process of this machine have the policy at all?  Tried in one that ends."""
    pid = os.fork()
    if pid == 0:
        os._exit(set_attr(policy, **kw))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def needs_policy(policy, **kw):
    if not possible(policy, **kw):
        pytest.skip(f"this kernel does not let root have the policy {policy}")


def attr(pid):
    """From outside."""
    a = Attr()
    assert _libc.syscall(315, pid, ctypes.byref(a), ctypes.sizeof(a), 0) == 0
    return a


# ---- scheduler

@pytest.mark.spec("CF-041", "CF-042")
@pytest.mark.parametrize("name,nice,policy", [("OTHER", -7, OTHER), ("OTHER", 19, OTHER), ("BATCH", 5, BATCH),
                                              ("IDLE", 0, IDLE)])
def test_policy_and_nice(box, name, nice, policy):
    box.process["scheduler"] = {"policy": f"SCHED_{name}", "nice": nice}
    seen = box.probe()
    assert (seen["sched_attr"]["policy"], seen["scheduler"]) == (policy, policy)
    assert seen["sched_attr"]["flags"] == 0
    if policy != IDLE:
        assert (seen["sched_attr"]["nice"], seen["nice"]) == (nice, nice)


@pytest.mark.parametrize("name,policy", [("FIFO", FIFO), ("RR", RR)])
@pytest.mark.parametrize("userns", [False, True])
def test_real_time(box, name, policy, userns):
    """In a user namespace too: the power comes from the caller, not from the container."""
    needs_policy(policy, priority=7)
    if userns:
        conf.userns(box.config)
    box.process["scheduler"] = {"policy": f"SCHED_{name}", "priority": 7,
                                "flags": ["SCHED_FLAG_RESET_ON_FORK"]}
    a = box.probe()["sched_attr"]
    assert (a["policy"], a["priority"], a["flags"]) == (policy, 7, RESET_ON_FORK)


@pytest.mark.spec("CF-043", "CF-044", "CF-045")
def test_deadline(box):
    times = {"runtime": 1 * MS, "deadline": 100 * MS, "period": 200 * MS}
    needs_policy(DEADLINE, **times)
    box.process["scheduler"] = {"policy": "SCHED_DEADLINE", **times, "flags": ["SCHED_FLAG_RECLAIM"]}
    pid = box.up()
    a = attr(pid)
    assert (a.policy, a.runtime, a.deadline, a.period, a.flags) == (
        DEADLINE, 1 * MS, 100 * MS, 200 * MS, 2)


@pytest.mark.skipif(len(CPUS) < 2, reason="needs two CPUs")
def test_deadline_on_some_cpus_alone_is_refused(box):
    """sched(7): a deadline task may not be bound to less than all CPUs that are balanced together."""
    needs_policy(DEADLINE, runtime=MS, deadline=100 * MS, period=100 * MS)
    box.up()
    process = {"args": ["/bin/probe"], "cwd": "/", "user": {"uid": 0, "gid": 0},
               "execCPUAffinity": {"final": str(CPUS[0])},
               "scheduler": {"policy": "SCHED_DEADLINE", "runtime": MS, "deadline": 100 * MS}}
    box.exec_process(process).failed("/process/scheduler", "SCHED_DEADLINE", "cpuset")


@pytest.mark.spec("CF-041")
def test_nice_defaults_to_zero(box):
    """A scheduler without nice under a niced caller is 0, not the caller's."""
    box.process["scheduler"] = {"policy": "SCHED_OTHER"}
    seen = box.probe(preexec_fn=lambda: os.nice(7))
    assert seen["nice"] == 0


def test_without_scheduler_it_is_the_callers(box):
    seen = box.probe(preexec_fn=lambda: os.nice(7))
    assert seen["nice"] == min(os.nice(0) + 7, 19) and seen["scheduler"] == OTHER


def test_exec_has_its_own_scheduler(box):
    box.up()
    process = {"args": ["/bin/probe"], "cwd": "/", "user": {"uid": 0, "gid": 0},
               "scheduler": {"policy": "SCHED_BATCH", "nice": 3},
               "ioPriority": {"class": "IOPRIO_CLASS_IDLE", "priority": 4}}
    seen = box.exec_process(process).json()
    assert (seen["sched_attr"]["policy"], seen["nice"], seen["ioprio"]) == (BATCH, 3, 3 << 13 | 4)
    assert attr(box.pid).policy == OTHER


@pytest.mark.parametrize("pod", [False, True])
@pytest.mark.parametrize("policy,more", [(FIFO, {"policy": "SCHED_FIFO", "priority": 7, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}),
                                         (DEADLINE, {"policy": "SCHED_DEADLINE", "runtime": MS, "deadline": 100 * MS,
                                                     "period": 200 * MS})])
def test_what_a_clone_does_not_pass_on(make_box, policy, more, pod):
    """The process that others see is cloned last, and has the policy all the same."""
    if policy == FIFO:
        needs_policy(FIFO, priority=7)
    else:
        needs_policy(DEADLINE, runtime=MS, deadline=100 * MS, period=200 * MS)
    box = make_box()
    pid = box.up()
    if pod:
        other = make_box()
        conf.namespace(other.config, "pid", f"/proc/{pid}/ns/pid")
        other.process["scheduler"] = more
        seen = other.probe()
    else:
        seen = box.exec_process({"args": ["/bin/probe"], "cwd": "/", "user": {"uid": 0, "gid": 0},
                                 "scheduler": more}).json()
    assert seen["sched_attr"]["policy"] == policy


def test_exec_without_a_document_has_the_containers(box):
    box.process["scheduler"] = {"policy": "SCHED_BATCH", "nice": 3}
    box.up()
    assert attr(box.pid).policy == BATCH
    seen = box.exec().json()
    assert (seen["sched_attr"]["policy"], seen["nice"]) == (BATCH, 3)


def test_clamps_need_a_kernel_with_them(box):
    box.process["scheduler"] = {"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_UTIL_CLAMP_MIN"]}
    r = box.run()
    if r.rc == 0:
        return  # this kernel has them; the values are zero
    r.failed("/process/scheduler", "CONFIG_UCLAMP_TASK")


@pytest.mark.spec("CF-040")
@pytest.mark.parametrize("scheduler,where", [
    ({}, "policy"), ({"policy": "SCHED_ISO"}, "policy"), ({"policy": "fifo"}, "policy"),
    ({"policy": "SCHED_OTHER", "nice": 20}, "nice"), ({"policy": "SCHED_FIFO"}, "priority"),
    ({"policy": "SCHED_OTHER", "priority": 1}, "priority"),
    ({"policy": "SCHED_OTHER", "flags": ["RECLAIM"]}, "flags/0"),
    ({"policy": "SCHED_RR", "priority": 1, "runtime": 5000}, "runtime"),
    ({"policy": "SCHED_DEADLINE"}, "runtime"),
    ({"policy": "SCHED_DEADLINE", "runtime": 5000, "deadline": 4000}, "deadline")])
def test_bad_scheduler(box, scheduler, where):
    box.process["scheduler"] = scheduler
    box.refused(f"/process/scheduler/{where}")


# ---- ioPriority

@pytest.mark.spec("CF-046", "CF-048")
@pytest.mark.parametrize("name,number,level", [("RT", 1, 0), ("BE", 2, 7), ("IDLE", 3, 0)])
@pytest.mark.parametrize("userns", [False, True])
def test_io_priority(box, name, number, level, userns):
    if userns:
        conf.userns(box.config)
    box.process["ioPriority"] = {"class": f"IOPRIO_CLASS_{name}", "priority": level}
    assert box.probe()["ioprio"] == number << 13 | level


def test_idle_io_class_needs_no_priority(box):
    box.process["ioPriority"] = {"class": "IOPRIO_CLASS_IDLE"}
    assert box.probe()["ioprio"] == 3 << 13


@pytest.mark.spec("CF-046", "CF-047", "CF-048")
@pytest.mark.parametrize("io,where", [({"class": "IOPRIO_CLASS_BE", "priority": 8}, "priority"),
                                      ({"class": "IOPRIO_CLASS_BE", "priority": -1}, "priority"),
                                      ({"class": "IOPRIO_CLASS_BE"}, "priority"),
                                      ({"class": "BE", "priority": 1}, "class"), ({"priority": 1}, "class")])
def test_bad_io_priority(box, io, where):
    box.process["ioPriority"] = io
    box.refused(f"/process/ioPriority/{where}")


# ---- CPU affinity

def bound(cpu):
    return {"preexec_fn": lambda: os.sched_setaffinity(0, {cpu})}


two_cpus = pytest.mark.skipif(len(CPUS) < 2, reason="needs two CPUs")


@two_cpus
def test_affinity_is_the_cpusets_not_the_callers(box):
    """T87, by run and by exec."""
    assert box.probe(**bound(CPUS[0]))["affinity"] == CPUS
    box.up(**bound(CPUS[0]))
    assert sorted(os.sched_getaffinity(box.pid)) == CPUS
    assert box.exec(**bound(CPUS[1])).json()["affinity"] == CPUS


@two_cpus
@pytest.mark.needs_controllers("cpuset")
def test_affinity_is_cut_by_the_cpuset(box):
    box.linux["resources"]["cpu"] = {"cpus": str(CPUS[1])}
    box.up(**bound(CPUS[0]))
    assert os.sched_getaffinity(box.pid) == {CPUS[1]}
    assert box.exec(**bound(CPUS[0])).json()["affinity"] == [CPUS[1]]
    box.linux["resources"]["cpu"] = {}
    process = {"args": ["/bin/probe"], "cwd": "/", "user": {"uid": 0, "gid": 0},
               "execCPUAffinity": {"final": str(CPUS[0])}}
    box.exec_process(process).failed("/process/execCPUAffinity/final", "cpuset")


@two_cpus
def test_exec_affinity(box):
    box.process["execCPUAffinity"] = {"initial": f" {CPUS[0]} ", "final": str(CPUS[1])}
    box.up()
    assert sorted(os.sched_getaffinity(box.pid)) == CPUS  # not for the first process
    assert box.exec().json()["affinity"] == [CPUS[1]]
    process = {"args": ["/bin/probe"], "cwd": "/", "user": {"uid": 0, "gid": 0}}
    assert box.exec_process(process).json()["affinity"] == [CPUS[1]]  # the container's
    process["execCPUAffinity"] = {"final": f"{CPUS[0]}, {CPUS[1]}"}
    assert box.exec_process(process).json()["affinity"] == CPUS[:2]


@two_cpus
@pytest.mark.spec("CF-049")
def test_exec_affinity_initial_only(box):
    """It binds the runtime itself; what it makes has the CPUs of the cpuset."""
    box.up()
    process = {"args": ["/bin/probe", "pause"], "cwd": "/", "user": {"uid": 0, "gid": 0},
               "execCPUAffinity": {"initial": str(CPUS[1]), "final": ""}}
    path = f"{box.bundle}/initial.json"
    with open(path, "w") as f:
        json.dump(process, f)
    p = box.orlop.popen("exec", "--process", path, box.id)
    try:
        kernel.until(lambda: "READY" in kernel.read(p.out_path))
        assert os.sched_getaffinity(p.pid) == {CPUS[1]}
        (child,) = kernel.children(p.pid)
        assert sorted(os.sched_getaffinity(child)) == CPUS
    finally:
        box.kill("KILL").ok()
        p.wait()


@pytest.mark.parametrize("words,where", [({"initial": "x"}, "initial"), ({"final": "1-"}, "final"),
                                         ({"final": "3-1"}, "final"), ({"final": "0,,1"}, "final"),
                                         ({"final": "8192"}, "final"), ({"initial": 0}, "initial")])
def test_bad_affinity(box, words, where):
    box.process["execCPUAffinity"] = words
    box.refused(f"/process/execCPUAffinity/{where}")


def test_exec_affinity_of_no_cpu_there_is(box):
    box.process["execCPUAffinity"] = {"final": "8191"}
    box.up()
    box.exec().failed("/process/execCPUAffinity/final", "cpuset")
    box.process["execCPUAffinity"] = {"initial": "8191"}
    process = dict(box.process, args=["/bin/probe"])
    box.exec_process(process).failed("/process/execCPUAffinity/initial")


# ---- memoryPolicy

numa = pytest.mark.skipif(not os.path.exists("/sys/devices/system/node/node0"),
                          reason="a kernel without NUMA")


@numa
@pytest.mark.spec("CL-114")
@pytest.mark.parametrize("mode,nodes,seen", [
    ("DEFAULT", None, "DEFAULT"), ("LOCAL", "", "LOCAL"), ("BIND", "0", "BIND"),
    ("INTERLEAVE", " 0", "INTERLEAVE"), ("PREFERRED", "0", "PREFERRED"), ("PREFERRED", None, "LOCAL"),
    ("PREFERRED_MANY", "0", "PREFERRED_MANY")])
def test_memory_policy(box, mode, nodes, seen):
    box.linux["memoryPolicy"] = {"mode": f"MPOL_{mode}", **({} if nodes is None else {"nodes": nodes})}
    policy = box.probe()["memory_policy"]
    assert policy == {"mode": MPOL[seen], "nodes": [0] if nodes and nodes.strip() else []}


@numa
def test_memory_policy_of_many_nodes(box):
    """What there is of them is taken; the last of the list is not lost (one bit of maxnode)."""
    box.linux["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "0-63", "flags": ["MPOL_F_STATIC_NODES"]}
    policy = box.probe()["memory_policy"]
    assert policy["mode"] == MPOL["BIND"] | 1 << 15
    assert policy["nodes"] == list(range(64))  # static: as the user said


@numa
def test_memory_policy_of_exec(box):
    box.linux["memoryPolicy"] = {"mode": "MPOL_INTERLEAVE", "nodes": "0"}
    box.up()
    assert box.exec().json()["memory_policy"] == {"mode": MPOL["INTERLEAVE"], "nodes": [0]}


@numa
def test_memory_policy_of_nodes_that_are_not_there(box):
    box.linux["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "63"}
    box.refused("/linux/memoryPolicy", "63")


@pytest.mark.spec("CL-114")
@pytest.mark.parametrize("policy,where,words", [
    ({}, "mode", "invalid memory policy mode"), ({"mode": "BIND"}, "mode", "invalid memory policy mode"),
    ({"mode": "MPOL_BIND"}, "nodes", "needs at least one node"),
    ({"mode": "MPOL_LOCAL", "nodes": "0-7"}, "nodes", "MPOL_LOCAL mode requires 0 nodes but got `0-7`"),
    ({"mode": "MPOL_BIND", "nodes": "a"}, "nodes", "invalid memory policy node"),
    ({"mode": "MPOL_BIND", "nodes": "0-9999999999"}, "nodes", "invalid memory policy node"),
    ({"mode": "MPOL_BIND", "nodes": "0", "flags": ["X"]}, "flags/0", "invalid memory policy flag"),
    ({"mode": "MPOL_INTERLEAVE", "nodes": "0", "flags": ["MPOL_F_NUMA_BALANCING"]}, "flags", "does not go")])
def test_bad_memory_policy(box, policy, where, words):
    box.linux["memoryPolicy"] = policy
    box.refused(f"/linux/memoryPolicy/{where}", words)


# ---- personality

@pytest.mark.skipif(platform.machine() != "x86_64", reason="knows the name of the 32-bit machine")
@pytest.mark.spec("CL-140")
@pytest.mark.parametrize("domain,number,machine", [("LINUX", 0, "x86_64"), ("LINUX32", 8, "i686")])
def test_personality(box, domain, number, machine):
    box.linux["personality"] = {"domain": domain, "flags": []}
    box.up()
    assert int(kernel.read(f"/proc/{box.pid}/personality"), 16) == number
    seen = box.exec().json()
    assert (seen["personality"], seen["machine"]) == (number, machine)


def test_personality_is_set_whatever_the_callers(box):
    box.linux["personality"] = {"domain": "LINUX"}
    assert box.probe(wrap=["setarch", "-R"])["personality"] == 0


@pytest.mark.spec("CL-140")
@pytest.mark.parametrize("personality,where", [
    ({}, "domain"), ({"domain": "BSD"}, "domain"), ({"domain": "LINUX", "flags": ["X"]}, "flags/0")])
def test_bad_personality(box, personality, where):
    box.linux["personality"] = personality
    box.refused(f"/linux/personality/{where}")


# ---- time

def shifts(seen):
    """How much the clocks of the container are ahead of ours, in whole seconds."""
    now = {"monotonic": time.monotonic_ns(), "boottime": time.clock_gettime_ns(time.CLOCK_BOOTTIME)}
    return {k: round((seen["clocks"][k] - now[k]) / 60e9) * 60 for k in now}


def offsets(text):
    return [line.split() for line in text.splitlines()]


@pytest.mark.spec("CL-013", "CL-017")
def test_new_time_namespace(box):
    conf.namespace(box.config, "time")
    seen = box.probe()
    assert seen["namespaces"]["time"] != kernel.ns_inode("self", "time")
    assert offsets(seen["timens_offsets"]) == [["monotonic", "0", "0"], ["boottime", "0", "0"]]
    assert shifts(seen) == {"monotonic": 0, "boottime": 0}


@pytest.mark.parametrize("userns", [False, True])
@pytest.mark.parametrize("pidns", [False, True])
def test_time_offsets(box, userns, pidns):
    conf.namespace(box.config, "time")
    if userns:
        conf.userns(box.config)
    if not pidns:
        conf.without_namespace(box.config, "pid")
        box.mounts[:] = [m for m in box.mounts if m["destination"] != "/proc"]
        box.mounts.append(conf.bind("/proc", "/proc", "rbind"))
        box.linux["maskedPaths"] = box.linux["readonlyPaths"] = []
    box.linux["timeOffsets"] = {"monotonic": {"secs": 3 * DAY, "nanosecs": 17},
                                "boottime": {"secs": 7 * DAY}}
    seen = box.probe()
    assert seen["namespaces"]["time"] != kernel.ns_inode("self", "time")
    assert offsets(seen["timens_offsets"]) == [["monotonic", str(3 * DAY), "17"],
                                               ["boottime", str(7 * DAY), "0"]]
    assert shifts(seen) == {"monotonic": 3 * DAY, "boottime": 7 * DAY}
    assert abs(seen["clocks"]["realtime"] - time.time_ns()) < 60e9


def test_time_offset_may_be_negative(box):
    uptime = int(time.clock_gettime(time.CLOCK_BOOTTIME))
    conf.namespace(box.config, "time")
    box.linux["timeOffsets"] = {"boottime": {"secs": -(uptime - 100)}}
    seen = box.probe()
    assert 0 < seen["clocks"]["boottime"] < 200e9
    assert shifts(seen)["monotonic"] == 0


def test_time_offset_below_zero_is_refused(box):
    conf.namespace(box.config, "time")
    box.linux["timeOffsets"] = {"boottime": {"secs": -1000000000}}
    box.refused("/linux/timeOffsets", "below zero")


def test_exec_enters_the_time_namespace(box):
    conf.namespace(box.config, "time")
    box.linux["timeOffsets"] = {"monotonic": {"secs": DAY}}
    box.up()
    ino = kernel.ns_inode(box.pid, "time")
    assert os.stat(f"/proc/{box.pid}/ns/time_for_children").st_ino == ino
    seen = box.exec().json()
    assert seen["namespaces"]["time"] == ino
    assert shifts(seen)["monotonic"] == DAY


@pytest.mark.spec("CL-015")
@pytest.mark.parametrize("userns", [False, True])
def test_join_time_namespace(box, make_box, userns):
    """By path: exactly that one; also beside a new user namespace, where the launcher enters it."""
    conf.namespace(box.config, "time")
    box.linux["timeOffsets"] = {"boottime": {"secs": DAY}}
    pid = box.up()
    other = make_box()
    if userns:
        conf.userns(other.config)
    conf.namespace(other.config, "time", f"/proc/{pid}/ns/time")
    seen = other.probe()
    assert seen["namespaces"]["time"] == kernel.ns_inode(pid, "time")
    assert shifts(seen)["boottime"] == DAY
    other.linux["timeOffsets"] = {"boottime": {"secs": DAY}}
    other.refused("/linux/timeOffsets", "joined")


@pytest.mark.parametrize("joined", ["pid", "user"])
def test_time_offsets_beside_joined_namespaces(box, make_box, joined):
    """The launcher makes it there: owned by the user namespace that is joined."""
    if joined == "user":
        conf.userns(box.config)
    pid = box.up()
    other = make_box()
    conf.namespace(other.config, joined, f"/proc/{pid}/ns/{joined}")
    conf.namespace(other.config, "time")
    other.linux["timeOffsets"] = {"monotonic": {"secs": DAY, "nanosecs": 5}, "boottime": {"secs": 2 * DAY}}
    seen = other.probe()
    assert seen["namespaces"][joined] == kernel.ns_inode(pid, joined)
    assert shifts(seen) == {"monotonic": DAY, "boottime": 2 * DAY}
    assert seen["namespaces"]["time"] != kernel.ns_inode("self", "time")


@pytest.mark.parametrize("value,where", [
    ({"realtime": {"secs": 1}}, "realtime"), ({"boottime": {"secs": "1"}}, "boottime/secs"),
    ({"boottime": {"nanosecs": 1000000000}}, "boottime/nanosecs"),
    ({"boottime": {"secs": 5000000000}}, "boottime/secs")])
def test_bad_time_offsets(box, value, where):
    conf.namespace(box.config, "time")
    box.linux["timeOffsets"] = value
    box.refused(f"/linux/timeOffsets/{where}")


def test_time_offsets_without_a_time_namespace(box):
    box.linux["timeOffsets"] = {"boottime": {"secs": 1}}
    box.refused("/linux/timeOffsets", "`time` namespace")


# ---- calls that lie (T88)

@pytest.mark.parametrize("call,change", [
    ("sched_setattr", lambda b: b.process.update(scheduler={"policy": "SCHED_BATCH", "nice": 9})),
    ("ioprio_set", lambda b: b.process.update(ioPriority={"class": "IOPRIO_CLASS_IDLE", "priority": 3})),
    ("set_mempolicy", lambda b: b.linux.update(memoryPolicy={"mode": "MPOL_BIND", "nodes": "0"})),
    ("personality", lambda b: b.linux.update(personality={"domain": "LINUX32"}))])
def test_a_call_that_lies_is_found_out(box, call, change):
    change(box)
    box.args()
    r = box.run(wrap=["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}",
                      "-e", f"inject={call}:retval=0"])
    assert r.rc != 0 and r.out == "", r
    assert "did not take" in r.err, r
