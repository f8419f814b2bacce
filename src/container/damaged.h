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

/*
 * The same for one without a state, most likely of a creation that was killed before it had made anything else.
 * The state of a running container may have been removed, too: an error if the cgroup that the saved config.json
 * names is in use.  Nothing is killed, as it may be somebody else's.
 */
int container_check_stateless(const struct global_options *g, struct container *c, const char *id,
			      struct error *err);

#endif
