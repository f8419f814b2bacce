# SPDX-License-Identifier: GPL-2.0-or-later
"""`--trace` and `trace`: the phases of all processes, at no cost when it is off, and nothing of it in the container."""
import json
import os
import re
from collections import Counter
from xml.etree import ElementTree

import pytest
from lib import kernel
from lib.config import ALL_CAPS, set_caps


@pytest.fixture
def traced(box):
    box.file_of_trace = f"{box.bundle}/trace.json"
    box.orlop.options = ["--trace", box.file_of_trace]
    return box


def events(box):
    with open(box.file_of_trace) as f:
        document = json.load(f)
    assert document["displayTimeUnit"] == "ms"
    for e in document["traceEvents"]:
        assert e["ph"] in "MX" and e["pid"] == 1 and e["tid"] in (1, 2)
    lanes = {e["tid"]: e["args"]["name"] for e in document["traceEvents"] if e["name"] == "thread_name"}
    assert lanes == {1: "runtime", 2: "container"}
    return [(lanes[e["tid"]], e["name"], e["ts"], e["dur"]) for e in document["traceEvents"] if e["ph"] == "X"]


def names(box, lane):
    return [name for where, name, _, _ in events(box) if where == lane]


def test_all_phases_of_run(traced):
    for kind in "prestart", "createRuntime", "createContainer", "poststart", "poststop":
        traced.config.setdefault("hooks", {})[kind] = [{"path": "/bin/sh", "args": ["sh", "-c", "sleep 0.05"]}]
    traced.probe()
    found = events(traced)
    runtime, container = names(traced, "runtime"), names(traced, "container")
    assert runtime[0] == "orlop run" and len(runtime) == len([x for x in found if x[0] == "runtime"])
    for name in ("plan", "read the configuration", "make the cgroup", "clone the process", "read back", "write the state",
                 "wait for ROOTFS_READY", "wait for READY", "wait for the program", "wait for the end", "clean up"):
        assert name in runtime, name
    for name in "prestart", "createRuntime", "poststart", "poststop":
        assert f"{name} /bin/sh" in runtime
    assert [x for x in container if not x.startswith(("mount ", "wait "))][:6] == [
        "time namespace", "user namespace", "namespaces", "host names", "root file system", "mounts"]
    assert [x for x in container if x.startswith("mount ")] == [f"mount {m['destination']}" for m in traced.mounts]
    assert "createContainer /bin/sh" in container and container.index("credentials") > container.index("pivot")
    assert container[-1] == "exec", "without a filter to the end"
    whole = found[0]
    for lane, name, begin, took in found:
        assert begin >= 0 and took >= 0 and begin + took <= whole[2] + whole[3] + 1, name
        if name.endswith("/bin/sh"):
            assert took >= 50000, "a hook that sleeps"
    mounts = next(x for x in found if x[1] == "mounts")
    for _, name, begin, took in found:
        if name.startswith("mount /"):
            assert mounts[2] <= begin and begin + took <= mounts[2] + mounts[3] + 1, "inside of it"


def test_under_a_filter_no_clock_is_asked(traced):
    """It could be a call that the profile forbids: by killing."""
    traced.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["clock_gettime"], "action": "SCMP_ACT_KILL_PROCESS"}]}
    traced.probe()
    container = names(traced, "container")
    assert "credentials" in container and not {"ready", "start", "exec", "seccomp"} & set(container)


def test_other_commands(traced):
    traced.up()
    assert names(traced, "runtime") == ["orlop start", *names(traced, "runtime")[1:]]
    traced.exec("--", "exit", 0).ok()
    assert "orlop exec" in names(traced, "runtime") and "credentials" in names(traced, "container")
    traced.state()
    assert names(traced, "runtime") == ["orlop state"] and names(traced, "container") == []


def test_a_container_that_waits(traced):
    traced.args("pause")
    traced.create().ok()
    assert names(traced, "container")[-1] in ("ready", "wait for PROCEED", "start"), "where it was last"
    held = [os.readlink(f"/proc/{traced.pid}/fd/{n}") for n in os.listdir(f"/proc/{traced.pid}/fd")]
    assert not [x for x in held if "trace" in x], held
    traced.start().ok()
    kernel.until(lambda: kernel.read(f"/proc/{traced.pid}/cmdline").startswith("/bin/probe"), 15, "the program")
    assert "/dev/zero" not in kernel.read(f"/proc/{traced.pid}/maps"), "memory that is shared"


def test_whatever_comes_of_it(traced):
    traced.process["args"] = ["/nonexistent"]
    assert traced.run().rc != 0
    assert "plan" in names(traced, "runtime")
    traced.config["root"]["path"] = "nowhere"
    assert traced.run().rc != 0
    assert "plan" in names(traced, "runtime") and names(traced, "container") == []


def test_files_that_cannot_be(box):
    os.symlink(f"{box.bundle}/other", f"{box.bundle}/link")
    os.mkfifo(f"{box.bundle}/fifo")
    for path, word in (("/nonexistent/x", "no such file"), (f"{box.bundle}/link", "symbolic"), (f"{box.bundle}/fifo", ""),
                       (box.bundle, "directory"), ("/dev/null", "invalid")):
        box.orlop.options = ["--trace", path]
        box.refused("--trace", path, word, run=True)
    assert not os.path.exists(f"{box.bundle}/other")


