# SPDX-License-Identifier: GPL-2.0-or-later
"""`stats`: the table, the page on a terminal, JSON, the text for Prometheus; and what a look costs."""
import fcntl
import json
import os
import pty
import re
import resource
import select
import shutil
import signal
import struct
import subprocess
import termios
import time

import pytest
from lib import kernel
from lib.box import deadline, stop
from test_events import PRESSURE, check
from test_rootless import SETPRIV, UID, As

HEADER = ["ID", "CPU %", "MEM USAGE / LIMIT", "MEM %", "PIDS", "PSI C/M/I", "BLOCK I/O", "NET I/O", "STATUS"]
COUNTERS = {"bytes": int, "packets": int, "errors": int, "dropped": int}


def columns(line):
    return re.split(r"  +", line.strip())


def rows(text):
    """The last table of the output, by id."""
    table = text.rstrip("\n").split("\n\n")[-1].splitlines()
    assert columns(table[0]) == HEADER, table
    return {c[0]: dict(zip(HEADER, c)) for c in map(columns, table[1:])}


@pytest.mark.kernel
def test_table(box, make_box, orlop):
    """All that run; processor time of what is used between two looks."""
    busy, stopped = make_box(busybox=True), make_box()
    box.up()
    stopped.up()
    stopped.kill("KILL").ok()
    stopped.wait_stopped()
    busy.args("/bin/sh", "-c", "while :; do :; done")
    busy.create().ok()
    busy.start().ok()
    orlop("pause", box.id).ok()
    r = orlop("stats", "--no-stream", "--interval", "300ms").ok()
    seen = rows(r.out)
    assert list(seen) == [busy.id, box.id], "the busy one first, the stopped one not at all"
    assert "\033" not in r.out and r.err == ""
    assert float(seen[busy.id]["CPU %"].rstrip("%")) > 20 > float(seen[box.id]["CPU %"].rstrip("%"))
    assert seen[box.id]["STATUS"] == "paused" and seen[busy.id]["STATUS"] == "running"
    assert seen[box.id]["PIDS"].split("/")[0] == "1"
    assert list(rows(orlop("stats", "--no-stream", "--interval", "10ms", "--sort", "id").out)) == \
        sorted([busy.id, box.id])
    assert list(rows(orlop("stats", "--no-stream", "--interval", "10ms", box.id, box.id).out)) == [box.id]


def test_nothing_runs(orlop):
    assert rows(orlop("stats", "--no-stream", "--interval", "1ms").ok().out) == {}
    assert orlop("stats", "--no-stream", "-f", "json", "--interval", "1ms").json() == []
    assert orlop("stats", "-f", "openmetrics").ok().out == "# EOF\n"


@pytest.mark.kernel
def test_json(box, orlop):
    box.up()
    pressure = {"some": PRESSURE["some"], "full": PRESSURE["full"]}
    seen = orlop("stats", "--no-stream", "--format", "json", "--interval", "50ms").ok()
    assert seen.out.count("\n") == 1
    one, = json.loads(seen.out)
    spec = {
        "id": str, "status": str, "pid": int,
        "cpu": {"percent": (int, float), "usage": int, "user": int, "system": int, "periods": int,
                "throttledPeriods": int, "throttled": int, "quota": (int, type(None)),
                "period": (int, type(None)), "pressure": pressure},
        "memory": {"usage": int, "workingSet": int, "limit": (int, type(None)), "peak": int, "file": int, "anon": int,
                   "oomKills": int, "pressure": pressure},
        "swap": {"usage": int, "limit": (int, type(None))},
        "pids": {"current": int, "limit": (int, type(None))},
        "io": {"devices": list, "pressure": pressure},
        "network": {"*": {"received": COUNTERS, "transmitted": COUNTERS}},
    }
    for part in ("memory", "swap", "io"):
        if one[part] is None:   # no such controller
            spec[part] = type(None)
    for part in ("cpu", "memory", "io"):
        if one[part] and one[part]["pressure"] is None:
            spec[part]["pressure"] = type(None)
    check(one, spec)
    assert (one["id"], one["status"], one["pid"]) == (box.id, "running", box.pid)
    assert one["network"] == {}, "the loopback interface is left out"


