# SPDX-License-Identifier: GPL-2.0-or-later
"""What engines rely on and no specification says: each test is named after the contract that it shows."""
import array
import contextlib
import json
import os
import re
import socket

import pytest
from lib import kernel
from lib.box import deadline


# ---- pidfds, as go-runc receives them

class PidfdSocket:
    """
    The client of go-runc: it listens, accepts one connection, takes one message with room for 4096 bytes of name and
    one descriptor, and closes all. More or fewer descriptors, no name, or a name that fills the room are errors.
    """

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind(path)
        self.socket.listen(1)
        self.socket.settimeout(deadline(10))

    def receive(self):
        connection, _ = self.socket.accept()
        connection.settimeout(deadline(10))
        with connection:
            name, control, flags, _ = connection.recvmsg(4096, socket.CMSG_SPACE(4))
            assert not flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC)
            assert 0 < len(name) < 4096 and len(control) == 1
            level, kind, data = control[0]
            assert (level, kind, len(data)) == (socket.SOL_SOCKET, socket.SCM_RIGHTS, 4)
            assert connection.recv(1) == b"", "nothing else is said"
        return name.decode(), array.array("i", data)[0]

    def close(self):
        self.socket.close()
        os.unlink(self.path)


@contextlib.contextmanager
def pidfd_socket(path):
    s = PidfdSocket(str(path))
    try:
        yield s
    finally:
        s.close()


def pid_of(pidfd):
    return int(re.search(r"^Pid:\t(\d+)$", kernel.read(f"/proc/self/fdinfo/{pidfd}"), re.M)[1])


@pytest.mark.parametrize("verb", ["create", "run"])
def test_pidfd_socket_of_a_container(box, tmp, verb):
    box.args("pause").write()
    with pidfd_socket(f"{tmp}/pidfd.sock") as s:
        options = ["--bundle", box.bundle, "--pid-file", box.pid_file, "--pidfd-socket", s.path]
        box.orlop(verb, *options, *(["--detach"] if verb == "run" else []), box.id).ok()
        name, fd = s.receive()
        assert name == "standard" and pid_of(fd) == box.pid == box.state()["pid"]
    os.close(fd)


@pytest.mark.parametrize("verb", ["create", "run"])
def test_pidfd_receiver(box, tmp, verb):
    """Of an annotation, and whoever called us may want one, too."""
    box.args("pause")
    with pidfd_socket(f"{tmp}/pidfd.sock") as s, pidfd_socket(f"{tmp}/receiver.sock") as receiver:
        box.config["annotations"] = {"run.oci.pidfd_receiver": receiver.path}
        box.write()
        options = ["--bundle", box.bundle, "--pid-file", box.pid_file, "--pidfd-socket", s.path]
        box.orlop(verb, *options, *(["--detach"] if verb == "run" else []), box.id).ok()
        for each in (receiver, s):
            name, fd = each.receive()
            assert name == "standard" and pid_of(fd) == box.pid
            os.close(fd)
        assert sorted(os.listdir(f"/proc/{box.pid}/fd")) == ["0", "1", "2"] or verb == "create"


def test_pidfd_receiver_that_is_not_there(box, tmp):
    box.config["annotations"] = {"run.oci.pidfd_receiver": f"{tmp}/nobody.sock"}
    box.refused("pidfd", f"{tmp}/nobody.sock", "/annotations/run.oci.pidfd_receiver")


def test_pidfd_socket_of_exec(box, tmp):
    box.up()
    with pidfd_socket(f"{tmp}/pidfd.sock") as s:
        pid_file = f"{tmp}/exec.pid"
        box.orlop("exec", "--detach", "--pid-file", pid_file, "--pidfd-socket", s.path, box.id, "/bin/probe", "pause").ok()
        name, fd = s.receive()
        assert name == "setns" and pid_of(fd) == int(kernel.read(pid_file)) != box.pid
    os.close(fd)


@pytest.mark.parametrize("verb", ["create", "run", "exec"])
def test_pidfd_socket_where_nobody_listens(box, tmp, verb):
    path = f"{tmp}/nobody.sock"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
    if verb == "exec":
        box.up()
        box.exec("--pidfd-socket", path).failed("pidfd", path)
    else:
        box.args("pause").write()
        box.orlop(verb, "--bundle", box.bundle, "--pidfd-socket", path, box.id).failed("pidfd", path)
        assert box.id not in box.orlop.ids()


