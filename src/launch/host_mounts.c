/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Without a mount namespace all mounts of a container lie on one, of its root file system over itself, in the
 * caller's own.  What lay there before is in the state before that one is made: so it is known from others.
 */
#include "launch/host_mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "sys/compat.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/mountinfo.h"
#include "util/str.h"

static int mount_of(int fd, uint64_t *ret)
{
	struct kernel_statx st;
	int r = sys_statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st);

	*ret = st.stx_mnt_id;
	return r < 0 ? r : st.stx_mask & STATX_MNT_ID ? 0 : -ENOSYS;
}

int host_mounts_below(const char *path, uint64_t *ret, struct error *err)
{
	_cleanup_close_ int fd = fd_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
	int r = fd < 0 ? fd : mount_of(fd, ret);

	if (r < 0)
		error_errno(err, r, "look at the mount of the root file system %s", path);
	return r < 0 ? error_at(err, "/root/path") : 0;
}

/* Is @id mounted on @parent? */
static int lies_on(uint64_t id, uint64_t parent, bool *ret)
{
	_cleanup_(strbuf_free) struct strbuf text = {0};
	int r = mountinfo_read(AT_FDCWD, "/proc/self/mountinfo", &text);
	char *rest = text.data, *line;
	struct mountinfo m;

	*ret = false;
	while (r == 0 && rest && (line = strsep(&rest, "\n")))
		if (mountinfo_parse(line, &m) && m.id == id)
			*ret = m.parent == parent;
	return r;
}

int host_mounts_remove(const struct state *st, struct error *err)
{
	_cleanup_close_ int fd = -1;
	bool ours = false;
	char path[40];
	uint64_t id;
	int r;

	if (!st->host_mount || !st->rootfs)
		return 0;
	fd = fd_openat(AT_FDCWD, st->rootfs, O_PATH | O_DIRECTORY, 0);
	if (fd == -ENOENT)	/* with the directory its mounts are gone */
		return 0;
	r = fd < 0 ? fd : mount_of(fd, &id);
	if (r == 0)
		r = lies_on(id, st->host_mount, &ours);
	if (r < 0)
		return error_errno(err, r, "look at the mounts of the root file system %s", st->rootfs);
	if (!ours)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (umount2(path, MNT_DETACH) < 0)
		return error_errno(err, errno, "detach the root file system %s", st->rootfs);
	return 0;
}
