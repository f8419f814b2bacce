# SPDX-License-Identifier: GPL-2.0-or-later
"""What bench/run and bench/profile share: the programs, how one is started and measured, where."""
import collections
import glob
import json
import os
import resource
import shutil
import struct
import subprocess
import sys

import bundles as bundles_module
import filters
import peers

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
BUILD = os.path.join(TOP, "build/bench")


class Failed(Exception):
    pass


Answer = collections.namedtuple("Answer", "status ms kib calls cpu_ms faults switches migrations")
SIZE = struct.calcsize("<8q")


def ending(status):
    if os.WIFSIGNALED(status):
        return "killed by signal %d" % os.WTERMSIG(status)
    return "exit status %d" % os.WEXITSTATUS(status)


class Driver:
    """driver.c, started in a mount namespace with the libraries of the unpacked peers."""

    def __init__(self, cpu, libraries=None, prepare=""):
        where, source = libraries or (None, None)
        self.cpu = cpu
        script = prepare + ('mount --bind "%s" "%s" && ' % (source, where) if where else "")
        self.errors = os.path.join(BUILD, "errors-%d-%d" % (os.getpid(), id(self)))
        self.process = subprocess.Popen(
            ["unshare", "-m", "sh", "-ec", script + 'exec "$0" "$@"', BUILD + "/driver", str(cpu), self.errors],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)

    def ask(self, mode, argv, check=True):
        if os.path.exists(self.errors):
            os.truncate(self.errors, 0)
        text = b"".join(a.encode() + b"\0" for a in argv)
        self.process.stdin.write(mode + struct.pack("<I", len(text)) + text)
        reply = b""
        while len(reply) < SIZE:
            more = self.process.stdout.read(SIZE - len(reply))
            if not more:
                raise Failed("the driver has ended")
            reply += more
        status, ns, kib, calls, us, *counts = struct.unpack("<8q", reply)
        answer = Answer(status, ns / 1e6, kib, calls, us / 1e3, *counts)
        if check and status:
            raise Failed("%s: %s: %s" % (" ".join(argv), ending(status), self.said()[-500:] or "it said nothing"))
        return answer

    def pid(self):
        return self.process.pid     # unshare and sh have become the driver

    def said(self):
        """What the last program wrote to its standard error."""
        with open(self.errors, errors="replace") as f:
            return f.read().strip()

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        if os.path.exists(self.errors):
            os.unlink(self.errors)


# ---- what is measured ---------------------------------------------------------------------------

class Program:
    serial = 0
    top = "/run/orlop-bench-%d" % os.getpid()  # of the state roots

    def __init__(self, name, version, path):
        self.name, self.version, self.path = name, version, path
        self.label = "%s %s" % (name, version) if version else name
        self.root = os.path.join(self.top, name)

    def command(self, *words):
        return [self.path, "--root", self.root] + list(words)

    @staticmethod
    def new_id():
        Program.serial += 1
        return "bench%d-%d" % (os.getpid(), Program.serial)

    def command_for_run(self, bundle):
        return self.command("run", "--bundle", bundle, self.new_id())

    def run(self, driver, bundle, mode=b"t"):
        return driver.ask(mode, self.command_for_run(bundle))

    def create(self, driver, bundle):
        name = self.new_id()
        return name, driver.ask(b"t", self.command("create", "--bundle", bundle, name)).ms

    def start(self, driver, name):
        return driver.ask(b"t", self.command("start", name)).ms

    def delete(self, driver, name, check=True):
        return driver.ask(b"t", self.command("delete", "--force", name), check).ms

    def pid_of(self, name):
        state = subprocess.run(self.command("state", name), capture_output=True, check=True).stdout
        return json.loads(state)["pid"]

    def life(self, driver, bundle):
        name, ms = self.create(driver, bundle)
        try:
            ms += self.start(driver, name)
        except Failed:
            self.delete(driver, name, check=False)
            raise
        return ms + self.delete(driver, name)


