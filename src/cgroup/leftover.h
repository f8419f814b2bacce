/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cgroups of ours that no state knows any more, for `gc`. */
#ifndef ORLOP_CGROUP_LEFTOVER_H
#define ORLOP_CGROUP_LEFTOVER_H

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

struct cgroup_leftover {
	char *path;			/* below the root */
	uint64_t id;
	int64_t age_s;			/* at least so long ago it was made */
};

struct cgroup_leftovers {
	struct cgroup_leftover *v;
	size_t n;
};

/* What was made for containers directly below @parent, in use or not. */
int cgroup_leftovers(const char *root, const char *parent, struct cgroup_leftovers *ret, struct error *err);
void cgroup_leftovers_free(struct cgroup_leftovers *l);

#endif
