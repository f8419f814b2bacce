# SPDX-License-Identifier: GPL-2.0-or-later
"""create, start, state, kill, delete, run: texts, formats, exit codes and processes as engines need them."""
import json
import os
import re
import signal
import socket
import stat
import subprocess
import time

import pytest
from lib import config as conf
from lib import host, kernel
from lib.box import PROGRAM, deadline, stop

pytestmark = [pytest.mark.kernel, pytest.mark.one_vm]

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


# ---- the whole life

@pytest.mark.spec("RT-001", "RT-005", "RT-006", "RT-007", "RT-023", "RT-026", "RT-032", "RT-035",
                  "RT-039", "RT-047", "RT-056")
def test_create_start_kill_delete(box):
    box.args("pause")
    r = box.create().ok()
    assert (r.out, r.err) == ("", "")
    pid = box.pid
    assert kernel.read(box.pid_file) == str(pid)  # digits, no newline
    assert box.status() == "created"
    assert box.output() == ""
    r = box.start().ok()
    assert (r.out, r.err) == ("", "")
    kernel.until(lambda: box.output() == "READY\n")
    s = box.state()
    assert (s["status"], s["pid"]) == ("running", pid)
    assert os.readlink(f"/proc/{pid}/exe") == "/bin/probe"
    r = box.kill("KILL").ok()
    assert (r.out, r.err) == ("", "")
    box.wait_stopped()
    assert box.state()["pid"] == 0
    r = box.delete().ok()
    assert (r.out, r.err) == ("", "")
    box.orlop("state", box.id).failed(f"container `{box.id}` does not exist")


@pytest.mark.spec("RT-002", "RT-003", "RT-008", "RT-035")
def test_state_document(box):
    box.config["annotations"] = {"org.example.key": "value/with \"quotes\"", "empty": ""}
    box.up()
    r = box.orlop("state", box.id).ok()
    assert r.err == ""  # engines parse both streams together
    s = json.loads(r.out)
    assert {k: s[k] for k in ("ociVersion", "id", "status", "bundle", "rootfs", "owner", "annotations")} == {
        "ociVersion": "1.3.0", "id": box.id, "status": "running", "bundle": box.bundle,
        "rootfs": box.rootfs, "owner": "root", "annotations": box.config["annotations"]}
    assert s["pid"] == box.pid and RFC3339.fullmatch(s["created"])
    assert "\\/" not in r.out


def test_bundle_is_the_current_directory_by_default(box, orlop):
    box.args("pause").write()
    orlop("create", box.id, cwd=box.bundle).ok()
    assert box.state()["bundle"] == box.bundle


@pytest.mark.spec("RT-008")
def test_bundle_by_relative_path_and_link_is_shown_absolute(box, orlop):
    box.args("pause").write()
    os.symlink(box.id, f"{orlop.tmp}/link")
    orlop("create", "-b", "link", box.id, cwd=orlop.tmp).ok()
    assert box.state()["bundle"] == box.bundle


def test_other_config_file(box):
    box.args("pause")
    box.write()
    os.rename(f"{box.bundle}/config.json", f"{box.bundle}/other.json")
    box.orlop("create", "-b", box.bundle, "-f", "other.json", box.id).ok()
    assert box.status() == "created"


@pytest.mark.spec("RT-006")
def test_state_of_paused(box):
    box.up()
    box.orlop("pause", box.id).ok()
    assert box.status() == "paused"
    events = kernel.read(f"{host.CGROUP}/orlop/{box.id}/cgroup.events")
    assert "frozen 1" in events
    box.orlop("resume", box.id).ok()
    assert box.status() == "running"
    assert "frozen 0" in kernel.read(f"{host.CGROUP}/orlop/{box.id}/cgroup.events")


def test_pause_and_resume_need_a_running_container(box):
    box.args("exit", 0)
    box.create().ok()
    box.start().ok()
    box.wait_stopped()
    box.orlop("pause", box.id).failed("not running")
    box.orlop("resume", box.id).failed()


