# SPDX-License-Identifier: GPL-2.0-or-later
"""`check`: says all that is wrong with a bundle, makes nothing, and agrees with what `run` does."""
import json
import os
import shutil
import subprocess

import pytest
from lib import config as conf
from lib import elf, host


def findings(box, *options, rc, topic=None, **kw):
    """[(severity, pointer, message)]"""
    box.write()
    r = box.orlop("check", "--format", "json", *options, box.bundle, **kw)
    assert r.rc == rc and r.err == "", r
    document = json.loads(r.out)
    rows = document["findings"]
    assert document["errors"] == sum(f["severity"] == "error" for f in rows)
    assert document["warnings"] == sum(f["severity"] == "warning" for f in rows)
    assert rc == (1 if document["errors"] else 2 if rows else 0)
    for f in rows:
        assert set(f) == {"severity", "topic", "pointer", "line", "column", "rule", "message", "hint"}
        assert not topic or f["topic"] == topic, f
    return [(f["severity"], f["pointer"], f["message"]) for f in rows]


def only(rows, severity, pointer, *words):
    assert [(s, p) for s, p, _ in rows] == [(severity, pointer)], rows
    assert all(w in rows[0][2] for w in words), rows


def facts(orlop, tmp, **changes):
    document = orlop("features", "--host").ok().json()
    for key, value in changes.items():
        assert key in document
        document[key] = value
    path = f"{tmp}/facts.json"
    with open(path, "w") as f:
        json.dump(document, f)
    return path


def test_nothing_is_wrong_and_nothing_is_made(box, orlop):
    assert findings(box, rc=0) == []
    r = orlop("check", box.bundle).ok()
    assert (r.out, r.err) == ("", "")
    assert not os.path.exists(orlop.root)
    box.probe()


def test_all_at_once_with_their_places(box, orlop):
    """As a compiler prints it: an editor can go there."""
    with open(f"{box.bundle}/config.json", "w") as f:
        f.write('{\n  "ociVersion": "1.0.2",\n  "root": {"path": 7},\n  "hostname": "h",\n  "process": {\n'
                '    "cwd": "x", "args": ["sh"],\n    "oomScoreAdj": 5000},\n'
                '  "linux": {"namespaces": [{"type": "pit"}]}\n}\n')
    r = orlop("check", box.bundle)
    assert r.rc == 1 and r.err == ""
    lines = r.out.splitlines()
    assert [x.split(": error: ")[0] for x in lines[:4]] == [
        "config.json:3:20", "config.json:6:12", "config.json:7:20", "config.json:8:37"], r
    assert "/root/path: must be a string" in lines[0] and lines[0].endswith("[config.md#root]")
    assert "did you mean `pid`?" in lines[3] and lines[3].endswith("[config-linux.md#namespaces]")
    assert lines[4] == "errors: 4, warnings: 0" and "when the configuration has no errors" in lines[5]


def test_the_way_out_by_itself(box):
    box.config["mounts"].append(conf.bind("/", "/mnt", "r0"))
    box.write()
    document = json.loads(box.orlop("check", "--format", "json", box.bundle).out)
    assert [f["hint"] for f in document["findings"]] == ["did you mean `ro`?"]


def test_bad_json_and_a_missing_one(box, orlop):
    with open(f"{box.bundle}/config.json", "w") as f:
        f.write('{"ociVersion": "1.0.2",\n "root": }')
    r = orlop("check", box.bundle)
    assert r.rc == 1 and r.out.startswith("config.json:2:10: error: /root: not valid JSON"), r
    os.unlink(f"{box.bundle}/config.json")
    orlop("check", box.bundle).failed("config.json", "no such file", rc=1)
    orlop("check", "/nonexistent").failed("open the bundle /nonexistent", rc=1)


def test_another_file_and_the_current_directory(box, orlop):
    box.write()
    os.rename(f"{box.bundle}/config.json", f"{box.bundle}/other.json")
    assert orlop("check", "--config", "other.json", box.bundle).ok().out == ""
    assert orlop("check", "--config", "other.json", wrap=["env", "-C", box.bundle]).ok().out == ""


def test_what_is_ignored_is_a_warning(box):
    """Whatever --log-level and --log-format say: it is what was asked for."""
    box.config["Hostname"] = "h"
    box.process["capabilities"] = {"bounding": ["CAP_X"]}
    rows = findings(box, rc=2)
    assert [(s, p) for s, p, _ in rows] == [("warning", "/process/capabilities/bounding/0"), ("warning", "/Hostname")] or \
        sorted(p for _, p, _ in rows) == ["/Hostname", "/process/capabilities/bounding/0"]
    r = box.orlop("--log-format", "json", "--log-level", "error", "check", box.bundle)
    assert r.rc == 2 and r.out.count("warning: ") == 2 and r.err == ""


def test_a_capability_that_cannot_be_had(box, orlop):
    box.process["capabilities"] = {"bounding": ["CAP_KILL"], "permitted": ["CAP_KILL"], "effective": ["CAP_KILL", "CAP_NET_RAW"]}
    only(findings(box, rc=2), "warning", "/process/capabilities/effective/1", "CAP_NET_RAW", "not in the permitted set")
    assert ": warning: /process/capabilities/effective/1: " in orlop("check", box.bundle).out


