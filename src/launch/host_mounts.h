/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mounts of a container without a mount namespace, which are mounts of the host. */
#ifndef ORLOP_LAUNCH_HOST_MOUNTS_H
#define ORLOP_LAUNCH_HOST_MOUNTS_H

#include <stdint.h>

#include "store/state.h"
#include "util/error.h"

/* The mount at @path, on which the container's will lie: for the state, before it is made. */
int host_mounts_below(const char *path, uint64_t *ret, struct error *err);
/* Take away what was mounted since; nothing when that has happened already. */
int host_mounts_remove(const struct state *st, struct error *err);

#endif
