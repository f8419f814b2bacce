# SPDX-License-Identifier: GPL-2.0-or-later
"""The six kinds of hooks: order, place, input, environment, and what their failure does; T98."""
import json
import os
import shutil
import signal
import subprocess

import pytest
from lib import host, kernel
from lib.box import deadline

KINDS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
HOST_SIDE = ("prestart", "createRuntime", "poststart", "poststop")


def script(box, name, text):
    """An executable of the host; the busybox of the rootfs is not needed for it."""
    path = f"{box.bundle}/{name}"
    with open(path, "w") as f:
        f.write("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)
    return path


def add(box, kind, *argv, **more):
    box.config.setdefault("hooks", {}).setdefault(kind, []).append({"path": argv[0], "args": list(argv), **more})


def record(box, kinds=KINDS):
    """Hooks that write what they see; startContainer runs inside, with the rootfs' own shell."""
    box.add_busybox()
    log = f"{box.bundle}/log"
    for kind in kinds:
        if kind == "startContainer":
            where = "/tmp"
            path = box.file("bin/hook-startContainer", "#!/bin/sh\n" + body(kind, where, "/tmp/log"), 0o755)
            path = "/bin/hook-startContainer"
        else:
            path = script(box, f"hook-{kind}", body(kind, box.bundle, log))
        add(box, kind, path)
    return log


def body(kind, where, log):
    return (f"echo {kind} >>{log}\n"
            f"cat >{where}/state-{kind}\n"
            f"pwd >{where}/cwd-{kind}\n"
            f"env >{where}/env-{kind}\n"
            f"ls -l /proc/self/ns >{where}/ns-{kind} 2>&1\n"
            f"ls /proc/self/fd >{where}/fds-{kind} 2>&1\n"
            f"cat /proc/self/status >{where}/status-{kind}\n")


def read(box, what, kind):
    where = f"{box.rootfs}/tmp" if kind == "startContainer" else box.bundle
    return kernel.read(f"{where}/{what}-{kind}")


def ns_of(box, kind):
    text = read(box, "ns", kind)
    return {line.split()[-3]: int(line.split("[")[1].rstrip("]")) for line in text.splitlines() if "[" in line}


# ---- order and place

@pytest.mark.spec("RT-015", "RT-017", "RT-019", "RT-021", "RT-024", "RT-027", "CF-056", "CF-058",
                  "CF-060", "CF-062", "CF-064", "CF-066", "CF-069", "CF-071", "CF-074")
def test_order_and_status(box):
    log = record(box)
    box.process["args"] = ["/bin/probe", "pause"]
    box.create().ok()
    assert kernel.read(log).split() == ["prestart", "createRuntime", "createContainer"]
    assert not os.path.exists(f"{box.rootfs}/tmp/log")
    box.start().ok()
    assert kernel.read(log).split()[3:] == ["poststart"]
    assert kernel.read(f"{box.rootfs}/tmp/log").split() == ["startContainer"]
    pid = box.pid
    box.kill("KILL").ok()
    box.wait_stopped()
    assert "poststop" not in kernel.read(log)
    box.delete().ok()
    assert kernel.read(log).split()[4:] == ["poststop"]
    states = {k: json.loads(read(box, "state", k)) for k in KINDS}
    assert {k: s["status"] for k, s in states.items()} == {
        "prestart": "creating", "createRuntime": "creating", "createContainer": "creating",
        "startContainer": "created", "poststart": "running", "poststop": "stopped"}
    for k, s in states.items():
        assert (s["id"], s["bundle"], s["ociVersion"]) == (box.id, box.bundle, "1.3.0"), k
    assert states["prestart"]["pid"] == states["createRuntime"]["pid"] == states["poststart"]["pid"] == pid
    assert states["createContainer"]["pid"] == states["startContainer"]["pid"] == 1  # as seen there
    assert states["poststop"].get("pid", 0) == 0


@pytest.mark.spec("CF-057", "CF-059", "CF-061", "CF-063", "CF-065", "CF-073")
def test_namespaces_of_hooks(box):
    record(box)
    box.process["args"] = ["/bin/probe", "pause"]
    box.create().ok()
    pid = box.pid
    box.start().ok()
    inside = {k: kernel.ns_inode(pid, k) for k in ("mnt", "net", "pid", "ipc", "uts")}
    here = {k: kernel.ns_inode("self", k) for k in inside}
    for kind in ("prestart", "createRuntime", "poststart"):
        assert {k: ns_of(box, kind)[k] for k in here} == here, kind
    for kind in ("createContainer", "startContainer"):
        assert {k: ns_of(box, kind)[k] for k in inside} == inside, kind
    box.delete("--force").ok()
    # createContainer is before pivot_root: it saw the host's files, as its path did, and wrote beside
    assert os.path.exists(f"{box.bundle}/state-createContainer")


def test_each_kind_runs_all_of_its_list_in_order(box):
    path = script(box, "hook", f"echo $1 >>{box.bundle}/log\n")
    for i in range(4):
        add(box, "prestart", path, str(i))
    box.args("exit", 0).run().ok()
    assert kernel.read(f"{box.bundle}/log").split() == list("0123")


@pytest.mark.spec("CF-073")
def test_hooks_see_the_mounts_made(box):
    """createContainer runs when all mounts are there."""
    box.mounts.append({"destination": "/data", "type": "tmpfs", "source": "d"})
    path = script(box, "hook", f"cat /proc/self/mountinfo >{box.bundle}/mountinfo\n")
    add(box, "createContainer", path)
    box.args("exit", 0).run().ok()
    targets = [m.target for m in kernel.parse_mountinfo(kernel.read(f"{box.bundle}/mountinfo"))]
    assert f"{box.rootfs}/data" in targets and f"{box.rootfs}/proc" in targets


@pytest.mark.spec("CF-070", "CF-073")
@pytest.mark.parametrize("no_pivot", [False, True])
def test_mounts_that_hooks_make_below_the_rootfs_stay(box, no_pivot):
    """As hooks for GPUs do: they enter the mount namespace and bind what the driver needs."""
    with open(f"{box.bundle}/library", "w") as f:
        f.write("driver")
    box.file("driver")
    box.file("other")
    add(box, "createContainer", script(box, "hook", f"mount --bind {box.bundle}/library {box.rootfs}/driver\n"))
    add(box, "prestart", script(box, "outer", "pid=$(sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/')\n"
                                f"nsenter -t $pid -m mount --bind {box.bundle}/library {box.rootfs}/other\n"))
    results = box.probe(*["--no-pivot"][:no_pivot], commands=["open", "/driver", "r", ",", "open", "/other", "r"])
    assert [r["text"] for r in results["results"]] == ["driver", "driver"]


def test_create_runtime_can_configure_the_network(box):
    """As CNI does: the pid in the state leads to the network namespace."""
    path = script(box, "hook", "pid=$(sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/')\n"
                               f"readlink /proc/$pid/ns/net >{box.bundle}/net\n")
    add(box, "createRuntime", path)
    box.up()
    assert kernel.read(f"{box.bundle}/net").strip() == os.readlink(f"/proc/{box.pid}/ns/net")


# ---- what a hook gets

@pytest.mark.case("T98")
def test_descriptors_of_hooks(box):
    record(box)
    r, w = os.pipe()
    box.process["args"] = ["/bin/probe", "exit", "0"]
    box.run("--preserve-fds", "1", fds={3: w, 40: r}).ok()
    os.close(r)
    os.close(w)
    for kind in KINDS:
        # the last is the directory that ls itself has open
        assert read(box, "fds", kind).split() == ["0", "1", "2", "3"], kind


@pytest.mark.case("T98")
def test_environment_without_env(box):
    record(box)
    secrets = {"SECRET": "x", "LD_PRELOAD": "/none", "LISTEN_FDS": "0", "LISTEN_PID": "1",
               "NOTIFY_SOCKET": "/run/x", "ORLOP_X": "1"}
    box.process["args"] = ["/bin/probe", "exit", "0"]
    box.run(env={**box.orlop.env, **secrets})
    for kind in KINDS:
        names = {line.split("=")[0] for line in read(box, "env", kind).splitlines()} - {"PWD", "SHLVL", "_", "OLDPWD"}
        assert not names & {"LD_PRELOAD", "LISTEN_FDS", "LISTEN_PID", "NOTIFY_SOCKET", "ORLOP_X"}, kind
        if kind in HOST_SIDE:
            assert "SECRET" in names, kind
        elif kind == "createContainer":
            assert names == {"PATH"}
        else:
            assert names == {"PATH", "TERM", "HOME"}


@pytest.mark.parametrize("way", ["run", "create"])
def test_directory_of_hooks(box, tmp, way):
    """Wherever the caller is: the bundle, the root file system for createContainer, and for startContainer
    that of the process."""
    os.makedirs(f"{box.rootfs}/work")
    os.makedirs(f"{tmp}/elsewhere")
    box.process["cwd"] = "/work"
    record(box, KINDS)
    box.process["args"] = ["/bin/probe", "exit", "0"]
    where = {"cwd": f"{tmp}/elsewhere"}
    if way == "run":
        box.run(**where).ok()
    else:
        box.create(**where).ok()
        box.start(**where).ok()
        box.wait_stopped()
        box.delete(**where).ok()
    for kind in KINDS:
        path = {"createContainer": box.rootfs, "startContainer": "/work"}.get(kind, box.bundle)
        assert read(box, "cwd", kind).strip() == path, kind


def test_poststop_hook_when_the_bundle_is_gone(box, tmp):
    path = script(box, "hook", f"pwd >{tmp}/cwd\n")
    shutil.move(path, f"{tmp}/hook")
    add(box, "poststop", f"{tmp}/hook")
    box.args("exit", 0).create().ok()
    shutil.rmtree(box.bundle)
    box.delete(cwd=tmp).ok()
    assert kernel.read(f"{tmp}/cwd").strip() == "/"


def test_hooks_are_told_the_status_that_state_tells(box, tmp):
    """On the host and while they run: the document on their standard input and `state` agree."""
    own = " ".join(box.orlop.argv("state", box.id))
    for kind in HOST_SIDE:
        add(box, kind, script(box, f"hook-{kind}", f"cat >{box.bundle}/in-{kind}; {own} >{box.bundle}/state-{kind}\n"))
    box.args("pause").create().ok()
    box.start().ok()
    told = {k: json.loads(kernel.read(f"{box.bundle}/in-{k}")) for k in ("prestart", "createRuntime", "poststart")}
    for kind, status in (("prestart", "creating"), ("createRuntime", "creating"), ("poststart", "running")):
        seen = json.loads(kernel.read(f"{box.bundle}/state-{kind}"))
        assert (told[kind]["status"], told[kind]["pid"]) == (seen["status"], seen["pid"]) == (status, box.pid), kind
    box.delete("--force").ok()
    assert json.loads(kernel.read(f"{box.bundle}/in-poststop"))["status"] == "stopped"


def test_environment_given(box):
    path = script(box, "hook", f"env >{box.bundle}/env\n")
    add(box, "prestart", path, env=["A=1", "LD_LIBRARY_PATH=/x"])
    box.args("exit", 0).run(env={**box.orlop.env, "SECRET": "x"}).ok()
    lines = set(kernel.read(f"{box.bundle}/env").split()) - {f"PWD={os.getcwd()}"}
    assert {x for x in lines if x.split("=")[0] not in ("PWD", "SHLVL", "_", "OLDPWD")} == {
        "A=1", "LD_LIBRARY_PATH=/x"}


def test_empty_environment_given(box):
    path = script(box, "hook", f"/usr/bin/env >{box.bundle}/env\n")
    add(box, "poststart", path, env=[])
    box.args("exit", 0).run().ok()
    assert {x.split("=")[0] for x in kernel.read(f"{box.bundle}/env").split()} <= {"PWD", "SHLVL", "_", "OLDPWD"}


def test_arguments(box):
    path = script(box, "hook", f"echo \"$0|$#|$1|$2\" >{box.bundle}/args\n")
    box.config["hooks"] = {"prestart": [{"path": path, "args": ["zero", "o n e", ""]}]}
    box.args("exit", 0).run().ok()
    assert kernel.read(f"{box.bundle}/args") == f"{path}|2|o n e|\n"


@pytest.mark.spec("CF-069")
def test_annotations_are_in_the_state(box):
    box.config["annotations"] = {"k/1": "v \"1\" /"}
    path = script(box, "hook", f"cat >{box.bundle}/state\n")
    add(box, "prestart", path)
    box.args("exit", 0).run().ok()
    text = kernel.read(f"{box.bundle}/state")
    assert json.loads(text)["annotations"] == {"k/1": "v \"1\" /"}
    assert "\\/" not in text


def test_start_container_hook_has_the_confinement_of_the_process(box):
    record(box, ("startContainer",))
    box.process["user"] = {"uid": 1000, "gid": 1001}
    box.process["args"] = ["/bin/probe", "exit", "0"]
    box.run().ok()
    s = dict(line.split(":\t", 1) for line in read(box, "status", "startContainer").splitlines() if ":\t" in line)
    assert s["Uid"].split() == ["1000"] * 4 and s["Gid"].split() == ["1001"] * 4
    assert s["NoNewPrivs"] == "1" and int(s["CapEff"], 16) == 0
    assert int(s["CapBnd"], 16) == 0x20000420


def test_hook_without_terminal_and_signals_in_default(box):
    path = script(box, "hook", f"cat /proc/self/status >{box.bundle}/status; "
                               f"(: </dev/tty) 2>{box.bundle}/tty && echo open >{box.bundle}/tty; true\n")
    add(box, "prestart", path)

    def odd():
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2, signal.SIGTERM})
    box.args("exit", 0).run(preexec_fn=odd).ok()
    s = dict(line.split(":\t", 1) for line in kernel.read(f"{box.bundle}/status").splitlines() if ":\t" in line)
    assert int(s["SigBlk"], 16) == 0 and int(s["SigIgn"], 16) == 0
    assert kernel.read(f"{box.bundle}/tty") != "open\n"


