/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop exec`: one more process in a running container. */
#include "cli/commands.h"

#include <errno.h>

struct exec_arguments {
	struct exec_options o;
	struct strings gids, cgroups;
};

#define EXEC(member) offsetof(struct exec_arguments, o.member)

static const struct option rows[] = {
	{ "process", 'p', OPTION_STRING, EXEC(process), "FILE",
	  "read the whole process from FILE, a JSON `process` object" },
	{ "detach", 'd', OPTION_FLAG, EXEC(detach), NULL, "return once the program runs" },
	{ "pid-file", 0, OPTION_STRING, EXEC(pid_file), "FILE",
	  "write the pid of the process there" },
	{ "console-socket", 0, OPTION_STRING, EXEC(console_socket), "PATH",
	  "socket that receives the terminal" },
	{ "pidfd-socket", 0, OPTION_STRING, EXEC(pidfd_socket), "PATH",
	  "socket that receives a pidfd of the process" },
	{ "preserve-fds", 0, OPTION_UNSIGNED, EXEC(preserve_fds), "N",
	  "hand on N descriptors, from 3 on" },
	{ "cgroup", 0, OPTION_LIST, offsetof(struct exec_arguments, cgroups), "[CONTROLLER,...:]PATH",
	  "run in this existing cgroup below that of the container;\n"
	  "repeatable with controllers, all with the same path" },
	{ "ignore-paused", 0, OPTION_FLAG, EXEC(ignore_paused), NULL,
	  "also in a paused container; the program waits for `resume`" },
	{ "tty", 't', OPTION_FLAG, EXEC(tty), NULL,
	  "give the program a terminal, also one of a --process file" },
	{ "cwd", 0, OPTION_STRING, EXEC(cwd), "DIR",
	  "working directory (default: that of the container)" },
	{ "env", 'e', OPTION_LIST, EXEC(env), "NAME=VALUE",
	  "add to the environment of the container; repeatable" },
	{ "user", 'u', OPTION_STRING, EXEC(user), "UID[:GID]",
	  "user and group, as numbers (default: those of the container)" },
	{ "additional-gids", 'g', OPTION_LIST, offsetof(struct exec_arguments, gids), "GID[,GID...]",
	  "supplementary groups; repeatable" },
	{ "cap", 'c', OPTION_LIST, EXEC(caps), "CAP",
	  "add a capability to those of the container; repeatable" },
	{ "no-new-privs", 0, OPTION_FLAG, EXEC(no_new_privs), NULL,
	  "no privileges by execve(2) (set-user-id, file capabilities)" },
	{ "process-label", 0, OPTION_STRING, EXEC(process_label), "LABEL", "SELinux label" },
	{ "apparmor", 0, OPTION_STRING, EXEC(apparmor), "PROFILE", "AppArmor profile" },
};

/* A decimal id as it is written back: no sign, no space, no leading zero, not (uid_t)-1. */
static bool is_id(const char *s, uint32_t *ret)
{
	if (s[0] == '0' && s[1] != '\0')
		return false;
	return str_to_u32(s, ret) == 0 && *ret != UINT32_MAX;
}

/* A text that is no number must never end up as user 0. */
static int check_user(struct arena *a, const char *user, struct error *err)
{
	char *uid = arena_strdup(a, user);
	char *gid = strchr(uid, ':');
	uint32_t id;

	if (gid)
		*gid++ = '\0';
	if (is_id(uid, &id) && (!gid || is_id(gid, &id)))
		return 0;
	return error_usage(err, "exec: option `--user`: `%s` is not UID or UID:GID, both "
			   "decimal numbers below 4294967295 (names are not looked up)", user);
}

static int read_gids(struct arena *a, struct exec_arguments *e, struct error *err)
{
	for (size_t i = 0; i < e->gids.n; i++) {
		char *text = arena_strdup(a, e->gids.v[i]);

		for (char *next; text; text = next) {
			uint32_t id;

			next = strchr(text, ',');
			if (next)
				*next++ = '\0';
			if (!is_id(text, &id))
				return error_usage(err, "exec: option `--additional-gids`: "
						   "`%s` is not a decimal number below 4294967295",
						   text);
			arena_push(a, e->o.additional_gids, e->o.n_additional_gids) = id;
		}
	}
	return 0;
}

/* The names of runc, which are those of cgroup v1; its devices and freezer are in cgroup v2 without a controller. */
static bool is_controller(const char *name)
{
	static const char *const names[] = {
		"blkio", "cpu", "cpuacct", "cpuset", "devices", "freezer", "hugetlb", "io", "memory", "misc",
		"name=systemd", "net_cls", "net_prio", "perf_event", "pids", "rdma",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_eq(names[i], name))
			return true;
	return false;
}

static int bad_cgroup(const char *given, const char *name, const char *why, struct error *err)
{
	return error_usage(err, "exec: option `--cgroup`: `%s`: %s%s", given, why, name);
}

/* "cpu,memory" of @given: each a controller, and none twice in @seen. */
static int read_controllers(struct arena *a, const char *given, char *text, struct strings *seen, struct error *err)
{
	for (char *next; text; text = next) {
		next = strchr(text, ',');
		if (next)
			*next++ = '\0';
		if (!*text)
			return bad_cgroup(given, "", "a controller without a name is in front of the `:`", err);
		if (!is_controller(text))
			return bad_cgroup(given, text, "unknown controller ", err);
		for (size_t i = 0; i < seen->n; i++)
			if (str_eq(seen->v[i], text))
				return bad_cgroup(given, text, "a controller is there twice: ", err);
		arena_push(a, seen->v, seen->n) = text;
	}
	return 0;
}

/*
 * One path, or runc's lists for cgroup v1, "cpu,memory:PATH", which may be repeated.  In cgroup v2 all controllers are
 * in one tree, so that more than one path cannot be had.
 */
static int read_cgroups(struct arena *a, struct exec_arguments *e, struct error *err)
{
	struct strings seen = {0};

	for (size_t i = 0; i < e->cgroups.n; i++) {
		const char *given = e->cgroups.v[i], *path = given + strcspn(given, ":/");
		int r = 0;

		if (*path == ':')
			r = read_controllers(a, given, arena_strndup(a, given, (size_t)(path - given)), &seen, err);
		else if (e->cgroups.n > 1)
			r = bad_cgroup(given, "", "of several each needs its controllers in front, as cpu:PATH", err);
		if (r < 0)
			return r;
		path = *path == ':' ? path + 1 : given;
		if (!*path)
			return bad_cgroup(given, "", "the path is missing", err);
		if (e->o.cgroup && !str_eq(e->o.cgroup, path))
			return bad_cgroup(given, e->o.cgroup, "with cgroup v2 all controllers are in one tree, and "
					  "another of the list has the path ", err);
		e->o.cgroup = path;
	}
	return 0;
}

static int check_env(const struct strings *env, struct error *err)
{
	for (size_t i = 0; i < env->n; i++)
		if (env->v[i][0] == '=' || !strchr(env->v[i], '='))
			return error_usage(err, "exec: option `--env`: `%s` is not NAME=VALUE",
					   env->v[i]);
	return 0;
}

/* The file holds all of it; what the command line says besides would be lost without a word. */
static int check_alone(const struct exec_arguments *e, struct error *err)
{
	const struct exec_options *o = &e->o;
	const struct { const char *name; bool given; } others[] = {
		{ "cwd", o->cwd }, { "env", o->env.n },
		{ "user", o->user }, { "additional-gids", e->gids.n }, { "cap", o->caps.n },
		{ "no-new-privs", o->no_new_privs }, { "process-label", o->process_label },
		{ "apparmor", o->apparmor },
	};

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (others[i].given)
			return error_usage(err, "exec: option `--%s` and a --process file "
					   "exclude each other (set it in the file)", others[i].name);
	if (o->args.n)
		return error_usage(err, "exec: the argument `%s` and a --process file exclude "
				   "each other (set it in the file)", o->args.v[0]);
	return 0;
}

static int check(struct arena *a, struct exec_arguments *e, struct error *err)
{
	int r = read_cgroups(a, e, err);

	if (r < 0)
		return r;
	if (e->o.process)
		return check_alone(e, err);
	if (!e->o.args.n)
		return error_usage(err, "exec: the argument COMMAND is missing, and there is "
				   "no --process (see `orlop exec --help`)");
	/* Nobody has programs of such names; one could still be given with its path. */
	if (str_eq(e->o.args.v[0], "--"))
		return error_usage(err, "exec: `--` stands where the COMMAND is: leave it out, everything after "
				   "the ID is the program's");
	if (e->o.args.v[0][0] == '-')
		return error_usage(err, "exec: `%s` stands where the COMMAND is: options come before the ID",
				   e->o.args.v[0]);
	r = e->o.user ? check_user(a, e->o.user, err) : 0;
	if (r == 0)
		r = read_gids(a, e, err);
	return r < 0 ? r : check_env(&e->o.env, err);
}

/* Of engines, whose exec has it. */
static bool explain_option(const char *word, struct error *err)
{
	static const char *const interactive[] = {"-i", "-it", "-ti", "--interactive"};

	for (size_t i = 0; i < ARRAY_SIZE(interactive); i++)
		if (str_eq(word, interactive[i])) {
			error_usage(err, "`%s` is no option: the standard input is always handed on, and `-t` "
				    "gives a terminal", word);
			return true;
		}
	return false;
}

static int run(struct invocation *inv, struct error *err)
{
	struct exec_arguments *e = inv->options;
	int status = 0;
	int r;

	e->o.global = inv->global;
	e->o.id = inv->args[0];
	e->o.args.n = inv->n_args - 1;
	e->o.args.v = e->o.args.n ? inv->args + 1 : NULL;
	r = check(inv->arena, e, err);
	if (r < 0)
		return r;
	r = container_exec(&e->o, &status, err);
	return r < 0 ? r : status;
}

const struct command command_exec = {
	.name = "exec", .arguments = "ID [COMMAND [ARGUMENT...]]", .max_args = ARGS_UNLIMITED,
	.ordered = true, .failure = 255,
	.summary = "Run one more program in a running container",
	.details = "COMMAND is required unless --process is given.  The exit status is that of the\n"
		   "program, 128+N when signal N ended it; 0 with --detach; 255 after an error of its own.",
	.options = rows, .n_options = ARRAY_SIZE(rows),
	.options_size = sizeof(struct exec_arguments), .explain_option = explain_option, .run = run,
};
