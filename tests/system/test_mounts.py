# SPDX-License-Identifier: GPL-2.0-or-later
"""mounts[], the root, masked and read-only paths, as mountinfo shows them inside and outside."""
import os

import pytest
from lib import host, kernel
from lib.config import CGROUP, SYSFS, bind, mount, namespace, set_caps, userns, without_namespace

pytestmark = pytest.mark.kernel

ATTR = ["ro", "nosuid", "nodev", "noexec", "nodiratime", "noatime", "relatime", "nosymfollow"]
SYS_ADMIN = ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_MKNOD"]


def mounts(seen):
    return kernel.parse_mountinfo(seen["mountinfo"])


def at(box, target, *options, **kw):
    return kernel.mount_at(mounts(box.probe(*options, **kw)), target)


def source(box, name="source"):
    path = f"{box.bundle}/{name}"
    os.makedirs(path)
    with open(f"{path}/file", "w") as f:
        f.write("from the host")
    return path


@pytest.fixture
def tree(box):
    """A host directory with a tmpfs on a sub-directory, and one on that."""
    path = source(box, "tree")
    for sub in ("sub", "sub/deep"):
        os.mkdir(f"{path}/{sub}")
        kernel.mount("tmpfs", f"{path}/{sub}", "tmpfs")
    yield path
    box.orlop.clean()
    for sub in ("sub/deep", "sub"):
        kernel.umount(f"{path}/{sub}")


# ---- option words

@pytest.mark.one_vm
@pytest.mark.spec("MO-012", "MO-013", "MO-014", "MO-015", "MO-020", "MO-025", "MO-038")
@pytest.mark.parametrize("word", ["ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime", "nosymfollow"])
@pytest.mark.parametrize("kind", ["tmpfs", "bind"])
def test_attribute_word(box, word, kind):
    if kind == "tmpfs":
        box.mounts.append(mount("/m", "tmpfs", "t", [word]))
    else:
        box.mounts.append(bind(source(box), "/m", word))
    seen = at(box, "/m")
    assert word in seen.options, seen
    others = {"ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime", "nosymfollow"} - {word}
    assert not others & seen.options, seen


@pytest.mark.one_vm
@pytest.mark.spec("MO-002", "MO-005", "MO-006", "MO-008", "MO-023", "MO-025", "MO-030", "MO-035", "MO-039")
@pytest.mark.parametrize("first,second,there", [
    ("ro", "rw", "rw"), ("nosuid", "suid", None), ("nodev", "dev", None), ("noexec", "exec", None),
    ("noatime", "atime", None), ("nodiratime", "diratime", None), ("noatime", "relatime", "relatime"),
    ("nosymfollow", "symfollow", None), ("rw", "ro", "ro"), ("suid", "nosuid", "nosuid")])
def test_the_later_word_wins(box, first, second, there):
    box.mounts.append(mount("/m", "tmpfs", "t", [first, second]))
    seen = at(box, "/m")
    assert first not in seen.options and (there is None or there in seen.options)


@pytest.mark.spec("MO-034")
def test_strictatime(box):
    box.mounts.append(mount("/m", "tmpfs", "t", ["strictatime"]))
    seen = at(box, "/m")
    assert not {"relatime", "noatime"} & seen.options


@pytest.mark.spec("MO-001", "MO-007", "MO-010", "MO-017", "MO-036")
@pytest.mark.parametrize("word,negation", [("sync", "async"), ("dirsync", None), ("lazytime", "nolazytime")])
def test_superblock_word(box, word, negation):
    box.mounts.append(mount("/m", "tmpfs", "t", [word]))
    assert word in at(box, "/m").super
    if negation:
        box.mounts[-1]["options"] = [word, negation]
        assert word not in at(box, "/m").super


@pytest.mark.one_vm
@pytest.mark.spec("MO-004", "MO-009", "MO-011", "MO-016", "MO-018", "MO-032")
@pytest.mark.parametrize("word", ["defaults", "iversion", "noiversion", "silent", "loud", "norelatime", "rw",
                                  "async", "dev", "exec", "suid", "atime", "diratime", "nomand", "symfollow"])
def test_word_without_a_trace(box, word):
    box.mounts.append(mount("/m", "tmpfs", "t", [word]))
    assert at(box, "/m").options == {"rw", "relatime"}


@pytest.mark.spec("CF-013", "CF-014")
def test_data_words_go_to_the_file_system(box):
    box.mounts.append(mount("/m", "tmpfs", "name", ["size=64k", "mode=711", "uid=3", "gid=4", "nr_inodes=5"]))
    seen = at(box, "/m")
    assert seen.super >= {"size=64k", "mode=711", "uid=3", "gid=4", "nr_inodes=5"}
    assert seen.source == "name"


@pytest.mark.spec("CF-013")
def test_data_word_that_the_file_system_does_not_know(box):
    box.mounts.append(mount("/m", "tmpfs", "t", ["nonsense=1"]))
    box.refused("/m", "nonsense")


@pytest.mark.parametrize("word", ["idmap", "ridmap"])
def test_id_mapping_without_mappings_is_refused(box, word):
    box.mounts.append(bind(source(box), "/m", word))
    box.refused(f"/mounts/{len(box.mounts) - 1}")


@pytest.mark.spec("MO-044", "MO-045", "MO-046", "MO-049", "MO-050", "MO-052")
@pytest.mark.parametrize("word,attr", [("rro", "ro"), ("rnosuid", "nosuid"), ("rnodev", "nodev"),
                                       ("rnoexec", "noexec"), ("rnoatime", "noatime"),
                                       ("rnodiratime", "nodiratime"), ("rnosymfollow", "nosymfollow")])
def test_recursive_word(box, tree, word, attr):
    box.mounts.append(bind(tree, "/m", "rbind", word))
    seen = mounts(box.probe())
    for target in ("/m", "/m/sub", "/m/sub/deep"):
        assert attr in kernel.mount_at(seen, target).options, target


@pytest.mark.spec("MO-043")
def test_recursive_word_that_clears(box, tree):
    kernel.mount(None, f"{tree}/sub", None, kernel.MS["remount"] | kernel.MS["bind"] | kernel.MS["noexec"])
    box.mounts.append(bind(tree, "/m", "rbind", "rexec"))
    assert "noexec" not in kernel.mount_at(mounts(box.probe()), "/m/sub").options


NOATIME, NODIRATIME, NOSYMFOLLOW = 1024, 2048, 256


def flags(path, *names):
    """Give a mount of the host exactly these flags."""
    numbers = {**kernel.MS, "noatime": NOATIME, "nodiratime": NODIRATIME, "nosymfollow": NOSYMFOLLOW}
    kernel.mount(None, path, None, sum(numbers[n] for n in ("remount", "bind", *names)))


def attributes(seen):
    return seen.options & {*ATTR, "rw"}


