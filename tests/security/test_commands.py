# SPDX-License-Identifier: GPL-2.0-or-later
"""
Of all commands: what a fatal signal leaves (T37), many of them at once (T47), the calls they make (T90), and bytes
that nobody would write (T73, T101: tests/fuzz).
"""
import fcntl
import glob
import json
import os
import random
import re
import resource
import signal
import subprocess
import threading
import time

import pytest
from lib import box as box_module
from lib import host, kernel
from lib.box import deadline
from lib.config import bind, mount
from tools.step import box_step, points, step

# ---- T37: core dumps


def unlimited():
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def cores(tmp):
    return [os.path.join(top, f) for top, _, files in os.walk(tmp) for f in files if re.fullmatch(r"core(\.\d+)?", f)]


def crashed_at(box, tmp, at):
    os.makedirs(f"{tmp}/cwd", exist_ok=True)
    for role, k, call in at:
        box_step(box, [f"{role}:{k}=run:kill -SEGV $STEP_PID"], "run", "--bundle", box.bundle, preexec_fn=unlimited, cwd=f"{tmp}/cwd")
        box.delete("--force")
        assert not cores(tmp), f"a core dump of process {role}, call {k} {call}"


def crashing(box):
    if kernel.read("/proc/sys/kernel/core_pattern").strip() != "core":
        pytest.skip("core dumps go elsewhere here")
    box.args("true")
    box.process["rlimits"].append({"type": "RLIMIT_CORE", "soft": 1 << 40, "hard": 1 << 40})
    run = box_step(box, ["*:*=log"], "run", "--bundle", box.bundle, preexec_fn=unlimited)
    assert run.rc == 0, run
    # of the parent from the first clone on; before it has nothing that is not the caller's
    made = [c["k"] for c in run.calls("0") if c["call"] == "clone3"][0]
    return [p for p in points(run, skip={"mmap", "munmap", "close", "prctl", "mprotect"}) if p[0] != "0" or p[1] > made]


@pytest.mark.case("T37")
@pytest.mark.needs_native("a run for each call")
def test_T37_no_core_dump_at_any_call(box, tmp, sample):
    crashed_at(box, tmp, sample(crashing(box)))


@pytest.mark.control("T37")
@pytest.mark.needs_native("core dumps")
def test_control_of_T37(box, tmp, mutant):
    mutant("T35")
    with pytest.raises(AssertionError, match="a core dump"):
        crashed_at(box, tmp, crashing(box)[::20])
    for path in cores(tmp):
        os.unlink(path)


# ---- T47: many commands at once

BEFORE = {"creating": set(), "created": {"creating"}, "running": {"created", "paused", "creating"}, "paused": {"running"},
          "stopped": {"created", "running", "paused", "creating"}}


def storm(make_box, seconds, ids=4, workers=8):
    boxes = [make_box() for _ in range(ids)]
    for b in boxes:
        b.args("pause").write()
    orlop, wrong, over = boxes[0].orlop, [], time.monotonic() + seconds
    lock = threading.Lock()

    def work(seed):
        dice = random.Random(seed)
        while time.monotonic() < over and not wrong:
            b = dice.choice(boxes)
            verb = dice.choice(("create", "create", "start", "start", "exec", "pause", "resume", "kill", "delete", "delete", "state"))
            args = {"create": ("--bundle", b.bundle, b.id), "exec": (b.id, "/bin/probe", "true"), "kill": (b.id, "KILL"),
                    "delete": ("--force", b.id)}.get(verb, (b.id,))
            begin = time.monotonic()
            with lock:
                p = orlop.popen(verb, *args)
            if dice.random() < 0.1:
                time.sleep(dice.random() * 0.01)
                p.kill()
            r = orlop.finish(p)
            if time.monotonic() - begin > deadline(15):
                wrong.append(f"{verb} took {time.monotonic() - begin:.1f} s")
            if verb == "state" and r.rc == 0 and json.loads(r.out)["status"] not in BEFORE:
                wrong.append(f"state: {r}")
            if "damaged" in r.err or "malformed" in r.err or r.rc < 0 and r.rc != -signal.SIGKILL:
                wrong.append(f"{verb}: {r}")

    threads = [threading.Thread(target=work, args=(i,)) for i in range(workers)]
    for t in threads:
        t.start()
    while any(t.is_alive() for t in threads):
        with lock:      # of killed commands; a pid namespace ends when all of it is collected
            host.reap()
        time.sleep(0.005)
    return boxes, wrong


def storm_leaves_nothing(make_box, seconds):
    before = host.Snapshot()
    boxes, wrong = storm(make_box, seconds)
    for b in boxes:
        b.orlop("delete", "--force", b.id)
    assert not wrong, wrong
    before.assert_same(deadline(5))


@pytest.mark.case("T47")
def test_T47_storm(make_box, request):
    storm_leaves_nothing(make_box, 60 if request.config.getoption("--every") == 1 else 4)


