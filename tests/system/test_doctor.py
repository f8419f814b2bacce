# SPDX-License-Identifier: GPL-2.0-or-later
"""`doctor`: facts about the machine compared with what the kernel shows, and that nothing is changed."""
import json
import os
import pwd
import re
import subprocess

import pytest
from lib import host, kernel
from lib.box import PROGRAM, deadline


def facts(orlop, **kw):
    r = orlop("doctor", "--json", **kw)
    assert r.rc in (0, 1) and r.err == "", r
    found = json.loads(r.out)
    for f in found:
        assert set(f) == {"id", "ok", "needed", "fact"} | ({"todo"} if not f["ok"] else set()), f
        assert f["fact"] and f.get("todo", "x"), f
    assert len({f["id"] for f in found}) == len(found)
    assert r.rc == any(f["needed"] and not f["ok"] for f in found)
    return {f["id"]: f for f in found}


def in_private_mounts(script):
    """A `wrap` that changes what is mounted, for the program alone."""
    return ["unshare", "-m", "sh", "-ec", script + '; exec "$@"', "sh"]


@pytest.mark.kernel
def test_every_fact_is_in_the_manual(orlop):
    """In the order of the manual page, and no other."""
    page = kernel.read(f"{os.path.dirname(__file__)}/../../man/orlop.8")
    section = page[page.index(".Ss orlop doctor"):].replace("\\\n", "")
    ids = [x for line in re.findall(r"^\.It Li (.*)$", section[:section.index(".It Fl -json")], re.M)
           for x in line.split(" , ")]
    found = facts(orlop)
    assert set(found) <= set(ids)
    assert set(ids) - set(found) <= {"systemd.user", "systemd.system", *(i for i in ids if i.startswith("cgroup."))}
    assert list(found) == [i for i in ids if i in found]


def test_lines(orlop):
    """The same as text: ok, or what to do."""
    found = facts(orlop)
    r = orlop("doctor")
    lines = r.out.splitlines()
    assert len(lines) == len(found) and r.err == ""
    for line, f in zip(lines, found.values()):
        word, id, rest = line.split(None, 2)
        assert (word, id) == ("ok" if f["ok"] else "todo", f["id"])
        moment = f["id"].startswith("limits.")
        assert moment or rest == f["fact"] + ("" if f["ok"] else f": {f['todo']}")


@pytest.mark.kernel
def test_controllers(orlop):
    """As cgroup.controllers and /proc/cgroups have them."""
    found = facts(orlop)
    there = host.controllers()
    v1 = {"io" if x[0] == "blkio" else x[0] for x in (line.split() for line in open("/proc/cgroups"))
          if x[1] != "0" and not x[0].startswith("#")}
    for name in ("cpu", "cpuset", "io", "memory", "hugetlb", "pids", "rdma", "misc"):
        f = found[f"cgroup.{name}"]
        assert f["ok"] == (name in there), f
        if name in v1 and not f["ok"]:
            assert f["fact"] == "cgroup v1 holds it" and f"cgroup_no_v1={name}" in f["todo"]


def test_without_cgroup2(orlop):
    """It says so, and all the rest."""
    found = facts(orlop, wrap=in_private_mounts("umount -R /sys/fs/cgroup"))
    assert "mount -t cgroup2" in found["cgroup.mount"]["todo"]
    assert not [i for i in found if i.startswith("cgroup.") and i != "cgroup.mount"]
    assert "kernel.release" in found and "engine.podman" in found


@pytest.mark.kernel
def test_cgroup2_alone(orlop):
    found = facts(orlop, wrap=[] if host.IN_VM else orlop.v2_view())
    assert found["cgroup.mount"] == {"id": "cgroup.mount", "ok": True, "needed": False, "fact": "/sys/fs/cgroup"}


def test_as_a_user(orlop, tmp):
    """Needs no privileges, and tells of what only users need."""
    user = pwd.getpwnam("nobody")
    os.chmod(tmp, 0o755)
    run = f"{tmp}/run"
    os.mkdir(run, 0o700)
    os.chown(run, user.pw_uid, user.pw_gid)
    subuid = f"{tmp}/subuid"
    with open(subuid, "w") as f:
        f.write("nobody:200000:65536\n65534:300000:10\n")
    files = "; ".join(f"mount --bind {subuid} /etc/{x}" for x in ("subuid", "subgid"))
    orlop.root = f"{run}/state"
    found = facts(orlop, wrap=[*in_private_mounts(files), "setpriv", "--reuid", str(user.pw_uid), "--regid",
                               str(user.pw_gid), "--clear-groups", "--inh-caps=-all"])
    orlop.root = f"{tmp}/state"
    assert found["user.subuid"]["fact"] == "65546 ids in /etc/subuid" or \
        "newuidmap" in found["user.subuid"]["fact"], found["user.subuid"]
    assert not found["cgroup.delegation"]["ok"] and "Delegate=yes" in found["cgroup.delegation"]["todo"]
    assert "systemd.user" in found and "systemd.system" not in found
    assert found["namespace.user"]["needed"] and not os.path.exists(f"{run}/state")


