/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What nearly every verb begins with: open the store, find the container, read its state, ask the
 * kernel what it does. */
#ifndef ORLOP_STORE_LOOKUP_H
#define ORLOP_STORE_LOOKUP_H

#include <stdbool.h>

#include "store/options.h"
#include "store/state.h"
#include "store/store.h"

struct container {
	struct store *store;
	int dir;			/* its directory */
	bool locked;			/* by us */
	struct arena *arena;		/* of `state` */
	struct state state;
	enum container_status status;
	int pidfd;			/* of init while it lives, else -1 */
};

#define CONTAINER_INIT {.dir = -1, .pidfd = -1}

enum lookup {
	LOOKUP,				/* without a lock */
	LOOKUP_LOCKED,			/* take the exclusive lock of the directory before the state is read,
					 * waiting at most STORE_LOCK_MS */
	LOOKUP_LOCKED_IF_MADE,		/* but wait for no creation: STATUS_CREATING, and no lock is held */
};

/* On failure @ret is to be released as well, and what was found so far is in it. */
int container_lookup(const struct global_options *g, const char *id, enum lookup how,
		     struct container *ret, struct error *err);
/* Release and make empty again; everything in it may be missing. */
void container_release(struct container *c);

/* Read the state and the status of the container whose directory is @c->dir. */
int container_refresh(struct container *c, const char *id, struct error *err);

#endif
