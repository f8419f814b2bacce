# SPDX-License-Identifier: GPL-2.0-or-later
"""The owner of the container's cgroup: runtime-spec config-linux.md#cgroup-ownership."""
import os

import pytest
from lib import config, host, kernel

LIST = "/sys/kernel/cgroup/delegate"
ALWAYS = {"cgroup.procs", "cgroup.subtree_control", "cgroup.threads"}

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(not host.CGROUP, reason="no cgroup2 is mounted")]


def listed():
    return set(kernel.read(LIST).split()) if os.path.exists(LIST) else ALWAYS


def cgroup_of(pid):
    line = next(x for x in kernel.read(f"/proc/{pid}/cgroup").splitlines() if x.startswith("0::"))
    return f"{host.CGROUP}{line[3:]}"


def owners(pid):
    """Of the directory, called ".", and of each file in it."""
    top = cgroup_of(pid)
    return {n: (os.stat(f"{top}/{n}").st_uid, os.stat(f"{top}/{n}").st_gid) for n in [".", *os.listdir(top)]}


def cgroup_mount(box):
    return next(m for m in box.mounts if m["destination"] == "/sys/fs/cgroup")


@pytest.fixture
def writable(box):
    cgroup_mount(box)["options"].remove("ro")
    box.process["user"] = {"uid": 1000, "gid": 1001}
    return box


@pytest.mark.spec("CL-054", "CL-056", "CL-057", "CL-058")
@pytest.mark.parametrize("userns,owner", [(False, 1000), (True, 101000)])
def test_given_to_the_user(writable, userns, owner):
    if userns:
        config.userns(writable.config)
        os.chmod(writable.orlop.tmp, 0o755)
    pid = writable.up()
    seen = owners(pid)
    given = {n for n, (uid, _) in seen.items() if uid == owner}
    assert given == {"."} | (listed() & set(seen)) and ALWAYS <= given
    assert {seen[n] for n in set(seen) - given} == {(0, 0)}
    assert {gid for _, gid in seen.values()} == {0}
    assert os.stat(os.path.dirname(cgroup_of(pid))).st_uid == 0


def test_user_divides_it_and_not_its_limits(writable):
    r = writable.probe(commands=[
        "mkdir", "/sys/fs/cgroup/a", ",", "write", "/sys/fs/cgroup/a/cgroup.procs", "0", ",",
        "write", "/sys/fs/cgroup/cgroup.max.descendants", "99", ",",
        "write", "/sys/fs/cgroup/cgroup.freeze", "0", ",", "state"])
    assert [x["errno"] for x in r["results"]] == [None, None, "EACCES", "EACCES"]
    assert "0::/a\n" in r["cgroup"]


def test_what_the_user_made_is_removed(writable):
    writable.args("mkdir", "/sys/fs/cgroup/a", ",", "mkdir", "/sys/fs/cgroup/a/b", ",", "chmod",
                  "/sys/fs/cgroup/a", "0").run("--keep").ok()
    writable.delete().ok()  # and no_trace looks for cgroups


@pytest.mark.spec("CL-053", "CL-054", "CL-055")
@pytest.mark.parametrize("change", ["ro", "rro", "no mount", "source", "destination", "no namespace", "joined"])
def test_stays_with_root(writable, make_box, change):
    m = cgroup_mount(writable)
    if change in ("ro", "rro"):
        m["options"].append(change)
    elif change == "no mount":
        writable.mounts.remove(m)
    elif change == "source":
        m["source"] = "cgroup2"
    elif change == "destination":
        m["destination"] = "/tmp/cgroup"
    elif change == "no namespace":
        config.without_namespace(writable.config, "cgroup")
    else:
        config.namespace(writable.config, "cgroup", f"/proc/{make_box().up()}/ns/cgroup")
    assert set(owners(writable.up()).values()) == {(0, 0)}


@pytest.mark.spec("CL-054")
def test_type_does_not_matter(writable):
    cgroup_mount(writable)["type"] = "cgroup2"
    assert owners(writable.up())["."] == (1000, 0)


def test_root_stays_root(writable):
    writable.process["user"] = {"uid": 0, "gid": 0}
    assert set(owners(writable.up()).values()) == {(0, 0)}


