#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
The smallest memory.max with which a container runs a static `true`, by bisection; for the virtual machine,
which has the memory controller.  The process is set up inside its cgroup, so what the runtime needs there
counts, besides what the kernel charges for the namespaces and mounts.

And what a container's cgroup had at most ("peak"), what the process of a created one that waits has for itself
("private"), and what each of many such takes of their cgroups ("waiting").

Usage: vm_memory.py FLOOR ORLOP [PROGRAM...]      prints {"name": {"version": ..., "kib": ..., ...}} as JSON
"""
import json
import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, HERE)
import bundles as bundles_module  # noqa: E402
import peers  # noqa: E402

TOP = "/run/bench"
CGROUP = "/sys/fs/cgroup/bench"
FLOOR, BARE, ALONE = "floor", "floor, a program that does nothing", "no container, only the cgroup"
FLOORS = {FLOOR: "default", BARE: "nothing", ALONE: "alone"}
PAGE = 4
TIMES = 5       # it has to run so many times in a row
MOST = 1 << 16  # KiB
MANY = 40       # created at once


def make_bundle(rootfs, name, kib):
    """@kib: None: no limit."""
    config = bundles_module.config(rootfs)
    config["linux"]["cgroupsPath"] = "/bench/" + name
    if kib is not None:
        config["linux"]["resources"]["memory"] = {"limit": kib * 1024, "swap": kib * 1024}
    return bundles_module.write_bundle(os.path.join(TOP, "bundle-" + name), config)


def run_quietly(argv):
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)


def run_once(name, path, rootfs, kib):
    if name in FLOORS:
        # The limit of the cgroup above its own holds for both.
        above = CGROUP + "/" + name
        os.makedirs(above, exist_ok=True)
        for file, value in (("memory.max", kib and kib * 1024), ("memory.swap.max", 0)):
            with open(os.path.join(above, file), "w") as f:
                f.write("max" if kib is None else str(value))
        r = run_quietly([path, FLOORS[name], rootfs, above + "/x", "-"])
        for left in (above + "/x", above):  # x is left when the floor failed
            if os.path.exists(left):
                subprocess.run(["rmdir", left], check=False, stderr=subprocess.DEVNULL)
        return r
    command = [path, "--root", TOP + "/state-" + name]
    bundle = make_bundle(rootfs, name, kib)
    r = run_quietly(command + ["run", "--bundle", bundle, "x-" + name])
    if r.returncode:
        run_quietly(command + ["delete", "--force", "x-" + name])
    return r


def bisect(name, path, rootfs):
    r = run_once(name, path, rootfs, None)
    if r.returncode:
        return {"error": r.stderr.strip()[-300:]}
    low, high = 0, MOST // PAGE     # low fails, high runs
    while high - low > 1:
        middle = (low + high) // 2
        if all(run_once(name, path, rootfs, middle * PAGE).returncode == 0 for _ in range(TIMES)):
            high = middle
        else:
            low = middle
    return {"kib": high * PAGE if high < MOST // PAGE else None}


def figure(path):
    with open(path) as f:
        return int(f.read())


def state(command, name):
    return json.loads(run_quietly(command + ["state", name]).stdout)


def private_kib(pid):
    with open("/proc/%d/smaps_rollup" % pid) as f:
        return sum(int(n) for n in re.findall(r"^Private_\w+: *(\d+) kB", f.read(), re.M))


def silently(argv):
    """The process of a container keeps the streams."""
    return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120,
                          check=False).returncode == 0


def waiting(name, path, rootfs):
    """KiB of a container that ran `true`, and of some that were created."""
    command, bundle = [path, "--root", TOP + "/state-" + name], make_bundle(rootfs, name, None)
    names = ["w%d-%s" % (i, name) for i in range(MANY)]
    above = CGROUP + "/" + name
    try:
        for verb in ("create", "start"):
            if not silently(command + [verb] + ["--bundle", bundle] * (verb == "create") + [names[0]]):
                return {}
        while state(command, names[0])["status"] != "stopped":
            time.sleep(0.05)
        peak = figure(above + "/memory.peak")
        run_quietly(command + ["delete", names[0]])
        with open(bundle + "/config.json") as f:
            config = json.load(f)
        for one in names:
            config["linux"]["cgroupsPath"] = "/bench/%s/%s" % (name, one)
            bundles_module.write_bundle(bundle, config)
            if not silently(command + ["create", "--bundle", bundle, one]):
                return {"peak": peak // 1024}
        private = [private_kib(state(command, one)["pid"]) for one in names[:5]]
        return {"peak": peak // 1024, "private": sorted(private)[2],
                "waiting": sum(figure("%s/%s/memory.current" % (above, one)) for one in names) // MANY // 1024}
    finally:
        for one in names:
            run_quietly(command + ["delete", "--force", one])


def main():
    # The kernel charges 64 pages ahead on each processor, and takes them back from others too late.
    os.sched_setaffinity(0, {0})
    os.makedirs(TOP)
    rootfs = TOP + "/rootfs"
    for name in ("bin", "proc", "dev", "sys"):
        os.makedirs(os.path.join(rootfs, name))
    shutil.copy(bundles_module.find_busybox(), rootfs + "/bin/busybox")
    os.symlink("busybox", rootfs + "/bin/true")
    shutil.copy(os.path.join(os.path.dirname(sys.argv[1]), "nothing"), rootfs + "/bin/nothing")
    os.mkdir(CGROUP)
    with open("/sys/fs/cgroup/cgroup.subtree_control", "w") as f:
        f.write("+memory")
    with open(CGROUP + "/cgroup.subtree_control", "w") as f:
        f.write("+memory")
    found = {}
    for name, path in [(ALONE, sys.argv[1]), (BARE, sys.argv[1])] + [(os.path.basename(path), path) for path in sys.argv[1:]]:
        path = shutil.which(path)
        if not path:
            continue
        local = os.path.join(TOP, "program-" + os.path.basename(path))
        shutil.copy(path, local)    # pages of a share are no pages of a local file
        os.mkdir(TOP + "/state-" + name, 0o711)
        found[name] = dict(bisect(name, local, rootfs), version="" if name in FLOORS else peers.version(local))
        if name not in FLOORS:
            found[name].update(waiting(name, local, rootfs))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
