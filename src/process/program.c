/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which file the container process executes.  Runs in the child, inside the final root, as the final user
 * with the final capabilities, so that a failure is reported by `create`.  The words are those that engines
 * compare, case and all, to tell "not found" (exit status 127) from "cannot be executed" (126).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "process/format.h"
#include "process/process.h"
#include "sys/syscalls.h"
#include "util/str.h"

#define DEFAULT_PATH "/bin:/usr/bin"	/* execvp(3): what is searched without PATH */
#define WHERE "/process/args/0"
#define LONG_STRINGS 65536	/* half of what the least of the limits allows */

const char *process_get_env(char *const *envp, const char *name)
{
	size_t n = strlen(name);
	const char *value = NULL;

	for (; envp && *envp; envp++)
		if (strncmp(*envp, name, n) == 0 && (*envp)[n] == '=')
			value = *envp + n + 1;
	return value;
}

int program_check(const char *path)
{
	struct stat st;

	if (fstatat(AT_FDCWD, path, &st, 0) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	/* Also EACCES for a file on a "noexec" mount (access(2)). */
	return sys_faccessat2(AT_FDCWD, path, X_OK, AT_EACCESS);
}

/* Why a file that is there is not executable. */
static void explain_denied(const char *path, struct error *err)
{
	struct statvfs fs;
	struct stat st;

	if (fstatat(AT_FDCWD, path, &st, 0) < 0)
		error_hint(err, "the user of the process may not enter a directory of its path");
	else if (!S_ISREG(st.st_mode))
		error_hint(err, "it is not a regular file");
	else if (!(st.st_mode & 0111))
		error_hint(err, "no execute bit is set in its mode %04o", st.st_mode & 07777);
	else if (statvfs(path, &fs) == 0 && (fs.f_flag & ST_NOEXEC))
		error_hint(err, "it lies on a mount with the option `noexec`");
	else
		error_hint(err, "its mode %04o of %u:%u does not allow it to the user of the process",
			   st.st_mode & 07777, st.st_uid, st.st_gid);
}

static int about_program(const char *path, struct error *err)
{
	error_kind(err, ERROR_PROGRAM);
	error_path(err, path);
	return error_at(err, WHERE);
}

static int refuse(const char *path, int r, struct error *err)
{
	if (r == -EISDIR)	/* to execve(2) that is EACCES */
		error_set(err, EACCES, "open executable `%s`: is a directory: permission denied", path);
	else if (r == -ENOTDIR || r == -ELOOP)	/* Podman takes "open executable" for "not found" */
		error_errno(err, r, "exec `%s`", path);
	else
		error_errno(err, r, "open executable `%s`", path);
	if (r == -EACCES)
		explain_denied(path, err);
	if (r == -ELOOP)
		error_hint(err, "symbolic links of its path lead in a circle, or are more than 40");
	return about_program(path, err);
}

/* The whole command line in one string is a common mistake. */
static void explain_words(const char *name, struct error *err)
{
	size_t n = strcspn(name, " \t");

	if (name[n] == '\0' || n == 0)
		return;
	error_hint(err, "process.args has one entry for each argument: "
		   "is `%.*s` the program and the rest of it arguments?", (int)n, name);
}

static int not_found(const char *name, bool in_path, struct error *err)
{
	error_errno(err, ENOENT, "exec `%s`: executable file not found%s", name, in_path ? " in $PATH" : "");
	explain_words(name, err);
	return about_program(name, err);
}

/* Without the words for which Docker would take 126 in spite of the others. */
static int explain_passed_over(const char *path, int r, struct error *err)
{
	struct statvfs fs;

	if (r == -EISDIR)
		return error_hint(err, "what `%s` names is but a directory", path);
	if (r == -ELOOP)
		return error_hint(err, "the symbolic links of `%s` lead in a circle, or are more than 40", path);
	if (statvfs(path, &fs) == 0 && (fs.f_flag & ST_NOEXEC))
		return error_hint(err, "`%s` lies on a mount with the option `noexec`", path);
	return error_hint(err, "`%s` is there, but not executable to the user of the process", path);
}

/*
 * As execvp(3): a file that may not be executed is passed over.  Engines expect "not found" all the same when there is
 * no other (127, where a shell has 126), so the file that was seen is only a hint.
 */
static int search_path(struct arena *a, const char *name, const char *path, const char **ret,
		       struct error *err)
{
	const char *denied = NULL, *dir = path;
	int denied_by = 0;

	for (;;) {
		const char *end = strchrnul(dir, ':');
		int n = (int)(end - dir);
		/* An empty element is the working directory. */
		const char *candidate = n == 0 ? arena_strdup(a, name) :
					arena_printf(a, "%.*s/%s", n, dir, name);
		int r = strlen(candidate) < PATH_MAX ? program_check(candidate) : -ENOENT;

		if (r == 0) {
			*ret = candidate;
			return 0;
		}
		if (r != -ENOENT && r != -ENOTDIR && r != -ENAMETOOLONG && !denied) {
			denied = candidate;
			denied_by = r;
		}
		if (*end == '\0')
			break;
		dir = end + 1;
	}
	not_found(name, true, err);
	return denied ? explain_passed_over(denied, denied_by, err) : -err->code;
}

int process_find_program(struct arena *a, char *const *argv, char *const *envp, const char **ret,
			 struct error *err)
{
	const char *name = argv[0], *path;
	int r;

	if (!name || name[0] == '\0')
		return not_found("", false, err);
	if (!strchr(name, '/')) {
		path = process_get_env(envp, "PATH");
		return search_path(a, name, path ? path : DEFAULT_PATH, ret, err);
	}
	r = program_check(name);
	if (r == -ENOENT)
		return not_found(name, false, err);
	if (r < 0)
		return refuse(name, r, err);
	*ret = name;
	return 0;
}

int process_exec_error(const char *path, int errnum, struct error *err)
{
	errnum = errnum < 0 ? -errnum : errnum;
	if (errnum == ENOEXEC)	/* "cannot be executed" to engines that compare words: exit status 126 */
		error_set(err, ENOEXEC, "exec `%s`: %s: permission denied", path, error_words(ENOEXEC));
	else
		error_errno(err, errnum, "exec `%s`", path);
	about_program(path, err);
	if (errnum == E2BIG)
		return error_hint(err, "process.args and process.env together are too long: execve(2)");
	if (errnum == EACCES && program_check(path) < 0)
		explain_denied(path, err);
	else if (errnum == ENOENT || errnum == EACCES || errnum == ENOEXEC || errnum == ELIBBAD)
		format_explain(path, errnum, err);
	return -errnum;
}

/* There are several limits, of one string and of all: execve(2). */
static bool are_long(char *const *argv, char *const *envp)
{
	size_t n = 0;

	for (; *argv; argv++)
		n += strlen(*argv);
	for (; *envp; envp++)
		n += strlen(*envp);
	return n > LONG_STRINGS;
}

int process_check_program(const char *path, char *const *argv, char *const *envp, bool always,
			  int (*confine)(void *ctx), void *ctx, struct error *err)
{
	int r = 0;

	if (always || !format_is_usual(path) || are_long(argv, envp))
		r = exec_trial(path, argv, envp, confine, ctx);
	return r < 0 ? process_exec_error(path, r, err) : 0;
}

int process_exec_status(int errnum)
{
	return errnum == ENOENT ? 127 : 126;
}
