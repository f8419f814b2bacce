# SPDX-License-Identifier: GPL-2.0-or-later
"""NOTIFY_SOCKET: what a container may say to the service manager of its caller, sd_notify(3)."""
import os
import signal
import socket
import struct
import subprocess

import pytest
from lib import config as conf
from lib import host, kernel
from lib.box import deadline, stop

SAY = r"""
import os, socket, sys, time, array
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
name = os.environ["NOTIFY_SOCKET"]
"""


class Manager:
    """The service manager's end."""

    def __init__(self, tmp, abstract=False):
        self.name = f"@{host.TAG}notify" if abstract else f"{tmp}/manager"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + self.name[1:] if abstract else self.name)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.settimeout(deadline(5))
        self.env = {"NOTIFY_SOCKET": self.name, "PATH": os.environ["PATH"]}

    def read(self):
        """The lines of the next message, the sender's pid, descriptors."""
        text, control, _, _ = self.socket.recvmsg(4096, 1024)
        pid, fds = 0, []
        for _, kind, data in control:
            if kind == socket.SCM_RIGHTS:
                fds += list(struct.unpack(f"{len(data) // 4}i", data))
            else:
                pid = struct.unpack("iII", data)[0]
        return text.decode().split(), pid, fds

    def nothing(self):
        self.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            self.socket.recv(100)


@pytest.fixture(params=[False, True], ids=["path", "abstract"])
def manager(request, tmp):
    m = Manager(tmp, request.param)
    yield m
    m.socket.close()


@pytest.fixture
def python(box):
    """The host's own interpreter, read-only, so that the container can speak."""
    for d in ("usr", "lib", "lib64", "etc"):
        if os.path.exists(f"/{d}"):
            os.makedirs(f"{box.rootfs}/{d}", exist_ok=True)
            box.mounts.append(conf.bind(os.path.realpath(f"/{d}"), f"/{d}", "ro", "rbind"))
    return box


def say(box, *messages, tail="time.sleep(1000)", more=""):
    body = SAY + "".join(f"s.sendto({m!r}.encode(), name)\n" for m in messages) + more + "\n" + tail
    box.args("/usr/bin/python3", "-c", body)
    return box


@pytest.mark.parametrize("userns", [False, True])
def test_foreground(python, manager, userns):
    """Everything comes from us, who stay: the service manager's main process."""
    box = say(python, "STATUS=begins", "READY=1\nSTATUS=runs", "MAINPID=1", "RELOADING=1\nMONOTONIC_USEC=5",
              "WATCHDOG=1", "STOPPING=1", tail="")
    if userns:
        conf.userns(box.config)
        os.makedirs(f"{box.rootfs}/run/notify")
    p = box.start_run(env=manager.env)
    assert manager.read() == (["STATUS=begins"], p.pid, [])
    assert manager.read()[0] == ["READY=1", "STATUS=runs"]
    lines = manager.read()[0]
    assert lines[0].startswith("MAINPID=") and int(lines[0][8:]) > 1, lines
    assert manager.read()[0] == ["RELOADING=1", "MONOTONIC_USEC=5"]
    assert manager.read()[0] == ["WATCHDOG=1"]
    assert manager.read()[0] == ["STOPPING=1"]
    assert box.orlop.finish(p).rc == 0


def test_last_words(python, manager):
    """The container speaks and ends while we are held up: then a signal of the socket waits for us, too."""
    box = say(python, "READY=1", tail="time.sleep(0.5); s.sendto(b'STATUS=end', name)")
    p = box.start_run(env=manager.env)
    assert manager.read()[0] == ["READY=1"]
    pid = box.pid if os.path.exists(f"{box.bundle}/pid") else box.state()["pid"]
    os.kill(p.pid, signal.SIGSTOP)
    kernel.until(lambda: not kernel.alive(pid))
    os.kill(p.pid, signal.SIGCONT)
    assert manager.read()[0] == ["STATUS=end"]
    assert box.orlop.finish(p).rc == 0


def test_main_pid_is_that_of_the_host(python, manager):
    box = say(python, "READY=1", more="""
if os.fork() == 0:
    s.sendto(b"MAINPID=%d" % os.getpid(), name); time.sleep(1000)
time.sleep(0.2); s.sendto(b"MAINPID=1", name); s.sendto(b"MAINPID=4000000", name); s.sendto(b"STATUS=end", name)
""")
    p = box.start_run(env=manager.env)
    manager.read()
    child, init = (int(manager.read()[0][0][8:]) for _ in range(2))
    assert init == box.state()["pid"]
    assert kernel.read(f"/proc/{child}/status").split("PPid:")[1].split()[0] == str(init)
    assert manager.read()[0] == ["STATUS=end"]  # 4000000 is nobody
    stop(p)
    box.delete("--force")


