# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of mount options of config.md, as far as no other test shows it: on whole trees, and what mounts do."""
import os

import pytest
from lib import kernel
from lib.config import bind, mount, set_caps

ALL = ("/m", "/m/sub", "/m/sub/deep")
ATIME = {"noatime", "relatime"}  # strictatime has no word in mountinfo


@pytest.fixture
def tree(box):
    """tree(flags): a host directory with a tmpfs on it, one in that, and one in that."""
    made = []

    def make(*words):
        path = f"{box.bundle}/tree"
        os.mkdir(path)
        flags = {"nodiratime": 2048, "noatime": 1024, "nosymfollow": 256, "strictatime": 1 << 24, **kernel.MS}
        for sub in ("", "/sub", "/sub/deep"):
            if sub:
                os.mkdir(path + sub)
            kernel.mount("tmpfs", path + sub, "tmpfs")
            made.append(path + sub)
            with open(f"{path}{sub}/file", "w") as f:
                f.write("text")
            os.symlink("file", f"{path}{sub}/link")
        for word in words:
            for sub in made:
                kernel.mount(None, sub, None, flags["remount"] | flags["bind"] | flags[word])
        return path
    yield make
    box.orlop.clean()
    for path in reversed(made):
        kernel.umount(path)


def options(box, *targets):
    mounts = kernel.parse_mountinfo(box.probe()["mountinfo"])
    return [kernel.mount_at(mounts, t).options for t in targets]


@pytest.mark.spec("CF-011")
def test_relative_destination(box):
    """From the root of the container, whatever the working directory is."""
    os.mkdir(f"{box.bundle}/source")
    box.process["cwd"] = "/tmp"
    box.mounts += [mount("data", "tmpfs", "t"), mount("a/b/../c", "tmpfs", "t"), bind(f"{box.bundle}/source", "bound")]
    seen = box.probe()
    targets = {m.target for m in kernel.parse_mountinfo(seen["mountinfo"])}
    assert {"/data", "/a/c", "/bound"} <= targets and seen["cwd"] == "/tmp"


# ---- on all mounts of a tree

@pytest.mark.spec("MO-041", "MO-042", "MO-043", "MO-053", "MO-055", "MO-056")
@pytest.mark.parametrize("word,cleared", [("rdev", "nodev"), ("rdiratime", "nodiratime"), ("rexec", "noexec"),
                                          ("rrw", "ro"), ("rsuid", "nosuid"), ("rsymfollow", "nosymfollow")])
def test_recursive_word_clears(box, tree, word, cleared):
    path = tree(cleared)
    box.mounts.append(bind(path, "/m", "rbind"))
    assert all(cleared in o for o in options(box, *ALL))
    box.mounts[-1]["options"].append(word)
    assert not any(cleared in o for o in options(box, *ALL))


@pytest.mark.spec("MO-044", "MO-045", "MO-046", "MO-049", "MO-050", "MO-052")
@pytest.mark.parametrize("word,there", [("rnoatime", "noatime"), ("rnodiratime", "nodiratime"), ("rnoexec", "noexec"),
                                        ("rnosuid", "nosuid"), ("rnodev", "nodev"), ("rro", "ro"),
                                        ("rnosymfollow", "nosymfollow")])
def test_recursive_word_sets(box, tree, word, there):
    box.mounts.append(bind(tree(), "/m", "rbind"))
    assert not any(there in o for o in options(box, *ALL))
    box.mounts[-1]["options"].append(word)
    assert all(there in o for o in options(box, *ALL))


@pytest.mark.spec("MO-040", "MO-047", "MO-048", "MO-051", "MO-054")
@pytest.mark.parametrize("before,word,after", [
    ("noatime", "ratime", {"relatime"}), ("noatime", "rrelatime", {"relatime"}), ("noatime", "rstrictatime", set()),
    ("strictatime", "rnostrictatime", {"relatime"}), ("noatime", "rnorelatime", {"relatime"}),
    ("strictatime", "rrelatime", {"relatime"}), ("noatime", "rnostrictatime", {"relatime"})])
