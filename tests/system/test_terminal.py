# SPDX-License-Identifier: GPL-2.0-or-later
"""
Terminals: run and exec in a real one, and the hand-over by console socket.  The caller's side is a
pty that the test holds; the payload is a shell to which it types (threats.md T06, T95-T97).
"""
import array
import contextlib
import fcntl
import hashlib
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import time

import pytest
from lib import config as conf
from lib import host, kernel
from lib.box import deadline, stop, timed

PROMPT = "PS1=READY> "
TIOCGPTN = 0x80045430  # not in Python before 3.13


class Terminal:
    """A pty: `master` is the user, `slave` what programs of the user get."""

    def __init__(self, rows=24, cols=80):
        self.master, self.slave = pty.openpty()
        self.resize(rows, cols)
        self.before = termios.tcgetattr(self.slave)
        self.text = ""
        self.p = None

    def resize(self, rows, cols):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def stdio(self):
        """For Popen: this is the controlling terminal of a session of its own."""
        return {"stdin": self.slave, "stdout": self.slave, "start_new_session": True,
                "preexec_fn": lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)}

    def start(self, box, *options, **kw):
        self.p = box.start_run(*options, **self.stdio(), **kw)
        return self

    def start_exec(self, box, *args):
        self.p = box.orlop.popen("exec", "--tty", *args, **self.stdio())
        return self

    def type(self, text):
        os.write(self.master, text.encode())
        return self

    def read(self, timeout=0.2):
        if select.select([self.master], [], [], timeout)[0]:
            try:
                self.text += os.read(self.master, 65536).decode("utf-8", "replace")
            except OSError:  # EIO: nobody has the other end open
                pass

    def expect(self, pattern, timeout=15):
        """Wait for the pattern, forget what came up to its end, return the match."""
        end = time.monotonic() + deadline(timeout)
        while True:
            m = re.search(pattern, self.text)
            if m:
                self.text = self.text[m.end():]
                return m
            assert time.monotonic() < end, f"{pattern!r} does not come: {self.text!r}"
            self.read()

    def end(self, box, timeout=15):
        """Wait for the program and drain; the terminal is as it was."""
        end = time.monotonic() + deadline(timeout)
        while self.p.poll() is None:
            assert time.monotonic() < end, f"{self.p.args} does not end: {self.text!r}"
            self.read(0.05)
        while select.select([self.master], [], [], 0)[0]:
            self.read(0)
        assert termios.tcgetattr(self.slave) == self.before, "the terminal was not restored"
        return box.orlop.finish(self.p)

    def is_raw(self):
        """cfmakeraw(3)."""
        iflag, oflag, _, lflag = termios.tcgetattr(self.slave)[:4]
        return not (lflag & (termios.ICANON | termios.ECHO | termios.ISIG | termios.IEXTEN) or
                    oflag & termios.OPOST or iflag & (termios.ICRNL | termios.IXON))

    def close(self):
        if self.p:
            stop(self.p)
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def term():
    t = Terminal()
    yield t
    t.close()


@pytest.fixture
def shell(make_box):
    """A container that is an interactive shell with a terminal."""
    box = make_box(busybox=True)
    for applet in ("stty", "tty", "seq", "md5sum", "head", "mount"):
        os.symlink("busybox", f"{box.rootfs}/bin/{applet}")
    box.process["terminal"] = True
    box.process["env"] += [PROMPT]
    box.args("/bin/sh")
    return box


