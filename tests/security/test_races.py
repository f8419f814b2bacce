# SPDX-License-Identifier: GPL-2.0-or-later
"""
Names that change while a container is made: T15, T20 to T25, T27.  Whoever shares a volume, or the whole root file
system, exchanges its names for links to the canary; by chance as often as can be (storms), and at each system call
of ours in turn (tools/step.py).  The canary stays as it is, the host's mounts too; a refusal is one clear line.

`--every 1` makes 100,000 containers in storms, and takes every system call.
"""
import json
import os
import shutil
import subprocess
import time

import pytest
from lib import host, kernel
from lib.box import deadline, timed
from lib.config import bind, mount
from tools.step import box_step, points
from tools.swap import SWAP, once, swapping

pytestmark = pytest.mark.needs_native("the same code everywhere, a thousand runs")

OUTSIDE = {
    "absolute": lambda path: path,
    "upwards": lambda path: "../" * 20 + path.lstrip("/"),
    "self-root": lambda path: f"/proc/self/root{path}",
    "host-init": lambda path: f"/proc/1/root{path}",
}
# what a container may do at a path of the volume
KINDS = {
    "mount": lambda b: b.mounts.append(mount("/v/d/m", "tmpfs", "t")),
    "bind": lambda b: b.mounts.append(bind(f"{b.bundle}/config.json", "/v/d/f")),
    "missing": lambda b: b.mounts.append(mount("/v/d/new/dir", "tmpfs", "t")),
    "mask": lambda b: b.linux["maskedPaths"].extend(["/v/d/secret", "/v/d/sub"]),
    "readonly": lambda b: b.linux["readonlyPaths"].append("/v/d/sub"),
    "device": lambda b: b.linux.update(devices=[{"path": "/v/d/dev", "type": "c", "major": 1, "minor": 5}]),
    "cwd": lambda b: b.process.update(cwd="/v/d/cwd"),
    "exec": lambda b: b.process.update(args=["/v/d/prog", "true"]),
}
STORM = 100000


@pytest.fixture
def outside(tmp):
    """A canary with the names that the volume has."""
    c = host.Canary(f"{tmp}/outside")
    fill(c.path)
    shutil.copy("/bin/false", f"{c.path}/prog")
    c.before = c.digest()
    yield c
    c.assert_intact()


def fill(path):
    for name in ("m", "sub"):
        os.makedirs(f"{path}/{name}")
    for name in ("f", "secret"):
        with open(f"{path}/{name}", "w") as f:
            f.write(f"{name}\n")


def volume(box):
    """/v/d as it should be; the name that it is exchanged for."""
    d = f"{box.rootfs}/v/d"
    os.makedirs(d)
    fill(d)
    shutil.copy(f"{box.rootfs}/bin/probe", f"{d}/prog")
    return d, f"{box.rootfs}/v/x"


def ended_well(r):
    """It ran, or was refused in one line."""
    assert r.rc in (0, 1, 126, 127) and (r.rc == 0 or r.err.count("\n") == 1), r


def mounts_of_the_host():
    return kernel.read("/proc/self/mountinfo")


# ---- T20, T23: by chance


def storm(box, canary, times, *pairs, blink=()):
    before, worked = mounts_of_the_host(), 0
    box.write()
    with swapping(*pairs, blink=blink) as s:
        for _ in range(times):
            took, r = timed(box.orlop, "run", "--bundle", box.bundle, box.id, timeout=30)
            ended_well(r)
            assert took < deadline(15), r  # no hang; how fast is another question
            worked += r.rc == 0
        canary.assert_intact()
        assert mounts_of_the_host() == before
    assert s.count > times, "the attacker was too slow"
    return worked


@pytest.fixture
def times(request):
    """How many runs a storm of this kind has, of all."""
    return lambda share: STORM // share if request.config.getoption("--every") == 1 else 8


