# SPDX-License-Identifier: GPL-2.0-or-later
"""
Slurm on three machines, which calls orlop for `--container` as contrib/slurm/oci.conf says, always for an ordinary user.
Runs on node1 of

    tests/vm/lab cluster 3 --setup tests/cloud/slurm-setup --share "$PWD" --env ORLOP="$PWD/build/gcc/orlop" -- \\
        python3 -m pytest -q -p no:cacheprovider tests/cloud/test_slurm.py

The tests are one story. After each of them no node has anything of it any more; one job has a time limit, and goes on
until the last test waits for its end.
"""
import concurrent.futures
import contextlib
import json
import os
import pathlib
import pty
import re
import subprocess
import time

import pytest
from cluster import NODES, TOP, at, everywhere, fine, on, until

HOME = pathlib.Path("/home/user")
ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(HOME), "USER": "user"}
CONTAINER = "--container=/srv/bundle"
CONF = "/etc/slurm/oci.conf"
JOBS = [("-n1",)] * 12 + [("-N3", "-n3")] * 5 + [("-N2", "-n4")] * 3
HOG = "x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done"
TRAPS = "trap 'echo told to end; exit 3' TERM; trap 'echo USR1; exit 4' USR1; while :; do sleep 0.2; done"
BEFORE = []  # what each node had when no job had run yet
# what jobs make, but for the one with a time limit; systemd mounts binfmt_misc when somebody looks there
LOOK = """but=${1:-none}; ls -A /run/user/1000/orlop | grep -v "[.]$but[.]"; ls -d /var/lib/slurm/slurmd/oci-* | grep -v "oci-job$but-"
ls -d /sys/fs/cgroup/system.slice/*_slurmstepd.scope/job_* | grep -v "job_$but\\$"; cut -d' ' -f3- /proc/self/mountinfo | grep -v /binfmt_misc | sort
ps -o comm=,cgroup= -u user,100000,165535 | grep -v "/job_$but/" | sort; true"""


def user(*args, stdin=b"", **env):
    """subprocess.run(args), by the user."""
    return subprocess.run(args, input=stdin, capture_output=True, timeout=600, cwd=HOME, env=ENV | env, user="user", group="user",
                          extra_groups=[])


def srun(*args):
    return user("srun", CONTAINER, *args)


def at_once(function, calls):
    """A future for each, in their order."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=len(calls)) as pool:
        return [pool.submit(function, *call) for call in calls]


@contextlib.contextmanager
def running(*calls):
    """While `with` runs so do these: yields futures of what srun gives. Each has a name (-J)."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=len(calls)) as pool:
        try:
            yield [pool.submit(srun, *call) for call in calls]
        except BaseException:
            user("scancel", "--me")  # or it is waited for
            raise


def job(name):
    """What Slurm knows of the job with this name: {"JobId": ..., "JobState": ..., "ExitCode": ...}"""
    jobs = [dict(re.findall(r"(\w+)=(\S*)", line)) for line in fine(user("scontrol", "--oneliner", "show", "job")).splitlines()]
    return {known.get("JobName"): known for known in jobs}.get(name, {})


def ended(name):
    """How the job did, once Slurm is done with it."""
    known = until(lambda: job(name), lambda known: known["JobState"] not in ("RUNNING", "COMPLETING"), step=0.5)
    return f"{known['JobState']} {known['ExitCode']}"


def orlop(node, command):
    """It is called by the user, without an option."""
    return at(node, f"runuser -u user -- env -i /usr/local/bin/orlop {command}")


def started(name, tasks):
    """The number of the job, once all its containers run."""
    def containers():
        number = job(name).get("JobId", "none")
        lists = [json.loads(text) for text in everywhere(orlop, ["list --format json"] * 3)]
        return number, [c["id"] for known in lists for c in known if c["status"] == "running" and f".{number}." in c["id"]]
    return until(containers, lambda seen: len(seen[1]) == tasks, step=0.2)[0]


