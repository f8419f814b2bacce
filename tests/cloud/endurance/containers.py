# SPDX-License-Identifier: GPL-2.0-or-later
"""
What each container must be, what can be done with it, and what may have become of it when orlop was killed meanwhile.

A Slot is a place for one container with its own name.  An Operation begins at some of the statuses, and leads to another;
`check` then compares the slot with what orlop says and with what the kernel shows.
"""
import json
import os
import shutil
import time

import lib.box
from lib import config as conf
from lib import host, kernel

ABSENT, CREATED, RUNNING, PAUSED, STOPPED = "absent", "created", "running", "paused", "stopped"
WRECK = "wreck"  # half made or half removed: `delete --force` and `gc` are for it
PROGRAM_ENDS_WITH = 7


class Wrong(Exception):
    """Something is not as it must be."""


def make_bundle(top, systemd):
    """One root file system for all, and a configuration for each kind; returns their names."""
    rootfs = f"{top}/rootfs"
    for d in ("bin", "dev/pts", "dev/shm", "dev/mqueue", "proc", "sys", "tmp", "etc", "vol"):
        os.makedirs(f"{rootfs}/{d}")
    shutil.copy(f"{lib.box.BIN}/probe", f"{rootfs}/bin/probe")
    os.makedirs(f"{top}/volume")
    for name, change in KINDS.items():
        config = conf.default()
        config["process"]["args"] = [conf.PROBE, *(("exit", str(PROGRAM_ENDS_WITH)) if name == "short" else ("pause",))]
        config["linux"]["resources"].update(_limits(1, systemd))
        change(config, top)
        with open(f"{top}/{name}.json", "w") as f:
            json.dump(config, f)
    with open(f"{top}/add.json", "w") as f:
        json.dump([conf.bind(f"{top}/volume", "/tmp/v", "ro"), conf.mount("/tmp/t", "tmpfs", "t")], f)
    with open(f"{top}/remove.json", "w") as f:
        json.dump([{"destination": "/tmp/t"}, {"destination": "/tmp/v"}], f)
    for n in LIMITS:
        with open(f"{top}/limits-{n}.json", "w") as f:
            json.dump(_limits(n, systemd), f)


def _plain(_config, _top):
    pass


def _user_namespace(config, _top):
    conf.userns(config, 100000)


