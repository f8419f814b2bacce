# SPDX-License-Identifier: GPL-2.0-or-later
"""
`checkpoint` and `restore`: a program that counts goes on counting, with all that its container had.  What CRIU is
asked, and what happens when it fails, is in test_checkpoint_requests.py.
"""
import json
import os
import shutil
import socket
import subprocess
import time

import pytest
from lib import host, kernel
from lib.box import deadline, stop

pytestmark = [pytest.mark.needs_criu, pytest.mark.kernel]

COUNT = "/bin/probe count /tmp/n"


class Counter:
    """A container that counts in /tmp/n of its root file system, and its images."""

    def __init__(self, box):
        self.box, self.orlop = box, box.orlop
        self.images, self.work = f"{box.bundle}/images", f"{box.bundle}/work"
        box.args("count", "/tmp/n")

    def n(self):
        path = f"{self.box.rootfs}/tmp/n"
        return int(kernel.read(path)) if os.path.exists(path) else 0

    def counts(self):
        """It does, from where it was on: the last number before."""
        before = self.n()
        kernel.until(lambda: self.n() > before + 2, deadline(10), "it counts")
        return before

    def up(self, *options, **kw):
        self.box.run("--detach", "--pid-file", self.box.pid_file, *options, **kw).ok()
        self.counts()
        return self.box.pid

    def checkpoint(self, *options, **kw):
        return self.orlop("checkpoint", "--image-path", self.images, "--work-path", self.work, *options, self.box.id,
                          timeout=60, **kw)

    def restore(self, *options, detach=True, **kw):
        return self.orlop("restore", *(["--detach"] if detach else []), "--bundle", self.box.bundle, "--pid-file",
                          self.box.pid_file, "--image-path", self.images, "--work-path", self.work, *options,
                          self.box.id, timeout=60, **kw)

    def there_and_back(self, dump=(), restore=(), **kw):
        self.checkpoint(*dump).ok()
        assert self.box.id not in self.orlop.ids()
        self.stopped_at = self.n()
        self.restore(*restore, **kw).ok()
        self.counts()
        return self.box.pid


@pytest.fixture
def counter(make_box):
    return Counter(make_box(busybox=True))


def probe_resource():
    """Do we have CAP_SYS_RESOURCE?"""
    return int(kernel.read("/proc/self/status").split("CapEff:")[1].split()[0], 16) >> 24 & 1


def gone(pid):
    return not os.path.exists(f"/proc/{pid}") or ") Z " in kernel.read(f"/proc/{pid}/stat")


def mounts(pid):
    """Place, type and options of each, in the order of their places."""
    rows = []
    for line in kernel.read(f"/proc/{pid}/mountinfo").splitlines():
        left, right = line.split(" - ")
        rows.append((left.split()[4], left.split()[5].replace(",relatime", ""), right.split()[0]))
    return sorted(rows)


def confinement(pid):
    keys = ("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "NSpid",
            "Umask")
    status = dict(line.split(":", 1) for line in kernel.read(f"/proc/{pid}/status").splitlines())
    return {k: status[k].split()[-1:] if k == "NSpid" else status[k].split() for k in keys}


# ---- it goes on -----------------------------------------------------------------------------------


def test_counts_on(counter):
    box = counter.box
    before = counter.up()
    old = kernel.read(f"/proc/{before}/cgroup")
    counter.checkpoint().ok()
    at = counter.n()
    assert gone(before)
    assert not os.path.exists(f"{host.CGROUP}/orlop/{box.id}") and box.id not in box.orlop.ids()
    assert os.stat(counter.images).st_mode & 0o777 == 0o700
    assert os.path.exists(f"{counter.work}/dump.log") and not os.path.exists(f"{counter.images}/dump.log")
    time.sleep(0.3)
    assert counter.n() == at
    counter.restore().ok()
    assert at <= counter.counts() < at + 100
    assert box.status() == "running" and box.state()["pid"] == box.pid
    assert kernel.read(f"/proc/{box.pid}/cgroup") == old
    assert os.listdir(f"{box.orlop.root}/{box.id}") and "criu-root" not in os.listdir(f"{box.orlop.root}/{box.id}")
    # and is a container like any other
    r = box.exec("--", "/bin/sh", "-c", "echo $PPID; cat /tmp/n; echo $$").ok()
    assert r.out.split()[0] == "0" and int(r.out.split()[1]) > at
    box.orlop("pause", box.id).ok()
    assert box.status() == "paused"
    box.orlop("resume", box.id).ok()
    counter.counts()
    box.kill("KILL").ok()
    box.wait_stopped()
    box.delete().ok()