@pytest.mark.parametrize("kind", ["joined", "none"])
def test_network_of_the_host_is_not_shown(box, orlop, kind):
    if kind == "none":
        box.linux["namespaces"] = [n for n in box.linux["namespaces"] if n["type"] != "network"]
    else:
        next(n for n in box.linux["namespaces"] if n["type"] == "network")["path"] = "/proc/self/ns/net"
    box.up()
    one, = orlop("stats", "--no-stream", "--format", "json", "--interval", "1ms").json()
    assert one["network"] is None


@pytest.mark.kernel
def test_network(box, orlop):
    """Counters of the container's interfaces, whatever they are called."""
    box.up()
    name = 'e"\\\x1b[1m'
    subprocess.run(["nsenter", "-t", str(box.pid), "-n", "sh", "-ec", """
        ip link add "$1" type veth peer name b0
        ip link set "$1" up; ip link set b0 up; ip addr add 10.9.9.1/24 dev "$1"
        ping -c 1 -W 1 10.9.9.2 >/dev/null 2>&1 || :""", "sh", name], check=True)
    kernel.until(lambda: orlop("stats", "--no-stream", "-f", "json", "--interval", "1ms").json()[0]["network"]
                 .get(name, {}).get("transmitted", {}).get("bytes"), deadline(10), "bytes are counted")
    text = orlop("stats", "-f", "openmetrics").ok().out
    labels = ("id", box.id), ("interface", r'e"\\\x1b[1m')
    assert samples(text)["container_network_transmit_packets_total", labels] > 0
    assert "\x1b" not in text
    seen = rows(orlop("stats", "--no-stream", "--interval", "1ms").out)[box.id]["NET I/O"]
    assert re.fullmatch(r"\d[\d.]*k?B / \d[\d.]*k?B", seen) and seen != "0B / 0B"


def test_without_a_cgroup(tmp):
    """An ordinary user's containers may have none: they are shown, without figures."""
    user = As(tmp, SETPRIV, UID)
    box = user.box()
    box.up()
    try:
        one, = user("stats", "--no-stream", "-f", "json", "--interval", "1ms").json()
        assert one == {"id": box.id, "status": "running", "pid": box.pid, "cpu": None, "memory": None, "swap": None,
                       "pids": None, "io": None, "network": None}
        row = rows(user("stats", "--no-stream", "--interval", "1ms", box.id).ok().out)[box.id]
        assert {row[k] for k in HEADER[1:-1]} == {"-"} and row["STATUS"] == "running"
        assert samples(user("stats", "-f", "openmetrics").ok().out).keys() == \
            {("container_last_seen", (("id", box.id),))}
        user("events", "--stats", box.id).failed("has no cgroup")
    finally:
        user.clean()


def samples(text):
    """{(name, ((label, value), ...)): number}; each family in one piece with its HELP and TYPE."""
    found, family, done = {}, None, set()
    lines = text.split("\n")
    assert lines[-2:] == ["# EOF", ""]
    for line in lines[:-2]:
        if line.startswith("# "):
            _, what, name, rest = line.split(" ", 3)
            assert what in ("HELP", "TYPE", "UNIT") and rest
            assert what != "UNIT" or name.endswith("_" + rest)
            if name != family:
                assert name not in done
                family = name
                done.add(name)
            continue
        m = re.fullmatch(r"([a-z_]+)\{((?:[a-z_]+=\"(?:[^\"\\]|\\[\\n\"])*\",?)*)\} (\d+(?:\.\d+)?)", line)
        assert m and m[1] == family, line
        labels = [(k, re.sub(r"\\(.)", lambda e: "\n" if e[1] == "n" else e[1], v))
                  for k, v in re.findall(r"([a-z_]+)=\"((?:[^\"\\]|\\.)*)\"", m[2])]
        key = (m[1], tuple(labels))
        assert key not in found, line
        found[key] = float(m[3])
    return found


def promtool(*args, text):
    program = shutil.which("promtool")
    if not program:
        pytest.skip("needs promtool")
    return subprocess.run([program, *args], input=text, capture_output=True, text=True)


ENGINES = {
    "containerd": ("io.kubernetes.cri.sandbox-namespace", "io.kubernetes.cri.sandbox-name",
                   "io.kubernetes.cri.container-name"),
    "CRI-O": ("io.kubernetes.pod.namespace", "io.kubernetes.pod.name", "io.kubernetes.container.name"),
}