@pytest.mark.case("T20")
@pytest.mark.parametrize("pattern", ["absolute", "upwards", "self-root", "file"])
@pytest.mark.parametrize("kind", KINDS)
def test_T20_storm(box, outside, kind, pattern, times):
    d, x = volume(box)
    if pattern == "file":
        with open(x, "w") as f:
            f.write("x")
    else:
        os.symlink(OUTSIDE[pattern](outside.path), x)
    box.args("true")
    KINDS[kind](box)
    storm(box, outside, times(len(KINDS) * 4 + 8), (d, x))


@pytest.mark.case("T20")
def test_T20_storm_of_what_comes_and_goes(box, outside, times):
    volume(box)
    box.args("true")
    box.mounts += [mount("/v/d/new/dir", "tmpfs", "t"), mount("/v/d/m/below", "tmpfs", "t")]
    storm(box, outside, times(40), blink=[(f"{box.rootfs}/v/d/new", outside.path), (f"{box.rootfs}/v/d/m/below", outside.path)])


@pytest.mark.case("T23")
@pytest.mark.parametrize("name", ["proc", "dev", "etc", "sys", "bin"])
def test_T23_storm_in_a_shared_root(box, outside, name, times):
    os.symlink(outside.path, f"{box.rootfs}/x")
    box.args("true")
    box.mounts.append(bind(f"{box.bundle}/config.json", "/etc/hosts"))
    box.process["cwd"] = "/etc"
    storm(box, outside, times(40), (f"{box.rootfs}/{name}", f"{box.rootfs}/x"))


# ---- T22: renames elsewhere


@pytest.mark.case("T22")
def test_T22_renames_elsewhere_do_not_hinder(box, tmp):
    """The kernel cannot verify "..", and says EAGAIN, while anything at all is renamed: openat2(2)."""
    volume(box)
    os.symlink("../v/d", f"{box.rootfs}/v/l")
    names = [(f"{tmp}/a{i}", f"{tmp}/b{i}") for i in range(2 * os.cpu_count())]
    for pair in names:
        for name in pair:
            os.mkdir(name)
    box.args("true")
    for destination, least in (("/v/d/m", 40), ("/v/l/m", 0)):
        box.config["mounts"] = [m for m in box.mounts if not m["destination"].startswith("/v")]
        box.config["mounts"].append(mount(destination, "tmpfs", "t"))
        box.write()
        worked = 0
        with swapping(*names):
            for _ in range(40):
                took, r = timed(box.orlop, "run", "--bundle", box.bundle, box.id, timeout=30)
                ended_well(r)
                assert took < deadline(15), r  # no hang; how fast is another question
                worked += r.rc == 0
        assert worked >= least, destination


def always_again(box, **kw):
    box.args("true")
    box.mounts.append(mount("/tmp", "tmpfs", "t"))
    return box_step(box, ["0.1:openat2=error:EAGAIN"], "run", "--bundle", box.bundle, **kw)


@pytest.mark.case("T22")
def test_T22_gives_up(box):
    begin = time.monotonic()
    run = always_again(box)
    assert run.rc == 1 and "temporarily unavailable" in run.err and time.monotonic() - begin < deadline(5), run


@pytest.mark.control("T22")
def test_control_of_T22(box, mutant):
    mutant("T22")
    assert always_again(box, deadline=2).late


# ---- T21: at each system call


def everything(box):
    for kind in KINDS:
        if kind != "exec":
            KINDS[kind](box)


def calls_of(box):
    run = box_step(box, ["*:*=log"], "run", "--bundle", box.bundle)
    assert run.rc == 0, run
    put_back(f"{box.rootfs}/v/d", None)
    # what only looks at itself or at memory is no moment of its own
    return points(run, skip={"mmap", "munmap", "mprotect", "brk", "rt_sigprocmask", "rt_sigaction", "prctl", "getpid",
                             "close", "fcntl", "umask", "madvise", "clock_gettime"})


