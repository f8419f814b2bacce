# SPDX-License-Identifier: GPL-2.0-or-later
"""What is left on purpose, one for each counter: the driver has to see it.  Each ends with the driver."""
import ctypes
import os
import socket
import subprocess
import tempfile

from lib import host, kernel

KEPT = []
_libc = ctypes.CDLL(None, use_errno=True)


def _call(number, *args):
    r = _libc.syscall(number, *args)
    assert r >= 0, os.strerror(ctypes.get_errno())
    return r


def processes(place):
    """One that no longer has its parent."""
    subprocess.run(["sh", "-c", "sleep 1000 &"], check=True)


def mounts(place):
    os.mkdir(f"{place.work}/leak")
    kernel.mount("tmpfs", f"{place.work}/leak", "tmpfs")


def cgroups(place):
    os.makedirs(f"{host.CGROUP}/orlop/{place.tag}leak")


def state_root(place):
    with open(f"{place.state}/leak", "w") as f:
        f.write("x")


def fifos(place):
    os.mkfifo(f"{place.state}/leak")


def names(place):
    KEPT.append(tempfile.NamedTemporaryFile(prefix=place.tag, dir="/dev/shm"))


def sockets(place):
    KEPT.append(socket.socket(socket.AF_UNIX))
    KEPT[-1].bind(f"\0{place.tag}leak")


def descriptors(place):
    KEPT.append(open("/dev/null"))


def bpf_programs(place):
    """r0 = 0; exit, as BPF_PROG_TYPE_CGROUP_DEVICE: bpf(2), BPF_PROG_LOAD."""
    code = ctypes.create_string_buffer(bytes.fromhex("b700000000000000" "9500000000000000"), 16)
    text = ctypes.create_string_buffer(b"GPL")
    attr = (ctypes.c_uint32 * 30)(15, 2)
    for at, pointer in ((1, code), (2, text)):
        ctypes.cast(attr, ctypes.POINTER(ctypes.c_uint64))[at] = ctypes.addressof(pointer)
    attr[12] = int.from_bytes(b"leak", "little")  # its name
    KEPT.extend(_call(321, 5, attr, ctypes.sizeof(attr)) for _ in range(10))


def keys(place):
    """In the keyring of the process: add_key(2)."""
    for n in range(20):
        _call(248, b"user", f"{place.tag}{n}".encode(), b"x", 1, -2)


def namespaces(place):
    """Those that no process is in."""
    for kind in ("net", "ipc", "uts") * 10:
        p = subprocess.Popen(["unshare", f"--{kind}", "cat"], stdin=subprocess.PIPE)
        kernel.until(lambda p=p: kernel.read(f"/proc/{p.pid}/comm") == "cat\n")
        KEPT.append(os.open(f"/proc/{p.pid}/ns/{kind}", os.O_RDONLY))
        p.communicate()


def dying_cgroups(place):
    """Removed, and the kernel keeps them as long as nobody collects their dead."""
    for n in range(20):
        path = f"{host.CGROUP}/orlop/{place.tag}dying{n}"
        os.makedirs(path)
        p = subprocess.Popen(["sleep", "1000"])
        with open(f"{path}/cgroup.procs", "w") as f:
            f.write(str(p.pid))
        p.kill()
        kernel.until(lambda p=p: not kernel.alive(p.pid))
        os.rmdir(path)
        KEPT.append(p)


def slab(place):
    """Sixteen MiB and more of inodes."""
    os.mkdir(f"{place.work}/many")
    for n in range(30000):
        os.symlink("x" * 200, f"{place.work}/many/{n}")


def percpu(place):
    """Cgroups have counters for each processor."""
    for n in range(5000):
        os.makedirs(f"{host.CGROUP}/orlop/{place.tag}leak/{n}")


def units(place):
    subprocess.run(["systemd-run", "-q", "--scope", f"--unit={place.tag}leak", "sh", "-c", "sleep 1000 &"], check=True)


def managers(place):
    """More than its tolerance in the environment of process 1."""
    for n in range(80):
        subprocess.run(["systemctl", "set-environment", f"LEAK{n}={'x' * 100000}"], check=True)