def test_leave_running(counter):
    pid = counter.up()
    counter.checkpoint("--leave-running", "--leave-running").ok()
    counter.counts()
    assert counter.box.state()["pid"] == pid and os.path.exists(f"{counter.images}/pstree.img")
    assert kernel.read(f"{host.CGROUP}/orlop/{counter.box.id}/cgroup.freeze").strip() == "0"


def test_paused(counter):
    """containerd does it so; it stays paused, and what is restored runs."""
    box = counter.box
    counter.up()
    box.orlop("pause", box.id).ok()
    counter.checkpoint("--leave-running").ok()
    at = counter.n()
    assert box.status() == "paused" and counter.n() == at
    counter.images += "2"
    counter.checkpoint().ok()
    assert box.id not in box.orlop.ids() and counter.n() == at
    counter.restore().ok()
    assert counter.counts() >= at


def test_is_what_it_was(counter):
    """Mounts, masks, ids, capabilities, filter, and the files in its tmpfs."""
    box = counter.box
    data = os.path.join(box.bundle, "data")
    os.makedirs(f"{data}/sub")
    with open(f"{data}/f", "w") as f:
        f.write("of the host")
    os.symlink("link-target", f"{box.rootfs}/link")
    os.mkdir(f"{box.rootfs}/link-target")
    for destination, options in (("/data", ["rbind", "ro"]), ("/data/sub", ["bind"]), ("/link", ["bind"]),
                                 ("/with space", ["bind"]), ("/file", ["bind", "nosuid"])):
        source = f"{data}/f" if destination == "/file" else data
        box.mounts.append({"destination": destination, "type": "bind", "source": source, "options": options})
    box.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW",
                            "syscalls": [{"names": ["acct"], "action": "SCMP_ACT_ERRNO"}]}
    if probe_resource():  # otherwise CRIU cannot ask for the limits of others
        box.process["user"] = {"uid": 7, "gid": 8, "additionalGids": [9], "umask": 0o27}
    box.process["noNewPrivileges"] = True
    os.chmod(f"{box.rootfs}/tmp", 0o1777)
    pid = counter.up()
    box.exec("--user", "0", "--", "/bin/sh", "-c", "echo kept >/dev/shm/x").ok()
    before = mounts(pid), confinement(pid)
    pid = counter.there_and_back()
    assert mounts(pid) == before[0]
    assert confinement(pid) == before[1]
    script = "cat /dev/shm/x /data/f /link/f '/with space/f' /file; cat /proc/timer_list | wc -c; : >/data/sub/yes; " \
             ": >/data/no"
    r = box.exec("--user", "0", "--", "/bin/sh", "-c", script)
    assert r.out.split("\n")[0] == "kept" and "of the host" * 4 in r.out, r
    assert os.path.exists(f"{data}/yes") and not os.path.exists(f"{data}/no") and "Read-only file system" in r.err