@pytest.mark.parametrize("engine", ENGINES)
def test_openmetrics(box, make_box, orlop, engine):
    """Labels from annotations, whose text is the container's owner's; the names that people know."""
    odd = 'a"b\\c\nd\x1b[31m\u009be"} 1\u00e9'
    box.config["annotations"] = dict(zip(ENGINES[engine], ("kube", odd, "web")), other="x")
    box.up()
    make_box().up()
    r = orlop("stats", "--format", "openmetrics").ok()
    seen = samples(r.out)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", r.out)
    labels, = [dict(k[1]) for k in seen if k[0] == "container_cpu_usage_seconds_total" and ("id", box.id) in k[1]]
    assert labels == {"id": box.id, "namespace": "kube", "pod": 'a"b\\\\c\\nd\\x1b[31m\\u009be"} 1\u00e9',
                      "container": "web", "cpu": "total"}
    names = {k[0] for k in seen}
    assert {"container_cpu_usage_seconds_total", "container_cpu_user_seconds_total", "container_threads",
            "container_last_seen", "container_pressure_memory_waiting_seconds_total"} <= names
    assert len([k for k in seen if k[0] == "container_threads"]) == 2


def test_openmetrics_for_promtool(box, make_box, orlop):
    """Prometheus's own readers of both formats find nothing wrong."""
    box.config["annotations"] = {"io.kubernetes.cri.sandbox-name": 'po"d\\\n'}
    box.up()
    make_box().up()
    text = orlop("stats", "--format", "openmetrics").ok().out
    r = promtool("check", "metrics", text=text)
    assert (r.returncode, r.stdout + r.stderr) == (0, ""), r
    now = int(time.time())
    path = f"{orlop.tmp}/metrics"
    with open(path, "w") as f:  # this reader wants times
        f.write(re.sub(r"^([^#].*)$", rf"\1 {now}", text, flags=re.M))
    r = promtool("tsdb", "create-blocks-from", "openmetrics", path, f"{orlop.tmp}/blocks", text="")
    assert r.returncode == 0, r
    r = promtool("check", "metrics", text=text.replace("# HELP container_threads ", "# HELP other "))
    assert r.returncode != 0, "the check can fail"


@pytest.mark.kernel
@pytest.mark.needs_controllers("memory")
def test_openmetrics_of_memory(box, orlop):
    box.linux["resources"]["memory"] = {"limit": 64 << 20}
    box.up()
    seen = {k[0]: v for k, v in samples(orlop("stats", "-f", "openmetrics").ok().out).items()}
    assert seen["container_spec_memory_limit_bytes"] == 64 << 20
    assert 0 < seen["container_memory_working_set_bytes"] <= seen["container_memory_usage_bytes"] < 64 << 20
    assert seen["container_oom_events_total"] == 0
    row = rows(orlop("stats", "--no-stream", "--interval", "1ms").out)[box.id]
    assert row["MEM USAGE / LIMIT"].endswith(" / 64.0MiB") and row["MEM %"] != "-"


def test_stream_into_a_pipe(box, make_box, orlop):
    """Table after table, with those that come; the end of one that was named is the end."""
    box.up()
    every = orlop.popen("stats", "--interval", "50ms")
    named = orlop.popen("stats", "--interval", "50ms", "-f", "json", box.id)
    try:
        kernel.until(lambda: kernel.read(every.out_path).count("STATUS") > 2, deadline(10), "three tables")
        other = make_box()
        other.up()
        kernel.until(lambda: other.id in rows(kernel.read(every.out_path)), deadline(10), "the new one")
        other.kill("KILL").ok()
        kernel.until(lambda: other.id not in rows(kernel.read(every.out_path)), deadline(10), "without it")
        box.delete("--force").ok()
        r = orlop.finish(named)
        assert all(len(json.loads(x)) == 1 for x in r.ok().out.splitlines())
        box.up()    # the same name, another container
        kernel.until(lambda: box.id in rows(kernel.read(every.out_path)), deadline(10), "it is there again")
        assert every.poll() is None
    finally:
        stop(every)


