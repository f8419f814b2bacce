/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The values of the annotation org.orlop.core-sched.  Pure data. */
#include "oci/core_sched.h"

#include "util/str.h"

static const char *const names[] = {
	[CORE_SCHED_NONE] = NULL, [CORE_SCHED_REQUIRED] = "true", [CORE_SCHED_BEST_EFFORT] = "best-effort",
};

enum core_sched core_sched_value(const char *name)
{
	for (size_t i = CORE_SCHED_REQUIRED; i < ARRAY_SIZE(names); i++)
		if (str_eq(names[i], name))
			return (enum core_sched)i;
	return CORE_SCHED_NONE;
}

const char *core_sched_name(enum core_sched value)
{
	return names[value];
}
