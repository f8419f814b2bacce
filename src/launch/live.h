/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The helper that mounts and unmounts in a container that is there.  It is in no pid namespace of the container, is
 * not dumpable, and in the container's mount namespace has nothing of the host but detached mounts and the directory
 * of its own descriptors.  It ends, and undoes what it has done, when nobody tells it to keep it.
 */
#ifndef ORLOP_LAUNCH_LIVE_H
#define ORLOP_LAUNCH_LIVE_H

#include "rootfs/live.h"
#include "store/state.h"

struct live_job {
	struct live *l;
	const struct state *st;
	int init;			/* borrowed: pidfd of the container's first process */
	int namespaces[N_NAMESPACES];	/* those to enter, or -1 */
	int ours, helper;		/* our end of the conversation, and its pidfd */
	size_t done;			/* result: how many of the list, from its beginning or (to go) its end */
};

void live_job_init(struct live_job *j, struct live *l, const struct state *st, int init);
void live_job_close(struct live_job *j);

/* Open the namespaces of the container's first process that are needed for what @j->l has by now, if it is still
 * where it was made. */
int live_job_open(struct live_job *j, struct error *err);
/* The descriptor of its user namespace; -1: ours. */
int live_job_userns(const struct live_job *j);
/* Do it.  Results are in @j->l, also of a part of it after an error. */
int live_job_run(struct live_job *j, struct error *err);
/* And keep it, or not.  0: so it is; -ECANCELED: it is undone, whatever was wanted; -EPIPE: nobody knows, but those
 * that have an id may be there. */
int live_job_end(struct live_job *j, bool keep);

#endif
