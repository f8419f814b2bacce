# SPDX-License-Identifier: GPL-2.0-or-later
"""What the program gets: arguments, environment, directory, ids, capabilities, limits."""
import os
import resource

import pytest
from lib import kernel
from lib.config import ALL_CAPS, DEFAULT_CAPS, SETS, bind, mount, set_caps, userns

BIT = {name: 1 << i for i, name in enumerate(ALL_CAPS)}
DEFAULT_MASK = sum(BIT[c] for c in DEFAULT_CAPS)


def host_bounding():
    return int(kernel.status("self")["CapBnd"], 16)


def outside(pid):
    """What the host sees of a process: the same members as the probe's, from /proc."""
    s = kernel.status(pid)
    return {
        "uids": [int(x) for x in s["Uid"].split()], "gids": [int(x) for x in s["Gid"].split()][:3],
        "groups": [int(x) for x in s["Groups"].split()], "umask": int(s["Umask"], 8),
        "no_new_privs": int(s["NoNewPrivs"]), "seccomp": int(s["Seccomp"]),
        "caps": {k: int(s[v], 16) for k, v in (
            ("effective", "CapEff"), ("permitted", "CapPrm"), ("inheritable", "CapInh"),
            ("bounding", "CapBnd"), ("ambient", "CapAmb"))},
    }


# ---- args, env, cwd

def test_args_are_passed_exactly(box):
    args = ["/bin/probe", "stat", "/", "", " two  words ", "\"quo'tes\\", "ünï", "\t\n", "-x", "--"]
    box.process["args"] = args
    seen = box.run().json()
    assert seen["results"][0]["ret"] == 0
    box.process["args"] = ["/bin/probe", "state", *args[3:]]
    seen = box.run().json()
    assert [a.encode("latin-1").decode() for a in seen["argv"]] == box.process["args"]


def test_program_is_found_in_path_of_the_container(box):
    box.process["args"] = ["probe"]
    box.process["env"] = ["PATH=/nowhere:/etc:/bin"]
    seen = box.run().json()
    assert (seen["argv"], seen["exe"]) == (["probe"], "/bin/probe")


def test_relative_program_is_relative_to_cwd(box):
    box.process["args"] = ["./probe"]
    box.process["cwd"] = "/bin"
    assert box.run().json()["exe"] == "/bin/probe"


def test_environment_is_exactly_that_of_the_config(box):
    box.process["env"] = ["PATH=/bin", "A=1", "B= x=y ", "A=2", "EMPTY="]
    seen = box.probe(env={"SECRET": "s", "LISTEN_PID": "1", "XDG_RUNTIME_DIR": "/x", "LC_ALL": "C"})
    assert not [e for e in seen["env"] if e.split("=")[0] not in ("PATH", "A", "B", "EMPTY", "HOME")]
    assert "A=2" in seen["env"]


def test_home_is_that_of_the_user(box):
    box.file("etc/passwd", "root:x:0:0::/root:/bin/sh\nbob:x:7:7::/home/bob:/bin/sh\n")
    assert "HOME=/root" in box.probe()["env"]
    box.process["user"]["uid"] = 7
    assert "HOME=/home/bob" in box.probe()["env"]
    box.process["user"]["uid"] = 8
    assert "HOME=/" in box.probe()["env"]
    box.process["env"].append("HOME=/mine")
    assert [e for e in box.probe()["env"] if e.startswith("HOME=")] == ["HOME=/mine"]
    box.process["env"].append("HOME=")
    assert [e for e in box.probe()["env"] if e.startswith("HOME=")] == ["HOME=/"]
    box.process["env"].append("HOME=/last")
    assert [e for e in box.probe()["env"] if e.startswith("HOME=")] == ["HOME=/last"]


def test_cwd(box):
    box.process["cwd"] = "/tmp"
    seen = box.probe()
    assert (seen["cwd"], seen["proc_cwd"]) == ("/tmp", "/tmp")


