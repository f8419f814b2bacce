# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine under QEMU that is told what to do by the shell on one of its serial lines."""
import os
import re
import selectors
import subprocess
import time

QEMU = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max,la57=off,svm=off,erms=off,smap=off",
        "-machine", "q35,sata=off,smbus=off,i8042=off,vmport=off", "-smp", "2", "-nodefaults", "-no-user-config",
        "-display", "none", "-no-reboot"]
CMDLINE = "console=ttyS0 quiet loglevel=0 panic=-1 mitigations=off net.ifnames=0"
END = re.compile(rb"<end ([0-9]+)>\r?\n")


class Machine:
    """`shell`: the serial line, 0 or 1, on which a shell waits; all that comes from line 0 is in `console`."""

    def __init__(self, kernel, initrd, tmp, cmdline="", shell=0, memory=512, options=()):
        self.console = f"{tmp}/console"
        serial = ["-serial", "stdio"] if shell == 0 else ["-serial", f"file:{self.console}", "-serial", "stdio"]
        self.process = subprocess.Popen(
            [*QEMU, "-m", str(memory), "-kernel", kernel, "-initrd", initrd, "-append", f"{CMDLINE} {cmdline}", *serial,
             *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.seen = b""

    def read_until(self, pattern, seconds):
        """What matches, and all before it is taken."""
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while not (found := re.search(pattern, self.seen)):
                assert selector.select(deadline - time.monotonic()), f"not in {seconds} s: {pattern}\n{self.text()}"
                data = self.process.stdout.read()
                assert data, f"ended before {pattern}\n{self.text()}"
                self.seen += data
        before, self.seen = self.seen[:found.start()], self.seen[found.end():]
        return found, before

    def text(self):
        return self.seen[-4000:].decode(errors="replace")

    def up(self, seconds=120):
        """The shell answers, and does not echo what it reads."""
        deadline = time.monotonic() + seconds
        while True:
            self.process.stdin.write(b"[ -z \"$BASH\" ] || [ $SHLVL -gt 2 ] || exec bash --noediting --norc\n"
                                     b"stty -echo; PS1=; echo '<'up'>'\n")
            try:
                self.read_until(rb"<up>\r?\n", 3)
                break
            except AssertionError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
        self.sh("true")
        return self

    def sh(self, command, rc=0, seconds=60):
        """Its output."""
        self.process.stdin.write(f"{command}\necho '<'end $?'>'\n".encode())
        found, before = self.read_until(END, seconds)
        out = before.decode(errors="replace").replace("\r\n", "\n")
        assert rc is None or int(found[1]) == rc, f"{command}: {int(found[1])}\n{out}"
        return out

    def until(self, command, wanted, seconds=60):
        """The output of `command` once the expression `wanted` is in it."""
        deadline = time.monotonic() + seconds
        while not re.search(wanted, out := self.sh(command, rc=None)):
            assert time.monotonic() < deadline, f"not in {seconds} s: {wanted}\n{out}"
            time.sleep(0.3)
        return out

    def end(self):
        """What it said last; it ends by itself."""
        try:
            out, _ = self.process.communicate(timeout=60)
        finally:
            self.process.kill()
            self.process.wait()
        return (self.seen + (out or b"")).decode(errors="replace")
