/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop delete`. */
#include "cli/commands.h"

struct delete_options {
	bool force, regex;
};

static const struct option rows[] = {
	{ "force", 'f', OPTION_FLAG, offsetof(struct delete_options, force), NULL,
	  "kill what still runs first; an unknown container is no error" },
	{ "regex", 'r', OPTION_FLAG, offsetof(struct delete_options, regex), NULL,
	  "ID is a regular expression: all containers that match" },
};

static int delete_one(const struct global_options *g, const char *id, const void *ctx, struct error *err)
{
	const struct delete_options *o = ctx;

	return container_delete(g, id, o->force, err);
}

static int run(struct invocation *inv, struct error *err)
{
	const struct delete_options *o = inv->options;

	return o->regex ? container_each(inv->global, inv->args[0], delete_one, o, err)
			: delete_one(inv->global, inv->args[0], o, err);
}

const struct command command_delete = {
	.name = "delete", .arguments = "ID", .max_args = 1,
	.summary = "Remove a container that is not running",
	.options = rows, .n_options = ARRAY_SIZE(rows),
	.options_size = sizeof(struct delete_options), .run = run,
};