def test_missing_cwd_is_made(box):
    box.process["cwd"] = "/new/deep"
    assert box.probe()["cwd"] == "/new/deep"
    st = os.stat(f"{box.rootfs}/new/deep")
    assert (st.st_mode & 0o7777, st.st_uid) == (0o755, 0)


def test_cwd_that_the_user_may_not_enter(box):
    os.mkdir(f"{box.rootfs}/closed", 0o700)
    box.process["cwd"] = "/closed"
    box.process["user"] = {"uid": 1000, "gid": 1000}
    assert box.probe()["cwd"] == "/closed"  # entered while still root, as engines expect


def test_cwd_that_is_a_file(box):
    box.file("etc/file")
    box.process["cwd"] = "/etc/file"
    box.refused("not a directory", "/process/cwd")


# ---- ids

def test_user_and_groups(box):
    box.process["user"] = {"uid": 1234, "gid": 2345, "additionalGids": [7, 3456, 10]}
    seen = box.probe()
    assert seen["uids"] == [1234] * 4
    assert seen["gids"] == [2345] * 3
    assert sorted(seen["groups"]) == [7, 10, 3456]


def test_no_group_of_the_caller_stays(box):
    seen = box.probe(preexec_fn=lambda: os.setgroups([27, 33]))
    assert seen["groups"] == []


def test_host_sees_the_same(box):
    box.process["user"] = {"uid": 1234, "gid": 2345, "additionalGids": [7], "umask": 0o27}
    pid = box.up()
    seen = box.exec().json()
    there = outside(pid)
    # exec takes the user of the config, without inheritable and ambient capabilities
    assert there == {k: seen[k] for k in there}
    assert there["uids"] == [1234] * 4 and there["umask"] == 0o27


@pytest.mark.parametrize("umask,expected", [(None, 0o22), (0, 0), (0o27, 0o27), (0o777, 0o777)])
def test_umask(box, umask, expected):
    if umask is not None:
        box.process["user"]["umask"] = umask
    for caller in (0, 0o777):
        seen = box.probe(preexec_fn=lambda c=caller: os.umask(c))
        assert seen["umask"] == expected


# ---- capabilities

def test_default_capabilities(box):
    assert box.probe()["caps"] == {"bounding": DEFAULT_MASK, "effective": DEFAULT_MASK,
                                   "permitted": DEFAULT_MASK, "inheritable": 0, "ambient": 0}


@pytest.mark.parametrize("uid", [0, 1000])
def test_all_five_sets(box, uid):
    box.process["user"]["uid"] = uid
    caps = ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"]
    set_caps(box.process, caps, SETS)
    mask = sum(BIT[c] for c in caps)
    seen = box.probe()
    assert seen["caps"] == dict.fromkeys(SETS, mask)
    assert seen["securebits"] == 0 and seen["keepcaps"] == 0


@pytest.mark.spec("CF-037")
def test_every_capability_that_this_host_has(box):
    set_caps(box.process, ALL_CAPS)
    seen = box.probe()
    have = host_bounding() & sum(BIT.values())
    assert seen["caps"]["bounding"] == have
    assert seen["caps"]["effective"] == have


def test_no_capabilities(box):
    del box.process["capabilities"]
    for uid in (0, 1000):
        box.process["user"]["uid"] = uid
        assert box.probe()["caps"] == dict.fromkeys(SETS, 0)


def test_ambient_keeps_capabilities_for_a_user(box):
    set_caps(box.process, ["CAP_CHOWN"], SETS)
    box.process["user"]["uid"] = 1000
    os.chmod(f"{box.rootfs}/tmp", 0o777)
    assert box.attack("chown", "/tmp", 5, 5)["ret"] == 0
    set_caps(box.process, ["CAP_CHOWN"])  # not ambient: execve takes it away
    assert box.attack("chown", "/tmp", 6, 6)["errno"] == "EPERM"


