# SPDX-License-Identifier: GPL-2.0-or-later
"""
Limits by what they do, each with its number, for every driver of cgroups that the program has.  What is measured in
time is measured by the kernel's own counters, side by side where that does not disturb.  test_cgroup.py has the edges.
"""
import json
import os
import re
import time

import pytest
from lib import host, kernel
from lib.box import deadline

MIB = 1 << 20
VM = pytest.mark.needs_vm("all controllers of cgroup2")


DRIVERS = "cgroupfs", pytest.param("systemd", marks=pytest.mark.needs_vm("systemd"))


@pytest.fixture(params=DRIVERS)
def make(request, orlop, make_box):
    """make(*args, memory={...}, ...): a container that was created to run the probe with these arguments."""
    if request.param == "systemd":
        orlop.options = ["--systemd-cgroup"]

    def create(*args, box=None, **resources):
        box = box or make_box()
        if request.param == "systemd":
            box.linux["cgroupsPath"] = f"system.slice:orlop:{box.id}"
        box.linux["resources"].update(resources)
        if args:
            box.args(*args)
        box.driver = request.param
        box.create().ok()
        path, = [x[3:] for x in kernel.read(f"/proc/{box.pid}/cgroup").splitlines() if x.startswith("0::")]
        box.cgroup = host.CGROUP + path
        return box
    return create


@pytest.fixture
def tell(request, capsys):
    """The number, also where output is captured: the log of the lane has it."""
    def say(text):
        with capsys.disabled():
            print(f"\n    {request.node.name}: {text}", end="")
    return say


def value(box, file):
    return kernel.read(f"{box.cgroup}/{file}").strip()


def keys(box, file):
    return {k: int(v) for k, v in (x.split() for x in value(box, file).splitlines())}


def start(*boxes):
    for b in boxes:
        b.start().ok()


def rates(seconds, *counters):
    """How much each of these functions grows in a second, all over the same time."""
    before, begin = [c() for c in counters], time.monotonic()
    time.sleep(seconds)
    after, end = [c() for c in counters], time.monotonic()
    return [(b - a) / (end - begin) for a, b in zip(before, after)]


def cpu_of(box):
    return lambda: keys(box, "cpu.stat")["usage_usec"] / 1e6


def near(found, wanted, tolerance):
    return abs(found - wanted) <= wanted * tolerance


@VM
def test_memory_max(make, orlop, tell):
    """It kills, and the event arrives before the end."""
    box = make("hog", "100", memory={"limit": 32 * MIB, "swap": 32 * MIB})
    p = orlop.popen("events", "--interval", "1h", box.id)
    kernel.until(lambda: any("memory.events" in name for name in kernel.opened(p.pid)), deadline(5), "it waits")
    start(box)
    begin = time.monotonic()
    lines = [json.loads(x) for x in orlop.finish(p).ok().out.splitlines()]
    assert lines == [{"type": "oom", "id": box.id}]
    took = time.monotonic() - begin
    kernel.until(lambda: box.status() == "stopped", deadline(5))
    tell(f"killed and told {took:.1f} s after the start")
    if box.driver == "systemd":     # which removes the cgroup of a scope that has ended
        kernel.until(lambda: not os.path.exists(box.cgroup), deadline(10))
    for _ in range(2):
        r = orlop("events", box.id)
        r.failed("is not running", "the kernel killed in it for want of memory")
        assert [json.loads(x) for x in r.out.splitlines()] == [{"type": "oom", "id": box.id}], "told until delete"
    assert orlop("events", "--stats", box.id).out == ""
    if box.driver != "systemd":
        assert keys(box, "memory.events")["oom_kill"] == 1, "kept until delete"
        assert int(value(box, "memory.peak")) <= 32 * MIB
    box.delete().ok()
    start(make("exit", "3", box=box))
    kernel.until(lambda: box.status() == "stopped", deadline(5))
    assert orlop("events", box.id).out == "", "the one before had the same cgroup"