def test_zombie_init_is_stopped(box):
    """The test is the subreaper and does not wait for it: Z counts as stopped, with pid 0."""
    box.args("exit", 3)
    box.create().ok()
    pid = box.pid
    box.start().ok()
    kernel.until(lambda: kernel.stat_fields(pid)[0] == "Z")
    s = box.state()
    assert (s["status"], s["pid"]) == ("stopped", 0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
    box.delete().ok()


# ---- create

@pytest.mark.spec("RT-004", "RT-037")
def test_create_refuses_a_used_id(box):
    box.up()
    again = box.create()
    again.failed("container", "already exists", f"running, pid {box.pid}, made at {box.state()['created'][:19]}Z",
                 f"orlop delete --force {box.id}", "--replace")
    assert box.status() == "running"
    box.kill("KILL").ok()
    box.wait_stopped()
    box.create().failed("already exists", "it is stopped, made at", f"orlop delete {box.id}")


@pytest.mark.parametrize("verb", ["create", "run"])
def test_replace(box, verb):
    """The one before ends as by `delete --force`, its hooks too; what is in its way is the new one's error, and it stays."""
    box.config["hooks"] = {"poststop": [{"path": "/bin/sh", "args": ["sh", "-c", f"echo over >>{box.bundle}/over"]}]}
    options = ["--bundle", box.bundle, "--pid-file", box.pid_file, "--replace"] + ["--detach"] * (verb == "run")
    box.args("pause").write()
    box.orlop(verb, *options, box.id).ok()
    first = box.pid
    assert not os.path.exists(f"{box.bundle}/over"), "there was none"
    group = os.stat(f"{host.CGROUP}/orlop/{box.id}").st_ino
    box.config["process"]["cwd"] = "nowhere"
    box.write()
    box.orlop(verb, *options, box.id).failed("/process/cwd")
    assert kernel.alive(first) and not os.path.exists(f"{box.bundle}/over")
    box.config["process"]["cwd"] = "/"
    for change, words in (
            (lambda c: c["root"].update(path="nowhere"), "/root/path"),
            (lambda c: c["mounts"].append(conf.bind("/nowhere", "/mnt")), "/mounts/"),
            (lambda c: conf.namespace(c, "network", "/nowhere"), "/nowhere"),
            (lambda c: c["process"].update(args=["/nowhere"]), "/process/args/0"),
            (lambda c: c["process"].update(args=["nowhere"]), "/process/args/0"),
            (lambda c: c["mounts"].append(conf.mount("/mnt", "nofs", "nofs")), "/type"),
            (lambda c: c["hooks"].update(createRuntime=[{"path": "/nowhere"}]), "/hooks/createRuntime/0"),
            (lambda c: c.update(annotations={"run.oci.hooks.stdout": "/nowhere/out"}), "/annotations/run.oci.hooks.stdout")):
        whole = json.dumps(box.config)
        change(box.config)
        box.write()
        box.orlop(verb, *options, box.id).failed(words)
        assert kernel.alive(first) and not os.path.exists(f"{box.bundle}/over")
        box.config = json.loads(whole)
    box.write()
    box.orlop(verb, *options, box.id).ok()
    assert not kernel.alive(first) and kernel.alive(box.pid) and box.pid != first
    assert os.stat(f"{host.CGROUP}/orlop/{box.id}").st_ino != group
    assert kernel.read(f"{box.bundle}/over") == "over\n" and box.status() == ("created" if verb == "create" else "running")
    box.delete("--force").ok()
    assert kernel.read(f"{box.bundle}/over") == "over\nover\n"


@pytest.mark.spec("RT-037", "RT-038")
@pytest.mark.parametrize("id", ["", ".", "..", "a/b", "../x", "a b", "-x", ".x", "ä", "a" * 201, "a\nb", "a:b"])
def test_id_that_is_none(box, orlop, id):
    box.write()
    for command in ("create", "run"):
        orlop(command, "-b", box.bundle, "--", id).failed("not a container id")
    for command in ("state", "start", "delete", "kill", "pause", "resume", "ps"):
        assert orlop(command, "--", id).rc == 1
    assert orlop.ids() == []


def test_longest_id(box, orlop):
    id = host.TAG + "A_z+.-0" * 40
    id = id[:200]
    box.id = id
    box.up()
    assert box.status() == "running"


def test_pid_file_replaces_what_was_there(box):
    with open(box.pid_file, "w") as f:
        f.write("99999999999 something longer")
    box.args("pause").create().ok()
    assert kernel.read(box.pid_file) == str(box.state()["pid"])


def test_pid_file_is_a_descriptor_of_the_caller(box):
    """As config.json and the log: and the name itself stays what it is."""
    box.args("pause").write()
    r = box.orlop("create", "-b", box.bundle, "--pid-file", "/dev/stdout", box.id).ok()
    if not os.path.islink("/dev/stdout"):  # the machine's own: not left broken by a broken program
        os.unlink("/dev/stdout")
        os.symlink("/proc/self/fd/1", "/dev/stdout")
        raise AssertionError("/dev/stdout was replaced")
    assert r.out == str(box.state()["pid"])
    box.start().ok()
    for name in ("/dev/fd/7", "/proc/self/fd/7"):
        end, other = os.pipe()
        box.exec("--detach", "--pid-file", name, "--", "pause", fds={7: other}).ok()
        os.close(other)
        with open(end) as f:
            assert f.read() in box.orlop("ps", box.id).ok().out.split()


@pytest.mark.parametrize("kind,words", [("block", "a block device"), ("directory", "is a directory"),
                                        ("closed", "bad file descriptor")])
def test_pid_file_where_nothing_can_be_written(box, tmp, kind, words):
    path = "/dev/fd/77" if kind == "closed" else f"{tmp}/there"
    if kind == "block":
        os.mknod(path, 0o600 | stat.S_IFBLK, os.makedev(7, 250))
    elif kind == "directory":
        os.mkdir(path)
    before = os.path.exists(path) and os.lstat(path)
    box.args("pause").write()
    box.orlop("create", "-b", box.bundle, "--pid-file", path, box.id).failed("pid file", path, words)
    assert not before or os.lstat(path) == before
    assert box.orlop.ids() == []


def test_pid_file_where_a_device_is(box, tmp):
    """--pid-file /dev/null: it stays a device, also when something fails afterwards."""
    path = f"{tmp}/null"
    os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    box.args("pause").write()
    box.orlop("create", "-b", box.bundle, "--pid-file", path, box.id).ok()
    box.start().ok()
    box.exec("--pid-file", path).ok()
    box.delete("--force").ok()
    box.config["hooks"] = {"startContainer": [{"path": "/bin/none"}]}
    box.write()
    box.orlop("run", "-b", box.bundle, "--pid-file", path, box.id).failed("startContainer")
    assert stat.S_ISCHR(os.lstat(path).st_mode)


def test_pid_file_is_a_pipe_that_nobody_reads(box, orlop):
    end, other = os.pipe()
    os.close(end)
    box.args("pause").write()
    before = host.Snapshot()
    orlop("create", "-b", box.bundle, "--pid-file", "/dev/fd/7", box.id, fds={7: other}).failed("pid file", "broken pipe")
    os.close(other)
    before.assert_same()
    assert orlop.ids() == []


def test_pid_file_that_cannot_be_written(box, orlop):
    box.args("pause").write()
    before = host.Snapshot()
    orlop("create", "-b", box.bundle, "--pid-file", f"{orlop.tmp}/no/such/dir/pid", box.id).failed("pid")
    before.assert_same()
    assert orlop.ids() == []


@pytest.mark.spec("BN-001", "RT-036")
def test_create_without_bundle(box, orlop):
    orlop("create", "-b", f"{orlop.tmp}/nothing", box.id).failed("no such file")
    os.mkdir(f"{orlop.tmp}/empty")
    orlop("create", "-b", f"{orlop.tmp}/empty", box.id).failed("config.json", "no such file")


@pytest.mark.spec("CF-021", "RT-048")
def test_create_without_process(box):
    """runtime-spec: `process` may come late; then start must fail."""
    del box.config["process"]
    box.create().ok()
    assert box.status() == "created"
    box.start().failed("process")
    box.delete().ok()


@pytest.mark.spec("RT-013", "RT-041")
def test_initial_process_is_not_executed_before_start(box):
    box.args("touch", "/started").create().ok()
    assert not os.path.exists(f"{box.rootfs}/started")
    box.start().ok()
    box.wait_stopped()
    assert os.path.exists(f"{box.rootfs}/started")


def test_init_belongs_to_the_callers_subreaper(box):
    box.args("pause").create().ok()
    assert int(kernel.stat_fields(box.pid)[1]) == os.getpid()
    assert box.pid in kernel.children()


def test_no_process_but_init_stays(box):
    before = kernel.children()
    box.up()
    assert kernel.children() - before == {box.pid}
    assert kernel.children(box.pid) == set()


# ---- executable errors

@pytest.mark.parametrize("args,words", [
    (["nothing-of-this-name"], ["executable file", "not found in $PATH", "no such file or directory"]),
    (["/bin/nothing"], ["no such file or directory"]),
    (["/etc"], ["permission denied", "is a directory"]),
    (["/etc/file"], ["permission denied"]),
    (["/bin/probe/x"], ["not a directory"]),
    ([""], ["not found"]),
])
def test_program_that_cannot_be_executed(box, args, words):
    box.file("etc/file", "text")
    box.process["args"] = args
    box.refused(*words)
    box.refused(*words, run=True)


def test_program_of_a_wrong_format(box):
    box.file("bin/bad", "\x7fnot a program", 0o755)
    box.process["args"] = ["/bin/bad"]
    box.refused("exec format error")
    box.refused("exec format error", run=True)


def test_program_removed_after_create(box):
    box.create().ok()
    os.unlink(f"{box.rootfs}/bin/probe")
    assert "no such file or directory" in box.start().ok().err
    box.wait_stopped()


# ---- start

@pytest.mark.spec("RT-045")
def test_start_twice(box):
    box.up()
    box.start().failed("cannot start", "running")
    box.kill("KILL").ok()
    box.wait_stopped()
    box.start().failed("cannot start", "stopped")
    box.delete().ok()
    box.start().failed("does not exist")


def test_start_in_parallel(box):
    """Exactly one of them starts it."""
    box.args("pause").create().ok()
    calls = [box.orlop.popen("start", box.id) for _ in range(6)]
    ends = sorted(box.orlop.finish(p).rc for p in calls)
    assert ends == [0, 1, 1, 1, 1, 1]
    assert box.status() == "running"


def test_start_of_paused_created_container(box):
    box.args("pause").create().ok()
    box.orlop("pause", box.id)
    if box.status() == "paused":
        box.start().failed("paused")
        box.orlop("resume", box.id).ok()
    box.start().ok()


def test_start_of_init_that_died_before(box):
    box.args("pause").create().ok()
    os.kill(box.pid, signal.SIGKILL)
    box.wait_stopped()
    box.start().failed("stopped")


# ---- kill

@pytest.mark.spec("RT-052")
def test_kill_takes_names_and_numbers(box):
    box.args("catch").create().ok()
    box.start().ok()
    kernel.until(lambda: "READY" in box.output())
    for word, number in (("TERM", 15), ("SIGUSR1", 10), ("usr2", 12), ("sighup", 1), ("34", 34), ("2", 2)):
        box.kill(word).ok()
        kernel.until(lambda n=number: f"\n{n}\n" in box.output())
    box.kill().ok()
    kernel.until(lambda: box.output().count("\n15\n") == 2)
    box.kill("0").ok()  # only looks


@pytest.mark.parametrize("word", ["", "NONE", "SIG", "-1", "65", "1x", "999999999999"])
def test_kill_with_no_signal(box, word):
    box.up()
    box.orlop("kill", "--", box.id, word).failed()
    assert box.status() == "running"


@pytest.mark.spec("RT-050")
def test_kill_of_stopped(box):
    box.args("exit", 0).create().ok()
    box.start().ok()
    box.wait_stopped()
    box.kill("TERM").failed("container not running", "no such process")
    r = box.kill("KILL")
    r.failed("container not running")
    assert "no such process" in r.err  # in lower case
    assert box.kill("--all", "KILL").ok().err == ""
    box.delete().ok()
    box.kill("KILL").failed("does not exist")


@pytest.mark.spec("RT-052")
def test_kill_of_created(box):
    box.args("pause").create().ok()
    box.kill("KILL").ok()
    box.wait_stopped()


@pytest.mark.parametrize("sig", ["HUP", "INT", "QUIT", "TERM"])
@pytest.mark.parametrize("own", [True, False], ids=["own", "joined"])
def test_created_ends_when_it_is_asked_to(box, sig, own):
    """The first process of a pid namespace ignores what it has no handler for."""
    if not own:
        conf.without_namespace(box.config, "pid")
    box.args("pause").create().ok()
    box.kill(sig).ok()
    box.wait_stopped()


def test_kill_all_reaches_every_process(box):
    box.up()
    extra = [box.orlop.popen("exec", box.id, "/bin/probe", "pause") for _ in range(2)]
    kernel.until(lambda: all(kernel.read(p.out_path) for p in extra))
    assert len(box.orlop("ps", "-f", "json", box.id).json()) == 3
    box.kill("--all", "KILL").ok()
    assert [box.orlop.finish(p).rc for p in extra] == [137, 137]
    box.wait_stopped()


def test_kill_kills_all_without_own_pid_namespace(box):
    """Without process 1 of a namespace, the children would live on."""
    box.linux["namespaces"] = [n for n in box.linux["namespaces"] if n["type"] != "pid"]
    box.up()
    p = box.orlop.popen("exec", box.id, "/bin/probe", "pause")
    kernel.until(lambda: kernel.read(p.out_path))
    box.kill("KILL").ok()
    assert box.orlop.finish(p).rc == 137
    box.wait_stopped()
    assert json.loads(box.orlop("ps", "-f", "json", box.id).out) == []


def test_kill_reaches_what_the_first_process_left(box):
    """As long as something of it runs, a container without an own pid namespace can be killed."""
    box.linux["namespaces"] = [n for n in box.linux["namespaces"] if n["type"] != "pid"]
    box.up()
    p = box.orlop.popen("exec", box.id, "/bin/probe", "pause")
    kernel.until(lambda: kernel.read(p.out_path))
    os.kill(box.pid, signal.SIGKILL)
    box.wait_stopped()
    box.kill("TERM").failed("container not running")
    assert p.poll() is None
    box.kill("KILL").ok()
    assert box.orlop.finish(p).rc == 137
    kernel.until(lambda: "container not running" in box.kill("KILL").err)


# ---- delete

@pytest.mark.spec("RT-054", "RT-055")
def test_delete_refuses_running(box):
    box.up()
    box.delete().failed("cannot delete container", "not stopped: running")
    assert box.status() == "running"
    box.orlop("pause", box.id).ok()
    box.delete().failed("not stopped: paused")


def test_delete_of_created(box):
    box.args("pause").create().ok()
    pid = box.pid
    box.delete().ok()
    assert not kernel.alive(pid)
    box.orlop("state", box.id).failed("does not exist")


@pytest.mark.spec("RT-026", "RT-056")
@pytest.mark.parametrize("state", ["created", "running", "paused", "stopped"])
def test_delete_force(box, state):
    before = host.Snapshot()
    if state == "created":
        box.args("pause").create().ok()
    else:
        box.up()
    if state == "paused":
        box.orlop("pause", box.id).ok()
    if state == "stopped":
        box.kill("KILL").ok()
        box.wait_stopped()
    assert box.status() == state
    r = box.delete("--force").ok()
    assert (r.out, r.err) == ("", "")
    before.assert_same()
    assert box.orlop.ids() == []


@pytest.fixture
def three(make_box):
    boxes = [make_box() for _ in range(3)]
    for name, b in zip(("web-1", "web-2", "db-web"), boxes):
        b.id = f"{host.TAG}-{name}"
        b.args("pause").up()
    return boxes


def test_kill_and_delete_by_regex(three, orlop):
    """Those that match, and no other; also parts of a name, and alternatives."""
    pids = [b.pid for b in three]
    orlop("kill", "--regex", f"^{host.TAG}-web-[0-9]$", "KILL").ok()
    three[0].wait_stopped()
    three[1].wait_stopped()
    assert kernel.alive(pids[2]) and three[2].status() == "running"
    orlop("delete", "-r", "web-(1|7)$").ok()
    assert sorted(orlop.ids()) == sorted([three[1].id, three[2].id])
    orlop("delete", "--regex", "--force", "web").ok()
    assert orlop.ids() == [] and not kernel.alive(pids[2])


def test_regex_goes_on_after_a_failure(three, orlop):
    """One that cannot be deleted is named, the others are, and the exit status says that something is left."""
    three[0].kill("KILL").ok()
    three[0].wait_stopped()
    r = orlop("delete", "--regex", "web")
    said = r.err.splitlines()
    assert (r.rc, len(said)) == (1, 3) and "2 of the 3 containers" in said[2], r
    assert all(b.id in "".join(said[:2]) for b in three[1:])
    assert sorted(orlop.ids()) == sorted([three[1].id, three[2].id])


def test_kill_by_regex_names_the_dead(three, orlop):
    three[0].kill("KILL").ok()
    three[0].wait_stopped()
    r = orlop("kill", "--regex", "web", "KILL")
    assert r.rc == 1 and f"container not running: `{three[0].id}` has ended (no such process)" in r.err, r
    three[1].wait_stopped()
    three[2].wait_stopped()


def test_regex_that_is_none(three, orlop):
    orlop("delete", "--force", "--regex", "web(").failed("no regular expression", "web(")
    orlop("kill", "--regex", "nosuchcontainer").ok()
    for command in ["delete", "--force"], ["kill"]:
        orlop(*command, "--regex", "").failed("an empty expression would match every container")
    assert len(orlop.ids()) == 3


@pytest.mark.spec("RT-054")
def test_delete_of_unknown(box, orlop):
    orlop("delete", "never-was").failed("does not exist")
    r = orlop("delete", "--force", "never-was").ok()
    assert (r.out, r.err) == ("", "")


def test_delete_force_of_a_half_made_directory(box, orlop):
    box.args("pause").create().ok()
    os.mkdir(f"{orlop.root}/half", 0o700)
    orlop("state", "half").failed()
    assert orlop("list", "-q").ok().out.split() == sorted([box.id, "half"])
    orlop("delete", "--force", "half").ok()
    assert orlop("list", "-q").ok().out.split() == [box.id]


# ---- while it is created

def slow_hook(box, kind, seconds="3"):
    box.config["hooks"] = {kind: [{"path": "/bin/sh", "args": [
        "sh", "-c", f"touch {box.bundle}/hook; sleep {seconds}"]}]}
    if kind == "createContainer":  # resolved where it runs: the host's tree, below which the probe is not
        box.config["hooks"][kind][0]["env"] = ["PATH=/usr/bin:/bin"]


def creating(box, kind, seconds="3"):
    """`create` in the middle of a hook: a Popen."""
    slow_hook(box, kind, seconds)
    box.args("pause").write()
    p = box._popen("create", "--bundle", box.bundle, box.id)
    kernel.until(lambda: os.path.exists(f"{box.bundle}/hook"))
    return p


HOOKS = ["prestart", "createRuntime", "createContainer"]


@pytest.mark.spec("RT-003", "RT-036", "RT-047")
@pytest.mark.parametrize("kind", HOOKS)
def test_creating(box, orlop, kind):
    p = creating(box, kind)
    s = box.state()
    assert s["status"] == "creating" and os.path.isdir(f"/proc/{s['pid']}") and s["pid"] > 0
    assert [(c["id"], c["status"], c["pid"]) for c in orlop("list", "-f", "json").json()] == [
        (box.id, "creating", s["pid"])]
    begin = time.monotonic()
    box.delete().failed("not stopped", "creating")
    box.kill("TERM").failed("not running")
    box.kill("--all", "KILL").failed("not running")
    box.exec().failed("not running")
    orlop("pause", box.id).failed("creating")
    orlop("resume", box.id).failed("creating")
    assert time.monotonic() - begin < deadline(1.5)
    box.start().failed("busy")
    assert kernel.alive(s["pid"])
    orlop.finish(p).ok()
    assert box.status() == "created" and box.state()["pid"] == s["pid"]


def test_create_is_never_seen_as_stopped(box, orlop):
    """Polled without a pause."""
    seen = set()
    box.args("pause").write()
    for i in range(20):
        id = f"{box.id}-{i}"
        p = orlop.popen("create", "-b", box.bundle, id)
        while p.poll() is None:
            r = orlop("state", id)
            assert r.rc == 0 or "does not exist" in r.err, r
            if r.rc == 0:
                seen.add(json.loads(r.out)["status"])
        assert orlop("state", id).json()["status"] == "created"
        orlop("delete", id).ok()
    assert seen <= {"creating", "created"}


@pytest.mark.parametrize("kind", HOOKS)
def test_delete_force_while_it_is_created(box, orlop, kind):
    p = creating(box, kind)
    pid = box.state()["pid"]
    box.delete("--force").ok()
    r = orlop.finish(p)
    assert r.rc == 1, r
    assert not kernel.alive(pid) and orlop.ids() == []


@pytest.mark.parametrize("verb", [["delete", "--force"], ["delete"]])
@pytest.mark.parametrize("kind", HOOKS)
def test_delete_after_the_creator_was_killed(box, orlop, kind, verb):
    p = creating(box, kind, "1")
    pid = box.state()["pid"]
    stop(p)
    kernel.until(lambda: not kernel.alive(pid))
    kernel.until(lambda: box.status() == "stopped")
    box.start().failed("stopped")
    orlop(*verb, box.id).ok()
    assert orlop.ids() == [] and not os.path.exists(f"{host.CGROUP}/orlop/{box.id}")


def test_delete_twice_in_parallel(box):
    box.up()
    calls = [box.orlop.popen("delete", "--force", box.id) for _ in range(4)]
    assert [box.orlop.finish(p).rc for p in calls] == [0] * 4


def test_id_can_be_used_again(box):
    for _ in range(2):
        box.up()
        box.delete("--force").ok()


# ---- run

@pytest.mark.parametrize("command,code", [(["exit", 0], 0), (["exit", 7], 7), (["exit", 255], 255)])
def test_run_exits_as_the_program(box, command, code):
    assert box.args(*command).run().rc == code
    assert box.orlop.ids() == []


def test_run_exits_with_128_and_the_signal(box):
    p = box.args("pause").start_run()
    kernel.until(lambda: "READY" in box.output())
    box.kill("KILL").ok()
    assert box.orlop.finish(p).rc == 137


def test_run_forwards_signals(box):
    p = box.args("catch").start_run()
    kernel.until(lambda: "READY" in box.output())
    # 34: musl keeps it for itself, and everybody else calls it SIGRTMIN
    for s in (signal.SIGHUP, signal.SIGINT, signal.SIGUSR1, signal.SIGTERM, signal.SIGWINCH, 34, 40, 64):
        p.send_signal(s)
        kernel.until(lambda n=int(s): f"\n{n}\n" in box.output(), what=f"signal {s}")
    box.kill("KILL").ok()
    box.orlop.finish(p)


def test_exec_forwards_signals(box):
    box.up()
    p = box.orlop.popen("exec", box.id, "/bin/probe", "catch")
    kernel.until(lambda: "READY" in kernel.read(p.out_path))
    p.send_signal(signal.SIGUSR2)
    kernel.until(lambda: "\n12\n" in kernel.read(p.out_path))
    box.kill("KILL").ok()
    box.orlop.finish(p)


def test_run_keep(box):
    assert box.args("exit", 5).run("--keep").rc == 5
    assert box.status() == "stopped"
    box.delete().ok()


def test_run_detach(box):
    r = box.args("pause").run("--detach", "--pid-file", box.pid_file).ok()
    assert (r.err, kernel.read(box.pid_file)) == ("", str(box.state()["pid"]))
    assert box.status() == "running"
    assert int(kernel.stat_fields(box.pid)[1]) == os.getpid()


def test_run_in_foreground_writes_the_pid_file_while_it_runs(box):
    p = box.args("pause").start_run("--pid-file", box.pid_file)
    kernel.until(lambda: "READY" in box.output())
    assert box.state()["pid"] == box.pid
    box.kill("KILL").ok()
    box.orlop.finish(p)


def test_pdeathsig_of_the_caller_spares_a_detached_container(box):
    """The containerd shim and conmon start us so."""
    def die_with_parent():
        kernel.prctl(1, signal.SIGKILL)
    box.args("pause").create(preexec_fn=die_with_parent).ok()
    box.start(preexec_fn=die_with_parent).ok()
    assert box.status() == "running"
    assert box.exec(preexec_fn=die_with_parent).json()["pdeathsig"] == 0


def test_after_the_caller_of_run_was_killed(box):
    """Whatever became of the container: it can be deleted."""
    p = box.args("pause").start_run()
    kernel.until(lambda: "READY" in box.output())
    stop(p)
    box.delete("--force").ok()


# ---- standard streams

def test_stdio_is_inherited(box):
    r, w = os.pipe()
    out_r, out_w = os.pipe()
    p = box.args("cat").start_run(stdin=r, stdout=out_w)
    os.close(r)
    os.close(out_w)
    os.write(w, b"through and back\n")
    assert os.read(out_r, 100) == b"through and back\n"
    os.close(w)  # end of file reaches the program, so no copy is left open
    assert p.wait(deadline(20)) == 0
    assert os.read(out_r, 1) == b""
    os.close(out_r)


def test_detached_container_holds_the_only_copies(box):
    """runc#1047: the caller waits for the end of its pipes."""
    out_r, out_w = os.pipe()
    box.args("pause").create(stdout=out_w, stderr=out_w).ok()
    os.close(out_w)
    box.start().ok()
    assert os.read(out_r, 100) == b"READY\n"
    box.kill("KILL").ok()
    assert os.read(out_r, 1) == b""
    os.close(out_r)


def test_stdin_and_stdout_are_the_same_objects(box):
    with open(f"{box.bundle}/in", "w+") as f:
        seen_in = os.fstat(f.fileno())
        seen = box.probe(stdin=f)
    fds = {x["fd"]: x for x in seen["fds"]}
    assert (fds[0]["dev"], fds[0]["ino"]) == (seen_in.st_dev, seen_in.st_ino)
    out = os.stat(box.out_path)
    assert (fds[1]["dev"], fds[1]["ino"]) == (out.st_dev, out.st_ino)


# ---- descriptors

def test_preserve_fds(box):
    r, w = os.pipe()
    seen = box.probe("--preserve-fds", "2", fds={3: r, 4: w})
    inodes = [os.fstat(fd).st_ino for fd in (r, w)]
    os.close(r)
    os.close(w)
    assert [f["fd"] for f in seen["fds"]] == [0, 1, 2, 3, 4]
    assert [f["ino"] for f in seen["fds"][3:]] == inodes
    assert not [e for e in seen["env"] if e.startswith("LISTEN_")]


def inherited():
    """Numbers that are open in every child of ours, as the shell that began the tests left them to us."""
    return {int(fd) for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}") and
            os.get_inheritable(int(fd))}


