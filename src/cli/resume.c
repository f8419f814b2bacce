/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop resume`. */
#include "cli/commands.h"

static int run(struct invocation *inv, struct error *err)
{
	return container_resume(inv->global, inv->args[0], err);
}

const struct command command_resume = {
	.name = "resume", .arguments = "ID", .max_args = 1,
	.summary = "Let the processes of a paused container go on",
	.run = run,
};
