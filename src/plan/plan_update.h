/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `update`: a document of changes onto the resources that a container has. */
#ifndef ORLOP_PLAN_PLAN_UPDATE_H
#define ORLOP_PLAN_PLAN_UPDATE_H

#include "plan/plan.h"

struct plan_update {
	struct oci_resources merged;	/* what holds afterwards; base of the next update */
	struct plan_cgroup cgroup;	/* its mode is given; writes, n_writes, controllers and device_program: of what
					 * is given, and of what hangs together with it */
	bool devices;			/* the device program is replaced: by none, if that is NULL */
};

/*
 * Members that @given leaves out stay as they are in @base; lists are changed element by element, by device, page
 * size or name, but for device rules, whose order has a meaning: they are replaced as a whole.  0 is "not
 * given" where it means no limit in config.json, but for cpu.quota, which it takes away.
 * Pointers in errors are those of a bare document: "/memory/limit".  0 or -errno.
 */
int plan_update(struct arena *a, const struct oci_resources *base, const struct oci_resources *given,
		bool zero_pids_is_none, struct plan_update *ret, struct error *err);

/* What @c writes as properties of a unit that is there, in @c->unit; with @devices also the rules. */
void plan_update_unit(struct arena *a, struct plan_cgroup *c, bool devices);

#endif
