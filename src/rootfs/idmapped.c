/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Id-mapped mounts: mount_setattr(2), MOUNT_ATTR_IDMAP, 5.12.  Runs in the parent, because it takes
 * CAP_SYS_ADMIN in the user namespace that owns the file system, and while the mount is detached; but what earlier
 * mounts of the container bring, only the child has.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdint.h>
#include <string.h>
#include <sys/vfs.h>

#include "rootfs/mount.h"
#include "sys/mount_api.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/str.h"
#include "util/user_ns.h"

static int write_map(int proc_pid, const char *file, const char *map, struct error *err)
{
	int r = fd_write_pseudo(proc_pid, file, map, strlen(map));

	if (r < 0)
		error_errno(err, r, "write %s of a user namespace for the id mapping", file);
	return r;
}

static int map_holder(void *ctx, int proc, pid_t pid, struct error *err)
{
	const struct plan_mount *m = ctx;
	int r = write_map(proc, "gid_map", m->gid_map, err);

	(void)pid;
	return r < 0 ? r : write_map(proc, "uid_map", m->uid_map, err);
}

/* A descriptor of a user namespace with the maps of @m. */
static int make_user_ns(const struct plan_mount *m, struct error *err)
{
	struct user_ns_request q = {.set_up = map_holder, .ctx = (void *)(uintptr_t)m};
	int user, time, r = user_ns_make(&q, &user, &time, err);

	return r < 0 ? error_in(err, "id mapping") : user;
}

/* Mounts of one container mostly have the same mapping: the last namespace is kept. */
static int user_ns(const struct plan_mount *m, int joined, struct idmap_ns *last, struct error *err)
{
	if (!m->uid_map)
		return joined >= 0 ? joined : error_set(err, EINVAL, "no user namespace is joined");
	if (last->fd >= 0 && str_eq(last->uid_map, m->uid_map) && str_eq(last->gid_map, m->gid_map))
		return last->fd;
	idmap_ns_close(last);
	last->uid_map = m->uid_map;
	last->gid_map = m->gid_map;
	last->fd = make_user_ns(m, err);
	return last->fd;
}

void idmap_ns_close(struct idmap_ns *ns)
{
	if (ns->fd >= 0)
		close(ns->fd);
	ns->fd = -1;
}

/* File systems learnt it one by one: mount_setattr(2), NOTES. */
static bool too_old(int mnt, struct error *err)
{
	static const struct {
		unsigned long magic;
		const char *what, *release;
	} releases[] = {
		{BTRFS_SUPER_MAGIC, "an id-mapped btrfs", "5.15"},
		{F2FS_SUPER_MAGIC, "an id-mapped f2fs", "5.18"},
		{EROFS_SUPER_MAGIC_V1, "an id-mapped erofs", "5.19"},
		{SQUASHFS_MAGIC, "an id-mapped squashfs", "6.2"},
		{TMPFS_MAGIC, "an id-mapped tmpfs", "6.3"},
		{CEPH_SUPER_MAGIC, "an id-mapped ceph", "6.7"},
		{HUGETLBFS_MAGIC, "an id-mapped hugetlbfs", "6.9"},
	};
	struct statfs fs;

	if (fstatfs(mnt, &fs) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(releases); i++)
		if ((unsigned long)fs.f_type == releases[i].magic)
			return error_hint_release(err, releases[i].what, releases[i].release);
	return false;
}

int mount_idmap_apply(const struct plan_mount *m, int mnt, int ns, struct error *err)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned)ns};
	int r;

	r = sys_mount_setattr(mnt, "",
			      AT_EMPTY_PATH |
				      (unsigned)(m->options->idmap_recursive ? AT_RECURSIVE : 0),
			      &attr);
	if (r == 0)
		return 0;
	error_errno(err, r, "map the ids of the mount");
	if (r == -EINVAL && !too_old(mnt, err))
		error_hint(err, "its file system%s cannot be id-mapped on this kernel",
			   m->options->idmap_recursive ? ", or one mounted below," : "");
	else if (r == -EPERM)
		error_hint(err, "it is id-mapped already, or belongs to a user namespace over which we "
			   "have no power");
	return error_at(err, "%s", m->idmap_where);
}

int mount_idmap(const struct plan_mount *m, int mnt, int joined, struct idmap_ns *last,
		struct error *err)
{
	int ns = user_ns(m, joined, last, err);

	return ns < 0 ? error_at(err, "%s", m->idmap_where) : mount_idmap_apply(m, mnt, ns, err);
}

int mount_idmap_prepare(const struct plan_mount *m, int joined, struct idmap_ns *last, struct error *err)
{
	int ns = user_ns(m, joined, last, err), fd;

	if (ns < 0)
		return error_at(err, "%s", m->idmap_where);
	fd = fcntl(ns, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? error_errno(err, -errno, "keep a user namespace for the id mapping") : fd;
}
