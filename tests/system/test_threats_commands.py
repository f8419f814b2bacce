# SPDX-License-Identifier: GPL-2.0-or-later
"""
exec, start, kill and delete against containers and files that are not what they were: T45 to T52;
ids, state and host users: T55 to T60.
"""
import glob
import json
import os
import shutil
import signal
import stat
import subprocess
import time

import pytest
from lib import host, kernel
from lib.box import deadline, stop
from lib.config import SETS, set_caps

SLEEP = ["/bin/sleep", "1000"]


def reuse(box):
    """Kill the container, and start another process with its pid; None if somebody else was faster."""
    pid = box.up()
    started = kernel.read(f"/proc/{pid}/stat").rsplit(")")[-1].split()[19]

    def is_gone():
        try:
            return kernel.read(f"/proc/{pid}/stat").rsplit(")")[-1].split()[19] != started
        except OSError:
            return True
    os.kill(pid, signal.SIGKILL)
    kernel.until(lambda: not kernel.alive(pid))
    host.reap()
    kernel.until(is_gone)
    return pid if kernel.process_with_pid(pid, SLEEP) else None


@pytest.fixture
def decoy(box):
    """A dead container, and another process that got its pid."""
    pid = reuse(box)
    while not pid:  # other processes of this machine come and go
        box.delete("--force").ok()
        pid = reuse(box)
    kernel.until(lambda: kernel.read(f"/proc/{pid}/comm") == "sleep\n")
    yield pid
    assert kernel.alive(pid), "the decoy was killed"
    assert kernel.children(pid) == set()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


# ---- T45, T46

def test_T45_exec_after_pid_reuse(box, decoy):
    assert (box.status(), box.state()["pid"]) == ("stopped", 0)
    box.exec().failed("not running")


def test_T46_kill_after_pid_reuse(box, decoy, tmp):
    trace = f"{tmp}/trace"
    box.kill("KILL", wrap=["strace", "-f", "-o", trace]).failed("container not running")
    box.kill("--all", "KILL").ok()
    time.sleep(0.05)
    assert kernel.alive(decoy)
    text = kernel.read(trace)
    assert " kill(" not in text and "pidfd_send_signal(" not in text


def test_T46_delete_after_pid_reuse(box, decoy):
    box.delete("--force").ok()
    assert kernel.alive(decoy)
    assert json.loads(box.orlop("ps", "-f", "json", box.id).out or "[]") == []


def test_T46_pause_and_ps_after_pid_reuse(box, decoy):
    box.orlop("pause", box.id).failed("not running")
    assert json.loads(box.orlop("ps", "-f", "json", box.id).ok().out) == []


def test_T46_state_file_of_another_process(box, orlop):
    """As after a reboot, or a copy: the pid is alive, but is not ours."""
    pid = box.up()
    path = f"{orlop.root}/{box.id}/state.json"
    text = kernel.read(path)
    state = json.loads(text)
    assert bool(state["pidfdInode"]) != bool(state["startTime"])    # the latter where there is no pidfs
    state["pidfdInode" if state["pidfdInode"] else "startTime"] += 1
    with open(path, "w") as f:
        json.dump(state, f)
    assert box.status() == "stopped"
    box.kill("KILL").failed("not running")
    assert kernel.alive(pid)
    with open(path, "w") as f:
        f.write(text)
    assert box.status() == "running"


def test_T46_zombie_init(box):
    pid = box.up()
    os.kill(pid, signal.SIGKILL)
    kernel.until(lambda: kernel.stat_fields(pid)[0] == "Z")
    box.kill("TERM").failed("not running")
    box.exec().failed("not running")
    box.delete().ok()


def test_T46_no_kill_by_number(box, tmp):
    trace = f"{tmp}/trace"
    box.up()
    for args in (("kill", box.id, "USR1"), ("kill", "--all", box.id, "USR1"), ("kill", box.id, "KILL"),
                 ("delete", "--force", box.id)):
        box.orlop(*args, wrap=["strace", "-f", "-A", "-o", trace, "-e", "trace=kill,tgkill,tkill,pidfd_send_signal"])
    text = kernel.read(trace)
    assert "pidfd_send_signal(" in text and " kill(" not in text and "tkill(" not in text


