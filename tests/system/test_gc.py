# SPDX-License-Identifier: GPL-2.0-or-later
"""`gc`: finds what dead containers left behind, says what it would do, and does it with --force."""
import json
import os
import signal
import time

import pytest
from lib import config as conf
from lib import host, kernel

pytestmark = [pytest.mark.kernel, pytest.mark.one_vm]


def found(orlop, *options):
    """{name: row} of what concerns this test; others may be at work with the same parent cgroup."""
    rows = orlop("gc", "--format", "json", *options).json()
    for r in rows:
        assert set(r) >= {"kind", "name", "found", "action", "done"}
    return {r["name"]: r for r in rows if host.TAG in r["name"] or r["kind"] == "container"}


def cgroup_of(box):
    return f"{host.CGROUP}/orlop/{box.id}"


def orphan_cgroup(box, age=3600):
    """What is left when the state directory of a created container is removed by hand."""
    box.args("pause").create().ok()
    os.kill(box.pid, signal.SIGKILL)
    kernel.until(lambda: not kernel.read(f"{cgroup_of(box)}/cgroup.procs"))
    os.system(f"rm -r {box.orlop.root}/{box.id}")
    then = time.time() - age
    os.utime(cgroup_of(box), (then, then))
    return f"/orlop/{box.id}"


def test_nothing_to_do(orlop):
    assert found(orlop) == {}
    r = orlop("gc").ok()
    assert r.out.split()[:4] == ["KIND", "NAME", "ACTION", "FOUND"]
    assert not os.path.exists(orlop.root), "a state directory that is missing is not made"


@pytest.mark.parametrize("options", [["--force"], ["-f"]])
def test_a_stopped_container(box, orlop, options):
    box.up()
    assert found(orlop) == {} == found(orlop, "--force"), "it runs"
    box.kill("KILL").ok()
    box.wait_stopped()
    row = found(orlop)[box.id]
    assert (row["kind"], row["action"], row["done"]) == ("container", "remove", False) and "ended" in row["found"]
    assert box.status() == "stopped", "it only said so"
    text = orlop("gc").ok().out
    assert box.id in text and "would be removed" in text
    r = orlop("gc", *options).ok()
    assert box.id in r.out and "removed" in r.out and "would" not in r.out
    assert not os.path.exists(f"{orlop.root}/{box.id}") and not os.path.exists(cgroup_of(box))


def test_poststop_hooks_run(box, orlop, tmp):
    box.config["hooks"] = {"poststop": [{"path": "/bin/touch", "args": ["touch", f"{tmp}/poststop"]}]}
    box.up()
    box.kill("KILL").ok()
    box.wait_stopped()
    found(orlop)
    assert not os.path.exists(f"{tmp}/poststop")
    assert found(orlop, "--force")[box.id]["done"]
    assert os.path.exists(f"{tmp}/poststop")


@pytest.mark.parametrize("prepare", ["created", "running", "paused"])
def test_what_is_alive_is_left_alone(box, orlop, prepare):
    box.args("pause").create().ok()
    if prepare != "created":
        box.start().ok()
    if prepare == "paused":
        orlop("pause", box.id).ok()
    assert found(orlop, "--force") == {}
    assert box.status() == prepare


def test_an_interrupted_creation(box, orlop):
    """The creator is killed while a hook runs."""
    box.config["hooks"] = {"createRuntime": [{"path": "/bin/sleep", "args": ["sleep", "60"]}]}
    p = box.start_create()
    kernel.until(lambda: os.path.isdir(f"{orlop.root}/{box.id}") and box.status() == "creating" and
                 kernel.read(f"{cgroup_of(box)}/cgroup.procs"))
    kernel.until(lambda: kernel.children(p.pid))
    assert found(orlop, "--force") == {}, "somebody is at work on it"
    p.kill()
    p.wait()
    host.reap()
    row = kernel.until(lambda: found(orlop).get(box.id))
    assert row["action"] == "remove" and "interrupted" in row["found"]
    assert found(orlop, "--force")[box.id]["done"]
    assert orlop.ids() == [] and not os.path.exists(cgroup_of(box))
    for pid in kernel.children():  # what a hook leaves when its runtime is killed
        if kernel.read(f"/proc/{pid}/comm") == "sleep\n":
            os.kill(pid, signal.SIGKILL)
    host.reap()


def test_a_directory_without_a_state(orlop):
    os.makedirs(f"{orlop.root}/half", mode=0o700)
    os.chmod(orlop.root, 0o711)
    assert "no state" in found(orlop)["half"]["found"]
    assert found(orlop, "--force")["half"]["done"] and orlop.ids() == []