def test_missing_mount_points_are_made(counter):
    """As when a bundle is carried elsewhere with the root file system of the image."""
    box = counter.box
    os.mkdir(f"{box.bundle}/data")
    box.mounts.append({"destination": "/a/b", "type": "bind", "source": f"{box.bundle}/data", "options": ["bind"]})
    box.mounts.append({"destination": "/etc/f", "type": "bind", "source": f"{box.bundle}/config.json",
                       "options": ["bind"]})
    # what is covered may be a link
    os.makedirs(f"{box.rootfs}/a/b")
    os.symlink("/srv", f"{box.rootfs}/a/b/c")
    os.mkdir(f"{box.bundle}/data/c")
    box.mounts.append({"destination": "/a/b/c", "type": "bind", "source": f"{box.bundle}/data", "options": ["bind"]})
    counter.up()
    counter.checkpoint().ok()
    counter.restore().ok()
    counter.counts()
    counter.checkpoint().ok()
    os.unlink(f"{box.rootfs}/a/b/c")
    os.rmdir(f"{box.rootfs}/a/b")
    os.rmdir(f"{box.rootfs}/a")
    os.unlink(f"{box.rootfs}/etc/f")
    counter.restore().ok()
    counter.counts()
    places = [m[0] for m in mounts(box.pid)]
    assert "/a/b" in places and "/etc/f" in places
    assert kernel.read(f"{box.rootfs}/etc/f") == ""


def test_twice(counter):
    """What was restored is checkpointed again."""
    counter.up()
    counter.there_and_back()
    first = counter.stopped_at
    counter.images += "2"
    counter.there_and_back()
    assert counter.stopped_at > first


def test_limits_hold_again(counter):
    box = counter.box
    box.linux.setdefault("resources", {})["unified"] = {"cgroup.max.depth": "3"}
    counter.up()
    counter.there_and_back()
    assert kernel.read(f"{host.CGROUP}/orlop/{box.id}/cgroup.max.depth").strip() == "3"
    # device rules too: of what is not allowed nothing can be opened
    os.mknod(f"{box.rootfs}/kmsg", 0o20666, os.makedev(1, 11))
    r = box.exec("--", "/bin/sh", "-c", ": </kmsg")
    assert r.rc == 1 and "not permitted" in r.err


def test_other_cgroup(counter):
    """With `ignore` nothing that was dumped says where it is to be."""
    box = counter.box
    counter.up()
    counter.checkpoint("--manage-cgroups-mode", "ignore").ok()
    box.linux["cgroupsPath"] = "/orlop/elsewhere"
    box.write()
    counter.restore("--manage-cgroups-mode=ignore").ok()
    counter.counts()
    assert "0::/orlop/elsewhere\n" in kernel.read(f"/proc/{box.pid}/cgroup")


@pytest.mark.parametrize("mode", ["soft", "ignore"])
def test_cgroup_below(counter, mode):
    """One that the container made itself."""
    box = counter.box
    counter.up()
    os.mkdir(f"{host.CGROUP}/orlop/{box.id}/inner")
    with open(f"{host.CGROUP}/orlop/{box.id}/inner/cgroup.procs", "w") as f:
        f.write(str(box.pid))
    pid = counter.there_and_back(["--manage-cgroups-mode", mode], ["--manage-cgroups-mode", mode])
    where = f"/orlop/{box.id}" + ("" if mode == "ignore" else "/inner")
    assert f"0::{where}\n" in kernel.read(f"/proc/{pid}/cgroup")
    assert os.readlink(f"/proc/{pid}/ns/cgroup") != os.readlink("/proc/self/ns/cgroup")


@pytest.mark.one_vm
@pytest.mark.needs_vm("systemd")
def test_systemd(counter):
    box = counter.box
    box.orlop.options = ["--systemd-cgroup"]
    box.linux["cgroupsPath"] = f"system.slice:orlop:{box.id}"
    counter.up()
    before = kernel.read(f"/proc/{box.pid}/cgroup")
    counter.there_and_back()
    assert kernel.read(f"/proc/{box.pid}/cgroup") == before
    assert subprocess.run(["systemctl", "is-active", f"orlop-{box.id}.scope"]).returncode == 0


# ---- streams and terminals ------------------------------------------------------------------------


