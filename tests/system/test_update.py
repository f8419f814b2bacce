# SPDX-License-Identifier: GPL-2.0-or-later
"""
`update`: what the kernel's files say afterwards, and that they say what they did before when one is refused.
Natively cgroup2 has only the hugetlb controller; the others are changed in the virtual machine.
"""
import json
import os
import subprocess
import sys
import time

import pytest
from lib import host, kernel
from lib.box import deadline, stop, timed

pytestmark = pytest.mark.kernel

MIB = 1 << 20
VM = pytest.mark.needs_vm("all controllers of cgroup2")
HUGE = pytest.mark.needs_controllers("hugetlb")


def value(box, file):
    return kernel.read(f"{host.CGROUP}/orlop/{box.id}/{file}").strip()


def write(box, file, text):
    with open(f"{host.CGROUP}/orlop/{box.id}/{file}", "w") as f:
        f.write(text)


def values(box, *files):
    return [value(box, f) for f in files]


def update(box, document=None, *options, **kw):
    """With a document on the standard input, or with options."""
    if document is None:
        return box.orlop("update", *map(str, options), box.id, **kw)
    path = f"{box.bundle}/resources.json"
    with open(path, "w") as f:
        f.write(document if isinstance(document, str) else json.dumps(document))
    with open(path) as f:
        return box.orlop("update", "--resources=-", *map(str, options), box.id, stdin=f, **kw)


def huge(limit, size="2MB"):
    return {"hugepageLimits": [{"pageSize": size, "limit": limit}]}


def saved(box):
    with open(f"{box.orlop.root}/{box.id}/resources.json") as f:
        return json.load(f)


# ---- what is given, and what is not ---------------------------------------------------------------


@HUGE
def test_document(box):
    """From the standard input, a file, and a pipe; what is not in it stays."""
    box.linux["resources"]["unified"] = {"cgroup.max.descendants": "7"}
    box.up()
    update(box, huge(4 * MIB)).ok()
    assert values(box, "hugetlb.2MB.max", "hugetlb.2MB.rsvd.max", "cgroup.max.descendants") == \
        [str(4 * MIB)] * 2 + ["7"]
    path = f"{box.bundle}/r.json"
    with open(path, "w") as f:
        json.dump(huge(6 * MIB), f)
    box.orlop("update", "--resources", path, box.id).ok()
    assert value(box, "hugetlb.2MB.max") == str(6 * MIB)
    p = subprocess.Popen(["cat", path], stdout=subprocess.PIPE)
    update(box, None, "-r", "-", stdin=p.stdout).ok()
    p.wait()
    update(box, {}).ok()
    assert values(box, "hugetlb.2MB.max", "cgroup.max.descendants") == [str(6 * MIB), "7"]


@HUGE
def test_merged_and_saved(box):
    """Lists are changed element by element; config.json in the bundle and what is saved at create have no part in it."""
    box.linux["resources"].update(huge(8 * MIB), unified={"cgroup.max.descendants": "7", "cgroup.max.depth": "3"})
    box.up()
    box.config["linux"]["resources"] = {}
    box.write()
    update(box, dict(huge(1 << 30, "1GB"), unified={"cgroup.max.depth": "5"})).ok()
    got = saved(box)
    assert got["hugepageLimits"] == huge(8 * MIB)["hugepageLimits"] + huge(1 << 30, "1GB")["hugepageLimits"]
    assert got["unified"] == {"cgroup.max.descendants": "7", "cgroup.max.depth": "5"}
    update(box, huge(2 * MIB)).ok()
    assert saved(box)["unified"] == got["unified"]
    assert values(box, "hugetlb.2MB.max", "hugetlb.1GB.max", "cgroup.max.descendants", "cgroup.max.depth") == \
        [str(2 * MIB), str(1 << 30), "7", "5"]
    box.delete("--force").ok()
    assert not os.path.exists(f"{box.orlop.root}/{box.id}")


