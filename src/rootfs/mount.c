/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mount API by descriptor (rule R3): a mount is made detached, gets its attributes and only
 * then a place.  Runs in the container process; cloning of bind sources also in the parent.
 */
#include "rootfs/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "sys/mount_api.h"
#include "util/cleanup.h"
#include "util/str.h"

int mount_clone(int dirfd, const char *path, bool recursive)
{
	return sys_open_tree(dirfd, path,
			     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
				     (unsigned)(recursive ? AT_RECURSIVE : 0) |
				     (unsigned)(*path ? 0 : AT_EMPTY_PATH));
}

int mount_clone_source(const struct rootfs *r, const struct plan_mount *m, const char *path)
{
	return outside_clone(r, path, (unsigned)(m->options->src_nofollow ? AT_SYMLINK_NOFOLLOW : 0) |
					      (unsigned)(m->options->recursive ? AT_RECURSIVE : 0));
}

bool mount_is_link(int mnt)
{
	struct stat st;

	return fstat(mnt, &st) == 0 && S_ISLNK(st.st_mode);
}

int mount_clone_locked(int take_clone, int like)
{
	_cleanup_close_ int fd = take_clone;
	struct stat a, b;

	if (fd < 0)
		return fd;
	if (fstat(fd, &a) < 0 || fstat(like, &b) < 0)
		return -errno;
	if (a.st_dev != b.st_dev || a.st_ino != b.st_ino)
		return -ESTALE;
	return steal_fd(&fd);
}

int mount_attach(int mnt, int target)
{
	struct sys_mount_info ignored;

	return mount_attach_info(mnt, target, &ignored);
}

int mount_attach_info(int mnt, int target, struct sys_mount_info *ret)
{
	int r = sys_move_mount(mnt, "", target, "",
			       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);

	ret->id = 0;
	if (r < 0)
		return r;
	r = sys_mount_info(mnt, ret);
	if (r == -ENOENT)
		return -EPROTO;
	return r == -ENOSYS ? 0 : r;
}

int mount_check_unshared(int mnt)
{
	struct sys_mount_info info;
	int r = sys_mount_info(mnt, &info);

	if (r == -ENOENT || (r == 0 && (info.propagation & MS_SHARED)))
		return -EPROTO;
	return r == -ENOSYS ? 0 : r;
}

int mount_set_propagation(int mnt, unsigned long propagation)
{
	struct mount_attr attr = {.propagation = propagation & ~(unsigned long)MS_REC};

	return sys_mount_setattr(
		mnt, "", AT_EMPTY_PATH | (unsigned)(propagation & MS_REC ? AT_RECURSIVE : 0),
		&attr);
}

#define ST_NOSYMFOLLOW_ 0x2000	/* ST_NOSYMFOLLOW, Linux 5.10 */

static const struct {
	uint64_t attr;
	unsigned long statvfs;
	const char *name;
} flags[] = {
	{MOUNT_ATTR_RDONLY, ST_RDONLY, "ro"},
	{MOUNT_ATTR_NOSUID, ST_NOSUID, "nosuid"},
	{MOUNT_ATTR_NODEV, ST_NODEV, "nodev"},
	{MOUNT_ATTR_NOEXEC, ST_NOEXEC, "noexec"},
	{MOUNT_ATTR_NOSYMFOLLOW, ST_NOSYMFOLLOW_, "nosymfollow"},
	{MOUNT_ATTR__ATIME, ST_NOATIME | ST_RELATIME, "atime"},
	{MOUNT_ATTR_NODIRATIME, ST_NODIRATIME, "nodiratime"},
};

uint64_t mount_has_attr(int mnt, uint64_t of)
{
	struct statvfs st;
	uint64_t attr = 0;

	if (fstatvfs(mnt, &st) < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if ((of & flags[i].attr) && (st.f_flag & flags[i].statvfs))
			attr |= flags[i].attr;
	return attr;
}

const char *mount_attr_names(uint64_t attr, char buf[MOUNT_ATTR_NAMES])
{
	buf[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (attr & flags[i].attr) {
			strcat(buf, buf[0] ? ", " : "");
			strcat(buf, flags[i].name);
		}
	return buf;
}

/* Flags of a mount that came from a more privileged mount namespace cannot be taken away:
 * mount_namespaces(7). */
static void name_locked(int mnt, uint64_t clr, struct error *err)
{
	char names[MOUNT_ATTR_NAMES];

	mount_attr_names(mount_has_attr(mnt, clr), names);
	if (names[0])
		error_hint(err, "locked by the user namespace that owns the source: %s", names);
}

#define CHECKED_ATTR \
	((uint64_t)(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC))

int mount_change_attr(int mnt, uint64_t set, uint64_t clr, bool recursive, struct error *err)
{
	struct mount_attr attr = {.attr_set = set, .attr_clr = clr};
	struct statvfs st;
	int r;

	if (!set && !clr)
		return 0;
	r = sys_mount_setattr(mnt, "", AT_EMPTY_PATH | (unsigned)(recursive ? AT_RECURSIVE : 0),
			      &attr);
	if (r == 0 && fstatvfs(mnt, &st) < 0)
		return error_errno(err, errno, "look at the mount");
	/* These have the same values in both. */
	if (r == 0 && (set & CHECKED_ATTR & ~(uint64_t)st.f_flag))
		r = -EPROTO;
	if (r == 0)
		return 0;
	error_errno(err, r, "set the mount attributes");
	if (r == -EPERM)
		name_locked(mnt, clr, err);
	return r;
}

int mount_source_error(const struct plan_mount *m, int r, struct error *err)
{
	error_hint_limits(err, error_errno(err, r, "mount source %s", m->source));
	if (r == -EINVAL && !m->options->recursive)
		error_hint(err, "there may be mounts below it which cannot be left out: use rbind");
	return error_at(err, "/mounts/%u/source", m->index);
}

int mount_open_source(const struct plan_mount *m, struct error *err)
{
	int fd = mount_clone_source(NULL, m, m->source);

	return fd < 0 ? mount_source_error(m, fd, err) : fd;
}

uint64_t mount_early_attr(const struct plan_mount *m)
{
	return m->options->attr_set & ~(uint64_t)(m->late_readonly ? MOUNT_ATTR_RDONLY : 0);
}
