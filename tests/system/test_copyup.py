# SPDX-License-Identifier: GPL-2.0-or-later
"""tmpcopyup: what the image has at the mount point is in the tmpfs, and nothing else was touched."""
import os
import shutil
import socket
import stat
import time

import pytest
from lib import config as conf
from lib import kernel
from lib.box import deadline

OLD = 1_000_000_000_123_456_789  # a time in the past, with nanoseconds


@pytest.fixture
def image(box):
    """The directory of the image that will be covered, with a mount on it in the configuration."""
    box.mounts.append({"destination": "/d", "type": "tmpfs", "options": ["tmpcopyup"]})
    os.mkdir(f"{box.rootfs}/d")
    return f"{box.rootfs}/d"


def tree(top):
    """Everything that should be the same, per path."""
    found, inodes = {}, {}
    for where, dirs, files in os.walk(top):
        for name in [".", *dirs, *files]:
            p = os.path.normpath(os.path.join(where, name))
            st = os.lstat(p)
            rel = os.path.relpath(p, top)
            what = ""
            if stat.S_ISLNK(st.st_mode):
                what = os.readlink(p)
            elif stat.S_ISREG(st.st_mode) and st.st_size < 1 << 20:
                with open(p, "rb") as f:
                    what = f.read()
            if not stat.S_ISDIR(st.st_mode) and st.st_nlink > 1:
                inodes.setdefault(st.st_ino, []).append(rel)
            attributes = {n: os.getxattr(p, n, follow_symlinks=False)
                          for n in os.listxattr(p, follow_symlinks=False)
                          if n != "security.selinux"}
            found[rel] = [oct(st.st_mode), st.st_uid, st.st_gid, st.st_rdev,
                          0 if stat.S_ISDIR(st.st_mode) else st.st_size, st.st_mtime_ns, what, attributes]
    return found, sorted(sorted(v) for v in inodes.values())


def put(path, text=b"text", mode=0o644, owner=(0, 0)):
    with open(path, "wb") as f:
        f.write(text)
    os.chown(path, *owner)
    os.chmod(path, mode)


def running(box):
    """The covered directory as it is in the running container, from outside."""
    box.up()
    path = f"/proc/{box.pid}/root/d"
    assert kernel.mount_at(kernel.parse_mountinfo(kernel.read(f"/proc/{box.pid}/mountinfo")),
                           "/d").fstype == "tmpfs"
    return path


