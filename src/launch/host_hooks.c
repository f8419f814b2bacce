/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hooks on the host: the state document, and where they run.  On the host. */
#include "launch/host_hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci/annotations.h"
#include "process/hooks.h"
#include "store/document.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/str.h"

/* The bundle, as their authors know it from other runtimes; or /, when it was removed since `create`. */
static int open_place(const struct state *st, struct error *err)
{
	int fd = fd_openat(AT_FDCWD, st->bundle, O_PATH | O_DIRECTORY, 0);

	if (fd == -ENOENT || fd == -ENOTDIR)
		fd = fd_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	return fd < 0 ? error_errno(err, fd, "open the bundle %s, for the hooks to run in", st->bundle) : fd;
}

static int open_output(const char *path)
{
	bool device = str_starts(path, "/dev/");
	int more = device ? 0 : O_CREAT | O_NOFOLLOW;
	_cleanup_close_ int fd = fd_openat(AT_FDCWD, path, O_WRONLY | O_APPEND | O_NONBLOCK | more, 0600);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || fcntl(fd, F_SETFL, O_APPEND) < 0)
		return -errno;
	return device || S_ISREG(st.st_mode) ? steal_fd(&fd) : -ENXIO;
}

int host_hooks_open_output(const struct key_values *annotations, int ret[2], struct error *err)
{
	static const char *const keys[] = {ANNOTATION_HOOKS_STDOUT, ANNOTATION_HOOKS_STDERR};
	int r = 0;

	ret[0] = ret[1] = -1;
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(keys); i++) {
		const char *path = annotation_value(annotations, keys[i]);

		if (!path)
			continue;
		r = open_output(path);
		if (r < 0) {
			error_errno(err, r, "open `%s` for the output of hooks", path);
			if (r == -ELOOP || r == -ENXIO)
				error_hint(err, "only a regular file, and what is below /dev, is opened for it");
			error_at(err, "/annotations/%s", keys[i]);
		}
		ret[i] = r;
	}
	if (r >= 0)
		return 0;
	if (ret[0] >= 0)
		close(ret[0]);
	ret[0] = ret[1] = -1;
	return r;
}

int host_hooks_run(enum oci_hook_kind kind, const struct oci_hook_list *list, const struct state *st,
		   enum container_status status, pid_t pid, const volatile sig_atomic_t *interrupted,
		   struct error *err)
{
	struct hook_run run = {.kind = kind, .list = list, .adopt = true, .interrupted = interrupted};
	_cleanup_close_ int place = -1, out = -1, out_err = -1;
	_cleanup_free_ char *text = NULL;
	int output[2], r;

	if (list->n == 0)
		return 0;
	place = open_place(st, err);
	if (place < 0)
		return place;
	r = host_hooks_open_output(&st->annotations, output, err);
	if (r < 0 && kind == HOOK_POSTSTOP) {	/* nothing may keep a container from being deleted */
		log_warning("%s", err->text);
		*err = (struct error){0};
	} else if (r < 0) {
		return r;
	}
	out = output[0];
	out_err = output[1];
	run.out = out;
	run.err = out_err;
	text = state_document(st, status, pid, false, &run.state_len);
	run.state_json = text;
	run.cwd = place;
	return hooks_run(&run, kind == HOOK_POSTSTOP, err);
}