# ---- failures

@pytest.mark.case("T98")
@pytest.mark.spec("RT-016", "RT-018", "RT-020", "RT-030")
@pytest.mark.parametrize("kind", ["prestart", "createRuntime", "createContainer"])
@pytest.mark.parametrize("way", ["status", "signal", "missing", "directory", "timeout"])
def test_failing_hook_of_create_undoes_everything(box, kind, way):
    words = {"status": "exit status 3", "signal": "SIGKILL", "missing": "no such file",
             "directory": "permission denied", "timeout": "timeout"}[way]
    text = {"status": "echo some words >&2; exit 3\n", "signal": "kill -9 $$\n", "timeout": "sleep 30\n"}.get(way, "")
    path = script(box, "hook", text)
    if way == "missing":
        path = "/nonexistent/hook"
    if way == "directory":
        path = box.bundle
    add(box, kind, path, **({"timeout": 1} if way == "timeout" else {}))
    add(box, "poststop", script(box, "stop", f"echo ran >{box.bundle}/poststop\n"))
    box.args("pause")
    r = box.refused(f"{kind} hook #0", words, path, f"/hooks/{kind}/0")
    if way == "status":
        assert "some words" in r.err
    assert kernel.read(f"{box.bundle}/poststop") == "ran\n"


def test_failing_start_container_hook(box):
    box.add_busybox()
    box.file("bin/hook", "#!/bin/sh\nexit 5\n", 0o755)
    add(box, "startContainer", "/bin/hook")
    add(box, "poststop", script(box, "stop", f"echo ran >{box.bundle}/poststop\n"))
    box.args("touch", "/started").create().ok()
    pid = box.pid
    box.start().failed("startContainer hook #0", "exit status 5")
    assert not kernel.alive(pid) and not os.path.exists(f"{box.rootfs}/started")
    # stopped to every command that comes later, as with other runtimes; its end is that of `delete`
    assert box.state()["status"] == "stopped"
    box.start().failed("stopped")
    box.orlop("kill", box.id, "KILL").failed("container not running")
    box.orlop("exec", box.id, "true").failed("not running")
    assert not os.path.exists(f"{box.bundle}/poststop")
    box.delete().ok()
    assert box.orlop.ids() == [] and os.path.exists(f"{box.bundle}/poststop")


