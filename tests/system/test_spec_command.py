# SPDX-License-Identifier: GPL-2.0-or-later
"""`spec`: what it is told it writes, `check` has no error for it, and the container has it."""
import json
import os
import platform
import shutil
import subprocess

import pytest
from lib import config as conf
from lib import host, kernel

SCRIPT = """
id -u; id -g; tr '\\0' ' ' </proc/self/environ; echo; grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status
touch /there && echo writable; [ -t 0 ] && echo terminal; ls /sys/class/net | tr '\\n' ' '; echo; ls /in; touch /in/x
cat /proc/interrupts /proc/fs/* | wc -c; unshare -U true && echo unshared; cat /proc/self/mounts
"""


@pytest.fixture
def shell(make_box):
    box = make_box(busybox=True)
    for applet in ("grep", "touch", "tr", "unshare", "wc", "["):
        os.symlink("busybox", f"{box.rootfs}/bin/{applet}")
    box.file("/etc/passwd", "root:x:0:0::/root:/bin/sh\nwww:x:33:34::/:/bin/sh\n")
    box.file("/etc/group", "web:x:34:\nother:x:77:www\n")
    os.mkdir(f"{box.bundle}/data")
    open(f"{box.bundle}/data/file", "w").close()
    box.data = f"{box.bundle}/data"
    return box


def written(box, *options, rc=0):
    """The configuration, after `check` had nothing against it."""
    path = f"{box.bundle}/config.json"
    if os.path.lexists(path):
        os.unlink(path)
    r = box.orlop("spec", "--bundle", box.bundle, *options).ok()
    assert (r.out, r.err) == ("", "")
    r = box.orlop("check", box.bundle)
    assert r.rc == rc, r
    with open(path) as f:
        return json.load(f)


def ran(box, *options, **kw):
    written(box, "--no-terminal", *options, "--", "sh", "-c", SCRIPT, **kw)
    return box.orlop("run", "--bundle", box.bundle, box.id).out.splitlines()


def status_of(lines):
    return dict(line.split(":\t") for line in lines if ":\t" in line)


def fails(box, *words_and_options, words):
    """Nothing is written then."""
    before = sorted(os.listdir(box.bundle))
    box.orlop("spec", "--bundle", box.bundle, *words_and_options).failed("spec: ", *words)
    assert sorted(os.listdir(box.bundle)) == before


def test_the_container_has_what_was_asked_for(shell):
    lines = ran(shell, "--user", "www", "--env", "A=b c", "--env", "TERM=vt100", "--env", "A=d",
                "--mount", "data:/in:ro,noexec", "--mount", f"{shell.data}/file:/f")
    assert lines[:2] == ["33", "34"]
    assert lines[2].split() == [next(w for w in lines[2].split() if w.startswith("PATH=")), "TERM=vt100", "A=d", "HOME=/"]
    status = status_of(lines)
    assert (status["CapBnd"], status["NoNewPrivs"], status["Seccomp"]) == ("0000000020000420", "1", "0")
    assert "writable" not in lines and "terminal" not in lines and "lo " in lines and "file" in lines
    assert os.listdir(shell.data) == ["file"], "the container could not write there"
    options = {x.split()[1]: x.split()[3].split(",") for x in lines if x.count(" ") == 5}
    assert {"ro", "noexec"} <= set(options["/in"]) and "rw" in options["/f"]


def test_a_mount_that_can_be_written(shell):
    ran(shell, "--mount", f"{shell.data}:/in:rw")
    assert sorted(os.listdir(shell.data)) == ["file", "x"]


def test_read_only_mounts_are_so_to_the_ground(shell, tmp):
    """A mount below what is bound comes along: it is as read-only as the first."""
    os.mkdir(f"{shell.data}/below")
    subprocess.run(["mount", "-t", "tmpfs", "below", f"{shell.data}/below"], check=True)
    try:
        lines = ran(shell, "--mount", f"{shell.data}:/in:ro")
    finally:
        subprocess.run(["umount", f"{shell.data}/below"], check=True)
    options = {x.split()[1]: x.split()[3].split(",") for x in lines if x.count(" ") == 5}
    assert "ro" in options["/in"] and "ro" in options["/in/below"], options


