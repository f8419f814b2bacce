/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A user namespace that nobody asked for, and without which an unprivileged caller can make no container. */
#ifndef ORLOP_LAUNCH_OWN_USER_NS_H
#define ORLOP_LAUNCH_OWN_USER_NS_H

#include <stdbool.h>
#include <sys/types.h>

#include "oci/config.h"
#include "sys/probe.h"
#include "util/error.h"
#include "util/mem.h"

/* All ranges of ids that subuid(5) and subgid(5) give to a user, as mappings of which host_id and size count: none
 * without who could map them, and no group ids without user ids. */
struct own_ids {
	bool helpers;			/* newuidmap(1) and newgidmap(1) are there */
	struct oci_id_mappings uids, gids;
};

void own_ids_find(struct arena *a, uid_t uid, struct own_ids *ret);

/*
 * Where @f lacks CAP_SYS_ADMIN, but for root of the host, and @c has no user namespace, it gets one: 0 in it is the
 * caller, and the ids from 1 on are the first ranges that subuid(5) and subgid(5) give to the caller, if newuidmap(1)
 * is there.
 * @ids: these; NULL: to be found, if they are needed.
 * 0, or -errno: an id of process.user has no place in them.
 */
int own_user_ns(struct arena *a, struct oci_config *c, const struct facts *f, const struct own_ids *ids,
		struct error *err);

#endif
