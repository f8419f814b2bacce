# SPDX-License-Identifier: GPL-2.0-or-later
"""
What a container could get hold of: descriptors, memory and binary of the runtime, code and files of
the image that the runtime reads.  T30 to T41.
"""
import errno
import hashlib
import json
import os
import shutil
import socket
import stat
import subprocess

import pytest
from lib import kernel
from lib.box import PROGRAM, deadline, stop
from lib.config import set_caps

pytestmark = [pytest.mark.kernel, pytest.mark.one_vm]


@pytest.fixture
def leaks(tmp):
    """Descriptors that a careless caller leaves open: number -> descriptor."""
    with open(f"{tmp}/writable", "w") as f:
        f.write("host")
    a, b = socket.socketpair()
    fds = [os.open("/", os.O_RDONLY), os.open("/etc", os.O_PATH), os.open(f"{tmp}/writable", os.O_RDWR), a.detach()]
    yield {n: fds[n % 4] for n in range(3, 41)}
    for fd in fds:
        os.close(fd)
    b.close()


def numbers(seen):
    return [f["fd"] for f in seen["fds"]]


# ---- T30

def test_T30_leaked_descriptors_run_and_exec(box, leaks):
    assert numbers(box.probe(fds=leaks)) == [0, 1, 2]
    box.args("pause").create(fds=leaks).ok()
    assert numbers(box.exec(fds=leaks).json()) == [0, 1, 2]  # in a created container
    box.start(fds=leaks).ok()
    assert numbers(box.exec(fds=leaks).json()) == [0, 1, 2]
    assert sorted(os.listdir(f"/proc/{box.pid}/fd")) == ["0", "1", "2"]


@pytest.mark.parametrize("number", [4, 8, 9, 12, 40])
def test_T30_program_through_a_leaked_descriptor(box, leaks, number):
    fds = {n: leaks[4] for n in leaks}  # all of them are "/"
    for path in (f"/proc/self/fd/{number}/bin/true", f"/proc/1/fd/{number}/bin/true"):
        box.process["args"] = [path]
        for run in (False, True):  # a number may be one of our pipes
            r = box.refused("exec", "/process/args/0", run=run, fds=fds)
            assert "no such file" in r.err or "not a directory" in r.err
    os.symlink(f"/proc/self/fd/{number}/bin/true", f"{box.rootfs}/bin/link")
    box.process["args"] = ["/bin/link"]
    box.refused("/process/args/0", fds=fds)


def test_T30_exec_through_a_leaked_descriptor(box, leaks):
    box.up()
    fds = {n: leaks[4] for n in leaks}
    for number in (4, 9, 20):
        box.exec("--", f"/proc/self/fd/{number}/bin/true", fds=fds).failed("no such file")


# ---- T31

def test_T31_waiting_init_holds_nothing_of_the_host(box, leaks):
    box.args("pause").create(fds=leaks).ok()
    directory = f"/proc/{box.pid}/fd"

    def others():
        return {n: os.readlink(f"{directory}/{n}") for n in os.listdir(directory) if int(n) > 2}
    # its end of the conversation it closes once it was let go, which is when `create` ends
    kernel.until(lambda: not [link for link in others().values() if link.startswith("socket:")])
    found = others()
    assert {stat.S_IFMT(os.stat(f"{directory}/{n}").st_mode) for n in found} == {stat.S_IFIFO}, found
    assert len(found) == 2  # the start gate and its answer
    assert os.readlink(f"/proc/{box.pid}/cwd") == "/"
    assert os.readlink(f"/proc/{box.pid}/root") == "/"
    assert os.stat(f"/proc/{box.pid}/root").st_ino == os.stat(box.rootfs).st_ino


