# SPDX-License-Identifier: GPL-2.0-or-later
"""
Bad bundles, bad configurations, bad names and hostile surroundings.  Each is refused with status 1
and one line that says what is wrong, with the JSON pointer and for the file line and column, and
leaves nothing behind (Box.refused compares; threats.md T38, T55, T56, T65-T72, T99).
"""
import json
import os
import shutil
import signal
import subprocess

import pytest
from lib import config as conf
from lib import host, kernel
from lib.box import deadline, timed

HUGE = 10 ** 6
ONCE = pytest.mark.needs_native("the same on every host, and slow where it is emulated")


@pytest.fixture
def bad(box):
    """bad(text_or_dict, word...): this config.json is refused by create."""
    def check(config, *words, **kw):
        if isinstance(config, dict):
            config = json.dumps(config)
        data = config if isinstance(config, bytes) else config.encode("utf-8", "surrogatepass")
        box.write = lambda: write(f"{box.bundle}/config.json", data)
        return box.refused(*words, **kw)
    return check


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def changed(box, *path_and_value):
    """A copy of the default configuration with one member set."""
    config = json.loads(json.dumps(box.config))
    at = config
    *path, last, value = path_and_value
    for word in path:
        at = at[word] if isinstance(at, list) else at.setdefault(word, {})
    if isinstance(at, list) and last == len(at):
        at.append(value)
    else:
        at[last] = value
    return config


# ---- the bundle --------------------------------------------------------------------------------


def test_no_bundle(box, orlop):
    r = orlop("create", "--bundle", f"{orlop.tmp}/nowhere", "x").failed("nowhere", "No such file")
    assert orlop.ids() == [], r


def test_bundle_is_a_file(box, orlop):
    orlop("create", "--bundle", "/etc/passwd", "x").failed("/etc/passwd", "Not a directory")
    assert orlop.ids() == []


@pytest.mark.spec("BN-001")
def test_no_config(box):
    box.write = lambda: None
    box.refused("config.json", "No such file")


def test_config_of_another_name(box):
    box.write = lambda: None
    r = box.create("--config", "other.json")
    r.failed("other.json", "No such file")


def test_config_unreadable(box, orlop):
    box.write()
    os.chmod(f"{box.bundle}/config.json", 0o600)
    state = f"{orlop.tmp}/theirs"
    os.mkdir(state)
    os.chown(state, 1000, 1000)
    argv = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups", orlop.argv()[0],
            "--root", state, "create", "--bundle", box.bundle, "x"]
    r = subprocess.run(argv, capture_output=True, text=True, timeout=deadline(20))
    assert r.returncode == 1 and r.stderr.count("\n") == 1, r
    assert "config.json" in r.stderr and "permission denied" in r.stderr
    assert os.listdir(state) == []


@pytest.mark.case("T71")
@pytest.mark.parametrize("kind", ["fifo", "directory", "zero", "tty", "link to zero", "socket"])
def test_config_is_no_file(box, kind):
    path = f"{box.bundle}/config.json"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        os.mkdir(path)
    elif kind == "socket":
        subprocess.run(["/usr/bin/python3", "-c", "import socket, sys; "
                        "socket.socket(socket.AF_UNIX).bind(sys.argv[1])", path], check=True)
    else:
        os.symlink({"tty": "/dev/tty"}.get(kind, "/dev/zero"), path)
    box.write = lambda: None
    took, _ = timed(box.refused, "config.json")
    assert took < deadline(2)


@pytest.mark.case("T71")
def test_exec_process_is_no_file(box, tmp):
    box.up()
    os.mkfifo(f"{tmp}/fifo")
    for path in (f"{tmp}/fifo", tmp, "/dev/zero", f"{tmp}/nowhere"):
        took, r = timed(box.orlop, "exec", "--process", path, box.id)
        r.failed(path)
        assert took < deadline(2)


@pytest.mark.case("T66")
@ONCE
def test_file_too_large(box):
    box.write()
    with open(f"{box.bundle}/config.json", "ab") as f:
        f.write(b" " * (17 << 20))
    box.write = lambda: None
    took, _ = timed(box.refused, "config.json", "16 MiB")
    assert took < deadline(2)


@pytest.mark.case("T66")
@ONCE
def test_file_sparse(box):
    path = f"{box.bundle}/config.json"
    box.write()
    os.truncate(path, 1 << 40)
    box.write = lambda: None
    took, _ = timed(box.refused, "config.json", "16 MiB")
    assert took < deadline(2)


@ONCE
def test_file_just_fits(box):
    box.args("/bin/busybox", "true").add_busybox()
    box.write()
    path = f"{box.bundle}/config.json"
    with open(path, "ab") as f:
        f.write(b"\n" * ((16 << 20) - os.path.getsize(path)))
    box.write = lambda: None
    box.run().ok()


# ---- syntax ------------------------------------------------------------------------------------


@ONCE
@pytest.mark.parametrize("text, words", [
    ("", ["config.json"]),
    (" \n\t ", ["config.json"]),
    ("null", ["object"]),
    ("[]", ["object"]),
    ("{", ["line 1, column"]),
    ("{}", ["ociVersion"]),
    ("{} {}", ["line 1, column 4"]),
    ("{}x", ["line 1, column 3"]),
    ("{\n  // comment\n}", ["line 2, column"]),
    ("{/* comment */}", ["line 1, column"]),
    ('{"a": 1,}', ["line 1, column 9"]),
    ("{'a': 1}", ["line 1, column 2"]),
    ('{"a": NaN}', ["line 1, column 7"]),
    ('{"a": Infinity}', ["line 1, column 7"]),
    ('{"a": 01}', ["line 1, column"]),
    ('{"a": .5}', ["line 1, column 7"]),
    ('{"a": "\t"}', ["line 1, column"]),
    ('{\n "a": "x\n"}', ["line 2, column"]),
    ("\ufeff{}", ["line 1, column 1"]),
])
@pytest.mark.case("T70")
def test_syntax(bad, text, words):
    bad(text, *words)


