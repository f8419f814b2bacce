/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The common beginning of the verbs.  Runs on the host. */
#include "store/lookup.h"

#include <unistd.h>

#include "store/state.h"
#include "store/status.h"
#include "store/store.h"

int container_refresh(struct container *c, const char *id, struct error *err)
{
	int r;

	if (c->pidfd >= 0)
		close(c->pidfd);
	c->pidfd = -1;
	arena_free(c->arena);
	c->arena = arena_new();
	r = state_read(c->arena, c->dir, id, &c->state, err);
	if (r < 0)
		return r;
	r = state_status(c->dir, &c->state, &c->status, &c->pidfd, err);
	return r < 0 ? error_in(err, "container `%s`", id), r : 0;
}

int container_lookup(const struct global_options *g, const char *id, bool lock,
		     struct container *ret, struct error *err)
{
	int r;

	*ret = (struct container)CONTAINER_INIT;
	r = store_open(g->root, false, &ret->store, err);
	if (r < 0)
		return r;
	if (lock)
		r = store_container_locked(ret->store, id, STORE_LOCK_MS, &ret->dir, err);
	else
		r = store_container(ret->store, id, &ret->dir, err);
	return r < 0 ? r : container_refresh(ret, id, err);
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
