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

#endif
