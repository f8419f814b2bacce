# SPDX-License-Identifier: GPL-2.0-or-later
"""
T102: a signal that asks us to end, at each system call of a command.  It ends in time, with success or with an error
that says why; a creation that failed leaves nothing.
"""
import signal

import pytest
from lib import host
from tools import sweep

pytestmark = [pytest.mark.needs_native("the same calls everywhere"), pytest.mark.case("T102", "T110")]
SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT]
NAMES = ("run", "run-detached", "run-hooks", "run-idmap", "create", "create-hooks", "start", "exec", "exec-detached", "delete",
         "delete-force", "kill", "pause", "resume", "update", "mounts-add", "mounts-remove")
SCENARIOS = [s for s in sweep.ALL if s.name in NAMES]


def signalled(box, scenario, k, sig):
    """What is wrong, or None."""
    before = host.Snapshot()
    scenario.begin(box)
    between = host.Snapshot()
    run = scenario.run(box, [f"0:{k}=signal:{int(sig)}"], linger=100)
    wrong = None
    if run.late:
        wrong = f"hangs: {run}"
    elif 0 < run.rc < 128 and not run.err:
        wrong = f"says nothing: {run}"
    elif run.rc and scenario in sweep.RUN:
        try:
            between.assert_same(2)
        except AssertionError as e:
            wrong = f"{e}: {run}"
    if not wrong and run.rc in (0, 1):
        wrong = scenario.after(box, run.rc == 0)
    return wrong or sweep.settle(box, before)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=repr)
def test_T102_a_signal_at_any_call(box, scenario, sample, record_property):
    scenario.setup(box)
    before = host.Snapshot()
    scenario.begin(box)
    run = scenario.run(box, ["0:*=log"])
    assert run.rc == 0, run
    wrong = sweep.settle(box, before)
    assert wrong is None, wrong
    found, points = [], list(sample((c["k"], c["call"], sig) for c in run.calls() for sig in SIGNALS))
    for k, call, sig in points:
        wrong = signalled(box, scenario, k, sig)
        if wrong:
            found.append(f"{sig.name} at {k} {call}: {wrong[:600]}")
            sweep.tidy(box)
    record_property("signals", len(points))
    assert not found, f"{len(found)} of {len(points)}:\n" + "\n".join(found[:8])
