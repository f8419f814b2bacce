/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop create`: make a container and leave it waiting for `start`. */
#include "cli/commands.h"

#include <errno.h>

#include "report/report.h"

static const struct option rows[] = { CREATE_OPTIONS };

void create_options_finish(struct create_options *o, const struct invocation *inv)
{
	o->global = inv->global;
	o->id = inv->args[0];
	if (!o->bundle)
		o->bundle = ".";
	if (!o->config)
		o->config = "config.json";
	o->judge = report_judge;
}

/* Of engines, whose run has them. */
bool create_explain_option(const char *word, struct error *err)
{
	static const char *const terminal[] = {"-t", "-i", "-it", "-ti", "--tty", "--interactive"};

	for (size_t i = 0; i < ARRAY_SIZE(terminal); i++)
		if (str_eq(word, terminal[i])) {
			error_usage(err, "`%s` is no option: process.terminal in config.json says whether the "
				    "program has a terminal", word);
			return true;
		}
	return false;
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
	.options_size = sizeof(struct create_options), .explain_option = create_explain_option,
	.run = run,
};
