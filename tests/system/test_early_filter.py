# SPDX-License-Identifier: GPL-2.0-or-later
"""
A process that others see has its seccomp filter and no capability besides its own, as far as its profile allows the
few calls that are left to do; else both come last, since a profile decides about the program and not about us.
"""
import platform

import pytest
from lib import config as conf
from lib import elf, kernel
from test_seccomp_own_calls import allow, deny

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="system call numbers of x86-64")

SYS_ADMIN = 1 << conf.ALL_CAPS.index("CAP_SYS_ADMIN")
KILL = 1 << conf.ALL_CAPS.index("CAP_KILL")
# what is left to do for the process of `create`, without and with capabilities to drop
WAITING = ["read", "write", "close"]
DROPPING = ["capget", "capset"]


def status(pid):
    return dict(line.split(":\t", 1) for line in kernel.read(f"/proc/{pid}/status").splitlines() if ":\t" in line)


@pytest.fixture
def created(box):
    """A container that waits for `start`, by its profile and noNewPrivileges; its /proc/PID/status."""
    elf.install(box, "bin/tiny", elf.program(0))
    box.args("/bin/tiny")
    conf.set_caps(box.process, ["CAP_KILL"])

    def create(profile, nnp):
        box.process["noNewPrivileges"] = nnp
        box.config["linux"]["seccomp"] = profile
        box.create().ok()
        return status(box.state()["pid"])
    return create


@pytest.mark.parametrize("nnp", [True, False])
@pytest.mark.parametrize("profile", [deny("mount"), allow("execve", "exit", *WAITING, *DROPPING),
                                     deny("setns", "mount", "unshare", "clone3")])
def test_is_there_while_the_container_waits(created, profile, nnp):
    seen = created(profile, nnp)
    assert seen["Seccomp"] == "2"
    assert int(seen["CapPrm"], 16) == int(seen["CapEff"], 16) == KILL


@pytest.mark.parametrize("denied", WAITING + DROPPING)
def test_comes_last_where_it_would_stop_us(created, box, denied):
    """The container runs all the same; who has no_new_privs needs no capability for it."""
    seen = created(deny(denied), False)
    assert seen["Seccomp"] == "0"
    assert int(seen["CapPrm"], 16) == KILL | SYS_ADMIN and int(seen["CapEff"], 16) == KILL
    box.start().ok()
    box.wait_stopped()


@pytest.mark.parametrize("denied", DROPPING)
def test_no_new_privileges_needs_no_dropping(created, denied):
    assert created(deny(denied), True)["Seccomp"] == "2"


def test_hooks_of_the_container_run_without_it_before_them(box, created):
    """They make more calls than can be foreseen; their own processes have it."""
    box.config["hooks"] = {"startContainer": [{"path": "/bin/tiny"}]}
    assert created(deny("mount"), False)["Seccomp"] == "0"
    box.start().ok()
