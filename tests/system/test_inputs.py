# SPDX-License-Identifier: GPL-2.0-or-later
"""Names on the command line that are descriptors of the caller: configurations, process files, logs, sockets."""
import json
import os
import socket
import subprocess
import threading

import pytest
from lib import kernel
from lib.box import PROGRAM, deadline, timed

BASH = ["bash", "-c"]


def give(text, kind, tmp):
    """A descriptor from which `text` can be read, as `kind`."""
    if kind == "file":
        with open(f"{tmp}/given", "w") as f:
            f.write(text)
        return os.open(f"{tmp}/given", os.O_RDONLY)
    if kind == "socket":
        a, b = socket.socketpair()
        r, w = a.detach(), b.detach()
    else:
        r, w = os.pipe()

    def write():
        with os.fdopen(w, "w") as f:
            f.write(text)
    threading.Thread(target=write, daemon=True).start()
    return r


@pytest.fixture(params=["pipe", "socket", "file"])
def kind(request):
    return request.param


@pytest.fixture(params=["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0", "/dev/fd/63", "/proc/self/fd/63"])
def name(request):
    return request.param


def number(name):
    return 63 if name.endswith("63") else 0


def test_process_from_a_descriptor(box, tmp, name, kind):
    box.up()
    process = {**box.process, "args": ["/bin/probe", "exit", "7"], "env": ["X=" + "y" * 100000]}
    fd = give(json.dumps(process), kind, tmp)
    r = box.orlop("exec", "--process", name, box.id, fds={number(name): fd})
    os.close(fd)
    assert (r.rc, r.err) == (7, ""), r


def test_config_from_a_descriptor(box, tmp, name, kind):
    box.args("exit", "7").write()
    fd = give(kernel.read(f"{box.bundle}/config.json"), kind, tmp)
    os.unlink(f"{box.bundle}/config.json")
    r = box.orlop("run", "-b", box.bundle, "-f", name, box.id, fds={number(name): fd})
    os.close(fd)
    assert (r.rc, r.err) == (7, ""), r


def test_config_from_a_pipe_is_kept(box, tmp):
    """start, exec and delete need it later."""
    box.add_busybox()
    box.config["hooks"] = {"poststop": [{"path": "/bin/touch", "args": ["touch", f"{tmp}/ran"]}]}
    box.args("pause").write()
    fd = give(kernel.read(f"{box.bundle}/config.json"), "pipe", tmp)
    os.unlink(f"{box.bundle}/config.json")
    box.orlop("create", "-b", box.bundle, "-f", "/dev/fd/9", box.id, fds={9: fd}).ok()
    os.close(fd)
    box.start().ok()
    box.exec("--", "/bin/true").ok()
    box.delete("--force").ok()
    assert os.path.exists(f"{tmp}/ran")