def test_T31_descriptors_with_pidfd_socket(box, tmp):
    """No copy of what was sent stays, and the pidfd is init's."""
    path = f"{tmp}/pidfd.sock"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
        s.listen(1)
        p = box.orlop.popen("run", "--bundle", box.bundle, "--pidfd-socket", path, box.id) \
            if not box.args("pause").write() else None
        c, _ = s.accept()
        data, fds, _, _ = socket.recv_fds(c, 100, 4)
        assert data == b"standard" and len(fds) == 1
        info = kernel.read(f"/proc/self/fdinfo/{fds[0]}")
        kernel.until(lambda: box.status() == "running")
        assert f"Pid:\t{box.state()['pid']}\n" in info
        os.close(fds[0])
        assert numbers(box.exec().json()) == [0, 1, 2]
        c.close()
        box.kill("KILL").ok()
        box.orlop.finish(p)


# ---- T32

LISTEN = ["7", "0", "-1", "1000000", "99999999999", "3 x", ""]


@pytest.mark.parametrize("count", LISTEN)
@pytest.mark.parametrize("pid", ["unset", "other", "ours"])
def test_T32_listen_fds(box, leaks, count, pid):
    """Only a valid number for our own pid is taken, and only when all of them are open."""
    box.args().write()
    env = {**box.orlop.env, "LISTEN_FDS": count, "LISTEN_FDNAMES": "web::x y"}
    wrap = []
    if pid == "other":
        env["LISTEN_PID"] = "1"
    elif pid == "ours":
        wrap = ["sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh"]
    r = box.run(env=env, wrap=wrap, fds=leaks)
    seen, passed = r.json(), count == "7" and pid == "ours"
    assert ("is not handed on" in r.err) == (pid == "ours" and count not in ("7", "0")), r
    assert numbers(seen) == [0, 1, 2, *(range(3, 10) if passed else [])]
    assert [e for e in seen["env"] if e.startswith("LISTEN_")] == (
        ["LISTEN_PID=1", "LISTEN_FDS=7", "LISTEN_FDNAMES=web::x y"] if passed else [])


def test_T32_not_all_open(box):
    fd = os.open("/dev/null", os.O_RDONLY)
    wrap = ["sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh"]
    seen = box.args().run(env={**box.orlop.env, "LISTEN_FDS": "3"}, wrap=wrap, fds={3: fd, 4: fd}).json()
    os.close(fd)
    assert numbers(seen) == [0, 1, 2] and not [e for e in seen["env"] if e.startswith("LISTEN_")]


def test_T32_exec_takes_none(box, leaks):
    box.up()
    wrap = ["sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh"]
    seen = box.exec(env={**box.orlop.env, "LISTEN_FDS": "2"}, wrap=wrap, fds=leaks).json()
    assert numbers(seen) == [0, 1, 2] and not [e for e in seen["env"] if e.startswith("LISTEN_")]


# ---- T33

@pytest.mark.parametrize("count", ["-1", "2147483648", "99999999999999999999", "x", "", "1 ", "0x1", "70000"])
def test_T33_preserve_fds_that_is_no_number(box, count):
    box.args("pause").write()
    box.orlop("create", "-b", box.bundle, f"--preserve-fds={count}", box.id).failed("preserve-fds")
    assert box.orlop.ids() == []


def test_T33_more_than_open(box, leaks):
    box.args("pause").write()
    box.orlop("create", "-b", box.bundle, "--preserve-fds", "100", box.id, fds=leaks).failed("descriptor 102")


def test_T33_our_own_descriptors_never_land_in_the_range(box, tmp):
    """The log file is opened first, and gets number 3 when the caller left that free."""
    box.args().write()
    r = box.orlop("--log", f"{tmp}/log", "run", "-b", box.bundle, "--preserve-fds", "1", box.id)
    r.failed("descriptor 3")


def test_T33_exactly_those(box, leaks):
    fds = {n: leaks[3] for n in range(3, 200)}
    seen = box.probe("--preserve-fds", "100", fds=fds)
    assert numbers(seen) == list(range(103))
    assert {f["ino"] for f in seen["fds"][3:]} == {os.fstat(leaks[3]).st_ino}


