# SPDX-License-Identifier: GPL-2.0-or-later
"""
System tests: run the program, and look at what the kernel shows, from inside with the probe and
from outside in /proc.  Root only.  ORLOP is the program, ORLOP_TEST_BIN holds the static helpers.

    ORLOP=../build/orlop ORLOP_TEST_BIN=../build/tests/system/probe \\
        /usr/bin/python3 -m pytest tests/system [-k lifecycle]

The run has a mount namespace of its own, in which all is shared, and is a subreaper: so mounts and
processes left behind are seen.  Everything is made in a tmpfs, over /srv.

Fixtures
    box         a Box (lib/box.py): bundle with rootfs, /bin/probe and the default config as a dict.
                    box.process["user"] = {"uid": 1000, "gid": 1000}
                    seen = box.probe()              # run, and what the probe printed: a dict
                    box.attack("mkdir", "/x")       # {"ret": -1, "errno": "EROFS"}
                    box.up(); box.exec("--user", "7").json(); box.state()["pid"]
                    box.refused("word of the message")      # create fails and leaves no trace
    make_box    make_box(), make_box(busybox=True): more of them, in one state directory
    orlop       orlop("list", "-q"): any call, a Result with rc, out, err; .ok() .failed(...) .json()
                orlop(..., wrap=["strace", ...], env={...}, pass_fds=[...]) as for subprocess
    canary      a host directory; afterwards contents, modes, owners and times must be the same
    tmp         the directory of the test, in the tmpfs
After every test all containers are deleted by force, and then nothing may be left (T110): mounts,
cgroups, processes, state, names in /run, /tmp, /dev/shm, abstract sockets, and BPF programs.

Markers
    needs_vm("reason")          skipped unless there is systemd and cgroup2 alone
    needs_native("reason")      skipped there
    needs_controllers("pids", ...)      skipped where cgroup2 lacks them
    needs_apparmor, needs_selinux       skipped where the LSM is not active
    needs_criu                  skipped where CRIU does not get along with the kernel, and, if not one_vm, in virtual
                                machines: now and then their emulated processor makes the kernel panic under CRIU
    needs_core_sched            left out, and not skipped, where the kernel has no core scheduling or no core two threads: only
                                the machine of the lane core-sched has both
    needs_tree_namespaces       skipped where the kernel has no OPEN_TREE_NAMESPACE (Linux 7.0)
    kernel                      depends on the kernel or on what systemd made of the machine: runs on each, also
                                when ORLOP_PASSED, a file, names the tests that have passed elsewhere; in the virtual machine
                                with the older kernel with its first parameter only
    one_vm                      takes long, or is much the same on each kernel: if it has passed elsewhere, that is enough, and
                                what only virtual machines can do is done in the one with the older kernel
    spec("RT-031", ...)         rows of tests/spec/requirements.csv that the test shows: see tests/spec-report
    case("T31", ...)            rows of tests/security/cases.csv that it shows, if its name does not say so
    control("T31", ...)         shows that the tests of that case can fail: see tests/security/README.md
A test may skip on one kind of machine only if it passes on the other.  The virtual machine is ten
times slower: wait with lib.kernel.until(), never with a plain sleep.

The probe prints one JSON object with all it sees (tests/system/probe/probe.c); with commands, also
"results", one object each: box.probe(commands=["open", "/x", "r", ",", "mkdir", "/y", ",", "state"]).
"""
import itertools
import os

import lib.box
import pytest
from lib import host, kernel
from lib.box import BIN, PROGRAM, Box, Orlop

_counter = itertools.count(1)
_work = None


def pytest_configure(config):
    global _work
    for line in ("needs_vm(reason)", "needs_native(reason)", "needs_controllers(*names)",
                 "needs_apparmor", "needs_selinux", "needs_criu", "needs_core_sched", "needs_tree_namespaces", "kernel", "one_vm", "spec(*ids)", "case(*ids)", "control(*ids)"):
        config.addinivalue_line("markers", f"{line}: see conftest.py")
    if os.geteuid() != 0:
        pytest.exit("the system tests need root", 2)
    for needed in (PROGRAM, f"{BIN}/probe"):
        if not os.access(needed, os.X_OK):
            pytest.exit(f"{needed} is missing: set ORLOP and ORLOP_TEST_BIN", 2)
    os.umask(0o022)
    _work = host.isolate(PROGRAM, BIN, os.getcwd(), __file__)
    lib.box.use_copies(f"{_work}/.bin")


