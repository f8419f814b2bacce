/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel tells who waits for a cgroup: that it killed for want of memory, that all have ended. */
#ifndef ORLOP_CGROUP_NOTICES_H
#define ORLOP_CGROUP_NOTICES_H

#include <stdint.h>

#include "util/error.h"

struct cgroup_notices {
	int dir, events, memory;
	int pidfd;			/* -1: none, or its process has ended */
	uint64_t oom_kills;		/* those that were told already */
};

#define CGROUP_NOTICES_INIT {.dir = -1, .events = -1, .memory = -1, .pidfd = -1}

enum cgroup_notice {
	NOTICE_OOM = 1,			/* killed, in it or below, since the last look */
	NOTICE_END = 2,			/* no process is left, or the cgroup itself is gone */
	NOTICE_NO_READER = 4,		/* nobody reads @output any more */
};

/* What was killed before this is not told.  @dir is borrowed, and @pidfd, of its first process. */
int cgroup_notices_open(struct cgroup_notices *n, int dir, int pidfd, struct error *err);
void cgroup_notices_close(struct cgroup_notices *n);
/* The notices there are, waiting at most @timeout_ms for the first; 0: none came.  Or -errno. */
int cgroup_notices_wait(struct cgroup_notices *n, int output, int timeout_ms, struct error *err);

#endif
