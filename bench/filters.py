# SPDX-License-Identifier: GPL-2.0-or-later
"""The seccomp program that a runtime has installed in a container, read back from the kernel by ptrace(2)."""
import ctypes
import os
import time

SEIZE, INTERRUPT, DETACH, GET_FILTER = 0x4206, 0x4207, 17, 0x420c


def soon(done):
    for _ in range(500):
        if done():
            return True
        time.sleep(0.01)
    return False


def is_running(pid, name):
    """Not the runtime itself any more."""
    with open("/proc/%d/comm" % pid) as f:
        return f.read().strip() == name


def read_filter(pid):
    """The program as bytes, 8 for an instruction; OSError where the kernel does not tell."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.restype = ctypes.c_long
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]

    def ptrace(request, address=None, data=None):
        r = libc.ptrace(request, pid, address, data)
        if r < 0:
            raise OSError(ctypes.get_errno(), "ptrace: " + os.strerror(ctypes.get_errno()))
        return r

    ptrace(SEIZE)
    try:
        ptrace(INTERRUPT)
        if not soon(lambda: os.waitpid(pid, os.WNOHANG | 0x40000000)[0] == pid):    # __WALL
            raise OSError("the process does not stop")
        count = ptrace(GET_FILTER, 0, None)
        code = ctypes.create_string_buffer(count * 8)
        ptrace(GET_FILTER, 0, ctypes.addressof(code))
    finally:
        ptrace(DETACH)
    return code.raw


def of_runtime(program, driver, bundle):
    """What @program installs for @bundle, whose process sleeps.  None: it has installed none, or it is secret."""
    pid_file = os.path.join(program.top, "pid")
    name = program.new_id()
    driver.ask(b"t", program.command("create", "--bundle", bundle, "--pid-file", pid_file, name))
    try:
        program.start(driver, name)
        with open(pid_file) as f:
            pid = int(f.read())
        return read_filter(pid) if soon(lambda: is_running(pid, "sleep")) else None
    except OSError:
        return None
    finally:
        program.delete(driver, name)
        if os.path.exists(pid_file):
            os.unlink(pid_file)