@pytest.mark.parametrize("text", ["{", "{}", '{"version": 99}'])
def test_a_damaged_state(box, orlop, text):
    box.args("true").create().ok()
    box.start().ok()
    box.wait_stopped()
    with open(f"{orlop.root}/{box.id}/state.json", "w") as f:
        f.write(text)
    assert "cannot be read" in found(orlop)[box.id]["found"]
    found(orlop, "--force")
    assert orlop.ids() == [] and not os.path.exists(cgroup_of(box))


@pytest.mark.parametrize("text", ["{", None])
def test_a_damaged_state_of_a_running_container(box, orlop, text):
    """Nothing is killed because its state is damaged or gone."""
    pid = box.up()
    path = f"{orlop.root}/{box.id}/state.json"
    whole = kernel.read(path)
    os.unlink(path)
    if text:
        with open(path, "w") as f:
            f.write(text)
    row = found(orlop, "--force")[box.id]
    assert (row["action"], row["done"]) == ("none", False) and "may be alive" in row["found"]
    assert kernel.alive(pid)
    with open(path, "w") as f:
        f.write(whole)
    assert box.status() == "running"


def test_a_cgroup_without_a_state(make_box, orlop):
    path = orphan_cgroup(make_box())
    row = found(orlop)[path]
    assert (row["kind"], row["action"]) == ("cgroup", "remove")
    assert os.path.isdir(host.CGROUP + path)
    assert found(orlop, "--force")[path]["done"] and not os.path.exists(host.CGROUP + path)


def test_a_cgroup_with_others_below_it(make_box, orlop):
    path = orphan_cgroup(make_box())
    os.makedirs(f"{host.CGROUP}{path}/a/b")
    os.utime(host.CGROUP + path, (0, 0))
    assert found(orlop, "--force")[path]["done"] and not os.path.exists(host.CGROUP + path)


def test_a_young_cgroup_is_left_alone(make_box, orlop):
    """It may be that of a container of another state root that is being made."""
    path = orphan_cgroup(make_box(), age=5)
    assert path not in found(orlop, "--force")
    os.rmdir(host.CGROUP + path)


def test_the_cgroup_of_another_root_is_left_alone(box, orlop, tmp):
    """It has processes, and its state is elsewhere."""
    pid = box.up()
    os.utime(cgroup_of(box), (0, 0))
    rows = orlop("--root", f"{tmp}/other", "gc", "--force", "--format", "json").json()
    row = next(r for r in rows if r["name"] == f"/orlop/{box.id}")
    assert (row["action"], row["done"]) == ("none", False) and "--root" in row["found"]
    assert kernel.alive(pid) and box.status() == "running"


def test_a_cgroup_of_the_administrator_is_left_alone(box, orlop):
    """Made by hand for containers to come, with or without limits: it lacks our mark."""
    theirs = f"{host.CGROUP}/orlop/{host.TAG}theirs"
    box.linux["cgroupsPath"] = f"{host.TAG}theirs/one"
    os.makedirs(theirs)
    os.utime(theirs, (0, 0))
    try:
        assert found(orlop, "--force") == {}
        box.run().ok()
        os.utime(theirs, (0, 0))
        assert found(orlop, "--force") == {} and os.path.isdir(theirs)
    finally:
        os.rmdir(theirs)


def test_the_cgroup_of_a_container_below_is_in_use(box, orlop):
    box.linux["cgroupsPath"] = f"{host.TAG}group/one"
    box.up()
    os.utime(f"{host.CGROUP}/orlop/{host.TAG}group", (0, 0))
    assert found(orlop, "--force") == {} and box.status() == "running"


def test_what_cannot_be_removed_is_an_error(box, orlop):
    """The state directory holds a directory, which is none of ours."""
    box.args("true").run("--detach").ok()
    box.wait_stopped()
    os.makedirs(f"{orlop.root}/{box.id}/theirs/deep")
    r = orlop("gc", "--force", "--format", "json")
    assert r.rc == 1 and "1 of what was found could not be removed" in r.err, r
    row = next(r for r in json.loads(r.out) if r["name"] == box.id)
    assert row["done"] is False and row["error"]
    os.system(f"rm -r {orlop.root}/{box.id}/theirs")


def test_arguments_are_refused(orlop):
    orlop("gc", "x").failed("one argument too many")
    orlop("gc", "--format", "yaml").failed("--format")


def test_a_user_namespace_container(box, orlop):
    conf.userns(box.config, 100000)
    os.chown(box.rootfs, 100000, 100000)
    box.up()
    os.kill(box.pid, signal.SIGKILL)
    box.wait_stopped()
    assert found(orlop, "--force")[box.id]["done"]
