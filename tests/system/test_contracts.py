# SPDX-License-Identifier: GPL-2.0-or-later
"""What engines rely on and no specification says: each test is named after the contract that it shows."""
import array
import contextlib
import json
import os
import re
import socket

import pytest
from lib import kernel
from lib.box import deadline

pytestmark = pytest.mark.kernel


# ---- pidfds, as go-runc receives them

class PidfdSocket:
    """
    The client of go-runc: it listens, accepts one connection, takes one message with room for 4096 bytes of name and
    one descriptor, and closes all. More or fewer descriptors, no name, or a name that fills the room are errors.
    """

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind(path)
        self.socket.listen(1)
        self.socket.settimeout(deadline(10))

    def receive(self):
        connection, _ = self.socket.accept()
        connection.settimeout(deadline(10))
        with connection:
            name, control, flags, _ = connection.recvmsg(4096, socket.CMSG_SPACE(4))
            assert not flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC)
            assert 0 < len(name) < 4096 and len(control) == 1
            level, kind, data = control[0]
            assert (level, kind, len(data)) == (socket.SOL_SOCKET, socket.SCM_RIGHTS, 4)
            assert connection.recv(1) == b"", "nothing else is said"
        return name.decode(), array.array("i", data)[0]

    def close(self):
        self.socket.close()
        os.unlink(self.path)


@contextlib.contextmanager
def pidfd_socket(path):
    s = PidfdSocket(str(path))
    try:
        yield s
    finally:
        s.close()


def pid_of(pidfd):
    return int(re.search(r"^Pid:\t(\d+)$", kernel.read(f"/proc/self/fdinfo/{pidfd}"), re.M)[1])


@pytest.mark.parametrize("verb", ["create", "run"])
def test_pidfd_socket_of_a_container(box, tmp, verb):
    box.args("pause").write()
    with pidfd_socket(f"{tmp}/pidfd.sock") as s:
        options = ["--bundle", box.bundle, "--pid-file", box.pid_file, "--pidfd-socket", s.path]
        box.orlop(verb, *options, *(["--detach"] if verb == "run" else []), box.id).ok()
        name, fd = s.receive()
        assert name == "standard" and pid_of(fd) == box.pid == box.state()["pid"]
    os.close(fd)


def test_pidfd_socket_of_exec(box, tmp):
    box.up()
    with pidfd_socket(f"{tmp}/pidfd.sock") as s:
        pid_file = f"{tmp}/exec.pid"
        box.orlop("exec", "--detach", "--pid-file", pid_file, "--pidfd-socket", s.path, box.id, "/bin/probe", "pause").ok()
        name, fd = s.receive()
        assert name == "setns" and pid_of(fd) == int(kernel.read(pid_file)) != box.pid
    os.close(fd)


@pytest.mark.parametrize("verb", ["create", "run", "exec"])
def test_pidfd_socket_where_nobody_listens(box, tmp, verb):
    path = f"{tmp}/nobody.sock"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
    if verb == "exec":
        box.up()
        box.exec("--pidfd-socket", path).failed("pidfd", path)
    else:
        box.args("pause").write()
        box.orlop(verb, "--bundle", box.bundle, "--pidfd-socket", path, box.id).failed("pidfd", path)
        assert box.id not in box.orlop.ids()


# ---- the one line of JSON that engines show

def logged(box, *args):
    """What is in the log of a command that fails, read as Podman does: one object in the whole file."""
    path = f"{box.bundle}/log-{len(os.listdir(box.bundle))}"
    r = box.orlop("--log", path, "--log-format", "json", *args)
    assert r.rc != 0 and r.out == ""
    text = kernel.read(path)
    line = json.loads(text)
    assert text.count("\n") == 1 and text.endswith("\n")
    assert {"level", "msg", "time"} <= set(line) and line["level"] == "error"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", line["time"])
    assert line["msg"] in r.err, "the same is said on stderr"
    return line["msg"]


def test_json_log_line_of_update(box):
    box.up()
    path = f"{box.bundle}/resources"
    for text, words in (('{"memory": {"limit": "x"}}', "/memory/limit"), ("{", "JSON"), ('{"pids": {"limit": 1e3}}', "/pids")):
        with open(path, "w") as f:
            f.write(text)
        assert words in logged(box, "update", "--resources", path, box.id)
    assert "/nowhere" in logged(box, "update", "--resources", "/nowhere", box.id)
    assert "memory" in logged(box, "update", "--memory", "lots", box.id)
    assert "does not exist" in logged(box, "update", "--memory", "1G", "nobody")
    box.kill("KILL").ok()
    box.wait_stopped()
    assert "container not running" in logged(box, "update", "--memory", "1G", box.id)


@pytest.mark.parametrize("args,words", [
    (["create", "--bundle", "/nowhere", "x"], "/nowhere"), (["start", "nobody"], "does not exist"),
    (["exec", "nobody", "/bin/true"], "does not exist"), (["kill", "nobody"], "does not exist"),
    (["delete", "nobody"], "does not exist"), (["pause", "nobody"], "does not exist"),
    (["resume", "nobody"], "does not exist"), (["state", "nobody"], "does not exist"),
    (["ps", "nobody"], "does not exist"), (["events", "nobody"], "does not exist"),
    (["mounts", "add", "nobody", "/dev/null"], "does not exist"), (["mounts", "remove", "nobody", "/dev/null"],
                                                                  "does not exist"),
    (["mounts", "list", "nobody"], "does not exist"), (["nonsense"], "nonsense"), (["create", "--nonsense", "x"], "nonsense")])
def test_json_log_line_of_each_command(box, args, words):
    assert words in logged(box, *args)