# ---- T48

def test_T48_init_leaves_its_namespaces(box):
    """exec refuses to follow it to where it went."""
    set_caps(box.process, ["CAP_SYS_ADMIN"])
    box.add_busybox()
    box.process["args"] = ["/bin/sh", "-c", "/bin/busybox unshare -u /bin/sleep 1000 & exec /bin/busybox unshare -u "
                                            "/bin/probe pause"]
    box.create().ok()
    box.start().ok()
    kernel.until(lambda: "READY" in box.output())
    r = box.exec()
    r.failed("namespace")


# ---- T49

@pytest.mark.parametrize("word,ids", [
    ("1", (1, 7)), ("1:2", (1, 2)), ("0", (0, 7)), ("4294967294", (4294967294, 7)), ("1:0", (1, 0)),
    ("1:", None), (":1", None), ("", None), ("01", None), ("+1", None), (" 1", None), ("1 ", None), ("0x1", None),
    ("1x", None), ("-1", None), ("4294967295", None), ("4294967296", None), ("18446744073709551617", None),
    ("root", None), ("root:root", None), ("1:2:3", None), ("1:4294967295", None), ("1,2", None), ("1.0", None)])
def test_T49_exec_user(box, word, ids):
    box.process["user"] = {"uid": 5, "gid": 7}
    box.up()
    r = box.exec(f"--user={word}")
    if ids is None and word == "01":
        ids = (1, 7) if r.rc == 0 else None  # the same number
    if ids:
        seen = r.json()
        assert (seen["uids"][0], seen["gids"][0]) == ids
    else:
        r.failed("user")


# ---- T50

def test_T50_exec_cap(box):
    set_caps(box.process, ["CAP_KILL", "CAP_CHOWN"], SETS)
    box.up()
    caps = box.exec("--cap", "CAP_CHOWN").json()["caps"]
    assert set(caps.values()) == {1 << 5 | 1}
    caps = box.exec("--cap", "CAP_SETUID").json()["caps"]       # never into the inheritable set
    assert (caps["inheritable"], caps["ambient"]) == (1 << 5 | 1, 1 << 5 | 1)
    assert caps["bounding"] == (1 << 7 | 1 << 5 | 1)
    for unknown in ("CAP_NONE", "", "cap_nothing\n"):
        r = box.exec("--cap", unknown)
        assert set(r.json()["caps"].values()) == {1 << 5 | 1} and "unknown capability, left out" in r.err
    assert "did you mean `CAP_SYS_ADMIN`?" in box.exec("--cap", "CAP_SYS_ADMN").err


def test_T50_exec_process_cannot_leave_the_bounding_set_of_the_runtime(box):
    set_caps(box.process, ["CAP_KILL"])
    box.up()
    seen = box.exec_process({"args": ["/bin/probe"], "cwd": "/", "user": {"uid": 0, "gid": 0}}).json()
    assert seen["caps"]["bounding"] == seen["caps"]["effective"] == 1 << 5


# ---- T51

def test_T51_gate_replaced(box, orlop, canary):
    for kind in ("file", "link", "fifo", "directory", "missing"):
        box.args("pause").create().ok()
        gate = f"{orlop.root}/{box.id}/start"
        assert stat.S_ISFIFO(os.lstat(gate).st_mode)
        os.unlink(gate)
        if kind == "file":
            open(gate, "w").close()
        elif kind == "link":
            os.symlink(f"{canary.path}/file", gate)
        elif kind == "fifo":
            os.mkfifo(gate)
        elif kind == "directory":
            os.mkdir(gate)
        r = box.start(timeout=2)
        assert r.rc == 1, (kind, r)
        assert box.output() == ""
        if kind == "directory":
            os.rmdir(gate)
        box.delete("--force").ok()
    canary.assert_intact()


