/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Undoing what `create` made (runtime-spec runtime.md#lifecycle steps 12 and 13). */
#ifndef ORLOP_LAUNCH_DESTROY_H
#define ORLOP_LAUNCH_DESTROY_H

#include <stdbool.h>

#include "store/state.h"
#include "store/store.h"

/* How long a killed process, and then its cgroup, may take to go away. */
#define DESTROY_TIMEOUT_MS 10000

/*
 * Kill what is left of the container in @dir, wait for its end, remove its cgroup (only one that was
 * made for it: rule T59) and its directory, and then, with @run_poststop, run the poststop hooks of
 * the saved configuration; their failures are warnings.
 * Takes the exclusive lock of @dir (which may be held through @dir already) and keeps it.  When
 * somebody else has deleted the container meanwhile there is nothing to do: 0.
 * On failure the state stays as it is, for another try.
 */
int container_destroy(struct store *store, const char *id, int dir, const struct state *st,
		      bool run_poststop, struct error *err);

/* SIGKILL for init (through @pidfd, -1 = dead already), and for the rest of its cgroup when that was
 * made for it. */
int container_kill_rest(const struct state *st, int pidfd, struct error *err);

#endif
