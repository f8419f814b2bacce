# SPDX-License-Identifier: GPL-2.0-or-later
"""
Kernels that lack something: strace takes a system call away, or lets it fail as it does on an older kernel, and
uname(2) tells an old release (personality(2), UNAME26).  The message names what is missing and the release that
brought it, and nothing is left behind.
"""
import platform

import pytest
from lib import config as conf
from lib import kernel

pytestmark = pytest.mark.needs_native("runs below strace, about the same code")

OLD = ["setarch", platform.machine(), "--uname-2.6"]
NEEDED = "orlop needs Linux 5.14 or later, this is 2.6."


def failing(call, error):
    return ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error={error}"]


CALLS = [("open_tree", "5.2"), ("move_mount", "5.2"), ("fsopen", "5.2"), ("fsconfig", "5.2"), ("fsmount", "5.2"),
         ("clone3", "5.3"), ("openat2", "5.6"), ("faccessat2", "5.8"), ("close_range", "5.9"), ("mount_setattr", "5.12")]


@pytest.mark.parametrize("call, release", CALLS)
def test_call_that_is_missing(box, call, release):
    box.refused(f"there is no {call}(2), which came with Linux {release}", NEEDED, wrap=[*OLD, *failing(call, "ENOSYS")])


@pytest.mark.parametrize("call, release", CALLS)
def test_call_that_is_hidden(box, call, release):
    """The kernel is new enough: a filter on the host, as old versions of some engines have it."""
    r = box.refused(f"{call}(2) of Linux {release} is missing here", "seccomp filter", wrap=failing(call, "ENOSYS"))
    assert "orlop needs" not in r.err


def test_verbs(box):
    """Each says it, and the container lives on."""
    box.up()
    for verb, call in (("exec", "clone3"), ("kill", "pidfd_send_signal"), ("kill", "pidfd_open")):
        words = ["/bin/true"] if verb == "exec" else ["TERM"]
        r = box.orlop(verb, box.id, *words, wrap=[*OLD, *failing(call, "ENOSYS")])
        r.failed(f"there is no {call}(2)", NEEDED)
    assert box.status() == "running"


def test_nothing_is_said_without_need(box):
    """A mistake of the caller is one whatever the kernel is, but an old one is always worth a word."""
    box.process["cwd"] = "relative"
    assert "Linux" not in box.refused("/process/cwd").err
    assert box.run(wrap=OLD).failed("/process/cwd", NEEDED)


@pytest.mark.parametrize("policy, what", [
    ({"mode": "MPOL_WEIGHTED_INTERLEAVE", "nodes": "0"}, "MPOL_WEIGHTED_INTERLEAVE needs Linux 6.9 or later"),
    ({"mode": "MPOL_PREFERRED_MANY", "nodes": "0"}, "MPOL_PREFERRED_MANY needs Linux 5.15 or later"),
    ({"mode": "MPOL_PREFERRED_MANY", "nodes": "0", "flags": ["MPOL_F_NUMA_BALANCING"]},
     "MPOL_F_NUMA_BALANCING with MPOL_PREFERRED_MANY needs Linux 6.10 or later"),
    ({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_NUMA_BALANCING"]}, "MPOL_F_NUMA_BALANCING needs Linux 5.12 or later"),
])
def test_memory_policy(box, policy, what):
    box.linux["memoryPolicy"] = policy
    box.refused("/linux/memoryPolicy", what, "this is 2.6.", wrap=[*OLD, *failing("set_mempolicy", "EINVAL")])
    r = box.refused("/linux/memoryPolicy", "none of the nodes", wrap=failing("set_mempolicy", "EINVAL"))
    assert "needs Linux" not in r.err


@pytest.mark.parametrize("flag, release", [("SECCOMP_FILTER_FLAG_TSYNC", "3.17"), ("SECCOMP_FILTER_FLAG_LOG", "4.14"),
                                           ("SECCOMP_FILTER_FLAG_SPEC_ALLOW", "4.17")])
def test_seccomp_flag(box, flag, release):
    """Before anything is made."""
    box.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "flags": [flag], "syscalls": [
        {"names": ["getpgid"], "action": "SCMP_ACT_ERRNO"}]}
    box.refused("/linux/seccomp/flags", f"{flag} needs Linux {release} or later", "this is 2.6.",
                wrap=[*OLD, *failing("seccomp", "EINVAL")])
    r = box.refused("/linux/seccomp/flags", f"does not support {flag}", wrap=failing("seccomp", "EINVAL"))
    assert "needs Linux" not in r.err


def test_seccomp_flag_of_the_listener(box, tmp):
    """A kernel that has listeners, and not yet this flag; the agent is not asked."""
    flag = "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"
    box.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "flags": [flag], "listenerPath": f"{tmp}/nobody", "syscalls": [
        {"names": ["getpgid"], "action": "SCMP_ACT_NOTIFY"}]}
    wrap = failing("seccomp", "EINVAL")
    wrap[-1] += ":when=2+"
    box.refused("/linux/seccomp/flags", f"{flag} needs Linux 5.19 or later", "this is 2.6.", wrap=[*OLD, *wrap])


def test_idmapped_tmpfs(box, tmp):
    """mount_setattr(2) is there and file systems learn it one by one."""
    box.mounts.append({**conf.mount("/t", "tmpfs", "tmpfs", ["idmap"]),
                       "uidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}],
                       "gidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}]})
    where = f"/mounts/{len(box.mounts) - 1}/uidMappings"
    trace = f"{tmp}/trace"  # of the parent alone, which maps
    box.create(wrap=["strace", "-qq", "-o", trace, "-e", "signal=none", "-e", "trace=mount_setattr"]).ok()
    box.delete("--force").ok()
    calls = kernel.read(trace).splitlines()
    when = 1 + [i for i, line in enumerate(calls) if "MOUNT_ATTR_IDMAP" in line][0]
    in_parent = ["strace", "-qq", "-o", trace, "-e", "trace=mount_setattr", "-e", f"inject=mount_setattr:error=EINVAL:when={when}"]
    box.refused(where, "an id-mapped tmpfs needs Linux 6.3 or later", "this is 2.6.", wrap=[*OLD, *in_parent])
    box.refused(where, "cannot be id-mapped on this kernel", wrap=in_parent)