def test_recursive_access_times(box, tree, before, word, after):
    """The words that take back a mode leave the kernel's default: relatime."""
    box.mounts.append(bind(tree(before), "/m", "rbind"))
    assert [o & ATIME for o in options(box, *ALL)] == [{before} & ATIME] * 3
    box.mounts[-1]["options"].append(word)
    assert [o & ATIME for o in options(box, *ALL)] == [after] * 3


@pytest.mark.spec("MO-019")
@pytest.mark.parametrize("words,after", [(["strictatime", "nostrictatime"], {"relatime"}), (["strictatime"], set()),
                                         (["noatime", "strictatime", "nostrictatime"], {"relatime"}),
                                         (["nostrictatime"], {"relatime"}), (["norelatime"], {"relatime"})])
def test_access_times_taken_back(box, words, after):
    box.mounts.append(mount("/m", "tmpfs", "t", words))
    assert options(box, "/m")[0] & ATIME == after


# ---- propagation, plain and recursive

@pytest.mark.spec("MO-021", "MO-026", "MO-027", "MO-028", "MO-029", "MO-031", "MO-033", "MO-037")
@pytest.mark.parametrize("word,top,below", [
    ("private", set(), {"master"}), ("slave", {"master"}, {"master"}), ("shared", {"shared"}, {"master"}),
    ("unbindable", {"unbindable"}, {"master"}), ("rprivate", set(), set()), ("rslave", {"master"}, {"master"}),
    ("rshared", {"shared"}, {"shared"}), ("runbindable", {"unbindable"}, {"unbindable"})])
def test_propagation_of_a_tree(box, tree, word, top, below):
    """The word counts for the topmost mount, with `r` for all: the others follow the root, here a slave."""
    box.linux["rootfsPropagation"] = "slave"
    box.mounts.append(bind(tree(), "/m", "rbind", word))
    mounts = kernel.parse_mountinfo(box.probe()["mountinfo"])
    got = [kernel.mount_at(mounts, t).propagation - {"propagate_from"} for t in ALL]
    if "shared" in word:  # shared again below a slave is both
        got = [g - {"master"} if "shared" in g else g for g in got]
    assert got[0] == top and got[1:] == [below] * 2


@pytest.mark.spec("MO-029", "MO-037")
@pytest.mark.parametrize("word,sub", [("unbindable", False), ("runbindable", True), ("private", None)])
def test_unbindable(box, tree, word, sub):
    """What mount(2) says to a bind of it."""
    box.mounts.append(bind(tree(), "/m", "rbind", word))
    set_caps(box.process, ["CAP_SYS_ADMIN"])
    for d in ("one", "two"):
        os.mkdir(f"{box.rootfs}/{d}")
    one, two = box.probe(commands=["mount", "/m", "/one", "", kernel.MS["bind"], "", ",",
                                   "mount", "/m/sub", "/two", "", kernel.MS["bind"], ""])["results"]
    assert one["errno"] == (None if sub is None else "EINVAL")
    assert two["errno"] == ("EINVAL" if sub else None)


# ---- what the flags do

@pytest.mark.spec("MO-015", "MO-008", "MO-020", "MO-035", "MO-025", "MO-030", "MO-013", "MO-005", "MO-038", "MO-039")
@pytest.mark.parametrize("first", ["no", "yes"])
def test_effects(box, first):
    """Not only the words in mountinfo: execve, set-user-ID, writing, devices and links."""
    source = f"{box.bundle}/source"
    os.mkdir(source)
    os.system(f"cp {box.rootfs}/bin/probe {source}/run && cp {source}/run {source}/suid && chmod 4755 {source}/suid && "
              f"mknod -m 666 {source}/null c 1 3 && ln -s run {source}/link")
    box.process["noNewPrivileges"] = False
    box.process["user"] = {"uid": 1000, "gid": 1000}
    os.chmod(source, 0o777)  # all mounts are of this one directory
    off = first == "no"
    for name, word in (("noexec", "exec"), ("nosuid", "suid"), ("ro", "rw"), ("nodev", "dev"),
                       ("nosymfollow", "symfollow")):
        box.mounts.append(bind(source, f"/{name}", name if off else word))
    box.probe(commands=["exec", "/nosuid/suid", "state"])
    text = kernel.read(f"{box.rootfs}/tmp/exec.out")  # what the set-user-ID program says of itself
    assert ('"uids":[1000,1000,1000,1000]' if off else '"uids":[1000,0,0,0]') in text
    # `exec` hands on all that follows it
    ro, nodev, nosymfollow, noexec = box.probe(commands=[
        "touch", "/ro/new", ",", "open", "/nodev/null", "w", ",", "open", "/nosymfollow/link", "r", ",",
        "exec", "/noexec/run", "exit", "7"])["results"]
    assert noexec["status"] == (128 + 13 if off else 7)
    assert ro["errno"] == ("EROFS" if off else None)
    assert nodev["errno"] == ("EACCES" if off else None)
    assert nosymfollow["errno"] == ("ELOOP" if off else None)


