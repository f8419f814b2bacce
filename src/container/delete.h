/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `delete --force` does when it has the container's lock.  Private to container/. */
#ifndef ORLOP_CONTAINER_DELETE_H
#define ORLOP_CONTAINER_DELETE_H

#include "launch/creation.h"
#include "store/lookup.h"

/* What reading the state gave: it is missing, or is none that can be read. */
bool container_is_without_state(int r);
/* Remove @c, locked, whatever is there of it.  @found: what reading its state gave, with that error in @err. */
int container_remove_locked(const struct global_options *g, struct container *c, const char *id, int found,
			    struct error *err);

/* For --replace: `delete --force` of the one that has the id of @c, which is planned. */
int container_make_room(struct creation *c, struct error *err);

#endif
