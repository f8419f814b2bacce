#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Makes a machine one of several (`lab cluster`), and runs commands on the others. It is root's shell without a password,
for a network that nobody else is on.

    node.py NUMBER COUNT        become node NUMBER of COUNT; returns on the first, when all others are there
    on NODE COMMAND [ARG...]    run it as root on that node; with its output and exit status, once it has ended
"""
import fcntl
import json
import os
import pathlib
import shutil
import socket
import socketserver
import subprocess
import sys
import time

NETWORK = "10.77.0"
PORT = 77
RNDRESEEDCRNG = 0x5207  # random(4)
KEEPALIVE = {socket.TCP_KEEPIDLE: 10, socket.TCP_KEEPINTVL: 5, socket.TCP_KEEPCNT: 5}  # one that is off does not say so


def on(node, *args, stdin=b"", timeout=300):
    """subprocess.run(args, capture_output=True) there. OSError: there is nobody."""
    with socket.create_connection((node, PORT), timeout) as connection, connection.makefile("rw") as stream:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in KEEPALIVE.items():
            connection.setsockopt(socket.IPPROTO_TCP, option, value)
        stream.write(json.dumps({"args": args, "stdin": stdin.decode("latin1")}) + "\n")
        stream.flush()
        line = stream.readline()
    if not line:
        raise ConnectionError(f"{node} ended the connection")
    rc, out, err = json.loads(line)
    return subprocess.CompletedProcess(args, rc, out.encode("latin1"), err.encode("latin1"))


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


class Request(socketserver.StreamRequestHandler):
    def handle(self):
        request = json.loads(self.rfile.readline())
        try:
            run = subprocess.run(request["args"], input=request["stdin"].encode("latin1"), capture_output=True)
            rc, out, err = run.returncode, run.stdout.decode("latin1"), run.stderr.decode("latin1")
        except OSError as e:
            rc, out, err = 127, "", f"{e}\n"
        self.wfile.write(json.dumps([rc if rc >= 0 else 128 - rc, out, err]).encode() + b"\n")


def become(number, count):
    """What the saved machine had, and all resumed from it would share."""
    with open("/dev/urandom", "wb", buffering=0) as random:
        random.write(f"{number} {time.time_ns()}".encode())
        fcntl.ioctl(random, RNDRESEEDCRNG)
    name = f"node{number}"
    socket.sethostname(name)
    pathlib.Path("/etc/hostname").write_text(f"{name}\n")
    pathlib.Path("/etc/machine-id").write_text(f"6c61626c61626c61626c61626c61{number:04x}\n")
    pathlib.Path("/var/lib/docker/engine-id").unlink(missing_ok=True)  # of a dockerd that starts from now on
    nodes = "".join(f"{NETWORK}.{n} node{n}\n" for n in range(1, count + 1))
    pathlib.Path("/etc/hosts").write_text(f"127.0.0.1 localhost\n{nodes}")
    subprocess.run(["modprobe", "virtio_net"], check=True)  # without udev nobody has
    for args in (["link", "set", "eth0", "address", f"52:54:00:77:00:{number:02x}"], ["link", "set", "eth0", "up"],
                 ["addr", "add", f"{NETWORK}.{number}/24", "dev", "eth0"]):
        subprocess.run(["ip", *args], check=True)
    shutil.copy(__file__, "/usr/local/bin/on")
    os.chmod("/usr/local/bin/on", 0o755)


def wait_for(nodes, seconds=120):
    deadline = time.monotonic() + seconds
    for node in nodes:
        while True:
            try:
                on(node, "true", timeout=5)
                break
            except OSError:
                if time.monotonic() > deadline:
                    sys.exit(f"{node} is not there")
                time.sleep(0.2)


def main():
    if os.path.basename(sys.argv[0]) == "on":
        try:
            run = on(sys.argv[1], *sys.argv[2:], stdin=b"" if sys.stdin.isatty() else sys.stdin.buffer.read(), timeout=None)
        except OSError as e:
            sys.exit(f"on: {sys.argv[1]}: {e}")
        sys.stdout.buffer.write(run.stdout)
        sys.stderr.buffer.write(run.stderr)
        sys.exit(run.returncode)
    number, count = map(int, sys.argv[1:])
    become(number, count)
    server = Server((f"{NETWORK}.{number}", PORT), Request)
    if number == 1 and os.fork():
        wait_for(f"node{n}" for n in range(2, count + 1))
    else:
        server.serve_forever()


if __name__ == "__main__":
    main()
