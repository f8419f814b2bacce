# SPDX-License-Identifier: GPL-2.0-or-later
"""linux.netDevices: interfaces as `ip` shows them on the host and in the namespace of the container."""
import json
import os
import subprocess

import pytest
from lib import config as conf
from lib import kernel
from lib.box import PROGRAM

pytestmark = [pytest.mark.kernel, pytest.mark.one_vm]

TAG = f"o{os.getpid() % 100000:x}"  # interface names are short


def ip(*args, pid=None, fail=False):
    """ip -j, on the host or in the network namespace of a process."""
    argv = ["ip", "-j", *args]
    if pid:
        argv = ["nsenter", f"--net=/proc/{pid}/ns/net", *argv]
    r = subprocess.run(argv, capture_output=True, text=True)
    assert fail or r.returncode == 0, (argv, r.stderr)
    return json.loads(r.stdout) if r.stdout.strip() else []


def link(name, pid=None):
    """The interface, or None."""
    found = [x for x in ip("-d", "addr", "show", pid=pid) if x["ifname"] == name]
    return found[0] if found else None


def names(pid):
    return sorted(x["ifname"] for x in ip("link", "show", pid=pid))


def addresses(x):
    """Permanent and global ones: (family, local, peer, length, broadcast, label)."""
    return sorted((a["family"], a["local"], a.get("address", ""), a["prefixlen"], a.get("broadcast", ""),
                   a.get("label", ""))
                  for a in x["addr_info"] if a["scope"] == "global" and not a.get("dynamic"))


@pytest.fixture
def pair():
    """A veth pair on the host: the first end is given away, the second stays."""
    a, b = f"{TAG}a", f"{TAG}b"
    ip("link", "add", a, "type", "veth", "peer", "name", b)
    yield a, b
    for name in (a, b):
        ip("link", "del", name, fail=True)


def give(box, **devices):
    box.linux["netDevices"] = {k: ({"name": v} if v else {}) for k, v in devices.items()}


# ---- moved

@pytest.mark.spec("CL-043", "CL-044")
@pytest.mark.spec("CL-039")
def test_moved_and_up(box, pair):
    a, b = pair
    before = link(a)
    ip("link", "set", a, "mtu", "1234", "alias", "words", "address", "02:00:00:00:00:07")
    give(box, **{a: None})
    box.up()
    assert link(a) is None and link(b)
    x = link(a, box.pid)
    assert "UP" in x["flags"] and "UP" not in before["flags"]
    assert (x["mtu"], x["ifalias"], x["address"]) == (1234, "words", "02:00:00:00:00:07")
    assert names(box.pid) == ["lo", a]


@pytest.mark.spec("CL-043")
def test_addresses_of_all_families(box, pair):
    a, b = pair
    for word in ("10.99.7.1/24", "10.99.7.2/24", "10.98.0.1/30"):
        ip("addr", "add", word, "brd", "+", "dev", a)
    ip("addr", "add", "10.97.0.1", "peer", "10.97.0.2", "dev", a)
    ip("addr", "add", "10.96.0.1/24", "dev", a, "label", f"{a}:x")
    ip("addr", "add", "fd99::1/64", "dev", a, "nodad")
    ip("addr", "add", "fd98::1/128", "dev", a, "nodad", "preferred_lft", "0")
    # not kept: with a lifetime, and of the link alone
    ip("addr", "add", "10.95.0.1/24", "dev", a, "valid_lft", "900", "preferred_lft", "900")
    ip("addr", "add", "10.94.0.1/24", "dev", a, "scope", "link")
    ip("link", "set", a, "up")
    before = addresses(link(a))
    assert len(before) == 7
    give(box, **{a: "eth7"})
    box.up()
    x = link("eth7", box.pid)
    expected = sorted((*t[:5], t[5].replace(a, "eth7")) for t in before)
    assert addresses(x) == expected
    assert ("inet", "10.96.0.1", "", 24, "", "eth7:x") in expected
    assert all(y["local"] not in ("10.95.0.1", "10.94.0.1") for y in x["addr_info"])
    assert [y["deprecated"] for y in x["addr_info"] if y["local"] == "fd98::1"] == [True]
    assert "UP" in x["flags"]


