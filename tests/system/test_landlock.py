# SPDX-License-Identifier: GPL-2.0-or-later
"""The annotation org.orlop.landlock: seen from inside, by what the process can no longer do."""
import ctypes
import json
import os
import shutil
import socket
import sys

import pytest
from lib import config as conf
from lib import host, kernel

pytestmark = [pytest.mark.kernel, pytest.mark.one_vm]

KEY = "org.orlop.landlock"
ABI = ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1)  # landlock_create_ruleset(2)
CREATE, ADD, RESTRICT = 444, 445, 446
NEEDED = pytest.mark.skipif(ABI < 6, reason="Landlock has not ABI 6")
REFUSE = f"{os.path.dirname(__file__)}/lib/refuse.py"


@pytest.fixture
def shell(make_box):
    box = make_box(busybox=True)
    os.symlink("busybox", f"{box.rootfs}/bin/timeout")
    for d in ("data", "rw", "other"):
        os.mkdir(f"{box.rootfs}/{d}", 0o755)
        os.chmod(f"{box.rootfs}/{d}", 0o777)
        box.file(f"{d}/file", d)
        os.chmod(f"{box.rootfs}/{d}/file", 0o666)
    return box


def with_rules(box, **rules):
    box.config["annotations"] = {KEY: json.dumps(rules)}
    return box


def script(box, text):
    return box.args("/bin/sh", "-c", text)


WHO = {"root with all capabilities": None, "no_new_privs": True, "a user": {"uid": 5, "gid": 6}}


@NEEDED
@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("filtered", [False, True])
@pytest.mark.parametrize("userns", [False, True])
def test_paths(shell, who, filtered, userns):
    box = with_rules(shell, readOnly=["/data"], readWrite=["/rw", "/dev/null"], execute=["/bin"])
    box.process["noNewPrivileges"] = who == "no_new_privs"
    if who == "a user":
        box.process["user"] = WHO[who]
    if filtered:
        box.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["chroot"], "action": "SCMP_ACT_ERRNO"}]}
    if userns:
        conf.userns(box.config)
    script(box, """
        try() { name=$1; shift; if "$@" >/dev/null 2>&1; then echo "$name yes"; else echo "$name no"; fi; }
        try read cat /data/file; try write sh -c 'echo x >/data/file'; try list ls /data
        try rw-read cat /rw/file; try rw-write sh -c 'echo x >/rw/file'; try rw-make sh -c 'echo x >/rw/new'
        try rw-exec sh -c 'cp /bin/busybox /rw/sh; /rw/sh true'
        try other cat /other/file; try root ls /; try proc cat /proc/self/status
    """)
    seen = dict(line.split() for line in box.run().ok().out.splitlines())
    assert seen == {"read": "yes", "write": "no", "list": "yes", "rw-read": "yes", "rw-write": "yes", "rw-make": "yes",
                    "rw-exec": "no", "other": "no", "root": "no", "proc": "no"}


def test_without_it(shell):
    script(shell, "cat /other/file; ls / >/dev/null && echo x >/data/file && echo fine")
    assert shell.run().ok().out == "otherfine\n"


@NEEDED
@pytest.mark.parametrize("nnp", [False, True])
def test_exec_has_it_too(shell, nnp):
    box = with_rules(shell, readOnly=["/data"], execute=["/bin"])
    box.process["noNewPrivileges"] = nnp
    script(box, "while :; do sleep 1; done")
    box.create().ok()
    box.start().ok()
    r = box.exec("--", "/bin/sh", "-c", "cat /data/file; cat /other/file")
    assert r.rc == 1 and r.out == "data" and "Permission denied" in r.err
    process = {**box.process, "noNewPrivileges": False, "args": ["/bin/cat", "/other/file"]}
    assert "Permission denied" in box.exec_process(process).err


@NEEDED
def test_no_capability_is_left_of_it(box):
    """Without no_new_privs it takes CAP_SYS_ADMIN, which the program and a process that waits do not have."""
    with_rules(box, readOnly=["/"], execute=["/bin"])
    conf.set_caps(box.process, ["CAP_KILL"])
    box.args("pause").create().ok()
    status = kernel.status(box.pid)
    assert {status[k] for k in ("CapEff", "CapPrm", "CapBnd")} == {f"{1 << 5:016x}"}
    box.start().ok()
    status = kernel.status(box.pid)
    assert {status[k] for k in ("CapEff", "CapPrm", "CapBnd")} == {f"{1 << 5:016x}"}
    assert not [fd for fd in os.listdir(f"/proc/{box.pid}/fd") if int(fd) > 2]


@NEEDED
def test_ports(shell):
    box = with_rules(shell, bindTCP=[8080], connectTCP=[9])
    script(box, """
        for port in 8080 8081; do timeout 1 busybox nc -l -p $port 2>&1 || echo bind $port $?; done
        for port in 9 10; do busybox nc 127.0.0.1 $port 2>&1; done; cat /other/file
    """)
    out = box.run().ok().out
    assert "bind 8080 143" in out or "bind 8080 124" in out
    assert "bind: Permission denied\nbind 8081 1\n" in out
    assert out.count("Connection refused") == 1 and out.count("Permission denied") == 2
    assert out.endswith("other")  # files are not asked about