@ONCE
def test_truncated(box, bad):
    """Every start of the file but the whole is refused, whatever the last byte is."""
    text = json.dumps(box.config, indent=1)
    lines = text.count("\n", 0, len(text) * 9 // 10) + 1
    for n in (1, 7, len(text) // 4, len(text) // 2, len(text) - 2, len(text) - 1):
        bad(text[:n], "config.json", "line ")
    bad(text[:len(text) * 9 // 10], f"line {lines}, column")


@ONCE
@pytest.mark.spec("GL-001")
@pytest.mark.parametrize("name, replacement", [
    ("nul escape", b"\\u0000"), ("nul", b"\0"), ("latin-1", b"\xe9"), ("overlong", b"\xc0\xaf"),
    ("surrogate in utf-8", b"\xed\xa0\x80"), ("lone surrogate", b"\\ud800"),
    ("lone low surrogate", b"\\udc00"), ("surrogate and letter", b"\\ud800x"),
    ("above", b"\xf4\x90\x80\x80"), ("cut", b"\xe2\x82"), ("control", b"\x01"),
])
@pytest.mark.case("T68")
@pytest.mark.parametrize("member", ["args", "path", "key"])
def test_text(box, bad, name, replacement, member):
    config = {
        "args": changed(box, "process", "args", ["/bin/probe", "MARK"]),
        "path": changed(box, "root", "path", "rootfsMARK"),
        "key": changed(box, "annotations", {"xMARK": ""}),
    }[member]
    text = json.dumps(config, indent=1).encode()
    line = text[:text.index(b"MARK")].count(b"\n") + 1
    bad(text.replace(b"MARK", replacement), f"line {line}, column")


@pytest.mark.spec("GL-001")
def test_text_that_is_allowed(box):
    """Odd but valid text goes through to the program as it is."""
    odd = "\u2028 \x7f \ufeff \U0001f600 \"\\ \n"
    box.process["env"] = [f"ODD={odd}"]
    box.add_busybox()
    box.args("/bin/sh", "-c", 'echo "[$ODD]"')
    assert box.run().ok().out == f"[{odd}]\n"


# ---- structure ---------------------------------------------------------------------------------


@ONCE
@pytest.mark.parametrize("depth, kind, where", [
    (65, "[", "known"), (65, "[", "unknown"), (65, '{"a":', "unknown"), (1000, "[", "unknown"),
    (HUGE, "[", "known"), (HUGE, "[", "unknown"), (HUGE, '{"a":', "unknown"),
])
@pytest.mark.case("T65")
def test_nesting(box, bad, depth, kind, where):
    opened = kind * depth + ("1" if kind != "[" else "")
    closed = {"[": "]"}.get(kind, "}") * depth
    member = {"known": "mounts", "unknown": "x"}[where]
    config = changed(box, member, "MARK")
    text = json.dumps(config).replace('"MARK"', opened + closed)
    took, _ = timed(bad, text, "deep", "line 1, column")
    assert took < deadline(3)


@pytest.mark.case("T65")
def test_nesting_small_stack(box):
    """64 KiB of stack are enough for whatever the file holds; 8 MiB of memory for the refusal."""
    text = json.dumps(changed(box, "x", "MARK")).replace('"MARK"', "[" * HUGE + "]" * HUGE)
    write(f"{box.bundle}/config.json", text.encode())
    r = box.orlop("create", "--bundle", box.bundle, "x",
                  wrap=["prlimit", "--stack=65536:65536"])
    r.failed("deep")


@ONCE
def test_nesting_allowed(box):
    box.add_busybox()
    box.args("/bin/busybox", "true")
    config = changed(box, "x", json.loads("[" * 60 + "]" * 60))
    box.write = lambda: write(f"{box.bundle}/config.json", json.dumps(config).encode())
    box.run().ok()


@pytest.mark.case("T66")
@ONCE
@pytest.mark.parametrize("what", ["string", "keys", "args", "mounts", "annotations"])
def test_size(box, what):
    """A lot of anything is refused soon and in little memory."""
    if what == "string":
        config = changed(box, "process", "env", ["A=" + "x" * (15 << 20)])
    elif what == "keys":
        config = changed(box, "x", {f"{i}": 0 for i in range(HUGE)})
    elif what == "args":
        config = changed(box, "process", "args", ["x"] * HUGE)
    elif what == "mounts":
        config = changed(box, "mounts", [{"destination": "/x"}] * 300000)
    else:
        config = changed(box, "annotations", {f"{i}": "" for i in range(HUGE)})
    write(f"{box.bundle}/config.json", json.dumps(config, separators=(",", ":")).encode())
    took, r = timed(box.orlop, "create", "--bundle", box.bundle, box.id,
                    wrap=["prlimit", f"--as={96 << 20}"])
    r.failed("config.json", "1048576" if what == "string" else "values")
    assert took < deadline(2)


@ONCE
@pytest.mark.spec("GL-002")
@pytest.mark.parametrize("path", [
    ("ociVersion",), ("root", "path"), ("process", "noNewPrivileges"), ("process", "user", "uid"),
    ("process", "capabilities"), ("process", "capabilities", "bounding"), ("linux",),
    ("linux", "namespaces"), ("linux", "resources"), ("linux", "maskedPaths"),
    ("linux", "namespaces", 0, "type"), ("mounts", 0, "destination"),
])
@pytest.mark.case("T67")
def test_duplicate(box, bad, path):
    """The same member twice has no meaning: which one counts?"""
    config = json.loads(json.dumps(box.config))
    at = config
    for word in path[:-1]:
        at = at[word]
    at["MARK"] = at[path[-1]]
    text = json.dumps(config).replace('"MARK"', json.dumps(path[-1]))
    bad(text, "/" + "/".join(map(str, path)), "line 1, column")


@ONCE
def test_duplicate_by_escape(bad):
    bad('{"root": {}, "r\\u006fot": {}}', "/root")


@ONCE
@pytest.mark.parametrize("section, name", [
    ("process", "NoNewPrivileges"), ("process", "CAPABILITIES"), ("linux", "Seccomp"),
    ("linux", "maskedpaths"), ("root", "Readonly"),
])
@pytest.mark.case("T67")
def test_case(box, section, name):
    """Another spelling is another, unknown member: a warning, and no effect."""
    box.add_busybox()
    box.args("/bin/sh", "-c", "read -r x </proc/self/status; "
             "while read -r k v; do case $k in NoNewPrivs:|CapBnd:|Seccomp:) echo $k $v; esac; "
             "done </proc/self/status; :>/probe-was-here && echo writable")
    expected = box.run().ok().out
    box.config[section][name] = {"NoNewPrivileges": False, "CAPABILITIES": {}, "Readonly": True,
                                 "Seccomp": {"defaultAction": "SCMP_ACT_KILL"}}.get(name, [])
    r = box.run().ok()
    assert r.out == expected and "NoNewPrivs: 1" in expected and "writable" in expected
    assert r.err.count("\n") == 1 and name in r.err and "warning" in r.err


@ONCE
@pytest.mark.spec("CF-103")
def test_unknown_members_are_ignored(box):
    box.add_busybox()
    box.args("/bin/busybox", "true")
    box.config["com.example"] = {"deep": [{}]}
    box.linux["somethingNew"] = 1
    assert box.run().ok().err == ""


WRONG_TYPES = [
    (("ociVersion",), 1), (("ociVersion",), "1.2"), (("ociVersion",), "2.0.0"),
    (("process",), []), (("process", "args"), "sh"), (("process", "args"), [1]),
    (("process", "args", 0), None), (("process", "env"), {"A": "b"}), (("process", "env"), ["A"]),
    (("process", "env"), ["=b"]), (("process", "cwd"), ""), (("process", "cwd"), "tmp"),
    (("process", "terminal"), "true"), (("process", "terminal"), 1), (("process", "user"), "root"),
    (("process", "noNewPrivileges"), "yes"), (("process", "rlimits"), {}),
    (("process", "rlimits", 0, "type"), "RLIMIT_NOTHING"),
    (("process", "capabilities"), ["CAP_KILL"]), (("process", "oomScoreAdj"), 1001),
    (("root",), "rootfs"), (("root", "path"), ""), (("root", "readonly"), "true"),
    (("mounts",), {}), (("mounts", 0), "proc"), (("mounts", 0, "options"), "ro"),
    (("mounts", 0, "destination"), 7), (("hostname",), ["x"]), (("hostname",), "x" * 65),
    (("linux",), []), (("linux", "namespaces"), "pid"), (("linux", "namespaces", 0), "pid"),
    (("linux", "namespaces", 0, "type"), "bogus"), (("linux", "namespaces", 0, "path"), "ns"),
    (("linux", "maskedPaths"), "/proc"), (("linux", "maskedPaths", 0), "proc"),
    (("linux", "readonlyPaths", 0), "x"), (("linux", "rootfsPropagation"), "loud"),
    (("linux", "sysctl"), []), (("linux", "sysctl", "kernel.msgmax"), 1),
    (("linux", "resources", "devices"), {}), (("linux", "resources", "devices", 0, "type"), "x"),
    (("linux", "resources", "devices", 0, "access"), "rwx"),
    (("linux", "resources", "unified"), {"../x": "1"}), (("linux", "cgroupsPath"), "/../b"),
    (("linux", "cgroupsPath"), 7), (("hooks",), []), (("hooks", "prestart"), {}),
    (("hooks", "prestart"), [{"path": "bin/true"}]), (("hooks", "poststop"), [{}]),
    (("hooks", "poststop"), [{"path": "/bin/true", "timeout": 0}]), (("annotations",), []),
    (("annotations",), {"a": 1}),
]


@pytest.mark.case("T69")
@ONCE
@pytest.mark.spec("CF-104")
@pytest.mark.parametrize("path, value", WRONG_TYPES,
                         ids=["/".join(map(str, p)) + "=" + str(v)[:12] for p, v in WRONG_TYPES])
def test_wrong_value(box, bad, path, value):
    text = json.dumps(changed(box, *path, value), indent=1)
    r = bad(text, "/" + str(path[0]), *([] if "cgroupsPath" in path else ["line "]))
    if not isinstance(value, (dict, list)) and value is not None:
        assert "/" + "/".join(map(str, path)) in r.err, r


@ONCE
@pytest.mark.parametrize("path, good, worse", [
    (("process", "user", "uid"), None, [4294967295, 4294967296, -1, 1 << 63, 1 << 64]),
    (("process", "user", "gid"), None, [4294967295, -1]),
    (("process", "user", "additionalGids"), None, [[4294967295], [-1], [1, 4294967296]]),
    (("process", "user", "umask"), None, [0o1000, 99999, -1]),
    (("process", "rlimits", 0, "soft"), None, [-1, 1 << 64, 1025]),
    (("process", "oomScoreAdj"), None, [-1001, 1001, 1 << 31, 1 << 64]),
    (("linux", "resources", "pids"), None, [{"limit": 1 << 63}, {"limit": -(1 << 63) - 1}]),
    (("linux", "resources", "memory"), None, [{"limit": -2}, {"limit": 1 << 63}]),
    (("linux", "resources", "cpu"), None, [{"shares": -1}, {"shares": 1 << 64}, {"idle": 2}]),
    (("linux", "devices"), None, [[{"path": "/dev/x", "type": "c", "major": 4096, "minor": 0}],
                                  [{"path": "/dev/x", "type": "c", "major": -1, "minor": 0}],
                                  [{"path": "/dev/x", "type": "c", "minor": 0}]]),
    (("hooks", "poststop"), None, [[{"path": "/x", "timeout": -1}],
                                   [{"path": "/x", "timeout": 1 << 64}]]),
])
@pytest.mark.case("T69")
def test_numbers_out_of_range(box, bad, path, good, worse):
    for value in worse:
        bad(changed(box, *path, value), "/" + "/".join(map(str, path)), "line 1, column")


@pytest.mark.case("T69")
@ONCE
@pytest.mark.parametrize("number", ["1.0", "1e3", '"0"', "true", "9" * 400, "-0.0", "1E0"])
def test_not_an_integer(box, bad, number):
    text = json.dumps(changed(box, "process", "user", "uid", "MARK")).replace('"MARK"', number)
    bad(text, "/process/user/uid", "line 1, column")


@ONCE
def test_minus_zero_is_zero(box):
    box.add_busybox()
    box.args("/bin/busybox", "true")
    text = json.dumps(changed(box, "process", "user", "uid", "MARK")).replace('"MARK"', "-0")
    box.write = lambda: write(f"{box.bundle}/config.json", text.encode())
    r = box.run()
    assert r.rc == 0 or "/process/user/uid" in r.failed().err, r


# ---- combinations (T72) ------------------------------------------------------------------------


@pytest.mark.case("T72")
@ONCE
@pytest.mark.spec("RT-042", "RT-043")
def test_combinations(box, bad):
    ns = box.linux["namespaces"]
    for config, words in [
        (changed(box, "linux", "namespaces", len(ns), {"type": "pid"}),
         [f"/linux/namespaces/{len(ns)}/type", "twice"]),
        (changed(box, "linux", "uidMappings", [{"containerID": 0, "hostID": 0, "size": 1}]),
         ["/linux/uidMappings", "user"]),
        (changed(box, "linux", "namespaces", [n for n in ns if n["type"] != "uts"]),
         ["/hostname", "uts"]),
        (changed(box, "linux", "namespaces", len(ns), {"type": "user"}), ["/linux/uidMappings"]),
        (changed(box, "linux", "sysctl", {"kernel.hostname": "x"}), ["/linux/sysctl", "hostname"]),
        (changed(box, "linux", "sysctl", {"kernel.core_pattern": "x"}), ["/linux/sysctl"]),
        (changed(box, "linux", "sysctl", {"net/../kernel/core_pattern": "x"}), ["/linux/sysctl"]),
        (changed(box, "mounts", 0, "options", ["idmap"]), ["/mounts/0/options/0", "type"]),
        (changed(box, "process", "rlimits", 1, dict(box.process["rlimits"][0])),
         ["/process/rlimits/1", "twice"]),
        (changed(box, "process", "rlimits", 0, "soft", 2000), ["/process/rlimits/0/soft"]),
        (changed(box, "process", "args", []), ["/process/args"]),
        (changed(box, "process", "terminal", True), ["/process/terminal", "console-socket"]),
        (changed(box, "process", "apparmorProfile", "nope"), ["/process/apparmorProfile"]),
        (changed(box, "process", "selinuxLabel", "a:b:c:s0"), ["/process/selinuxLabel"]),
        (changed(box, "linux", "mountLabel", "a:b:c:s0"), ["/linux/mountLabel"]),
    ]:
        bad(config, *words)
    without = json.loads(json.dumps(box.config))
    conf.without_namespace(without, "mount")
    conf.userns(without)
    without["linux"]["readonlyPaths"] = without["mounts"] = []
    bad(without, "/linux/maskedPaths", "mount")


@pytest.mark.case("T72")
def test_refused_before_any_side_effect(box, bad, orlop):
    """No process is made for a configuration that contradicts itself."""
    log = f"{orlop.tmp}/strace"
    bad(changed(box, "linux", "namespaces", 6, {"type": "pid"}), "/linux/namespaces/6/type",
        wrap=["strace", "-f", "-qq", "-o", log, "-e", "trace=clone,clone3,fork,vfork,unshare,mount"])
    assert kernel.read(log).strip() == ""


# ---- things that are not there -----------------------------------------------------------------


@pytest.mark.spec("CF-006")
def test_rootfs_missing(box):
    shutil.rmtree(box.rootfs)
    box.refused("/root/path", "No such file")


@pytest.mark.spec("CF-006")
def test_rootfs_is_a_file(box):
    shutil.rmtree(box.rootfs)
    write(box.rootfs, b"")
    box.refused("/root/path", "Not a directory")


@ONCE
def test_program_missing(box):
    """The words by which engines know the case: exit status 127 in podman and docker."""
    box.process["args"] = ["nothing-like-this"]
    box.refused("`nothing-like-this`: executable file not found in $PATH: no such file or directory")
    box.process["args"] = ["/bin/nothing"]
    box.refused("/bin/nothing", "No such file")


@ONCE
def test_program_not_executable(box):
    box.file("/bin/data", "data", 0o644)
    box.process["args"] = ["/bin/data"]
    box.refused("/bin/data", "Permission denied")
    box.process["args"] = ["/bin"]
    r = box.refused("/bin")
    assert "permission denied" in r.err and "is a directory" in r.err


def test_program_of_unknown_format(box):
    box.file("/bin/data", "data", 0o755)
    box.process["args"] = ["/bin/data"]
    box.refused("/bin/data", "exec format error")


def test_cwd_missing_is_created(box):
    """As the other runtimes do."""
    box.add_busybox()
    box.process["cwd"] = "/made/here"
    box.args("/bin/sh", "-c", "pwd")
    assert box.run().ok().out == "/made/here\n"
    assert os.stat(f"{box.rootfs}/made/here").st_mode & 0o7777 == 0o755


def test_cwd_is_a_file(box):
    box.file("/etc/file")
    box.process["cwd"] = "/etc/file"
    box.refused("/process/cwd", "Not a directory")


def test_cwd_not_for_this_user(box):
    """It is entered before the user changes, as by the other runtimes."""
    os.makedirs(f"{box.rootfs}/secret", 0o700)
    box.process["cwd"] = "/secret"
    box.process["user"] = {"uid": 1000, "gid": 1000}
    assert box.probe()["cwd"] == "/secret"


def test_user_not_mapped(box):
    conf.userns(box.config, size=1000)
    for user, where in (({"uid": 1000, "gid": 0}, "uid"), ({"uid": 0, "gid": 1000}, "gid"),
                        ({"uid": 0, "gid": 0, "additionalGids": [5, 1000]}, "additionalGids/1")):
        box.process["user"] = user
        box.refused(f"/process/user/{where}", "1000", "Mappings", "line ")


@pytest.mark.spec("RT-011", "RT-043", "CL-016")
def test_namespace_paths(box, tmp):
    os.mkfifo(f"{tmp}/fifo")
    index = [n["type"] for n in box.linux["namespaces"]].index("network")
    for path, words in ((f"{tmp}/nowhere", ["No such file"]), ("/proc/self/ns/uts", ["network"]),
                        (f"{tmp}/fifo", []), ("/dev/null", []), (tmp, []), ("/etc/passwd", [])):
        box.linux["namespaces"][index]["path"] = path
        took, r = timed(box.refused, f"/linux/namespaces/{index}/path", path, *words)
        assert took < deadline(2), r


@pytest.mark.spec("CF-036", "RT-031")
def test_unknown_capability(box):
    """runtime-spec config.md#linux-process: a warning; the container runs without it."""
    box.add_busybox()
    conf.set_caps(box.process, ["CAP_KILL", "CAP_MAKE_COFFEE"])
    box.args("/bin/sh", "-c", "while read -r k v; do case $k in CapBnd:) echo $v; esac; "
             "done </proc/self/status")
    r = box.run().ok()
    assert int(r.out, 16) == 1 << 5
    assert "CAP_MAKE_COFFEE" in r.err and "/process/capabilities" in r.err and "warning" in r.err


@ONCE
def test_bind_source_missing(box):
    box.mounts.append(conf.bind("/nonexistent/source", "/mnt"))
    box.refused(f"/mounts/{len(box.mounts) - 1}", "/nonexistent/source", "No such file")


@pytest.mark.spec("CF-013")
def test_unknown_mount_option_of_a_file_system(box):
    box.mounts.append(conf.mount("/x", "tmpfs", "tmpfs", ["size=1m", "no_such_option"]))
    box.refused(f"/mounts/{len(box.mounts) - 1}", "no_such_option")


def test_unknown_file_system(box):
    box.mounts.append(conf.mount("/x", "nosuchfs", "none"))
    box.refused(f"/mounts/{len(box.mounts) - 1}", "nosuchfs")


# ---- names -------------------------------------------------------------------------------------


HOSTILE_IDS = ["..", "", ".", "a/b", "../x", "/", ".hidden", "+x", "a\nb", "\x1b[31m", "a b", "%n",
               "x" * 201, "x" * 4096, "ä", b"\xff\xfe", "a\\b", "a:b"]


@pytest.mark.case("T55")
@ONCE
@pytest.mark.spec("RT-037", "RT-038")
@pytest.mark.parametrize("id", HOSTILE_IDS, ids=lambda i: ascii(i)[:16])
def test_hostile_id(box, orlop, id):
    box.write()
    commands = [["create", "--bundle", box.bundle], ["delete", "--force"]]
    if id in ("..", "a\nb"):  # every command looks at it
        commands += [["run", "--bundle", box.bundle], ["start"], ["state"], ["kill"], ["delete"],
                     ["pause"], ["resume"], ["ps"], ["exec"]]
    for command in commands:
        r = orlop(*command, "--", id, *(["/bin/true"] if command == ["exec"] else []))
        r.failed("id")
        assert r.out == "" and r.err[:-1].isprintable(), r
    assert not os.path.exists(orlop.root) or orlop.ids() == []


@ONCE
def test_id_like_an_option(box, orlop):
    box.write()
    orlop("create", "--bundle", box.bundle, "-rf").failed()
    orlop("create", "--bundle", box.bundle, "--", "-rf").failed("-rf")
    assert not os.path.exists(orlop.root) or orlop.ids() == []


@ONCE
@pytest.mark.parametrize("id", ["a..b", "0", "_", "a+b-c_d.e", "x" * 200])
def test_odd_but_good_id(box, orlop, id):
    box.config["linux"]["cgroupsPath"] = f"/{host.TAG}odd"
    box.args("pause").write()
    orlop("create", "--bundle", box.bundle, id).ok()
    assert orlop("state", id).json()["id"] == id
    orlop("delete", "--force", id).ok()


@pytest.mark.spec("RT-004", "RT-037", "RT-038")
def test_busy_id(box):
    pid = box.up()
    before = host.Snapshot()
    box.create().failed(box.id, "already exists")
    box.run().failed(box.id, "already exists")
    before.assert_same()
    assert box.state()["pid"] == pid and box.status() == "running"


@ONCE
def test_command_line(box, orlop):
    box.write()
    orlop().failed("command")
    orlop("no-such-command").failed("no-such-command")
    orlop("create").failed("ID")
    orlop("create", "a", "b", "c").failed()
    orlop("create", "--no-such-option", "x").failed("--no-such-option")
    orlop("create", "--bundle").failed("--bundle")
    orlop("create", "--preserve-fds", "-1", "--bundle", box.bundle, "x").failed("preserve-fds")
    orlop("create", "--preserve-fds", "2", "--bundle", box.bundle, "x").failed("preserve-fds 2")
    orlop("--log-format", "xml", "list").failed("xml")
    orlop("--cgroup-manager", "none", "list").failed("none")
    orlop("kill", "x", "SIGNOTHING").failed("SIGNOTHING")
    assert not os.path.exists(orlop.root) or orlop.ids() == []


@ONCE
@pytest.mark.spec("RT-034", "RT-045", "RT-050", "RT-054")
@pytest.mark.parametrize("verb", ["state", "start", "kill", "delete", "pause", "resume", "ps"])
def test_unknown_container(orlop, verb):
    orlop(verb, "nobody").failed("container `nobody` does not exist")


# ---- the state root (T56) ----------------------------------------------------------------------


@pytest.mark.case("T56")
@ONCE
@pytest.mark.parametrize("kind", ["foreign", "group-writable", "world-writable", "sticky", "file",
                                  "foreign link", "foreign container"])
def test_state_root(box, orlop, kind):
    box.write()
    root = orlop.root
    if kind == "file":
        write(root, b"")
    elif kind == "foreign link":
        os.mkdir(f"{orlop.tmp}/real", 0o700)
        os.symlink("real", root)
        os.lchown(root, 1000, 1000)
    else:
        os.mkdir(root, 0o700)
        os.chmod(root, {"group-writable": 0o770, "world-writable": 0o707, "sticky": 0o1777}
                 .get(kind, 0o700))
        if kind == "foreign":
            os.chown(root, 1000, 1000)
        if kind == "foreign container":
            os.mkdir(f"{root}/{box.id}", 0o700)
            os.chown(f"{root}/{box.id}", 1000, 1000)
    for command in (["create", "--bundle", box.bundle, box.id], ["state", box.id],
                    ["delete", box.id]):
        r = orlop(*command).failed(box.id if "container" in kind else root)
        assert "does not exist" not in r.err or kind == "file", r
    if os.path.isdir(root):
        assert os.listdir(root) in ([], [box.id])
    for path in (root, f"{root}/{box.id}"):  # so that the clean-up can have its way
        if os.path.isdir(path):
            os.chown(path, 0, 0)
            os.chmod(path, 0o700)
    if kind == "file":
        os.unlink(root)


def test_state_root_of_root_ignores_the_session(box, orlop, tmp):
    """XDG_RUNTIME_DIR may be left from the session of a less powerful user."""
    runtime = f"{tmp}/run"
    os.mkdir(runtime)
    os.chown(runtime, 1000, 1000)
    argv = [orlop.argv()[0], "list", "--quiet"]
    r = subprocess.run(argv, env={"XDG_RUNTIME_DIR": runtime}, capture_output=True, text=True)
    assert r.returncode == 0 and os.listdir(runtime) == []


def test_own_link_to_the_state_root(box, orlop):
    """The administrator's own link is followed."""
    os.mkdir(f"{orlop.tmp}/real", 0o700)
    os.symlink("real", orlop.root)
    box.up()
    assert os.listdir(f"{orlop.tmp}/real") == [box.id]


@pytest.mark.parametrize("options", ["size=4k", "nr_inodes=1", "nr_inodes=3"])
def test_disk_full(box, orlop, options):
    """No room for the state: refused, and what was begun is gone again."""
    os.mkdir(orlop.root, 0o700)
    kernel.mount("tmpfs", orlop.root, "tmpfs", 0, f"mode=700,{options}")
    try:
        box.refused("No space left on device")
        assert os.listdir(orlop.root) == []
        box.refused("No space left on device", run=True)
        assert os.listdir(orlop.root) == []
    finally:
        kernel.umount(orlop.root)


# ---- the caller's descriptors (T38) ------------------------------------------------------------


@pytest.mark.case("T38")
@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1), (0, 1, 2)], ids=str)
def test_closed_stdio(box, closed):
    """What we open must not become standard output of the program: /dev/null is put there."""
    box.add_busybox()
    box.args("/bin/sh", "-c", "ls -l /proc/self/fd >/fds; echo out; echo err >&2; exit 7")
    closing = " ".join({0: "<&-", 1: ">&-", 2: "2>&-"}[n] for n in closed)
    r = box.run(wrap=["sh", "-c", f'exec "$@" {closing}', "sh"])
    assert r.rc == 7, r
    links = [line.split(" -> ") for line in kernel.read(f"{box.rootfs}/fds").splitlines()
             if " -> " in line]
    links = {int(left.split()[-1]): right for left, right in links}
    for n in closed:
        assert n == 1 or links[n] == "/dev/null", links
    assert set(links) <= {0, 1, 2, 3}, links  # 3: the directory that ls reads


@ONCE
@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)], ids=str)
def test_closed_stdio_on_failure(box, orlop, closed):
    closing = " ".join({0: "<&-", 1: ">&-", 2: "2>&-"}[n] for n in closed)
    box.process["args"] = ["/bin/nothing"]
    before = host.Snapshot()
    r = box.create(wrap=["sh", "-c", f'exec "$@" {closing}', "sh"])
    assert r.rc == 1 and orlop.ids() == [], r
    assert r.err == "" if 2 in closed else "/bin/nothing" in r.err
    before.assert_same()


