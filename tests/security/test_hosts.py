# SPDX-License-Identifier: GPL-2.0-or-later
"""
What a container, its files and other users may do to the host, and what callers may do to it: T13, T14, T26, T45, T46,
T48, T60, T61.  Each attack has its control beside it: the same, without the defence.
"""
import json
import os
import signal
import subprocess

import pytest
from lib import host, kernel
from lib.box import deadline
from lib.config import bind, mount, set_caps
from tools.step import box_step, points, step
from tools.swap import SWAP, once

# a mount namespace in which all is shared, as on a host; its mounts before and after
SANDBOX = ["unshare", "-m", "sh", "-c", 'mount --make-rshared / && cat /proc/self/mountinfo >"$0.before"; "$@"; r=$?; '
           'cat /proc/self/mountinfo >"$0.after"; exit $r']

# ---- T13: the bundle is exchanged for another one


def bundle_at(box, make_box, sample):
    """Either all of the one or all of the other: never the configuration of one with the root of the other."""
    decoy = make_box()
    for b, word in ((box, "first"), (decoy, "second")):
        b.config["hostname"] = word
        b.file("etc/word", word)
        b.args("open", "/etc/word", "r", ",", "state")
        b.write()
    run = step(box.orlop, ["0:*=log"], "run", "--bundle", box.bundle, box.id)
    assert run.rc == 0, run
    for role, k, call in sample(points(run, skip={"mmap", "munmap", "brk", "mprotect", "rt_sigaction", "close"})):
        r = step(box.orlop, [f"{role}:{k}=run:{once(box.bundle, decoy.bundle)}"], "run", "--bundle", box.bundle, box.id)
        if "second" in kernel.read(f"{box.bundle}/config.json"):
            subprocess.run([SWAP, "once", box.bundle, decoy.bundle], check=True)
        assert r.rc in (0, 1), (k, call, r)
        if r.rc == 0:
            seen = r.json()
            assert seen["hostname"] == seen["results"][0]["text"], f"a mixture: call {k} {call}"


@pytest.mark.case("T13")
def test_T13_bundle_exchanged_at_each_call(box, make_box, sample):
    bundle_at(box, make_box, sample)


@pytest.mark.control("T13")
def test_control_of_T13(box, make_box, mutant):
    mutant("T13")
    with pytest.raises(AssertionError, match="a mixture"):
        bundle_at(box, make_box, list)


# ---- T14: mounts that reach the host


def leaks(box, tmp, *args, **kw):
    box.mounts.append(bind(f"{box.bundle}", "/m", "rbind", "rshared"))
    box.args("true").write()
    box.orlop(*args, "--bundle", box.bundle, box.id, wrap=[*SANDBOX, f"{tmp}/mounts"], **kw)
    return kernel.read(f"{tmp}/mounts.before") != kernel.read(f"{tmp}/mounts.after")


@pytest.mark.case("T14")
def test_T14_mounts_stay_inside(box, tmp):
    assert not leaks(box, tmp, "run")


@pytest.mark.control("T14")
def test_control_of_T14(box, tmp, mutant):
    mutant("T14")
    assert leaks(box, tmp, "run")


# ---- T26: the bundle is rewritten after `create`


def rewritten(box, tmp):
    """What `start`, `exec` and `delete` do when the file asks for more, and for hooks, by then."""
    marker = f"{tmp}/marker"
    box.process["user"] = {"uid": 1000, "gid": 1000}
    box.args("pause").create().ok()
    box.linux["maskedPaths"] = []
    set_caps(box.process, ["CAP_SYS_ADMIN"])
    box.process["noNewPrivileges"] = False
    box.process["user"] = {"uid": 0, "gid": 0}
    hook = {"path": "/bin/touch", "args": ["touch", marker]}
    box.config["hooks"] = {k: [hook] for k in ("prestart", "createRuntime", "startContainer", "poststart", "poststop")}
    box.write()
    os.rename(box.rootfs, f"{box.rootfs}.old")
    os.mkdir(box.rootfs)
    box.start().ok()
    seen = box.exec().json()
    box.delete("--force").ok()
    assert os.path.isdir(f"{box.rootfs}.old/bin") and os.path.isdir(box.rootfs), "deleted what it did not make"
    assert not os.path.exists(marker), "a hook of the new file has run"
    assert (seen["uids"][0], seen["no_new_privs"]) == (1000, 1), "exec goes by the new file"
    assert seen["caps"]["bounding"] & 1 << 21 == 0, "exec goes by the new file"


