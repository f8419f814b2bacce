/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the container process starts.  Runs in the child, inside the final root. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process/process.h"
#include "sys/mutate.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/path.h"
#include "util/str.h"

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
	if (seen[0] != '/' && !MUTATE(T09)) {
		error_set(err, EPERM, "the working directory `%s` is outside of the root file system",
			  cwd);
		return error_at(err, "/process/cwd");
	}
	return 0;
}