def put_back(d, x):
    """As it was before the run."""
    if os.path.islink(d) or os.path.isfile(d):
        subprocess.run([SWAP, "once", d, x], check=True)
    for made in (f"{d}/new/dir", f"{d}/new", f"{d}/cwd"):
        if os.path.isdir(made):
            os.rmdir(made)
    if os.path.lexists(f"{d}/dev"):
        os.unlink(f"{d}/dev")


def swap_at(box, canary, d, x, at):
    """Exchange at each of these calls, and back at the next, or the one after, or never."""
    before = mounts_of_the_host()
    for role, k, call in at:
        for back in (1, 2, 0):
            rules = [f"{role}:{k}=run:{once(d, x)}"] + ([f"{role}:{k + back}=run:{once(d, x)}"] if back else [])
            r = box_step(box, rules, "run", "--bundle", box.bundle)
            put_back(d, x)
            ended_well(r)
            assert canary.digest() == canary.before, f"the canary was touched: process {role}, call {k} {call}, back {back}"
            assert mounts_of_the_host() == before, (role, k, call, back)


@pytest.mark.case("T20", "T21", "T23")
@pytest.mark.parametrize("pattern", ["absolute", "upwards"])
def test_T21_exchanged_at_each_call(box, outside, pattern, sample):
    d, x = volume(box)
    os.symlink(OUTSIDE[pattern](outside.path), x)
    box.args("true")
    everything(box)
    at = [p for p in calls_of(box) if p[0] == "0.1"]
    print(f"{len(at)} system calls of the container process")
    swap_at(box, outside, d, x, sample(at))


@pytest.mark.control("T20", "T21", "T23")
def test_control_of_T21(box, outside, mutant):
    """Resolved inside, and then opened by name: at one call the link is in between."""
    mutant("T20")
    d, x = volume(box)
    os.symlink(outside.path, x)
    box.args("true")
    box.mounts.append(mount("/v/d/new", "tmpfs", "t"))
    at = [p for p in calls_of(box) if p[0] == "0.1" and p[2] in ("openat", "open")]
    with pytest.raises(AssertionError, match="the canary was touched"):
        swap_at(box, outside, d, x, at)
    os.rmdir(f"{outside.path}/new")
    outside.before = outside.digest()


# ---- T24: the source


def sources_at(box, at, names):
    """Whatever the source was at which moment: what is mounted is one of them, on a mount point of its kind."""
    d, x = names
    for role, k, call in at:
        r = box_step(box, [f"{role}:{k}=run:{once(d, x)}"], "run", "--bundle", box.bundle)
        if os.path.isfile(d):
            subprocess.run([SWAP, "once", d, x], check=True)
        for entry in ("target",):
            path = f"{box.rootfs}/{entry}"
            if os.path.isdir(path):
                os.rmdir(path)
            elif os.path.exists(path):
                os.unlink(path)
        ended_well(r)
        if r.rc == 0:
            seen = r.json()["results"][0]
            assert seen["ino"] in (os.stat(d).st_ino, os.stat(x).st_ino), (k, call, r)
        else:
            assert "/mounts/" in r.err or "source" in r.err or "target" in r.err, (k, call, r)


@pytest.mark.case("T24")
@pytest.mark.parametrize("other", ["file", "link"])
def test_T24_source_exchanged_at_each_call(box, tmp, other, sample):
    d, x = f"{tmp}/source", f"{tmp}/other"
    os.mkdir(d)
    if other == "file":
        open(x, "w").close()
    else:
        os.mkdir(f"{tmp}/elsewhere")
        os.symlink("elsewhere", x)
    box.args("stat", "/target")
    box.mounts.append(bind(d, "/target"))
    at = calls_of(box)
    os.rmdir(f"{box.rootfs}/target")
    if other == "file":
        sources_at(box, sample(at), (d, x))
        return
    for role, k, call in sample(at):
        r = box_step(box, [f"{role}:{k}=run:{once(d, x)}"], "run", "--bundle", box.bundle)
        if os.path.islink(d):
            subprocess.run([SWAP, "once", d, x], check=True)
        ended_well(r)
        if r.rc == 0:
            inodes = (os.stat(d).st_ino, os.stat(f"{tmp}/elsewhere").st_ino)
            assert r.json()["results"][0]["ino"] in inodes, (k, call, r)