@VM
def test_memory_max_is_why_it_ended(make, orlop, tell):
    """For `wait`, `state`, and who asks later; systemd may remove the cgroup before the limit or the peak is read."""
    box = make("hog", "100", memory={"limit": 32 * MIB, "swap": 32 * MIB})
    p = orlop.popen("wait", "--format", "json", box.id)
    kernel.until(lambda: sum("pidfd" in name for name in kernel.opened(p.pid)) == 1, deadline(5), "it waits")
    start(box)
    seen = json.loads(orlop.finish(p).ok().out)["exit"]
    tell(f"{seen}")
    assert (seen["reason"], seen["code"], seen["signal"], seen["oomKills"]) == ("oom", 137, "SIGKILL", 1)
    assert seen.get("memoryMax", 32 * MIB) == 32 * MIB and 30 * MIB < seen.get("memoryPeak", 32 * MIB) <= 32 * MIB
    assert box.driver == "systemd" or {"memoryMax", "memoryPeak"} <= seen.keys()
    assert box.state()["exit"] == seen
    host.reap()
    assert orlop("wait", box.id).ok().out == "137\n"


@VM
@pytest.mark.parametrize("driver", DRIVERS)
def test_run_says_that_memory_ran_out(driver, box, orlop):
    """Once, on stderr; in the file of an engine, which is for errors, it has no place."""
    if driver == "systemd":
        orlop.options = ["--systemd-cgroup"]
        box.linux["cgroupsPath"] = f"system.slice:orlop:{box.id}"
    box.linux["resources"].update(memory={"limit": 32 * MIB, "swap": 32 * MIB})
    box.args("hog", "100")
    r = box.run()
    found = re.fullmatch(rf"orlop: warning: container `{box.id}`: killed for want of memory"
                         r"(: memory.max 32M)?([,:] peak 3[12](\.[0-9])?M)?\n", r.err)
    assert r.rc == 137 and found and (found[1] and found[2] or driver == "systemd"), r
    log = f"{orlop.tmp}/log.json"
    orlop.options += ["--log", log, "--log-format", "json"]
    r = box.run()
    assert r.rc == 137 and r.err == "" and kernel.read(log) == "", r
    box.args("exit", "137")
    r = box.run()
    assert r.rc == 137 and r.err == "", r


@VM
def test_memory_max_of_another_process(make, orlop, tell):
    """Each kill is told, figures come between, and the container goes on."""
    box = make("pause", memory={"limit": 32 * MIB, "swap": 32 * MIB})
    start(box)
    p = orlop.popen("events", "--interval", "200ms", box.id)
    kernel.until(lambda: kernel.read(p.out_path), deadline(5), "figures")
    for _ in range(2):
        assert box.exec("--", "hog", "100").rc == 137
    box.kill("KILL").ok()
    lines = [json.loads(x) for x in orlop.finish(p).ok().out.splitlines()]
    types = [x["type"] for x in lines]
    limit, = {x["data"]["memory"]["usage"]["limit"] for x in lines if "data" in x}
    tell(f"{' '.join(types)}")
    assert types.count("oom") == 2 and types[0] == "stats" and limit == 32 * MIB


@VM
def test_memory_high(make, orlop, tell):
    """It slows: what another does at once takes several times as long."""
    free = make("hog", "40")
    slow = make("hog", "40", unified={"memory.high": str(8 * MIB), "memory.swap.max": "0"})
    begin = time.monotonic()
    start(free, slow)
    kernel.until(lambda: free.status() == "stopped", deadline(10), "the free one is done")
    took = time.monotonic() - begin
    time.sleep(3 * took)
    events = keys(slow, "memory.events")
    used = int(value(slow, "memory.current")) / MIB
    assert slow.status() == "running" and used < 30, (used, events)
    assert events["high"] > 0 and events["oom_kill"] == 0
    r = orlop("events", free.id)
    r.failed("is not running")
    assert r.out == "" and "memory" not in r.err, "it ended by itself"
    tell(f"{used:.0f} of 40 MiB in {time.monotonic() - begin:.1f} s, the free one all in {took:.1f} s; "
         f"{events['high']} times over 8 MiB")


