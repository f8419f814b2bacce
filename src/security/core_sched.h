/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Core scheduling: while the container runs on a thread of a core, nobody else runs on the others of that core. */
#ifndef ORLOP_SECURITY_CORE_SCHED_H
#define ORLOP_SECURITY_CORE_SCHED_H

#include <stdbool.h>
#include <sys/types.h>

#include "oci/core_sched.h"
#include "util/error.h"

/* Parent, before any side effect: can the kernel do it?  With CORE_SCHED_BEST_EFFORT what it cannot is a warning. */
int core_sched_check(enum core_sched mode, struct error *err);
/* The same of a kernel that answers with @answer, 0 or -errno. */
int core_sched_check_answer(enum core_sched mode, int answer, struct error *err);

/* Child, of a new container: a cookie that nobody else has; and see that it is so.  Its children inherit it. */
int core_sched_create(enum core_sched mode, struct error *err);

/*
 * Child, of exec: the cookie of @init, the container's first process by its number in our pid namespace, into which we
 * must be allowed to look; and see that it is so.
 */
int core_sched_join(enum core_sched mode, pid_t init, struct error *err);

/* Parent: has @other, the first process of the container @id, one to share? */
int core_sched_check_other(pid_t other, const char *id, struct error *err);
/* Parent: that of @from, which is the process of @from_pidfd, for @to; and see that it is so.  Our own stays. */
int core_sched_give(pid_t from, int from_pidfd, pid_t to, struct error *err);

/* Parent: has @process one, and not ours?  @joined: it is one more of a container.  Takes the right to look into it. */
int core_sched_readback(enum core_sched mode, pid_t process, bool joined, struct error *err);

#endif