def test_to_the_standard_output(shell):
    """Nothing is written into the bundle, and `check`, `plan` and `run` take it from there."""
    before = sorted(os.listdir(shell.bundle))
    text = shell.orlop("spec", "--bundle", shell.bundle, "-f", "-", "--no-terminal", "--", "sh", "-c", "echo here").ok().out
    assert sorted(os.listdir(shell.bundle)) == before and json.loads(text)["process"]["args"] == ["sh", "-c", "echo here"]
    for command, said in (["check", "--config", "-", shell.bundle], "no findings"), \
                         (["plan", "--config", "-", shell.bundle], "/process"), \
                         (["run", "-f", "-", "--bundle", shell.bundle, shell.id], "here"):
        with open(f"{shell.orlop.tmp}/given", "w+") as given:
            given.write(text)
            given.seek(0)
            r = shell.orlop(*command, stdin=given).ok()
        assert said in r.out or command[0] == "check", r


def test_mounts_below_come_along_unless_bind_is_said(shell):
    mounts = written(shell, "--mount", "/a:/x", "--mount", "/a:/y:bind,nosuid", "--mount", "/a:/z:rslave,rbind",
                     rc=1)["mounts"][-3:]
    assert [(m["destination"], m["type"], m["source"], m["options"]) for m in mounts] == [
        ("/x", "bind", "/a", ["rbind"]), ("/y", "bind", "/a", ["bind", "nosuid"]), ("/z", "bind", "/a", ["rslave", "rbind"])]


@pytest.mark.parametrize("profile,caps,more", [
    ("docker", "00000000a80425fb", ["writable"]), ("strict", "0000000000000000", [])])
def test_profiles(shell, profile, caps, more):
    lines = ran(shell, "--profile", profile)
    status = status_of(lines)
    assert (status["CapBnd"], status["CapEff"]) == (caps, caps) and status["Seccomp"] == "2"
    assert status["NoNewPrivs"] == ("1" if profile == "strict" else "0")
    assert [x for x in lines if x in ("writable", "unshared")] == more
    assert "0" in lines, "what is masked is empty"
    masked = {x.split()[1] for x in lines if x.count(" ") == 5 and x.split()[1].startswith("/proc/")}
    assert ("/proc/fs" in masked) and "/proc/sys" in masked
    if profile == "strict":
        assert all(kind == "tmpfs" for _, at, kind, *_ in map(str.split, filter(lambda x: " /proc/fs " in x, lines)))


@pytest.mark.skipif(platform.machine() != "x86_64", reason="of another machine")
def test_the_filter_of_docker_is_that_of_docker(shell):
    def rules(profile):
        return sorted((name, r["action"], r.get("errnoRet"), json.dumps(r.get("args"), sort_keys=True))
                      for r in profile["syscalls"] for name in r["names"])
    with open(os.path.join(os.path.dirname(__file__), "../data/docker-seccomp.json")) as f:
        want = json.load(f)
    document = written(shell, "--profile", "docker")
    got = document["linux"]["seccomp"]
    assert rules(got) == rules(want)
    assert {k: v for k, v in got.items() if k != "syscalls"} == {k: v for k, v in want.items() if k != "syscalls"}
    assert document["process"]["capabilities"]["bounding"] == sorted(document["process"]["capabilities"]["bounding"])


@pytest.mark.parametrize("word,ids", [
    ("7", (7, 0)), ("33", (33, 34)), ("7:8", (7, 8)), ("root", (0, 0)), ("www:other", (33, 77)), ("5:web", (5, 34)),
    ("www:3", (33, 3)), ("4294967294:1", (4294967294, 1))])
def test_users(shell, word, ids):
    user = written(shell, "--user", word, rc=0 if ids[0] in (0, 33) else 2)["process"]["user"]
    assert (user["uid"], user["gid"]) == ids


@pytest.mark.parametrize("word", ["nobody", "www:none", ":", ":1", "www:", "a:b:c", "4294967295", "1:99999999999", "-1", ""])
def test_bad_users(shell, word):
    fails(shell, f"--user={word}", words=["--user"])


def test_numbers_need_no_root_file_system(shell):
    shutil.rmtree(shell.rootfs)
    assert written(shell, "--user", "5", rc=1)["process"]["user"] == {"uid": 5, "gid": 0}
    fails(shell, "-fother", "--user", "www", words=["/etc/passwd", "no such file", "numbers need no list"])