def test_stderr_nobody_reads(box, orlop):
    """A broken pipe, or a full disk, for the message: still status 1 and no hang."""
    box.process["args"] = ["/bin/nothing"]
    box.write()
    reading, writing = os.pipe()
    os.close(reading)
    p = orlop.popen("create", "--bundle", box.bundle, box.id, stderr=writing)
    os.close(writing)
    assert p.wait(deadline(20)) in (1, -signal.SIGPIPE)
    with open("/dev/full", "wb") as full:
        p = orlop.popen("create", "--bundle", box.bundle, box.id, stderr=full)
        assert p.wait(deadline(20)) == 1


def test_few_descriptors(box):
    """Too few for us: an error before anything is made; just enough: a container."""
    before = host.Snapshot()
    for n in (8, 20, 34):
        box.run(wrap=["prlimit", f"--nofile={n}:{n}"]).failed("RLIMIT_NOFILE")
        assert box.orlop.ids() == []
    before.assert_same()
    del box.process["rlimits"]
    box.args("state")
    box.run(wrap=["prlimit", "--nofile=35:35"]).ok()


# ---- the log -----------------------------------------------------------------------------------


def one_json_line(path):
    text = kernel.read(path)
    assert text.count("\n") == 1 and text.endswith("\n"), text
    record = json.loads(text)
    assert record["level"] == "error" and record["msg"] and record["time"], record
    return record