def pytest_unconfigure():
    if _work:
        host.forget(_work)


def pytest_collection_modifyitems(config, items):
    """
    What has passed on another machine is not repeated here, unless it depends on the kernel.  Each test that does has met
    one kernel with all its parameters natively and meets another so in the second virtual machine; in the first its first
    parameter stands for all.  So it does in the second for what only virtual machines can do, and what the first has done
    with all.  tests/security/report reads cases and controls from pytest's XML.
    """
    for item in items:
        for kind in ("case", "control"):
            for marker in item.iter_markers(kind):
                item.user_properties += [(kind, id) for id in marker.args]
    if kernel.core_sched_cookie() < 0:
        _leave_out(config, items, lambda item: item.get_closest_marker("needs_core_sched"))
    if "ORLOP_PASSED" not in os.environ:
        return
    with open(os.environ["ORLOP_PASSED"]) as f:
        passed = set(f.read().splitlines())
    second, once = "ORLOP_SECOND_VM" in os.environ, set()

    def is_first(item):
        function = item.nodeid.partition("[")[0]
        first = function not in once
        once.add(function)
        return first

    def repeated(item):
        if _junit_name(item) not in passed:
            return not second or item.get_closest_marker("needs_tree_namespaces") or is_first(item)
        if not item.get_closest_marker("kernel") or item.get_closest_marker("one_vm"):
            return False
        return second or is_first(item)

    _leave_out(config, items, lambda item: not repeated(item))


def _leave_out(config, items, is_left_out):
    out = {item for item in items if is_left_out(item)}
    config.hook.pytest_deselected(items=list(out))
    items[:] = [item for item in items if item not in out]


def _junit_name(item):
    """As in the reports: tests.system.test_x.test_y[z]."""
    path, *names = item.nodeid.split("::")
    return ".".join([path.removesuffix(".py").replace("/", "."), *names])


def pytest_runtest_setup(item):
    for m in item.iter_markers():
        if m.name == "needs_vm" and not host.IN_VM:
            pytest.skip(f"needs the virtual machine: {m.args[0]}")
        if m.name == "one_vm" and "ORLOP_SECOND_VM" in os.environ:
            pytest.skip("runs in the other virtual machine")
        if m.name == "needs_native" and host.IN_VM:
            pytest.skip(f"not in the virtual machine: {m.args[0]}")
        if m.name == "needs_controllers" and not set(m.args) <= host.controllers():
            pytest.skip(f"needs cgroup2 controllers {' '.join(m.args)}")
        if m.name == "needs_apparmor" and not host.apparmor():
            pytest.skip("needs AppArmor")
        if m.name == "needs_tree_namespaces" and not kernel.has_tree_namespaces():
            pytest.skip("needs OPEN_TREE_NAMESPACE, Linux 7.0")
        if m.name == "needs_selinux" and not host.selinux():
            pytest.skip("needs SELinux")
        if m.name == "needs_criu" and (not host.criu() or host.IN_VM and not item.get_closest_marker("one_vm")):
            pytest.skip("needs CRIU, a kernel that it gets along with, and no emulated processor")


@pytest.fixture(autouse=True)
def no_trace():
    """The snapshot before the test; compared when everything is cleaned up."""
    before = host.Snapshot()
    yield before
    before.assert_same()


@pytest.fixture
def tmp(no_trace):
    path = f"{_work}/{next(_counter)}"
    os.mkdir(path)
    yield path
    os.system(f"rm -rf --one-file-system {path}")


@pytest.fixture
def orlop(tmp):
    o = Orlop(tmp)
    yield o
    o.clean()


@pytest.fixture
def make_box(orlop):
    def make(busybox=False):
        return Box(orlop, f"{host.TAG}{next(_counter)}", busybox)
    return make


@pytest.fixture
def box(make_box):
    return make_box()


@pytest.fixture
def canary(tmp):
    c = host.Canary(f"{tmp}/canary")
    yield c
    c.assert_intact()