@VM
def test_swap(make, tell):
    """What memory does not hold goes to swap, as far as that is allowed."""
    box = make("hog", "60", ",", "spin", "1000", memory={"limit": 40 * MIB, "swap": 80 * MIB})
    tight = make("hog", "60", memory={"limit": 40 * MIB, "swap": 45 * MIB})
    assert value(box, "memory.swap.max") == str(40 * MIB)
    start(box, tight)
    kernel.until(lambda: tight.status() == "stopped", deadline(20), "it is killed")
    kernel.until(lambda: keys(box, "memory.stat")["anon"] + int(value(box, "memory.swap.current")) >= 60 * MIB,
                 deadline(20), "all is there")
    swapped = int(value(box, "memory.swap.current")) / MIB
    tell(f"{swapped:.0f} MiB were swapped of 60 with a limit of 40")
    assert keys(box, "memory.events")["oom_kill"] == 0
    assert swapped >= 15


@VM
def test_cpu(make, tell):
    """cpu.max within 10 %, on one processor; weights 100 and 300 within 15 % of 1:3, on the other."""
    quota = make("spin", "1000", cpu={"quota": 30000, "period": 100000, "cpus": "0"})
    weights = [make("spin", "1000", cpu={"cpus": "1"}, unified={"cpu.weight": w}) for w in ("100", "300")]
    start(quota, *weights)
    kernel.until(lambda: all(cpu_of(b)() > 0.05 for b in (quota, *weights)), deadline(15), "all compute")
    for _ in range(7):  # the machine around us may be busy: then less is used, but never more
        limited, light, heavy = rates(4, *map(cpu_of, (quota, *weights)))
        throttled = keys(quota, "cpu.stat")["nr_throttled"]
        tell(f"cpu.max 30 % gives {limited * 100:.1f} %, throttled {throttled} times; weights 1:3 give "
             f"1:{heavy / light:.2f}")
        assert limited < 0.33 and throttled > 10
        if near(limited, 0.3, 0.10) and near(heavy / light, 3, 0.15):
            return
    raise AssertionError("not within 10 % and 15 %")


@VM
def test_cpuset(make, tell):
    """Two that compute share the one processor that they may have, and are nowhere else."""
    box = make("spin", "1000", cpu={"cpus": "1", "mems": "0"})
    start(box)
    other = box.orlop.popen("exec", box.id, "/bin/probe", "spin", "1000")
    kernel.until(lambda: len(value(box, "cgroup.procs").split()) == 2 and cpu_of(box)() > 0.1, deadline(10))
    used, = rates(2, cpu_of(box))
    seen = {kernel.stat_fields(pid)[36] for pid in value(box, "cgroup.procs").split()}
    tell(f"processors {','.join(sorted(seen))} of {os.cpu_count()}, {used * 100:.0f} % of one")
    assert seen == {"1"} and used < 1.1
    box.delete("--force").ok()
    box.orlop.finish(other)


@VM
def test_io_max(make, make_box, tell):
    """Reading and writing a disk within 15 % of their limits, at the same time; device rules let us."""
    st = os.stat("/dev/vdc")
    device = {"major": os.major(st.st_rdev), "minor": os.minor(st.st_rdev)}
    boxes = []
    for way, key in (("if=/dev/disk of=/dev/null iflag=direct", "throttleReadBpsDevice"),
                     ("if=/dev/zero of=/dev/disk oflag=direct", "throttleWriteBpsDevice")):
        box = make_box(busybox=True)
        box.linux["devices"] = [dict(device, path="/dev/disk", type="b")]
        box.linux["resources"]["devices"].append(dict(device, allow=True, type="b", access="rw"))
        box.args("/bin/sh", "-c", f"while :; do dd {way} bs=64k count=512 2>/dev/null; done")
        boxes.append(make(box=box, blockIO={key: [dict(device, rate=2 * MIB)]}))

    def moved(box, key):
        return lambda: sum(int(w.split("=")[1]) for line in value(box, "io.stat").splitlines()
                           for w in line.split()[1:] if line.startswith(f"{device['major']}:{device['minor']} ")
                           and w.startswith(key + "="))
    counters = moved(boxes[0], "rbytes"), moved(boxes[1], "wbytes")
    start(*boxes)
    kernel.until(lambda: all(c() > MIB for c in counters), deadline(15), "both move bytes")
    for _ in range(3):
        read, written = rates(4, *counters)
        tell(f"of 2 MiB/s: read {read / MIB:.2f}, written {written / MIB:.2f}")
        assert max(read, written) < 2.3 * MIB
        if near(read, 2 * MIB, 0.15) and near(written, 2 * MIB, 0.15):
            return
    raise AssertionError("not within 15 %")


