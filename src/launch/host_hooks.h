/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hooks that run on the host, whichever verb runs them.  Private to launch/ and container/. */
#ifndef ORLOP_LAUNCH_HOST_HOOKS_H
#define ORLOP_LAUNCH_HOST_HOOKS_H

#include <signal.h>

#include "oci/hooks.h"
#include "store/state.h"
#include "util/error.h"

/*
 * Open the files that @annotations name for what hooks write on stdout and stderr, to append to them: made if
 * they are not there, mode 0600.  The container may rule the directory: neither a link is followed nor a FIFO
 * opened, but for what is below /dev.  Where none is named ret[] becomes -1.  On failure nothing stays open.
 */
int host_hooks_open_output(const struct key_values *annotations, int ret[2], struct error *err);

/*
 * Run the hooks of @kind in the bundle, with the state document of @st on their standard input; @pid and
 * @status are for that.  @interrupted: as of struct hook_run.  Failures of poststop hooks are warnings.
 */
int host_hooks_run(enum oci_hook_kind kind, const struct oci_hook_list *list, const struct state *st,
		   enum container_status status, pid_t pid, const volatile sig_atomic_t *interrupted,
		   struct error *err);

#endif
