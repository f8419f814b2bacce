# SPDX-License-Identifier: GPL-2.0-or-later
"""From an image to a running container in three commands, without an engine: skopeo, umoci, orlop; crun beside it."""
import json
import os
import pathlib
import shutil

import pytest

from conftest import ORLOP, call

AS_USER = ["setpriv", "--reuid=1000", "--regid=1000", "--init-groups", "--", "env", "-C", "/home/user", "HOME=/home/user",
           "XDG_RUNTIME_DIR=/run/user/1000"]


def ok(*args):
    r = call(*args)
    assert r.rc == 0, r
    return r.out


@pytest.fixture(scope="module")
def layout():
    """A layout with one image that has settings of its own."""
    path = "/srv/layout"
    shutil.rmtree(path, ignore_errors=True)
    ok("skopeo", "copy", "-q", "oci-archive:/srv/bb.oci", f"oci:{path}:bb")
    ok("umoci", "config", "--image", f"{path}:bb", "--config.cmd", "sh", "--config.cmd", "-c", "--config.cmd",
       "echo $GREETING; pwd; id -u; echo $$", "--config.env", "GREETING=hello",
       "--config.workingdir", "/tmp", "--config.user", "1000")
    os.chmod("/srv/bb.oci", 0o644)
    return path


@pytest.mark.newest
def test_three_commands(layout):
    """The image's command, environment, directory and user are the container's, with umoci's config.json as it is."""
    bundle = "/var/lib/orlop/image"
    shutil.rmtree(bundle, ignore_errors=True)
    ok("umoci", "unpack", "--image", f"{layout}:bb", bundle)
    r = call(ORLOP, "run", "--bundle", bundle, "box")
    assert r.rc == 0 and r.err == "", r
    assert r.out.split() == ["hello", "/tmp", "1000", "1"]
    assert json.loads(ok(ORLOP, "list", "--format", "json")) in (None, [])
    config = json.loads(pathlib.Path(bundle, "config.json").read_text())
    config["process"]["terminal"] = False
    pathlib.Path(bundle, "config.json").write_text(json.dumps(config))
    assert ok(ORLOP, "run", "--bundle", bundle, "box") == ok("crun", "run", "--bundle", bundle, "box") == r.out


def test_what_was_changed_goes_back(layout):
    """umoci finds in the bundle what the container wrote, and makes a layer of it."""
    bundle = "/var/lib/orlop/changed"
    shutil.rmtree(bundle, ignore_errors=True)
    ok("umoci", "unpack", "--image", f"{layout}:bb", bundle)
    ok("umoci", "config", "--image", f"{layout}:bb", "--tag", "root", "--config.user", "0", "--clear", "config.cmd",
       "--config.cmd", "true")
    path = pathlib.Path(bundle, "config.json")
    config = json.loads(path.read_text())
    config["process"].update(args=["sh", "-c", "echo new >/etc/new"], terminal=False, user={"uid": 0, "gid": 0})
    config["root"]["readonly"] = False
    path.write_text(json.dumps(config))
    ok(ORLOP, "run", "--bundle", bundle, "box")
    ok("umoci", "repack", "--image", f"{layout}:changed", bundle)
    again = "/var/lib/orlop/again"
    shutil.rmtree(again, ignore_errors=True)
    ok("umoci", "unpack", "--image", f"{layout}:changed", again)
    assert pathlib.Path(again, "rootfs/etc/new").read_text() == "new\n"


def test_as_a_user():
    """The same without root: umoci writes a configuration with a user namespace."""
    shutil.rmtree("/home/user/image", ignore_errors=True)
    ok(*AS_USER, "skopeo", "copy", "-q", "oci-archive:/srv/bb.oci", "oci:/home/user/layout:bb")
    ok(*AS_USER, "umoci", "config", "--image", "/home/user/layout:bb", "--config.cmd", "id")
    ok(*AS_USER, "umoci", "unpack", "--rootless", "--image", "/home/user/layout:bb", "/home/user/image")
    r = call(*AS_USER, ORLOP, "run", "--bundle", "/home/user/image", "box")
    assert r.rc == 0 and r.out.startswith("uid=0"), r


def test_no_such_image(layout):
    """Two commands fail clearly, and so does the third on what they left."""
    bundle = "/var/lib/orlop/none"
    shutil.rmtree(bundle, ignore_errors=True)
    assert call("umoci", "unpack", "--image", f"{layout}:nosuch", bundle).rc != 0
    r = call(ORLOP, "run", "--bundle", bundle, "box")
    assert r.rc == 1 and bundle in r.err, r