@VM
def test_pids_max(make, tell):
    box = make("fork", "20", ",", "spin", "1000", pids={"limit": 5})
    start(box)
    kernel.until(lambda: keys(box, "pids.events")["max"] > 0, deadline(5), "a fork is refused")
    tell(f"{value(box, 'pids.current')} of 5 processes")
    assert value(box, "pids.current") == value(box, "pids.max") == "5"


@VM
def test_hugetlb(make, tell):
    """mmap(2) with MAP_HUGETLB: one page of two fits."""
    def mmap(size):
        return ["syscall", "9", "0", str(size), "3", "0x40022", "-1", "0"]
    before = kernel.read("/proc/sys/vm/nr_hugepages")
    with open("/proc/sys/vm/nr_hugepages", "w") as f:
        f.write("8")
    try:
        box = make(*mmap(2 * MIB), ",", *mmap(4 * MIB),
                   hugepageLimits=[{"pageSize": "2MB", "limit": 2 * MIB}])
        start(box)
        kernel.until(lambda: box.status() == "stopped", deadline(5))
        first, second = json.loads(box.output())["results"]
        tell(f"2 of 2 MiB: {first['errno'] or 'mapped'}, 4: {second['errno']}")
        assert first["errno"] is None and second["errno"] == "ENOMEM"
        if box.driver != "systemd":
            assert keys(box, "hugetlb.2MB.events")["max"] == 1
        box.delete("--force").ok()
    finally:
        with open("/proc/sys/vm/nr_hugepages", "w") as f:
            f.write(before)


@pytest.mark.kernel
def test_freezer(make, tell):
    """What computes stands still, and goes on."""
    box = make("spin", "1000")
    start(box)
    kernel.until(lambda: cpu_of(box)() > 0.05, deadline(10), "it computes")
    box.orlop("pause", box.id).ok()
    stopped, = rates(0.5, cpu_of(box))
    box.orlop("resume", box.id).ok()
    before = cpu_of(box)()
    kernel.until(lambda: cpu_of(box)() > before + 0.05, deadline(10), "it goes on")
    tell(f"{stopped * 100:.1f} % of a processor when paused")
    assert stopped == 0


@pytest.mark.kernel
def test_pressure(make, orlop, tell):
    """More processes than processors wait, and the waiting is told."""
    box = make("spin", "1000")
    if not os.path.exists(f"{box.cgroup}/cpu.pressure"):
        pytest.skip("this kernel tells no pressure without psi=1")
    start(box)
    others = [orlop.popen("exec", box.id, "/bin/probe", "spin", "1000") for _ in range(os.cpu_count())]

    def waited():
        return orlop("stats", "--no-stream", "--interval", "1ms", "-f", "json", box.id).json()[0]["cpu"]["pressure"]
    kernel.until(lambda: waited()["some"]["total"] > 200000, deadline(10), "it waited 0.2 s")
    some = waited()["some"]
    text = value(box, "cpu.pressure")
    assert int(text.split("total=")[1].split()[0]) >= some["total"]
    tell(f"{some['total'] / 1e6:.1f} s")
    box.delete("--force").ok()
    for p in others:
        orlop.finish(p)


@VM
def test_device_rules(make, make_box, tell):
    """A disk that may be read is not written; one that is not named is not there for us."""
    st = os.stat("/dev/vdc")
    device = {"major": os.major(st.st_rdev), "minor": os.minor(st.st_rdev)}
    box = make_box()
    box.linux["devices"] = [dict(device, path="/dev/disk", type="b"), {"path": "/dev/mem", "type": "c", "major": 1,
                                                                      "minor": 1}]
    box.linux["resources"]["devices"] = [{"allow": False, "access": "rwm"},
                                         dict(device, allow=True, type="b", access="r")]
    box.args("open", "/dev/disk", "r", ",", "open", "/dev/disk", "w", ",", "open", "/dev/mem", "r", ",",
             "open", "/dev/null", "w")
    make(box=box)
    start(box)
    kernel.until(lambda: box.status() == "stopped", deadline(5))
    r = [x["errno"] for x in json.loads(box.output())["results"]]
    tell(f"read: {r[0] or 'allowed'}, write: {r[1]}, another: {r[2]}")
    assert r == [None, "EPERM", "EPERM", None]
