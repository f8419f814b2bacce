/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device program of a cgroup. */
#ifndef ORLOP_CGROUP_DEVICES_H
#define ORLOP_CGROUP_DEVICES_H

#include <stdbool.h>

#include "plan/plan.h"
#include "util/error.h"

/* Load p->device_program and attach it to the cgroup @fd.  @replace: the cgroup was there before,
 * remove the program that an earlier container left. */
int cgroup_attach_devices(int fd, const struct plan_cgroup *p, bool replace, struct error *err);

/* Take away what is ours. */
int cgroup_detach_devices(int fd);

/* Programs of a container that an update takes the place of, and that it attaches: -1 is none. */
struct cgroup_devices {
	int before, after;
	bool changed;
};

#define CGROUP_DEVICES_INIT {.before = -1, .after = -1}

/*
 * One program in the place of the other, in one step: at no moment is everything allowed, or anything refused that
 * both allow.  @p->device_program NULL: ours is taken away.  Afterwards that one is there alone, besides others'.
 */
int cgroup_replace_devices(int fd, const struct plan_cgroup *p, struct cgroup_devices *ret, struct error *err);
/* And back. */
int cgroup_restore_devices(int fd, struct cgroup_devices *d, struct error *err);
void cgroup_devices_done(struct cgroup_devices *d);

#endif