class Console:
    """What an engine has: a listening socket that receives the terminal."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind(path)
        self.socket.listen(1)
        self.socket.settimeout(deadline(10))

    def receive(self):
        """Exactly one descriptor, in one message, and then the end: the master."""
        conn = self.socket.accept()[0]
        with conn:
            data, ancillary, flags, _ = conn.recvmsg(4096, socket.CMSG_SPACE(64 * 4))
            assert 1 <= len(data) < 4096 and not flags & socket.MSG_CTRUNC
            fds = array.array("i")
            for level, kind, value in ancillary:
                assert (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
                fds.frombytes(value)
            assert len(fds) == 1, fds
            conn.settimeout(deadline(5))
            assert conn.recv(1) == b""
        fcntl.ioctl(fds[0], TIOCGPTN, b"\0" * 4)  # only a master has a number
        return fds[0]

    def nothing(self):
        self.socket.settimeout(0.05)
        with pytest.raises(TimeoutError):
            self.socket.accept()


@pytest.fixture
def console(tmp):
    c = Console(f"{tmp}/console.sock")
    yield c
    c.socket.close()


def foreground(shell_pid, name):
    """Wait until the child `name` of a shell runs and has the keyboard."""
    def there():
        for pid in kernel.children(shell_pid):
            try:
                fields = kernel.stat_fields(pid)
                if fields[2] == fields[5] and name in kernel.read(f"/proc/{pid}/cmdline").split("\0"):
                    return True
            except (FileNotFoundError, ProcessLookupError):
                pass
        return False
    kernel.until(there, deadline(15), f"{name} in the foreground")


def conversation(master, typed, pattern):
    """Type into a master, and wait for the answer."""
    t = Terminal.__new__(Terminal)
    t.master, t.text = master, ""
    t.type(typed)
    return t.expect(pattern)


# ---- the caller's terminal ---------------------------------------------------------------------


def test_raw_while_running(shell, term):
    term.start(shell).expect("READY> ")
    assert term.is_raw()
    term.type("exit 7\n")
    assert term.end(shell).rc == 7


def test_restored_after_kill(shell, term):
    term.start(shell).expect("READY> ")
    assert term.is_raw()
    shell.kill("KILL").ok()
    assert term.end(shell).rc == 128 + signal.SIGKILL
    assert shell.orlop.ids() == []


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_restored_after_signal_to_the_runtime(box, term, sig):
    """It is forwarded; the program decides, and the terminal is given back when it ends."""
    box.process["terminal"] = True
    box.args("pause")
    term.start(box).expect("READY")
    kernel.until(term.is_raw, deadline(5), "raw mode")
    term.p.send_signal(sig)
    assert term.end(box).rc == 128 + sig
    assert box.orlop.ids() == []


def test_untouched_when_it_fails(box, term):
    box.process["terminal"] = True
    box.process["args"] = ["/bin/nothing"]
    term.start(box)
    term.end(box).failed("/bin/nothing")


def test_restored_when_execve_fails(box, term):
    box.process["terminal"] = True
    box.file("/bin/data", "data", 0o755)
    box.process["args"] = ["/bin/data"]
    term.start(box)
    term.end(box).failed("/bin/data", "Exec format error")


def test_what_is_typed_early_is_not_lost(shell, term):
    term.type("echo e''arly; exit\n").start(shell).expect("early")
    assert term.end(shell).rc == 0


# ---- size --------------------------------------------------------------------------------------


def test_window_size(shell, term):
    term.resize(33, 111)
    term.start(shell).expect("READY> ")
    term.type("stty size\n").expect("33 111")
    term.resize(44, 122)  # the kernel sends SIGWINCH to the runtime
    tty = f"/proc/{shell.state()['pid']}/fd/0"
    kernel.until(lambda: subprocess.run(["stty", "-F", tty, "size"], capture_output=True,
                                        text=True).stdout == "44 122\n", deadline(5), "new size")
    term.type("stty size\n").expect("44 122")
    term.type("exit\n")
    assert term.end(shell).rc == 0


def test_window_size_while_it_starts(box, term):
    """Whenever the caller's window changes, before, during and after the start: the last size is the size."""
    box.add_busybox()
    box.process["terminal"] = True
    box.args("/bin/sleep", "1000")
    for n in range(8):
        term.resize(10 + n, 20 + n)
        term.start(box)
        time.sleep(0.004 * n)  # wherever it is then
        term.resize(50 + n, 100 + n)
        kernel.until(lambda: box.id in box.orlop.ids() and box.status() == "running", deadline(15), "it runs")
        tty = f"/proc/{box.state()['pid']}/fd/0"
        kernel.until(lambda: subprocess.run(["stty", "-F", tty, "size"], capture_output=True, text=True).stdout ==
                     f"{50 + n} {100 + n}\n", deadline(5), "the last size")
        box.kill("KILL").ok()
        box.orlop.finish(term.p)


def test_console_size(box, term):
    """The configuration's own size wins over that of the caller."""
    box.process["terminal"] = True
    box.process["consoleSize"] = {"height": 50, "width": 132}
    term.start(box).expect(r'"winsize": ?\[50, ?132\]')
    assert term.end(box).rc == 0


@pytest.mark.spec("CF-022")
def test_console_size_without_terminal_is_ignored(box):
    box.process["consoleSize"] = {"height": 50, "width": 132}
    assert "winsize" not in box.probe()