def test_T51_gate_is_closed_to_others(box, orlop):
    box.args("pause").create().ok()
    r = subprocess.run(["setpriv", "--reuid", "1000", "--clear-groups", "sh", "-c",
                        f"echo >{orlop.root}/{box.id}/start"], capture_output=True)
    assert r.returncode != 0
    assert box.status() == "created"


# ---- T52

def test_T52_delete_force_of_what_create_left(box, orlop, tmp):
    """Killed somewhere in the middle: whatever there is, one command removes it."""
    before = host.Snapshot()
    box.args("pause").write()
    for i in range(12):
        p = orlop.popen("create", "-b", box.bundle, box.id)
        time.sleep(i * 0.0015)
        stop(p)
        kernel.until(lambda: not [c for c in kernel.children() if kernel.alive(c) and c not in before.parts["processes"]
                                  and box.id not in orlop.ids()] or box.id in orlop.ids(), deadline(5))
        orlop("delete", "--force", box.id).ok()
        before.assert_same(deadline(3))
        assert orlop.ids() == []


# ---- T55

BAD_IDS = ["..", ".", "", "a/b", "-rf", ".hidden", "a\nb", "a\x1b[31m", "a b", "a" * 201, "a" * 4096, "ünï", "/", "a\tb",
           b"a\xff", "~", "a:b", "a,b", "@a", "a\\b"]


@pytest.mark.parametrize("id", BAD_IDS, ids=range(len(BAD_IDS)))
def test_T55_container_id(box, orlop, id):
    box.args("pause").write()
    before = host.Snapshot()
    calls = [("create", "-b", box.bundle), ("run", "-b", box.bundle), ("start",), ("state",), ("kill",), ("delete",),
             ("delete", "--force"), ("pause",), ("resume",), ("ps",)]
    for call in calls:
        r = orlop(*call, "--", id)
        if call != ("delete", "--force"):  # that of an unknown container is no error
            assert r.rc == 1, (call, r)
            assert not [c for c in r.err[:-1] if ord(c) < 0x20 or c == "\x7f"], r.err
            assert len(r.err) < 2000
        assert orlop.ids() == []
    assert orlop("exec", "--", id, "true").rc == 255
    before.assert_same()


def test_T55_id_with_dots_inside(box):
    box.id = f"{host.TAG}a..b"
    box.up()
    assert box.status() == "running"


def test_T55_percent_is_only_a_character(box, orlop):
    box.write()
    r = orlop("create", "-b", box.bundle, "%n%s")
    r.failed("%n%s")


# ---- T56

def root_of(tmp, mode=0o755, uid=0):
    path = f"{tmp}/root"
    os.mkdir(path)
    os.chown(path, uid, 0)
    os.chmod(path, mode)
    return path


@pytest.mark.parametrize("mode,uid", [(0o775, 0), (0o757, 0), (0o1777, 0), (0o755, 1000), (0o700, 1000)])
def test_T56_state_root_of_others(box, orlop, tmp, mode, uid):
    orlop.root = root_of(tmp, mode, uid)
    box.refused("cannot be trusted")
    assert os.listdir(orlop.root) == []


def test_T56_state_root_by_a_link_of_another(box, orlop, tmp):
    real = root_of(tmp)
    os.symlink(real, f"{tmp}/link")
    os.lchown(f"{tmp}/link", 1000, 1000)
    orlop.root = f"{tmp}/link"
    box.refused("symbolic link")
    os.lchown(f"{tmp}/link", 0, 0)
    box.up()
    orlop.clean()


def test_T56_root_of_the_host_ignores_xdg_runtime_dir(box, tmp):
    os.mkdir(f"{tmp}/xdg")
    os.chown(f"{tmp}/xdg", 1000, 1000)
    box.args("exit", 0).write()
    made = not os.path.exists("/run/orlop")
    r = subprocess.run([box.orlop.argv()[0], "run", "-b", box.bundle, box.id], stdin=subprocess.DEVNULL,
                       capture_output=True, text=True, env={"XDG_RUNTIME_DIR": f"{tmp}/xdg"})
    assert r.returncode == 0, r
    assert os.listdir(f"{tmp}/xdg") == []
    if made:
        os.rmdir("/run/orlop")