def fill(top):
    """One of everything."""
    put(f"{top}/plain")
    put(f"{top}/empty", b"")
    put(f"{top}/setuid", mode=0o6755, owner=(1000, 1001))
    put(f"{top}/secret", mode=0o000, owner=(5, 6))
    put(f"{top}/capable", mode=0o755)
    os.setxattr(f"{top}/capable", "security.capability",
                bytes.fromhex("0100000200040000000000000000000000000000"))
    put(f"{top}/noted")
    os.setxattr(f"{top}/noted", "trusted.note", b"a\0b")
    os.makedirs(f"{top}/sub/dir/deep")
    put(f"{top}/sub/dir/deep/leaf", os.urandom(200_000))
    os.chmod(f"{top}/sub", 0o1777)
    os.chown(f"{top}/sub/dir", 1000, 1000)
    os.link(f"{top}/plain", f"{top}/sub/hard")
    os.link(f"{top}/plain", f"{top}/hard")
    os.symlink("/etc/passwd", f"{top}/out")
    os.symlink("../../../../../../etc", f"{top}/up")
    os.symlink("nowhere", f"{top}/dangling")
    os.chown(f"{top}/dangling", 7, 8, follow_symlinks=False)
    os.mkfifo(f"{top}/fifo", 0o640)
    os.mknod(f"{top}/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod(f"{top}/block", stat.S_IFBLK | 0o600, os.makedev(7, 200))
    s = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(top)
    s.bind("socket")
    s.close()
    os.chdir(here)
    put(f"{top}/odd\nname \x7f")
    for where, dirs, files in os.walk(top, topdown=False):
        for name in [*files, *dirs, "."]:
            os.utime(f"{where}/{name}", ns=(OLD, OLD + len(name)), follow_symlinks=False)


def test_everything_is_kept(box, image):
    os.chown(image, 3, 4)
    os.chmod(image, 0o2751)
    fill(image)
    before = tree(image)
    path = running(box)
    assert tree(path) == before
    assert tree(image) == before
    assert before[1] == [["hard", "plain", "sub/hard"]]


def test_the_copy_is_a_copy(box, image):
    put(f"{image}/f", b"image")
    path = running(box)
    put(f"{path}/f", b"other")
    put(f"{path}/new")
    os.unlink(f"{path}/f")
    assert os.listdir(image) == ["f"]
    with open(f"{image}/f") as f:
        assert f.read() == "image"


def test_without_the_option_it_is_empty(box, image):
    put(f"{image}/f")
    box.mounts[-1]["options"] = []
    assert os.listdir(running(box)) == []


def test_missing_mount_point(box, image):
    os.rmdir(image)
    assert os.listdir(running(box)) == []


def test_read_only_and_with_options(box, image):
    put(f"{image}/f", mode=0o666, owner=(9, 9))
    box.mounts[-1]["options"] = ["ro", "tmpcopyup", "nosuid", "size=1m", "mode=0755", "uid=11", "gid=12"]
    r = box.probe(commands=["stat", "/d", ",", "stat", "/d/f", ",", "open", "/d/f", "w"])["results"]
    assert (r[0]["mode"] & 0o7777, r[0]["uid"], r[0]["gid"]) == (0o755, 11, 12)
    assert (r[1]["uid"], r[1]["size"]) == (9, 4)
    assert r[2]["errno"] == "EROFS"


def test_links_are_not_followed(box, image, canary):
    for name in ("file", "dev", "etc/passwd"):
        os.symlink(f"{canary.path}/{name}", f"{image}/{name.replace('/', '-')}")
    os.symlink(canary.path, f"{image}/dir")
    path = running(box)
    assert os.readlink(f"{path}/dir") == canary.path
    assert all(stat.S_ISLNK(os.lstat(f"{path}/{n}").st_mode) for n in os.listdir(path))


def test_mount_point_is_a_link_inside(box, image):
    os.rmdir(image)
    os.makedirs(f"{box.rootfs}/real/place")
    os.symlink("/real/place", image)
    put(f"{box.rootfs}/real/place/f")
    box.up()
    assert os.listdir(f"/proc/{box.pid}/root/real/place") == ["f"]
    assert kernel.mount_at(kernel.parse_mountinfo(kernel.read(f"/proc/{box.pid}/mountinfo")),
                           "/real/place").fstype == "tmpfs"


def test_nobody_waits_for_a_fifo(box, image):
    for i in range(3):
        os.mkfifo(f"{image}/fifo{i}")
    before = time.monotonic()
    path = running(box)
    assert time.monotonic() - before < deadline(5)
    assert all(stat.S_ISFIFO(os.lstat(f"{path}/fifo{i}").st_mode) for i in range(3))


def test_sparse_file(box, image):
    with open(f"{image}/big", "wb") as f:
        f.truncate(1 << 40)
        f.seek(1 << 39)
        f.write(b"middle")
    box.mounts[-1]["options"].append("size=1m")
    path = running(box)
    st = os.stat(f"{path}/big")
    assert st.st_size == 1 << 40 and st.st_blocks * 512 < 1 << 20
    with open(f"{path}/big", "rb") as f:
        f.seek(1 << 39)
        assert f.read(6) == b"middle"


def test_zeros_take_no_room(box, image):
    put(f"{image}/zeros", bytes(4 << 20))
    box.mounts[-1]["options"].append("size=1m")
    st = os.stat(f"{running(box)}/zeros")
    assert (st.st_size, st.st_blocks) == (4 << 20, 0)


def test_what_is_mounted_below_is_not_copied(box, image, tmp):
    os.mkdir(f"{tmp}/vol")
    put(f"{tmp}/vol/foreign")
    os.mkdir(f"{image}/vol")
    put(f"{image}/hosts")
    put(f"{image}/own")
    box.mounts[-1:-1] = [
        {"destination": "/d/vol", "type": "bind", "source": f"{tmp}/vol", "options": ["bind"]},
        {"destination": "/d/hosts", "type": "bind", "source": f"{tmp}/vol/foreign", "options": ["bind"]}]
    path = running(box)
    assert sorted(os.listdir(path)) == ["own", "vol"]
    assert os.listdir(f"{path}/vol") == []


def test_user_namespace(box, image):
    conf.userns(box.config, 200000)
    put(f"{image}/f", owner=(200003, 200004))
    os.mkfifo(f"{image}/fifo")
    for p in (image, f"{image}/fifo"):
        os.chown(p, 200000, 200000)
    r = box.probe(commands=["stat", "/d/f", ",", "stat", "/d", ",", "stat", "/d/fifo"])["results"]
    assert [(x["uid"], x["gid"]) for x in r] == [(3, 4), (0, 0), (0, 0)]


# ---- refused

def test_full(box, image):
    put(f"{image}/f", os.urandom(2 << 20))
    box.mounts[-1]["options"].append("size=1m")
    box.refused("tmpcopyup: f: write", "No space left", "size=", f"/mounts/{len(box.mounts) - 1}")


def test_device_in_a_user_namespace(box, image):
    conf.userns(box.config, 200000)
    os.chown(image, 200000, 200000)
    os.mknod(f"{image}/n", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    box.refused("tmpcopyup: n: ", "1:3", "user namespace")


def test_too_deep(box, image):
    os.makedirs(f"{image}/" + "/".join("d" * 63))
    running(box)
    box.delete("--force").ok()
    os.makedirs(f"{image}/" + "/".join("d" * 64))
    box.refused("tmpcopyup: d/d/d", "64 deep")


@pytest.mark.needs_native("a million files take minutes there")
def test_more_entries_than_are_copied(box, image):
    put(f"{image}/f", b"")
    here = os.getcwd()
    os.chdir(image)
    for i in range((1 << 18) + 1):
        os.link("f", str(i))
    os.chdir(here)
    box.mounts[-1]["options"].append("nr_inodes=1000000")
    box.refused("tmpcopyup: ", "more than 262144 entries")
    shutil.rmtree(image)


def test_no_inodes_left(box, image):
    os.mkdir(f"{image}/x")
    for i in range(1 << 9):
        os.mkdir(f"{image}/x/{i}")
        put(f"{image}/x/{i}/f", b"")
    box.mounts[-1]["options"].append("nr_inodes=900")
    box.refused("tmpcopyup: x/", "No space left", "nr_inodes")
    shutil.rmtree(image)


@pytest.mark.parametrize("change, words", [
    ({"type": "ramfs"}, ["options/0", "tmpfs only"]),
    ({"options": ["bind", "tmpcopyup"], "source": "/tmp"}, ["options/1", "tmpfs only"]),
    ({"uidMappings": [{"containerID": 0, "hostID": 1, "size": 1}],
      "gidMappings": [{"containerID": 0, "hostID": 1, "size": 1}]}, ["options/0", "together"]),
])
def test_refused_before_anything_is_made(box, image, change, words):
    box.mounts[-1].update(change)
    box.refused(f"/mounts/{len(box.mounts) - 1}/{words[0]}", *words[1:])
