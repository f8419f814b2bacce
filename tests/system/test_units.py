# SPDX-License-Identifier: GPL-2.0-or-later
"""
The client of D-Bus by itself (tests/system/probe/unit.c) against real peers: systemd's own sockets, and its bus, which is
dbus-daemon in one virtual machine and dbus-broker in the other.  As root, as a user, and in a user namespace.
"""
import os
import shutil
import signal
import subprocess

import pytest
from lib import host, kernel
from lib.box import BIN

pytestmark = [pytest.mark.needs_vm("systemd"), pytest.mark.kernel]

UID = 1000
RUN = f"/run/user/{UID}"
SETPRIV = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--"]


OUTSIDE = ["nsenter", "-t", "1", "-m", "--"]  # where the directories of users are mounted


class Manager:
    """Where we ask, and how systemctl asks the same."""

    def __init__(self, place, env, user=False, wrap=()):
        self.env, self.user = env, user
        self.wrap = OUTSIDE + list(wrap)
        self.program = shutil.copy(f"{BIN}/unit", place)
        self.started = []

    def unit(self, *args, timeout=30):
        env = {"PATH": os.environ["PATH"], "ORLOP_TEST_TIMEOUT": str(timeout * 1000), **self.env}
        r = subprocess.run([*self.wrap, self.program, *["--user"] * self.user, *args], env=env, capture_output=True,
                           text=True, timeout=timeout + 10, check=False, stdin=subprocess.DEVNULL)
        if args[0] in ("start", "attach") and r.returncode == 0 and int(r.stdout) > 0:
            self.started.append(int(r.stdout))
        return r

    def ok(self, *args):
        r = self.unit(*args)
        assert r.returncode == 0 and r.stderr == "", r
        return r.stdout.strip()

    def refused(self, *args):
        """The number, the place and the words of the error."""
        r = self.unit(*args)
        assert r.returncode == 1, r
        code, where, text = r.stderr.split(" ", 2)
        return int(code), where, text

    def systemctl(self, *args):
        who = ["--user", f"--machine={UID}@.host"] if self.user else []
        return subprocess.run(["systemctl", *who, *args], capture_output=True, text=True, check=False).stdout

    def show(self, unit, name):
        return self.systemctl("show", "-p", name, "--value", unit).strip()

    def end(self):
        for pid in self.started:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass


def running():
    return os.path.exists(f"/proc/1/root{RUN}/systemd/private") and os.path.exists(f"/proc/1/root{RUN}/bus")


@pytest.fixture(scope="module")
def lingering():
    """The user's manager, without a session; it stays where it was there before."""
    if running():
        yield
        return
    subprocess.run(["loginctl", "enable-linger", str(UID)], check=True)
    kernel.until(running, 60)
    yield
    subprocess.run(["loginctl", "disable-linger", str(UID)], check=True)
    kernel.until(lambda: not running(), 60)


