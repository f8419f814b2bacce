/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the process will find in its root file system: program, working directory, itself in passwd(5). */
#include "report/check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci/hooks.h"
#include "process/passwd.h"
#include "process/process.h"
#include "report/access.h"
#include "sys/compat.h"
#include "util/cleanup.h"
#include "util/fd.h"

#define DEFAULT_PATH "/bin:/usr/bin"	/* execvp(3) */
#define PASSWD_MAX (1u << 20)
#define ARGS "/process/args/0"

static bool is_executable(const struct check *c, int fd, const struct stat *st, const struct plan_mount *m)
{
	return S_ISREG(st->st_mode) && (st->st_mode & 0111) && !access_is_noexec(fd, m, c->bundle.host.here) &&
	       access_may_execute(c->user, fd, st, m);
}

/* 1: execvp(3) would take it; 0: it would go on to the next; -EXDEV: who knows; -EACCES: and there is a file. */
static int try_candidate(const struct check *c, const struct inside *in, const char *path)
{
	const struct plan_mount *mount;
	_cleanup_close_ int fd = inside_open(in, path, &mount);
	const char *dir;
	struct stat st;

	if (fd < 0)
		return fd == -EXDEV || fd == -EACCES ? -EXDEV : 0;
	if (fstat(fd, &st) < 0)
		return 0;
	return is_executable(c, fd, &st, mount) && inside_may_reach(in, path, c->user, c->arena, &dir) ? 1 : -EACCES;
}

/* An argument or a variable with its zero byte, in bytes: MAX_ARG_STRLEN, execve(2). */
static void check_lengths(struct check *c, const struct strings *list, const char *member)
{
	size_t most = 32 * (size_t)sysconf(_SC_PAGESIZE);

	for (size_t i = 0; c->bundle.host.here && i < list->n; i++) {
		char where[64];

		if (strlen(list->v[i]) < most)
			continue;
		snprintf(where, sizeof(where), "/process/%s/%zu", member, i);
		check_note(c, false, where, "%zu bytes are too many for one string: the kernel takes %zu at most",
			   strlen(list->v[i]), most - 1);
	}
}

/* As process_find_program() will, and with as many words. */
static void search(struct check *c, const struct inside *in, const char *name, const char *cwd)
{
	const char *path = process_get_env(c->plan->process.envp, "PATH"), *candidate;
	const char *seen = NULL, *denied = NULL;
	const char *dir = path ? path : DEFAULT_PATH;

	for (;; dir++) {
		size_t n = strcspn(dir, ":");
		int r;

		candidate = arena_printf(c->arena, "%.*s/%s", n ? (int)n : INT_MAX, n ? dir : cwd, name);
		if (candidate[0] != '/')
			candidate = arena_printf(c->arena, "%s/%s", cwd, candidate);
		r = try_candidate(c, in, candidate);
		if (r == 1) {
			check_program(c, in, candidate, ARGS, "");
			return;
		}
		if (r == -EXDEV)
			seen = candidate;
		if (r == -EACCES && !denied)
			denied = candidate;
		dir += n;
		if (!*dir)
			break;
	}
	if (seen)
		check_note(c, true, ARGS, "no directory of $PATH has `%s`, but for what is mounted with the container "
			   "or may not be looked at, such as `%s`", name, seen);
	else if (denied)
		check_note(c, false, ARGS, "no directory of $PATH has `%s` for the user of the process: `%s` is there, "
			   "but not executable to it", name, denied);
	else
		check_note(c, false, ARGS, "no directory of $PATH has `%s`: it is %s%s", name,
			   path ? path : DEFAULT_PATH,
			   strpbrk(name, " \t") ? ": process.args has one entry for each argument" : "");
}

static void check_args(struct check *c, const struct inside *in, const char *cwd)
{
	const char *name = c->plan->process.argv[0];

	if (!*name)
		check_note(c, false, ARGS, "the name of the program is empty");
	else if (!strchr(name, '/'))
		search(c, in, name, cwd);
	else
		check_program(c, in, name[0] == '/' ? name : arena_printf(c->arena, "%s/%s", cwd, name), ARGS,
			      strpbrk(name, " \t") ? ": process.args has one entry for each argument" : "");
}

static void check_cwd(struct check *c, const struct inside *in, const char *cwd)
{
	const struct plan_mount *mount;
	_cleanup_close_ int fd = inside_open(in, cwd, &mount);
	struct stat st;

	if (fd == -ENOENT)
		check_note(c, true, "/process/cwd", "`%s` is not there, and will be made", cwd);
	else if (fd < 0 && fd != -EXDEV && fd != -EACCES)
		check_note(c, false, "/process/cwd", "`%s`: %s", cwd, error_words(fd));
	else if (fd >= 0 && fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
		check_note(c, false, "/process/cwd", "`%s` is not a directory", cwd);
}

/* It matters for HOME alone. */
static void check_user(struct check *c, const struct inside *in)
{
	uint32_t uid = c->plan->process.oci->user.uid;
	const struct plan_mount *mount;
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *text = NULL;
	ssize_t n;

	if (!c->plan->process.add_home)
		return;
	fd = inside_open(in, "/etc/passwd", &mount);
	if (fd == -ENOENT && uid != 0)
		check_note(c, true, "/process/user/uid", "there is no /etc/passwd with a home directory for user %u: "
			   "HOME will be /, as process.env has none", uid);
	if (fd < 0)
		return;
	text = xmalloc(PASSWD_MAX);
	n = inside_read(fd, text, PASSWD_MAX);
	if (n >= 0 && !passwd_find(c->arena, text, (size_t)n, uid))
		check_note(c, true, "/process/user/uid", "user %u is not in /etc/passwd: HOME will be /, as "
			   "process.env has none", uid);
}

static void check_hooks(struct check *c, const struct inside *in)
{
	for (size_t i = 0; i < c->plan->hooks->list[HOOK_START_CONTAINER].n; i++) {
		char where[64];

		snprintf(where, sizeof(where), "/hooks/startContainer/%zu/path", i);
		check_program(c, in, c->plan->hooks->list[HOOK_START_CONTAINER].v[i].path, where,
			      ": startContainer hooks are run in the container");
	}
}

void check_rootfs(struct check *c)
{
	_cleanup_close_ int root = -1;
	const struct inside *in;
	struct access_user user;
	const char *cwd;

	if (!c->plan || !c->plan->rootfs.path)
		return;
	root = fd_openat(AT_FDCWD, c->plan->rootfs.path, O_PATH | O_DIRECTORY, 0);
	if (root < 0) {
		check_note(c, root == -EACCES, "/root/path", "open the root file system %s: %s", c->plan->rootfs.path,
			   error_words(root));
		return;
	}
	in = inside_new(c->arena, &c->plan->rootfs, root);
	if (c->plan->rootfs.any_mounts)
		check_mounts(c, in);
	check_hooks(c, in);
	if (!c->plan->has_process || !c->plan->process.argv)
		return;
	access_user_of(c->arena, c->plan, c->bundle.host.here && c->bundle.host.facts.in_initial_userns, &user);
	c->user = &user;
	cwd = c->plan->process.cwd;
	check_cwd(c, in, cwd);
	check_args(c, in, cwd);
	check_user(c, in);
	c->user = NULL;
	check_lengths(c, &c->plan->process.oci->args, "args");
	check_lengths(c, &c->plan->process.oci->env, "env");
}
