/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "process/orphans.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/fd.h"

#define SECONDS 2	/* to kill all */
#define KILL_MS 1000	/* to kill one: a process in D state must not hold us */

/* This process has one thread.  The file needs CONFIG_PROC_CHILDREN; without it there are none. */
static size_t list_children(pid_t *v, size_t max)
{
	_cleanup_close_ int fd = fd_openat(AT_FDCWD, "/proc/thread-self/children", O_RDONLY, 0);
	char text[4096], *next = text;
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	size_t n = 0;

	if (len < 0)
		return 0;
	text[len] = '\0';	/* what does not fit is seen the next time */
	while (n < max) {
		char *end;
		long pid = strtol(next, &end, 10);

		if (end == next || pid <= 0)
			break;
		v[n++] = (pid_t)pid;
		next = end;
	}
	return n;
}

void orphans_adopt(struct orphans *o)
{
	*o = (struct orphans){.adopted = prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0};
	if (o->adopted)
		o->n = list_children(o->before, ORPHANS_BEFORE_MAX);
}

static bool known(const struct orphans *o, pid_t pid)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->before[i] == pid)
			return true;
	return false;
}

/* A child that nobody else reaps, so its number is its own.  False when it does not end. */
static bool kill_child(pid_t pid)
{
	_cleanup_close_ int fd = sys_pidfd_open(pid, 0);
	siginfo_t info;

	if (fd < 0)
		return false;
	sys_pidfd_send_signal(fd, SIGKILL, NULL, 0);
	return fd_wait(fd, POLLIN, KILL_MS) > 0 && waitid(P_PID, (id_t)pid, &info, WEXITED) == 0;
}

void orphans_kill(const struct orphans *o)
{
	struct timespec begin, t;
	bool more = o->adopted;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (t = begin; more && t.tv_sec - begin.tv_sec < SECONDS; clock_gettime(CLOCK_MONOTONIC, &t)) {
		pid_t now[ORPHANS_BEFORE_MAX];
		size_t n = list_children(now, ORPHANS_BEFORE_MAX);

		more = false;
		for (size_t i = 0; i < n; i++)
			if (!known(o, now[i]) && kill_child(now[i]))
				more = true;
	}
}

void orphans_end(struct orphans *o)
{
	if (o->adopted)
		prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
	o->adopted = false;
}
