# SPDX-License-Identifier: GPL-2.0-or-later
"""Steps that the scenarios of Podman have in common."""
import pathlib

from conftest import IMAGE, Step, host

TERMINAL = str(pathlib.Path(__file__).resolve().parent / "terminal.py")
ONCE = ["run", "--rm", "--network", "none"]
LONG = ["run", "-d", "--network", "none", "--name", "{c}"]


def long(*options, command=("sleep", "1000")):
    """A container in the background."""
    return [*LONG, *options, IMAGE, *command]


def literal(text):
    return text.replace("{", "{{").replace("}", "}}")


def once(script, *options, image=IMAGE, **kwargs):
    """A container that runs a script of sh and ends."""
    return Step([*ONCE, *options, image, "sh", "-c", literal(script)], **kwargs)


def inside(script, **kwargs):
    """The same by exec."""
    return Step(["exec", "{c}", "sh", "-c", literal(script)], **kwargs)


def shell(script, **kwargs):
    """On the machine; {c} and {r} are the container and the runtime, $P is podman with this runtime."""
    return host("sh", "-c", "P='podman --runtime {r}'; " + script, **kwargs)


def until(pattern, script, **kwargs):
    """Again and again until it prints what matches."""
    return shell(f"for i in $(seq 60); do s=$({script}); case $s in {pattern}) break; esac; sleep 0.5; done; echo $s", **kwargs)


def state_until(pattern, format):
    return until(pattern, f"$P inspect -f '{literal(format)}' {{c}}")


def inspect(format, **kwargs):
    return Step(["inspect", "-f", literal(format), "{c}"], **kwargs)


def at_terminal(size, steps, *args):
    """What is shown again on a change of size is a matter of time: the steps say what has to be seen."""
    return host("python3", TERMINAL, size, steps, "podman", "--runtime", "{r}", *args, output=False)


def notified(mode, script, user="", rootfs="/:O"):
    """podman run as a service of Type=notify: whom systemd hears, and what it takes for the main process."""
    unit = "s-n-{r}-" + mode
    return [shell(f"systemd-run {user} -q --unit {unit} -p Type=notify -p NotifyAccess=all -p TimeoutStartSec=8 $P run --rm --name {{c}} "
                  f"--network none --sdnotify={mode} --health-cmd true --health-interval 1s --rootfs {rootfs} sh -c '{literal(script)}'"),
            shell(f"systemctl {user} show -p ActiveState,StatusText {unit}; $P logs {{c}}; [ $(systemctl {user} show -P MainPID {unit}) = "
                  f"$($P inspect -f '{literal('{{.State.ConmonPid}}')}' {{c}}) ] && echo main"),
            shell(f"$P rm -f -t 0 {{c}} >&2; systemctl {user} stop {unit}; systemctl {user} show -p ActiveState {unit}")]


def ranges_for_auto():
    """root's --userns=auto takes from those of a user `containers`."""
    for name in ("/etc/subuid", "/etc/subgid"):
        with open(name, "r+") as f:
            if "containers:" not in f.read():
                f.write("containers:1000000:1000000\n")
