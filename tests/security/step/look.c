/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a process of ours has at this moment, from the host's /proc.  Members:
 *	fds	{fd, link, flags, dev, ino, mode, fs, readonly, tree}: `tree` is "host" for an object of a mount that
 *		the host sees, "own" for one of the process's own mount namespace, "none" for neither (sockets, a
 *		detached mount)
 *	root, cwd, exe	likewise
 *	asked	errno of a process without capabilities that opens /proc/PID/root; 0: it could
 *	dumpable	what prctl(PR_GET_DUMPABLE) says there; -1: not asked (a filter is there)
 *	environ, cmdline, uids, gids, caps (inheritable permitted effective bounding ambient), no_new_privs, seccomp,
 *	pids (in each pid namespace, ours first), ns {pid, mnt, user}
 */
#include "step.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../system/probe/probe.h"

#define MOUNTS_MAX 8192

struct mounts {
	unsigned ids[MOUNTS_MAX];
	size_t n;
};

static struct mounts host, own;
static pid_t asker;
static int question[2], answer[2];

static size_t read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	while (fd >= 0 && len < size - 1 && (n = read(fd, text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	if (fd >= 0)
		close(fd);
	text[len] = '\0';
	return len;
}

static void read_mounts(const char *path, struct mounts *m)
{
	static char text[1 << 20];

	m->n = 0;
	read_file(path, text, sizeof(text));
	for (char *line = text; *line && m->n < MOUNTS_MAX; line = strchr(line, '\n') + 1)
		m->ids[m->n++] = (unsigned)strtoul(line, NULL, 10);
}

static bool has_mount(const struct mounts *m, unsigned id)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->ids[i] == id)
			return true;
	return false;
}

/* ---- the one who is asked --------------------------------------------------------------------- */

static _Noreturn void ask_loop(uid_t uid)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[2] = {0};
	char path[32];
	pid_t pid;

	if (uid && setresuid(uid, uid, uid) < 0)
		_exit(1);
	if (syscall(SYS_capset, &header, none) < 0)
		_exit(1);
	while (read(question[0], &pid, sizeof(pid)) == sizeof(pid)) {
		int fd, r;

		snprintf(path, sizeof(path), "/proc/%d/root/", (int)pid);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = fd < 0 ? errno : 0;
		if (fd >= 0)
			close(fd);
		if (write(answer[1], &r, sizeof(r)) != sizeof(r))
			break;
	}
	_exit(0);
}

void look_begin(uid_t uid)
{
	read_mounts("/proc/self/mountinfo", &host);
	if (pipe2(question, O_CLOEXEC) < 0 || pipe2(answer, O_CLOEXEC) < 0)
		step_fail("pipe");
	fflush(stdout);
	asker = fork();
	if (asker < 0)
		step_fail("fork");
	if (asker == 0) {
		close(question[1]);
		ask_loop(uid);
	}
	close(question[0]);
	close(answer[1]);
}

void look_end(void)
{
	close(question[1]);
	waitpid(asker, NULL, 0);
}

bool look_is_asker(pid_t pid)
{
	return pid == asker;
}

static int ask(pid_t pid)
{
	int r = -1;

	if (write(question[1], &pid, sizeof(pid)) != sizeof(pid) || read(answer[0], &r, sizeof(r)) != sizeof(r))
		return -1;
	return r;
}

/* ---- objects ---------------------------------------------------------------------------------- */

static void object(const char *path)
{
	char link[4096];
	struct statx st;
	struct statfs fs;
	ssize_t n = readlink(path, link, sizeof(link));

	json_bytes("link", link, n < 0 ? 0 : n);
	if (statx(AT_FDCWD, path, 0, STATX_BASIC_STATS | STATX_MNT_ID, &st) < 0)
		return;
	json_number("dev", (long long)makedev(st.stx_dev_major, st.stx_dev_minor));
	json_number("ino", (long long)st.stx_ino);
	json_number("mode", st.stx_mode);
	json_string("tree", has_mount(&host, (unsigned)st.stx_mnt_id) ? "host"
		    : has_mount(&own, (unsigned)st.stx_mnt_id) ? "own" : "none");
	if (statfs(path, &fs) < 0)
		return;
	json_number("fs", fs.f_type);
	json_bool("readonly", fs.f_flags & ST_RDONLY);
}

static void member(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	json_open(name, '{');
	object(path);
	json_close('}');
}

static void descriptors(pid_t pid)
{
	char path[64], text[1024], *flags;
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	d = opendir(path);
	json_open("fds", '[');
	while (d && (e = readdir(d))) {
		int fd = atoi(e->d_name);

		if (e->d_name[0] == '.')
			continue;
		json_open(NULL, '{');
		json_number("fd", fd);
		snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)pid, fd);
		read_file(path, text, sizeof(text));
		flags = strstr(text, "flags:");
		json_number("flags", flags ? strtol(flags + 6, NULL, 8) : -1);
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
		object(path);
		json_close('}');
	}
	json_close(']');
	if (d)
		closedir(d);
}

/* ---- the rest --------------------------------------------------------------------------------- */

static const char *status_line(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? at + strlen(key) : "";
}

static void numbers(const char *name, const char *text)
{
	char *end;

	json_open(name, '[');
	for (; *text != '\n' && *text; text = end) {
		long long n = strtoll(text, &end, 10);

		if (end == text)
			break;
		json_number(NULL, n);
	}
	json_close(']');
}

static void from_status(pid_t pid)
{
	static const char *const sets[] = {"\nCapInh:\t", "\nCapPrm:\t", "\nCapEff:\t", "\nCapBnd:\t", "\nCapAmb:\t"};
	char path[64], text[8192];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	read_file(path, text, sizeof(text));
	numbers("uids", status_line(text, "\nUid:"));
	numbers("gids", status_line(text, "\nGid:"));
	numbers("pids", status_line(text, "\nNSpid:"));
	json_number("no_new_privs", atoi(status_line(text, "\nNoNewPrivs:")));
	json_number("seccomp", atoi(status_line(text, "\nSeccomp:")));
	json_open("caps", '[');
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		json_number(NULL, (long long)strtoull(status_line(text, sets[i]), NULL, 16));
	json_close(']');
}

static void namespaces(pid_t pid)
{
	static const char *const kinds[] = {"pid", "mnt", "user"};
	char path[64];
	struct stat st;

	json_open("ns", '{');
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, kinds[i]);
		json_number(kinds[i], stat(path, &st) == 0 ? (long long)st.st_ino : 0);
	}
	json_close('}');
}

static void text_member(pid_t pid, const char *name)
{
	static char text[1 << 17];
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	json_bytes(name, text, (long)read_file(path, text, sizeof(text)));
}

static int seccomp_mode(pid_t pid)
{
	char path[64], text[8192];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	read_file(path, text, sizeof(text));
	return atoi(status_line(text, "\nSeccomp:"));
}

void look_at(struct tracee *t, bool ask_dumpable)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)t->pid);
	read_mounts(path, &own);
	json_number("asked", ask(t->pid));
	descriptors(t->pid);
	member(t->pid, "root");
	member(t->pid, "cwd");
	member(t->pid, "exe");
	text_member(t->pid, "environ");
	text_member(t->pid, "cmdline");
	from_status(t->pid);
	namespaces(t->pid);
	if (ask_dumpable)
		json_number("dumpable", seccomp_mode(t->pid) ? -1 : tracee_dumpable(t));
}