@pytest.mark.spec("RT-025")
def test_failing_poststart_hook_stops_the_container(box):
    """runtime-spec 1.3, runtime.md#lifecycle step 9."""
    add(box, "poststart", script(box, "hook", "exit 4\n"))
    add(box, "poststop", script(box, "stop", f"echo ran >{box.bundle}/poststop\n"))
    box.args("pause").create().ok()
    pid = box.pid
    box.start().failed("poststart hook #0", "exit status 4")
    assert not kernel.alive(pid)
    assert box.orlop.ids() == []
    assert os.path.exists(f"{box.bundle}/poststop")
    box.run().failed("poststart hook #0")
    assert box.orlop.ids() == []


@pytest.mark.spec("RT-028", "RT-029", "RT-031")
def test_failing_poststop_hook_is_a_warning(box):
    add(box, "poststop", script(box, "hook", "exit 4\n"))
    add(box, "poststop", script(box, "two", f"echo ran >{box.bundle}/poststop\n"))
    box.up()
    box.kill("KILL").ok()
    box.wait_stopped()
    r = box.delete().ok()
    assert "poststop hook #0" in r.err
    assert os.path.exists(f"{box.bundle}/poststop")
    assert box.orlop.ids() == []


@pytest.mark.spec("CF-077", "RT-026", "RT-056")
def test_poststop_runs_when_everything_is_gone(box):
    group = f"{host.CGROUP}/orlop/{box.id}"
    add(box, "poststop", script(box, "hook", f"test ! -e {box.orlop.root}/{box.id} && test ! -e {group} && "
                                             f"echo gone >{box.bundle}/gone\n"))
    box.up()
    assert os.path.exists(group)
    box.delete("--force").ok()
    assert kernel.read(f"{box.bundle}/gone") == "gone\n"


