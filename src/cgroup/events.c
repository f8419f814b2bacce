/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Freezing, killing, and waiting for the kernel to say that it is done.  On the host side.
 * cgroup.events sends POLLPRI on each change (kernel Documentation/admin-guide/cgroup-v2.rst), but
 * only to somebody who has read it before: so read, then poll.
 */
#include "cgroup/events.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "sys/compat.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/str.h"

#define NEWCOMER_MS 1000	/* a process that does nothing has ended by then */

int64_t cgroup_find_key(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		char number[24];
		int64_t v;
		size_t len;

		line += *line == '\n';
		if (strncmp(line, key, n) != 0 || line[n] != ' ')
			continue;
		line += n + 1;
		len = strcspn(line, "\n");
		if (len >= sizeof(number))
			return -ERANGE;
		memcpy(number, line, len);
		number[len] = '\0';
		return str_to_i64(number, &v) < 0 ? -ERANGE : v;
	}
	return -ENOMSG;
}

int64_t cgroup_read_key(int fd, const char *file, const char *key)
{
	char text[1024];
	ssize_t n = fd_read_pseudo(fd, file, text, sizeof(text));

	return n < 0 ? n : cgroup_find_key(text, key);
}

int cgroup_read_events(int fd, int64_t *ret_populated, int64_t *ret_frozen)
{
	char text[1024];
	ssize_t n = fd_read_pseudo(fd, "cgroup.events", text, sizeof(text));

	if (n < 0)
		return (int)n;
	*ret_populated = cgroup_find_key(text, "populated");
	*ret_frozen = cgroup_find_key(text, "frozen");
	return *ret_populated < 0 ? (int)*ret_populated : 0;
}

int64_t cgroup_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* 0 when there may be something new, or at the deadline. */
static int wait_for_change(int events, int64_t left, int cancel)
{
	struct pollfd p[] = {{.fd = events, .events = POLLPRI}, {.fd = cancel, .events = POLLIN}};
	int r;

	do
		r = poll(p, 2, left > INT_MAX ? INT_MAX : (int)left);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	return p[1].revents ? -EINTR : 0;
}

int cgroup_wait_event(int fd, const char *key, int value, int64_t deadline_ms, int cancel)
{
	_cleanup_close_ int events = fd_openat(fd, "cgroup.events", O_RDONLY, 0);

	if (events < 0)
		return events;
	for (;;) {
		char text[256];
		ssize_t n = pread(events, text, sizeof(text) - 1, 0);
		int64_t left, v;

		if (n < 0)
			return -errno;
		text[n] = '\0';
		v = cgroup_find_key(text, key);
		if (v < 0 || v == value)
			return v < 0 ? (int)v : 0;
		left = deadline_ms - cgroup_now_ms();
		if (left <= 0)
			return -ETIMEDOUT;
		n = wait_for_change(events, left, cancel);
		if (n < 0)
			return (int)n;
	}
}

int cgroup_frozen(int fd)
{
	return (int)cgroup_read_key(fd, "cgroup.events", "frozen");
}

static int freeze_all(int fd, int timeout_ms, int cancel, struct error *err)
{
	int r = fd_write_pseudo(fd, "cgroup.freeze", "1", 1), thawed;
	const char *again;

	if (r < 0)
		return error_errno(err, r, "write 1 to cgroup.freeze");
	r = cgroup_wait_event(fd, "frozen", 1, cgroup_now_ms() + timeout_ms, cancel);
	if (r == 0)
		return 0;
	/* half frozen is worse than running */
	thawed = fd_write_pseudo(fd, "cgroup.freeze", "0", 1);
	again = thawed == 0 ? "; all of them run again" : "";
	if (r == -ETIMEDOUT)
		error_set(err, ETIMEDOUT, "a process did not freeze within %d ms (it waits in the kernel or is "
			  "stopped by a tracer)%s", timeout_ms, again);
	else if (r == -EINTR)
		error_set(err, EINTR, "interrupted before all processes were frozen%s", again);
	else
		error_errno(err, r, "wait for cgroup.events to say \"frozen 1\"");
	if (thawed < 0)
		error_hint(err, "some are frozen, and it could not be undone (%s): resume it", error_words(thawed));
	return r;
}