@HUGE
def test_others_are_not_touched(box):
    """What somebody else has written since is not written over by an update of something else."""
    box.linux["resources"].update(huge(8 * MIB), unified={"cgroup.max.descendants": "7"})
    box.up()
    write(box, "cgroup.max.descendants", "9")
    update(box, huge(4 * MIB)).ok()
    assert values(box, "hugetlb.2MB.max", "cgroup.max.descendants") == [str(4 * MIB), "9"]


@HUGE
@pytest.mark.parametrize("how", ["created", "paused"])
def test_status(box, how):
    box.args("pause").create().ok()
    if how == "paused":
        box.start().ok()
        box.orlop("pause", box.id).ok()
    update(box, huge(4 * MIB)).ok()
    assert value(box, "hugetlb.2MB.max") == str(4 * MIB) and box.status() == how


@HUGE
def test_many_at_once(box):
    """Each is whole: both files are of the same one, and so is what is saved."""
    box.up()
    running = []
    for i in range(1, 9):
        path = f"{box.bundle}/{i}.json"
        with open(path, "w") as f:
            json.dump({"hugepageLimits": [{"pageSize": s, "limit": i << 30} for s in ("1GB", "2MB")]}, f)
        running.append(box.orlop.popen("update", "--resources", path, box.id))
    for p in running:
        box.orlop.finish(p).ok()
    now = set(values(box, "hugetlb.1GB.max", "hugetlb.2MB.max"))
    assert len(now) == 1 and {str(x["limit"]) for x in saved(box)["hugepageLimits"]} == now


# ---- all or nothing --------------------------------------------------------------------------------


@HUGE
def test_undone_when_one_is_refused(box):
    box.linux["resources"].update(huge(8 * MIB))
    box.up()
    update(box, {"unified": {"cgroup.max.depth": "4"}}).ok()
    before = saved(box)
    r = update(box, dict(huge(4 * MIB), unified={"cgroup.max.depth": "6", "cgroup.max.descendants": "many"}))
    r.failed("/unified/cgroup.max.descendants", "invalid argument", "before it is undone")
    assert values(box, "hugetlb.2MB.max", "hugetlb.2MB.rsvd.max", "cgroup.max.depth", "cgroup.max.descendants") == \
        [str(8 * MIB)] * 2 + ["4", "max"]
    assert saved(box) == before


@HUGE
@pytest.mark.needs_native("strace")
def test_undone_when_it_cannot_be_saved(box):
    box.linux["resources"].update(huge(8 * MIB), devices=RULES[0])
    box.up()
    r = update(box, dict(huge(4 * MIB), devices=RULES[1]),
               wrap=["strace", "-o", "/dev/null", "-e", "inject=renameat:error=ENOSPC"])
    r.failed("save the resources", "no space", "before it is undone")
    assert value(box, "hugetlb.2MB.max") == str(8 * MIB)
    assert allowed(box) == [True, False, True, False]
    assert not [f for f in os.listdir(f"{box.orlop.root}/{box.id}") if "resources" in f]


# ---- devices ---------------------------------------------------------------------------------------

# their driver has no such device, and no module is looked for: EPERM when forbidden, ENXIO when allowed
NODES = [(1, 100), (1, 101), (1, 102), (1, 103)]
DENY = [{"allow": False, "access": "rwm"}]
RULES = [DENY + [{"allow": True, "type": "c", "major": 1, "minor": 100 + m, "access": "rw"} for m in minors]
         for minors in ((0, 2), (0, 1))]


def nodes(box):
    paths = []
    for major, minor in NODES:
        paths.append(f"{box.rootfs}/tmp/c{major}.{minor}")
        if not os.path.exists(paths[-1]):
            os.mknod(paths[-1], 0o020666, os.makedev(major, minor))
    return paths