def start_while_locked(box):
    """Another command works on it: `start` waits a second, and gives up."""
    box.args("pause").create().ok()
    other = os.open(f"{box.orlop.root}/{box.id}", os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    try:
        box.start().failed("busy")
        assert box.status() == "created"
    finally:
        os.close(other)


@pytest.mark.case("T47")
def test_T47_locked_by_another(box):
    start_while_locked(box)
    box.start().ok()


@pytest.mark.control("T47")
def test_control_of_T47(box, mutant):
    mutant("T47")
    with pytest.raises(AssertionError):
        start_while_locked(box)


# ---- T90: what we ask the kernel for


def trace(box, tmp):
    """Calls of the container process by strace, once it has the root of the container open."""
    box.linux["devices"] = [{"path": "/dev/sub/x", "type": "c", "major": 1, "minor": 5}]
    box.mounts += [bind(box.bundle, "/a/b/c", "ro"), mount("/t", "tmpfs", "t")]
    box.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    box.args("true")
    path = f"{tmp}/trace"
    r = box.run(wrap=["strace", "-ff", "-o", path, "-e", "trace=%file,mount,umount2,kill,mknod,mknodat,chdir,%desc", "-s", "300"])
    assert r.rc == 0, r
    texts = [kernel.read(p) for p in glob.glob(f"{path}.*")]
    return next(t for t in texts if "pivot_root(" in t)


def by_name(text):
    """Calls by which a name of the container would be used by itself, after the root was opened."""
    wrong, inside = [], False
    for line in text.splitlines():
        call = line.split("(")[0]
        inside |= call == "move_mount" and '"/"' in line or "openat2" in line
        if "execve(" in line:
            break
        if not inside:
            continue
        # one component below a descriptor that is neither the working directory nor missing
        named = re.match(r'openat\((\d+), "([^"]*)"', line)
        if call in ("mount", "kill", "mknod", "symlink", "chown", "open", "creat", "rename", "link", "truncate"):
            wrong.append(line)
        if call == "umount2" and '"."' not in line and '"/proc' not in line:
            wrong.append(line)
        if named and "/" in named[2] and not named[2].startswith(("self/", "thread-self/")) and not re.match(r"\d+/", named[2]):
            wrong.append(line)
    return wrong


@pytest.mark.case("T90")
@pytest.mark.needs_native("strace")
def test_T90_no_name_is_used_twice(box, tmp):
    wrong = by_name(trace(box, tmp))
    assert not wrong, "\n".join(wrong)


@pytest.mark.control("T90")
@pytest.mark.needs_native("strace")
def test_control_of_T90(box, tmp, mutant):
    mutant("T20")
    assert by_name(trace(box, tmp))


# ---- T73, T101: bytes

FUZZ = os.path.realpath(f"{box_module.BIN}/../../fuzz")


def replay(build, name, **env):
    program = f"{build}/{name}_fuzz"
    if not os.path.exists(program):
        pytest.skip(f"{program} is not built")
    source = os.path.realpath(f"{os.path.dirname(__file__)}/../..")
    return subprocess.run([program], capture_output=True, text=True, timeout=deadline(120), env={"srcdir": source, **env})


@pytest.mark.case("T73")
@pytest.mark.parametrize("name", ["config", "process", "resources", "json", "mount_options", "passwd", "state", "words", "seccomp",
                                  "cmdline", "format"])
def test_T73_bytes(name):
    r = replay(FUZZ, name)
    assert r.returncode == 0, r


@pytest.mark.case("T101")
@pytest.mark.parametrize("name", ["protocol", "notify"])
def test_T101_bytes_of_the_other_side(name):
    r = replay(FUZZ, name)
    assert r.returncode == 0, r


@pytest.mark.control("T73")
@pytest.mark.control("T101")
@pytest.mark.parametrize("name,defence", [("json", "T73"), ("protocol", "T101")])
def test_control_of_T73_and_T101(name, defence, mutant):
    mutant(defence)
    build = os.path.join(os.path.dirname(os.path.realpath(os.environ["ORLOP_MUTANT"])), "tests/fuzz")
    r = replay(build, name, ORLOP_MUTATE=defence)
    assert r.returncode != 0 and "does not hold" in r.stderr, r


# ---- what the parent sets on a process that does not wait for it


@pytest.mark.needs_native("the same calls everywhere")
def test_slow_parent_of_exec_sets_all_the_same(box):
    """The one that clones the process of exec works on: what is set on it may come too late for its successor."""
    box.up()
    with open(f"{box.bundle}/slow.json", "w") as f:
        json.dump({"args": ["/bin/probe"], "env": [], "cwd": "/", "user": {"uid": 0, "gid": 0}, "oomScoreAdj": 321}, f)
    r = step(box.orlop, ["0:openat=delay:60"], "exec", "--process", f"{box.bundle}/slow.json", box.id)
    assert r.rc == 0 and r.json()["oom_score_adj"] == "321\n", r
