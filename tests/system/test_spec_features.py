# SPDX-License-Identifier: GPL-2.0-or-later
"""`spec` and `features`: what they print is what the program takes; saved configuration; annotations."""
import json
import os
import re
import shutil

import pytest
from lib import kernel
from lib.config import mount


# ---- spec

@pytest.mark.spec("CF-005")
def test_spec_writes_a_bundle_that_runs(box, orlop):
    r = orlop("spec", "--bundle", box.bundle).ok()
    assert (r.out, r.err) == ("", "")
    with open(f"{box.bundle}/config.json") as f:
        box.config = json.load(f)
    box.config["process"].update(terminal=False, args=["/bin/probe"])
    seen = box.run().json()
    assert seen["hostname"] == box.config["hostname"]
    kernel.mount_at(kernel.parse_mountinfo(seen["mountinfo"]), "/sys/fs/cgroup")


def test_spec_does_not_overwrite(orlop, tmp):
    orlop("spec", "-b", tmp).ok()
    with open(f"{tmp}/config.json", "w") as f:
        f.write("mine")
    orlop("spec", "-b", tmp).failed("config.json", "exist")
    assert kernel.read(f"{tmp}/config.json") == "mine"


def test_spec_to_a_file(orlop, tmp):
    orlop("spec", "-b", tmp, "-f", "other.json").ok()
    assert json.loads(kernel.read(f"{tmp}/other.json"))["ociVersion"] == "1.3.0"
    orlop("spec", "-b", tmp, "-f", "other.json").ok()


def test_spec_rootless(orlop, tmp):
    orlop("spec", "-b", tmp, "--rootless").ok()
    c = json.loads(kernel.read(f"{tmp}/config.json"))
    kinds = {n["type"] for n in c["linux"]["namespaces"]}
    assert "user" in kinds and "network" not in kinds
    assert c["linux"]["uidMappings"] == [{"containerID": 0, "hostID": 0, "size": 1}]


def test_spec_in_the_current_directory(orlop, tmp):
    orlop("spec", cwd=tmp).ok()
    assert os.path.exists(f"{tmp}/config.json")


# ---- features

@pytest.fixture
def features(orlop):
    r = orlop("features").ok()
    assert r.err == ""
    return json.loads(r.out)


def test_features_for_engines(features):
    assert features["ociVersionMin"] == "1.0.0" and features["ociVersionMax"] == "1.3.0"
    assert "rro" in features["mountOptions"]
    assert set(features["hooks"]) == {"prestart", "createRuntime", "createContainer", "startContainer",
                                      "poststart", "poststop"}
    assert features["linux"]["seccomp"]["enabled"] is True


@pytest.mark.spec("FE-010")
def test_every_mount_option_is_taken(features, box):
    """By the parser and the kernel, each where it belongs."""
    os.mkdir(f"{box.bundle}/s")
    for i, word in enumerate(features["mountOptions"]):
        if word in ("bind", "rbind", "remount", "mand"):
            continue
        if word in ("idmap", "ridmap"):
            map = [{"containerID": 0, "hostID": 0, "size": 10}]
            box.mounts.append({**mount(f"/i{i}", "bind", f"{box.bundle}/s", ["rbind", word]),
                               "uidMappings": map, "gidMappings": map})
            continue
        recursive = word.startswith("r") and word[1:] in features["mountOptions"] or word == "ratime"
        if (recursive and word not in ("ro",)) or word in ("copy-symlink", "src-nofollow", "dest-nofollow"):
            box.mounts.append(mount(f"/b{i}", "bind", f"{box.bundle}/s", ["rbind", word]))
        else:
            box.mounts.append(mount(f"/t{i}", "tmpfs", "t", [word]))
    box.mounts.append(mount("/b", "bind", f"{box.bundle}/s", ["bind"]))
    box.mounts.append(mount("/b", None, None, ["remount", "bind", "ro"]))
    box.mounts.append(mount("/rb", "bind", f"{box.bundle}/s", ["rbind"]))
    r = box.args().run().ok()
    assert r.err == ""  # a word that is not known would be passed on as data, or warned of
    targets = {m.target for m in kernel.parse_mountinfo(r.json()["mountinfo"])}
    assert {m["destination"] for m in box.mounts} <= targets


@pytest.mark.spec("FL-001")
def test_every_namespace_is_taken(features, box):
    box.linux["namespaces"] = [{"type": t} for t in features["linux"]["namespaces"]]
    box.linux["uidMappings"] = box.linux["gidMappings"] = [{"containerID": 0, "hostID": 0, "size": 65536}]
    assert box.probe()["pid"] == 1


@pytest.mark.spec("FL-002")
def test_every_capability_is_taken(features, box):
    box.process["capabilities"] = {"bounding": features["linux"]["capabilities"]}
    r = box.args().run().ok()
    last = int(kernel.read("/proc/sys/kernel/cap_last_cap"))
    assert r.err == "" or last < 40
    assert r.json()["caps"]["bounding"] == int(kernel.status("self")["CapBnd"], 16) & (1 << 41) - 1


