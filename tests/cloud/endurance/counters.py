# SPDX-License-Identifier: GPL-2.0-or-later
"""
What a container could leave behind, counted from the kernel when none is there.

OWN counters see only what the driver's containers can have made: they must be as before, whatever else happens on the
machine.  MACHINE counters are of all of it, and are judged only when the driver is alone there; each has a tolerance,
which is what the machine itself does meanwhile.
"""
import collections
import glob
import os
import re
import stat
import subprocess

from lib import host, kernel

Place = collections.namedtuple("Place", "tag work state reaper driver")  # reaper: who gets the orphans


def processes(place):
    return {f"{p} {comm(p)}" for p in kernel.children(place.reaper) - {place.driver} if kernel.alive(p)}


def comm(pid):
    try:
        return kernel.read(f"/proc/{pid}/comm").strip()
    except OSError:
        return "?"


def mounts(_place):
    return {line for line in kernel.read("/proc/self/mountinfo").splitlines() if "/orlop-lab/" not in line}


def cgroups(place):
    return {top for top, _, _ in os.walk(host.CGROUP) if place.tag in top}


def below(top, wanted):
    found = set()
    for directory, _, names in os.walk(top):
        for path in [directory, *(f"{directory}/{n}" for n in names)]:
            try:
                mode = os.lstat(path).st_mode
            except FileNotFoundError:
                continue
            if wanted(mode):
                found.add(path)
    return found


def state_root(place):
    """Its files and directories; what they hold is of constant size, as they are the same."""
    return {f"{p} {os.lstat(p).st_size}" for p in below(place.state, lambda mode: not stat.S_ISFIFO(mode))}


def fifos(place):
    return below(place.work, stat.S_ISFIFO)


def names(place):
    return {f"{d}/{n}" for d in ("/run", "/tmp", "/dev/shm") for n in os.listdir(d) if place.tag in n}


def sockets(place):
    """Bound ones, without a path or with one: the same path in another mount namespace is somebody else's."""
    bound = (line.split()[7] for line in kernel.read("/proc/net/unix").splitlines()[1:] if len(line.split()) > 7)
    return {s for s in bound if place.tag in s or s.startswith(place.work) and os.path.lexists(s)}


def descriptors(place):
    """Of the driver itself, so that it does not hold what it looks for."""
    links = {fd: _link(f"/proc/{place.driver}/fd/{fd}") for fd in os.listdir(f"/proc/{place.driver}/fd")}
    return {f"{fd} {link}" for fd, link in links.items() if link and not link.startswith(f"/proc/{place.driver}/")}


def _link(path):
    try:
        return os.readlink(path)
    except OSError:
        return None


def bpf_programs(_place):
    return len(kernel.bpf_program_ids() or ())


def keys(_place):
    """Of all users: uid: usage nkeys/nikeys ..., proc_key_users(5)."""
    return sum(int(n) for n in re.findall(r"^ *\d+: +\d+ (\d+)/", kernel.read("/proc/key-users"), re.M))


def namespaces(_place):
    """Which processes are in or hold open: proc_pid_ns(5)."""
    links = [*glob.glob("/proc/[0-9]*/ns/*"), *glob.glob("/proc/[0-9]*/fd/*")]
    return len({x for x in map(_link, links) if x and re.fullmatch(r"[a-z]+:\[\d+\]", x)})


def dying_cgroups(_place):
    return int(re.search(r"^nr_dying_descendants (\d+)$", kernel.read(f"{host.CGROUP}/cgroup.stat"), re.M)[1])


def _meminfo(name):
    return int(re.search(rf"^{name}: +(\d+)", kernel.read("/proc/meminfo"), re.M)[1])


def slab(_place):
    """KiB, without what the kernel can give back at once."""
    with open("/proc/sys/vm/drop_caches", "w") as f:
        f.write("3")
    return _meminfo("Slab")


def percpu(_place):
    """KiB: each cgroup has some."""
    return _meminfo("Percpu")


def units(place):
    """Scopes and slices that systemd knows."""
    if not host.IN_VM:
        return 0
    r = subprocess.run(["systemctl", "list-units", "--all", "--plain", "--no-legend"], capture_output=True, text=True, check=True)
    return sum(place.tag in line for line in r.stdout.splitlines())


def managers(_place):
    """KiB of process 1 and of the bus, which know each container for a while."""
    pids = [1, *(p for p in os.listdir("/proc") if p.isdigit() and comm(p) in ("dbus-daemon", "dbus-broker"))] if host.IN_VM else []
    return sum(int(re.search(r"^Pss: +(\d+)", kernel.read(f"/proc/{p}/smaps_rollup"), re.M)[1]) for p in pids)


OWN = {f.__name__: f for f in (processes, mounts, cgroups, state_root, fifos, names, sockets, descriptors)}
MACHINE = {f.__name__: f for f in (bpf_programs, keys, namespaces, dying_cgroups, slab, percpu, units, managers)}
TOLERANCE = {"bpf_programs": 2, "keys": 4, "namespaces": 8, "dying_cgroups": 4, "slab": 8192, "percpu": 1024, "managers": 4096}


def measure(place, alone):
    """{name: a set, or a number}."""
    return {name: f(place) for name, f in (OWN | (MACHINE if alone else {})).items()}


def difference(before, now):
    """What is more than it was, in words; empty if nothing."""
    words = []
    for name, old in before.items():
        new = now[name]
        if isinstance(old, set):
            words += [f"{name}: new: {x}" for x in sorted(new - old)] + [f"{name}: gone: {x}" for x in sorted(old - new)]
        elif new > old + TOLERANCE.get(name, 0):
            words.append(f"{name}: {new}, and {old} before")
    return words


def line(measured):
    """In one line; of sets only how many."""
    return " ".join(f"{name}={len(x) if isinstance(x, set) else x}" for name, x in measured.items())