@pytest.mark.spec("CF-036")
def test_unknown_capability_is_left_out_with_a_warning(box):
    set_caps(box.process, ["CAP_KILL", "CAP_OF_THE_FUTURE"])
    r = box.args().run().ok()
    assert "CAP_OF_THE_FUTURE" in r.err
    assert r.json()["caps"]["bounding"] == BIT["CAP_KILL"]


# ---- the rest of it

@pytest.mark.spec("CF-030", "CF-032", "CF-034")
def test_rlimits(box):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    names = ("CORE", "CPU", "FSIZE", "STACK", "DATA", "NPROC", "MEMLOCK", "AS", "LOCKS", "SIGPENDING",
             "MSGQUEUE", "NICE", "RTPRIO", "RTTIME", "RSS", "NOFILE")
    wanted = {}
    for n in names:
        hard = resource.getrlimit(getattr(resource, f"RLIMIT_{n}", 10))[1] if n != "LOCKS" else -1
        top = 1 << 33 if hard == resource.RLIM_INFINITY else hard
        wanted[n] = [top // 2, top]
    box.process["rlimits"] = [{"type": f"RLIMIT_{n}", "soft": s, "hard": h} for n, (s, h) in wanted.items()]
    assert box.probe()["rlimits"] == wanted


@pytest.mark.spec("CF-032", "CF-034")
def test_unlimited(box):
    box.process["rlimits"] = [{"type": "RLIMIT_FSIZE", "soft": 2**64 - 1, "hard": 2**64 - 1}]
    assert box.probe()["rlimits"]["FSIZE"] == [-1, -1]


def test_limits_not_named_are_the_callers(box):
    def low():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))
    assert box.probe(preexec_fn=low)["rlimits"]["FSIZE"] == [1 << 30, 1 << 30]


def test_rlimit_above_the_hard_limit_of_the_caller(box):
    box.process["rlimits"] = [{"type": "RLIMIT_FSIZE", "soft": 1 << 31, "hard": 1 << 31}]
    if host_bounding() & BIT["CAP_SYS_RESOURCE"]:
        seen = box.probe(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30)))
        assert seen["rlimits"]["FSIZE"] == [1 << 31] * 2
    else:
        box.refused("RLIMIT_FSIZE", "/process/rlimits/0",
                    preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30)))


@pytest.mark.parametrize("on", [True, False])
def test_no_new_privileges(box, on):
    box.process["noNewPrivileges"] = on
    assert box.probe()["no_new_privs"] == int(on)


@pytest.mark.spec("CF-038")
def test_oom_score_adj(box):
    box.process["oomScoreAdj"] = 777
    assert box.probe()["oom_score_adj"] == "777\n"
    pid = box.up()
    assert kernel.read(f"/proc/{pid}/oom_score_adj") == "777\n"


@pytest.mark.spec("CF-039")
def test_oom_score_adj_is_the_callers_when_absent(box):
    assert box.probe(preexec_fn=lambda: _write_oom(321))["oom_score_adj"] == "321\n"


def _write_oom(n):
    with open("/proc/self/oom_score_adj", "w") as f:
        f.write(str(n))


def test_session_keyring_is_new(box, make_box):
    """T85: neither the caller's, nor shared by two containers."""
    a, b = box.probe(), make_box().probe()
    assert a["keyring"] > 0 and b["keyring"] > 0
    assert a["keyring"] != b["keyring"]
    box.process["args"] = ["/bin/probe", "state", ",", "keyctl-search", "user", "nothing-of-this-name"]
    assert box.run().json()["results"][0]["errno"] == "ENOKEY"


def test_no_new_keyring_keeps_the_callers(box):
    shared = [box.probe("--no-new-keyring")["keyring"] for _ in range(2)]
    assert shared[0] == shared[1]


def test_process_is_session_leader_without_terminal(box):
    seen = box.probe()
    assert (seen["pid"], seen["sid"], seen["pgid"]) == (1, 1, 1)
    assert seen["dev_tty"] == "ENXIO"