@pytest.mark.one_vm
@pytest.mark.parametrize("source, words, wanted", [
    ("nosuid noexec", "", "rw nosuid noexec relatime"),
    ("ro nosuid nodev noexec noatime nodiratime", "", "ro nosuid nodev noexec noatime nodiratime"),
    ("nosuid noexec", "rprivate", "rw nosuid noexec relatime"),
    ("nosuid noexec", "rnodev", "rw nosuid noexec nodev relatime"),
    ("nosuid noexec", "ro", "ro relatime"),
    ("nosuid noexec nosymfollow", "rw dev", "rw relatime"),
    ("ro nosuid", "nodev", "rw nodev relatime"),
    ("nosuid noatime", "ro", "ro noatime"),
    ("nosuid noatime nodiratime", "exec", "rw noatime nodiratime"),
    ("nosuid noatime", "atime", "rw relatime"),
    ("noatime nodiratime", "relatime", "rw relatime"),
    ("noatime", "nodiratime", "rw nodiratime relatime"),
    ("noatime nodiratime", "diratime", "rw relatime"),
    ("nosuid", "strictatime", "rw"),
    ("ro nosuid", "defaults", "ro nosuid relatime")])
def test_bind_has_all_of_its_source_or_exactly_what_is_named(box, tree, source, words, wanted):
    """As mount(8) and runc."""
    flags(f"{tree}/sub", *source.split())
    box.mounts.append(bind(f"{tree}/sub", "/m", *words.split()))
    assert attributes(at(box, "/m")) == set(wanted.split())


def locked(box, tree, words):
    """In a user namespace of an ordinary user, to which the mount came with its flags locked."""
    box.mounts.append(bind(f"{tree}/sub/deep", "/m", *words))
    box.write()
    return box.orlop("--debug", "run", "--bundle", box.bundle, box.id, wrap=["unshare", "-Urm"])


@pytest.fixture
def as_root_of_a_namespace(box, tree):
    flags(f"{tree}/sub/deep", "ro", "nosuid", "noatime")
    for m in box.mounts:
        m["options"] = [o for o in m.get("options", []) if not o.startswith("gid=")]
    del box.linux["resources"]
    return box


@pytest.mark.parametrize("words, wanted, said", [
    (["nodev"], "ro nosuid nodev noatime", "locked"), ([], "ro nosuid noatime", "stays"),
    (["ro"], "ro nosuid noatime", "locked"), (["noatime", "noexec"], "ro nosuid noexec noatime", "locked")])
def test_what_is_locked_stays_and_is_said(as_root_of_a_namespace, tree, words, wanted, said):
    box = as_root_of_a_namespace
    r = locked(box, tree, words).ok()
    assert attributes(kernel.mount_at(mounts(r.json()), "/m")) == set(wanted.split())
    assert any(said in line and "nosuid" in line and "(/m)" in line for line in r.err.splitlines()), r


@pytest.mark.parametrize("word", ["rw", "suid", "atime", "relatime"])
def test_what_is_locked_cannot_be_asked_away(as_root_of_a_namespace, tree, word):
    r = locked(as_root_of_a_namespace, tree, [word])
    assert r.rc == 1 and "locked" in r.err and "/mounts/7" in r.err, r


@pytest.mark.one_vm
@pytest.mark.parametrize("word", [
    "user", "idmap=uids=0-1-2", "X-mount.subdir=a", "RO", "readonly",
    "read-only", "NoSuid", "no_exec", "no-dev", "ro=recursive", "noexec=vfs", "ro,noexec", "rw,ro", "size=1,nodev", " ro"])
def test_unknown_word_without_which_a_bind_is_less_safe(box, word):
    box.mounts.append(bind(source(box), "/m", "nosuid", word))
    box.refused(word, f"/mounts/{len(box.mounts) - 1}/options/2")


@pytest.mark.parametrize("word", ["mode=0700", "x-systemd.automount", "nofail", "RW", "z", "size=1,mode=7", "x-a=ro"])
def test_unknown_word_that_a_bind_can_do_without(box, word):
    box.mounts.append(bind(source(box), "/m", word))
    r = box.run().ok()
    assert "warning" in r.err and word in r.err


def test_plain_word_is_for_the_top_only(box, tree):
    box.mounts.append(bind(tree, "/m", "rbind", "ro"))
    seen = mounts(box.probe())
    assert "ro" in kernel.mount_at(seen, "/m").options
    assert "rw" in kernel.mount_at(seen, "/m/sub").options


# ---- copy-symlink: crun's word, and Podman's --mount type=bind,no-dereference

@pytest.fixture(params=[False, True], ids=["host's users", "user namespace"])
def linked(request, box):
    """linked(text, words...): a mount on /made/here/link of a source that is a link to `text`."""
    if request.param:
        userns(box.config, 0)

    def add(text, *words, dest="/made/here/link"):
        path = f"{box.bundle}/link{len(box.mounts)}"
        os.symlink(text, path)
        box.mounts.append(bind(path, dest, *words))
    return add


@pytest.mark.parametrize("text", ["/nowhere/at/all", "../relative", "/etc/shadow"])
def test_copied_link(box, linked, text):
    linked(text, "rbind", "copy-symlink", "ro", "rprivate")
    seen = box.probe()
    assert not any(m.target.startswith("/made") for m in mounts(seen))
    assert os.readlink(f"{box.rootfs}/made/here/link") == text
    box.delete("--force")
    box.probe()     # the same link is there already


def test_copied_link_of_what_is_none(box):
    box.mounts.append(bind(source(box), "/m", "copy-symlink", "ro"))
    assert "ro" in at(box, "/m").options


def test_copied_link_stays_in_the_container(box, linked):
    """Its place is looked up as that of any mount."""
    os.makedirs(f"{box.bundle}/outside")
    os.symlink("../outside", f"{box.rootfs}/made")
    linked("text", "copy-symlink")
    box.probe()
    assert os.listdir(f"{box.bundle}/outside") == []
    assert os.readlink(f"{box.rootfs}/outside/here/link") == "text"


@pytest.mark.parametrize("there", ["file", "directory", "link"])
def test_copied_link_where_something_else_is(box, linked, there):
    os.makedirs(f"{box.rootfs}/made/here")
    path = f"{box.rootfs}/made/here/link"
    if there == "link":
        os.symlink("text2", path)
    elif there == "file":
        box.file("made/here/link", "")
    else:
        os.mkdir(path)
    linked("text", "copy-symlink")
    box.refused("copy-symlink", "/made/here/link is there already", f"/mounts/{len(box.mounts) - 1}")


# ---- src-nofollow, dest-nofollow: crun's words for a bind of a link, and onto one

TEXT = "text/of the link"


@pytest.fixture(params=[False, True], ids=["host's users", "user namespace"])
def links(request, box):
    """`source` on the host leads to a file, `place` in the container nowhere."""
    if request.param:
        userns(box.config, 0)
    source(box)
    os.symlink(f"{box.bundle}/source/file", f"{box.bundle}/link")
    os.symlink(TEXT, f"{box.bundle}/dangling")
    os.symlink("nowhere", f"{box.rootfs}/place")
    return box


def read(box, path):
    """What is read there, and what the link there says."""
    r = box.probe(commands=["open", path, "r", ",", "readlink", path])["results"]
    return r[0].get("text"), r[1].get("text")


