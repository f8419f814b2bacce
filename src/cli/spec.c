/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop spec`: a config.json to start from. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cli/commands.h"
#include "report/template.h"
#include "util/cleanup.h"
#include "util/fd.h"

struct spec_options {
	const char *bundle, *file;
	bool rootless;
};

static const struct option rows[] = {
	{ "bundle", 'b', OPTION_STRING, offsetof(struct spec_options, bundle), "DIR",
	  "bundle directory (default: the current one)" },
	{ "file", 'f', OPTION_STRING, offsetof(struct spec_options, file), "FILE",
	  "write FILE in the bundle, even when it exists\n(default: config.json, when there is none)" },
	{ "rootless", 0, OPTION_FLAG, offsetof(struct spec_options, rootless), NULL,
	  "for a container that the calling user runs without root" },
};

static int write_file(int dir, const char *name, bool overwrite, const char *text, size_t len,
		      struct error *err)
{
	int how = overwrite ? O_TRUNC : O_EXCL | O_NOFOLLOW;
	_cleanup_close_ int fd = fd_openat(dir, name, O_WRONLY | O_CREAT | how, 0644);
	int r = fd;

	if (r == -EEXIST) {
		error_set(err, EEXIST, "spec: %s exists already", name);
		return error_hint(err, "remove it, or name a file with --file");
	}
	if (r >= 0)
		r = fd_write_all(fd, text, len);
	if (r >= 0)
		r = fd_write_all(fd, "\n", 1);
	if (r >= 0)
		return 0;
	/* Half a file would be in the way of the next try. */
	if (fd >= 0 && !overwrite)
		unlinkat(dir, name, 0);
	return error_errno(err, r, "spec: write %s", name);
}

static int run(struct invocation *inv, struct error *err)
{
	const struct spec_options *o = inv->options;
	const struct template t = {
		.rootless = o->rootless, .uid = geteuid(), .gid = getegid(),
	};
	const char *bundle = o->bundle ? o->bundle : ".";
	_cleanup_close_ int dir = fd_openat(AT_FDCWD, bundle, O_RDONLY | O_DIRECTORY, 0);
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (dir < 0)
		return error_errno(err, dir, "spec: open the bundle directory %s", bundle);
	text = template_text(&t, &len);
	return write_file(dir, o->file ? o->file : "config.json", o->file != NULL, text, len, err);
}

const struct command command_spec = {
	.name = "spec", .arguments = "", .max_args = 0,
	.summary = "Write a config.json to start from",
	.options = rows, .n_options = ARRAY_SIZE(rows),
	.options_size = sizeof(struct spec_options), .run = run,
};
