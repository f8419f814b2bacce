# SPDX-License-Identifier: GPL-2.0-or-later
"""
linux.intelRdt without such a processor: a named hierarchy of cgroup version 1 stands in for resctrl,
since its directories have a `tasks` file as well, and the kernel tells in /proc/PID/cgroup who is in.
What is written into `schemata` is tested in tests/unit/process/intelrdt_test.c.
"""
import os
import subprocess

import pytest
from lib import host, kernel


class Resctrl:
    def __init__(self, path, name):
        self.path, self.name = path, name
        os.mkdir(path)
        kernel.mount("none", path, "cgroup", 0, f"none,name={name}")
        self.own = set(self.groups())

    def groups(self):
        return sorted(os.path.relpath(d, self.path) for d, _, _ in os.walk(self.path))

    def of(self, pid):
        lines = [x.split(":", 2) for x in kernel.read(f"/proc/{pid}/cgroup").splitlines()]
        return [x[2] for x in lines if x[1] == f"name={self.name}"][0]

    def make(self, name):
        os.mkdir(f"{self.path}/{name}")

    def wrap(self):
        """A mountinfo that calls it resctrl."""
        line = f"9999 1 0:999 / {self.path} rw,relatime - resctrl resctrl rw"
        script = ('cat /proc/self/mountinfo > "$0"; echo "$1" >> "$0"; shift; '
                  'mount --bind "$0" /proc/$$/mountinfo; exec "$@"')
        return ["unshare", "-m", "sh", "-ec", script, f"{self.path}.mountinfo", line]


@pytest.fixture
def resctrl(tmp, orlop):
    r = Resctrl(f"{tmp}/resctrl", f"{host.TAG}rdt")
    yield r
    orlop.clean()
    for g in sorted(r.groups(), reverse=True):
        if g != ".":
            os.rmdir(f"{r.path}/{g}")
    subprocess.run(["umount", r.path], check=True)


def up(box, resctrl):
    box.args("pause")
    box.create(wrap=resctrl.wrap()).ok()
    box.start().ok()
    return box.pid


@pytest.mark.spec("CL-087", "CL-103", "CL-108", "RT-056")
def test_group_of_its_own(box, resctrl):
    box.linux["intelRdt"] = {}
    pid = up(box, resctrl)
    assert resctrl.of(pid) == f"/{box.id}"
    assert resctrl.groups() == [".", box.id]
    box.delete("--force").ok()
    assert resctrl.groups() == ["."]


def test_exec_joins_it(box, resctrl):
    box.linux["intelRdt"] = {}
    up(box, resctrl)
    box.exec("--detach", "--pid-file", f"{box.bundle}/exec.pid", "--", "pause").ok()
    assert resctrl.of(kernel.read(f"{box.bundle}/exec.pid")) == f"/{box.id}"


@pytest.mark.spec("CL-108")
def test_run_in_the_foreground_removes_it(box, resctrl):
    box.linux["intelRdt"] = {}
    box.run(wrap=resctrl.wrap()).ok()
    assert resctrl.groups() == ["."]


@pytest.mark.spec("CL-106", "CL-109")
def test_joined_by_name(box, resctrl):
    resctrl.make("gold")
    box.linux["intelRdt"] = {"closID": "gold"}
    pid = up(box, resctrl)
    assert resctrl.of(pid) == "/gold"
    box.delete("--force").ok()
    assert resctrl.groups() == [".", "gold"]


@pytest.mark.spec("CL-090")
def test_default_group(box, resctrl):
    box.linux["intelRdt"] = {"closID": "/"}
    pid = up(box, resctrl)
    assert resctrl.of(pid) == "/"
    assert str(pid) in kernel.read(f"{resctrl.path}/tasks").split()
    box.delete("--force").ok()
    assert resctrl.groups() == ["."]


@pytest.mark.spec("CL-110", "CL-111", "CL-112")
@pytest.mark.parametrize("group", ["/", "gold"])
def test_monitoring(box, resctrl, group):
    base = "" if group == "/" else f"{group}/"
    if base:
        resctrl.make("gold")
    resctrl.make(f"{base}mon_groups")
    before = resctrl.groups()
    box.linux["intelRdt"] = {"closID": group, "enableMonitoring": True}
    pid = up(box, resctrl)
    assert resctrl.of(pid) == f"/{base}mon_groups/{box.id}"
    box.delete("--force").ok()
    assert resctrl.groups() == before


# ---- refused

def refused(box, resctrl, *words):
    before = resctrl.groups()
    box.refused(*words, wrap=resctrl.wrap())
    assert resctrl.groups() == before


@pytest.mark.spec("CL-113")
def test_monitoring_that_cannot_be(box, resctrl):
    box.linux["intelRdt"] = {"enableMonitoring": True}
    refused(box, resctrl, "/linux/intelRdt/enableMonitoring", f"mon_groups/{box.id}")


@pytest.mark.spec("CL-107")
def test_missing_group(box, resctrl):
    box.linux["intelRdt"] = {"closID": "gold"}
    refused(box, resctrl, "/linux/intelRdt/closID", "/gold")


def test_group_of_somebody_else(box, resctrl):
    resctrl.make(box.id)
    box.linux["intelRdt"] = {}
    refused(box, resctrl, "/linux/intelRdt", "already", "closID")


def test_undone_when_create_fails(box, resctrl):
    box.linux["intelRdt"] = {}
    box.config["hooks"] = {"createRuntime": [{"path": "/bin/false"}]}
    refused(box, resctrl, "hook")


def test_shared_group_is_undone_too(box, resctrl):
    # no `schemata` file here: the group is made, and then the line cannot be written
    box.linux["intelRdt"] = {"closID": "gold", "memBwSchema": "MB:0=50"}
    refused(box, resctrl, "/linux/intelRdt/memBwSchema", "MB:0=50")


@pytest.mark.spec("CL-088")
@pytest.mark.parametrize("asked", [{"enableMonitoring": True}, {"closID": "a"}, {"memBwSchema": "MB:0=50"}])
def test_not_mounted(box, asked):
    box.linux["intelRdt"] = asked
    box.refused("/linux/intelRdt", "no resctrl file system")


@pytest.mark.spec("CL-089")
def test_not_asked_for(box, resctrl, orlop):
    log = f"{orlop.tmp}/strace"
    box.run(wrap=[*resctrl.wrap(), "strace", "-f", "-o", log, "-e", "trace=%file,write"]).ok()
    text = kernel.read(log)
    assert "config.json" in text and resctrl.path not in text
    assert resctrl.groups() == ["."]


@pytest.mark.parametrize("value, where", [
    ({"closID": ".."}, "closID"),
    ({"closID": "a/b"}, "closID"),
    ({"closID": "info"}, "closID"),
    ({"memBwSchema": "L3:0=f"}, "memBwSchema"),
    ({"memBwSchema": "MB:0=1\nL3:0=f"}, "memBwSchema"),
    ({"l3CacheSchema": "L3:0=f\nMB:0=1"}, "l3CacheSchema"),
    ({"schemata": ["MB:0=1", "L3:0=f\n"]}, "schemata/1"),
])
def test_refused_before_anything_is_made(box, value, where):
    box.linux["intelRdt"] = value
    box.refused(f"/linux/intelRdt/{where}")
