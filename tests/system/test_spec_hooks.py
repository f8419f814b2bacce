# SPDX-License-Identifier: GPL-2.0-or-later
"""config.md#posix-platform-hooks and the steps of runtime.md#lifecycle with hooks, beside test_hooks.py."""
import json
import os

import pytest
from lib import host, kernel
from lib.schema import check_state

HOST_SIDE = ("prestart", "createRuntime", "createContainer", "poststart", "poststop")
KINDS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
NS = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")


def add(box, kind, text, *args, name=None, **more):
    """A hook that is a script: of the host, or for startContainer in the rootfs."""
    name = name or f"hook-{kind}"
    if kind == "startContainer":
        box.file(f"bin/{name}", f"#!/bin/sh\n{text}", 0o755)
        path = f"/bin/{name}"
    else:
        path = f"{box.bundle}/{name}"
        with open(path, "w") as f:
            f.write(f"#!/bin/sh\n{text}")
        os.chmod(path, 0o755)
    hooks = box.config.setdefault("hooks", {}).setdefault(kind, [])
    hooks.append({"path": path, "args": [path, *args], **more})


def lived(box):
    """A whole life."""
    box.create().ok()
    box.start().ok()
    box.wait_stopped()
    box.delete().ok()


# ---- order

@pytest.mark.spec("CF-068", "FE-009")
@pytest.mark.parametrize("kind", KINDS)
def test_listed_order(box, kind):
    box.add_busybox()
    inside = kind == "startContainer"
    log = "/tmp/log" if inside else f"{box.bundle}/log"
    for word in ("one", "two", "three"):
        add(box, kind, f"echo $1 >>{log}\n", word)
    box.args("exit", 0)
    lived(box)
    assert kernel.read(f"{box.rootfs}/tmp/log" if inside else log).split() == ["one", "two", "three"]


@pytest.mark.spec("RT-021", "RT-023", "RT-024", "CF-071", "CF-074", "CF-075", "CF-076", "CF-077")
def test_order_of_all(box):
    """One file for all: each kind in its place, and poststart after the program runs, before start is over."""
    box.add_busybox()
    log = f"{box.rootfs}/log"
    open(log, "w").close()
    os.mkfifo(f"{box.rootfs}/gate")
    for kind in KINDS:
        add(box, kind, f"echo {kind} >>{'/log' if kind == 'startContainer' else log}\n")
    # the hook waits for what the program has to say: it never would if the hook came first
    add(box, "poststart", f"read -r word <{box.rootfs}/gate; echo \"$word\" >>{log}\n", name="wait", timeout=20)
    box.args("/bin/sh", "-c", "echo program >>/log; echo said >/gate; exec /bin/probe pause")
    box.create().ok()
    assert kernel.read(log).split() == ["prestart", "createRuntime", "createContainer"]
    box.start().ok()
    started = kernel.read(log).split()
    assert started[3] == "startContainer" and sorted(started[4:]) == ["poststart", "program", "said"]
    assert started[-1] == "said"
    box.kill("KILL").ok()
    box.wait_stopped()
    assert kernel.read(log).split() == started
    box.delete().ok()
    assert kernel.read(log).split() == [*started, "poststop"]


# ---- what they get

@pytest.mark.spec("CF-069", "RT-009", "RT-003", "RT-008")
@pytest.mark.parametrize("kind,status", list(zip(KINDS, ("creating", "creating", "creating", "created", "running", "stopped"))))
def test_state_on_stdin(box, kind, status):
    """A valid document and then the end of the file, once for each hook."""
    box.add_busybox()
    box.config["annotations"] = {"org.example": "\u00fc \"", "empty": ""}
    where = "/tmp" if kind == "startContainer" else box.bundle
    for n in "12":
        add(box, kind, f"cat >{where}/state{n}\n", name=f"hook{n}")
    box.args("exit", 0)
    lived(box)
    where = f"{box.rootfs}/tmp" if kind == "startContainer" else box.bundle
    for n in "12":
        s = check_state(json.loads(kernel.read(f"{where}/state{n}")))
        assert (s["id"], s["bundle"], s["status"]) == (box.id, box.bundle, status)
        assert s["annotations"] == box.config["annotations"]
        assert s.get("pid", 0) > 0 or kind == "poststop"