def test_it_carries_packets(box, pair):
    a, b = pair
    ip("addr", "add", "10.99.8.1/24", "dev", a)
    ip("addr", "add", "10.99.8.2/24", "dev", b)
    ip("link", "set", b, "up")
    give(box, **{a: "eth0"})
    box.up()
    kernel.until(lambda: link(b)["operstate"] == "UP")
    r = subprocess.run(["busybox", "ping", "-c", "1", "-W", "5", "10.99.8.1"], capture_output=True, text=True)
    assert r.returncode == 0, r


def test_renamed_crosswise(box):
    """Each gets the other's name: the name on the host does not matter."""
    a, b, c, d = (f"{TAG}{x}" for x in "abcd")
    ip("link", "add", a, "type", "veth", "peer", "name", c)
    ip("link", "add", b, "type", "veth", "peer", "name", d)
    try:
        ip("link", "set", a, "mtu", "1300")
        give(box, **{a: b, b: a})
        box.up()
        assert link(b, box.pid)["mtu"] == 1300
        assert link(a, box.pid)["mtu"] == 1500
    finally:
        for name in (c, d):
            ip("link", "del", name)


@pytest.mark.spec("CL-042")
def test_template(box, pair):
    a, _ = pair
    give(box, **{a: "net%d"})
    box.up()
    assert names(box.pid) == ["lo", "net0"]


@pytest.fixture
def namespace(make_box):
    """The network namespace of another container, by path; it has eth0 and eth1."""
    other = make_box()
    other.up()
    ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth1", pid=other.pid)
    return other


@pytest.mark.spec("CL-042")
def test_template_where_names_are_taken(box, namespace, pair):
    a, _ = pair
    conf.namespace(box.config, "network", f"/proc/{namespace.pid}/ns/net")
    ip("addr", "add", "10.99.9.1/24", "dev", a)
    give(box, **{a: "eth%d"})
    box.up()
    assert names(box.pid) == ["eth0", "eth1", "eth2", "lo"]
    assert addresses(link("eth2", box.pid))[0][1] == "10.99.9.1"
    assert addresses(link("eth2", box.pid))[0][5] == "eth2"


def test_current_name_is_taken_there(box, namespace, pair):
    a, b = pair
    ip("link", "set", "eth1", "name", a, pid=namespace.pid)
    conf.namespace(box.config, "network", f"/proc/{namespace.pid}/ns/net")
    give(box, **{a: "mine"})
    box.up()
    assert names(box.pid) == ["eth0", "lo", "mine", a]


def test_user_namespace(box, pair):
    a, _ = pair
    conf.userns(box.config, 200000)
    ip("addr", "add", "10.99.10.1/24", "dev", a)
    give(box, **{a: "eth0"})
    box.up()
    x = link("eth0", box.pid)
    assert addresses(x)[0][1] == "10.99.10.1" and "UP" in x["flags"]


def test_there_when_hooks_run(box, pair):
    a, _ = pair
    out = f"{box.bundle}/seen"
    box.config["hooks"] = {"createRuntime": [{
        "path": "/bin/sh", "args": ["sh", "-c", 'pid=$(sed "s/.*\\"pid\\":\\([0-9]*\\).*/\\1/"); '
                                    f"cat /proc/$pid/net/dev > {out}"]}]}
    give(box, **{a: "eth0"})
    box.up()
    assert "eth0:" in kernel.read(out)


@pytest.mark.spec("CL-045")
def test_exec_and_delete_do_not_touch_it(box, pair):
    a, b = pair
    give(box, **{a: "eth0"})
    box.up()
    ip("link", "set", "eth0", "down", "mtu", "1400", pid=box.pid)
    box.exec().ok()
    x = link("eth0", box.pid)
    assert x["mtu"] == 1400 and "UP" not in x["flags"]
    box.delete("--force").ok()
    kernel.until(lambda: link(b) is None)  # the kernel destroys what is virtual
    assert link(a) is None


# ---- undone

