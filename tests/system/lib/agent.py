# SPDX-License-Identifier: GPL-2.0-or-later
"""A seccomp agent as a thread: takes listeners over a socket and answers, see seccomp_unotify(2)."""
import array
import fcntl
import json
import os
import select
import socket
import struct
import threading

RECV, SEND = 0xc0502100, 0xc0182101  # SECCOMP_IOCTL_NOTIF_RECV, _SEND
CONTINUE = 1  # SECCOMP_USER_NOTIF_FLAG_CONTINUE


def go_on(_call):
    return {"flags": CONTINUE}


def fail(errno):
    return lambda _call: {"error": -errno}


def give(value):
    return lambda _call: {"val": value}


class Call:
    """What the kernel tells of one call."""

    def __init__(self, data):
        self.id, self.pid, _flags, self.nr, self.arch, _ip, *self.args = struct.unpack("=QIIiIQ6Q", data)


class Agent:
    """
    Listens at `path`. `answer` gets a Call and returns the members of seccomp_notif_resp, or None to
    leave it without an answer. `taken` is called with (connection, message as bytes, descriptors)
    when a message has come, and returns whether to serve the listener.
    """

    def __init__(self, path, answer=go_on, taken=None, first=None):
        self.path, self.answer, self.taken, self.first = path, answer, taken, first
        self.messages, self.calls, self.errors, self.fds = [], [], [], []
        self.servers, self.stopping, self.dropping = [], threading.Event(), threading.Event()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind(path)
        self.socket.listen(8)
        self.acceptor = self._thread(self._accept)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        assert not self.errors, self.errors

    def stop(self):
        self.stopping.set()
        self._join(self.acceptor)
        self.drop()
        self.socket.close()
        if os.path.exists(self.path):
            os.unlink(self.path)

    def drop(self):
        """Close all listeners that have come; later ones are served."""
        self.dropping.set()
        while self.servers:  # one that polls a closed descriptor might get another file of its number
            self._join(self.servers.pop())
        while self.fds:
            os.close(self.fds.pop())
        self.dropping.clear()

    @staticmethod
    def _join(thread):
        thread.join(20)
        assert not thread.is_alive()

    def message(self, n=0):
        """The message of connection `n`, as an object."""
        return json.loads(self.messages[n][0])

    def names(self, n=0):
        """What the descriptors of connection `n` were."""
        return self.messages[n][1]

    def _thread(self, f, *args):
        def guarded():
            try:
                f(*args)
            except Exception as e:  # seen by the test at the end
                self.errors.append(repr(e))
        t = threading.Thread(target=guarded, daemon=True)
        t.start()
        return t

    def _accept(self):
        while not self.stopping.is_set():
            if not select.select([self.socket], [], [], 0.02)[0]:
                continue
            connection, _ = self.socket.accept()
            connection.settimeout(20)
            self._take(connection)

    def _take(self, c):
        """All bytes up to the end; all descriptors must have come with the first of them."""
        if self.first and not self.first(c):
            c.close()
            return
        text, fds, n = b"", array.array("i"), 0
        while True:
            try:
                data, control, flags, _ = c.recvmsg(65536, socket.CMSG_SPACE(8 * 4))
            except ConnectionResetError:
                break  # the end, and what `first` had said was not read
            assert not flags & socket.MSG_CTRUNC
            for level, kind, payload in control:
                assert (level, kind, n) == (socket.SOL_SOCKET, socket.SCM_RIGHTS, 0)
                fds.frombytes(payload)
            if not data:
                break
            text, n = text + data, n + 1
        c.close()
        self.messages.append((text, [os.readlink(f"/proc/self/fd/{f}") for f in fds]))
        if self.taken and not self.taken(fds):
            for f in fds:
                os.close(f)
            return
        self.fds += fds
        for f in fds:
            self.servers.append(self._thread(self._serve, f))

    def _serve(self, fd):
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        while not self.dropping.is_set():
            events = poll.poll(20)
            if events and events[0][1] & select.POLLHUP:
                return  # the last process under the filter has ended
            if not events or not events[0][1] & select.POLLIN:
                continue
            buffer = bytearray(80)
            try:
                fcntl.ioctl(fd, RECV, buffer)
                call = Call(buffer)
                self.calls.append(call)
                answer = self.answer(call)
                if answer is None:
                    return
                fcntl.ioctl(fd, SEND, struct.pack("=QqiI", call.id, answer.get("val", 0),
                                                  answer.get("error", 0), answer.get("flags", 0)))
            except FileNotFoundError:
                pass  # the caller was killed meanwhile
