# SPDX-License-Identifier: GPL-2.0-or-later
"""contrib/minimal: machines of containers and nothing else, which start, supervise and end services from bundles."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest
from machine import Machine

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = TOP / "contrib/minimal/build"
ORLOP = os.environ["ORLOP"]
LAB = pathlib.Path(os.environ.get("LAB_DIR", "/var/tmp/orlop-lab"))
SH = ["sh", "-c"]
# says so when it is told to, in either way
TOLD = "trap 'echo read again' HUP; trap 'echo leaving; exit 0' TERM; while :; do sleep 1000 & wait; done"
HOG = "sleep 2; x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done"


def run(*args):
    return subprocess.run([str(a) for a in args], check=True, capture_output=True, text=True).stdout


def bundle(where, name, args, *options):
    """One with busybox, or with a program that is given instead."""
    rootfs = where / name / "rootfs"
    (rootfs / "bin").mkdir(parents=True)
    if isinstance(args, pathlib.Path):
        shutil.copy(args, rootfs / "bin/program")
        args = ["/bin/program"]
    else:
        shutil.copy("/bin/busybox", rootfs / "bin/busybox")
        for applet in ("sh", "sleep", "echo", "httpd"):
            (rootfs / "bin" / applet).symlink_to("busybox")
    (rootfs / "index.html").write_text("here it is\n")
    run(ORLOP, "spec", "--bundle", where / name, "--no-terminal", *options, "--", *args)
    return where / name


def services(where, web):
    return [bundle(where, "web", web, "--net", "host"), bundle(where, "told", [*SH, TOLD]),
            bundle(where, "hog", [*SH, HOG], "--memory", "16M")]


def each(option, values):
    return [word for value in values for word in (option, value)]


@pytest.mark.parametrize("args, said", [
    ([], "say where to write it"), (["--orlop", "/bin/ls"], "needs shared libraries"), (["--service", "."], "has no config.json"),
    (["--unit", "/etc/fstab"], "with systemd"), (["--orlop", "/none"], "no such program"), (["--sise", "1G"], "unknown option --sise")])
def test_what_is_refused(tmp_path, args, said):
    """And nothing is left where the machine would be."""
    output = [str(tmp_path / "machine.img")] if args else []
    given = ["--orlop", ORLOP] if "--orlop" not in args else []
    r = subprocess.run([BUILD, "initramfs", *given, *args, *output], cwd=tmp_path, capture_output=True, text=True)
    assert r.returncode == 1 and said in r.stderr and r.stdout == "" and os.listdir(tmp_path) == [], r


# ---- without systemd ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    tmp = tmp_path_factory.mktemp("small")
    image = tmp / "machine.img"
    bundles = services(tmp, ["httpd", "-f", "-p", "80", "-h", "/"])
    bundles.append(bundle(tmp, "fails", [*SH, "exit 3"]))
    run(BUILD, "initramfs", "--orlop", ORLOP, "--hostname", "small", *each("--service", bundles), image)
    machine = Machine(LAB / "trixie/vmlinux", image, tmp, cmdline="orlop.shell")
    yield machine.up()
    machine.process.kill()


def test_small_machine_has_nothing_else(small):
    """Processes of ours alone, a root file system that was mounted, no bus."""
    assert small.sh("cat /proc/1/comm /etc/hostname").split() == ["init", "small"]
    assert small.sh("ls -d /run/systemd /run/dbus 2>&1; ls /bin | wc -l", rc=None).count("No such file") == 2
    assert " / tmpfs " in small.sh("cat /proc/mounts")


def test_small_services_run(small):
    small.until("wget -qO- http://127.0.0.1/index.html", "here it is")
    assert {"web", "told"} <= set(small.sh("orlop list -q").split())


def test_small_restart(small):
    """One that is killed is there again, as another process."""
    before = small.sh("orlop ps -f json web")
    small.sh("orlop kill web KILL")
    small.until("logread", "init: web ended after ")
    small.until("wget -qO- http://127.0.0.1/index.html 2>&1", "here it is")
    assert small.sh("orlop ps -f json web") != before


def test_small_limit(small):
    """Only it is killed, again and again."""
    small.until("logread", "init: hog ended after ", seconds=90)
    small.until("cat /sys/fs/cgroup/orlop/hog/memory.max", "16777216")
    assert "here it is" in small.sh("wget -qO- http://127.0.0.1/index.html")


def test_small_later_and_later(small):
    """One that never works takes no more time than it has to."""
    log = small.until("logread", "notice init: fails ended after [0-9]+ s, again in 4 s", seconds=90)
    assert re.findall("notice init: fails ended after [0-9]+ s, again in ([0-9]+) s", log)[:3] == ["1", "2", "4"]


def test_small_reload_and_log(small):
    small.sh("orlop kill told HUP")
    small.until("logread", "told: read again")


def test_small_power_off(small):
    """Each is told, and has ended before the machine does; nobody waits for one that is told in vain."""
    small.process.stdin.write(b"orlop kill web KILL; poweroff\n")
    said = small.end()
    assert "init: all services have ended: poweroff" in said and "Kernel panic" not in said
    assert small.process.returncode == 0


# ---- with systemd ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    tmp = tmp_path_factory.mktemp("large")
    run("gcc", "-static", "-O1", "-o", tmp / "accept", TOP / "tests/cloud/accept.c")
    (tmp / "orlop@told.service.d").mkdir()
    units = [tmp / "orlop@web.socket", tmp / "orlop@told.service.d/limits.conf"]
    units[0].write_text("[Socket]\nListenStream=127.0.0.1:8080\n[Install]\nWantedBy=sockets.target\n")
    units[1].write_text("[Service]\nMemoryMax=64M\nTasksMax=20\n")
    run(BUILD, "disk", "--orlop", ORLOP, "--suite", "trixie", *each("--service", services(tmp, tmp / "accept")),
        *each("--unit", units), tmp / "machine")
    disk = f"file={tmp}/machine/disk.raw,format=raw,if=virtio,cache=unsafe"
    machine = Machine(tmp / "machine/vmlinuz", tmp / "machine/initrd.img", tmp, memory=1024, shell=1,
                      cmdline="root=/dev/vda rw systemd.debug_shell=ttyS1", options=["-drive", disk])
    yield machine.up()
    machine.process.kill()


def test_large_machine_has_nothing_else(large):
    """Not what other runtimes or engines need, and no bus: units need none."""
    for program in ("runc", "crun", "podman", "dockerd", "dbus-daemon", "python3"):
        large.sh(f"command -v {program}", rc=1)
    large.until("systemctl is-system-running", "^running", seconds=120)
    assert int(large.sh("dpkg-query -W | wc -l")) < 130


def test_large_socket_activation(large):
    """Nobody runs until somebody connects."""
    assert large.sh("systemctl is-active orlop@web.socket orlop@web.service", rc=None).split() == ["active", "inactive"]
    assert large.sh("exec 9<>/dev/tcp/127.0.0.1/8080; head -n 1 <&9; exec 9>&-") == "hello\n"
    assert large.sh("systemctl is-active orlop@web.service").strip() == "active"


def test_large_restart(large):
    before = large.sh("systemctl show -P MainPID orlop@web.service")
    large.sh("kill -9 $(systemctl show -P MainPID orlop@web.service)")
    large.until("systemctl show -P NRestarts orlop@web.service", "1")
    large.until("systemctl is-active orlop@web.service", "active")
    assert large.sh("systemctl show -P MainPID orlop@web.service") != before
    assert large.sh("exec 9<>/dev/tcp/127.0.0.1/8080; head -n 1 <&9; exec 9>&-") == "hello\n"


def test_large_limits(large):
    """Those of the drop-in are the unit's, that of the bundle the container's, who is killed alone."""
    unit = "/sys/fs/cgroup/system.slice/system-orlop.slice/orlop@told.service"
    assert large.sh(f"cat {unit}/memory.max {unit}/pids.max").split() == ["67108864", "20"]
    large.until("journalctl -b --no-pager -u orlop@hog", "killed for want of memory: memory.max 16M", seconds=90)
    assert large.sh("systemctl is-active orlop@told.service").strip() == "active"


def test_large_reload_and_journal(large):
    large.sh("systemctl reload orlop@told")
    large.until("journalctl -b --no-pager -u orlop@told -o cat", "read again")


def test_large_power_off(large):
    large.sh("systemctl stop orlop@told")
    assert "leaving" in large.sh("journalctl -b --no-pager -u orlop@told -o cat")
    assert large.sh("orlop list -q | grep told", rc=1) == ""
    large.process.stdin.write(b"systemctl poweroff\n")
    large.end()
    assert large.process.returncode == 0