# ---- the one line of JSON that engines show

def logged(box, *args):
    """What is in the log of a command that fails, read as Podman does: one object in the whole file."""
    path = f"{box.bundle}/log-{len(os.listdir(box.bundle))}"
    r = box.orlop("--log", path, "--log-format", "json", *args)
    assert r.rc != 0 and r.out == ""
    text = kernel.read(path)
    line = json.loads(text)
    assert text.count("\n") == 1 and text.endswith("\n")
    assert {"level", "msg", "time"} <= set(line) and line["level"] == "error"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", line["time"])
    assert line["msg"] in r.err, "the same is said on stderr"
    return line["msg"]


def test_json_log_line_of_update(box):
    box.up()
    path = f"{box.bundle}/resources"
    for text, words in (('{"memory": {"limit": "x"}}', "/memory/limit"), ("{", "JSON"), ('{"pids": {"limit": 1e3}}', "/pids")):
        with open(path, "w") as f:
            f.write(text)
        assert words in logged(box, "update", "--resources", path, box.id)
    assert "/nowhere" in logged(box, "update", "--resources", "/nowhere", box.id)
    assert "memory" in logged(box, "update", "--memory", "lots", box.id)
    assert "does not exist" in logged(box, "update", "--memory", "1G", "nobody")
    box.kill("KILL").ok()
    box.wait_stopped()
    assert "container not running" in logged(box, "update", "--memory", "1G", box.id)


@pytest.mark.parametrize("args,words", [
    (["create", "--bundle", "/nowhere", "x"], "/nowhere"), (["start", "nobody"], "does not exist"),
    (["exec", "nobody", "/bin/true"], "does not exist"), (["kill", "nobody"], "does not exist"),
    (["delete", "nobody"], "does not exist"), (["pause", "nobody"], "does not exist"),
    (["resume", "nobody"], "does not exist"), (["state", "nobody"], "does not exist"),
    (["ps", "nobody"], "does not exist"), (["events", "nobody"], "does not exist"),
    (["mounts", "add", "nobody", "/dev/null"], "does not exist"), (["mounts", "remove", "nobody", "/dev/null"],
                                                                  "does not exist"),
    (["checkpoint", "nobody"], "does not exist"), (["restore", "--bundle", "/nowhere", "x"], "/nowhere"),
    (["mounts", "list", "nobody"], "does not exist"), (["nonsense"], "nonsense"), (["create", "--nonsense", "x"], "nonsense")])
def test_json_log_line_of_each_command(box, args, words):
    assert words in logged(box, *args)


# ---- documents

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")


def test_state_keys(box):
    box.config["annotations"] = {"a": "b"}
    box.up()
    s = box.state()
    assert {"ociVersion", "id", "pid", "status", "bundle", "rootfs", "created", "annotations", "owner"} <= set(s)
    assert s["id"] == box.id and s["pid"] == box.pid and s["annotations"] == {"a": "b"}
    assert os.path.isabs(s["rootfs"]) and os.path.isabs(s["bundle"])


def test_created_is_rfc3339(box):
    box.up()
    assert RFC3339.fullmatch(box.state()["created"])
    assert RFC3339.fullmatch(box.orlop("list", "--format", "json").json()[0]["created"])


def test_status_words(box):
    box.args("pause")
    box.create().ok()
    seen = [box.status()]
    box.start().ok()
    seen.append(box.status())
    box.orlop("pause", box.id).ok()
    seen.append(box.status())
    box.orlop("resume", box.id).ok()
    box.kill("KILL").ok()
    box.wait_stopped()
    assert [*seen, box.status()] == ["created", "running", "paused", "stopped"]


def test_state_ps_and_features_say_nothing_on_stderr(box):
    """go-runc parses both streams together."""
    box.up()
    for words in (["state", box.id], ["ps", "--format", "json", box.id], ["features"], ["list", "--format", "json"]):
        r = box.orlop(*words).ok()
        assert r.err == "", words
        json.loads(r.out)