def allowed(box):
    commands = []
    for path in nodes(box):
        commands += [",", "open", "/tmp/" + os.path.basename(path), "rw"]
    results = box.exec("--", *commands[1:]).json()["results"]
    assert {r["errno"] for r in results} <= {"EPERM", "ENXIO"}
    return [r["errno"] == "ENXIO" for r in results]


def test_devices(box):
    """Replaced as a whole, one program for one, and the list is what the next update finds."""
    box.linux["resources"]["devices"] = RULES[0]
    box.up()

    def programs():
        return kernel.device_programs(f"{host.CGROUP}/orlop/{box.id}").count("orlop_devices")

    assert programs() == 1
    for rules, expected in ((RULES[1], [True, True, False, False]), (RULES[0], [True, False, True, False])):
        update(box, {"devices": rules}).ok()
        assert allowed(box) == expected
        assert programs() == 1
    update(box, {"unified": {"cgroup.max.depth": "4"}}).ok()
    assert allowed(box) == [True, False, True, False]
    update(box, {"devices": [{"allow": True, "access": "rwm"}]}).ok()
    assert allowed(box) == [True] * 4 and programs() == 0
    update(box, {"devices": []}).ok()
    assert allowed(box) == [False] * 4 and programs() == 1


LOOK = """
import os, sys
seen = [set() for _ in sys.argv[2:]]
print("ready", flush=True)
while not os.path.exists(sys.argv[1]):
    for s, path in zip(seen, sys.argv[2:]):
        try:
            os.close(os.open(path, os.O_RDWR))
        except OSError as e:
            s.add(e.errno)
print([sorted(s) for s in seen], flush=True)
"""


@pytest.mark.case("T93")
def test_devices_in_one_step(box):
    """What both lists allow always is, and what neither does never is, while one takes the place of the other."""
    box.linux["resources"]["devices"] = RULES[0]
    box.up()
    over = f"{box.bundle}/over"
    looker = subprocess.Popen(["sh", "-c", f'echo $$ >{host.CGROUP}/orlop/{box.id}/cgroup.procs; exec "$@"', "sh",
                               sys.executable, "-c", LOOK, over, *nodes(box)], stdout=subprocess.PIPE, text=True)
    host.POPEN.add(looker.pid)
    try:
        assert looker.stdout.readline() == "ready\n"
        slow = [] if host.IN_VM else ["strace", "-o", "/dev/null", "-e", "inject=bpf:delay_exit=20000"]
        for i in range(4):
            update(box, {"devices": RULES[(i + 1) % 2]}, wrap=slow).ok()
        with open(over, "w"):
            pass
        out, _ = looker.communicate(timeout=deadline(10))
    finally:
        stop(looker)
    eperm, enxio = 1, 6
    assert json.loads(out) == [[enxio], [eperm, enxio], [eperm, enxio], [eperm]]


def test_devices_that_cannot_be(box):
    box.linux["resources"]["devices"] = RULES[0]
    box.up()
    update(box, {"devices": [{"allow": True, "type": "c", "major": 5000, "minor": 1}]}).failed("/devices/0")
    update(box, {"devices": [{"allow": True, "type": "x"}]}).failed("/devices/0/type")
    assert allowed(box) == [True, False, True, False]


# ---- what cannot be ----------------------------------------------------------------------------------


def test_missing(box):
    update(box, {}).failed("does not exist", box.id)


def test_stopped(box):
    box.up()
    box.kill("KILL").ok()
    box.wait_stopped()
    update(box, {}).failed("container not running", "stopped")
    assert not os.path.exists(f"{box.orlop.root}/{box.id}/resources.json")


def test_half_made(box):
    """While its hooks run: at once, and not after them."""
    gate = f"{box.bundle}/gate"
    os.mkfifo(gate)
    box.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", f"read x <{gate}"]}]}
    box.args("pause").write()
    p = box.orlop.popen("create", "--bundle", box.bundle, box.id)
    kernel.until(lambda: box.orlop("state", box.id).rc == 0, deadline(10), "it is on its way")
    took, r = timed(update, box, {})
    r.failed("container not running", "creating")
    assert took < deadline(2)
    with open(gate, "w") as f:
        f.write("\n")
    box.orlop.finish(p).ok()


