/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop check`. */
#include "cli/commands.h"
#include "report/report.h"

struct check_command_options {
	const char *config, *host, *format;
};

static const struct option rows[] = {
	{ "config", 0, OPTION_STRING, offsetof(struct check_command_options, config), "FILE",
	  "configuration in the bundle, `-`: the standard input\n(default: config.json)" },
	{ "format", 'f', OPTION_WORD, offsetof(struct check_command_options, format), "text|json",
	  "form of the output (default: text)" },
	{ "host", 0, OPTION_STRING, offsetof(struct check_command_options, host), "FILE",
	  "judge for another machine: what `orlop features` prints there\nwith --host is in FILE, - for the standard "
	  "input" },
};

static int run(struct invocation *inv, struct error *err)
{
	const struct check_command_options *o = inv->options;
	struct check_options c = { .config = o->config, .host = o->host };
	int status = 0, r;

	c.json = o->format && str_eq(o->format, "json");
	c.bundle = inv->n_args ? inv->args[0] : NULL;
	r = report_check(inv->global, &c, &status, err);
	return r < 0 ? r : status;
}

const struct command command_check = {
	.name = "check", .arguments = "[BUNDLE]", .max_args = 1,
	.summary = "Say all that is wrong with a bundle, without making anything of it",
	.details = "The configuration, the host and the root file system are looked at. The exit status is 0, or 1 if\n"
		   "the container would fail, or 2 if there are warnings alone.",
	.options = rows, .n_options = ARRAY_SIZE(rows),
	.options_size = sizeof(struct check_command_options), .run = run,
};
