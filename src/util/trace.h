/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What takes how long, for --trace: phases of the runtime and of the processes that it clones, in memory that they
 * share until they execute a program.  Without trace_open() nothing of it calls the kernel; with it only the clock
 * does, where it has no vdso(7).
 */
#ifndef ORLOP_UTIL_TRACE_H
#define ORLOP_UTIL_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

enum trace_lane { TRACE_RUNTIME, TRACE_CONTAINER, N_TRACE_LANES };

#define TRACE_EVENTS_MAX 4000

struct trace_event {
	int64_t begin_ns, end_ns;	/* since 1970: of the one clock that no time namespace shifts.  end 0: it has
					 * not ended; begin 0: another process is about to note it */
	uint32_t lane;
	char name[60];			/* cut if it is longer */
};

/* -errno. */
int trace_open(void);
/* In a process that was cloned: its phases are in that lane from now on. */
void trace_lane(enum trace_lane lane);
/* In this process no more. */
void trace_stop(void);

/* A phase until trace_leave(): "@what", or "@what @object".  The result is for that. */
size_t trace_enter(const char *what, const char *object);
void trace_leave(size_t *event);

/* To the end of the block. */
#define TRACE(what, object) \
	_cleanup_(trace_leave) __attribute__((unused)) size_t traced_ = trace_enter((what), (object))

/* All that began, in that order; how many.  *ret_left_out: for want of room. */
size_t trace_events(const struct trace_event **ret, size_t *ret_left_out);

#endif