def test_T33_preserve_fds_of_exec(box, leaks):
    box.up()
    seen = box.exec("--preserve-fds", "2", fds=leaks).json()
    assert numbers(seen) == [0, 1, 2, 3, 4]


# ---- T34

@pytest.fixture
def copy(tmp):
    """A copy of the program, and what must stay as it is."""
    path = f"{tmp}/program"
    shutil.copy(PROGRAM, path)

    def fingerprint():
        st = os.stat(path)
        with open(path, "rb") as f:
            return st.st_ino, st.st_size, st.st_mtime_ns, st.st_mode, hashlib.sha256(f.read()).hexdigest()
    before = fingerprint()
    yield path
    assert fingerprint() == before


@pytest.mark.parametrize("way", ["script", "link", "direct"])
def test_T34_the_image_executes_our_binary(box, copy, way):
    """CVE-2019-5736: the entry point leads to the runtime's own executable."""
    if way == "script":
        box.file("bin/entry", "#!/proc/self/exe\n", 0o755)
    elif way == "link":
        os.symlink("/proc/self/exe", f"{box.rootfs}/bin/entry")
    box.process["args"] = ["/bin/entry" if way != "direct" else "/proc/self/exe", "--version"]
    set_caps(box.process, ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_SYS_PTRACE"])
    r = box.run(program=copy)
    assert r.rc in (0, 1, 255)


def test_T34_overwrite_through_proc(box, copy):
    """A privileged process keeps opening the executables of all who enter, for writing."""
    set_caps(box.process, ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_SYS_ADMIN", "CAP_DAC_READ_SEARCH"])
    box.args("overwrite", deadline(2))
    box.create(program=copy).ok()
    box.start(program=copy).ok()
    for _ in range(30):
        r = box.exec("--", "exit", "0", program=copy)
        if r.rc != 0:
            break
    kernel.until(lambda: box.output(), timeout=deadline(10))
    result = json.loads(box.output())["results"][0]
    assert result["seen"] > 0  # it did get at them
    # what it could write to is the probe of the image, never the program: the fixture compares
    with open(copy, "r+b"):
        pass  # ETXTBSY would tell of a process that is still there


def test_T34_executable_of_visible_processes_cannot_be_written(box, tmp):
    """Seen from outside while init waits: a read-only mount, or a sealed file."""
    box.args("pause").create().ok()
    exe = f"/proc/{box.pid}/exe"
    with pytest.raises(OSError) as e:
        os.close(os.open(exe, os.O_WRONLY))
    assert e.value.errno in (26, 30, 1, 13)  # ETXTBSY, EROFS, EPERM, EACCES
    fd = os.open(exe, os.O_RDONLY)
    readonly = bool(os.fstatvfs(fd).f_flag & os.ST_RDONLY)
    os.close(fd)
    assert readonly or "memfd" in os.readlink(exe)


def nothing_writable_is_mapped(pid):
    """Of the program that a process executes: neither its own name of it, nor what it has mapped."""
    exe, files = os.stat(f"/proc/{pid}/exe"), 0
    for name in (f"/proc/{pid}/exe", *(f"/proc/{pid}/map_files/{n}" for n in os.listdir(f"/proc/{pid}/map_files"))):
        st = os.stat(name)
        if (st.st_dev, st.st_ino) != (exe.st_dev, exe.st_ino):
            continue
        files += 1
        fd = os.open(name, os.O_RDONLY)
        assert os.fstatvfs(fd).f_flag & os.ST_RDONLY, name
        os.close(fd)
        with pytest.raises(OSError) as e:
            os.close(os.open(name, os.O_WRONLY))
        assert e.value.errno in (errno.EROFS, errno.ETXTBSY), name
    assert files > 3


def test_T34_what_is_mapped_cannot_be_written(box):
    box.args("pause").create().ok()
    nothing_writable_is_mapped(box.pid)


FAIL_ONCE = ["openat", "fstatfs", "open_tree", "mount_setattr", "openat:2", "openat:3", "mmap", "mmap:2", "mmap:4", "brk", "prctl",
             "fstatfs:2", "prctl execveat"]


@pytest.mark.parametrize("calls", FAIL_ONCE)
def test_T34_what_fails_once_is_tried_again(box, tmp, calls):
    """The program's entry tries it before the C library begins; that it failed there changes nothing."""
    wrap = ["strace", "-qq", "-o", f"{tmp}/trace"]
    for word in calls.split():
        call, _, when = word.partition(":")
        wrap += ["-e", f"inject={call}:error=EPERM:when={when or 1}"]
    box.args("pause").create(wrap=wrap).ok()
    assert kernel.read(f"{tmp}/trace").count("INJECTED") == len(calls.split())
    nothing_writable_is_mapped(box.pid)


def test_T34_once_is_enough(make_box, tmp):
    """Who may tell the kernel another name of what it executes need not execute it again; it tells the rest as it was."""
    seen = {}
    for name, more in {"once": [], "twice": ["-e", "inject=prctl:error=EPERM:when=1"]}.items():
        box = make_box()
        box.args("pause").create(wrap=["strace", "-qq", "-o", f"{tmp}/{name}", "-e", "trace=execve,execveat,prctl", *more]).ok()
        fields = [int(f) for f in kernel.stat_fields(box.pid)[1:]]
        code, data, arguments, environment = ([fields[n - 4] for n in pair] for pair in ((26, 27), (45, 46), (48, 49), (50, 51)))
        seen[name] = [end - start for start, end in (code, data, arguments, environment)] + [data[0] - code[0]]
        assert fields[28 - 4] and fields[47 - 4] and arguments[1] == environment[0]
    assert [kernel.read(f"{tmp}/{name}").count("execve") for name in seen] == [1, 2]
    assert seen["once"] == seen["twice"] and min(seen["once"]) > 0


def test_T34_file_capabilities_are_refused_at_the_entry(box, tmp):
    """AT_SECURE: nothing is executed again with the powers of the file."""
    program, setgid = f"{tmp}/setgid", 0o2755
    shutil.copy(PROGRAM, program)
    os.chown(program, 0, 4)
    os.chmod(program, setgid)
    r = box.orlop("run", "x", program=program, wrap=["strace", "-qq", "-f", "-o", f"{tmp}/trace", "-u", "nobody"])
    trace = kernel.read(f"{tmp}/trace")
    assert r.rc != 0 and "execveat" not in trace, trace


def test_T34_program_on_a_read_only_mount(box, tmp):
    os.mkdir(f"{tmp}/ro")
    shutil.copy(PROGRAM, f"{tmp}/ro/orlop")
    kernel.mount(f"{tmp}/ro", f"{tmp}/ro", None, kernel.MS["bind"])
    kernel.mount(None, f"{tmp}/ro", None, kernel.MS["bind"] | kernel.MS["remount"] | kernel.MS["ro"])
    try:
        box.args("exit", 0).run(program=f"{tmp}/ro/orlop").ok()
        box.up(program=f"{tmp}/ro/orlop")
        box.exec(program=f"{tmp}/ro/orlop").ok()
        box.orlop.clean()
    finally:
        kernel.umount(f"{tmp}/ro")


# ---- T36

def test_T36_waiting_init_shows_nothing_of_the_caller(box):
    env = {**box.orlop.env, "SECRET": "sesame", "XDG_RUNTIME_DIR": "/run/secret-user"}
    box.args("pause").create(env=env).ok()
    for name in ("environ", "cmdline", "comm"):
        text = kernel.read(f"/proc/{box.pid}/{name}")
        for word in ("sesame", "secret", box.bundle, box.orlop.root, box.id, "/tmp/", PROGRAM):
            assert word not in text, (name, text)


def test_T36_neighbour_in_the_pod_sees_nothing(make_box):
    one, two = make_box(), make_box()
    one.args("pause").create(env={**one.orlop.env, "SECRET": "sesame"}).ok()
    two.linux["namespaces"] = [n for n in two.linux["namespaces"] if n["type"] != "pid"] + [
        {"type": "pid", "path": f"/proc/{one.pid}/ns/pid"}]
    set_caps(two.process, ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"])
    r = two.probe(commands=["open", "/proc/1/environ", "r", ",", "open", "/proc/1/cmdline", "r"])["results"]
    for x in r:
        assert "sesame" not in x.get("text", "") and one.bundle not in x.get("text", "")


def test_T36_environment_of_the_payload_is_the_configs(box):
    ours = {"XDG_RUNTIME_DIR": "/x", "NOTIFY_SOCKET": "/x", "LD_LIBRARY_PATH": "/x", "LISTEN_FDS": "1", "ORLOP_X": "1",
            "SECRET": "x"}
    assert box.probe(env={**box.orlop.env, **ours})["env"] == ["PATH=/bin", "TERM=xterm", "HOME=/"]


# ---- T38

@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 2), (0, 1, 2)])
def test_T38_closed_standard_streams(box, closed):
    """They become /dev/null, never something that we opened."""
    box.args("pause").create(fds=dict.fromkeys(closed)).ok()
    box.start(fds=dict.fromkeys(closed)).ok()
    for n in closed:
        assert os.path.lexists(f"/proc/{box.pid}/fd/{n}")
        st = os.stat(f"/proc/{box.pid}/fd/{n}")
        assert stat.S_ISCHR(st.st_mode) and st.st_rdev == os.makedev(1, 3)
    assert sorted(os.listdir(f"/proc/{box.pid}/fd")) == ["0", "1", "2"]
    assert box.orlop("state", box.id, fds=dict.fromkeys(closed)).rc in (0, 1)
    box.exec("--", "exit", "0", fds=dict.fromkeys(closed)).ok()


