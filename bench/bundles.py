# SPDX-License-Identifier: GPL-2.0-or-later
"""The bundles that bench/run starts, and the compiled seccomp program of floor.c."""
import ctypes
import itertools
import json
import os
import shutil

HERE = os.path.dirname(os.path.abspath(__file__))
PROFILE = os.path.join(HERE, "../tests/data/docker-seccomp.json")
MASKED = ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
          "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"]
MASKED_DOCKER = ["/proc/interrupts", "/sys/devices/virtual/powercap"]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
READ_ONLY_DOCKER = ["/proc/driver"]
CAPS = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
CAPS_DOCKER = CAPS + ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW",
                      "CAP_SETGID", "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_SYS_CHROOT"]
MORE_MASKED = 300


def mounts():
    def one(where, kind, source, *options):
        return {"destination": where, "type": kind, "source": source, "options": list(options)}
    ours = ("nosuid", "noexec", "nodev")
    return [
        one("/proc", "proc", "proc"),
        one("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        one("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620",
            "gid=5"),
        one("/dev/shm", "tmpfs", "shm", *ours, "mode=1777", "size=65536k"),
        one("/dev/mqueue", "mqueue", "mqueue", *ours),
        one("/sys", "sysfs", "sysfs", *ours, "ro"),
        one("/sys/fs/cgroup", "cgroup", "cgroup", *ours, "relatime", "ro"),
    ]


def config(rootfs, caps=CAPS, masked=MASKED, read_only=READ_ONLY, args=("true",), seccomp=None):
    linux = {
        "resources": {"devices": [{"allow": False, "access": "rwm"}]},
        "namespaces": [{"type": t} for t in ("pid", "network", "ipc", "uts", "mount")],
        "maskedPaths": masked, "readonlyPaths": read_only,
    }
    if seccomp:
        linux["seccomp"] = seccomp
    return {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 0, "gid": 0}, "args": list(args), "cwd": "/",
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
            "capabilities": {"bounding": caps, "effective": caps, "permitted": caps},
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
            "noNewPrivileges": True,
        },
        "root": {"path": rootfs, "readonly": True}, "hostname": "bench", "mounts": mounts(), "linux": linux,
    }


def write_bundle(path, content):
    os.makedirs(path, exist_ok=True)
    with open(os.path.join(path, "config.json"), "w") as f:
        json.dump(content, f)
    return path


def find_busybox():
    for path in ("/usr/bin/busybox", "/bin/busybox", "/usr/sbin/busybox"):
        if os.path.exists(path):
            return path
    raise SystemExit("bench: busybox is missing, linked statically (Debian: busybox-static, Fedora: busybox)")


