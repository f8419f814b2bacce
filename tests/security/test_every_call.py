# SPDX-License-Identifier: GPL-2.0-or-later
"""
P2: every process that we make, at every system call: descriptors, root, directory, environment, command line,
dumpable, capabilities, against what its stage may have (tools/table.py).
"""
import json
import os
import socket

import pytest
from lib import config as conf
from lib import kernel
from test_rootless import SETPRIV, UID, As, ranges  # noqa: F401
from tools import sweep, table
from tools.step import box_step, finish, start, step

pytestmark = [pytest.mark.needs_native("the same calls everywhere"), pytest.mark.case("T31", "T35", "T36", "T111")]
SECRET = "open-sesame"
CAPS = sum(1 << conf.ALL_CAPS.index(c) for c in conf.DEFAULT_CAPS)


def env(box):
    return {**box.orlop.env, "SESAME": SECRET, "LISTEN_FDS": "0"}


def request(box, **kw):
    st = os.stat(box.rootfs)
    secrets = [SECRET, box.orlop.root, box.bundle]
    return table.Request((st.st_dev, st.st_ino), secrets, CAPS, CAPS, **kw)


def pid_namespace(pid):
    return kernel.ns_inode(pid, "pid")


def stepped(box, command, *args, **kw):
    run = box_step(box, ["*:*=report"], command, *args, dumpable=True, env=env(box), **kw)
    assert run.rc == 0, run
    assert len(run.calls()) > 100
    return run


def run_command(box, *args, **kw):
    box.args("true")
    return stepped(box, "run", "--bundle", box.bundle, *args, **kw)


def exec_command(box, *options, command=("/bin/probe", "true"), **kw):
    run = step(box.orlop, ["*:*=report"], "exec", *options, box.id, *command, dumpable=True, env=env(box), **kw)
    assert run.rc == 0 and len(run.calls()) > 100, run
    return run


def nothing_wrong(run, asked):
    found = table.check(run, asked)
    assert not found, "\n".join(found[:20])


@pytest.fixture
def console(tmp):
    """A socket that takes what is sent, and never reads it."""
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(f"{tmp}/console")
        s.listen(8)
        yield f"{tmp}/console"


# ---- own namespaces ---------------------------------------------------------------------------------


def test_run(box):
    nothing_wrong(run_command(box), request(box))


def test_create_and_start(box):
    """The container process from its birth, through the gate of `start`, to its program."""
    box.args("true")
    box.write()
    p = start(box.orlop, ["*:*=report"], "create", "--bundle", box.bundle, "--pid-file", box.pid_file, box.id,
              dumpable=True, linger=8000, env=env(box))
    kernel.until(lambda: os.path.exists(box.pid_file) and box.status() == "created")
    started = step(box.orlop, ["*:*=report"], "start", box.id, dumpable=True, env=env(box))
    assert started.rc == 0, started
    run = finish(box.orlop, p)
    assert run.rc == 0 and [e for e in run.events if e["event"] == "exec" and e["role"] == "0.1"], run
    nothing_wrong(run, request(box))
    nothing_wrong(started, request(box))


def test_run_with_hooks(box):
    """Also what runs them in the container, up to its execve."""
    sweep._hooks(box)
    run = run_command(box)
    assert len({e["role"] for e in run.events if e["event"] == "exec"}) >= 7
    nothing_wrong(run, request(box))


def test_run_with_terminal(box, console):
    box.process["terminal"] = True
    nothing_wrong(run_command(box, "--detach", "--console-socket", console), request(box))
    box.wait_stopped()


def test_user_namespace_of_root(box):
    conf.userns(box.config, 100000)
    os.chown(box.rootfs, 100000, 100000)
    nothing_wrong(run_command(box), request(box))


def test_idmapped_mounts(box, tmp):
    os.mkdir(f"{tmp}/volume")
    maps = [{"containerID": 0, "hostID": 100000, "size": 10}]
    box.mounts.append(dict(conf.bind(f"{tmp}/volume", "/vol", "idmap"), uidMappings=maps, gidMappings=maps))
    run = run_command(box)
    nothing_wrong(run, request(box))
    assert table.holders(run)
    last = [run.calls(role)[-1] for role in table.holders(run)]
    assert not table.check(run, request(box), [(table.holder_is_empty, lambda s: s.event in last)])


def test_idmapped_mount_of_an_earlier_one(box):
    sweep._idmap_inside(box)
    nothing_wrong(run_command(box), request(box))


@pytest.mark.parametrize("users", ["host", "own"])
def test_mounts_add_and_remove(box, tmp, users):
    """The helper, in whose mount namespace the container is in the end: nothing of the host is left to it then."""
    if users == "own":
        conf.userns(box.config, 100000)
        os.chown(box.rootfs, 100000, 100000)
    os.makedirs(f"{tmp}/volume")
    os.makedirs(f"{box.rootfs}/v")
    box.up()
    path = f"{box.bundle}/mounts.json"
    with open(path, "w") as f:
        json.dump([conf.bind(f"{tmp}/volume", "/v"), conf.mount("/tmp", "tmpfs", "t")], f)
    for action in ("add", "remove"):
        run = step(box.orlop, ["*:*=report"], "mounts", action, box.id, path, dumpable=True, env=env(box))
        assert run.rc == 0, run
        nothing_wrong(run, request(box))
        calls = run.calls("0.1")
        entered = max(i for i, c in enumerate(calls) if c["call"] == "setns") + 1
        inside = [table.Seen(c, "inside", True, request(box)) for c in calls[entered:]]
        assert len(inside) > 10
        for s in inside:
            assert s.root_inside, s.event
            left = {f["link"] for f in s.event["fds"] if f["tree"] == "host" and not f["link"].startswith(("socket:", "/proc/"))}
            assert not left, left


