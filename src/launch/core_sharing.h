/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The annotation org.orlop.core-sched with `share:ID`: containers that may run on the threads of one core at once. */
#ifndef ORLOP_LAUNCH_CORE_SHARING_H
#define ORLOP_LAUNCH_CORE_SHARING_H

#include <sys/types.h>

#include "plan/plan.h"
#include "store/options.h"
#include "util/error.h"

/* Before any side effect: is the other container there, with a process that has a cookie?  Nothing without one. */
int core_sharing_check(const struct global_options *g, const struct plan *p, struct error *err);

/*
 * Give its cookie to @process, which is ready and waits, and see that it is so.  Takes the right to look into both
 * (PTRACE_MODE_READ, ptrace(2)).
 */
int core_sharing_apply(const struct global_options *g, const struct plan *p, pid_t process, struct error *err);

#endif
