/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scope-bound cleanup (GCC/clang attribute).  Variables are initialised (NULL, -1) at declaration. */
#ifndef ORLOP_UTIL_CLEANUP_H
#define ORLOP_UTIL_CLEANUP_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

static inline void cleanup_freep(void *p)
{
	free(*(void **)p);
}

/* Keeps errno, so that `return -errno` after a failed call still tells the truth. */
static inline void cleanup_closep(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

#define _cleanup_free_ _cleanup_(cleanup_freep)
#define _cleanup_close_ _cleanup_(cleanup_closep)

#define steal_ptr(p) \
	({ __typeof__(p) steal_tmp_ = (p); (p) = NULL; steal_tmp_; })

static inline int steal_fd(int *fd)
{
	int r = *fd;

	*fd = -1;
	return r;
}

#endif
