# SPDX-License-Identifier: GPL-2.0-or-later
"""Running the program: Orlop is one caller with a state directory, Box one bundle and container."""
import fcntl
import json
import os
import shutil
import signal
import subprocess
import time

from . import config as conf
from . import host, kernel

PROGRAM = os.path.realpath(os.environ.get("ORLOP", "./orlop"))
BIN = os.path.realpath(os.environ.get("ORLOP_TEST_BIN", "./tests/system/probe"))


def use_copies(directory):
    """In the virtual machine the build lies on a file system of the outside, where all is slow."""
    global PROGRAM, BIN
    if not host.IN_VM:
        return
    os.mkdir(directory)
    PROGRAM = shutil.copy(PROGRAM, directory)
    BIN = shutil.copytree(BIN, f"{directory}/helpers", ignore=shutil.ignore_patterns("*.o"))


SLOW = 4 if host.IN_VM else 1  # emulated: everything takes longer


class Result:
    """How a command ended; `out` and `err` are str."""

    def __init__(self, argv, rc, out, err):
        self.argv, self.rc, self.out, self.err = argv, rc, out, err

    def __repr__(self):
        return f"<{' '.join(self.argv)}: {self.rc}\n out: {self.out[-3000:]}\n err: {self.err[-3000:]}>"

    def ok(self):
        assert self.rc == 0, self
        return self

    def failed(self, *words, rc=None):
        """It failed, with one line on stderr in which all `words` are."""
        rc = rc or (255 if "exec" in self.argv else 1)
        assert self.rc == rc, self
        assert self.err.count("\n") == 1, self
        for w in words:
            assert w.lower() in self.err.lower(), (w, self)
        return self

    def json(self):
        self.ok()
        return json.loads(self.out)


class Orlop:
    """Calls the program as an engine would: with --root, a timeout, and output in files."""

    def __init__(self, tmp):
        self.tmp, self.root = tmp, f"{tmp}/state"
        self.program = None  # another build than PROGRAM
        self.options = []  # global ones of every command
        self.n = 0
        self.env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                    **{k: v for k, v in os.environ.items() if k in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "ORLOP_MUTATE")}}
        self.boxes = []

    def argv(self, *args, program=None):
        return [program or self.program or PROGRAM, "--root", self.root, *self.options, *args]

    def popen(self, *args, wrap=(), stdout=None, stderr=None, stdin=subprocess.DEVNULL, env=None,
              program=None, fds=None, **kw):
        """
        Start a command; the caller waits. Output goes to files unless told otherwise. `fds` is
        {number it gets: our descriptor}, a number below 3 with None is closed.
        """
        self.n += 1
        if fds:
            first = kw.get("preexec_fn", lambda: None)
            kw.update(close_fds=False, preexec_fn=lambda: (first(), _place(fds)))
        argv = [*wrap, *self.argv(*args, program=program)]
        files = [open(f"{self.tmp}/{self.n}.{s}", "wb") if given is None else given
                 for s, given in (("out", stdout), ("err", stderr))]
        p = subprocess.Popen(argv, stdin=stdin, stdout=files[0], stderr=files[1],
                             env=self.env if env is None else env, **kw)
        for f, given in zip(files, (stdout, stderr)):
            if given is None:
                f.close()
        host.POPEN.add(p.pid)
        p.out_path, p.err_path = f"{self.tmp}/{self.n}.out", f"{self.tmp}/{self.n}.err"
        return p

    def finish(self, p, timeout=30):
        try:
            rc = p.wait(timeout * SLOW)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()
            raise AssertionError(f"no end after {timeout * SLOW} s: {p.args}, stderr: "
                                 f"{_text(p.err_path)}") from None
        host.POPEN.discard(p.pid)  # the number may come again
        return Result(p.args, rc, _text(p.out_path), _text(p.err_path))

    def __call__(self, *args, timeout=30, **kw):
        return self.finish(self.popen(*args, **kw), timeout)

    def v2_view(self):
        """A `wrap` for the above: a mount namespace with nothing but cgroup2 in /sys/fs/cgroup."""
        return ["unshare", "-m", "sh", "-ec",
                'umount -R /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup; exec "$@"', "sh"]

    def ids(self):
        return [i for i in os.listdir(self.root) if not i.startswith(".")] \
            if os.path.isdir(self.root) else []

    def clean(self):
        """Remove all containers by force, which must work whatever a test did."""
        if not self.root.startswith(self.tmp + "/"):
            self.root = f"{self.tmp}/state"
        for i in self.ids():
            self.delete_by_force(i).ok()

    def delete_by_force(self, id):
        p = self.popen("delete", "--force", id)
        while p.poll() is None:
            # the end of a pid namespace waits until what exec started there is collected
            host.reap()
            time.sleep(0.002)
        return self.finish(p)


def _place(fds):
    """In the child: descriptors to their numbers, out of each other's way first."""
    high = {n: fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 500) for n, fd in fds.items() if fd is not None}
    for n in fds:
        if n in high:
            os.dup2(high[n], n, inheritable=True)
        else:
            os.close(n)


def _text(path):
    try:
        return kernel.read(path)
    except FileNotFoundError:
        return ""


