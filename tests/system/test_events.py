# SPDX-License-Identifier: GPL-2.0-or-later
"""
`events`: lines as a client written for runc reads them.  That the kernel's out-of-memory events arrive is shown in
test_effects.py, where memory is limited.
"""
import json
import os
import shutil
import signal
import subprocess
import time

import pytest
from lib import host, kernel
from lib.box import deadline, stop, timed

PRESSURE = {k: {"avg10": (int, float), "avg60": (int, float), "avg300": (int, float), "total": int}
            for k in ("some", "full")}
ENTRY = {"limit": int, "usage?": int, "max?": int, "failcnt": int}
DEVICES = [{"major?": int, "minor?": int, "op": str, "value?": int}]
# A member with a question mark may be left out, and is when it is zero; all others are always there.
STATS = {
    "cpu": {
        "usage": {"total?": int, "kernel": int, "user": int},
        "throttling": {"periods?": int, "throttledPeriods?": int, "throttledTime?": int},
        "psi?": PRESSURE,
    },
    "cpuset": {k: int for k in ("cpu_exclusive", "mem_hardwall", "mem_exclusive", "memory_migrate",
                                "memory_spread_page", "memory_spread_slab", "memory_pressure", "sched_load_balance",
                                "sched_relax_domain_level")},
    "memory": {"cache?": int, "usage": ENTRY, "swap": ENTRY, "kernel": ENTRY, "kernelTCP": ENTRY, "raw?": {"*": int},
               "psi?": PRESSURE},
    "pids": {"current?": int, "limit?": int},
    "blkio": {"ioServiceBytesRecursive?": DEVICES, "ioServicedRecursive?": DEVICES, "psi?": PRESSURE},
    "hugetlb": {"*": {"usage?": int, "failcnt": int}},
    "intel_rdt": {},
    "network_interfaces": type(None),
}
LINE = {"type": str, "id": str, "data": STATS}


def check(value, spec, path="", optional=False):
    """Every member is known, of its type, in its order, and no zero where zeros are left out."""
    if isinstance(spec, dict):
        assert isinstance(value, dict), path
        if "*" in spec:
            for k, v in value.items():
                check(v, spec["*"], f"{path}/{k}")
            assert list(value) == sorted(value), path
            return
        known = [k.rstrip("?") for k in spec]
        assert list(value) == [k for k in known if k in value], (path, list(value))
        for k, s in spec.items():
            if k.rstrip("?") in value or not k.endswith("?"):
                check(value[k.rstrip("?")], s, f"{path}/{k.rstrip('?')}", k.endswith("?"))
    elif isinstance(spec, list):
        assert value, f"{path}: empty, and not left out"
        for v in value:
            check(v, spec[0], path)
    else:
        assert isinstance(value, spec) and not isinstance(value, bool), (path, value)
        assert value or not optional, f"{path} is {value!r}, and not left out"


def lines(text):
    return [json.loads(x) for x in text.splitlines()]


@pytest.mark.kernel
def test_stats(box, orlop):
    """Each member of the format, once; a line ends with a newline."""
    box.up()
    r = orlop("events", "--stats", box.id).ok()
    assert r.out.endswith("}\n") and r.err == "" and r.out.count("\n") == 1
    line = json.loads(r.out)
    check(line, LINE)
    assert (line["type"], line["id"]) == ("stats", box.id)
    assert line["data"]["pids"]["current"] == 1
    cpu = line["data"]["cpu"]["usage"]
    assert cpu["total"] > 0 and cpu["total"] % 1000 == 0, "nanoseconds"


@pytest.mark.kernel
def test_stats_of_a_created_and_a_paused_one(box, orlop):
    box.args("pause")
    box.create().ok()
    check(orlop("events", "--stats", box.id).json(), LINE)
    box.start().ok()
    orlop("pause", box.id).ok()
    check(orlop("events", "--stats", box.id).json(), LINE)