@pytest.mark.parametrize("flag", [[], ["--debug"]], ids=["", "debug"])
def test_json_log(box, orlop, flag):
    """Engines read the file as one object, or look for the last line of level error."""
    log = f"{orlop.tmp}/log.json"
    box.process["args"] = ['/bin/no"th\\ing\n{"level":"info"}\x1b']
    conf.set_caps(box.process, ["CAP_MAKE_COFFEE"])
    box.write()
    r = orlop("--log", log, "--log-format", "json", *flag, "create", "--bundle", box.bundle, "x")
    r.failed('/bin/no"th')
    if flag:
        records = [json.loads(line) for line in kernel.read(log).splitlines()]
        assert [x["level"] for x in records].count("error") == 1
        assert records[-1]["level"] == "error"
    else:
        assert "nothing" not in one_json_line(log)["msg"]
        assert '/bin/no"th' in one_json_line(log)["msg"]


@ONCE
def test_json_log_of_a_syntax_error(box, orlop):
    log = f"{orlop.tmp}/log.json"
    write(f"{box.bundle}/config.json", b'{"a\x1b": 1}')
    orlop("--log", log, "--log-format", "json", "create", "--bundle", box.bundle, "x").failed()
    assert "line 1, column" in one_json_line(log)["msg"]


@ONCE
def test_json_log_of_misuse(orlop, tmp):
    log = f"{tmp}/log.json"
    orlop("--log", log, "--log-format", "json", "kill", "nobody").failed()
    assert "does not exist" in one_json_line(log)["msg"]


