/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs in helper processes. */
#include "util/empty.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/fd.h"

/* The directory is always there, and of a file system in which nothing can be made: what a process sees of itself. */
int empty_self(const int *keep, size_t n)
{
	_cleanup_close_ int empty = fd_openat(AT_FDCWD, "/proc/self/fdinfo", O_RDONLY | O_DIRECTORY, 0);

	if (empty < 0)
		return empty;
	if (fchdir(empty) < 0 || chroot(".") < 0)
		return -errno;
	close(steal_fd(&empty));
	return fd_close_others(0, keep, n);
}
