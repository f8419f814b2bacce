/* SPDX-License-Identifier: GPL-2.0-or-later */
/* linux.netDevices: interfaces of the host given to a container. */
#ifndef ORLOP_NS_NETDEV_H
#define ORLOP_NS_NETDEV_H

#include "plan/plan.h"
#include "util/error.h"

struct netdevs;				/* what was moved, and how it was before */

/*
 * Parent: move every interface of the plan into the network namespace @target, give it its name and
 * its addresses, and set it up.  All or nothing: on failure what was moved is moved back.
 */
int netdev_move(const struct plan_ns *p, int target, struct netdevs **ret, struct error *err);

/* The container will not be: give the interfaces back to the host, with names, addresses and state as
 * they were (routes are not known any more).  NULL is fine. */
void netdev_move_back(struct netdevs *n);

void netdev_free(struct netdevs *n);

#endif