def test_process_substitution(box):
    box.add_busybox()
    box.args("/bin/sh", "-c", "exit 4").write()
    config = f"{box.bundle}/config.json"
    os.rename(config, f"{box.bundle}/moved")
    orlop = f"{PROGRAM} --root {box.orlop.root}"
    r = subprocess.run([*BASH, f"{orlop} run -b {box.bundle} -f <(cat {box.bundle}/moved) {box.id}"],
                       timeout=deadline(20), stdin=subprocess.DEVNULL)
    assert r.returncode == 4
    os.rename(f"{box.bundle}/moved", config)
    box.up()
    with open(f"{box.bundle}/p", "w") as f:
        json.dump({**box.process, "args": ["/bin/sh", "-c", "ls /proc/self/fd | wc -l"]}, f)
    os.symlink("busybox", f"{box.rootfs}/bin/wc")
    r = subprocess.run([*BASH, f"{orlop} exec -p <(cat {box.bundle}/p) {box.id}"], timeout=deadline(20),
                       stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert (r.returncode, r.stdout, r.stderr) == (0, "4\n", ""), r  # 0, 1, 2 and that of ls


def test_nothing_of_the_caller_is_left_open(box, tmp):
    fd = give("x", "file", tmp)
    box.args().write()
    config = os.open(f"{box.bundle}/config.json", os.O_RDONLY)
    r = box.orlop("run", "-b", box.bundle, "-f", "/dev/fd/40", box.id, fds={40: config, 41: fd, 7: fd})
    assert [f["fd"] for f in r.json()["fds"]] == [0, 1, 2], r
    os.close(fd)
    os.close(config)


def test_sockets_by_way_of_a_descriptor(box, tmp):
    """As engines do whose directories have long names."""
    long = f"{tmp}/{'d' * 120}"
    os.mkdir(long)
    fd = os.open(long, os.O_PATH)
    s = socket.socket(socket.AF_UNIX)
    s.bind(f"/proc/self/fd/{fd}/s")
    s.listen(4)
    s.settimeout(deadline(10))
    box.args("pause").write()
    box.orlop("create", "-b", box.bundle, "--pidfd-socket", "/proc/self/fd/8/s", box.id, fds={8: fd}).ok()
    assert s.accept()[0].recv(100) == b"standard"
    box.start().ok()
    box.orlop("exec", "--pidfd-socket", "/proc/self/fd/8/s", box.id, "/bin/probe", fds={8: fd}).ok()
    assert s.accept()[0].recv(100) == b"setns"
    os.close(fd)
    s.close()


def test_bundle_by_way_of_a_descriptor(box):
    box.args("exit", "5").write()
    fd = os.open(box.bundle, os.O_PATH)
    assert box.orlop("run", "-b", "/proc/self/fd/9", box.id, fds={9: fd}).rc == 5
    os.close(fd)


# ---- refused, and in time

def test_pipe_that_nobody_writes(box, tmp):
    box.up()
    os.mkfifo(f"{tmp}/fifo")
    took, r = timed(box.orlop, "exec", "-p", f"{tmp}/fifo", box.id)
    r.failed("nobody writes", f"{tmp}/fifo")
    assert took < deadline(2)
    r, w = os.pipe()
    os.close(w)
    took, r2 = timed(box.orlop, "exec", "-p", "/dev/stdin", box.id, stdin=r)
    r2.failed("/dev/stdin")
    assert took < deadline(2)
    os.close(r)


def test_pipe_with_nonsense(box, tmp):
    box.up()
    for text, words in (("", []), ("{", ["JSON"]), ("{}", ["cwd"])):
        fd = give(text, "pipe", tmp)
        box.orlop("exec", "-p", "/dev/fd/5", box.id, fds={5: fd}).failed("/dev/fd/5", *words)
        os.close(fd)


def test_pipe_without_end(box, tmp):
    box.up()
    yes = subprocess.Popen(["yes"], stdout=subprocess.PIPE)
    took, r = timed(box.orlop, "exec", "-p", "/dev/stdin", box.id, stdin=yes.stdout)
    yes.kill()
    yes.wait()
    yes.stdout.close()
    r.failed("larger than 16 MiB")
    assert "ulimit" not in r.err, r  # the limit is ours


@pytest.mark.parametrize("path", ["/dev/null", "/dev/zero", "/dev/fd/99", "/dev/fd/x", "/dev/fd/-1"])
def test_no_input(box, path):
    box.up()
    took, r = timed(box.orlop, "exec", "-p", path, box.id)
    r.failed(path)
    assert took < deadline(2)


# ---- --log

@pytest.mark.parametrize("kind", ["pipe", "socket", "file"])
@pytest.mark.parametrize("name", ["/dev/stderr", "/dev/fd/2", "/proc/self/fd/2"])
def test_log_to_standard_error(orlop, tmp, name, kind):
    if kind == "pipe":
        r, w = os.pipe()
    elif kind == "socket":
        r, w = (s.detach() for s in socket.socketpair())
    else:
        w = os.open(f"{tmp}/err", os.O_WRONLY | os.O_CREAT)
        r = os.open(f"{tmp}/err", os.O_RDONLY)
    orlop("--log", name, "--log-format", "json", "state", "nobody", fds={2: w})
    os.close(w)
    text = b""
    while part := os.read(r, 65536):
        text += part
    os.close(r)
    assert text.count(b"\n") == 1, text
    assert "nobody" in json.loads(text)["msg"]


def test_log_by_a_link_of_root(orlop, tmp):
    """Absolute, relative, and in several steps."""
    os.mkdir(f"{tmp}/logs")
    os.symlink("logs/next", f"{tmp}/link")
    os.symlink(f"{tmp}/logs/file", f"{tmp}/logs/next")
    orlop("--log", f"{tmp}/link", "state", "nobody").failed("nobody")
    orlop("--log", "link", "state", "nobody", cwd=tmp).failed("nobody")
    assert kernel.read(f"{tmp}/logs/file").count("nobody") == 2


def test_log_by_a_link_of_somebody_else(orlop, tmp, canary):
    os.symlink(f"{tmp}/second", f"{tmp}/first")
    os.symlink(f"{canary.path}/file", f"{tmp}/second")
    os.chown(f"{tmp}/second", 1000, 1000, follow_symlinks=False)
    for link in ("first", "second"):
        orlop("--log", f"{tmp}/{link}", "list").failed(f"{tmp}/{link}", "belongs to root or to the caller")
    os.symlink("loop", f"{tmp}/loop")
    orlop("--log", f"{tmp}/loop", "list").failed("loop")