def test_end_of_the_reader(box, orlop):
    box.up()
    reading, writing = os.pipe()
    p = orlop.popen("stats", "--interval", "1h", stdout=writing)
    os.close(writing)
    os.close(reading)
    try:
        assert p.wait(deadline(5)) == 0
    finally:
        stop(p)


def test_refused(box, orlop):
    orlop("stats", box.id).failed("does not exist")
    orlop("stats", "../x").failed("../x")
    box.up()
    box.kill("KILL").ok()
    box.wait_stopped()
    orlop("stats", "--no-stream", box.id).failed(f"container with id {box.id} is not running", "stopped")
    orlop("stats", "--sort", "size").failed("size", "none of cpu|memory")
    orlop("stats", "--format", "yaml").failed("yaml", "none of table|json")
    orlop("stats", "--interval", "0").failed("greater than 0")
    orlop("stats", "-f", "openmetrics", "--interval", "1s").failed("no meaning")


def test_one_that_cannot_be_read(box, make_box, orlop):
    """It is told once, and the others are shown."""
    bad = make_box()
    box.up()
    bad.up()
    path = f"{orlop.root}/{bad.id}/state.json"
    whole = kernel.read(path)
    with open(path, "w") as f:
        f.write("{")
    p = orlop.popen("stats", "--interval", "20ms", "-f", "json")
    kernel.until(lambda: kernel.read(p.out_path).count("\n") > 5, deadline(10), "some looks")
    stop(p)
    assert bad.id in kernel.read(p.err_path) and kernel.read(p.err_path).count("\n") == 1
    assert {x["id"] for x in json.loads(kernel.read(p.out_path).splitlines()[0])} == {box.id}
    with open(path, "w") as f:
        f.write(whole)


def test_few_descriptors(make_box, orlop):
    """More containers than can be kept open: all are shown, with their processor time."""
    boxes = [make_box() for _ in range(4)]
    for b in boxes:
        b.up()
    p = orlop.popen("stats", "--interval", "50ms", "-f", "json",
                    preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (70, 70)))
    try:
        kernel.until(lambda: kernel.read(p.out_path).count("\n") > 2, deadline(10), "some looks")
        assert len(os.listdir(f"/proc/{p.pid}/fd")) < 50
    finally:
        stop(p)
    seen = json.loads(kernel.read(p.out_path).splitlines()[1])
    assert [x["id"] for x in seen] == sorted(b.id for b in boxes)
    assert all(x["cpu"]["percent"] is not None for x in seen)
    assert kernel.read(p.err_path) == ""


def test_cost(make_box, orlop):
    """Less than half a millisecond of processor time for a container and a look."""
    n, looks = 20, 20
    for _ in range(n):
        make_box().up()
    p = orlop.popen("stats", "--interval", "20ms")

    def spent():
        """Lines and nanoseconds so far."""
        return kernel.read(p.out_path).count("STATUS"), int(kernel.read(f"/proc/{p.pid}/schedstat").split()[0])
    try:
        kernel.until(lambda: spent()[0] > 2, deadline(10), "it looks")
        first, begin = spent()
        kernel.until(lambda: spent()[0] > first + looks, deadline(20), "it looks")
        last, end = spent()
    finally:
        stop(p)
    cost = (end - begin) / 1e6 / (last - first) / n
    print(f"{cost:.3f} ms for a container and a look")
    assert cost < deadline(0.5)


# ---- on a terminal ------------------------------------------------------------------------------


