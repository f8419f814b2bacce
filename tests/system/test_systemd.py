# SPDX-License-Identifier: GPL-2.0-or-later
"""
The systemd cgroup manager: what systemd and the kernel say of the unit and of its cgroup, and that nothing is left
of either.
"""
import json
import os
import re
import shutil
import signal
import subprocess

import pytest
from lib import config as conf
from lib import host, kernel
from lib.box import PROGRAM, Box, Orlop, deadline

pytestmark = [pytest.mark.kernel, pytest.mark.needs_vm("systemd")]

ROOT = host.CGROUP
TAG = host.TAG
MIB = 1 << 20


def systemctl(*args):
    return subprocess.run(["systemctl", *args], capture_output=True, text=True, timeout=deadline(20)).stdout.strip()


def show(unit, *properties):
    text = systemctl("show", unit, *(f"-p{p}" for p in properties))
    return dict(line.split("=", 1) for line in text.splitlines())


def is_known(unit):
    return systemctl("list-units", "--all", "--plain", "--no-legend", unit) != ""


def cgroup_of(pid):
    lines = [x for x in kernel.read(f"/proc/{pid}/cgroup").splitlines() if x.startswith("0::")]
    return lines[0][3:]


def value(path, file):
    return kernel.read(f"{ROOT}{path}/{file}").strip()


def all_files(path):
    """What can be set in a cgroup, and how it is set."""
    found = {}
    for name in sorted(os.listdir(f"{ROOT}{path}")):
        if os.stat(f"{ROOT}{path}/{name}").st_mode & 0o222 and not name.startswith(("cgroup.", "memory.peak")) and \
                not name.endswith(("pressure", ".peak", ".reclaim")):
            found[name] = value(path, name)
    return found


@pytest.fixture
def box(make_box):
    made = make_box()
    made.orlop.options = ["--systemd-cgroup"]
    made.unit = f"orlop-{made.id}.scope"
    made.scope = f"/system.slice/{made.unit}"
    made.path = f"{made.scope}/container"
    yield made
    made.orlop.clean()
    assert not is_known(made.unit)


# ---- where -------------------------------------------------------------------------------------


def test_default(box):
    """A scope of system.slice, and in it the container's cgroup, whose only process is the container's; nothing is left."""
    pid = box.up()
    assert cgroup_of(pid) == box.path
    assert value(box.scope, "cgroup.procs") == ""
    for d in (box.scope, box.path):  # all that systemd has for it can be limited and counted
        assert value(d, "cgroup.controllers").split() == value("/system.slice", "cgroup.subtree_control").split()
    assert value(box.path, "cgroup.procs") == str(pid), "what held it is gone"
    seen = show(box.unit, "Slice", "Delegate", "DefaultDependencies", "ControlGroup", "Description", "ActiveState")
    assert seen == {"Slice": "system.slice", "Delegate": "yes", "DefaultDependencies": "no", "ControlGroup": box.scope,
                    "Description": f"orlop container {box.id}", "ActiveState": "active"}
    box.delete("--force").ok()
    assert not os.path.exists(ROOT + box.scope)
    assert not is_known(box.unit)


def test_run(box):
    """In the foreground, and the program is there from its first instruction."""
    conf.without_namespace(box.config, "cgroup")
    assert f"0::{box.path}\n" in box.probe()["cgroup"]
    assert not is_known(box.unit)


def test_own_cgroup_namespace(box):
    seen = box.probe(commands=["open", "/sys/fs/cgroup/cgroup.procs", "r", ",", "state"])
    assert "0::/\n" in seen["cgroup"] and "1" in seen["results"][0]["text"].split()


