/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop list`. */
#include "cli/commands.h"

struct list_options {
	const char *format;
	bool quiet;
};

static const struct option rows[] = {
	{ "format", 'f', OPTION_WORD, offsetof(struct list_options, format), "table|json",
	  "form of the output (default: table)" },
	{ "quiet", 'q', OPTION_FLAG, offsetof(struct list_options, quiet), NULL,
	  "only the ids, one a line" },
};

static int run(struct invocation *inv, struct error *err)
{
	const struct list_options *o = inv->options;
	bool json = o->format && str_eq(o->format, "json");

	return container_list(inv->global, json ? LIST_JSON : LIST_TABLE, o->quiet, err);
}

const struct command command_list = {
	.name = "list", .arguments = "", .max_args = 0,
	.summary = "List the containers",
	.options = rows, .n_options = ARRAY_SIZE(rows),
	.options_size = sizeof(struct list_options), .run = run,
};
