# SPDX-License-Identifier: GPL-2.0-or-later
"""contrib/engines/setup: what it writes is what an engine's own reader finds there; the rest of a file stays."""
import json
import os
import pathlib
import subprocess
import tomllib

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
ENGINES = TOP / "contrib/engines"
CRI = {2: "io.containerd.grpc.v1.cri", 3: "io.containerd.cri.v1.runtime"}


class Setup:
    def __init__(self, tmp):
        self.root = pathlib.Path(tmp) / "root"
        self.program = "/usr/local/bin/orlop"
        self.make(self.program, "#!/bin/sh\necho orlop version 1\n", 0o755)
        self.path = os.environ["PATH"]

    def make(self, path, text, mode=0o644):
        p = self.root / path.lstrip("/")
        p.parent.mkdir(parents=True, exist_ok=True)
        p.write_text(text)
        p.chmod(mode)
        return p

    def read(self, path):
        return (self.root / path.lstrip("/")).read_text()

    def toml(self, path):
        return tomllib.loads(self.read(path))

    def __call__(self, *args, rc=0, **env):
        r = subprocess.run([ENGINES / "setup", "--root", self.root, *args], capture_output=True, text=True,
                           env={"PATH": self.path, "HOME": "/of", **env})
        assert r.returncode == rc, r
        return r.stdout + r.stderr

    def files(self):
        return {str(p.relative_to(self.root)): (p.read_text(), p.stat().st_mode) for p in self.root.rglob("*")
                if p.is_file()}


@pytest.fixture
def setup(tmp):
    return Setup(tmp)


@pytest.fixture
def only(setup, tmp):
    """only("sh", "sed", ...): no other programs are there."""
    def restrict(*without):
        d = pathlib.Path(tmp) / "bin"
        d.mkdir()
        for name in ("sh", "sed", "awk", "grep", "cmp", "cp", "mv", "rm", "mkdir", "mktemp", "dirname", "chmod", "cat",
                     "tail", "head", "tr", "readlink", "jq", "python3"):
            if name not in without:
                found = subprocess.run(["sh", "-c", f"command -v {name}"], capture_output=True, text=True).stdout.strip()
                (d / name).symlink_to("/usr/bin/python3" if name == "python3" else found)
        setup.path = str(d)
    return restrict


# ---- what is shipped

def test_files_are_shipped_and_agree():
    conf = tomllib.loads((ENGINES / "containers.conf").read_text())["engine"]
    assert conf["runtime"] == "orlop" and "/usr/local/bin/orlop" in conf["runtimes"]["orlop"]
    assert "orlop" in conf["runtime_supports_json"] and "orlop" in conf["runtime_supports_nocgroup"]
    docker = json.loads((ENGINES / "daemon.json").read_text())
    assert docker["runtimes"][docker["default-runtime"]]["path"] == "/usr/local/bin/orlop"
    for version, plugin in CRI.items():
        c = tomllib.loads((ENGINES / f"containerd-{version}.toml").read_text())
        cri = c["plugins"][plugin]["containerd"]
        assert c["version"] == version and cri["default_runtime_name"] == "orlop"
        assert cri["runtimes"]["orlop"]["options"] == {"BinaryName": "/usr/local/bin/orlop", "SystemdCgroup": True}
    crio = tomllib.loads((ENGINES / "crio.conf").read_text())["crio"]["runtime"]
    assert crio["runtimes"][crio["default_runtime"]]["runtime_path"] == "/usr/local/bin/orlop"


# ---- a machine without any of it

