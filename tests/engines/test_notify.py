# SPDX-License-Identifier: GPL-2.0-or-later
"""podman run --sdnotify=container: the container itself tells the service manager that it is ready."""
import os
import socket

import pytest

from conftest import IMAGE, RUNTIMES, call

SAY = ("import os, socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); "
       "s.sendto(b'READY=1\\nSTATUS=here I am', os.environ['NOTIFY_SOCKET'])")
LIBRARIES = ["-v", "/usr:/usr:ro", "-v", "/usr/lib:/lib:ro", "-v", "/usr/lib64:/lib64:ro"]


@pytest.mark.parametrize("engine", ["podman"], indirect=True)
@pytest.mark.parametrize("runtime", ["orlop", "crun"])
@pytest.mark.parametrize("mode", ["container", "conmon", "ignore"])
def test_ready(engine, runtime, mode):
    path = f"/tmp/manager-{runtime}-{mode}"
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(path)
    manager.settimeout(1)
    say = SAY if mode == "container" else "import os; assert 'NOTIFY_SOCKET' not in os.environ"
    r = call("podman", "--cgroup-manager", "cgroupfs", "--runtime", RUNTIMES[runtime], "run", "-d", "--network", "none",
             f"--sdnotify={mode}", *LIBRARIES, IMAGE, "/usr/bin/python3", "-c", say,
             env={**os.environ, "NOTIFY_SOCKET": path})
    assert r.rc == 0, r
    heard = ""
    try:
        while True:
            heard += manager.recv(4096).decode() + "\n"
    except TimeoutError:
        pass
    manager.close()
    assert call("podman", "wait", r.out.strip()).out == "0\n"
    call("podman", "rm", "-f", r.out.strip())
    lines = heard.split("\n")
    assert ("READY=1" in lines) == (mode != "ignore")
    assert any(line.startswith("MAINPID=") for line in lines) == (mode != "ignore")
