# SPDX-License-Identifier: GPL-2.0-or-later
"""
What `checkpoint` and `restore` ask of CRIU, and what happens when it cannot or will not: a program of ours is in its
place (lib/criu.py), so all of it runs everywhere.  The numbers are those of criu_opts in CRIU's images/rpc.proto.
"""
import json
import os

import pytest
from lib import host, kernel
from lib.box import deadline
from lib.criu import DUMPED, NOT_RESTORED, Fake

IMAGES, PID, LEAVE_RUNNING, EXT_UNIX_SK, TCP_ESTABLISHED, EVASIVE_DEVICES, SHELL_JOB, FILE_LOCKS = range(1, 9)
LOG_FILE, PAGE_SERVER, NOTIFY, ROOT, PARENT, TRACK_MEM, AUTO_DEDUP, WORK, LINK_REMAP = range(10, 19)
EXT_MNT, MANAGE_CGROUPS, CG_ROOT, RST_SIBLING, INHERIT_FD = range(23, 28)
CGROUPS_MODE, EXTERNAL, EMPTY_NS, JOIN_NS, FREEZE_CGROUP, TCP_SKIP, LAZY = 34, 37, 38, 39, 44, 46, 48
ORPHAN_PTS, CONFIG_FILE, TCP_CLOSE, LSM_PROFILE, LSM_MOUNT_CONTEXT, NETWORK_LOCK = 50, 51, 52, 53, 63, 64


def dump(box, fake, *options, **kw):
    return box.orlop("checkpoint", "--image-path", f"{box.bundle}/images", *options, box.id, wrap=fake.wrap, **kw)


def restore(box, fake, *options, **kw):
    os.makedirs(f"{box.bundle}/images", exist_ok=True)
    if not os.path.exists(f"{box.bundle}/images/descriptors.json"):
        with open(f"{box.bundle}/images/descriptors.json", "w") as f:
            json.dump(["/dev/null", "pipe:[77]", "file[1f:a]"], f)
    box.write()
    return box.orlop("restore", "--bundle", box.bundle, "--image-path", f"{box.bundle}/images", "--detach", *options,
                     box.id, wrap=fake.wrap, **kw)


# ---- requests -------------------------------------------------------------------------------------


def test_plain_dump(box, tmp):
    fake = Fake(tmp)
    os.mkdir(f"{box.bundle}/data")
    box.mounts.append({"destination": "/data", "type": "bind", "source": f"{box.bundle}/data", "options": ["bind"]})
    pid = box.up()
    dump(box, fake).failed("criu failed")
    request = fake.request()
    assert request[PID] == pid and request[LOG_FILE] == "dump.log" and request[NOTIFY] == 1
    assert request[ROOT] == box.rootfs and request[ORPHAN_PTS] == 1
    assert (request[MANAGE_CGROUPS], request[CGROUPS_MODE]) == (1, 3)
    assert request[FREEZE_CGROUP] == f"{host.CGROUP}/orlop/{box.id}"
    assert ["/data", "/data"] in request[EXT_MNT] and ["/proc/timer_list", "/dev/null"] in request[EXT_MNT]
    assert all(key.startswith(("/data", "/proc/")) for key, _ in request[EXT_MNT])
    for absent in (LEAVE_RUNNING, TCP_ESTABLISHED, EMPTY_NS, NETWORK_LOCK, TRACK_MEM, RST_SIBLING, CG_ROOT, INHERIT_FD):
        assert absent not in request
    assert box.status() == "running"


