# SPDX-License-Identifier: GPL-2.0-or-later
"""
A hostile process in a pid namespace into which others come: what it can see of them, and whom it can hold up.

probe/neighbour.c looks at each new process for as long as the test runs; old peers, and orlop without its defences,
show it the host's files in every second run.
"""
import json
import os
import subprocess
import time

import pytest
from lib import config as conf
from lib import host
from lib.box import BIN, SLOW

SECRET = "open-sesame"
POWERS = ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"]
RUNS = 40 // SLOW


class Neighbour:
    def __init__(self, argv, stdin, stdout, end):
        self.argv, self.stdin, self.stdout, self._end = argv, stdin, stdout, end

    def saw(self):
        self.stdin.write(b"end\n")
        self.stdin.flush()
        text = self.stdout.readline()
        self._end()
        return json.loads(text)


def wait_ready(stream):
    assert stream.readline() == b"READY\n"


def in_container(box, *command):
    """The first process of a container, with CAP_SYS_PTRACE and all the power over processes there is."""
    box.args("neighbour", *command)
    conf.set_caps(box.process, [*conf.DEFAULT_CAPS, *POWERS])
    box.write()
    p = box.orlop.popen("run", "--bundle", box.bundle, box.id, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    wait_ready(p.stdout)

    def end():
        p.stdin.close()
        while p.poll() is None:  # a pid namespace ends when what exec left in it is collected
            host.reap()
            time.sleep(0.002)
        p.stdout.close()
    return Neighbour(command, p.stdin, p.stdout, end)


@pytest.fixture
def on_the_host():
    """A process of uid 0 without any capability, in our own pid namespace."""
    started = []

    def start(*command):
        p = subprocess.Popen(["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", f"{BIN}/probe",
                              "neighbour", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        started.append(p)
        wait_ready(p.stdout)
        return Neighbour(command, p.stdin, p.stdout, lambda: p.wait(20))
    yield start
    for p in started:
        p.kill()
        p.wait()
        p.stdin.close()
        p.stdout.close()


@pytest.fixture
def secret_file(tmp):
    path = f"{tmp}/secret"
    with open(path, "w") as f:
        f.write(SECRET)
    return path


def pid_of(box):
    return box.state()["pid"]


def secret_env(box):
    return {**box.orlop.env, "SESAME": SECRET}


def nothing_of_the_host(saw, processes):
    assert saw["processes"] >= processes, saw  # it was awake
    assert (saw["roots"], saw["directories"], saw["environments"]) == (0, 0, 0), saw


@pytest.mark.parametrize("nnp", [True, False])
def test_T35_exec_shows_nothing_of_the_host(box, secret_file, nnp):
    """Nor more capabilities than the process was to get, with and without no_new_privs."""
    box.process["noNewPrivileges"] = nnp
    box.config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mount", "setns"], "action": "SCMP_ACT_ERRNO"}]}
    spy = in_container(box, "spy", secret_file, SECRET)
    for _ in range(RUNS):
        box.orlop("exec", box.id, "/bin/probe", "exit", "0", env=secret_env(box)).ok()
    saw = spy.saw()
    nothing_of_the_host(saw, RUNS // 2)
    more = saw["caps"] & ~sum(1 << conf.ALL_CAPS.index(c) for c in {*conf.DEFAULT_CAPS, *POWERS})
    assert more == 0, hex(more)


@pytest.mark.parametrize("user", [False, True])
def test_T37_container_in_a_pod_shows_nothing_of_the_host(make_box, secret_file, user):
    one, two = make_box(), make_box()
    if user:
        conf.userns(one.config)
    spy = in_container(one, "spy", secret_file, SECRET)
    conf.namespace(two.config, "pid", f"/proc/{pid_of(one)}/ns/pid")
    if user:
        conf.namespace(two.config, "user", f"/proc/{pid_of(one)}/ns/user")
    two.args("exit", "0")
    two.write()
    for _ in range(RUNS):
        two.orlop("run", "--bundle", two.bundle, two.id, env=secret_env(two)).ok()
    nothing_of_the_host(spy.saw(), RUNS // 2)


@pytest.mark.parametrize("how", ["user namespace", "id-mapped mount", "host's pid namespace"])
def test_T111_nothing_is_open_to_root_without_capabilities(box, tmp, on_the_host, secret_file, how):
    maps = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    if how == "user namespace":
        conf.userns(box.config)
    elif how == "id-mapped mount":
        os.mkdir(f"{tmp}/volume")
        box.mounts.append({"destination": "/vol", "type": "bind", "source": f"{tmp}/volume", "options": ["bind"],
                           "uidMappings": maps, "gidMappings": maps})
    else:
        conf.without_namespace(box.config, "pid")
    box.args("exit", "0")
    box.write()
    spy = on_the_host("spy", secret_file, SECRET)
    for _ in range(RUNS):
        r = box.orlop("run", "--bundle", box.bundle, box.id, env=secret_env(box))
        if how == "id-mapped mount" and r.rc:
            pytest.skip(f"no id-mapped mounts here: {r.err}")
        r.ok()
    saw = spy.saw()
    # its own programs, and those of the test, it may look into
    assert saw["processes"] >= RUNS and saw["environments"] == 0, saw
    assert saw["directories"] == 0, saw


# ---- deadlines --------------------------------------------------------------------------------------


def in_time(run):
    """It ran, or was ended: within a time that nobody in a container changes."""
    began = time.monotonic()
    r = run()
    took = time.monotonic() - began
    assert took < 15 * SLOW, (took, r)
    if r.rc:
        assert "was stopped" in r.err, r
    return r.rc


def test_T109_exec_detached_is_not_held_up(box):
    stopper = in_container(box, "stop", "all")
    ended = []
    while len(ended) < 4 or not any(ended) and len(ended) < 30:  # on a busy machine it is seldom quick enough
        ended.append(in_time(lambda: box.orlop("exec", "--detach", box.id, "/bin/probe", "exit", "0", timeout=30)))
    assert stopper.saw()["stopped"] > 0
    assert any(ended), "none was caught before its program: nothing is shown"


@pytest.mark.parametrize("command", ["run", "start"])
def test_T109_container_in_a_pod_is_not_held_up(make_box, command):
    one, two = make_box(), make_box()
    stopper = in_container(one, "stop", "all")
    conf.namespace(two.config, "pid", f"/proc/{pid_of(one)}/ns/pid")
    two.args("exit", "0")
    two.write()
    ended = []
    while len(ended) < 4 or not any(ended) and len(ended) < 30:  # on a busy machine it is seldom quick enough
        if command == "run":
            rc = in_time(lambda: two.orlop("run", "--detach", "--bundle", two.bundle, two.id, timeout=30))
        else:
            rc = in_time(lambda: two.orlop("create", "--bundle", two.bundle, two.id, timeout=30)) or \
                in_time(lambda: two.orlop("start", two.id, timeout=30))
        ended.append(rc)
        two.orlop("delete", "--force", two.id).ok()
    assert stopper.saw()["stopped"] > 0
    assert any(ended), "none was caught before its program: nothing is shown"