def test_without_a_cgroup(box):
    box.linux["resources"] = {}
    box.args("pause").write()
    box.orlop("--cgroup-manager=disabled", "create", "--bundle", box.bundle, "--pid-file", box.pid_file, box.id).ok()
    update(box, {"pids": {"limit": 5}}).failed("has no cgroup")


@pytest.mark.one_vm
@pytest.mark.parametrize("document, words", [
    ({"memory": {"limit": -2}}, ["/memory/limit"]), ({"memory": {"limit": "1G"}}, ["/memory/limit"]),
    ({"memory": {"limit": 200 * MIB, "swap": 100 * MIB}}, ["/memory/swap", "less than memory.limit"]),
    ({"memory": {"swap": 100 * MIB}}, ["/memory/swap", "memory.limit"]), ({"memory": {"swappiness": 1}}, ["/memory/swappiness"]),
    ({"cpu": {"quota": 999}}, ["/cpu/quota", "1000"]), ({"cpu": {"period": 999}}, ["/cpu/period", "1000"]),
    ({"cpu": {"quota": 10000, "burst": 20000}}, ["/cpu/burst"]), ({"cpu": {"idle": 2}}, ["/cpu/idle"]),
    ({"cpu": {"cpus": "zero"}}, ["/cpu/cpus"]), ({"cpu": {"realtimeRuntime": 5}}, ["/cpu/realtimeRuntime"]),
    ({"cpu": {"shares": 2**64}}, ["/cpu/shares"]), ({"blockIO": {"weight": 9}}, ["/blockIO/weight"]),
    ({"blockIO": {"leafWeight": 10}}, ["/blockIO/leafWeight"]), ({"network": {"classID": 1}}, ["/network/classID"]),
    ({"unified": {"cgroup.procs": "1"}}, ["/unified/cgroup.procs"]), ({"unified": {"a/b": "1"}}, ["/unified"]),
    ({"unified": {"memory.max": ""}}, ["/unified/memory.max", "empty"]),
    ({"hugepageLimits": [{"pageSize": "2MiB", "limit": 1}]}, ["/hugepageLimits/0/pageSize"]),
    ("[]", ["must be an object"]), ("{", ["standard input"]), ("", ["standard input"]), ("{} {}", ["standard input"]),
    ('{"pids":{"limit":1},"pids":{"limit":2}}', ["/pids", "twice"]),
])
def test_bad_documents(box, document, words):
    box.up()
    update(box, document).failed("update container", *words)
    assert not os.path.exists(f"{box.orlop.root}/{box.id}/resources.json")


@pytest.mark.one_vm
@pytest.mark.parametrize("options, words", [
    (["--memory", "10X"], ["`--memory`", "10X"]), (["--memory=-2"], ["`--memory`"]),
    (["--memory", "9999999999999999999"], ["`--memory`"]), (["--memory", "8388608T"], ["`--memory`"]),
    (["--memory", "1.G"], ["`--memory`"]), (["--memory", "200M", "--memory-swap", "100M"], ["`--memory-swap`", "less than"]),
    (["--cpu-quota", "999"], ["`--cpu-quota`", "1000"]), (["--cpu-period", "-1"], ["`--cpu-period`"]),
    (["--cpu-quota", "10000", "--cpu-burst", "20000"], ["`--cpu-burst`"]), (["--cpu-idle", "2"], ["`--cpu-idle`"]),
    (["--cpuset-cpus", "a"], ["`--cpuset-cpus`"]), (["--pids-limit", "many"], ["`--pids-limit`"]),
    (["--blkio-weight", "5"], ["`--blkio-weight`"]), (["--cpu-rt-runtime", "5"], ["`--cpu-rt-runtime`"]),
    ([], ["nothing to change"]), (["-r", "-", "--pids-limit", "5"], ["--pids-limit", "exclude"]),
    (["-r", "/no/such"], ["/no/such", "no such file"]), (["-r", "/dev/zero"], ["/dev/zero"]), (["-r", "/etc"], ["/etc"]),
    (["--l3-cache-schema", "L3:0=f"], ["linux.intelRdt"]), (["--mem-bw-schema", "0=5"], ["--mem-bw-schema", "MB:"]),
])
def test_bad_options(box, options, words):
    box.up()
    update(box, None, *options).failed(*words)
    assert not os.path.exists(f"{box.orlop.root}/{box.id}/resources.json")


