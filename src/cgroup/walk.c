/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The walk is a stack of names: above an entered directory lie those of its children to come. */
#include "cgroup/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/str.h"

#define ENTRIES_MAX (1u << 20)		/* names kept at one time */

struct walk_entry {
	char *name;
	bool entered;
};

static bool is_gone(int r)
{
	return r == -ENOENT || r == -ENODEV;	/* removed while we look */
}

static void closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static int push_children(struct cgroup_walk *w)
{
	_cleanup_close_ int fd = fd_openat(w->fd, ".", O_RDONLY | O_DIRECTORY, 0);
	_cleanup_(closedirp) DIR *dir = NULL;
	struct dirent *e;

	if (fd < 0)
		return is_gone(fd) ? 0 : fd;
	dir = fdopendir(fd);
	if (!dir)
		return -errno;
	steal_fd(&fd);
	while (errno = 0, (e = readdir(dir)) != NULL) {
		if (e->d_type != DT_DIR || str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
			continue;
		if (w->n == ENTRIES_MAX)
			return -E2BIG;
		if (w->n == w->cap) {
			w->cap = w->cap ? w->cap * 2 : 16;
			w->v = xrealloc(w->v, w->cap, sizeof(*w->v));
		}
		w->v[w->n++] = (struct walk_entry){.name = xstrdup(e->d_name)};
	}
	return errno && !is_gone(-errno) ? -errno : 0;
}

static void move_to(struct cgroup_walk *w, int take_fd)
{
	close(w->fd);
	w->fd = take_fd;
}

int cgroup_walk_start(struct cgroup_walk *w, int top)
{
	*w = (struct cgroup_walk)CGROUP_WALK_INIT;
	w->fd = fd_openat(top, ".", O_RDONLY | O_DIRECTORY, 0);
	return w->fd < 0 ? w->fd : 0;
}

static int enter(struct cgroup_walk *w, struct walk_entry *e)
{
	int fd = fd_openat(w->fd, e->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

	if (fd < 0)
		return fd;
	move_to(w, fd);
	e->entered = true;
	w->list = true;
	return WALK_ENTER;
}

static int leave(struct cgroup_walk *w)
{
	int fd = fd_openat(w->fd, "..", O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0)
		return fd;
	move_to(w, fd);
	free(w->left);
	w->left = w->v[--w->n].name;
	w->name = w->left;
	return WALK_LEAVE;
}

int cgroup_walk_next(struct cgroup_walk *w)
{
	int r;

	if (!w->started) {
		w->started = w->list = true;
		return WALK_ENTER;
	}
	if (w->list) {
		w->list = false;
		r = push_children(w);
		if (r < 0)
			return r;
	}
	while (w->n > 0) {
		struct walk_entry *e = &w->v[w->n - 1];

		if (e->entered)
			return leave(w);
		r = enter(w, e);
		if (!is_gone(r))
			return r;
		free(e->name);
		w->n--;
	}
	return WALK_END;
}

void cgroup_walk_done(struct cgroup_walk *w)
{
	while (w->n > 0)
		free(w->v[--w->n].name);
	free(w->v);
	free(w->left);
	if (w->fd >= 0)
		close(w->fd);
	*w = (struct cgroup_walk)CGROUP_WALK_INIT;
}
