/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop state`. */
#include "cli/commands.h"

static int run(struct invocation *inv, struct error *err)
{
	return container_state(inv->global, inv->args[0], err);
}

const struct command command_state = {
	.name = "state", .arguments = "ID", .max_args = 1,
	.summary = "Show the state of a container as JSON",
	.run = run,
};
