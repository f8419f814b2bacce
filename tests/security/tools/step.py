# SPDX-License-Identifier: GPL-2.0-or-later
"""
The step driver (step/step.c): run a command of ours, and at chosen system calls of it and of the processes it
makes report, kill, fail, lie, run something or wait.

    run = step(orlop, ["*:*=report"], "run", "--bundle", box.bundle, box.id)
    run.rc, run.err         how the command ended
    run.calls("0.1")        its calls: dicts with role, k, call, args, and what was done there
    run.hit                 whether there was such a call

A rule is ROLE:POINT=ACTION; role "0" is the command, "0.1" the first process that it makes.
"""
import json
import os

from lib import box as box_module

STEP = os.path.realpath(os.environ.get("ORLOP_STEP", f"{box_module.BIN}/../../security/step/step"))
DEADLINE = 15  # seconds: a command that takes longer is a finding (T89, T103)


class Run(box_module.Result):
    """A Result, and what the driver wrote."""

    def __init__(self, result, events):
        super().__init__(result.argv, result.rc, result.out, result.err)
        self.events = events

    def calls(self, role=None):
        return [e for e in self.events if e["event"] == "call" and role in (None, e["role"])]

    def ends(self):
        """{role: its end event}"""
        return {e["role"]: e for e in self.events if e["event"] == "end"}

    @property
    def hit(self):
        """The calls at which something was done."""
        return [e for e in self.calls() if {"killed", "result", "ran", "delayed"} & set(e)]

    @property
    def late(self):
        """Roles that were still there at the deadline."""
        return [e["role"] for e in self.events if e["event"] == "late"]


def start(orlop, rules, *args, deadline=DEADLINE, linger=0, execs=1, dumpable=False, uid=0, through_exec=False,
          wrap=(), **kw):
    """Start a command below the driver: a Popen for finish()."""
    log = f"{orlop.tmp}/step.{orlop.n}"
    options = ["--log", log, "--deadline", str(deadline * box_module.SLOW), "--linger", str(linger), "--execs", str(execs),
               "--uid", str(uid)]
    options += ["--dumpable"] * dumpable + ["--through-exec"] * through_exec
    for rule in rules:
        options += ["--at", rule]
    # the driver is root; what makes us another user is its command
    always = getattr(orlop, "always", [])
    options[options.index("--execs") + 1] = str(execs + bool(always))
    kw.setdefault("program", orlop.program)
    p = box_module.Orlop.popen(orlop, *args, wrap=[STEP, *options, "--", *always, *wrap], **kw)
    p.step_log = log
    return p


def finish(orlop, p, timeout=60):
    result = orlop.finish(p, timeout)
    with open(p.step_log, encoding="utf-8") as f:
        events = [json.loads(line) for line in f]
    os.unlink(p.step_log)
    return Run(result, events)


def step(orlop, rules, *args, **kw):
    return finish(orlop, start(orlop, rules, *args, **kw), kw.get("deadline", DEADLINE) + 15)


def box_step(box, rules, command, *args, **kw):
    """A command of a box: box_step(box, rules, "create", "--bundle", box.bundle); the id comes last."""
    box.write()
    return step(box.orlop, rules, command, *args, box.id, **kw)


def points(run, skip=()):
    """Every call of a run as (role, k, name), but for the calls in `skip`."""
    return [(c["role"], c["k"], c["call"]) for c in run.calls() if c["call"] not in skip]


def nth(run):
    """Every call of a run as (role, name, n): the n-th call of that name there.  Holds between runs better than k."""
    seen, found = {}, []
    for c in run.calls():
        key = (c["role"], c["call"])
        seen[key] = seen.get(key, 0) + 1
        found.append((*key, seen[key]))
    return found
