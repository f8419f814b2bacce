# SPDX-License-Identifier: GPL-2.0-or-later
"""
What people do with engines, on the engines' default settings: systemd makes the cgroups. In the virtual machine that
tests/scenarios/setup makes (lanes `docker` and `podman`); what needs no systemd and no controllers is in tests/engines.

    tests/vm/lab run --setup tests/scenarios/setup --share "$PWD" --timeout 1800 -- env ORLOP=$PWD/build/gcc/orlop \\
        python3 -m pytest -q -p no:cacheprovider tests/scenarios

orlop is the runtime because contrib/engines/setup said so, once. Each scenario is played with it and with crun; each
step has to have the same exit status, the same output but for names and numbers, and, where it fails, an error of the
same class.

    beside(engine, name, steps)     engine: callable (runtime, *arguments) -> Result

A step is a list of arguments for the engine, or Step(...). A string in it is formatted with c (a name for a
container, pod, volume or unit that is the runtime's own), r ("orlop" or "crun") and n (1 or 2: for numbers of ports).
The table of all steps with both results and times is appended to $SCENARIOS_TABLE.
"""
import concurrent.futures
import dataclasses
import difflib
import json
import os
import pathlib
import re
import shutil
import subprocess
import threading
import time

import pytest

import cri as interface
from pods import IMAGE as PODS_IMAGE

