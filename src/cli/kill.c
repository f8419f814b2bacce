/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop kill`. */
#include "cli/commands.h"

#include <errno.h>
#include <signal.h>

#include "oci/names.h"

struct kill_options {
	bool all, regex;
};

struct order {
	int signal;
	bool all;
};

static const struct option rows[] = {
	{ "all", 'a', OPTION_FLAG, offsetof(struct kill_options, all), NULL,
	  "send it to every process of the container; one that has\nended already is no error" },
	{ "regex", 'r', OPTION_FLAG, offsetof(struct kill_options, regex), NULL,
	  "ID is a regular expression: all containers that match" },
};

/* kill(1) has it in front of the process. */
static bool explain_option(const char *word, struct error *err)
{
	const char *name = word + strspn(word, "-");

	if (signal_parse(name) < 0)
		return false;
	error_usage(err, "`%s` is no option: the signal comes after the container: `orlop kill ID %s`",
		    word, name);
	return true;
}

static int kill_one(const struct global_options *g, const char *id, const void *ctx, struct error *err)
{
	const struct order *o = ctx;

	return container_kill(g, id, o->signal, o->all, err);
}

static int run(struct invocation *inv, struct error *err)
{
	const struct kill_options *o = inv->options;
	struct order order = {.signal = SIGTERM, .all = o->all};

	if (inv->n_args > 1) {
		order.signal = signal_parse(inv->args[1]);
		if (order.signal < 0)
			return error_usage(err, "kill: `%s` is no signal (a number from 0 to "
					   "64, or a name such as TERM or SIGTERM)", inv->args[1]);
	}
	return o->regex ? container_each(inv->global, inv->args[0], kill_one, &order, err)
			: kill_one(inv->global, inv->args[0], &order, err);
}

const struct command command_kill = {
	.name = "kill", .arguments = "ID [SIGNAL]", .max_args = 2,
	.summary = "Send a signal (default: TERM) to the container process",
	.details = "SIGNAL is a number or a name, with or without SIG, in either case.",
	.options = rows, .n_options = ARRAY_SIZE(rows),
	.options_size = sizeof(struct kill_options), .explain_option = explain_option, .run = run,
};