# ---- T39

def test_T39_owner_and_mode_of_host_files_stay(box, tmp):
    box.process["user"] = {"uid": 1000, "gid": 1000}
    out = f"{tmp}/out"
    with open(out, "w") as f:
        os.chmod(out, 0o600)
        full = open("/dev/full", "w")  # noqa: SIM115
        before = os.fstat(f.fileno()), os.stat("/dev/full"), os.stat("/dev/null")
        box.args().run(stdout=f, stderr=full).ok()
        full.close()
        after = os.fstat(f.fileno()), os.stat("/dev/full"), os.stat("/dev/null")
    for x, y in zip(before, after):
        assert (x.st_uid, x.st_gid, x.st_mode, x.st_ino) == (y.st_uid, y.st_gid, y.st_mode, y.st_ino)
    assert json.loads(kernel.read(out))["uids"] == [1000] * 4


def test_T39_pipes_are_given_to_the_user(box):
    """So that it can open /dev/stdout."""
    box.process["user"] = {"uid": 1000, "gid": 1000}
    r, w = os.pipe()
    p = box.args("open", "/dev/stdout", "w").start_run(stdout=w)
    os.close(w)
    text = os.read(r, 4096)
    p.wait()
    os.close(r)
    assert json.loads(text)["results"][0]["ret"] == 0


