/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of a cgroup.  Private to cgroup/. */
#ifndef ORLOP_CGROUP_LIMITS_H
#define ORLOP_CGROUP_LIMITS_H

#include <stdbool.h>

#include "plan/plan.h"
#include "util/error.h"

/* memory.checkBeforeUpdate: is the value of @w below what is in use? */
int cgroup_check_usage(int fd, const struct plan_cgroup *p, const struct plan_cgroup_write *w, struct error *err);

/* Into the cgroup @fd, of path @p->path.  *ret_written: 0 nothing, as none is needed; 1 w->file, 2 w->alt_file. */
int cgroup_write_limit(int fd, const struct plan_cgroup *p, const struct plan_cgroup_write *w, int *ret_written,
		       struct error *err);

/* Removed by others since it was opened: then -ENOENT, whatever @err said of it. */
int cgroup_error_gone(const struct plan_cgroup *p, struct error *err);

#endif
