# SPDX-License-Identifier: GPL-2.0-or-later
"""Facts about this host, and the snapshot of everything that a container could leave behind."""
import hashlib
import functools
import os
import stat
import subprocess
import tempfile

from . import kernel

TAG = f"t{os.getpid()}-"  # in the name of everything the tests make


def cgroup_root():
    """Mount point of cgroup2: /sys/fs/cgroup, or /sys/fs/cgroup/unified beside version 1."""
    found = [m.target for m in kernel.parse_mountinfo(kernel.read("/proc/self/mountinfo"))
             if m.fstype == "cgroup2" and m.target.startswith("/sys/fs/cgroup")]
    return min(found, key=len) if found else None


CGROUP = cgroup_root()
IN_VM = CGROUP == "/sys/fs/cgroup" and os.path.isdir("/run/systemd/system")


def controllers():
    return set(kernel.read(f"{CGROUP}/cgroup.controllers").split()) if CGROUP else set()


def apparmor():
    return os.path.isdir("/sys/kernel/security/apparmor")


def selinux():
    return os.path.isdir("/sys/fs/selinux/booleans")


@functools.cache
def criu():
    """It refuses to work at all on kernels that are much newer than it."""
    try:
        return subprocess.run(["criu", "check"], capture_output=True, cwd="/").returncode == 0
    except FileNotFoundError:
        return False


def isolate(*needed):
    """
    Give the test run a mount namespace of its own, in which everything is shared as on a host with
    systemd, and the processes that containers leave: both are compared after each test.
    """
    kernel.unshare(kernel.CLONE["mount"])
    kernel.mount(None, "/", None, kernel.MS["rec"] | kernel.MS["private"])
    kernel.mount(None, "/", None, kernel.MS["rec"] | kernel.MS["shared"])
    kernel.prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
    # Over a directory that is always there: whoever tidies up /tmp would take the mount with it.
    if os.path.isdir("/srv") and not any(os.path.realpath(p).startswith("/srv/") for p in needed):
        work = "/srv"
    else:
        work = tempfile.mkdtemp(prefix=f"orlop-test-{TAG}", dir="/tmp")
    kernel.mount("tmpfs", work, "tmpfs", 0, "mode=755")
    return work


def forget(work):
    kernel.umount(work)
    if work != "/srv":
        os.rmdir(work)


def cgroups():
    """Our cgroups: the directories with the tag in their name, and those below."""
    found = set()
    for top, dirs, _ in os.walk(CGROUP or "/nonexistent"):
        found.update(os.path.join(top, d) for d in dirs if TAG in os.path.join(top, d))
    return found


def _ours(name):
    """Where others may be at work on the same program, only the tag tells."""
    return TAG in name or (IN_VM and "orlop" in name)


def _names(directory):
    try:
        return {f"{directory}/{n}" for n in os.listdir(directory) if _ours(n)}
    except FileNotFoundError:
        return set()


def _state_dirs():
    return {f"/run/orlop/{n}" for n in _ls("/run/orlop") if TAG in n}


def _ls(d):
    try:
        return os.listdir(d)
    except FileNotFoundError:
        return []


def _abstract_sockets():
    names = (line.split()[-1] for line in kernel.read("/proc/net/unix").splitlines()[1:])
    return {n for n in names if n.startswith("@") and _ours(n)}


POPEN = set()  # processes that a Popen object waits for


def reap():
    """Collect the dead that were given to us and that no Popen object waits for."""
    for pid in kernel.children() - POPEN:
        try:
            if kernel.stat_fields(pid)[0] == "Z":
                os.waitpid(pid, os.WNOHANG)
        except (ChildProcessError, FileNotFoundError, ProcessLookupError):
            pass


class Snapshot:
    """T110: what must be the same before and after."""

    def __init__(self):
        reap()
        self.parts = {
            # but for those of a virtual machine's image that is being made meanwhile
            "mounts": {x for x in kernel.read("/proc/self/mountinfo").splitlines() if "/orlop-lab/" not in x},
            "cgroups": cgroups(),
            "processes": {p for p in kernel.children() if kernel.alive(p)},
            "files": _names("/run") | _names("/tmp") | _names("/dev/shm") | _state_dirs(),
            "abstract sockets": _abstract_sockets(),
            # alone on the machine we can also count these
            "bpf programs": kernel.bpf_program_ids() or set() if IN_VM else set(),
            # d0: the device of test_rdma stays
            "interfaces": set(_ls("/sys/class/net")) - {"d0"} if IN_VM else set(),
        }

    def difference(self, before):
        """Text that says what is new or gone since `before`, empty if nothing."""
        text = []
        for part, now in self.parts.items():
            old = before.parts[part]
            text += [f"new in {part}: {_describe(part, x)}" for x in sorted(now - old)]
            if part not in ("processes", "bpf programs"):
                text += [f"gone from {part}: {x}" for x in sorted(old - now)]
        return "\n".join(text)

    def assert_same(self, timeout=5):
        """Nothing new exists; what the kernel removes a little later gets until the deadline."""
        last = [""]

        def same():
            last[0] = Snapshot().difference(self)
            return not last[0]
        try:
            kernel.until(same, timeout)
        except AssertionError:
            raise AssertionError("left behind (T110):\n" + last[0]) from None


def _describe(part, x):
    if part != "processes":
        return x
    try:
        return f"{x} {kernel.read(f'/proc/{x}/cmdline')!r}"
    except OSError:
        return x


class Canary:
    """A directory of the host that nothing may touch: contents, modes, owners and times."""

    def __init__(self, path):
        self.path = path
        os.makedirs(f"{path}/dev")
        os.makedirs(f"{path}/etc")
        for name in ("file", "dev/null", "dev/ptmx", "dev/console", "etc/passwd", "etc/hosts"):
            with open(f"{path}/{name}", "w") as f:
                f.write(f"canary {name}\n")
            os.chmod(f"{path}/{name}", 0o640)
        os.symlink("file", f"{path}/link")
        self.before = self.digest()

    def digest(self):
        lines = []
        for top, dirs, files in os.walk(self.path):
            for name in [*dirs, *files, "."]:
                p = os.path.join(top, name)
                st = os.lstat(p)
                lines.append((p, st.st_mode, st.st_uid, st.st_gid, st.st_nlink, st.st_mtime_ns,
                              st.st_ctime_ns, st.st_rdev, self._content(p, st)))
        return sorted(lines)

    @staticmethod
    def _content(path, st):
        if stat.S_ISLNK(st.st_mode):
            return os.readlink(path)
        if stat.S_ISREG(st.st_mode):
            with open(path, "rb") as f:
                return hashlib.sha256(f.read()).hexdigest()
        return ""

    def assert_intact(self):
        assert self.digest() == self.before, "the canary was touched"