def test_bind_of_a_link_onto_a_link(links):
    links.mounts.append(bind(f"{links.bundle}/dangling", "/place", "ro", "src-nofollow", "dest-nofollow"))
    assert "ro" in at(links, "/place").options
    assert read(links, "/place") == (None, TEXT)
    assert os.readlink(f"{links.rootfs}/place") == "nowhere" and not os.path.exists(f"{links.rootfs}/nowhere")


def test_bind_of_what_a_link_leads_to_onto_a_link(links):
    links.mounts.append(bind(f"{links.bundle}/link", "/place", "dest-nofollow"))
    assert read(links, "/place") == ("from the host", None)
    assert not os.path.exists(f"{links.rootfs}/nowhere")


def test_bind_of_a_link_onto_what_a_link_leads_to(links):
    """Who comes there would follow both."""
    links.mounts.append(bind(f"{links.bundle}/dangling", "/place", "src-nofollow"))
    links.refused("needs dest-nofollow", f"/mounts/{len(links.mounts) - 1}")


@pytest.mark.parametrize("place", ["/not/there", "/file"])
def test_bind_of_a_link_onto_no_link(links, place):
    links.file("file", "below")
    links.mounts.append(bind(f"{links.bundle}/dangling", place, "src-nofollow", "dest-nofollow"))
    assert read(links, place) == (None, TEXT)


def test_bind_of_a_link_in_the_root_file_system(links):
    """It is taken at its turn there, and not followed either: by the way to it, yes."""
    os.makedirs(f"{links.rootfs}/a/b")
    os.symlink(TEXT, f"{links.rootfs}/a/b/link")
    os.symlink("a/b", f"{links.rootfs}/way")
    links.mounts.append(bind(f"{links.rootfs}/way/link", "/place", "src-nofollow", "dest-nofollow"))
    assert read(links, "/place") == (None, TEXT)


def test_nofollow_of_what_is_no_link_goes_where_a_link_leads_to(links):
    links.mounts.append(bind(f"{links.bundle}/source", "/place", "src-nofollow"))
    os.mkdir(f"{links.rootfs}/nowhere")
    assert read(links, "/nowhere/file") == ("from the host", None)


def test_nofollow_of_what_is_no_link(links):
    links.mounts.append(bind(f"{links.bundle}/source", "/m", "src-nofollow", "dest-nofollow", "ro"))
    assert read(links, "/m/file") == ("from the host", None)


@pytest.mark.parametrize("place,word", [("/proc/self", "below /proc"), ("/way/self", "inside of procfs")])
def test_a_link_of_procfs_is_no_mount_point(links, place, word):
    os.symlink("proc", f"{links.rootfs}/way")
    links.mounts.append(bind(f"{links.bundle}/dangling", place, "src-nofollow", "dest-nofollow"))
    links.refused(word, f"/mounts/{len(links.mounts) - 1}")


def test_place_of_a_link_stays_in_the_container(links):
    os.makedirs(f"{links.bundle}/outside")
    os.symlink("there", f"{links.bundle}/outside/place")
    os.makedirs(f"{links.rootfs}/outside")
    os.symlink("../outside", f"{links.rootfs}/way")
    links.mounts.append(bind(f"{links.bundle}/dangling", "/way/place", "src-nofollow", "dest-nofollow"))
    assert read(links, "/outside/place") == (None, TEXT)
    assert os.path.isfile(f"{links.rootfs}/outside/place") and os.readlink(f"{links.bundle}/outside/place") == "there"


@pytest.mark.parametrize("path", ["/place", "/place/file"])
@pytest.mark.parametrize("kind", ["maskedPaths", "readonlyPaths"])
def test_no_mask_is_lost_through_a_link_that_is_mounted(links, kind, path):
    links.file("nowhere/file", "to be hidden")
    os.unlink(f"{links.bundle}/dangling")
    os.symlink("/nowhere", f"{links.bundle}/dangling")
    links.mounts.append(bind(f"{links.bundle}/dangling", "/place", "src-nofollow", "dest-nofollow"))
    links.linux[kind].append(path)
    links.refused("a symbolic link is mounted at /place", f"/linux/{kind}/{len(links.linux[kind]) - 1}")


def test_a_directory_does_not_go_onto_a_link(links):
    links.mounts.append(bind(f"{links.bundle}/source", "/place", "dest-nofollow"))
    links.refused("a directory, cannot be mounted on a file", f"/mounts/{len(links.mounts) - 1}")


# ---- bind

@pytest.mark.spec("MO-003")
def test_bind_directory(box):
    box.mounts.append(bind(source(box), "/data"))
    assert box.attack("open", "/data/file", "r")["text"] == "from the host"
    # the missing mount point was made, and belongs to the root file system
    st = os.stat(f"{box.rootfs}/data")
    assert st.st_mode & 0o7777 == 0o755 and os.listdir(f"{box.rootfs}/data") == []


@pytest.mark.spec("MO-025")
def test_bind_file_over_file_and_onto_nothing(box):
    path = f"{source(box)}/file"
    box.file("etc/hosts", "image")
    box.mounts += [bind(path, "/etc/hosts"), bind(path, "/etc/new/deep/file", "ro")]
    r = box.probe(commands=["open", "/etc/hosts", "r", ",", "open", "/etc/new/deep/file", "r", ",",
                            "write", "/etc/new/deep/file", "x"])["results"]
    assert [x.get("text") for x in r[:2]] == ["from the host"] * 2
    assert r[2]["errno"] == "EROFS"
    assert kernel.read(f"{box.rootfs}/etc/hosts") == "image"


def test_destination_below_the_path_of_the_root(box):
    """The place in the root file system, as with runc; a name that only begins so is another."""
    path = source(box)
    box.mounts += [bind(path, f"{box.rootfs}/data"), bind(path, f"{box.rootfs}-data")]
    r = box.probe(commands=["open", "/data/file", "r", ",", "open", f"{box.rootfs}-data/file", "r"])["results"]
    assert [x.get("text") for x in r] == ["from the host"] * 2
    assert not os.path.exists(box.rootfs + box.rootfs)


def test_destination_is_the_path_of_the_root(box):
    box.mounts.append(bind(source(box), box.rootfs))
    box.refused("/mounts", "destination")


def test_relative_source_is_relative_to_the_bundle(box):
    source(box, "here")
    box.mounts.append(bind("here", "/data"))
    assert box.attack("open", "/data/file", "r")["text"] == "from the host"


@pytest.mark.spec("MO-003", "MO-022")
def test_bind_and_rbind(box, tree):
    box.mounts.append(bind(tree, "/one"))
    box.mounts.append(bind(tree, "/all", "rbind"))
    targets = {m.target for m in mounts(box.probe())}
    assert {"/one", "/all", "/all/sub", "/all/sub/deep"} <= targets
    assert not {"/one/sub", "/one/sub/deep"} & targets


def test_type_bind_is_not_needed(box):
    box.mounts.append({"destination": "/data", "source": source(box), "options": ["bind"]})
    assert box.attack("open", "/data/file", "r")["ret"] == 0


