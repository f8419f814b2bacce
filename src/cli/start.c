/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop start`. */
#include "cli/commands.h"

static int run(struct invocation *inv, struct error *err)
{
	return container_start(inv->global, inv->args[0], err);
}

const struct command command_start = {
	.name = "start", .arguments = "ID", .max_args = 1,
	.summary = "Run the program of a created container",
	.run = run,
};
