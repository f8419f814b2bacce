# SPDX-License-Identifier: GPL-2.0-or-later
"""
A service manager that is not there, is somebody else's, is silent or lies: one clear error in time, and nothing is left.
The client's own tests (tests/unit/dbus) have many more of them.
"""
import os
import socket
import struct
import threading
import time

import pytest
from lib import kernel

GREETING = b"DATA\r\nOK 0123456789abcdef0123456789abcdef\r\nAGREE_UNIX_FD\r\n"


@pytest.fixture(scope="module", autouse=True)
def booted():
    """As if systemd had been here, for us alone: sd_booted(3)."""
    if os.path.isdir("/run/systemd/system"):
        yield
        return
    made = not os.path.isdir("/run/systemd")
    os.makedirs("/run/systemd", exist_ok=True)
    kernel.mount("tmpfs", "/run/systemd", "tmpfs")
    os.mkdir("/run/systemd/system")
    yield
    kernel.umount("/run/systemd")
    if made:
        os.rmdir("/run/systemd")


class Peer:
    """Listens, and does with each connection what `script` says."""

    def __init__(self, path, script):
        self.path, self.script, self.heard = path, script, []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen(5)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                c = self.socket.accept()[0]
            except OSError:
                return
            with c:
                try:
                    self.script(self, c)
                except OSError:
                    pass

    def hear(self, c, n=1):
        """All that comes, until there is at least so much."""
        data = b""
        while len(data) < n:
            more = c.recv(65536)
            if not more:
                break
            data += more
        self.heard.append(data)
        return data

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(10)


def pad(data, n):
    return data + bytes(-len(data) % n)


def string(data, text):
    return pad(data, 4) + struct.pack("=I", len(text)) + text.encode() + b"\0"


def message(kind, fields, signature="", body=b""):
    """fields: {code: (type, value)}"""
    order = b"l" if struct.pack("=H", 1)[0] else b"B"
    out = b""
    for code, (t, value) in {**fields, **({8: ("g", signature)} if signature else {})}.items():
        out = pad(out, 8) + bytes([code, 1]) + t.encode() + b"\0"
        if t == "g":
            out += bytes([len(value)]) + value.encode() + b"\0"
        else:
            out = pad(out, 4) + struct.pack("=I", value) if t == "u" else string(out, value)
    return pad(order + bytes([kind, 1, 1]) + struct.pack("=III", len(body), 1, len(out)) + out, 8) + body


def answer(serial, signature="", body=b""):
    return message(2, {5: ("u", serial)}, signature, body)


def refusal(serial, name, text):
    return message(3, {5: ("u", serial), 4: ("s", name)}, "s", string(b"", text))


def greets(then):
    """Hello is 1, AddMatch 2; the call comes behind, with a descriptor."""
    def script(peer, c):
        peer.hear(c, 200)
        c.sendall(GREETING + answer(1, "s", string(b"", ":1.7")) + answer(2))
        data = peer.hear(c)
        if b"StartTransientUnit" in data:
            c.sendall(then(3))
        while peer.hear(c):  # until it is closed
            pass
    return script


def closes(_peer, _c):
    pass


def speaks_http(_peer, c):
    c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def rejects(peer, c):
    peer.hear(c)
    c.sendall(b"REJECTED EXTERNAL\r\n")
    time.sleep(0.2)


def other_order(serial):
    return b"B" + answer(serial, "o", string(b"", "/job"))[1:]


JOB = "/org/freedesktop/systemd1/job/1"


def failed_job(serial, result="failed"):
    end = struct.pack("=I", 1)
    for text in (JOB, UNIT, result):
        end = string(end, text)
    return answer(serial, "o", string(b"", JOB)) + message(
        4, {1: ("o", "/org/freedesktop/systemd1"), 2: ("s", "org.freedesktop.systemd1.Manager"),
            3: ("s", "JobRemoved")}, "uoss", end)


