# SPDX-License-Identifier: GPL-2.0-or-later
"""
Whole distributions and images: Debian with what an engine asks for (Docker's capabilities, seccomp
profile, hidden paths), and bundles that umoci unpacks, run as they are.
"""
import json
import os
import shutil
import subprocess

import pytest
from lib import config as conf
from lib import debian, host, kernel
from lib.box import deadline
from test_rootless import UID, As
from test_terminal import Terminal, foreground

DATA = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "data")

# What Docker gives a container, moby's oci/caps/defaults.go and oci/defaults.go.
DOCKER_CAPS = ["CAP_" + c for c in (
    "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE "
    "SYS_CHROOT KILL AUDIT_WRITE").split()]
DOCKER_MASKED = ["/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys",
                 "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
                 "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
                 "/sys/devices/virtual/powercap"]
DOCKER_READONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
FIRST_UID = 200000
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@pytest.fixture(scope="session")
def debian_tree():
    if host.IN_VM and not debian.cached():
        pytest.skip("no network here, and the cache is not shared: runs natively")
    if not debian.cached() and not shutil.which("mmdebstrap"):
        pytest.skip("mmdebstrap is not installed")
    return debian.rootfs()


@pytest.fixture
def docker(debian_tree, box, tmp):
    """A box as Docker would set it up: an overlay, its profile and its lists."""
    for d in ("upper", "work"):
        os.mkdir(f"{tmp}/{d}")
    shutil.rmtree(box.rootfs)
    os.mkdir(box.rootfs)
    kernel.mount("overlay", box.rootfs, "overlay", 0,
                 f"lowerdir={debian_tree},upperdir={tmp}/upper,workdir={tmp}/work")
    with open(f"{DATA}/docker-seccomp.json") as f:
        box.linux["seccomp"] = json.load(f)
    box.linux["maskedPaths"], box.linux["readonlyPaths"] = DOCKER_MASKED, DOCKER_READONLY
    box.linux["sysctl"] = {"net.ipv4.ip_unprivileged_port_start": "0",
                           "net.ipv4.ping_group_range": "0 2147483647"}
    box.linux["resources"]["devices"] += [
        {"allow": True, "type": "c", "major": 1, "minor": 5, "access": "rwm"},
        {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rwm"}]
    conf.set_caps(box.process, DOCKER_CAPS)
    box.process["env"] = [PATH, "HOSTNAME=box", "TERM=xterm"]
    box.process["noNewPrivileges"] = False
    box.process["rlimits"] = []
    yield box
    box.orlop.clean()
    kernel.umount(box.rootfs)


def sh(box, script, *options, **kw):
    box.args("/bin/sh", "-ec", script)
    return box.run(*options, timeout=60, **kw)


# ---- Debian ------------------------------------------------------------------------------------


def test_shell(docker):
    r = sh(docker, "id; . /etc/os-release; echo $ID; hostname; touch /new; ls -d /new; mount >/dev/null")
    r.ok()
    assert r.out.split("\n")[:4] == ["uid=0(root) gid=0(root) groups=0(root)", "debian", "orlop",
                                     "/new"]
    assert r.err == ""


def test_apt(docker):
    """Many libraries and processes, and a setuid-like change of user: _apt."""
    r = sh(docker, "apt-get --version | head -n 1; apt-get -o Dir::Etc=/dev/null check; "
           "setpriv --reuid _apt --regid nogroup --clear-groups id -un")
    r.ok()
    assert r.out.startswith("apt ") and r.out.endswith("_apt\n")


def test_confinement_seen_by_debian(docker):
    r = sh(docker, "grep -E 'Seccomp:|CapBnd|NoNewPrivs' /proc/self/status; "
           "cat /proc/kcore /proc/keys | wc -c; ls /sys/firmware | wc -l; "
           "echo x >/proc/sys/kernel/hostname || echo ro; "
           "unshare -U true 2>/dev/null || echo no-unshare; mount -t tmpfs x /mnt || echo no-mount")
    r.ok()
    want = sum(1 << conf.ALL_CAPS.index(c) for c in DOCKER_CAPS)
    lines = dict(x.split(":\t") for x in r.out.splitlines() if ":\t" in x)
    assert int(lines["CapBnd"], 16) == want and lines["Seccomp"] == "2"
    assert lines["NoNewPrivs"] == "0"
    assert r.out.splitlines()[-5:] == ["0", "0", "ro", "no-unshare", "no-mount"]


SERVER = """
import http.server, threading, urllib.request
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"served " + self.path.encode())
    def log_message(self, *args):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 80), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(urllib.request.urlopen("http://127.0.0.1:80/inside", timeout=30).read().decode(), flush=True)
import time
time.sleep(1000)
"""


def test_http_server(docker):
    """
    Loopback of the container's own network is up; the server answers from inside, to an exec, and to
    somebody who enters that network from outside, but the host's own port 80 is another one.
    """
    docker.args("/usr/bin/python3", "-c", SERVER)
    docker.create().ok()
    docker.start().ok()
    kernel.until(lambda: docker.output() == "served /inside\n", deadline(60), "it answers")
    client = ("import urllib.request; print(urllib.request.urlopen("
              "'http://127.0.0.1/exec', timeout=30).read().decode())")
    r = docker.orlop("exec", docker.id, "/usr/bin/python3", "-c", client, timeout=60).ok()
    assert r.out == "served /exec\n"
    outside = subprocess.run(["nsenter", f"--net=/proc/{docker.pid}/ns/net", "/usr/bin/python3",
                              "-c", client], capture_output=True, text=True,
                             timeout=deadline(60), env={})
    assert outside.stdout == "served /exec\n", outside


def test_terminal_in_debian(docker):
    """A login shell with its terminal: what a user of `run -it` sees."""
    term = Terminal(30, 100)
    try:
        docker.process["terminal"] = True
        docker.process["env"].append("PS1=READY> ")
        docker.args("/bin/bash", "--norc")
        term.start(docker).expect("READY> ", 60)
        term.type("stty size; tty; python3 -c 'import os; print(os.isatty(0), 6*7)'\n")
        term.expect("30 100\r\n/dev/pts/0\r\nTrue 42", 60)
        term.type("sleep 1000\n").expect("sleep 1000\r\n")
        foreground(docker.state()["pid"], "sleep")
        term.type("\x03").expect("READY> ")
        term.type("exit 3\n")
        assert term.end(docker).rc == 3
    finally:
        term.close()


def test_read_only_debian(docker):
    docker.config["root"]["readonly"] = True
    docker.mounts.append(conf.mount("/tmp", "tmpfs", "tmpfs", ["mode=1777", "size=1m"]))
    r = sh(docker, "touch /x 2>&1 || true; touch /tmp/x; python3 -c 'import json; print(json)' ").ok()
    assert "Read-only file system" in r.out and "<module 'json'" in r.out


def test_debian_in_a_user_namespace(docker, debian_tree):
    """The files belong to nobody there, which is enough to read and run them."""
    conf.userns(docker.config, uid=FIRST_UID)
    del docker.linux["sysctl"]["net.ipv4.ping_group_range"]  # as Docker: those groups are not there
    os.chmod(docker.orlop.tmp, 0o755)
    r = sh(docker, "id -u; cat /proc/self/uid_map; python3 -c 'print(6*7)'").ok()
    assert r.out.split() == ["0", "0", str(FIRST_UID), "65536", "42"]


# ---- umoci -------------------------------------------------------------------------------------


def umoci(*args, always=()):
    subprocess.run([*always, "umoci", *args], check=True, capture_output=True,
                   timeout=deadline(60))


@pytest.fixture
def image(tmp):
    """An OCI image layout with busybox, made by umoci alone."""
    if not shutil.which("umoci"):
        pytest.skip("umoci is not installed")
    layout, bundle = f"{tmp}/image", f"{tmp}/making"
    umoci("init", "--layout", layout)
    umoci("new", "--image", f"{layout}:box")
    umoci("unpack", "--image", f"{layout}:box", bundle)
    for d in ("bin", "etc", "tmp"):
        os.mkdir(f"{bundle}/rootfs/{d}")
    os.chmod(f"{bundle}/rootfs/tmp", 0o1777)
    shutil.copy(shutil.which("busybox"), f"{bundle}/rootfs/bin/busybox")
    for applet in ("sh", "id", "tty", "env", "hostname", "ls", "cat"):
        os.symlink("busybox", f"{bundle}/rootfs/bin/{applet}")
    with open(f"{bundle}/rootfs/etc/passwd", "w") as f:
        f.write("root:x:0:0::/root:/bin/sh\napp:x:1234:1234::/home/app:/bin/sh\n")
    umoci("repack", "--image", f"{layout}:box", bundle)
    os.mkdir(f"{tmp}/extra")
    with open(f"{tmp}/extra/motd", "w") as f:
        f.write("inserted\n")
    umoci("insert", "--image", f"{layout}:box", f"{tmp}/extra/motd", "/etc/motd")
    umoci("config", "--image", f"{layout}:box", "--config.entrypoint", "/bin/sh",
          "--config.cmd", "-c", "--config.cmd", "id; tty; cat /etc/motd; echo $GREETING; pwd; exit 5",
          "--config.env", "GREETING=hello", "--config.env", "PATH=/bin",
          "--config.workingdir", "/tmp")
    return f"{layout}:box"


def test_bundle_of_umoci(image, orlop, tmp):
    """terminal: true, namespaces, mounts and masks as umoci writes them."""
    umoci("unpack", "--image", image, f"{tmp}/bundle")
    with open(f"{tmp}/bundle/config.json") as f:
        assert json.load(f)["process"]["terminal"] is True
    term = Terminal()
    try:
        term.p = orlop.popen("run", "--bundle", f"{tmp}/bundle", f"{host.TAG}umoci", **term.stdio())
        term.expect(r"uid=0\(root\) gid=0[^\n]*\r\n/dev/pts/0\r\ninserted\r\nhello\r\n/tmp\r\n")
        term.p.wait(deadline(20))
        assert orlop.finish(term.p).rc == 5
        assert orlop.finish(term.p).err == ""
    finally:
        term.close()


def test_bundle_of_umoci_with_a_user(image, orlop, tmp):
    """config.user by name: umoci looks it up and writes numbers."""
    umoci("config", "--image", image, "--config.user", "app")
    umoci("unpack", "--image", image, f"{tmp}/bundle")
    term = Terminal()
    try:
        term.p = orlop.popen("run", "--bundle", f"{tmp}/bundle", f"{host.TAG}umoci", **term.stdio())
        term.expect(r"uid=1234\(app\) gid=1234[^\n]*\r\n/dev/pts/0\r\n")
        assert orlop.finish(term.p).rc == 5
    finally:
        term.close()


def test_bundle_of_umoci_rootless(image, tmp):
    """umoci unpack --rootless by another user, run by that user."""
    user = As(tmp, ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups", "--"], UID)
    subprocess.run(["chmod", "-R", "a+rX", image.rpartition(":")[0]], check=True)
    bundle = f"{tmp}/home/bundle"
    subprocess.run([*user.always, "env", f"HOME={tmp}/home", "umoci", "unpack", "--rootless",
                    "--image", image, bundle], check=True, capture_output=True,
                   timeout=deadline(60))
    term = Terminal()
    try:
        term.p = user.popen("run", "--bundle", bundle, f"{host.TAG}umoci", **term.stdio())
        term.expect(r"uid=0\(root\) gid=0[^\n]*\r\n/dev/pts/0\r\ninserted\r\nhello\r\n/tmp\r\n")
        r = user.finish(term.p)
        assert (r.rc, r.err) == (5, ""), r
    finally:
        term.close()
        user.clean()