def test_bind_of_missing_source(box):
    box.mounts.append(bind(f"{box.bundle}/none", "/data"))
    box.refused("no such file", f"/mounts/{len(box.mounts) - 1}")


def test_bind_of_special_files(box):
    os.mkfifo(f"{box.bundle}/fifo")
    box.mounts.append(bind(f"{box.bundle}/fifo", "/fifo"))
    box.mounts.append(bind("/dev/zero", "/zero"))
    r = box.probe(commands=["stat", "/fifo", ",", "open", "/zero", "r"])["results"]
    assert r[0]["mode"] & 0o170000 == 0o010000
    assert r[1]["text"] == "\0" * 1024


def test_bind_dir_on_file_and_file_on_dir(box):
    box.file("etc/f")
    path = source(box)
    box.mounts.append(bind(path, "/etc/f"))
    box.refused("/etc/f", "directory")
    box.mounts[-1] = bind(f"{path}/file", "/etc")
    box.refused("/etc", "directory")


@pytest.mark.spec("CF-008")
def test_mounts_are_made_in_order(box):
    path = source(box)
    box.mounts += [mount("/a", "tmpfs", "t"), bind(path, "/a/b/c"), mount("/a", "tmpfs", "over")]
    seen = mounts(box.probe())
    assert [m.source for m in kernel.mounts_at(seen, "/a")] == ["t", "over"]


@pytest.mark.spec("MO-024")
def test_remount(box):
    box.mounts += [bind(source(box), "/data"), {"destination": "/data", "options": ["remount", "bind", "ro", "noexec"]}]
    assert {"ro", "noexec"} <= at(box, "/data").options


def test_many_mounts(box):
    path = source(box)
    box.mounts += [bind(path, f"/many/{i}", "ro") for i in range(300)]
    seen = mounts(box.probe())
    assert len([m for m in seen if m.target.startswith("/many/")]) == 300


@pytest.mark.parametrize("name", ["with space", "tab\there", "new\nline", "back\\slash", "ünï", "#", "a" * 255])
def test_names(box, name):
    box.mounts.append(bind(source(box), f"/{name}"))
    targets = [m.target.encode("latin-1").decode("utf-8") for m in mounts(box.probe())]
    assert f"/{name}" in targets


# ---- file systems

@pytest.mark.spec("CL-001", "CL-002", "CL-003", "CL-004")
def test_default_file_systems(box):
    seen = mounts(box.probe())
    assert {(m.target, m.fstype) for m in seen} >= {
        ("/proc", "proc"), ("/dev", "tmpfs"), ("/dev/pts", "devpts"), ("/dev/shm", "tmpfs"),
        ("/dev/mqueue", "mqueue"), ("/sys", "sysfs"), ("/sys/fs/cgroup", "cgroup2")}
    pts = kernel.mount_at(seen, "/dev/pts")
    assert pts.super >= {"gid=5", "mode=620", "ptmxmode=666"}
    assert kernel.mount_at(seen, "/sys").options >= {"ro", "nosuid", "nodev", "noexec"}


def test_nothing_of_the_host_is_mounted(box):
    for m in mounts(box.probe()):
        assert m.fstype in ("proc", "tmpfs", "devpts", "mqueue", "sysfs", "cgroup2") or m.root == "/null", m


def test_devpts_is_a_new_instance(box):
    r = box.probe(commands=["list", "/dev/pts", ",", "readlink", "/dev/ptmx"])["results"]
    assert r[0]["names"] == ["ptmx"]
    assert r[1]["text"] == "pts/ptmx"


def test_proc_is_of_the_own_pid_namespace(box):
    names = box.attack("list", "/proc")["names"]
    assert [n for n in names if n.isdigit()] == ["1"]


def test_cgroup_shows_only_the_own_part(box):
    seen = box.probe(commands=["list", "/sys/fs/cgroup", ",", "open", "/proc/self/cgroup", "r", ",",
                               "open", "/sys/fs/cgroup/cgroup.procs", "r", ",", "mkdir", "/sys/fs/cgroup/x"])
    names, own, procs, make = seen["results"]
    assert own["text"].splitlines()[-1] == "0::/"
    assert procs["text"] == "1\n" and "orlop" not in names["names"]
    assert make["errno"] == "EROFS"


def test_cgroup_read_write(box):
    box.mounts[-1]["options"].remove("ro")
    r = box.probe(commands=["mkdir", "/sys/fs/cgroup/x", ",", "rmdir", "/sys/fs/cgroup/x"])["results"]
    assert [x["ret"] for x in r] == [0, 0]


OWN = "/sys/fs/cgroup/orlop"


@pytest.mark.parametrize("user", [False, True])
def test_cgroup_without_a_namespace_is_the_whole_tree(box, user):
    """As /proc/self/cgroup says; read-only where the options say so."""
    without_namespace(box.config, "cgroup")
    if user:
        userns(box.config)
    seen = box.probe(commands=["open", "/proc/self/cgroup", "r", ",", "list", "/sys/fs/cgroup/orlop", ",",
                               "open", f"{OWN}/{box.id}/cgroup.procs", "r", ",", "mkdir", f"{OWN}/{box.id}/x"])
    own, names, procs, made = seen["results"]
    assert own["text"].splitlines()[-1] == f"0::/orlop/{box.id}"
    assert box.id in names["names"] and procs["text"] == "1\n"
    assert made["errno"] == "EROFS"


def test_cgroup_without_a_namespace_is_writable_when_asked(box):
    without_namespace(box.config, "cgroup")
    box.mounts[-1]["options"].remove("ro")
    path = f"{OWN}/{box.id}/x"
    r = box.probe(commands=["mkdir", path, ",", "rmdir", path])["results"]
    assert [x["ret"] for x in r] == [0, 0]


def test_cgroup_without_a_namespace_leaves_the_options_of_the_host(box):
    """A new mount of cgroup2 there would set nsdelegate and others for the host."""
    def options():
        return [line.split(" - ")[1] for line in kernel.read("/proc/self/mountinfo").splitlines()
                if " - cgroup2 " in line]
    before = options()
    without_namespace(box.config, "cgroup")
    box.probe()
    assert options() == before


def test_cgroup_of_a_joined_namespace(make_box):
    first, second = make_box(), make_box()
    pid = first.up()
    namespace(second.config, "cgroup", f"/proc/{pid}/ns/cgroup")
    second.linux["cgroupsPath"] = f"/orlop/{first.id}/below"
    first.mounts[-1]["options"] = second.mounts[-1]["options"] = []
    r = second.probe(commands=["open", "/proc/self/cgroup", "r", ",", "list", "/sys/fs/cgroup"])["results"]
    assert r[0]["text"].splitlines()[-1] == "0::/below" and "below" in r[1]["names"]


def test_cgroup_type_cgroup2(box):
    box.mounts[-1]["type"] = "cgroup2"
    assert at(box, "/sys/fs/cgroup").fstype == "cgroup2"


def test_sysfs_of_the_hosts_network_is_read_only_or_bound(box):
    without_namespace(box.config, "network")
    seen = kernel.mount_at(mounts(box.probe()), "/sys")
    assert seen.fstype == "sysfs" and "ro" in seen.options


