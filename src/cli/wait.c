/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop wait`. */
#include "cli/commands.h"

#include "cli/interval.h"

struct options {
	struct wait_options wait;
	const char *timeout, *format;
};

static const struct option rows[] = {
	{ "any", 0, OPTION_FLAG, offsetof(struct options, wait.any), NULL,
	  "wait until one of them has ended, and print its id, too" },
	{ "timeout", 0, OPTION_STRING, offsetof(struct options, timeout), "DURATION",
	  "fail when it takes longer (default: wait for ever)" },
	{ "format", 'f', OPTION_WORD, offsetof(struct options, format), "text|json",
	  "form of the output (default: text)" },
};

static int run(struct invocation *inv, struct error *err)
{
	struct options *o = inv->options;
	int r;

	o->wait.global = inv->global;
	o->wait.ids = inv->args;
	o->wait.n_ids = inv->n_args;
	o->wait.json = o->format && str_eq(o->format, "json");
	o->wait.timeout_ms = -1;
	r = interval_parse("wait", "timeout", o->timeout, &o->wait.timeout_ms, err);
	return r < 0 ? r : container_wait(&o->wait, err);
}

const struct command command_wait = {
	.name = "wait", .arguments = "ID...", .max_args = ARGS_UNLIMITED,
	.summary = "Wait for containers to end, and print their exit codes",
	.details = "One a line, in the order of the ids: 128+N when signal N ended it, `unknown` when nobody saw it\n"
		   "end who could tell. JSON says why. DURATION is a number with a unit, as 5s, 100ms or 1m30s.",
	.options = rows, .n_options = ARRAY_SIZE(rows),
	.options_size = sizeof(struct options), .run = run,
};