@pytest.mark.case("T98")
def test_timeout_kills_the_group(box):
    path = script(box, "hook", f"sleep 300 & echo $! >{box.bundle}/hook.pid; wait\n")
    add(box, "prestart", path, timeout=1)
    box.args("pause").refused("timeout")
    child = int(kernel.read(f"{box.bundle}/hook.pid"))
    kernel.until(lambda: not kernel.alive(child))


@pytest.mark.case("T98")
def test_timeout_kills_what_left_the_group(box):
    """Each in a session of its own, one of them made by one that has ended."""
    start = f"setsid sh -c 'sleep 300 & echo $! >{box.bundle}/hook.1; setsid sleep 300 & echo $! >{box.bundle}/hook.2' &"
    path = script(box, "hook", f"{start}\nsleep 300\n")
    add(box, "prestart", path, timeout=1)
    box.args("pause").refused("timeout")
    for i in (1, 2):
        child = int(kernel.read(f"{box.bundle}/hook.{i}"))
        kernel.until(lambda: not kernel.alive(child))


def test_hook_with_a_timeout_leaves_what_it_started(box):
    """It ended in time, so what it left goes on, as a child of nobody of ours."""
    path = script(box, "hook", f"setsid sleep 300 >{box.bundle}/out 2>&1 & echo $! >{box.bundle}/hook.pid\n")
    add(box, "poststop", path, timeout=100)
    box.args("exit", 0).run(timeout=deadline(5)).ok()
    pid = int(kernel.read(f"{box.bundle}/hook.pid"))
    assert kernel.alive(pid)
    os.kill(pid, signal.SIGKILL)