SYSTEM_BUS = {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/run/dbus/system_bus_socket"}
WAYS = ["system", "system-bus", "user-bus", "user-address", "user-private", "user-namespace"]


@pytest.fixture
def place():
    """A directory that is there outside of the mount namespace of the tests."""
    path = f"/run/{host.TAG}units"
    os.mkdir(path)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def manager(request, place):
    way = request.param
    if way.startswith("user"):
        request.getfixturevalue("lingering")
    if way == "user-private":
        os.symlink(f"{RUN}/systemd", f"{place}/systemd")
    wrap = SETPRIV + ["unshare", "-Ur", "--"] if way == "user-namespace" else SETPRIV
    m = {
        "system": lambda: Manager(place, {}),
        "system-bus": lambda: Manager(place, SYSTEM_BUS),
        "user-bus": lambda: Manager(place, {"XDG_RUNTIME_DIR": RUN}, True, wrap),
        "user-address": lambda: Manager(place, {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={RUN}/bus,guid=00"}, True, wrap),
        "user-private": lambda: Manager(place, {"XDG_RUNTIME_DIR": place}, True, wrap),
        "user-namespace": lambda: Manager(place, {"XDG_RUNTIME_DIR": RUN}, True, wrap),
    }[way]()
    yield m
    m.end()
    left = [line for line in m.systemctl("list-units", "--all", "--plain", "--no-legend").splitlines() if host.TAG in line]
    assert not left


every_way = pytest.mark.parametrize("manager", WAYS, indirect=True)
two_ways = pytest.mark.parametrize("manager", ["system", "user-bus"], indirect=True)


def cgroup(pid):
    return kernel.read(f"/proc/{pid}/cgroup").strip().removeprefix("0::")


@every_way
def test_life_of_a_unit(manager):
    how = "pid" if manager.env == SYSTEM_BUS else "pidfd"
    unit = f"{host.TAG}life.scope"
    pid = manager.ok("start", unit, how, "Description='a test'", "Delegate=true", "TasksMax=uint64 77", "TimeoutStopSec=3")
    above = manager.ok("group")
    assert above == (f"/user.slice/user-{UID}.slice/user@{UID}.service" if manager.user else "")
    assert cgroup(pid) == f"{above}/{'app' if manager.user else 'system'}.slice/{unit}"
    assert manager.show(unit, "Description") == "a test"
    assert manager.show(unit, "TasksMax") == "77" == kernel.read(f"{host.CGROUP}{cgroup(pid)}/pids.max").strip()
    assert manager.show(unit, "TimeoutStopUSec") == "3s"
    manager.ok("set", unit, "TasksMax=uint64 78")
    assert kernel.read(f"{host.CGROUP}{cgroup(pid)}/pids.max").strip() == "78"
    # it is alive: not touched
    code, where, text = manager.refused("start", unit, how)
    assert code == 17 and where == "" and "already loaded" in text and f"systemctl status {unit}" in text
    assert cgroup(pid).endswith(unit)
    manager.ok("stop", unit)
    assert not os.path.exists(f"{host.CGROUP}{above}/system.slice/{unit}")
    manager.ok("stop", unit)
    manager.ok("reset", unit)
    assert manager.refused("set", unit, "TasksMax=uint64 1")[0] == 2


@two_ways
def test_what_systemd_refuses_is_said_in_its_words(manager):
    unit = f"{host.TAG}no.scope"
    for value, code, words in (("Foo=1", 30, "Cannot set property Foo, or unknown property."),
                               ("TasksMax=uint64 0", 22, "Value specified in TasksMax is out of range"),
                               ("TasksMax=5", 22, "may mean the type of TasksMax"),
                               ("KillSignal='SIGTERM'", 22, "may mean the type of KillSignal"),
                               ("Slice='a b'", 22, "Slice")):
        got, where, text = manager.refused("start", unit, "pid", value)
        name = value.partition("=")[0]
        assert got == code and where == f"/annotations/{name}" and words in text, (value, got, where, text)
        assert manager.show(unit, "LoadState") != "loaded" or manager.show(unit, "ActiveState") == "inactive"
    assert "name" in manager.refused("start", "no such kind", "pid")[2]


@pytest.mark.parametrize("manager", ["system-bus"], indirect=True)
def test_failed_unit_is_started_again(manager):
    unit = f"{host.TAG}oom.scope"
    pid = manager.ok("start", unit, "pidfd", "RuntimeMaxSec=0.1")
    kernel.until(lambda: manager.show(unit, "ActiveState") == "failed", 30)
    assert not os.path.exists(f"/proc/{pid}") or not cgroup(pid).endswith(unit)
    again = manager.ok("start", unit, "pidfd")
    assert cgroup(again).endswith(unit)
    manager.ok("stop", unit)
    manager.ok("reset", unit)


@two_ways
def test_process_is_attached(manager):
    unit = f"{host.TAG}attach.scope"
    first = manager.ok("start", unit, "pidfd", "Delegate=true")
    second = manager.ok("attach", unit, "")
    assert cgroup(first) == cgroup(second)
    assert "non-delegated" in manager.refused("attach", "init.scope", "")[2]
    manager.ok("stop", unit)


@pytest.mark.parametrize("manager", ["system"], indirect=True)
def test_systemd_executes_itself_anew(manager):
    """As when its package is upgraded: connections end, and nobody answers for a moment."""
    p = subprocess.Popen(["systemctl", "daemon-reexec"])
    for i in range(6):
        unit = f"{host.TAG}anew{i}.scope"
        pid = manager.ok("start", unit, "pidfd")
        assert cgroup(pid).endswith(unit)
        manager.ok("stop", unit)
    assert p.wait(30) == 0


@pytest.mark.parametrize("manager", ["system"], indirect=True)
def test_slice_without_process(manager):
    unit = f"{host.TAG.replace('-', 'x')}a.slice"
    manager.ok("start", unit, "none", "TasksMax=uint64 100")
    assert manager.show(unit, "ActiveState") == "active"
    assert manager.show(unit, "TasksMax") == "100"
    manager.ok("stop", unit)


@pytest.mark.parametrize("manager", ["system"], indirect=True)
def test_values_arrive(manager):
    """Arrays, arrays of structures, bytes, text with escapes."""
    unit = f"{host.TAG}values.scope"
    manager.ok("start", unit, "pid", r"Description='it\'s \u00e4'", "After=['basic.target', 'paths.target']",
               "AllowedCPUs=[byte 0x01]", "IOWeight=@t 50", "DevicePolicy='strict'",
               "DeviceAllow=@a(ss) [('/dev/null','rwm')]", "CollectMode='inactive-or-failed'")
    assert manager.show(unit, "Description") == "it's ä"
    assert {"basic.target", "paths.target"} <= set(manager.show(unit, "After").split())
    assert manager.show(unit, "AllowedCPUs") == "0"
    assert manager.show(unit, "DeviceAllow") == "/dev/null rwm"
    manager.ok("stop", unit)


def test_user_is_no_root(place):
    """On the system's bus polkit is asked, or nobody; and not the private socket."""
    code, _, text = Manager(place, {}, False, SETPRIV).refused("start", f"{host.TAG}user.scope", "pid")
    assert code == 13 and "/run/dbus/system_bus_socket" in text, text


def test_bus_of_another_user(place, lingering):
    wrap = ["setpriv", "--reuid=1001", "--regid=1001", "--clear-groups", "--"]
    r = Manager(place, {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={RUN}/bus"}, True, wrap).unit("group")
    assert r.returncode == 1 and ("ermission denied" in r.stderr or "belongs to" in r.stderr), r
