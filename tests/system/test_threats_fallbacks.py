# SPDX-License-Identifier: GPL-2.0-or-later
"""
A second way that is less confined is taken for its own reason alone, and not because a call failed for another: here
by one error at one place, or by a filter around the runtime.  HACKING.md has the list of all second ways.
"""
import errno
import os
import signal
import sys

import pytest
from lib import kernel, refuse
from lib.config import namespace, userns, without_namespace

pytestmark = pytest.mark.needs_native("runs below strace, about the same code")
SYSCALL = {"setsid": 112, "keyctl": 250, "setgroups": 116, "mknodat": 259, "bpf": 321, "fsopen": 430, "fsmount": 432}
CHAR = 0o20000


def inject(trace, call, error, when):
    return ["strace", "-f", "-qq", "-o", trace, "-e", f"trace={call}", "-e",
            f"inject={call}:error={error}:when={when}"]


def filtered(call, error, *when):
    return [sys.executable, refuse.__file__, str(SYSCALL[call]), str(error), *map(str, when)]


def each_fault(box, tmp, call, error, check, *options, most=60):
    """Each occurrence fails once: the container is not started, or check() finds all that was asked for."""
    trace, n = f"{tmp}/trace", 0
    for when in range(1, most):
        r = box.run(*options, wrap=inject(trace, call, error, when))
        if r.rc == 0:
            check(r.json(), when)
        else:
            assert r.out == "", r
        box.orlop.clean()
        if "INJECTED" not in kernel.read(trace):
            return n
        n += 1
    raise AssertionError(f"more than {most} calls of {call}")


# ---- our own executable

def test_page_that_is_held_for_a_moment(box, tmp):
    """The protected copy cannot be sealed while the kernel holds a page of it: that passes, or it is an error."""
    def traced(trees, *inject):
        r = box.run(wrap=["strace", "-qq", "-o", f"{tmp}/trace", "-e", "trace=fcntl,open_tree", "-e",
                          f"inject=open_tree:error=EPERM:when=1..{trees}", *inject])
        return r, [x for x in kernel.read(f"{tmp}/trace").splitlines() if "fcntl" in x]

    # a read-only mount is tried once or twice: before the C library begins, and after it
    trees, first = [(n, i) for n in (1, 2) for i, x in enumerate(traced(n)[1], 1) if "F_ADD_SEALS" in x][0]

    def run(times):
        r, calls = traced(trees, "-e", f"inject=fcntl:error=EBUSY:when={first}..{first + times - 1}")
        assert sum("INJECTED" in x for x in calls if "F_ADD_SEALS" in x) == min(times, 20), calls
        return r
    run(3).ok()
    run(50).failed("protected copy", "busy")


# ---- file systems of the host

def own_file_systems(box):
    """A sysfs and a cgroup2 of its own show its interfaces and its cgroup, those of the host more."""
    box.args("list", "/sys/class/net", ",", "list", "/sys/fs/cgroup", ",", "state")

    def check(seen, when=0):
        net, cgroup = seen["results"][:2]
        assert net["names"] == ["lo"], when
        assert "orlop" not in cgroup["names"] and "cgroup.events" in cgroup["names"], when
    return check


@pytest.mark.parametrize("user", [False, True])
@pytest.mark.parametrize("call", ["fsopen", "fsconfig", "fsmount"])
@pytest.mark.parametrize("error", ["EPERM", "EBUSY"])
def test_one_fault_gives_no_file_system_of_the_host(box, tmp, call, error, user):
    if user:
        userns(box.config)
    assert each_fault(box, tmp, call, error, own_file_systems(box)) >= 5


@pytest.mark.parametrize("user", [False, True])
def test_sysfs_of_the_host_where_its_network_is(box, user):
    """Its own condition: the network namespace belongs to a user namespace above."""
    if user:
        userns(box.config)
    without_namespace(box.config, "network")
    box.args("list", "/sys/class/net", ",", "touch", "/sys/x", ",", "state")
    seen = box.probe()
    assert "lo" in seen["results"][0]["names"]
    options = kernel.mount_at(kernel.parse_mountinfo(seen["mountinfo"]), "/sys").options
    assert {"ro", "nosuid", "nodev", "noexec"} <= options


def test_sysfs_of_a_joined_network(box, make_box):
    """Made by a container whose user namespace is another one: no power over it either."""
    owner = make_box()
    userns(owner.config)
    owner.up()
    userns(box.config, 300000)
    namespace(box.config, "network", f"/proc/{owner.pid}/ns/net")
    assert box.probe(commands=["list", "/sys/class/net"])["results"][0]["ret"] >= 0


@pytest.mark.parametrize("fstype", ["sysfs", "cgroup"])
def test_covered_by_those_around_us(box, fstype):
    """mount_too_revealing() of the kernel: something lies on ours, so a new user namespace gets none that is free
    of it; ours is bound."""
    userns(box.config)
    over = "/sys/kernel" if fstype == "sysfs" else "/sys/fs/cgroup/orlop"
    r = box.run(wrap=["unshare", "-m", "sh", "-ec", f"mkdir -p {over}; mount -t tmpfs t {over}; exec \"$@\"", "sh"])
    if fstype == "cgroup":
        return  # whatever it is: no host's cgroups to write to
    r.ok()


# ---- the rest

@pytest.mark.parametrize("error", ["EPERM", "EACCES"])
@pytest.mark.parametrize("verb", ["run", "exec"])
def test_setsid(box, tmp, verb, error):
    """EPERM means leader of a process group already, and that is looked at."""
    wrap = inject(f"{tmp}/trace", "setsid", error, "1")
    if verb == "run":
        box.refused("session", run=True, wrap=wrap)
    else:
        box.up()
        box.exec("--", "state", wrap=wrap).failed("session")


