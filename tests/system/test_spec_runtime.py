# SPDX-License-Identifier: GPL-2.0-or-later
"""runtime.md and bundle.md of the specification, as far as no other test shows it."""
import json
import os
import shutil
import stat

import pytest
from lib import config as conf
from lib import host, kernel
from lib.schema import check_state

STANDARD = ("ociVersion", "id", "status", "pid", "bundle", "annotations")


def standard(state):
    return {k: state[k] for k in STANDARD if k in state}


# ---- the bundle

@pytest.mark.spec("BN-002")
@pytest.mark.parametrize("place", ["sub/config.json", "Config.json", "config.jsn", "rootfs/config.json"])
def test_config_elsewhere(box, place):
    box.write()
    path = f"{box.bundle}/{place}"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.rename(f"{box.bundle}/config.json", path)
    box.write = lambda: None
    box.refused("config.json", "no such file")


@pytest.mark.spec("BN-003")
def test_copied_bundle(box, orlop):
    """Nothing in it depends on where it lies."""
    box.write()
    copy = f"{orlop.tmp}/elsewhere/copy"
    shutil.copytree(box.bundle, copy, symlinks=True)
    shutil.rmtree(box.bundle)
    seen = orlop("run", "--bundle", copy, box.id).json()
    assert seen["hostname"] == "orlop" and seen["exe"] == "/bin/probe"


# ---- the state

@pytest.mark.spec("RT-002", "RT-003", "RT-005", "RT-007", "RT-008", "RT-009")
def test_state_at_every_moment(box, orlop):
    """A valid document; with the process's id while there is a process."""
    box.config["annotations"] = {"org.example": "x"}
    box.args("pause").create(cwd="/").ok()
    states = [check_state(box.state())]
    pid = states[0]["pid"]
    assert kernel.ns_inode(pid, "pid") != kernel.ns_inode("self", "pid")
    box.start().ok()
    states.append(check_state(box.state()))
    assert os.readlink(f"/proc/{states[1]['pid']}/exe") == "/bin/probe"
    orlop("pause", box.id).ok()
    check_state(box.state(), ["paused"])
    orlop("resume", box.id).ok()
    box.kill("KILL").ok()
    box.wait_stopped()
    states.append(check_state(box.state()))
    assert [s["status"] for s in states] == ["created", "running", "stopped"]
    assert [s["pid"] for s in states] == [pid, pid, 0]
    assert {(s["id"], s["bundle"]) for s in states} == {(box.id, box.bundle)}


@pytest.mark.spec("RT-034")
def test_state_of_an_unknown_container(box, orlop):
    r = orlop("state", "nobody").failed("does not exist")
    assert r.out == ""
    box.up()
    assert orlop("state", "nobody").failed("does not exist").out == ""


# ---- create

@pytest.mark.spec("RT-010", "RT-012", "RT-040", "RT-041", "RT-013")
def test_everything_is_there_before_start(box):
    """Namespaces, names, mounts, cgroup, devices: all but the program."""
    box.config["domainname"] = "example"
    box.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    box.linux["devices"] = [{"path": "/dev/more", "type": "c", "major": 1, "minor": 5}]
    box.linux["maskedPaths"].append("/etc/secret")
    box.file("etc/secret", "secret")
    box.mounts.append(conf.mount("/data", "tmpfs", "data", ["size=64k", "noexec"]))
    box.args("touch", "/ran").create().ok()
    pid, root = box.pid, f"/proc/{box.pid}/root"
    for kind in ("pid", "network", "ipc", "uts", "mount", "cgroup"):
        assert kernel.ns_inode(pid, kind) != kernel.ns_inode("self", kind), kind
    mounts = kernel.parse_mountinfo(kernel.read(f"/proc/{pid}/mountinfo"))
    data = kernel.mount_at(mounts, "/data")
    assert data.fstype == "tmpfs" and "noexec" in data.options and "size=64k" in data.super
    assert {"/proc", "/dev", "/dev/pts", "/dev/shm", "/sys"} <= {m.target for m in mounts}
    assert kernel.read(f"{root}/etc/secret") == ""
    assert os.stat(f"{root}/dev/more").st_rdev == os.makedev(1, 5)
    assert stat.S_ISCHR(os.stat(f"{root}/dev/null").st_mode)
    seen = box.exec().json()
    assert (seen["hostname"], seen["domainname"]) == ("orlop", "example")
    assert box.exec("--", "open", "/proc/sys/net/ipv4/ip_forward", "r").json()["results"][0]["text"] == "1\n"
    assert kernel.read(f"/proc/{pid}/cgroup").splitlines()[-1].endswith(f"/orlop/{box.id}")
    assert str(pid) in kernel.read(f"{host.CGROUP}/orlop/{box.id}/cgroup.procs").split()
    # and the program is not
    assert "touch" not in kernel.read(f"/proc/{pid}/cmdline")
    assert os.readlink(f"/proc/{pid}/exe") != "/bin/probe"
    assert not os.path.exists(f"{box.rootfs}/ran")