def test_daemonising_hook_does_not_hold_us(box):
    """It keeps stdout and stderr open for ever."""
    path = script(box, "hook", f"sleep 300 & echo $! >{box.bundle}/hook.pid\n")
    add(box, "createRuntime", path)
    box.args("exit", 0).run(timeout=deadline(5)).ok()
    pid = int(kernel.read(f"{box.bundle}/hook.pid"))
    assert kernel.alive(pid)
    os.kill(pid, signal.SIGKILL)


@pytest.mark.case("T98")
def test_hook_that_never_reads_and_says_much(box):
    box.config["annotations"] = {"big": "x" * 500000}
    path = script(box, "hook", "yes 'a long line of noise' | head -c 20000000\n")
    add(box, "createRuntime", path)
    box.args("exit", 0).run(timeout=deadline(10)).ok()


def test_output_of_a_hook_is_escaped_in_the_error(box):
    path = script(box, "hook", "printf 'first\\n\\033[31mred\\001\\n{\"level\":\"info\"}\\n'; exit 1\n")
    add(box, "prestart", path)
    r = box.args("pause").refused("red", "exit status 1")
    assert not [c for c in r.err[:-1] if ord(c) < 0x20]


@pytest.mark.spec("CF-053")
def test_hook_path_must_be_absolute(box):
    add(box, "prestart", "bin/true")
    box.args("pause").refused("absolute", "/hooks/prestart/0")


