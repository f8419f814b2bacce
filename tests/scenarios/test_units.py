# SPDX-License-Identifier: GPL-2.0-or-later
"""contrib/systemd/orlop@.service: a bundle as a service of systemd, of the system and of a user."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest

from conftest import ORLOP, TOP, call

sys.path.append(str(TOP / "tests/system"))
from lib import tutorial  # noqa: E402

AS_USER = ["setpriv", "--reuid=1000", "--regid=1000", "--init-groups", "--", "env", "-C", "/home/user", "HOME=/home/user",
           "XDG_RUNTIME_DIR=/run/user/1000"]
CGROUP = pathlib.Path("/sys/fs/cgroup")
LIBRARIES = ["/usr", "/lib", "/lib64"]
SAY = "import os, signal, socket, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); " \
      "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.connect(os.environ['NOTIFY_SOCKET']); "


def wait_for(what, seconds=30):
    deadline = time.monotonic() + seconds
    while not (found := what()):
        if time.monotonic() > deadline:
            return None
        time.sleep(0.1)
    return found


class Service:
    """One instance of the template, and its bundle."""

    def __init__(self, name, user=False):
        self.name, self.user = name, user
        self.unit = f"orlop@{name}.service"
        self.home = pathlib.Path("/home/user/.local/state" if user else "/var/lib") / "orlop" / name
        self.dropins = pathlib.Path("/home/user/.config/systemd/user" if user else "/etc/systemd/system")
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)
        self.own()
        self.as_owner(ORLOP, "spec", "--bundle", str(self.home), *["--rootless"] * user)
        self.config = json.loads((self.home / "config.json").read_text())
        self.config["process"]["terminal"] = False
        self.config["root"] = {"path": "/srv/image", "readonly": True}
        self.mounts = self.config["mounts"]
        self.linux = self.config["linux"]

    def as_owner(self, *args, **kwargs):
        r = call(*AS_USER * self.user, *args, **kwargs)
        assert r.rc == 0, r
        return r.out

    def own(self):
        if self.user:
            call("chown", "-R", "user:user", "/home/user/.local", "/home/user/.config")

    def args(self, *args):
        self.config["process"]["args"] = list(args)
        return self

    def sh(self, text):
        return self.args("sh", "-c", text)

    def python(self, text):
        for d in LIBRARIES:
            self.mounts.append({"destination": d, "source": os.path.realpath(d), "type": "bind",
                                "options": ["rbind", "ro"]})
        return self.args("/usr/bin/python3", "-c", text)

    def write(self):
        (self.home / "config.json").write_text(json.dumps(self.config))
        self.own()
        return self

    def dropin(self, text, unit=None):
        d = self.dropins / f"{unit or self.unit}.d"
        d.mkdir(parents=True, exist_ok=True)
        (d / "test.conf").write_text(text)
        self.own()
        return self

    def systemctl(self, *args):
        return call(*AS_USER * self.user, "systemctl", *["--user"] * self.user, *args, timeout=60)

    def start(self):
        r = self.systemctl("start", self.unit)
        assert r.rc == 0, (r, self.journal())
        return self

    def show(self, name, unit=None):
        return self.systemctl("show", "-P", name, unit or self.unit).out.strip()

    def cgroup(self):
        return CGROUP / self.show("ControlGroup")[1:]

    def orlop(self, *args):
        return self.as_owner(ORLOP, *args)

    def state(self):
        return json.loads(self.orlop("state", self.name))

    def containers(self):
        return self.orlop("list", "-q").split()

    def journal(self, *more):
        call("journalctl", "--sync")
        field = "_SYSTEMD_USER_UNIT" if self.user else "_SYSTEMD_UNIT"
        return call("journalctl", "-q", "-o", "cat", f"{field}={self.unit}", *more).out

    def inside(self):
        """The container's cgroup."""
        line = pathlib.Path(f"/proc/{self.state()['pid']}/cgroup").read_text().strip()
        return CGROUP / line.removeprefix("0::/")

    def end(self):
        socket_unit = f"orlop@{self.name}.socket"
        self.systemctl("stop", self.unit, *[socket_unit] * (self.dropins / socket_unit).exists())
        assert self.name not in self.containers()
        for suffix in ("service.d", "socket", "socket.d"):
            path = self.dropins / f"orlop@{self.name}.{suffix}"
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        shutil.rmtree(self.home)


@pytest.fixture(scope="module", autouse=True)
def template():
    for d in ("/etc/systemd/system", "/etc/systemd/user"):
        shutil.copy(TOP / "contrib/systemd/orlop@.service", d)


@pytest.fixture
def service(request):
    with contextlib.closing(Closer(Service(request.node.name.replace("[", "-").replace("]", "").removeprefix("test_")))) as c:
        yield c.service


class Closer:
    def __init__(self, service):
        self.service = service

    def close(self):
        self.service.end()


TRAP = "trap 'echo ended; exit 0' TERM; trap 'echo reloaded' HUP; echo begun; while :; do sleep 0.1; done"


