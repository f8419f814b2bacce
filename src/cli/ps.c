/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop ps`. */
#include "cli/commands.h"

#include <errno.h>

struct ps_options {
	const char *format;
};

static const struct option rows[] = {
	{ "format", 'f', OPTION_WORD, offsetof(struct ps_options, format), "table|json",
	  "form of the output (default: table)" },
};

static int run(struct invocation *inv, struct error *err)
{
	const struct ps_options *o = inv->options;
	bool json = o->format && str_eq(o->format, "json");
	struct strings args = { 0 };

	args.n = inv->n_args - 1;
	args.v = args.n ? inv->args + 1 : NULL;
	if (json && args.n)
		return error_usage(err, "ps: arguments for ps(1) such as `%s` have no "
				   "meaning with --format json", args.v[0]);
	return container_ps(inv->global, inv->args[0], json ? LIST_JSON : LIST_TABLE, &args, err);
}

const struct command command_ps = {
	.name = "ps", .arguments = "ID [PS-ARGUMENT...]", .max_args = ARGS_UNLIMITED,
	.ordered = true,
	.summary = "Show the processes of a container",
	.details = "What follows ID is given to ps(1) in place of -ef; its output must have a column PID.",
	.options = rows, .n_options = ARRAY_SIZE(rows),
	.options_size = sizeof(struct ps_options), .run = run,
};
