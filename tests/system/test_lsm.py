# SPDX-License-Identifier: GPL-2.0-or-later
"""
AppArmor and SELinux: what is asked for, the kernel shows from inside and from outside, and it holds; what
cannot be applied is refused.  SELinux has a virtual machine of its own, which enforces nothing at first:
tests with `enforcing` in their name run in one that does.
"""
import os
import subprocess

import pytest
from lib import host, kernel
from lib.box import deadline
from lib.config import bind, mount
from test_checkpoint import Counter

pytestmark = pytest.mark.kernel


@pytest.fixture
def shell(box):
    box.add_busybox()
    return box


def current(pid, lsm=""):
    return kernel.read(f"/proc/{pid}/attr/{lsm}current").rstrip("\0\n")


# ---- AppArmor ----------------------------------------------------------------------------------


class Profiles:
    """Profiles that allow everything but to read the one file that each is given."""

    def __init__(self):
        self.loaded = []

    def __call__(self, word, denied):
        name = f"orlop-{host.TAG}{word}"
        text = (f"profile {name} flags=(attach_disconnected) {{\n file, capability, network, signal, ptrace, unix,\n"
                f" mount, umount, pivot_root,\n deny {denied} r,\n}}\n")
        subprocess.run(["apparmor_parser", "--replace", "--skip-cache", "--quiet"], input=text, text=True, check=True)
        self.loaded.append(text)
        return name

    def unload(self):
        for text in self.loaded:
            subprocess.run(["apparmor_parser", "--remove", "--quiet"], input=text, text=True, check=True)


@pytest.fixture
def profiles():
    p = Profiles()
    yield p
    p.unload()


READ_BOTH = "cat /proc/self/attr/apparmor/current; for f in one two; do cat /$f || echo no $f; done"


@pytest.fixture
def reader(shell):
    """A container that says under which profile it runs, and which of two files it can read."""
    shell.file("/one", "one\n")
    shell.file("/two", "two\n")
    return shell.args("/bin/sh", "-c", READ_BOTH)


@pytest.mark.needs_apparmor
def test_apparmor_control(reader):
    assert reader.run().ok().out == "unconfined\none\ntwo\n"
    reader.process["apparmorProfile"] = "unconfined"
    assert reader.run().ok().out == "unconfined\none\ntwo\n"


@pytest.mark.needs_apparmor
@pytest.mark.spec("RT-043")
@pytest.mark.parametrize("no_new_privileges", [True, False])
@pytest.mark.parametrize("uid", [0, 1000])
def test_apparmor_profile(reader, profiles, uid, no_new_privileges):
    name = profiles("a", "/one")
    reader.process.update(apparmorProfile=name, noNewPrivileges=no_new_privileges, user={"uid": uid, "gid": uid})
    assert reader.run().ok().out == f"{name} (enforce)\nno one\ntwo\n"


@pytest.mark.needs_apparmor
def test_apparmor_seen_from_outside(shell, profiles):
    """From execve on: what waits for `start` is still ours."""
    name = profiles("a", "/one")
    shell.process["apparmorProfile"] = name
    shell.args("/bin/sleep", "1000").create().ok()
    assert current(shell.pid, "apparmor/") == "unconfined"
    shell.start().ok()
    assert current(shell.pid, "apparmor/") == f"{name} (enforce)"


@pytest.mark.needs_apparmor
def test_apparmor_profile_of_exec(reader, profiles):
    """That of the container, unless another is asked for."""
    first, second = profiles("a", "/one"), profiles("b", "/two")
    reader.process["apparmorProfile"] = first
    reader.up()
    under_first, under_second = f"{first} (enforce)\nno one\ntwo\n", f"{second} (enforce)\none\nno two\n"
    assert reader.exec("--", "/bin/sh", "-c", READ_BOTH).ok().out == under_first
    assert reader.exec("--apparmor", second, "--", "/bin/sh", "-c", READ_BOTH).ok().out == under_second
    document = {"cwd": "/", "args": ["/bin/sh", "-c", READ_BOTH], "env": ["PATH=/bin"]}
    assert reader.exec_process(document).ok().out == under_first
    assert reader.exec_process({**document, "apparmorProfile": second}).ok().out == under_second


@pytest.mark.needs_apparmor
@pytest.mark.parametrize("words", ["ab", "ba"])
def test_apparmor_profiles_stacked(reader, profiles, words):
    """Both hold: `a//&b` is for the kernel to look up, and to put in its own order."""
    first, second = profiles(words[0], "/one"), profiles(words[1], "/two")
    reader.process["apparmorProfile"] = f"{first}//&{second}"
    out = reader.run().ok().out
    assert first in out and second in out and out.endswith("no one\nno two\n")


@pytest.mark.needs_apparmor
@pytest.mark.spec("RT-042")
@pytest.mark.parametrize("name", ["orlop-nobody-loaded-this", "unconfined (enforce)", "x" * 5000, "a\nb"],
                         ids=["unknown", "with its mode", "long", "two lines"])
