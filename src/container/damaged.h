/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a container whose state says nothing that could be relied upon.  Private to container/. */
#ifndef ORLOP_CONTAINER_DAMAGED_H
#define ORLOP_CONTAINER_DAMAGED_H

#include "store/lookup.h"

/*
 * `delete --force` of @c, locked, whose state could not be read, as @err says.  Its directory goes in any
 * case.  0 only if its process or its cgroup were found, or there can be none.
 */
int container_delete_damaged(const struct global_options *g, struct container *c, const char *id,
			     struct error *err);

#endif
