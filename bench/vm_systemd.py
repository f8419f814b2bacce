#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
create + start + delete with the systemd cgroup manager, for the virtual machine, which has systemd.  The programs
take turns; what is told is the median of the rounds, by the clock and of processor time, in milliseconds.

Usage: vm_systemd.py ROUNDS ORLOP [PROGRAM...]      prints {"name": {"version": ..., "clock": ..., "cpu": ...}} as JSON
"""
import json
import os
import random
import resource
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


def make_bundle(rootfs, name):
    config = bundles_module.config(rootfs)
    config["linux"]["cgroupsPath"] = "system.slice:bench:x-" + name
    config["linux"]["resources"].update({"memory": {"limit": 64 << 20}, "pids": {"limit": 100}, "cpu": {"shares": 512}})
    config["process"]["args"] = ["/bin/sleep", "1000"]
    return bundles_module.write_bundle(os.path.join(TOP, "bundle-" + name), config)


def measure(command, bundle, name):
    """The three commands in a row: seconds by the clock, and of processor time."""
    signal.alarm(120)   # a timeout of subprocess.run() looks for the end twenty times a second
    begin, used = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    for args in (["create", "--bundle", bundle, "x-" + name], ["start", "x-" + name], ["delete", "--force", "x-" + name]):
        subprocess.run(command + args, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       check=True)
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - begin, now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime


def main():
    os.makedirs(TOP)
    rootfs = TOP + "/rootfs"
    for name in ("bin", "proc", "dev", "sys"):
        os.makedirs(os.path.join(rootfs, name))
    shutil.copy(bundles_module.find_busybox(), rootfs + "/bin/busybox")
    os.symlink("busybox", rootfs + "/bin/sleep")
    found, programs = {}, {}
    for path in sys.argv[2:]:
        path = shutil.which(path)
        if not path:
            continue
        name = os.path.basename(path)
        local = os.path.join(TOP, "program-" + name)
        shutil.copy(path, local)    # pages of a share are no pages of a local file
        programs[name] = ([local, "--root", TOP + "/state-" + name, "--systemd-cgroup"], make_bundle(rootfs, name))
        found[name] = {"version": peers.version(local), "clock": [], "cpu": []}
    for i in range(int(sys.argv[1]) + 1):
        for name in random.sample(list(programs), len(programs)):
            clock, cpu = measure(*programs[name], name)
            if i:                   # the first one warms up
                found[name]["clock"].append(clock * 1000)
                found[name]["cpu"].append(cpu * 1000)
    for name in found:
        for what in ("clock", "cpu"):
            found[name][what] = statistics.median(found[name][what])
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