@pytest.mark.parametrize("verb", ["run", "exec"])
def test_preserve_fds_with_gaps(box, tmp, verb):
    """Podman's --preserve-fd=9,40: the number reaches to the last, those between need not be there."""
    r, w = os.pipe()
    if verb == "run":
        box.args().write()
        seen = box.orlop("--log", f"{tmp}/log", "run", "-b", box.bundle, "--preserve-fds", "38", box.id,
                         fds={9: r, 40: w}).json()
    else:
        box.up()
        seen = box.exec("--preserve-fds", "38", fds={9: r, 40: w}).json()
    inodes = [os.fstat(fd).st_ino for fd in (r, w)]
    os.close(r)
    os.close(w)
    seen = {f["fd"]: f["ino"] for f in seen["fds"]}
    assert set(seen) == {0, 1, 2, 9, 40} | {fd for fd in inherited() if fd < 40}
    assert [seen[9], seen[40]] == inodes


def test_preserve_fds_with_gaps_before_start(box):
    """While it waits for `start`, the process has in the gaps what it gets anyhow, and nothing of the runtime."""
    r, w = os.pipe()
    box.args("pause").write()
    box.orlop("create", "-b", box.bundle, "--preserve-fds", "38", box.id, fds={9: r, 40: w}).ok()
    pid = box.state()["pid"]
    others = inherited()
    gaps = {os.stat(f"/proc/{pid}/fd/{fd}").st_ino for fd in range(3, 40) if fd != 9 and fd not in others}
    assert gaps == {os.fstat(w).st_ino}
    box.start().ok()
    wanted = {0, 1, 2, 9, 40} | {fd for fd in others if fd < 40}
    kernel.until(lambda: set(map(int, os.listdir(f"/proc/{pid}/fd"))) == wanted)
    os.close(r)
    os.close(w)


