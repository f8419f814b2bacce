/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of commands, their help texts, and what is said to a word that is none of them. */
#include "cli/commands.h"

#include <errno.h>
#include <unistd.h>

#include "util/fd.h"

const struct command *const command_list_all[] = {
	&command_create, &command_start, &command_run, &command_exec, &command_state,
	&command_kill, &command_delete, &command_pause, &command_resume, &command_update,
	&command_checkpoint, &command_restore,
	&command_mounts, &command_list, &command_ps, &command_resources, &command_stats, &command_events,
	&command_wait, &command_gc,
	&command_trace, &command_check, &command_plan, &command_seccomp, &command_spec,
	&command_doctor, &command_features, &command_help,
};
const size_t n_commands = ARRAY_SIZE(command_list_all);

/* Commands of the same kind of program which this one does not have. */
static const char *const not_built[] = {
	"init",
};

/* What other programs of containers call it. */
static const struct {
	const char *theirs, *ours;
} elsewhere[] = {
	{"rm", "delete"}, {"remove", "delete"}, {"destroy", "delete"}, {"stop", "kill"}, {"signal", "kill"},
	{"ls", "list"}, {"inspect", "state"}, {"status", "state"}, {"unpause", "resume"}, {"freeze", "pause"},
	{"thaw", "resume"}, {"top", "ps"}, {"info", "features"}, {"init-config", "spec"}, {"enter", "exec"},
	{"attach", "exec"}, {"prune", "gc"}, {"cleanup", "gc"}, {"version", "--version"},
};

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < n_commands; i++)
		if (str_eq(command_list_all[i]->name, name))
			return command_list_all[i];
	return NULL;
}

int command_unknown(const char *name, struct error *err)
{
	struct name_value names[ARRAY_SIZE(command_list_all)];
	const char *nearest = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(not_built); i++)
		if (str_eq(not_built[i], name))
			return error_usage(err, "the command `%s` is not built yet", name);
	for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++)
		if (str_eq(elsewhere[i].theirs, name))
			nearest = elsewhere[i].ours;
	for (size_t i = 0; i < n_commands; i++)
		names[i].name = command_list_all[i]->name;
	if (!nearest)
		nearest = name_nearest(names, n_commands, name);
	if (nearest)
		error_usage(err, "unknown command `%s`: did you mean `%s`?", name, nearest);
	else
		error_usage(err, "unknown command `%s`", name);
	return error_hint(err, "see `orlop --help`");
}

struct option_table command_option_table(const struct command *c)
{
	return (struct option_table){
		.who = c->name, .v = c->options, .n = c->n_options, .ordered = c->ordered,
		.outer = &global_option_table, .explain = c->explain_option,
	};
}

void command_help_text(const struct command *c, struct strbuf *out)
{
	struct option_table t = command_option_table(c);

	strbuf_addf(out, "Usage: orlop [GLOBAL OPTION...] %s [OPTION...]", c->name);
	if (*c->arguments)
		strbuf_addf(out, " %s", c->arguments);
	strbuf_addf(out, "\n\n%s.\n", c->summary);
	if (c->details)
		strbuf_addf(out, "\n%s\n", c->details);
	strbuf_adds(out, "\nOptions:\n");
	options_help(&t, out);
}

void program_help_text(struct strbuf *out)
{
	strbuf_adds(out, "Usage: orlop [GLOBAL OPTION...] COMMAND [OPTION...] [ARGUMENT...]\n\n"
			 "Create and run containers as the OCI runtime specification describes them.\n\n"
			 "Commands:\n");
	for (size_t i = 0; i < n_commands; i++)
		strbuf_addf(out, "  %-12s%s\n", command_list_all[i]->name,
			    command_list_all[i]->summary);
	strbuf_adds(out, "\nGlobal options, before the command:\n");
	options_help(&global_option_table, out);
	strbuf_adds(out, "\n`orlop COMMAND --help` tells more; so does orlop(8).\n");
}

int command_print(const struct strbuf *out, struct error *err)
{
	int r = fd_write_all(STDOUT_FILENO, out->data, out->len);

	return r < 0 ? error_errno(err, r, "write to the standard output") : 0;
}
