# SPDX-License-Identifier: GPL-2.0-or-later
"""Images that Docker builds: by its old builder, and by BuildKit, which takes the program `runc` that it finds."""
import os
import pathlib

import pytest

from conftest import IMAGE, ORLOP, PEER, call
from test_docker import fine

RUNC = pathlib.Path("/usr/local/bin/runc")
WHO = "chmod 1777 /tmp; id >/id; pwd >>/id; grep -e Cap -e Seccomp: /proc/self/status >>/id"


def context(directory, *steps):
    os.makedirs(directory, exist_ok=True)
    pathlib.Path(directory, "Dockerfile").write_text("\n".join((f"FROM {IMAGE}", *steps)) + "\n")
    return str(directory)


@pytest.fixture
def contexts(tmp_path):
    good = context(tmp_path / "good", f"RUN {WHO}; cat /proc/self/cgroup >>/id", "USER 1000", "WORKDIR /tmp",
                   "RUN id >id; pwd >>id", 'ENTRYPOINT ["cat"]', 'CMD ["/id", "id"]')
    return good, context(tmp_path / "fails", "RUN exit 9"), context(tmp_path / "missing", 'RUN ["/nosuch"]')


def test_build(docker, contexts):
    """The builder of old, whose containers have the default runtime."""
    env = {**os.environ, "DOCKER_BUILDKIT": "0"}
    seen = {}
    for r in (PEER, "orlop"):
        docker.configure(**{"default-runtime": r})
        fine("systemctl", "reload", "docker")
        build = ["docker", "build", "-q", "--network", "none", "--no-cache", "-m", "64m", "-t", f"built-{r}"]
        built = [call(*build, c, env=env) for c in contexts]
        assert built[0].rc == 0, built[0]
        seen[r] = [b.rc for b in built]
        seen[r].append(fine("docker", "run", "--rm", "--network", "none", f"built-{r}"))
    assert seen["orlop"] == seen[PEER] and seen["orlop"][0] == 0, seen


@pytest.fixture
def kit(docker):
    """build(directory, *options) with the runtime that is called runc at the time."""
    def use(target):
        RUNC.unlink(missing_ok=True)
        if target:
            RUNC.symlink_to(target)
        fine("systemctl", "restart", "docker")
    yield use
    use(None)


def test_buildkit(kit, contexts, tmp_path):
    more = context(tmp_path / "more", f"RUN {WHO}", "USER 1000", "WORKDIR /tmp",
                   "RUN --mount=type=cache,target=/cache,uid=1000 id >id; touch /cache/x; ls /cache >>id",
                   "RUN --mount=type=tmpfs,target=/t --mount=type=bind,target=/ctx,source=. "
                   "grep -c ' /t tmpfs' /proc/mounts >>id; ls /ctx >>id",
                   "RUN --network=none ls /sys/class/net >>id", 'ENTRYPOINT ["cat"]', 'CMD ["/id", "id"]')
    env = {**os.environ, "DOCKER_BUILDKIT": "1"}
    seen = {}
    for r, program in (("runc", None), ("orlop", ORLOP)):
        kit(program)
        built = [call("docker", "build", "--progress", "plain", "--no-cache", "-t", "kit", c, env=env) for c in (more, *contexts[1:])]
        seen[r] = [b.rc for b in built]
        assert built[0].rc == 0, built[0]
        assert "exit code: 9" in built[1].err and "/nosuch" in built[2].err, built
        seen[r].append(fine("docker", "run", "--rm", "--network", "none", "kit"))
        assert call("sh", "-c", "find /sys/fs/cgroup -path '*buildkit*' -name cgroup.procs").out == ""
    assert seen["orlop"] == seen["runc"] and seen["orlop"][0] == 0, seen