def look(node, number=""):
    return fine(on(node, "sh", "-c", LOOK, "sh", number))


def nothing_is_left(number=""):
    def more():
        return [sorted(set(now.splitlines()) ^ set(then.splitlines())) for now, then in zip(everywhere(look, [number] * 3), BEFORE)]
    until(more, lambda lines: lines == [[]] * 3, seconds=60)


@pytest.fixture(name="nothing_left")
def _nothing_left():
    yield
    nothing_is_left(job("limited")["JobId"])


def install(node):
    first = "slurmctld" if node == "node1" else ""
    return at(node, f"""install -m 755 {os.environ['ORLOP']} /usr/local/bin/orlop
install -m 644 {TOP}/contrib/slurm/oci.conf {CONF}
runuser -u user -- sh -c 'mkdir -m 700 /run/user/1000/orlop; orlop spec --rootless --no-terminal --bundle /srv/bundle -- true'
systemctl start {first} slurmd && systemctl is-active slurmd""")


def test_machines_become_a_cluster(told):
    """A job with a time limit of a minute, the shortest there is, begins."""
    assert everywhere(install) == ["active"] * 3
    until(lambda: fine(user("sinfo", "-h", "-o", "%D %t")), lambda text: text == "3 idle", step=0.2)
    BEFORE.extend(everywhere(look))
    fine(user("sbatch", "-N3", "-t1", "-J", "limited", "-o", "limited", "--wrap", f"srun {CONTAINER} /bin/sleep 1000"))
    started("limited", 3)
    told("3 nodes idle, a container on each")


@pytest.mark.usefixtures("nothing_left")
def test_as_without_a_container(told):
    """Output, streams and status are the same, also those that Slurm keeps."""
    cases = {"ranks": (["-N3", "--ntasks-per-node=2"], 'echo "$SLURM_PROCID of $SLURM_NTASKS on $SLURM_NODEID, $WORD"', 0),
             "streams": (["-n1"], "cat; echo error >&2; exit 7", 7),
             "statuses": (["-N3", "-n3"], "sleep 1; exit $SLURM_PROCID", 2),
             "signal": (["-n1"], "/bin/busybox sh -c 'kill -TERM $$'; exit $?", 143)}
    calls = [("srun", *options, "-J", f"{name}{len(container)}", *container, "/bin/busybox", "sh", "-c", script)
             for name, (options, script, _) in cases.items() for container in ([CONTAINER], [])]
    runs = [future.result() for future in at_once(lambda *call: user(*call, stdin=b"input\n", WORD="word"), calls)]
    for (name, (*_, status)), inside, outside in zip(cases.items(), runs[::2], runs[1::2]):
        assert inside.returncode == outside.returncode == status, (inside, outside)
        assert sorted(inside.stdout.splitlines()) == sorted(outside.stdout.splitlines()), (inside, outside)
        assert (b"error\n" in inside.stderr) == (b"error\n" in outside.stderr) == (name == "streams"), (inside, outside)
        assert ended(f"{name}1") == ended(f"{name}0") == f"{'FAILED' if status else 'COMPLETED'} {status}:0"
    told(f"{len(calls)} jobs, half of them in containers")


@pytest.mark.usefixtures("nothing_left")
def test_twenty_jobs(told):
    """All at once, 39 tasks for the 21 processors that are left; the status of each is its number."""
    begin, most = time.monotonic(), 0
    script = 'read inside outside _ </proc/self/uid_map; echo "$SLURMD_NODENAME $inside $outside $(id -u) $$"; sleep 3; exit '
    with running(*[(*options, "-J", f"job{n}", "/bin/sh", "-c", script + str(n)) for n, options in enumerate(JOBS)]) as futures:
        while not all(future.done() for future in futures):
            most = max(most, len("\n".join(everywhere(at, ["ls /run/user/1000/orlop"] * 3)).split()))
            time.sleep(1)
    told(f"{len(JOBS)} jobs, up to {most} containers, after {time.monotonic() - begin:.0f} s")
    nodes = set()
    for n, options in enumerate(JOBS):
        run, tasks = futures[n].result(), int(options[-1][2:])
        assert run.returncode == n and ended(f"job{n}") == f"{'FAILED' if n else 'COMPLETED'} {n}:0", run
        assert re.fullmatch(rf"(node[123] 0 1000 0 1\n){{{tasks}}}", run.stdout.decode()), run
        nodes.update(line.split()[0] for line in run.stdout.decode().splitlines())
    assert sorted(nodes) == NODES