class Floor(Program):
    def __init__(self, rootfs, filter_file):
        super().__init__("floor", "", BUILD + "/floor")
        self.rootfs, self.filter = rootfs, filter_file

    def command_for_exec(self, pid):
        """In the container of another program, as the floor keeps none."""
        with open("/proc/%d/cgroup" % pid) as f:
            path = next(line for line in f if line.startswith("0::")).strip()[len("0::"):]
        return [self.path, "exec", str(pid), "/sys/fs/cgroup" + path]

    def command_for_run(self, bundle):
        name = os.path.basename(bundle)
        kind = {"docker": "docker", "unseen": "docker", "nothing": "nothing"}.get(name, "default")
        return [self.path, kind, self.rootfs, "/sys/fs/cgroup/" + self.new_id(), self.filter]


# ---- starting -----------------------------------------------------------------------------------

def find_orlop(given):
    found = [given] if given else [p for p in [TOP + "/orlop"] + glob.glob(TOP + "/build/*/orlop") if os.path.exists(p)]
    if not found:
        raise SystemExit("bench: no orlop is built: run make, or name one with --orlop")
    return os.path.realpath(max(found, key=os.path.getmtime))


def install(path):
    """As it would be installed: stripped, and written in one go, which makes larger pages of its file."""
    target = BUILD + "/installed/orlop"
    os.makedirs(os.path.dirname(target), exist_ok=True)
    subprocess.run(["strip", "-o", target + ".new", path], check=True)
    with open(target + ".new", "rb") as f:
        content = f.read()
    os.unlink(target + ".new")
    with open(target, "wb") as f:
        os.fchmod(f.fileno(), 0o755)
        f.write(content)
    return target


def musl_flags(compiler):
    """(before, after) the source, to link it with musl as configure links orlop; headers of the kernel are the system's."""
    lib = next(iter(glob.glob("/usr/lib/*-linux-musl/libc.a") + glob.glob("/usr/*-linux-musl/lib*/libc.a") +
                    glob.glob("/usr/local/musl/lib/libc.a")), None)
    include = lib and next((d for d in (os.path.dirname(lib).replace("/lib/", "/include/"),
                                        os.path.dirname(os.path.dirname(lib)) + "/include") if os.path.exists(d + "/stdio.h")),
                           None)
    if not include:
        return None

    def say(word):
        return subprocess.run([compiler, word], capture_output=True, text=True, check=True).stdout.strip()
    where = os.path.dirname(lib)
    before = ["-nostdinc", "-isystem", include, "-isystem", say("-print-file-name=include"), "-idirafter", "/usr/include",
              "-idirafter", "/usr/include/" + say("-dumpmachine"), "-nostdlib", where + "/crt1.o", where + "/crti.o"]
    return before, [lib, "-lgcc", where + "/crtn.o"]


def build(orlop):
    """The floor has the C library of @orlop: what another one takes to start is not the kernel's work."""
    compiler = os.environ.get("CC", "cc")
    version = subprocess.run([orlop, "--version"], capture_output=True, text=True, check=True).stdout
    musl = musl_flags(compiler) if "C library: musl" in version else None
    if not musl and "C library: musl" in version:
        peers.warn("musl is missing: the floor is linked with another C library than orlop")
    for name, before, after in (("driver", [], []), ("floor", *(musl or ([], []))), ("loop", [], []), ("timed", [], []),
                                ("nothing", ["-nostdlib", "-fno-stack-protector"], [])):
        source, target = "%s/%s.c" % (HERE, name), "%s/%s" % (BUILD, name)
        command = [compiler, "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-static", *before, "-o", target,
                   source, *after]
        stamp = target + ".command"
        if os.path.exists(stamp) and os.path.getmtime(stamp) > os.path.getmtime(source) and \
                open(stamp).read() == " ".join(command):
            continue
        subprocess.run(command, check=True)
        with open(stamp, "w") as f:
            f.write(" ".join(command))


def enter_private_view():
    """Start again in a mount namespace where /sys/fs/cgroup is cgroup2 and nothing else, and where /run
    is a tmpfs: not every container that builds things has one, every host has."""
    script = 'umount -l /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup; mount -t tmpfs none /run; exec "$@"'
    os.environ["ORLOP_BENCH_INSIDE"] = "1"
    os.execvp("unshare", ["unshare", "-m", "--propagation", "private", "sh", "-ec", script, "sh", sys.executable,
                          os.path.abspath(sys.argv[0])] + sys.argv[1:])


