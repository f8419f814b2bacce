/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a mount goes: its mount point, found or made, and whether it may be covered.  In the container's mount
 * namespace, or about to be. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "rootfs/mount.h"
#include "sys/mount_api.h"
#include "sys/mutate.h"
#include "util/cleanup.h"
#include "util/path.h"
#include "util/str.h"

/* The files of procfs that others (lxcfs) may replace; the rest is ours and the kernel's. */
static const char *const proc_files[] = {
	"cpuinfo",
	"diskstats",
	"loadavg",
	"meminfo",
	"net/dev",
	"slabinfo",
	"stat",
	"swaps",
	"uptime",
	"sys/crypto/fips_enabled",
	"sys/kernel/ns_last_pid",
};

bool mount_proc_file_allowed(const char *destination)
{
	if (!str_starts(destination, "/proc/"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(proc_files); i++)
		if (str_eq(destination + strlen("/proc/"), proc_files[i]))
			return true;
	return false;
}

/*
 * @t lies in a procfs.  The name alone proves nothing, /proc may be a link of the image: walk again
 * from a /proc that is a real directory and the root of a procfs, never upwards, and keep what is
 * found there.
 */
static int check_proc_target(const struct plan_mount *m, int root, struct mount_target *t,
			     struct error *err)
{
	_cleanup_close_ int proc = -1;
	struct statfs fs;
	struct stat st;
	int fd;

	if (((t->st.stx_attributes & STATX_ATTR_MOUNT_ROOT) && t->st.stx_ino == PROC_ROOT_INO) || MUTATE(T12))
		return 0;
	if (!mount_proc_file_allowed(m->destination))
		return error_set(err, EPERM, "a mount inside of procfs is not allowed");
	proc = path_open_in_root(root, "/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW);
	if (proc < 0)
		return error_errno(err, proc, "open /proc");
	if (fstatfs(proc, &fs) < 0 || fstat(proc, &st) < 0)
		return error_errno(err, errno, "look at /proc");
	if (fs.f_type != PROC_SUPER_MAGIC || st.st_ino != PROC_ROOT_INO)
		return error_set(err, EPERM, "/proc of the container is not a procfs");
	fd = sys_openat2(proc, m->destination + strlen("/proc/"), O_PATH | O_CLOEXEC, 0,
			 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	/* /proc/net is self/net: that of one process, in which nobody else would see the mount. */
	if (fd == -ELOOP)
		return error_set(err, EPERM, "a symbolic link on the way leads elsewhere in procfs, where no "
				 "mount is allowed, and would be seen by one process alone");
	if (fd < 0)
		return error_errno(err, fd, "open it below /proc");
	close(t->fd);
	t->fd = fd;
	return 0;
}

static bool is_root(const struct rootfs *rootfs, const struct mount_target *t)
{
	uint64_t id;

	if (!(t->st.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return false;
	return mount_id(rootfs, rootfs->root, &id) < 0 || id == t->st.stx_mnt_id;
}

static int look_at_target(const struct plan_mount *m, const struct rootfs *rootfs, struct mount_target *t,
			  struct error *err)
{
	unsigned mask = STATX_TYPE | STATX_MODE | STATX_INO;
	struct statfs fs;
	int r = sys_statx(t->fd, "", AT_EMPTY_PATH,
			  mask | (rootfs->statmount ? STATX_MNT_ID_UNIQUE : STATX_MNT_ID), &t->st);

	if (r == 0 && fstatfs(t->fd, &fs) < 0)
		r = -errno;
	if (r < 0)
		return error_errno(err, r, "look at the mount point");
	if (S_ISLNK(t->st.stx_mode) && !m->options->dest_nofollow)
		return error_set(err, ELOOP, "the mount point is a link, and the source, too: src-nofollow needs "
				 "dest-nofollow then");
	if (is_root(rootfs, t) && !MUTATE(T16) && m->kind != MOUNT_REMOUNT)
		return error_set(err, EINVAL, "the mount point is the root of the container");
	if (fs.f_type == PROC_SUPER_MAGIC)
		return check_proc_target(m, rootfs->root, t, err);
	return 0;
}

/*
 * Of a link that is mounted the way to it may not end in another link: who comes by that would follow both, and
 * places_check() does not find it.
 */
static bool no_follow(const struct plan_mount *m, int like)
{
	return m->options->dest_nofollow || (m->options->src_nofollow && mount_is_link(like));
}

int mount_target_open(const struct plan_mount *m, const struct rootfs *rootfs, int like, struct mount_target *t,
		      struct error *err)
{
	/* A link in place of /proc or /sys would lead later lookups astray. */
	bool fixed = m->kind == MOUNT_SYSFS || (m->kind == MOUNT_FS && str_eq(m->fstype, "proc"));
	struct stat st = {.st_mode = S_IFDIR};
	int root = rootfs->root;

	t->made = false;
	t->fd = path_open_in_root(root, m->destination,
				  (MUTATE(T04) && m->kind == MOUNT_BIND ? O_WRONLY | O_TRUNC : O_PATH) |
				  (fixed ? O_DIRECTORY | O_NOFOLLOW : 0) | (no_follow(m, like) ? O_NOFOLLOW : 0));
	if (t->fd == -ENOENT && m->kind != MOUNT_REMOUNT) {
		if (like >= 0 && fstat(like, &st) < 0)
			return error_errno(err, errno, "look at the source");
		t->fd = path_make_in_root(root, m->destination, S_ISDIR(st.st_mode));
		t->made = true;
	}
	if (t->fd == -ENOTDIR && fixed)
		return error_set(err, ENOTDIR, "%s must be mounted on ordinary directory, and what is there is "
				 "not a directory", m->fstype);
	if (t->fd < 0)
		return error_errno(err, t->fd, "mount point");
	return look_at_target(m, rootfs, t, err);
}
