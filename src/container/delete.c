/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `delete`.  A created container is deleted without --force too, as engines need it. */
#include <errno.h>
#include <string.h>

#include "cgroup/cgroup.h"
#include "container/container.h"
#include "container/damaged.h"
#include "container/delete.h"
#include "launch/destroy.h"
#include "store/lookup.h"
#include "store/state.h"
#include "store/store.h"
#include "util/cleanup.h"
#include "util/log.h"

/*
 * A creation that was killed has written down the path only: the cgroup may be ours, or was there
 * before.  One that is empty is of no use to anybody; what holds processes is not touched.
 */
static void remove_intended_cgroup(const struct state *st)
{
	struct error err = {0};

	if (cgroup_destroy(st->cgroup_root, st->cgroup_path, 0, 0, false, 1000, &err) < 0)
		log_warning("container `%s`: %s; it is left alone, because nothing says that it was made for "
			    "this container", st->id, err.text);
}

static int destroy(struct container *c, const char *id, struct error *err)
{
	if (c->state.init.pid == 0 && c->state.cgroup_path && !c->state.cgroup_id)
		remove_intended_cgroup(&c->state);
	return container_destroy(c->store, id, c->dir, &c->state, true, err);
}

static int check_deletable(const struct container *c, struct error *err)
{
	if (c->status == STATUS_STOPPED || c->status == STATUS_CREATED)
		return 0;
	return error_of(err, ERROR_CONTAINER_STATE, EBUSY,
			"cannot delete container %s that is not stopped: %s",
			c->state.id, container_status_names[c->status]);
}

static int delete_stopped(const struct global_options *g, const char *id, struct error *err)
{
	_cleanup_(container_release) struct container c = CONTAINER_INIT;
	int r = container_lookup(g, id, LOOKUP_LOCKED_IF_MADE, &c, err);

	if (r == 0)
		r = check_deletable(&c, err);
	if (r == 0)
		r = destroy(&c, id, err);
	return r;
}

bool container_is_without_state(int r)
{
	return r == -ENOENT || r == -EBADMSG || r == -EPROTONOSUPPORT;
}

/* Kill before the lock is asked for: a `start` that waits for the container lets go of it then. */
static void kill_first(const struct container *c)
{
	struct error err = {0};

	if (c->pidfd >= 0 && container_kill_rest(&c->state, c->pidfd, &err) < 0)
		log_debug("%s", err.text);
}

int container_remove_locked(const struct global_options *g, struct container *c, const char *id, int found,
			    struct error *err)
{
	int r = found;

	if (r == 0)
		return destroy(c, id, err);
	if (!container_is_without_state(r))
		return r;
	if (r != -ENOENT)
		return container_delete_damaged(g, c, id, err);
	memset(err, 0, sizeof(*err));
	r = container_check_stateless(g, c, id, err);
	if (r == 0 && c->state.cgroup_path)
		remove_intended_cgroup(&c->state);
	return r < 0 ? r : store_remove(c->store, id, err);
}

static int delete_forced(const struct global_options *g, const char *id, struct error *err)
{
	_cleanup_(container_release) struct container c = CONTAINER_INIT, locked = CONTAINER_INIT;
	int r = container_lookup(g, id, LOOKUP, &c, err);

	if (r == -ENOENT && c.dir < 0) {
		memset(err, 0, sizeof(*err));
		return 0;
	}
	if (r < 0 && !container_is_without_state(r))
		return r;
	if (r == 0)
		kill_first(&c);
	r = container_lookup(g, id, LOOKUP_LOCKED, &locked, err);
	if (r == -ENOENT && locked.dir < 0) {	/* deleted meanwhile */
		memset(err, 0, sizeof(*err));
		return 0;
	}
	return container_remove_locked(g, &locked, id, r, err);
}

int container_delete(const struct global_options *g, const char *id, bool force, struct error *err)
{
	return force ? delete_forced(g, id, err) : delete_stopped(g, id, err);
}

int container_make_room(struct creation *c, struct error *err)
{
	int r = c->o->replace ? creation_rehearse(c, err) : 0;

	return r == 0 && c->o->replace ? delete_forced(c->o->global, c->o->id, err) : r;
}
