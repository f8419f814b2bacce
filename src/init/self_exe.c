/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The binary out of the container's reach.  Runs in the parent, first of all.
 *
 * exe_file of a process keeps the mount it was executed from; a reopening through /proc/PID/exe or
 * /proc/PID/fd/N goes through that mount.  Executed from a read-only mount, no reopening can write,
 * whoever asks.  The mount is detached: it has no place in any namespace and ends with the processes.
 */
#include "init/self_exe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "sys/entry.h"
#include "sys/mount_api.h"
#include "sys/mutate.h"
#include "util/caller.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/trace.h"

#define SEAL_TRIES 20
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

/* fcntl(2): EBUSY also when the kernel itself, aging pages, holds one for a moment; it has waited 150 ms by then. */
static int seal(int mem)
{
	int r = fcntl(mem, F_ADD_SEALS, SEALS);

	for (unsigned i = 1; r < 0 && errno == EBUSY && i < SEAL_TRIES; i++)
		r = fcntl(mem, F_ADD_SEALS, SEALS);
	return r;
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
	if (fchmod(mem, 0755) < 0 || seal(mem) < 0)
		return -errno;
	return steal_fd(&mem);
}

int self_exe_protect(char *const *argv, struct error *err)
{
	TRACE("protect our program", NULL);
	_cleanup_close_ int exe = -1, copy = -1;
	int r;

	if (entry_protected)
		return caller_hide(argv, err);
	exe = fd_openat(AT_FDCWD, "/proc/self/exe", O_RDONLY, 0);
	if (exe < 0)
		return error_errno(err, exe, "open /proc/self/exe (is /proc mounted?)");
	if (protected_already(exe) || MUTATE(T34))
		return caller_hide(argv, err);
	copy = readonly_mount(exe);
	if (copy < 0)
		copy = sealed_copy(exe);
	if (copy < 0)
		return error_errno(err, copy, "make a protected copy of our own executable");
	r = sys_execveat(copy, "", argv, environ, AT_EMPTY_PATH);
	return error_errno(err, r, "execute the protected copy of our own executable");
}