# ---- T40

def test_T40_no_code_of_the_image(box, tmp):
    """Nothing is loaded or looked up below the container's root but the program and passwd."""
    for name in ("lib/libgcc_s.so.1", "lib64/libnss_files.so.2", "lib/x86_64-linux-gnu/libnss_files.so.2",
                 "usr/lib/gconv/gconv-modules", "usr/lib/locale/locale-archive"):
        box.file(name, "not code", 0o755)
    box.file("etc/ld.so.preload", "/lib/evil.so\n")
    box.file("etc/nsswitch.conf", "passwd: evil\n")
    box.file("etc/passwd", "root:x:0:0::/root:/bin/sh\n")
    trace = f"{tmp}/trace"
    box.args("exit", 0).run(wrap=["strace", "-f", "-o", trace, "-e", "trace=openat,openat2,open,mmap"]).ok()
    text = kernel.read(trace)
    assert "etc/passwd" in text  # the trace does show what is looked up
    for word in (".so", "nsswitch", "gconv", "locale", "ld.so", "/etc/group", "localtime", "zoneinfo"):
        assert word not in text, [x for x in text.splitlines() if word in x]




# ---- T41

def sparse(path, size):
    with open(path, "w") as f:
        f.truncate(size)


HOSTILE_PASSWD = {
    "fifo": os.mkfifo,
    "zero": lambda p: os.mknod(p, stat.S_IFCHR | 0o666, os.makedev(1, 5)),
    "directory": os.mkdir,
    "stdin": lambda p: os.symlink("/proc/self/fd/0", p),
    "outside": lambda p: os.symlink("/../../../../etc/passwd", p),
    "loop": lambda p: os.symlink("passwd", p),
    "sparse": lambda p: sparse(p, 2 << 30),
    "long line": lambda p: open(p, "w").write("x" * (3 << 20)),
    "nul": lambda p: open(p, "w").write("a:x:1000:\0:0:/nul:\n"),
    "socket": lambda p: os.mknod(p, stat.S_IFSOCK | 0o666),
}