# ---- missing and wrong ids

@pytest.mark.spec("RT-033", "RT-036", "RT-044", "RT-049", "RT-053")
@pytest.mark.parametrize("argv", [["state"], ["create"], ["create", "--bundle", "BUNDLE"], ["start"], ["kill"],
                                  ["kill", "KILL"], ["delete"], ["delete", "--force"]], ids=" ".join)
def test_without_an_id(box, orlop, argv):
    """An error, and no container is made or touched: not even one of the name of the signal."""
    box.up()
    before, snapshot = box.state(), host.Snapshot()
    r = orlop(*[box.bundle if a == "BUNDLE" else a for a in argv])
    assert r.rc == 1 and r.out == "" and r.err.count("\n") == 1, r
    assert orlop.ids() == [box.id] and box.state() == before
    snapshot.assert_same()


@pytest.mark.spec("RT-036")
def test_create_without_a_bundle(box, orlop, tmp):
    os.mkdir(f"{tmp}/empty")
    orlop("create", box.id, cwd=f"{tmp}/empty").failed("config.json")
    orlop("create", "--bundle", "", box.id, cwd=f"{tmp}/empty").failed()
    assert not os.path.exists(orlop.root) or orlop.ids() == []


@pytest.mark.spec("RT-030", "RT-045", "RT-046", "RT-050", "RT-051", "RT-054", "RT-055")
def test_failed_operations_change_nothing(box):
    """Neither the container, whatever it does, nor anything else."""
    def unchanged(*calls):
        before, pid = standard(box.state()), box.pid
        snapshot = host.Snapshot()
        mounts = kernel.read(f"/proc/{pid}/mountinfo") if kernel.alive(pid) else None
        for call in calls:
            call().failed()
        assert standard(box.state()) == before
        assert mounts is None or kernel.read(f"/proc/{pid}/mountinfo") == mounts
        snapshot.assert_same()

    box.file("count")
    box.add_busybox()
    box.args("/bin/sh", "-c", "echo x >>/count; exec /bin/probe pause").create().ok()
    unchanged(lambda: box.kill("NOSUCH"), lambda: box.orlop("create", "-b", box.bundle, box.id))
    box.start().ok()
    kernel.until(lambda: "READY" in box.output())
    unchanged(box.start, box.delete, lambda: box.kill("NOSUCH"),
              lambda: box.orlop("create", "-b", box.bundle, box.id))
    box.kill("KILL").ok()
    box.wait_stopped()
    unchanged(box.start, lambda: box.kill("TERM"), lambda: box.kill("KILL"),
              lambda: box.orlop("create", "-b", box.bundle, box.id))
    assert kernel.read(f"{box.rootfs}/count") == "x\n"


# ---- delete