# ---- what the program sees ---------------------------------------------------------------------


def probe_in(term, box, *options):
    term.start(box, *options)
    r = term.end(box)
    return r, json.loads(term.text)


@pytest.mark.spec("CL-037")
def test_stdio_and_console(box, term):
    """0, 1, 2 are the pty of the container's own devpts, and so is /dev/console."""
    box.process["terminal"] = True
    box.args("stat", "/dev/console", ",", "stat", "/dev/pts/0", ",", "state")
    _, seen = probe_in(term, box)
    fds = [f for f in seen["fds"] if f["fd"] <= 2]
    assert [f["fd"] for f in fds] == [0, 1, 2]
    for f in fds:
        assert f["tty"] and f["link"] == "/dev/pts/0" and 136 <= f["rmajor"] <= 143
        assert f["magic"] == kernel.SUPER_MAGIC["devpts"] and f["mode"] & 0o777 == 0o620
    mounts = kernel.parse_mountinfo(seen["mountinfo"]) if "mountinfo" in seen else None
    console, pts = seen["results"]
    for key in set(console) & {"dev", "ino", "rdev", "rmajor", "rminor", "uid", "mode"}:
        assert console[key] == pts[key], (key, console, pts)
    if mounts:
        m = kernel.mount_at(mounts, "/dev/console")
        assert m.fstype == "devpts" and m.root == "/0"
    assert {f["fd"] for f in seen["fds"] if not f["cloexec"]} == {0, 1, 2}


@pytest.mark.needs_native("strace, about the same code")
def test_other_end_is_not_opened_by_a_name(box, term, tmp):
    """ioctl_tty(2), TIOCGPTPEER: a name in the container's /dev could lead anywhere."""
    box.process["terminal"] = True
    box.args("exit", 0)
    trace = f"{tmp}/trace"
    term.start(box, wrap=["strace", "-f", "-qq", "-o", trace, "-e", "trace=openat,openat2,open,ioctl"])
    term.end(box)
    lines = kernel.read(trace).splitlines()
    assert len([x for x in lines if "TIOCGPTPEER" in x and " = -1 " not in x]) == 1
    assert not [x for x in lines if re.search(r'"[^"]*(pts/[0-9]|/dev/(tty|console|ptmx))"', x) and "O_PATH" not in x]


def test_controlling_terminal(box, term):
    box.process["terminal"] = True
    _, seen = probe_in(term, box)
    assert seen["dev_tty"] == "open"
    assert seen["sid"] == seen["pgid"] == seen["foreground"] == 1


def test_owner_is_the_user(box, term):
    box.process["terminal"] = True
    box.process["user"] = {"uid": 1000, "gid": 1000}
    box.args("state", ",", "open", "/dev/pts/0", "r")
    _, seen = probe_in(term, box)
    assert {(f["uid"], f["gid"]) for f in seen["fds"] if f["fd"] <= 2} == {(1000, 5)}
    assert seen["results"][0]["ret"] >= 0
    assert seen["dev_tty"] == "open"


def test_user_namespace(box, term):
    conf.userns(box.config)
    os.chown(box.bundle, 100000, 100000)
    os.chmod(box.orlop.tmp, 0o755)
    box.process["terminal"] = True
    _, seen = probe_in(term, box)
    assert {f["uid"] for f in seen["fds"] if f["fd"] <= 2} == {0}
    assert seen["dev_tty"] == "open"


def test_without_controlling_terminal_nothing_changes(shell, tmp):
    """stdin is no terminal: the program has its own, and what it writes arrives."""
    shell.args("/bin/sh", "-c", "tty; echo done; exit 3")
    r = shell.run()
    assert (r.rc, r.out) == (3, "/dev/pts/0\ndone\n")


# ---- typing ------------------------------------------------------------------------------------


