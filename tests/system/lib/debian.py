# SPDX-License-Identifier: GPL-2.0-or-later
"""
A Debian root file system with python3, as an image would bring it: made once by mmdebstrap from this
machine's mirror (a minute or two), and kept in $ORLOP_TEST_CACHE, /var/tmp/orlop-tests by default.
To have it beforehand: /usr/bin/python3 tests/system/lib/debian.py
"""
import fcntl
import os
import re
import shutil
import subprocess
import sys

CACHE = os.environ.get("ORLOP_TEST_CACHE", "/var/tmp/orlop-tests")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
VERSION = 1  # of what is in it


def _suite():
    with open("/etc/os-release") as f:
        found = re.search(r"^VERSION_CODENAME=(\w+)", f.read(), re.M)
    return found[1] if found else "stable"


def _mirror():
    """The archive that apt uses here."""
    r = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)",
                        "Created-By: Packages"], capture_output=True, text=True)
    uris = [u for u in r.stdout.split() if u.rstrip("/").endswith("/debian")]
    assert uris, "apt knows no archive of Debian: see sources.list(5)"
    return uris[0]


def cached():
    """The directory if it is there, or None."""
    for suite in (_suite(), "bookworm", "trixie"):
        path = f"{CACHE}/debian-{suite}-{VERSION}"
        if os.path.isdir(path):
            return path
    return None


def rootfs():
    """The directory, which nobody changes; it is made if need be, by one process at a time."""
    os.makedirs(CACHE, exist_ok=True)
    with open(f"{CACHE}/lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not cached():
            _make(f"{CACHE}/debian-{_suite()}-{VERSION}")
    return cached()


def _make(path):
    new = f"{path}.new"
    shutil.rmtree(new, ignore_errors=True)
    options = [f"--aptopt={o}" for o in ('Acquire::Check-Valid-Until "false"',
                                         'Acquire::Check-Date "false"',
                                         'Acquire::Languages "none"')]
    options += [f"--dpkgopt=path-exclude=/usr/share/{d}/*" for d in ("doc", "man", "locale")]
    subprocess.run(["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase",
                    "--include=python3", *options, _suite(), new,
                    f"deb [signed-by={KEYRING}] {_mirror()} {_suite()} main"],
                   check=True, stdin=subprocess.DEVNULL, timeout=900)
    os.rename(new, path)


if __name__ == "__main__":
    print(rootfs())
    sys.exit(0)