@pytest.mark.parametrize("error", ["ENOSYS", "EDQUOT"])
@pytest.mark.parametrize("verb", ["run", "exec"])
def test_keyring(box, tmp, verb, error):
    """The caller's would stay."""
    wrap = inject(f"{tmp}/trace", "keyctl", error, "1")
    if verb == "run":
        box.refused("keyring", run=True, wrap=wrap)
    else:
        box.up()
        box.exec("--", "state", wrap=wrap).failed("keyring")


def test_keyring_where_a_filter_hides_all_of_them(box):
    """From the container, too: it inherits the filter."""
    box.args("syscall", SYSCALL["keyctl"], 0)
    r = box.run(wrap=filtered("keyctl", errno.ENOSYS))
    assert r.json()["results"][0]["errno"] == "ENOSYS" and "keyring" in r.err


def test_keyring_when_the_quota_is_used_up(box):
    """No other key can be made then."""
    box.args("state")
    SYSCALL["add_key"] = 248
    quota = filtered("keyctl", errno.EDQUOT, "when", 0, 1)  # KEYCTL_JOIN_SESSION_KEYRING
    assert "quota" in box.run(wrap=[*quota, *filtered("add_key", errno.EDQUOT)]).ok().err
    box.orlop.clean()
    box.run(wrap=quota).failed("keyring", "quota")


@pytest.mark.parametrize("user", [False, True])
def test_setgroups(box, tmp, user):
    """EPERM means that they are denied for good; else the caller's would stay."""
    if user:
        userns(box.config)

    def check(seen, when=0):
        assert seen["groups"] == [], when
    box.args("state")
    trace = f"{tmp}/trace"
    for when in range(1, 9):
        wrap = inject(trace, "setgroups", "EPERM", when)
        for options in ([], ["--rootless=true"]):
            r = box.orlop(*options, "run", "--bundle", box.bundle, box.id, wrap=wrap, preexec_fn=lambda: os.setgroups([27, 33])) \
                if options else box.run(wrap=wrap, preexec_fn=lambda: os.setgroups([27, 33]))
            if r.rc == 0:
                check(r.json(), when)
            box.orlop.clean()
        if "INJECTED" not in kernel.read(trace):
            break
    assert when > 1


@pytest.mark.parametrize("error", ["EPERM", "EACCES"])
def test_device_rules_when_root_calls_itself_rootless(box, tmp, error):
    """That it may go without them holds for those who have no device nodes."""
    box.args("open", "/dev/kmsg", "r", ",", "state")
    box.linux["devices"] = [{"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11, "fileMode": 0o666}]

    def check(seen, when=0):
        assert seen["results"][0]["errno"] == "EPERM", when
    assert each_fault(box, tmp, "bpf", error, check) >= 2
    box.write()
    for when in (1, 2):
        r = box.orlop("--rootless=true", "run", "--bundle", box.bundle, box.id, wrap=inject(f"{tmp}/trace", "bpf", error, when))
        r.failed("/linux/resources/devices")
        box.orlop.clean()


@pytest.mark.parametrize("error", ["EPERM"])
def test_device_nodes(box, tmp, error):
    """With a user namespace: mode and owner are those that were asked for, or the host's node has the same."""
    userns(box.config)
    box.linux["devices"] = [{"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11, "fileMode": 0o600, "uid": 7,
                             "gid": 8}]
    box.args("stat", "/dev/kmsg", ",", "stat", "/dev/null", ",", "state")

    def check(seen, when=0):
        kmsg, null = seen["results"][:2]
        assert (kmsg["mode"], kmsg["uid"], kmsg["gid"]) == (CHAR | 0o600, 7, 8), when
        assert (null["mode"], null["rmajor"], null["rminor"]) == (CHAR | 0o666, 1, 3), when
    check(box.probe())
    assert each_fault(box, tmp, "mknodat", error, check) >= 1


@pytest.mark.parametrize("call", ["mkdirat", "clone3"])
@pytest.mark.parametrize("error", ["EACCES", "EPERM", "EROFS"])
def test_cgroup_when_root_calls_itself_rootless(box, tmp, call, error):
    """Going without one is for those who may not write there."""
    box.linux["resources"] = {}
    without_namespace(box.config, "cgroup")
    del box.mounts[1:]  # strace counts the calls of each process, and these make directories, too
    box.args("open", "/proc/self/cgroup", "r")
    box.run().ok()  # and so there is a state root
    trace, when = f"{tmp}/trace", 0
    while when == 0 or "INJECTED" in kernel.read(trace):
        when += 1
        r = box.orlop("--rootless=true", "run", "--bundle", box.bundle, box.id, wrap=inject(trace, call, error, when))
        if r.rc == 0:
            assert r.json()["results"][0]["text"].splitlines()[-1].endswith(f"/{box.id}"), when
        box.orlop.clean()
    assert when > 1


@pytest.mark.parametrize("call", ["rt_sigaction", "rt_sigprocmask"])
def test_signals_are_read_back(box, tmp, call):
    """A lie: what the caller ignores and blocks would stay."""
    def careless():
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    box.args("state")
    lies = 0
    for when in (1, 2):  # strace counts for each process; later ones are the probe's own
        r = box.run(wrap=["strace", "-f", "-qq", "-o", f"{tmp}/trace", "-e", f"trace={call}", "-e",
                          f"inject={call}:retval=0:when={when}"], preexec_fn=careless)
        if r.rc:
            lies += "what was asked for" in r.err
        elif call == "rt_sigaction":
            seen = r.json()
            assert seen["ignored_signals"] == [] and seen["blocked_signals"] == [], when
        box.orlop.clean()
    assert lies
