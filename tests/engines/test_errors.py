# SPDX-License-Identifier: GPL-2.0-or-later
"""
What goes wrong for an engine besides a program that cannot be executed (test_exit_codes.py): images, devices, users,
descriptors, a full disk. The status is as with runc, the message names the cause, and afterwards all works as before.
"""
import contextlib
import os
import re
import subprocess

import pytest

from conftest import IMAGE, call

# name: how `import --change` makes the image, what the message has to say
IMAGES = {
    "missing": ('ENTRYPOINT ["/nosuch"]', r"/nosuch.*(not found|no such file)"),
    "directory": ('ENTRYPOINT ["/etc"]', r"/etc.*(directory|permission denied)"),
    "not-executable": ('ENTRYPOINT ["/bin/notexec"]', r"notexec.*permission denied"),
    "workdir": ("WORKDIR /etc/file", r"/etc/file.*not a directory"),
    "user": ("USER nosuch", r"nosuch"),
}


def clear(text, pattern):
    return re.search(pattern, text, re.I | re.S)


def compare(engine, statuses, pattern, *args):
    """The same status as with runc; what is said has @pattern; nothing is left."""
    want, got = (engine.run(runtime, *args) for runtime in ("runc", "orlop"))
    assert got.rc == want.rc and got.rc in statuses, (got, want)
    assert clear(got.err, pattern), (got, want)
    assert engine.run("orlop", IMAGE, "fine").rc == 3
    return got


@pytest.mark.parametrize("name", IMAGES)
def test_image(engine, name):
    change, pattern = IMAGES[name]
    image = f"broken-{name}"
    made = call(engine.name, "import", "--change", change, "/srv/bb.tar", image)
    assert made.rc == 0, made
    try:
        compare(engine, (125, 126, 127), pattern, image, *["true"] * (not change.startswith("ENTRYPOINT")))
    finally:
        call(engine.name, "rmi", "-f", image)


ARGUMENTS = {
    "device": (["--device", "/dev/nosuch"], r"/dev/nosuch"),
    "device-of-no-kind": (["--device", "/etc/passwd"], r"/etc/passwd"),
    "group": (["-u", "0:nosuch"], r"nosuch"),
    "user-too-large": (["-u", "99999999999"], r"99999999999|range|user"),
    "descriptors": (["--ulimit", "nofile=20:10"], r"nofile|limit"),
    "sysctl": (["--sysctl", "net.nosuch=1"], r"net[./]nosuch"),
    "sysctl-of-the-host": (["--sysctl", "kernel.pid_max=1000"], r"pid_max"),
    "seccomp": (["--security-opt", "seccomp=/etc/passwd"], r"seccomp"),
    "mount-over-a-file": (["--tmpfs", "/etc/file"], r"/etc/file.*not a directory"),
    "volume-over-a-file": (["-v", "/tmp:/etc/file"], r"/etc/file.*not a directory"),
    "volume-over-a-directory": (["-v", "/etc/passwd:/etc"], r"/etc.*not a directory"),
    "hostname": (["--hostname", "x" * 70], r"x{60}|hostname"),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_argument(engine, name):
    options, pattern = ARGUMENTS[name]
    compare(engine, (125, 126, 127), pattern, *options, IMAGE, "true")


@pytest.mark.parametrize("limit", [3, 4, 10])
def test_few_descriptors_inside(engine, limit):
    """The runtime needs more than the container may have, but before it."""
    seen = {}
    for runtime in ("runc", "orlop"):
        r = engine.run(runtime, "--ulimit", f"nofile={limit}:{limit}", IMAGE, "sh", "-c", "ulimit -n")
        seen[runtime] = (r.rc, r.out)
    assert seen["orlop"] == seen["runc"] or seen["orlop"] == (0, f"{limit}\n"), seen


def test_too_many_open_files(engine):
    """The program runs into its own limit, and the next container does not."""
    r = engine.run("orlop", "--ulimit", "nofile=6:6", IMAGE, "sh", "-c",
                   "exec 3</etc/file 4</etc/file 5</etc/file 7</etc/file")
    assert r.rc != 0 and clear(r.err + r.out, r"too many open files|bad file descriptor"), r
    assert engine.run("orlop", IMAGE, "fine").rc == 3


STATE = {("podman", "orlop"): "/run/orlop", ("podman", "runc"): "/run/runc",
         ("docker", "orlop"): "/run/docker/runtime-runc", ("docker", "runc"): "/run/docker/runtime-runc"}


@contextlib.contextmanager
def full(directory):
    """No space for anything in it."""
    os.makedirs(directory, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k,mode=755", "tmpfs", directory], check=True)
    try:
        with contextlib.suppress(OSError):
            with open(f"{directory}/filler", "wb", buffering=0) as f:
                while True:
                    f.write(bytes(4096))
        yield
    finally:
        subprocess.run(["umount", "-l", directory], check=True)


def test_no_space_for_the_state(engine):
    seen = {}
    for runtime in ("runc", "orlop"):
        with full(STATE[engine.name, runtime]):
            seen[runtime] = engine.run(runtime, IMAGE, "true")
    assert seen["orlop"].rc == seen["runc"].rc != 0, seen
    assert clear(seen["orlop"].err, r"no space left"), seen
    assert engine.run("orlop", IMAGE, "fine").rc == 3


def test_no_space_inside(engine):
    r = engine.run("orlop", "--tmpfs", "/mnt:size=16k", IMAGE, "sh", "-c", "cat /bin/busybox >/mnt/x")
    assert r.rc == 1 and "No space left" in r.err, r


def test_container_goes_on_when_others_fail(engine):
    """One that runs is not touched by what went wrong beside it."""
    assert engine("orlop", "run", "-d", "--network", "none", "--name", "stays", IMAGE, "sleep", "1000").rc == 0
    try:
        for args in (["nosuch"], ["/etc"], ["/bin/notexec"]):
            assert engine.run("orlop", IMAGE, *args).rc in (126, 127)
        assert engine("orlop", "run", "-d", "--network", "none", "--name", "stays", IMAGE, "true").rc == 125
        assert engine("orlop", "exec", "stays", "nosuch").rc in (126, 127)
        assert engine("orlop", "exec", "stays", "cat", "/proc/1/comm").out == "sleep\n"
    finally:
        assert engine("orlop", "rm", "-f", "stays").rc == 0