def test_run_in_the_background(shell, term, tmp):
    """From an interactive shell, as a job: it waits for its terminal, and goes on when it is fetched."""
    argv = shell.orlop.argv("run", "--bundle", shell.bundle, shell.id)
    shell.write()
    term.p = subprocess.Popen(["bash", "--norc", "--noprofile", "-i"], stderr=term.slave, env={"PS1": "OUTER> ", **shell.orlop.env},
                              **term.stdio())
    host.POPEN.add(term.p.pid)
    term.expect("OUTER> ")
    term.type(" ".join(argv) + " &\n").expect("OUTER> ")
    kernel.until(lambda: shell.id in shell.orlop.ids() and shell.status() == "running")
    term.type("echo st''ill here\n").expect("still here")
    kernel.until(lambda: (term.type("jobs\n"), term.read(), "Stopped" in term.text)[-1])
    term.type("fg\n")
    term.type("\n").expect("READY> ")
    term.type("echo in''side\n").expect("inside")
    # stopped from outside, and fetched again: bytes go through as before
    os.kill(next(p for p in kernel.children(term.p.pid)), signal.SIGSTOP)
    term.expect("OUTER> ")
    term.type("fg\n")
    term.type("\x15echo ag''ain\n").expect("again")
    term.type("exit 3\n").expect("OUTER> ")
    term.type("echo status $?\n").expect("status 3")
    term.type("exit\n")
    assert term.p.wait(10) == 0


def test_interrupt_and_job_control(shell, term):
    term.start(shell).expect("READY> ")
    term.type("sleep 1000\n").expect("sleep 1000\r\n")
    foreground(shell.state()["pid"], "sleep")
    term.type("\x03").expect("READY> ")
    term.type("echo status=$?\n").expect("status=130")
    term.type("sleep 1001\n").expect("sleep 1001\r\n")
    foreground(shell.state()["pid"], "sleep")
    term.type("\x1a").expect("Stopped.*READY> ".replace(".*", "[^>]*"))
    term.type("jobs\n").expect("Stopped")
    term.type("bg\n").expect("READY> ")
    term.type("jobs\n").expect("Running")
    term.type("kill %1; wait; echo all''gone\n").expect("allgone")
    assert term.p.poll() is None, "the runtime took ^C or ^Z for itself"
    term.type("exit\n")
    assert term.end(shell).rc == 0


def test_end_of_file(shell, term):
    term.start(shell).expect("READY> ")
    term.type("cat\n").expect("cat\r\n")
    foreground(shell.state()["pid"], "cat")
    term.type("some words\n").expect("some words\r\nsome words\r\n")
    term.type("\x04").expect("READY> ")
    term.type("\x04")
    assert term.end(shell).rc == 0


@pytest.mark.parametrize("verb", ["run", "exec"])
@pytest.mark.parametrize("text", ["", "line\n", "line\nno newline", "x" * 4000 + "\n"])
def test_end_of_a_file(box, tmp, verb, text):
    """Standard input is no terminal and ends: the program's terminal ends too, as its user would end it."""
    box.add_busybox()
    command = ("/bin/sh", "-c", "cat >/tmp/got; echo en''d; cat; echo again")
    with open(f"{tmp}/input", "w") as f:
        f.write(text)
    if verb == "run":
        box.process["terminal"] = True
        box.args(*command)
        with open(f"{tmp}/input") as f:
            r = box.run(stdin=f, timeout=10)
    else:
        box.up()
        with open(f"{tmp}/input") as f:
            r = box.orlop("exec", "--tty", box.id, *command, stdin=f, timeout=10)
    # and in what is captured lines end as the program wrote them
    assert r.ok().out.endswith("end\nagain\n")
    assert kernel.read(f"{box.rootfs}/tmp/got") == text


def test_interactive_shell_without_a_terminal(shell):
    """`orlop spec && orlop run x </dev/null` in a job without terminal: the shell edits lines in raw mode."""
    assert shell.run(timeout=10).rc == 0


def test_caller_closes_its_end(shell, term):
    """The user's terminal is gone: so is the program's, and a shell takes that for the end."""
    term.start(shell).expect("READY> ")
    os.close(term.master)
    try:
        r = shell.orlop.finish(term.p, 15)
        assert r.err == "", r
    finally:
        term.master = os.open("/dev/null", os.O_RDWR)
    assert shell.orlop.ids() == []


# ---- a lot of bytes ----------------------------------------------------------------------------


def test_big_output(shell, term):
    """1 MiB arrives whole, also what was written last."""
    n = 160000
    shell.args("/bin/seq", "1", str(n))
    term.start(shell)
    assert term.end(shell, 30).rc == 0
    expected = "".join(f"{i}\r\n" for i in range(1, n + 1))
    assert len(expected) > 1 << 20
    assert term.text == expected