def _filter_and_hooks(config, _top):
    config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["getpgid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 40}]}
    config["hooks"] = {kind: [{"path": "/bin/true", "timeout": 60}] for kind in
                       ("createRuntime", "createContainer", "poststart", "poststop")}
    config["hooks"]["startContainer"] = [{"path": conf.PROBE, "args": ["probe", "true"]}]


def _volumes(config, top):
    maps = [{"containerID": 0, "hostID": 100000, "size": 10}]
    config["mounts"] += [conf.mount("/tmp", "tmpfs", "tmpfs", ["size=64k"]),
                         dict(conf.bind(f"{top}/volume", "/vol", "idmap"), uidMappings=maps, gidMappings=maps)]


def _host_pids(config, _top):
    conf.without_namespace(config, "pid")


KINDS = {"plain": _plain, "user": _user_namespace, "hooks": _filter_and_hooks, "volumes": _volumes, "hostpids": _host_pids,
         "short": _plain}
LIMITS = range(1, 5)


def _limits(n, systemd):
    """Of controllers that cgroup2 has here: beside version 1 it has few."""
    limits = {"devices": [{"allow": False}, {"allow": True, "type": "c", "major": 300, "minor": n, "access": "rw"}]}
    if "hugetlb" in host.controllers() and not systemd:
        limits["hugepageLimits"] = [{"pageSize": "2MB", "limit": n << 21}]
    if "pids" in host.controllers():
        limits.update(pids={"limit": 100 + n}, memory={"limit": (50 + n) << 20})
    return limits


class Slot:
    def __init__(self, id):
        self.id, self.status, self.limits, self.added, self.history = id, ABSENT, None, False, []
        self.unsure = set()  # what it may still become by itself, as orlop was killed when it had begun that

    def is_made(self):
        self.limits, self.added = 1, False


class Operation:
    """
    `words(slot, random)` is the command; it ends with `rc`.  `also`: what else it may be after a SIGKILL, besides what it
    was and what it was to become: a process that it has made may also be a hook, whose failure ends the container.
    """

    def __init__(self, name, begin, end, words, weight=1, rc=0, also=(), done=lambda slot, words: None,
                 unless=lambda slot: False):
        self.name, self.begin, self.end, self.words, self.weight, self.rc = name, begin, end, words, weight, rc
        self.also, self.done, self.unless = {*also, WRECK}, done, unless

    def may_be(self, status):
        return {status, self.end or status} | self.also


def _make(verb, *options, kinds):
    return lambda s, top, random: [verb, *options, "--bundle", top, "--config", f"{random.choice(kinds)}.json", s.id]


def _do(*words):
    return lambda s, top, random: [w.format(top=top) if w != "ID" else s.id for w in words]


def _update(s, top, random):
    return ["update", "--resources", f"{top}/limits-{random.choice(LIMITS)}.json", s.id]


def _updated(s, words):
    s.limits = int(words[2][-6])


def _made(s, _words):
    s.is_made()


def _mounted(s, words):
    s.added = words[1] == "add"


LONG = [k for k in KINDS if k != "short"]
ANY = (ABSENT, CREATED, RUNNING, PAUSED, STOPPED, WRECK)
OPERATIONS = [
    Operation("create", [ABSENT], CREATED, _make("create", kinds=LONG), 4, also=[STOPPED], done=_made),
    Operation("run -d", [ABSENT], RUNNING, _make("run", "--detach", kinds=LONG), 4, also=[CREATED, STOPPED], done=_made),
    Operation("run", [ABSENT], ABSENT, _make("run", kinds=["short"]), 2, rc=PROGRAM_ENDS_WITH, also=[CREATED, RUNNING, STOPPED]),
    Operation("create again", [CREATED, RUNNING, PAUSED, STOPPED], None, _make("create", kinds=LONG), rc=1),
    Operation("start", [CREATED], RUNNING, _do("start", "ID"), 6, also=[STOPPED, ABSENT]),
    Operation("start again", [RUNNING, STOPPED], None, _do("start", "ID"), rc=1),
    Operation("exec", [RUNNING], None, _do("exec", "ID", conf.PROBE, "exit", str(PROGRAM_ENDS_WITH)), 6, rc=PROGRAM_ENDS_WITH),
    Operation("exec -d", [RUNNING], None, _do("exec", "--detach", "ID", conf.PROBE, "pause"), 2),
    Operation("exec in none", [STOPPED, ABSENT], None, _do("exec", "ID", conf.PROBE, "true"), rc=255),
    Operation("update", [CREATED, RUNNING], None, _update, 4, done=_updated),
    Operation("pause", [RUNNING], PAUSED, _do("pause", "ID"), 2),
    Operation("resume", [PAUSED], RUNNING, _do("resume", "ID"), 3),
    Operation("mounts add", [RUNNING], None, _do("mounts", "add", "ID", "{top}/add.json"), 2, done=_mounted,
              unless=lambda s: s.added is not False),
    Operation("mounts remove", [RUNNING], None, _do("mounts", "remove", "ID", "{top}/remove.json"), 2, done=_mounted,
              unless=lambda s: s.added is not True),
    Operation("ps", [RUNNING, PAUSED], None, _do("ps", "--format", "json", "ID")),
    Operation("events", [RUNNING], None, _do("events", "--stats", "ID")),
    Operation("kill", [RUNNING, PAUSED], STOPPED, _do("kill", "ID", "KILL"), 3, also=[RUNNING]),
    Operation("delete", [CREATED, STOPPED], ABSENT, _do("delete", "ID"), 3, also=[STOPPED]),
    Operation("delete of one that runs", [RUNNING, PAUSED], None, _do("delete", "ID"), rc=1),
    Operation("delete -f", ANY, ABSENT, _do("delete", "--force", "ID"), 2, also=[RUNNING, STOPPED]),
]


def choose(slot, random):
    """One that begins at what the container is."""
    possible = [o for o in OPERATIONS if slot.status in o.begin and not o.unless(slot)]
    return random.choices(possible, [o.weight for o in possible])[0]


# ---- what orlop says, and what the kernel shows ----------------------------------------------------------------------

def cgroup(slot, systemd):
    return f"{host.CGROUP}/system.slice/orlop-{slot.id}.scope" if systemd else f"{host.CGROUP}/orlop/{slot.id}"


def _of_limits(slot, directory):
    wanted = _limits(slot.limits, False)
    files = {"pids.max": wanted.get("pids", {}).get("limit"), "memory.max": wanted.get("memory", {}).get("limit")}
    for name, value in files.items():
        if value and kernel.read(f"{directory}/{name}").strip() != str(value):
            raise Wrong(f"{name} is {kernel.read(f'{directory}/{name}').strip()} and must be {value}")


def inner_cgroup(slot, systemd):
    return f"{cgroup(slot, systemd)}{'/container' if systemd else ''}"


def freezer_is_at_rest(slot, systemd):
    """What was written is so, or there is none."""
    directory = inner_cgroup(slot, systemd)
    try:
        return f"frozen {kernel.read(f'{directory}/cgroup.freeze').strip()}" in kernel.read(f"{directory}/cgroup.events")
    except OSError:
        return True


def check(slot, answer, state_root, systemd):
    """`answer`: what `state` has printed, or None if it knows no such container."""
    said = answer["status"] if answer else ABSENT
    if slot.status in (ABSENT, WRECK):
        if slot.status == ABSENT and (answer or os.path.exists(f"{state_root}/{slot.id}")):
            raise Wrong(f"it must be absent, and is {said}")
        if slot.status == ABSENT:
            soon(lambda: not os.path.exists(cgroup(slot, systemd)), "its cgroup is gone")
        return
    if said != slot.status:
        raise Wrong(f"it must be {slot.status}, and is {said}")
    if slot.status != STOPPED:
        _check_alive(slot, answer["pid"], inner_cgroup(slot, systemd))


def _check_alive(slot, pid, directory):
    if not kernel.alive(pid):
        raise Wrong(f"its process {pid} is not alive")
    if str(pid) not in kernel.read(f"{directory}/cgroup.procs").split():
        raise Wrong(f"its process {pid} is not in {directory}")
    if f"frozen {int(slot.status == PAUSED)}" not in kernel.read(f"{directory}/cgroup.events"):
        raise Wrong(f"the freezer does not say {slot.status}")
    if slot.limits:
        _of_limits(slot, directory)


def soon(condition, what, seconds=20 * lib.box.SLOW):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Wrong(f"not in {seconds} s: {what}")
        time.sleep(0.01)