@pytest.mark.spec("CF-008")
def test_order_of_overlapping_mounts(box):
    """A later mount covers an earlier one, and lies in it where it is below."""
    box.mounts += [mount("/a", "tmpfs", "first"), mount("/a/b", "tmpfs", "second"), mount("/a", "tmpfs", "third"),
                   mount("/a/c", "tmpfs", "fourth")]
    seen = box.probe(commands=["list", "/a", ",", "state"])
    mounts = [m for m in kernel.parse_mountinfo(seen["mountinfo"]) if m.target.startswith("/a")]
    assert [m.source for m in mounts] == ["first", "second", "third", "fourth"]
    assert seen["results"][0]["names"] == ["c"]


@pytest.mark.spec("CF-008")
@pytest.mark.parametrize("last", ["bind", "tmpfs"])
def test_order_of_binds_and_file_systems(box, last):
    """On one mount point the last one wins, of whatever kind; inside a mount lies what comes after it."""
    source = f"{box.bundle}/source"
    os.mkdir(source)
    with open(f"{source}/file", "w") as f:
        f.write("text")
    two = [mount("/a", "tmpfs", "t"), bind(source, "/a")]
    box.mounts += [*(two if last == "bind" else reversed(two)), mount("/b", "tmpfs", "t"), bind(source, "/b/inner"),
                   mount("/b/inner/deeper", "tmpfs", "t")]
    r = box.probe(commands=["list", "/a", ",", "list", "/b/inner", ",", "list", "/b"])["results"]
    assert ("file" in r[0]["names"]) == (last == "bind")
    assert sorted(r[1]["names"]) == ["deeper", "file"] and r[2]["names"] == ["inner"]


@pytest.mark.spec("CF-013", "CF-014")
def test_unknown_options_together(box):
    """All words that are not ours reach the file system, in this mount and at once."""
    box.mounts.append(mount("/m", "tmpfs", "t", ["size=1m", "nosuid", "nr_inodes=8", "ro", "mode=1750", "uid=7"]))
    m = kernel.mount_at(kernel.parse_mountinfo(box.probe()["mountinfo"]), "/m")
    assert {"size=1024k", "nr_inodes=8", "mode=1750", "uid=7"} <= m.super and {"ro", "nosuid"} <= m.options
    box.mounts[-1]["options"].append("nonsense")
    box.refused("nonsense", f"/mounts/{len(box.mounts) - 1}")


@pytest.mark.spec("CF-007", "CL-023")
def test_read_only_root_leaves_what_is_mounted_writable(box):
    box.config["root"]["readonly"] = True
    source = f"{box.bundle}/source"
    os.mkdir(source)
    box.mounts += [mount("/t", "tmpfs", "t"), bind(source, "/b")]
    before = {p: (os.lstat(p).st_uid, os.lstat(p).st_gid, os.lstat(p).st_mode)
              for p in (f"{box.rootfs}/bin/probe", f"{box.rootfs}/etc", box.rootfs)}
    box.linux["namespaces"].append({"type": "user"})
    box.linux["uidMappings"] = box.linux["gidMappings"] = [{"containerID": 0, "hostID": 0, "size": 65536}]
    r = box.probe(commands=["touch", "/x", ",", "chmod", "/etc", "511", ",", "touch", "/t/x", ",",
                            "touch", "/b/x"])["results"]
    assert [x["errno"] for x in r] == ["EROFS", "EROFS", None, None]
    assert before == {p: (os.lstat(p).st_uid, os.lstat(p).st_gid, os.lstat(p).st_mode) for p in before}
