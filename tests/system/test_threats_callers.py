# SPDX-License-Identifier: GPL-2.0-or-later
"""Users of the host (A5): a copy of the program with powers of its own, and directories in which they may write."""
import os
import shutil
import subprocess

import pytest
from lib import kernel
from lib.box import PROGRAM

USER = 1000


def as_user(*argv, uid=USER, **kw):
    return subprocess.run(["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups", "--", *argv],
                          capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, **kw)


# ---- AT_SECURE: getauxval(3)

@pytest.fixture
def copy(tmp):
    kernel.mount("t", f"{tmp}", "tmpfs", 0, "mode=755")
    yield shutil.copy(PROGRAM, f"{tmp}/orlop")
    kernel.umount(tmp)


@pytest.mark.parametrize("args", [["list"], ["--version"], ["--help"], [], ["run", "x"], ["features"]], ids=" ".join)
@pytest.mark.parametrize("what", ["setuid", "setgid", "capabilities", "capability"])
def test_copy_with_powers(copy, what, args):
    """It gives them to nobody."""
    if what.startswith("setuid"):
        os.chmod(copy, 0o4755)
    elif what == "setgid":
        os.chmod(copy, 0o2755)
    else:
        caps = "cap_sys_admin,cap_setuid,cap_dac_override+ep" if what == "capabilities" else "cap_net_raw+ep"
        if subprocess.run(["setcap", caps, copy], check=False).returncode:
            pytest.skip("no setcap(8), or no file capabilities here")
    r = as_user(copy, *args)
    assert r.returncode == 1 and r.stdout == "", r
    assert "set-user-ID" in r.stderr and r.stderr.count("\n") == 1


def test_copy_with_powers_has_not_done_anything(copy, box, tmp):
    os.chmod(copy, 0o4755)
    box.write()
    before = os.listdir("/run")
    as_user(copy, "--root", f"{tmp}/state", "run", "--bundle", box.bundle, box.id,
            env={"XDG_RUNTIME_DIR": tmp, "LISTEN_FDS": "1", "NOTIFY_SOCKET": f"{tmp}/socket"})
    assert os.listdir("/run") == before and sorted(os.listdir(tmp)) == sorted(["orlop", box.id])


def test_copy_with_powers_that_root_runs(copy):
    """Its real ids are those of root: there is nothing to gain.  A group of another is."""
    os.chmod(copy, 0o4755)
    assert subprocess.run([copy, "--version"], check=False, capture_output=True).returncode == 0
    os.chown(copy, 0, USER)
    os.chmod(copy, 0o2755)
    assert subprocess.run([copy, "--version"], check=False, capture_output=True).returncode == 1


def test_control_a_plain_copy_runs(copy):
    assert as_user(copy, "--version").returncode == 0


# ---- directories above the state root

def tree(tmp, *parts):
    """parts: (name, mode, uid[, gid]), one below the other.  Returns the path."""
    path = tmp
    for name, mode, uid, *gid in parts:
        path = f"{path}/{name}"
        os.mkdir(path)
        os.chown(path, uid, *(gid or [uid]))
        os.chmod(path, mode)
    return path


def put_back(tmp):
    for name in os.listdir(tmp):
        if not os.path.islink(f"{tmp}/{name}"):
            for path, _, _ in os.walk(f"{tmp}/{name}"):
                os.chown(path, 0, 0)


REFUSED = {
    "of another": [("a", 0o755, USER)],
    "of another, not writable": [("a", 0o555, USER), ("mine", 0o700, 0)],
    "of another above ours": [("a", 0o700, USER), ("mine", 0o700, 0)],
    "for all to write": [("a", 0o777, 0)],
    "for all to write above ours": [("a", 0o777, 0), ("mine", 0o700, 0), ("deep", 0o700, 0)],
    "for a group to write": [("a", 0o775, 0, USER), ("mine", 0o700, 0)],
    "sticky, of another": [("a", 0o1777, USER), ("mine", 0o700, 0)],
    "another's in a sticky one": [("a", 0o1777, 0), ("theirs", 0o755, USER), ("mine", 0o700, 0)],
}


