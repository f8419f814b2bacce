# SPDX-License-Identifier: GPL-2.0-or-later
"""
pause, resume, kill and delete where the kernel does not do as asked at once: processes that wait in it, threaded
cgroups, cgroups that somebody else has changed (threats.md T103, T104, T105). All end in time, and hit nobody else.
"""
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from lib import config as conf
from lib import host, kernel
from lib.box import deadline, stop, timed
from lib.hung import Hung

pytestmark = [pytest.mark.kernel, pytest.mark.one_vm]


def group(box):
    return f"{host.CGROUP}/orlop/{box.id}"


def value(box, file):
    return kernel.read(f"{group(box)}/{file}").strip()


def write(path, text):
    with open(path, "w") as f:
        f.write(str(text))


def cpu_seconds(pid):
    return sum(map(int, kernel.stat_fields(pid)[11:13]))


@pytest.fixture
def enter():
    """enter(directory, command...): a process of the host that is moved into a cgroup before its program begins."""
    started = []

    def run(directory, *command, **kw):
        p = subprocess.Popen(["sh", "-c", 'echo $$ >"$0/cgroup.procs"; exec "$@"', directory, *command], **kw)
        host.POPEN.add(p.pid)
        started.append(p)
        kernel.until(lambda: str(p.pid) in kernel.read(f"{directory}/cgroup.procs").split(), deadline(5))
        return p

    yield run
    for p in started:
        stop(p)


@pytest.fixture
def hung(tmp, enter):
    if not os.path.exists("/dev/fuse"):
        pytest.skip("no /dev/fuse")
    h = Hung(f"{tmp}/hung")
    yield h
    h.end()


def waits_for(hung, enter, box):
    """A process of the container that is in the kernel until the file system answers."""
    p = enter(group(box), "cat", f"{hung.path}/x")
    assert hung.asked.wait(deadline(5))
    return p


# ---- what does not freeze, and does not die ----------------------------------------------------------


def test_T104_what_does_not_freeze(box, hung, enter):
    """pause gives up in time, says so, and lets the others go on."""
    box.args("spin", "1000").create().ok()
    box.start().ok()
    waits_for(hung, enter, box)
    took, r = timed(box.orlop, "pause", box.id)
    r.failed("pause container", "did not freeze", "run again")
    assert took < deadline(13) and value(box, "cgroup.freeze") == "0" and box.status() == "running"
    before = cpu_seconds(box.pid)
    kernel.until(lambda: cpu_seconds(box.pid) > before, deadline(5), "it computes again")


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_T104_interrupted(box, hung, enter, sig):
    """A caller that loses its patience leaves nothing frozen."""
    box.args("spin", "1000").create().ok()
    box.start().ok()
    waits_for(hung, enter, box)
    p = box.orlop.popen("pause", box.id)
    kernel.until(lambda: value(box, "cgroup.freeze") == "1", deadline(5), "it is on its way")
    p.send_signal(sig)
    took, r = timed(box.orlop.finish, p)
    r.failed("interrupted by", signal.Signals(sig).name, "run again")
    assert took < deadline(2) and value(box, "cgroup.freeze") == "0"
    before = cpu_seconds(box.pid)
    kernel.until(lambda: cpu_seconds(box.pid) > before, deadline(5), "it computes again")


def test_T105_what_does_not_die(box, hung, enter):
    """delete says which process it is, keeps the state, and succeeds when the process can end."""
    box.up()
    p = waits_for(hung, enter, box)
    took, r = timed(box.delete, "--force")
    r.failed(str(p.pid), "delete container")
    assert took < deadline(14) and box.status() == "stopped" and kernel.stat_fields(p.pid)[0] == "D"
    hung.end()
    p.wait()
    box.delete().ok()
    assert not os.path.exists(group(box))


# ---- threaded cgroups ------------------------------------------------------------------------------------

THREADS = """
import os, threading, time
def work():
    tid = threading.get_native_id()
    open(os.environ["AT"] + "/cgroup.threads", "w").write(str(tid))
    print("in", flush=True)
    time.sleep(1000)
threading.Thread(target=work).start()
"""


@pytest.fixture
def threaded(box, enter):
    """A process of the container, a thread of which is in a threaded cgroup below."""
    box.up()
    sub = f"{group(box)}/t"
    os.mkdir(sub)
    write(f"{sub}/cgroup.type", "threaded")
    p = enter(group(box), sys.executable, "-c", THREADS, env={**os.environ, "AT": sub}, stdout=subprocess.PIPE, text=True)
    assert p.stdout.readline() == "in\n"
    assert kernel.read(f"{sub}/cgroup.threads").split()
    return p