@NEEDED
def test_scope_of_signals(shell):
    conf.without_namespace(shell.config, "pid")
    text = f"kill -0 {os.getpid()} && echo signalled"
    assert script(shell, text).run().out == "signalled\n"
    r = with_rules(shell, scopes=["signal"]).run()
    assert r.out == "" and "Operation not permitted" in r.err


@NEEDED
def test_scope_of_abstract_sockets(shell):
    """One of the host's network namespace can be connected to, until it is out of scope."""
    name = f"{host.TAG}landlock"
    conf.without_namespace(shell.config, "network")
    for d in ("/usr", "/lib", "/lib64"):
        shell.mounts.append(conf.bind(os.path.realpath(d), d, "ro"))
    shell.args("/usr/bin/python3", "-c", f"import socket; socket.socket(socket.AF_UNIX).connect('\\0{name}'); print('connected')")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{name}")
        listener.listen()
        assert shell.run().ok().out == "connected\n"
        r = with_rules(shell, scopes=["abstractUnixSocket"]).run()
    assert r.out == "" and "Operation not permitted" in r.err


@NEEDED
@pytest.mark.parametrize("rules, words", [
    ({"readOnly": ["/nosuch"]}, ["`/nosuch`", "/readOnly/0"]),
    ({"readOnly": ["/data"], "execute": ["/bin", "/proc/self/root"]}, ["/execute/1"]),
    ({"readOnly": ["data"]}, ["/readOnly/0", "absolute"]),
    ({"readonly": ["/data"]}, ["/readonly", "did you mean `readOnly`"]),
    ({"whatever": 1}, ["/whatever", "unknown member"]),
    ({"bindTCP": [65536]}, ["/bindTCP/0", "65535"]), ({"bindTCP": ["80"]}, ["/bindTCP/0"]), ({"connectTCP": 80}, ["/connectTCP"]),
    ({"scopes": ["signals"]}, ["/scopes/0", "signal"]),
    ({}, ["nothing"]), ({"bestEffort": True}, ["nothing"]),
])
def test_mistakes(shell, rules, words):
    with_rules(shell, **rules)
    script(shell, "true").refused(KEY, *words)


@pytest.mark.parametrize("text, words", [("", []), ("ro=/usr", ["not JSON"]), ("[]", ["object"])])
def test_value_is_no_object(box, text, words):
    box.config["annotations"] = {KEY: text}
    r = box.refused(f"/annotations/{KEY}", *words)
    assert "line " in r.err


@pytest.mark.parametrize("key", ["org.orlop.landlok", "org.orlop.Landlock", "org.orlop."])
def test_another_name_of_ours(box, key):
    """A misspelt one would leave the container as it is."""
    box.config["annotations"] = {key: "{}"}
    r = box.refused("unknown annotation", f"/annotations/{key}")
    assert ("did you mean `org.orlop.landlock`" in r.err) == (key != "org.orlop.")


@NEEDED
@pytest.mark.parametrize("program", ["/rw/tool", "/rw/script", "/bin/script"])
def test_program_must_be_executable(shell, program):
    """create says so, for the interpreter, too."""
    shutil.copy(f"{shell.rootfs}/bin/busybox", f"{shell.rootfs}/rw/tool")
    for place, interpreter in (("rw", "/bin/sh"), ("bin", "/rw/tool")):
        shell.file(f"{place}/script", f"#!{interpreter}\n", 0o755)
    with_rules(shell, readOnly=["/"], execute=["/bin"])
    shell.args(program).refused("permission denied", "/process/args/0", KEY, "execute")


@NEEDED
@pytest.mark.parametrize("path", ["/link", "/link/below", "/up/../link"])
def test_links_are_refused(shell, path):
    """Who may change the link would choose what is allowed the next time."""
    os.symlink("/data", f"{shell.rootfs}/link")
    os.mkdir(f"{shell.rootfs}/data/below")
    os.mkdir(f"{shell.rootfs}/up")
    with_rules(shell, readOnly=[path], execute=["/bin"])
    script(shell, "true").refused(KEY, "through a link", "/readOnly/0")


