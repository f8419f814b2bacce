# SPDX-License-Identifier: GPL-2.0-or-later
"""Checkpoints as engines make them: a container that counts goes on, also under another name from an archive."""
import io
import os
import tarfile
import time

import pytest

from conftest import IMAGE

COUNT = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done"
podman = pytest.mark.parametrize("engine", ["podman"], indirect=True, scope="session")
docker = pytest.mark.parametrize("engine", ["docker"], indirect=True, scope="session")


def numbers(engine, runtime, name):
    r = engine(runtime, "logs", name)
    return [int(w) for w in r.out.split() if w.isdigit()]


def goes_on(engine, runtime, name, after):
    deadline = time.monotonic() + 20
    while (seen := numbers(engine, runtime, name))[-1:] <= [after + 2]:
        assert time.monotonic() < deadline, (seen, after)
        time.sleep(0.1)
    at = seen.index(after + 1)
    # a line on its way to the log may be there twice: in the archive, and from the pipe
    assert seen[at:] == sorted(seen[at:]) and set(seen[at:]) == set(range(after + 1, seen[-1] + 1)), seen
    return seen


@pytest.fixture(params=["runc", "orlop"])
def counting(engine, request):
    """(runtime, name); with runc it is shown that the test itself is right here."""
    name = f"c-{request.param}"
    r = engine(request.param, "run", "-d", "--network", "none", "--name", name, IMAGE, "sh", "-c", COUNT)
    assert r.rc == 0, r
    goes_on(engine, request.param, name, 0)
    yield request.param, name
    for left in (name, f"{name}-b"):
        engine(request.param, "rm", "-f", *(["-i", "-t", "0"] if engine.name == "podman" else []), left)


@podman
def test_podman_checkpoint_and_restore(engine, counting):
    runtime, name = counting
    r = engine(runtime, "container", "checkpoint", name)
    assert r.rc == 0, r
    assert engine(runtime, "inspect", "-f", "{{.State.Status}} {{.State.Checkpointed}}", name).out == "exited true\n"
    last = numbers(engine, runtime, name)[-1]
    r = engine(runtime, "container", "restore", name)
    assert r.rc == 0, r
    assert goes_on(engine, runtime, name, last)[0] == 1
    assert engine(runtime, "exec", name, "cat", "/proc/1/comm").out == "sh\n"
    assert engine(runtime, "stop", "-t", "0", name).rc == 0


@podman
def test_podman_export_and_import(engine, counting, tmp_path):
    runtime, name = counting
    r = engine(runtime, "container", "checkpoint", "--leave-running", "--export", f"{tmp_path}/c.tar.gz", name)
    assert r.rc == 0, r
    assert engine(runtime, "inspect", "-f", "{{.State.Status}}", name).out == "running\n"
    assert engine(runtime, "rm", "-f", "-t", "0", name).rc == 0
    r = engine(runtime, "container", "restore", "--import", f"{tmp_path}/c.tar.gz", "--name", f"{name}-b")
    assert r.rc == 0, r
    # the archive has the log, too
    assert goes_on(engine, runtime, f"{name}-b", 3)[0] == 1


@podman
def test_podman_shows_what_criu_says(engine, counting, tmp_path):
    """Not the number of an error and the name of a log alone."""
    runtime, name = counting
    r = engine(runtime, "container", "checkpoint", "--export", f"{tmp_path}/c.tar", "-c", "none", name)
    assert r.rc == 0, r
    assert os.path.getsize(f"{tmp_path}/c.tar") > 0
    with tarfile.open(f"{tmp_path}/c.tar") as whole, tarfile.open(f"{tmp_path}/d.tar", "w") as damaged:
        for member in whole:
            content = whole.extractfile(member) if member.isreg() else None
            if member.name.endswith("pstree.img"):
                content = io.BytesIO(b"x" * member.size)
            damaged.addfile(member, content)
    r = engine(runtime, "container", "restore", "--import", f"{tmp_path}/d.tar", "--name", f"{name}-b")
    assert r.rc != 0
    if runtime == "orlop":
        assert "criu failed: " in r.err and "Error (criu/" in r.err, r


@docker
def test_docker_checkpoint_and_start(engine, counting):
    """It pauses the container, has it checkpointed, and takes its end for the end of its process."""
    runtime, name = counting
    r = engine(runtime, "checkpoint", "create", name, "one")
    assert r.rc == 0, r
    deadline = time.monotonic() + 20
    while engine(runtime, "inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", name).out != "exited 137\n":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert engine(runtime, "checkpoint", "ls", name).out.split()[-1] == "one"
    last = numbers(engine, runtime, name)[-1]
    r = engine(runtime, "start", "--checkpoint", "one", name)
    # now and then it cannot keep the images itself, whatever the runtime is
    if "failed to upload checkpoint to containerd" not in r.err:
        assert r.rc == 0, r
        assert goes_on(engine, runtime, name, last)[0] == 1


@docker
def test_docker_leaves_it_running(engine, counting):
    runtime, name = counting
    r = engine(runtime, "checkpoint", "create", "--leave-running", name, "two")
    assert r.rc == 0, r
    goes_on(engine, runtime, name, numbers(engine, runtime, name)[-1])
    assert engine(runtime, "inspect", "-f", "{{.State.Status}}", name).out == "running\n"
