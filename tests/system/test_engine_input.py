# SPDX-License-Identifier: GPL-2.0-or-later
"""What engines and users write into config.json that says nothing, says it twice or leaves it out."""
import pytest
from lib import host, kernel
from lib.config import mount, set_caps, userns, without_namespace

MKNOD = ["CAP_MKNOD", "CAP_DAC_OVERRIDE"]


# ---- ids

@pytest.mark.parametrize("user, uid, gid", [({"uid": 7}, 7, 0), ({"gid": 7}, 0, 7), ({}, 0, 0)])
def test_absent_id_is_0_with_a_warning(box, user, uid, gid):
    box.process["user"] = user
    r = box.run().ok()
    seen = r.json()
    assert seen["uids"][0] == uid and seen["gids"][0] == gid
    for name in {"uid", "gid"} - set(user):
        assert f"/process/user/{name}" in r.err


@pytest.mark.parametrize("gid", [-1, 4294967295, "0"])
def test_wrong_gid_is_refused(box, gid):
    box.process["user"]["gid"] = gid
    box.refused("/process/user/gid")


def test_absent_gid_of_exec(box):
    box.up()
    process = {**box.process, "user": {"uid": 9}, "args": ["/bin/probe"]}
    r = box.exec_process(process).ok()
    assert r.json()["gids"][0] == 0 and "/user/gid" in r.err


@pytest.mark.parametrize("given, groups", [([5, 5], [5]), ([9, 5, 9, 7, 5], [5, 7, 9]), ([0, 0], [0])])
def test_doubled_group_once(box, given, groups):
    box.process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": given}
    assert sorted(box.probe()["groups"]) == groups
    box.up()
    options = [o for g in given for o in ("--additional-gids", g)]
    assert sorted(box.exec(*options).json()["groups"]) == groups


def test_many_doubled_groups(box):
    box.process["user"]["additionalGids"] = [n % 100 for n in range(65536)]
    assert sorted(box.probe()["groups"]) == list(range(100))


def test_group_that_is_none_is_refused(box):
    box.process["user"]["additionalGids"] = [5, 5, 4294967295]
    box.refused("/process/user/additionalGids/2")


# ---- AppArmor

@pytest.mark.needs_native("no AppArmor there")
@pytest.mark.parametrize("no_new_privileges", [True, False])
def test_unconfined_on_a_host_without_apparmor(box, no_new_privileges):
    box.process.update(apparmorProfile="unconfined", noNewPrivileges=no_new_privileges)
    assert box.probe()["cwd"] == "/"
    box.up()
    assert box.exec("--apparmor", "unconfined").json()["cwd"] == "/"


@pytest.mark.needs_native("no AppArmor there")
@pytest.mark.parametrize("profile", ["Unconfined", "docker-default", "unconfined//&x"])
def test_profile_on_a_host_without_apparmor(box, profile):
    box.process["apparmorProfile"] = profile
    box.refused("/process/apparmorProfile", "not enabled")


# ---- names of the machine

@pytest.mark.parametrize("member,value", [("hostname", "same"), ("hostname", "other"), ("domainname", "other")])
def test_name_and_its_sysctl(box, member, value):
    box.config[member] = "same"
    box.linux["sysctl"] = {f"kernel.{member}": value}
    box.refused(f"/linux/sysctl/kernel.{member}", f"`{member}` is there too")


@pytest.mark.parametrize("key", ["kernel.domainname", "kernel/domainname"])
def test_domainname_and_its_sysctl_that_agree(box, key):
    """As crun has it: nothing is in doubt."""
    box.config["domainname"] = "same.example"
    box.linux["sysctl"] = {key: "same.example"}
    assert box.probe()["domainname"] == "same.example"


# ---- device rules

def rules(box, *list):
    box.linux["resources"] = {"devices": [*list]}
    box.linux["devices"] = [{"path": "/dev/mem2", "type": "c", "major": 1, "minor": 11, "fileMode": 0o666}]
    set_caps(box.process, MKNOD)
    return box.attack("open", "/dev/mem2", "w")["ret"] >= 0, box.last.err


DENY = {"allow": False, "access": "rwm"}


