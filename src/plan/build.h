/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From configuration, facts and options to a plan. */
#ifndef ORLOP_PLAN_BUILD_H
#define ORLOP_PLAN_BUILD_H

#include "plan/plan.h"

/* Warnings (unknown capability, ...) go to the log.  0 or -errno. */
int plan_build(struct arena *a, const struct oci_config *config, const struct facts *facts,
	       const struct plan_options *options, const struct plan **ret, struct error *err);

/*
 * The part for one more process in a running container (`exec`): process and security only.
 * @config is the container's saved configuration (seccomp, labels it falls back to).
 */
int plan_build_exec(struct arena *a, const struct oci_config *config,
		    const struct oci_process *process, const struct facts *facts,
		    const struct plan_options *options, const struct plan **ret,
		    struct error *err);

/*
 * The part for mounts that come to a running container (`mounts add`): those of @config, which is the container's
 * own otherwise.  @userns: it is in another user namespace than we are.
 */
int plan_build_mounts(struct arena *a, const struct oci_config *config, const struct facts *facts,
		      const struct plan_options *options, bool userns, const struct plan **ret, struct error *err);

/* The place that @destination of `mounts` means, cleaned; @rootfs: where the root file system is on the host. */
const char *plan_mount_destination(struct arena *a, const char *destination, const char *rootfs);
/* May something be mounted on that cleaned place?  The root and what is below /proc are refused, but for the files that
 * engines cover, by a mount that is a bind. */
int plan_check_destination(const char *destination, bool bind, struct error *err);

/* The cgroup below which those of containers are that name none themselves. */
const char *plan_cgroup_parent(struct arena *a, const struct facts *f, bool home);

#endif