def test_foreground(counter):
    """Its output is a pipe, and another one afterwards; its exit status is ours."""
    box = counter.box
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        box.run("--detach", "--pid-file", box.pid_file, stdout=first.stdin, stderr=first.stdin).ok()
        counter.counts()
        counter.checkpoint().ok()
        assert first.communicate(timeout=20) == (b"", None)
    with open(f"{counter.images}/descriptors.json") as f:
        assert [e[:6] for e in json.load(f)][1:] == ["pipe:["] * 2
    os.unlink(box.pid_file)
    out, into = os.pipe()
    p = box.orlop.popen("restore", "--bundle", box.bundle, "--pid-file", box.pid_file, "--image-path", counter.images,
                        "--work-path", counter.work, box.id, stdout=into)
    os.close(into)
    kernel.until(lambda: os.path.exists(box.pid_file), deadline(20), "it is restored")
    counter.counts()
    box.kill("TERM").ok()
    assert box.orlop.finish(p).rc == 7
    assert os.read(out, 100) == b"over\n" and os.read(out, 100) == b""
    os.close(out)
    assert box.id not in box.orlop.ids()


def test_streams_are_files_of_the_host(counter):
    """Which the container cannot name: runc and crun refuse to dump them.  CRIU wants them as long as they were."""
    box = counter.box
    box.args("/bin/sh", "-c", f"echo one; exec {COUNT}")
    with open(f"{box.bundle}/out", "a") as f:
        box.run("--detach", "--pid-file", box.pid_file, stdout=f).ok()
        counter.counts()
        counter.checkpoint().ok()
        counter.restore(stdout=f).ok()
    box.kill("USR1").ok()
    kernel.until(lambda: kernel.read(f"{box.bundle}/out") == "one\nhere\n", deadline(10), "it writes there")


def console_of(path):
    """The listener of --console-socket; then what came."""
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.listen()
    return s


def receive_console(listener):
    conn = listener.accept()[0]
    _, fds, _, _ = socket.recv_fds(conn, 4096, 1)
    conn.close()
    return fds[0]


def test_terminal(counter, tmp):
    box = counter.box
    box.process["terminal"] = True
    listener = console_of(f"{tmp}/c")
    counter.up("--console-socket", f"{tmp}/c")
    master = receive_console(listener)
    counter.checkpoint().ok()
    os.close(master)
    counter.restore("--console-socket", f"{tmp}/c").ok()
    master = receive_console(listener)
    counter.counts()
    box.kill("USR1").ok()
    assert os.read(master, 100) == b"here\r\n"
    assert [os.readlink(f"/proc/{box.pid}/fd/{i}") for i in range(3)] == ["/dev/pts/0"] * 3
    os.close(master)
    listener.close()


def test_terminal_needs_its_holder(counter, tmp):
    box = counter.box
    box.process["terminal"] = True
    listener = console_of(f"{tmp}/c")
    counter.up("--console-socket", f"{tmp}/c")
    master = receive_console(listener)
    counter.checkpoint().ok()
    os.close(master)
    counter.restore().failed("terminal", "--console-socket")
    listener.close()


# ---- hooks ----------------------------------------------------------------------------------------


def test_hooks(counter):
    """Those that make the container known to the host run again, and those of its inside do not."""
    box = counter.box
    log = f"{box.bundle}/log"
    box.config["hooks"] = {
        k: [{"path": "/bin/sh", "args": ["sh", "-c", f"echo {k} $(cat) >>{log}"]}]
        for k in ("prestart", "createRuntime", "poststart", "poststop")}
    counter.up()
    counter.checkpoint().ok()
    kinds = [line.split()[0] for line in kernel.read(log).splitlines()]
    assert kinds == ["prestart", "createRuntime", "poststart", "poststop"]
    os.unlink(log)
    counter.restore().ok()
    rows = [line.split(" ", 1) for line in kernel.read(log).splitlines()]
    assert [r[0] for r in rows] == ["prestart", "createRuntime"]
    assert all(json.loads(r[1])["pid"] == box.pid for r in rows)


def test_hook_that_fails(counter):
    box = counter.box
    counter.up()
    counter.checkpoint().ok()
    box.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", "echo not so >&2; exit 3"]}]}
    box.write()
    before = host.Snapshot()
    counter.restore().failed("createRuntime", "not so")
    assert box.id not in box.orlop.ids()
    before.assert_same()


