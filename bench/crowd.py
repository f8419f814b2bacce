# SPDX-License-Identifier: GPL-2.0-or-later
"""Many containers alive at once, made and removed several at a time: does the last one take what the first took?"""
import os
import statistics
import subprocess
import threading
import time

from measure import Driver, Failed

SOME = 50       # compared at each end


class Crowd:
    """@n containers of one program; a context, which leaves none."""

    def __init__(self, program, bundle, ways, libraries):
        self.p, self.bundle, self.libraries = program, bundle, libraries
        self.drivers = [Driver(-1, libraries) for _ in range(ways)]
        self.names = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for name in self.names:
            self.p.delete(self.drivers[0], name, check=False)
        for d in self.drivers:
            d.close()

    def in_parallel(self, function, work):
        """[(wall ms, processor ms)] of function(driver, item), in the order of their ends."""
        found, failures, lock = [], [], threading.Lock()
        work = iter(work)

        def worker(driver):
            try:
                while not failures:
                    with lock:
                        item = next(work)
                    answers = function(driver, item)
                    with lock:
                        found.append((sum(a.ms for a in answers), sum(a.cpu_ms for a in answers)))
            except StopIteration:
                pass
            except Failed as e:
                failures.append(e)
        threads = [threading.Thread(target=worker, args=(d,)) for d in self.drivers]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        if failures:
            raise failures[0]
        return found

    def ask(self, driver, *words):
        return driver.ask(b"t", self.p.command(*words))

    def grow(self, n):
        def make(driver, name):
            self.names.append(name)
            return (self.ask(driver, "create", "--bundle", self.bundle, name), self.ask(driver, "start", name))
        return self.in_parallel(make, [self.p.new_id() for _ in range(n)])

    def remove_all(self):
        names, self.names = self.names, []
        return self.in_parallel(lambda driver, name: (self.ask(driver, "delete", "--force", name),), names)

    def look(self, times=20):
        """Medians of the processor time, and of the clock, of `state` of one and of `list`."""
        middle = self.names[len(self.names) // 2]
        both = [[self.ask(self.drivers[0], *words) for _ in range(times)] for words in (("state", middle), ("list",))]
        return [(statistics.median(a.ms for a in answers), statistics.median(a.cpu_ms for a in answers))
                for answers in both]

    def stats(self, looks=20):
        """Processor time of a look of `stats` at one container, ms."""
        p = subprocess.Popen(self.p.command("stats", "--interval", "50ms"), stdout=subprocess.PIPE)

        def spent():
            with open("/proc/%d/schedstat" % p.pid) as f:
                return int(f.read().split()[0]) / 1e6
        seen, begin, started = 0, None, 0
        try:
            deadline = time.monotonic() + 60
            while seen < looks + 2 and time.monotonic() < deadline:
                more = os.read(p.stdout.fileno(), 1 << 20).count(b"STATUS")
                seen += more
                if begin is None and seen >= 2:
                    begin, started = spent(), seen
            return (spent() - begin) / (seen - started) / len(self.names)
        finally:
            p.kill()
            p.wait()


def contention(program, bundle, total, ways, libraries):
    """(how many a second, [ms of each, the slowest last]): create + start + delete of @total, @ways at a time."""
    with Crowd(program, bundle, ways, libraries) as crowd:
        begin = time.monotonic()

        def life(driver, name):
            crowd.names.append(name)
            answers = [crowd.ask(driver, *words) for words in
                       (("create", "--bundle", bundle, name), ("start", name), ("delete", "--force", name))]
            crowd.names.remove(name)
            return answers
        times = crowd.in_parallel(life, [program.new_id() for _ in range(total)])
        return total / (time.monotonic() - begin), sorted(ms for ms, _ in times)


def medians(pairs):
    return tuple(statistics.median(x) for x in zip(*pairs))


def measure(program, bundle, total, ways, libraries):
    """{what: ((few: wall, processor ms), (many: the same))}, and what a look of `stats` takes or None."""
    some = min(SOME, total // 2)
    with Crowd(program, bundle, ways, libraries) as crowd:
        first = crowd.grow(some)
        few = crowd.look()
        made = first + crowd.grow(total - some)
        many = crowd.look()
        stats = crowd.stats() if program.name == "orlop" else None
        gone = crowd.remove_all()

    def each(pair, n):
        return tuple(x / n for x in pair)
    return {
        "create + start": (medians(made[:some]), medians(made[-some:])),
        "state": (few[0], many[0]),
        "list, for each container": (each(few[1], some), each(many[1], total)),
        "delete": (medians(gone[-some:]), medians(gone[:some])),
    }, stats