def test_zombie_init_is_stopped(box):
    box.args("true")
    box.create().ok()
    box.start().ok()
    kernel.until(lambda: kernel.stat_fields(box.pid)[0] == "Z")
    s = box.state()
    assert (s["status"], s["pid"]) == ("stopped", 0)


def test_paused_detection(box):
    box.up()
    box.orlop("pause", box.id).ok()
    assert box.status() == "paused" and box.orlop("list", "--format", "json").json()[0]["status"] == "paused"
    box.orlop("resume", box.id).ok()
    assert box.status() == "running"


def test_list_json_is_an_array(box):
    assert box.orlop("list", "--format", "json").ok().out.strip() == "[]"
    box.up()
    row, = box.orlop("list", "-f", "json").json()
    assert row["id"] == box.id and row["pid"] == box.pid


def test_list_table_header(box):
    assert box.orlop("list").ok().out.split() == ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]


def test_list_quiet(box):
    box.up()
    assert box.orlop("list", "-q").ok().out == f"{box.id}\n"


def test_list_goes_on_after_unreadable_entries(box):
    box.up()
    os.mkdir(f"{box.orlop.root}/broken", 0o700)
    with open(f"{box.orlop.root}/broken/state.json", "w") as f:
        f.write("{")
    try:
        for form in ("table", "json"):
            r = box.orlop("list", "--format", form).ok()
            assert box.id in r.out and "load container broken" in r.err
    finally:
        box.orlop("delete", "--force", "broken")


def test_ps_json_is_an_array_of_numbers(box):
    box.up()
    assert box.orlop("ps", "--format", "json", box.id).json() == [box.pid]
    box.kill("KILL").ok()
    box.wait_stopped()
    assert box.orlop("ps", "--format", "json", box.id).ok().out.strip() == "[]"


def test_features_for_engines(orlop):
    f = orlop("features").json()
    assert f["ociVersionMin"] and f["ociVersionMax"]
    assert "rro" in f["mountOptions"] and f["linux"]["mountExtensions"]["idmap"]["enabled"] is True


def test_event_lines(box):
    box.up()
    line = box.orlop("events", "--stats", box.id).ok().out
    assert line.count("\n") == 1
    event = json.loads(line)
    assert (event["type"], event["id"]) == ("stats", box.id)
    assert {"cpu", "cpuset", "memory", "pids", "blkio", "hugetlb", "intel_rdt", "network_interfaces"} <= set(event["data"])


def test_version_text(orlop):
    lines = orlop("--version").ok().out.splitlines()
    assert re.fullmatch(r"orlop version \S+", lines[0])
    assert any(line.startswith("commit: ") for line in lines) and any(line.startswith("spec: ") for line in lines)


# ---- messages

def test_error_is_plain_text_on_stderr_besides_the_log(box):
    path = f"{box.bundle}/log"
    r = box.orlop("--log", path, "--log-format", "json", "start", "nobody")
    assert r.rc == 1 and not r.err.startswith("{") and "does not exist" in r.err


def test_no_warnings_on_create_and_exec(box):
    """Their stderr is the container's."""
    box.args("pause")
    assert box.create().ok().err == ""
    box.start().ok()
    assert box.orlop("exec", box.id, "/bin/probe", "true").ok().err == ""


@pytest.mark.parametrize("verb", ["state", "start", "kill", "delete", "pause", "resume", "exec"])
def test_not_found(orlop, verb):
    r = orlop(verb, "nobody", *(["/bin/true"] if verb == "exec" else []))
    assert r.rc != 0 and "container `nobody` does not exist" in r.err


def stopped(box):
    box.up()
    box.kill("KILL").ok()
    box.wait_stopped()


def test_kill_of_a_stopped_container(box):
    stopped(box)
    r = box.kill("TERM")
    assert r.rc == 1 and "container not running" in r.err and "no such process" in r.err


def test_kill_all_of_a_stopped_container(box):
    stopped(box)
    r = box.orlop("kill", "--all", box.id, "KILL").ok()
    assert (r.out, r.err) == ("", "")


def test_delete_force_of_an_unknown_id(orlop):
    r = orlop("delete", "--force", "nobody").ok()
    assert (r.out, r.err) == ("", "")


