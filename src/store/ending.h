/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the first process of a container ended.  The kernel tells it to its parent, which is an engine or init(1) for all
 * but `run` in the foreground, and to whoever had a pidfd before that parent collected it: `wait`.  When neither was
 * there nobody knows, and so it is said.
 */
#ifndef ORLOP_STORE_ENDING_H
#define ORLOP_STORE_ENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/state.h"
#include "store/store.h"
#include "util/clock.h"

struct ending {
	bool known;			/* the next member is */
	int wait_status;		/* as of waitpid(2) */
	char time[CLOCK_TEXT_MAX];	/* when somebody saw it end; "": nobody did */
	uint64_t oom_kills;		/* of its processes for want of memory, until now */
	uint64_t memory_max;		/* of its cgroup, in bytes; 0: unknown, UINT64_MAX: no limit */
	uint64_t memory_peak;		/* 0: unknown, as before 5.19 */
};

/* Of a process that has just ended: state_exit(), and the time. */
void ending_seen(struct ending *e, int pidfd, int proc);
/* The same by a wait status that the caller has. */
void ending_of_status(struct ending *e, int wait_status);
/* What its cgroup tells of memory; of one that is gone the kernel's log, if we may read it. */
void ending_add_memory(struct ending *e, const struct state *st);

/* Keep it in the directory @dir of the container until that is deleted; of one that is deleted already: nothing, 0.
 * The lock is taken, and released. */
int ending_save(struct store *s, const char *id, int dir, const struct ending *e, struct error *err);
/* All that can be known of a stopped container: what was kept, or what there is to be seen still. */
void ending_load(struct arena *a, int dir, const struct state *st, struct ending *ret);

/* 0..255, 128 + signal; of a known one. */
int ending_code(const struct ending *e);
/* Was it memory that ended it? */
bool ending_is_oom(const struct ending *e);
/* "killed for want of memory: memory.max 64M, peak 63.9M" in @buf, for one of which that is so. */
const char *ending_oom_words(const struct ending *e, char *buf, size_t size);

struct json_writer;
/* The object `exit` of the state document. */
void ending_write(struct json_writer *w, const struct ending *e);

#endif
