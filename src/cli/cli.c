/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Global options, then one command.  Whatever fails comes back here as one error and is printed
 * once.
 */
#include "cli/cli.h"

#include <errno.h>
#include <signal.h>

#include "cli/commands.h"
#include "cli/version.h"
#include "report/report.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "util/trace.h"

struct globals {
	struct global_options o;
	bool version;
};

#define GLOBAL(member) offsetof(struct globals, o.member)

static const struct option global_rows[] = {
	{ "root", 0, OPTION_STRING, GLOBAL(root), "DIR",
	  "where the state of containers is kept (default: /run/orlop,\n"
	  "or $XDG_RUNTIME_DIR/orlop for other users than root)" },
	{ "log", 0, OPTION_STRING, GLOBAL(log), "FILE",
	  "append messages to FILE; errors go to stderr as well" },
	{ "log-format", 0, OPTION_WORD, GLOBAL(log_format), "text|json",
	  "format of the messages in the log file (default: text)" },
	{ "error-format", 0, OPTION_WORD, GLOBAL(error_format), "text|json",
	  "format of the messages on stderr (default: text)" },
	{ "log-level", 0, OPTION_WORD, GLOBAL(log_level), "error|warning|info|debug",
	  "least important message to write (default: warning;\n"
	  "with --log-format json: error)" },
	{ "debug", 0, OPTION_FLAG, GLOBAL(debug), NULL, "the same as --log-level debug" },
	{ "cgroup-manager", 0, OPTION_WORD, GLOBAL(cgroup_manager), "cgroupfs|delegated|disabled|systemd",
	  "who makes the cgroup (default: cgroupfs)" },
	{ "systemd-cgroup", 0, OPTION_FLAG, GLOBAL(systemd_cgroup), NULL,
	  "the same as --cgroup-manager systemd; create and run\n"
	  "need it, the other commands know it of the container" },
	{ "rootless", 0, OPTION_WORD, GLOBAL(rootless), "true|false|auto",
	  "go on without some privileges of root (default: auto)" },
	{ "trace", 0, OPTION_STRING, GLOBAL(trace), "FILE",
	  "write what took how long to FILE, as trace events for\nPerfetto, chrome://tracing and `orlop trace`" },
	{ "version", 'v', OPTION_FLAG, offsetof(struct globals, version), NULL,
	  "show versions" },
};

const struct option_table global_option_table = {
	.who = "", .v = global_rows, .n = ARRAY_SIZE(global_rows), .ordered = true,
};

/* Engines that ask for JSON read the file as one object, the error: a warning in front of it would
 * hide it from them. */
static enum log_level log_level_of(const struct global_options *g, bool json)
{
	if (g->debug)
		return LOG_LEVEL_DEBUG;
	if (!g->log_level)
		return json ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING;
	if (str_eq(g->log_level, "error"))
		return LOG_LEVEL_ERROR;
	if (str_eq(g->log_level, "warning"))
		return LOG_LEVEL_WARNING;
	return str_eq(g->log_level, "info") ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
}

static int open_log(const struct global_options *g, struct error *err)
{
	bool json = g->log_format && str_eq(g->log_format, "json");

	return log_open(g->log, json ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT, log_level_of(g, json), err);
}

/* The names in "ID [SIGNAL]": the one at @index, or NULL when it is optional or not there. */
static const char *required_argument(const struct command *c, size_t index, struct arena *a)
{
	const char *word = c->arguments;

	for (; index && *word; index--) {
		word += strcspn(word, " ");
		word += strspn(word, " ");
	}
	if (!*word || *word == '[')
		return NULL;
	return arena_strndup(a, word, strcspn(word, " "));
}