def test_sysfs_in_user_namespace_with_the_hosts_network(box):
    userns(box.config)
    without_namespace(box.config, "network")
    seen = kernel.mount_at(mounts(box.probe()), "/sys")
    assert seen.fstype == "sysfs" and "ro" in seen.options


def test_tmpfs_keeps_the_mode_of_the_directory(box):
    os.mkdir(f"{box.rootfs}/sticky")
    os.chmod(f"{box.rootfs}/sticky", 0o1777)
    box.mounts.append(mount("/sticky", "tmpfs", "t"))
    assert box.attack("stat", "/sticky")["mode"] & 0o7777 == 0o1777


def test_read_only_tmpfs_gets_what_is_mounted_in_it(box):
    """A tmpfs at /dev that is read-only: devices and mount points are made first."""
    box.mounts[1]["options"].append("ro")
    box.mounts += [mount("/r", "tmpfs", "t", ["ro"]), bind(source(box), "/r/in/side")]
    r = box.probe(commands=["open", "/r/in/side/file", "r", ",", "touch", "/r/x", ",", "touch", "/dev/x", ",",
                            "open", "/dev/null", "w"])["results"]
    assert r[0]["text"] == "from the host"
    assert (r[1]["errno"], r[2]["errno"], r[3]["ret"]) == ("EROFS", "EROFS", 0)


def test_unknown_file_system(box):
    box.mounts.append(mount("/m", "nosuchfs", "x"))
    box.refused("nosuchfs", f"/mounts/{len(box.mounts) - 1}")


def test_overlay(box):
    for d in ("lower", "upper", "work"):
        os.mkdir(f"{box.bundle}/{d}")
    with open(f"{box.bundle}/lower/file", "w") as f:
        f.write("lower")
    box.mounts.append(mount("/o", "overlay", "overlay", [f"{k}={box.bundle}/{d}" for k, d in (
        ("lowerdir", "lower"), ("upperdir", "upper"), ("workdir", "work"))]))
    r = box.probe(commands=["open", "/o/file", "r", ",", "touch", "/o/new"])["results"]
    assert r[0]["text"] == "lower" and r[1]["ret"] == 0
    assert os.path.exists(f"{box.bundle}/upper/new")


# ---- propagation

@pytest.mark.one_vm
@pytest.mark.spec("MO-021", "MO-026", "MO-028", "MO-029", "MO-033", "MO-037")
@pytest.mark.parametrize("user", [False, True])
@pytest.mark.parametrize("word,expected", [("rprivate", set()), ("private", set()), ("rslave", {"master"}),
                                           ("slave", {"master"}), ("unbindable", {"unbindable"}),
                                           ("runbindable", {"unbindable"}), (None, set())])
def test_propagation_of_a_bind(box, word, expected, user):
    """The host's mounts are all shared here.  What one mount asks for is nothing to the other."""
    if user:
        userns(box.config)
        os.chown(box.rootfs, 100000, 100000)
    box.mounts += [bind(source(box), "/m", *[w for w in [word] if w]), bind(f"{box.bundle}/source", "/plain")]
    seen = mounts(box.probe())
    assert kernel.mount_at(seen, "/m").propagation - {"propagate_from"} == expected
    assert not kernel.mount_at(seen, "/plain").propagation and not kernel.mount_at(seen, "/").propagation


@pytest.mark.spec("MO-027")
def test_shared_needs_a_shared_root_too(box):
    box.mounts.append(bind(source(box), "/m", "rshared"))
    assert at(box, "/m").propagation == {"shared"}
    box.linux["rootfsPropagation"] = "rshared"
    assert "shared" in at(box, "/m").propagation


def test_slave_receives_and_does_not_send(box):
    path = source(box)
    os.mkdir(f"{path}/inner")
    box.mounts.append(bind(path, "/m", "rslave"))
    box.linux["rootfsPropagation"] = "rslave"
    set_caps(box.process, SYS_ADMIN)
    box.up()
    kernel.mount("tmpfs", f"{path}/inner", "tmpfs")
    try:
        seen = kernel.parse_mountinfo(kernel.read(f"/proc/{box.pid}/mountinfo"))
        assert kernel.mount_at(seen, "/m/inner").fstype == "tmpfs"
    finally:
        kernel.umount(f"{path}/inner")
    before = set(kernel.read("/proc/self/mountinfo").splitlines())
    r = box.exec("--", "mount", "t", "/m/inner", "tmpfs", 0, "").json()
    assert r["results"][0]["ret"] == 0
    assert set(kernel.read("/proc/self/mountinfo").splitlines()) == before


@pytest.mark.parametrize("word,expected", [("private", set()), ("rprivate", set()), ("slave", {"master"}),
                                           ("rslave", {"master"}), ("shared", {"shared"}),
                                           ("rshared", {"shared"}), ("unbindable", {"unbindable"})])
def test_rootfs_propagation(box, word, expected):
    box.linux["rootfsPropagation"] = word
    got = at(box, "/").propagation - {"propagate_from"}
    assert expected <= got and got - expected <= {"master"}


def test_default_propagation_of_everything_is_private(box):
    for m in mounts(box.probe()):
        assert not m.propagation, m


# ---- the root

@pytest.mark.spec("CF-007")
def test_readonly_root(box):
    box.config["root"]["readonly"] = True
    box.mounts.append(mount("/tmp", "tmpfs", "t"))
    r = box.probe(commands=["touch", "/x", ",", "touch", "/etc/x", ",", "touch", "/tmp/x", ",", "touch", "/dev/x"])
    assert [x["errno"] for x in r["results"]] == ["EROFS", "EROFS", None, None]


def test_writable_root(box):
    assert box.attack("touch", "/x")["ret"] == 0
    assert os.path.exists(f"{box.rootfs}/x")


@pytest.mark.spec("CF-005")
def test_absolute_root_and_link(box):
    box.config["root"]["path"] = box.rootfs
    assert box.probe()["cwd"] == "/"
    os.symlink("rootfs", f"{box.bundle}/link")
    box.config["root"]["path"] = "link"
    assert box.probe()["cwd"] == "/"


@pytest.mark.spec("CF-006")
@pytest.mark.parametrize("path,words", [("none", "no such file"), ("config.json", "not a directory"), ("", "/root")])
def test_root_that_is_none(box, path, words):
    box.config["root"]["path"] = path
    box.refused(words)


def test_root_with_mounts_below_keeps_them(box):
    os.mkdir(f"{box.rootfs}/vol")
    kernel.mount("tmpfs", f"{box.rootfs}/vol", "tmpfs")
    try:
        assert at(box, "/vol").fstype == "tmpfs"
    finally:
        box.orlop.clean()
        kernel.umount(f"{box.rootfs}/vol")


def test_no_pivot(box):
    seen = box.probe("--no-pivot", commands=["chdir", "/..", ",", "list", "/", ",", "state"])
    assert "bundle" not in seen["results"][1]["names"] and "bin" in seen["results"][1]["names"]
    assert seen["cwd"] == "/"