def test_json_log_of_success(box, orlop):
    """Nothing is written: engines take a line for a failure."""
    log = f"{orlop.tmp}/log.json"
    conf.set_caps(box.process, ["CAP_KILL", "CAP_MAKE_COFFEE"])
    box.args("pause").write()
    options = ["--log", log, "--log-format", "json"]
    assert orlop(*options, "create", "--bundle", box.bundle, box.id).ok().err == ""
    assert orlop(*options, "start", box.id).ok().err == ""
    assert kernel.read(log) == ""


def test_json_log_on_stderr(box, orlop):
    r = orlop("--log-format", "json", "state", "nobody").failed()
    assert json.loads(r.err)["level"] == "error"


@pytest.mark.case("T99")
@ONCE
@pytest.mark.parametrize("text", ["a\nlevel=error msg=\"forged\"", "\x1b[2J", "\x7f", "\u0085",
                                  "q\"uote", "back\\slash", "x" * 5000],
                         ids=["newline", "escape", "del", "c1", "quote", "backslash", "long"])
@pytest.mark.parametrize("place", ["args", "destination", "annotation", "hook"])
def test_log_injection(box, orlop, text, place):
    if place == "args":
        box.process["args"] = [f"/bin/{text}"]
    elif place == "destination":
        box.mounts.append(conf.bind("/nonexistent", f"/{text}"))
    elif place == "annotation":
        box.config["annotations"] = {text: 7}
    else:
        box.config["hooks"] = {"createRuntime": [{"path": f"/nonexistent/{text}"}]}
    box.write()
    for form in ("text", "json"):
        log = f"{orlop.tmp}/{form}"
        r = orlop("--log", log, "--log-format", form, "create", "--bundle", box.bundle, box.id)
        r.failed()
        data = kernel.read(log)
        assert data.count("\n") == 1 and r.err.count("\n") == 1
        for line in (data[:-1], r.err[:-1]):
            assert not any(ord(c) < 0x20 or 0x7f <= ord(c) <= 0x9f for c in line), line
        if form == "json":
            assert json.loads(data)["level"] == "error"
        else:
            assert data.startswith("time=") and " level=error msg=\"" in data
            msg = data.split(" msg=", 1)[1].rstrip("\n")
            assert json.loads(msg)


