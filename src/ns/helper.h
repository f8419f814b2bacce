/* SPDX-License-Identifier: GPL-2.0-or-later */
/* newuidmap(1) and newgidmap(1): set-user-id programs that obey subuid(5) and subgid(5). */
#ifndef ORLOP_NS_HELPER_H
#define ORLOP_NS_HELPER_H

#include <stdbool.h>
#include <sys/types.h>

#include "util/error.h"

/*
 * Parent: run @name from one of the system's directories with PID and the numbers of @map as its
 * arguments, an empty environment, and no input; wait for it, not for ever.
 */
int ns_run_map_helper(const char *name, pid_t pid, const char *map, struct error *err);

/* Are both there? */
bool ns_has_map_helpers(void);

#endif
