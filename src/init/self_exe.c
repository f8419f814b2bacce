/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The binary, and what the process itself shows, out of the container's reach.  Runs in the parent, first of all.
 *
 * exe_file of a process keeps the mount it was executed from; a reopening through /proc/PID/exe or
 * /proc/PID/fd/N goes through that mount.  Executed from a read-only mount, no reopening can write,
 * whoever asks.  The mount is detached: it has no place in any namespace and ends with the processes.
 */
#include "init/self_exe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "sys/mount_api.h"
#include "sys/mutate.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/mem.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

extern char **environ;

/* Executed from where nobody can write already? */
static bool protected_already(int exe)
{
	struct statvfs st;
	int seals = fcntl(exe, F_GET_SEALS);

	/* Every file of a tmpfs has seals, not only our copy. */
	if (seals >= 0 && (seals & SEALS) == SEALS)
		return true;
	return fstatvfs(exe, &st) == 0 && (st.f_flag & ST_RDONLY);
}

/* A clone of the mount our executable lies on, made read-only; a descriptor of the file on it. */
static int readonly_mount(int exe)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY, .propagation = MS_PRIVATE};
	_cleanup_close_ int tree = -1;
	int r;

	/* A single file can be cloned: the tree's root is the file itself. */
	tree = sys_open_tree(exe, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (tree < 0)
		return tree;
	r = sys_mount_setattr(tree, "", AT_EMPTY_PATH, &attr);
	return r < 0 ? r : steal_fd(&tree);
}

static int sealed_copy(int exe)
{
	_cleanup_close_ int mem = memfd_create("orlop", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct stat st;
	off_t at = 0;

	if (mem < 0 || fstat(exe, &st) < 0)
		return -errno;
	while (at < st.st_size) {
		ssize_t n = sendfile(mem, exe, &at, (size_t)(st.st_size - at));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
	}
	if (fchmod(mem, 0755) < 0 || fcntl(mem, F_ADD_SEALS, SEALS) < 0)
		return -errno;
	return steal_fd(&mem);
}

/*
 * What /proc/PID/environ and cmdline show are the strings we were executed with, in ours and in every process that
 * we make: the caller's secrets and host paths.  They lie in one piece, arguments first (execve(2)).
 */
static struct {
	char *begin, *end;
} arguments;

static char *end_of(char *const *strings, char *begin)
{
	char *end = begin;

	for (; *strings; strings++)
		if (*strings + strlen(*strings) > end)
			end = *strings + strlen(*strings);
	return end;
}

/* From now on a copy serves: our own code still wants it. */
static void move_environment(void)
{
	size_t n = 0, bytes = 0;
	char **copy, *to;

	if (MUTATE(T36))
		return;
	while (environ[n])
		bytes += strlen(environ[n++]) + 1;
	copy = xmalloc((n + 1) * sizeof(*copy) + bytes);
	to = (char *)(copy + n + 1);
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(environ[i]) + 1;

		copy[i] = memcpy(to, environ[i], len);
		memset(environ[i], 0, len);
		to += len;
	}
	copy[n] = NULL;
	environ = copy;
}

void self_hide_arguments(void)
{
	size_t n = (size_t)(arguments.end - arguments.begin);

	memset(arguments.begin, 0, n);
	memcpy(arguments.begin, "init", n < 4 ? n : 4);
}

/*
 * In us, so that what we make is dark from its first instant (rules R8b, R10).  Not where we are an unprivileged
 * user: then our own files in /proc would not be ours any more, and one has to be written first: spawn.c.
 */
static int hide(char *const *argv, struct error *err)
{
	arguments.begin = argv[0];
	arguments.end = end_of(argv, argv[0]);
	move_environment();
	return geteuid() == 0 ? self_go_dark(err) : 0;
}

int self_go_dark(struct error *err)
{
	return prctl(PR_SET_DUMPABLE, MUTATE(T35)) < 0 ? error_errno(err, errno, "prctl(PR_SET_DUMPABLE)") : 0;
}

int self_exe_protect(char *const *argv, struct error *err)
{
	_cleanup_close_ int exe = fd_openat(AT_FDCWD, "/proc/self/exe", O_RDONLY, 0);
	_cleanup_close_ int copy = -1;
	int r;

	if (exe < 0)
		return error_errno(err, exe, "open /proc/self/exe (is /proc mounted?)");
	if (protected_already(exe))
		return hide(argv, err);
	copy = readonly_mount(exe);
	if (copy < 0)
		copy = sealed_copy(exe);
	if (copy < 0)
		return error_errno(err, copy, "make a protected copy of our own executable");
	r = sys_execveat(copy, "", argv, environ, AT_EMPTY_PATH);
	return error_errno(err, r, "execute the protected copy of our own executable");
}
