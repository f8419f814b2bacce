# SPDX-License-Identifier: GPL-2.0-or-later
"""
T53, T52: SIGKILL for one of our processes at each of its system calls, in every command that changes something.
Afterwards `delete --force` succeeds and nothing is left.
"""
import pytest
from lib import host
from test_rootless import SETPRIV, UID, As
from tools import sweep

pytestmark = [pytest.mark.needs_native("the same calls everywhere"), pytest.mark.case("T52", "T53", "T110")]


def points(scenario, box):
    """(role, k) of all calls, of one run."""
    scenario.begin(box)
    run = scenario.run(box, ["*:*=log"])
    assert run.rc == 0, run
    found = [(c["role"], c["k"], c["call"]) for c in run.calls()]
    return found


def killed(scenario, box, role, k, how="kill", settle=sweep.settle):
    """Kill at one point; returns (was it reached, what is wrong or None)."""
    before = host.Snapshot()
    scenario.begin(box)
    run = scenario.run(box, [f"{role}:{k}={how}"], linger=300)
    if run.late:
        return True, f"hangs: {run}"
    wrong = scenario.after(box, None)
    left = settle(box, before)
    return bool(run.hit), f"{wrong}; {left}" if wrong and left else wrong or left


def kill_at_all(box, scenario, sample, record_property, **kw):
    scenario.setup(box)
    before = host.Snapshot()
    all_points = points(scenario, box)
    wrong = sweep.settle(box, before)
    assert wrong is None, wrong
    found, reached = [], 0
    for role, k, call in sample(all_points):
        hit, wrong = killed(scenario, box, role, k, **kw)
        reached += hit
        if wrong:
            found.append(f"process {role} killed at {k} {call}: {wrong[:600]}")
            sweep.tidy(box)
    record_property("kills", reached)
    assert not found, f"{len(found)} of {reached}:\n" + "\n".join(found[:8])


@pytest.mark.parametrize("scenario", sweep.ALL, ids=repr)
def test_T53_killed_at_any_call(box, scenario, sample, record_property):
    kill_at_all(box, scenario, sample, record_property)


QUIET = [s for s in sweep.RUN if s.name.startswith("run") and "hooks" not in s.name and "terminal" not in s.name]


def told(calls):
    return [c for c in calls if c["role"] == "0" and c["call"] in ("write", "sendto", "sendmsg")]


@pytest.mark.parametrize("scenario", QUIET, ids=repr)
def test_T53_no_program_without_its_runtime(box, scenario, sample):
    """Killed before it has let the container's process go: that has executed nothing."""
    scenario.setup(box)
    before = host.Snapshot()
    for _ in range(2):  # the first makes the state directory
        scenario.begin(box)
        run = scenario.run(box, ["*:*=log"])
        assert run.rc == 0 and '"results"' in run.out, run
        assert sweep.settle(box, before) is None
    executed = next(i for i, c in enumerate(run.calls()) if c["role"] != "0" and c["call"] == "execve")
    words = told(run.calls()[:executed])
    last = words[-1]["k"]
    for k in sample(range(last - 40, last + 1)):
        before = host.Snapshot()
        scenario.begin(box)
        run = scenario.run(box, ["0:*=log", f"0:{k}=kill"], linger=500)
        assert run.rc == 137, (k, run)
        # it waits a different number of times now and then, and has let go already
        assert run.out == "" or len([c for c in told(run.calls()) if c["k"] < k]) >= len(words), (k, run)
        wrong = sweep.settle(box, before)
        assert wrong is None, (k, wrong)


@pytest.mark.parametrize("scenario", [s for s in sweep.ALL if s.name in ("run", "create", "exec", "run-userns", "start")], ids=repr)
def test_T53_all_of_us_killed_at_any_call(box, scenario, sample, record_property):
    """As when a unit is stopped in which we work."""
    kill_at_all(box, scenario, sample, record_property, how="killall")


def gc(box, before):
    """What is dead by then `gc` removes."""
    def is_dead():
        state = box.orlop("state", box.id)
        return state.rc != 0 or state.json()["status"] == "stopped"
    dead = is_dead()  # one that is about to die may be alive to gc, and dead a moment later
    rows = {r["name"]: r for r in box.orlop("gc", "--force", "--format", "json").json()}
    if dead and box.id in box.orlop.ids():
        return f"gc leaves it: {rows.get(box.id)}"
    return sweep.settle(box, before)


@pytest.mark.parametrize("scenario", [s for s in sweep.ALL if s.name in ("run", "create", "run-hooks", "start", "delete", "delete-force")], ids=repr)
def test_T53_gc_finds_what_a_killed_command_left(box, scenario, sample, record_property):
    kill_at_all(box, scenario, sample, record_property, settle=gc)


@pytest.fixture
def less(tmp):
    o = As(tmp, SETPRIV, UID)
    yield o
    o.clean()


@pytest.mark.parametrize("scenario", [s for s in sweep.ALL if s.name in ("run", "create", "exec", "delete-force")], ids=repr)
def test_T53_killed_at_any_call_without_privilege(less, scenario, sample, record_property):
    kill_at_all(less.box(), scenario, sample, record_property)


@pytest.mark.control("T53", "T52")
def test_control_of_T53(box, mutant):
    """Nothing is written down before it is made: then what a killed `create` has made is not found."""
    mutant("T53")
    scenario = next(s for s in sweep.RUN if s.name == "create")
    scenario.setup(box)
    before = host.Snapshot()
    all_points = points(scenario, box)
    assert sweep.settle(box, before) is None
    clone = next(p for p in all_points if p[2] == "clone3")
    assert "new in cgroups" in killed(scenario, box, *clone[:2])[1]
    sweep.tidy(box)
