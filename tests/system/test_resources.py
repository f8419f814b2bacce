# SPDX-License-Identifier: GPL-2.0-or-later
"""
`resources`: what was asked for, what was written, what the kernel's files say, and who has set it where they differ.
Natively cgroup2 has only the hugetlb controller; the others, and systemd, are in the virtual machine.
"""
import json
import os
import subprocess

import pytest
from lib import host, kernel
from lib.box import deadline

pytestmark = pytest.mark.kernel

MIB = 1 << 20
VM = pytest.mark.needs_vm("all controllers of cgroup2")
HUGE = pytest.mark.needs_controllers("hugetlb")
PREFIX = "/linux/resources/"


def rows(box):
    document = box.orlop("resources", "--format", "json", box.id).json()
    assert list(document) == ["id", "cgroup", "unit", "limits"] and document["id"] == box.id
    for row in document["limits"]:
        assert list(row) == ["asked", "asked_in", "file", "written", "properties", "now", "set_by", "state"]
        if row["now"] is not None and row["state"] not in ("unasked", "overruled") and " " not in row["now"]:
            # a property of the unit also holds in the scope
            places = [document["cgroup"]] + [os.path.dirname(document["cgroup"])] * bool(row["properties"])
            assert row["now"] in [kernel.read(f"{host.CGROUP}{p}/{row['file']}").strip().split("\n")[0].removeprefix("default ")
                                  for p in places], row
    return document["limits"]


def of(box, file):
    found = [r for r in rows(box) if r["file"] == file]
    assert len(found) == 1, found
    row = found[0]
    return {k.removeprefix(PREFIX): v for k, v in row["asked"].items()}, row["written"], row["now"], row["set_by"], row["state"]


def write(box, file, text):
    with open(f"{host.CGROUP}/orlop/{box.id}/{file}", "w") as f:
        f.write(text)


def update(box, document):
    path = f"{box.bundle}/r.json"
    with open(path, "w") as f:
        json.dump(document, f)
    box.orlop("update", "--resources", path, box.id).ok()


def huge(limit):
    return {"hugepageLimits": [{"pageSize": "2MB", "limit": limit}]}


# ---- everywhere -----------------------------------------------------------------------------------


@HUGE
def test_one_limit_through_its_life(box):
    at = "hugepageLimits/0/limit"
    box.linux["resources"].update(huge(8 * MIB))
    box.up()
    assert of(box, "hugetlb.2MB.max") == ({at: 8 * MIB}, str(8 * MIB), str(8 * MIB), "config.json", "same")
    update(box, huge(4 * MIB + 5))
    assert of(box, "hugetlb.2MB.max") == ({at: 4 * MIB + 5}, str(4 * MIB + 5), str(4 * MIB), "update", "rounded")
    write(box, "hugetlb.2MB.max", "max")
    assert of(box, "hugetlb.2MB.max") == ({at: 4 * MIB + 5}, str(4 * MIB + 5), "max", "others", "differs")
    update(box, huge(8 * MIB))
    assert of(box, "hugetlb.2MB.max")[3:] == ("config.json", "same"), "it is again as in config.json"


@HUGE
def test_what_nobody_asked_for(box):
    box.up()
    assert rows(box) == []
    write(box, "hugetlb.2MB.max", str(6 * MIB))
    write(box, "cgroup.max.depth", "3")
    assert of(box, "hugetlb.2MB.max") == ({}, None, str(6 * MIB), "others", "unasked")
    assert of(box, "cgroup.max.depth") == ({}, None, "3", "others", "unasked")
    assert len(rows(box)) == 2


@HUGE
def test_unified_wins(box):
    box.linux["resources"].update(huge(8 * MIB))
    box.linux["resources"]["unified"] = {"hugetlb.2MB.max": "4M"}
    box.up()
    found = {next(iter(r["asked"])).removeprefix(PREFIX): r for r in rows(box) if r["file"] == "hugetlb.2MB.max"}
    assert found["hugepageLimits/0/limit"]["state"] == "overruled"
    assert found["unified/hugetlb.2MB.max"]["state"] == "same" and found["unified/hugetlb.2MB.max"]["now"] == str(4 * MIB)


@HUGE
def test_the_table(box):
    box.linux["resources"].update(huge(8 * MIB))
    box.up()
    write(box, "cgroup.max.descendants", "7")
    lines = [line.split() for line in box.orlop("resources", box.id).ok().out.splitlines()]
    assert lines[0] == ["FILE", "ASKED", "WRITTEN", "NOW", "SET", "BY", "STATE"]
    number = str(8 * MIB)
    assert ["hugetlb.2MB.max", "hugepageLimits/0/limit", number, number, number, "config.json", "same"] in lines
    assert ["cgroup.max.descendants", "-", "-", "7", "others", "unasked"] in lines


@HUGE
def test_text_of_a_document_drives_no_terminal(box):
    box.linux["resources"]["unified"] = {"cgroup.max.depth": "\u001b[2J9"}
    box.linux["resources"]["hugepageLimits"] = []
    box.create().failed("cgroup.max.depth")
    box.linux["resources"]["unified"] = {"cgroup.max.depth": " 9"}
    box.create().ok()
    assert of(box, "cgroup.max.depth")[2:] == ("9", "config.json", "same")