def test_preserve_fds_that_are_not_open(box):
    box.args("pause").write()
    box.orlop("create", "-b", box.bundle, "--preserve-fds", "500", box.id).failed("descriptor")
    assert box.orlop.ids() == []


# ---- list and ps

def test_list(make_box, orlop):
    r = orlop("list").ok()
    assert r.out.split() == ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]
    assert json.loads(orlop("list", "--format", "json").ok().out) == []
    assert orlop("list", "-q").ok().out == ""
    a, b = make_box(), make_box()
    a.up()
    b.args("pause").create().ok()
    rows = [line.split() for line in orlop("list").ok().out.splitlines()[1:]]
    assert [(x[0], x[1], x[2], x[3], x[5]) for x in rows] == [
        (a.id, str(a.pid), "running", a.bundle, "root"), (b.id, str(b.pid), "created", b.bundle, "root")]
    r = orlop("list", "--format=json").ok()
    assert json.loads(r.out) == [a.state(), b.state()]
    assert r.err == ""
    assert orlop("list", "-q", "-f", "json").ok().out == f"{a.id}\n{b.id}\n"


def test_list_goes_on_after_a_damaged_entry(box, orlop):
    box.up()
    os.mkdir(f"{orlop.root}/broken", 0o700)
    with open(f"{orlop.root}/broken/state.json", "w") as f:
        f.write("{")
    r = orlop("list", "-f", "json").ok()
    assert [x["id"] for x in json.loads(r.out)] == [box.id]
    assert "broken" in r.err
    orlop("delete", "--force", "broken").ok()