@pytest.mark.case("T18")
def test_what_criu_is_given(box, tmp):
    """Its descriptors, our PATH and not the caller's, and nothing else of it."""
    fake = Fake(tmp)
    box.up()
    dump(box, fake, env={"PATH": "/nonexistent:/usr/bin:/bin", "SECRET": "1", "LD_PRELOAD": ""}).failed("criu failed")
    asked = fake.asked()
    assert [a["kind"] for a in asked] == [10, 1]
    for a in asked:
        assert a["argv"] == ["swrk", "3"]
        env = {k: v for k, v in a["env"].items() if k != "LC_CTYPE"}  # Python's own
        assert env == {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        assert {a["fds"][n] for n in "012"} == {"/dev/null"} and a["fds"]["3"].startswith("socket:")
    request = fake.request()
    images = asked[1]["fds"][str(request[IMAGES])], asked[1]["fds"][str(request[WORK])]
    assert images == (f"{box.bundle}/images",) * 2
    # its own directory of descriptors, and the program that an interpreter reads
    assert set(asked[1]["fds"]) - set("012345") == set()


@pytest.mark.parametrize("options, number, value", [
    (["--leave-running"], LEAVE_RUNNING, 1), (["--tcp-established"], TCP_ESTABLISHED, 1),
    (["--ext-unix-sk"], EXT_UNIX_SK, 1), (["--shell-job"], SHELL_JOB, 1), (["--file-locks"], FILE_LOCKS, 1),
    (["--auto-dedup"], AUTO_DEDUP, 1), (["--link-remap"], LINK_REMAP, 1), (["--tcp-skip-in-flight"], TCP_SKIP, 1),
    (["--empty-ns", "network"], EMPTY_NS, 0x40000000), (["--manage-cgroups-mode=soft"], CGROUPS_MODE, 3),
    (["--manage-cgroups-mode", "full"], CGROUPS_MODE, 4), (["--manage-cgroups-mode", "strict"], CGROUPS_MODE, 5),
    (["--manage-cgroups-mode", "ignore"], CGROUPS_MODE, 0), (["--network-lock", "iptables"], NETWORK_LOCK, 1),
    (["--network-lock=nftables"], NETWORK_LOCK, 2), (["--network-lock", "skip"], NETWORK_LOCK, 3),
    (["--page-server", "10.0.0.1:27"], PAGE_SERVER, [[1, "10.0.0.1"], [2, 27]]),
    (["--page-server", "[::1]:65535"], PAGE_SERVER, [[1, "::1"], [2, 65535]]),
    (["--lazy-pages", "--page-server", "a:1"], LAZY, 1), (["--parent-path", "../before"], PARENT, "../before"),
    (["--parent-path", "../before"], TRACK_MEM, 1),
], ids=str)
def test_options_of_checkpoint(box, tmp, options, number, value):
    fake = Fake(tmp)
    os.mkdir(f"{box.bundle}/before")
    box.up()
    dump(box, fake, *options).failed("criu failed")
    assert fake.request()[number] == value
    assert fake.request()[MANAGE_CGROUPS] == (number != CGROUPS_MODE or value != 0)


@pytest.mark.parametrize("options, number, value", [
    (["--tcp-established"], TCP_ESTABLISHED, 1), (["--tcp-close"], TCP_CLOSE, 1), (["--ext-unix-sk"], EXT_UNIX_SK, 1),
    (["--shell-job"], SHELL_JOB, 1), (["--file-locks"], FILE_LOCKS, 1), (["--auto-dedup"], AUTO_DEDUP, 1),
    (["--lazy-pages"], LAZY, 1), (["--empty-ns=network"], EMPTY_NS, 0x40000000),
    (["--network-lock", "skip"], NETWORK_LOCK, 3), (["--manage-cgroups-mode", "full"], CGROUPS_MODE, 4),
    (["--lsm-profile", "apparmor:x"], LSM_PROFILE, "apparmor:x"),
    (["--lsm-profile=selinux:a:b:c"], LSM_PROFILE, "selinux:a:b:c"),
    (["--lsm-mount-context", "a:b:c"], LSM_MOUNT_CONTEXT, "a:b:c"),
    # what engines send besides
    (["--no-pivot", "-no-subreaper", "--no-new-keyring", "--preserve-fds", "2", "--parent-path", "../x",
      "--page-server", "a:1"], RST_SIBLING, 1),
], ids=str)
def test_options_of_restore(box, tmp, options, number, value):
    fake = Fake(tmp, answer=NOT_RESTORED)
    restore(box, fake, *options).failed("criu failed")
    assert fake.request()[number] == value


def test_plain_restore(box, tmp):
    fake = Fake(tmp, answer=NOT_RESTORED)
    os.mkdir(f"{box.bundle}/data")
    box.mounts.append({"destination": "/a/data", "type": "bind", "source": f"{box.bundle}/data", "options": ["bind"]})
    before = host.Snapshot()
    restore(box, fake).failed("criu failed")
    request, asked = fake.request(), fake.asked()[-1]
    assert request[ROOT] == f"{box.orlop.root}/{box.id}/criu-root" and request[LOG_FILE] == "restore.log"
    assert request[RST_SIBLING] == 1 and request[EVASIVE_DEVICES] == 1 and PID not in request
    assert ["/a/data", f"{box.bundle}/data"] in request[EXT_MNT] and ["/dev/null", "/dev/null"] in request[EXT_MNT]
    assert request[INHERIT_FD] == [["pipe:[77]", 1], ["file[1f:a]", 2]]
    assert ["", f"/orlop/{box.id}"] in request[CG_ROOT]
    assert f"0::/orlop/{box.id}\n" in asked["cgroup"]
    assert os.path.isdir(f"{box.rootfs}/a/data")
    assert box.id not in box.orlop.ids()
    before.assert_same()


# ---- answers --------------------------------------------------------------------------------------


def test_success_deletes(box, tmp):
    """CRIU has ended it, as far as we know: what is left of it goes."""
    fake = Fake(tmp, answer=DUMPED)
    box.up()
    dump(box, fake).ok()
    assert box.id not in box.orlop.ids() and not os.path.exists(f"{host.CGROUP}/orlop/{box.id}")


def test_words_of_the_log(box, tmp):
    """The last errors, as many as a message holds, in order and on one line; an engine gets them as one object."""
    lines = [f"(00.{i:06}) Error (criu/x.c:{i}): number {i} \x1b[31m" + "x" * 40 for i in range(100)]
    lines.insert(50, "(00.5) Warn  (criu/x.c:1): not this")
    lines.append("no Error (criu/y.c:1): nor this")
    fake = Fake(tmp, log="\n".join(lines))
    box.up()
    box.orlop.options = ["--log", f"{box.bundle}/log", "--log-format", "json"]
    r = dump(box, fake).failed("criu failed: Error (criu/x.c:9", "Error (criu/x.c:99): number 99", "images/dump.log")
    assert "x.c:10)" not in r.err and "not this" not in r.err and "nor this" not in r.err and "\x1b" not in r.err
    entry = json.loads(kernel.read(f"{box.bundle}/log").splitlines()[-1])
    assert entry["level"] == "error" and "Error (criu/x.c:99)" in entry["msg"]


@pytest.mark.parametrize("version, words", [
    (b"\x08\x0a\x10\x01\x52\x04\x08\x03\x10\x0f", ["version 3.15", "3.16 is needed"]),
    (b"\x08\x0a\x10\x00", ["3.16 is needed"]), (b"\xff", ["no answer"]), (b"\x08\x02\x10\x01", ["not asked"]),
])
def test_versions(box, tmp, version, words):
    fake = Fake(tmp, version=version)
    box.up()
    dump(box, fake).failed(*words)
    assert not os.path.exists(f"{box.bundle}/images")
    restore_box_images = f"{box.bundle}/other"
    box.orlop("restore", "--bundle", box.bundle, "--image-path", restore_box_images, "--detach", f"{box.id}x",
              wrap=fake.wrap).failed(*words)


@pytest.mark.parametrize("options, words", [
    (["--pre-dump"], ["CONFIG_MEM_SOFT_DIRTY"]), (["--lazy-pages", "--page-server", "a:1"], ["userfaultfd"]),
    (["--parent-path", "x"], ["--parent-path"]),
])
def test_features(box, tmp, options, words):
    fake = Fake(tmp, features=b"\x08\x09\x10\x01\x42\x04\x08\x00\x10\x00")
    box.up()
    dump(box, fake, *options).failed(*words)
    assert not os.path.exists(f"{box.bundle}/images")


def test_ends_without_an_answer(box, tmp):
    fake = Fake(tmp, answer=None, log="(00.1) Error (criu/z.c:3): alas\n")
    box.up()
    dump(box, fake).failed("criu ended with status 0 without an answer", "Error (criu/z.c:3): alas")
    assert box.status() == "running"


def test_not_installed(box):
    box.up()
    hidden = ["unshare", "-m", "sh", "-ec", """for d in /usr/sbin /usr/bin /usr/local/sbin /usr/local/bin; do
        [ ! -e $d/criu ] || mount --bind /dev/null $d/criu; done; exec "$@" """, "sh"]
    r = box.orlop("checkpoint", "--image-path", f"{box.bundle}/images", box.id, wrap=hidden)
    r.failed("criu is needed", "not installed", "the package is criu")
    assert not os.path.exists(f"{box.bundle}/images")


# ---- what is refused before CRIU is asked ----------------------------------------------------------


@pytest.mark.parametrize("options, words", [
    (["--parent-path", "/abs"], ["--parent-path", "relative"]), (["--parent-path", "no"], ["--parent-path", "no such"]),
    (["--page-server", "x"], ["ADDRESS:PORT"]), (["--page-server", ":1"], ["ADDRESS:PORT"]),
    (["--page-server", "a:0"], ["ADDRESS:PORT"]), (["--page-server", "a:65536"], ["ADDRESS:PORT"]),
    (["--lazy-pages"], ["--page-server"]), (["--status-fd", "2"], ["--lazy-pages"]),
    (["--lazy-pages", "--page-server", "a:1", "--status-fd", "77"], ["not open for writing"]),
    (["--lazy-pages", "--page-server", "a:1", "--status-fd", "x"], ["number of a descriptor"]),
    (["--lazy-pages", "--page-server", "a:1", "--pre-dump"], ["exclude each other"]),
    (["--empty-ns", "pid"], ["--empty-ns", "network"]), (["--manage-cgroups-mode", "loose"], ["loose", "soft"]),
    (["--network-lock", "hard"], ["hard", "iptables"]), (["--work-path", "/proc/nowhere"], ["work directory"]),
], ids=str)
def test_refused_options(box, tmp, options, words):
    fake = Fake(tmp)
    box.up()
    dump(box, fake, *options).failed(*words)
    assert all(a["kind"] in (9, 10) for a in fake.asked())
    assert box.status() == "running"


@pytest.mark.parametrize("options, words", [
    (["--lsm-profile", "x"], ["--lsm-profile"]), (["--lsm-profile", "apparmor:"], ["--lsm-profile"]),
    (["--console-socket", "/nowhere"], ["no terminal"]), (["--tty"], ["--tty"]),
    (["--empty-ns", "mnt"], ["--empty-ns"]),
])
def test_refused_options_of_restore(box, tmp, options, words):
    fake = Fake(tmp, answer=NOT_RESTORED)
    restore(box, fake, *options).failed(*words)
    assert box.id not in box.orlop.ids()


def test_directories(box, tmp):
    """Of others' images nothing is restored, and others cannot read or change what is dumped."""
    fake = Fake(tmp, answer=NOT_RESTORED)
    restore(box, fake).failed("criu failed")
    images = f"{box.bundle}/images"
    os.chmod(images, 0o777)
    restore(box, fake).failed("everybody may write to the image directory")
    os.chmod(images, 0o700)
    os.chown(images, 1000, 0)
    restore(box, fake).failed("belongs to user 1000")
    os.chown(images, 0, 0)
    box.orlop("restore", "--bundle", box.bundle, "--image-path", f"{images}/none", "-d", box.id,
              wrap=fake.wrap).failed("no such file", "--image-path")
    for text in ("{}", "[1]", '["a","b","c","d"]', "["):
        with open(f"{images}/descriptors.json", "w") as f:
            f.write(text)
        restore(box, fake).failed("descriptors.json")
    os.unlink(f"{images}/descriptors.json")
    box.orlop("restore", "--bundle", box.bundle, "--image-path", images, "-d", box.id,
              wrap=fake.wrap).failed("descriptors.json", "no such file")
    assert box.id not in box.orlop.ids()


def add_user_namespace(box):
    box.linux["namespaces"].append({"type": "user"})
    box.linux["uidMappings"] = box.linux["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]


def test_user_namespace(box, tmp):
    """It could be dumped, and then there would be no way back."""
    fake = Fake(tmp)
    add_user_namespace(box)
    box.up()
    dump(box, fake).failed("CRIU cannot restore a container with a user namespace")
    assert box.status() == "running" and fake.asked() == []


@pytest.mark.parametrize("change, words", [
    (add_user_namespace, ["user namespace", "/linux/namespaces"]),
    (lambda b: b.linux["namespaces"].append({"type": "user", "path": "/proc/self/ns/user"}), ["/linux/namespaces"]),
    (lambda b: b.linux["namespaces"].remove({"type": "mount"}), ["mount namespace", "/linux/namespaces"]),
    (lambda b: b.config["annotations"].update({"org.criu.config": "relative"}), ["absolute", "/annotations/org.criu.config"]),
    (lambda b: b.config["annotations"].update({"org.criu.config": "/nowhere/x"}), ["no such file", "org.criu.config"]),
    (lambda b: b.mounts.append({"destination": "/a]:/etc", "type": "bind", "source": "/srv", "options": ["bind"]}),
     ["cannot be given to CRIU", "/destination"]),
], ids=["user-namespace", "joined-user-namespace", "no-mount-namespace", "relative-config", "missing-config", "key"])
def test_refused_configurations(box, tmp, change, words):
    fake = Fake(tmp, answer=NOT_RESTORED)
    box.config.setdefault("annotations", {})
    change(box)
    restore(box, fake).failed(*words)
    assert box.id not in box.orlop.ids()
    assert all(a["kind"] == 10 for a in fake.asked())


def test_annotation_without_a_name(box, tmp):
    """Empty: no file of options, also not the usual one."""
    fake = Fake(tmp, answer=NOT_RESTORED)
    wrap = list(fake.wrap)
    os.makedirs(f"{tmp}/etc-criu")
    with open(f"{tmp}/etc-criu/runc.conf", "w") as f:
        f.write("\n")
    fake.wrap[4] = f"mount -t tmpfs t /etc; mkdir /etc/criu; mount --bind {tmp}/etc-criu /etc/criu; " + wrap[4]
    restore(box, fake).failed("criu failed")
    assert fake.request()[CONFIG_FILE] == "/etc/criu/runc.conf"
    box.config["annotations"] = {"org.criu.config": ""}
    restore(box, fake).failed("criu failed")
    assert CONFIG_FILE not in fake.request()


def test_added_mounts(box, tmp):
    """They are in no configuration: refused until they are removed."""
    fake = Fake(tmp)
    box.up()
    with open(f"{box.bundle}/more", "w") as f:
        json.dump([{"destination": "/tmp/more", "type": "tmpfs", "source": "tmpfs"}], f)
    box.orlop("mounts", "add", box.id, f"{box.bundle}/more").ok()
    dump(box, fake).failed("mounts add", "/tmp/more", "remove them")
    box.orlop("mounts", "remove", box.id, f"{box.bundle}/more").ok()
    dump(box, fake).failed("criu failed")


def test_without_privileges(box, tmp):
    fake = Fake(tmp)
    box.up()
    r = box.orlop("checkpoint", box.id, wrap=["unshare", "--user", "--map-root-user"])
    r.failed("only root of the initial user namespace")
    assert fake.asked() == []


@pytest.mark.parametrize("command, option", [("checkpoint", None), ("restore", "--lsm-mount-context")])
def test_probes_of_engines(orlop, command, option):
    """Podman asks whether it is supported, in these words."""
    orlop(command, "--help").ok()
    if option:
        r = orlop(command, option)
        assert "requires an argument" in r.err or "flag needs an argument" in r.err, r


def test_status_fd(box, tmp):
    """Written when CRIU says so, which the other one does not: it stays open until then, and is ours alone."""
    fake = Fake(tmp)
    box.up()
    read_end, write_end = os.pipe()
    r = dump(box, fake, "--lazy-pages", "--page-server", "a:1", "--status-fd", str(write_end), pass_fds=[write_end])
    r.failed("criu failed")
    os.close(write_end)
    assert os.read(read_end, 1) == b""
    os.close(read_end)
    assert kernel.until(lambda: box.status() == "running", deadline(5), "it runs") is not False
