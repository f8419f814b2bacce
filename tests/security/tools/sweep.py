# SPDX-License-Identifier: GPL-2.0-or-later
"""
Sweeps: a command, again and again, each time with something done at another of its system calls.

A scenario prepares a box, gives the words of the command, and knows what holds before it.
"""
import json
import os
import socket
import time

from lib import config as conf
from lib import host, kernel
from lib.box import Box

from .step import step


class Scenario:
    """
    `prepare(box)` brings the container to where the command begins; `words(box)` is the command, id included.
    `after(box, ended)` says what is wrong, or None, of one that has succeeded, failed (False) or was killed (None).
    """

    def __init__(self, name, words, prepare=None, change=None, after=lambda box, ended: None):
        self.name, self.words, self.prepare, self.change, self.after = name, words, prepare, change, after

    def __repr__(self):
        return self.name

    def setup(self, box):
        """Once for all points."""
        box.args("pause") if self.prepare else box.args("true")
        if self.change:
            self.change(box)
        box.write()

    def begin(self, box):
        """For each point."""
        _take_consoles(box)
        if self.prepare:
            self.prepare(box)

    def run(self, box, rules, **kw):
        return step(box.orlop, rules, *self.words(box), **kw)


def _create(box):
    box.orlop("create", "--bundle", box.bundle, "--pid-file", box.pid_file, box.id).ok()


def _up(box):
    _create(box)
    box.start().ok()


def _stopped(box):
    _up(box)
    box.kill("KILL").ok()
    box.wait_stopped()


def _paused(box):
    _up(box)
    box.orlop("pause", box.id).ok()


def _userns(box):
    conf.userns(box.config, 100000)
    os.chown(box.rootfs, 100000, 100000)


def _idmap(box):
    os.makedirs(f"{box.orlop.tmp}/volume", exist_ok=True)
    maps = [{"containerID": 0, "hostID": 100000, "size": 10}]
    box.mounts.append(dict(conf.bind(f"{box.orlop.tmp}/volume", "/vol", "idmap"), uidMappings=maps, gidMappings=maps))


def _idmap_inside(box):
    """In a user namespace, of what an earlier mount brings: the parent is asked."""
    _userns(box)
    os.makedirs(f"{box.orlop.tmp}/volume", exist_ok=True)
    os.makedirs(f"{box.rootfs}/early", exist_ok=True)
    maps = [{"containerID": 0, "hostID": 100000, "size": 10}]
    box.mounts += [conf.bind(f"{box.orlop.tmp}/volume", "/early"),
                   dict(conf.bind(f"{box.rootfs}/early", "/late", "idmap"), uidMappings=maps, gidMappings=maps)]


def _hooks(box):
    box.config["hooks"] = {kind: [{"path": "/bin/true"}] for kind in
                           ("prestart", "createRuntime", "createContainer", "poststart", "poststop")}
    box.config["hooks"]["startContainer"] = [{"path": conf.PROBE, "args": ["probe", "true"]}]
    box.config["annotations"] = {f"run.oci.hooks.{stream}": f"{box.bundle}/hooks.{stream}" for stream in ("stdout", "stderr")}