def test_given_back_when_create_fails(box, pair):
    a, b = pair
    ip("addr", "add", "10.99.11.1/24", "dev", a)
    ip("addr", "add", "fd99::1/64", "dev", a, "nodad")
    ip("link", "set", a, "up", "mtu", "1350")
    before = link(a)
    give(box, **{a: "eth0"})
    box.config["hooks"] = {"createRuntime": [{"path": "/bin/false"}]}
    box.refused("hook")
    after = link(a)
    assert addresses(after) == addresses(before)
    for key in ("ifname", "mtu", "address"):
        assert after[key] == before[key]
    assert "UP" in after["flags"]


def test_all_are_given_back_when_one_fails(box, pair):
    a, _ = pair
    bridge = f"{TAG}br"
    ip("link", "add", bridge, "type", "bridge")
    try:
        give(box, **{a: "eth0", bridge: "eth1"})
        box.refused(f"/linux/netDevices/{bridge}/name", "move it into")
        assert link(a) and link(bridge)
        assert "UP" not in link(a)["flags"]
    finally:
        ip("link", "del", bridge)


# ---- refused

@pytest.mark.spec("CL-040")
def test_missing(box):
    give(box, **{f"{TAG}none": None})
    box.refused(f"/linux/netDevices/{TAG}none", "no interface of this name")


@pytest.mark.spec("CL-040")
def test_loopback(box):
    give(box, lo="eth0")
    box.refused("/linux/netDevices/lo", "cannot be moved")


@pytest.mark.spec("CL-041")
def test_name_exists(box, namespace, pair):
    a, _ = pair
    conf.namespace(box.config, "network", f"/proc/{namespace.pid}/ns/net")
    give(box, **{a: "eth1"})
    box.refused(f"/linux/netDevices/{a}/name", "eth1 already", "%d")
    assert link(a)
    assert names(namespace.pid) == ["eth0", "eth1", "lo"]


@pytest.mark.spec("CL-041")
def test_lo_exists_in_every_namespace(box, pair):
    give(box, **{pair[0]: "lo"})
    box.refused(f"/linux/netDevices/{pair[0]}/name", "`lo` already")


@pytest.mark.spec("CL-040")
def test_network_of_the_host(box, pair):
    a, _ = pair
    conf.without_namespace(box.config, "network")
    give(box, **{a: None})
    box.refused("/linux/netDevices", "network")
    i = len(box.linux["namespaces"])
    conf.namespace(box.config, "network", "/proc/self/ns/net")
    box.refused(f"/linux/namespaces/{i}/path", "host's own network", "netDevices")
    assert link(a)


def test_rootless(box, orlop, pair):
    a, _ = pair
    conf.userns(box.config, 1000, size=1)
    conf.without_namespace(box.config, "cgroup")
    box.linux.pop("resources")
    give(box, **{a: None})
    box.write()
    os.mkdir(f"{orlop.tmp}/user", 0o700)
    os.chown(f"{orlop.tmp}/user", 1000, 1000)
    r = subprocess.run(["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "--inh-caps=-all",
                        PROGRAM, "--root", f"{orlop.tmp}/user/state", "create", "-b", box.bundle,
                        box.id], capture_output=True, text=True)
    assert r.returncode == 1 and "/linux/netDevices" in r.stderr and "rootless" in r.stderr, r
    assert os.listdir(f"{orlop.tmp}/user") == []
    assert link(a)


@pytest.mark.spec("CL-041")
@pytest.mark.parametrize("devices, words", [
    ({"": {}}, ["/linux/netDevices/", "empty"]),
    ({"a/b": {}}, ["/linux/netDevices/a~1b", "slash"]),
    ({"sixteen-bytes-xx": {}}, ["/linux/netDevices/sixteen-bytes-xx", "15 bytes"]),
    ({f"{TAG}x": {"name": ".."}}, [f"/linux/netDevices/{TAG}x/name"]),
    ({f"{TAG}x": {"name": "a b"}}, [f"/linux/netDevices/{TAG}x/name", "white space"]),
    ({f"{TAG}x": {"name": "a%d%d"}}, [f"/linux/netDevices/{TAG}x/name", "%d"]),
    ({f"{TAG}x": {"name": "z"}, f"{TAG}y": {"name": "z"}}, [f"/linux/netDevices/{TAG}y/name", "both"]),
])
def test_names_that_cannot_be(box, devices, words):
    box.linux["netDevices"] = devices
    box.refused(*words)
