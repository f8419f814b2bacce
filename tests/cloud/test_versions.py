# SPDX-License-Identifier: GPL-2.0-or-later
"""
Two versions of orlop on one node, as while it is upgraded: containers of one are known, entered and ended by the other.
ORLOP is the one, ORLOP_OTHERS names the earlier ones: tests/cloud/versions builds them.
"""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

NEW, PROBE = os.environ["ORLOP"], f"{os.environ['ORLOP_TEST_BIN']}/probe"
OTHERS = os.environ["ORLOP_OTHERS"].split()
FORMAT = 3  # of NEW's state


class Node:
    def __init__(self, top):
        self.root, self.bundle, self.id = f"{top}/state", f"{top}/bundle", "upgraded"

    def __call__(self, program, *args, rc=0):
        with open(f"{self.bundle}/out", "w+", encoding="utf-8") as f:
            r = subprocess.run([program, "--root", self.root, *args], stdin=subprocess.DEVNULL, stdout=f, stderr=f, timeout=60, check=False)
            f.seek(0)
            out = f.read()
        assert r.returncode == rc, (program, args, out)
        return out

    def status(self, program):
        return json.loads(self(program, "state", self.id))["status"]


@pytest.fixture
def node(tmp_path):
    made = Node(tmp_path)
    rootfs = pathlib.Path(made.bundle, "rootfs")
    for d in ("bin", "dev", "proc", "sys", "tmp"):
        (rootfs / d).mkdir(parents=True)
    shutil.copy(PROBE, rootfs / "bin")
    subprocess.run([NEW, "spec", "--bundle", made.bundle], check=True)
    path = pathlib.Path(made.bundle, "config.json")
    config = json.loads(path.read_text())
    config["process"].update(args=["/bin/probe", "pause"], terminal=False)
    path.write_text(json.dumps(config))
    yield made
    made(NEW, "delete", "--force", made.id)
    assert os.listdir(made.root) == []


def state_format(node):
    return json.loads(pathlib.Path(node.root, node.id, "state.json").read_text())["version"]


def all_of_it(node, program):
    """What there is to do with a container that another version has made and not yet started."""
    assert node.status(program) == "created" and node.id in node(program, "list", "-q")
    node(program, "start", node.id)
    assert node.status(program) == "running"
    node(program, "exec", node.id, "/bin/probe", "exit", "7", rc=7)
    node(program, "pause", node.id)
    node(program, "resume", node.id)
    assert len(json.loads(node(program, "ps", "--format", "json", node.id))) == 1
    node(program, "kill", node.id, "KILL")
    while node.status(program) != "stopped":
        pass
    node(program, "delete", node.id)
    assert os.listdir(node.root) == []


@pytest.mark.parametrize("old", OTHERS, ids=range(len(OTHERS)))
def test_upgraded(node, old):
    node(old, "create", "--bundle", node.bundle, node.id)
    all_of_it(node, NEW)


@pytest.mark.parametrize("old", OTHERS, ids=range(len(OTHERS)))
def test_upgraded_and_ended_by_force(node, old):
    node(old, "run", "--detach", "--bundle", node.bundle, node.id)
    node(NEW, "delete", "--force", node.id)
    assert os.listdir(node.root) == []


@pytest.mark.parametrize("old", OTHERS, ids=range(len(OTHERS)))
def test_set_back(node, old):
    """The earlier one knows what the later one has made, or says that it is a later one's and touches nothing."""
    node(old, "create", "--bundle", node.bundle, node.id)
    knows = state_format(node)
    node(NEW, "delete", "--force", node.id)
    node(NEW, "create", "--bundle", node.bundle, node.id)
    if knows == FORMAT:
        all_of_it(node, old)
        return
    for words in (["state"], ["start"], ["kill"], ["delete"], ["pause"]):
        out = node(old, *words, node.id, rc=1)
        assert f"format {FORMAT}" in out and "version" in out, out
    assert node.status(NEW) == "created"
    node(old, "delete", "--force", node.id)
    assert os.listdir(node.root) == []
