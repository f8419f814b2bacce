# SPDX-License-Identifier: GPL-2.0-or-later
"""
A mount namespace that begins with the root file system alone, and not with a copy of all the host's mounts (Linux 7.0).
What a container sees is the same; with a hook of creation, which may look at the host's mounts, it begins with the copy.
"""
import json
import os
import re
import subprocess

import pytest
from lib import kernel
from lib.config import bind, mount, namespace, set_caps, userns

pytestmark = [pytest.mark.kernel, pytest.mark.needs_tree_namespaces]


def copying(box):
    box.config["hooks"] = {"createContainer": [{"path": "/bin/true"}]}


def traced(box, calls, **kw):
    trace = f"{box.bundle}/trace"
    box.run(wrap=["strace", "-f", "-qq", "-o", trace, "-e", f"trace={calls}"], **kw).ok()
    return kernel.read(trace)


def shown(box, *commands):
    """What cannot differ: numbers of devices, mounts and peer groups are new each time."""
    seen = box.probe(commands=["state", *(w for c in commands for w in (",", *c))])
    lines = [(m.target, m.root, m.fstype, m.source, sorted(m.options), sorted(m.super), sorted(m.propagation))
             for m in kernel.parse_mountinfo(seen["mountinfo"])]
    return lines, seen["results"]


@pytest.fixture
def volume(box):
    """A directory of the host, a mount itself, with a file, a link, and a mount with a file of another mount namespace."""
    path = f"{box.bundle}/volume"
    os.makedirs(path)
    kernel.mount("volume", path, "tmpfs")
    kernel.mount(None, path, None, kernel.MS["shared"])
    for name in ("sub", "empty"):
        os.mkdir(f"{path}/{name}")
    for name in ("file", "mnt"):
        with open(f"{path}/{name}", "w") as f:
            f.write(name)
    os.symlink("file", f"{path}/link")
    kernel.mount("sub", f"{path}/sub", "tmpfs", kernel.MS["nosuid"])
    other = subprocess.Popen(["unshare", "--mount", "sleep", "1000"])
    # Until it is a program of its own, unshare(1) may not have made its mounts private, and the file would come back to its own.
    kernel.until(lambda: kernel.read(f"/proc/{other.pid}/comm") == "sleep\n")
    kernel.mount(f"/proc/{other.pid}/ns/mnt", f"{path}/mnt", None, kernel.MS["bind"])
    yield path
    box.orlop.clean()
    other.kill()
    other.wait()
    for name in ("mnt", "sub", ""):
        kernel.umount(f"{path}/{name}")


CASES = {
    "default": lambda box, volume: None,
    "binds": lambda box, volume: box.mounts.extend([
        bind(volume, "/a", "rbind"), mount("/b", "tmpfs", "t", ["mode=755"]), bind(volume, "/c", "ro", "nosuid"), bind(f"{volume}/file", "/d"),
        bind(f"{volume}/link", "/e"), bind(f"{volume}/file", "/f", "rbind", "rro"), bind("/dev", "/g", "rbind"),
        bind(f"{box.rootfs}/tmp", "/h")]),
    "links": lambda box, volume: box.mounts.extend([
        bind(f"{volume}/link", "/a", "src-nofollow", "rbind"), bind(f"{volume}/link", "/b", "copy-symlink")]),
    "propagation": lambda box, volume: box.mounts.extend(
        bind(volume, f"/{word}", "rbind", word) for word in ("rprivate", "rslave", "rshared", "private", "slave", "shared",
                                                             "unbindable")),
    "rslave": lambda box, volume: (box.config["linux"].update(rootfsPropagation="rslave"),
                                   box.mounts.extend([bind(volume, "/a", "rbind"), bind(volume, "/b", "rshared")])),
    "shared": lambda box, volume: (box.config["linux"].update(rootfsPropagation="shared"),
                                   box.mounts.extend([bind(volume, "/a", "rbind"), bind(volume, "/b", "rshared")])),
    "root of the host": lambda box, volume: box.mounts.append(bind("/", "/a", "rbind", "rprivate")),
    "cgroups of the host": lambda box, volume: box.config["linux"].update(
        namespaces=[n for n in box.config["linux"]["namespaces"] if n["type"] != "cgroup"]),
    "writable": lambda box, volume: box.config["root"].update(readonly=False),
    "masks": lambda box, volume: box.config["linux"].update(
        maskedPaths=["/proc/keys", "/proc/acpi", "/a/file", "/a/sub", "/nothing"], readonlyPaths=["/proc/sys", "/a/empty"])
    or box.mounts.append(bind(volume, "/a", "rbind")),
}