def test_log_target(box, orlop, tmp, canary):
    """Links of others are not followed, a FIFO without reader does not hang; a full disk changes nothing."""
    os.symlink(f"{canary.path}/file", f"{tmp}/link")
    os.chown(f"{tmp}/link", 1000, 1000, follow_symlinks=False)
    os.mkfifo(f"{tmp}/fifo")
    orlop("--log", f"{tmp}/link", "list").failed(f"{tmp}/link")
    took, r = timed(orlop, "--log", f"{tmp}/fifo", "list")
    r.failed(f"{tmp}/fifo")
    assert took < deadline(2)
    orlop("--log", f"{tmp}/no/such", "list").failed("No such file")
    orlop("--log", "/dev/full", "state", "nobody").failed("does not exist")


# ---- whatever else the caller does wrong -------------------------------------------------------


def test_pid_file_that_cannot_be_written(box, orlop):
    box.args("pause").write()
    before = host.Snapshot()
    orlop("create", "--bundle", box.bundle, "--pid-file", "/nonexistent/pid", box.id).failed(
        "pid file", "/nonexistent/pid", "No such file")
    assert orlop.ids() == []
    before.assert_same()


def test_killed_by_the_caller(box, orlop):
    """SIGTERM while a hook runs: status 1, one line, nothing left."""
    hook = box.file("/../hook", "#!/bin/sh\necho >\"${0%/*}/began\"\nexec sleep 100\n", 0o755)
    box.config["hooks"] = {"createRuntime": [{"path": os.path.realpath(hook)}]}
    before = host.Snapshot()
    p = box.start_run()
    kernel.until(lambda: os.path.exists(f"{box.bundle}/began"), deadline(15), "the hook runs")
    p.send_signal(signal.SIGTERM)
    r = orlop.finish(p)
    r.failed("SIGTERM")
    assert orlop.ids() == []
    before.assert_same()


