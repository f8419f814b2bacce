# SPDX-License-Identifier: GPL-2.0-or-later
"""
The table for promise P2: what a process of ours may have, at each of its system calls.

A row says of which processes at which time it holds, and what is wrong there, or None.  The parent is role "0"; all
others are what it makes: launcher, container process, holder of a user namespace.  Their time is told from their own
calls: "setup", after pivot_root(2) "inside", after it gave up descriptors or capabilities "closed".
"""
import stat


class Seen:
    """One report, and what is known of its process from before."""

    def __init__(self, event, time, cloned, request):
        self.event, self.time, self.cloned, self.request = event, time, cloned, request
        self.parent = event["role"] == "0"
        self.in_pidns = len(event["pids"]) > 1
        # a process that others may see: in a pid namespace that was there before, or wherever the host's is shared
        self.joined = event["ns"]["pid"] in request.pid_namespaces
        self.visible = self.joined or (self.in_pidns and time == "closed")
        inside = event["root"].get("dev"), event["root"].get("ino")
        self.root_inside = inside == request.rootfs
        self.root_empty = event["root"]["tree"] == "none" or (event["root"].get("fs") == 0x9fa0)


class Request:
    """What was asked for, and what nobody may learn."""

    def __init__(self, rootfs, secrets, caps, bounding, nnp=1, pid_namespaces=(), rootless=False, keep=3):
        self.rootfs, self.secrets, self.caps, self.bounding, self.nnp = rootfs, secrets, caps, bounding, nnp
        self.pid_namespaces, self.rootless, self.keep = set(pid_namespaces), rootless, keep


def is_memfd(o):
    return o["link"].startswith("/memfd:")


def of_the_host(s, fd):
    """A name, or a place from which names can be reached, outside the container."""
    if "mode" not in fd or fd["fd"] < s.request.keep:
        return False
    kind = stat.S_IFMT(fd["mode"])
    if kind in (stat.S_IFSOCK, stat.S_IFIFO) or is_memfd(fd) or fd["link"].startswith("anon_inode:"):
        return False
    return fd["tree"] == "host" or not s.root_inside or fd["tree"] == "none"


# ---- rows ------------------------------------------------------------------------------------------


def dark(s):
    """R10: not dumpable; who has no privilege must be to write its id maps, and then has nothing of the host."""
    if s.event.get("dumpable", -1) == 1:
        return "dumpable"


def closed_to_others(s):
    """R8b: a process of uid 0 without a capability does not see its files."""
    if s.event["asked"] == 0:
        return f"/proc/PID/root is open to uid 0 without capabilities: {s.event['root']['link']}"


def _secrets(s, what):
    return {f"{what} says {secret}" for secret in s.request.secrets if secret in s.event[what]}


def no_environment(s):
    """R10: nothing of the caller's environment."""
    return _secrets(s, "environ")


def no_command_line(s):
    """R10: no paths of the host; on the host it is everybody's."""
    return _secrets(s, "cmdline")


def no_descriptors(s):
    """R8: no directory, device, file or O_PATH descriptor of the host."""
    return {f"descriptor of {f['link']} ({f['tree']})" for f in s.event["fds"] if of_the_host(s, f)}


def root_and_cwd(s):
    """R8: root and directory are the container's."""
    if not s.root_inside:
        return f"root is {s.event['root']['link']} ({s.event['root']['tree']})"
    if s.event["cwd"]["tree"] != "own" or s.event["cwd"]["link"].startswith("(unreachable)"):
        return f"cwd is {s.event['cwd']['link']} ({s.event['cwd']['tree']})"


def exe_is_copy(s):
    """R8: a sealed copy in memory, or a file that nobody can write."""
    exe = s.event["exe"]
    if not is_memfd(exe) and not (exe["tree"] == "none" and exe["readonly"]):
        return f"exe is {exe['link']} ({exe['tree']})"


def only_requested_caps(s):
    """R8a: privileges are gone before it is visible."""
    inh, prm, eff, bnd, amb = s.event["caps"]
    if (prm | eff | inh | amb) & ~s.request.caps:
        return f"capabilities: permitted {prm:x} effective {eff:x} inheritable {inh:x} ambient {amb:x}"
    if bnd & ~s.request.bounding:
        return f"bounding set: {bnd:x}"
    if s.event["no_new_privs"] < s.request.nnp:
        return "no_new_privs is not set"


def holder_is_empty(s):
    """R8b: a process that only keeps a user namespace has no descriptor but its pipe, and an empty root."""
    left = [f["link"] for f in s.event["fds"] if stat.S_IFMT(f.get("mode", 0)) not in (stat.S_IFIFO, stat.S_IFSOCK)]
    if left:
        return f"descriptors: {left}"
    if not s.root_empty:
        return f"root is {s.event['root']['link']}"


def child(s):
    return not s.parent


def child_of_root(s):
    return not s.parent and not s.request.rootless


def all_once_cloned(s):
    return not s.parent or s.cloned


def visible(s):
    return not s.parent and s.visible


def joined(s):
    return not s.parent and s.joined


ROWS = [
    (dark, child_of_root),
    (dark, lambda s: s.parent and s.cloned and not s.request.rootless),
    (dark, lambda s: child(s) and s.request.rootless and s.visible),
    (closed_to_others, lambda s: not s.request.rootless),
    (no_environment, all_once_cloned),
    (no_command_line, visible),
    (no_descriptors, visible),
    (root_and_cwd, visible),
    (exe_is_copy, visible),
    (only_requested_caps, joined),
]


def _times(events):
    """Each call with the time of its process, and whether the parent has cloned by then."""
    time, cloned = {}, False
    for event in events:
        role, call = event["role"], event["call"]
        now = time.setdefault(role, time.get(role.rpartition(".")[0], "setup"))
        if now == "closing" and call != "close_range":
            now = time[role] = "closed"
        yield event, now, cloned
        if call == "pivot_root":
            time[role] = "inside"
        elif call in ("close_range", "capset") and now == "inside":
            time[role] = "closing"
        cloned = cloned or (role == "0" and call in ("clone3", "clone", "fork", "vfork"))


def check(run, request, rows=ROWS):
    """Texts: what of a run with `*:*=report` is against the table, each finding once with its first and last call."""
    found = {}
    for event, time, cloned in _times(run.calls()):
        s = Seen(event, time, cloned, request)
        for what, where in rows:
            texts = (what(s) or ()) if where(s) else ()
            for text in {texts} if isinstance(texts, str) else texts:
                found.setdefault((event["role"], what.__name__, text), []).append(f"{event['k']} {event['call']}")
    return [f"process {role}, {what}: {text}: at {len(at)} calls, {at[0]} to {at[-1]}" for (role, what, text), at in found.items()]


def holders(run):
    """Roles of processes that had a user namespace of their own, and ended without executing anything."""
    ours = run.calls("0")[0]["ns"]["user"]
    executed = {e["role"] for e in run.events if e["event"] == "exec"}
    return {c["role"] for c in run.calls() if c["ns"]["user"] != ours} & set(run.ends()) - executed
