/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hooks (runtime-spec config.md#posix-platform-hooks): one list, in order. */
#ifndef ORLOP_PROCESS_HOOKS_H
#define ORLOP_PROCESS_HOOKS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "oci/hooks.h"
#include "util/error.h"

struct hook_run {
	enum oci_hook_kind kind;
	const struct oci_hook_list *list;
	const char *state_json;		/* compact, given on stdin; may be ignored by the hook */
	size_t state_len;
	char *const *default_env;	/* for hooks without env; NULL: our own environment without
					 * LISTEN_*, NOTIFY_SOCKET, LD_* and ORLOP_* */
	int cwd;			/* descriptor of the directory they run in; 0 (a standard stream
					 * is none): that of the caller */
	int out, err;			/* descriptors to be their stdout and stderr; 0 or less: captured */
	bool adopt;			/* kill at the timeout also what left the group, by becoming its
					 * parent; not in the container, which is killed as a whole */
	/* Called in the new process, last before execve: 0 or -errno, which fails the hook.  NULL: nothing. */
	int (*before_exec)(void *ctx);
	void *ctx;
	/* Set by a signal handler of the caller: the hook is killed.  NULL: nothing sets it. */
	const volatile sig_atomic_t *interrupted;
};

/*
 * Run them one after the other: own session, descriptors 0-2 only (stdin: the state; stdout and
 * stderr: as said above; the last captured lines are in the error), killed as a group at the timeout.
 * What a hook leaves behind when it ends well goes on.  SIGCHLD must not be ignored in the calling process.
 * Stops at the first failure with -errno; with @go_on (poststop) a failure is a warning and the
 * rest run: 0.
 */
int hooks_run(const struct hook_run *run, bool go_on, struct error *err);

#endif
