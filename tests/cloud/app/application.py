# SPDX-License-Identifier: GPL-2.0-or-later
"""
An application: nginx, workers (Sinatra in Puma), redis, PostgreSQL. Each has the root file system of this machine
below an overlay of its own, and is a container of orlop or, to compare, just a process in the same place.
"""
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import tarfile
import time
import urllib.request

ORLOP = os.environ["ORLOP"]
HERE = pathlib.Path(__file__).resolve().parent
WORKERS = 4
SERVICES = ["redis", "postgres", *(f"worker{n}" for n in range(WORKERS)), "nginx"]
FILES = {"redis": 1024, "postgres": 1024, "nginx": 8192}  # descriptors; of all others:
DESCRIPTORS = 256

NGINX = """daemon off; worker_processes 2; pid /tmp/nginx.pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
    upstream workers {{ {servers} {keep} }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://workers; proxy_http_version 1.1; proxy_set_header Connection "{connection}";
            # Puma may answer 500 to what comes when it closes its connections ("closed stream")
            proxy_next_upstream error timeout http_500 http_502 http_503;
        }}
    }}
}}
"""


def run(*args, **kw):
    r = subprocess.run([str(a) for a in args], capture_output=True, text=True, timeout=60, check=False, **kw)
    assert r.returncode == 0, r
    return r.stdout


def orlop(*args, **kw):
    return run(ORLOP, *args, **kw)