@pytest.mark.case("T26")
def test_T26_bundle_rewritten(box, tmp):
    rewritten(box, tmp)


@pytest.mark.control("T26")
def test_control_of_T26(box, tmp, mutant):
    mutant("T26")
    with pytest.raises(AssertionError, match="the new file"):
        rewritten(box, tmp)


# ---- T45, T46: another process with that pid


def strangers_pid(box):
    """The state of a dead container names a living process of ours, which has that pid but for the rest."""
    pid = box.up()
    path = f"{box.orlop.root}/{box.id}/state.json"
    state = json.loads(kernel.read(path))
    if not state["pidfdInode"]:
        pytest.skip("no pidfs")
    os.kill(pid, signal.SIGKILL)
    kernel.until(lambda: kernel.stat_fields(pid)[0] == "Z")
    host.reap()
    stranger = subprocess.Popen(["sleep", "1000"])
    state["pid"] = stranger.pid
    with open(path, "w") as f:
        json.dump(state, f)
    return stranger


def not_taken_for_ours(box):
    stranger = strangers_pid(box)
    try:
        assert box.status() == "stopped", "the stranger is taken for the container"
        box.exec().failed("not running")
        box.kill("KILL").failed("not running")
        box.orlop("pause", box.id).failed("not running")
        assert stranger.poll() is None and kernel.children(stranger.pid) == set()
    finally:
        alive = stranger.poll() is None
        stranger.kill()
        stranger.wait()
        host.POPEN.discard(stranger.pid)
    assert alive


@pytest.mark.case("T45", "T46")
def test_T45_T46_a_stranger_with_that_pid(box):
    not_taken_for_ours(box)


@pytest.mark.control("T45", "T46")
def test_control_of_T45(box, mutant):
    mutant("T45")
    with pytest.raises(AssertionError, match="the stranger is taken"):
        not_taken_for_ours(box)


@pytest.mark.case("T45")
@pytest.mark.needs_native("a run for each call")
def test_T45_init_dies_at_each_call_of_exec(box, sample):
    """exec ends in the container or not at all."""
    box.up()
    run = step(box.orlop, ["0:*=log"], "exec", box.id, "/bin/probe")
    assert run.rc == 0, run
    inside = run.json()["namespaces"]["mnt"]
    box.delete("--force").ok()
    ends = set()
    for role, k, call in sample(points(run, skip={"mmap", "munmap", "brk", "mprotect", "close", "rt_sigaction"})):
        pid = box.up()
        mine = kernel.ns_inode(pid, "mount")
        r = step(box.orlop, [f"{role}:{k}=run:kill -9 {pid}"], "exec", box.id, "/bin/probe")
        ends.add(r.rc)
        assert r.rc in (0, 255, 137), (k, call, r)
        if r.out.strip():
            assert r.json()["namespaces"]["mnt"] == mine != kernel.ns_inode("self", "mount"), (k, call, inside)
        box.delete("--force").ok()
    assert 255 in ends


# ---- T48: init leaves its namespaces


def init_leaves(box):
    box.add_busybox()
    set_caps(box.process, ["CAP_SYS_ADMIN"])
    box.process["args"] = ["/bin/sh", "-c", "exec /bin/busybox unshare -u /bin/probe pause"]
    box.create().ok()
    box.start().ok()
    kernel.until(lambda: "READY" in box.output())
    box.exec().failed("namespace")


@pytest.mark.case("T48")
def test_T48_init_leaves_a_namespace(box):
    init_leaves(box)