@pytest.mark.spec("CL-059")
def test_kernel_without_a_list(writable):
    """/sys/kernel/cgroup hidden, in a mount namespace of the call."""
    wrap = ["unshare", "-m", "sh", "-ec", 'mount -t tmpfs none /sys/kernel/cgroup; exec "$@"', "sh"]
    seen = owners(writable.up(wrap=wrap))
    assert {n for n, (uid, _) in seen.items() if uid == 1000} == {"."} | ALWAYS


def test_failure_leaves_nothing(writable):
    """What was given away is removed like everything else."""
    writable.process["args"] = ["/nonexistent"]
    writable.refused("nonexistent")


# ---- --cgroup-manager=delegated: below what a service manager gave the caller

@pytest.fixture
def unit(request):
    """A cgroup as systemd delegates it, with one below it for the caller."""
    top = f"{host.CGROUP}/{host.TAG}unit"
    os.makedirs(f"{top}/runtime")
    with open(f"{host.CGROUP}/cgroup.subtree_control", "w") as f:
        f.write(" ".join(f"+{c}" for c in host.controllers()))
    os.setxattr(top, "trusted.delegate", b"1")
    yield top
    for d, _, _ in os.walk(top, topdown=False):
        os.rmdir(d)


def enter(path):
    def inside():
        with open(f"{path}/cgroup.procs", "w") as f:
            f.write("0")
    return {"preexec_fn": inside}


@pytest.mark.needs_controllers("hugetlb")
@pytest.mark.parametrize("given,where", [(None, "orlop/{id}"), ("a/b", "orlop/a/b")])
def test_below_the_unit_of_the_caller(box, unit, given, where):
    if given:
        box.linux["cgroupsPath"] = given
    box.linux["resources"] = {"hugepageLimits": [{"pageSize": "2MB", "limit": 4 << 20}]}
    box.orlop.options = ["--cgroup-manager=delegated"]
    box.args("pause").create(**enter(f"{unit}/runtime")).ok()
    box.orlop.options = []
    path = f"{unit}/{where.format(id=box.id)}"
    assert cgroup_of(box.pid) == path
    assert kernel.read(f"{path}/hugetlb.2MB.max").strip() == str(4 << 20)
    box.start().ok()
    box.exec().ok()
    box.orlop("pause", box.id).ok()
    assert "frozen 1" in kernel.read(f"{path}/cgroup.events")
    box.delete("--force").ok()
    assert os.listdir(f"{unit}/runtime") and not os.path.exists(f"{unit}/orlop")


def test_the_callers_own_is_delegated(box, unit):
    """As with Delegate=yes alone: below it, but as it holds us, without a limit."""
    os.removexattr(unit, "trusted.delegate")
    os.setxattr(f"{unit}/runtime", "trusted.delegate", b"1")
    box.orlop.options = ["--cgroup-manager=delegated"]
    box.args("pause").create(**enter(f"{unit}/runtime")).ok()
    assert cgroup_of(box.pid) == f"{unit}/runtime/orlop/{box.id}"
    box.delete("--force").ok()


@pytest.mark.needs_controllers("hugetlb")
def test_no_limit_beside_the_caller(box, unit):
    os.removexattr(unit, "trusted.delegate")
    os.setxattr(f"{unit}/runtime", "trusted.delegate", b"1")
    box.linux["resources"] = {"hugepageLimits": [{"pageSize": "2MB", "limit": 4 << 20}]}
    box.orlop.options = ["--cgroup-manager=delegated"]
    box.create(**enter(f"{unit}/runtime")).failed("/runtime", "processes are in")
    assert not os.path.exists(f"{unit}/runtime/orlop")


@pytest.mark.parametrize("mark", [None, b"0", b"11"])
def test_not_delegated(box, unit, mark):
    """Root could make it there, and would be in the way of whoever manages these."""
    os.removexattr(unit, "trusted.delegate")
    if mark:
        os.setxattr(unit, "trusted.delegate", mark)
    watch = kernel.Watch(unit)
    box.orlop.options = ["--cgroup-manager=delegated"]
    box.create(**enter(f"{unit}/runtime")).failed("--cgroup-manager=delegated", "Delegate=yes")
    assert watch.made() == []


def test_elsewhere_than_below_the_caller(box, unit):
    box.linux["cgroupsPath"] = f"/{host.TAG}elsewhere"
    box.orlop.options = ["--cgroup-manager=delegated"]
    box.create(**enter(f"{unit}/runtime")).failed("/linux/cgroupsPath", "--cgroup-manager=delegated", "make it relative")
    assert not os.path.exists(f"{host.CGROUP}/{host.TAG}elsewhere")
