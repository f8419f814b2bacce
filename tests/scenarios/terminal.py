#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Somebody at a terminal: runs a command on a pseudo-terminal of its own, with its exit status and its output.

    terminal.py ROWSxCOLUMNS STEPS COMMAND [ARG...]

STEPS, with | between them: `w:TEXT` waits until TEXT is shown, `s:TEXT` types it, with backslash escapes as of Python,
`r:ROWSxCOLUMNS` changes the window's size, `p:SECONDS` does nothing. The exit status is 123 if they did not all come.
"""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

DEADLINE = 40


def resize(fd, size):
    rows, columns = (int(n) for n in size.split("x"))
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def read(fd):
    """What is shown, None at the end."""
    if not select.select([fd], [], [], 0.1)[0]:
        return b""
    try:
        return os.read(fd, 4096) or None
    except OSError:  # EIO: nobody has the other end any more
        return None


class Terminal:
    def __init__(self, size, steps, command):
        self.steps = [(s[0], s[2:].encode().decode("unicode_escape").encode("latin1")) for s in steps.split("|") if s]
        self.shown, self.seen = b"", 0
        ready, go = os.pipe()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.close(go)
            os.read(ready, 1)
            os.execvp(command[0], command)
        os.close(ready)
        resize(self.fd, size)
        os.close(go)

    def step(self):
        """The next one; false if it has to wait."""
        kind, value = self.steps[0]
        if kind == "w":
            at = self.shown.find(value, self.seen)
            if at < 0:
                return False
            self.seen = at + len(value)
        elif kind == "s":
            os.write(self.fd, value)
        elif kind == "r":
            resize(self.fd, value.decode())
        elif kind == "p":
            time.sleep(float(value))
        self.steps.pop(0)
        return True

    def run(self):
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            while self.steps and self.step():
                pass
            data = read(self.fd)
            if data is None:
                return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            self.shown += data
        os.kill(self.pid, signal.SIGKILL)
        return 124


if __name__ == "__main__":
    terminal = Terminal(sys.argv[1], sys.argv[2], sys.argv[3:])
    status = terminal.run()
    sys.stdout.write(terminal.shown.decode(errors="replace").replace("\r", ""))
    if terminal.steps:
        print("never came to", terminal.steps)
        status = 123
    sys.exit(status)
