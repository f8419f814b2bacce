/* SPDX-License-Identifier: GPL-2.0-or-later */
/* linux.intelRdt in the life of a container: what was made is in the state before anything else is
 * done with it, so that `delete --force` finds it even if we are killed.  Runs on the host. */
#include "launch/intelrdt.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "process/intelrdt.h"
#include "store/state.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/log.h"

static int find_root(struct creation *c, int *ret_fd, struct error *err)
{
	_cleanup_free_ char *path = NULL;
	int r = intelrdt_find("/proc/self/mountinfo", &path, err);

	if (r < 0)
		return r;
	r = intelrdt_open(path, err);
	if (r < 0)
		return r;
	*ret_fd = r;
	c->st.intelrdt_root = arena_strdup(c->arena, path);
	return 0;
}

static int make_group(struct creation *c, int root, struct error *err)
{
	const struct plan_intelrdt *p = &c->plan->intelrdt;
	struct state *st = &c->st;
	bool own = p->kind == INTELRDT_OWN;
	int r;

	if (own) {	/* the intention: nothing is there now */
		st->intelrdt_group = (char *)p->group;
		st->intelrdt_own = true;
		r = state_write(c->dir, st, err);
		if (r < 0)
			return r;
	}
	r = intelrdt_make_group(p, root, &c->intelrdt_made, &st->intelrdt_inode, err);
	if (r < 0) {
		if (!c->intelrdt_made)
			st->intelrdt_group = NULL;
		return r;
	}
	st->intelrdt_group = (char *)p->group;
	r = state_write(c->dir, st, err);
	return r < 0 ? r : intelrdt_write_schemata(p, root, c->intelrdt_made, err);
}

static int make_monitor(struct creation *c, int root, struct error *err)
{
	const struct plan_intelrdt *p = &c->plan->intelrdt;
	struct state *st = &c->st;
	int r;

	if (!p->monitor)
		return 0;
	st->intelrdt_monitor = (char *)p->monitor;
	r = state_write(c->dir, st, err);
	if (r < 0)
		return r;
	r = intelrdt_make_monitor(p, root, &st->intelrdt_monitor_inode, err);
	if (r == -EEXIST)
		st->intelrdt_monitor = NULL;
	return r < 0 ? r : state_write(c->dir, st, err);
}

int container_intelrdt_make(struct creation *c, struct error *err)
{
	const struct plan_intelrdt *p = &c->plan->intelrdt;
	_cleanup_close_ int root = -1;
	int r;

	if (!p->group)
		return 0;
	r = find_root(c, &root, err);
	if (r == -ENODEV && p->optional) {
		*err = (struct error){0};
		return 0;
	}
	if (r == 0)
		r = intelrdt_check_free(p, root, err);
	if (r == 0)
		r = make_group(c, root, err);
	return r < 0 ? r : make_monitor(c, root, err);
}

void container_intelrdt_undo(const struct creation *c)
{
	struct error err = {0};
	int root;

	if (!c->intelrdt_made || c->st.intelrdt_own)
		return;
	root = intelrdt_open(c->st.intelrdt_root, &err);
	if (root < 0 || intelrdt_remove(root, c->plan->intelrdt.group, c->st.intelrdt_inode, &err) < 0)
		log_error(&err);
	if (root >= 0)
		close(root);
}

int container_intelrdt_attach(const struct state *st, pid_t pid, struct error *err)
{
	_cleanup_close_ int root = -1;
	int r;

	if (!st->intelrdt_group)
		return 0;
	root = intelrdt_open(st->intelrdt_root, err);
	if (root < 0)
		return root;
	r = intelrdt_attach(root, st->intelrdt_group, st->intelrdt_inode, pid, err);
	/* in this order: a monitoring group takes only processes of its group */
	if (r == 0 && st->intelrdt_monitor)
		r = intelrdt_attach(root, st->intelrdt_monitor, st->intelrdt_monitor_inode, pid, err);
	return r < 0 ? error_at(err, "/linux/intelRdt") : 0;
}

int container_intelrdt_remove(const struct state *st, struct error *err)
{
	_cleanup_close_ int root = -1;
	int r = 0;

	if (!st->intelrdt_root)
		return 0;
	root = fd_openat(AT_FDCWD, st->intelrdt_root, O_RDONLY | O_DIRECTORY, 0);
	if (root < 0)
		return root == -ENOENT ? 0 : error_errno(err, root, "open %s", st->intelrdt_root);
	if (st->intelrdt_monitor)
		r = intelrdt_remove(root, st->intelrdt_monitor, st->intelrdt_monitor_inode, err);
	if (r == 0 && st->intelrdt_group && st->intelrdt_own)
		r = intelrdt_remove(root, st->intelrdt_group, st->intelrdt_inode, err);
	return r;
}
