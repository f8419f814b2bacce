# SPDX-License-Identifier: GPL-2.0-or-later
"""
Programs that cannot be executed: found by `create` with the words and so the exit statuses that engines know;
what only execve(2) can find ends the container with 126 or 127, as a program that has run and ended.
"""
import os
import re

import pytest
from lib import config as conf
from lib import elf, host, kernel


def docker(text):
    """cli/command/container/run.go, toStatusError(): Go's texts, in their case."""
    if any(w in text for w in ("executable file not found", "no such file or directory", "system cannot find the file specified")):
        return 127
    return 126 if any(w in text for w in ("permission denied", "is a directory")) else 125


def dockerd(text):
    """daemon/errors.go, setExitCodeFromError()."""
    text = text.lower()
    if any(w in text for w in ("executable file not found", "no such file or directory", "failed to run runc create/exec call")):
        return 127
    return 126 if any(w in text for w in ("permission denied", "is a directory")) else 128


def podman(text):
    """libpod/oci_util.go, getOCIRuntimeError(), and define/exec_codes.go."""
    if re.search("(?i)permission denied|operation not permitted", text):
        return 126
    return 127 if re.search("(?i)executable file not found in|no such file or directory|open executable", text) else 125


def engines(text):
    return docker(text), dockerd(text), podman(text)


CASES = {
    "not in PATH": (127, ["nothing-like-this"], "executable file not found in $PATH: no such file or directory"),
    "no such file": (127, ["/bin/nothing"], "exec `/bin/nothing`: executable file not found: no such file or directory"),
    "empty": (127, [""], "no such file or directory"),
    "a directory": (126, ["/bin"], "is a directory"),
    "a directory in PATH": (127, ["folder"], "not found in $PATH", "what `/bin/folder` names is but a directory"),
    "not executable": (126, ["/bin/data"], "permission denied (no execute bit is set in its mode 0644)"),
    "a device": (126, ["/dev/null"], "permission denied (it is not a regular file)"),
    "a fifo": (126, ["/bin/fifo"], "permission denied (it is not a regular file)"),
    "noexec": (126, ["/noexec/tiny"], "permission denied (it lies on a mount with the option `noexec`)"),
    "noexec in PATH": (127, ["only-noexec"], "not found in $PATH", "`/noexec/only-noexec` lies on a mount with the option `noexec`"),
    "not executable in PATH": (127, ["data"], "not found in $PATH", "`/bin/data` is there, but not executable"),
    "no interpreter": (127, ["/bin/script"], "the interpreter `/bin/nope` of the script `/bin/script` is missing"),
    "CR LF": (127, ["/bin/crlf"], "ends in CR LF"),
    "interpreter of interpreter": (127, ["/bin/outer"], "the interpreter `/bin/script` of the script `/bin/outer`"),
    "interpreter not executable": (126, ["/bin/badly"], "the interpreter `/bin/data` of the script `/bin/badly` is not executable"),
    "no loader": (127, ["/bin/dynamic"], "the dynamic loader `/lib/ld-nope.so` that it names is missing"),
    "another machine": (126, ["/bin/foreign"], "it is a program for machine aarch64"),
    "nothing known": (126, ["/bin/text"], "exec format error", "neither a program for this machine nor a script that begins with #!"),
    "empty file": (126, ["/bin/void"], "exec format error", "it is empty"),
    "a machine without a name": (126, ["/bin/strange"], "it is a program for machine number 4660"),
    "cut off": (126, ["/bin/cut"], "exec format error", "it is no complete program"),
    "cut off at once": (126, ["/bin/begun"], "exec format error", "it is no complete program"),
    "one string": (127, ["echo hello"], "executable file not found in $PATH", "is `echo` the program"),
    "one string with a path": (127, ["/bin/probe pause"], "no such file", "is `/bin/probe` the program"),
}


@pytest.fixture
def full(box):
    box.mounts.append(conf.mount("/noexec", "tmpfs", "tmpfs", ["noexec", "tmpcopyup"]))
    for name in ("tiny", "only-noexec"):
        elf.install(box, f"noexec/{name}", elf.program())
    os.mkdir(f"{box.rootfs}/bin/folder")
    os.mkfifo(f"{box.rootfs}/bin/fifo", 0o755)
    os.chmod(f"{box.rootfs}/bin/fifo", 0o755)
    box.file("bin/data", "#!/bin/probe\n")
    for name, text in (("script", "#!/bin/nope -x\n"), ("crlf", "#!/bin/probe\r\necho\r\n"), ("outer", "#! /bin/script\n"),
                       ("badly", "#!/bin/data\n"), ("text", "hello\n"), ("void", "")):
        box.file(f"bin/{name}", text, 0o755)
    elf.install(box, "bin/dynamic", elf.program(loader="/lib/ld-nope.so"))
    elf.install(box, "bin/foreign", elf.program(machine=elf.AARCH64))
    elf.install(box, "bin/strange", elf.program(machine=0x1234))
    elf.install(box, "bin/cut", elf.program()[:40])
    elf.install(box, "bin/begun", elf.program()[:4])
    box.process["env"] = ["PATH=/usr/bin:/bin:/noexec"]
    return box


@pytest.mark.parametrize("case", CASES)
def test_found_at_create(full, case):
    want, args, *words = CASES[case]
    full.process["args"] = args
    for user in (0, 1000):
        full.process["user"] = {"uid": user, "gid": user}
        r = full.refused("/process/args/0", *words)
        assert engines(r.err) == (want, want, want), r
    full.refused(*words, run=True)