def try_out(p, driver, bundles):
    """None, or why @p cannot run a container here, in its own words."""
    command = p.command_for_run(bundles.default)
    try:
        driver.ask(b"t", command)
    except Failed as e:
        if not isinstance(p, Floor):
            p.delete(driver, command[-1], check=False)
        return str(e)
    return None


def add_options(ap):
    ap.add_argument("--orlop", default=os.environ.get("ORLOP"), metavar="PATH",
                    help="the program to measure (default: $ORLOP, then the newest that is built here)")
    ap.add_argument("--peer", action="append", default=[], metavar="NAME=PATH",
                    help="one more runtime to compare with, with crun's and runc's command line; may be repeated")
    ap.add_argument("--suite", default="sid", help="Debian suite of the unpacked crun and runc (default: sid)")
    ap.add_argument("--no-fetch", action="store_true", help="compare only with what is installed")
    ap.add_argument("--cpu", type=int, default=max(os.sched_getaffinity(0)), help="where to pin (default: the last)")


class Session:
    """A private view of the host, with the programs that can run there and their bundles; a context."""

    def __init__(self, o):
        """@o: what add_options() reads."""
        self.o = o
        if os.geteuid() != 0:
            raise SystemExit("bench: needs root")
        os.makedirs(BUILD, exist_ok=True)
        if not os.environ.get("ORLOP_BENCH_INSIDE"):
            build(find_orlop(o.orlop))
            if not o.no_fetch:
                peers.fetch(BUILD, o.suite)
            enter_private_view()
        self.orlop_path = install(find_orlop(o.orlop))
        root = None if o.no_fetch else peers.fetch(BUILD, o.suite)
        found = peers.find(root, o.peer)
        self.libraries = None
        if root:
            self.libraries = (peers.library_directory(root), root + "/root" + peers.library_directory(root))
            peers.add_libraries(root, self.orlop_path)
        self.bundles = bundles_module.Bundles(BUILD, BUILD + "/bundles-%d" % os.getpid())
        self.processors = os.sched_getaffinity(0)
        self.others = self.processors - {o.cpu} or {o.cpu}
        os.sched_setaffinity(0, self.others)
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        self.programs, self.unusable = [], []
        self.candidates = [Floor(self.bundles.rootfs, self.bundles.compile_filter()),
                           Program("orlop", "", self.orlop_path)]
        for name, version, path in found:
            p = Program(name, version, path)
            if p.label in (c.label for c in self.candidates):
                p.label += " (%s)" % path
                p.root = os.path.join(p.top, str(len(self.candidates)))
            self.candidates.append(p)

    def __enter__(self):
        os.mkdir(Program.top, 0o711)
        driver = Driver(-1, self.libraries)
        for p in self.candidates:
            why = try_out(p, driver, self.bundles)
            if why is None:
                self.programs.append(p)
            elif p.name in ("floor", "orlop"):
                self.__exit__()
                raise SystemExit("bench: %s (%s) cannot run here: %s" % (p.label, p.path, why))
            else:
                self.unusable.append("%s (%s) cannot run here: %s" % (p.label, p.path, why))
                peers.warn(self.unusable[-1])
        self.shorten_filter(driver)
        driver.close()
        return self

    def shorten_filter(self, driver):
        """The floor installs the shortest program for the profile that is known, libseccomp's or ours."""
        try:
            ours = filters.of_runtime(self.programs[1], driver, self.bundles.docker_sleeping)
        except Failed as e:
            peers.warn(str(e))
            return
        floor = self.programs[0]
        if ours and len(ours) < os.path.getsize(floor.filter):
            with open(floor.filter, "wb") as f:
                f.write(ours)

    def __exit__(self, *_):
        shutil.rmtree(Program.top, ignore_errors=True)
        shutil.rmtree(self.bundles.top, ignore_errors=True)
        for left in glob.glob(BUILD + "/errors-%d-*" % os.getpid()):
            os.unlink(left)
