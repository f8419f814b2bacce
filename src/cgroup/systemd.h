/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cgroups that systemd makes: a scope (or a slice) is asked for by D-Bus, and its cgroup is then like any other.
 * A scope needs a process to begin with, so one that has nothing holds it until the container is in it.
 * On the host side.
 */
#ifndef ORLOP_CGROUP_SYSTEMD_H
#define ORLOP_CGROUP_SYSTEMD_H

#include <stdbool.h>
#include <sys/types.h>

#include "plan/plan.h"
#include "util/error.h"

#define CGROUP_UNIT_INNER "container"	/* the container's cgroup in that of its scope */

struct cgroup_holder {
	pid_t pid;			/* 0: none */
	int pidfd;
};

/* Start the unit of @p.  *ret_path: its cgroup below the cgroup @root, malloc'ed.  -EEXIST: there is one of that name.
 * Also after a failure @ret is to be released. */
int cgroup_unit_start(int root, const struct plan_cgroup *p, struct cgroup_holder *ret, char **ret_path,
		      struct error *err);
/* What of the path of a container's cgroup is below that of its @unit: "/container", or "" of what is older. */
const char *cgroup_unit_inside(const char *path, const char *unit);
/* End the process that holds it. */
void cgroup_unit_release(struct cgroup_holder *h);
/* Let systemd move a process there, which we may not move ourselves. */
int cgroup_unit_attach(const char *unit, bool user, const char *sub, pid_t pid, struct error *err);
/* Its properties, until it ends.  @fd: its cgroup. */
int cgroup_unit_set(const struct plan_unit *u, int fd, struct error *err);
/* Those that are others because of what is in its cgroup, @fd, once it is there. */
int cgroup_unit_set_weights(const struct plan_unit *u, int fd, struct error *err);
/* Stop it (with @stop) and let systemd forget how it ended.  All its processes have been killed. */
int cgroup_unit_end(const char *unit, bool user, bool stop, struct error *err);

/* The end of a unit whose start was interrupted: only if it holds no process.  @path: below its manager's root. */
int cgroup_unit_abandon(const char *root, const char *path, const char *unit, bool user, struct error *err);

#endif
