# SPDX-License-Identifier: GPL-2.0-or-later
"""features.md and features-linux.md: the document itself; test_spec_features.py tries what it lists."""
import json
import os
import subprocess

import pytest
from lib import host
from lib.box import PROGRAM
from lib.schema import SEMVER, check_features

# config.md, the table of mount options; what is not in it belongs to a file system
TABLE = set("""async atime bind defaults dev diratime dirsync exec iversion lazytime loud noatime nodev nodiratime noexec
noiversion nolazytime norelatime nostrictatime nosuid private rbind relatime remount ro rprivate rshared rslave
runbindable rw shared silent slave strictatime suid sync unbindable nosymfollow symfollow ratime rdev rdiratime rexec
rnoatime rnodev rnodiratime rnoexec rnorelatime rnostrictatime rnosuid rnosymfollow rrelatime rro rrw rstrictatime
rsuid rsymfollow idmap ridmap""".split())
# Of mount(8), and four that runtimes share; none goes to the file system.
MORE = {"copy-symlink", "dest-nofollow", "src-nofollow", "mand", "nomand", "tmpcopyup"}


@pytest.fixture
def features(orlop):
    r = orlop("features").ok()
    assert r.err == ""
    return json.loads(r.out)


def order(version):
    """As SemVer 2.0.0 orders versions without pre-releases."""
    assert SEMVER.fullmatch(version) and "-" not in version
    return [int(n) for n in version.partition("+")[0].split(".")]


@pytest.mark.spec("FE-002", "FE-003", "FE-005", "FE-007", "FE-008", "FE-012")
def test_document(features):
    """Nothing but what the specification knows, each of its kind, and never null."""
    check_features(features)
    assert order(features["ociVersionMin"]) <= order(features["ociVersionMax"]) == [1, 3, 0]
    # what we know not to do is said, not left out
    assert features["linux"]["cgroup"]["v1"] is False and "run.oci.keep_original_groups" in features["potentiallyUnsafeConfigAnnotations"]


@pytest.mark.spec("FE-004", "FE-006")
@pytest.mark.parametrize("which", ["ociVersionMin", "ociVersionMax"])
def test_versions_are_accepted(features, box, which):
    box.config["ociVersion"] = features[which]
    r = box.args("exit", 0).run().ok()
    assert r.err == ""


@pytest.mark.spec("FE-009")
def test_hooks_are_called(features, box):
    """One of each listed kind, at once."""
    box.add_busybox()
    box.config["hooks"] = {}
    for kind in features["hooks"]:
        inside = kind == "startContainer"
        path = f"/tmp/{kind}" if inside else f"{box.bundle}/{kind}"
        where = f"{box.rootfs}{path}" if inside else path
        with open(where, "w") as f:
            f.write(f"#!/bin/sh\n: >{path}.ran\n")
        os.chmod(where, 0o755)
        box.config["hooks"][kind] = [{"path": path}]
    box.args("exit", 0).run().ok()
    for kind in features["hooks"]:
        top = f"{box.rootfs}/tmp" if kind == "startContainer" else box.bundle
        assert os.path.exists(f"{top}/{kind}.ran"), kind


@pytest.mark.spec("FE-010", "FE-011")
def test_mount_options_are_those_of_the_table(features):
    """All of them, and none that is data of a file system."""
    listed = features["mountOptions"]
    assert len(listed) == len(set(listed))
    assert TABLE <= set(listed) <= TABLE | MORE


@pytest.mark.spec("FE-001")
def test_fixed_when_built(orlop):
    """The same whoever asks and wherever: nothing of the host is looked at, least of all kept for later."""
    known = orlop("features").ok().out

    def at(*argv, **kw):
        r = subprocess.run([*argv, PROGRAM, "features"], capture_output=True, text=True, env={}, **kw)
        assert r.returncode == 0, r
        return r.stdout
    assert at("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--no-new-privs") == known
    assert at("unshare", "-m", "sh", "-ec", "mount -t tmpfs t /sys; umount -l /proc; exec \"$@\"", "sh") == known
    assert at("unshare", "-Umrnpif", cwd="/") == known
    assert not os.path.exists(orlop.root) and host.cgroups() == set()
