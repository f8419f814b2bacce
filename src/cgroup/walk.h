/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Walk a cgroup and all below it.  The container may have made that tree, as wide and as deep as it
 * liked: no recursion, and two descriptors whatever its shape (downwards by name, upwards by "..";
 * cgroups are never moved).
 */
#ifndef ORLOP_CGROUP_WALK_H
#define ORLOP_CGROUP_WALK_H

#include <stdbool.h>
#include <stddef.h>

enum walk_event {
	WALK_END,
	WALK_ENTER,		/* fd is a directory not seen before; the top comes first */
	WALK_LEAVE,		/* all below `name`, a child of fd, was seen; not said of the top */
};

struct cgroup_walk {
	int fd;			/* of the walk */
	const char *name;
	/* private */
	bool started, list;
	char *left;
	struct walk_entry *v;
	size_t n, cap;
};

#define CGROUP_WALK_INIT {.fd = -1}

int cgroup_walk_start(struct cgroup_walk *w, int top);
/* enum walk_event or -errno. */
int cgroup_walk_next(struct cgroup_walk *w);
void cgroup_walk_done(struct cgroup_walk *w);

#endif
