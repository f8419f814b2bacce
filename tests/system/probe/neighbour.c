/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hostile process in a pid namespace that others come into: it looks at each new process as fast as it can.
 *
 *	probe neighbour stop		SIGSTOP to each, once it has no_new_privs
 *	probe neighbour spy PATH TEXT	open PATH of the host through /proc/PID/root and PID/cwd; look for TEXT in its
 *					environment; its capabilities, filter and descriptors
 *
 * Until a line comes on standard input; then it prints what it saw.
 */
#include "probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct seen {
	unsigned processes, stopped, roots, environments, directories;
	unsigned long long caps;	/* all that one of them had, permitted or effective */
};

static ssize_t read_file(int pid, const char *name, char *buf, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	else
		snprintf(path, sizeof(path), "/proc/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, buf, size - 1);
	close(fd);
	buf[n < 0 ? 0 : n] = '\0';
	return n;
}

static unsigned long long caps_of(const char *status, const char *key)
{
	const char *at = strstr(status, key);

	return at ? strtoull(at + strlen(key), NULL, 16) : 0;
}

static void spy(int pid, const char *path, const char *text, struct seen *s)
{
	static char buf[16384];
	char name[4200];
	DIR *d;
	int fd;

	snprintf(name, sizeof(name), "/proc/%d/root%s", pid, path);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		s->roots++;
		close(fd);
	}
	if (read_file(pid, "status", buf, sizeof(buf)) > 0)
		s->caps |= caps_of(buf, "CapPrm:") | caps_of(buf, "CapEff:");
	if (read_file(pid, "environ", buf, sizeof(buf)) > 0 && memmem(buf, sizeof(buf), text, strlen(text)))
		s->environments++;
	snprintf(name, sizeof(name), "/proc/%d/fd", pid);
	d = opendir(name);
	for (struct dirent *e; d && (e = readdir(d));) {
		char link[4200];
		int below;

		snprintf(link, sizeof(link), "/proc/%d/fd/%s%s", pid, e->d_name, path);
		below = e->d_name[0] == '.' ? -1 : open(link, O_RDONLY | O_CLOEXEC);
		if (below >= 0) {
			s->directories++;
			close(below);
		}
	}
	if (d)
		closedir(d);
}

static void stop(int pid, struct seen *s)
{
	char buf[4096];

	if (read_file(pid, "status", buf, sizeof(buf)) > 0 && strstr(buf, "NoNewPrivs:\t1") &&
	    syscall(SYS_kill, pid, SIGSTOP) == 0)
		s->stopped++;
}

static int last_pid(void)
{
	char buf[128];
	const char *at;

	if (read_file(0, "loadavg", buf, sizeof(buf)) <= 0)
		return 0;
	at = strrchr(buf, ' ');
	return at ? atoi(at) : 0;
}

int neighbour(int argc, char **argv)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	struct seen s = {0};
	int known = last_pid();

	puts("READY");
	fflush(stdout);
	while (poll(&in, 1, 0) == 0) {
		int last = last_pid();

		if (last < known)
			known = 1;
		for (int pid = known > 2 ? known - 2 : 2; pid <= last; pid++) {
			if (pid == getpid())
				continue;
			if (argc > 2 && !strcmp(argv[0], "spy"))
				spy(pid, argv[1], argv[2], &s);
			else
				stop(pid, &s);
		}
		s.processes += (unsigned)(last - known);
		known = last;
	}
	json_open(NULL, '{');
	json_number("processes", s.processes);
	json_number("stopped", s.stopped);
	json_number("roots", s.roots);
	json_number("directories", s.directories);
	json_number("environments", s.environments);
	json_number("caps", (long long)s.caps);
	json_close('}');
	putchar('\n');
	return 0;
}