@pytest.mark.needs_native("there no controller is held by version 1")
def test_controller_that_is_not_there(box):
    box.up()
    update(box, None, "--memory", "100M").failed("`--memory`", "memory controller", "v1")
    update(box, {"pids": {"limit": 4}}).failed("/pids/limit", "pids controller")
    update(box, {"memory": {"limit": -1, "swap": -1}, "pids": {"limit": -1}, "cpu": {"quota": -1}}).ok()


def test_kernel_memory(box):
    """As runc: taken, with a warning."""
    box.up()
    for r in (update(box, None, "--kernel-memory", "10M"), update(box, {"memory": {"kernelTCP": MIB}})):
        r.ok()
        assert "kernel memory are ignored" in r.err


@HUGE
def test_cgroup_of_somebody_else(box):
    """Its own was removed and made anew."""
    pid = box.up()
    path = f"{host.CGROUP}/orlop/{box.id}"
    with open(f"{host.CGROUP}/cgroup.procs", "w") as f:
        f.write(str(pid))
    kernel.until(lambda: "populated 0" in kernel.read(f"{path}/cgroup.events"))
    os.rmdir(path)
    update(box, huge(MIB * 2)).failed("no such file", box.id)
    os.mkdir(path)
    try:
        before = value(box, "hugetlb.2MB.max")
        update(box, huge(MIB * 2)).failed("not the one that was made for")
        assert value(box, "hugetlb.2MB.max") == before
    finally:
        box.kill("KILL").ok()
        os.rmdir(path)


@HUGE
def test_controller_that_others_disabled(box):
    """It is passed on again for the limit, and exec, pause and delete miss nothing meanwhile."""
    above = f"{host.CGROUP}/{host.TAG}off"
    box.linux["cgroupsPath"] = f"/{host.TAG}off/x"
    box.linux["resources"].update(huge(8 * MIB))
    box.up()
    with open(f"{above}/cgroup.subtree_control", "w") as f:
        f.write("-hugetlb")
    assert not os.path.exists(f"{above}/x/hugetlb.2MB.max")
    box.exec("--", "exit", "0").ok()
    box.orlop("pause", box.id).ok()
    box.orlop("resume", box.id).ok()
    update(box, {"unified": {"cgroup.max.depth": "5"}}).ok()
    update(box, huge(4 * MIB)).ok()
    assert kernel.read(f"{above}/x/hugetlb.2MB.max").strip() == str(4 * MIB)
    with open(f"{above}/cgroup.subtree_control", "w") as f:
        f.write("-hugetlb")
    box.delete("--force").ok()
    assert not os.path.exists(above)


# ---- all limits, in the virtual machine ----------------------------------------------------------------