def test_apparmor_profile_that_is_not_loaded(shell, name):
    shell.process["apparmorProfile"] = name
    shell.refused("/process/apparmorProfile", "AppArmor profile")
    del shell.process["apparmorProfile"]
    shell.up()
    shell.exec("--apparmor", name, "--", "/bin/true").failed("/process/apparmorProfile", "AppArmor profile")
    assert shell.status() == "running"


@pytest.mark.needs_apparmor
@pytest.mark.needs_criu
@pytest.mark.one_vm
def test_apparmor_profile_after_restore(make_box, profiles):
    counter = Counter(make_box(busybox=True))
    box = counter.box
    box.process["apparmorProfile"] = profiles("restored", "/one")
    box.file("/one", "one\n")
    counter.up()
    before = current(box.pid, "apparmor/")
    assert current(counter.there_and_back(), "apparmor/") == before == f"{box.process['apparmorProfile']} (enforce)"
    assert "Permission denied" in box.exec("--", "/bin/cat", "/one").err


# ---- SELinux -----------------------------------------------------------------------------------


PROCESS = "system_u:system_r:container_t:s0:c1,c2"
OTHER = "system_u:system_r:container_t:s0:c1.c3"
FILES = "system_u:object_r:container_file_t:s0:c1,c2"

ENFORCING = host.selinux() and kernel.read("/sys/fs/selinux/enforce").strip() == "1"
enforcing = pytest.mark.skipif(not ENFORCING, reason="needs SELinux, enforcing")


def label_of(path):
    return os.getxattr(path, "security.selinux", follow_symlinks=False).decode().rstrip("\0")


def relabel(tree, label=FILES):
    """As an engine does with a rootfs before it asks for a label."""
    for top, dirs, files in os.walk(tree):
        for name in [".", *dirs, *files]:
            os.setxattr(os.path.join(top, name), "security.selinux", label.encode(), follow_symlinks=False)


@pytest.fixture
def labelled(shell):
    shell.process["selinuxLabel"] = PROCESS
    shell.linux["mountLabel"] = FILES
    for name in ("out", "one", "two"):
        shell.file(f"/{name}", f"{name}\n", 0o666)
    relabel(shell.rootfs)
    return shell


@pytest.mark.needs_selinux
@pytest.mark.spec("RT-043")
def test_selinux_label_of_the_process(labelled):
    """From inside; from outside; what it makes and what it starts have it too."""
    labelled.args("/bin/sh", "-c", "cat /proc/self/attr/current >/out; sleep 1000 & exec sleep 1000").create().ok()
    waiting = current(labelled.pid)
    assert waiting != PROCESS
    labelled.start().ok()
    kernel.until(lambda: kernel.read(f"{labelled.rootfs}/out").rstrip("\0\n") == PROCESS, deadline(10), "its own label")
    assert current(labelled.pid) == PROCESS
    kernel.until(lambda: {current(p) for p in kernel.children(labelled.pid)} == {PROCESS}, deadline(10), "the label of its child")


@pytest.mark.needs_selinux
def test_selinux_control(shell):
    """Without a label in the configuration it is another."""
    shell.args("/bin/cat", "/proc/self/attr/current")
    assert "container_t" not in shell.run().ok().out


@pytest.mark.needs_selinux
def test_selinux_label_of_exec(labelled):
    """That of the container, unless another is asked for."""
    labelled.up()
    command = ["/bin/sh", "-c", "cat /proc/self/attr/current >/out"]

    def seen():
        return kernel.read(f"{labelled.rootfs}/out").rstrip("\0\n")
    labelled.exec("--", *command).ok()
    assert seen() == PROCESS
    labelled.exec("--process-label", OTHER, "--", *command).ok()
    assert seen() == OTHER
    document = {"cwd": "/", "args": command, "env": ["PATH=/bin"]}
    labelled.exec_process(document).ok()
    assert seen() == PROCESS
    labelled.exec_process({**document, "selinuxLabel": OTHER}).ok()
    assert seen() == OTHER


@pytest.mark.needs_selinux
def test_selinux_label_that_the_kernel_spells_otherwise(labelled):
    """It is the same label: three categories in a row become a range."""
    labelled.process["selinuxLabel"] = OTHER.replace("c1.c3", "c1,c2,c3")
    labelled.args("/bin/sh", "-c", "cat /proc/self/attr/current >/out").run().ok()
    assert kernel.read(f"{labelled.rootfs}/out").rstrip("\0\n") == OTHER