@pytest.mark.spec("RT-057")
def test_delete_leaves_what_it_did_not_make(box, tmp, canary):
    """A cgroup that was there, the sources of binds, the root file system, the directories of mounts."""
    group = f"{host.CGROUP}/{host.TAG}mine"
    os.mkdir(group)
    netns = f"{tmp}/netns"
    open(netns, "w").close()
    os.system(f"unshare --net mount --bind /proc/self/ns/net {netns}")
    try:
        box.linux["cgroupsPath"] = f"/{host.TAG}mine"
        conf.namespace(box.config, "network", netns)
        box.mounts.append(conf.bind(canary.path, "/data"))
        box.mounts.append(conf.bind(f"{canary.path}/file", "/etc/file", "ro"))
        pid = box.up()
        assert kernel.read(f"/proc/{pid}/cgroup").splitlines()[-1] == f"0::/{host.TAG}mine"
        box.kill("KILL").ok()
        box.wait_stopped()
        box.delete().ok()
        assert os.path.isdir(group) and kernel.read(f"{group}/cgroup.procs") == ""
        assert kernel.mount_at(kernel.parse_mountinfo(kernel.read("/proc/self/mountinfo")), netns).fstype == "nsfs"
        assert os.path.isfile(f"{box.rootfs}/etc/file") and os.path.isdir(f"{box.rootfs}/data")
        assert json.loads(kernel.read(f"{box.bundle}/config.json")) == box.config
    finally:
        box.orlop.clean()
        kernel.umount(netns)
        os.rmdir(group)


# ---- the configuration

@pytest.mark.spec("CF-103")
def test_unknown_members_everywhere(box):
    more = {"org.example.unknown": {"a": [1, None, {}]}, "anotherOne": 5}
    box.config["hooks"] = {"poststop": [{"path": "/bin/true", **more}], **more}
    for at in (box.config, box.config["root"], box.process, box.process["user"], box.process["capabilities"],
               box.process["rlimits"][0], box.mounts[0], box.linux, box.linux["namespaces"][0],
               box.linux["resources"], box.linux["resources"]["devices"][0]):
        at.update(more)
    box.linux["resources"]["memory"] = dict(more)
    box.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", **more}], **more}
    r = box.args("mkdir", "/x").run()
    assert r.json()["results"][0]["errno"] == "EPERM" and r.err == ""


@pytest.mark.spec("CF-083", "CF-084", "CF-085", "CF-086", "CF-087", "CF-088", "CF-089", "CF-090", "CF-091",
                  "CF-092", "CF-093", "CF-094", "CF-095", "CF-096", "CF-097", "CF-098", "CF-099")
def test_annotations_of_an_image_pass_through(box):
    """What they hold is the duty of whoever writes them; who asks for the state can use them."""
    values = {"os": "linux", "os.version": "10.0.14393.1066", "os.features": "a,b", "architecture": "amd64",
              "variant": "v8", "author": "A. U. Thor <a@example.org>", "created": "2015-10-31T22:22:56.015925234Z",
              "stopSignal": "SIGRTMIN+3"}
    box.config["annotations"] = {f"org.opencontainers.image.{k}": v for k, v in values.items()}
    path = f"{box.bundle}/hook"
    with open(path, "w") as f:
        f.write(f"#!/bin/sh\ncat >{box.bundle}/state\n")
    os.chmod(path, 0o755)
    box.config["hooks"] = {"prestart": [{"path": path}]}
    box.up()
    assert box.state()["annotations"] == box.config["annotations"]
    assert json.loads(kernel.read(f"{box.bundle}/state"))["annotations"] == box.config["annotations"]


@pytest.mark.spec("CF-078", "CF-079", "CF-102")
@pytest.mark.parametrize("text", ['["a"]', '"a"', "7", '{1: "a"}', '{a: "a"}', '{"a": 7}', '{"a": ["b"]}', '{"a": {}}',
                                  '{"a": true}'])
def test_annotations_are_a_map_of_strings(box, text):
    config = json.dumps({**box.config, "annotations": "HERE"}).replace('"HERE"', text)
    with open(f"{box.bundle}/config.json", "w") as f:
        f.write(config)
    box.write = lambda: None
    box.refused("line 1, column")
