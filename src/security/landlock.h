/* SPDX-License-Identifier: GPL-2.0-or-later */
/* landlock(7): rights that the process takes from itself and all that it starts, beyond what its user may. */
#ifndef ORLOP_SECURITY_LANDLOCK_H
#define ORLOP_SECURITY_LANDLOCK_H

#include <stdbool.h>

#include "oci/landlock.h"
#include "util/error.h"

/* Parent, before any side effect: can the kernel do what is asked for?  With bestEffort what it cannot is a warning. */
int landlock_check(const struct oci_landlock *l, struct error *err);
/* The same of a kernel with this ABI, or that answers to the question for it with this -errno. */
int landlock_check_abi(const struct oci_landlock *l, int abi, struct error *err);

/* What waits to be enforced. */
struct landlock_rules {
	int fd;				/* the ruleset, closed on exec; -1: none */
	int abi;
	bool root_readable;		/* "/" is among the paths */
};

/*
 * Child, in the container's root and with its powers, as the user may not reach all that it names.  Paths are resolved
 * once, in that root, without links, which the container could change: one that is not there is an error.  @later: for
 * one more process of a container that has been at work; then it is a warning, and nothing is allowed there.
 */
int landlock_prepare(const struct oci_landlock *l, bool later, struct landlock_rules *ret, struct error *err);

/* Child: from now on; and see that it is so, by an attempt.  Needs no_new_privs or CAP_SYS_ADMIN. */
int landlock_enforce(const struct oci_landlock *l, const struct landlock_rules *rules, struct error *err);

#endif
