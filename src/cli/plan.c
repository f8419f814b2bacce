/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop plan`. */
#include "cli/commands.h"

#include <errno.h>

#include "report/report.h"

struct plan_command_options {
	const char *config, *host, *format, *id;
};

static const struct option rows[] = {
	{ "config", 0, OPTION_STRING, offsetof(struct plan_command_options, config), "FILE",
	  "configuration in the bundle, `-`: the standard input\n(default: config.json)" },
	{ "format", 'f', OPTION_WORD, offsetof(struct plan_command_options, format), "text|json",
	  "form of the output (default: text)" },
	{ "host", 0, OPTION_STRING, offsetof(struct plan_command_options, host), "FILE",
	  "for another machine: what `orlop features` prints there\nwith --host is in FILE, - for the standard "
	  "input" },
	{ "id", 0, OPTION_STRING, offsetof(struct plan_command_options, id), "ID",
	  "of the container, in the names of cgroup and unit\n(default: container)" },
};

static int run(struct invocation *inv, struct error *err)
{
	const struct plan_command_options *o = inv->options;
	struct report_plan_options p = { .config = o->config, .host = o->host, .id = o->id };

	if (o->id && !str_is_container_id(o->id))
		return error_usage(err, "plan: `%s` is not a container id", o->id);
	p.json = o->format && str_eq(o->format, "json");
	p.bundle = inv->n_args ? inv->args[0] : NULL;
	return report_plan(inv->global, &p, err);
}

const struct command command_plan = {
	.name = "plan", .arguments = "[BUNDLE]", .max_args = 1,
	.summary = "Show what would be done with a bundle, in order, and do nothing",
	.details = "A line for each step, with the member of the configuration that asks for it.",
	.options = rows, .n_options = ARRAY_SIZE(rows),
	.options_size = sizeof(struct plan_command_options), .run = run,
};
