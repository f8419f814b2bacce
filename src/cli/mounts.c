/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop mounts`. */
#include "cli/commands.h"

#include <errno.h>

struct options {
	const char *format;
	bool replace;
};

static const struct option rows[] = {
	{ "format", 'f', OPTION_WORD, offsetof(struct options, format), "table|json",
	  "form of the output of list (default: table)" },
	{ "replace", 0, OPTION_FLAG, offsetof(struct options, replace), NULL,
	  "mount in the place of what is mounted at the destination,\n"
	  "if that is of config.json or was added" },
};

static int run_list(struct invocation *inv, const struct options *o, struct error *err)
{
	bool json = o->format && str_eq(o->format, "json");

	if (inv->n_args > 2)
		return error_usage(err, "mounts list: one argument too many: `%s`", inv->args[2]);
	if (o->replace)
		return error_usage(err, "mounts list: --replace has a meaning for `mounts add` only");
	return container_mounts_list(inv->global, inv->args[1], json ? LIST_JSON : LIST_TABLE, err);
}

static int run(struct invocation *inv, struct error *err)
{
	const struct options *o = inv->options;
	struct mounts_options m = {.global = inv->global, .id = inv->args[1], .replace = o->replace};
	bool add = str_eq(inv->args[0], "add");

	if (str_eq(inv->args[0], "list"))
		return run_list(inv, o, err);
	if (!add && !str_eq(inv->args[0], "remove")) {
		error_usage(err, "mounts: `%s` is none of add, remove and list", inv->args[0]);
		return error_hint(err, "see `orlop mounts --help`");
	}
	if (inv->n_args < 3)
		return error_usage(err, "mounts %s: the argument FILE is missing", inv->args[0]);
	if (o->format)
		return error_usage(err, "mounts %s: --format has a meaning for `mounts list` only", inv->args[0]);
	if (o->replace && !add)
		return error_usage(err, "mounts remove: --replace has a meaning for `mounts add` only");
	m.file = inv->args[2];
	return add ? container_mounts_add(&m, err) : container_mounts_remove(&m, err);
}

const struct command command_mounts = {
	.name = "mounts", .arguments = "add|remove|list ID [FILE]", .max_args = 3,
	.summary = "Add and remove mounts of a container that is there, or list them",
	.details = "FILE, to add and to remove, is an array of mounts as in config.json (\"-\": the standard input);\n"
		   "of those to be removed only the destination counts.",
	.options = rows, .n_options = ARRAY_SIZE(rows),
	.options_size = sizeof(struct options), .run = run,
};