# ---- exec

def test_exec_inherits_the_configuration(box):
    box.process["user"] = {"uid": 1000, "gid": 1001, "additionalGids": [5], "umask": 0o77}
    box.process["cwd"] = "/tmp"
    box.up()
    seen = box.exec().json()
    assert (seen["uids"], seen["gids"], seen["groups"]) == ([1000] * 4, [1001] * 3, [5])
    assert (seen["cwd"], seen["umask"], seen["no_new_privs"]) == ("/tmp", 0o77, 1)
    assert seen["env"] == ["PATH=/bin", "TERM=xterm", "HOME=/"]
    assert seen["caps"]["bounding"] == DEFAULT_MASK
    assert seen["rlimits"]["NOFILE"] == [1024, 1024]
    assert seen["keyring"] > 0 and seen["hostname"] == "orlop"
    assert [f["fd"] for f in seen["fds"]] == [0, 1, 2]


def test_exec_options(box):
    set_caps(box.process, [*DEFAULT_CAPS, "CAP_CHOWN"], ("bounding",))
    box.process["noNewPrivileges"] = False
    box.up()
    seen = box.exec("--user", "7:8", "--cwd", "/etc", "--env", "X=1", "-e", "TERM=dumb", "-g", "4,5", "-g6",
                    "--cap", "CAP_CHOWN", "--no-new-privs").json()
    assert (seen["uids"], seen["gids"], sorted(seen["groups"])) == ([7] * 4, [8] * 3, [4, 5, 6])
    assert seen["cwd"] == "/etc" and seen["no_new_privs"] == 1
    assert "X=1" in seen["env"] and [e for e in seen["env"] if e.startswith("TERM=")][-1] == "TERM=dumb"


def test_exec_cap_gives_root_the_capability(box):
    set_caps(box.process, ["CAP_CHOWN", "CAP_KILL"], ("bounding",))
    box.up()
    assert box.exec().json()["caps"]["effective"] & BIT["CAP_CHOWN"] == 0
    assert box.exec("--cap", "CAP_CHOWN").json()["caps"]["effective"] == BIT["CAP_CHOWN"]
    more = box.exec("--cap", "CAP_SYS_CHROOT", "--cap", "CAP_CHOWN").json()["caps"]
    assert more["bounding"] == BIT["CAP_CHOWN"] | BIT["CAP_KILL"] | BIT["CAP_SYS_CHROOT"]
    assert more["effective"] == BIT["CAP_CHOWN"] | BIT["CAP_SYS_CHROOT"] and more["inheritable"] == 0
    r = box.exec("--cap", "CAP_NOTHING")
    assert "CAP_NOTHING" in r.err and r.json()["caps"] == box.exec().json()["caps"]


@pytest.mark.parametrize("where", ["host", "userns"])
@pytest.mark.parametrize("uid", [0, 1000])
def test_exec_has_all_five_sets_of_the_container(box, where, uid):
    if where == "userns":
        userns(box.config)
    box.process["user"] = {"uid": uid, "gid": uid}
    box.process["capabilities"] = {
        "bounding": ["CAP_CHOWN", "CAP_KILL", "CAP_FOWNER"], "permitted": ["CAP_CHOWN", "CAP_KILL"],
        "effective": ["CAP_KILL"], "inheritable": ["CAP_KILL", "CAP_FOWNER"], "ambient": ["CAP_KILL"]}
    first = box.probe()["caps"]
    box.up()
    assert box.exec().json()["caps"] == first
    with_cap = box.exec("--cap", "CAP_FOWNER", "--cap", "CAP_SETGID").json()["caps"]
    assert with_cap["inheritable"] == first["inheritable"] == BIT["CAP_KILL"] | BIT["CAP_FOWNER"]
    assert with_cap["ambient"] == (BIT["CAP_KILL"] | BIT["CAP_FOWNER"] if uid else first["ambient"] | BIT["CAP_FOWNER"])
    assert with_cap["bounding"] == first["bounding"] | BIT["CAP_SETGID"]


