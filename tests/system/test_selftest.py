# SPDX-License-Identifier: GPL-2.0-or-later
"""The framework itself: the probe tells the truth, and what is left behind is seen."""
import os
import subprocess

import pytest
from lib import host, kernel


def test_probe_sees_what_it_is(box):
    seen = box.probe()
    assert seen["argv"] == ["/bin/probe"]
    assert seen["env"] == ["PATH=/bin", "TERM=xterm", "HOME=/"]
    assert seen["pid"] == 1
    assert [f["fd"] for f in seen["fds"]] == [0, 1, 2]
    assert seen["hostname"] == "orlop"
    assert kernel.mount_at(kernel.parse_mountinfo(seen["mountinfo"]), "/proc").fstype == "proc"


def test_snapshot_sees_a_mount(tmp):
    before = host.Snapshot()
    kernel.mount("tmpfs", tmp, "tmpfs")
    with pytest.raises(AssertionError, match="new in mounts"):
        before.assert_same(0)
    kernel.umount(tmp)
    before.assert_same()


def test_snapshot_sees_an_orphan_and_a_cgroup(tmp):
    before = host.Snapshot()
    subprocess.run(["sh", "-c", f"sleep 60 >/dev/null 2>&1 & echo $! >{tmp}/pid"], check=True)
    pid = int(kernel.read(f"{tmp}/pid"))
    with pytest.raises(AssertionError, match=f"new in processes: {pid}"):
        before.assert_same(0)
    os.kill(pid, 9)
    before.assert_same()
    group = f"{host.CGROUP}/{host.TAG}left"
    os.mkdir(group)
    with pytest.raises(AssertionError, match="new in cgroups"):
        before.assert_same(0)
    os.rmdir(group)


def test_canary_sees_a_change(tmp):
    c = host.Canary(f"{tmp}/c")
    os.chmod(f"{c.path}/file", 0o600)
    with pytest.raises(AssertionError):
        c.assert_intact()
