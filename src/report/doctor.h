/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `doctor` finds out about a machine.  Private to report/. */
#ifndef ORLOP_REPORT_DOCTOR_H
#define ORLOP_REPORT_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "report/host.h"
#include "store/options.h"
#include "util/mem.h"

struct fact {
	const char *id;			/* "cgroup.memory": stays what it is; the list is in orlop(8) */
	const char *is;			/* what was found */
	const char *todo;		/* what to do about it, or NULL: nothing */
	bool needed;			/* without it no container can be made by this caller */
};

struct doctor {
	struct arena *arena;
	const struct global_options *global;
	struct host host;
	struct fact *v;
	size_t n;
};

/* All is well.  @id is kept; the text is made in the arena. */
void doctor_ok(struct doctor *d, const char *id, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* It is not: @is is kept. */
void doctor_todo(struct doctor *d, const char *id, const char *is, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The last one is needed. */
void doctor_need(struct doctor *d);

/* Whoever has CAP_SYS_ADMIN needs nothing that is delegated. */
static inline bool doctor_has_power(const struct doctor *d)
{
	return d->host.facts.cap_sys_admin && d->host.facts.in_initial_userns;
}

/* The parts, in their order. */
void doctor_kernel(struct doctor *d);
void doctor_cgroup(struct doctor *d);
void doctor_caller(struct doctor *d);
void doctor_limits(struct doctor *d);
void doctor_engines(struct doctor *d);

#endif
