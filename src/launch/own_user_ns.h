/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A user namespace that nobody asked for, and without which an unprivileged caller can make no container. */
#ifndef ORLOP_LAUNCH_OWN_USER_NS_H
#define ORLOP_LAUNCH_OWN_USER_NS_H

#include "oci/config.h"
#include "sys/probe.h"
#include "util/error.h"
#include "util/mem.h"

/*
 * Where @f lacks CAP_SYS_ADMIN, but for root of the host, and @c has no user namespace, it gets one: 0 in it is the
 * caller, and the ids from 1 on are those that subuid(5) and subgid(5) give to the caller, if newuidmap(1) is there.
 * 0, or -errno: an id of process.user has no place in them.
 */
int own_user_ns(struct arena *a, struct oci_config *c, const struct facts *f, struct error *err);

#endif