def original_at(box, at, d, x):
    """The parent has said what the source is; whoever the name leads to later, it is that one or an error."""
    inode = os.stat(d).st_ino
    for role, k, call in at:
        r = box_step(box, [f"{role}:{k}=run:{once(d, x)}"], "run", "--bundle", box.bundle)
        if os.stat(d).st_ino != inode:
            subprocess.run([SWAP, "once", d, x], check=True)
        if r.rc == 0:
            assert r.json()["results"][0]["ino"] == inode, f"another source: {role}, call {k} {call}: {r}"
        else:
            ended_well(r)
            assert "it was replaced" in r.err, (k, call, r)


def two_sources(box, tmp):
    d, x = f"{tmp}/source", f"{tmp}/other"
    os.mkdir(d)
    os.mkdir(x)
    box.args("stat", "/target")
    box.mounts.append(bind(d, "/target"))
    return [p for p in calls_of(box) if p[0] == "0.1" and p[2] == "open_tree"], d, x


@pytest.mark.case("T24")
def test_T24_source_is_the_one_looked_at(box, tmp):
    original_at(box, *two_sources(box, tmp))


@pytest.mark.control("T24")
def test_control_of_T24(box, mutant, tmp):
    mutant("T24")
    with pytest.raises(AssertionError, match="another source"):
        original_at(box, *two_sources(box, tmp))


# ---- T25: the null device


def null_device_at(box, at, target):
    """The image's /dev/null becomes a link to `target`: no mask is missing, and none is anything but the null device."""
    null, x = f"{box.rootfs}/dev/null", f"{box.rootfs}/dev/x"
    for role, k, call in at:
        r = box_step(box, [f"{role}:{k}=run:{once(null, x)}"], "run", "--bundle", box.bundle)
        if os.path.islink(null):
            subprocess.run([SWAP, "once", null, x], check=True)
        ended_well(r)
        if r.rc == 0:
            seen = r.json()["results"][0]
            assert (seen["rmajor"], seen["rminor"]) == (1, 3), f"the mask is something else: {role}, call {k} {call}: {seen}"


def without_dev(box):
    box.config["mounts"] = [m for m in box.mounts if not m["destination"].startswith("/dev")]
    os.mknod(f"{box.rootfs}/dev/null", 0o20666, os.makedev(1, 3))
    box.file("etc/secret", "secret")
    box.linux["maskedPaths"] = ["/etc/secret"]
    box.args("stat", "/etc/secret")


@pytest.mark.case("T25")
@pytest.mark.parametrize("target", ["/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger"])
def test_T25_null_device_exchanged_at_each_call(box, target, sample):
    without_dev(box)
    os.symlink(target, f"{box.rootfs}/dev/x")
    null_device_at(box, sample(calls_of(box)), target)


@pytest.mark.control("T25")
def test_control_of_T25(box, mutant):
    mutant("T25")
    without_dev(box)
    os.symlink("/proc/sys/kernel/core_pattern", f"{box.rootfs}/dev/x")
    at = [p for p in calls_of(box) if p[2] in ("openat2", "open_tree")]
    with pytest.raises(AssertionError, match="the mask is something else"):
        null_device_at(box, at, None)


# ---- T27: procfs


def sysctl_at(box, tmp, at):
    """At each of these calls something else is mounted over the file, wherever the process could see it."""
    fake = f"{tmp}/fake"
    with open(fake, "w") as f:
        f.write("fake\n")
    for role, k, call in at:
        over = f"{SWAP} over $STEP_PID '{fake}' /proc/sys/net/ipv4/ip_forward; true"
        r = box_step(box, [f"{role}:{k}=run:{over}"], "create", "--bundle", box.bundle, "--pid-file", box.pid_file)
        ended_well(r)
        assert kernel.read(fake) == "fake\n", f"written into a file of somebody else: call {k} {call}"
        if r.rc == 0:
            inside = subprocess.run(["nsenter", "--net", "-t", str(box.pid), "cat", "/proc/sys/net/ipv4/ip_forward"],
                                    capture_output=True, text=True, check=True)
            assert inside.stdout == "1\n", f"the sysctl is not set: call {k} {call}"
            box.delete("--force").ok()


