/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a hook has started and left to itself, out of its session and process group: while a hook has a
 * timeout, the calling process adopts it (PR_SET_CHILD_SUBREAPER), so that it can be found and killed.
 * Only for a process whose other children do not end in the meantime unless it waits for them.
 */
#ifndef ORLOP_PROCESS_ORPHANS_H
#define ORLOP_PROCESS_ORPHANS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define ORPHANS_BEFORE_MAX 64

struct orphans {
	bool adopted;
	pid_t before[ORPHANS_BEFORE_MAX];	/* children that are none */
	size_t n;
};

/* From now on orphans come to us.  Where that cannot be had, nothing is adopted. */
void orphans_adopt(struct orphans *o);

/* Kill and reap all that came, and what comes when these are killed; for at most two seconds. */
void orphans_kill(const struct orphans *o);

/* No more are adopted; those that came stay, until we end. */
void orphans_end(struct orphans *o);

#endif
