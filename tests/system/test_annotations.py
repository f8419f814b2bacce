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


@pytest.mark.parametrize("key", ["run.oci.handler", "run.oci.systemd.subgroup", "run.oci.of_the_future"])
def test_others_are_warned_of(box, key):
    box.config["annotations"] = {key: "x", "org.example.other": "y"}
    r = box.run()
    assert r.json() and r.err == f"orlop: warning: the annotation `{key}` has no effect\n"


@pytest.mark.parametrize("key", ["run.oci.seccomp_bpf_data", "run.oci.seccomp_fail_unknown_syscall"])
def test_without_it_the_container_would_be_less_confined(box, key):
    box.config["annotations"] = {key: "krun"}
    box.refused(f"the annotation `{key}` cannot be left out", f"/annotations/{key}")


OUTPUT = {"run.oci.hooks.stdout": "out", "run.oci.hooks.stderr": "err"}


@pytest.fixture
def talking(box):
    """Each kind of hook says its name on stdout and on stderr."""
    kinds = ["prestart", "createRuntime", "createContainer", "poststart", "poststop"]
    box.config["hooks"] = {kind: [{"path": "/bin/sh", "args": ["sh", "-c", f"echo {kind}; echo {kind}! >&2"]}] for kind in kinds}
    box.config["annotations"] = {key: f"{box.bundle}/{name}" for key, name in OUTPUT.items()}
    box.kinds = kinds
    return box


@pytest.mark.parametrize("user_namespace", [False, True])
def test_output_of_hooks(talking, user_namespace):
    if user_namespace:
        userns(talking.config)
    box = talking.args("pause")
    with open(f"{box.bundle}/out", "w") as f:
        f.write("before\n")
    box.create().ok()
    box.start().ok()
    assert sorted(os.listdir(f"/proc/{box.pid}/fd")) == ["0", "1", "2"]
    box.delete("--force").ok()
    assert kernel.read(f"{box.bundle}/out").splitlines() == ["before", *box.kinds]
    assert kernel.read(f"{box.bundle}/err").splitlines() == [f"{kind}!" for kind in box.kinds]
    assert os.stat(f"{box.bundle}/err").st_mode & 0o777 == 0o600


def test_output_of_hooks_one_alone(talking):
    """What is not in a file is in the error."""
    box = talking.args("true")
    del box.config["annotations"]["run.oci.hooks.stderr"]
    box.config["hooks"]["createRuntime"][0]["args"][2] += "; exit 3"
    box.refused("createRuntime", "exit status 3", "createRuntime!")
    assert kernel.read(f"{box.bundle}/out").split() == ["prestart", "createRuntime", "poststop"]


def test_output_of_hooks_without_a_place(talking):
    box = talking.args("pause")
    box.config["annotations"]["run.oci.hooks.stdout"] = f"{box.bundle}/no/out"
    box.refused(f"{box.bundle}/no/out", "No such file", "/annotations/run.oci.hooks.stdout")
    os.mkdir(f"{box.bundle}/no")
    box.create().ok()
    box.start().ok()
    box.kill("KILL").ok()
    box.wait_stopped()
    os.unlink(f"{box.bundle}/no/out")
    os.rmdir(f"{box.bundle}/no")
    r = box.delete().ok()
    assert "warning" in r.err and f"{box.bundle}/no/out" in r.err, "it is deleted all the same"
    assert box.id not in box.orlop.ids()


@pytest.mark.parametrize("kind", ["link", "fifo", "directory", "relative"])
def test_output_of_hooks_where_the_container_rules(talking, kind):
    """Neither does it lead to another file, nor does it keep us waiting."""
    path = f"{talking.bundle}/there"
    talking.config["annotations"] = {"run.oci.hooks.stdout": "there" if kind == "relative" else path}
    with open(f"{talking.bundle}/victim", "w"):
        pass
    if kind == "link":
        os.symlink("victim", path)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        os.mkdir(path)
    talking.refused("/annotations/run.oci.hooks.stdout", "absolute" if kind == "relative" else path)
    assert kernel.read(f"{talking.bundle}/victim") == ""
    if kind in ("link", "fifo"):    # put there later, it does not keep anybody from deleting
        os.rename(path, f"{path}-later")
        talking.args("pause").create().ok()
        os.unlink(path)
        os.rename(f"{path}-later", path)
        r = talking.delete("--force").ok()
        assert "warning" in r.err and path in r.err and kernel.read(f"{talking.bundle}/victim") == ""


def test_output_of_hooks_of_a_device(talking):
    talking.config["annotations"] = {"run.oci.hooks.stderr": "/dev/stderr"}
    r = talking.args("true").run().ok()
    assert [line for line in r.err.splitlines() if line.endswith("!")] == [f"{kind}!" for kind in talking.kinds]


def test_output_of_hooks_inside(talking):
    box = talking
    box.config["hooks"] = {"startContainer": [{"path": "/bin/probe", "args": ["probe", "true"]}]}
    r = box.run().ok()
    assert all(key in r.err for key in OUTPUT) and not os.path.exists(f"{box.bundle}/out")


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
