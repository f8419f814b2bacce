# SPDX-License-Identifier: GPL-2.0-or-later
"""What runtime-spec requires of the documents that we print, written down a second time."""
import re

SEMVER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
STATUS = ("creating", "created", "running", "stopped")


def check_state(s, more_status=()):
    """runtime.md#state and its schema; the same document is on stdin of hooks."""
    assert isinstance(s, dict)
    for name in ("ociVersion", "id", "status", "bundle"):
        assert isinstance(s[name], str), (name, s)
    assert SEMVER.fullmatch(s["ociVersion"]), s
    assert s["status"] in STATUS + tuple(more_status), s
    assert s["bundle"].startswith("/"), s
    pid = s.get("pid", 0)
    assert type(pid) is int and pid >= 0, s
    assert pid > 0 or s["status"] not in ("created", "running"), s
    annotations = s.get("annotations", {})
    assert isinstance(annotations, dict), s
    assert all(isinstance(v, str) and k for k, v in annotations.items()), s
    return s


TEXT, WORDS, FLAG = "text", "words", "flag"
FEATURES = {
    "ociVersionMin": TEXT, "ociVersionMax": TEXT, "hooks": WORDS, "mountOptions": WORDS,
    "linux": {
        "namespaces": WORDS, "capabilities": WORDS,
        "cgroup": {"v1": FLAG, "v2": FLAG, "systemd": FLAG, "systemdUser": FLAG, "rdma": FLAG},
        "seccomp": {"enabled": FLAG, "actions": WORDS, "operators": WORDS, "archs": WORDS,
                    "knownFlags": WORDS, "supportedFlags": WORDS},
        "apparmor": {"enabled": FLAG}, "selinux": {"enabled": FLAG},
        "memoryPolicy": {"modes": WORDS, "flags": WORDS},
        "intelRdt": {"enabled": FLAG, "schemata": FLAG, "monitoring": FLAG},
        "mountExtensions": {"idmap": {"enabled": FLAG}}, "netDevices": {"enabled": FLAG},
    },
    "annotations": {}, "potentiallyUnsafeConfigAnnotations": WORDS,
}


def check_features(got, known=None, path=""):
    """features.md of 1.3: no member besides these, each of its kind, and never null."""
    known = FEATURES if known is None else known
    for name, value in got.items():
        where = f"{path}/{name}"
        if path == "/annotations":
            assert name and isinstance(value, str), where
            continue
        assert name in known, f"{where} is not in the specification"
        kind = known[name]
        if isinstance(kind, dict):
            assert isinstance(value, dict), where
            check_features(value, kind, where)
        else:
            assert isinstance(value, {TEXT: str, WORDS: list, FLAG: bool}[kind]), (where, value)
            assert kind != WORDS or all(isinstance(w, str) and w for w in value), (where, value)