def test_big_output_to_a_slow_reader(shell):
    """Nothing is lost, and nobody spins, when stdout is a full pipe for a while."""
    shell.args("/bin/seq", "1", "20000")
    reading, writing = os.pipe()
    p = shell.start_run(stdout=writing)
    os.close(writing)
    time.sleep(0.3)
    used = sum(map(int, kernel.stat_fields(p.pid)[11:13])) / os.sysconf("SC_CLK_TCK")
    text = b""
    while True:
        data = os.read(reading, 1 << 16)
        if not data:
            break
        text += data
    os.close(reading)
    assert shell.orlop.finish(p).rc == 0
    assert text.decode() == "".join(f"{i}\n" for i in range(1, 20001))
    assert used < deadline(0.2), f"{used} s of processor time"


def test_stdout_that_nobody_reads(shell):
    """Its terminal is gone then, and who writes for ever has an error, as with a pipe."""
    shell.args("/bin/sh", "-c", "yes; exit 5")
    reading, writing = os.pipe()
    p = shell.start_run(stdout=writing)
    os.close(writing)
    assert os.read(reading, 3)[:1] == b"y"
    os.close(reading)
    assert shell.orlop.finish(p).rc == 5


def test_stdout_that_is_full(shell):
    """That may pass: the container goes on, and is told of."""
    shell.args("/bin/sh", "-c", "seq 1 2000; exit 5")
    with open("/dev/full", "w") as full:
        r = shell.orlop.finish(shell.start_run(stdout=full))
    assert r.rc == 5 and r.err.count("is lost from now on: no space left on device") == 1, r