class Bundles:
    def __init__(self, build, top):
        self.top, self.rootfs, self.serial = top, os.path.join(top, "rootfs"), itertools.count()
        shutil.rmtree(top, ignore_errors=True)
        for name in ("bin", "proc", "dev", "sys", "m"):
            os.makedirs(os.path.join(self.rootfs, name))
        shutil.copy(find_busybox(), os.path.join(self.rootfs, "bin/busybox"))
        for name in ("nothing", "loop"):
            shutil.copy(os.path.join(build, name), os.path.join(self.rootfs, "bin", name))
        for name in ("true", "sleep"):
            os.symlink("busybox", os.path.join(self.rootfs, "bin", name))
        more = []
        for i in range(MORE_MASKED):
            path = os.path.join(self.rootfs, "m", str(i))
            os.mkdir(path) if i % 2 else open(path, "w").close()
            more.append("/m/%d" % i)
        with open(PROFILE) as f:
            self.profile = json.load(f)
        self.default = self.add("default", config(self.rootfs))
        self.sleeping = self.add("sleeping", config(self.rootfs, args=("sleep", "1000000")))
        self.nothing = self.add("nothing", config(self.rootfs, args=("nothing",)))
        self.masked = self.add("masked", config(self.rootfs, masked=MASKED + more))
        self.docker = self.add("docker", self.docker_config(self.profile))
        self.docker_sleeping = self.add("docker-sleeping", self.docker_config(self.profile, ("sleep", "1000000")))

    def add(self, name, content):
        return write_bundle(os.path.join(self.top, name), content)

    def one_limit(self):
        """A document for `update`, of a controller that the host gives."""
        with open("/sys/fs/cgroup/cgroup.controllers") as f:
            pids = "pids" in f.read().split()
        limit = {"pids": {"limit": 100}} if pids else {"hugepageLimits": [{"pageSize": "2MB", "limit": 4 << 20}]}
        path = os.path.join(self.top, "limit.json")
        with open(path, "w") as f:
            json.dump(limit, f)
        return path

    def docker_config(self, profile, args=("true",)):
        return config(self.rootfs, CAPS_DOCKER, MASKED + MASKED_DOCKER, READ_ONLY + READ_ONLY_DOCKER, args, profile)

    def docker_unseen(self):
        """A profile that nobody has compiled before: one more rule, with a value of its own."""
        value = 0x7f000000 + os.getpid() % 4096 * 4096 + next(self.serial)
        rule = {"names": ["personality"], "action": "SCMP_ACT_ALLOW",
                "args": [{"index": 0, "value": value, "op": "SCMP_CMP_EQ"}]}
        return self.add("unseen", self.docker_config(dict(self.profile, syscalls=self.profile["syscalls"] + [rule])))

    def allowed_numbers(self):
        """System calls that the profile always allows, by number."""
        lib = ctypes.CDLL("libseccomp.so.2")
        numbers = {lib.seccomp_syscall_resolve_name(name.encode()) for rule in self.profile["syscalls"]
                   if rule["action"] == "SCMP_ACT_ALLOW" and not rule.get("args") for name in rule["names"]}
        return sorted(n for n in numbers if n >= 0)

    def compile_filter(self, optimize=1, file_name="docker.bpf"):
        """The profile as libseccomp compiles it.  @optimize: SCMP_FLTATR_CTL_OPTIMIZE, 1 a list, 2 a binary
        tree."""
        lib = ctypes.CDLL("libseccomp.so.2", use_errno=True)
        lib.seccomp_init.restype = ctypes.c_void_p

        class Compare(ctypes.Structure):
            _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64),
                        ("b", ctypes.c_uint64)]

        operators = {"SCMP_CMP_" + n: i + 1 for i, n in enumerate(("NE", "LT", "LE", "EQ", "GE", "GT",
                                                                   "MASKED_EQ"))}

        def action(name, errno):
            return {"SCMP_ACT_ALLOW": 0x7fff0000, "SCMP_ACT_ERRNO": 0x00050000 | errno}[name]

        p = self.profile
        default = action(p["defaultAction"], p.get("defaultErrnoRet", 1))
        ctx = ctypes.c_void_p(lib.seccomp_init(ctypes.c_uint32(default)))
        if lib.seccomp_attr_set(ctx, 8, optimize) != 0:
            raise SystemExit("bench: libseccomp is too old: it knows no SCMP_FLTATR_CTL_OPTIMIZE")
        for arch in p.get("architectures", []):
            token = lib.seccomp_arch_resolve_name(arch[len("SCMP_ARCH_"):].lower().encode())
            lib.seccomp_arch_add(ctx, ctypes.c_uint32(token))
        for rule in p["syscalls"]:
            args = [Compare(a["index"], operators[a["op"]], a["value"], a.get("valueTwo", 0))
                    for a in rule.get("args") or []]
            array = (Compare * max(len(args), 1))(*args)
            what = action(rule["action"], rule.get("errnoRet", 1))
            for name in rule["names"] if what != default else []:
                number = lib.seccomp_syscall_resolve_name(name.encode())
                if number != -1:
                    lib.seccomp_rule_add_array(ctx, ctypes.c_uint32(what), number, len(args), array)
        path = os.path.join(self.top, file_name)
        with open(path, "wb") as f:
            if lib.seccomp_export_bpf(ctx, f.fileno()) != 0:
                raise SystemExit("bench: libseccomp does not compile the profile")
        return path
