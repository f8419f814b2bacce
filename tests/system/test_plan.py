# SPDX-License-Identifier: GPL-2.0-or-later
"""`plan`: tells what `run` would do, does nothing, and what it told is what the kernel shows afterwards."""
import os

import pytest
from lib import config as conf
from lib import host, kernel


def plan(box, *options):
    box.write()
    r = box.orlop("plan", "--format", "json", *options, box.bundle).ok()
    assert r.err == ""
    return r.json()


def members(steps, what, *keys):
    return [tuple(s.get(k) for k in keys) for s in steps if s["step"] == what]


def test_nothing_is_made(box, orlop):
    steps = plan(box)
    assert steps and not os.path.exists(orlop.root)
    assert all(set(s) > {"step", "pointer"} for s in steps)


def test_text_and_json_are_the_same_steps(box, orlop):
    box.process["args"] = ["/bin/probe", "two words", "a,b", "line\nbreak", ""]
    steps = plan(box)
    lines = orlop("plan", box.bundle).ok().out.splitlines()
    assert [line.split()[0] for line in lines] == [s["step"] for s in steps]
    assert all(line.endswith(f"({s['pointer']})") for line, s in zip(lines, steps, strict=True) if s["pointer"])
    execute = [line for line in lines if line.startswith("execute")][0]
    assert 'args=/bin/probe,"two words","a,b","line\\nbreak",""' in execute


def test_pointers_lead_to_what_asks_for_it(box):
    box.config["linux"]["sysctl"] = {"net.ipv4.ip_forward": "1"}
    box.config["hooks"] = {"poststart": [{"path": "/bin/true", "timeout": 3}]}
    for step in plan(box):
        value = box.config
        for key in (step["pointer"] or "").split("/")[1:]:
            if key in ("cgroupsPath",):     # of its own accord
                break
            value = value[int(key)] if isinstance(value, list) else value.get(key, value) if isinstance(value, dict) else value
    assert ("/hooks/poststart/0", 3) in members(plan(box), "hook", "pointer", "timeout")


def test_it_is_what_happens(box):
    """Mounts, names, masks, capabilities and the program, as the process sees them."""
    box.config["mounts"].append(conf.mount("/opt/x", "tmpfs", "x", ["ro", "noexec"]))
    box.config["root"]["readonly"] = True
    box.process["user"] = {"uid": 12, "gid": 13}
    steps = plan(box)
    seen = box.probe()
    order = [m.target for m in kernel.parse_mountinfo(seen["mountinfo"])]
    wanted = [d for d, in members(steps, "mount", "destination")]
    assert wanted == [m["destination"] for m in box.config["mounts"]] and set(wanted) <= set(order)
    assert members(steps, "hostname", "name") == [("orlop",)]
    caps = dict(members(steps, "capabilities", "set", "names"))
    assert caps["bounding"] == sorted(box.process["capabilities"]["bounding"], key=caps["bounding"].index)
    assert members(steps, "user", "uid", "gid") == [(12, 13)]
    assert members(steps, "execute", "args") == [(box.process["args"],)]
    assert ("/",) in members(steps, "read-only", "path")
    kinds = [s["step"] for s in steps]
    assert kinds.index("cgroup") < kinds.index("namespace") < kinds.index("rootfs") < kinds.index("mask") \
        < kinds.index("capabilities") < kinds.index("execute")


def test_limits_as_written_and_as_asked(box):
    asked = {"hugetlb": {"hugepageLimits": [{"pageSize": "2MB", "limit": 4194304}]},
             "memory": {"memory": {"limit": 1 << 27}}, "cpu": {"cpu": {"shares": 512}}, "pids": {"pids": {"limit": 7}}}
    files = []
    for controller in sorted(set(asked) & host.controllers()):
        box.config["linux"]["resources"].update(asked[controller])
    steps = plan(box, "--id", box.id)
    assert members(steps, "cgroup", "path") == [(f"/orlop/{box.id}",)]
    box.args("pause").create().ok()
    for file, value, optional in members(steps, "cgroup-write", "file", "value", "if-there"):
        path = f"{host.CGROUP}/orlop/{box.id}/{file}"
        if optional and not os.path.exists(path):
            continue
        assert kernel.read(path).strip() == value, file
        files.append(file)
    assert len(files) >= len(set(asked) & host.controllers())


def test_conversions(box):
    """On a host that has the controllers, whatever this one has."""
    box.config["linux"]["resources"] = {"cpu": {"shares": 1024, "quota": 50000}, "memory": {"limit": 1 << 27, "swap": 1 << 28},
                                        "pids": {"limit": -1}}
    writes = {f: (v, a, p) for f, v, a, p in members(plan(box), "cgroup-write", "file", "value", "asked", "pointer")}
    assert writes["cpu.weight"] == ("100", "1024", "/linux/resources/cpu/shares")
    assert writes["cpu.max"] == ("50000 100000", "50000", "/linux/resources/cpu/quota")
    assert writes["memory.swap.max"] == (str(1 << 27), str(1 << 28), "/linux/resources/memory/swap")
    assert writes["pids.max"][:2] == ("max", "-1")


def test_unit_properties(box, orlop, tmp):
    document = orlop("features", "--host").ok().out.replace('"systemd": false', '"systemd": true')
    with open(f"{tmp}/facts.json", "w") as f:
        f.write(document)
    box.config["linux"]["resources"] = {"memory": {"limit": 1 << 27}}
    box.write()
    steps = orlop("--systemd-cgroup", "plan", "--format", "json", "--id", "web", "--host", f"{tmp}/facts.json",
                  box.bundle).ok().json()
    assert members(steps, "unit", "name", "manager") == [("orlop-web.scope", "system")]
    assert ("MemoryMax", f"uint64 {1 << 27}", str(1 << 27)) in [
        (n, v, a) for n, v, a in members(steps, "unit-property", "name", "value", "asked")] or \
        ("MemoryMax", f"uint64 {1 << 27}") in members(steps, "unit-property", "name", "value")


