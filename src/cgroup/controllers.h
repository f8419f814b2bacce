/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which controllers a cgroup has, and giving it those that its limits need. */
#ifndef ORLOP_CGROUP_CONTROLLERS_H
#define ORLOP_CGROUP_CONTROLLERS_H

#include "plan/plan.h"
#include "util/error.h"

/*
 * Make the files of all controllers appear in the cgroup @fd (p->path below @root): "+name" into
 * cgroup.subtree_control of each directory above it that lacks one, from the top.  Only those of
 * p->controllers must be had.
 */
int cgroup_enable_controllers(int root, int fd, const struct plan_cgroup *p, struct error *err);

/*
 * Before the cgroup @path below @root is made: can it get those that its limits need?  For a caller who may not write
 * everywhere: each one above it that lacks one must be the caller's to change, and hold no process.
 */
int cgroup_check_controllers(int root, const char *path, const struct plan_cgroup *p, struct error *err);

/* The error that cgroup_enable_controllers() has for @name, which the root of the hierarchy lacks.  @what needs it. */
int cgroup_no_controller(const struct plan_cgroup *p, const char *name, const char *what, struct error *err);

/* What to do when the caller may make no cgroup, with the names of the controllers that its limits need. */
void cgroup_hint_delegate(const struct plan_cgroup *p, struct error *err);

/* From the container's cgroup @fd to those below it.  -EBUSY: it still holds processes. */
int cgroup_pass_on(int fd, const struct plan_delegation *d, struct error *err);

enum controller_absence {
	CONTROLLER_OF_V1,		/* cgroup v1 holds it */
	CONTROLLER_OFF,			/* by the kernel's command line */
	CONTROLLER_KEPT,		/* not passed on to the cgroup namespace that we are in */
	CONTROLLER_UNKNOWN,		/* to this kernel */
};

/* Why the controller @name is not in cgroup.controllers of @root, where cgroup2 is mounted. */
enum controller_absence cgroup_why_absent(int root, const char *name);

#endif