def test_without_ranges(orlop, tmp):
    empty = f"{tmp}/empty"
    open(empty, "w").close()
    found = facts(orlop, wrap=[*in_private_mounts(f"mount --bind {empty} /etc/subuid"), "setpriv", "--bounding-set=-all",
                               "--inh-caps=-all", "--reuid", "65534", "--clear-groups"])
    assert "newuidmap" in found["user.subuid"]["fact"] or "usermod --add-subuids" in found["user.subuid"]["todo"]


def test_a_limit_that_is_near(orlop):
    """Mounts, of which there are some hundred at least where the limit is set to what there is."""
    n = len(open("/proc/self/mountinfo").readlines())
    found = facts(orlop)["limits.mounts"]
    most = int(kernel.read("/proc/sys/fs/mount-max"))
    assert found["fact"] == f"{n} of {most} mounts" and found["ok"] == (n < most * 0.8)
    pids = facts(orlop)["limits.pids"]
    assert re.fullmatch(rf"\d+ of {int(kernel.read('/proc/sys/kernel/pid_max'))} processes and threads", pids["fact"])
    files = facts(orlop, wrap=["sh", "-c", 'ulimit -n 100; exec "$@"', "sh"])["limits.files"]
    assert (files["fact"], files["todo"]) == ("100 descriptors", "ulimit -n 1024")


def test_state_root_that_cannot_be(orlop, tmp):
    os.mkdir(f"{tmp}/open", 0o777)
    os.chmod(f"{tmp}/open", 0o777)
    orlop.root = f"{tmp}/open"
    f = facts(orlop)["state.root"]
    assert f["needed"] and not f["ok"] and "can be written by others" in f["todo"]
    orlop.root = f"{tmp}/state"


ENGINES = {
    "podman": ("etc/containers/containers.conf.d/orlop.conf", "[engine]\nruntime = \"orlop\"\n", "runtime = \"crun\"\n"),
    "docker": ("etc/docker/daemon.json", '{"runtimes": {"orlop": {"path": "/x"}}, "default-runtime": "orlop"}',
               '{"runtimes": {"orlop": {"path": "/x"}}, "default-runtime": "runc"}'),
    "containerd": ("etc/containerd/config.toml", "  default_runtime_name = \"orlop\" # orlop\n",
                   "# default_runtime_name = \"orlop\"\n"),
    "crio": ("etc/crio/crio.conf.d/90-orlop.conf", "default_runtime = \"orlop\"\n", "default_runtime = \"orlop2\"\n"),
}


@pytest.mark.parametrize("engine", ENGINES)
def test_engines(orlop, tmp, engine):
    """Installed and set up, installed and not, in files of ours over /etc and /usr/local/bin."""
    file, ours, other = ENGINES[engine]
    for d in ("bin", "etc", "work"):
        os.mkdir(f"{tmp}/{d}")
    program = {"docker": "dockerd"}.get(engine, engine)
    os.symlink("/bin/true", f"{tmp}/bin/{program}")
    wrap = in_private_mounts(f"mount --bind {tmp}/bin /usr/local/bin; mount --bind {tmp}/etc /etc")
    path = f"{tmp}/{file}"
    os.makedirs(os.path.dirname(path))

    def look(text):
        with open(path, "w") as f:
            f.write(text)
        return facts(orlop, wrap=wrap)[f"engine.{engine}"]
    assert look(ours) == {"id": f"engine.{engine}", "ok": True, "needed": False,
                          "fact": f"/usr/local/bin/{program}: orlop is its runtime, by /{file}"}
    f = look(other)
    assert f["fact"] == f"/usr/local/bin/{program}: orlop is not its runtime" and f"setup {engine}" in f["todo"]
    os.unlink(path)
    assert not facts(orlop, wrap=wrap)[f"engine.{engine}"]["ok"]


def test_changes_nothing(orlop, tmp):
    """All that it opens for writing is its output; and it makes and removes nothing."""
    trace = f"{tmp}/trace"
    subprocess.run(["strace", "-f", "-o", trace, "-e", "trace=open,openat,openat2,creat,mkdir,mkdirat,unlink,unlinkat,"
                    "rename,renameat,renameat2,mount,umount2,chmod,fchmod,fchmodat,chown,fchown,fchownat,"
                    "mknod,mknodat,symlink,symlinkat,link,linkat,truncate,ftruncate,setxattr,write", PROGRAM, "doctor"],
                   stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, timeout=deadline(30), check=False,
                   env={**orlop.env, "ASAN_OPTIONS": "detect_leaks=0"})     # which takes no ptrace
    calls = [x.split(None, 1)[1] for x in kernel.read(trace).splitlines()]
    calls = [x for x in calls if not x.startswith(("+++", "---", "syscall_"))]  # those that strace knows not, it shows
    assert len(calls) > 20
    for call in calls:
        name = call.split("(")[0]
        assert name in ("open", "openat", "openat2", "write"), call
        assert name != "write" or call.startswith("write(1, "), call
        assert "O_WRONLY" not in call and "O_RDWR" not in call and "O_CREAT" not in call or "memfd" in call, call
