/* SPDX-License-Identifier: GPL-2.0-or-later */
/* linux.resources, which is shaped after cgroup v1, as writes to cgroup v2 files. */
#ifndef ORLOP_PLAN_PLAN_RESOURCES_H
#define ORLOP_PLAN_PLAN_RESOURCES_H

#include "plan/plan.h"

/*
 * Fill in writes, n_writes, controllers and attach_late of @ret; the device list is not looked at.
 * What v2 has no equivalent for is an error with its pointer.  @zero_pids_is_none: pids.limit 0 is not a
 * limit.  0 or -errno.
 */
int plan_resources(struct arena *a, const struct oci_resources *r, bool zero_pids_is_none,
		   struct plan_cgroup *ret, struct error *err);

/* Fill in device_program and n_device_insns of @ret: NULL and 0 when nothing is forbidden. */
int plan_device_program(struct arena *a, const struct oci_resources *r, struct plan_cgroup *ret,
			struct error *err);

/* Was it written by Podman?  @zero_pids_is_none for it. */
bool plan_is_podmans(const struct key_values *annotations);

/* cpu.shares (2..262144, default 1024) as cpu.weight (1..10000, default 100). */
unsigned plan_cpu_weight(uint64_t shares);

#endif