@pytest.mark.parametrize("type", ["proc", "sysfs"])
def test_no_pivot_does_not_open_the_way_to_a_file_system_without_masks(box, type):
    """A new user namespace may mount it only where the container itself sees all of it."""
    box.add_busybox()
    set_caps(box.process, ["CAP_SETFCAP"])
    box.linux["maskedPaths"] = ["/proc/kcore", "/proc/keys", "/sys/firmware"]
    box.linux["readonlyPaths"] = ["/proc/sys"]
    for options in [], ["--no-pivot"]:
        box.args("/bin/busybox", "unshare", "-rmnpf", "/bin/busybox", "mount", "-t", type, "none", "/tmp")
        box.run(*options).failed("ermission denied")


def test_the_hosts_root_is_not_in_mountinfo(box):
    """Detached after pivot_root(2), not only covered."""
    assert [m.target for m in mounts(box.probe()) if m.target == "/"] == ["/"]


# ---- links in /dev

@pytest.mark.kernel
def test_dev_core_where_the_kernel_has_kcore(box):
    """As runc and crun make it; a file that an image has in its place stays, and without /proc it would lead nowhere."""
    box.add_busybox()
    box.args("/bin/busybox", "sh", "-c", "readlink /dev/core; readlink /dev/fd")
    want = (["/proc/kcore"] if os.path.exists("/proc/kcore") else []) + ["/proc/self/fd"]
    assert box.run().ok().out.split() == want
    box.config["mounts"] = [m for m in box.mounts if not m["destination"].startswith("/dev")]
    box.file("dev/core", "dumped")
    assert box.args("/bin/busybox", "cat", "/dev/core").run().ok().out == "dumped"
    box.config["mounts"] = []
    os.unlink(f"{box.rootfs}/dev/core")
    assert box.args("/bin/busybox", "readlink", "/dev/core").run().rc == 1


# ---- masked and read-only paths

@pytest.mark.spec("CL-138")
def test_masked_paths(box):
    box.file("secret/file", "secret")
    box.file("etc/secret", "secret")
    box.linux["maskedPaths"] = ["/secret", "/etc/secret", "/proc/version", "/nonexistent", "/secret/below"]
    r = box.probe(commands=["list", "/secret", ",", "open", "/etc/secret", "r", ",", "touch", "/secret/x", ",",
                            "open", "/proc/version", "r"])["results"]
    assert r[0]["names"] == [] and r[1]["text"] == "" and r[2]["errno"] == "EROFS" and r[3]["text"] == ""
    assert kernel.read(f"{box.rootfs}/etc/secret") == "secret"


def test_masks_cannot_be_taken_away(box):
    """Without CAP_SYS_ADMIN, and not by root of a user namespace that it makes."""
    box.file("etc/secret", "secret")
    box.linux["maskedPaths"] = ["/etc/secret"]
    box.linux["readonlyPaths"] = ["/etc"]
    r = box.probe(commands=["umount", "/etc/secret", "2", ",", "mount", "", "/etc", "", 4128, "", ",",
                            "unshare", str(kernel.CLONE["user"] | kernel.CLONE["mount"]), ",",
                            "umount", "/etc/secret", "2", ",", "mount", "", "/etc", "", 4128, "", ",",
                            "open", "/etc/secret", "r", ",", "touch", "/etc/x"])["results"]
    assert [x["errno"] for x in r[:2]] == ["EPERM", "EPERM"]
    assert r[5]["text"] == "" and r[6]["ret"] == -1


@pytest.mark.spec("CL-139")
def test_readonly_paths(box):
    box.file("conf/file", "x")
    box.linux["readonlyPaths"] = ["/conf", "/proc/sys", "/nonexistent"]
    r = box.probe(commands=["write", "/conf/file", "y", ",", "touch", "/conf/x", ",",
                            "write", "/proc/sys/kernel/domainname", "x", ",", "open", "/conf/file", "r"])["results"]
    assert [x["errno"] for x in r] == ["EROFS", "EROFS", "EROFS", None]


def test_readonly_path_covers_what_is_mounted_below_and_keeps_its_flags(box):
    box.mounts += [mount("/v", "tmpfs", "t", ["noexec", "nosuid", "nodev"]), mount("/v/in", "tmpfs", "t", ["noexec"])]
    box.linux["readonlyPaths"] = ["/v"]
    seen = mounts(box.probe())
    assert {"ro", "noexec", "nosuid", "nodev"} <= kernel.mount_at(seen, "/v").options
    assert {"ro", "noexec"} <= kernel.mount_at(seen, "/v/in").options


# ---- elsewhere

def test_pure_version_2_view(box, orlop):
    """A host without cgroup version 1: /sys/fs/cgroup itself."""
    if host.IN_VM:
        pytest.skip("is the normal view here")
    box.args("pause").write()
    orlop("create", "-b", box.bundle, "--pid-file", box.pid_file, box.id, wrap=orlop.v2_view()).ok()
    assert kernel.read(f"/proc/{box.pid}/cgroup").splitlines()[-1] == f"0::/orlop/{box.id}"
    orlop("delete", "-f", box.id, wrap=orlop.v2_view()).ok()


def test_bind_of_proc_and_sys_of_the_host(box):
    namespace(box.config, "pid")
    box.mounts.append(bind("/proc", "/hostproc", "rbind", "rro"))
    assert at(box, "/hostproc").fstype == "proc"


def test_cgroup_and_sysfs_words(box):
    """The defaults that `spec` writes are what is there."""
    seen = mounts(box.probe())
    for m in (CGROUP, SYSFS):
        assert set(m["options"]) <= kernel.mount_at(seen, m["destination"]).options


# A directory that is no mount point becomes the root, with all that is in that of the host.
ENTER_CHROOT = """
    for dir in /*; do
        if [ -L "$dir" ]; then cp -P "$dir" "$0"; continue; fi
        [ -d "$dir" ] && mkdir "$0$dir" && mount --rbind "$dir" "$0$dir"
    done
    exec chroot "$0" "$@" """


def test_chroot_without_a_mount(box, orlop, tmp):
    """What / is must be a mount point, for a copy of the host's mounts; the error says how to make it one."""
    box.config["hooks"] = {"createContainer": [{"path": "/bin/true"}]}
    top = f"{tmp}/chroot"
    os.mkdir(top)
    box.args("exit", 0).write()
    wrap = ["unshare", "-m", "sh", "-ec", ENTER_CHROOT, top]
    orlop("run", "-b", box.bundle, box.id, wrap=wrap).failed("stop the propagation", "no mount point", "mount --bind")


@pytest.mark.needs_tree_namespaces
def test_chroot_is_where_names_of_the_host_begin(box, orlop, tmp):
    """The namespace of the root file system alone needs no mount point, and its sources are those of the chroot."""
    top = f"{tmp}/chroot"
    for path in (top, f"{top}/only"):
        os.mkdir(path)
    with open(f"{top}/only/file", "w") as f:
        f.write("of the chroot")
    box.mounts += [bind("/only", "/a"), bind("/only", "/b", "rbind"), bind("/only/file", "/c")]
    box.args("open", "/a/file", "r", ",", "open", "/b/file", "r", ",", "open", "/c", "r").write()
    wrap = ["unshare", "-m", "sh", "-ec", ENTER_CHROOT, top]
    seen = orlop("run", "-b", box.bundle, box.id, wrap=wrap).json()["results"]
    assert [s.get("text") for s in seen] == ["of the chroot"] * 3, seen