def test_seccomp_answers(box):
    """Of the program itself: each call has one answer, and it is the one that the process gets."""
    box.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95},
        {"names": ["personality"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]}]}
    steps = plan(box)
    answers = {}
    for answer, calls in members(steps, "seccomp", "answer", "calls"):
        for call in calls or []:
            assert call not in answers
            answers[call] = answer
    assert answers["mkdir"] == "SCMP_ACT_ERRNO 95 operation not supported" == answers["mkdirat"]
    assert answers["personality"] == "depends on the arguments" and answers["read"] == "SCMP_ACT_ALLOW"
    assert box.attack("mkdir", "/tmp/x")["errno"] in ("EOPNOTSUPP", "ENOTSUP")
    assert [d for d, in members(steps, "seccomp", "default") if d] == ["SCMP_ACT_ALLOW"]


PROFILE = {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 13, "syscalls": [
    {"names": ["read", "execve"], "action": "SCMP_ACT_ALLOW"},
    {"names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]},
    {"names": ["personality"], "action": "SCMP_ACT_LOG", "args": [
        {"index": 0, "value": 16, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 0xff00, "valueTwo": 0x1200, "op": "SCMP_CMP_MASKED_EQ"}]},
    {"names": ["mkdir"], "action": "SCMP_ACT_KILL_PROCESS"}]}


@pytest.mark.parametrize("call, answer, pointer", [
    (["read"], "SCMP_ACT_ALLOW", "/syscalls/0"), (["mkdir", "1"], "SCMP_ACT_KILL_PROCESS", "/syscalls/3"),
    (["personality", "8"], "SCMP_ACT_ALLOW", "/syscalls/1"), (["personality", "0x10"], "SCMP_ACT_LOG", "/syscalls/2"),
    (["personality", "0x1234"], "SCMP_ACT_LOG", "/syscalls/2"), (["personality"], "SCMP_ACT_ERRNO 13 permission denied", "/defaultAction"),
    (["chmod"], "SCMP_ACT_ERRNO 13 permission denied", "/defaultAction"),
    (["pidfd_open"], "SCMP_ACT_ERRNO 38 function not implemented", None),
])
def test_one_call_explained(box, orlop, call, answer, pointer):
    box.linux["seccomp"] = PROFILE
    box.write()
    r = orlop("seccomp", "explain", "--format", "json", f"{box.bundle}/config.json", *call).ok().json()
    assert (r["call"], r["answer"], r["pointer"]) == (call[0], answer, pointer and "/linux/seccomp" + pointer), r
    text = orlop("seccomp", "explain", f"{box.bundle}/config.json", *call).ok().out
    assert text.startswith(f"{call[0]}: {answer}: {r['because']}") and text.count("\n") == 1


def test_what_cannot_be_explained(box, orlop):
    box.write()
    config = f"{box.bundle}/config.json"
    orlop("seccomp", "explain", config, "read").failed("has no filter", "/linux/seccomp")
    orlop("seccomp", "explain", config, "raed").failed("no system call `raed`", "did you mean `read`?")
    orlop("seccomp", "explain", config, "read", "x").failed("`x` is not a number")
    orlop("seccomp", "explain", config, "read", "18446744073709551616").failed("is not a number")
    orlop("seccomp", "explain", "/nonexistent", "read").failed("/nonexistent")
    orlop("seccomp", "explain", config, "read", *"0123456").failed("one argument too many")
    orlop("seccomp", "show", config, "read").failed("`show` is not explain")
    with open(config) as f:
        orlop("seccomp", "explain", "-", "read", stdin=f).failed("has no filter")


def test_landlock(box):
    box.config["annotations"] = {"org.orlop.landlock": '{"readOnly": ["/"], "bindTCP": [80], "bestEffort": true}'}
    assert members(plan(box), "landlock", "readOnly", "bindTCP", "best-effort", "pointer") == [
        (["/"], "1 ports", True, "/annotations/org.orlop.landlock")]


def test_device_rules(box):
    box.linux["resources"] = {"devices": [{"allow": False, "access": "rwm"},
                                          {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rw"}]}
    steps = plan(box)
    assert members(steps, "device-rule", "deny", "allow", "major", "minor", "access") == [
        ("a", None, "any", "any", "rwm"), (None, "c", 10, 229, "rw")]
    assert members(steps, "device-program", "instructions")[0][0] > 10


@pytest.mark.parametrize("change, words", [
    (lambda c: c["process"].update(cwd="x"), ["config.json", "must be an absolute path"]),
    (lambda c: c["mounts"].append(conf.mount("/", "tmpfs", "t")), ["would hide the root file system"]),
])
def test_what_cannot_be_planned_is_the_error_of_run(box, change, words):
    change(box.config)
    box.write()
    box.orlop("plan", box.bundle).failed(*words, rc=1)
    box.refused(*words)


def test_its_options(box, orlop):
    box.write()
    orlop("plan", "--id", "a/b", box.bundle).failed("not a container id")
    orlop("plan", "--host", "/nonexistent", box.bundle).failed("/nonexistent")
    orlop("plan", "--config", "no.json", box.bundle).failed("no.json")