def test_list_of_a_root_that_is_not_there(orlop):
    assert json.loads(orlop("list", "-f", "json").ok().out) == []
    assert not os.path.exists(orlop.root)


def test_ps(box, orlop):
    box.up()
    r = orlop("ps", "--format", "json", box.id).ok()
    assert json.loads(r.out) == [box.pid] and r.err == ""
    p = orlop.popen("exec", box.id, "/bin/probe", "pause")
    kernel.until(lambda: kernel.read(p.out_path))
    lines = orlop("ps", box.id).ok().out.splitlines()
    assert lines[0].split()[:2] == ["UID", "PID"]
    assert [line.split()[-2:] for line in lines[1:]] == [["/bin/probe", "pause"]] * 2
    lines = orlop("ps", box.id, "-eo", "ppid,pid,comm").ok().out.splitlines()
    assert lines[0].split() == ["PPID", "PID", "COMMAND"]
    assert str(box.pid) in [line.split()[1] for line in lines[1:]]
    box.kill("KILL").ok()
    orlop.finish(p)
    box.wait_stopped()
    assert json.loads(orlop("ps", "-f", "json", box.id).ok().out) == []


# ---- calls of other kinds

def test_calls_without_path_and_home(box):
    """Podman and CRI-O call delete and kill with an almost empty environment."""
    env = {"XDG_RUNTIME_DIR": ""}
    box.args("pause").create(env=env).ok()
    for verb in ("start", "state", "pause", "resume", "ps"):
        box.orlop(verb, box.id, env=env).ok()
    box.orlop("delete", "--force", box.id, env=env).ok()