def _seccomp(box):
    box.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["getpgid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 40}]}


def _terminal(box):
    """A console socket that takes what is sent and never reads it."""
    box.process["terminal"] = True
    box.console = socket.socket(socket.AF_UNIX)
    box.console_path = f"{box.orlop.tmp}/console"
    box.console.bind(box.console_path)
    box.console.listen(64)
    box.console.setblocking(False)


def _take_consoles(box):
    """Else its queue would be full one day."""
    while hasattr(box, "console"):
        try:
            box.console.accept()[0].close()
        except BlockingIOError:
            return


def _exec_terminal(box):
    """The container has none itself."""
    _terminal(box)
    box.process["terminal"] = False


def _host_pids(box):
    conf.without_namespace(box.config, "pid")


def _pod(box):
    """In the namespaces of a container that stays."""
    pod = Box(box.orlop, f"{box.id}-pod")
    pod.up()
    for kind in ("pid", "network", "ipc"):
        conf.namespace(box.config, kind, f"/proc/{pod.pid}/ns/{kernel.NS_FILE.get(kind, kind)}")


def _limits(two, one, depth, minor):
    return {"hugepageLimits": [{"pageSize": "2MB", "limit": two << 20}, {"pageSize": "1GB", "limit": one << 30}],
            "unified": {"cgroup.max.depth": str(depth)},
            "devices": [{"allow": False}, {"allow": True, "type": "c", "major": 300, "minor": minor, "access": "rw"}]}


OLD, NEW = _limits(8, 1, 7, 0), _limits(4, 2, 9, 1)


def _update(box):
    box.linux["resources"].update(OLD)
    with open(f"{box.bundle}/new.json", "w") as f:
        json.dump(NEW, f)


def _updated(box, ended):
    """All of it, or nothing; and it can be done again."""
    if ended is None:
        r = box.orlop("update", "--resources", f"{box.bundle}/new.json", box.id)
        if r.rc:
            return f"again: {r}"
    at = f"{host.CGROUP}/orlop/{box.id}"
    wanted = OLD if ended is False else NEW
    limits = [kernel.read(f"{at}/hugetlb.{x['pageSize']}.max").strip() for x in wanted["hugepageLimits"]]
    limits.append(kernel.read(f"{at}/cgroup.max.depth").strip())
    if limits != [str(x["limit"]) for x in wanted["hugepageLimits"]] + [wanted["unified"]["cgroup.max.depth"]]:
        return f"limits are {limits}"
    saved = f"{box.orlop.root}/{box.id}/resources.json"
    now = json.loads(kernel.read(saved))["unified"] if os.path.exists(saved) else OLD["unified"]
    return None if now == wanted["unified"] else f"saved is {now}"


def _mounts(box):
    os.makedirs(f"{box.orlop.tmp}/volume", exist_ok=True)
    with open(f"{box.bundle}/mounts.json", "w") as f:
        json.dump([conf.bind(f"{box.orlop.tmp}/volume", "/tmp/v", "ro"), conf.mount("/tmp/t", "tmpfs", "t")], f)


def _mounted(box):
    _up(box)
    box.orlop("mounts", "add", box.id, f"{box.bundle}/mounts.json").ok()


def _points(box):
    return [m.target for m in kernel.parse_mountinfo(kernel.read(f"/proc/{box.pid}/mountinfo"))
            if m.target.startswith("/tmp/")]


def _added(box, ended):
    """All of them or none; and whatever is there can be removed."""
    if ended is not None and len(_points(box)) != (2 if ended else 0):
        return f"mounted are {_points(box)}"
    return _can_go(box)


def _can_go(box):
    """A helper whose parent was killed may still be at work."""
    end = time.monotonic() + 10
    while _points(box):
        for point in sorted(_points(box), reverse=True):
            with open(f"{box.bundle}/gone.json", "w") as f:
                json.dump([{"destination": point}], f)
            r = box.orlop("mounts", "remove", box.id, f"{box.bundle}/gone.json")
        if time.monotonic() > end:
            return f"cannot be removed: {r}"
    return None


def _removed(box, ended):
    if ended and _points(box):
        return f"mounted are {_points(box)}"
    return _can_go(box)


def _run(*options):
    return lambda box: ["run", *options, "--bundle", box.bundle, box.id]


def _simple(*words):
    return lambda box: [*words, box.id]


def _exec(*options):
    return lambda box: ["exec", *options, box.id, conf.PROBE, "true"]


RUN = [
    Scenario("run", _run()),
    Scenario("run-detached", lambda box: ["run", "--detach", "--bundle", box.bundle, "--pid-file", box.pid_file, box.id]),
    Scenario("run-userns", _run(), change=_userns),
    Scenario("run-idmap", _run(), change=_idmap),
    Scenario("run-idmap-inside", _run(), change=_idmap_inside),
    Scenario("run-hooks", _run(), change=_hooks),
    Scenario("run-seccomp", _run(), change=_seccomp),
    Scenario("run-hostpid", _run(), change=_host_pids),
    Scenario("run-pod", _run(), change=_pod),
    Scenario("run-terminal", lambda box: ["run", "--detach", "--console-socket", box.console_path, "--bundle", box.bundle, box.id],
             change=_terminal),
    Scenario("create", lambda box: ["create", "--bundle", box.bundle, "--pid-file", box.pid_file, box.id]),
    Scenario("create-hooks", lambda box: ["create", "--bundle", box.bundle, box.id], change=_hooks),
]
LATER = [
    Scenario("start", _simple("start"), _create),
    Scenario("start-hooks", _simple("start"), _create, _hooks),
    Scenario("exec", _exec(), _up),
    Scenario("exec-detached", _exec("--detach"), _up),
    Scenario("exec-userns", _exec(), _up, _userns),
    Scenario("exec-terminal", lambda box: ["exec", "--tty", "--detach", "--console-socket", box.console_path, box.id, conf.PROBE, "true"],
             _up, _exec_terminal),
    Scenario("delete", _simple("delete"), _stopped),
    Scenario("delete-created", _simple("delete"), _create),
    Scenario("delete-force", _simple("delete", "--force"), _up),
    Scenario("delete-hooks", _simple("delete"), _stopped, _hooks),
    Scenario("kill", lambda box: ["kill", box.id, "KILL"], _up),
    Scenario("kill-hostpid", lambda box: ["kill", box.id, "KILL"], _up, _host_pids),
    Scenario("pause", _simple("pause"), _up),
    Scenario("resume", _simple("resume"), _paused),
    Scenario("update", lambda box: ["update", "--resources", f"{box.bundle}/new.json", box.id], _up, _update, _updated),
    Scenario("mounts-add", lambda box: ["mounts", "add", box.id, f"{box.bundle}/mounts.json"], _up, _mounts, _added),
    Scenario("mounts-remove", lambda box: ["mounts", "remove", box.id, f"{box.bundle}/mounts.json"], _mounted, _mounts,
             _removed),
]
ALL = RUN + LATER


def settle(box, before):
    """What every end of a command must allow: list works, delete --force works, nothing is left.  A text, or None."""
    r = box.orlop("list")
    if r.rc:
        return f"list afterwards: {r}"
    r = box.orlop.delete_by_force(box.id)
    if r.rc:
        return f"delete --force afterwards: {r}"
    if os.path.exists(box.pid_file):
        os.unlink(box.pid_file)
    try:
        before.assert_same(2)
    except AssertionError as e:
        return str(e)
    return None


def tidy(box):
    """After a finding, so that the next point is not to blame."""
    box.orlop("resume", box.id)
    box.orlop.delete_by_force(box.id)
    for path in sorted(host.cgroups(), key=len, reverse=True):
        for pid in kernel.read(f"{path}/cgroup.procs").split():
            os.kill(int(pid), 9)
        try:
            kernel.until(lambda path=path: not kernel.read(f"{path}/cgroup.procs").split(), 2)
            os.rmdir(path)
        except (OSError, AssertionError):
            pass
    host.reap()
