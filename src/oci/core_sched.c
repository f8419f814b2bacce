/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The values of the annotation org.orlop.core-sched.  Pure data. */
#include "oci/core_sched.h"

#include <string.h>

#include "util/str.h"

#define SHARE "share:"

static const char *const names[] = {
	[CORE_SCHED_NONE] = NULL, [CORE_SCHED_REQUIRED] = "true", [CORE_SCHED_BEST_EFFORT] = "best-effort",
	[CORE_SCHED_SHARED] = "share",
};

enum core_sched core_sched_value(const char *text, const char **ret_with)
{
	*ret_with = NULL;
	if (str_starts(text, SHARE) && str_is_container_id(text + strlen(SHARE))) {
		*ret_with = text + strlen(SHARE);
		return CORE_SCHED_SHARED;
	}
	for (size_t i = CORE_SCHED_REQUIRED; i < CORE_SCHED_SHARED; i++)
		if (str_eq(names[i], text))
			return (enum core_sched)i;
	return CORE_SCHED_NONE;
}

const char *core_sched_name(enum core_sched value)
{
	return names[value];
}