@pytest.mark.parametrize("rule, allowed", [
    ({"allow": True, "type": "a", "major": 0, "minor": 0, "access": "rwm"}, True),
    ({"allow": True, "type": "a", "major": 0, "access": "rwm"}, True),
    ({"allow": True, "type": "a", "major": 1, "minor": 11}, True),
    ({"allow": True, "major": 1}, True),
    ({"allow": True, "type": "a", "major": 1, "minor": 12}, False),
])
def test_rule_for_all_devices_with_a_number(box, rule, allowed):
    seen, err = rules(box, DENY, rule)
    assert seen is allowed and "/linux/resources/devices/1" in err


@pytest.mark.parametrize("rule", [{"allow": False, "type": "a", "major": 0, "minor": 0, "access": "rwm"},
                                  {"allow": False, "type": "a", "major": 1, "minor": 11, "access": "rwm"}])
def test_denying_rule_for_all_devices_with_a_number(box, rule):
    seen, err = rules(box, {"allow": True, "access": "rwm"}, rule)
    assert not seen and "/linux/resources/devices/1" in err


def test_rule_with_an_impossible_number(box):
    box.linux["resources"] = {"devices": [{"allow": True, "type": "a", "major": 5000, "minor": 0}]}
    assert box.create().rc == 1 and "no device 5000:0" in box.last.err and box.id not in box.orlop.ids()


# ---- devpts

@pytest.mark.parametrize("options", [[], ["nosuid", "noexec"], ["newinstance"]])
def test_devpts_without_options(box, options):
    box.config["mounts"] = [m for m in box.mounts if m["destination"] != "/dev/pts"]
    box.config["mounts"].append(mount("/dev/pts", "devpts", "devpts", options))
    seen = kernel.mount_at(kernel.parse_mountinfo(box.probe()["mountinfo"]), "/dev/pts")
    assert {"gid=5", "mode=620", "ptmxmode=666"} <= seen.super, seen


def test_devpts_with_options_gets_no_others(box):
    box.config["mounts"] = [m for m in box.mounts if m["destination"] != "/dev/pts"]
    box.config["mounts"].append(mount("/dev/pts", "devpts", "devpts", ["mode=0600"]))
    seen = kernel.mount_at(kernel.parse_mountinfo(box.probe()["mountinfo"]), "/dev/pts")
    assert "mode=600" in seen.super and not any(o.startswith("gid=") for o in seen.super), seen


def test_devpts_where_the_group_is_not_mapped(box):
    userns(box.config, size=3)
    box.config["mounts"] = [m for m in box.mounts if m["destination"] != "/dev/pts"]
    box.config["mounts"].append(mount("/dev/pts", "devpts", "devpts"))
    seen = kernel.mount_at(kernel.parse_mountinfo(box.probe()["mountinfo"]), "/dev/pts")
    assert "ptmxmode=666" in seen.super and "mode=620" in seen.super, seen


# ---- nothing asked for

def test_class_id_0_is_nothing(box):
    box.linux["resources"]["network"] = {"classID": 0, "priorities": []}
    assert box.probe()["cwd"] == "/"


@pytest.mark.parametrize("empty", [{}, {"closID": "", "schemata": [], "enableMonitoring": False}])
def test_empty_intelrdt_is_nothing(box, empty):
    box.linux["intelRdt"] = empty
    assert box.probe()["cwd"] == "/"


# ---- cgroupsPath

@pytest.mark.parametrize("path, cleaned", [
    ("/{t}up/a/../b", "/{t}up/b"), ("/{t}up/./x/../../{t}up/c", "/{t}up/c"), ("{t}up/../{t}up2", "/orlop/{t}up2")])
def test_cgroups_path_with_dots_that_stays_inside(box, path, cleaned):
    box.linux["cgroupsPath"] = path.format(t=host.TAG)
    without_namespace(box.config, "cgroup")
    box.up()
    assert kernel.read(f"/proc/{box.pid}/cgroup").splitlines()[-1].endswith(cleaned.format(t=host.TAG))


@pytest.mark.parametrize("path", ["/../x", "/a/../../x", "a/../../x", "../orlop/x"])
def test_cgroups_path_with_dots_that_leads_out(box, path):
    box.linux["cgroupsPath"] = path
    box.refused("/linux/cgroupsPath", "leads out")
