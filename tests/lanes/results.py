#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Turn what test programs say into result lines, and result lines into the summary.

results.py tap LANE DIR          logs of automake's test driver, with TAP in them
results.py skippers DIR          programs whose logs tell of a skipped test
results.py again LANE FILE...    what those programs said on the other machine
results.py junit LANE FILE       pytest's report
results.py skipped FILE          the tests that pytest skipped, as its arguments
results.py shard K N             the K-th of N equal parts of the system tests
results.py shard K N SELECTED [FILE...]   of those that pytest has selected; FILE: how long they took
results.py summary FILE          the last line of tests/run; status 1 when something failed
"""

import os
import pathlib
import re
import sys
import xml.etree.ElementTree

# When all have run, on this machine and in the virtual ones, no skip is left over.
MACHINES = ("system", "vm", "selinux", "criu")


TAP = re.compile(r"^(not )?ok \d+ (?:- )?(.*)$", re.M)


def tap_case(broken, name):
    # cmocka: "ok 3 # SKIP test_x"
    if name.startswith("# SKIP"):
        return "skip", name.removeprefix("# SKIP").strip()
    return "fail" if broken else "pass", name


def line(verdict, lane, name):
    print(f"{verdict}\t{lane}/{name}")


def tap(lane, directory):
    for trs in sorted(pathlib.Path(directory).rglob("*.trs")):
        program = trs.with_suffix("").name
        result = re.search(r":global-test-result: (\w+)", trs.read_text()).group(1)
        log = trs.with_suffix(".log").read_text(errors="replace")
        seen = {"pass": 0, "fail": 0, "skip": 0}
        for match in TAP.finditer(log):
            verdict, name = tap_case(*match.groups())
            seen[verdict] += 1
            line(verdict, lane, f"{program}.{name}")
        # A program that died, or that has no cases, is a result itself.
        if result == "SKIP":
            line("skip", lane, program)
        elif result != "PASS" and not seen["fail"]:
            line("fail", lane, f"{program} ({result})")
        elif result == "PASS" and not any(seen.values()):
            line("pass", lane, program)


def tap_again(lane, *files):
    """Each FILE is what a program said in the virtual machine."""
    for file in map(pathlib.Path, files):
        for match in TAP.finditer(file.read_text(errors="replace")):
            verdict, name = tap_case(*match.groups())
            line(verdict, lane, f"{file.stem}.{name}")


def skippers(directory):
    """Programs that skipped something."""
    for trs in sorted(pathlib.Path(directory).rglob("*.trs")):
        log = trs.with_suffix(".log").read_text(errors="replace")
        if any(tap_case(*match.groups())[0] == "skip" for match in TAP.finditer(log)):
            print(trs.with_suffix(""))


def junit(lane, file):
    for case in xml.etree.ElementTree.parse(file).iter("testcase"):
        tags = {child.tag for child in case}
        verdict = "pass"
        if tags & {"failure", "error"}:
            verdict = "fail"
        elif "skipped" in tags:
            verdict = "skip"
        line(verdict, lane, f"{case.get('classname')}.{case.get('name')}")


def skipped(file):
    for case in xml.etree.ElementTree.parse(file).iter("testcase"):
        if case.find("skipped") is not None:
            print(f"{case.get('file')}::{case.get('name')}")


def shard(which, count, *selected):
    """
    Tests, dealt out file by file; by their size, or, for a virtual machine, those that `selected` names: what
    `pytest --collect-only` told, and reports of how long they took here.  There that is longer, and a test that takes no
    time here takes half a second to set up; what only that machine can do takes some seconds.
    """
    if not selected:
        cost = {str(path): path.stat().st_size for path in pathlib.Path("tests/system").glob("test_*.py")}
        print(*sorted(dealt(cost, int(which), int(count))))
        return
    took = {}
    for report in filter(os.path.exists, selected[1:]):
        for case in xml.etree.ElementTree.parse(report).iter("testcase"):
            took[f"tests/system/{pathlib.Path(case.get('file', '')).name}::{case.get('name')}"] = \
                None if case.find("skipped") is not None else float(case.get("time", 0))
    cost, functions = {}, {}
    for test in pathlib.Path(selected[0]).read_text().splitlines():
        if "::" not in test:
            continue
        file, seconds = test.partition("::")[0], took.get(test)
        cost[file] = cost.get(file, 0) + (3 if seconds is None else 0.5 + 2.5 * seconds)
        functions.setdefault(file, {})[test.partition("[")[0]] = True
    print(*(function for file in sorted(dealt(cost, int(which), int(count))) for function in functions[file]))


def dealt(cost, which, count):
    """Those names of `cost` that the first, second… of `count` gets."""
    loads = [[0, []] for _ in range(count)]
    for name in sorted(cost, key=cost.get, reverse=True):
        least = min(loads, key=lambda load: load[0])
        least[0] += cost[name]
        least[1].append(name)
    return loads[which - 1][1]


def settle(results):
    """A skip is none when the test has passed in another lane; a test that nobody ran has failed."""
    if not set(MACHINES) <= {lane for lane, _ in results}:
        return
    passed = {test for (_, test), verdict in results.items() if verdict == "pass"}
    for (lane, test), verdict in results.items():
        if verdict != "skip":
            continue
        results[(lane, test)] = "made good" if test in passed else "fail"
        if test not in passed:
            print(f"   FAILED: {test}: skipped in {lane}, and passed nowhere")


def summary(file):
    results = {}
    for row in pathlib.Path(file).read_text().splitlines():
        verdict, name = row.split("\t", 1)
        lane, _, test = name.partition("/")
        # the same name twice: the worse one counts
        if results.get((lane, test)) == "fail":
            continue
        while (lane, test) in results and verdict != "fail":
            test += "'"
        results[(lane, test)] = verdict
    settle(results)
    for lane in dict.fromkeys(lane for lane, _ in results):
        counts = [sum(1 for key, verdict in results.items() if key[0] == lane and verdict == wanted)
                  for wanted in ("pass", "fail", "skip")]
        made_good = sum(1 for key, verdict in results.items() if key[0] == lane and verdict == "made good")
        note = f", {made_good} passed elsewhere" if made_good else ""
        print("   {}: {} passed, {} failed, {} skipped{}".format(lane, *counts, note))
    for (lane, test), verdict in results.items():
        if verdict in ("fail", "skip"):
            print(f"   {verdict}: {lane}/{test}")
    total = [sum(1 for verdict in results.values() if verdict == wanted) for wanted in ("pass", "fail", "skip")]
    print("{} passed, {} failed, {} skipped".format(*total))
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    commands = {"tap": tap, "junit": junit, "skipped": skipped, "skippers": skippers, "again": tap_again, "shard": shard, "summary": summary}
    if len(sys.argv) < 3 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    sys.exit(commands[sys.argv[1]](*sys.argv[2:]))