def test_hook_path_that_is_a_link(box):
    path = script(box, "real", f"echo ran >{box.bundle}/ran\n")
    os.symlink(path, f"{box.bundle}/link")
    add(box, "prestart", f"{box.bundle}/link")
    box.args("exit", 0).run().ok()
    assert os.path.exists(f"{box.bundle}/ran")


@pytest.mark.case("T26")
@pytest.mark.spec("RT-014")
def test_saved_hooks_are_used(box):
    """T26: config.json rewritten after create has no effect."""
    add(box, "poststart", script(box, "good", f"echo good >>{box.bundle}/log\n"))
    add(box, "poststop", f"{box.bundle}/good")
    box.args("pause").create().ok()
    evil = script(box, "evil", f"echo evil >>{box.bundle}/log\n")
    box.config["hooks"] = {k: [{"path": evil}] for k in KINDS}
    box.write()
    box.start().ok()
    box.delete("--force").ok()
    assert kernel.read(f"{box.bundle}/log").split() == ["good", "good"]


def test_sigchld_ignored_by_the_caller(box):
    add(box, "prestart", script(box, "hook", "exit 0\n"))
    box.args("exit", 3)
    assert box.run(preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN)).rc == 3


def test_kill_ends_a_create_that_hangs_in_a_hook(box):
    add(box, "createRuntime", script(box, "hook", f"echo $$ >{box.bundle}/hook.pid; exec sleep 300\n"))
    box.args("pause").write()
    before = host.Snapshot()
    p = box.orlop.popen("create", "-b", box.bundle, box.id)
    kernel.until(lambda: os.path.exists(f"{box.bundle}/hook.pid") and kernel.read(f"{box.bundle}/hook.pid"))
    p.send_signal(signal.SIGTERM)
    r = box.orlop.finish(p)
    assert r.rc != 0
    box.delete("--force").ok()
    subprocess.run(["kill", "-9", kernel.read(f"{box.bundle}/hook.pid").strip()], capture_output=True)
    before.assert_same()
