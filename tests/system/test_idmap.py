# SPDX-License-Identifier: GPL-2.0-or-later
"""Id-mapped mounts: owners as they are on disk, inside the container, and on disk afterwards."""
import os
import subprocess

import pytest
from lib import config as conf
from lib import kernel
from lib.box import PROGRAM

pytestmark = pytest.mark.kernel

EMPTY = 65534  # what an id without a mapping looks like: /proc/sys/fs/overflowuid


def mapping(disk, seen, size=1):
    """Owner `disk` on disk is `seen` on the mount, as the host counts."""
    return [{"containerID": disk, "hostID": seen, "size": size}]


def bind(box, source, *options, dest="/vol", uid=None, gid=None):
    m = {"destination": dest, "type": "bind", "source": source, "options": list(options or ["bind"])}
    if os.path.isdir(source):  # a root file system of the host's root: no mount point can be made
        os.makedirs(box.rootfs + dest, exist_ok=True)
    if uid:
        m["uidMappings"] = uid
        m["gidMappings"] = uid if gid is None else gid
    box.mounts.append(m)
    return m


@pytest.fixture(params=["tmpfs", "ext4"])
def volume(request, tmp):
    """A directory with a file of 1000:1001, on both kinds of file system."""
    path = f"{tmp}/volume"
    os.mkdir(path)
    if request.param == "ext4":
        image = f"{tmp}/image"
        with open(image, "wb") as f:
            f.truncate(8 << 20)
        subprocess.run(["mkfs.ext4", "-q", image], check=True)
        loop = subprocess.run(["mount", "-o", "loop", image, path], capture_output=True, text=True)
        if loop.returncode:
            pytest.skip(f"no loop devices here: {loop.stderr}")
    with open(f"{path}/f", "w") as f:
        f.write("text")
    os.chown(f"{path}/f", 1000, 1001)
    os.chown(path, 1000, 1001)
    os.chmod(path, 0o777)
    yield path
    if request.param == "ext4":
        subprocess.run(["umount", path], check=True)
        os.unlink(f"{tmp}/image")


def owner(path):
    st = os.lstat(path)
    return st.st_uid, st.st_gid


def inside(box, *paths, **kw):
    """(uid, gid) of each path as the container sees it."""
    commands = [w for p in paths for w in ("stat", p, ",")][:-1]
    return [(r["uid"], r["gid"]) for r in box.probe(commands=commands, **kw)["results"]]


def mounted(box, dest):
    """The mount on `dest` in a running container."""
    return kernel.mount_at(kernel.parse_mountinfo(kernel.read(f"/proc/{box.pid}/mountinfo")), dest)


# ---- what is seen and what is written

@pytest.mark.one_vm
@pytest.mark.spec("CF-016", "CF-019", "MO-057", "MO-058", "MO-060", "MO-067")
@pytest.mark.parametrize("options", [["bind", "idmap"], ["bind", "ridmap"], ["rbind", "ridmap"], ["bind"]])
def test_mapping_of_the_mount(box, volume, options):
    bind(box, volume, *options, uid=mapping(1000, 5000, 10), gid=mapping(1001, 7000, 10))
    box.process["user"] = {"uid": 5003, "gid": 7004}
    assert inside(box, "/vol/f") == [(5000, 7000)]
    assert owner(f"{volume}/f") == (1000, 1001)
    box.delete("--force")
    box.attack("open", "/vol/new", "wc")
    assert owner(f"{volume}/new") == (1003, 1005)


def test_ids_outside_of_the_mapping(box, volume):
    os.mknod(f"{volume}/other")
    os.chown(f"{volume}/other", 77, 77)
    bind(box, volume, "bind", "idmap", uid=mapping(1000, 5000, 2))
    assert inside(box, "/vol/other") == [(EMPTY, EMPTY)]
    box.process["user"] = {"uid": 9, "gid": 9}
    box.delete("--force")
    assert box.attack("open", "/vol/new", "wc")["errno"] == "EOVERFLOW"
    assert not os.path.exists(f"{volume}/new")


