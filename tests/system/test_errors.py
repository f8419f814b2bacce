# SPDX-License-Identifier: GPL-2.0-or-later
"""
Errors for programs: one object with a code that stays, whatever the words are; and what people see of it on a terminal.
"""
import json
import os
import pty
import re
import subprocess

import pytest
from lib import kernel
from lib.box import PROGRAM, deadline

MEMBERS = ["level", "msg", "time", "code", "phase", "pointer", "path", "errno", "hint"]


def manual_codes():
    """The list of the manual page, which is the contract."""
    page = kernel.read(f"{os.path.dirname(__file__)}/../../man/orlop.8")
    text = page[page.index(".Sh ERRORS AS JSON"):page.index(".Sh EXAMPLES")]
    return set(re.findall(r"^\.It Cm ([a-z-]+)$", text, re.M))


def one(text):
    assert text.endswith("}\n") and text.count("\n") == 1, text
    error = json.loads(text)
    assert list(error) == [m for m in MEMBERS if m in error] and set(MEMBERS[:3]) <= set(error), error
    assert error["level"] == "error" and all(v and isinstance(v, str) for v in error.values()), error
    assert error["code"] in manual_codes() and error["errno"].startswith("E"), error
    assert error.get("hint", "") in error["msg"]
    return error


def fail(orlop, *args, rc=1, **kw):
    """On stderr and in the log there is the same object."""
    log = f"{orlop.tmp}/{orlop.n}.log"
    orlop.options = ["--error-format", "json", "--log", log, "--log-format", "json"]
    r = orlop(*args, **kw)
    assert r.rc == rc and r.out == "", r
    error, logged = one(r.err), one(kernel.read(log))
    assert {**error, "time": ""} == {**logged, "time": ""}
    return {k: v for k, v in error.items() if k not in ("level", "msg", "time")}


def test_usage(orlop):
    assert fail(orlop, "sate", "x") == {"code": "usage", "phase": "options", "errno": "EINVAL",
                                        "hint": "see `orlop --help`"}
    assert fail(orlop, "state")["code"] == "usage"
    assert fail(orlop, "kill", "x", "NOSIG")["code"] == "usage"
    assert fail(orlop, "state", "a/b")["code"] == "usage"
    assert fail(orlop, "delete", "--regex", "(")["code"] == "usage"
    assert fail(orlop, "update", "--memory", "x", "y")["code"] == "usage"


@pytest.mark.parametrize("args", [["--error-format", "json", "--nonsense"], ["--error-format=json", "--log-level", "x"],
                                  ["--error-format", "json"]])