def test_links_of_the_root_file_system_lead_nowhere_else(shell, tmp):
    with open(f"{tmp}/passwd", "w") as f:
        f.write("outside:x:66:66::/:/\n")
    os.unlink(f"{shell.rootfs}/etc/passwd")
    for target in (f"{tmp}/passwd", f"../../../..{tmp}/passwd", "/proc/self/root/etc/passwd"):
        os.symlink(target, f"{shell.rootfs}/etc/passwd")
        fails(shell, "--user", "outside", words=["no such file"])
        fails(shell, "--user", "root", words=["no such file"])
        os.unlink(f"{shell.rootfs}/etc/passwd")
    shell.file("/inside", "inside:x:55:56::/:/\n")
    os.symlink("/inside", f"{shell.rootfs}/etc/passwd")
    assert written(shell, "--user", "inside")["process"]["user"] == {"uid": 55, "gid": 56}
    os.unlink(f"{shell.rootfs}/etc/passwd")
    os.mkfifo(f"{shell.rootfs}/etc/passwd")
    os.unlink(f"{shell.bundle}/config.json")
    fails(shell, "--user", "inside", words=["invalid argument"])


def test_network(shell):
    def has(*options):
        return "network" in [n["type"] for n in written(shell, *options)["linux"]["namespaces"]]
    assert (has(), has("--net", "none"), has("--net=host")) == (True, True, False)
    assert (has("--rootless"), has("--rootless", "--net", "none")) == (False, True)
    mine = sorted(os.listdir("/sys/class/net"))
    assert f"{' '.join(mine)} " in ran(shell, "--net", "host")
    assert "lo " in ran(shell, "--rootless", "--net", "none")


def test_limits_are_written(shell):
    document = json.loads(kernel.read(_limited(shell, "--memory", "64M", "--cpus", "1.5")))
    assert document["linux"]["resources"]["memory"] == {"limit": 64 << 20, "swap": 128 << 20}
    assert document["linux"]["resources"]["cpu"] == {"quota": 150000, "period": 100000}
    for cpus, quota in ("2", 200000), ("0.01", 1000), ("0.12345", 12345), ("1.00001", 100001):
        document = json.loads(kernel.read(_limited(shell, "--cpus", cpus)))
        assert document["linux"]["resources"]["cpu"]["quota"] == quota
    document = json.loads(kernel.read(_limited(shell, "--rootless", "-m", "1.5g")))
    assert document["linux"]["resources"] == {"memory": {"limit": 3 << 29, "swap": 3 << 30}}


def _limited(shell, *options):
    shell.orlop("spec", "--bundle", shell.bundle, "--file", "limits.json", *options).ok()
    return f"{shell.bundle}/limits.json"


@pytest.mark.needs_controllers("memory", "cpu")
def test_limits_are_kept(shell):
    written(shell, "--no-terminal", "--memory", "64M", "--cpus", "1.5", "--", "probe", "pause")
    shell.orlop("create", "--bundle", shell.bundle, "--pid-file", shell.pid_file, shell.id).ok()
    group = f"{host.CGROUP}/orlop/{shell.id}"
    assert kernel.read(f"{group}/memory.max").strip() == str(64 << 20)
    assert kernel.read(f"{group}/cpu.max").strip() == "150000 100000"


@pytest.mark.parametrize("options,words", [
    (["--memory", "0"], ["--memory", "`0`"]), (["--memory", "1x"], ["--memory", "1x"]), (["--memory", "-1"], ["--memory"]),
    (["--cpus", "0"], ["--cpus"]), (["--cpus", "0.009"], ["--cpus"]), (["--cpus", "1."], ["--cpus"]),
    (["--cpus", "1.123456"], ["--cpus"]), (["--cpus", "1e3"], ["--cpus"]), (["--cpus", "9999999"], ["--cpus"]),
    (["--net", "bridge"], ["--net", "host|none"]), (["--profile", "dockr"], ["--profile", "docker|strict"]),
    (["--env", "A"], ["--env", "`A`", "NAME=VALUE"]), (["--env", "=b"], ["--env"]),
    (["--mount", "/a"], ["--mount", "`/a`"]), (["--mount", "/a:b"], ["--mount", "absolute"]),
    (["--mount", ":/b"], ["--mount"]), (["--mount", "/a:/b:ro:rw"], ["--mount"]),
    (["--mount", "/a:/b:r0"], ["--mount", "`r0`", "did you mean `ro`?"]), (["--mount", "/a:/b:idmap"], ["--mount", "`idmap`"]),
    (["--mount", "/a:/"], ["--mount", "root.path"]), (["--mount", "/a:/x/../proc/y"], ["--mount", "/proc/y"]),
    (["--env", "A=\udcff"], ["--env", "`A=\\xff`", "UTF-8"]), (["--", "\udcc0\udc80"], ["command", "UTF-8"]),
    (["--mount", "/\udce4:/b"], ["--mount", "UTF-8"]), (["--rootfs", "\udce4"], ["--rootfs", "UTF-8"]),
    (["--mount", "/a:/b:size=1m"], ["--mount", "`size=1m`"]),
    (["--mount", "/a:/b:ro,"], ["--mount"]), (["--mount", "/a:/b:remount"], ["--mount", "`remount`"]),
    (["--rootless", "--user", "5"], ["uid", "5"]), (["--", ""], ["command", "empty"])])
