/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the container process starts and which file it executes.  Runs in the child, inside the
 * final root; the lookup as the final user with the final capabilities, so that a failure is
 * reported by `create` with the words engines know.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process/process.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/path.h"
#include "util/str.h"

#define DEFAULT_PATH "/bin:/usr/bin"	/* execvp(3): what is searched without PATH */

static int open_cwd(const char *cwd, bool create, struct error *err)
{
	_cleanup_close_ int root = fd_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	int fd;

	if (root < 0)
		return error_errno(err, root, "open the root of the container");
	/* No magic link: /proc/self/fd/N would lead to a directory of the host (CVE-2024-21626). */
	fd = path_open_in_root(root, cwd, O_PATH | O_DIRECTORY);
	if (fd != -ENOENT || !create)
		return fd < 0 ? error_errno(err, fd, "open the working directory `%s`", cwd) : fd;
	fd = path_make_in_root(root, cwd, true);
	return fd < 0 ? error_errno(err, fd, "make the working directory `%s`, which is missing", cwd) : fd;
}

int process_enter_cwd(const char *cwd, bool create, struct error *err)
{
	_cleanup_close_ int fd = -1;
	struct stat want, got;
	char seen[PATH_MAX];
	ssize_t n;

	if (cwd[0] != '/')
		return error_config(err, "/process/cwd", "`%s` is not an absolute path", cwd);
	fd = open_cwd(cwd, create, err);
	if (fd < 0)
		return error_at(err, "/process/cwd");
	if (fchdir(fd) < 0) {
		error_errno(err, errno, "chdir to `%s`", cwd);
		return error_at(err, "/process/cwd");
	}
	if (fstat(fd, &want) < 0 || fstatat(AT_FDCWD, "", &got, AT_EMPTY_PATH) < 0 ||
	    want.st_dev != got.st_dev || want.st_ino != got.st_ino) {
		error_set(err, EPROTO, "chdir to `%s` led elsewhere", cwd);
		return error_at(err, "/process/cwd");
	}
	/* getcwd(2): "(unreachable)" in front when it is outside of the root; ENOENT when deleted. */
	n = sys_getcwd(seen, sizeof(seen));
	if (n < 0) {
		error_errno(err, (int)n, "find out where the working directory `%s` is", cwd);
		return error_at(err, "/process/cwd");
	}
	if (seen[0] != '/') {
		error_set(err, EPERM, "the working directory `%s` is outside of the root file system",
			  cwd);
		return error_at(err, "/process/cwd");
	}
	return 0;
}

static const char *get_env(char *const *envp, const char *name)
{
	size_t n = strlen(name);
	const char *value = NULL;

	for (; envp && *envp; envp++)
		if (strncmp(*envp, name, n) == 0 && (*envp)[n] == '=')
			value = *envp + n + 1;
	return value;
}

/* 0, or why execve(2) would refuse @path: a directory is -EISDIR, a file that is none -EACCES. */
static int check_program(const char *path)
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

static int refuse(const char *path, int r, struct error *err)
{
	if (r == -EISDIR)
		error_set(err, EACCES, "open executable `%s`: is a directory: Permission denied", path);
	else
		error_errno(err, r, "open executable `%s`", path);
	return error_at(err, "/process/args/0");
}

static int not_found(const char *name, const char *in, struct error *err)
{
	error_errno(err, ENOENT, "executable file `%s` not found%s", name, in);
	return error_at(err, "/process/args/0");
}

/* As execvp(3): a file that may not be executed is passed over, but remembered for the error. */
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
		int r = strlen(candidate) < PATH_MAX ? check_program(candidate) : -ENOENT;

		if (r == 0) {
			*ret = candidate;
			return 0;
		}
		if ((r == -EACCES || r == -EISDIR || r == -EPERM) && !denied) {
			denied = candidate;
			denied_by = r;
		}
		if (*end == '\0')
			break;
		dir = end + 1;
	}
	return denied ? refuse(denied, denied_by, err) : not_found(name, " in $PATH", err);
}

int process_find_program(struct arena *a, char *const *argv, char *const *envp, const char **ret,
			 struct error *err)
{
	const char *name = argv[0], *path;
	int r;

	if (!name || name[0] == '\0')
		return not_found(name ? name : "", "", err);
	if (!strchr(name, '/')) {
		path = get_env(envp, "PATH");
		return search_path(a, name, path ? path : DEFAULT_PATH, ret, err);
	}
	r = check_program(name);
	if (r == -ENOENT)
		return not_found(name, "", err);
	if (r < 0)
		return refuse(name, r, err);
	*ret = name;
	return 0;
}

/* The first line of a script names its interpreter; is that one there? */
static bool explain_script(int fd, const char *path, struct error *err)
{
	char line[256];
	ssize_t n = pread(fd, line, sizeof(line) - 1, 0);
	char *name, *end;

	if (n < 3 || line[0] != '#' || line[1] != '!')
		return false;
	line[n] = '\0';
	name = line + 2 + strspn(line + 2, " \t");
	end = name + strcspn(name, " \t\n");
	*end = '\0';
	if (end > name && end[-1] == '\r')
		error_hint(err, "the first line of the script `%s` ends in CR LF: save it with Unix "
				"line ends", path);
	else
		error_hint(err, "the interpreter `%s` of the script `%s` is missing or not executable",
			   name, path);
	return true;
}

int process_exec_error(const char *path, int errnum, struct error *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	errnum = errnum < 0 ? -errnum : errnum;
	error_errno(err, errnum, "exec `%s`", path);
	error_at(err, "/process/args/0");
	if (errnum == ENOEXEC)
		return error_hint(err, "neither a program for this machine nor a script that begins "
				       "with #!");
	if (errnum == E2BIG)
		return error_hint(err, "process.args and process.env together are too long: execve(2)");
	if (errnum != ENOENT && errnum != EACCES)
		return -errnum;
	fd = fd_openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -errnum;
	if (!explain_script(fd, path, err) && errnum == ENOENT)
		error_hint(err, "the file is there: the dynamic loader that it names is missing");
	return -errnum;
}