# ---- what people type from habit ----------------------------------------------------------------


@pytest.mark.parametrize("args, words", [
    (["kill", "-KILL", "x"], ["after the container", "orlop kill ID KILL"]),
    (["kill", "-9", "x"], ["orlop kill ID 9"]), (["kill", "-SIGUSR1", "x"], ["orlop kill ID SIGUSR1"]),
    (["kill", "-NOSUCH", "x"], ["unknown option `-NOSUCH`"]), (["kill", "--al1", "x"], ["did you mean `--all`"]),
    (["rm", "x"], ["did you mean `delete`"]), (["stop", "x"], ["did you mean `kill`"]),
    (["ls"], ["did you mean `list`"]), (["inspect", "x"], ["did you mean `state`"]),
    (["run", "-it", "x"], ["`-it` is no option", "process.terminal"]), (["create", "-t", "x"], ["process.terminal"]),
    (["run", "-d", "-i", "x"], ["`-i` is no option"]), (["run", "-x", "x"], ["unknown option `-x`"]),
    (["unpause", "x"], ["did you mean `resume`"]), (["lsit"], ["did you mean `list`"]), (["xyzzy"], ["unknown"])])
def test_words_of_other_programs(orlop, args, words):
    r = orlop(*args).failed(*words)
    assert words[0].startswith("did") or "did you mean" not in r.err, r