@pytest.mark.usefixtures("nothing_left")
def test_cancel_and_signals(told):
    """What does not end when it is told to is killed after KillWait, with the runtime."""
    sh = ("/bin/sh", "-c", TRAPS)
    with running(("-N3", "-n6", "-J", "sleeps", "/bin/sleep", "1000"), ("-n1", "-J", "ends", *sh), ("-n1", "-J", "usr1", *sh),
                 ("-n1", "-w", "node1", "-J", "kill", *sh)) as futures:
        numbers = [started(name, tasks) for name, tasks in (("sleeps", 6), ("ends", 1), ("usr1", 1), ("kill", 1))]
        state = json.loads(orlop("node1", f"state node1.{numbers[3]}.0.0"))
        assert (state["owner"], state["bundle"]) == ("user", f"/var/lib/slurm/slurmd/oci-job{numbers[3]}-0/task-0")
        cgroup = at("node1", f"cat /proc/{state['pid']}/cgroup")
        assert cgroup == f"0::/system.slice/node1_slurmstepd.scope/job_{numbers[3]}/step_0/user/task_0"
        step = user("srun", "--overlap", f"--jobid={numbers[3]}", "orlop", "exec", f"node1.{numbers[3]}.0.0", "/bin/sh", "-c", "echo $$; exit 5")
        assert step.returncode == 5 and int(step.stdout) > 1, step
        begin = time.monotonic()
        fine(user("scancel", *numbers[:2]))
        fine(user("scancel", "-s", "USR1", numbers[2]))
        orlop("node1", f"kill node1.{numbers[3]}.0.0 KILL")
    seen = [(run.returncode, run.stdout) for run in (future.result() for future in futures)]
    assert seen == [(137, b""), (3, b"told to end\n"), (4, b"USR1\n"), (137, b"")]
    assert [ended(name) for name in ("sleeps", "ends", "usr1", "kill")] == ["CANCELLED 0:9", "CANCELLED 3:0", "FAILED 4:0", "FAILED 137:0"]
    told(f"all ended after {time.monotonic() - begin:.0f} s")


@pytest.mark.usefixtures("nothing_left")
def test_memory_limit(told):
    """As without a container; who else is on the node lives."""
    with running(("-n1", "-w", "node2", "-J", "lives", "/bin/sh", "-c", TRAPS)) as futures:
        number = started("lives", 1)
        state = orlop("node2", f"state node2.{number}.0.0")
        hog = ("-w", "node2", "-n1", "--mem=40M", "/bin/busybox", "sh", "-c", HOG)
        runs = [future.result() for future in at_once(user, [("srun", "-J", "inside", CONTAINER, *hog), ("srun", "-J", "outside", *hog)])]
        assert orlop("node2", f"state node2.{number}.0.0") == state
        fine(user("scancel", number))
    assert futures[0].result().stdout == b"told to end\n"
    for run in runs:
        assert run.returncode == 1 and b"task 0: Out Of Memory" in run.stderr, run
    assert ended("inside") == ended("outside") == "OUT_OF_MEMORY 0:125"
    told("killed, as is the same without a container; the neighbour lives")


BATCH = f"""#!/bin/sh
#SBATCH -N3 -n3
srun {CONTAINER} /bin/sh -c 'echo first $SLURM_PROCID $WORD $NOTIFY_SOCKET $SLURM_CONF; exit 6'
echo status $?
WORD=other srun {CONTAINER} /bin/sh -c 'echo second $SLURM_PROCID $WORD'
"""
INSIDE = """#!/bin/sh
read line; echo "$line $WORD $(id -u) $$"; echo error >&2; exit 9
"""