def test_a_container_without_limits(box):
    box.up()
    assert rows(box) == []
    assert box.orlop("resources", box.id).ok().out.split() == ["FILE", "ASKED", "WRITTEN", "NOW", "SET", "BY", "STATE"]


def test_nobody_and_the_end(box):
    box.orlop("resources", "nobody").failed("container `nobody` does not exist")
    box.orlop("resources").failed("ID")


# ---- all controllers ------------------------------------------------------------------------------


LIMITS = {
    "memory": {"limit": 64 * MIB + 1, "swap": 96 * MIB, "reservation": 8 * MIB},
    "cpu": {"shares": 2048, "quota": 150000, "period": 50000, "cpus": "0,1"},
    "pids": {"limit": 33},
}


@VM
@pytest.mark.parametrize("manager", ["cgroupfs", "systemd"])
def test_all_kinds(box, manager):
    if manager == "systemd":
        box.orlop.options = ["--systemd-cgroup"]
    box.linux["resources"].update(LIMITS)
    box.up()
    found = {r["file"]: r for r in rows(box)}
    for file, asked, written, now, state in [
            ("memory.max", {"memory/limit": 64 * MIB + 1}, str(64 * MIB + 1), str(64 * MIB), "rounded"),
            ("memory.swap.max", {"memory/swap": 96 * MIB, "memory/limit": 64 * MIB + 1}, str(32 * MIB - 1),
             str(32 * MIB - 4096), "rounded"),
            ("memory.low", {"memory/reservation": 8 * MIB}, str(8 * MIB), str(8 * MIB), "same"),
            ("cpu.max", {"cpu/quota": 150000, "cpu/period": 50000}, "150000 50000", "150000 50000", "same"),
            ("cpuset.cpus", {"cpu/cpus": "0,1"}, "0,1", "0-1", "same"),
            ("pids.max", {"pids/limit": 33}, "33", "33", "same")]:
        row = found.pop(file)
        assert {k.removeprefix(PREFIX): v for k, v in row["asked"].items()} == asked
        assert (row["written"], row["now"], row["state"], row["set_by"]) == (written, now, state, "config.json"), row
        assert bool(row["properties"]) == (manager == "systemd"), row
    weight = found.pop("cpu.weight")
    assert weight["asked"] == {f"{PREFIX}cpu/shares": 2048} and weight["written"] == weight["now"] and weight["state"] == "same"
    assert not found, "nothing else is limited"
    if manager == "systemd":
        check_systemd(box)


def check_systemd(box):
    """What systemd was told by others is found out by its own word."""
    row = next(r for r in rows(box) if r["file"] == "memory.max")
    assert row["properties"] == {"MemoryMax": f"uint64 {64 * MIB + 1}"}
    unit = f"orlop-{box.id}.scope"
    subprocess.run(["systemctl", "set-property", "--runtime", unit, "MemoryMax=100M", "MemoryHigh=50M", "CPUQuota=70%"],
                   check=True, timeout=deadline(20))
    assert of(box, "memory.max")[2:] == (str(100 * MIB), "systemd", "differs")
    assert of(box, "memory.high") == ({}, None, str(50 * MIB), "systemd", "unasked")
    assert of(box, "cpu.max")[2:] == ("35000 50000", "systemd", "differs")
    with open(f"{host.CGROUP}/system.slice/{unit}/memory.max", "w") as f:
        f.write(str(90 * MIB))
    assert of(box, "memory.max")[2:] == (str(90 * MIB), "others", "differs")


@VM
def test_devices_of_one_file(box):
    disk = kernel.read("/sys/block/vdc/dev").strip()
    major, minor = map(int, disk.split(":"))
    box.linux["resources"]["blockIO"] = {"throttleReadBpsDevice": [{"major": major, "minor": minor, "rate": MIB}],
                                         "throttleWriteIOPSDevice": [{"major": major, "minor": minor, "rate": 50}]}
    box.up()
    found = {r["written"]: r for r in rows(box)}
    assert set(found) == {f"{disk} rbps={MIB}", f"{disk} wiops=50"}
    for row in found.values():
        assert row["state"] == "same" and row["now"] == f"{disk} rbps={MIB} wbps=max riops=max wiops=50"
    write(box, "io.max", f"{disk} rbps=max wiops=max")
    assert {r["state"] for r in rows(box)} == {"differs"}


@VM
def test_idle_and_implied(box):
    box.linux["resources"]["cpu"] = {"idle": 1}
    box.linux["resources"]["memory"] = {"limit": 64 * MIB}
    box.up()
    assert of(box, "cpu.idle")[1:] == ("1", "1", "config.json", "same")
    box.orlop("update", "--memory", "-1", box.id).ok()
    assert of(box, "memory.max") == ({"memory/limit": -1}, "max", "max", "update", "same")
    assert {r["state"] for r in rows(box)} == {"same"}, "a weight that idleness takes away was set by nobody"
