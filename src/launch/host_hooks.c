/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hooks on the host: the state document, and where they run.  On the host. */
#include "launch/host_hooks.h"

#include <errno.h>
#include <fcntl.h>

#include "process/hooks.h"
#include "util/cleanup.h"
#include "util/fd.h"

/* The bundle, as their authors know it from other runtimes; or /, when it was removed since `create`. */
static int open_place(const struct state *st, struct error *err)
{
	int fd = fd_openat(AT_FDCWD, st->bundle, O_PATH | O_DIRECTORY, 0);

	if (fd == -ENOENT || fd == -ENOTDIR)
		fd = fd_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	return fd < 0 ? error_errno(err, fd, "open the bundle %s, for the hooks to run in", st->bundle) : fd;
}

int host_hooks_run(enum oci_hook_kind kind, const struct oci_hook_list *list, const struct state *st,
		   enum container_status status, pid_t pid, const volatile sig_atomic_t *interrupted,
		   struct error *err)
{
	struct hook_run run = {.kind = kind, .list = list, .adopt = true, .interrupted = interrupted};
	_cleanup_close_ int place = -1;
	_cleanup_free_ char *text = NULL;

	if (list->n == 0)
		return 0;
	place = open_place(st, err);
	if (place < 0)
		return place;
	text = state_document(st, status, pid, false, &run.state_len);
	run.state_json = text;
	run.cwd = place;
	return hooks_run(&run, kind == HOOK_POSTSTOP, err);
}
