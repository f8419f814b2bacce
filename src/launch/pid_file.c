/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file that says the pid.  Runs on the host. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launch/options.h"
#include "sys/mutate.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/input.h"
#include "util/mem.h"

static int fail(const char *path, int r, struct error *err)
{
	error_errno(err, r, "write the pid file %s", path);
	return error_path(err, path);
}

int pid_file_open(const char *path, int *ret, struct error *err)
{
	int fd = path ? input_descriptor(path) : -1;
	struct stat st;

	*ret = -1;
	if (fd >= 0) {
		fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (fd < 0)
			return fail(path, errno, err);
		*ret = fd;
		return 0;
	}
	if (!path || lstat(path, &st) < 0)
		return 0;
	if (S_ISDIR(st.st_mode))
		return fail(path, EISDIR, err);
	/* A file in the place of /dev/null would be the end of many a program.  Links, FIFOs and sockets anybody
	 * may have put there: they give way. */
	if (S_ISBLK(st.st_mode))
		return error_set(err, EINVAL, "write the pid file %s: a block device is there", path);
	if (!S_ISCHR(st.st_mode) && !MUTATE(T58))
		return 0;
	fd = fd_openat(AT_FDCWD, path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW, 0);
	if (fd < 0)
		return fail(path, fd, err);
	*ret = fd;
	return 0;
}

/* Whoever reads a pipe may have gone away: that is an error, and must not end us half-way. */
static int write_stream(int fd, const char *text, size_t n)
{
	void (*before)(int) = signal(SIGPIPE, SIG_IGN);
	int r = fd_write_all(fd, text, n);

	signal(SIGPIPE, before);
	return r;
}

int pid_file_write(const char *path, int fd, pid_t pid, struct error *err)
{
	_cleanup_free_ char *copy = xstrdup(path);
	_cleanup_close_ int dir = -1;
	char *name = strrchr(copy, '/'), text[16];
	int n = snprintf(text, sizeof(text), "%d", (int)pid), r;

	if (fd >= 0) {
		r = write_stream(fd, text, (size_t)n);
		return r < 0 ? fail(path, r, err) : 0;
	}
	if (name)
		*name++ = '\0';
	dir = fd_openat(AT_FDCWD, !name ? "." : copy[0] ? copy : "/", O_RDONLY | O_DIRECTORY, 0);
	if (dir < 0)
		return error_errno(err, dir, "open the directory of the pid file %s", path);
	r = fd_write_atomic(dir, name ? name : path, text, (size_t)n, 0644);
	return r < 0 ? fail(path, r, err) : 0;
}
