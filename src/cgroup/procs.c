/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which processes are in a cgroup and below it, and signals for all of them.  On the host side. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup/cgroup.h"
#include "cgroup/events.h"
#include "cgroup/walk.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/str.h"

#define BATCH 32		/* pidfds open at one time */
#define PASSES_MAX 64
#define ALL_MS 10000		/* for all passes */

struct pids {
	pid_t *v;
	size_t n, cap;
};

static void pids_free(struct pids *p)
{
	free(p->v);
}

static void pids_add(struct pids *p, pid_t pid)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 64;
		p->v = xrealloc(p->v, p->cap, sizeof(*p->v));
	}
	p->v[p->n++] = pid;
}

static int compare_pids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

static void pids_sort(struct pids *p)
{
	size_t kept = 0;

	if (p->n == 0)
		return;
	qsort(p->v, p->n, sizeof(*p->v), compare_pids);
	for (size_t i = 0; i < p->n; i++)
		if (kept == 0 || p->v[kept - 1] != p->v[i])
			p->v[kept++] = p->v[i];
	p->n = kept;
}

static bool pids_have(const struct pids *p, pid_t pid)
{
	return p->n && bsearch(&pid, p->v, p->n, sizeof(*p->v), compare_pids);
}

/* The process of a thread, 0 when it is gone. */
static pid_t process_of(pid_t tid)
{
	char path[64], text[4096], *line;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	if (fd_read_pseudo(AT_FDCWD, path, text, sizeof(text)) < 0)
		return 0;
	line = strstr(text, "\nTgid:\t");
	return line ? (pid_t)strtol(line + 7, NULL, 10) : 0;
}

/* One file of numbers, a line each.  Those of other pid namespaces read 0. */
static int read_numbers(int dirfd, const char *file, bool threads, struct pids *ret)
{
	_cleanup_close_ int fd = fd_openat(dirfd, file, O_RDONLY, 0);
	char buf[4096];
	pid_t number = 0;
	ssize_t n;

	if (fd < 0)
		return fd;
	while ((n = read(fd, buf, sizeof(buf))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		for (ssize_t i = 0; i < n; i++) {
			if (buf[i] >= '0' && buf[i] <= '9') {
				number = number * 10 + (buf[i] - '0');
				continue;
			}
			if (threads && number > 0)
				number = process_of(number);
			if (number > 0)
				pids_add(ret, number);
			number = 0;
		}
	}
	return 0;
}

static int collect(int fd, struct pids *ret)
{
	_cleanup_(cgroup_walk_done) struct cgroup_walk w = CGROUP_WALK_INIT;
	int r = cgroup_walk_start(&w, fd);

	ret->n = 0;
	while (r >= 0 && (r = cgroup_walk_next(&w)) > WALK_END) {
		if (r != WALK_ENTER)
			continue;
		r = read_numbers(w.fd, "cgroup.procs", false, ret);
		/* A threaded cgroup tells only threads, cgroups(7). */
		if (r == -EOPNOTSUPP)
			r = read_numbers(w.fd, "cgroup.threads", true, ret);
		if (r == -ENOENT || r == -ENODEV)
			r = 0;
	}
	pids_sort(ret);
	return r;
}

int cgroup_procs(int fd, pid_t **ret, size_t *ret_n, struct error *err)
{
	_cleanup_(pids_free) struct pids p = {0};
	int r = collect(fd, &p);

	if (r < 0)
		return error_errno(err, r, "list the processes of the cgroup");
	*ret_n = p.n;
	*ret = steal_ptr(p.v);
	return 0;
}

int cgroup_move_all(int from, int to, struct error *err)
{
	_cleanup_(pids_free) struct pids p = {0};
	int r = read_numbers(from, "cgroup.procs", false, &p);

	if (r < 0)
		return error_errno(err, r, "list the processes of the cgroup");
	for (size_t i = 0; i < p.n; i++) {
		r = cgroup_attach(to, p.v[i], err);
		if (r < 0 && r != -ESRCH)
			return r;
		memset(err, 0, sizeof(*err));	/* it has ended */
	}
	return 0;
}

/*
 * A number may be given to a stranger between reading it and opening it.  If it is listed again
 * after it was opened, the descriptor is of the process listed, or of one that is dead.
 */
static int signal_batch(int fd, const pid_t *v, size_t n, int sig, struct pids *again,
			struct error *err)
{
	int fds[BATCH], ret = 0;

	for (size_t i = 0; i < n; i++)
		fds[i] = sys_pidfd_open(v[i], 0);
	ret = collect(fd, again);
	if (ret < 0)
		error_errno(err, ret, "list the processes of the cgroup");
	for (size_t i = 0; i < n; i++) {
		int r = fds[i];

		if (r >= 0 && ret == 0 && pids_have(again, v[i]))
			r = sys_pidfd_send_signal(fds[i], sig, NULL, 0);
		if (r < 0 && r != -ESRCH && ret == 0)
			ret = error_errno(err, r, "send signal %d to process %d", sig, (int)v[i]);
		if (fds[i] >= 0)
			close(fds[i]);
	}
	return ret;
}

int cgroup_signal_all(int fd, int sig, struct error *err)
{
	_cleanup_(pids_free) struct pids now = {0}, again = {0}, done = {0};
	int64_t deadline = cgroup_now_ms() + ALL_MS;

	for (int pass = 0; pass < PASSES_MAX && cgroup_now_ms() < deadline; pass++) {
		size_t fresh = 0;
		int r = collect(fd, &now);

		if (r < 0)
			return error_errno(err, r, "list the processes of the cgroup");
		for (size_t i = 0; i < now.n; i++)
			if (!pids_have(&done, now.v[i]))
				now.v[fresh++] = now.v[i];
		if (fresh == 0)
			return 0;
		for (size_t i = 0; i < fresh; i += BATCH) {
			size_t n = fresh - i < BATCH ? fresh - i : BATCH;

			r = signal_batch(fd, now.v + i, n, sig, &again, err);
			if (r < 0)
				return r;
		}
		for (size_t i = 0; i < fresh; i++)
			pids_add(&done, now.v[i]);
		pids_sort(&done);
	}
	return error_set(err, EAGAIN, "processes appear faster than signal %d can be sent to them; pause the "
			 "container first", sig);
}