# ---- texts

@pytest.mark.parametrize("mounts_of", ["default", "none"])
def test_root_that_the_containers_root_may_not_enter(box, mounts_of):
    """No step below it is to blame."""
    userns(box.config)
    if mounts_of == "none":
        box.config["mounts"] = []
        box.linux["maskedPaths"] = box.linux["readonlyPaths"] = []
    os.chmod(box.rootfs, 0o700)
    r = box.refused("/root/path", box.rootfs, "mode 0700")
    assert "/proc" not in r.err
    if mounts_of == "default":
        os.chown(box.rootfs, 100000, 100000)
        assert box.probe()["cwd"] == "/"


def test_root_below_a_directory_that_the_containers_root_may_not_enter(box):
    userns(box.config)
    os.chmod(box.bundle, 0o700)
    assert box.probe()["cwd"] == "/"


# ---- options longer than fsconfig(2) takes

def layers(box, n, length=40):
    """Directories, each with a file of its number; the first is on top."""
    paths = [f"{box.bundle}/layer{i:0{length}}" for i in range(n)]
    for i, path in enumerate(paths):
        os.mkdir(path)
        for name in (f"only{i}", "all"):
            with open(f"{path}/{name}", "w") as f:
                f.write(str(i))
    return paths


def overlay(box, lowerdir, writable=True):
    options = [f"lowerdir={lowerdir}"]
    if writable:
        for key in ("upperdir", "workdir"):
            path = f"{box.bundle}/{key}"
            os.makedirs(path, exist_ok=True)
            options.append(f"{key}={path}")
    box.mounts.append(mount("/o", "overlay", "overlay", options))


def check_overlay(box, last, **kw):
    top, bottom, new = box.probe(commands=["open", "/o/all", "r", ",", "open", f"/o/only{last}", "r", ",",
                                           "touch", "/o/new"], **kw)["results"]
    assert (top["text"], bottom["text"], new["ret"]) == ("0", str(last), 0)
    assert os.path.exists(f"{box.bundle}/upperdir/new")


@pytest.mark.parametrize("n", [7, 499])
def test_overlay_of_many_layers(box, n):
    """More than a page, where others end; the kernel's own limit is 500."""
    overlay(box, ":".join(layers(box, n)))
    check_overlay(box, n - 1)


def test_overlay_of_layers_with_colons_and_commas(box):
    paths = layers(box, 6)
    for i, path in enumerate(paths):
        os.rename(path, f"{path}:x,y")
    overlay(box, ":".join(f"{p}\\:x\\,y" for p in paths))
    check_overlay(box, 5)


def without_lowerdir_plus(box):
    """As on a kernel before 6.8: the first lowerdir+ is refused."""
    log = f"{box.bundle}/strace"
    box.run(wrap=["strace", "-f", "-o", log, "-e", "trace=fsconfig"]).ok()
    calls = [line for line in kernel.read(log).splitlines() if "fsconfig(" in line]
    index = next(i for i, line in enumerate(calls) if "lowerdir+" in line)
    pid = calls[index].split()[0]
    return sum(line.split()[0] == pid for line in calls[:index + 1])


@pytest.mark.one_vm
@pytest.mark.parametrize("user", [False, True])
def test_overlay_where_the_kernel_takes_no_single_layers(box, user):
    overlay(box, ":".join(layers(box, 12)))
    os.mkdir(f"{box.rootfs}/o")
    if user:
        userns(box.config)
        for path in (f"{box.bundle}/upperdir", f"{box.bundle}/workdir"):
            os.chown(path, 100000, 100000)
    box.mounts[-1]["options"] += ["nosuid", "noatime"]
    when = without_lowerdir_plus(box)
    before = kernel.read("/proc/self/mountinfo")
    log = f"{box.bundle}/strace2"
    strace = ["strace", "-f", "-o", log, "-e", "trace=fsconfig,mount", "-e", f"inject=fsconfig:error=EINVAL:when={when}"]
    check_overlay(box, 11, wrap=strace)
    assert ' mount("overlay", "/", "overlay", 0, "lowerdir=' in kernel.read(log)
    box.args()
    seen = mounts(box.probe(wrap=strace))
    assert [m.fstype for m in seen if m.target == "/"] == [seen[0].fstype]
    assert {"nosuid", "noatime", "rw"} <= kernel.mount_at(seen, "/o").options
    assert kernel.read("/proc/self/mountinfo") == before


@pytest.mark.one_vm
def test_overlay_that_no_way_is_long_enough_for(box):
    overlay(box, ":".join(layers(box, 60, 60)))
    when = without_lowerdir_plus(box)
    box.args()
    r = box.run(wrap=["strace", "-f", "-o", "/dev/null", "-e", "trace=fsconfig", "-e",
                      f"inject=fsconfig:error=EINVAL:when={when}"])
    assert r.rc == 1 and "option lowerdir of " in r.err and "4095" in r.err and len(r.err) < 300, r


def test_overlay_with_a_missing_layer(box):
    paths = layers(box, 9)
    os.rename(paths[4], f"{box.bundle}/moved")
    overlay(box, ":".join(paths))
    r = box.refused("/mounts/7", "layer 5 of lowerdir", os.path.basename(paths[4]))
    assert len(r.err) < 400


def test_overlay_with_more_layers_than_the_kernel_takes(box):
    overlay(box, ":".join(layers(box, 501)))
    r = box.refused("/mounts/7", "layer 501 of lowerdir", "limit")
    assert len(r.err) < 400


def test_long_value_of_another_file_system(box):
    """A page of it is mount(2)'s business; what the file system says is told without the value."""
    box.mounts.append(mount("/m", "tmpfs", "t", ["mode=" + "0" * 300 + "750"]))
    assert "mode=750" in kernel.mount_at(mounts(box.probe()), "/m").super
    box.mounts[-1]["options"] = ["nonsense=" + "x" * 300]
    r = box.refused("/mounts/7", "tmpfs", "option nonsense of 300 bytes")
    assert "xxxx" not in r.err


def test_long_source(box):
    box.mounts.append(mount("/m", "tmpfs", "s" * 300))
    assert kernel.mount_at(mounts(box.probe()), "/m").source == "s" * 300


# ---- one after the other

def inside(box, path):
    """A directory of the rootfs with a file that tells it."""
    os.makedirs(f"{box.rootfs}/{path}")
    with open(f"{box.rootfs}/{path}/file", "w") as f:
        f.write("of the image")
    return f"{box.rootfs}/{path}"


def files(box, *paths, **kw):
    seen = box.probe(commands=[w for p in paths for w in ("open", p, "r", ",")][:-1], **kw)["results"]
    return [s.get("text", s.get("errno")) for s in seen]


KINDS = pytest.mark.parametrize("kind", ["root", "hooks", "user", "no-pivot"])