@NEEDED
@pytest.mark.parametrize("kind", ["readOnly", "readWrite", "execute"])
def test_exec_gets_no_more_than_the_first(shell, kind):
    """The container replaces what is named below a directory of its own, by a link to what it may not have."""
    os.makedirs(f"{shell.rootfs}/rw/place")
    os.chmod(f"{shell.rootfs}/rw/place", 0o777)
    shutil.copy(f"{shell.rootfs}/bin/busybox", f"{shell.rootfs}/other/cat")
    rules = {"readWrite": ["/rw"], "execute": ["/bin"]}
    rules[kind] = [*rules.get(kind, []), "/rw/place"]
    with_rules(shell, **rules)
    script(shell, "cd /rw; mv place gone && ln -s /other place && echo done >/rw/done; while :; do sleep 1; done").create().ok()
    shell.start().ok()
    kernel.until(lambda: os.path.exists(f"{shell.rootfs}/rw/done"), 10)
    for command in ["/bin/cat", "/other/file"], ["/bin/sh", "-c", "echo x >/other/file"], ["/other/cat", "/rw/done"]:
        r = shell.exec("--", *command)
        assert r.rc != 0 and "is not what it was, nothing is allowed there" in r.err, r
    assert kernel.read(f"{shell.rootfs}/other/file") == "other"
    assert shell.exec("--", "/bin/cat", "/rw/done").out == "done\n"


@NEEDED
def test_exec_where_a_path_is_gone(shell):
    """A container cannot keep others from looking into it."""
    os.makedirs(f"{shell.rootfs}/rw/place")
    os.chmod(f"{shell.rootfs}/rw/place", 0o777)
    with_rules(shell, readWrite=["/rw"], readOnly=["/rw/place"], execute=["/bin"])
    script(shell, "rmdir /rw/place; echo done >/rw/done; while :; do sleep 1; done").create().ok()
    shell.start().ok()
    kernel.until(lambda: os.path.exists(f"{shell.rootfs}/rw/done"), 10)
    r = shell.exec("--", "/bin/cat", "/rw/done")
    assert (r.rc, r.out) == (0, "done\n") and "`/rw/place` is not what it was" in r.err, r


@NEEDED
def test_the_next_start_gets_no_more(shell):
    os.makedirs(f"{shell.rootfs}/rw/place")
    os.chmod(f"{shell.rootfs}/rw/place", 0o777)
    with_rules(shell, readWrite=["/rw", "/rw/place"], execute=["/bin"])
    script(shell, "rmdir /rw/place && ln -s / /rw/place && echo done").run()
    script(shell, "echo x >/other/file").refused(KEY, "through a link")


@NEEDED
def test_hook_inside_is_confined(shell):
    with_rules(shell, readWrite=["/rw"], execute=["/bin"])
    shell.config["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "echo x >/rw/hook; echo x >/other/hook; true"]}]}
    script(shell, "true").run().ok()
    assert os.path.exists(f"{shell.rootfs}/rw/hook") and not os.path.exists(f"{shell.rootfs}/other/hook")


def refusing(number, errno, *when):
    return [sys.executable, REFUSE, str(number), str(errno), *when]


@pytest.mark.parametrize("errno, words", [(38, ["no Landlock"]), (95, ["not enabled", "lsm="])])
def test_kernel_has_none(shell, errno, words):
    with_rules(shell, readOnly=["/"], execute=["/bin"])
    script(shell, "cat /other/file").refused(KEY, *words, wrap=refusing(CREATE, errno))
    with_rules(shell, readOnly=["/data"], execute=["/bin"], bestEffort=True)
    r = script(shell, "cat /other/file").run(wrap=refusing(CREATE, errno))
    assert r.ok().out == "other" and "no Landlock" in r.err and KEY in r.err


@NEEDED
@pytest.mark.parametrize("rules", [{"readOnly": ["/data"], "execute": ["/bin"]}, {"bindTCP": [80]}, {"connectTCP": []}])
def test_kernel_lies(shell, rules):
    """It says that the rules are in force, and they are not: no program runs."""
    with_rules(shell, **rules)
    script(shell, "echo ran").refused(KEY, "does not enforce", run=True, wrap=refusing(RESTRICT, 0))


@NEEDED
@pytest.mark.parametrize("number", [ADD, RESTRICT])
def test_call_fails(shell, number):
    with_rules(shell, readOnly=["/"], execute=["/bin"])
    script(shell, "echo ran").refused(KEY, wrap=refusing(number, 12))


@NEEDED
@pytest.mark.parametrize("abi, rules, words", [
    (1, {"readOnly": ["/"]}, ["ABI 1", "need 2", "5.19"]), (4, {"readOnly": ["/"]}, ["ABI 4", "ioctl", "6.10"]),
    (3, {"bindTCP": [1]}, ["TCP", "6.7"]), (5, {"scopes": ["signal"]}, ["scopes", "6.12"]),
])
def test_older_kernel(shell, tmp, abi, rules, words):
    """One that says so of itself."""
    older = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=landlock_create_ruleset",
             "-e", f"inject=landlock_create_ruleset:retval={abi}:when=1"]
    with_rules(shell, **rules)
    script(shell, "true").refused(KEY, "bestEffort", *words, wrap=older)


def test_no_checkpoint(shell, tmp):
    with_rules(shell, readOnly=["/"], execute=["/bin"], bestEffort=True)
    script(shell, "while :; do sleep 1; done").create().ok()
    shell.start().ok()
    shell.orlop("checkpoint", "--image-path", f"{tmp}/images", shell.id).failed("Landlock", KEY)
    assert shell.status() == "running"
