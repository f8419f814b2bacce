/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A user namespace before anybody is in it.  A process that holds it while its ids are mapped can do nothing and
 * has nothing: an empty root, no descriptor of the host.  For others of its user (or uid 0, without any
 * capability) have every power over it: user_namespaces(7), rule R8b.
 */
#ifndef ORLOP_UTIL_USER_NS_H
#define ORLOP_UTIL_USER_NS_H

#include <stdbool.h>
#include <sys/types.h>

#include "util/error.h"

struct user_ns_request {
	bool time;			/* a time namespace that it owns, as well */
	/* Map its ids (and set its clocks) through @proc, the directory of the holder @pid in /proc. */
	int (*set_up)(void *ctx, int proc, pid_t pid, struct error *err);
	void *ctx;
};

/* *ret_user, *ret_time (-1: none was wanted): descriptors of the namespaces; nobody is in them then. */
int user_ns_make(const struct user_ns_request *q, int *ret_user, int *ret_time, struct error *err);

#endif
