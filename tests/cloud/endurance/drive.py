#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Containers are made, entered, changed, killed and deleted at random, orlop is killed at random meanwhile, and nothing may
be left: see tests/cloud/README.md, "Endurance".

    ORLOP=build/orlop ORLOP_TEST_BIN=build/tests/system/probe tests/cloud/endurance/drive.py --seconds 600

Two processes: one collects the orphans of all containers, as process 1 does, and is not in anybody's way; the other drives.
"""
import argparse
import collections
import concurrent.futures
import ctypes
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [HERE, f"{HERE}/../../system"]

import containers  # noqa: E402
import counters  # noqa: E402
import leaks  # noqa: E402
import lib.box  # noqa: E402
from containers import ABSENT, CREATED, PAUSED, RUNNING, STOPPED, WRECK, Wrong  # noqa: E402
from lib import host, kernel  # noqa: E402

PATIENCE = 60 * lib.box.SLOW  # seconds that a command may take
KILLED = 0.15  # of the commands
LAST = 12  # operations of a container that are told when something is wrong


class Driver:
    def __init__(self, args, work, reaper):
        self.args = args
        self.top, self.systemd = f"{work}/bundle", args.systemd
        self.place = counters.Place(host.TAG, work, f"{work}/state", reaper, os.getpid())
        self.command = [lib.box.PROGRAM, "--root", self.place.state, *(["--systemd-cgroup"] if args.systemd else [])]
        self.took = collections.defaultdict(lambda: 0.05)  # seconds, by operation: when to kill
        self.done, self.kills = collections.Counter(), collections.Counter()
        self.alive = []  # how many, at each look
        self.wrong, self.over = None, threading.Event()
        self.workers = [Worker(self, n) for n in range(args.workers)]

    def slots(self):
        return [s for w in self.workers for s in w.slots]

    def orlop(self, *words, killed_after=None, random=None):
        """Returns (status, stdout, stderr); the status is None if one of its processes was killed."""
        with tempfile.TemporaryFile(dir=self.place.work) as out, tempfile.TemporaryFile(dir=self.place.work) as err:
            p = subprocess.Popen([*self.command, *words], stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd="/")
            if killed_after is not None:
                time.sleep(killed_after)
            hit = killed_after is not None and kill_one(p, random)
            try:
                rc = p.wait(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                p.kill()
                raise Wrong(f"no end after {PATIENCE} s: {words}") from None
            texts = [os.pread(f.fileno(), 1 << 20, 0).decode(errors="replace") for f in (out, err)]  # pipes would wait for containers
        return None if hit else rc, *texts

    def state(self, slot):
        """The document, None if there is no such container, or the words of the error as a string."""
        rc, out, err = self.orlop("state", slot.id)
        if rc == 0:
            return json.loads(out)
        return None if "does not exist" in err else err

    def at_rest(self, slot):
        """What was begun may go on for a moment: the answer is taken that stays."""
        last = None
        while True:
            answer = self.state(slot)
            status = ABSENT if answer is None else WRECK if isinstance(answer, str) else answer["status"]
            if status == last and containers.freezer_is_at_rest(slot, self.systemd):
                return answer, WRECK if status == "creating" else status
            last = status
            time.sleep(0.2 * lib.box.SLOW)

    # ---- when nobody is at work

    def all_as_they_must_be(self):
        rc, out, err = self.orlop("list", "--format", "json")
        if rc != 0:
            raise Wrong(f"list: {err}")
        said = {c["id"]: c["status"] for c in json.loads(out) or []}
        for slot in self.slots():
            status = said.pop(slot.id, ABSENT)
            if slot.status != WRECK and status not in {slot.status, *slot.unsure}:
                raise Wrong(f"{slot.id} must be {slot.status}, and list says {status}: {slot.history[-LAST:]}")
        self.alive.append(sum(s.status != ABSENT for s in self.slots()))
        if said:
            raise Wrong(f"list says {said}, of which nobody knows")

    def gc(self):
        """All that has ended goes; what is half made may have to die first, and goes unless it lives on."""
        ended = [s for s in self.slots() if s.status in (STOPPED, WRECK)]

        def left():
            there = set(os.listdir(self.place.state))
            return [s for s in ended if s.id in there and self.at_rest(s)[1] not in (CREATED, RUNNING, PAUSED)]

        def are_gone():
            rc, _, err = self.orlop("gc", "--force")
            if rc != 0:
                raise Wrong(f"gc: {err}")
            return not left()
        try:
            containers.soon(are_gone, "gc has removed what has ended")
        except Wrong as e:
            raise Wrong(f"{e}: {self.orlop('gc')}\n" + "\n".join(f"{s.id} {self.state(s)} {s.history[-LAST:]}" for s in left())) from None
        there = set(os.listdir(self.place.state))
        for s in ended:
            s.status = s.status if s.id in there else ABSENT
        self.done["gc"] += 1

    def delete_all(self):
        for s in self.slots():
            if s.status != ABSENT:
                rc, _, err = self.orlop("delete", "--force", s.id)
                if rc != 0:
                    raise Wrong(f"{s.id}: delete --force: {err}: {s.history[-LAST:]}")
                s.status, s.unsure = ABSENT, set()

    def settled(self, before, seconds):
        """What is left once the kernel had time; an empty list if nothing."""
        end = time.monotonic() + seconds
        while True:
            now = counters.measure(self.place, self.args.alone)
            found = counters.difference(before, now) if before else []
            if not found or time.monotonic() > end:
                return now, found
            time.sleep(0.2)

    # ---- the whole of it

    def fill(self):
        """A container in each place: what the kernel keeps after so many at once is there before it is counted."""
        with concurrent.futures.ThreadPoolExecutor(len(self.workers)) as pool:
            list(pool.map(Worker.fill, self.workers))

    def round(self, seconds):
        """All at work for so long, but for a look at all of them every few seconds; then nothing is there any more."""
        self.over.clear()
        threads = [threading.Thread(target=w.work) for w in self.workers]
        for t in threads:
            t.start()
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end and not self.wrong:
                time.sleep(min(5, max(0.1, end - time.monotonic())))
                self._look()
        finally:
            self.over.set()
            for t in threads:
                t.join()
        if self.wrong:
            raise self.wrong
        self.delete_all()

    def _look(self):
        for w in self.workers:
            w.lock.acquire()
        try:
            if not self.wrong:
                self.all_as_they_must_be()
                if random.random() < 0.3:
                    self.gc()
        finally:
            for w in self.workers:
                w.lock.release()

    def run(self):
        args, begin = self.args, time.monotonic()
        self.fill()
        self.round(min(args.seconds / 4, 30))
        before, _ = self.settled(None, 0)
        say("before:", counters.line(before))
        if args.leak:
            getattr(leaks, args.leak)(self.place)
        while True:
            left = args.seconds - (time.monotonic() - begin)
            self.round(min(args.round, max(left, 0)))
            now, found = self.settled(before, args.patience)
            say(f"{time.monotonic() - begin:.0f} s, {sum(self.done.values())} operations, {sum(self.kills.values())} killed:",
                counters.line(now))
            if found:
                raise Wrong("left behind:\n" + "\n".join(found))
            if time.monotonic() - begin >= args.seconds:
                break
        say(f"containers at once: {max(self.alive, default=0)} at most, {sum(self.alive) // max(len(self.alive), 1)} on average")
        say("operations:", *(f"{n} {name}," for name, n in sorted(self.done.items())))
        say("killed in:", *(f"{n} {name}," for name, n in sorted(self.kills.items())))


class Worker:
    """Drives containers of its own, one operation after the other; who holds `lock` finds it idle."""

    def __init__(self, driver, n):
        self.driver, self.lock, self.random = driver, threading.Lock(), random.Random(f"{driver.args.seed} {n}")
        count = driver.args.containers // driver.args.workers
        self.slots = [containers.Slot(f"{host.TAG}{n}-{i}") for i in range(count)]

    def fill(self):
        for slot in self.slots:
            rc, _, err = self.driver.orlop("run", "--detach", "--bundle", self.driver.top, "--config", "plain.json", slot.id)
            if rc != 0:
                raise Wrong(f"{slot.id}: {err}")
            slot.status = RUNNING
            slot.is_made()

    def work(self):
        while not self.driver.over.is_set() and not self.driver.wrong:
            with self.lock:
                slot = self.random.choice(self.slots)
                try:
                    self.operate(slot)
                except Exception as e:  # whatever it is, all of them stop
                    self.driver.wrong = Wrong(f"{slot.id}: {e!r}\n" + "\n".join(map(str, slot.history[-LAST:])))

    def operate(self, slot):
        driver = self.driver
        if slot.unsure:
            slot.status, slot.unsure = self.settle(slot), set()
        operation = containers.choose(slot, self.random)
        words = operation.words(slot, driver.top, self.random)
        after = self.random.uniform(0, 1.3 * driver.took[operation.name]) if self.random.random() < KILLED else None
        begin = time.monotonic()
        rc, _, err = driver.orlop(*words, killed_after=after, random=self.random)
        took = time.monotonic() - begin
        slot.history = [*slot.history[-LAST:], (round(begin, 3), slot.status, " ".join(words), rc, err.strip()[-300:])]
        driver.done[operation.name] += 1
        if rc is None:
            driver.kills[operation.name] += 1
            self.reconcile(slot, operation)
            return
        driver.took[operation.name] += 0.2 * (took - driver.took[operation.name])
        if rc != operation.rc:
            raise Wrong(f"{operation.name} ended with {rc}, not {operation.rc}: {err}")
        operation.done(slot, words)
        slot.status = operation.end or slot.status
        if slot.status == STOPPED:
            containers.soon(lambda: (driver.state(slot) or {}).get("status") == STOPPED, "it has stopped")
        containers.check(slot, driver.state(slot), driver.place.state, driver.systemd)

    def settle(self, slot):
        _, status = self.driver.at_rest(slot)
        if status not in {slot.status, *slot.unsure}:
            raise Wrong(f"it must be {slot.status} or {slot.unsure}, and is {status}")
        return status

    def reconcile(self, slot, operation):
        """One of the processes was killed: what the container is now must be one of few things."""
        answer, status = self.driver.at_rest(slot)
        slot.history[-1] += (status, answer if isinstance(answer, str) else "")
        if status not in operation.may_be(slot.status):
            raise Wrong(f"killed in {operation.name}, it was {slot.status} and is {status}: {answer}")
        if slot.status == ABSENT:
            slot.is_made()
        if operation.name == "update":
            slot.limits = None  # the old or the new
        if operation.name.startswith("mounts"):
            slot.added = None
        ends = operation.end in (STOPPED, ABSENT) and status in (CREATED, RUNNING, PAUSED)  # or will have done so in a moment
        slot.unsure = {operation.end} if operation.end and status == slot.status != ABSENT and not ends else set()
        slot.status = WRECK if ends else status
        if slot.status != WRECK:
            containers.check(slot, answer, self.driver.place.state, self.driver.systemd)
        elif self.random.random() < 0.5:
            rc, _, err = self.driver.orlop("delete", "--force", slot.id)
            if rc != 0:
                raise Wrong(f"delete --force after {operation.name} was killed: {err}")
            slot.status = ABSENT
            containers.check(slot, self.driver.state(slot), self.driver.place.state, self.driver.systemd)


def kill_one(p, random):
    """SIGKILL for orlop or a process that it has made, if there is one that has not become a container's program."""
    chosen = random.choice([p.pid, p.pid, *sorted(kernel.children(p.pid))])
    try:
        fd = os.pidfd_open(chosen)
    except ProcessLookupError:
        return False
    try:
        if chosen != p.pid and chosen not in kernel.children(p.pid):
            return False  # the number is another's by now
        signal.pidfd_send_signal(fd, signal.SIGKILL)
    except ProcessLookupError:
        return False
    finally:
        os.close(fd)
    return True


