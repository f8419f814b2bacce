/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command table: one row a command, each defined in the file of its name, together with its
 * options and the function that runs it.
 */
#ifndef ORLOP_CLI_COMMANDS_H
#define ORLOP_CLI_COMMANDS_H

#include <limits.h>

#include "cli/options.h"
#include "container/container.h"
#include "util/error.h"
#include "util/mem.h"
#include "util/str.h"

struct command;

/* One call of one command, everything parsed and counted. */
struct invocation {
	const struct command *command;
	const struct global_options *global;
	struct arena *arena;
	void *options;			/* of the command's own type */
	char **args;
	size_t n_args;
	int *failure;			/* exit status after an error */
};

struct command {
	const char *name;
	const char *arguments;		/* "ID [SIGNAL]"; a name without brackets is required */
	const char *summary;		/* one line, for the list of commands */
	const char *details;		/* more for `COMMAND --help`, or NULL */
	const struct option *options;
	size_t n_options;
	size_t options_size;		/* of the struct that the offsets refer to */
	/* As of struct option_table, or NULL. */
	bool (*explain_option)(const char *word, struct error *err);
	size_t max_args;
	bool ordered;			/* what follows the first argument is not ours to parse */
	int failure;			/* exit status after an error; 0 is that of all others, 1 */
	/* The exit status, or -errno with @err. */
	int (*run)(struct invocation *inv, struct error *err);
};

#define ARGS_UNLIMITED ((size_t)-1)

extern const struct command command_create, command_run, command_start, command_exec, command_state,
	command_kill, command_wait, command_delete, command_list, command_ps, command_stats, command_events,
	command_pause, command_resume, command_update, command_checkpoint, command_restore, command_mounts,
	command_gc, command_resources, command_trace, command_check, command_plan, command_seccomp, command_spec,
	command_doctor, command_features, command_help;

/* The table, in the order of the help text. */
extern const struct command *const command_list_all[];
extern const size_t n_commands;

const struct command *command_find(const char *name);
/* An error for a word that is no command: not built yet, or the nearest one. */
int command_unknown(const char *name, struct error *err);

/* The help text of one command, and of the program. */
void command_help_text(const struct command *c, struct strbuf *out);
void program_help_text(struct strbuf *out);

struct option_table command_option_table(const struct command *c);
extern const struct option_table global_option_table;

/* Write @out to stdout; a failure (a full disk) is an error like any other. */
int command_print(const struct strbuf *out, struct error *err);

/* The rows of create that run takes as well (offsets into struct create_options). */
#define CREATE_OPTIONS								\
	{ "bundle", 'b', OPTION_STRING, offsetof(struct create_options, bundle), "DIR",	\
	  "bundle directory (default: the current one)" },				\
	{ "config", 'f', OPTION_STRING, offsetof(struct create_options, config), "FILE", \
	  "configuration in the bundle, `-`: the standard input (default: config.json)" },			\
	{ "console-socket", 0, OPTION_STRING,						\
	  offsetof(struct create_options, console_socket), "PATH",			\
	  "socket that receives the terminal" },					\
	{ "pidfd-socket", 0, OPTION_STRING,						\
	  offsetof(struct create_options, pidfd_socket), "PATH",			\
	  "socket that receives a pidfd of the container process" },			\
	{ "pid-file", 0, OPTION_STRING, offsetof(struct create_options, pid_file), "FILE", \
	  "write the pid of the container process there" },				\
	{ "no-pivot", 0, OPTION_FLAG, offsetof(struct create_options, no_pivot), NULL,	\
	  "do not use pivot_root (root file system on a ramdisk)" },			\
	{ "no-new-keyring", 0, OPTION_FLAG,						\
	  offsetof(struct create_options, no_new_keyring), NULL,			\
	  "keep the caller's session keyring" },					\
	{ "preserve-fds", 0, OPTION_UNSIGNED,						\
	  offsetof(struct create_options, preserve_fds), "N",				\
	  "hand on N descriptors, from 3 on, besides LISTEN_FDS" },			\
	{ "replace", 0, OPTION_FLAG, offsetof(struct create_options, replace), NULL,	\
	  "delete by force what has this id, once the configuration and what it names are checked" },			\
	{ "no-subreaper", 0, OPTION_FLAG,						\
	  offsetof(struct create_options, no_subreaper), NULL,				\
	  "accepted for compatibility: no subreaper is ever used" }

/* Fill in what create and run have in common. */
void create_options_finish(struct create_options *o, const struct invocation *inv);
bool create_explain_option(const char *word, struct error *err);

#endif