def until(condition, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
    return value


def get(port, path="/"):
    """What is answered there; nothing when nobody does."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as r:
            return r.read().decode()
    except OSError:
        return ""


class Application:
    """Below the ports that the kernel gives to who does not ask for one."""
    keeps = True  # nginx its connections to the workers

    def __init__(self, where, base):
        self.where, self.base, self.port = where, base, base + 80
        where.mkdir()

    def worker_port(self, name):
        return self.base + 100 + int(name.removeprefix("worker"))

    def command(self, name):
        """User, environment and arguments."""
        if name == "redis":
            return "redis", {}, ["redis-server", "--bind", "127.0.0.1", "--port", str(self.base + 1), "--dir", "/tmp",
                                 "--save", ""]
        if name == "postgres":
            program = next(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"))
            settings = {"listen_addresses": "127.0.0.1", "port": self.base + 2, "unix_socket_directories": "/tmp",
                        "ssl": "off", "hba_file": "/app/pg_hba.conf", "external_pid_file": ""}
            return "postgres", {}, [str(program), "-D", f"/etc/postgresql/{program.parts[4]}/main",
                                    *(w for k, v in settings.items() for w in ("-c", f"{k}={v}"))]
        if name == "nginx":
            return "www-data", {}, ["nginx", "-e", "stderr", "-c", "/app/nginx.conf"]
        env = {"BASE": self.base, "PORT": self.worker_port(name)}
        return "www-data", env, ["puma", "-C", "/app/puma.rb", "/app/config.ru"]

    def files(self, place):
        """What is its own to read."""
        place.mkdir(parents=True)
        for file in ("config.ru", "puma.rb"):
            shutil.copy(HERE / file, place)
        (place / "pg_hba.conf").write_text("host all all 127.0.0.1/32 trust\n")
        ports = range(self.base + 100, self.base + 100 + WORKERS)
        servers = "".join(f"server 127.0.0.1:{port} max_fails=1 fail_timeout=1s; " for port in ports)
        (place / "nginx.conf").write_text(NGINX.format(
            servers=servers, port=self.port, keep="keepalive 16;" * self.keeps, connection="" if self.keeps else "close"))

    def place(self, name):
        """Its root file system: what all share, and above it what is its own."""
        top = self.where / name
        self.files(top / "upper/app")
        for d in ("work", "root"):
            (top / d).mkdir()
        layers = f"lowerdir=/,upperdir={top}/upper,workdir={top}/work"
        run("mount", "-t", "overlay", "-o", layers, "overlay", top / "root")
        return top

    def start(self, name):
        self.begin(name, self.where / name if (self.where / name).exists() else self.place(name))

    def log(self, name):
        return open(self.where / f"{name}.log", "ab")

    def up(self):
        for name in SERVICES[:2]:
            self.start(name)
        sql = "CREATE TABLE pages AS SELECT id, 'page ' || id AS words FROM generate_series(0, 999) AS id; " \
              "ALTER TABLE pages ADD PRIMARY KEY (id)"
        psql = ["psql", "-qh", "127.0.0.1", "-p", str(self.base + 2), "-U", "postgres", "-c"]
        until(lambda: subprocess.run([*psql, "SELECT"], capture_output=True, check=False).returncode == 0,
              self.words("postgres"))
        run(*psql, sql)
        for name in SERVICES[2:]:
            self.start(name)
        for name in SERVICES[2:-1]:
            self.ready(name)
        until(lambda: re.fullmatch(r"page \d+ \d+\n", get(self.port)), self.words("nginx"))

    def processor_seconds(self):
        """What all its processes have used until now; they are known by their root file systems."""
        roots = {(self.where / name / "root").stat().st_dev for name in SERVICES}
        ticks = 0
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.stat(f"/proc/{pid}/root").st_dev in roots:
                    stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                    ticks += int(stat[11]) + int(stat[12])
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended
        return ticks / os.sysconf("SC_CLK_TCK")

    def ready(self, worker):
        until(lambda: get(self.worker_port(worker)).startswith("page "), self.words(worker))

    def words(self, name):
        """Looked at late: what it has said until then."""
        return Late(name, (self.where / f"{name}.log").read_text)


class Late:
    def __init__(self, name, read):
        self.name, self.read = name, read

    def __repr__(self):
        return f"{self.name}: {self.read()[-2000:]}"


class Containers(Application):
    """As it is with orlop."""
    prefix = ""  # of their names

    def begin(self, name, top):
        user, env, argv = self.command(name)
        if not (top / "config.json").exists():
            orlop("spec", "--bundle", top, "--no-terminal", "--net", "host", "--rootfs", "root", "--user", user,
                  *(w for k, v in env.items() for w in ("--env", f"{k}={v}")), "--", *argv)
            config = json.loads((top / "config.json").read_text())
            self.configure(name, config)
            (top / "config.json").write_text(json.dumps(config))
            self.limit(name, "RLIMIT_NOFILE", FILES.get(name, DESCRIPTORS))
        with self.log(name) as log:
            subprocess.run([ORLOP, "run", "--detach", "--bundle", top, self.prefix + name], stdin=subprocess.DEVNULL, stdout=log,
                           stderr=log, timeout=60, check=True)

    def configure(self, name, config):
        """What else its configuration has."""
        config["root"]["readonly"] = False

    def limit(self, name, type, value):
        """For when it is started next."""
        file = self.where / name / "config.json"
        config = json.loads(file.read_text())
        limits = [r for r in config["process"]["rlimits"] if r["type"] != type]
        config["process"]["rlimits"] = [*limits, {"type": type, "hard": value, "soft": value}]
        file.write_text(json.dumps(config))

    def pids(self):
        return {name: json.loads(orlop("state", self.prefix + name))["pid"] for name in SERVICES}

    def ended(self, name, cause):
        """The status of its end, which that brings about."""
        waits = subprocess.Popen([ORLOP, "wait", "--timeout", "60s", self.prefix + name], stdout=subprocess.PIPE, text=True)
        cause()
        status = waits.communicate(timeout=60)[0].strip()
        orlop("delete", self.prefix + name)
        return status

    def stopped(self, name):
        """The status of its end, which it is asked for."""
        return self.ended(name, lambda: orlop("kill", self.prefix + name, "TERM"))

    def down(self):
        for name in reversed(SERVICES):
            subprocess.run([ORLOP, "delete", "--force", self.prefix + name], check=False)
        for name in SERVICES:
            run("umount", self.where / name / "root")


class First(Containers):
    """To be compared: where connections are kept, some of Puma's threads wait for the next request of theirs while there
    are others to serve."""
    prefix, keeps = "first-", False


class Second(First):
    prefix = "second-"


class Volumes:
    """Instead of the overlay what is its own is a volume beside what all share, which is read-only."""
    def place(self, name):
        top = self.where / name
        self.files(top / "app")
        if name == "postgres":
            run("cp", "-a", "/var/lib/postgresql", top / "data")
        return top

    def volumes(self, name):
        """(place in the container, on the host, option)"""
        own = [("/app", self.where / name / "app", "ro")]
        return own + [("/var/lib/postgresql", self.where / name / "data", "rw")] * (name == "postgres")


class Mapped(Volumes, Containers):
    """Each in a user namespace of its own ids; on disk all volumes have the owners that the programs see."""
    prefix = "mapped-"

    def place(self, name):
        top = super().place(name)
        (top / "root").mkdir()
        run("mount", "--bind", "/", top / "root")
        return top

    def first_id(self, name):
        return 1000000 + 65536 * SERVICES.index(name)

    def configure(self, name, config):
        ids = [{"containerID": 0, "hostID": self.first_id(name), "size": 65536}]
        linux = config["linux"]
        linux["namespaces"].append({"type": "user"})
        linux["uidMappings"] = linux["gidMappings"] = ids
        config["mounts"] += [{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"]},
                             *({"destination": d, "type": "bind", "source": str(s), "options": ["bind", "idmap", o]}
                               for d, s, o in self.volumes(name))]


class Processes(Application):
    """The same without: chroot, and a session each, as the kernel may share processors out among sessions.
    And each has a cgroup as a service of systemd has, two below the root: what the kernel accounts there is no container's."""
    keeps = False

    def __init__(self, *args):
        super().__init__(*args)
        self.running = []
        self.cgroup = pathlib.Path("/sys/fs/cgroup") / self.where.name

    def begin(self, name, top):
        user, env, argv = self.command(name)
        run("mount", "-t", "proc", "proc", top / "root/proc")
        run("mount", "--rbind", "/dev", top / "root/dev")
        cgroup = self.cgroup / name
        cgroup.mkdir(parents=True)
        with self.log(name) as log:
            self.running.append(subprocess.Popen(
                ["sh", "-ec", 'echo 0 >"$0"; exec chroot "$@"', cgroup / "cgroup.procs", f"--userspec={user}:{user}", top / "root",
                 *argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env={"PATH": os.environ["PATH"], **{k: str(v) for k, v in env.items()}}))

    def down(self):
        for p in reversed(self.running):  # on SIGTERM PostgreSQL would wait for its clients
            p.send_signal(signal.SIGINT if "--userspec=postgres:postgres" in p.args else signal.SIGTERM)
            p.wait(60)
        for name in SERVICES:
            (self.cgroup / name).rmdir()
        self.cgroup.rmdir()
        for name in SERVICES:
            run("umount", "-l", "-R", self.where / name / "root")


class Pod(Application):
    """As Podman's containers of one pod, with orlop."""
    def __init__(self, *args):
        super().__init__(*args)
        self.options = ["podman", "--cgroup-manager", "cgroupfs", "--runtime", ORLOP,
                        "--root", self.where / "storage", "--storage-driver", "vfs"]
        conf = pathlib.Path("/etc/containers/containers.conf.d/cloud.conf")
        conf.parent.mkdir(parents=True, exist_ok=True)
        conf.write_text("[containers]\npids_limit = 0\n")  # there may be no controller to limit with
        self.podman("pod", "create", "--name", "cloud", "--network", "host")

    def podman(self, *args):
        return run(*self.options, *args)

    def begin(self, name, top):
        if self.podman("ps", "--all", "--quiet", "--filter", f"name=^{name}$"):
            self.podman("start", name)
            return
        user, env, argv = self.command(name)
        self.podman("run", "--detach", "--pod", "cloud", "--name", name, "--user", user, "--log-driver", "k8s-file",
                    "--log-opt", f"path={self.where}/{name}.log", "--ulimit", f"nofile={FILES.get(name, DESCRIPTORS)}",
                    *(w for k, v in env.items() for w in ("--env", f"{k}={v}")), "--rootfs", top / "root", *argv)

    def pids(self):
        return {name: int(self.podman("inspect", "--format", "{{.State.Pid}}", name)) for name in SERVICES}

    def ended(self, name):
        """The status of its end, which it is asked for."""
        self.podman("stop", "--time", "60", name)
        return self.podman("inspect", "--format", "{{.State.ExitCode}}", name).strip()

    def down(self):
        self.podman("pod", "rm", "--force", "--time", "5", "cloud")
        for name in SERVICES:
            run("umount", "-l", self.where / name / "root")


class Docker(Volumes, Application):
    """As Docker's containers, with orlop. The image has no file: what it has all share."""
    def __init__(self, *args):
        super().__init__(*args)
        with open(self.where / "dockerd.log", "wb") as log:
            self.daemon = subprocess.Popen(
                ["dockerd", "--data-root", self.where / "docker", "--add-runtime", f"orlop={ORLOP}", "--default-runtime", "orlop",
                 "--exec-opt", "native.cgroupdriver=cgroupfs", "--bridge", "none", "--iptables=false", "--ip6tables=false"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(lambda: subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0, self.words("dockerd"))
        with tarfile.open(self.where / "image.tar", "w") as tar:
            for name in ("usr", "etc", "app", "tmp", "proc", "sys", "dev", "var/lib/postgresql"):
                folder = tarfile.TarInfo(name)
                folder.type, folder.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(folder)
            for name in ("bin", "sbin", "lib", "lib64"):
                tar.add(f"/{name}", name)  # links into /usr
        run("docker", "import", self.where / "image.tar", "empty")

    def words(self, name):
        read = super().words(name).read if name == "dockerd" else lambda: run("docker", "logs", name)
        return Late(name, read)

    def begin(self, name, top):
        if name in run("docker", "ps", "--all", "--format", "{{.Names}}").split():
            run("docker", "start", name)
            return
        user, env, argv = self.command(name)
        who = pwd.getpwnam(user)
        volumes = [("/usr", "/usr", "ro"), ("/etc", "/etc", "ro"), *self.volumes(name)]
        run("docker", "run", "--detach", "--name", name, "--user", f"{who.pw_uid}:{who.pw_gid}", "--network", "host", "--read-only",
            "--tmpfs", "/tmp:mode=1777", "--ulimit", f"nofile={FILES.get(name, DESCRIPTORS)}",
            *(w for d, s, o in volumes for w in ("--volume", f"{s}:{d}:{o}")),
            *(w for k, v in env.items() for w in ("--env", f"{k}={v}")), "empty", *argv)

    def inspect(self, name, what):
        return run("docker", "inspect", "--format", "{{." + what + "}}", name).strip()

    def pids(self):
        return {name: int(self.inspect(name, "State.Pid")) for name in SERVICES}

    def ended(self, name):
        """The status of its end, which it is asked for."""
        run("docker", "stop", "--time", "60", name)
        return self.inspect(name, "State.ExitCode")

    def down(self):
        run("docker", "rm", "--force", *run("docker", "ps", "--all", "--quiet").split())
        self.daemon.terminate()
        self.daemon.wait(60)