@pytest.mark.parametrize("words", [["kill", "--all", "ID", "KILL"], ["kill", "--all", "ID", "TERM"], ["delete", "--force", "ID"]], ids=str)
@pytest.mark.parametrize("paused", [False, True])
def test_threaded(box, threaded, words, paused):
    """Nobody is left out, in whichever cgroup its threads are."""
    if paused:
        box.orlop("pause", box.id).ok()
        kernel.until(lambda: value(box, "t/cgroup.events").split()[3] == "1", deadline(5), "it is frozen, too")
    took, r = timed(box.orlop, *[box.id if w == "ID" else w for w in words])
    r.ok()
    assert took < deadline(5)
    threaded.wait(deadline(5))
    box.delete("--force").ok()
    assert not os.path.exists(group(box))


def test_threaded_ps_and_exec(box, threaded):
    pids = box.orlop("ps", "--format", "json", box.id).json()
    assert {box.pid, threaded.pid} <= set(pids)
    box.exec("--", "exit", "0").ok()
    assert box.status() == "running"


# ---- nobody else -------------------------------------------------------------------------------------------


def test_kill_all_is_for_this_one_alone(box, make_box):
    """Neighbours whose names begin the same, and the processes of the cgroup above, live on."""
    other = make_box()
    box.linux["cgroupsPath"] = f"/{host.TAG}above/a"
    other.linux["cgroupsPath"] = f"/{host.TAG}above/ab"
    box.up()
    pid = other.up()
    for sig in ("TERM", "KILL"):
        box.kill("--all", sig).ok()
    box.delete("--force").ok()
    assert kernel.alive(pid) and other.status() == "running"
    other.delete("--force").ok()
    assert not os.path.exists(f"{host.CGROUP}/{host.TAG}above"), "the last one removes it"


def test_T103_kill_all_of_a_fork_bomb(box):
    """A signal that is ignored: sent to all that are there, or an error that says what to do; in time either way."""
    uid = 61000 + os.getpid() % 4000
    box.process["user"] = {"uid": uid, "gid": uid}
    box.process["rlimits"].append({"type": "RLIMIT_NPROC", "soft": 150, "hard": 150})
    box.args("flood").create().ok()
    box.start().ok()
    kernel.until(lambda: len(value(box, "cgroup.procs").split()) > 100, deadline(15), "the bomb goes off")
    took, r = timed(box.kill, "--all", "TERM")
    assert took < deadline(12)
    if r.rc:
        r.failed("pause the container first")
    box.orlop("pause", box.id).ok()
    box.kill("--all", "TERM").ok()
    took, r = timed(box.kill, "--all", "KILL")
    r.ok()
    box.wait_stopped()
    box.delete().ok()


# ---- cgroups that are not ours alone -----------------------------------------------------------------------


def test_T104_cgroup_that_stays_is_not_left_frozen(box):
    """It was there before: it is not removed, and whoever uses it next is not stopped by our pause."""
    path = f"/{host.TAG}mine"
    os.mkdir(host.CGROUP + path)
    try:
        box.linux["cgroupsPath"] = path
        for end in (["--force"], None):
            box.up()
            box.orlop("pause", box.id).ok()
            if end is None:
                box.kill("KILL").ok()
                box.wait_stopped()
            box.delete(*(end or [])).ok()
            assert kernel.read(f"{host.CGROUP}{path}/cgroup.freeze").strip() == "0"
    finally:
        box.delete("--force")
        os.rmdir(host.CGROUP + path)


def test_resume_below_a_frozen_cgroup(box):
    """Somebody froze the one above: said at once."""
    above = f"{host.CGROUP}/{host.TAG}above"
    box.linux["cgroupsPath"] = f"/{host.TAG}above/x"
    box.up()
    write(f"{above}/cgroup.freeze", 1)
    kernel.until(lambda: box.status() == "paused", deadline(5))
    took, r = timed(box.orlop, "resume", box.id)
    r.failed("one above it is frozen")
    assert took < deadline(2)
    write(f"{above}/cgroup.freeze", 0)
    kernel.until(lambda: box.status() == "running", deadline(5))
    box.delete("--force").ok()