def with_sysctl(box):
    box.args("true")
    box.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    box.linux["readonlyPaths"] = []


def once_cut_off(calls):
    """Calls of the container process after the first mount_setattr(2): before it its mounts are the host's, too."""
    own = [p for p in calls if p[0] == "0.1"]
    return own[1 + [p[2] for p in own].index("mount_setattr"):]


@pytest.mark.case("T27")
def test_T27_procfs_covered_at_each_call(box, tmp, sample):
    with_sysctl(box)
    sysctl_at(box, tmp, sample(once_cut_off(calls_of(box))))


@pytest.mark.control("T27")
def test_control_of_T27(box, tmp, mutant):
    mutant("T27")
    with_sysctl(box)
    at = [p for p in once_cut_off(calls_of(box)) if p[2] in ("openat2", "openat")]
    with pytest.raises(AssertionError, match="written into|not set"):
        sysctl_at(box, tmp, at)
    box.orlop.clean()


# ---- T15: read-only from the first instant on


def writable_for_a_moment(box, tmp):
    os.mkdir(f"{tmp}/volume")
    seen = f"{tmp}/seen"
    box.args("true")
    box.mounts.append(bind(f"{tmp}/volume", "/readonly", "ro"))
    look = f"grep ' [^ ]*/readonly r' /proc/$STEP_PID/mountinfo >>'{seen}'; true"
    r = box_step(box, [f"0.1:*=run:{look}"], "run", "--bundle", box.bundle)
    assert r.rc == 0, r
    lines = [line.split() for line in kernel.read(seen).splitlines()]
    assert lines, "it was never looked at"
    return [line for line in lines if "ro" not in line[5].split(",")]


@pytest.mark.case("T15")
def test_T15_read_only_at_each_call(box, tmp):
    assert writable_for_a_moment(box, tmp) == []


@pytest.mark.control("T15")
def test_control_of_T15(box, tmp, mutant):
    mutant("T15")
    assert writable_for_a_moment(box, tmp) != []


# ---- T112: mounts that come and go meanwhile


@pytest.mark.case("T112")
@pytest.mark.parametrize("target", ["absolute", "upwards", "self-root", "host-init", "/proc/sys", "/proc/acpi", "/sys"])
def test_T112_storm(box, outside, target, times):
    """What comes is in the container and over nothing of procfs; what hides files stays."""
    path = target if target.startswith("/") else OUTSIDE[target](outside.path)
    os.makedirs(f"{box.rootfs}/way/m")
    os.symlink(path, f"{box.rootfs}/other")
    file = f"{box.bundle}/mounts.json"
    with open(file, "w") as f:
        json.dump([mount("/way/m", "tmpfs", "storm")], f)
    pid = box.up()

    def others():
        return [m.target for m in kernel.parse_mountinfo(kernel.read(f"/proc/{pid}/mountinfo")) if m.source != "storm"]

    hosts, before = mounts_of_the_host(), others()
    with swapping((f"{box.rootfs}/way", f"{box.rootfs}/other")) as s:
        for n in range(times(2000)):
            took, r = timed(box.orlop, "mounts", "add", *(["--replace"] if n % 2 else []), box.id, file, timeout=30)
            assert took < deadline(15) and r.rc in (0, 1), r
            box.orlop("mounts", "remove", box.id, file)
    outside.assert_intact()
    assert mounts_of_the_host() == hosts and others() == before and s.count > 8
    assert not [m for m in kernel.parse_mountinfo(kernel.read(f"/proc/{pid}/mountinfo"))
                if m.source == "storm" and m.target.startswith("/proc")]