def test_what_is_not_for_a_container(python, manager):
    box = say(python, "FDSTORE=1\nFDNAME=x", "NOTIFYACCESS=all", "MAINPIDFD=1", "X_MINE=1", "WATCHDOG_USEC=1",
              "NONSENSE", "x" * 5000, "MAINPID=-1", "MAINPID=0", "MAINPID=x", "STATUS=a\nFDSTORE=1\nREADY=1", more="""
r, w = os.pipe()
s.sendmsg([b"STATUS=fd"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [w]))], 0, name)
s.sendmsg([b"FDSTORE=1"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [w]))], 0, name)
os.close(w)
assert os.read(r, 1) == b""   # nobody keeps it
s.sendto(b"STATUS=last", name)
""", tail="")
    p = box.start_run(env=manager.env)
    assert manager.read()[0] == ["STATUS=a", "READY=1"]
    assert manager.read() == (["STATUS=fd"], p.pid, [])
    assert manager.read()[0] == ["STATUS=last"]
    manager.nothing()
    r = box.orlop.finish(p)
    assert r.rc == 0 and "refused" in r.err, r


def test_barrier(python, manager):
    """It is closed when the manager has closed it, not before."""
    box = say(python, "READY=1", more="""
r, w = os.pipe()
s.sendmsg([b"BARRIER=1"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [w]))], 0, name)
os.close(w)
import select
assert not select.select([r], [], [], 0.3)[0]
s.sendto(b"STATUS=waits", name)
assert os.read(r, 1) == b""
s.sendto(b"STATUS=over", name)
""", tail="")
    p = box.start_run(env=manager.env)
    manager.read()
    lines, _, fds = manager.read()
    assert lines == ["BARRIER=1"] and len(fds) == 1
    assert manager.read()[0] == ["STATUS=waits"]
    os.close(fds[0])
    assert manager.read()[0] == ["STATUS=over"]
    assert box.orlop.finish(p).rc == 0


@pytest.mark.parametrize("way", ["run", "start"])
def test_detached(python, manager, way):
    """We end when it is ready, and the service manager has its process from then on."""
    box = say(python, "STATUS=begins", more="time.sleep(0.5)\ns.sendto(b'READY=1', name)")
    if way == "run":
        p = box.start_run("--detach", "--pid-file", box.pid_file, env=manager.env)
    else:
        box.create(env=manager.env).ok()
        p = box.orlop.popen("start", box.id, env=manager.env)
    assert manager.read()[0] == ["STATUS=begins"]
    assert p.poll() is None and box.status() == "running"
    box.orlop("pause", box.id).ok()  # nobody is kept out meanwhile
    box.orlop("resume", box.id).ok()
    lines, pid, _ = manager.read()
    assert lines == ["READY=1", f"MAINPID={box.pid}"] and pid == p.pid
    assert box.orlop.finish(p).rc == 0
    box.delete("--force").ok()


@pytest.mark.parametrize("way", ["run", "start"])
def test_detached_that_ends_before_it_is_ready(python, manager, way):
    box = say(python, tail="")
    if way == "run":
        assert box.run("--detach", env=manager.env).rc == 0
    else:
        box.create(env=manager.env).ok()
        assert box.start(env=manager.env).rc == 0
    manager.nothing()
    box.wait_stopped()
    box.delete().ok()


def test_start_without_a_manager(python, manager):
    """What create had is not what start has; nobody waits then."""
    box = say(python, tail="")
    box.create(env=manager.env).ok()
    box.start().ok()
    manager.nothing()


def test_socket_cannot_be_replaced(python, manager):
    box = say(python, "READY=1", more="""
for f in (lambda: os.unlink(name), lambda: os.chmod(name, 0), lambda: open("/run/notify/x", "w")):
    try:
        f(); s.sendto(b"STATUS=replaced", name)
    except OSError as e:
        s.sendto(b"ERRNO=%d" % e.errno, name)
""", tail="")
    p = box.start_run(env=manager.env)
    assert manager.read()[0] == ["READY=1"]
    for _ in range(3):
        assert manager.read()[0] == ["ERRNO=30"]
    assert box.orlop.finish(p).rc == 0


