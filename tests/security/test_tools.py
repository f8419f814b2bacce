# SPDX-License-Identifier: GPL-2.0-or-later
"""The tools see and do what they say."""
import os
import time

import pytest
from lib import host, kernel
from tools.host_ro import host_ro
from tools.step import box_step, finish, nth, points, start, step


def test_step_reports_every_call_of_every_process(box):
    run = box_step(box, ["*:*=log"], "run", "--bundle", box.bundle)
    assert run.rc == 0 and '"fds"' in run.out, run
    assert {c["role"] for c in run.calls()} == {"0", "0.1"}
    for role in ("0", "0.1"):
        assert [c["k"] for c in run.calls(role)] == list(range(1, len(run.calls(role)) + 1))
    names = [c["call"] for c in run.calls("0.1")]
    assert "pivot_root" in names and names[-1] == "execve"
    assert run.ends()["0"]["status"] == 0 and "0.1" not in run.ends(), "the program is left alone"
    assert len(points(run, skip={"mmap"})) == sum(c["call"] != "mmap" for c in run.calls())
    assert nth(run)[0] == ("0", run.calls("0")[0]["call"], 1)


def test_step_sees_what_a_process_has(box):
    box.args("true")
    run = box_step(box, ["0.1:pivot_root=report", "0.1:execve=report", "0:clone3=report"], "run", "--bundle", box.bundle,
                   dumpable=True, env={**box.orlop.env, "SESAME": "open"})
    parent = run.calls("0")[0]
    before, after = run.calls("0.1")
    rootfs = os.stat(box.rootfs)
    assert (after["root"]["dev"], after["root"]["ino"]) == (rootfs.st_dev, rootfs.st_ino)
    assert (before["root"]["ino"], before["root"]["tree"]) == (os.stat("/").st_ino, "own")
    assert parent["root"]["tree"] == "host" and parent["ns"]["mnt"] == kernel.ns_inode("self", "mount")
    assert after["ns"]["mnt"] == before["ns"]["mnt"] != parent["ns"]["mnt"]
    assert after["pids"] == [after["pid"], 1]
    assert {f["fd"] for f in after["fds"]} >= {0, 1, 2} and after["caps"][3] != 0
    assert after["no_new_privs"] == 1 and before["no_new_privs"] == 0
    assert before["dumpable"] == 0 and before["asked"] != 0
    assert "open" not in before["environ"]


def test_step_kills(box, orlop):
    run = box_step(box, ["0.1:pivot_root=kill"], "run", "--bundle", box.bundle)
    assert run.hit and run.rc == 1 and "signal 9" in run.err, run
    run = box_step(box, ["0:clone3=kill"], "run", "--bundle", box.bundle)
    assert run.rc == 137 and run.ends()["0"]["signal"] == 9, run


def test_step_fails_a_call(box):
    run = box_step(box, ["0.1:pivot_root=error:EMFILE"], "run", "--bundle", box.bundle)
    assert run.hit[0]["result"] == -24 and run.rc == 1 and "pivot_root" in run.err and "open files" in run.err, run


def test_step_lies(box):
    run = box_step(box, ["0.1:sethostname=return:0"], "run", "--bundle", box.bundle)
    assert run.hit and run.rc == 1, "a host name that is not set is told from one that is"


def test_step_runs_a_command_and_waits(box, tmp):
    begin = time.monotonic()
    run = box_step(box, [f"0.1:mkdirat#1=run:echo $STEP_ROLE $STEP_SYSCALL >{tmp}/seen; test -d /proc/$STEP_PID",
                         "0.1:pivot_root=delay:300"], "run", "--bundle", box.bundle)
    assert run.rc == 0 and [c.get("ran") for c in run.hit] == [0, None], run.hit
    assert kernel.read(f"{tmp}/seen") == "0.1 mkdirat\n"
    assert time.monotonic() - begin > 0.3


def test_step_never_hangs(box):
    run = box_step(box.args("pause"), [], "run", "--bundle", box.bundle, deadline=1)
    assert run.rc == 124 and run.late == ["0"]
    box.orlop("delete", "--force", box.id).ok()


def test_step_lets_go_of_what_outlives_the_command(box):
    run = box_step(box.args("pause"), ["*:*=log"], "create", "--bundle", box.bundle, "--pid-file", box.pid_file)
    assert run.rc == 0 and [e["role"] for e in run.events if e["event"] == "left"] == ["0.1"]
    assert "TracerPid:\t0" in kernel.read(f"/proc/{box.pid}/status")
    box.start().ok()


def test_step_counts_from_an_exec_on(box, orlop):
    run = step(orlop, ["0:*=log"], "--version", wrap=["sh", "-c", 'exec "$@"', "sh"], execs=2)
    assert "sh" not in run.out and run.rc == 0 and len(run.calls()) < 60


def test_step_stops_while_others_go_on(box):
    p = start(box.args("pause").orlop, ["0.1:pivot_root=delay:60000"], "run", "--bundle", box.bundle, box.id, deadline=2)
    box.write()
    assert finish(box.orlop, p).rc in (1, 124)


def test_host_ro_refuses_a_stray_write(box, tmp, canary):
    box.write()
    run = box.orlop("run", "--bundle", box.bundle, box.id, wrap=host_ro(box.orlop.root, box.bundle))
    assert run.rc == 0, run
    run = box.orlop("run", "--bundle", box.bundle, "--pid-file", f"{tmp}/elsewhere", box.id,
                    wrap=host_ro(box.orlop.root, box.bundle))
    run.failed("read-only")


@pytest.mark.case("T110")
@pytest.mark.control("T110")
def test_T110_undoing_left_out_is_seen(box, mutant, no_trace):
    mutant("T110")
    box.config["mounts"].append({"destination": "/x", "type": "nosuchfs"})
    before = host.Snapshot()
    box.create().failed("nosuchfs")
    assert "new in" in host.Snapshot().difference(before)
    del box.orlop.env["ORLOP_MUTATE"]
    box.orlop("delete", "--force", box.id).ok()
