/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ORLOP_CGROUP_DELEGATE_H
#define ORLOP_CGROUP_DELEGATE_H

#include <sys/types.h>

#include "plan/plan.h"
#include "util/error.h"

#define CGROUP_DELEGATE_LIST "/sys/kernel/cgroup/delegate"
#define CGROUP_DELEGATE_INNER "init"	/* of a plan's delegation: where the container's processes begin */

/*
 * Change the owner of the cgroup directory @fd and of the files in it that the kernel's @list names;
 * without that list, of the three files that may always be given away.
 */
int cgroup_delegate(int fd, uid_t owner, const char *list, struct error *err);

/* A delegation that is asked for: does the kernel keep the container in its cgroup, whoever its user is? */
int cgroup_check_confined(const struct plan_cgroup *p, struct error *err);

/*
 * Before a container's program is executed: move all that is in its cgroup @fd into CGROUP_DELEGATE_INNER, which is
 * made and becomes wholly the owner's, and pass the controllers of @p's delegation on.
 */
int cgroup_divide(int fd, const struct plan_cgroup *p, struct error *err);

#endif
