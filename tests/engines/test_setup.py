# SPDX-License-Identifier: GPL-2.0-or-later
"""contrib/engines/setup, with engines that say what they have read."""
import os
import pathlib
import subprocess

import pytest
from conftest import ORLOP

SETUP = pathlib.Path(__file__).resolve().parents[2] / "contrib/engines/setup"


def setup(*args, rc=0):
    r = subprocess.run([SETUP, "--runtime", ORLOP, *args], capture_output=True, text=True)
    assert r.returncode == rc, r
    return r.stdout + r.stderr


def output(*args):
    return subprocess.run(args, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def taken_back(engine):
    yield
    setup("--remove", "podman", "docker", "containerd")


def test_engines_have_read_it(taken_back):
    before = open("/etc/docker/daemon.json").read() if os.path.exists("/etc/docker/daemon.json") else None
    setup("--check", "podman", "docker", "containerd", rc=1)
    said = setup("podman", "docker", "containerd")
    assert f"podman: has {ORLOP}" in said and "docker:" in said and "containerd: set to" in said
    assert output("podman", "info", "--format", "{{.Host.OCIRuntime.Path}}").strip() == ORLOP
    output("dockerd", "--validate", "--config-file", "/etc/docker/daemon.json")
    dump = output("containerd", "--config", "/etc/containerd/config.toml", "config", "dump").replace("'", '"')
    assert 'default_runtime_name = "orlop"' in dump and f'BinaryName = "{ORLOP}"' in dump
    setup("--check", "podman", "containerd")
    setup("--remove", "podman", "docker", "containerd")
    assert output("podman", "info", "--format", "{{.Host.OCIRuntime.Path}}").strip() != ORLOP
    dump = output("containerd", "--config", "/etc/containerd/config.toml", "config", "dump") \
        if os.path.exists("/etc/containerd/config.toml") else ""
    assert "orlop" not in dump
    assert (before is None) == (not os.path.exists("/etc/docker/daemon.json"))