# ---- where they run

@pytest.mark.spec("CF-056", "CF-058", "CF-060", "CF-064", "CF-066")
@pytest.mark.parametrize("kind", HOST_SIDE)
def test_path_is_of_the_host(box, kind):
    """The file is not in the root file system; one of the same name there is not taken."""
    add(box, kind, f"echo host >>{box.bundle}/log\n")
    box.file(f"{box.bundle}/hook-{kind}", f"#!/bin/sh\necho container >>{box.bundle}/log\n", 0o755)
    box.args("exit", 0)
    lived(box)
    assert kernel.read(f"{box.bundle}/log") == "host\n"


@pytest.mark.spec("CF-062", "CF-063")
def test_path_of_start_container_is_of_the_container(box):
    add(box, "poststop", "exit 0\n")
    box.add_busybox()
    box.config["hooks"] = {"startContainer": [{"path": f"{box.bundle}/only-here"}]}
    with open(f"{box.bundle}/only-here", "w") as f:
        f.write("#!/bin/sh\n")
    os.chmod(f"{box.bundle}/only-here", 0o755)
    box.args("exit", 0).create().ok()
    box.start().failed("startContainer hook #0", "no such file")
    box.delete().ok()
    box.config["hooks"] = {}
    add(box, "startContainer", "ls -d /bin /proc/self/root/. >/tmp/root; ls / >>/tmp/root\n")
    lived(box)
    listed = kernel.read(f"{box.rootfs}/tmp/root").split()
    assert "bin" in listed and os.path.basename(box.bundle) not in listed


@pytest.mark.spec("CF-057", "CF-059", "CF-065", "CF-067", "CF-061", "CF-063")
def test_namespaces(box):
    """Each link of /proc/self/ns is that of the runtime, or that of the container's process."""
    box.add_busybox()
    for kind in KINDS:
        where = "/tmp" if kind == "startContainer" else box.bundle
        add(box, kind, "".join(f"readlink /proc/self/ns/{n}\n" for n in NS).replace("\n", f" >>{where}/ns-{kind}\n"))
    box.args("pause").create().ok()
    inside = [os.readlink(f"/proc/{box.pid}/ns/{n}") for n in NS]
    outside = [os.readlink(f"/proc/self/ns/{n}") for n in NS]
    box.start().ok()
    box.delete("--force").ok()
    for kind in KINDS:
        where = f"{box.rootfs}/tmp" if kind == "startContainer" else box.bundle
        want = inside if kind in ("createContainer", "startContainer") else outside
        assert kernel.read(f"{where}/ns-{kind}").split() == want, kind


@pytest.mark.spec("CF-070", "CF-072", "CF-073")
@pytest.mark.parametrize("kind", ["prestart", "createRuntime", "createContainer"])
def test_between_environment_and_pivot_root(box, kind):
    """The container's process has its namespaces and mounts, and still sees the host's tree."""
    box.linux["namespaces"].append({"type": "user"})
    box.linux["uidMappings"] = box.linux["gidMappings"] = [{"containerID": 0, "hostID": 0, "size": 65536}]
    if kind == "createContainer":
        text = (f"cat /proc/self/mountinfo >{box.bundle}/mounts\n"
                f"for n in {' '.join(NS)}; do readlink /proc/self/ns/$n; done >{box.bundle}/ns\n"
                f"ls -d {box.bundle} >{box.bundle}/tree\n")
    else:
        text = ("pid=$(sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/')\n"
                f"cat /proc/$pid/mountinfo >{box.bundle}/mounts\n"
                f"for n in {' '.join(NS)}; do readlink /proc/$pid/ns/$n; done >{box.bundle}/ns\n"
                f"nsenter -t $pid -m ls -d {box.bundle} >{box.bundle}/tree\n")
    add(box, kind, text)
    box.args("pause").create().ok()
    assert kernel.read(f"{box.bundle}/ns").split() == [os.readlink(f"/proc/{box.pid}/ns/{n}") for n in NS]
    for n in NS:
        assert kernel.ns_inode(box.pid, n) != kernel.ns_inode("self", n), n
    mounts = kernel.parse_mountinfo(kernel.read(f"{box.bundle}/mounts"))
    assert kernel.mount_at(mounts, f"{box.rootfs}/proc").fstype == "proc"
    assert kernel.read(f"{box.bundle}/tree").strip() == box.bundle
    # afterwards it is gone from there
    mounts = kernel.parse_mountinfo(kernel.read(f"/proc/{box.pid}/mountinfo"))
    assert not [m for m in mounts if m.target.startswith(box.bundle)]