# ---- namespaces -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["network", "ipc", "uts"])
def test_joined_namespace(counter, kind):
    box = counter.box
    flag = {"network": "-n", "ipc": "-i", "uts": "-u"}[kind]
    file = {"network": "net"}.get(kind, kind)
    holder = subprocess.Popen(["unshare", flag, "sleep", "1000"])
    try:
        kernel.until(lambda: os.readlink(f"/proc/{holder.pid}/ns/{file}") != os.readlink(f"/proc/self/ns/{file}"),
                     deadline(5), "it has one")
        for n in box.linux["namespaces"]:
            if n["type"] == kind:
                n["path"] = f"/proc/{holder.pid}/ns/{file}"
        box.config.pop("hostname", None)
        counter.up()
        pid = counter.there_and_back()
        assert os.readlink(f"/proc/{pid}/ns/{file}") == os.readlink(f"/proc/{holder.pid}/ns/{file}")
    finally:
        stop(holder)


# ---- before the dump, and after ---------------------------------------------------------------------


def test_pre_dump(counter):
    counter.up()
    before = f"{counter.box.bundle}/before"
    r = counter.orlop("checkpoint", "--pre-dump", "--image-path", before, "--work-path", counter.work, counter.box.id,
                      timeout=60)
    if r.rc and "does not track changes of memory" in r.err:
        r.failed("CONFIG_MEM_SOFT_DIRTY")
        counter.counts()
        return
    r.ok()
    assert counter.box.status() == "running" and not os.path.exists(f"{before}/descriptors.json")
    counter.counts()
    counter.there_and_back(["--parent-path", "../before"])
    assert os.readlink(f"{counter.images}/parent") == "../before"


def test_file_without_a_name(counter):
    """CRIU keeps small ones; of others it says that it does not, in our message.  A file of options changes that."""
    box = counter.box
    os.symlink("busybox", f"{box.rootfs}/bin/rm")
    script = "dd if=/dev/zero of=/tmp/big bs=1M count=2 2>/dev/null; exec 9<>/tmp/big; rm /tmp/big"
    box.args("/bin/sh", "-c", f"{script}; exec {COUNT}")
    box.config["annotations"] = {"org.criu.config": f"{box.bundle}/criu.conf"}
    with open(f"{box.bundle}/criu.conf", "w") as f:
        f.write("ghost-limit 1048576\n")
    counter.up()
    counter.checkpoint().failed("criu failed", "Error (criu/", "ghost file", "dump.log")
    assert box.status() == "running"
    counter.counts()
    with open(f"{box.bundle}/criu.conf", "w") as f:
        f.write("ghost-limit 4194304\nlog-file other.log\n")
    pid = counter.there_and_back()
    assert os.stat(f"/proc/{pid}/fd/9").st_size == 2 << 20 and os.stat(f"/proc/{pid}/fd/9").st_nlink == 0
    assert os.path.exists(f"{counter.work}/other.log")


# ---- what a process has that others have, too -------------------------------------------------------


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def numbers(box, name):
    """The whole lines of a file that grows."""
    return [int(x) for x in kernel.read(f"{box.rootfs}/tmp/{name}").split("\n")[:-1]]


class Runc:
    """The same container by runc: it shows that CRIU cannot do on this machine what is asked for."""

    def __init__(self, counter, tmp):
        self.box, self.root, self.images, self.work = counter.box, f"{tmp}/runc", f"{tmp}/runc-images", f"{tmp}/runc-work"
        self.box.write()
        assert self("run", "--detach", "--bundle", self.box.bundle, "r").returncode == 0

    def __call__(self, *args):
        return subprocess.run(["runc", "--root", self.root, *args], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=60, check=False)

    def checkpoint_fails(self, words, *options):
        r = self("checkpoint", "--image-path", self.images, "--work-path", self.work, *options, "r")
        assert r.returncode != 0 and words in kernel.read(f"{self.work}/dump.log")

    def end(self):
        self("delete", "--force", "r")


@pytest.fixture
def runc(counter, tmp):
    made = []

    def make():
        made.append(Runc(counter, tmp))
        return made[-1]
    yield make
    for r in made:
        r.end()