def test_before_there_is_a_command(args):
    """What comes first holds for what is wrong behind it."""
    r = subprocess.run([PROGRAM, *args], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert r.returncode == 1 and r.stdout == "" and (one(r.stderr)["code"] == "usage" or len(args) == 2)


def test_of_containers(box, orlop):
    assert fail(orlop, "state", box.id) == {"code": "container-unknown", "errno": "ENOENT"}
    box.up()
    error = fail(orlop, "create", "-b", box.bundle, box.id)
    assert error["code"] == "container-exists" and error["errno"] == "EEXIST"
    assert fail(orlop, "start", box.id)["code"] == "container-state"
    assert fail(orlop, "delete", box.id)["code"] == "container-state"
    assert fail(orlop, "resume", box.id)["code"] == "container-state"
    box.kill("KILL").ok()
    box.wait_stopped()
    assert fail(orlop, "kill", box.id) == {"code": "container-state", "errno": "ESRCH"}
    assert fail(orlop, "exec", box.id, "/x", rc=255)["code"] == "container-state"
    assert fail(orlop, "events", box.id)["code"] == "container-state"
    with open(f"{orlop.root}/{box.id}/state.json", "w") as f:
        f.write("{}")
    assert fail(orlop, "state", box.id)["code"] == "container-damaged"


def test_of_the_configuration(box, orlop):
    box.config["process"]["cwd"] = 7
    box.write()
    assert fail(orlop, "run", "-b", box.bundle, box.id) == {
        "code": "config", "phase": "config", "pointer": "/process/cwd", "path": "config.json", "errno": "EINVAL"}
    box.config["process"]["cwd"] = "/"
    box.linux["sysctl"] = {"kernel.core_pattern": "x"}
    box.write()
    error = fail(orlop, "run", "-b", box.bundle, box.id)
    assert (error["code"], error["pointer"]) == ("config", "/linux/sysctl/kernel.core_pattern")
    os.unlink(f"{box.bundle}/config.json")
    error = fail(orlop, "run", "-b", box.bundle, box.id)
    assert (error["code"], error["phase"], error["path"]) == ("not-found", "config", "config.json")


def test_of_a_stage(box, orlop):
    """By the container's own process, whose words come over a socket."""
    box.mounts.append({"destination": "/x", "type": "bind", "source": "/nonexistent", "options": ["bind"]})
    n = len(box.mounts) - 1
    box.write()
    error = fail(orlop, "run", "-b", box.bundle, box.id)
    assert error == {"code": "not-found", "phase": "mounts", "pointer": f"/mounts/{n}/source", "path": "/x",
                     "errno": "ENOENT"}
    box.mounts[n] = {"destination": "/bin/probe/x", "type": "tmpfs", "source": "tmpfs"}
    box.write()
    error = fail(orlop, "run", "-b", box.bundle, box.id)
    assert (error["code"], error["phase"], error["pointer"], error["path"], error["errno"]) == (
        "not-found", "mounts", f"/mounts/{n}", "/bin/probe/x", "ENOTDIR")


def test_of_the_program(box, orlop):
    box.args("/bin/none")
    box.write()
    error = fail(orlop, "run", "-b", box.bundle, box.id)
    assert (error["code"], error["phase"], error["path"]) == ("program", "program", "/bin/none")
    assert error["pointer"] == "/process/args/0"
    box.up()
    error = fail(orlop, "exec", box.id, "/etc", rc=255)
    assert (error["code"], error["errno"], error["path"]) == ("program", "EACCES", "/etc")


def test_of_a_hook(box, orlop):
    """With the end of what it said."""
    box.config["hooks"] = {"createRuntime": [{"path": "/bin/true"},
                                             {"path": "/bin/sh", "args": ["sh", "-c", "echo no disk >&2; exit 3"]}]}
    box.write()
    assert fail(orlop, "create", "-b", box.bundle, box.id) == {
        "code": "hook", "phase": "hooks", "pointer": "/hooks/createRuntime/1", "path": "/bin/sh", "errno": "ECANCELED",
        "hint": "its output ends: no disk"}


def test_of_the_host(box, orlop):
    box.write()
    error = fail(orlop, "run", "--pid-file", "/nonexistent/pid", "-b", box.bundle, box.id)
    assert error["code"] == "not-found"
    box.linux["namespaces"].append({"type": "user", "path": "/nonexistent"})
    box.write()
    assert fail(orlop, "run", "-b", box.bundle, box.id)["errno"] == "ENOENT"
    box.linux["namespaces"].pop()
    box.up()
    assert fail(orlop, "wait", "--timeout", "1ms", box.id) == {"code": "timeout", "errno": "ETIMEDOUT"}


def test_hostile_names(box, orlop):
    """Nothing that is foreign ends the object, or the line."""
    name = '/x"\\\n{"code":"usage"}\x1b[2J'
    box.mounts.append({"destination": name, "type": "bind", "source": "/nonexistent", "options": ["bind"]})
    box.write()
    error = fail(orlop, "run", "-b", box.bundle, box.id)
    assert error["code"] == "not-found" and "\x1b" not in error["path"] and '"code":"usage"' in error["path"]


def test_warnings_are_objects_too(box, orlop):
    """On stderr, where nobody takes the first one for the error: they have no code."""
    box.process["capabilities"] = {"bounding": ["CAP_NONSENSE"]}
    box.args("exit", "0")
    box.write()
    orlop.options = ["--error-format", "json"]
    r = orlop("run", "-b", box.bundle, box.id).ok()
    warnings = [json.loads(x) for x in r.err.splitlines()]
    assert warnings and all(w["level"] == "warning" and list(w) == MEMBERS[:3] for w in warnings), r


def test_text_is_as_it_was(orlop):
    """Without the option, and with it: engines look for these words."""
    assert orlop("state", "x").failed().err == "orlop: container `x` does not exist\n"
    orlop.options = ["--error-format", "text", "--log", f"{orlop.tmp}/log", "--log-format", "json"]
    assert orlop("state", "x").failed().err == "orlop: container `x` does not exist\n"
    assert one(kernel.read(f"{orlop.tmp}/log"))["code"] == "container-unknown"


def on_terminal(orlop, *args, **env):
    """What is written to a terminal that is stderr."""
    ours, theirs = pty.openpty()
    p = orlop.popen(*args, stderr=theirs, env={**orlop.env, **env})
    os.close(theirs)
    seen = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:     # EIO: nobody has it open any more
            break
        if not part:
            break
        seen += part
    os.close(ours)
    p.wait(deadline(10))
    return seen.decode()


def test_colours(orlop):
    """Only on a terminal that has them, and never for programs."""
    plain = "orlop: container `x` does not exist\r\n"
    assert on_terminal(orlop, "state", "x", TERM="xterm") == plain.replace("orlop:", "\x1b[1;31morlop:\x1b[0m")
    assert on_terminal(orlop, "state", "x", TERM="xterm", NO_COLOR="") != plain, "empty is as not set"
    assert on_terminal(orlop, "state", "x", TERM="xterm", NO_COLOR="1") == plain
    assert on_terminal(orlop, "state", "x", TERM="dumb") == plain
    assert on_terminal(orlop, "state", "x") == plain
    orlop.options = ["--error-format", "json"]
    assert one(on_terminal(orlop, "state", "x", TERM="xterm").replace("\r\n", "\n"))
