/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop gc`. */
#include "cli/commands.h"

struct gc_options {
	bool force;
	const char *format;
};

static const struct option rows[] = {
	{ "force", 'f', OPTION_FLAG, offsetof(struct gc_options, force), NULL,
	  "remove what is found; without it, only say what would be removed" },
	{ "format", 0, OPTION_WORD, offsetof(struct gc_options, format), "table|json",
	  "form of the output (default: table)" },
};

static int run(struct invocation *inv, struct error *err)
{
	const struct gc_options *o = inv->options;
	bool json = o->format && str_eq(o->format, "json");

	return container_gc(inv->global, json ? LIST_JSON : LIST_TABLE, o->force, err);
}

const struct command command_gc = {
	.name = "gc", .arguments = "", .max_args = 0,
	.summary = "Find what dead containers left behind, and remove it with --force",
	.details = "Containers whose process has ended or whose creation was interrupted, and empty cgroups that no\n"
		   "container of the state directory has. What runs, or may run, is left alone.",
	.options = rows, .n_options = ARRAY_SIZE(rows),
	.options_size = sizeof(struct gc_options), .run = run,
};
