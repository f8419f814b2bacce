/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop resources`. */
#include "cli/commands.h"
#include "report/report.h"

struct resources_options {
	const char *format;
};

static const struct option rows[] = {
	{ "format", 'f', OPTION_WORD, offsetof(struct resources_options, format), "table|json",
	  "form of the output (default: table)" },
};

static int run(struct invocation *inv, struct error *err)
{
	const struct resources_options *o = inv->options;

	return report_resources(inv->global, inv->args[0], o->format && str_eq(o->format, "json"), err);
}

const struct command command_resources = {
	.name = "resources", .arguments = "ID", .max_args = 1,
	.summary = "Show the limits of a container, and where they differ",
	.details = "Each with what was asked for, what was written, what the kernel has now, and who has set that.",
	.options = rows, .n_options = ARRAY_SIZE(rows),
	.options_size = sizeof(struct resources_options), .run = run,
};
