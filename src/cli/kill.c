/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop kill`. */
#include "cli/commands.h"

#include <errno.h>
#include <signal.h>

#include "oci/names.h"

struct kill_options {
	bool all;
};

static const struct option rows[] = {
	{ "all", 'a', OPTION_FLAG, offsetof(struct kill_options, all), NULL,
	  "send it to every process of the container; one that has\nended already is no error" },
};

/* kill(1) has it in front of the process. */
static bool explain_option(const char *word, struct error *err)
{
	const char *name = word + strspn(word, "-");

	if (signal_parse(name) < 0)
		return false;
	error_set(err, EINVAL, "`%s` is no option: the signal comes after the container: `orlop kill ID %s`",
		  word, name);
	return true;
}

static int run(struct invocation *inv, struct error *err)
{
	const struct kill_options *o = inv->options;
	int sig = SIGTERM;

	if (inv->n_args > 1) {
		sig = signal_parse(inv->args[1]);
		if (sig < 0)
			return error_set(err, EINVAL, "kill: `%s` is no signal (a number from 0 to "
					 "64, or a name such as TERM or SIGTERM)", inv->args[1]);
	}
	return container_kill(inv->global, inv->args[0], sig, o->all, err);
}

const struct command command_kill = {
	.name = "kill", .arguments = "ID [SIGNAL]", .max_args = 2,
	.summary = "Send a signal (default: TERM) to the container process",
	.details = "SIGNAL is a number or a name, with or without SIG, in either case.",
	.options = rows, .n_options = ARRAY_SIZE(rows),
	.options_size = sizeof(struct kill_options), .explain_option = explain_option, .run = run,
};
