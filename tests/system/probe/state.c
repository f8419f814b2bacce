/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this process is and has, asked of the kernel in every way that works without a /proc too. */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

static char buffer[1 << 20];

static void link_text(const char *name, const char *path)
{
	ssize_t n = readlink(path, buffer, sizeof(buffer));

	if (n < 0)
		json_string(name, NULL);
	else
		json_bytes(name, buffer, n);
}

static void file_text(const char *name, const char *path)
{
	int fd = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	size_t len = 0;
	ssize_t n = 0;

	while (fd >= 0 && len < sizeof(buffer) &&
	       (n = read(fd, buffer + len, sizeof(buffer) - len)) > 0)
		len += (size_t)n;
	if (fd < 0 || n < 0)
		json_string(name, NULL);
	else
		json_bytes(name, buffer, (long)len);
	if (fd >= 0)
		close(fd);
}

static void print_strings(const char *name, char **list)
{
	json_open(name, '[');
	for (; *list; list++)
		json_string(NULL, *list);
	json_close(']');
}

static void print_fds(void)
{
	char path[40];

	json_open("fds", '[');
	for (int fd = 0; fd < 4096; fd++) {
		struct statfs fs;
		struct stat st;
		int flags = fcntl(fd, F_GETFL);

		if (flags < 0)
			continue;
		json_open(NULL, '{');
		json_number("fd", fd);
		json_number("flags", flags);
		json_bool("cloexec", fcntl(fd, F_GETFD) & FD_CLOEXEC);
		if (fstat(fd, &st) == 0) {
			json_number("dev", (long long)st.st_dev);
			json_number("ino", (long long)st.st_ino);
			json_number("mode", st.st_mode);
			json_number("uid", st.st_uid);
			json_number("gid", st.st_gid);
			json_number("rmajor", major(st.st_rdev));
			json_number("rminor", minor(st.st_rdev));
		}
		json_number("magic", fstatfs(fd, &fs) == 0 ? (long long)fs.f_type : -1);
		json_bool("tty", isatty(fd));
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		link_text("link", path);
		json_close('}');
	}
	json_close(']');
}

static void print_ids(void)
{
	gid_t groups[65536 / 8];
	uid_t r, e, s;
	gid_t rg, eg, sg;
	int n;

	getresuid(&r, &e, &s);
	getresgid(&rg, &eg, &sg);
	json_open("uids", '[');
	json_number(NULL, r);
	json_number(NULL, e);
	json_number(NULL, s);
	json_number(NULL, setfsuid((uid_t)-1));
	json_close(']');
	json_open("gids", '[');
	json_number(NULL, rg);
	json_number(NULL, eg);
	json_number(NULL, sg);
	json_close(']');
	n = getgroups((int)(sizeof(groups) / sizeof(*groups)), groups);
	json_open("groups", '[');
	for (int i = 0; i < n; i++)
		json_number(NULL, groups[i]);
	json_close(']');
}

/* As numbers: bit N is capability N. */
static void print_caps(void)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[2] = {0};
	long long bounding = 0, ambient = 0;

	syscall(SYS_capget, &h, d);
	for (unsigned long cap = 0; cap < 64; cap++) {
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1)
			bounding |= 1LL << cap;
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1)
			ambient |= 1LL << cap;
	}
	json_open("caps", '{');
	json_number("effective", (long long)((uint64_t)d[1].effective << 32 | d[0].effective));
	json_number("permitted", (long long)((uint64_t)d[1].permitted << 32 | d[0].permitted));
	json_number("inheritable", (long long)((uint64_t)d[1].inheritable << 32 | d[0].inheritable));
	json_number("bounding", bounding);
	json_number("ambient", ambient);
	json_close('}');
	json_number("securebits", prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
	json_number("keepcaps", prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0));
	json_number("no_new_privs", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	json_number("seccomp", prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
	json_number("dumpable", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
}

static void print_limits(void)
{
	static const char *const names[] = {
		"CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS",
		"LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME",
	};

	json_open("rlimits", '{');
	for (int i = 0; i < 16; i++) {
		struct rlimit l;

		getrlimit(i, &l);
		json_open(names[i], '[');	/* unlimited is -1 */
		json_number(NULL, (long long)l.rlim_cur);
		json_number(NULL, (long long)l.rlim_max);
		json_close(']');
	}
	json_close('}');
}

static void print_sched_attr(void)
{
	/* sched_setattr(2); libc's headers may or may not have it */
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} a = {0};

	if (syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0) < 0)
		return;
	json_open("sched_attr", '{');
	json_number("policy", a.policy);
	json_number("flags", (long long)a.flags);
	json_number("nice", a.nice);
	json_number("priority", a.priority);
	json_number("runtime", (long long)a.runtime);
	json_number("deadline", (long long)a.deadline);
	json_number("period", (long long)a.period);
	json_close('}');
}