def test_exec_cap_without_capabilities_of_the_container(box):
    del box.process["capabilities"]
    box.up()
    caps = box.exec("--cap", "CAP_KILL").json()["caps"]
    assert caps == {**dict.fromkeys(SETS, 0), "bounding": BIT["CAP_KILL"], "permitted": BIT["CAP_KILL"],
                    "effective": BIT["CAP_KILL"]}


def test_exec_tells_its_own_errors_from_the_status_of_the_program(box):
    box.up()
    assert box.orlop("exec", box.id, "/bin/probe", "exit", "1").rc == 1
    for args in [(box.id, "/nonexistent"), (f"{box.id}-none", "/bin/probe"),
                 ("--nonsense", box.id, "/bin/probe"),
                 ("--pid-file", "/nonexistent/pid", box.id, "/bin/probe")]:
        box.orlop("exec", *args).failed(rc=255)


def test_exec_process_file(box):
    box.up()
    seen = box.exec_process({
        "args": ["/bin/probe"], "env": ["PATH=/bin", "ONLY=this"], "cwd": "/tmp",
        "user": {"uid": 9, "gid": 10, "umask": 0o7},
        "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 64, "hard": 128}], "oomScoreAdj": 500}).json()
    assert seen["env"] == ["PATH=/bin", "ONLY=this", "HOME=/"]
    assert (seen["uids"], seen["gids"], seen["umask"], seen["cwd"]) == ([9] * 4, [10] * 3, 7, "/tmp")
    assert seen["rlimits"]["NOFILE"] == [64, 128] and seen["no_new_privs"] == 0
    assert seen["caps"] == {**dict.fromkeys(SETS, 0), "bounding": DEFAULT_MASK}  # as the container
    assert seen["oom_score_adj"] == "500\n"


def test_exec_process_file_with_capabilities_of_its_own(box):
    box.up()
    seen = box.exec_process({"args": ["/bin/probe"], "cwd": "/", "user": {"uid": 0, "gid": 0},
                             "capabilities": {"bounding": ["CAP_KILL"]}}).json()
    assert seen["caps"] == {**dict.fromkeys(SETS, 0), "bounding": BIT["CAP_KILL"],
                            "permitted": BIT["CAP_KILL"], "effective": BIT["CAP_KILL"]}


def test_exec_is_in_the_cgroup_and_all_namespaces(box):
    pid = box.up()
    seen = box.exec().json()
    for kind in ("cgroup", "ipc", "mnt", "net", "pid", "uts"):
        assert seen["namespaces"][kind] == os.stat(f"/proc/{pid}/ns/{kind}").st_ino, kind
    p = box.orlop.popen("exec", box.id, "/bin/probe", "pause")
    kernel.until(lambda: "READY" in kernel.read(p.out_path))
    [other] = [int(x) for x in box.orlop("ps", "-f", "json", box.id).json() if x != pid]
    group = kernel.read(f"/proc/{other}/cgroup").splitlines()[-1]
    assert group == kernel.read(f"/proc/{pid}/cgroup").splitlines()[-1]
    assert group.endswith(f"/orlop/{box.id}")
    box.kill("KILL").ok()
    box.orlop.finish(p)


@pytest.mark.parametrize("command,code", [(["exit", 0], 0), (["exit", 9], 9), (["die", 15], 143)])
def test_exec_exit_code(box, command, code):
    box.up()
    r = box.exec("--", *command)
    assert (r.rc, r.err) == (code, "")


def test_exec_detach(box):
    box.up()
    pid_file = f"{box.bundle}/exec.pid"
    r = box.exec("--detach", "--pid-file", pid_file, "--", "pause").ok()
    pid = int(kernel.read(pid_file))
    assert r.err == "" and kernel.read(pid_file) == str(pid)
    assert int(kernel.stat_fields(pid)[1]) == os.getpid()
    assert kernel.ns_inode(pid, "mount") == kernel.ns_inode(box.pid, "mount")


def test_exec_failures_leave_no_pid_file(box):
    box.up()
    pid_file = f"{box.bundle}/exec.pid"
    box.exec("--pid-file", pid_file, "--", "/bin/none").failed("no such file or directory")
    box.orlop("exec", "--pid-file", pid_file, box.id, "none").failed(
        "executable file", "not found in $PATH", "no such file or directory")
    box.exec("--", "/etc").failed("permission denied")
    assert not os.path.exists(pid_file)


def test_exec_needs_a_running_container(box):
    box.exec().failed("does not exist")
    box.args("exit", 0).create().ok()
    box.start().ok()
    box.wait_stopped()
    box.exec().failed("not running")


@pytest.mark.parametrize("call", ["setns", "clone3", "execve"])
def test_exec_while_the_container_ends(box, tmp, call):
    """Between the look at it and the way in: it is said what happened, not how it showed."""
    box.up()
    p = box.orlop.popen("exec", box.id, "/bin/probe", "pause", wrap=[
        "strace", "-f", "-o", f"{tmp}/trace", "-e", f"trace={call}", "-e", f"inject={call}:delay_enter=400000:when=1+"])
    kernel.until(lambda: call in kernel.read(f"{tmp}/trace") if os.path.exists(f"{tmp}/trace") else False)
    box.kill("KILL").ok()
    r = box.orlop.finish(p)
    assert r.rc in (255, 137), r
    if r.rc == 255:
        r.failed("container not running")


@pytest.mark.parametrize("before,command,words", [
    (("-it",), ("/bin/sh",), "`-it` is no option: the standard input is always handed on, and `-t` gives a terminal"),
    (("-i",), ("/bin/sh",), "`-i` is no option"), (("--interactive",), ("/bin/sh",), "`--interactive` is no option"),
    ((), ("--", "/bin/sh"), "`--` stands where the COMMAND is: leave it out"),
    ((), ("-t", "/bin/sh"), "`-t` stands where the COMMAND is: options come before the ID")])
def test_exec_as_other_programs_have_it(box, before, command, words):
    box.up()
    box.orlop("exec", *before, box.id, *command).failed(words, rc=255)


def test_exec_in_created_container(box):
    box.args("pause").create().ok()
    seen = box.exec().json()
    assert seen["hostname"] == "orlop"


def test_exec_refuses_paused(box):
    box.up()
    box.orlop("pause", box.id).ok()
    box.exec().failed("paused")
    p = box.orlop.popen("exec", "--ignore-paused", box.id, "/bin/probe", "exit", "4")
    box.orlop("resume", box.id).ok()
    assert box.orlop.finish(p).rc == 4


def test_exec_parallel(box):
    box.up()
    calls = [box.orlop.popen("exec", box.id, "/bin/probe", "exit", str(i)) for i in range(8)]
    assert [box.orlop.finish(p).rc for p in calls] == list(range(8))


def test_exec_in_user_namespace(box):
    userns(box.config)
    box.up()
    seen = box.exec("--user", "5:6").json()
    assert (seen["uids"], seen["gids"]) == ([5] * 4, [6] * 3)
    assert seen["namespaces"]["user"] == kernel.ns_inode(box.pid, "user")


# ---- a working directory that is missing where it can be too late to make it

def read_only(box, how):
    if how == "root":
        box.config["root"]["readonly"] = True
        return "/new/deep"
    if how == "tmpfs":
        box.mounts.append(mount("/m", "tmpfs", "t", ["ro"]))
        return "/m/new"
    box.linux["readonlyPaths"].append("/etc")
    return "/etc/new"


@pytest.mark.parametrize("user", [False, True])
@pytest.mark.parametrize("how", ["root", "tmpfs", "path"])
def test_missing_cwd_is_made_before_it_is_read_only(box, how, user):
    box.process["cwd"] = read_only(box, how)
    if user:
        userns(box.config)
        os.chown(box.rootfs, 100000, 100000)
        os.chown(f"{box.rootfs}/etc", 100000, 100000)
    cwd = box.process["cwd"]
    st, made = box.probe(commands=["stat", cwd, ",", "mkdir", f"{cwd}/x"])["results"]
    assert made["errno"] == "EROFS"
    assert (st["uid"], st["gid"], st["mode"] & 0o7777) == (0, 0, 0o755)
    box.args()
    assert box.probe()["cwd"] == cwd


def test_missing_cwd_of_exec_is_not_made(box):
    box.config["root"]["readonly"] = True
    box.up()
    box.exec("--cwd", "/new").failed("/new", "no such file")


def test_missing_cwd_on_a_file_system_that_is_read_only_on_the_host(box, tmp):
    source = f"{tmp}/ro"
    os.mkdir(source)
    kernel.mount(source, source, None, kernel.MS["bind"])
    kernel.mount(None, source, None, kernel.MS["remount"] | kernel.MS["bind"] | kernel.MS["ro"])
    try:
        box.mounts.append(bind(source, "/m"))
        box.process["cwd"] = "/m/new"
        box.refused("make the working directory `/m/new`", "read-only file system", "/process/cwd")
    finally:
        kernel.umount(source)


# ---- the standard streams by name

def through_pipes(box, start, user):
    """Run with pipes of root's for the streams; what /dev/stdin, stdout and stderr take and give when opened again."""
    ends = [os.pipe() for _ in range(3)]
    for read, _ in ends:
        os.set_blocking(read, False)
    os.write(ends[0][1], b"word")
    before = [os.fstat(ends[0][0]).st_uid, os.fstat(ends[1][1]).st_uid]
    assert before == [0, 0]
    p = start(stdin=ends[0][0], stdout=ends[1][1], stderr=ends[2][1])
    os.close(ends[0][1])
    rc = box.orlop.finish(p).rc
    said = [os.read(read, 65536) for read, _ in ends[1:]] if rc == 0 else [b"", b""]
    owner = os.fstat(ends[1][1]).st_uid
    for fd in (ends[0][0], *ends[1], *ends[2]):
        os.close(fd)
    return rc, said[0], said[1], owner


@pytest.mark.parametrize("uid", [0, 1000])
@pytest.mark.parametrize("where", ["host", "userns"])
def test_streams_can_be_opened_again(box, where, uid):
    box.add_busybox()
    if where == "userns":
        userns(box.config)
    box.process["user"] = {"uid": uid, "gid": uid}
    box.linux.get("resources", {}).pop("devices", None)
    script = "cat /dev/stdin >/dev/stdout && echo err >/dev/stderr"
    want = (100000 if where == "userns" else 0) + uid
    box.args("/bin/sh", "-c", script)
    assert through_pipes(box, box.start_run, uid) == (0, b"word", b"err\n", want)
    box.up()

    def start(**kw):
        return box.orlop.popen("exec", box.id, "/bin/sh", "-c", script, **kw)
    assert through_pipes(box, start, uid) == (0, b"word", b"err\n", want)


def test_files_among_the_streams_stay_whose_they_are(box, tmp):
    """T39: only pipes and sockets are given away, never a file or a device of the host."""
    userns(box.config)
    box.process["user"] = {"uid": 1000, "gid": 1000}
    box.args("exit", 0)
    with open(f"{tmp}/file", "w") as f, open("/dev/null") as null:
        null_before = os.fstat(null.fileno())
        assert box.orlop.finish(box.start_run(stdin=null, stdout=f)).rc == 0
        assert os.fstat(f.fileno()).st_uid == 0
        assert os.fstat(null.fileno()).st_uid == null_before.st_uid