@pytest.mark.spec("FL-003", "FL-004", "FL-007")
@pytest.mark.parametrize("member", ["actions", "operators", "archs", "supportedFlags"])
def test_every_seccomp_word_is_taken(features, box, member):
    rules, more, seccomp = [], {}, features["linux"]["seccomp"]
    if member == "actions":
        rules = [{"names": ["getpgid"], "action": a, "args": [{"index": 0, "value": 100000 + i, "op": "SCMP_CMP_EQ"}]}
                 for i, a in enumerate(seccomp["actions"]) if a not in ("SCMP_ACT_ALLOW", "SCMP_ACT_NOTIFY")]
        assert "SCMP_ACT_NOTIFY" in seccomp["actions"]  # needs an agent: test_seccomp_notify.py
    elif member == "operators":
        rules = [{"names": ["getpgid"], "action": "SCMP_ACT_ERRNO", "args": [
            {"index": 1, "value": 100000 + i, "valueTwo": 100000 + i, "op": op}]}
            for i, op in enumerate(seccomp["operators"])]
    elif member == "archs":
        version = features["annotations"]["io.github.seccomp.libseccomp.version"]
        new = {"SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K", "SCMP_ARCH_SH", "SCMP_ARCH_SHEB"}
        old = tuple(int(x) for x in version.split(".")[:2]) < (2, 6)
        native = [a for a in seccomp["archs"] if a in ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32")]
        assert native and (old or new <= set(seccomp["archs"]))
        more["architectures"] = native
    else:
        more["flags"] = seccomp["supportedFlags"]
    box.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules, **more}
    assert box.probe()["seccomp"] == 2


def test_what_features_denies_is_refused(features, box):
    assert features["linux"]["cgroup"]["v1"] is False
    box.linux["resources"]["network"] = {"classID": 1}
    box.refused("/linux/resources/network/classID", "cgroup v2")


@pytest.mark.needs_native("there systemd runs")
@pytest.mark.parametrize("option", ["--systemd-cgroup", "--cgroup-manager=systemd"])
def test_systemd_where_it_does_not_run(box, option):
    box.orlop.options = [option]
    box.refused("systemd not running on this host", "/run/systemd/system", "cgroupfs")
    assert box.orlop("list").ok()


# ---- the saved configuration (T26)

@pytest.mark.spec("RT-014")
def test_bundle_changed_after_create(box):
    box.up()
    box.config["process"]["capabilities"] = {"bounding": ["CAP_SYS_ADMIN"]}
    box.config["process"]["user"]["uid"] = 77
    box.config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ERRNO"}
    box.write()
    seen = box.exec().json()
    assert seen["uids"] == [0] * 4 and seen["seccomp"] == 0 and seen["caps"]["bounding"] == 0x20000420


@pytest.mark.spec("RT-014")
def test_bundle_removed_after_create(box, orlop):
    box.args("pause").create().ok()
    moved = f"{orlop.tmp}/moved"
    os.rename(box.bundle, moved)
    try:
        box.start().ok()
        box.orlop("state", box.id).ok()
        assert box.exec().json()["pid"] > 1
        box.delete("--force").ok()
    finally:
        os.rename(moved, box.bundle)


def test_rootfs_replaced_after_create(box, orlop):
    """The one that was there at create is used, and only what was made is removed."""
    box.args("touch", "/mark").create().ok()
    os.rename(box.rootfs, f"{box.bundle}/old")
    shutil.copytree(f"{box.bundle}/old", box.rootfs)
    box.start().ok()
    box.wait_stopped()
    assert os.path.exists(f"{box.bundle}/old/mark") and not os.path.exists(f"{box.rootfs}/mark")
    box.delete().ok()
    assert os.path.exists(f"{box.rootfs}/bin/probe")


# ---- annotations

@pytest.mark.spec("GL-001", "CF-081", "CF-101")
def test_annotations_are_kept(box):
    box.config["annotations"] = {
        "run.oci.handler": "krun", "org.systemd.property.X": "1", "bundle": "/etc", "run.oci.hooks.stdout": "/x",
        "run.oci.keep_original_groups": "1", "ünï": "\t\"\\"}
    box.up()
    s = box.state()
    assert s["annotations"] == box.config["annotations"]
    assert s["bundle"] == box.bundle


@pytest.mark.spec("CF-080")
def test_empty_annotation_key_is_refused(box):
    box.config["annotations"] = {"": "x"}
    box.refused("/annotations")


def test_many_annotations(box):
    box.config["annotations"] = {f"key{i}": "x" * 100 for i in range(2000)}
    box.args("pause").create().ok()
    assert box.state()["annotations"] == box.config["annotations"]


def test_annotations_too_large_are_refused(box):
    box.config["annotations"] = {"big": "x" * 1000000, "more": "y" * 200000}
    box.refused("annotations")


# ---- versions

@pytest.mark.spec("CF-002")
@pytest.mark.parametrize("version,ok", [("1.0.0", True), ("1.0.2-dev", True), ("1.3.0", True), ("1.99.0", True),
                                        ("0.9.0", True), ("2.0.0", False), ("1", False), ("x", False), ("", False)])
def test_oci_version(box, version, ok):
    box.config["ociVersion"] = version
    if ok:
        box.args("exit", 0).run().ok()
    else:
        box.refused("/ociVersion")


def test_version_of_state_is_ours(box, orlop):
    box.config["ociVersion"] = "1.0.2"
    box.up()
    assert box.state()["ociVersion"] == "1.3.0"
    assert re.search(r"^spec: 1\.3\.0$", orlop("--version").ok().out, re.M)
