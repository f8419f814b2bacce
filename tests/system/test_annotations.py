# SPDX-License-Identifier: GPL-2.0-or-later
"""Annotations of crun's that engines set: honoured, warned of, or refused; none silently dropped."""
import os

import pytest
from lib import kernel
from lib.config import userns

KEEP = "run.oci.keep_original_groups"


def careless():
    os.setgroups([27, 33])


@pytest.mark.parametrize("where", ["host", "userns", "userns of ten ids"])
def test_the_groups_of_the_caller_are_kept(box, where):
    if where != "host":
        userns(box.config, size=65536 if where == "userns" else 10)
    box.config["annotations"] = {KEEP: "1"}
    box.process["user"] = {"uid": 1, "gid": 1}
    seen = box.run(preexec_fn=careless).json()
    # as the namespace has names for them
    assert sorted(seen["groups"]) == ([27, 33] if where == "host" else [65534, 65534])
    box.args("pause").create(preexec_fn=careless).ok()
    assert sorted(int(g) for g in kernel.status(box.pid)["Groups"].split()) == [27, 33]
    box.start().ok()
    assert sorted(box.exec(preexec_fn=careless).json()["groups"]) == sorted(seen["groups"])


def test_not_kept(box):
    for annotations in ({KEEP: "0"}, {}):
        box.config["annotations"] = annotations
        assert box.run(preexec_fn=careless).json()["groups"] == []


def test_additional_groups_beside_it(box):
    box.config["annotations"] = {KEEP: "1"}
    box.process["user"]["additionalGids"] = [5]
    r = box.run(preexec_fn=careless)
    assert sorted(r.json()["groups"]) == [27, 33]
    assert "additionalGids" in r.err and KEEP in r.err


@pytest.mark.parametrize("key", ["run.oci.handler", "run.oci.systemd.subgroup", "run.oci.hooks.stdout", "run.oci.of_the_future"])
def test_others_are_warned_of(box, key):
    box.config["annotations"] = {key: "x", "org.example.other": "y"}
    r = box.run()
    assert r.json() and r.err == f"orlop: warning: the annotation `{key}` has no effect\n"


@pytest.mark.parametrize("key", ["run.oci.seccomp_bpf_data", "run.oci.seccomp_fail_unknown_syscall"])
def test_without_it_the_container_would_be_less_confined(box, key):
    box.config["annotations"] = {key: "krun"}
    box.refused(f"the annotation `{key}` cannot be left out", f"/annotations/{key}")


def test_mount_context_type(box):
    box.config["annotations"] = {"run.oci.mount_context_type": "nonsense"}
    box.refused("nonsense", "rootcontext", "/annotations/run.oci.mount_context_type")
    box.config["annotations"] = {"run.oci.mount_context_type": "rootcontext"}
    box.run().ok()


def test_features(orlop):
    said = orlop("features").json()
    assert KEEP in said["annotations"]["run.orlop.annotations.honoured"].split()
    assert said["annotations"]["run.orlop.annotations.ignored"] == "run.oci.*"
    assert KEEP in said["potentiallyUnsafeConfigAnnotations"]
