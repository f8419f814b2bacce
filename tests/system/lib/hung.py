# SPDX-License-Identifier: GPL-2.0-or-later
"""A file system whose server takes requests and never answers them: who asks it for a name waits, killed or not."""
import os
import struct
import threading

from . import kernel

INIT, GETATTR, LOOKUP = 26, 3, 1


class Hung:
    """Mounted at `path` until end(); `asked` is set when somebody waits."""

    def __init__(self, path):
        self.path, self.asked = path, threading.Event()
        os.mkdir(path)
        self.fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        kernel.mount("hung", path, "fuse", kernel.MS["nosuid"] | kernel.MS["nodev"],
                     f"fd={self.fd},rootmode=40000,user_id=0,group_id=0,allow_other")
        self.server = threading.Thread(target=self._serve, daemon=True)
        self.server.start()

    def _serve(self):
        while True:
            try:
                request = os.read(self.fd, 1 << 18)
            except OSError:     # unmounted
                return
            opcode, unique = struct.unpack_from("=IQ", request, 4)
            if opcode == INIT:
                body = struct.pack("=IIIIHHIIHHI", 7, 31, 0, 0, 1, 1, 4096, 1, 0, 0, 0) + bytes(28)
            elif opcode == GETATTR:
                body = struct.pack("=QII", 3600, 0, 0) + struct.pack("=QQQQQQIIIIIIIIII", 1, 0, 0, 0, 0, 0, 0, 0, 0, 0o040755, 2, 0, 0, 0, 4096, 0)
            elif opcode == LOOKUP:
                self.asked.set()
                continue
            else:
                body = None
            size, error = (16 + len(body), 0) if body else (16, -38)
            try:
                os.write(self.fd, struct.pack("=IiQ", size, error, unique) + (body or b""))
            except OSError:
                pass

    def end(self):
        """Whoever waits gets an error."""
        if self.fd < 0:
            return
        try:
            kernel.umount(self.path, 1)  # MNT_FORCE
        except OSError:     # they are still on their way out
            kernel.umount(self.path)
        self.server.join(5)
        os.close(self.fd)
        self.fd = -1