@pytest.mark.parametrize("kind", HOSTILE_PASSWD)
def test_T41_hostile_passwd(box, kind):
    HOSTILE_PASSWD[kind](f"{box.rootfs}/etc/passwd")
    box.process["user"] = {"uid": 1000, "gid": 1000}
    r, w = os.pipe()  # a stdin that never ends
    seen = box.probe(timeout=2, stdin=r)
    os.close(r)
    os.close(w)
    assert "HOME=/" in seen["env"]
    box.up()
    assert "HOME=/" in box.exec(timeout=2).json()["env"]


@pytest.mark.parametrize("uid", ["4294968296", "-1", "0x3e8", " 1000", "1000x", "+1000", "1000 ", ""])
def test_T41_number_that_is_none(box, uid):
    box.file("etc/passwd", f"a:x:{uid}:0:0:/wrong:/bin/sh\n")
    box.process["user"] = {"uid": 1000, "gid": 1000}
    assert "HOME=/" in box.probe()["env"]


def test_T41_first_exact_match(box):
    box.file("etc/passwd", "b:x:10000:0:0:/no:\na:x:1000:0:0:/first:\nc:x:1000:0:0:/second:\n")
    box.process["user"] = {"uid": 1000, "gid": 1000}
    assert "HOME=/first" in box.probe()["env"]


def test_T41_memory(box, tmp):
    """A huge passwd does not become memory of ours."""
    with open(f"{box.rootfs}/etc/passwd", "w") as f:
        f.write("a:x:5:0:0:/h:\n" * 200000)
    time = f"{tmp}/time"
    p = subprocess.run([*box.orlop.argv("run", "-b", box.bundle, box.id)] if not box.args("exit", 0).write() else [],
                       stdin=subprocess.DEVNULL, capture_output=True, preexec_fn=lambda: _limit_memory())
    assert p.returncode == 0, (p, time)


def _limit_memory():
    import resource
    resource.setrlimit(resource.RLIMIT_DATA, (32 << 20, 32 << 20))


def test_T41_control_a_reader_would_hang(box):
    """The FIFO of the test above does block whoever opens it in the ordinary way."""
    os.mkfifo(f"{box.rootfs}/etc/passwd")
    p = subprocess.Popen(["cat", f"{box.rootfs}/etc/passwd"], stdout=subprocess.DEVNULL)
    with pytest.raises(subprocess.TimeoutExpired):
        p.wait(0.3)
    stop(p)
