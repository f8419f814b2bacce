/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop create`: make a container and leave it waiting for `start`. */
#include "cli/commands.h"

static const struct option rows[] = { CREATE_OPTIONS };

void create_options_finish(struct create_options *o, const struct invocation *inv)
{
	o->global = inv->global;
	o->id = inv->args[0];
	if (!o->bundle)
		o->bundle = ".";
	if (!o->config)
		o->config = "config.json";
}

static int run(struct invocation *inv, struct error *err)
{
	struct create_options *o = inv->options;

	create_options_finish(o, inv);
	return container_create(o, err);
}

const struct command command_create = {
	.name = "create", .arguments = "ID", .max_args = 1,
	.summary = "Create a container; its program waits for `start`",
	.options = rows, .n_options = ARRAY_SIZE(rows),
	.options_size = sizeof(struct create_options), .run = run,
};