@pytest.mark.kernel
def test_same_as_runc(box, make_box, orlop):
    """Member by member what runc writes of a container like ours, in its order."""
    runc = shutil.which("runc", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if not runc:
        pytest.skip("needs runc")
    view = [] if host.IN_VM else orlop.v2_view()
    other = make_box()
    root = f"{orlop.tmp}/runc"
    for b in (box, other):
        b.args("pause")
        b.config["ociVersion"] = "1.0.2"
        b.write()
    box.create(wrap=view).ok()
    box.start(wrap=view).ok()

    def run_runc(*args, out):
        with open(f"{orlop.tmp}/{out}", "w") as f:
            subprocess.run([*view, runc, "--root", root, *args], stdin=subprocess.DEVNULL, stdout=f, stderr=f,
                           env=orlop.env, timeout=deadline(30), check=True)
        return kernel.read(f"{orlop.tmp}/{out}")
    try:
        run_runc("run", "-d", "-b", other.bundle, other.id, out="run")
        theirs = json.loads(run_runc("events", "--stats", other.id, out="stats"))
    finally:
        run_runc("delete", "--force", other.id, out="delete")
    ours = orlop("events", "--stats", box.id, wrap=view).json()
    box.delete("--force", wrap=view).ok()
    check(theirs, LINE)

    def shape(v):
        """Order and names of all members, but those that depend on the moment and on what was done."""
        moment = {"usage", "total", "cache", "max", "ioServiceBytesRecursive", "ioServicedRecursive"}
        if isinstance(v, dict):
            return [(k, shape(x)) for k, x in v.items()
                    if k not in moment or isinstance(x, dict)]
        return type(v).__name__ if isinstance(v, (str, list, type(None))) else "number"
    if "psi" not in theirs["data"]["cpu"]:
        for part in ("cpu", "memory", "blkio"):     # runc before 1.2
            ours["data"][part].pop("psi", None)
    if not theirs["data"]["hugetlb"]:
        ours["data"]["hugetlb"] = {}    # that controller is not enabled for its container
    assert shape(ours) == shape(theirs)
    assert ours["data"]["memory"]["usage"]["limit"] == theirs["data"]["memory"]["usage"]["limit"]
    assert ours["data"]["pids"] == theirs["data"]["pids"]


def test_interval_and_end(box, orlop):
    """The first line comes after one interval; the command ends with the container, and what it said is whole."""
    box.up()
    begin = time.monotonic()
    p = orlop.popen("events", "--interval", "100ms", box.id)
    kernel.until(lambda: kernel.read(p.out_path).count("\n") >= 1, deadline(10), "a line")
    assert time.monotonic() - begin >= 0.1
    kernel.until(lambda: kernel.read(p.out_path).count("\n") >= 4, deadline(10), "four lines")
    assert time.monotonic() - begin >= 0.4
    assert p.poll() is None
    box.kill("KILL").ok()
    took, r = timed(orlop.finish, p)
    assert took < deadline(3)
    seen = lines(r.ok().out)
    for line in seen:
        check(line, LINE)
    totals = [x["data"]["cpu"]["usage"]["total"] for x in seen]
    assert totals == sorted(totals)


def test_ends_at_once_without_waiting_for_the_interval(box, orlop):
    box.up()
    p = orlop.popen("events", "--interval", "1h", box.id)
    kernel.until(lambda: "events" in kernel.read(f"/proc/{p.pid}/cmdline"), 5)
    kernel.until(lambda: any("cgroup.events" in name for name in kernel.opened(p.pid)), deadline(5), "it waits")
    box.delete("--force").ok()
    took, r = timed(orlop.finish, p)
    assert took < deadline(3) and r.ok().out == ""


def test_ends_with_its_reader(box, orlop):
    """A pipe that nobody reads is noticed without writing to it."""
    box.up()
    reading, writing = os.pipe()
    p = orlop.popen("events", "--interval", "1h", box.id, stdout=writing)
    os.close(writing)
    try:
        time.sleep(0.1)
        assert p.poll() is None
        os.close(reading)
        assert p.wait(deadline(5)) == 0
    finally:
        stop(p)


def test_not_running(box, orlop):
    """The words that engines look for."""
    orlop("events", box.id).failed("does not exist")
    box.up()
    box.kill("KILL").ok()
    box.wait_stopped()
    orlop("events", box.id).failed(f"container with id {box.id} is not running")
    orlop("events", "--stats", box.id).failed(f"container with id {box.id} is not running")


def test_without_cgroup(box, orlop):
    box.args("pause")
    box.write()
    orlop("--cgroup-manager", "disabled", "create", "-b", box.bundle, box.id).ok()
    orlop("events", "--stats", box.id).failed("has no cgroup")


@pytest.mark.parametrize("interval, words", [
    ("0", "must be greater than 0"), ("-5s", "must be greater than 0"), ("5", "no duration"), ("s", "no duration"),
    ("5 s", "no duration"), ("999us", "less than 1ms"), ("9999999999h", "292 years"), ("", "empty"),
])
def test_bad_interval(box, orlop, interval, words):
    orlop("events", "--interval", interval, box.id).failed("interval", words)


def test_stopped_and_continued(box, orlop):
    """Intervals that were slept through are left out, not made up for."""
    box.up()
    p = orlop.popen("events", "--interval", "50ms", box.id)
    kernel.until(lambda: kernel.read(p.out_path).count("\n") >= 1, deadline(10), "a line")
    p.send_signal(signal.SIGSTOP)
    before = kernel.read(p.out_path).count("\n")
    time.sleep(1)
    p.send_signal(signal.SIGCONT)
    time.sleep(0.1)
    assert kernel.read(p.out_path).count("\n") - before < 10
    box.delete("--force").ok()
    orlop.finish(p).ok()