def test_big_input(shell, term):
    shell.args("/bin/sh", "-c", "stty raw -echo; echo GO; head -c 300000 | md5sum")
    term.start(shell).expect("GO")
    data = bytes((i * 7 + i // 251) % 256 for i in range(300000))
    for at in range(0, len(data), 1000):
        os.write(term.master, data[at:at + 1000])
    term.expect(hashlib.md5(data).hexdigest())
    assert term.end(shell).rc == 0


def test_background_process_keeps_the_terminal(shell, term):
    """The end of process 1 is the end, whoever still has the pty open."""
    conf.without_namespace(shell.config, "pid")
    shell.mounts[:] = [m for m in shell.mounts if m["destination"] != "/proc"]
    shell.linux["maskedPaths"] = shell.linux["readonlyPaths"] = []
    shell.args("/bin/sh", "-c", "trap '' HUP; sleep 1000 & echo began; exit 4")
    term.start(shell)
    assert term.end(shell).rc == 4


# ---- exec --------------------------------------------------------------------------------------


def test_exec_beside_run(shell, term):
    """The second terminal is another pty of the same devpts; each has its own keyboard."""
    term.start(shell).expect("READY> ")
    other = Terminal(30, 90)
    try:
        other.start_exec(shell, shell.id, "/bin/sh").expect("READY> ")
        assert other.is_raw()
        other.type("tty; stty size\n").expect("/dev/pts/1\r\n30 90")
        term.type("tty\n").expect("/dev/pts/0")
        other.type("echo $$\n").expect("\\$\\$\r\n")
        inner = other.expect(r"(\d+)\r\n")[1]
        other.type("sleep 1000\n").expect("sleep 1000\r\n")
        pids = [p for p in kernel.read(f"{host.CGROUP}/orlop/{shell.id}/cgroup.procs").split()
                if kernel.status(p)["NSpid"].split()[-1] == inner]
        foreground(int(pids[0]), "sleep")
        other.type("\x03").expect("READY> ")
        other.type("exit 9\n")
        assert other.end(shell).rc == 9
    finally:
        other.close()
    term.type("echo still''here; exit\n").expect("stillhere")
    assert term.end(shell).rc == 0


def test_exec_restores(box, term):
    box.up()
    term.start_exec(box, box.id, conf.PROBE, "pause").expect("READY")
    kernel.until(term.is_raw, deadline(5), "raw mode")
    box.kill("KILL").ok()
    assert term.end(box).rc == 128 + signal.SIGKILL


def test_exec_signal(box, term):
    box.up()
    term.start_exec(box, box.id, conf.PROBE, "catch").expect("READY")
    term.p.send_signal(signal.SIGTERM)
    term.expect(f"{int(signal.SIGTERM)}\r\n")
    box.kill("KILL").ok()
    term.end(box)


def test_exec_process_with_terminal(box, term):
    box.up()
    process = dict(box.process, terminal=True, args=[conf.PROBE, "state"],
                   consoleSize={"height": 12, "width": 34})
    path = f"{box.bundle}/p.json"
    with open(path, "w") as f:
        json.dump(process, f)
    term.p = box.orlop.popen("exec", "--process", path, box.id, **term.stdio())
    term.expect(r'"winsize": ?\[12, ?34\]')
    assert term.end(box).rc == 0


# ---- console socket ----------------------------------------------------------------------------


@pytest.mark.parametrize("terminal", [False, True])
def test_exec_tty_with_a_process_file(box, terminal):
    """Engines say both; the option alone gives a terminal too."""
    box.up()
    document = {"terminal": terminal, "cwd": "/", "args": ["/bin/busybox", "tty"]}
    box.add_busybox()
    assert box.exec_process(document, "--tty").ok().out.strip() == "/dev/pts/0"


def check_master(master, box):
    """Its other end is stdin, stdout and controlling terminal of the shell."""
    conversation(master, "tty; echo x''y\n", "/dev/pts/0\r\nxy\r\n")
    number = struct.unpack("i", fcntl.ioctl(master, TIOCGPTN, b"\0" * 4))[0]
    pid = box.state()["pid"]
    for fd in (0, 1, 2):
        assert os.readlink(f"/proc/{pid}/fd/{fd}") == f"/dev/pts/{number}"


@pytest.mark.parametrize("form", ["run", "create", "exec"])
def test_console_socket(shell, console, form):
    if form == "run":
        r = shell.run("--detach", "--console-socket", console.path).ok()
        master = console.receive()
    elif form == "create":
        r = shell.create("--console-socket", console.path).ok()
        master = console.receive()
        assert shell.status() == "created"
        shell.start().ok()
    else:
        shell.process["terminal"] = False
        shell.up()
        r = shell.orlop("exec", "--tty", "--detach", "--console-socket", console.path, shell.id,
                        "/bin/sh").ok()
        master = console.receive()
    assert (r.out, r.err) == ("", "")
    if form == "exec":
        conversation(master, "tty; echo x''y\n", "/dev/pts/0\r\nxy\r\n")
    else:
        check_master(master, shell)
        os.close(master)  # nobody else has it: SIGHUP ends the shell
        shell.wait_stopped()
        return
    conversation(master, "exit\n", "exit")
    os.close(master)


def test_console_socket_in_the_foreground(shell, console):
    """`run` without --detach gives the terminal away too, and waits."""
    p = shell.start_run("--console-socket", console.path)
    master = console.receive()
    check_master(master, shell)
    conversation(master, "exit 6\n", "exit 6")
    assert shell.orlop.finish(p).rc == 6
    os.close(master)


def test_console_socket_size(box, console):
    box.process["terminal"] = True
    box.process["consoleSize"] = {"height": 21, "width": 43}
    box.run("--detach", "--console-socket", console.path).ok()
    master = console.receive()
    conversation(master, "", r'"winsize": ?\[21, ?43\]')
    os.close(master)


@pytest.mark.parametrize("known", [False, True])
def test_size_of_the_terminal_of_start(box, console, term, known):
    """An engine's user sits at the terminal that `start` is given, and the engine is late with its size."""
    box.process["terminal"] = True
    box.args("pause").create("--console-socket", console.path).ok()
    master = console.receive()
    if known:       # and now it is not late
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 11, 22, 0, 0))
    term.resize(33, 44)
    p = box.orlop.popen("start", box.id, **term.stdio())
    assert box.orlop.finish(p).rc == 0
    size = struct.unpack("HHHH", fcntl.ioctl(master, termios.TIOCGWINSZ, b"\0" * 8))[:2]
    assert size == ((11, 22) if known else (33, 44))
    os.close(master)


def test_no_size_of_a_start_without_terminal(box, console):
    box.process["terminal"] = True
    box.args("pause").create("--console-socket", console.path).ok()
    master = console.receive()
    box.start().ok()
    assert fcntl.ioctl(master, termios.TIOCGWINSZ, b"\0" * 8) == b"\0" * 8
    os.close(master)


def test_console_socket_with_a_long_path(shell, tmp):
    """Longer than sun_path, 108 bytes."""
    directory = f"{tmp}/{'d' * 120}"
    os.mkdir(directory)
    here = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.chdir(directory)
        c = Console("console.sock")
    finally:
        os.fchdir(here)
        os.close(here)
    shell.run("--detach", "--console-socket", f"{directory}/console.sock").ok()
    os.close(c.receive())
    c.socket.close()
    shell.wait_stopped()


