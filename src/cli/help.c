/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop help`: the help texts, and the option tables for programs. */
#include "cli/commands.h"
#include "util/cleanup.h"

struct help_options {
	bool list_options;
};

static const struct option rows[] = {
	{ "list-options", 0, OPTION_FLAG, offsetof(struct help_options, list_options), NULL,
	  "every command and option, one a line, for completion scripts" },
};

/*
 * Fields, separated by tabs: command ("" for the global options), kind, --long, -s or "", name of
 * the value or "", help text.
 */
static void list_option(const char *command, const struct option *o, struct strbuf *out)
{
	static const char *const kinds[] = {
		[OPTION_FLAG] = "flag", [OPTION_STRING] = "string", [OPTION_WORD] = "word",
		[OPTION_UNSIGNED] = "number", [OPTION_LIST] = "list",
	};

	strbuf_addf(out, "%s\t%s\t--%s\t", command, kinds[o->kind], o->name);
	if (o->letter)
		strbuf_addf(out, "-%c", o->letter);
	strbuf_addf(out, "\t%s\t", o->argument ? o->argument : "");
	for (const char *c = o->help; *c; c++)
		strbuf_add(out, *c == '\n' ? " " : c, 1);
	strbuf_adds(out, "\n");
}

static void list_table(const char *command, const struct option_table *t, struct strbuf *out)
{
	static const struct option help = {
		.name = "help", .letter = 'h', .kind = OPTION_FLAG, .help = "show the help text",
	};

	for (size_t i = 0; i < t->n; i++)
		list_option(command, &t->v[i], out);
	list_option(command, &help, out);
}

static void list_everything(struct strbuf *out)
{
	list_table("", &global_option_table, out);
	for (size_t i = 0; i < n_commands; i++) {
		const struct command *c = command_list_all[i];
		struct option_table t = command_option_table(c);

		strbuf_addf(out, "%s\tcommand\t\t\t%s\t%s\n", c->name, c->arguments, c->summary);
		list_table(c->name, &t, out);
	}
}

static int run(struct invocation *inv, struct error *err)
{
	const struct help_options *o = inv->options;
	_cleanup_(strbuf_free) struct strbuf out = { 0 };
	const struct command *c = NULL;

	if (inv->n_args) {
		c = command_find(inv->args[0]);
		if (!c)
			return command_unknown(inv->args[0], err);
	}
	if (o->list_options)
		list_everything(&out);
	else if (c)
		command_help_text(c, &out);
	else
		program_help_text(&out);
	return command_print(&out, err);
}

const struct command command_help = {
	.name = "help", .arguments = "[COMMAND]", .max_args = 1,
	.summary = "Show how to use the program or one command",
	.options = rows, .n_options = ARRAY_SIZE(rows),
	.options_size = sizeof(struct help_options), .run = run,
};