def test_delete_force_of_a_half_made_directory(box):
    os.makedirs(f"{box.orlop.root}/half", 0o700, exist_ok=True)
    box.orlop("delete", "--force", "half").ok()
    assert not os.path.exists(f"{box.orlop.root}/half")


def test_delete_without_force(box):
    box.up()
    box.delete().failed("running")
    box.kill("KILL").ok()
    box.wait_stopped()
    assert box.delete().ok().out == ""


def test_delete_of_a_created_container(box):
    box.args("pause")
    box.create().ok()
    box.delete().ok()


def test_delete_force_waits_for_the_end(box):
    pid = box.up()
    box.delete("--force").ok()
    assert not kernel.alive(pid)


def test_start_twice(box):
    box.up()
    box.start().failed("already")


def test_already_exists(box):
    box.up()
    box.create().failed("already exists")


@pytest.mark.parametrize("id", ["", ".", "..", "a/b", "a b", "-a" * 200, "ä"])
def test_id_alphabet(box, id):
    box.args("true").write()
    r = box.orlop("create", "--bundle", box.bundle, "--", id)
    assert r.rc == 1 and r.err and (not id or id not in box.orlop.ids())


# ---- exit codes

@pytest.mark.parametrize("path,words", [("/bin/none", "no such file or directory"), ("none", "executable file not found in $PATH"),
                                        ("/etc/plain", "permission denied")])
def test_exec_error_words(box, path, words):
    box.file("/etc/plain", "text")
    box.up()
    r = box.orlop("exec", box.id, path)
    assert r.rc == 255 and words in r.err.lower().replace("$path", "$PATH")


@pytest.mark.parametrize("path,words", [("/bin/none", "no such file or directory"), ("none", "executable file not found in $PATH"),
                                        ("/etc/plain", "permission denied")])
def test_create_error_words(box, path, words):
    """At create, where engines take it for a container that never ran."""
    box.file("/etc/plain", "text")
    box.process["args"] = [path]
    r = box.create()
    assert r.rc == 1 and words in r.err.lower().replace("$path", "$PATH") and box.id not in box.orlop.ids()


def test_exec_exit_code(box):
    box.up()
    assert box.orlop("exec", box.id, "/bin/probe", "exit", "7").rc == 7
    assert box.orlop("exec", "nobody", "/bin/true").rc == 255


def test_run_exit_code(box):
    assert box.args("exit", "9").run().rc == 9


def test_misuse_of_the_command_line(orlop):
    orlop("checkpoint", "--help").ok()
    r = orlop("restore", "--lsm-mount-context")
    assert r.rc != 0 and re.search("requires an argument|flag needs an argument", r.err + r.out)
    assert orlop("create", "--nonsense").rc == 1


# ---- what is there when a command ends

def test_exit_of_create(box):
    box.args("pause")
    box.create().ok()
    assert box.status() == "created" and os.path.exists(box.pid_file) and kernel.alive(box.pid)


def test_pid_file_text(box):
    box.up()
    assert kernel.read(box.pid_file) == str(box.state()["pid"])


def test_pid_file_only_of_what_has_started(box):
    box.up()
    path = f"{box.bundle}/exec.pid"
    assert box.orlop("exec", "--detach", "--pid-file", path, box.id, "/bin/none").rc == 255
    assert not os.path.exists(path)
    box.orlop("exec", "--detach", "--pid-file", path, box.id, "/bin/probe", "pause").ok()
    assert kernel.alive(int(kernel.read(path)))


def test_parent_is_the_callers_subreaper(box):
    box.up()
    assert int(kernel.stat_fields(box.pid)[1]) == os.getpid()


def test_parent_death_signal_does_not_reach_a_detached_container(box):
    """Shims set SIGKILL for the runtime's process."""
    box.args("pause").write()
    p = box.orlop.popen("run", "--detach", "--bundle", box.bundle, "--pid-file", box.pid_file, box.id,
                        preexec_fn=lambda: kernel.prctl(1, 9))
    box.orlop.finish(p).ok()
    assert kernel.alive(box.pid) and box.status() == "running"