@pytest.mark.newest
def test_life(service):
    """Started when it runs, reloaded, stopped; what it prints is in the journal under its own name."""
    service.sh(TRAP).write().start()
    assert service.show("ActiveState") == "active" and service.state()["status"] == "running"
    assert service.inside() == service.cgroup() / "orlop" / service.name
    main = pathlib.Path(f"/proc/{service.show('MainPID')}/cmdline").read_text()
    assert "run" in main.split("\0") and service.name in main
    assert wait_for(lambda: "begun" in service.journal()), service.journal()
    service.systemctl("reload", service.unit)
    assert wait_for(lambda: "reloaded" in service.journal()), service.journal()
    assert service.show("ActiveState") == "active"
    status = service.systemctl("status", service.unit).out
    assert f"{service.name}[" in status and "begun" in status and "sleep 0.1" in status
    assert service.systemctl("stop", service.unit).rc == 0
    assert service.show("ActiveState") == "inactive" and service.show("Result") == "success"
    assert "ended" in service.journal() and "warning" not in service.journal()
    assert service.containers() == [] and not service.cgroup().exists() or service.show("ControlGroup") == ""


def test_stop_of_one_that_does_not_listen(service):
    """The first process of a pid namespace gets no signal without a handler: after the time SIGKILL, and nothing stays."""
    service.args("sleep", "1000").dropin("[Service]\nTimeoutStopSec=4\n").write().start()
    pid = service.state()["pid"]
    begin = time.monotonic()
    service.systemctl("stop", service.unit)
    assert 3.5 < time.monotonic() - begin < 20
    assert not os.path.exists(f"/proc/{pid}") and service.containers() == []


@pytest.mark.newest
def test_runtime_is_killed(service):
    """Whoever kills the runtime kills the container; then both are started again."""
    service.sh(TRAP).write().start()
    pid, main = service.state()["pid"], int(service.show("MainPID"))
    os.kill(main, signal.SIGKILL)
    assert wait_for(lambda: service.show("NRestarts") == "1" and service.show("ActiveState") == "active"), service.journal()
    assert service.state()["status"] == "running" and service.state()["pid"] != pid
    assert not os.path.exists(f"/proc/{pid}/ns") and service.containers() == [service.name]


def test_program_fails(service):
    """Its exit status is the unit's, and it is started again."""
    service.sh("exit 7").dropin("[Service]\nRestartSec=1000\n").write()
    service.systemctl("start", service.unit)
    assert wait_for(lambda: service.show("ExecMainStatus") == "7"), service.journal()
    assert service.show("Result") == "exit-code" and service.show("ActiveState") == "activating"
    assert service.containers() == []


def test_program_is_missing(service):
    """The start fails, and the journal says why."""
    service.args("nosuch").dropin("[Service]\nRestart=no\n").write()
    assert service.systemctl("start", service.unit).rc == 1
    assert service.show("ExecMainStatus") == "1"
    assert "nosuch" in service.journal() and service.containers() == []


def test_no_bundle(service):
    (service.home / "config.json").unlink()
    r = service.systemctl("start", service.unit)
    assert r.rc != 0 and "assert" in r.err.lower(), r