# SO_PASSCRED of a TCP socket: since Linux 6.16 that is no option, and CRIU 4.1 asks for it
NO_TCP = "Can't get 1:16 opt"


def test_tcp_connection(counter, runc):
    """It is refused unless asked for, and then nothing that was sent is lost or there twice."""
    box = counter.box
    box.args("talk", "/tmp/got")
    box.run("--detach", "--pid-file", box.pid_file).ok()
    got = f"{box.rootfs}/tmp/got"
    kernel.until(lambda: os.path.exists(got) and len(numbers(box, "got")) > 5, deadline(10), "it is sent")
    r = counter.checkpoint().failed("criu failed", "Error (criu/", "sockets")
    assert box.status() == "running"
    if NO_TCP in r.err:
        counter.checkpoint("--tcp-established").failed(NO_TCP)
        runc().checkpoint_fails(NO_TCP, "--tcp-established")
        return
    counter.checkpoint("--tcp-established").ok()
    at = numbers(box, "got")[-1]
    counter.restore("--tcp-established").ok()
    kernel.until(lambda: numbers(box, "got")[-1] > at + 10, deadline(10), "it is sent on")
    seen = numbers(box, "got")
    assert seen == list(range(1, seen[-1] + 1))


def test_file_lock(counter):
    box = counter.box
    box.args("count", "/tmp/n", "/tmp/lock")
    lock = ["flock", "--nonblock", f"{box.rootfs}/tmp/lock", "true"]
    counter.up()
    assert subprocess.run(lock).returncode == 1
    counter.checkpoint().failed("criu failed", "Error (criu/", "lock")
    counter.checkpoint("--file-locks").ok()
    assert subprocess.run(lock).returncode == 0
    counter.restore("--file-locks").ok()
    counter.counts()
    assert subprocess.run(lock).returncode == 1


def criu(*args, log):
    return subprocess.Popen(["criu", *args, "--log-file", log, "-v4"], stdin=subprocess.DEVNULL)


def test_page_server(counter, tmp):
    """The pages go to another machine, as it were; the rest of the images is here."""
    port = free_port()
    there = f"{tmp}/there"
    os.mkdir(there)
    counter.up()
    server = criu("page-server", "--images-dir", there, "--address", "127.0.0.1", "--port", str(port), log=f"{tmp}/server.log")
    try:
        kernel.until(lambda: f":{port:04X} " in kernel.read("/proc/net/tcp"), deadline(10), "it listens")
        counter.checkpoint("--page-server", f"127.0.0.1:{port}").ok()
        assert server.wait(deadline(10)) == 0
    finally:
        stop(server)
    pages = [n for n in os.listdir(there) if n.startswith("pages-")]
    assert pages and not [n for n in os.listdir(counter.images) if n.startswith("pages-")]
    counter.restore().failed("criu failed")
    for name in os.listdir(there):
        shutil.copy(f"{there}/{name}", counter.images)
    at = counter.n()
    counter.restore().ok()
    assert at <= counter.counts() < at + 100


# ---- what is refused --------------------------------------------------------------------------------


def test_states(counter):
    box = counter.box
    box.create().ok()
    counter.checkpoint().failed("cannot be checkpointed in state created")
    box.start().ok()
    counter.counts()
    box.kill("KILL").ok()
    box.wait_stopped()
    counter.checkpoint().failed("cannot be checkpointed in state stopped")
    box.delete().ok()
    counter.checkpoint().failed("does not exist")
    assert not os.path.exists(counter.images)


def test_restore_of_what_is_there(counter):
    counter.up()
    counter.checkpoint("--leave-running").ok()
    counter.restore().failed("already exists")
    counter.counts()


@pytest.mark.case("T18")
def test_name_that_would_be_more_than_a_name(counter):
    """The destination is a link of the image's, whose target would begin another value in CRIU's option."""
    box = counter.box
    os.makedirs(f"{box.rootfs}/x]:/etc")
    os.symlink("x]:/etc", f"{box.rootfs}/data")
    os.mkdir(f"{box.bundle}/data")
    box.mounts.append({"destination": "/data", "type": "bind", "source": f"{box.bundle}/data", "options": ["bind"]})
    pid = counter.up()
    counter.checkpoint().failed("/data", "cannot be given to CRIU", "/x]:/etc")
    counter.counts()
    assert box.state()["pid"] == pid


