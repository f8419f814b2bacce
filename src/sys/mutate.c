/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which defence is left out.  In builds for tests only: see Makemodule.am. */
#include "sys/mutate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char chosen[128];

/* Before main(), since the environment is hidden early. */
static __attribute__((constructor)) void choose(void)
{
	const char *names = getenv("ORLOP_MUTATE");

	snprintf(chosen, sizeof(chosen), ",%s,", names ? names : "");
}

/* "T35" or "T35,T31" */
bool mutate_is(const char *name)
{
	char pattern[32];

	snprintf(pattern, sizeof(pattern), ",%s,", name);
	return strstr(chosen, pattern);
}