@pytest.mark.parametrize("root", ["/", "/dev/null", ""])
def test_T56_state_root_that_is_none(box, orlop, root):
    box.args("exit", 0)
    orlop.root = root
    box.write()
    orlop("run", "-b", box.bundle, box.id).failed("root")
    orlop.root = f"{orlop.tmp}/state"


def test_T56_relative_state_root(box, orlop, tmp):
    box.args("exit", 0).write()
    orlop.root = "relative/../state"
    orlop("run", "-b", box.bundle, box.id, cwd=tmp).ok()
    orlop.root = f"{tmp}/state"


def test_T56_container_directory_of_another(box, orlop):
    box.up()
    os.chown(f"{orlop.root}/{box.id}", 1000, 1000)
    orlop("state", box.id).failed("cannot be trusted")
    os.chown(f"{orlop.root}/{box.id}", 0, 0)


# ---- T57

def mutate_state(box, change):
    path = f"{box.orlop.root}/{box.id}/state.json"
    state = json.loads(kernel.read(path))
    change(state)
    with open(path, "w") as f:
        json.dump(state, f)


@pytest.mark.parametrize("change", [
    lambda s: s.update(cgroupPath="/"), lambda s: s.update(cgroupPath="/../x"), lambda s: s.update(cgroupPath="relative"),
    lambda s: s.update(cgroupRoot="relative"), lambda s: s.update(pid=-1), lambda s: s.update(pid="1"),
    lambda s: s.update(pid=2**40), lambda s: s.update(id="other"), lambda s: s.update(bundle="relative"),
    lambda s: s.pop("bootId"), lambda s: s.update(version=99), lambda s: s.pop("version"),
    lambda s: s.update(created="yesterday"), lambda s: s.update(annotations=[]), lambda s: s.pop("creating"),
    lambda s: s.clear()], ids=range(16))
@pytest.mark.parametrize("pidns", [True, False])
def test_T57_damaged_state(box, change, pidns):
    if not pidns:
        box.linux["namespaces"] = [n for n in box.linux["namespaces"] if n["type"] != "pid"]
    pid = box.up()
    mutate_state(box, change)
    for verb in ("state", "kill", "start", "delete", "pause"):
        box.orlop(verb, box.id).failed(box.id)
    assert kernel.alive(pid)
    r = box.delete("--force").ok()
    assert "damaged" in r.err or "another version" in r.err, r
    assert not kernel.alive(pid)
    assert not glob.glob(f"{host.CGROUP}/orlop/{box.id}")


@pytest.mark.parametrize("nested", [False, True])
def test_T57_missing_state_of_a_running_container(box, nested):
    """That it is there still is no success; whose the processes are nothing says, so they stay."""
    pid = box.up()
    cgroup = f"{host.CGROUP}/orlop/{box.id}"
    if nested:
        os.mkdir(f"{cgroup}/below")
        with open(f"{cgroup}/below/cgroup.procs", "w") as f:
            f.write(str(pid))
    os.unlink(f"{box.orlop.root}/{box.id}/state.json")
    box.delete("--force").failed("no state", cgroup)
    assert kernel.alive(pid)
    with open(f"{cgroup}/cgroup.kill", "w") as f:
        f.write("1")
    kernel.until(lambda: not kernel.alive(pid), 10, "the end")
    box.delete("--force").ok()
    assert not os.path.exists(cgroup)


def test_T57_state_of_another_version(box):
    box.up()
    version = json.loads(kernel.read(f"{box.orlop.root}/{box.id}/state.json"))["version"] + 1
    mutate_state(box, lambda s: s.update(version=version))
    for verb in ("state", "kill", "start", "delete", "pause", "resume", "ps", "events"):
        box.orlop(verb, box.id).failed(box.id, "another version of orlop", f"format {version}")
    assert "another version" in box.orlop("list").ok().err