@pytest.mark.case("T97")
def test_errors(box, orlop, console, tmp):
    """Each before anything is made."""
    box.process["terminal"] = True
    box.refused("/process/terminal", "--console-socket")
    box.write()
    orlop("run", "--detach", "--bundle", box.bundle, "x").failed("/process/terminal",
                                                                "--console-socket")
    for path, words in ((f"{tmp}/nowhere", "No such file"), ("/etc/passwd", "refused"),
                        (tmp, "refused"), (f"{tmp}/{'x' * 300}", "File name too long")):
        orlop("create", "--bundle", box.bundle, "--console-socket", path, "x").failed(path, words)
    os.mkfifo(f"{tmp}/fifo")
    took, r = timed(orlop, "create", "--bundle", box.bundle, "--console-socket", f"{tmp}/fifo", "x")
    r.failed("refused")
    assert took < deadline(2)
    box.process["terminal"] = False
    box.write()
    orlop("create", "--bundle", box.bundle, "--console-socket", console.path, "x").failed(
        "--console-socket", "/process/terminal")
    console.nothing()
    assert orlop.ids() == []


def test_exec_errors(box, orlop, console):
    box.up()
    orlop("exec", "--tty", "--detach", box.id, conf.PROBE).failed("--console-socket")
    orlop("exec", "--console-socket", console.path, box.id, conf.PROBE).failed("--console-socket")
    orlop("exec", "--tty", "--detach", "--console-socket", "/nonexistent", box.id,
          conf.PROBE).failed("/nonexistent")
    console.nothing()
    assert box.status() == "running"


@pytest.mark.parametrize("verb", ["create", "run", "exec"])
def test_no_connection_without_a_terminal(box, console, verb):
    """conmon takes a connection that ends without a terminal for the end of everything, and reads no error."""
    if verb == "exec":
        box.up()
        r = box.orlop("exec", "--tty", "--detach", "--console-socket", console.path, box.id, "nosuch")
    else:
        box.process["terminal"] = True
        box.args().write()
        box.process["args"] = ["nosuch"]
        box.write()
        options = ["--detach"] if verb == "run" else []
        r = box.orlop(verb, *options, "--bundle", box.bundle, "--console-socket", console.path, box.id)
    r.failed("nosuch", "not found")
    console.nothing()


def test_console_socket_that_nobody_listens_to(box, tmp):
    s = socket.socket(socket.AF_UNIX)
    s.bind(f"{tmp}/deaf")
    box.process["terminal"] = True
    box.args("pause").write()
    box.orlop("create", "--bundle", box.bundle, "--console-socket", f"{tmp}/deaf", box.id).failed(f"{tmp}/deaf", "refused")
    s.close()
    assert box.orlop.ids() == []


@pytest.mark.case("T97")
@pytest.mark.parametrize("peer", ["never accepts", "never reads", "talks back", "hangs up"])
def test_console_socket_peer(shell, tmp, peer):
    """T97: an odd engine cannot make us wait, nor change what we do."""
    c = Console(f"{tmp}/odd.sock")
    p = shell.orlop
    shell.write()
    late = ["strace", "-qq", "-o", "/dev/null", "-e", "trace=sendmsg", "-e", "inject=sendmsg:delay_enter=300000"]
    proc = p.popen("create", "--bundle", shell.bundle, "--console-socket", c.path, shell.id,
                   wrap=late if peer == "hangs up" else [])
    conn = None
    if peer != "never accepts":
        conn = c.socket.accept()[0]
        if peer == "talks back":
            with contextlib.suppress(OSError):  # it may be closed already
                conn.sendall(b"\0" * 65536)
        if peer == "hangs up":
            conn.close()
    r = p.finish(proc, 10)
    if peer == "hangs up":
        r.failed("terminal")
        assert p.ids() == []
    else:
        r.ok()
        assert shell.status() == "created"
        shell.delete("--force").ok()
    if conn:
        conn.close()
    c.socket.close()


# ---- hostile images and payloads ---------------------------------------------------------------


