# SPDX-License-Identifier: GPL-2.0-or-later
"""
T89: each system call of our processes fails once, with each error that it may have.  Either the command fails with
an error that says at what, and leaves nothing behind; or all is as it was asked for.  Nothing ever hangs.
"""
import json
import os

import pytest
from lib import config as conf
from lib import host, kernel
from test_rootless import SETPRIV, UID, As
from test_threats_lies import CALLS as LIES
from tools import confinement, errnos, sweep
from tools.step import DEADLINE, nth

pytestmark = [pytest.mark.needs_native("the same calls everywhere"), pytest.mark.case("T89", "T110")]


def full_request(box):
    """Something of everything that could be missing afterwards."""
    box.process["user"] = {"uid": 1000, "gid": 1001, "additionalGids": [5, 6], "umask": 0o27}
    box.process["cwd"] = "/tmp"
    box.process["oomScoreAdj"] = 100
    box.config["domainname"] = "domain"
    box.config["root"]["readonly"] = True
    box.file("etc/secret", "secret")
    box.file("etc/fixed/file", "fixed")
    box.linux["maskedPaths"] += ["/etc/secret"]
    box.linux["readonlyPaths"] += ["/etc/fixed"]
    box.linux["sysctl"] = {"kernel.shm_rmid_forced": "1"}
    box.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["getpgid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 40}]}
    box.linux["devices"] = [{"path": "/dev/mychar", "type": "c", "major": 1, "minor": 5, "fileMode": 0o640}]
    os.makedirs(f"{box.bundle}/source", exist_ok=True)
    box.mounts += [conf.bind(f"{box.bundle}/source", "/ro", "ro", "nosuid", "nodev", "noexec"), conf.mount("/t", "tmpfs", "t", ["ro"])]


def _exec(box):
    return ["exec", box.id, conf.PROBE]


PLAIN = {s.name: s for s in sweep.ALL}
SHOWS = [  # the command's own program is the probe, which tells
    sweep.Scenario("run", PLAIN["run"].words, change=full_request),
    sweep.Scenario("run-userns", PLAIN["run"].words, change=lambda box: (sweep._userns(box), full_request(box))),
    sweep.Scenario("run-idmap", PLAIN["run"].words, change=sweep._idmap),
    sweep.Scenario("run-idmap-inside", PLAIN["run"].words, change=sweep._idmap_inside),
    sweep.Scenario("run-hostpid", PLAIN["run"].words, change=sweep._host_pids),
    sweep.Scenario("run-pod", PLAIN["run"].words, change=sweep._pod),
    sweep.Scenario("run-hooks", PLAIN["run"].words, change=sweep._hooks),
    sweep.Scenario("create", PLAIN["create"].words, change=full_request),
    sweep.Scenario("exec", _exec, sweep._up, full_request),
    sweep.Scenario("exec-userns", _exec, sweep._up, sweep._userns),
    sweep.Scenario("start", PLAIN["start"].words, sweep._create, full_request),
]
CHANGES = [PLAIN[n] for n in ("delete", "delete-created", "delete-force", "delete-hooks", "kill", "kill-hostpid", "pause", "resume", "update",
                               "mounts-add", "mounts-remove")]
LEAVE_NOTHING = [s.name for s in SHOWS if s.name != "start"]


class RootlessScenario(sweep.Scenario):
    """With the configuration as it is, which the caller may ask for."""

    def __init__(self, plain):
        super().__init__(plain.name, _exec if plain.name == "exec" else plain.words, plain.prepare)


class Sweep:
    """One scenario, its reference, and what was found."""

    def __init__(self, box, scenario):
        self.box, self.scenario = box, scenario
        self.runs, self.found = 0, []
        scenario.setup(box)
        self.tells = scenario.name in {s.name for s in SHOWS}
        if self.tells and not scenario.name.startswith("exec"):
            box.args().write()
        before = host.Snapshot()
        self.begin()
        run = scenario.run(box, ["*:*=log"])
        assert run.rc == 0, run
        self.points = nth(run)
        self.reference = self.shown(run)
        assert sweep.settle(box, before) is None

    def begin(self):
        self.scenario.begin(self.box)

    def shown(self, run):
        """What the container's process had to show: None where nothing was to run."""
        if not self.tells:
            return None
        text = run.out
        if self.scenario.name == "create":
            started = self.box.start()
            if started.rc:  # what failed in the container's process was behind the gate
                return None if len(started.err.split()) > 3 else started
        if self.scenario.name in ("create", "start"):
            self.box.wait_stopped()
            text = self.output()
        text = next((t for t in text.splitlines() if '"fds"' in t), "")  # a hook may have the same stdout
        return confinement.of(json.loads(text))

    def output(self):
        """What the container wrote, whose stdout is that of the last `create`."""
        texts = [kernel.read(f"{self.box.orlop.tmp}/{n}.out") for n in range(max(1, self.box.orlop.n - 12), self.box.orlop.n + 1)
                 if os.path.exists(f"{self.box.orlop.tmp}/{n}.out")]
        return next((t for t in reversed(texts) if '"fds"' in t), "")

    def all(self):
        return [(*p, e) for p in self.points for e in errnos.of(p[1])]

    def judge(self, run, between, error):
        """A text when something is wrong with how the command ended."""
        if run.late:
            return f"hangs for {DEADLINE} s"
        if run.rc >= 128 and run.rc - 128 in (6, 7, 8, 11):
            return "crashed"
        if run.rc == 0:
            shown = self.shown(run)
            wrong = confinement.difference(self.reference, shown) if shown else []
            return f"succeeds, but: {wrong}" if wrong else self.scenario.after(self.box, True)
        if error == "EINTR":
            return "EINTR is taken for a failure"
        if len(run.err.split()) < 4:
            return "no error that says at what"
        if "cannot be awaited here" in run.err:
            return "what failed is hidden by what comes of it"
        if '"fds"' in run.out:
            return None  # the program ran, and it is the end that failed
        if self.scenario.name not in LEAVE_NOTHING:
            return self.scenario.after(self.box, False)  # what is left can be tried again, or deleted
        try:
            between.assert_same(2)
        except AssertionError as e:
            return f"failed, and left: {e}"
        return None

    def lies(self):
        return [(*p, None) for p in self.points if p[1] in LIES]

    def fault(self, role, call, n, error):
        """One point; without an error the call says that it succeeded and has done nothing."""
        box = self.box
        before = host.Snapshot()
        self.begin()
        between = host.Snapshot()
        run = self.scenario.run(box, [f"{role}:{call}#{n}=" + (f"error:{error}" if error else "return:0")], linger=100)
        try:
            wrong = self.judge(run, between, error) if run.hit else None
        except (AssertionError, ValueError) as e:
            wrong = f"cannot be judged: {e}"
        self.runs += bool(run.hit)
        left = sweep.settle(box, before)
        if left:
            wrong = f"{wrong}; {left}" if wrong else left
            sweep.tidy(box)
        if wrong:
            self.found.append(f"process {role}, {call} #{n} {'fails with ' + error if error else 'lies'}: {wrong[:700]} | rc {run.rc}: {run.err[:300]}")


def sweep_faults(box, scenario, sample, record_property, lies=False):
    faults = Sweep(box, scenario)
    for point in sample(faults.lies() if lies else faults.all()):
        faults.fault(*point)
    record_property("lies" if lies else "faults", faults.runs)
    assert not faults.found, f"{len(faults.found)} of {faults.runs}:\n" + "\n".join(faults.found[:60])


@pytest.mark.parametrize("scenario", SHOWS, ids=repr)
def test_T89_one_call_fails_while_a_process_is_made(box, scenario, sample, record_property):
    sweep_faults(box, scenario, sample, record_property)


@pytest.mark.parametrize("scenario", CHANGES, ids=repr)
def test_T89_one_call_fails(box, scenario, sample, record_property):
    sweep_faults(box, scenario, sample, record_property)


@pytest.fixture
def less(tmp):
    o = As(tmp, SETPRIV, UID)
    yield o
    o.clean()


@pytest.mark.parametrize("name", ["run", "create", "exec", "delete-force"])
def test_T89_one_call_fails_without_privilege(less, name, sample, record_property):
    scenario = RootlessScenario(PLAIN[name])
    sweep_faults(less.box(), scenario, sample, record_property)


@pytest.mark.case("T88")
@pytest.mark.parametrize("scenario", SHOWS, ids=repr)
def test_T88_one_call_lies(box, scenario, sample, record_property):
    """As in tests/system/test_threats_lies.py, for all that makes a process."""
    sweep_faults(box, scenario, sample, record_property, lies=True)


# ---- that the sweeps can fail ---------------------------------------------------------------------------


def named(name):
    return next(s for s in SHOWS if s.name == name)


@pytest.mark.control("T88")
def test_control_of_T88(box, mutant):
    """Nobody looks whether no_new_privs is set."""
    mutant("T88")
    faults = Sweep(box, named("run-hostpid"))  # a filter, without no_new_privs, would take a capability
    for point in faults.lies():
        if point[1] == "prctl":
            faults.fault(*point)
    assert any("/no_new_privs: 1 became 0" in f for f in faults.found), faults.found


@pytest.mark.control("T89")
def test_control_of_T89(box, mutant):
    """Nothing is undone."""
    mutant("T110")
    faults = Sweep(box, named("run"))
    faults.fault("0.1", "pivot_root", 1, "EMFILE")
    assert "new in cgroups" in faults.found[0]