@pytest.mark.parametrize("version, missing", [
    (1, ["startTimeout", "systemdUnit", "systemdUser"]), (2, ["systemdUnit", "systemdUser"])])
def test_T57_program_is_replaced_by_a_later_one(box, version, missing):
    """Containers of the earlier one are known, started, entered and ended."""
    def older(state):
        state["version"] = version
        for key in missing:
            del state[key]

    box.args("pause").create().ok()
    mutate_state(box, older)
    assert box.status() == "created"
    box.start().ok()
    assert box.exec("--", "exit", "3").rc == 3
    assert json.loads(box.orlop("ps", "--format", "json", box.id).ok().out) == [box.pid]
    box.orlop("kill", box.id, "KILL").ok()
    kernel.until(lambda: box.status() == "stopped", 10, "the end")
    box.delete().ok()
    assert not os.path.exists(f"{box.orlop.root}/{box.id}")


def test_T57_members_of_a_later_release(box):
    pid = box.up()
    mutate_state(box, lambda s: (s.update(extra={"a": [1]}, creator="x"), s.update(id=s.pop("id"))))
    assert box.status() == "running"
    box.exec().ok()
    box.kill("KILL").ok()
    box.wait_stopped()
    box.delete().ok()
    assert not kernel.alive(pid)


@pytest.mark.parametrize("config", [False, True])
def test_T57_nothing_leads_to_the_processes(box, config):
    """The directory goes, and the exit status says that this was all."""
    pid = box.up()
    with open(f"{box.orlop.root}/{box.id}/state.json", "w") as f:
        f.write("{")
    with open(f"{box.orlop.root}/{box.id}/config.json", "w") as f:
        f.write("{" if config else "")
    r = box.delete("--force")
    assert r.rc == 1 and "may be there still" in r.err, r
    assert box.id not in box.orlop.ids()
    os.kill(pid, signal.SIGKILL)
    path = f"{host.CGROUP}/orlop/{box.id}"
    kernel.until(lambda: "populated 0" in kernel.read(f"{path}/cgroup.events"))
    os.rmdir(path)


def test_T57_cgroup_that_another_container_has(make_box):
    """The first has ended, and the second was made in what it left: nobody kills that for the first."""
    a, b = make_box(), make_box()
    a.linux["cgroupsPath"] = b.linux["cgroupsPath"] = f"/orlop-shared-{os.getpid()}"
    a.up()
    a.kill("KILL").ok()
    a.wait_stopped()
    pid = b.up()
    with open(f"{a.orlop.root}/{a.id}/state.json", "w") as f:
        f.write("{")
    r = a.delete("--force")
    assert r.rc == 1 and "another container" in r.err, r
    assert kernel.alive(pid) and b.status() == "running"
    b.delete("--force").ok()
    path = f"{host.CGROUP}/orlop-shared-{os.getpid()}"
    if os.path.exists(path):  # the first had made it
        os.rmdir(path)


@pytest.mark.parametrize("pid", [1, "self"])
def test_T57_pid_of_somebody_else(box, pid):
    """With everything else as it was."""
    ours = box.up()
    mutate_state(box, lambda s: s.update(pid=os.getpid() if pid == "self" else pid))
    assert box.status() == "stopped"
    box.kill("KILL").failed("not running")
    box.exec().failed("not running")
    box.delete("--force").ok()  # the cgroup is ours by its id: everything in it ends
    assert not kernel.alive(ours)