@pytest.mark.case("T95")
@pytest.mark.parametrize("verb", ["run", "exec"])
def test_no_typing_into_the_callers_terminal(box, term, verb):
    """T95: without a terminal of its own the program is in another session than the caller's."""
    legacy = "/proc/sys/dev/tty/legacy_tiocsti"  # else the kernel refuses whatever we do
    if host.IN_VM:
        with open(legacy, "w") as f:
            f.write("1")
    elif os.path.exists(legacy) and kernel.read(legacy).strip() != "1":
        pytest.skip("legacy_tiocsti is 0")
    commands = ["tiocsti", "touch marker\n", ",", "tioclinux", "3", ",", "state"]
    if verb == "run":
        box.args(*commands)
        term.start(box)
    else:
        box.up()
        term.p = box.orlop.popen("exec", box.id, conf.PROBE, *commands, **term.stdio())
    seen = json.loads(term.expect(r"(?s)\{.*\}\r\n")[0])
    box.orlop.finish(term.p).ok()
    assert seen["dev_tty"] == "ENXIO" and seen["fds"][0]["tty"], "it has the terminal on fd 0"
    assert seen["results"][0]["errno"] in ("EPERM", "EIO"), seen["results"]
    assert seen["results"][1]["ret"] == -1
    queued = struct.unpack("i", fcntl.ioctl(term.slave, termios.FIONREAD, b"\0" * 4))[0]
    assert queued == 0, "something was typed into our terminal"


@pytest.mark.case("T96")
@pytest.mark.parametrize("kind", ["regular", "zero", "link", "other multiplexer", "nothing"])
def test_hostile_ptmx(box, canary, kind):
    """T96: only the multiplexer in a devpts that was mounted for the container is used."""
    box.process["terminal"] = True
    box.mounts[:] = [m for m in box.mounts if not m["destination"].startswith("/dev")]
    pts = f"{box.rootfs}/dev/pts"
    os.mkdir(pts)
    if kind == "regular":
        box.file("/dev/pts/ptmx")
    elif kind == "zero":
        os.mknod(f"{pts}/ptmx", 0o666 | 0o020000, os.makedev(1, 5))
    elif kind == "other multiplexer":
        os.mknod(f"{pts}/ptmx", 0o666 | 0o020000, os.makedev(5, 2))
    elif kind == "link":
        os.symlink(f"{canary.path}/dev/ptmx", f"{pts}/ptmx")
    r = box.run()
    r.failed("/dev/pts", "devpts")
    assert box.orlop.ids() == []


@pytest.mark.case("T06")
@pytest.mark.parametrize("kind", ["link", "file", "missing"])
def test_hostile_console(box, canary, kind):
    """T06: /dev/console of the image is covered, never followed."""
    box.process["terminal"] = True
    box.mounts[:] = [m for m in box.mounts if m["destination"] not in ("/dev", "/dev/shm",
                                                                      "/dev/mqueue")]
    if kind == "link":
        os.symlink(f"{canary.path}/dev/console", f"{box.rootfs}/dev/console")
    elif kind == "file":
        box.file("/dev/console", "mine")
    r = box.run()
    if r.rc == 0:
        assert '"dev_tty": "open"' in r.out or '"dev_tty":"open"' in r.out
    else:
        r.failed("/dev/console")
    if kind == "file":
        assert kernel.read(f"{box.rootfs}/dev/console") == "mine"


@pytest.mark.case("T96")
def test_exec_after_init_covered_devpts(shell):
    """T96: whatever init has put on /dev/pts, it does not become our terminal."""
    shell.process["terminal"] = False
    conf.set_caps(shell.process, conf.ALL_CAPS)
    shell.up()
    shell.orlop("exec", "--cap", "CAP_SYS_ADMIN", shell.id, "/bin/mount", "-t", "tmpfs", "none",
                "/dev/pts").ok()
    shell.orlop("exec", "--tty", shell.id, "/bin/tty").failed("devpts")
    assert shell.status() == "running"


@pytest.mark.case("T96")
def test_exec_after_init_made_a_devpts_of_its_own(shell):
    """The kernel takes a ptmx node for that of the devpts `pts` beside it: init would hold both ends of our terminal."""
    shell.process["terminal"] = False
    conf.set_caps(shell.process, conf.ALL_CAPS)
    shell.up()
    for args in (["mount", "-t", "tmpfs", "none", "/dev/pts"], ["mkdir", "/dev/pts/pts"],
                 ["mount", "-t", "devpts", "-o", "newinstance,ptmxmode=0666", "none", "/dev/pts/pts"],
                 ["mknod", "/dev/pts/ptmx", "c", "5", "2"]):
        shell.orlop("exec", "--cap", "CAP_SYS_ADMIN", shell.id, "/bin/busybox", *args).ok()
    shell.orlop("exec", "--tty", shell.id, "/bin/tty").failed("devpts")