def test_pause_of_a_process_that_is_elsewhere(box):
    """Moved out of the cgroup by somebody else: to freeze the empty one is no pause."""
    pid = box.up()
    write(f"{host.CGROUP}/cgroup.procs", pid)
    box.orlop("pause", box.id).failed("is not in", f"/orlop/{box.id}")
    assert value(box, "cgroup.freeze") == "0" and box.status() == "running"
    box.delete("--force").ok()
    assert not kernel.alive(pid)


def test_many_at_once(box):
    """pause and resume, again and again from all sides: each succeeds or says why; at the end it runs."""
    box.up()
    wrong, over = [], time.monotonic() + 1.5
    lock = threading.Lock()

    def work(verb):
        while time.monotonic() < over:
            with lock:
                p = box.orlop.popen(verb, box.id)
            r = box.orlop.finish(p)
            if r.rc and "paused" not in r.err:
                wrong.append(r)
    threads = [threading.Thread(target=work, args=(v,)) for v in ("pause", "resume") * 2]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong
    box.orlop("resume", box.id)
    assert box.status() == "running" and value(box, "cgroup.freeze") == "0"


def test_directories_above(make_box):
    """The last one removes what any of them has made, and nothing that was there before."""
    top = f"{host.CGROUP}/{host.TAG}top"
    os.mkdir(top)
    try:
        boxes = [make_box() for _ in range(3)]
        for b, name in zip(boxes, ("mid/a", "mid/b", "mid/low/c")):
            b.linux["cgroupsPath"] = f"/{host.TAG}top/{name}"
            b.up()
        for b in boxes:
            assert os.path.isdir(f"{top}/mid")
            b.delete("--force").ok()
        assert os.listdir(host.CGROUP).count(f"{host.TAG}top") == 1 and not os.path.exists(f"{top}/mid")
    finally:
        os.rmdir(top)


# ---- a threaded cgroup to be made in -------------------------------------------------------------------------


@pytest.fixture
def domain():
    above = f"{host.CGROUP}/{host.TAG}domain"
    os.makedirs(f"{above}/t")
    write(f"{above}/t/cgroup.type", "threaded")
    yield above
    os.rmdir(f"{above}/t")
    os.rmdir(above)


def test_in_a_threaded_cgroup(box, domain):
    """Without limits a container can be in one, which then tells only threads: all commands find its processes."""
    box.linux["cgroupsPath"] = f"/{host.TAG}domain/t"
    conf.without_namespace(box.config, "cgroup")
    box.args("spin", "1000").create().ok()
    box.start().ok()
    pid = box.pid
    box.exec("--detach", "--", "pause").ok()
    assert pid in box.orlop("ps", "--format", "json", box.id).json()
    box.orlop("pause", box.id).ok()
    assert box.status() == "paused"
    box.orlop("resume", box.id).ok()
    took, r = timed(box.kill, "--all", "KILL")
    r.ok()
    kernel.until(lambda: (host.reap(), box.status() == "stopped")[1], deadline(5))
    box.delete().ok()
    assert took < deadline(5) and os.path.exists(f"{domain}/t")
    assert not kernel.read(f"{domain}/t/cgroup.threads")
    box.up()
    box.delete("--force").ok()


def test_below_a_threaded_cgroup(box, domain):
    """What is made there is invalid until it is threaded, too: refused, and nothing is left."""
    box.linux["cgroupsPath"] = f"/{host.TAG}domain/t/x"
    box.refused("threaded")
    assert not os.path.exists(f"{domain}/t/x")


# ---- a limit that does not come true ---------------------------------------------------------------------------


HOG = "import sys; x = bytearray(40 << 20); print('ready', flush=True); open(sys.argv[1])"


@pytest.mark.needs_vm("needs the memory controller")
def test_T105_memory_that_is_not_given_back(box, hung, enter):
    """Who has it waits in the kernel and cannot be killed for it: update sets the limit, and does not wait for ever."""
    box.up()
    p = enter(group(box), sys.executable, "-c", HOG, f"{hung.path}/x", stdout=subprocess.PIPE, text=True)
    assert p.stdout.readline() == "ready\n" and hung.asked.wait(deadline(5))
    took, r = timed(box.orlop, "update", "--memory", "8M", "--memory-swap", "8M", box.id, timeout=deadline(30))
    r.ok()
    assert took < 25 and value(box, "memory.max") == str(8 << 20)
    hung.end()
    p.wait()