def test_T57_truncated_at_each_tenth_byte(box):
    box.up()
    path = f"{box.orlop.root}/{box.id}/state.json"
    text = kernel.read(path)
    for n in range(0, len(text) - 1, max(1, len(text) // 12)):
        with open(path, "w") as f:
            f.write(text[:n])
        box.orlop("state", box.id).failed(box.id)
    with open(path, "w") as f:
        f.write(text)
    assert box.status() == "running"


@pytest.mark.parametrize("kind", ["fifo", "directory", "link", "huge", "deep", "/dev/zero"])
def test_T57_state_file_that_is_none(box, kind, canary):
    box.up()
    path = f"{box.orlop.root}/{box.id}/state.json"
    keep = f"{box.orlop.tmp}/keep"
    shutil.move(path, keep)
    if kind == "fifo":
        os.mkfifo(path, 0o600)
    elif kind == "directory":
        os.mkdir(path, 0o700)
    elif kind == "link":
        os.symlink(keep, path)
    elif kind == "huge":
        with open(path, "w") as f:
            f.truncate(100 << 20)
    elif kind == "deep":
        with open(path, "w") as f:
            f.write("[" * 500000)
    else:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))
    box.orlop("state", box.id, timeout=2).failed(box.id)
    assert box.orlop("list", timeout=2).rc == 0
    os.rmdir(path) if kind == "directory" else os.unlink(path)
    shutil.move(keep, path)
    assert box.status() == "running"


# ---- T58

@pytest.mark.parametrize("kind", ["link", "hard link", "fifo", "directory", "dangling link"])
def test_T58_planted_pid_file(box, canary, kind, tmp):
    path = box.pid_file
    victim = f"{tmp}/victim"
    with open(victim, "w") as f:
        f.write("victim")
    if kind == "link":
        os.symlink(f"{canary.path}/file", path)
    elif kind == "dangling link":
        os.symlink(f"{canary.path}/new", path)
    elif kind == "hard link":
        os.link(victim, path)
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        os.mkdir(path)
    box.args("pause")
    r = box.create(timeout=3)
    canary.assert_intact()
    assert kernel.read(victim) == "victim"
    if kind == "directory":
        r.failed("pid file")
        assert box.orlop.ids() == []
        os.rmdir(path)
    else:
        r.ok()
        assert stat.S_ISREG(os.lstat(path).st_mode) and kernel.read(path) == str(box.state()["pid"])


@pytest.mark.parametrize("kind", ["link", "fifo", "directory"])
def test_T58_planted_log(orlop, canary, kind, tmp):
    path = f"{tmp}/log"
    if kind == "link":
        os.symlink(f"{canary.path}/file", path)
        os.chown(path, 1000, 1000, follow_symlinks=False)  # root may use links of its own
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        os.mkdir(path)
    orlop("--log", path, "state", "none", timeout=3).failed()
    canary.assert_intact()


def test_T58_planted_temporary_name_of_the_state(box, orlop, canary):
    """The name is guessable, so it is never followed or truncated."""
    os.makedirs(f"{orlop.root}/{box.id}", 0o700)
    os.chmod(orlop.root, 0o711)
    box.args("pause")
    box.create().failed("already exists")
    orlop("delete", "--force", box.id).ok()


# ---- T59

CGROUP_PATHS = ["../../x", "/../x", "/a/../../b", "a/../../b", "..", "/..", "/a/./../../b", "a\nb", "x" * 5000, f"../{host.TAG}up"]


@pytest.mark.parametrize("path", CGROUP_PATHS, ids=range(len(CGROUP_PATHS)))
def test_T59_cgroup_path(box, path):
    box.linux["cgroupsPath"] = path
    tree = {d for d, _, _ in os.walk(host.CGROUP)}
    box.args("pause")
    r = box.create()
    if "\n" not in path:
        r.failed("cgroup")
    elif r.rc == 0:
        assert box.state()["status"] == "created"
        box.delete("--force").ok()
    new = {d for d, _, _ in os.walk(host.CGROUP)} - tree
    assert not [d for d in new if "..." in d or d.endswith(("/x", "/b"))], new


def test_T59_root_of_cgroups(box):
    box.linux["cgroupsPath"] = "/"
    box.args("pause").refused("cgroup")


