#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
run on hosts with ever more mounts, for the virtual machine with Linux 7.2: orlop as it does, orlop where it has to copy
the host's mounts (a mount of the bundle names files of the host), and others.  All take turns; medians by the clock, ms.

Usage: vm_mounts.py ROUNDS ORLOP [PROGRAM...]      prints {"name": {"version": ..., "points": [[mounts, ms], ...]}} as JSON
"""
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, HERE)
import bundles as bundles_module  # noqa: E402
import peers  # noqa: E402

TOP = "/run/bench"
MORE = (0, 250, 500, 1000)


def make_bundle(rootfs, name, copies):
    """One more mount: of layers that are directories of the host, or of nothing."""
    config = bundles_module.config(rootfs)
    layers = [os.path.join(TOP, layer) for layer in ("one", "two")]
    config["mounts"].append({"destination": "/mnt", "source": "x", "type": "overlay", "options": ["lowerdir=" + ":".join(layers)]}
                            if copies else {"destination": "/mnt", "source": "x", "type": "tmpfs"})
    return bundles_module.write_bundle(os.path.join(TOP, "bundle-" + name), config)


def count_mounts():
    with open("/proc/self/mountinfo") as f:
        return len(f.readlines())


def add_mounts(n):
    """As a host with containers has them: each a mount of its own, on a mount point of its own."""
    for i in range(n):
        where = os.path.join(TOP, "mounts", str(count_mounts()) + "-" + str(i))
        os.makedirs(where)
        subprocess.run(["mount", "--bind", TOP + "/one", where], check=True)


def run(command, bundle):
    signal.alarm(120)   # a timeout of subprocess.run() looks for the end twenty times a second
    begin = time.monotonic()
    subprocess.run(command + ["run", "--bundle", bundle, "x%d" % time.monotonic_ns()], stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, check=True)
    return (time.monotonic() - begin) * 1000


def main():
    rootfs = TOP + "/rootfs"
    for path in [TOP + "/one", TOP + "/two"] + [os.path.join(rootfs, d) for d in ("bin", "proc", "dev", "sys", "mnt")]:
        os.makedirs(path)
    shutil.copy(bundles_module.find_busybox(), rootfs + "/bin/busybox")
    os.symlink("busybox", rootfs + "/bin/true")
    alone, copying = (make_bundle(rootfs, name, name == "copying") for name in ("alone", "copying"))
    subjects, found = {}, {}
    for path in filter(None, map(shutil.which, sys.argv[2:])):
        name = os.path.basename(path)
        local = os.path.join(TOP, "program-" + name)
        shutil.copy(path, local)    # pages of a share are no pages of a local file
        command = [local, "--root", TOP + "/state-" + name]
        for title, bundle in {name: alone, **({name + ", copying": copying} if name == "orlop" else {})}.items():
            subjects[title] = command, bundle
            found[title] = {"version": peers.version(local), "points": []}
    there = 0
    for more in MORE:
        add_mounts(more - there)
        there = more
        seen = {title: [] for title in subjects}
        for i in range(-2, int(sys.argv[1])):   # two rounds to warm up
            for title in random.sample(list(subjects), len(subjects)):
                ms = run(*subjects[title])
                if i >= 0:
                    seen[title].append(ms)
        for title, times in seen.items():
            found[title]["points"].append([count_mounts(), statistics.median(times)])
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