# ---- near misses ----------------------------------------------------------------------------------


NEAR = {
    "member": (lambda c: c.update(hostnam=c.pop("hostname")), "/hostnam", "`hostname`"),
    "resources": (lambda c: c["linux"].update(resource=c["linux"].pop("resources")), "/linux/resource", "`resources`"),
    "privileges": (lambda c: c["process"].update(noNewPrivilege=c["process"].pop("noNewPrivileges")),
                   "/process/noNewPrivilege", "`noNewPrivileges`"),
    "set": (lambda c: c["process"]["capabilities"].update(boundings=c["process"]["capabilities"].pop("bounding")),
            "/process/capabilities/boundings", "`bounding`"),
    "hooks": (lambda c: c.update(hooks={"prestrt": []}), "/hooks/prestrt", "`prestart`"),
    "swapped": (lambda c: c.update(hooks={"potsstop": []}), "/hooks/potsstop", "`poststop`"),
    "syscall": (lambda c: c["linux"].update(seccomp={"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["chmod", "mkdr"], "action": "SCMP_ACT_ERRNO"}]}), "/linux/seccomp/syscalls/0/names/1", "`mkdir`"),
    "syscall, two letters": (lambda c: c["linux"].update(seccomp={"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["chmod", "process_vm_red"], "action": "SCMP_ACT_ERRNO"}]}), "/linux/seccomp/syscalls/0/names/1",
                             "`process_vm_readv`"),
    "capability": (lambda c: c["process"]["capabilities"].update(bounding=["CAP_KILL", "CAP_SYS_ADMN"]),
                   "/process/capabilities/bounding/1", "`CAP_SYS_ADMIN`"),
    "file-system": (lambda c: c["mounts"].append(conf.mount("/mnt", "tmpfs", "tmpfs", ["r0"])), "/mounts/7/options/0", "`ro`"),
    "tmpfs": (lambda c: c["mounts"].append(conf.mount("/mnt", "tmpfs", "tmpfs", ["siz=10"])), "/mounts/7/options/0", "`size`"),
    "copying": (lambda c: c["mounts"].append(conf.mount("/mnt", "tmpfs", "tmpfs", ["tmpcopyu"])), "/mounts/7/options/0",
                "`tmpcopyup`"),
}


@pytest.mark.parametrize("kind", NEAR)
def test_near_misses(box, kind):
    change, pointer, meant = NEAR[kind]
    change(box.config)
    only(findings(box, rc=2), "warning", pointer, "did you mean " + meant)


@pytest.mark.parametrize("word, meant", [("r0", "`ro`"), ("or", "`ro`"), ("noexc", "`noexec`"), ("nosudi", "`nosuid`"),
                                         ("nodv", "`nodev`"), ("rnosiud", "`rnosuid`"), ("nosymfolow", "`nosymfollow`"),
                                         ("readonly", "`ro`"), ("idmp", "`idmap`"), ("src-nofolow", "`src-nofollow`")])
def test_a_bind_with_nearly_a_restriction(box, tmp, word, meant):
    """That word is left out elsewhere, and the mount has all rights; and what gives them is never suggested."""
    os.mkdir(f"{tmp}/d")
    box.config["mounts"].append(conf.bind(f"{tmp}/d", "/mnt", word))
    rows = findings(box, rc=1)
    only(rows, "error", "/mounts/7/options/1", f"did you mean {meant}?")
    box.refused(f"did you mean {meant}?")


@pytest.mark.parametrize("word, meant", [("privat", "private"), ("rbnd", "rbind"), ("noatme", "noatime"), ("rslav", "rslave"),
                                         ("shred", None), ("exc", None), ("rww", None)])
def test_a_bind_with_nearly_another_option(box, tmp, word, meant):
    """One that takes nothing away is left out; what would give rights is not suggested."""
    os.mkdir(f"{tmp}/d")
    box.config["mounts"].append(conf.bind(f"{tmp}/d", "/mnt", word))
    rows = findings(box, rc=2)
    only(rows, "warning", "/mounts/7/options", f"did you mean `{meant}`?" if meant else "left out")
    assert meant or "did you mean" not in rows[0][2], rows


def test_several_words_in_one_entry(box, tmp):
    os.mkdir(f"{tmp}/d")
    box.config["mounts"].append(conf.bind(f"{tmp}/d", "/mnt", "ro,noexec"))
    only(findings(box, rc=1), "error", "/mounts/7/options/1", "each option is an entry of its own")


@pytest.mark.parametrize("change, pointer, meant", [
    (lambda c: c["linux"].update(resource={"memory": {"limit": 1}}), "/linux/resource", "resources"),
    (lambda c: c["root"].update(pat="x"), "/root/pat", "path")])
def test_nearly_the_name_of_what_is_there(box, change, pointer, meant):
    """Every configuration has device rules: a limit in a second object, which has nearly the name, is gone."""
    change(box.config)
    only(findings(box, rc=2), "warning", pointer, f"is it a second `{meant}`?")


def test_as_near_to_what_is_not_there(box):
    box.config["process"]["user"]["Vid"] = box.config["process"]["user"].pop("gid")
    assert ("warning", "/process/user/Vid", "unknown member, ignored: did you mean `gid`?") in findings(box, rc=2)


def test_nearest_of_comparisons(box):
    box.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{
        "names": ["personality"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_E"}]}]}
    only(findings(box, rc=1), "error", "/linux/seccomp/syscalls/0/args/0/op", "did you mean `SCMP_CMP_EQ`?")


@pytest.mark.parametrize("word", ["z", "Z", "U", "nofail", "noauto", "_netdev", "nocopy", "cached", "x-systemd.automount",
                                  "consistent", "delegated"])
def test_words_of_others_are_no_near_misses(box, tmp, word):
    os.mkdir(f"{tmp}/d")
    box.config["mounts"].append(conf.bind(f"{tmp}/d", "/mnt", word))
    rows = findings(box, rc=2)
    only(rows, "warning", "/mounts/7/options", "means nothing for a bind mount")
    box.probe()


def test_what_is_no_near_miss(box):
    """Members of others beside ours, system calls that came later or have a number, words for another member's place."""
    box.config.update(windows={}, vm={}, vendor={"hostnam": 1})
    box.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["fchmodat9", "futex_by_name", "no_such_call_at_all", "mkdir", "mkdr"], "action": "SCMP_ACT_ERRNO"}]}
    assert findings(box, rc=0) == []


def test_create_says_near_misses_as_warnings(box):
    box.config["hostnam"] = box.config.pop("hostname")
    r = box.run().ok()
    assert r.err == "orlop: warning: /hostnam: unknown member, ignored: did you mean `hostname`?\n", r
    r = box.orlop("--log", f"{box.bundle}/log", "--log-format", "json", "run", "--bundle", box.bundle, box.id).ok()
    assert r.err == "" and os.path.getsize(f"{box.bundle}/log") == 0, "engines expect nothing but errors there"


@pytest.mark.parametrize("word, ours", [("stop", "kill"), ("ls", "list"), ("rm", "delete"), ("inspect", "state"), ("version", "--version"),
                                        ("lsit", "list"), ("chekc", "check"), ("rn", "run"), ("qq", None), ("xyz", None)])
def test_commands(orlop, word, ours):
    r = orlop(word).failed(f"unknown command `{word}`")
    assert (f"did you mean `{ours}`?" in r.err) if ours else "did you mean" not in r.err


# ---- the root file system ------------------------------------------------------------------------


PATH = "PATH=/usr/bin:/sbin"


def program(box, path, data, mode=0o755):
    box.file(path, mode=mode)
    with open(f"{box.rootfs}{path}", "wb") as f:
        f.write(data)


def test_a_program_in_path(box):
    box.process["env"] = [PATH, "HOME=/"]
    box.process["args"] = ["tool"]
    only(findings(box, rc=1), "error", "/process/args/0", "no directory of $PATH has `tool`", "/usr/bin:/sbin")
    program(box, "/usr/bin/tool", b"")
    only(findings(box, rc=1, topic="rootfs"), "error", "/process/args/0", "`/usr/bin/tool` is empty")
    os.chmod(f"{box.rootfs}/usr/bin/tool", 0o644)
    program(box, "/sbin/tool", elf.program())
    assert findings(box, rc=0) == [], "as execvp(3) has it, one that may not be executed is passed over"
    assert box.run().rc == 0


def test_a_command_line_in_one_word(box):
    box.process["args"] = ["sleep 5"]
    only(findings(box, rc=1), "error", "/process/args/0", "one entry for each argument")


@pytest.mark.parametrize("data, mode, words", [
    (elf.program(machine=183), 0o755, ["for aarch64", "binfmt_misc"]),
    (elf.program(loader="/lib/ld-other.so.1"), 0o755, ["`/lib/ld-other.so.1` is not there", "another C library"]),
    (b"#!/bin/nosh -x\n", 0o755, ["interpreter", "`/bin/nosh` is not there"]),
    (b"#!/bin/probe\r\n", 0o755, ["CR LF"]),
    (b"#!\n", 0o755, ["names no interpreter"]),
    (b"true\n", 0o755, ["neither a program nor a script"]),
    (b"#!/p\n", 0o755, ["are scripts themselves"]),
    (elf.program(), 0o644, ["no execute bit", "0644"]),
], ids=["machine", "loader", "interpreter", "line-ends", "no-name", "text", "scripts", "mode"])
def test_a_program_that_cannot_be_executed(box, data, mode, words):
    """And `run` finds so, too."""
    program(box, "/p", data, mode)
    box.process["args"] = ["/p"]
    only(findings(box, rc=1, topic="rootfs"), "error", "/process/args/0", *words)
    box.run().failed()


def test_heads_that_lie(box):
    """Offsets and sizes of program headers out of range, files that end early."""
    whole = elf.program(loader="/lib/ld-other.so.1")
    box.args("/p").write()
    for at, size in ((32, 8), (54, 2), (56, 2), (72, 8), (96, 8)):
        for value in (0, 63, 4095, 1 << 15, (1 << 8 * size) - 1, (1 << 8 * size) - 57):
            value &= (1 << 8 * size) - 1
            program(box, "/p", whole[:at] + value.to_bytes(size, "little") + whole[at + size:])
            assert box.orlop("check", box.bundle).rc in (0, 1), (at, value)
    for n in range(0, len(whole), 7):
        program(box, "/p", whole[:n])
        assert box.orlop("check", box.bundle).rc in (0, 1), n


def test_links_stay_in_the_root_file_system(box, tmp):
    """An absolute link means a place in the container; `..` does not leave it, and a circle ends."""
    box.process["args"] = ["/l"]
    os.symlink("/usr/../../../../bin/probe", f"{box.rootfs}/l")
    os.mkdir(f"{box.rootfs}/usr")
    assert findings(box, rc=0) == []
    with open(f"{tmp}/host-program", "wb") as f:
        f.write(elf.program())
    os.chmod(f"{tmp}/host-program", 0o755)
    for target in (f"{tmp}/host-program", "../" * 20 + f"{tmp}/host-program", f"/proc/self/root{tmp}/host-program"):
        os.unlink(f"{box.rootfs}/l")
        os.symlink(target, f"{box.rootfs}/l")
        rows = findings(box, rc=0 if "/proc" in target else 1)
        if rows:
            only(rows, "error", "/process/args/0", "`/l` is not there")
    os.unlink(f"{box.rootfs}/l")
    os.symlink("/l", f"{box.rootfs}/l")
    only(findings(box, rc=1), "error", "/process/args/0", "too many levels")


def test_a_fifo_is_not_opened(box):
    os.mkfifo(f"{box.rootfs}/f", 0o755)
    box.process["args"] = ["/f"]
    only(findings(box, rc=1), "error", "/process/args/0", "not a regular file")


def test_what_is_mounted_counts(box, tmp):
    """A program on a bind mount, behind a link of the image; hidden by another mount; on one with noexec."""
    os.mkdir(f"{tmp}/tools")
    with open(f"{tmp}/tools/tool", "wb") as f:
        f.write(elf.program())
    os.chmod(f"{tmp}/tools/tool", 0o755)
    os.makedirs(f"{box.rootfs}/usr/tools")
    os.symlink("usr/tools", f"{box.rootfs}/tools")
    box.process["args"] = ["/tools/tool"]
    only(findings(box, rc=1), "error", "/process/args/0", "not there")
    box.config["mounts"].append(conf.bind(f"{tmp}/tools", "/tools"))
    assert findings(box, rc=0) == [] and box.run().rc == 0
    box.config["mounts"][-1]["options"].append("noexec")
    only(findings(box, rc=1), "error", "/process/args/0", "`noexec`")
    box.config["mounts"][-1] = conf.mount("/bin", "tmpfs", "tmpfs")
    box.process["args"] = ["/bin/probe"]
    only(findings(box, rc=1), "error", "/process/args/0", "`/bin/probe` is not there")


def test_what_only_a_mount_can_show(box):
    """A procfs is there with the container alone."""
    box.process["env"] = ["PATH=/proc/1", "HOME=/"]
    box.process["args"] = ["tool"]
    only(findings(box, rc=2), "warning", "/process/args/0", "/proc/1/tool")


def test_working_directory_and_user(box):
    box.process["cwd"] = "/work"
    only(findings(box, rc=2), "warning", "/process/cwd", "will be made")
    box.file("/work")
    only(findings(box, rc=1), "error", "/process/cwd", "not a directory")
    box.process["cwd"] = "/"
    box.process["user"] = {"uid": 7, "gid": 7}
    box.process["env"] = [e for e in box.process.get("env", []) if not e.startswith("HOME=")]
    only(findings(box, rc=2), "warning", "/process/user/uid", "no /etc/passwd")
    box.file("/etc/passwd", "root:x:0:0::/root:/bin/sh\n")
    only(findings(box, rc=2), "warning", "/process/user/uid", "user 7 is not in /etc/passwd")
    box.file("/etc/passwd", "x:x:7:7::/home/x:/bin/sh\n")
    assert findings(box, rc=0) == []


def test_a_root_file_system_that_is_not_there(box):
    box.config["root"]["path"] = "nowhere"
    only(findings(box, rc=1), "error", "/root/path", "nowhere", "no such file")


# ---- the host ------------------------------------------------------------------------------------


def test_files_of_the_host(box):
    box.config["mounts"].append(conf.bind("/nonexistent", "/a"))
    box.config["hooks"] = {"poststop": [{"path": "/nonexistent/hook"}], "prestart": [{"path": "/etc"}],
                           "startContainer": [{"path": "/hook"}]}
    conf.namespace(box.config, "ipc", "/nonexistent/ipc")
    rows = findings(box, rc=1)
    assert sorted(p for _, p, _ in rows) == sorted([
        f"/mounts/{len(box.config['mounts']) - 1}/source", "/hooks/poststop/0/path", "/hooks/prestart/0/path",
        "/hooks/startContainer/0/path",
        f"/linux/namespaces/{[n['type'] for n in box.config['linux']['namespaces']].index('ipc')}/path"]), rows


def test_a_hook_after_the_end(box):
    box.config["hooks"] = {"poststop": [{"path": "/nonexistent/hook"}]}
    only(findings(box, rc=2), "warning", "/hooks/poststop/0/path", "/nonexistent/hook")
    r = box.run().ok()
    assert "/nonexistent/hook" in r.err and "warning" in r.err


def test_a_profile_that_is_not_loaded(box):
    box.process["apparmorProfile"] = "orlop-no-such-profile"
    only(findings(box, rc=1, topic="host"), "error", "/process/apparmorProfile")


def test_a_controller_that_is_not_there(box):
    missing = [(c, f) for c, f in (("rdma", {"rdma": {"mlx5_0": {"hcaHandles": 3}}}), ("memory", {"memory": {"limit": 1 << 30}}))
               if c not in host.controllers()]
    if not missing:
        pytest.skip("all controllers are there")
    box.config["linux"]["resources"] = missing[0][1]
    rows = findings(box, rc=1, topic="host")
    assert f"needs the {missing[0][0]} controller" in rows[0][2]
    assert box.create().err == f"orlop: {rows[0][2]} (at {rows[0][1]})\n", "in the same words"


def test_limits_without_a_delegated_cgroup(box, orlop):
    """Nobody who is not root of the host may limit anything where nothing was delegated; without limits all is well."""
    os.chmod(orlop.tmp, 0o755)
    box.config["linux"] = {"namespaces": [{"type": t} for t in ("pid", "ipc", "uts", "mount")]}
    box.config["mounts"] = []
    box.write()
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    assert orlop("check", box.bundle, wrap=as_nobody).ok().out == ""
    box.config["linux"]["resources"] = {"pids": {"limit": 5}}
    box.write()
    r = orlop("check", box.bundle, wrap=as_nobody)
    assert r.rc == 1 and "/linux/resources/pids/limit: " in r.out and "delegate" in r.out.lower(), r


def test_for_another_machine(box, orlop, tmp):
    box.config["linux"]["resources"] = {"memory": {"limit": 1 << 30}, "pids": {"limit": 5}}
    box.process["apparmorProfile"] = "some-profile"
    cgroup = {"root": "/sys/fs/cgroup", "home": "", "hybrid": False, "controllers": ["memory", "pids"]}
    good = dict(apparmor=True, cgroup=cgroup, machine="x86_64", release="6.1.0", systemd=True)
    assert findings(box, "--host", facts(orlop, tmp, **good), rc=0) == []
    bad = dict(good, apparmor=False, cgroup=dict(cgroup, controllers=["pids"]), machine="riscv64", release="5.10.1",
               namespaces=["ipc", "mount", "network", "pid", "user", "uts"])
    rows = findings(box, "--host", facts(orlop, tmp, **bad), rc=1)
    assert [m for _, p, m in rows if p == ""][0] == "orlop needs Linux 5.14 or later, this is 5.10.1"
    assert {p for _, p, _ in rows} >= {"/process/apparmorProfile", "/linux/resources/memory/limit", "/process/args/0"}
    assert "riscv64" in [m for _, p, m in rows if p == "/process/args/0"][0]
    emulated = dict(bad, emulators=["qemu-x86_64"])
    rows = findings(box, "--host", facts(orlop, tmp, **emulated), rc=1)
    assert [s for s, p, _ in rows if p == "/process/args/0"] == ["warning"]
    with open(facts(orlop, tmp, **good)) as f:
        assert orlop("check", "--host", "-", box.bundle, stdin=f).ok().out == ""


def test_landlock(box, orlop, tmp):
    box.config["annotations"] = {"org.orlop.landlock": json.dumps({"readOnly": ["/"], "scopes": ["signal"]})}
    assert findings(box, "--host", facts(orlop, tmp, landlock=6), rc=0) == []
    only(findings(box, "--host", facts(orlop, tmp, landlock=4), rc=1), "error", "/annotations/org.orlop.landlock", "ABI 4")
    only(findings(box, "--host", facts(orlop, tmp, landlock=0), rc=1), "error", "/annotations/org.orlop.landlock")
    box.config["annotations"] = {"org.orlop.landlock": json.dumps({"readOnle": ["/"]})}
    only(findings(box, rc=1), "error", "/annotations/org.orlop.landlock/readOnle", "did you mean `readOnly`?")


def test_ids_that_are_not_the_callers(box, orlop, tmp):
    conf.userns(box.config, 100000)
    rootless = dict(euid=1000, egid=1000, capSysAdmin=False, mapHelpers=True,
                    subuid=[{"first": 100000, "size": 65536}], subgid=[{"first": 100000, "size": 1000}])
    rows = [r for r in findings(box, "--host", facts(orlop, tmp, **rootless), rc=1) if "Mappings" in r[1]]
    only(rows, "error", "/linux/gidMappings/0/hostID", "100000 to 165535", "/etc/subgid")
    rows = [r for r in findings(box, "--host", facts(orlop, tmp, **dict(rootless, mapHelpers=False)), rc=1)
            if "Mappings" in r[1]]
    only(rows, "error", "/linux/uidMappings", "newuidmap(1)")


@pytest.mark.parametrize("text, words", [
    ("{}", ["`release` is required"]), ("[", ["not valid JSON"]), ('{"release": 7}', ["must be a string"]),
])
def test_facts_that_are_none(box, orlop, tmp, text, words):
    box.write()
    with open(f"{tmp}/facts.json", "w") as f:
        f.write(text)
    orlop("check", "--host", f"{tmp}/facts.json", box.bundle).failed(*words, "features --host", rc=1)


def test_facts_are_true(orlop):
    document = orlop("features", "--host").ok().json()
    u = os.uname()
    assert (document["release"], document["machine"], document["euid"]) == (u.release, u.machine, 0)
    assert set(document["cgroup"]["controllers"]) == set(host.controllers())
    assert document["apparmor"] == host.apparmor()


# ---- the same as run ------------------------------------------------------------------------------
# Each change alone makes a container fail before its program begins, and `check` says so at the same place.


def add_mount(destination, type, source=None, *options):
    return lambda c: c["mounts"].append(conf.mount(destination, type, source or type, list(options)))


def add_device(path):
    return lambda c: c["linux"].setdefault("devices", []).append({"path": path, "type": "c", "major": 1, "minor": 3})


def as_user(*args, uid=1000):
    return lambda c: c["process"].update(user={"uid": uid, "gid": uid}, args=list(args), env=[PATH, "HOME=/"])


ROOTFS = {
    "a file on a directory": (add_mount("/d", "bind", "/etc/passwd", "bind"), "/mounts/7/destination", "is a directory"),
    "a directory on a file": (add_mount("/f", "bind", "/etc", "bind"), "/mounts/7/destination", "is a file"),
    "a file system on a file": (add_mount("/f", "tmpfs"), "/mounts/7/destination", "is a file"),
    "below a file": (add_mount("/f/x", "tmpfs"), "/mounts/7/destination", "a file is on the way"),
    "a device below a file": (add_device("/f/x"), "/linux/devices/0", "a file is on the way"),
    "a device in procfs": (add_device("/proc/x"), "/linux/devices/0", "proc takes no device nodes"),
    "all is masked": (lambda c: c["linux"].update(maskedPaths=["/proc/kcore", "/./"]), "/linux/maskedPaths/1", "cannot be masked"),
    "for its owner alone": (as_user("/private"), "/process/args/0", "its mode 0700 of 0:0 does not allow it"),
    "in PATH": (as_user("tool"), "/process/args/0", "`/usr/bin/tool` is there, but not executable to it"),
    "in a directory": (as_user("/closed/p"), "/process/args/0", "may not enter `/closed`"),
    "in the one of a link": (as_user("/link"), "/process/args/0", "may not enter `/closed`"),
    "its end is missing": (as_user("/cut", uid=0), "/process/args/0", "ends within its own program headers"),
    "a long argument": (as_user("/bin/probe", "a" * 131072), "/process/args/1", "131071 at most"),
    "a long variable": (lambda c: c["process"].update(env=[PATH, "HOME=/", "X=" + "a" * 131070]), "/process/env/2", "131071 at most"),
}


VALUES = [("tmpfs", "mode", "abc", "9", "0x7", "77777777777777", "", None), ("tmpfs", "uid", "root", "-1", "4294967296", ""),
          ("tmpfs", "gid", "1k"), ("tmpfs", "size", "abc", "", "-1", "1kk", "10%%", None), ("tmpfs", "nr_inodes", "10%", "k"),
          ("devpts", "mode", "abc", "0800"), ("devpts", "ptmxmode", "u=rw", "-6"), ("devpts", "gid", "tty", ""),
          ("devpts", "max", "1k")]


@pytest.mark.parametrize("type, name, value", [(t, n, v) for t, n, *values in VALUES for v in values])
def test_values_of_options(box, type, name, value):
    """The kernel would refuse them, and here nothing is made before."""
    word = name if value is None else f"{name}={value}"
    box.config["mounts"].append(conf.mount("/mnt", type, type, ["nosuid", word]))
    only(findings(box, rc=1, topic="configuration"), "error", "/mounts/7/options/1", f"{name} of {type} is")
    box.run().failed("/mounts/7/options/1")


@pytest.mark.parametrize("type, words", [
    ("tmpfs", ["size=10%", "mode=01777", "uid=0", "gid=0x0", "nr_inodes=1k"]), ("tmpfs", ["size=1m,mode=755,nr_inodes=5"]),
    ("tmpfs", ["size=0x100000", "mode=+7"]), ("devpts", ["newinstance", "ptmxmode=666", "mode=0620", "gid=5", "max=100"])])
def test_values_that_the_kernel_takes(box, type, words):
    box.config["mounts"].append(conf.mount("/mnt", type, type, words))
    assert findings(box, rc=0) == []
    box.run().ok()


@pytest.fixture
def furnished(box):
    """Files that make a difference to the changes above."""
    box.file("/f")
    for path in ("/private", "/usr/bin/tool", "/closed/p"):
        box.file(path, mode=0o700)
        shutil.copyfile(f"{box.rootfs}/bin/probe", f"{box.rootfs}{path}")
    os.chmod(f"{box.rootfs}/closed/p", 0o755)
    os.chmod(f"{box.rootfs}/closed", 0o700)
    program(box, "/cut", elf.program()[:100])
    os.makedirs(f"{box.rootfs}/d")
    os.symlink("closed/p", f"{box.rootfs}/link")
    return box


@pytest.mark.parametrize("kind", ROOTFS)
def test_what_run_finds_in_the_root_file_system(furnished, kind):
    change, pointer, words = ROOTFS[kind]
    change(furnished.config)
    only(findings(furnished, rc=1), "error", pointer, words)
    assert furnished.run().rc != 0


def linux(**members):
    return lambda c: c["linux"].update(members)


def seccomp(**members):
    return linux(seccomp={"defaultAction": "SCMP_ACT_ALLOW", **members})


def call(name, action, **members):
    return {"names": [name], "action": action, **members}


HOST = {
    "a file system": (add_mount("/d", "tmpfss"), "/mounts/7/type", "did you mean `tmpfs`?"),
    "a subtype": (add_mount("/d", "tmpfs.x"), "/mounts/7/type", "no file system type `tmpfs.x`"),
    "many files": (lambda c: c["process"].update(rlimits=[{"type": "RLIMIT_NOFILE", "soft": 9, "hard": 2**64 - 1}]),
                   "/process/rlimits/0/hard", "RLIMIT_NOFILE: "),
    "the name of a sysctl": (linux(sysctl={"net.ipv4.ip_frward": "1"}), "/linux/sysctl/net.ipv4.ip_frward", "no sysctl"),
    "the value of a sysctl": (linux(sysctl={"kernel.shmmax": "abc"}), "/linux/sysctl/kernel.shmmax", "`abc` is no number"),
    "nodes": (linux(memoryPolicy={"mode": "MPOL_BIND", "nodes": "1023"}), "/linux/memoryPolicy/nodes", "none of the nodes 1023"),
    "an interface": (linux(netDevices={"eth99": {}}), "/linux/netDevices/eth99", "no network interface `eth99`"),
    "loopback": (linux(netDevices={"lo": {"name": "x"}}), "/linux/netDevices/lo", "cannot be moved"),
    "called loopback": (linux(netDevices={"eth99": {"name": "lo"}}), "/linux/netDevices/eth99/name", "an interface `lo` already"),
    "another namespace": (lambda c: conf.namespace(c, "pid", "/proc/self/ns/net"), None, "is a network namespace, not a pid"),
    "no namespace": (lambda c: conf.namespace(c, "ipc", "/etc/passwd"), None, "is not a namespace"),
    "no execve": (seccomp(syscalls=[call("execve", "SCMP_ACT_ERRNO")]), "/linux/seccomp", "does not allow execve(2)"),
    "killed": (seccomp(syscalls=[call("execve", "SCMP_ACT_KILL_PROCESS")]), "/linux/seccomp", "does not allow execve(2)"),
    "a long filter": (seccomp(syscalls=[call("read", "SCMP_ACT_ERRNO", args=[
        {"index": 0, "value": i, "op": "SCMP_CMP_EQ"}, {"index": 1, "value": i, "op": "SCMP_CMP_EQ"}])
        for i in range(3000)]), "/linux/seccomp", "the kernel takes 4096 at most"),
    "no agent": (seccomp(listenerPath="/nowhere", syscalls=[call("mkdir", "SCMP_ACT_NOTIFY")]), "/linux/seccomp/listenerPath",
                 "/nowhere: no such file"),
    "no socket": (lambda c: c.update(annotations={"run.oci.pidfd_receiver": "/etc/passwd"}),
                  "/annotations/run.oci.pidfd_receiver", "is not a socket"),
    "a clock": (lambda c: (conf.namespace(c, "time"), c["linux"].update(timeOffsets={"boottime": {"secs": -10**9}})),
                "/linux/timeOffsets/boottime", "would be below zero"),
}


@pytest.mark.parametrize("kind", HOST)
def test_what_run_finds_on_the_host(furnished, kind):
    change, pointer, words = HOST[kind]
    change(furnished.config)
    rows = findings(furnished, rc=1)
    only(rows, "error", pointer or rows[0][1], words)
    assert pointer or rows[0][1].startswith("/linux/namespaces/")
    assert furnished.run().rc != 0


@pytest.mark.parametrize("change", [
    linux(sysctl={"net.ipv4.ip_forward": "1", "kernel.shmmax": "1048576", "net.ipv4.conf.lo.forwarding": "1"}),
    linux(sysctl={"kernel.domainname": "abc"}), linux(memoryPolicy={"mode": "MPOL_BIND", "nodes": "0,7"}),
    seccomp(syscalls=[call("execve", "SCMP_ACT_LOG"), call("mkdir", "SCMP_ACT_ERRNO")]),
    seccomp(syscalls=[call("execve", "SCMP_ACT_ERRNO", args=[{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}])]),
    lambda c: (conf.namespace(c, "time"), c["linux"].update(timeOffsets={"boottime": {"secs": -1}})),
    lambda c: c["process"].update(rlimits=[{"type": "RLIMIT_NOFILE", "soft": 90, "hard": 100}]),
], ids=["sysctl", "name", "nodes", "log", "condition", "clock", "files"])
def test_what_the_host_has(furnished, change):
    change(furnished.config)
    assert findings(furnished, rc=0) == []
    assert furnished.run().rc == 0


def test_files_of_a_cgroup(box):
    """Perhaps the kernel knows them; this one does not."""
    box.config["linux"]["resources"] = {"unified": {"cgroup.max.dept": "1", "other.thing": "1"}}
    rows = findings(box, rc=2)
    assert {(s, p) for s, p, _ in rows} == {("warning", f"/linux/resources/unified/{f}") for f in ("cgroup.max.dept", "other.thing")}
    assert "did you mean `cgroup.max.depth`?" in [m for _, p, m in rows if "dept" in p][0]
    assert box.run().rc != 0


def test_a_cgroup_with_processes(box, tmp):
    path = f"/{os.path.basename(tmp)}-full"
    os.mkdir(host.CGROUP + path)
    sleeper = subprocess.Popen(["sleep", "100"])
    try:
        with open(f"{host.CGROUP}{path}/cgroup.procs", "w") as f:
            f.write(str(sleeper.pid))
        box.config["linux"]["cgroupsPath"] = path
        only(findings(box, rc=1), "error", "/linux/cgroupsPath", "holds processes")
        assert box.run().rc != 0
    finally:
        sleeper.kill()
        sleeper.wait()
        os.rmdir(host.CGROUP + path)
    assert findings(box, rc=0) == []


def test_file_systems_of_another_machine(box, orlop, tmp):
    """Of a document without them nothing is said, and what may be a module's is a warning."""
    box.config["mounts"].append(conf.mount("/mnt", "xyzfs", "xyzfs"))
    at = f"/mounts/{len(box.config['mounts']) - 1}/type"
    have = orlop("features", "--host").ok().json()["filesystems"]
    assert {"tmpfs", "proc"} <= set(have)
    only(findings(box, "--host", facts(orlop, tmp, allFilesystems=False), rc=2), "warning", at, "modules.alias")
    only(findings(box, "--host", facts(orlop, tmp, allFilesystems=True), rc=1), "error", at, "xyzfs")
    assert findings(box, "--host", facts(orlop, tmp, filesystems=have + ["xyzfs"]), rc=0) == []
    path = facts(orlop, tmp)
    with open(path) as f:
        document = json.load(f)
    del document["filesystems"], document["allFilesystems"]
    with open(path, "w") as f:
        json.dump(document, f)
    assert findings(box, "--host", path, rc=0) == []


@pytest.mark.parametrize("change", [
    as_user("/bin/probe"), as_user("/private", uid=0),
    lambda c: (as_user("/private")(c), c["process"]["user"].update(additionalGids=[7])),
    lambda c: (as_user("/closed/p")(c), c["process"].update(capabilities={s: ["CAP_DAC_READ_SEARCH"] for s in (
        "bounding", "effective", "permitted", "inheritable", "ambient")})),
    as_user("/bin/probe", "a" * 131071), add_device("/d/x"), add_mount("/d", "bind", "/etc", "bind"),
], ids=["anybody", "owner", "group", "capability", "argument", "device", "bind"])
def test_what_run_does_with_that(furnished, change):
    os.chown(f"{furnished.rootfs}/private", 0, 7)
    os.chmod(f"{furnished.rootfs}/private", 0o710)
    change(furnished.config)
    furnished.write()
    r = furnished.orlop("check", furnished.bundle)
    assert r.rc in (0, 2) and "error" not in r.out, r
    assert furnished.run().rc == 0


@pytest.mark.parametrize("option, pointer, words", [
    ("noexec", "/process/args/0", "a mount of the host with the option `noexec`"),
    ("ro", "/mounts/7/destination", "cannot be made: the root file system is on a mount that is read-only")])
def test_options_of_the_mount_below(box, option, pointer, words):
    box.config["mounts"].append(conf.mount("/new", "tmpfs", "tmpfs"))
    box.write()
    for d in ("proc", "sys", "dev", "tmp"):
        os.makedirs(f"{box.rootfs}/{d}", exist_ok=True)
    script = f'mount --bind "{box.rootfs}" "{box.rootfs}" && mount -o remount,bind,{option} "{box.rootfs}" && exec "$@"'
    wrap = ["unshare", "-m", "sh", "-ec", script, "sh"]
    rows = json.loads(box.orlop("check", "--format", "json", box.bundle, wrap=wrap).out)["findings"]
    assert (pointer, True) in [(f["pointer"], words in f["message"]) for f in rows], rows
    assert box.orlop("run", "--bundle", box.bundle, box.id, wrap=wrap).rc != 0
