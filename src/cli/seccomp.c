/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop seccomp`. */
#include "cli/commands.h"

#include <errno.h>
#include <stdlib.h>

#include "report/report.h"

struct seccomp_command_options {
	const char *format;
};

static const struct option rows[] = {
	{ "format", 'f', OPTION_WORD, offsetof(struct seccomp_command_options, format), "text|json",
	  "form of the output (default: text)" },
};

/* Decimal, hexadecimal or octal, or negative, as system calls have their arguments written in C. */
static int read_argument(const char *word, uint64_t *ret, struct error *err)
{
	char *end;

	errno = 0;
	*ret = strtoull(word, &end, 0);
	if (errno == 0 && end != word && *end == '\0' && word[0] != ' ')
		return 0;
	return error_usage(err, "seccomp: the argument `%s` is not a number", word);
}

static int run(struct invocation *inv, struct error *err)
{
	const struct seccomp_command_options *o = inv->options;
	struct explain_options e = { .json = o->format && str_eq(o->format, "json") };

	if (!str_eq(inv->args[0], "explain"))
		return error_usage(err, "seccomp: `%s` is not explain, the one thing that it does", inv->args[0]);
	e.config = inv->args[1];
	e.call = inv->args[2];
	for (size_t i = 3; i < inv->n_args; i++)
		if (read_argument(inv->args[i], &e.args[i - 3], err) < 0)
			return -err->code;
	return report_explain(&e, err);
}

const struct command command_seccomp = {
	.name = "seccomp", .arguments = "explain FILE SYSCALL [ARG...]", .max_args = 9,
	.summary = "Say what the system call filter of a configuration answers",
	.details = "FILE is a config.json (\"-\": the standard input). Arguments that are not given are 0.",
	.options = rows, .n_options = ARRAY_SIZE(rows),
	.options_size = sizeof(struct seccomp_command_options), .run = run,
};