UNIT = "bad-peer.scope"
SCRIPTS = {
    "closes": (closes, "closed the connection before it let us in"),
    "http": (speaks_http, 'answers "HTTP/1.1 400 Bad Request", which is not the greeting of D-Bus'),
    "rejects": (rejects, "does not let us in as user 0"),
    "other-order": (greets(other_order), "sends what is no message of D-Bus"),
    "too-long": (greets(lambda n: answer(n)[:4] + b"\xff\xff\xff\x0f" + answer(n)[8:]), "sends a message that is too long"),
    "wrong-serial": (greets(lambda n: answer(77)), "answers what was not asked"),
    "wrong-type": (greets(lambda n: answer(n, "u", struct.pack("=I", 1))), "answers without a job"),
    "no": (greets(lambda n: refusal(n, "org.freedesktop.DBus.Error.AccessDenied", "Not\x1b[31m you")), r"Not\x1b[31m you"),
    "no-systemd": (greets(lambda n: refusal(n, "org.freedesktop.DBus.Error.ServiceUnknown", "was not provided")),
                   "no systemd on it"),
    "job-failed": (greets(failed_job), 'job ended with "failed"'),
}


@pytest.fixture
def box(make_box):
    box = make_box()
    box.orlop.options = ["--systemd-cgroup"]
    box.linux["cgroupsPath"] = "system.slice:bad:peer"
    return box


def refused(box, env, *words):
    """create says it all, once, and leaves no trace."""
    box.write()
    r = box.orlop("create", "-b", box.bundle, box.id, env={**os.environ, **env}).failed(*words)
    assert "\x1b" not in r.err and box.id not in box.orlop("list", "-q").ok().out, r
    return r


@pytest.mark.parametrize("name", SCRIPTS)
def test_peer(box, tmp, name):
    script, words = SCRIPTS[name]
    peer = Peer(f"{tmp}/bus", script)
    try:
        refused(box, {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={tmp}/bus"}, words, "" if name == "job-failed" else f"{tmp}/bus")
    finally:
        peer.close()
    if name == "job-failed":
        assert b"StopUnit" in b"".join(peer.heard) and b"ResetFailedUnit" in b"".join(peer.heard)


def test_older_systemd(box, tmp):
    """It does not know the word of a limit, which the cgroup has all the same: asked again without; not of an annotation."""
    def older(peer, c):
        peer.hear(c, 200)
        c.sendall(GREETING + answer(1, "s", string(b"", ":1.7")) + answer(2))
        peer.hear(c)
        c.sendall(refusal(3, "org.freedesktop.DBus.Error.PropertyReadOnly", "Cannot set property OOMPolicy, or unknown property."))
        peer.hear(c)
        c.sendall(failed_job(4, "done"))
        while peer.hear(c):
            pass
    peer = Peer(f"{tmp}/bus", older)
    env = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={tmp}/bus"}
    box.linux["resources"]["unified"] = {"memory.oom.group": "1"}
    refused(box, env, "systemd started the unit bad-peer.scope, and its process is in the cgroup")
    starts = [x for x in peer.heard if b"StartTransientUnit" in x]
    assert [b"OOMPolicy" in x for x in starts] == [True, False]
    peer.heard.clear()
    box.linux["resources"]["unified"] = {}
    box.config["annotations"] = {"org.systemd.property.OOMPolicy": "'kill'"}
    refused(box, env, "/annotations/org.systemd.property.OOMPolicy", "unknown property")
    assert len([x for x in peer.heard if b"StartTransientUnit" in x]) == 1
    peer.close()


def test_place_of_the_socket(box, tmp):
    def at(path, *words):
        refused(box, {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={path}"}, str(path), *words)
    peer = Peer(f"{tmp}/bus", closes)
    at(f"{tmp}/none", "no such file or directory")
    at(tmp, "is a directory")
    os.symlink(f"{tmp}/bus", f"{tmp}/link")
    at(f"{tmp}/link", "is a symbolic link")
    os.mkfifo(f"{tmp}/fifo")
    at(f"{tmp}/fifo", "is no socket")
    os.chown(f"{tmp}/bus", 1234, 1234)
    at(f"{tmp}/bus", "belongs to user 1234")
    assert not peer.heard
    peer.close()
    os.chown(f"{tmp}/bus", 0, 0)
    at(f"{tmp}/bus", "connection refused")
    refused(box, {"DBUS_SYSTEM_BUS_ADDRESS": "tcp:host=localhost,port=1"}, "DBUS_SYSTEM_BUS_ADDRESS", "unix:path=")


def test_silence_ends(box, tmp):
    peer = Peer(f"{tmp}/bus", lambda p, c: time.sleep(20))
    begin = time.monotonic()
    refused(box, {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={tmp}/bus"}, "does not greet us within 10 s", f"{tmp}/bus")
    assert 9 < time.monotonic() - begin < 16
    peer.close()