def test_streams_of_a_detached_process_have_no_other_holder(box):
    """Its pipe ends with it."""
    read, write = os.pipe()
    box.args("pause").write()
    box.orlop.finish(box.orlop.popen("run", "--detach", "--bundle", box.bundle, "--pid-file", box.pid_file, box.id, stdout=write)).ok()
    os.close(write)
    box.kill("KILL").ok()
    with os.fdopen(read, "rb") as f:
        f.read()


def test_streams_of_a_foreground_run(box):
    """They are the caller's own."""
    with open(f"{box.bundle}/input", "w+") as f:
        f.write("x")
        f.flush()
        seen = json.loads(box.run(stdin=f).ok().out)
    assert [x["fd"] for x in seen["fds"]] == [0, 1, 2]


def test_terminal_without_a_socket(box):
    box.process["terminal"] = True
    box.refused("console-socket")


def test_console_socket_gets_one_descriptor(box, tmp):
    box.process["terminal"] = True
    box.args("pause").write()
    with pidfd_socket(f"{tmp}/console") as s:
        box.orlop("create", "--bundle", box.bundle, "--pid-file", box.pid_file, "--console-socket", s.path, box.id).ok()
        name, fd = s.receive()
    assert 0 < len(name) < 4096 and os.isatty(fd)
    os.close(fd)


@pytest.mark.parametrize("verb", ["create", "start", "exec", "pause", "resume", "update", "kill", "delete"])
def test_nothing_is_printed_on_success(box, verb):
    box.args("pause")
    r = box.create().ok()
    if verb != "create":
        r = box.start().ok()
    if verb == "resume":
        box.orlop("pause", box.id).ok()
    if verb == "exec":
        r = box.orlop("exec", "--detach", box.id, "/bin/probe", "exit", "0").ok()
    elif verb == "update":
        r = box.orlop("update", "--pids-limit", "0", box.id)
        assert r.rc == 0 or "pids" in r.err
        return
    elif verb == "kill":
        r = box.kill("KILL").ok()
    elif verb == "delete":
        r = box.delete("--force").ok()
    elif verb in ("pause", "resume"):
        r = box.orlop(verb, box.id).ok()
    assert (r.out, r.err) == ("", "")


@pytest.mark.parametrize("words", [["--resources=-"], ["--resources", "-"], ["-r", "-"]])
def test_update_reads_its_standard_input(box, words):
    box.up()
    path = f"{box.bundle}/resources"
    with open(path, "w") as f:
        f.write('{"unified": {"cgroup.max.depth": "7"}, "memory": null}')
    with open(path) as f:
        r = box.orlop("update", *words, box.id, stdin=f).ok()
    assert (r.out, r.err) == ("", "")


@pytest.mark.parametrize("verb", ["pause", "kill", "delete"])
def test_calls_without_path_in_the_environment(box, verb):
    box.up()
    box.orlop(verb, *(["--force"] if verb == "delete" else []), box.id, env={"XDG_RUNTIME_DIR": ""}).ok()
    if verb == "pause":
        box.orlop("resume", box.id, env={}).ok()


def test_bundle_after_create(box):
    """What exec and delete need is kept."""
    box.up()
    os.unlink(f"{box.bundle}/config.json")
    box.orlop("exec", box.id, "/bin/probe", "true").ok()
    box.delete("--force").ok()


def test_state_directory_is_ours_alone(box):
    box.up()
    st = os.stat(f"{box.orlop.root}/{box.id}")
    assert st.st_mode & 0o077 == 0
    assert all(os.lstat(f"{box.orlop.root}/{box.id}/{n}").st_mode & 0o077 == 0 for n in os.listdir(f"{box.orlop.root}/{box.id}"))


def test_hook_reads_compact_json(box):
    out = f"{box.bundle}/hook"
    box.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", f"cat >{out}"]}]}
    box.up()
    text = kernel.read(out)
    assert "\\/" not in text and "\n" not in text.strip() and json.loads(text)["id"] == box.id


def test_hook_that_does_not_read(box):
    box.config["hooks"] = {"createRuntime": [{"path": "/bin/true"}]}
    box.config["annotations"] = {f"k{n}": "v" * 1000 for n in range(200)}
    box.up()