/* get_mempolicy(2): the mode with its flags, and the nodes. */
static void print_memory_policy(void)
{
	unsigned long nodes[16] = {0};
	int mode = 0;

	if (syscall(SYS_get_mempolicy, &mode, nodes, 8 * sizeof(nodes), NULL, 0) < 0)
		return;
	json_open("memory_policy", '{');
	json_number("mode", mode);
	json_open("nodes", '[');
	for (int i = 0; i < 1024; i++)
		if (nodes[i / 64] >> i % 64 & 1)
			json_number(NULL, i);
	json_close(']');
	json_close('}');
}

/* In nanoseconds. */
static void print_clocks(void)
{
	static const struct { const char *name; clockid_t id; } clocks[] = {
		{"monotonic", CLOCK_MONOTONIC}, {"boottime", CLOCK_BOOTTIME},
		{"realtime", CLOCK_REALTIME},
	};

	json_open("clocks", '{');
	for (int i = 0; i < 3; i++) {
		struct timespec t = {0};

		clock_gettime(clocks[i].id, &t);
		json_number(clocks[i].name, t.tv_sec * 1000000000LL + t.tv_nsec);
	}
	json_close('}');
	file_text("timens_offsets", "/proc/self/timens_offsets");
}

static void print_scheduling(void)
{
	cpu_set_t set;
	int sig;

	json_number("scheduler", sched_getscheduler(0));
	errno = 0;
	json_number("nice", getpriority(PRIO_PROCESS, 0));
	json_number("ioprio", syscall(SYS_ioprio_get, 1, 0));
	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	json_open("affinity", '[');
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &set))
			json_number(NULL, i);
	json_close(']');
	prctl(PR_GET_PDEATHSIG, &sig);
	json_number("pdeathsig", sig);
	json_number("personality", personality(0xffffffff));
	print_sched_attr();
	print_memory_policy();
	print_clocks();
	json_number("timer_slack", prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0));
	json_number("subreaper", (prctl(PR_GET_CHILD_SUBREAPER, &sig), sig));
}

static void print_signals(void)
{
	sigset_t blocked;

	sigprocmask(SIG_BLOCK, NULL, &blocked);
	json_open("blocked_signals", '[');
	for (int s = 1; s <= 64; s++)
		if (sigismember(&blocked, s) == 1)
			json_number(NULL, s);
	json_close(']');
	json_open("ignored_signals", '[');
	for (int s = 1; s <= 64; s++) {
		struct sigaction a;

		if (sigaction(s, NULL, &a) == 0 && a.sa_handler == SIG_IGN)
			json_number(NULL, s);
	}
	json_close(']');
}

static void print_tty(void)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
	struct winsize ws;

	json_string("dev_tty", fd < 0 ? errno_name(errno) : "open");
	if (fd >= 0)
		close(fd);
	if (ioctl(0, TIOCGWINSZ, &ws) == 0) {
		json_open("winsize", '[');
		json_number(NULL, ws.ws_row);
		json_number(NULL, ws.ws_col);
		json_close(']');
	}
	json_number("sid", getsid(0));
	json_number("pgid", getpgid(0));
	json_number("foreground", tcgetpgrp(0));
}

static void print_interfaces(void)
{
	struct if_nameindex *list = if_nameindex();
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	json_open("interfaces", '{');
	for (struct if_nameindex *i = list; i && i->if_index; i++) {
		struct ifreq r = {0};

		strncpy(r.ifr_name, i->if_name, sizeof(r.ifr_name) - 1);
		ioctl(fd, SIOCGIFFLAGS, &r);
		json_number(i->if_name, r.ifr_flags);
	}
	json_close('}');
	if (list)
		if_freenameindex(list);
	if (fd >= 0)
		close(fd);
}

static void print_namespaces(void)
{
	static const char *const names[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"};
	char path[40];

	json_open("namespaces", '{');
	for (int i = 0; i < 8; i++) {
		struct stat st;

		snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
		json_number(names[i], stat(path, &st) == 0 ? (long long)st.st_ino : -1);
	}
	json_close('}');
}

void state_print(int argc, char **argv, char **envp)
{
	mode_t mask = umask(0);
	struct utsname u;

	umask(mask);
	(void)argc;
	print_fds();
	print_strings("argv", argv);
	print_strings("env", envp);
	json_string("cwd", getcwd(buffer, 4096) ? buffer : NULL);
	link_text("proc_cwd", "/proc/self/cwd");
	link_text("root", "/proc/self/root");
	link_text("exe", "/proc/self/exe");
	json_number("pid", getpid());
	json_number("ppid", getppid());
	print_ids();
	print_caps();
	json_number("umask", mask);
	print_limits();
	print_scheduling();
	print_signals();
	json_number("keyring", syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0));
	print_tty();
	uname(&u);
	json_string("hostname", u.nodename);
	json_string("machine", u.machine);
	json_string("domainname", u.domainname);
	print_interfaces();
	print_namespaces();
	file_text("mountinfo", "/proc/self/mountinfo");
	file_text("cgroup", "/proc/self/cgroup");
	file_text("status", "/proc/self/status");
	file_text("oom_score_adj", "/proc/self/oom_score_adj");
	file_text("attr_current", "/proc/self/attr/current");
	file_text("attr_exec", "/proc/self/attr/exec");
}