@pytest.mark.case("T18")
@pytest.mark.parametrize("place", ["data", "proc"])
def test_place_that_became_a_link(counter, place):
    """CRIU would follow it, to the host's tree as it sees it, and the container would go on without the mount."""
    box = counter.box
    os.makedirs(f"{box.bundle}/data/inner")
    os.makedirs(f"{box.rootfs}/data")
    box.mounts.append({"destination": "/data", "type": "bind", "source": f"{box.bundle}/data", "options": ["bind"]})
    counter.up()
    counter.checkpoint().ok()
    os.rmdir(f"{box.rootfs}/{place}")
    os.symlink("/srv", f"{box.rootfs}/{place}")
    before = host.Snapshot()
    counter.restore().failed(f"/{place}", "leads through a link")
    assert box.id not in box.orlop.ids()
    before.assert_same()


def test_carried_elsewhere(counter, make_box):
    """Bundle, root file system and images under other names, restored as another container."""
    box = counter.box
    counter.up()
    counter.checkpoint().ok()
    at = counter.n()
    other = make_box()
    shutil.rmtree(other.bundle)
    subprocess.run(["cp", "-a", box.bundle, other.bundle], check=True)
    shutil.rmtree(box.bundle)
    images = f"{other.bundle}/images"
    box.orlop("restore", "-d", "--bundle", other.bundle, "--image-path", images, other.id, timeout=60).ok()
    path = f"{other.rootfs}/tmp/n"
    kernel.until(lambda: int(kernel.read(path)) > at + 2, deadline(10), "it counts")
    assert other.status() == "running"


def test_damaged_images(counter):
    box = counter.box
    counter.up()
    counter.checkpoint().ok()
    with open(f"{counter.images}/pstree.img", "r+b") as f:
        f.write(b"xxxxxxxx")
    before = host.Snapshot()
    counter.restore().failed("criu failed", "Error (criu/", "restore.log")
    assert box.id not in box.orlop.ids() and os.path.exists(f"{counter.work}/restore.log")
    before.assert_same()


def test_killed(counter):
    """Restore itself, while a hook runs; CRIU sees it and ends what it has made."""
    box = counter.box
    counter.up()
    counter.checkpoint().ok()
    box.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", f": >{box.bundle}/mark; sleep 1"]}]}
    box.write()
    before = host.Snapshot()
    p = box.orlop.popen("restore", "--detach", "--bundle", box.bundle, "--image-path", counter.images, "--work-path",
                        counter.work, box.id)
    kernel.until(lambda: os.path.exists(f"{box.bundle}/mark"), deadline(20), "the hook runs")
    p.kill()
    box.orlop.finish(p)
    box.orlop.delete_by_force(box.id).ok()
    os.unlink(f"{box.bundle}/mark")
    kernel.until(lambda: host.reap() is None and not subprocess.run(
        ["pgrep", "-x", "criu|sleep"], capture_output=True).stdout, deadline(20), "CRIU and the hook end")
    before.assert_same()


def test_interrupted(counter):
    """A signal while a hook runs, when half of the container is there."""
    box = counter.box
    counter.up()
    counter.checkpoint().ok()
    box.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", f": >{box.bundle}/mark; sleep 60"]}]}
    box.write()
    before = host.Snapshot()
    p = box.orlop.popen("restore", "--detach", "--bundle", box.bundle, "--image-path", counter.images, "--work-path",
                        counter.work, box.id)
    kernel.until(lambda: os.path.exists(f"{box.bundle}/mark"), deadline(20), "the hook runs")
    p.terminate()
    box.orlop.finish(p).failed("interrupted by SIGTERM")
    assert box.id not in box.orlop.ids()
    os.unlink(f"{box.bundle}/mark")
    before.assert_same()