def in_user_namespace(box):
    userns(box.config)
    os.chown(box.rootfs, 100000, 100000)
    os.chmod(f"{box.bundle}/..", 0o755)


@pytest.mark.parametrize("user", [False, True], ids=["root", "user namespace"])
@pytest.mark.parametrize("case", CASES)
def test_same_mounts_either_way(box, volume, case, user):
    """In a user namespace there is no way back to the host's mounts, but to copies of some."""
    CASES[case](box, volume)
    if user:
        in_user_namespace(box)
    looks = [("open", "/a/file", "r"), ("list", "/a/sub"), ("open", "/a/mnt", "r"), ("list", "/"), ("list", "/dev")]
    alone = shown(box, *looks)
    assert any(line[0] == "/" for line in alone[0])
    copying(box)
    copied = shown(box, *looks)
    if case == "root of the host":  # copied, it is cloned before anything lies over it
        copied[0].sort()
        alone[0].sort()
    assert copied == alone


def test_no_copy_is_made(box):
    box.args("true")
    calls = traced(box, "clone3,unshare,pivot_root,umount2,open_tree")
    assert "CLONE_NEWNS" not in calls and "pivot_root" not in calls and "umount2" not in calls, calls
    copying(box)
    calls = traced(box, "clone3,unshare,pivot_root,umount2")
    assert "CLONE_NEWNS" in calls and "pivot_root" in calls, calls


@pytest.mark.parametrize("kind", ["prestart", "createRuntime", "createContainer"])
def test_copy_where_it_is_needed(box, kind):
    box.config["hooks"] = {kind: [{"path": "/bin/true"}]}
    box.args("true")
    assert "CLONE_NEWNS" in traced(box, "clone3,unshare")


def test_no_copy_in_a_user_namespace(box):
    in_user_namespace(box)
    box.args("true")
    assert "CLONE_NEWNS" not in traced(box, "clone3,unshare")


def test_source_that_is_another_for_each_process(box):
    """Of such the child in a user namespace looks at its own, in a copy of the host's mounts."""
    box.mounts.append(bind("/proc/self/status", "/m"))
    in_user_namespace(box)
    box.args("open", "/m", "r")
    assert "CLONE_NEWNS" in traced(box, "clone3,unshare")


