/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop pause`. */
#include "cli/commands.h"

static int run(struct invocation *inv, struct error *err)
{
	return container_pause(inv->global, inv->args[0], err);
}

const struct command command_pause = {
	.name = "pause", .arguments = "ID", .max_args = 1,
	.summary = "Freeze all processes of a container",
	.run = run,
};
