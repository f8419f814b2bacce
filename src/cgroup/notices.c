/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cgroup.events and memory.events send POLLPRI on each change, to who has read them before: so look, then poll, and
 * look again.  A cgroup that is removed takes along what it had not told yet (it tells at most each 10 ms): so its
 * first process is watched, too.  On the host side.
 */
#include "cgroup/notices.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "cgroup/events.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/str.h"

#define AFTER_ITS_END_MS 50	/* between two looks */

/* The number behind @key, by a descriptor that stays open; -ENODEV when the file is gone. */
static int64_t read_key(int fd, const char *key)
{
	char text[1024];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	return cgroup_find_key(text, key);
}

/* Without the memory controller there is none; it may be enabled later. */
static int64_t read_kills(struct cgroup_notices *n)
{
	int64_t kills;

	if (n->memory < 0)
		n->memory = fd_openat(n->dir, "memory.events", O_RDONLY, 0);
	kills = n->memory < 0 ? n->memory : read_key(n->memory, "oom_kill");
	if (kills == -ENODEV && n->memory >= 0) {
		close(n->memory);
		n->memory = -1;
	}
	return kills;
}

int cgroup_notices_open(struct cgroup_notices *n, int dir, int pidfd, struct error *err)
{
	int64_t kills;

	*n = (struct cgroup_notices)CGROUP_NOTICES_INIT;
	n->dir = dir;
	n->pidfd = pidfd;
	n->events = fd_openat(dir, "cgroup.events", O_RDONLY, 0);
	if (n->events < 0 && n->events != -ENOENT && n->events != -ENODEV)
		return error_errno(err, n->events, "open cgroup.events of the container's cgroup");
	kills = read_kills(n);
	n->oom_kills = kills < 0 ? 0 : (uint64_t)kills;
	return 0;
}

void cgroup_notices_close(struct cgroup_notices *n)
{
	cleanup_closep(&n->events);
	cleanup_closep(&n->memory);
	*n = (struct cgroup_notices)CGROUP_NOTICES_INIT;
}

/* In this order: who has ended was counted before. */
static int look(struct cgroup_notices *n, struct error *err)
{
	int64_t populated = n->events < 0 ? -ENODEV : read_key(n->events, "populated");
	int64_t kills;
	int ret = 0;

	if (populated < 0 && populated != -ENODEV)
		return error_errno(err, (int)populated, "read cgroup.events of the container's cgroup");
	if (populated <= 0)
		ret |= NOTICE_END;
	kills = read_kills(n);
	if (kills > 0 && (uint64_t)kills > n->oom_kills)
		ret |= NOTICE_OOM;
	if (kills >= 0)
		n->oom_kills = (uint64_t)kills;
	return ret;
}

int cgroup_notices_wait(struct cgroup_notices *n, int output, int timeout_ms, struct error *err)
{
	struct pollfd fds[] = {
		{.fd = n->events, .events = POLLPRI},
		{.fd = n->memory, .events = POLLPRI},
		{.fd = output},		/* POLLERR: a pipe that nobody reads */
		{.fd = n->pidfd, .events = POLLIN},
	};
	int r = look(n, err);

	if (r != 0)
		return r;
	fds[1].fd = n->memory;
	if (n->pidfd < 0 && timeout_ms > AFTER_ITS_END_MS)
		timeout_ms = AFTER_ITS_END_MS;
	r = poll(fds, ARRAY_SIZE(fds), timeout_ms);
	if (r < 0 && errno != EINTR)
		return error_errno(err, errno, "wait for the container's cgroup");
	if (r > 0 && fds[3].revents)
		n->pidfd = -1;
	r = look(n, err);
	if (r == 0 && fds[2].revents & (POLLERR | POLLHUP))
		return NOTICE_NO_READER;
	return r;
}