def test_all_engines_on_a_new_machine(setup):
    setup("podman", "docker", "containerd", "crio")
    assert setup.toml("/etc/containers/containers.conf.d/orlop.conf")["engine"]["runtimes"]["orlop"] == [setup.program]
    assert json.loads(setup.read("/etc/docker/daemon.json"))["default-runtime"] == "orlop"
    assert setup.toml("/etc/crio/crio.conf.d/90-orlop.conf")["crio"]["runtime"]["default_runtime"] == "orlop"
    assert setup.toml("/etc/containerd/config.toml")["version"] in (2, 3)
    before = setup.files()
    assert setup("podman", "docker", "containerd", "crio").count("as it should be") == 4
    assert setup.files() == before
    assert "does not name" not in setup("--check", "podman", "docker", "containerd", "crio")
    setup("--remove", "podman", "docker", "containerd", "crio")
    assert set(setup.files()) == {"usr/local/bin/orlop"}
    assert setup("--check", "podman", "docker", "containerd", "crio", rc=1).count("does not name") == 4


def test_another_program(setup):
    setup.make("/opt/orlop-1.2/bin/orlop", "#!/bin/sh\necho orlop version 1\n", 0o755)
    setup("--runtime=/opt/orlop-1.2/bin/orlop", "podman", "docker", "containerd", "crio")
    for path in ("/etc/containers/containers.conf.d/orlop.conf", "/etc/docker/daemon.json", "/etc/containerd/config.toml",
                 "/etc/crio/crio.conf.d/90-orlop.conf"):
        text = "".join(line for line in setup.read(path).splitlines() if not line.startswith("#"))
        assert '"/opt/orlop-1.2/bin/orlop"' in text and "/usr/local" not in text
    setup("--check", "podman", "docker", rc=1)
    setup("--check", "--runtime", "/opt/orlop-1.2/bin/orlop", "podman", "docker", "containerd", "crio")


def test_for_one_user(setup):
    setup("--user")
    assert "orlop" in setup.read("/of/.config/containers/containers.conf.d/orlop.conf")
    setup("--user", "--check")
    setup("--user", XDG_CONFIG_HOME="/of/conf")
    assert "orlop" in setup.read("/of/conf/containers/containers.conf.d/orlop.conf")
    assert "podman alone" in setup("--user", "docker", rc=1)


# ---- Docker's file that is there

@pytest.mark.parametrize("without", ["jq", "python3"])
def test_daemon_json_keeps_the_rest(setup, only, without):
    only(without)
    theirs = {"log-driver": "journald", "runtimes": {"crun": {"path": "/usr/bin/crun"}}, "default-runtime": "crun"}
    p = setup.make("/etc/docker/daemon.json", json.dumps(theirs), 0o600)
    setup("docker")
    assert json.loads(p.read_text()) == {"log-driver": "journald", "default-runtime": "orlop", "runtimes": {
        "crun": {"path": "/usr/bin/crun"}, "orlop": {"path": setup.program}}}
    assert p.stat().st_mode & 0o777 == 0o600
    setup("--remove", "docker")
    del theirs["default-runtime"]
    assert json.loads(p.read_text()) == theirs


def test_daemon_json_without_a_program_that_reads_it(setup, only):
    only("jq", "python3")
    setup("docker")
    text = '{"log-driver": "journald"}'
    setup.make("/etc/docker/daemon.json", text)
    assert "neither jq nor python3" in setup("docker", rc=1)
    assert setup.read("/etc/docker/daemon.json") == text


def test_link_to_the_file_stays(setup):
    real = setup.make("/srv/daemon.json", '{"debug": true}')
    p = setup.root / "etc/docker/daemon.json"
    p.parent.mkdir(parents=True)
    p.symlink_to(real)
    setup("docker")
    assert p.is_symlink() and json.loads(real.read_text())["default-runtime"] == "orlop"


def test_file_that_cannot_be_written(setup):
    (setup.root / "etc").mkdir()
    (setup.root / "etc/containers").write_text("a file")
    before = setup.files()
    assert "cannot be written" in setup("podman", rc=1)
    assert setup.files() == before