@VM
def test_options(box):
    box.up()
    update(box, None, "--memory", "512M", "--memory-reservation", "64m", "--memory-swap", "1g", "--cpu-period", "50000",
           "--cpu-quota", "25000", "--cpu-burst", "10000", "--cpu-share", "512", "--cpuset-cpus", "1", "--cpuset-mems", "0",
           "--pids-limit", "33").ok()
    assert values(box, "memory.max", "memory.low", "memory.swap.max", "cpu.max", "cpu.max.burst", "cpu.weight",
                  "cpuset.cpus", "cpuset.mems", "pids.max") == \
        [str(512 * MIB), str(64 * MIB), str(512 * MIB), "25000 50000", "10000", "59", "1", "0", "33"]
    # one alone: what belongs to it stays
    update(box, None, "--cpu-quota", "40000").ok()
    assert value(box, "cpu.max") == "40000 50000"
    update(box, None, "--cpu-period", "100000").ok()
    assert value(box, "cpu.max") == "40000 100000"
    update(box, None, "--memory", "768M").ok()
    assert values(box, "memory.max", "memory.swap.max") == [str(768 * MIB), str(256 * MIB)]
    update(box, None, "--memory", "2g").failed("`--memory`", "memory.swap")
    update(box, None, "--memory", "-1").ok()
    update(box, None, "--pids-limit", "-1", "--cpu-quota", "-1").ok()
    assert values(box, "memory.max", "memory.swap.max", "pids.max", "cpu.max") == ["max", "max", "max", "max 100000"]
    assert saved(box)["memory"]["swap"] == -1


@VM
def test_orders(box):
    """Up and down, of limits that the kernel compares or that are there together."""
    box.up()
    for quota, burst in ((50000, 50000), (10000, 10000), (80000, 2000), (3000, 3000), (90000, 90000), (5000, 0)):
        update(box, {"cpu": {"quota": quota, "burst": burst}}).ok()
        assert values(box, "cpu.max", "cpu.max.burst") == [f"{quota} 100000", str(burst)]
    for limit, swap in ((64, 128), (128, 256), (32, 300), (200, 200), (64, 80), (256, 512)):
        update(box, {"memory": {"limit": limit * MIB, "swap": swap * MIB}}).ok()
        assert values(box, "memory.max", "memory.swap.max") == [str(limit * MIB), str((swap - limit) * MIB)]
    for idle, shares, weight in ((0, 512, "59"), (1, 512, None), (0, None, "59"), (1, None, None), (0, 1024, "100")):
        update(box, {"cpu": {"idle": idle, **({"shares": shares} if shares else {})}}).ok()
        assert value(box, "cpu.idle") == str(idle)
        assert not weight or value(box, "cpu.weight") == weight
    update(box, {"cpu": {"idle": 1}}).ok()
    update(box, {"cpu": {"shares": 2}}).failed("/cpu/shares", "cpu.idle")
    for cpus in ("0-1", "1", "0", "0-1"):
        update(box, {"cpu": {"cpus": cpus, "mems": "0"}}).ok()
        assert value(box, "cpuset.cpus.effective") == cpus


@VM
def test_moved_from_memory_to_swap(box):
    """In between there is room for all: nothing is killed, whichever way it goes."""
    box.linux["resources"]["memory"] = {"limit": 96 * MIB, "swap": 96 * MIB}
    box.args("hog", "64", ",", "spin", "1000")
    box.create().ok()
    box.start().ok()
    kernel.until(lambda: int(value(box, "memory.current")) > 64 * MIB, deadline(20), "it has its memory")
    update(box, {"memory": {"limit": 32 * MIB, "swap": 96 * MIB}}).ok()
    update(box, {"memory": {"limit": 96 * MIB, "swap": 96 * MIB}}).ok()
    assert "oom_kill 0" in value(box, "memory.events") and box.status() == "running"


@VM
def test_below_the_usage(box):
    box.args("hog", "40", ",", "spin", "1000")
    box.create().ok()
    box.start().ok()
    kernel.until(lambda: int(value(box, "memory.current")) > 40 * MIB, deadline(20), "it has its memory")
    update(box, {"pids": {"limit": 9}, "memory": {"limit": 8 * MIB, "swap": 8 * MIB, "checkBeforeUpdate": True}}) \
        .failed("/memory/limit", "checkBeforeUpdate")
    assert values(box, "memory.max", "memory.swap.max", "pids.max") == ["max"] * 3 and box.status() == "running"
    update(box, {"memory": {"limit": 64 * MIB, "checkBeforeUpdate": True}}).ok()
    assert value(box, "memory.max") == str(64 * MIB)


