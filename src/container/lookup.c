/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The common beginning of the verbs.  Runs on the host. */
#include "container/lookup.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "util/fd.h"

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

int container_open_cgroup(const struct state *st, int *ret_fd, struct error *err)
{
	int r;

	*ret_fd = -1;
	if (!st->cgroup_path)
		return 0;
	r = cgroup_open(st->cgroup_root, st->cgroup_path, st->cgroup_id, ret_fd, err);
	if (r != -ENOENT && r != -ESTALE)
		return r;
	memset(err, 0, sizeof(*err));
	*ret_fd = -1;
	return 0;
}

int container_print(const void *data, size_t n, struct error *err)
{
	int r = fd_write_all(STDOUT_FILENO, data, n);

	return r < 0 ? error_errno(err, r, "write to stdout") : 0;
}
