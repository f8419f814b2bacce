/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The annotation org.orlop.core-sched: who may run on the other threads of a core meanwhile.  Data only. */
#ifndef ORLOP_OCI_CORE_SCHED_H
#define ORLOP_OCI_CORE_SCHED_H

enum core_sched {
	CORE_SCHED_NONE,
	CORE_SCHED_REQUIRED,		/* nobody but the container itself, or no start */
	CORE_SCHED_BEST_EFFORT,		/* what the kernel cannot do is a warning */
	CORE_SCHED_SHARED,		/* nobody but another container and those that it shares with */
};

/* The value of the annotation; CORE_SCHED_NONE for all that are none.  *ret_with: the other container, within @text,
 * or NULL. */
enum core_sched core_sched_value(const char *text, const char **ret_with);
/* NULL for CORE_SCHED_NONE. */
const char *core_sched_name(enum core_sched value);

#endif
