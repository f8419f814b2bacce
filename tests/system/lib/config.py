# SPDX-License-Identifier: GPL-2.0-or-later
"""The config.json that tests start from: what `orlop spec` writes, to run the probe."""

PROBE = "/bin/probe"
PATH = "PATH=/bin"
DEFAULT_CAPS = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
ALL_CAPS = ["CAP_" + n for n in (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE "
    "NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO "
    "SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME "
    "SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG "
    "WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE").split()]
SETS = ("bounding", "effective", "inheritable", "permitted", "ambient")


def mount(destination, type=None, source=None, options=()):
    m = {"destination": destination}
    if type:
        m["type"] = type
    if source:
        m["source"] = source
    if options:
        m["options"] = list(options)
    return m


def bind(source, destination, *options):
    return mount(destination, "bind", source, ["rbind" if "rbind" in options else "bind",
                                               *(o for o in options if o != "rbind")])


PROC = mount("/proc", "proc", "proc")
DEV = mount("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"])
DEVPTS = mount("/dev/pts", "devpts", "devpts",
               ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"])
SHM = mount("/dev/shm", "tmpfs", "shm",
            ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"])
MQUEUE = mount("/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"])
SYSFS = mount("/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev", "ro"])
CGROUP = mount("/sys/fs/cgroup", "cgroup", "cgroup",
               ["nosuid", "noexec", "nodev", "relatime", "ro"])


def default():
    """A fresh dict each time: change it as you like."""
    def copy(m):
        return {k: list(v) if isinstance(v, list) else v for k, v in m.items()}
    return {
        "ociVersion": "1.3.0",
        "process": {
            "terminal": False,
            "user": {"uid": 0, "gid": 0},
            "args": [PROBE],
            "env": [PATH, "TERM=xterm"],
            "cwd": "/",
            "capabilities": {s: list(DEFAULT_CAPS)
                             for s in ("bounding", "effective", "permitted")},
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
            "noNewPrivileges": True,
        },
        "root": {"path": "rootfs", "readonly": False},
        "hostname": "orlop",
        "mounts": [copy(m) for m in (PROC, DEV, DEVPTS, SHM, MQUEUE, SYSFS, CGROUP)],
        "linux": {
            "resources": {"devices": [{"allow": False, "access": "rwm"}]},
            "namespaces": [{"type": t} for t in ("pid", "network", "ipc", "uts", "mount",
                                                 "cgroup")],
            "maskedPaths": ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list",
                            "/sys/firmware"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                              "/proc/sysrq-trigger"],
        },
    }


def set_caps(process, caps, sets=("bounding", "effective", "permitted")):
    process["capabilities"] = {s: list(caps) for s in sets}


def namespace(config, type, path=None):
    """Replace or add one namespace."""
    rest = [n for n in config["linux"]["namespaces"] if n["type"] != type]
    config["linux"]["namespaces"] = rest + [{"type": type, **({"path": path} if path else {})}]


def without_namespace(config, *types):
    config["linux"]["namespaces"] = [n for n in config["linux"]["namespaces"]
                                     if n["type"] not in types]


def userns(config, uid=100000, gid=None, size=65536):
    """Add a user namespace in which 0 is `uid` of the host."""
    namespace(config, "user")
    config["linux"]["uidMappings"] = [{"containerID": 0, "hostID": uid, "size": size}]
    config["linux"]["gidMappings"] = [{"containerID": 0, "hostID": uid if gid is None else gid,
                                       "size": size}]