def say(*words):
    print(*words, flush=True)


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("--seconds", type=float, default=60)
    p.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    p.add_argument("--containers", type=int, default=100)
    p.add_argument("--workers", type=int, default=4)
    p.add_argument("--round", type=float, default=60, help="seconds after which all are deleted and counted")
    p.add_argument("--patience", type=float, default=30, help="seconds that the kernel gets to let go of the last")
    p.add_argument("--systemd", action="store_true", help="with units of systemd")
    p.add_argument("--alone", action="store_true", help="nobody else is at work: count also what is the whole machine's")
    p.add_argument("--leak", choices=[*counters.OWN, *counters.MACHINE], help="leave something of that kind, which must be found")
    return p.parse_args()


def drive(args, work, reaper):
    driver = Driver(args, work, reaper)
    containers.make_bundle(driver.top, args.systemd)
    say("seed", args.seed)
    try:
        driver.run()
        return 0
    except Wrong as e:
        say(f"WRONG, seed {args.seed}: {e}")
        return 1
    finally:
        tidy(driver)


def tidy(driver):
    """Nothing of a run that went wrong is left to others."""
    for id in sorted(os.listdir(driver.place.state)) if os.path.isdir(driver.place.state) else []:
        driver.orlop("delete", "--force", id)
    for directory in sorted(counters.cgroups(driver.place), reverse=True):
        try:
            os.rmdir(directory)
        except OSError:
            pass
    for p in kernel.children(driver.place.reaper) - {driver.place.driver}:
        try:
            os.kill(p, signal.SIGKILL)
        except ProcessLookupError:
            pass


def collect(driver):
    """All orphans, until the driver has ended: its status."""
    while True:
        pid, status = os.wait()
        if pid == driver:
            return os.waitstatus_to_exitcode(status)


def main():
    args = arguments()
    work = host.isolate(lib.box.PROGRAM, lib.box.BIN, HERE)
    lib.box.use_copies(f"{work}/.bin")
    reaper, driver = os.getpid(), os.fork()
    if driver == 0:
        ctypes.CDLL(None).prctl(36, 0, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER is inherited by none, but make sure
        os._exit(drive(args, work, reaper))
    try:
        return collect(driver)
    finally:
        host.forget(work)


if __name__ == "__main__":
    sys.exit(main())
