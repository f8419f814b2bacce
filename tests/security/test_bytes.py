# SPDX-License-Identifier: GPL-2.0-or-later
"""
Bytes as config.json that mean different things to different readers, or too much: T65, T67 to T71, T86.  Controls
are the defence left out, or an old peer that is known to fall for it, where that is installed.
"""
import json
import os
import re
import shutil
import subprocess

import pytest
from lib.box import deadline

OLD = {"runc": "1.1.5", "crun": "1.8.1"}


def peer(name):
    """The program, if it is the version that is known to fail."""
    path = shutil.which(name)
    text = subprocess.run([path, "--version"], capture_output=True, text=True).stdout if path else ""
    if not re.search(rf"\b{re.escape(OLD[name])}\b", text):
        pytest.skip(f"{name} {OLD[name]} is not here")
    return path


def text_of(box):
    box.args("true").write()
    with open(f"{box.bundle}/config.json") as f:
        return f.read()


def create(box, text, program=None, timeout=5, **kw):
    with open(f"{box.bundle}/config.json", "wb") as f:
        f.write(text if isinstance(text, bytes) else text.encode())
    return box.orlop("create", "--bundle", box.bundle, box.id, program=program, timeout=timeout, **kw)


def refused(box, text, *words):
    r = create(box, text)
    assert r.rc == 1, f"taken: {r}"
    r.failed(*words)


def nested(depth):
    return '{"annotations":' + "[" * depth + "]" * depth + "}"


@pytest.mark.case("T65")
@pytest.mark.parametrize("depth", [65, 1000, 1000000])
def test_T65_nesting(box, depth):
    refused(box, nested(depth), "deep")


@pytest.mark.control("T65")
def test_control_of_T65(box):
    r = create(box, nested(1000000), program=peer("crun"))
    assert r.rc < 0, "it dies of it"


@pytest.mark.case("T67")
@pytest.mark.parametrize("member", ["noNewPrivileges", "capabilities", "user", "rlimits"])
def test_T67_member_twice(box, member):
    text = text_of(box)
    value = json.dumps(box.process[member])
    refused(box, text.replace(f'"{member}":', f'"{member}": {value}, "{member}":', 1), "twice", member)


@pytest.mark.control("T67")
def test_control_of_T67(box, mutant):
    mutant("T73")
    text = text_of(box)
    with pytest.raises(AssertionError, match="taken"):
        refused(box, text.replace('"noNewPrivileges":', '"noNewPrivileges": false, "noNewPrivileges":', 1), "twice")
    box.delete("--force").ok()


@pytest.mark.case("T68")
@pytest.mark.parametrize("bad", [b"a\\u0000b", b"a\0b", b"\xff", b"\xc0\x80", b"\\ud800", b"\\udc00\\ud800"])
@pytest.mark.parametrize("where", ["args", "env", "hostname", "destination"])
def test_T68_text(box, bad, where):
    box.process["env"].append("X=MARK")
    box.config["hostname"] = "MARK"
    box.mounts.append({"destination": "/MARK", "type": "tmpfs"})
    box.args("/bin/MARK")
    box.write()
    with open(f"{box.bundle}/config.json", "rb") as f:
        text = f.read()
    parts = {"args": b'"/bin/MARK"', "env": b'"X=MARK"', "hostname": b'"hostname": "MARK"', "destination": b'"destination": "/MARK"'}
    whole = text.replace(parts[where], parts[where].replace(b"MARK", bad))
    refused(box, whole.replace(b"MARK", b"mark"), "not valid JSON")


@pytest.mark.case("T69")
@pytest.mark.parametrize("value", ["-1", "4294967295", "4294967296", "18446744073709551616", "1.0", "1e3", '"0"', "true", "9" * 400])
def test_T69_user_id(box, value):
    refused(box, text_of(box).replace('"uid": 0', f'"uid": {value}', 1), "/process/user/uid")


@pytest.mark.case("T70")
@pytest.mark.parametrize("change", [lambda t: t + "{}", lambda t: t + " x", lambda t: "/**/" + t, lambda t: t.replace('"', "'"),
                                    lambda t: t[:-1] + ",}", lambda t: "\ufeff" + t, lambda t: "", lambda t: " \n", lambda t: t + t,
                                    lambda t: t.replace("false", "NaN", 1)])
def test_T70_syntax(box, change):
    refused(box, change(text_of(box)), "not valid JSON")


def no_file(box, make, program=None, timeout=5):
    box.args("true").write()
    path = f"{box.bundle}/config.json"
    os.unlink(path)
    make(path)
    return box.orlop("create", "--bundle", box.bundle, box.id, program=program, timeout=timeout)


KINDS = {"fifo": os.mkfifo, "directory": os.mkdir, "zero": lambda p: os.symlink("/dev/zero", p),
         "full": lambda p: os.symlink("/dev/full", p)}


@pytest.mark.case("T71")
@pytest.mark.parametrize("kind", KINDS)
def test_T71_no_file(box, kind):
    r = no_file(box, KINDS[kind], timeout=deadline(15))
    assert r.rc == 1, r


@pytest.mark.control("T71")
def test_control_of_T71(box):
    program = peer("crun")
    with pytest.raises(AssertionError, match="no end after"):
        no_file(box, os.mkfifo, program=program, timeout=1)


@pytest.mark.case("T86")
@pytest.mark.parametrize("value", [512, 99999])
def test_T86_umask_out_of_range(box, value):
    refused(box, text_of(box).replace('"uid": 0', f'"umask": {value}, "uid": 0', 1), "umask")


# ---- without the defence


@pytest.mark.control("T68")
def test_control_of_T68(box, mutant):
    mutant("T68")
    with pytest.raises(AssertionError, match="taken"):
        refused(box, text_of(box).replace('"TERM=xterm"', '"TERM=xt\\u0000erm"'), "not valid JSON")
    box.delete("--force").ok()


@pytest.mark.control("T70")
def test_control_of_T70(box, mutant):
    mutant("T70")
    with pytest.raises(AssertionError, match="taken"):
        refused(box, text_of(box) + "\"", "not valid JSON")
    box.delete("--force").ok()


@pytest.mark.control("T69")
@pytest.mark.control("T86")
def test_control_of_T69_and_T86(box, mutant):
    """A range is that of the member, not only of its type."""
    mutant("T69")
    with pytest.raises(AssertionError):
        refused(box, text_of(box).replace('"uid": 0', '"umask": 99999, "uid": 0', 1), "/process/user/umask")
    box.delete("--force")
