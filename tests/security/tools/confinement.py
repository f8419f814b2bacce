# SPDX-License-Identifier: GPL-2.0-or-later
"""What the probe saw, without what differs from run to run: two containers are confined alike or they are not."""
from lib import kernel

VOLATILE = {"pid", "ppid", "mountinfo", "namespaces", "keyring", "cgroup", "ino", "dev", "clocks", "status", "results"}


def _plain(x):
    if isinstance(x, dict):
        return {k: _plain(v) for k, v in x.items() if k not in VOLATILE}
    return [_plain(v) for v in x] if isinstance(x, list) else x


def of(seen):
    """A comparable value; standard streams are the caller's files and say nothing."""
    plain = _plain(seen)
    plain["fds"] = [{k: v for k, v in f.items() if k in ("fd", "flags", "cloexec")} for f in plain.get("fds", [])]
    plain["mounts"] = sorted((m.target, m.fstype, m.root if m.fstype != "tmpfs" else "", sorted(m.options), sorted(m.optional))
                             for m in kernel.parse_mountinfo(seen["mountinfo"]))
    own = {kind: kernel.ns_inode("self", kind) for kind in seen["namespaces"] if kind in ("mnt", "net", "pid", "ipc", "uts", "cgroup", "user")}
    plain["own namespaces"] = sorted(kind for kind, inode in own.items() if seen["namespaces"][kind] != inode)
    if "net" not in plain["own namespaces"]:
        plain["interfaces"] = None  # the host's, where others are at work
    for number in ("pgid", "sid"):  # of the host's, where that is shared
        plain[number] = seen[number] == seen["pid"]
    plain["keyring"] = seen.get("keyring") not in (None, kernel.session_keyring())
    return plain


def difference(a, b, path=""):
    """Texts: where b is not as a."""
    if isinstance(a, dict) and isinstance(b, dict):
        return [t for k in sorted(set(a) | set(b)) for t in difference(a.get(k), b.get(k), f"{path}/{k}")]
    return [] if a == b else [f"{path}: {str(a)[:300]} became {str(b)[:300]}"]