@pytest.mark.control("T48")
def test_control_of_T48(box, mutant):
    mutant("T48")
    with pytest.raises(AssertionError):
        init_leaves(box)


@pytest.mark.case("T48")
def test_T48_init_changes_what_it_sees(box):
    """Other mounts over /proc, /etc and /dev/pts, / shared, /bin replaced: exec has the saved confinement."""
    box.add_busybox()
    set_caps(box.process, ["CAP_SYS_ADMIN"])
    box.process["args"] = ["/bin/sh", "-c", "busybox mount -t tmpfs t /proc; busybox mount -t tmpfs t /dev/pts; "
                           "busybox mount -t tmpfs t /etc; busybox mount --make-rshared /; busybox mkdir /b; "
                           "busybox cp /bin/probe /b/probe; busybox mv /bin /old; busybox ln -s /proc/1/root/usr/bin /bin; "
                           "exec /b/probe pause"]
    box.process["env"] = ["PATH=/bin:/old:/b"]
    box.process["args"][0] = "/bin/sh"
    box.create().ok()
    before = kernel.read("/proc/self/mountinfo")
    box.start().ok()
    kernel.until(lambda: "READY" in box.output())
    r = box.exec("--cwd", "/proc", "--", "/b/probe")
    if r.rc == 0:
        seen = r.json()
        assert seen["namespaces"]["mnt"] != kernel.ns_inode("self", "mount") and seen["cwd"] == "/proc"
        assert [f["fd"] for f in seen["fds"]] in ([0, 1, 2], []) and seen["no_new_privs"] == 1
        assert seen["caps"]["bounding"] == 1 << 21
    box.exec("--tty", "--detach", "--console-socket", "/nonexistent", "--", "/b/probe").failed()
    assert kernel.read("/proc/self/mountinfo") == before


# ---- T60: one id twice


def second_creator(box):
    box.up()
    state = kernel.read(f"{box.orlop.root}/{box.id}/state.json")
    r = box.orlop("create", "--bundle", box.bundle, box.id)
    assert r.rc == 1 and "already exists" in r.err, f"made a second time: {r}"
    assert kernel.read(f"{box.orlop.root}/{box.id}/state.json") == state


@pytest.mark.case("T60")
def test_T60_second_creator(box):
    second_creator(box)


@pytest.mark.control("T60")
def test_control_of_T60(box, mutant, tmp):
    mutant("T60")
    with pytest.raises(AssertionError, match="made a second time"):
        second_creator(box)
    # what was lost of the first one
    for pid in [p for p in kernel.children() if kernel.alive(p)]:
        if kernel.ns_inode(pid, "pid") != kernel.ns_inode("self", "pid"):
            os.kill(pid, signal.SIGKILL)
    host.reap()
    box.orlop.clean()
    if os.path.isdir(f"{host.CGROUP}/orlop/{box.id}"):
        kernel.until(lambda: "populated 0" in kernel.read(f"{host.CGROUP}/orlop/{box.id}/cgroup.events"))
        os.rmdir(f"{host.CGROUP}/orlop/{box.id}")


# ---- T61: other users of the host


def spied(box, tmp):
    box.args("pause").create(env={**box.orlop.env, "SECRET": "x"}).ok()
    pid = box.pid
    look = (f"for f in {box.orlop.root}/{box.id}/* {box.orlop.root}/{box.id} /proc/{pid}/environ /proc/{pid}/fd /proc/{pid}/mem; "
            "do head -c 1 $f >/dev/null 2>&1 && echo READ $f; ls $f/ >/dev/null 2>&1 && echo LIST $f; done; true")
    r = subprocess.run(["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups", "sh", "-c", look],
                       capture_output=True, text=True, check=True)
    return r.stdout


@pytest.mark.case("T61")
def test_T61_nothing_for_spies(box, tmp):
    assert spied(box, tmp) == ""


@pytest.mark.control("T61")
def test_control_of_T61(box, tmp, mutant):
    mutant("T61")
    assert "LIST" in spied(box, tmp)