def variant(box, kind):
    if kind == "user":
        userns(box.config)
        for d in (box.rootfs, f"{box.rootfs}/data"):
            os.chown(d, 100000, 100000)
    if kind == "hooks":
        box.config["hooks"] = {"createRuntime": [{"path": "/bin/true"}]}
    return ["--no-pivot"] if kind == "no-pivot" else []


@KINDS
def test_source_on_an_earlier_mount(box, kind):
    """Below the path of the root: what an earlier entry put there, not what is beneath."""
    data, volume = inside(box, "data"), source(box)
    os.mkdir(f"{volume}/sub")
    options = variant(box, kind)
    box.mounts += [bind(data, "/before"), bind(volume, "/data"), bind(data, "/after"),
                   bind(f"{data}/sub", "/deeper", "rbind"), bind(f"{data}/file", "/one"),
                   mount("/data/sub", "tmpfs", "t"), bind(data, "/all", "rbind"), bind(data, "/top")]
    os.symlink(box.rootfs, f"{box.bundle}/link")
    box.mounts.append(bind(f"{box.bundle}/link/data", "/linked"))
    seen = box.probe(*options, commands=[w for p in ("/before/file", "/after/file", "/one", "/linked/file")
                                         for w in ("open", p, "r", ",")][:-1])["results"]
    assert [s["text"] for s in seen] == ["of the image", "from the host", "from the host", "from the host"]
    box.args()
    table = mounts(box.probe(*options))
    assert kernel.mount_at(table, "/all/sub").fstype == "tmpfs"
    assert not [m for m in table if m.target == "/top/sub"]


@KINDS
def test_source_that_only_an_earlier_mount_brings(box, kind):
    inside(box, "data")
    volume = source(box)
    os.makedirs(f"{volume}/new/er")
    options = variant(box, kind)
    box.mounts += [bind(volume, "/data"), bind(f"{box.rootfs}/data/new", "/m")]
    table = mounts(box.probe(*options))
    assert kernel.mount_at(table, "/m").root.endswith("/source/new")
    box.mounts.append(bind(f"{box.rootfs}/data/missing", "/n"))
    box.refused("data/missing", "no such file", f"/mounts/{len(box.mounts) - 1}/source")


@KINDS
def test_source_on_an_earlier_mount_with_dots(box, kind):
    """They need not lead anywhere before that mount is there."""
    inside(box, "data")
    volume = source(box)
    os.mkdir(f"{volume}/new")
    options = variant(box, kind)
    box.mounts += [bind(volume, "/data"), bind(f"{box.rootfs}/data/new/..", "/m"),
                   bind(f"{box.rootfs}/./data/new/../../data//file", "/n")]
    seen = box.probe(*options, commands=["open", "/m/file", "r", ",", "open", "/n", "r"])["results"]
    assert [s["text"] for s in seen] == ["from the host"] * 2


@KINDS
def test_overlay_with_a_layer_on_an_earlier_mount(box, kind):
    data, volume = inside(box, "data"), source(box)
    options = variant(box, kind)
    os.mkdir(f"{box.bundle}/lower")
    box.mounts += [bind(volume, "/data"), mount("/o", "overlay", "overlay", [f"lowerdir={data}:{box.bundle}/lower"])]
    seen = box.probe(*options, commands=["open", "/o/file", "r"])["results"]
    assert seen[0]["text"] == "from the host"


def test_tmpfs_of_an_earlier_mount_as_source(box):
    data = inside(box, "data")
    box.mounts += [mount("/data", "tmpfs", "t", ["size=1m"]), bind(data, "/m")]
    seen = box.probe(commands=["touch", "/m/x", ",", "stat", "/data/x"])["results"]
    assert [s["ret"] for s in seen] == [0, 0] and not os.path.exists(f"{data}/x")


@pytest.mark.parametrize("target", ["/", "/etc", "../../../../../../../../etc"])
def test_source_on_an_earlier_mount_does_not_follow_its_links_to_the_host(box, canary, target):
    """Who shares the volume made the names in it."""
    inside(box, "data")
    volume = source(box)
    os.symlink(target, f"{volume}/link")
    box.file("etc/hostname", "of the container")
    box.mounts += [bind(volume, "/data"), bind(f"{box.rootfs}/data/link", "/m")]
    names = box.attack("list", "/m")["names"]
    assert set(names) <= {*os.listdir(box.rootfs), *os.listdir(f"{box.rootfs}/etc"), "m"}, names


def test_source_beside_the_root_with_dots(box):
    volume = source(box)
    box.mounts += [bind(f"{box.rootfs}/../source", "/m"), bind(f"{box.rootfs}/tmp/../../{os.path.basename(volume)}", "/n")]
    assert files(box, "/m/file", "/n/file") == ["from the host"] * 2


@pytest.mark.parametrize("user", [False, True])
def test_mountinfo_has_the_order_of_the_list(box, user):
    if user:
        userns(box.config)
        os.chown(box.rootfs, 100000, 100000)
    volume = source(box)
    os.symlink(volume, f"{box.bundle}/alias")
    box.mounts += [bind(volume, "/a"), mount("/b", "tmpfs", "t"), bind(f"{box.bundle}/alias", "/c"), mount("/d", "tmpfs", "t"),
                   bind(f"{volume}/file", "/e"), bind(f"{box.rootfs}/tmp", "/f"), mount("/g", "tmpfs", "t")]
    box.mounts += [bind(volume, f"/{word}", word) for word in ("shared", "rslave", "slave", "rprivate", "unbindable")]
    seen = [m.target for m in mounts(box.probe())]
    wanted = [m["destination"] for m in box.mounts]
    assert [t for t in seen if t in wanted] == wanted


@pytest.mark.one_vm
@KINDS
def test_root_of_the_host_as_source(box, kind):
    """What is mounted over it while the container is made is not part of it."""
    volume = source(box)
    inside(box, "data")
    options = variant(box, kind)
    box.mounts += [bind("/", "/all", "rbind"), bind("/.", "/private", "rbind", "rprivate", "ro"), bind("/", "/top"),
                   bind("/proc/self/root", "/link", "rbind", "rslave")]
    seen = box.probe(*options, commands=[w for p in ("/all", "/private", "/link")
                                         for w in ("open", f"{p}{volume}/file", "r", ",")][:-1])["results"]
    assert [s.get("text") for s in seen] == ["from the host"] * 3, seen
    box.args()
    for p in ("/all", "/private", "/top", "/link"):
        at = [m for m in mounts(box.probe(*options)) if m.target == p]
        assert len(at) == 1, at


def test_sources_that_are_links_of_procfs(box):
    """They are those of the caller, whoever looks."""
    path = f"{source(box)}/file"
    fd = os.open(path, os.O_RDONLY)
    try:
        box.mounts += [bind(f"/proc/{os.getpid()}/fd/{fd}", "/one"), bind("/proc/self/ns/net", "/net")]
        seen = box.probe(commands=["open", "/one", "r", ",", "stat", "/net"])["results"]
        assert seen[0]["text"] == "from the host"
        assert seen[1]["ino"] == os.stat("/proc/self/ns/net").st_ino
    finally:
        os.close(fd)
