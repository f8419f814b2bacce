# SPDX-License-Identifier: GPL-2.0-or-later
"""
The runtimes to compare with.  On Debian: the newest packaged crun and runc, unpacked with all their
libraries in a directory of ours, nothing installed; besides, those that are installed here.
"""
import glob
import os
import re
import shutil
import subprocess
import sys

NAMES = ("crun", "runc", "youki", "runsc")  # they have one command line
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def warn(text):
    print("bench: " + text, file=sys.stderr)


def apt_mirror():
    out = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"],
                         capture_output=True, text=True).stdout
    return next((line for line in out.split() if line.endswith("/debian/")), None)


def fetch(cache, suite):
    """Unpack crun and runc of a Debian suite below @cache; the directory of it, or None."""
    root = os.path.join(cache, "peers-" + suite)
    if os.path.exists(root + "/complete"):
        return root
    if not shutil.which("apt-get") or not os.path.exists(KEYRING) or not apt_mirror():
        warn("no Debian mirror known here: only the installed runtimes are compared")
        return None
    shutil.rmtree(root, ignore_errors=True)
    for name in ("lists/partial", "archives/partial"):
        os.makedirs(os.path.join(root, name))
    with open(root + "/sources.list", "w") as f:
        f.write("deb [signed-by=%s] %s %s main\n" % (KEYRING, apt_mirror(), suite))
    with open(root + "/apt.conf", "w") as f:
        f.write("""Dir::Etc::SourceList "%s/sources.list"; Dir::Etc::SourceParts "/dev/null";
Dir::State::Lists "%s/lists"; Dir::State::Status "/dev/null"; Dir::Cache "%s";
Acquire::Languages "none"; APT::Sandbox::User "root"; APT::Install-Recommends "false";
""" % (root, root, root))
    env = dict(os.environ, APT_CONFIG=root + "/apt.conf", LC_ALL="C")
    for words in (["update"], ["-y", "--download-only", "install", "crun", "runc"]):
        r = subprocess.run(["apt-get", "-qq"] + words, env=env, capture_output=True, text=True)
        if r.returncode:
            warn("crun and runc of %s cannot be had: %s" % (suite, r.stderr.strip()))
            return None
    for package in glob.glob(root + "/archives/*.deb"):
        subprocess.run(["dpkg-deb", "-x", package, root + "/root"], check=True)
    shutil.rmtree(root + "/lists")
    shutil.rmtree(root + "/archives")
    open(root + "/complete", "w").close()
    return root


def library_directory(root):
    """Where the unpacked C library is, as a path below /, or None."""
    found = root and glob.glob(root + "/root/usr/lib/*/libc.so.6")
    return os.path.dirname(found[0])[len(root) + len("/root"):] if found else None


def add_libraries(root, program):
    """What an installed, dynamic program needs besides: older libraries run on a newer C library."""
    where = root + "/root" + library_directory(root)
    out = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
    for path in re.findall(r"=> (/\S+)", out):
        if not os.path.exists(os.path.join(where, os.path.basename(path))):
            shutil.copy(path, where)


def version(path):
    """From the program's own mouth, e.g. `crun version 1.28`."""
    try:
        out = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(r"version:? v?(\d[\w.]*)", out)
    return found.group(1) if found else ""


def unpacked_version(root, path):
    loader = glob.glob(root + "/root" + library_directory(root) + "/ld-linux*.so.*")
    if not loader:
        return ""
    out = subprocess.run([loader[0], "--library-path", os.path.dirname(loader[0]), path, "--version"],
                         capture_output=True, text=True).stdout
    found = re.search(r"version:? v?(\d[\w.]*)", out)
    return found.group(1) if found else ""


def find(root, more=()):
    """A list of (name, version, path): unpacked, installed, and @more of the form NAME=PATH."""
    found, installed = [], [(name, shutil.which(name)) for name in NAMES]
    for text in more:
        name, _, path = text.partition("=")
        if not name or not os.access(path, os.X_OK):
            raise SystemExit("bench: --peer %s: not NAME=PATH with the path of a program" % text)
        installed.append((name, path))
    for name in NAMES:
        for path in sorted(glob.glob("%s/root/usr/*bin/%s" % (root, name)) if root else [])[:1]:
            found.append((name, unpacked_version(root, path), path))
    for name, path in installed:
        if path:
            found.append((name, version(path), os.path.realpath(path)))
            if root:
                add_libraries(root, path)
    return found