# ---- where others are already -------------------------------------------------------------------------


@pytest.mark.parametrize("options", [[], ["--detach"]])
def test_exec(box, options):
    pid = box.up()
    nothing_wrong(exec_command(box, *options), request(box, pid_namespaces=[pid_namespace(pid)]))


def test_exec_with_terminal(box, console):
    pid = box.up()
    run = exec_command(box, "--tty", "--detach", "--console-socket", console)
    nothing_wrong(run, request(box, pid_namespaces=[pid_namespace(pid)]))


def test_exec_in_a_user_namespace(box):
    conf.userns(box.config, 100000)
    os.chown(box.rootfs, 100000, 100000)
    pid = box.up()
    nothing_wrong(exec_command(box), request(box, pid_namespaces=[pid_namespace(pid)]))


@pytest.fixture
def pod(make_box):
    """A container whose namespaces others join."""
    first = make_box()
    first.process["capabilities"] = {s: [*conf.DEFAULT_CAPS, "CAP_SYS_PTRACE"] for s in ("bounding", "effective", "permitted")}
    first.up()
    return first


@pytest.mark.parametrize("kinds", [["pid"], ["pid", "network", "ipc"]])
def test_run_in_the_pid_namespace_of_another(box, pod, kinds):
    for kind in kinds:
        conf.namespace(box.config, kind, f"/proc/{pod.pid}/ns/{kernel.NS_FILE.get(kind, kind)}")
    nothing_wrong(run_command(box), request(box, pid_namespaces=[pid_namespace(pod.pid)]))


def test_run_with_a_hook_in_the_pid_namespace_of_another(box, pod):
    conf.namespace(box.config, "pid", f"/proc/{pod.pid}/ns/pid")
    box.config["hooks"] = {"startContainer": [{"path": conf.PROBE, "args": ["probe", "true"]}]}
    nothing_wrong(run_command(box), request(box, pid_namespaces=[pid_namespace(pod.pid)]))


def test_run_in_the_user_namespace_of_another(box, make_box):
    first = make_box()
    conf.userns(first.config, 100000)
    os.chown(first.rootfs, 100000, 100000)
    first.up()
    for kind in ("user", "pid"):
        conf.namespace(box.config, kind, f"/proc/{first.pid}/ns/{kind}")
    os.chown(box.rootfs, 100000, 100000)
    nothing_wrong(run_command(box), request(box, pid_namespaces=[pid_namespace(first.pid)]))


def test_run_in_the_pid_namespace_of_the_host(box):
    """Others see all of us: what they may not is look into it."""
    conf.without_namespace(box.config, "pid")
    run = run_command(box)
    rows = [r for r in table.ROWS if r[0] in (table.dark, table.closed_to_others, table.no_environment)]
    found = table.check(run, request(box), rows)
    assert not found, "\n".join(found)


# ---- without privilege --------------------------------------------------------------------------------


@pytest.fixture
def less(tmp):
    o = As(tmp, SETPRIV, UID)
    yield o
    o.clean()


def rootless_request(box, **kw):
    wanted = request(box, rootless=True, **kw)
    caps = box.process["capabilities"]
    wanted.caps = wanted.bounding = sum(1 << conf.ALL_CAPS.index(c) for c in caps["bounding"])
    return wanted


def test_rootless_run(less):
    box = less.box()
    nothing_wrong(run_command(box, uid=UID), rootless_request(box))


def test_rootless_exec(less):
    box = less.box()
    pid = box.up()
    nothing_wrong(exec_command(box, uid=UID), rootless_request(box, pid_namespaces=[pid_namespace(pid)]))


# ---- that the table can fail ----------------------------------------------------------------------------


@pytest.mark.control("T35", "T111")
def test_control_of_dark(box, mutant):
    mutant("T35")
    conf.userns(box.config, 100000)
    os.chown(box.rootfs, 100000, 100000)
    found = "\n".join(table.check(run_command(box), request(box)))
    assert "process 0, dark" in found and "process 0.1, dark" in found


@pytest.mark.control("T36")
def test_control_of_environment(box, mutant):
    mutant("T36")
    assert "environ says open-sesame" in "\n".join(table.check(run_command(box), request(box)))


@pytest.mark.control("T31")
def test_control_of_descriptors(box, mutant):
    mutant("T31")
    box.args("true")
    run = box_step(box, ["*:*=report"], "create", "--bundle", box.bundle, dumpable=True, env=env(box))
    assert "descriptor of /" in "\n".join(table.check(run, request(box)))