def test_options_in_all_spellings(box, orlop):
    box.args("pause").write()
    orlop("create", f"--bundle={box.bundle}", "-no-new-keyring", "--no-subreaper", "--no-pivot=false",
          f"-pid-file={box.pid_file}", box.id).ok()
    assert box.pid == box.state()["pid"]


@pytest.mark.parametrize("args", [["nonsense"], ["create"], ["create", "--nonsense", "x"], ["kill"],
                                  ["state", "a", "b"], ["--nonsense", "list"], ["list", "-f", "xml"], []])
def test_misuse(orlop, args):
    r = orlop(*args)
    assert r.rc == 1 and r.err != "", r


@pytest.mark.parametrize("command", ["create", "start", "run", "exec", "state", "kill", "delete", "pause",
                                     "resume", "list", "ps", "spec", "features"])
def test_help(orlop, command):
    assert command in orlop(command, "--help").ok().out


def test_version(orlop):
    lines = orlop("--version").ok().out.splitlines()
    assert re.fullmatch(r"orlop version \S+", lines[0])
    assert any(x.startswith("commit: ") for x in lines) and "spec: 1.3.0" in lines
    libraries = dict(x.split(": ") for x in lines[3:])
    assert {"libseccomp", "yajl", "libcap", "libselinux", "C library", "linking"} <= set(libraries)
    assert all(re.match(r"\d+\.\d+", libraries[name]) for name in ("libseccomp", "yajl", "libcap"))
    # what it says of itself is so: an interpreter is what a dynamic program has
    assert (libraries["linking"] == "dynamic") == (b"/ld-linux" in open(PROGRAM, "rb").read())
    assert orlop("-v").ok().out.splitlines() == lines