@pytest.mark.parametrize("case", [c for c in CASES if c != "empty"])
def test_found_by_exec(full, case):
    want, args, *words = CASES[case]
    full.up()
    r = full.orlop("exec", full.id, *args)
    r.failed(*words)
    assert engines(r.err) == (want, want, want), r
    pid_file = f"{full.bundle}/exec-pid"
    r = full.exec_process({**full.process, "args": args}, "--detach", "--pid-file", pid_file)
    r.failed(*words)
    assert not os.path.exists(pid_file)


def test_too_long(box):
    box.args("/bin/probe", "exit", "0", "x" * 131072)
    box.refused("argument list too long", "process.args and process.env together")
    box.args("/bin/probe", "exit", "5", "x" * 131000)
    assert box.run().rc == 5


def test_symlink_loop(full):
    os.symlink("loop", f"{full.rootfs}/bin/loop")
    for args in (["/bin/loop"], ["loop"]):
        full.process["args"] = args
        full.refused("`/bin/loop`", "lead in a circle")


def test_a_source_of_a_mount_is_not_the_program(box, tmp):
    """With its words dockerd would give the container the status of a program that is not executable."""
    box.mounts.append(conf.bind("/etc/passwd/x", "/etc"))
    r = box.refused("/mounts/")
    assert 126 not in engines(r.err), r


# ---- usual programs are left alone

def test_readable_by_nobody(full):
    """What cannot be read can be executed all the same."""
    elf.install(full, "bin/secret", elf.program(5), 0o111)
    full.process["user"] = {"uid": 1000, "gid": 1000}
    full.process["args"] = ["/bin/secret"]
    assert full.run().rc == 5


def test_scripts_of_scripts(box):
    box.add_busybox()
    box.file("bin/first", "#!/bin/sh\nexit 7\n", 0o755)
    for i, (name, of) in enumerate((("second", "first"), ("third", "second"), ("fourth", "third"))):
        box.file(f"bin/{name}", f"#!/bin/{of} -{i}\n", 0o755)
    box.process["args"] = ["/bin/fourth"]
    assert box.run().rc == 7


def test_a_loader_that_is_there(box):
    elf.install(box, "lib/ld.so", elf.program(9))
    elf.install(box, "bin/dynamic", elf.program(5, loader="/lib/ld.so"))
    box.process["args"] = ["/bin/dynamic"]
    assert box.run().rc == 9


def test_the_trial_runs_nothing(box):
    """A file that looks odd and is none: an a.out header or such; nothing of it may run at `create`."""
    box.add_busybox()
    # more interpreters than we follow, which the kernel takes or not: its word counts
    box.file("bin/s0", "#!/bin/sh\necho ran >/tmp/ran\nexit 3\n", 0o755)
    for i in range(1, 5):
        box.file(f"bin/s{i}", f"#!/bin/s{i - 1}\n", 0o755)
    box.process["args"] = ["/bin/s4"]
    r = box.create()
    assert not os.path.exists(f"{box.rootfs}/tmp/ran")
    if r.rc == 0:
        box.start().ok()
        box.wait_stopped()
        assert kernel.read(f"{box.rootfs}/tmp/ran") == "ran\n"


# ---- what execve(2) alone finds out

@pytest.fixture
def spoiled(box):
    """A created container whose program is no more what it was."""
    elf.install(box, "bin/tiny", elf.program())
    box.args("/bin/tiny").create().ok()
    return box


@pytest.mark.parametrize("how,status,words", [
    ("gone", 127, "no such file or directory"), ("text", 126, "exec format error"),
    ("mode", 126, "permission denied"), ("script", 127, "the interpreter `/bin/nope`")])
def test_it_has_run_and_ended(spoiled, tmp, how, status, words):
    path = f"{spoiled.rootfs}/bin/tiny"
    if how == "gone":
        os.unlink(path)
    elif how == "mode":
        os.chmod(path, 0o644)
    else:
        spoiled.file("bin/tiny", "hello\n" if how == "text" else "#!/bin/nope\n", 0o755)
    r = spoiled.orlop("--log", f"{tmp}/log", "--log-format", "json", "start", spoiled.id)
    assert r.rc == 0, r
    assert words in r.err and words in kernel.read(f"{tmp}/log") and '"level":"error"' in kernel.read(f"{tmp}/log")
    assert words in kernel.read(spoiled.err_path)       # its standard error
    pid = spoiled.pid
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == status
    assert spoiled.status() == "stopped"
    spoiled.start().failed("stopped")
    spoiled.delete().ok()


def test_run_ends_with_the_status(box):
    """A mount that comes between the check and execve(2): a startContainer hook takes the program away."""
    box.add_busybox()
    os.symlink("busybox", f"{box.rootfs}/bin/rm")
    elf.install(box, "bin/tiny", elf.program())
    box.config["hooks"] = {"startContainer": [{"path": "/bin/rm", "args": ["rm", "/bin/tiny"]}]}
    box.args("/bin/tiny")
    before = host.Snapshot()
    box.run().failed("exec `/bin/tiny`: no such file or directory", rc=127)
    assert box.orlop.ids() == []
    before.assert_same()
    elf.install(box, "bin/tiny", elf.program())
    box.run("--keep").failed("exec `/bin/tiny`", rc=127)
    assert box.status() == "stopped"
    box.delete().ok()