@pytest.mark.parametrize("name", ["relative", "/nonexistent/socket", "@nobody", "/" + "x" * 200, "vsock:2:3"])
def test_a_socket_that_is_none(box, name):
    box.process["env"].append("NOTIFY_SOCKET=/of/the/image")
    r = box.run(env={"NOTIFY_SOCKET": name, "PATH": os.environ["PATH"]}).ok()
    assert "warning" in r.err and "NOTIFY_SOCKET" in r.err, r
    assert "NOTIFY_SOCKET=/of/the/image" in r.json()["env"]


def test_without_a_mount_namespace(box, manager):
    """Nothing is lost without a word."""
    box.linux["namespaces"] = [n for n in box.linux["namespaces"] if n["type"] != "mount"]
    r = box.args("true").run(env=manager.env).ok()
    assert "warning" in r.err and "NOTIFY_SOCKET" in r.err and "mount namespace" in r.err, r
    assert box.args("true").run().ok().err == ""


def test_no_manager_no_trace(box):
    seen = box.probe()
    assert not [e for e in seen["env"] if e.startswith("NOTIFY")]
    assert not os.path.exists(f"{box.rootfs}/run/notify")


@pytest.mark.parametrize("detach", [[], ["--detach"]])
def test_runtime_says_it(box, manager, detach):
    """The container has no socket, and we say when its program runs."""
    box.process["env"].append("NOTIFY_SOCKET=/of/the/image")
    box.args("pause")
    p = box.start_run(*detach, "--sdnotify", "runtime", "--pid-file", box.pid_file, env=manager.env)
    lines, pid, _ = manager.read()
    assert lines == ["READY=1", *[f"MAINPID={box.pid}"] * len(detach)] and pid == p.pid
    assert box.status() == "running"
    assert "NOTIFY_SOCKET=/of/the/image" in kernel.read(f"/proc/{box.pid}/environ").split("\0")
    assert "/run/notify" not in kernel.read(f"/proc/{box.pid}/mountinfo")
    manager.nothing()
    if detach:
        assert box.orlop.finish(p).rc == 0
    else:
        stop(p)
    box.delete("--force")


def test_runtime_says_nothing_of_what_does_not_run(box, manager):
    box.args("/nosuch").run("--sdnotify=runtime", env=manager.env).failed("/nosuch")
    manager.nothing()


def test_nobody_says_it(box, manager):
    box.args("true").run("--sdnotify=ignore", env=manager.env).ok()
    manager.nothing()


def test_who_says_it_is_one_of_three(box, manager):
    box.args("true").run("--sdnotify=conmon", env=manager.env).failed("sdnotify", "container|ignore|runtime")
    manager.nothing()


# ---- the real one

@pytest.mark.needs_vm("systemd")
@pytest.mark.parametrize("way", ["foreground", "detached"])
def test_service_of_systemd(python, way):
    """It is started when the container says so, and not before."""
    box = say(python, "STATUS=begins", more="time.sleep(3)\ns.sendto(b'READY=1\\nSTATUS=up and well', name)")
    box.write()
    unit = f"{host.TAG}{way}.service"
    detach = [] if way == "foreground" else ["--detach"]
    # the bundle lies in a mount namespace of ours; and no daemon-reload, which makes BPF programs anew
    command = ["systemd-run", "--no-block", "-q", f"--unit={unit}", "--service-type=notify", "-p", "KillMode=process",
               "-p", "TimeoutStopSec=5", "-p", "SendSIGKILL=no", "/usr/bin/nsenter", "-t", str(os.getpid()), "-m", "--",
               *box.orlop.argv("run", *detach, "-b", box.bundle, box.id)]

    def show(*names):
        out = subprocess.run(["systemctl", "show", unit, "-p", ",".join(names)], capture_output=True, text=True,
                             check=True).stdout
        return dict(line.split("=", 1) for line in out.splitlines())
    try:
        subprocess.run(command, check=True)
        kernel.until(lambda: show("StatusText")["StatusText"] == "begins", 10)
        assert show("ActiveState")["ActiveState"] == "activating"
        kernel.until(lambda: show("ActiveState")["ActiveState"] == "active", 20)
        seen = show("StatusText", "MainPID")
        assert seen["StatusText"] == "up and well"
        assert (int(seen["MainPID"]) == box.state()["pid"]) == (way == "detached")
    finally:
        box.kill("KILL")
        box.delete("--force")
        subprocess.run(["systemctl", "stop", unit], check=False)
        subprocess.run(["systemctl", "reset-failed", unit], check=False, stderr=subprocess.DEVNULL)