class Box:
    """A bundle with a rootfs that holds the probe, and the container made of it."""

    def __init__(self, orlop, id, busybox=False):
        self.orlop, self.id = orlop, id
        self.bundle = f"{orlop.tmp}/{id}"
        self.rootfs = f"{self.bundle}/rootfs"
        self.config = conf.default()
        self.process = self.config["process"]
        self.linux = self.config["linux"]
        self.mounts = self.config["mounts"]
        self.pid_file = f"{self.bundle}/pid"
        for d in ("bin", "dev", "proc", "sys", "tmp", "etc", "root"):
            os.makedirs(f"{self.rootfs}/{d}")
        os.chmod(f"{self.rootfs}/tmp", 0o1777)
        shutil.copy(f"{BIN}/probe", f"{self.rootfs}/bin/probe")
        if busybox:
            self.add_busybox()
        self.last = None

    def add_busybox(self):
        shutil.copy(shutil.which("busybox"), f"{self.rootfs}/bin/busybox")
        for applet in ("sh", "cat", "echo", "env", "id", "ls", "sleep", "true", "false", "kill", "dd"):
            os.symlink("busybox", f"{self.rootfs}/bin/{applet}")

    # ---- the bundle

    def write(self):
        # A test must never give the machine's own interface away: it would be cut off.
        linux = self.config.get("linux")
        for name in isinstance(linux, dict) and linux.get("netDevices") or {}:
            assert not os.path.exists(f"/sys/class/net/{name}/device"), f"{name} is a device of this machine"
        with open(f"{self.bundle}/config.json", "w") as f:
            json.dump(self.config, f, indent=1)

    def file(self, path, text="", mode=0o644):
        """A file in the rootfs; returns its host path."""
        p = f"{self.rootfs}/{path.lstrip('/')}"
        os.makedirs(os.path.dirname(p), exist_ok=True)
        with open(p, "w") as f:
            f.write(text)
        os.chmod(p, mode)
        return p

    def args(self, *args):
        """What the container runs: probe commands unless the first word is a path."""
        args = [str(a) for a in args]
        self.process["args"] = args if args and args[0].startswith("/") else [conf.PROBE, *args]
        return self

    # ---- verbs; each returns a Result

    def create(self, *options, **kw):
        timeout = kw.pop("timeout", 30)
        self.last = self.orlop.finish(self.start_create(*options, **kw), timeout)
        return self.last

    def start_create(self, *options, **kw):
        """`create` without waiting for its end: a Popen."""
        self.write()
        return self._popen("create", "--bundle", self.bundle, "--pid-file", self.pid_file, *options, self.id, **kw)

    def run(self, *options, **kw):
        self.write()
        r = self.last = self._with_output("run", "--bundle", self.bundle, *options, self.id, **kw)
        return r

    def start_run(self, *options, **kw):
        """`run` in the foreground without waiting for it: a Popen."""
        self.write()
        return self._popen("run", "--bundle", self.bundle, *options, self.id, **kw)

    def _popen(self, *args, **kw):
        p = self.orlop.popen(*args, **kw)
        self.out_path, self.err_path = p.out_path, p.err_path
        return p

    def _with_output(self, *args, timeout=30, **kw):
        return self.orlop.finish(self._popen(*args, **kw), timeout)

    def output(self):
        """What the container has written to its stdout so far."""
        return _text(self.out_path)

    def start(self, **kw):
        return self.orlop("start", self.id, **kw)

    def state(self, **kw):
        return self.orlop("state", self.id, **kw).json()

    def status(self):
        return self.state()["status"]

    def kill(self, *args, **kw):
        return self.orlop("kill", self.id, *map(str, args), **kw)

    def delete(self, *options, **kw):
        return self.orlop("delete", *options, self.id, **kw)

    def exec(self, *args, **kw):
        """exec OPTIONS... then the command after "--"; without it the probe."""
        args = [str(a) for a in args]
        at = args.index("--") if "--" in args else len(args)
        command = args[at + 1:] or [conf.PROBE]
        if not command[0].startswith("/"):
            command = [conf.PROBE, *command]
        return self.orlop("exec", *args[:at], self.id, *command, **kw)

    def exec_process(self, process, *options, **kw):
        path = f"{self.bundle}/process-{len(os.listdir(self.bundle))}.json"
        with open(path, "w") as f:
            json.dump(process, f)
        return self.orlop("exec", "--process", path, *options, self.id, **kw)

    # ---- combinations

    def probe(self, *options, commands=(), **kw):
        """Run the container in the foreground and return what the probe saw, as an object."""
        if commands or self.process["args"] == [conf.PROBE]:
            self.args(*commands)
        return self.run(*options, **kw).json()

    def attack(self, *command, **kw):
        """Run one probe command as the container; returns its result object."""
        return self.probe(commands=command, **kw)["results"][0]

    def up(self, *options, **kw):
        """Create and start a container that waits for signals; returns its pid on the host."""
        self.args("pause")
        self.create(*options, **kw).ok()
        self.start().ok()
        return self.pid

    @property
    def pid(self):
        return int(kernel.read(self.pid_file))

    def wait_stopped(self, timeout=15):
        kernel.until(lambda: self.status() == "stopped", timeout * SLOW, f"{self.id} has stopped")

    def refused(self, *words, run=False, **kw):
        """create (or run) fails with `words` in its message, and leaves no trace (T110)."""
        if os.path.exists(self.pid_file):
            os.unlink(self.pid_file)
        before = host.Snapshot()
        r = self.run(**kw) if run else self.create(**kw)
        r.failed(*words)
        assert r.out == "", r
        assert self.id not in self.orlop.ids(), r
        assert not os.path.exists(self.pid_file), r
        before.assert_same()
        return r


def stop(p):
    """End a Popen that is still there."""
    if p.poll() is None:
        p.send_signal(signal.SIGKILL)
        p.wait()


def deadline(seconds):
    """Seconds, longer where the machine is emulated."""
    return seconds * SLOW


def timed(f, *args, **kw):
    begin = time.monotonic()
    result = f(*args, **kw)
    return time.monotonic() - begin, result