def test_no_more_than_the_host_shows(box, volume):
    """What is locked in a copy of the host's mounts is locked in a view: flags stay, and nothing is uncovered."""
    kernel.mount(None, f"{volume}/sub", None, kernel.MS["remount"] | kernel.MS["bind"] | kernel.MS["ro"] | kernel.MS["nosuid"])
    box.mounts.append(bind(volume, "/a", "rbind"))
    in_user_namespace(box)
    set_caps(box.process, ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"])
    again = str(kernel.MS["remount"] | kernel.MS["bind"])
    seen = box.probe(commands=["mount", "", "/a/sub", "", again, "", ",", "umount", "/a/sub", "2"])["results"]
    assert [s["errno"] for s in seen] == ["EPERM", "EINVAL"], seen


def test_layers_are_names_of_the_host(box):
    for name in ("one", "two"):
        os.makedirs(f"{box.bundle}/{name}")
        with open(f"{box.bundle}/{name}/file-{name}", "w") as f:
            f.write(name)
    box.mounts.append(mount("/o", "overlay", "o", [f"lowerdir={box.bundle}/one:{box.bundle}/two"]))
    seen = box.probe(commands=["open", "/o/file-one", "r", ",", "open", "/o/file-two", "r"])["results"]
    assert [s.get("text") for s in seen] == ["one", "two"], seen


def test_other_hooks_need_none(box):
    box.config["hooks"] = {kind: [{"path": "/bin/true"}] for kind in ("poststart", "poststop")}
    box.args("true")
    assert "CLONE_NEWNS" not in traced(box, "clone3,unshare")


def test_a_container_lives_in_it(box, volume):
    """exec, and mounts that come and go, find the same; nothing of the host but what was asked for is there."""
    box.mounts.append(bind(volume, "/a", "rbind"))
    box.up()
    inside = kernel.parse_mountinfo(kernel.read(f"/proc/{box.pid}/mountinfo"))
    assert kernel.mounts_at(inside, "/a/sub") and not kernel.mounts_at(inside, "/a/mnt"), inside
    assert os.stat(f"/proc/{box.pid}/root").st_ino == os.stat(box.rootfs).st_ino
    assert os.stat(f"/proc/{box.pid}/root/..").st_ino == os.stat(box.rootfs).st_ino
    assert " /a/sub " in box.exec().ok().json()["mountinfo"]
    added = f"{box.bundle}/added.json"
    with open(added, "w") as f:
        json.dump([bind(f"{volume}/empty", "/m")], f)
    box.orlop("mounts", "add", box.id, added).ok()
    assert kernel.mounts_at(kernel.parse_mountinfo(kernel.read(f"/proc/{box.pid}/mountinfo")), "/m")
    assert kernel.ns_inode(box.pid, "mnt") != kernel.ns_inode("self", "mnt")
    assert not [f for f in kernel.opened(box.pid) if f.startswith("mnt:")]


def test_way_back_that_is_refused(box, volume):
    """For a source of the host it goes there once more; whatever is refused on the way is an error."""
    box.mounts.append(bind(f"{volume}/empty", "/a"))
    for when in (2, 3):
        r = box.run(wrap=["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=setns",
                          "-e", f"inject=setns:error=EPERM:when={when}"])
        r.failed("mount /a", "Operation not permitted")
        assert box.orlop.ids() == []


def number_of(call, calls):
    """Which one it is of its process, as strace counts to inject an error."""
    lines = calls.splitlines()
    at = next(i for i, line in enumerate(lines) if re.search(call, line))
    pid = lines[at].split()[0]
    return sum(line.split()[0] == pid for line in lines[:at + 1])


def test_kernel_that_hides_it(box):
    """As a filter of the host does, or an older kernel: it is asked once, and the copy is made."""
    box.args("true")
    number, trace = number_of(r"open_tree\(-1, ", traced(box, "open_tree")), f"{box.bundle}/trace"
    box.run(wrap=["strace", "-qq", "-o", trace, "-e", "trace=open_tree,clone3",
                  "-e", f"inject=open_tree:error=EINVAL:when={number}"]).ok()
    assert "CLONE_NEWNS" in kernel.read(trace)


def test_refusal_is_no_fallback(box):
    """A kernel that has it and refuses: an error, and nothing is left."""
    box.args("true")
    number = number_of("(OPEN_TREE_NAMESPACE|0x2).*AT_RECURSIVE|AT_RECURSIVE.*(OPEN_TREE_NAMESPACE|0x2)", traced(box, "open_tree"))
    r = box.run(wrap=["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=open_tree",
                      "-e", f"inject=open_tree:error=ENOSPC:when={number}"])
    r.failed("make a mount namespace of", "No space left")
    assert box.orlop.ids() == []


def test_plan_says_which(box):
    box.write()
    assert 'mount-namespace="of its own, with nothing of the host\'s in it"' in box.orlop("plan", box.bundle).ok().out
    copying(box)
    box.write()
    assert 'mount-namespace="a copy of the host\'s" because=hooks' in box.orlop("plan", box.bundle).ok().out


def test_joined_cgroup_namespace(box, make_box):
    """Which it is was asked by a path of the host."""
    first = make_box()
    namespace(first.config, "cgroup")
    first.up()
    namespace(box.config, "cgroup", f"/proc/{first.pid}/ns/cgroup")
    alone = shown(box)
    copying(box)
    assert shown(box) == alone
