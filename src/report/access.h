/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the permission bits of a file say to the process that a plan is for, looked at from outside. */
#ifndef ORLOP_REPORT_ACCESS_H
#define ORLOP_REPORT_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "plan/plan.h"
#include "util/mem.h"

struct access_user {
	bool known;			/* else everything is possible */
	bool other_groups;		/* it has some that we do not know */
	bool overflow;			/* 65534 may stand for any id */
	uint32_t uid, gid, *gids;	/* as stat(2) says them here */
	size_t n_gids;
	bool overrides, searches;	/* CAP_DAC_OVERRIDE; it, or CAP_DAC_READ_SEARCH */
};

/* Of the process of @p; @initial: we are in the initial user namespace.  In @a. */
void access_user_of(struct arena *a, const struct plan *p, bool initial, struct access_user *ret);

/* May it execute the file @fd, which is @st, and on the mount @m (NULL: the root file system)?  In doubt it may. */
bool access_may_execute(const struct access_user *u, int fd, const struct stat *st, const struct plan_mount *m);
/* May it look up names in the directory @fd? */
bool access_may_search(const struct access_user *u, int fd, const struct plan_mount *m);

/* Is it on a mount with noexec, as the plan says of @m, or else the host, if it is this one: @here? */
bool access_is_noexec(int fd, const struct plan_mount *m, bool here);

#endif