@pytest.mark.spec("CF-015", "CF-018", "MO-059", "MO-063")
def test_the_kernel_calls_it_idmapped(box, volume):
    bind(box, volume, "bind", "idmap", uid=mapping(0, 100, 10))
    bind(box, volume, "bind", dest="/plain")
    box.up()
    assert "idmapped" in mounted(box, "/vol").options
    assert "idmapped" not in mounted(box, "/plain").options
    assert "idmap" not in ",".join(mounted(box, "/vol").super)


def test_several_mappings(box, volume):
    bind(box, volume, "idmap", "bind", dest="/a", uid=mapping(1000, 1, 5))
    bind(box, volume, "idmap", "bind", dest="/b", uid=mapping(1000, 2, 5))
    bind(box, volume, "idmap", "bind", dest="/c", uid=mapping(1000, 2, 5))
    bind(box, volume, "idmap", "bind", dest="/d",
         uid=mapping(5, 5) + mapping(1000, 40) + mapping(1001, 50), gid=mapping(0, 0, 2000))
    bind(box, volume, "bind", dest="/e")
    assert inside(box, "/a/f", "/b/f", "/c/f", "/d/f", "/e/f") == [
        (1, 2), (2, 3), (2, 3), (40, 1001), (1000, 1001)]


def test_file(box, volume):
    bind(box, f"{volume}/f", "bind", "idmap", dest="/etc/file", uid=mapping(1000, 0, 5))
    assert inside(box, "/etc/file") == [(0, 1)]


def test_other_options_hold_too(box, volume):
    bind(box, volume, "bind", "idmap", "ro", "nosuid", "noexec", uid=mapping(1000, 0, 5))
    box.up()
    assert {"ro", "nosuid", "noexec", "idmapped"} <= mounted(box, "/vol").options
    with pytest.raises(OSError, match="Read-only"):
        os.mknod(f"/proc/{box.pid}/root/vol/new")


@pytest.mark.spec("MO-064", "MO-065", "MO-067", "MO-070")
def order(box, volume, user):
    """Directories a, b and c with files of those names, and mounts, the later ones of what the earlier ones bring."""
    for x in "abc":
        os.makedirs(f"{volume}/{x}/{x}")
        with open(f"{volume}/{x}/{x}/file", "w") as f:
            f.write(x)
        for path in (f"{volume}/{x}", f"{volume}/{x}/{x}/file"):
            os.chown(path, 1000, 1001)
    for x in ("mnt", "final"):
        os.makedirs(f"{box.rootfs}/{x}", exist_ok=True)
    if user:
        conf.userns(box.config, 0)
    bind(box, f"{volume}/a", "rbind", dest="/mnt")
    bind(box, f"{volume}/b", "rbind", dest="/mnt/a")
    bind(box, f"{box.rootfs}/mnt", "rbind", "idmap", dest="/final", uid=mapping(1000, 5000, 10), gid=mapping(1001, 7000, 10))


@pytest.mark.spec("MO-057")
def test_of_what_an_earlier_mount_brings(box, volume):
    order(box, volume, False)
    bind(box, f"{box.rootfs}/final/a", "bind", dest="/mnt")
    assert inside(box, "/final", "/final/a/b/file", "/mnt/b/file") == [(5000, 7000), (1000, 1001), (1000, 1001)]
    box.delete("--force")
    box.mounts[-2]["options"] = ["rbind", "ridmap"]
    assert inside(box, "/final", "/final/a/b/file", "/mnt/b/file") == [(5000, 7000), (5000, 7000), (5000, 7000)]
    assert owner(f"{volume}/b/b/file") == (1000, 1001)