def test_T59_foreign_cgroup_in_use(box):
    """A populated cgroup that somebody else has made: not taken, not limited, not killed."""
    group = f"{host.CGROUP}/{host.TAG}foreign"
    os.mkdir(group)
    p = subprocess.Popen(SLEEP)
    try:
        with open(f"{group}/cgroup.procs", "w") as f:
            f.write(str(p.pid))
        box.linux["cgroupsPath"] = f"/{host.TAG}foreign"
        box.args("pause")
        r = box.create()
        if r.rc == 0:
            box.start().ok()
            box.kill("KILL").ok()
            box.wait_stopped()
        box.orlop("delete", "--force", box.id).ok()
        assert p.poll() is None
        assert os.path.isdir(group)
    finally:
        stop(p)
        kernel.until(lambda: "populated 0" in kernel.read(f"{group}/cgroup.events"))
        os.rmdir(group)


def test_T59_cgroup_replaced_behind_our_back(box):
    """Same path, another cgroup: its id says so, and what is in it is left alone."""
    box.up()
    group = f"{host.CGROUP}/orlop/{box.id}"
    pid = box.pid
    with open(f"{host.CGROUP}/cgroup.procs", "w") as f:
        f.write(str(pid))
    os.rmdir(group)
    os.mkdir(group)
    p = subprocess.Popen(SLEEP)
    try:
        with open(f"{group}/cgroup.procs", "w") as f:
            f.write(str(p.pid))
        box.kill("--all", "KILL")
        box.delete("--force")
        assert p.poll() is None
        assert not kernel.alive(pid)
    finally:
        stop(p)
        kernel.until(lambda: "populated 0" in kernel.read(f"{group}/cgroup.events"))
        os.rmdir(group)


@pytest.mark.parametrize("path", ["../", "..", "../sibling", "/../x", "a/../..", "none", "x/../../y"])
def test_T59_exec_into_another_cgroup(box, path):
    box.up()
    box.exec("--cgroup", path).failed("cgroup")


def test_T59_exec_into_a_sub_cgroup(box):
    box.up()
    group = f"{host.CGROUP}/orlop/{box.id}/sub"
    os.mkdir(group)
    p = box.orlop.popen("exec", "--cgroup", "sub", box.id, "/bin/probe", "pause")
    kernel.until(lambda: kernel.read(p.out_path))
    assert len(kernel.read(f"{group}/cgroup.procs").split()) == 1
    box.kill("KILL").ok()
    box.orlop.finish(p)


# ---- T60

def test_T60_same_id_many_times(box):
    """One winner; the losers do not touch what it has."""
    box.args("pause").write()
    for _ in range(3):
        calls = [box.orlop.popen("create", "-b", box.bundle, box.id) for _ in range(8)]
        ends = [box.orlop.finish(p) for p in calls]
        assert sorted(r.rc for r in ends) == [0] + [1] * 7
        for r in ends:
            if r.rc:
                r.failed("already exists")
        assert box.status() == "created"
        box.start().ok()
        assert box.status() == "running"
        box.delete("--force").ok()


def test_T60_under_random_kills(box):
    box.args("pause").write()
    for i in range(4):
        calls = [box.orlop.popen("create", "-b", box.bundle, box.id) for _ in range(6)]
        for p in calls[i % 3::3]:
            p.kill()
        for p in calls:
            p.wait()
        box.orlop("delete", "--force", box.id).ok()
        assert box.orlop.ids() == []
    # the rest is seen by the comparison of processes, cgroups and mounts


# ---- T61

def test_T61_local_spies(box, orlop, tmp):
    """Another user of the host finds nothing to read, and no abstract socket."""
    box.args("pause").create(env={**orlop.env, "SECRET": "x"}).ok()
    pid = box.pid
    look = (f"for f in {orlop.root}/{box.id}/* {orlop.root}/{box.id} /proc/{pid}/environ /proc/{pid}/fd /proc/{pid}/mem; do "
            "head -c 1 $f >/dev/null 2>&1 && echo READ $f; ls $f/ >/dev/null 2>&1 && echo LIST $f; done; true")
    r = subprocess.run(["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups", "sh", "-c", look],
                       capture_output=True, text=True, check=True)
    assert r.stdout == ""