static int thaw_all(int fd, int timeout_ms, struct error *err)
{
	char own[8];
	int r;

	if (fd_read_pseudo(fd, "cgroup.freeze", own, sizeof(own)) > 0 && str_eq(own, "0") && cgroup_frozen(fd) == 1)
		return error_set(err, EBUSY, "its cgroup is not frozen itself, one above it is frozen: resume "
				 "that one");
	r = fd_write_pseudo(fd, "cgroup.freeze", "0", 1);
	if (r < 0)
		return error_errno(err, r, "write 0 to cgroup.freeze");
	r = cgroup_wait_event(fd, "frozen", 0, cgroup_now_ms() + timeout_ms, -1);
	if (r == -ETIMEDOUT)
		return error_set(err, ETIMEDOUT, "the cgroup is still frozen after %d ms: one above it is "
				 "frozen too", timeout_ms);
	return r < 0 ? error_errno(err, r, "wait for cgroup.events to say \"frozen 0\"") : 0;
}

int cgroup_freeze(int fd, bool freeze, int timeout_ms, int cancel, struct error *err)
{
	return freeze ? freeze_all(fd, timeout_ms, cancel, err) : thaw_all(fd, timeout_ms, err);
}

/* a threaded cgroup cannot be killed as one, cgroups(7): in a frozen one nothing new appears meanwhile, and what is
 * frozen can be killed */
static int kill_each(int fd, struct error *err)
{
	bool frozen = cgroup_frozen(fd) == 1;
	int r;

	if (!frozen)
		fd_write_pseudo(fd, "cgroup.freeze", "1", 1);
	r = cgroup_signal_all(fd, SIGKILL, err);
	if (!frozen)
		fd_write_pseudo(fd, "cgroup.freeze", "0", 1);
	return r;
}

bool cgroup_is_gone(int fd)
{
	return faccessat(fd, "cgroup.events", F_OK, 0) < 0 && errno == ENOENT;
}

bool cgroup_kills_newcomers(int fd)
{
	_cleanup_close_ int pidfd = -1;
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP | CLONE_PIDFD, .cgroup = (unsigned)fd, .pidfd = (uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	pid_t pid = cgroup_oom_kills(fd) ? -1 : sys_clone3(&args);
	siginfo_t info = {0};
	bool ended;

	if (pid < 0)
		return false;
	if (pid == 0)
		sys_exit(0);
	ended = fd_wait(pidfd, POLLIN, NEWCOMER_MS) > 0;
	if (!ended)	/* frozen, say */
		sys_pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	while (waitid(P_PID, (id_t)pid, &info, WEXITED) < 0 && errno == EINTR)
		;
	return ended && info.si_code == CLD_KILLED && info.si_status == SIGKILL;
}

int cgroup_kill_all(int fd, struct error *err)
{
	int r = fd_write_pseudo(fd, "cgroup.kill", "1", 1);

	if (r == 0 || r == -ENODEV)	/* ENODEV: removed meanwhile */
		return 0;
	if (r == -ENOENT && cgroup_is_gone(fd))
		return 0;		/* removed before */
	if (r == -EOPNOTSUPP)
		return kill_each(fd, err);
	error_errno(err, r, "write 1 to cgroup.kill");
	if (r == -ENOENT)
		error_hint(err, "cgroup.kill needs Linux 5.14");
	return r;
}

uint64_t cgroup_oom_kills(int fd)
{
	int64_t n = cgroup_read_key(fd, "memory.events", "oom_kill");

	return n < 0 ? 0 : (uint64_t)n;
}
