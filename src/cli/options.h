/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One table-driven parser.  A row is an option; the same rows print `--help`, feed the completion
 * scripts (`help --list-options`) and are compared with the manual page by a test.
 *
 * Accepted: --name VALUE, --name=VALUE, -name VALUE and -name=VALUE (one dash: go-runc sends
 * `-no-subreaper`), -n VALUE, -nVALUE, -n=VALUE, clusters of flags (-dt), --flag=true, --flag=false,
 * and "--", which ends the options.  Every table has --help and -h without a row.
 */
#ifndef ORLOP_CLI_OPTIONS_H
#define ORLOP_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"
#include "util/mem.h"
#include "util/str.h"

enum option_kind {
	OPTION_FLAG,		/* bool */
	OPTION_STRING,		/* const char *; an empty value is refused */
	OPTION_WORD,		/* const char *, one of `argument`: "text|json" */
	OPTION_UNSIGNED,	/* unsigned */
	OPTION_LIST,		/* struct strings; one element for each time it is given */
};

struct option {
	const char *name;	/* without dashes */
	char letter;		/* 0 = none */
	enum option_kind kind;
	size_t offset;		/* of the member that takes the value */
	const char *argument;	/* name of the value in --help; NULL for a flag */
	const char *help;
};

#define OPTIONS_MAX 32		/* rows in one table */

struct option_table {
	const char *who;	/* "create": in front of every error; "" for the global options */
	const struct option *v;
	size_t n;
	bool ordered;		/* the first argument that is no option ends the options */
	const struct option_table *outer;	/* options that belong before the command, or NULL */
	/* Say better what is wrong with @word, which is no option: true, and the error is set.  Or NULL. */
	bool (*explain)(const char *word, struct error *err);
};

struct option_result {
	char **args;		/* what is not an option, NULL-terminated, in the arena */
	size_t n_args;
	bool help;		/* --help: nothing after it was looked at */
};

/*
 * Parse @argc words of @argv (the first is the first option, not the program's name) into @target,
 * which the caller has zeroed.  Strings point into @argv.  0 or -EINVAL.
 */
int options_parse(struct arena *a, const struct option_table *t, int argc, char **argv, void *target,
		  struct option_result *ret, struct error *err);

/* "  -b, --bundle DIR    help", one a line, aligned, with the row of --help at the end. */
void options_help(const struct option_table *t, struct strbuf *out);

/* The row called @name, or NULL. */
const struct option *option_find(const struct option_table *t, const char *name, size_t len);

#endif