@VM
def test_undone_of_all_kinds(box):
    """Each kind of file as it was, with and without lines of devices."""
    st = os.stat("/dev/vdc")
    disk = {"major": os.major(st.st_rdev), "minor": os.minor(st.st_rdev)}
    # an empty cpuset.cpus cannot be had back
    files = ["memory.max", "memory.low", "memory.swap.max", "cpu.max", "cpu.max.burst", "cpu.weight",
             "cpuset.cpus.effective", "cpuset.mems.effective", "pids.max", "io.max", "memory.high"]
    document = {
        "memory": {"limit": 512 * MIB, "reservation": MIB, "swap": 513 * MIB}, "pids": {"limit": 77},
        "cpu": {"quota": 30000, "period": 60000, "burst": 2000, "shares": 4096, "cpus": "0", "mems": "0"},
        "blockIO": {"throttleReadBpsDevice": [dict(disk, rate=MIB)], "throttleWriteIOPSDevice": [dict(disk, rate=99)]},
        "unified": {"memory.high": str(256 * MIB), "pids.max": "nonsense"}}
    box.up()
    before = values(box, *files)
    update(box, document).failed("/unified/pids.max", "before it is undone")
    assert values(box, *files) == before
    box.linux["resources"]["blockIO"] = {"throttleReadBpsDevice": [dict(disk, rate=5 * MIB)]}
    box.delete("--force").ok()
    box.up()
    before = values(box, *files)
    update(box, document).failed("/unified/pids.max", "before it is undone")
    assert values(box, *files) == before
    document["unified"] = {}
    update(box, document).ok()
    assert values(box, "memory.max", "pids.max", "cpu.max") == [str(512 * MIB), "77", "30000 60000"]
    line = value(box, "io.max").split()
    assert {f"rbps={MIB}", "wiops=99"} <= set(line)
    update(box, {"blockIO": {"throttleReadBpsDevice": [dict(disk, rate=0)]}}).ok()
    assert {"rbps=max", "wiops=99"} <= set(value(box, "io.max").split())


@VM
def test_impossible_in_the_kernel(box):
    box.up()
    update(box, None, "--cpuset-cpus", "77", "--pids-limit", "5").failed("`--cpuset-cpus`", "processors")
    update(box, {"blockIO": {"throttleReadBpsDevice": [{"major": 250, "minor": 99, "rate": MIB}]}}) \
        .failed("/blockIO/throttleReadBpsDevice/0")
    assert values(box, "pids.max", "cpuset.cpus") == ["max", ""]


@VM
def test_pids_by_effect(box):
    box.up()
    update(box, None, "--pids-limit", "4").ok()
    r = box.exec("--", "fork", "20").json()["results"][0]
    assert r["forked"] == 2 and r["errno"] == "EAGAIN"
    update(box, None, "--pids-limit", "100").ok()
    assert box.exec("--", "fork", "20").json()["results"][0]["forked"] == 20


@VM
def test_quota_by_effect(box):
    """From all of a processor to a fifth of it, while it runs."""
    box.args("spin", "1000")
    box.create().ok()
    box.start().ok()

    def share(seconds):
        def used():
            return int(value(box, "cpu.stat").split()[1])
        begin, first = time.monotonic(), used()
        time.sleep(seconds)
        return (used() - first) / 1e6 / (time.monotonic() - begin)

    assert share(1) > 0.5
    update(box, None, "--cpu-quota", "20000").ok()
    time.sleep(0.3)
    assert 0.1 < share(2) < 0.3