def test_of_what_an_earlier_mount_brings_in_a_user_namespace(box, volume):
    order(box, volume, True)
    # one that needs nothing before it, one of what the last brings, and one that has nothing to do with it
    bind(box, f"{box.rootfs}/final/a", "bind", dest="/mnt")
    bind(box, f"{box.rootfs}/mnt/b", "bind", "idmap", dest="/last", uid=mapping(1000, 2000, 10), gid=mapping(1001, 3000, 10))
    assert inside(box, "/final", "/final/a/b/file", "/mnt/b/file", "/last/file") == \
        [(5000, 7000), (1000, 1001), (1000, 1001), (2000, 3000)]
    box.delete("--force")
    del box.mounts[-1]
    box.mounts[-2]["options"] = ["rbind", "ridmap"]
    assert inside(box, "/final", "/final/a/b/file", "/mnt/b/file") == [(5000, 7000), (5000, 7000), (5000, 7000)]
    assert owner(f"{volume}/b/b/file") == (1000, 1001)


def test_of_what_an_earlier_mount_brings_with_all_that_is_said_before(box, volume):
    """A filter and hooks, and the program is cloned last."""
    order(box, volume, True)
    box.config["hooks"] = {kind: [{"path": "/bin/true"}] for kind in ("createRuntime", "createContainer")}
    box.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["getpgid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 40}]}
    assert inside(box, "/final", "/final/a/b/file") == [(5000, 7000), (1000, 1001)]


def test_of_what_an_earlier_mount_brings_mapped_already(box, volume):
    """What the kernel refuses to the runtime is an error about that mount, and nothing is left."""
    order(box, volume, True)
    bind(box, f"{box.rootfs}/final", "bind", "idmap", dest="/last", uid=mapping(1000, 2000, 10), gid=mapping(1001, 3000, 10))
    box.refused("mount /last", "map the ids", "id-mapped already", f"/mounts/{len(box.mounts) - 1}/uidMappings")


@pytest.mark.parametrize("option", ["idmap", "ridmap"])
def test_submounts(box, tmp, option):
    os.makedirs(f"{tmp}/v/sub")
    kernel.mount("tmpfs", f"{tmp}/v/sub", "tmpfs", 0, "mode=755,uid=1000,gid=1000")
    try:
        bind(box, f"{tmp}/v", "rbind", option, uid=mapping(0, 3000, 2000))
        assert inside(box, "/vol", "/vol/sub") == [
            (3000, 3000), (4000, 4000) if option == "ridmap" else (1000, 1000)]
    finally:
        kernel.umount(f"{tmp}/v/sub")


# ---- user namespaces

@pytest.mark.spec("MO-061")
def test_own_mapping_of_the_container(box, volume):
    conf.userns(box.config, 200000, 300000)
    os.chown(f"{volume}/f", 3, 4)
    bind(box, volume, "bind", "idmap")
    box.process["user"] = {"uid": 3, "gid": 8}
    os.chown(volume, 0, 0)
    assert inside(box, "/vol/f", "/vol") == [(3, 4), (0, 0)]
    box.delete("--force")
    box.attack("open", "/vol/new", "wc")
    assert owner(f"{volume}/new") == (3, 8)


def test_own_mapping_of_a_container_that_is_joined(box, make_box, volume):
    other = make_box()
    conf.userns(other.config, 200000)
    other.up()
    for name in ("user", "network", "ipc"):
        conf.namespace(box.config, name,
                       f"/proc/{other.pid}/ns/{kernel.NS_FILE.get(name, name)}")
    os.chown(f"{volume}/f", 3, 4)
    bind(box, volume, "bind", "idmap")
    assert inside(box, "/vol/f") == [(3, 4)]


@pytest.mark.spec("MO-060")
def test_mapping_of_the_mount_in_a_user_namespace(box, volume):
    conf.userns(box.config, 200000)
    bind(box, volume, "bind", "idmap", uid=mapping(1000, 200007, 10))
    assert inside(box, "/vol/f") == [(7, 8)]


def test_without_idmap_a_user_namespace_changes_nothing(box, volume):
    conf.userns(box.config, 200000)
    bind(box, volume, "bind")
    assert inside(box, "/vol/f") == [(EMPTY, EMPTY)]


# ---- new file systems

@pytest.mark.parametrize("userns", [False, True])
def test_new_tmpfs(box, userns):
    base = 200000 if userns else 0
    if userns:
        conf.userns(box.config, base)
    os.makedirs(f"{box.rootfs}/t")
    os.chmod(f"{box.rootfs}/t", 0o1711)
    os.chown(f"{box.rootfs}/t", base, base)
    box.mounts.append({"destination": "/t", "type": "tmpfs", "options": ["idmap", "size=1m", "ro"],
                       "uidMappings": mapping(0, base + 20, 100),
                       "gidMappings": mapping(0, base + 30, 100)})
    r = box.attack("stat", "/t")
    assert (r["uid"], r["gid"], r["mode"] & 0o7777) == (20, 30, 0o1711)
    assert r["magic"] == kernel.SUPER_MAGIC["tmpfs"]
    box.delete("--force")
    assert box.attack("open", "/t/x", "wc")["errno"] == "EROFS"


# ---- refused

def test_a_source_that_cannot_be_mapped(box):
    bind(box, "/sys/kernel", "bind", "idmap", uid=mapping(0, 100, 10))
    n = len(box.mounts) - 1
    box.refused(f"/mounts/{n}/uidMappings", "mount /vol", "cannot be id-mapped", "Invalid argument")


def test_without_privileges(box, orlop, volume):
    conf.userns(box.config, 1000, size=1)
    conf.without_namespace(box.config, "network", "cgroup")
    box.linux.pop("resources")
    for m in box.mounts:  # no group but one is there
        m["options"] = [o for o in m.get("options", []) if o != "gid=5"]
    n = len(box.mounts)
    bind(box, volume, "bind", "idmap", uid=mapping(1000, 1000))
    os.mkdir(f"{orlop.tmp}/user", 0o700)
    os.chown(f"{orlop.tmp}/user", 1000, 1000)
    box.write()
    r = subprocess.run(["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "--inh-caps=-all",
                        PROGRAM, "--root", f"{orlop.tmp}/user/state", "create", "-b", box.bundle,
                        box.id], capture_output=True, text=True)
    assert r.returncode == 1 and "CAP_SYS_ADMIN" in r.stderr, r
    assert f"/mounts/{n}/uidMappings" in r.stderr, r
    assert os.listdir(f"{orlop.tmp}/user") == []


@pytest.mark.spec("CF-017", "CF-020", "MO-062", "MO-069")
@pytest.mark.parametrize("change, words", [
    ({"uidMappings": mapping(0, 1)}, ["gidMappings", "together"]),
    ({"gidMappings": mapping(0, 1)}, ["uidMappings", "together"]),
    ({"options": ["bind", "ro", "idmap"]}, ["options/2", "`idmap`", "user"]),
    ({"options": ["bind", "ridmap", "idmap"]}, ["options/2", "`idmap`"]),
    ({"uidMappings": mapping(0, 1, 0), "gidMappings": mapping(0, 1)}, ["uidMappings/0/size"]),
    ({"uidMappings": mapping(0, 1), "gidMappings": mapping(4294967295, 1)},
     ["gidMappings/0/containerID"]),
    ({"uidMappings": mapping(0, 1, 4294967295), "gidMappings": mapping(0, 1)},
     ["uidMappings/0/size", "past the last id"]),
    ({"uidMappings": mapping(0, 1, 9) + mapping(5, 100, 9), "gidMappings": mapping(0, 1)},
     ["uidMappings/1/containerID", "twice"]),
    ({"options": ["remount", "idmap"], "uidMappings": mapping(0, 1), "gidMappings": mapping(0, 1)},
     ["options/1", "remount"]),
    ({"type": "proc", "options": [], "uidMappings": mapping(0, 1), "gidMappings": mapping(0, 1)},
     ["uidMappings", "type of file system"]),
])
def test_refused_before_anything_is_made(box, tmp, change, words):
    n = len(box.mounts)
    bind(box, tmp).update(change)
    box.refused(f"/mounts/{n}/{words[0]}", *words[1:])
