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

#endif
