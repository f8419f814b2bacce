/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The common beginning of the verbs.  Runs on the host. */
#include "store/lookup.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "store/state.h"
#include "store/status.h"
#include "store/store.h"

int container_refresh(struct container *c, const char *id, struct error *err)
{
	if (c->pidfd >= 0)
		close(c->pidfd);
	c->pidfd = -1;
	arena_free(c->arena);
	c->arena = arena_new();
	return state_load(c->arena, c->dir, id, c->locked, &c->state, &c->status, &c->pidfd, err);
}

/* The lock is somebody else's: 1 when that is who creates the container, and 0 when it is to be waited for. */
static int look_at_creation(struct container *c, const char *id, struct error *err)
{
	int r;

	memset(err, 0, sizeof(*err));
	r = store_container(c->store, id, &c->dir, err);
	if (r == 0)
		r = container_refresh(c, id, err);
	if (r == 0 && c->status == STATUS_CREATING)
		return 1;
	if (c->dir >= 0)
		close(c->dir);
	c->dir = -1;
	memset(err, 0, sizeof(*err));	/* it is looked at once more, with the lock */
	return 0;
}

int container_lookup(const struct global_options *g, const char *id, enum lookup how,
		     struct container *ret, struct error *err)
{
	int r;

	*ret = (struct container)CONTAINER_INIT;
	r = store_open(g->root, false, &ret->store, err);
	if (r < 0)
		return r;
	if (how == LOOKUP_LOCKED_IF_MADE) {
		r = store_container_locked(ret->store, id, 0, &ret->dir, err);
		if (r == -EBUSY && look_at_creation(ret, id, err))
			return 0;
	}
	if (how == LOOKUP)
		r = store_container(ret->store, id, &ret->dir, err);
	else if (ret->dir < 0 && (how == LOOKUP_LOCKED || r == -EBUSY))
		r = store_container_locked(ret->store, id, STORE_LOCK_MS, &ret->dir, err);
	if (r < 0)
		return r;
	ret->locked = how != LOOKUP;
	return container_refresh(ret, id, err);
}

void container_release(struct container *c)
{
	if (c->pidfd >= 0)
		close(c->pidfd);
	if (c->dir >= 0)
		close(c->dir);
	arena_free(c->arena);
	store_close(c->store);
	*c = (struct container)CONTAINER_INIT;
}