def count(box, *options):
    log = f"{box.bundle}/strace"
    box.orlop.options = list(options)
    box.write()
    box.orlop("run", "--bundle", box.bundle, box.id, wrap=["strace", "-f", "-qq", "-o", log]).ok()
    lines = kernel.read(log).splitlines()
    calls = (re.match(r"\d+ +([a-z_0-9]+)\(", line) for line in lines)
    return Counter(m[1] for m in calls if m), "\n".join(lines)


def difference(box):
    """{call: how many more with a trace}, without those that depend on who is quicker."""
    off, text = count(box)
    on, text_on = count(box, "--trace", f"{box.bundle}/t.json")
    shared = r"mmap\(NULL, \d{6,}, PROT_READ\|PROT_WRITE, MAP_SHARED\|MAP_ANONYMOUS"
    assert re.search(shared, text_on) and not re.search(shared, text)
    assert "t.json" in text_on and "t.json" not in text
    vary = {"clock_gettime", "ppoll", "poll", "rt_sigprocmask", "restart_syscall", "wait4", "waitid", "recvmsg", "read", "sched_yield"}
    return {k: on[k] - off[k] for k in set(on) | set(off) if on[k] != off[k] and k not in vary}


def test_off_it_costs_nothing(box):
    """On, it is memory and a file; of what is marked no mark is a system call.  Off, not even these."""
    box.args("exit", 0)
    count(box)  # makes the state root
    may = {"openat", "close", "fstat", "newfstatat", "write", "mmap", "munmap", "madvise", "brk", "mremap", "getdents64", "ftruncate"}
    for _ in range(4):  # the cgroup above is other tests', too, and may come and go meanwhile
        more = difference(box)
        if set(more) <= may:
            break
    assert set(more) <= may and all(0 < n < 30 for n in more.values()), more


def test_environment_of_the_caller_costs_nothing(box):
    """musl maps a group of its own for the next small thing where the last group is full, and unmaps it when that is freed."""
    set_caps(box.process, sorted(ALL_CAPS)[:12])
    box.args("exit", 0)
    seen = {}
    for size in range(0, 3000, 250):
        box.orlop.env["X"] = "x" * size
        seen[size] = count(box)[0]["munmap"]
    assert max(seen.values()) <= min(seen.values()) + 5, seen


# ---- drawn ----------------------------------------------------------------------------------------


def test_text_and_picture(traced):
    traced.probe()
    found = events(traced)
    traced.orlop.options = []
    lines = traced.orlop("trace", traced.file_of_trace).ok().out.splitlines()
    assert len(lines) == len(found) + 1 and lines[0].split() == ["BEGIN", "ms", "TOOK", "ms", "PROCESS", "PHASE"]
    assert all(len(line) <= 80 and line.endswith("=") for line in lines[1:])
    assert re.match(r" +0\.000 +\d+\.\d{3} runtime +orlop run +=+$", lines[1])
    assert [line for line in lines if re.search(r"container +mount /proc +=+$", line)]
    picture = ElementTree.fromstring(traced.orlop("trace", "--svg", traced.file_of_trace).ok().out)
    texts = [e.text for e in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert {name for _, name, _, _ in found} <= set(texts)
    assert len(list(picture.iter("{http://www.w3.org/2000/svg}rect"))) == len(found) + 1
    with open(traced.file_of_trace) as f:
        assert traced.orlop("trace", "-", stdin=f).ok().out.splitlines() == lines


def draw(orlop, tmp, text, *options):
    with open(f"{tmp}/x.json", "w") as f:
        f.write(text if isinstance(text, str) else json.dumps(text))
    return orlop("trace", *options, f"{tmp}/x.json")


def test_files_of_others(orlop, tmp):
    """Names drive no terminal and are no markup."""
    evil = [{"ph": "X", "name": "\u001b[2J<script>&amp;", "ts": 5, "dur": 2.5, "pid": 7, "tid": 8},
            {"ph": "B", "name": "begin", "ts": 1}, {"ph": "X", "name": "without times"}, 5]
    out = draw(orlop, tmp, evil).ok().out
    assert "\u001b" not in out and "\\x1b[2J<script>" in out and len(out.splitlines()) == 2
    picture = draw(orlop, tmp, {"traceEvents": evil}, "--svg").ok().out
    assert "<script" not in picture and "\u001b" not in picture
    ElementTree.fromstring(picture)


@pytest.mark.parametrize("text,word", [
    ("", "not valid JSON"), ("{}", "no complete trace events"), ("[]", "no complete"), ('{"traceEvents": 5}', "no complete"),
    ('[{"ph": "X", "name": "x", "ts": -1, "dur": 1}]', "no complete"),
    ('[{"ph": "X", "name": "x", "ts": 1e99, "dur": 1}]', "no complete"),
    ("[" + ",".join(['{"ph": "X", "name": "x", "ts": 1, "dur": 1}'] * 10001) + "]", "too many")])
def test_bad_files(orlop, tmp, text, word):
    draw(orlop, tmp, text).failed(word, "x.json")


def test_no_file(orlop):
    orlop("trace", "/nonexistent").failed("read the trace /nonexistent", "no such file")