@pytest.mark.usefixtures("nothing_left")
def test_scripts(told):
    """One that starts containers, and one that is in a container itself."""
    wait = ("sbatch", "--wait", "--output=output", "--error=error")
    assert user(*wait, "-J", "batch", stdin=BATCH.encode(), WORD="one", SLURM_CONF="/etc/slurm/slurm.conf").returncode == 0
    output = (HOME / "output").read_text().splitlines()
    assert sorted(output) == sorted([*(f"first {n} one" for n in range(3)), "status 6", *(f"second {n} other" for n in range(3))])
    (HOME / "input").write_text("input\n")
    assert user(*wait, "-w", "node1", "--input=input", CONTAINER, stdin=INSIDE.encode(), WORD="two").returncode == 9
    assert ((HOME / "output").read_text(), (HOME / "error").read_text()) == ("input two 0 1\n", "error\n")
    told("2 steps of 3 containers; a script in a container")


@pytest.mark.usefixtures("nothing_left")
def test_terminal(told):
    """srun --pty, on another node."""
    begin = time.monotonic()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp("setpriv", ["setpriv", "--reuid=user", "--regid=user", "--clear-groups", "srun", "--chdir=/tmp", "--pty", "-w", "node3",
                              CONTAINER, "/bin/sh", "-c", "tty; read line; echo $line $SLURMD_NODENAME; exit 5"])
    seen = b""
    with contextlib.suppress(OSError):  # nobody has it open any more
        while data := os.read(terminal, 4096):
            seen += data
            if seen == b"/dev/pts/0\r\n":
                os.write(terminal, b"input\n")
    assert seen.startswith(b"/dev/pts/0\r\ninput\r\ninput node3\r\n"), seen
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5
    told(f"{time.monotonic() - begin:.1f} s")


@pytest.mark.usefixtures("nothing_left")
def test_create_and_start(told):
    """The other way of oci.conf. Slurm reads what RunTimeCreate prints until nobody can write to it, so the output must go
    elsewhere; it asks for the state again and again, and knows no exit status of the program."""
    ways = {"Create": "create --bundle=%b %n.%j.%s.%t </dev/null >/tmp/output.%t 2>&1", "Start": "start %n.%j.%s.%t"}
    lines = "\n".join(f'RunTime{way}="exec orlop --root=/run/user/%U/orlop {command}"' for way, command in ways.items())
    conf = re.sub("(?m)^RunTimeRun=.*", lambda _: lines, pathlib.Path(CONF).read_text())
    everywhere(lambda node: fine(on(node, "tee", CONF, stdin=conf.encode())))
    with running(("-N3", "-n6", "-J", "created", "/bin/sh", "-c", f"echo $SLURM_PROCID; {TRAPS}")) as futures:
        number = started("created", 6)
        everywhere(orlop, [f"kill --regex '[.]{number}[.]' USR1"] * 3)
    assert futures[0].result().returncode == 0 and ended("created") == "COMPLETED 0:0", futures[0].result()
    assert sorted("\n".join(everywhere(at, ["cat /tmp/output.*"] * 3)).split()) == [*"012345", *["USR1"] * 6]
    everywhere(at, [f"install -m 644 {TOP}/contrib/slurm/oci.conf {CONF}"] * 3)
    told("6 containers")


def test_time_limit(told):
    """Slurm tells a job of it, and kills what is left after KillWait."""
    begin = time.monotonic()
    assert ended("limited").startswith("TIMEOUT ")
    assert "DUE TO TIME LIMIT" in (HOME / "limited").read_text()
    nothing_is_left()
    assert everywhere(at, ["grep -cE 'rmdir|unlink|RunTime' /var/log/slurm/slurmd.log || true"] * 3) == ["0"] * 3
    told(f"after {time.monotonic() - begin:.0f} s more")
