/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The container's user becomes the owner of the container's cgroup, so that it can make cgroups below
 * it: cgroups(7), "Cgroups delegation".  On the host side.  Files that hold limits stay ours.
 */
#include "cgroup/delegate.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "util/fd.h"

/* What kernels before 4.15 delegate; they have no file that says it. */
#define OLDEST "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n"

int cgroup_delegate(int fd, uid_t owner, const char *list, struct error *err)
{
	char names[4096], *save = NULL;
	ssize_t n = fd_read_pseudo(AT_FDCWD, list, names, sizeof(names));

	if (n == -ENOENT)
		memcpy(names, OLDEST, sizeof(OLDEST));
	else if (n < 0)
		return error_errno(err, (int)n, "read %s", list);
	if (fchown(fd, owner, (gid_t)-1) < 0)
		return error_errno(err, errno, "give the container's cgroup to user %u", owner);
	for (char *s = strtok_r(names, "\n", &save); s; s = strtok_r(NULL, "\n", &save)) {
		if (strchr(s, '/') || fchownat(fd, s, owner, (gid_t)-1, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		/* Files of controllers that are not enabled here are not here. */
		if (errno != ENOENT)
			return error_errno(err, errno, "give %s of the container's cgroup to user %u", s,
					   owner);
	}
	return 0;
}