def test_name_is_in_use(service):
    """A container of that name which somebody else started is left alone."""
    service.args("sleep", "1000").dropin("[Service]\nRestart=no\n").write()
    subprocess.run([ORLOP, "run", "--detach", "--bundle", service.home, service.name], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    pid = service.state()["pid"]
    assert service.systemctl("start", service.unit).rc == 1
    assert "exists" in service.journal() or "in use" in service.journal()
    assert service.state()["pid"] == pid
    service.orlop("delete", "--force", service.name)


@pytest.mark.newest
def test_limits_of_both(service):
    """Those of the unit and those of config.json are in the cgroups, and may be changed in both places."""
    service.linux["resources"] = {"memory": {"limit": 64 << 20}, "pids": {"limit": 50}}
    service.sh(TRAP).dropin("[Service]\nTasksMax=77\n").write().start()
    inside, unit = service.inside(), service.cgroup()
    assert (inside / "memory.max").read_text().strip() == str(64 << 20)
    assert (inside / "pids.max").read_text().strip() == "50"
    assert (unit / "pids.max").read_text().strip() == "77"
    assert service.systemctl("set-property", "--runtime", service.unit, "MemoryMax=100M", "CPUQuota=50%").rc == 0
    assert (unit / "memory.max").read_text().strip() == str(100 << 20)
    assert (unit / "cpu.max").read_text().split()[0] == "50000"
    service.orlop("update", "--memory", str(32 << 20), service.name)
    call("systemctl", "daemon-reload")
    assert (inside / "memory.max").read_text().strip() == str(32 << 20)
    assert int(service.show("MemoryCurrent")) > 0 and int(service.show("TasksCurrent")) >= 2


def test_memory_of_the_unit_is_used_up(service):
    """Its limit holds for the container."""
    service.sh("x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done")
    service.dropin("[Service]\nRestart=no\nMemoryMax=16M\nMemorySwapMax=0\n").write()
    service.systemctl("start", service.unit)
    assert wait_for(lambda: service.show("ActiveState") == "failed", 60), service.journal()
    assert service.show("ExecMainStatus") == "137" and service.containers() == []


def test_ready_when_it_says_so(service):
    """ORLOP_SDNOTIFY=container: it is being started until then; what else it says of itself is shown."""
    service.python(SAY + "s.send(b'STATUS=warming up'); time.sleep(2); s.send(b'READY=1\\nSTATUS=warm'); time.sleep(1000)")
    service.dropin("[Service]\nEnvironment=ORLOP_SDNOTIFY=container\n").write()
    service.systemctl("start", "--no-block", service.unit)
    assert wait_for(lambda: service.show("StatusText") == "warming up"), service.journal()
    assert service.show("ActiveState") == "activating"
    assert wait_for(lambda: service.show("ActiveState") == "active"), service.journal()
    assert service.show("StatusText") == "warm"


def test_watchdog(service):
    """One that no longer says that it lives is killed and started again."""
    service.python(SAY + "s.send(b'READY=1'); time.sleep(1000)")
    service.dropin("[Service]\nEnvironment=ORLOP_SDNOTIFY=container\nWatchdogSec=3\n")
    service.write().start()
    pid = service.state()["pid"]
    assert wait_for(lambda: int(service.show("NRestarts")) >= 1), service.journal()
    assert wait_for(lambda: service.name in service.containers() and service.state()["pid"] not in (0, pid)), service.journal()


ANSWER = "import os, socket; s = socket.socket(fileno=3); c, _ = s.accept(); " \
         "c.send(f\"{os.environ['LISTEN_FDS']} {os.environ['LISTEN_PID']} {os.getpid()} {os.environ['LISTEN_FDNAMES']}\".encode()); c.close()"


@pytest.mark.newest
def test_socket_activation(service):
    """The socket unit listens, the first connection starts the container, which finds it as descriptor 3."""
    (service.dropins / f"orlop@{service.name}.socket").write_text(f"[Socket]\nListenStream=/run/{service.name}.sock\nFileDescriptorName=front\n")
    service.python(ANSWER).write()
    assert service.systemctl("start", f"orlop@{service.name}.socket").rc == 0
    assert service.show("ActiveState") == "inactive"
    for _ in range(2):  # it ends after each
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(30)
            s.connect(f"/run/{service.name}.sock")
            assert s.recv(100) == b"1 1 1 front", service.journal()
        assert wait_for(lambda: service.show("ActiveState") == "inactive"), service.journal()


def test_exec_and_pause(service):
    """The other commands know it."""
    service.sh(TRAP).write().start()
    assert service.orlop("exec", service.name, "cat", "/proc/1/comm") == "sh\n"
    service.orlop("pause", service.name)
    assert (service.inside() / "cgroup.freeze").read_text() == "1\n"
    service.orlop("resume", service.name)
    assert json.loads(service.orlop("events", "--stats", service.name))["data"]["pids"]["current"] >= 1


def test_unit_is_well_formed():
    """And can be enabled."""
    assert call("systemctl", "--root=/", "enable", "orlop@x").rc == 0
    assert os.path.islink("/etc/systemd/system/multi-user.target.wants/orlop@x.service")
    assert call("systemctl", "--root=/", "disable", "orlop@x").rc == 0
    r = subprocess.run(["systemd-analyze", "verify", "--man=no", "/etc/systemd/system/orlop@x.service"],
                       capture_output=True, text=True, check=False)
    assert r.returncode == 0 and r.stderr == "", r


def test_of_a_user():
    """The same template in a user's own service manager: life, limits, a killed runtime."""
    service = Service("mine", user=True)
    with contextlib.closing(Closer(service)):
        service.linux["resources"] = {"memory": {"limit": 64 << 20}}
        service.sh(TRAP).write().start()
        assert service.inside() == service.cgroup() / "orlop/mine"
        assert (service.inside() / "memory.max").read_text().strip() == str(64 << 20)
        assert wait_for(lambda: "begun" in service.journal()), service.journal()
        os.kill(int(service.show("MainPID")), signal.SIGKILL)
        assert wait_for(lambda: service.show("NRestarts") == "1" and service.show("ActiveState") == "active"), service.journal()
        assert service.state()["status"] == "running"
        service.systemctl("stop", service.unit)
        assert service.show("Result") == "success" and service.containers() == []


def test_tutorial(template, tmp_path):
    """What orlop-tutorial(7) says, from the beginning to the end."""
    shell = tutorial.Shell(tmp_path)
    try:
        tutorial.play(shell, sorted(tutorial.sections()))
    finally:
        shell.close()
        call("systemctl", "stop", "orlop@clock")
        shutil.rmtree("/var/lib/orlop/clock", ignore_errors=True)
