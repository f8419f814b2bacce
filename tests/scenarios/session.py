#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
A user's session, kept: reads a request a line, JSON of {args, stdin, timeout}, and answers {rc, out, err} in a line.
Starting each command with systemd-run takes a second in the virtual machine.
"""
import json
import subprocess
import sys

for line in sys.stdin:
    request = json.loads(line)
    given = request["stdin"]
    try:
        run = subprocess.run(request["args"], input=None if given is None else given.encode("latin1"), capture_output=True,
                             timeout=request["timeout"], stdin=subprocess.DEVNULL if given is None else None)
        answer = {"rc": run.returncode, "out": run.stdout.decode("latin1"), "err": run.stderr.decode("latin1")}
    except subprocess.TimeoutExpired:
        answer = {"rc": -1, "out": "", "err": f"no end after {request['timeout']} s"}
    print(json.dumps(answer), flush=True)
