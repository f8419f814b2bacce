#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Turn what test programs say into result lines, and result lines into the summary.

results.py tap LANE DIR          logs of automake's test driver, with TAP in them
results.py junit LANE FILE       pytest's report
results.py skipped FILE          the tests that pytest skipped, as its arguments
results.py summary FILE          the last line of tests/run; status 1 when something failed
"""

import pathlib
import re
import sys
import xml.etree.ElementTree

# A test may be skipped in one of these lanes if it passes in the other.
PAIR = ("system", "vm")


def line(verdict, lane, name):
    print(f"{verdict}\t{lane}/{name}")


def tap(lane, directory):
    for trs in sorted(pathlib.Path(directory).rglob("*.trs")):
        program = trs.with_suffix("").name
        result = re.search(r":global-test-result: (\w+)", trs.read_text()).group(1)
        log = trs.with_suffix(".log").read_text(errors="replace")
        seen = {"pass": 0, "fail": 0, "skip": 0}
        for match in re.finditer(r"^(not )?ok \d+ (?:- )?(.*)$", log, re.M):
            broken, name = match.groups()
            verdict = "skip" if name.startswith("# SKIP") else "fail" if broken else "pass"
            seen[verdict] += 1
            line(verdict, lane, f"{program}.{name}")
        # A program that died, or that has no cases, is a result itself.
        if result == "SKIP":
            line("skip", lane, program)
        elif result != "PASS" and not seen["fail"]:
            line("fail", lane, f"{program} ({result})")
        elif result == "PASS" and not any(seen.values()):
            line("pass", lane, program)


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


def settle(results):
    """A skip that the other lane of the pair makes good is none; two skips are a failure."""
    lanes = {result_lane for result_lane, _ in results}
    if not set(PAIR) <= lanes:
        return
    for lane, other in (PAIR, PAIR[::-1]):
        for key, verdict in list(results.items()):
            if key[0] != lane or verdict != "skip":
                continue
            there = results.get((other, key[1]))
            if there in ("pass", "made good"):
                results[key] = "made good"
            else:
                results[key] = "fail"
                print(f"   FAILED: {key[1]}: skipped in {lane}, {there or 'missing'} in {other}")


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
        note = f", {made_good} left to the other machine" if made_good else ""
        print("   {}: {} passed, {} failed, {} skipped{}".format(lane, *counts, note))
    for (lane, test), verdict in results.items():
        if verdict in ("fail", "skip"):
            print(f"   {verdict}: {lane}/{test}")
    total = [sum(1 for verdict in results.values() if verdict == wanted) for wanted in ("pass", "fail", "skip")]
    print("{} passed, {} failed, {} skipped".format(*total))
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    commands = {"tap": tap, "junit": junit, "skipped": skipped, "summary": summary}
    if len(sys.argv) < 3 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    sys.exit(commands[sys.argv[1]](*sys.argv[2:]))