static int check_arguments(const struct invocation *inv, struct error *err)
{
	const struct command *c = inv->command;
	const char *missing = required_argument(c, inv->n_args, inv->arena);

	if (inv->n_args > c->max_args)
		error_usage(err, "%s: one argument too many: `%s`", c->name,
			    inv->args[c->max_args]);
	else if (missing)
		error_usage(err, "%s: the argument %s is missing", c->name, missing);
	else
		return 0;
	return error_hint(err, "see `orlop %s --help`", c->name);
}

static int run_command(const struct global_options *g, struct arena *a, char **argv, int argc,
		       int *failure, struct error *err)
{
	const struct command *c = command_find(argv[0]);
	struct invocation inv = { .command = c, .global = g, .arena = a, .failure = failure };
	struct option_table table;
	struct option_result parsed;
	int r;

	if (!c)
		return command_unknown(argv[0], err);
	table = command_option_table(c);
	if (c->options_size)
		inv.options = arena_alloc(a, 1, c->options_size);
	r = options_parse(a, &table, argc - 1, argv + 1, inv.options, &parsed, err);
	if (r < 0)
		return r;
	if (parsed.help) {
		_cleanup_(strbuf_free) struct strbuf out = { 0 };

		command_help_text(c, &out);
		return command_print(&out, err);
	}
	inv.args = parsed.args;
	inv.n_args = parsed.n_args;
	r = check_arguments(&inv, err);
	return r < 0 ? r : c->run(&inv, err);
}

/* Whatever comes of the command, its trace is written. */
static int run_traced(const struct global_options *g, struct arena *a, char **argv, int argc, int *failure,
		      struct error *err)
{
	struct error second = { 0 };
	int r = report_trace_begin(g->trace, err);
	size_t event;

	if (r < 0)
		return r;
	event = trace_enter("orlop", argv[0]);
	r = run_command(g, a, argv, argc, failure, err);
	trace_leave(&event);
	if (report_trace_end(g->trace, &second) < 0)
		log_error(&second);
	return r;
}

static int run(int argc, char **argv, char *const *all_argv, struct arena *a, int *failure,
	       struct error *err)
{
	const struct command *c;
	struct globals *globals = arena_alloc(a, 1, sizeof(*globals));
	_cleanup_(strbuf_free) struct strbuf out = { 0 };
	struct option_result parsed;
	int r;

	globals->o.argv = all_argv;
	r = options_parse(a, &global_option_table, argc, argv, globals, &parsed, err);
	if (globals->o.error_format)	/* before what is wrong with another one */
		log_stderr_format(str_eq(globals->o.error_format, "json") ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
	if (r < 0)
		return r;
	if (parsed.help)
		program_help_text(&out);
	else if (globals->version)
		version_text(&out);
	if (out.len)
		return command_print(&out, err);
	r = open_log(&globals->o, err);
	if (r < 0)
		return r;
	if (!parsed.n_args)
		return error_usage(err, "no command is given (see `orlop --help`)");
	c = command_find(parsed.args[0]);
	if (c && c->failure)
		*failure = c->failure;
	if (!globals->o.trace)
		return run_command(&globals->o, a, parsed.args, (int)parsed.n_args, failure, err);
	return run_traced(&globals->o, a, parsed.args, (int)parsed.n_args, failure, err);
}

int cli_main(int argc, char **argv)
{
	struct arena *a = arena_new();
	struct error err = { 0 };
	int failure = 1;
	int r;

	/* A limit on the size of files shall be an error like others, and not kill us among half of the work.  Programs
	 * of containers and hooks get the signal back. */
	signal(SIGXFSZ, SIG_IGN);
	/* argc is 0 for a caller that gives execve(2) an empty argv. */
	r = run(argc > 0 ? argc - 1 : 0, argv + (argc > 0), argv, a, &failure, &err);
	if (r < 0) {
		error_hint_kernel(&err);
		if (err.code == EFBIG)
			error_hint(&err, "there is a limit on the size of files: RLIMIT_FSIZE, ulimit -f");
		log_error(&err);
		r = failure;
	}
	arena_free(a);
	return r;
}
