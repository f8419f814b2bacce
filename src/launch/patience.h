/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waiting for a process that others in its container can stop, trace or freeze: every wait has an end (rule R21).
 * Between "go" and execve(2) it has no work to do but startContainer hooks.
 */
#ifndef ORLOP_LAUNCH_PATIENCE_H
#define ORLOP_LAUNCH_PATIENCE_H

#include <stdint.h>
#include <sys/types.h>

#include "plan/plan.h"
#include "util/error.h"

/* Wait in slices of so many milliseconds. */
#define PATIENCE_SLICE_MS 500

struct patience {
	int proc;			/* borrowed: the process's directory in /proc; -1: any child of ours */
	int64_t until;			/* clock_now_ms() */
	unsigned stopped;		/* slices in a row */
	bool agent;			/* a seccomp agent has to answer for it */
};

/* How long the process of @p may take from then on, in milliseconds; 0: its hooks have no time limit. */
uint64_t patience_for(const struct plan *p, bool exec);

void patience_begin(struct patience *p, int proc_pid, uint64_t ms, bool agent);
/* After a slice without news: 0 to go on, or -ETIMEDOUT. */
int patience_check(struct patience *p, struct error *err);

#endif