@pytest.mark.needs_selinux
def test_selinux_mount_label(labelled):
    """The tmpfs and devpts of the container, and what is in them; not its proc, sysfs and bind mounts."""
    own = FILES.replace("c1,c2", "c5")
    os.mkdir(f"{labelled.bundle}/source")
    labelled.mounts += [mount("/t", "tmpfs", "tmpfs", ["size=1m"]),
                        mount("/own", "tmpfs", "tmpfs", [f'context="{own}"']),
                        bind(f"{labelled.bundle}/source", "/bound")]
    source = label_of(f"{labelled.bundle}/source")
    pid = labelled.up()
    root = f"/proc/{pid}/root"
    for path in ("/dev", "/dev/null", "/dev/stdin", "/dev/shm", "/dev/pts", "/dev/pts/ptmx", "/t"):
        assert label_of(root + path) == FILES, path
    with open(f"{root}/t/new", "w"):
        pass
    assert label_of(f"{root}/t/new") == FILES
    assert label_of(f"{root}/own") == own
    assert label_of(f"{root}/bound") == source
    for path in ("/proc", "/sys", "/proc/1/status"):
        assert label_of(root + path) != FILES, path


@pytest.mark.needs_selinux
def test_selinux_label_of_the_console(labelled):
    """The pty is in the container's devpts and has the label of that; so has /dev/console."""
    labelled.process["terminal"] = True
    labelled.args("/bin/sleep", "1000")
    master, slave = os.openpty()
    p = labelled.start_run(stdin=slave, stdout=slave)
    try:
        kernel.until(lambda: labelled.id in labelled.orlop.ids() and labelled.status() == "running", deadline(15), "it runs")
        root = f"/proc/{labelled.state()['pid']}/root"
        assert label_of(f"{root}/dev/pts/0") == FILES
        assert label_of(f"{root}/dev/console") == FILES
        assert os.stat(f"{root}/dev/console").st_rdev == os.stat(f"{root}/dev/pts/0").st_rdev
    finally:
        labelled.kill("KILL")
        labelled.orlop.finish(p)
        os.close(master)
        os.close(slave)


@pytest.mark.needs_selinux
def test_selinux_label_of_the_keyring(labelled):
    """keyctl(2), KEYCTL_GET_SECURITY of the session's: the length of the label is another without ours."""
    get_security = ["syscall", 250, 17, -3, 0, 0]
    assert labelled.attack(*get_security)["ret"] == len(PROCESS) + 1
    del labelled.process["selinuxLabel"]
    assert labelled.attack(*get_security)["ret"] not in (-1, len(PROCESS) + 1)


@pytest.mark.needs_selinux
@pytest.mark.spec("RT-042")
@pytest.mark.parametrize("label", ["nonsense", "system_u:system_r:no_such_t:s0", "nobody_u:system_r:container_t:s0",
                                   "system_u:system_r:container_t:s7", "system_u:system_r:container_t:s0:c1024",
                                   "system_u:system_r:container_t", f"{PROCESS} "])
def test_selinux_label_that_is_none(shell, label):
    """Neither for the process, nor for the mounts, nor for exec; nothing is made."""
    shell.process["selinuxLabel"] = label
    shell.refused("/process/selinuxLabel", "SELinux label", label)
    del shell.process["selinuxLabel"]
    shell.linux["mountLabel"] = label
    shell.refused("/linux/mountLabel", "SELinux label", label)
    del shell.linux["mountLabel"]
    shell.up()
    shell.exec("--process-label", label, "--", "/bin/true").failed("/process/selinuxLabel", "SELinux label", label)
    assert shell.status() == "running"


@enforcing
def test_selinux_enforcing(labelled):
    """What the policy denies the label, the container does not get; without the label it does."""
    relabel(f"{labelled.rootfs}/one", "system_u:object_r:shadow_t:s0")
    os.setxattr(f"{labelled.rootfs}/one", "security.selinux", b"system_u:object_r:shadow_t:s0")
    os.setxattr(f"{labelled.rootfs}/two", "security.selinux", FILES.encode())
    command = "for f in one two; do cat /$f || echo no $f; done >/out 2>/dev/null"
    labelled.args("/bin/sh", "-c", command).run().ok()
    assert kernel.read(f"{labelled.rootfs}/out") == "no one\ntwo\n"
    del labelled.process["selinuxLabel"]
    labelled.run().ok()
    assert kernel.read(f"{labelled.rootfs}/out") == "one\ntwo\n"


@enforcing
def test_selinux_enforcing_categories(labelled):
    """Two containers of the same type with other categories are strangers."""
    os.setxattr(f"{labelled.rootfs}/one", "security.selinux", FILES.replace("c1,c2", "c3,c4").encode())
    command = "for f in one two; do cat /$f || echo no $f; done >/out 2>/dev/null"
    labelled.args("/bin/sh", "-c", command).run().ok()
    assert kernel.read(f"{labelled.rootfs}/out") == "no one\ntwo\n"


@enforcing
def test_selinux_enforcing_transition(labelled):
    """A label that the policy does not let us give: an error of `start`, and no program."""
    labelled.process["selinuxLabel"] = "system_u:system_r:init_t:s0"
    labelled.args("/bin/sh", "-c", "echo ran >/out")
    r = labelled.run()
    assert r.rc != 0 and kernel.read(f"{labelled.rootfs}/out") == "out\n", r