@pytest.mark.parametrize("path, unit, where", [
    ("machine.slice:libpod:{id}", "libpod-{id}.scope", "/machine.slice"),
    (":docker:{id}", "docker-{id}.scope", "/system.slice"),
    ("-.slice::{id}", "{id}.scope", ""),
    ("{tag}a-b-c.slice:crio:{id}", "crio-{id}.scope", "/{tag}a.slice/{tag}a-b.slice/{tag}a-b-c.slice"),
    ("{tag}a.slice::{tag}a-{id}.slice", "{tag}a-{id}.slice", "/{tag}a.slice"),
])
def test_path(box, path, unit, where):
    tag = TAG.replace("-", "_")
    names = {"id": box.id.replace("-", "_"), "tag": tag}
    path, unit, where = (x.format(**names) for x in (path, unit, where))
    box.linux["cgroupsPath"] = path
    pid = box.up()
    assert cgroup_of(pid) == f"{where}/{unit}" + ("" if unit.endswith(".slice") else "/container")
    assert show(unit, "ActiveState")["ActiveState"] == "active"
    box.delete("--force").ok()
    assert not is_known(unit)
    assert not os.path.exists(f"{ROOT}{where}/{unit}")
    for used in where.split("/")[:0:-1]:
        if used.startswith(tag):
            systemctl("stop", used)


def test_other_commands_know(box):
    """How it was made is in its state; the flag may be given or not."""
    box.up()
    for options in ([], ["--systemd-cgroup"], ["--cgroup-manager=cgroupfs"]):
        box.orlop.options = options
        assert box.status() == "running"
        box.orlop("pause", box.id).ok()
        assert value(box.path, "cgroup.freeze") == "1"
        box.orlop("resume", box.id).ok()
    box.orlop.options = []
    box.delete("--force").ok()
    assert not is_known(box.unit)


def test_frozen_cgroup_of_its_name(box):
    """A directory where the scope will be, frozen by somebody: nothing that enters it would ever return."""
    os.makedirs(ROOT + box.scope)
    with open(f"{ROOT}{box.scope}/cgroup.freeze", "w") as f:
        f.write("1")
    try:
        box.create().failed("container's cgroup unexpectedly frozen", "cgroup.freeze")
        assert not is_known(box.unit)
    finally:
        if os.path.exists(ROOT + box.scope):
            os.rmdir(ROOT + box.scope)


def test_messages(box):
    """create, start and delete send three at most; systemd may have stopped the scope before it was asked to."""
    trace = f"{box.bundle}/trace"
    wrap = ["strace", "-A", "-o", trace, "-s", "300", "-e", "trace=sendmsg,sendto,write"]
    box.args("pause")
    box.create(wrap=wrap).ok()
    box.start(wrap=wrap).ok()
    box.delete("--force", wrap=wrap).ok()
    sent = re.findall(r"systemd1\.Manager.*?(StartTransientUnit|StopUnit|ResetFailedUnit|[A-Z]\w+)", kernel.read(trace))
    assert sent in (["StartTransientUnit", "StopUnit", "ResetFailedUnit"], ["StartTransientUnit", "ResetFailedUnit"])


def test_word_of_the_manager(box):
    box.orlop.options = ["--cgroup-manager", "systemd"]
    box.up()
    assert is_known(box.unit)


def test_exec(box):
    conf.without_namespace(box.config, "cgroup")
    box.up()
    assert f"0::{box.path}\n" in box.exec().json()["cgroup"]


# ---- limits ------------------------------------------------------------------------------------


