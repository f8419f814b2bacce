/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop delete`. */
#include "cli/commands.h"

struct delete_options {
	bool force;
};

static const struct option rows[] = {
	{ "force", 'f', OPTION_FLAG, offsetof(struct delete_options, force), NULL,
	  "kill what still runs first; an unknown container is no error" },
};

static int run(struct invocation *inv, struct error *err)
{
	const struct delete_options *o = inv->options;

	return container_delete(inv->global, inv->args[0], o->force, err);
}

const struct command command_delete = {
	.name = "delete", .arguments = "ID", .max_args = 1,
	.summary = "Remove a container that is not running",
	.options = rows, .n_options = ARRAY_SIZE(rows),
	.options_size = sizeof(struct delete_options), .run = run,
};
