/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop run`: create, start, and in the foreground also wait and delete. */
#include "cli/commands.h"

#include <errno.h>

static const struct option rows[] = {
	CREATE_OPTIONS,
	{ "detach", 'd', OPTION_FLAG, offsetof(struct create_options, detach), NULL,
	  "return once the program runs" },
	{ "die-with-parent", 0, OPTION_FLAG, offsetof(struct create_options, die_with_parent), NULL,
	  "kill the container when the process that called this command ends" },
	{ "keep", 0, OPTION_FLAG, offsetof(struct create_options, keep), NULL,
	  "do not delete the container when its program has ended" },
	{ "sdnotify", 0, OPTION_WORD, offsetof(struct create_options, sdnotify), "container|ignore|runtime",
	  "who tells NOTIFY_SOCKET that it is ready (default: container)" },
};

static int run(struct invocation *inv, struct error *err)
{
	struct create_options *o = inv->options;
	int status = 0;
	int r;

	create_options_finish(o, inv);
	if (o->die_with_parent && o->detach)
		return error_usage(err, "--die-with-parent and --detach contradict each other: nobody "
				   "would stay to see the end of the caller");
	r = container_run(o, &status, err);
	if (r < 0 && status > 0)
		*inv->failure = status;
	return r < 0 ? r : status;
}

const struct command command_run = {
	.name = "run", .arguments = "ID", .max_args = 1,
	.summary = "Create and start a container, wait for its end and delete it",
	.details = "The exit status is that of the program, 128+N when signal N ended it, 126 or 127 when it could\n"
		   "not be executed; 0 with --detach.",
	.options = rows, .n_options = ARRAY_SIZE(rows),
	.options_size = sizeof(struct create_options), .explain_option = create_explain_option,
	.run = run,
};
