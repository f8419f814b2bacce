/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What spawn.c, spawn_start.c and serve.c share, private to them. */
#ifndef ORLOP_LAUNCH_SPAWN_PARTS_H
#define ORLOP_LAUNCH_SPAWN_PARTS_H

#include "launch/spawn.h"

/* Set-up makes no slow call but what file systems and hooks do; a minute is for ever. */
#define SETUP_TIMEOUT_MS 60000

/* What the child inherited is of no more use here. */
void spawn_close_inherited(struct handles *h, const struct plan *p);
/* The result @r of a step of the conversation; if the child is gone without a word, what the kernel knows of its
 * end. */
int spawn_heard(struct spawn *s, int r, struct error *err);
/* What @expect awaits of a process that others can see, for @timeout ms, in slices of its patience; @proc: as of
 * struct patience. */
int spawn_expect(struct spawn *s, int proc, int timeout,
		 int (*expect)(struct spawn *s, int ms, void *to, struct error *err), void *to, struct error *err);
/* Returns @r; where it is that the time is over, and an agent answers the process's calls, the hint says so. */
int spawn_agent_late(const struct spawn *s, int r, struct error *err);
/* The process that we made is not the one that we want, and tells us in its place: learn that one's pid. */
int spawn_learn_pid(struct spawn *s, int timeout, struct error *err);
/* oomScoreAdj, which only the host may lower; for an unprivileged runtime it is done already. */
int spawn_set_oom_score(const struct spawn *s, struct error *err);
int spawn_open_proc_pid(struct spawn *s, struct error *err);

#endif