def test_what_a_bundle_lacks(box, tmp):
    os.mkdir(f"{tmp}/empty")
    box.orlop("run", "-b", f"{tmp}/empty", box.id).failed("config.json", "orlop spec", f"{tmp}/empty", "rootfs/")
    for options in (["-b", f"{tmp}/none"], ["-f", "/dev/fd/77"]):  # neither has to do with what a bundle lacks
        r = box.orlop("run", *options, box.id, cwd=box.bundle).failed("no such file", options[1])
        assert "orlop spec" not in r.err and "null" not in r.err, r
    box.write()
    os.rename(box.rootfs, f"{tmp}/moved")
    box.refused("/root/path", box.rootfs, "orlop spec", "docker export")


@pytest.mark.parametrize("number, meant", [
    ("18446744073709552000", "18446744073709551615"), ("1.8446744073709552e+19", "18446744073709551615"),
    ("18446744073709551616", "18446744073709551615"), ("9223372036854776000", None), ("18446744073709552001", None)])
def test_numbers_that_another_program_has_rounded(box, number, meant):
    """jq before 1.7 and JavaScript do."""
    box.process["rlimits"] = [{"type": "RLIMIT_CORE", "soft": 0, "hard": 4711}]
    box.write()
    text = kernel.read(f"{box.bundle}/config.json").replace("4711", number)
    with open(f"{box.bundle}/config.json", "w") as f:
        f.write(text)
    box.write = lambda: None
    if number == "9223372036854776000":  # in range here
        box.run().ok()
        return
    r = box.run().failed("/process/rlimits/0/hard", number)
    assert ("jq" in r.err) == bool(meant) and (not meant or meant in r.err.replace(number, "")), r


@pytest.mark.parametrize("number", ["9223372036854776000", "9.223372036854776e+18", "9223372036854775808"])
def test_signed_numbers_that_another_program_has_rounded(box, number):
    box.linux["resources"] = {"memory": {"limit": 4711}}
    box.write()
    text = kernel.read(f"{box.bundle}/config.json").replace("4711", number)
    with open(f"{box.bundle}/config.json", "w") as f:
        f.write(text)
    box.write = lambda: None
    box.run().failed("/linux/resources/memory/limit", "this is 9223372036854775807", "jq")


@pytest.mark.needs_controllers("hugetlb")
@pytest.mark.parametrize("file, words", [
    ("cgroup.frezze", ["did you mean cgroup.freeze"]), ("hugetlb.2MB.mx", ["it is unknown here"]),
    ("hugetlb.3MB.max", ["built without it"])])
def test_unknown_file_of_a_cgroup(box, file, words):
    box.linux["resources"] = {"unified": {file: "1"}}
    r = box.refused(f"/linux/resources/unified/{file}", *words)
    assert ("built without" in r.err) == ("built without it" in words), r


@pytest.mark.needs_vm("needs the controllers")
@pytest.mark.parametrize("resources, words", [
    ({"unified": {"memory.mx": "1"}}, ["did you mean memory.max"]),
    ({"cpu": {"cpus": "0-99999"}}, ["this host has the processors 0"]),
    ({"cpu": {"mems": "7"}}, ["this host has the memory nodes 0"])])
def test_limits_that_this_host_cannot_have(box, resources, words):
    box.linux["resources"] = resources
    r = box.refused("/linux/resources/", *words)
    assert "built without" not in r.err, r


@pytest.mark.parametrize("limit", [0, 100, 100000])
def test_limit_on_the_size_of_files(box, limit):
    """No death by SIGXFSZ among half of the work: it works, or is an error; nothing stays, and the signal is the
    program's again."""
    before = host.Snapshot()
    box.args("state").write()
    r = subprocess.run(["prlimit", f"--fsize={limit}", *box.orlop.argv("run", "--bundle", box.bundle, box.id)],
                       capture_output=True, text=True, env=box.orlop.env, timeout=deadline(20))
    if r.returncode == 0:
        assert signal.SIGXFSZ not in json.loads(r.stdout)["ignored_signals"]
        assert limit > 100
    else:
        assert r.returncode == 1 and "file too large" in r.stderr and "ulimit -f" in r.stderr, r
    assert box.orlop.ids() == []
    before.assert_same()