@pytest.mark.parametrize("without", ["jq", "python3"])
def test_daemon_json_that_is_broken_stays(setup, only, without):
    only(without)
    setup.make("/etc/docker/daemon.json", '{"log-driver": ')
    assert "daemon.json" in setup("docker", rc=1)
    assert setup.read("/etc/docker/daemon.json") == '{"log-driver": '


# ---- containerd's file that is there

def theirs(version, quote, default):
    p = f"plugins.{quote}{CRI[version]}{quote}"
    return f"""version = {version}
root = '/var/lib/containerd'

[{p}]
  sandbox_image = 'pause'
  [{p}.containerd]
    snapshotter = 'overlayfs'
{"    default_runtime_name = 'runc' # theirs" if default else ""}
    [{p}.containerd.runtimes.runc]
      runtime_type = 'io.containerd.runc.v2'
      [{p}.containerd.runtimes.runc.options]
        BinaryName = ''
[debug]
  level = 'info'
"""


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("quote", ["'", '"'])
@pytest.mark.parametrize("default", [True, False])
def test_config_toml_keeps_the_rest(setup, version, quote, default):
    text = theirs(version, quote, default)
    setup.make("/etc/containerd/config.toml", text)
    setup("containerd")
    new, old = setup.toml("/etc/containerd/config.toml"), tomllib.loads(text)
    cri = new["plugins"][CRI[version]]["containerd"]
    assert cri["runtimes"].pop("orlop") == {"runtime_type": "io.containerd.runc.v2", "options": {
        "BinaryName": setup.program, "SystemdCgroup": True}}
    assert cri.pop("default_runtime_name") == "orlop"
    old["plugins"][CRI[version]]["containerd"].pop("default_runtime_name", None)
    assert new == old
    before = setup.files()
    setup("containerd")
    assert setup.files() == before
    setup("--remove", "containerd")
    assert setup.read("/etc/containerd/config.toml") == text


@pytest.mark.parametrize("version", [2, 3])
def test_config_toml_without_the_plugin(setup, version):
    text = f"version = {version}\n[debug]\nlevel = 'info'\n"
    setup.make("/etc/containerd/config.toml", text)
    setup("containerd")
    new = setup.toml("/etc/containerd/config.toml")
    assert new["plugins"][CRI[version]]["containerd"]["default_runtime_name"] == "orlop" and new["debug"]["level"] == "info"
    setup("--remove", "containerd")
    assert setup.read("/etc/containerd/config.toml") == text


@pytest.mark.parametrize("text", ["version = 4\n", "[plugins]\n", "version = 1\n"])
def test_config_toml_of_another_version_stays(setup, text):
    setup.make("/etc/containerd/config.toml", text)
    assert "neither 2 nor 3" in setup("containerd", rc=1)
    assert setup.read("/etc/containerd/config.toml") == text


def test_disabled_cri_is_told(setup):
    """As in the file that Docker's package of containerd brings."""
    setup.make("/etc/containerd/config.toml", 'version = 2\ndisabled_plugins = ["cri"]\n')
    assert "disabled_plugins" in setup("containerd", rc=1)


# ---- refusals

@pytest.mark.parametrize("args,words", [
    (["--nonsense"], "neither an option nor an engine"), (["lxc"], "neither an option nor an engine"),
    (["--runtime"], "value is missing"), (["--runtime", "/nowhere", "podman"], "no such program"),
    (["--runtime", "orlop", "podman"], "absolute"), (["--runtime", '/a"b', "podman"], "characters")])
def test_bad_arguments(setup, args, words):
    before = setup.files()
    assert words in setup(*args, rc=1)
    assert setup.files() == before


def test_program_that_is_another(setup):
    setup.make("/usr/bin/other", "#!/bin/sh\necho runc version 1\n", 0o755)
    assert "is not orlop" in setup("--runtime", "/usr/bin/other", "podman", rc=1)


def test_no_engine(setup, only):
    only()
    assert "no engine is installed" in setup(rc=1)


def test_help(setup):
    assert "Usage: setup" in setup("--help")
