# SPDX-License-Identifier: GPL-2.0-or-later
"""
A program in the place of CRIU, for what has to work without it: it tells a file what it was asked, answers from a
table, and shows what it has.  Its wire is read by these few lines, and not by ours.
"""
import json
import os

# Runs as CRIU, with the socket as descriptor 3; {} are filled in below.
PROGRAM = '''#!/usr/bin/python3
import json, os, socket, sys
how = json.loads({how!r})
sock = socket.socket(fileno=3)

def varint(b, at):
    v = shift = 0
    while True:
        v |= (b[at] & 127) << shift
        shift += 7
        at += 1
        if b[at - 1] < 128:
            return v, at

def fields(b):
    at, out = 0, []
    while at < len(b):
        tag, at = varint(b, at)
        v, at = varint(b, at)
        if tag & 7 == 2:
            v, at = b[at:at + v], at + v
        out.append((tag >> 3, v))
    return out

def note(what):
    with open({log!r}, "a") as f:
        f.write(json.dumps(what) + "\\n")

def shown(n, v):
    if not isinstance(v, bytes):
        return v
    return [(k, shown(0, w)) for k, w in fields(v)] if n in (11, 19, 23, 25, 27, 39) else v.decode()

while True:
    message = sock.recv(65536)
    if not message:
        break
    request = dict(fields(message))
    kind = request[1]
    options = [(n, shown(n, v)) for n, v in fields(request.get(2, b""))]
    note({{"kind": kind, "options": options, "env": dict(os.environ), "argv": sys.argv[1:],
          "fds": {{n: os.readlink(f"/proc/self/fd/{{n}}") for n in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{{n}}")}},
          "cgroup": open("/proc/self/cgroup").read()}})
    if kind == 10:
        sock.send(bytes(how["version"]))
    elif kind == 9:
        sock.send(bytes(how["features"]))
    else:
        if how["log"]:
            with open(os.open(how["log_name"], os.O_WRONLY | os.O_CREAT, dir_fd=5), "w") as f:
                f.write(how["log"])
        if how["answer"] is not None:
            sock.send(bytes(how["answer"]))
        break
'''

VERSION = b"\x08\x0a\x10\x01\x52\x04\x08\x04\x10\x01"  # 4.1
FEATURES = b"\x08\x09\x10\x01\x42\x04\x08\x01\x10\x01"  # both
DUMPED = b"\x08\x01\x10\x01"
NOT_DUMPED = b"\x08\x01\x10\x00"
NOT_RESTORED = b"\x08\x02\x10\x00"


class Fake:
    """`wrap` is for Orlop(): the program is seen in a mount namespace of the command."""

    def __init__(self, tmp, version=VERSION, features=FEATURES, answer=NOT_DUMPED, log="", log_name="dump.log"):
        os.makedirs(f"{tmp}/fake", exist_ok=True)
        self.path, self.log = f"{tmp}/fake/criu", f"{tmp}/fake/asked"
        how = json.dumps({"version": list(version), "features": list(features), "log": log, "log_name": log_name,
                          "answer": None if answer is None else list(answer)})
        with open(self.path, "w") as f:
            f.write(PROGRAM.format(how=how, log=self.log))
        os.chmod(self.path, 0o755)
        place = "mount --bind {} /usr/sbin/criu" if os.path.exists("/usr/sbin/criu") else \
            "mount --bind $(dirname {}) /usr/local/sbin"
        self.wrap = ["unshare", "-m", "sh", "-ec", place.format(self.path) + '; exec "$@"', "sh"]

    def asked(self):
        """What it was asked, one dict a request; numbers of options as in criu_opts."""
        if not os.path.exists(self.log):
            return []
        with open(self.log) as f:
            return [json.loads(line) for line in f]

    def request(self):
        """The options of the last dump or restore: {number: value}, lists of those that may come again."""
        options = {}
        for n, v in self.asked()[-1]["options"]:
            if n in (23, 25, 27, 37, 39):
                options.setdefault(n, []).append(v if isinstance(v, str) else [w for _, w in v])
            else:
                options[n] = v
        return options