TOP = pathlib.Path(__file__).resolve().parents[2]
ORLOP = "/usr/local/bin/orlop"
IMAGE = "bb"
PEER = "crun"
DAEMON_JSON = "/etc/docker/daemon.json"
TABLE = os.environ.get("SCENARIOS_TABLE")
CONTAINERD = "/etc/containerd/config.toml"
PEERS_HANDLER = """
[plugins."{plugin}".containerd.runtimes.crun]
runtime_type = "io.containerd.runc.v2"
[plugins."{plugin}".containerd.runtimes.crun.options]
BinaryName = "/usr/bin/crun"
SystemdCgroup = true
"""
NETWORK = {"cniVersion": "1.0.0", "name": "scenarios", "plugins": [
    {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": False,
     "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.66.0.0/16"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}

# What an error is about, in words that any runtime and engine have for it: the first that is found.
CLASSES = [("missing command", r"executable file .*not found|no such file or directory.*exec|exec.*no such file"),
           ("missing", r"no such|not found|does not exist|unknown"),
           ("permission", r"permission denied|not permitted|not executable"),
           ("directory", r"is a directory|not a directory"),
           ("in use", r"in use|already|exists"),
           ("memory", r"memory|oom"), ("state", r"not running|paused|state|stopped"), ("invalid", r"invalid|must be")]


class Result:
    def __init__(self, run, seconds):
        self.rc, self.seconds = run.returncode, seconds
        self.out = run.stdout.decode(errors="replace")
        self.err = run.stderr.decode(errors="replace")

    def __repr__(self):
        return f"<{self.rc}: {self.out[-600:]!r}, {self.err[-1200:]!r}>"


def call(*args, stdin=None, timeout=240, env=None):
    begin = time.monotonic()
    run = subprocess.run(list(args), input=stdin, capture_output=True, timeout=timeout, env=env,
                         stdin=subprocess.DEVNULL if stdin is None else None)
    return Result(run, time.monotonic() - begin)


@dataclasses.dataclass
class Step:
    """args of the engine; host: a command of the machine instead. retry: seconds until it gives the same as the peer's."""
    args: list
    host: bool = False
    stdin: bytes = None
    output: bool = True     # compare it
    words: bool = True      # compare the class of an error
    retry: float = 0
    timeout: float = 240


def host(*args, **kwargs):
    return Step(list(args), host=True, **kwargs)


def error_class(text):
    return next((name for name, pattern in CLASSES if re.search(pattern, text, re.I | re.S)), "other") if text else ""


def mask(text, runtime):
    """Without names, numbers and times of this one run."""
    text = text.replace(runtime, "RUNTIME").replace("^@", "").replace("\0", "")  # script(1) shows the end of its input
    text = re.sub(r"\b([0-9a-f]{64}|[0-9a-f]{12})\b", "ID", text)
    return re.sub(r"\d{4}-\d\d-\d\d[T ][\d:.]+\S*|[A-Z][a-z]{2} +\d+ \d\d:\d\d", "TIME", text)


def play_step(engine, runtime, name, step):
    if not isinstance(step, Step):
        step = Step(step)
    args = [a.format(c=f"s-{runtime}-{name}", r=runtime, n=1 + (runtime != "orlop")) if "{" in a else a for a in step.args]
    run = getattr(engine, "host", call) if step.host else lambda *a, **k: engine(runtime, *a, **k)
    return run(*args, stdin=step.stdin, timeout=step.timeout)


def judged(step, r, runtime):
    if not isinstance(step, Step):
        step = Step(step)
    return (r.rc, mask(r.out, runtime) if step.output and r.rc not in (125, 126, 127) else "",
            error_class(r.err) if r.rc and step.words else "")


def record(engine, name, steps, want, got, peer):
    if not TABLE:
        return
    with open(TABLE, "a") as f:
        for step, a, b in zip(steps, want, got):
            args = step.args if isinstance(step, Step) else step
            same = "same" if judged(step, a, peer) == judged(step, b, "orlop") else "DIFFERS"
            text = " ".join(args).replace("\n", " ").replace("\t", " ")
            print(engine.name, name, text, a.rc, b.rc, f"{a.seconds:.2f}", f"{b.seconds:.2f}", same, sep="\t", file=f)
            if same == "DIFFERS":
                print_difference(text, a, b, peer)


def print_difference(text, want, got, peer):
    lines = [f"{r.rc}\n{r.out}\n{r.err}".splitlines() for r in (want, got)]
    print(text, *difflib.unified_diff(*lines, peer, "orlop", lineterm="", n=0), sep="\n")


# One thread: the steps come one after the other, and in one session of a user.
PEER_PLAYER = concurrent.futures.ThreadPoolExecutor(max_workers=1)


def peers_results(engine, name, steps, peer):
    """One result after the other. Where two can play at a time, they come while orlop is at work."""
    if not getattr(engine, "parallel", False):
        return [play_step(engine, peer, name, s) for s in steps]
    futures = [PEER_PLAYER.submit(play_step, engine, peer, name, s) for s in steps]
    return (f.result() for f in futures)


def beside(engine, name, steps, peer=PEER):
    want, got = [], []
    for step, w in zip(steps, peers_results(engine, name, steps, peer)):
        want.append(w)
        r = play_step(engine, "orlop", name, step)
        deadline = time.monotonic() + (step.retry if isinstance(step, Step) else 0)
        while time.monotonic() < deadline and judged(step, r, "orlop") != judged(step, w, peer):
            time.sleep(0.5)
            r = play_step(engine, "orlop", name, step)
        got.append(r)
    record(engine, name, steps, want, got, peer)
    assert any(w.rc not in (1, 125, 126, 127) for w in want), (steps, want)  # a scenario in which nothing works shows nothing
    for runtime in (peer, "orlop"):
        engine.clean(f"s-{runtime}-{name}")
    for step, w, g in zip(steps, want, got):
        assert judged(step, g, "orlop") == judged(step, w, peer), (step, g, w)


def set_up(*args):
    r = call("sh", str(TOP / "contrib/engines/setup"), *args)
    assert r.rc == 0, r


class Podman:
    name = "podman"
    parallel = True

    def __init__(self):
        set_up("podman")

    def __call__(self, runtime, *args, **kwargs):
        chosen = [] if runtime == "orlop" else ["--runtime", runtime]
        return call("podman", *chosen, *args, **kwargs)

    def clean(self, *names):
        self("orlop", "rm", "-f", "-i", "-t", "0", *names)


class Session:
    """Of a user, in which one command after the other runs."""
    def __init__(self, user):
        command = ["systemd-run", "--user", f"--machine={user}@.host", "--pipe", "--wait", "-q",
                   "python3", str(TOP / "tests/scenarios/session.py")]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, *args, stdin=None, timeout=240):
        begin = time.monotonic()
        request = {"args": args, "stdin": None if stdin is None else stdin.decode("latin1"), "timeout": timeout}
        print(json.dumps(request), file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline())
        run = subprocess.CompletedProcess(args, answer["rc"], answer["out"].encode("latin1"), answer["err"].encode("latin1"))
        return Result(run, time.monotonic() - begin)


class RootlessPodman(Podman):
    """The user `user`, who has a service manager; each thread that plays has a session."""
    name = "podman-rootless"

    def __init__(self):
        super().__init__()
        self.sessions = threading.local()

    def host(self, *args, **kwargs):
        if not hasattr(self.sessions, "own"):
            self.sessions.own = Session("user")
        return self.sessions.own(*args, **kwargs)

    def __call__(self, runtime, *args, **kwargs):
        chosen = [] if runtime == "orlop" else ["--runtime", runtime]
        return self.host("podman", *chosen, *args, **kwargs)


class Docker:
    name = "docker"
    parallel = True

    def __init__(self):
        self.configure(runtimes={"crun": {"path": "/usr/bin/crun"}}, experimental=True)
        set_up("docker")
        r = call("systemctl", "restart", "docker")
        assert r.rc == 0, r

    def configure(self, **changes):
        """daemon.json with other values. dockerd takes some of them by `systemctl reload docker`."""
        os.makedirs(os.path.dirname(DAEMON_JSON), exist_ok=True)
        old = json.loads(pathlib.Path(DAEMON_JSON).read_text()) if os.path.exists(DAEMON_JSON) else {}
        pathlib.Path(DAEMON_JSON).write_text(json.dumps(old | changes))

    def __call__(self, runtime, *args, **kwargs):
        args = list(args)
        if args[0] in ("run", "create") and runtime != "orlop":
            args[1:1] = ["--runtime", runtime]
        return call("docker", *args, **kwargs)

    def clean(self, *names):
        call("docker", "rm", "-f", "-v", *names)


def pytest_configure(config):
    config.addinivalue_line("markers", "newest: also with the newest engines and kernel (lane `newest`)")


@pytest.fixture(scope="session", autouse=True)
def installed():
    shutil.copy(os.environ["ORLOP"], ORLOP)
    os.chmod(ORLOP, 0o755)


@pytest.fixture(scope="session")
def podman(installed):
    return Podman()


@pytest.fixture(scope="session")
def rootless(installed):
    return RootlessPodman()


@pytest.fixture(scope="session")
def docker(installed):
    return Docker()


def sandbox_image():
    """The name that containerd has for the image of a pod: it differs from version to version."""
    return re.search(r"""(?m)^ *sandbox(?:_image)? = ['"](.+)['"]$""", call("containerd", "config", "dump").out)[1]


@pytest.fixture(scope="session")
def cri(installed):
    """containerd as contrib/engines/setup leaves it, with crun as a second handler."""
    set_up("containerd")
    text = pathlib.Path(CONTAINERD).read_text()
    plugin = "io.containerd.cri.v1.runtime" if "io.containerd.cri.v1.runtime" in text else "io.containerd.grpc.v1.cri"
    pathlib.Path(CONTAINERD).write_text(text + PEERS_HANDLER.replace("{plugin}", plugin))
    os.makedirs("/etc/cni/net.d", exist_ok=True)
    pathlib.Path("/etc/cni/net.d/10-scenarios.conflist").write_text(json.dumps(NETWORK))
    for args in (["podman", "import", "-q", "--change", 'CMD ["/bin/sleep", "100000"]', "/srv/bb.tar", "pause"],
                 ["podman", "save", "-q", "--format", "oci-archive", "-o", "/srv/pause.oci", "pause"],
                 ["systemctl", "restart", "containerd"],
                 ["ctr", "-n", "k8s.io", "image", "import", "--index-name", PODS_IMAGE, "/srv/bb.oci"],
                 ["ctr", "-n", "k8s.io", "image", "import", "--index-name", sandbox_image(), "/srv/pause.oci"]):
        r = call(*args)
        assert r.rc == 0, r
    return interface.Client("/run/containerd/containerd.sock")