@pytest.mark.parametrize("parts", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("there", [False, True])
def test_root_below_a_directory_of_another(box, orlop, tmp, parts, there):
    orlop.root = f"{tree(tmp, *parts)}/state"
    if there:
        os.mkdir(orlop.root, 0o700)
    box.write()
    for command in (["create", "--bundle", box.bundle, box.id], ["list"], ["state", box.id], ["delete", "--force", box.id]):
        r = orlop(*command)
        if not there and command[0] != "create":
            continue  # there is nothing, and that is what they say
        r.failed(f"{tmp}/a", "give --root")
    assert os.path.exists(orlop.root) == there and not (there and os.listdir(orlop.root))
    put_back(tmp)


def test_root_below_a_directory_with_a_short_name(box, orlop):
    """It is named as it is called, as /run would be."""
    box.write()
    orlop.root = "/mnt/state"
    wrap = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o mode=0777 none /mnt && exec "$@"', "sh"]
    orlop("create", "--bundle", box.bundle, box.id, wrap=wrap).failed("may write to /mnt on the way")


ACCEPTED = {
    "sticky with our own in it": [("a", 0o1777, 0), ("mine", 0o700, 0)],
    "sticky": [("a", 0o1777, 0)],
    "group of root": [("a", 0o775, 0, 0)],
    "to be read by all": [("a", 0o755, 0)],
}


@pytest.mark.parametrize("parts", ACCEPTED.values(), ids=ACCEPTED)
def test_root_below_a_directory_that_is_safe(box, orlop, tmp, parts):
    orlop.root = f"{tree(tmp, *parts)}/state"
    box.up()
    assert box.status() == "running"
    orlop.clean()


def test_link_to_a_directory_of_another(box, orlop, tmp):
    """The way behind a link counts."""
    target = tree(tmp, ("a", 0o755, USER), ("mine", 0o700, 0))
    os.symlink(target, f"{tmp}/link")
    for root in (f"{tmp}/link/state", f"{tmp}/link"):
        orlop.root = root
        box.refused(f"{tmp}/a", "give --root")
    put_back(tmp)


def test_relative_root_in_a_directory_of_another(box, orlop, tmp):
    cwd = tree(tmp, ("a", 0o755, USER), ("mine", 0o700, 0))
    box.write()
    orlop.root = "state"
    orlop("create", "--bundle", box.bundle, box.id, cwd=cwd).failed(f"{tmp}/a")
    orlop.root = "../../state"
    orlop("create", "--bundle", box.bundle, box.id, cwd=cwd).failed(f"{tmp}/a")
    orlop.root = f"{tmp}/state"
    put_back(tmp)


def test_users_own_directories(tmp):
    """Those with a group of their own have 775 everywhere; /tmp has the sticky bit; root's are root's."""
    base = tree(tmp, ("home", 0o755, 0), ("user", 0o775, USER), ("work", 0o775, USER))
    program = shutil.copy(PROGRAM, f"{tmp}/program")
    for p in (os.path.dirname(tmp), tmp):
        os.chmod(p, 0o755)
    assert as_user(program, "--root", f"{base}/state", "list").returncode == 0
    os.chown(f"{tmp}/home/user", USER, 27)
    r = as_user(program, "--root", f"{base}/state", "list")
    assert r.returncode == 1 and "may write" in r.stderr
    os.chown(f"{tmp}/home/user", 1001, 1001)
    os.chmod(f"{tmp}/home/user", 0o755)
    r = as_user(program, "--root", f"{base}/state", "list")
    assert r.returncode == 1 and "uid 1001" in r.stderr


def in_ranges(*args):
    """As root of a user namespace with the ranges of subuid(5), which rootless engines make: 65534 is mapped, too."""
    ready, go, out = os.pipe(), os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            kernel.unshare(kernel.CLONE["user"])
            os.write(ready[1], b"x")
            os.read(go[0], 1)
            os.setgroups([])
            os.setresgid(0, 0, 0)
            os.setresuid(0, 0, 0)
            os.dup2(out[1], 1)
            os.dup2(out[1], 2)
            os.execv(args[0], args)
        finally:
            os._exit(99)
    os.read(ready[0], 1)
    for name in ("uid_map", "gid_map"):
        with open(f"/proc/{pid}/{name}", "w") as f:
            f.write(f"0 {USER} 1\n1 100000 65536\n")
    os.write(go[1], b"x")
    os.close(out[1])
    with open(out[0]) as f:
        text = f.read()
    for fd in (*ready, *go):
        os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text


def test_in_a_user_namespace_with_ranges(tmp):
    """What is root's looks like what is of the user 65534 there, and only that is refused."""
    state = tree(tmp, ("mine", 0o755, USER))
    for p in (os.path.dirname(tmp), tmp):
        os.chmod(p, 0o755)
    os.chown(tmp, 0, 0)
    program = shutil.copy(PROGRAM, f"{tmp}/program")
    assert in_ranges(program, "--root", f"{state}/state", "list", "-q") == (0, "")
    os.symlink("mine", f"{tmp}/link")
    assert in_ranges(program, "--root", f"{tmp}/link/state", "list", "-q") == (0, "")
    os.chmod(tmp, 0o1777)
    rc, text = in_ranges(program, "--root", f"{tmp}/link/state", "list")
    assert rc == 1 and "may write" in text
    os.chmod(tmp, 0o755)
    os.chown(tmp, 100000 + 65533, 0)
    rc, text = in_ranges(program, "--root", f"{state}/state", "list")
    assert rc == 1 and "uid 65534" in text
    os.chown(tmp, 0, 0)
    os.makedirs(f"{state}/theirs/state", 0o755)
    os.chown(f"{state}/theirs/state", USER, USER)
    os.chown(f"{state}/theirs", 100000 + 65533, 100000 + 65533)
    rc, text = in_ranges(program, "--root", f"{state}/theirs/state", "list")
    assert rc == 1 and "uid 65534" in text


def test_the_hosts_run_below_a_sticky_one(tmp):
    """As rootlesskit has it for rootless Docker: a /run of its own with mode 1777, in which the host's is mounted."""
    hosts = tree(tmp, ("hosts", 0o755, 0), ("user", 0o755, USER))
    run = tree(tmp, ("run", 0o1777, USER), ("ro", 0o755, 0))
    for p in (os.path.dirname(tmp), tmp):
        os.chmod(p, 0o755)
    os.chown(tmp, 0, 0)
    os.symlink("ro/user", f"{tmp}/run/user")
    os.chown(f"{tmp}/run/user", USER, USER, follow_symlinks=False)
    os.mkdir(f"{run}/user")
    os.chown(f"{run}/user", USER, USER)
    program = shutil.copy(PROGRAM, f"{tmp}/program")
    rc, text = in_ranges(program, "--root", f"{tmp}/run/user/state", "list")
    assert rc == 1 and "may write" in text  # somebody without a name there may have made it
    subprocess.run(["mount", "--bind", os.path.dirname(hosts), run], check=True)
    try:
        assert in_ranges(program, "--root", f"{tmp}/run/user/state", "list", "-q") == (0, "")
        os.chown(os.path.dirname(hosts), 100000 + 65533, 0)  # mounted, but of a user of the namespace
        rc, text = in_ranges(program, "--root", f"{tmp}/run/user/state", "list")
        assert rc == 1 and "may write" in text
    finally:
        subprocess.run(["umount", run], check=True)


@pytest.mark.parametrize("unshare", [["unshare", "-Ur"], ["unshare", "-Urm"]], ids=" ".join)
def test_in_a_user_namespace(box, tmp, unshare):
    """There root of the host is somebody without a name."""
    state = tree(tmp, ("mine", 0o755, USER))
    for p in (os.path.dirname(tmp), tmp):
        os.chmod(p, 0o755)
    os.chown(tmp, 0, 0)
    program = shutil.copy(PROGRAM, f"{tmp}/program")
    r = as_user(*unshare, program, "--root", f"{state}/state", "list")
    assert r.returncode == 0, r
    os.symlink("mine", f"{tmp}/link")
    r = as_user(*unshare, program, "--root", f"{tmp}/link/state", "list")
    assert r.returncode == 0, r
    os.chmod(state, 0o777)
    os.mkdir(f"{state}/state")
    os.chown(f"{state}/state", USER, USER)
    r = as_user(*unshare, program, "--root", f"{state}/state", "list")
    assert r.returncode == 1 and "may write" in r.stderr
