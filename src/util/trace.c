/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Phases and their times.  Runs in the runtime and in the container process until a filter may judge its calls. */
#include "util/trace.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

struct trace {
	atomic_size_t n;		/* also of those that were left out */
	struct trace_event v[TRACE_EVENTS_MAX];
};

static struct trace *trace;		/* NULL: off */
static enum trace_lane own_lane;

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int trace_open(void)
{
	void *p = mmap(NULL, sizeof(*trace), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -errno;
	trace = p;
	return 0;
}

void trace_lane(enum trace_lane lane)
{
	own_lane = lane;
}

void trace_stop(void)
{
	trace = NULL;
}

size_t trace_enter(const char *what, const char *object)
{
	struct trace_event *e;
	size_t i;

	if (!trace)
		return 0;
	i = atomic_fetch_add(&trace->n, 1);
	if (i >= TRACE_EVENTS_MAX)
		return 0;
	e = &trace->v[i];
	e->lane = own_lane;
	snprintf(e->name, sizeof(e->name), object ? "%s %s" : "%s", what, object);
	__atomic_store_n(&e->begin_ns, now_ns(), __ATOMIC_RELEASE);
	return i + 1;
}

void trace_leave(size_t *event)
{
	if (trace && *event)
		trace->v[*event - 1].end_ns = now_ns();
}

size_t trace_events(const struct trace_event **ret, size_t *ret_left_out)
{
	size_t n = trace ? atomic_load(&trace->n) : 0, kept = n < TRACE_EVENTS_MAX ? n : TRACE_EVENTS_MAX;

	*ret = trace ? trace->v : NULL;
	*ret_left_out = n - kept;
	return kept;
}