# ---- failures

@pytest.mark.spec("RT-016", "RT-018", "RT-020", "RT-022", "RT-025", "RT-030", "RT-027")
@pytest.mark.parametrize("kind", KINDS[:5])
def test_failure_ends_in_step_12_and_13(box, kind):
    """
    An error; then the container is destroyed, and the poststop hooks have run; the id is free.  Of `start` all
    runtimes leave these two steps to `delete` when a startContainer hook failed, so that engines can ask.
    """
    box.add_busybox()
    add(box, kind, f"cat >/dev/null; echo first >>{'/tmp/log' if kind == 'startContainer' else box.bundle + '/log'}\n"
                   "exit 6\n", name="first")
    add(box, kind, f"echo second >>{'/tmp/log' if kind == 'startContainer' else box.bundle + '/log'}\n", name="second")
    for n in "12":
        add(box, "poststop", f"test ! -e {host.CGROUP}/orlop/{box.id} && cat >{box.bundle}/state{n}\n", name=f"stop{n}")
    box.args("/bin/sh", "-c", "echo ran >/ran; exec /bin/probe pause")
    before = host.Snapshot()
    if kind in KINDS[:3]:
        box.create().failed(f"{kind} hook #0", "exit status 6", f"/hooks/{kind}/0")
    else:
        box.create().ok()
        pid = box.pid
        box.start().failed(f"{kind} hook #0", "exit status 6")
        assert not kernel.alive(pid)
    if kind == "startContainer":
        assert box.state()["status"] == "stopped"
        box.delete().ok()
    box.orlop("state", box.id).failed("does not exist")
    before.assert_same()
    assert os.path.exists(f"{box.rootfs}/ran") <= (kind == "poststart")
    log = f"{box.rootfs}/tmp/log" if kind == "startContainer" else f"{box.bundle}/log"
    assert kernel.read(log) == "first\n"
    for n in "12":
        s = check_state(json.loads(kernel.read(f"{box.bundle}/state{n}")))
        assert (s["id"], s["status"]) == (box.id, "stopped")
    box.config["hooks"] = {}
    box.up()


@pytest.mark.spec("RT-028", "RT-029", "RT-031")
@pytest.mark.parametrize("force", [False, True])
def test_failing_poststop_hooks(box, force):
    """A warning each; the others run, all is removed, and the status is 0."""
    for n, text in enumerate(("exit 1\n", "kill -9 $$\n", "sleep 30\n", f"echo ran >{box.bundle}/ran\n")):
        add(box, "poststop", text, name=f"hook{n}", **({"timeout": 1} if n == 2 else {}))
    box.up()
    if not force:
        box.kill("KILL").ok()
        box.wait_stopped()
    r = box.delete(*["--force"][:force]).ok()
    for n in range(3):
        assert f"poststop hook #{n}" in r.err
    assert "poststop hook #3" not in r.err and os.path.exists(f"{box.bundle}/ran")
    box.config["hooks"] = {}
    box.up()


@pytest.mark.spec("CF-054", "CF-053", "CF-055")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hook", [{}, {"args": ["x"]}, {"path": ""}, {"path": "true"}, {"path": "./true"},
                                  {"path": "/bin/true", "timeout": 0}, {"path": "/bin/true", "timeout": -1}],
                         ids=str)
def test_impossible_hook(box, kind, hook):
    box.config["hooks"] = {kind: [{"path": "/bin/true"}, hook]}
    box.refused(f"/hooks/{kind}/1")