LIMITS = {
    "memory": {"limit": 64 * MIB, "swap": 96 * MIB, "reservation": 16 * MIB},
    "cpu": {"shares": 512, "quota": 20001, "period": 50000, "burst": 1000, "cpus": "0-1", "mems": "0"},
    "pids": {"limit": 77},
    "unified": {"memory.high": "48M", "memory.min": "4096", "memory.oom.group": "1"},
    "devices": [{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rw"}],
}


def test_limits_are_known_to_both(box):
    box.linux["resources"].update(LIMITS)
    box.up()
    expected = {"memory.max": str(64 * MIB), "memory.swap.max": str(32 * MIB), "memory.low": str(16 * MIB),
                "memory.high": str(48 * MIB), "memory.min": "4096", "memory.oom.group": "1", "cpu.weight": "59",
                "cpu.max": "20500 50000", "cpu.max.burst": "1000", "cpuset.cpus": "0-1", "cpuset.mems": "0", "pids.max": "77"}
    assert {k: value(box.path, k) for k in expected} == expected
    told = {"MemoryMax": str(64 * MIB), "MemorySwapMax": str(32 * MIB), "MemoryLow": str(16 * MIB),
            "MemoryHigh": str(48 * MIB), "MemoryMin": "4096", "CPUWeight": "59", "CPUQuotaPerSecUSec": "410ms",
            "CPUQuotaPeriodUSec": "50ms", "AllowedCPUs": "0-1", "AllowedMemoryNodes": "0", "TasksMax": "77",
            "DevicePolicy": "strict", "OOMPolicy": "kill"}
    assert show(box.unit, *told) == told
    assert "/dev/char/10:229 rw" in show(box.unit, "DeviceAllow")["DeviceAllow"] or \
        "/dev/char/10:229 rw" in systemctl("show", box.unit, "-pDeviceAllow")


@pytest.mark.parametrize("what", ["daemon-reload", "set-property", "sibling"])
def test_nothing_is_undone(box, what):
    """systemd looks after its units: limits, device program and what it does not know stay as they are."""
    box.linux["resources"].update(LIMITS)
    box.linux["resources"]["hugepageLimits"] = [{"pageSize": "2MB", "limit": 4 * MIB}]
    box.up()
    before, programs = all_files(box.path), kernel.device_programs(ROOT + box.path)
    assert "hugetlb.2MB.max" in before and "orlop_devices" in programs, programs
    other = f"{TAG}other.scope"
    sleeper = subprocess.Popen(["systemd-run", "-q", "--scope", f"--unit={other}", "sleep", "1000"])
    kernel.until(lambda: is_known(other), deadline(10), "the other scope is there")
    if what == "daemon-reload":
        systemctl("daemon-reload")
    elif what == "set-property":
        systemctl("set-property", "--runtime", "system.slice", "IOWeight=200", "TasksMax=100000")
        systemctl("set-property", "--runtime", "system.slice", "IOWeight=", "TasksMax=")
    else:
        systemctl("set-property", "--runtime", other, "MemoryMax=100M", "DeviceAllow=/dev/null rw", "AllowedCPUs=0")
    after = all_files(box.path)
    systemctl("stop", other)
    sleeper.wait(deadline(10))
    systemctl("revert", "system.slice")
    assert after == before
    assert kernel.device_programs(ROOT + box.path) == programs


def test_devices_from_inside(box):
    """Both programs agree: what is allowed can be opened, all else is refused."""
    box.linux["resources"]["devices"] = [{"allow": False, "access": "rwm"},
                                         {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rw"},
                                         {"allow": True, "type": "c", "major": 1, "access": "r"},
                                         {"allow": False, "type": "c", "major": 1, "minor": 11, "access": "r"}]
    conf.set_caps(box.process, conf.ALL_CAPS)
    nodes = {"null": (1, 3), "aio": (1, 10), "kmsg": (1, 11), "cuse": (10, 203)}
    commands = []
    for name, (major, minor) in nodes.items():
        commands += ["mknod", f"/root/{name}", "c", major, minor, "0600", ",", "open", f"/root/{name}", "r", ","]
    r = box.probe(commands=commands[:-1])["results"]
    opened = {name: "EPERM" if x["ret"] < 0 and x["errno"] == "EPERM" else "" for name, x in zip(nodes, r[1::2])}
    assert all(x["ret"] == 0 for x in r[::2]), r
    assert opened == {"null": "", "aio": "", "kmsg": "EPERM", "cuse": "EPERM"}, r


def test_holder_is_killed(box):
    """Before systemd has moved it: the scope is there then with nobody in it, and would stay."""
    box.args("pause")
    box.create(wrap=["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=pause,sendmsg", "-e", "inject=pause:signal=KILL",
                     "-e", "inject=sendmsg:delay_enter=500000"], timeout=60).failed(box.unit, "was killed")
    kernel.until(lambda: not os.path.exists(ROOT + box.scope) and not is_known(box.unit), deadline(10), "the scope is gone")
    assert box.orlop.ids() == []


@pytest.mark.parametrize("limit, expected", [(0, "0"), (1, "1"), (-1, "max")])
def test_few_processes(box, limit, expected):
    """The process that holds the scope until the container is in it does not count."""
    box.linux["resources"]["pids"] = {"limit": limit}
    box.up()
    assert value(box.path, "pids.max") == expected


def test_oom(box):
    """The scope has failed; it and its result stay until delete, and the name can be had again at once."""
    box.linux["resources"].update({"memory": {"limit": 16 * MIB, "swap": 16 * MIB}, "unified": {"memory.oom.group": "1"}})
    box.args("hog", 64)
    box.create().ok()
    box.start()
    box.wait_stopped()
    kernel.until(lambda: show(box.unit, "Result")["Result"] == "oom-kill", deadline(10), "systemd saw it")
    box.delete().ok()
    assert not is_known(box.unit)
    box.linux["resources"].update({"memory": {}})
    box.up()


# ---- annotations -------------------------------------------------------------------------------


def test_limit_below_what_a_process_needs(box):
    """systemd removes the cgroup with the process, often before anybody can ask it for the reason."""
    box.linux["resources"] = {"memory": {"limit": 4096}}
    for _ in range(5):
        box.refused("memory")


def test_annotations(box):
    box.config["annotations"] = {
        "org.systemd.property.TimeoutStopUSec": "uint64 7000000", "org.systemd.property.KillSignal": "10",
        "org.systemd.property.CollectMode": "'inactive-or-failed'", "org.systemd.property.After": "['basic.target']",
        "org.systemd.property.DefaultDependencies": "true", "org.systemd.property.RuntimeMaxSec": "1000",
        "org.systemd.property.Description": "'mine'",
    }
    box.up()
    assert show(box.unit, "TimeoutStopUSec", "KillSignal", "CollectMode", "DefaultDependencies", "Description",
                "RuntimeMaxUSec") == {
        "TimeoutStopUSec": "7s", "KillSignal": "10", "CollectMode": "inactive-or-failed", "DefaultDependencies": "yes",
        "Description": "mine", "RuntimeMaxUSec": "16min 40s"}
    assert "basic.target" in show(box.unit, "After")["After"]


def test_annotation_and_limit(box):
    """The limit holds, for systemd too, and that is said: as it was, a daemon-reload brought the other."""
    box.linux["resources"]["pids"] = {"limit": 50}
    box.config["annotations"] = {"org.systemd.property.TasksMax": "uint64 44", "org.systemd.property.MemoryMax": "uint64 104857600"}
    r = box.create().ok()
    assert "org.systemd.property.TasksMax` has no effect" in r.err and "MemoryMax" not in r.err
    again(box.unit)
    assert (show(box.unit, "TasksMax")["TasksMax"], value(box.path, "pids.max")) == ("50", "50")
    assert (show(box.unit, "MemoryMax")["MemoryMax"], value(box.scope, "memory.max")) == ("104857600", "104857600")


@pytest.mark.parametrize("name, text, words", [
    ("Nonsense", "true", ["Nonsense", "unknown property"]),
    ("TasksMax", "'many'", ["TasksMax"]),
    ("TasksMax", "uint64 0", ["TasksMax", "out of range"]),
    ("MemoryMax", "[1,", ["MemoryMax"]),
    ("KillSignal", "", ["KillSignal"]),
])
def test_bad_annotation(box, name, text, words):
    box.config["annotations"] = {f"org.systemd.property.{name}": text}
    box.refused(f"/annotations/org.systemd.property.{name}", *words)
    assert not is_known(box.unit)


# ---- what goes wrong ---------------------------------------------------------------------------


def test_bad_limit(box):
    """The kernel refuses it when the scope is there: it goes again."""
    box.linux["resources"]["cpu"] = {"cpus": "77"}
    box.refused("/linux/resources/cpu/cpus")
    assert not is_known(box.unit)


def test_live_unit_of_that_name(box):
    """It is somebody else's, and left alone."""
    p = subprocess.Popen(["systemd-run", "-q", "--scope", f"--unit={box.unit}", "sleep", "1000"])
    host.POPEN.add(p.pid)
    kernel.until(lambda: is_known(box.unit), deadline(10), "the scope is there")
    box.create().failed(box.unit)
    assert show(box.unit, "ActiveState")["ActiveState"] == "active"
    assert p.poll() is None
    assert box.orlop.ids() == []
    systemctl("stop", box.unit)
    p.wait(deadline(10))


def test_failed_unit_of_that_name(box):
    subprocess.run(["systemd-run", "-q", "--scope", f"--unit={box.unit}", "-p", "RuntimeMaxSec=100ms", "sleep", "1000"],
                   timeout=deadline(30))
    kernel.until(lambda: show(box.unit, "ActiveState")["ActiveState"] == "failed", deadline(10), "it has failed")
    pid = box.up()
    assert cgroup_of(pid) == box.path


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_ended_by_others(box, how):
    """systemd ends the unit by itself when nothing is in it any more; delete is content."""
    pid = box.up()
    if how == "kill":
        os.kill(pid, signal.SIGKILL)
    else:
        systemctl("kill", "--signal=KILL", box.unit)
        systemctl("stop", box.unit)
    box.wait_stopped()
    kernel.until(lambda: not os.path.exists(ROOT + box.scope), deadline(10), "systemd has removed the cgroup")
    box.delete().ok()


def test_processes_left_by_init(box):
    """Without a pid namespace others outlive init: they end with the container, at once."""
    conf.without_namespace(box.config, "pid")
    box.up()
    box.exec("--detach", "--", "pause").ok()
    box.kill("KILL").ok()
    box.wait_stopped()
    box.delete("--force").ok()
    assert not is_known(box.unit) and not os.path.exists(ROOT + box.scope)


@pytest.mark.parametrize("call, nth", [("sendmsg", 1), ("poll", 1), ("recvfrom", 1), ("recvfrom", 2), ("clone3", 1), ("clone3", 2),
                                       ("waitid", 1), ("fchmod", 1), ("bpf", 1), ("bpf", 3), ("rename", 2), ("rename", 3),
                                       ("renameat", 2), ("renameat", 3), ("pidfd_send_signal", 1)])
def test_killed_in_between(box, call, nth):
    """Killed before it has said anything, while it waits for systemd, after: delete --force leaves nothing of either."""
    box.args("pause")
    r = box.create(wrap=["strace", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={nth}"])
    assert r.rc in (0, -signal.SIGKILL, 128 + signal.SIGKILL), r
    box.delete("--force").ok()
    kernel.until(lambda: not is_known(box.unit), deadline(10), "the scope is gone")
    assert not os.path.exists(ROOT + box.scope)


def test_killed_while_deleting(box):
    """The second delete finds what the first has left."""
    box.up()
    kill = ["strace", "-qq", "-o", "/dev/null", "-e", "trace=sendmsg", "-e", "inject=sendmsg:signal=KILL:when=1"]
    assert box.delete("--force", wrap=kill).rc in (-signal.SIGKILL, 128 + signal.SIGKILL)
    box.delete("--force").ok()
    kernel.until(lambda: not is_known(box.unit), deadline(10), "the scope is gone")


@pytest.mark.one_vm
@pytest.mark.parametrize("path", ["/abs", "a.slice:b", "a.slice:b:c:d", "a:b:c", "a.slice:b:../c", "a.slice:b:c@d", "a.slice:@b:c",
                                  "a@b.slice:c:d", "@.slice:b:c"])
def test_bad_path(box, path):
    box.linux["cgroupsPath"] = path
    box.refused("/linux/cgroupsPath")


def test_contradiction(box):
    box.orlop.options = ["--systemd-cgroup", "--cgroup-manager=cgroupfs"]
    box.refused("contradict")


# ---- update ------------------------------------------------------------------------------------


def test_update(box):
    """systemd and the kernel are told, and systemd's looking after it changes nothing."""
    box.linux["resources"].update({"memory": {"limit": 64 * MIB, "swap": 64 * MIB}, "pids": {"limit": 50},
                                   "cpu": {"quota": 20000, "period": 100000, "burst": 5000}})
    box.up()
    box.orlop("update", "--memory", "96M", "--memory-swap", "128M", "--cpu-quota", "10000", "--cpu-burst", "1000", "--pids-limit", "-1",
              "--cpuset-cpus", "0", box.id).ok()
    expected = {"memory.max": str(96 * MIB), "memory.swap.max": str(32 * MIB), "cpu.max": "10000 100000",
                "cpu.max.burst": "1000", "pids.max": "max", "cpuset.cpus": "0"}
    systemctl("daemon-reload")
    systemctl("set-property", "--runtime", "system.slice", "CPUWeight=200")
    systemctl("set-property", "--runtime", "system.slice", "CPUWeight=")
    assert {k: value(box.path, k) for k in expected} == expected
    told = {"MemoryMax": str(96 * MIB), "MemorySwapMax": str(32 * MIB), "CPUQuotaPerSecUSec": "100ms", "TasksMax": "infinity",
            "AllowedCPUs": "0"}
    assert show(box.unit, *told) == told
    systemctl("revert", "system.slice")


def test_update_of_devices(box):
    box.linux["resources"]["devices"] = [{"allow": False, "access": "rwm"}]
    conf.set_caps(box.process, conf.ALL_CAPS)
    box.up()
    doc = f"{box.bundle}/update.json"
    with open(doc, "w") as f:
        f.write('{"devices": [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 1, "minor": 10, "access": "rwm"}]}')
    node = ["mknod", "/root/aio", "c", "1", "10", "0600", ",", "open", "/root/aio", "r"]
    before = box.exec("--", *node).json()["results"]
    assert before[1]["errno"] == "EPERM"
    box.orlop("update", "-r", doc, box.id).ok()
    after = box.exec("--", "open", "/root/aio", "r").json()["results"]
    assert after[0].get("errno") != "EPERM", after
    assert kernel.device_programs(ROOT + box.path).count("orlop_devices") == 1
    assert "/dev/char/1:10 rw" in systemctl("show", box.unit, "-pDeviceAllow")


@pytest.mark.parametrize("options, words", [
    (["--cpuset-cpus", "77"], ["cpuset.cpus"]), (["--pids-limit", "30", "--cpuset-mems", "9"], ["cpuset.mems"])])
def test_update_undone(box, options, words):
    """What systemd was told before the kernel refused is taken back, too."""
    box.linux["resources"]["pids"] = {"limit": 50}
    box.up()
    box.orlop("update", *options, box.id).failed(*words)
    assert value(box.path, "pids.max") == "50"
    assert show(box.unit, "TasksMax")["TasksMax"] == "50"


def again(unit):
    """systemd reads its units anew, and writes all that it knows of one as soon as something of it is set."""
    systemctl("daemon-reload")
    systemctl("set-property", "--runtime", unit, "MemoryAccounting=yes")


def test_update_undone_of_idle(box):
    """Neither the kernel nor systemd keeps a weight while it is idle: both are told what it was."""
    box.linux["resources"]["cpu"] = {"shares": 512}
    box.up()
    doc = f"{box.bundle}/update.json"
    with open(doc, "w") as f:
        f.write('{"cpu": {"idle": 1, "mems": "9"}}')
    box.orlop("update", "-r", doc, box.id).failed("cpuset.mems")
    assert (value(box.path, "cpu.idle"), value(box.path, "cpu.weight")) == ("0", "59")
    again(box.unit)
    assert (value(box.path, "cpu.idle"), value(box.path, "cpu.weight")) == ("0", "59")
    assert show(box.unit, "CPUWeight")["CPUWeight"] == "59"


@pytest.mark.parametrize("shares, weight", [(None, "100"), (512, "59")])
def test_update_idle_no_more(box, shares, weight):
    box.linux["resources"]["cpu"] = {"idle": 1, **({"shares": shares} if shares else {})}
    box.up()
    assert (value(box.path, "cpu.idle"), show(box.unit, "CPUWeight")["CPUWeight"]) == ("1", "idle")
    box.orlop("update", "--cpu-idle", "0", box.id).ok()
    again(box.unit)
    assert (value(box.path, "cpu.idle"), value(box.path, "cpu.weight")) == ("0", weight)


def test_update_undone_of_a_disk(box):
    """A disk without iocost has no weights: systemd does not keep what the kernel has refused."""
    box.up()
    doc = f"{box.bundle}/update.json"
    major, minor = kernel.read("/sys/block/vdc/dev").strip().split(":")
    with open(doc, "w") as f:
        f.write(f'{{"blockIO": {{"weightDevice": [{{"major": {major}, "minor": {minor}, "weight": 500}}]}}}}')
    box.orlop("update", "-r", doc, box.id).failed("io.weight", "io.cost.qos")
    assert show(box.unit, "IODeviceWeight").get("IODeviceWeight", "") == ""


def test_quota_that_is_rounded(box):
    """Never to less than was asked for, which may be less than the kernel takes."""
    box.linux["resources"]["cpu"] = {"quota": 1000, "period": 33333}
    box.up()
    assert value(box.path, "cpu.max") == "1333 33333"


def test_update_that_ends_it(box):
    """A limit far below what is in use: the kernel kills, systemd removes the scope, and the error says so and no more."""
    box.up()
    r = box.orlop("update", "--memory", "4096", "--pids-limit", "20", box.id)
    kernel.until(lambda: not os.path.exists(ROOT + box.scope), deadline(10), "the cgroup is gone")
    assert r.rc == 0 or ("is gone: its last process has ended" in r.err and "undone" not in r.err and "set back" not in r.err), r
    box.wait_stopped()
    box.delete().ok()


def test_what_systemd_knows_by_another_name(box):
    """cpu.weight.nice is a weight. memory.oom.group is OOMPolicy=, which cannot be changed: the next update took it back."""
    box.linux["resources"]["unified"] = {"cpu.weight.nice": "5"}
    box.up()
    again(box.unit)
    assert value(box.path, "cpu.weight.nice") == "5"
    doc = f"{box.bundle}/update.json"
    with open(doc, "w") as f:
        f.write('{"unified": {"cpu.weight.nice": "-7", "memory.oom.group": "0"}}')
    box.orlop("update", "-r", doc, box.id).ok()
    again(box.unit)
    assert value(box.path, "cpu.weight.nice") == "-7"
    with open(doc, "w") as f:
        f.write('{"unified": {"cpu.weight.nice": "3", "memory.oom.group": "1"}}')
    box.orlop("update", "-r", doc, box.id).failed("/unified/memory.oom.group", "OOMPolicy")
    assert (value(box.path, "cpu.weight.nice"), value(box.path, "memory.oom.group")) == ("-7", "0")


@pytest.fixture
def bfq():
    file = "/sys/block/vdc/queue/scheduler"
    before = kernel.read(file).split("[")[1].split("]")[0]
    with open(file, "w") as f:
        f.write("bfq")
    yield
    with open(file, "w") as f:
        f.write(before)


@pytest.mark.parametrize("weight", [10, 333])
def test_weight_of_bfq(box, bfq, weight):
    """systemd makes one of its own weight, by another rule than the one that engines know."""
    box.linux["resources"]["blockIO"] = {"weight": weight}
    box.up()
    again(box.unit)
    assert value(box.path, "io.bfq.weight") == f"default {weight}"
    box.orlop("update", "--blkio-weight", "500", box.id).ok()
    again(box.unit)
    assert value(box.path, "io.bfq.weight") == "default 500"


# ---- without privileges ------------------------------------------------------------------------


class User(Orlop):
    """The user of the machine, whose service manager runs; in its own service, or in a session outside of that."""

    def __init__(self, tmp, inside):
        super().__init__(tmp)
        self.inside = inside
        self.options = ["--systemd-cgroup"]
        self.env = {"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": "/run/user/1000"}
        self.root = f"{tmp}/home/state"
        os.mkdir(f"{tmp}/home", 0o700)
        os.chown(f"{tmp}/home", 1000, 1000)
        os.chmod(tmp, 0o755)
        self.program = shutil.copy(PROGRAM, f"{tmp}/orlop")

    def popen(self, *args, wrap=(), **kw):
        become = ["setpriv", "--reuid", "1000", "--regid", "1000", "--init-groups", "--"]

        def enter():
            if self.inside:
                with open(f"{ROOT}{MANAGER}/{TAG}caller/cgroup.procs", "w") as f:
                    f.write("0")
        return super().popen(*args, wrap=[*become, *wrap], preexec_fn=enter, **kw)


MANAGER = "/user.slice/user-1000.slice/user@1000.service"


@pytest.fixture(scope="module")
def manager():
    kernel.until(lambda: os.path.exists("/run/user/1000/systemd/private"), deadline(20), "the user's manager runs")
    kernel.until(lambda: systemctl("is-active", "user@1000.service") == "active", deadline(20), "it is up")
    os.mkdir(f"{ROOT}{MANAGER}/{TAG}caller")
    os.chown(f"{ROOT}{MANAGER}/{TAG}caller", 1000, 1000)
    os.chown(f"{ROOT}{MANAGER}/{TAG}caller/cgroup.procs", 1000, 1000)
    yield
    os.rmdir(f"{ROOT}{MANAGER}/{TAG}caller")


@pytest.fixture(params=[True, False], ids=["inside", "outside"])
def user_box(manager, tmp, request):
    user = User(tmp, request.param)
    box = Box(user, f"{TAG}user")
    for d, dirs, files in os.walk(box.bundle):
        for x in ["", *dirs, *files]:
            os.chown(os.path.join(d, x), 1000, 1000, follow_symlinks=False)
    user("spec", "--rootless", "--bundle", box.bundle).ok()
    with open(f"{box.bundle}/config.json") as f:
        box.config = json.load(f)
    box.process, box.linux, box.mounts = box.config["process"], box.config["linux"], box.config["mounts"]
    box.process["terminal"] = False
    box.process["env"] = [conf.PATH]
    box.linux.setdefault("resources", {})
    box.unit, box.scope = f"orlop-{box.id}.scope", f"{MANAGER}/user.slice/orlop-{box.id}.scope"
    box.path = f"{box.scope}/container"
    yield box
    user.clean()
    assert not os.path.exists(ROOT + box.scope)


def show_user(unit, name):
    return subprocess.run(["systemctl", "--user", "--machine=user@.host", "show", "-P", name, unit], capture_output=True,
                          text=True, timeout=deadline(20)).stdout.strip()


def test_user(user_box):
    """In the user's own manager; limits of what is delegated, exec, pause and delete work."""
    box = user_box
    box.linux["resources"] = {"memory": {"limit": 64 * MIB}, "pids": {"limit": 20}}
    pid = box.up()
    assert cgroup_of(pid) == box.path
    assert value(box.path, "memory.max") == str(64 * MIB) and value(box.path, "pids.max") == "20"
    assert show_user(box.unit, "MemoryMax") == str(64 * MIB)
    p = box.exec("--detach", "--pid-file", f"{box.bundle}/second", "--", "pause")
    p.ok()
    assert cgroup_of(int(kernel.read(f"{box.bundle}/second"))) == box.path
    assert set(value(box.path, "cgroup.procs").split()) == {str(pid), kernel.read(f"{box.bundle}/second")}
    box.orlop("pause", box.id).ok()
    assert "frozen 1" in value(box.path, "cgroup.events")
    box.orlop("resume", box.id).ok()
    box.orlop("update", "--pids-limit", "30", box.id).ok()
    assert value(box.path, "pids.max") == "30" and show_user(box.unit, "TasksMax") == "30"
    box.orlop.delete_by_force(box.id).ok()
    assert show_user(box.unit, "LoadState") == "not-found"


def test_user_without_what_is_delegated(user_box):
    """A limit whose controller stops above: which one, where, and what adds it; nothing is made."""
    box = user_box
    box.linux["resources"] = {"unified": {"io.weight": "200"}}
    watch = kernel.Watch(ROOT + MANAGER, *(e.path for e in os.scandir(ROOT + MANAGER) if e.name.endswith(".slice")))
    r = box.create()
    r.failed("io", "user@.service", "Delegate=", "/linux/resources/unified/io.weight")
    assert watch.made() == []
    assert not os.path.exists(ROOT + box.scope)
    assert show_user(box.unit, "LoadState") == "not-found"


def test_user_without_a_manager(user_box):
    """The socket that is not there, and what to do."""
    box = user_box
    box.orlop.env = {"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": box.orlop.root}
    box.create().failed("systemd")