def test_what_is_refused(shell, options, words):
    fails(shell, *options, words=words)


def test_rootfs(shell):
    os.rename(shell.rootfs, f"{shell.bundle}/other")
    assert written(shell, "--rootfs", "other", "--user", "www")["root"]["path"] == "other"
    assert written(shell, "--rootfs", f"{shell.bundle}/other")["root"]["path"] == f"{shell.bundle}/other"
    os.rename(f"{shell.bundle}/other", shell.rootfs)


# ---- --from ---------------------------------------------------------------------------------------


def test_from_a_container(shell, make_box):
    shell.args("pause")
    shell.config["hostname"] = "first"
    shell.config["root"]["path"] = "rootfs"
    shell.config["linux"]["cgroupsPath"] = f"/orlop/{shell.id}"
    shell.mounts.append(conf.bind("data", "/in", "ro"))
    shell.process["oomScoreAdj"] = 7
    shell.config["annotations"] = {"a/b~": "\u00e9\n\"", "n": "1"}
    shell.create().ok()
    shell.start().ok()
    second = make_box()
    document = written(second, "--from", shell.id)
    want = json.loads(kernel.read(f"{shell.bundle}/config.json"))
    want["root"]["path"] = shell.rootfs
    want["mounts"][-1]["source"] = shell.data
    del want["linux"]["cgroupsPath"]
    assert document == want
    r = second.orlop("create", "--bundle", second.bundle, "--pid-file", second.pid_file, second.id).ok()
    assert kernel.read(f"/proc/{second.pid}/oom_score_adj").strip() == "7" and r.err == ""
    second.delete("--force").ok()
    second.orlop("spec", "--bundle", second.bundle, "--from", shell.id).failed("config.json exists already")


@pytest.mark.needs_controllers("hugetlb")
def test_from_has_the_limits_of_the_last_update(box, make_box):
    limits = [{"pageSize": "2MB", "limit": 4 << 20}]
    box.linux["resources"]["hugepageLimits"] = [{"pageSize": "2MB", "limit": 8 << 20}]
    box.up()
    with open(f"{box.bundle}/r.json", "w") as f:
        json.dump({"hugepageLimits": limits}, f)
    box.orlop("update", "--resources", f"{box.bundle}/r.json", box.id).ok()
    second = make_box()
    resources = written(second, "--from", box.id)["linux"]["resources"]
    assert resources["hugepageLimits"] == limits
    second.orlop("create", "--bundle", second.bundle, "--pid-file", second.pid_file, second.id).ok()
    assert kernel.read(f"{host.CGROUP}/orlop/{second.id}/hugetlb.2MB.max").strip() == str(4 << 20)


def test_from_tells_of_mounts_that_came_later(shell, make_box):
    shell.up()
    with open(f"{shell.bundle}/m.json", "w") as f:
        json.dump([conf.bind(shell.data, "/later")], f)
    shell.orlop("mounts", "add", shell.id, f"{shell.bundle}/m.json").ok()
    second = make_box()
    r = second.orlop("spec", "--bundle", second.bundle, "--from", shell.id).ok()
    assert "/later" in r.err and "warning" in r.err
    assert "/later" not in kernel.read(f"{second.bundle}/config.json")


@pytest.mark.parametrize("option", [
    ["--rootless"], ["--env", "A=b"], ["--memory", "1M"], ["--cpus", "1"], ["--net", "host"], ["--no-terminal"],
    ["--user", "1"], ["--mount", "/a:/b"], ["--profile", "strict"], ["--rootfs", "x"]])
def test_from_goes_alone(box, option):
    fails(box, "--from", "x", *option, words=["--from", option[0], "exclude each other"])


def test_from_of_nobody(box):
    fails(box, "--from", "nobody", words=["container `nobody` does not exist"])
    fails(box, "--from", "x", "--", "true", words=["a command"])