def test_log_in_json(box, orlop):
    log = f"{orlop.tmp}/log.json"
    r = orlop("--log", log, "--log-format", "json", "state", "no-such-id")
    r.failed("does not exist")
    [line] = kernel.read(log).splitlines()
    entry = json.loads(line)
    assert entry["level"] == "error" and "does not exist" in entry["msg"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*", entry["time"])
    box.args("pause").write()
    orlop("--log", log, "--log-format=json", "create", "-b", box.bundle, box.id).ok()
    assert len(kernel.read(log).splitlines()) == 1  # appended, and nothing on success


def test_no_secrets_and_no_growth_in_the_state_directory(box, orlop):
    box.up()
    d = f"{orlop.root}/{box.id}"
    assert os.stat(orlop.root).st_mode & 0o7777 == 0o711
    assert os.stat(d).st_mode & 0o077 == 0
    for name in os.listdir(d):
        assert os.lstat(f"{d}/{name}").st_mode & 0o077 == 0, name


def test_created_time_is_now(box):
    begin = time.time()
    box.up()
    created = box.state()["created"]
    date = subprocess.run(["date", "-d", created, "+%s.%N"], capture_output=True, text=True, check=True)
    assert begin - 1 <= float(date.stdout) <= time.time() + 1


def test_debug_tells_the_steps(box, orlop, tmp):
    """In the log file alone, and only when asked for; the container sees none of it."""
    log = f"{tmp}/log"
    box.args("exit", 3).write()
    r = orlop("--log", log, "--debug", "run", "-b", box.bundle, box.id)
    assert (r.rc, r.out, r.err) == (3, "", "")
    lines = kernel.read(log).splitlines()
    steps = ("is planned", f"cgroup /orlop/{box.id} is made", "is made", "is set up", "executes its program",
             "has ended", f"container `{box.id}` is removed")
    at = 0
    for step in steps:
        at = next(i for i in range(at, len(lines)) if step in lines[i] and "debug" in lines[i])
    os.unlink(log)
    orlop("--log", log, "run", "-b", box.bundle, box.id)
    assert kernel.read(log) == ""


def test_debug_of_exec(box, orlop, tmp):
    box.up()
    orlop("--log", f"{tmp}/log", "--debug", "exec", box.id, "/bin/probe", "exit", "0").ok()
    assert "is set up" in kernel.read(f"{tmp}/log")


def test_start_of_one_that_ends_meanwhile(box):
    """It is killed when `start` has found it waiting, and before it is let go: an error in words, not a signal."""
    box.args("pause").create().ok()
    late = ["strace", "-qq", "-o", "/dev/null", "-e", "trace=write", "-e", "inject=write:delay_enter=2000000:when=1"]
    p = box.orlop.popen("start", box.id, wrap=late)
    time.sleep(1)
    os.kill(box.pid, signal.SIGKILL)
    box.orlop.finish(p).failed("cannot start a container that has stopped")
    box.delete().ok()


@pytest.mark.parametrize("way", ["file", "pipe", "socket"])
def test_configuration_on_the_standard_input(box, way):
    """A script makes it, and no file is written; paths are relative to the bundle as ever."""
    box.args("state").write()
    text = kernel.read(f"{box.bundle}/config.json").encode()
    os.rename(f"{box.bundle}/config.json", f"{box.orlop.tmp}/given")
    if way == "file":
        given = os.open(f"{box.orlop.tmp}/given", os.O_RDONLY)
    else:
        given, other = os.pipe() if way == "pipe" else (s.detach() for s in socket.socketpair())
        os.write(other, text)
        os.close(other)
    r = box.orlop("run", "--bundle", box.bundle, "-f", "-", box.id, stdin=given)
    os.close(given)
    assert r.json()["hostname"] == "orlop"
    assert not os.path.exists(f"{box.bundle}/config.json")


def test_created_from_the_standard_input(box):
    """What it was made of is kept: exec and delete need no file."""
    box.args("pause").write()
    os.rename(f"{box.bundle}/config.json", f"{box.orlop.tmp}/given")
    with open(f"{box.orlop.tmp}/given", "rb") as given:
        box.orlop("create", "--bundle", box.bundle, "--config", "-", box.id, stdin=given).ok()
    box.start().ok()
    assert box.exec().json()["hostname"] == "orlop"


@pytest.mark.parametrize("text, words", [("{", ["standard input", "line 1"]), ("", ["standard input"]),
                                         ('{"ociVersion": 1}', ["standard input", "/ociVersion"])])
def test_bad_configuration_on_the_standard_input(box, text, words):
    box.write()
    with open(f"{box.orlop.tmp}/given", "w+") as given:
        given.write(text)
        given.seek(0)
        box.orlop("run", "--bundle", box.bundle, "-f", "-", box.id, stdin=given).failed(*words)
    assert box.orlop.ids() == []