class Page:
    """The command on a terminal of its own."""

    def __init__(self, orlop, *args, size=(24, 120), env=None):
        self.master, slave = pty.openpty()
        self.resize(*size)
        self.before = termios.tcgetattr(slave)
        self.text, self.seen = "", 0
        os.set_blocking(self.master, False)
        self.p = orlop.popen("stats", *args, stdin=slave, stdout=slave,
                             env={**orlop.env, "TERM": "xterm", **(env or {})}, start_new_session=True,
                             preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.slave = slave

    def resize(self, lines, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read(self):
        try:
            self.text += os.read(self.master, 1 << 16).decode()
        except BlockingIOError:
            pass
        return self.text

    def wait(self, word):
        """The text since the last call, as soon as that word is in it."""
        kernel.until(lambda: re.search(word, self.read()[self.seen:], re.S), deadline(10), word)
        begin, self.seen = self.seen, len(self.text)
        return self.text[begin:]

    def key(self, key):
        os.write(self.master, key.encode())

    def end(self, rc=0):
        assert self.p.wait(deadline(10)) == rc
        self.read()
        assert self.text.startswith("\033[?1049h\033[?25l") and self.text.endswith("\033[?25h\033[?1049l")
        assert termios.tcgetattr(self.slave) == self.before
        self.close()

    def close(self):
        stop(self.p)
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def page(orlop):
    pages = []

    def make(*args, **kw):
        pages.append(Page(orlop, *args, **kw))
        return pages[-1]
    yield make
    for p in pages:
        stop(p.p)


@pytest.mark.parametrize("how, rc", [("q", 0), ("\x03", 0), (signal.SIGINT, 0), (signal.SIGTERM, 143),
                                     (signal.SIGHUP, 129), ("\x1c", 131)])
def test_page_ends(box, page, how, rc):
    """With the terminal as it was, and what was on it."""
    box.up()
    p = page("--interval", "50ms")
    text = p.wait(box.id)
    assert "\033[1mID" in text and "q end" in text
    assert not termios.tcgetattr(p.slave)[3] & (termios.ICANON | termios.ECHO)
    if isinstance(how, str):
        p.key(how)
    else:
        p.p.send_signal(how)
    p.end(rc)


def test_page_follows_size_keys_and_time(box, make_box, page):
    other = make_box()
    box.up()
    p = page("--interval", "100ms")
    assert "NET I/O" in p.wait(r"1 container;.*STATUS")
    p.resize(24, 60)
    text = p.wait(r"\033\[H")
    text = p.wait(r"\033\[H.*\033\[J")
    assert "NET I/O" not in text.split("\033[H")[-1] and "MEM" in text
    for line in text.split("\033[H")[-1].split("\033[K"):
        assert len(re.sub(r"\033\[[0-9;]*[a-zA-Z]|[\r\n]", "", line)) <= 60, line
    p.key("i")
    p.wait("sorted by id")
    p.key("m")
    p.wait("sorted by memory")
    other.up()
    p.wait("2 containers")
    p.resize(3, 20)
    p.wait("2 more")
    p.resize(1, 1)
    p.wait(r"\033\[H")
    p.key("q")
    p.end()


def test_page_of_named_ones_ends_with_them(box, page):
    box.up()
    p = page("--interval", "50ms", box.id)
    p.wait(box.id)
    box.delete("--force").ok()
    p.end()


def test_page_is_stopped(box, page):
    """Ctrl-Z gives the shell its terminal back."""
    box.up()
    p = page("--interval", "50ms")
    p.wait(box.id)
    p.key("\x1a")
    kernel.until(lambda: kernel.stat_fields(p.p.pid)[0] == "T", deadline(5), "it is stopped")
    assert termios.tcgetattr(p.slave) == p.before
    p.p.send_signal(signal.SIGCONT)
    p.wait(r"1049h[^$]*" + re.escape(box.id))
    p.key("q")
    p.end()


@pytest.mark.parametrize("env, colour, page_mode", [({}, True, True), ({"NO_COLOR": "1"}, False, True),
                                                    ({"NO_COLOR": ""}, True, True), ({"TERM": "dumb"}, False, False)])
def test_colour(box, page, env, colour, page_mode):
    box.up()
    p = page("--interval", "50ms", env=env)
    text = p.wait(box.id)
    assert ("\033[1m" in text) == colour
    assert ("\033[?1049h" in text) == page_mode
    if not page_mode:
        assert "\033" not in text
        p.p.terminate()
        p.p.wait()
        p.close()
        return
    p.key("q")
    p.end()


def test_no_keys_from_a_pipe(box, page, orlop):
    """The page is drawn although nobody can type."""
    box.up()
    master, slave = pty.openpty()
    p = orlop.popen("stats", "--interval", "50ms", stdout=slave, env={**orlop.env, "TERM": "xterm"})
    os.set_blocking(master, False)
    try:
        kernel.until(lambda: select.select([master], [], [], 0)[0], deadline(5), "a page")
        time.sleep(0.1)
        assert box.id in os.read(master, 1 << 16).decode() and p.poll() is None
        p.terminate()
        assert p.wait(deadline(5)) == 143
    finally:
        stop(p)
        os.close(master)
        os.close(slave)
