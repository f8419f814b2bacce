/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices of a user namespace.  There mknod(2) is refused, and a file system that is made there has no devices
 * (user_namespaces(7)): so the parent makes them in a tmpfs of its own, out of which the container process
 * binds them.  The tmpfs is never seen: in the parent it is detached, in the child on top of "/" for some calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "rootfs/mount.h"
#include "sys/mount_api.h"
#include "sys/probe.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/log.h"

/* 1: we may not make nodes, without CAP_MKNOD or by the device rules of our own cgroup. */
static int make_node(int dir, const struct plan_device *d, size_t i, struct error *err)
{
	char name[24];
	struct stat st;

	snprintf(name, sizeof(name), "%zu", i);
	/* Mode and owner by name: nobody else has this directory. */
	if (mknodat(dir, name, d->mode & S_IFMT, d->dev) < 0)
		return errno == EPERM ? 1 : error_errno(err, errno, "make the device %s", d->path);
	if (fchownat(dir, name, d->host_uid, d->host_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(dir, name, d->mode & 07777, 0) < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_errno(err, errno, "give the device %s its mode and owner", d->path);
	if (st.st_mode != d->mode || st.st_rdev != d->dev || st.st_uid != d->host_uid || st.st_gid != d->host_gid)
		return error_set(err, EPROTO, "the device %s is not what was made", d->path);
	return 0;
}

static bool is_any_configured(const struct plan_rootfs *p)
{
	for (size_t i = 0; i < p->n_devices; i++)
		if (p->devices[i].made_outside && p->devices[i].where[0])
			return true;
	return false;
}

int nodes_make(const struct plan_rootfs *p, int *ret, struct error *err)
{
	const struct mount_fs fs = {
		.fstype = "tmpfs", .source = "tmpfs", .mode = "0755",
		.attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
	};
	_cleanup_close_ int mnt = -1, dir = -1;
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n_devices; i++) {
		if (!p->devices[i].made_outside)
			continue;
		if (mnt < 0) {
			mnt = mount_new_fs(&fs, err);
			if (mnt < 0)
				return mnt;
			dir = fd_openat(mnt, ".", O_RDONLY | O_DIRECTORY, 0);
			if (dir < 0)
				return error_errno(err, dir, "open the directory of devices");
		}
		r = make_node(dir, &p->devices[i], i, err);
		if (r < 0)
			error_at(err, "%s", p->devices[i].where);
	}
	/* Also refused with CAP_MKNOD: by the device rules of our own cgroup, or so.  Those of the host would not have
	 * the mode and owner that are asked for. */
	if (r > 0 && is_any_configured(p) && probe_effective_cap(CAP_MKNOD)) {
		error_errno(err, EPERM, "make the device nodes of linux.devices");
		return error_hint(err, "do the device rules of a cgroup, or a seccomp filter, forbid to make them?");
	}
	if (r > 0) {
		log_debug("we may not make device nodes: those of the host are taken");
		return 0;
	}
	if (r == 0)
		*ret = steal_fd(&mnt);
	return r;
}

int nodes_attach(int nodes, struct error *err)
{
	int r = sys_move_mount(nodes, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);

	return r < 0 ? error_errno(err, r, "attach the directory of devices") : 0;
}

int nodes_clone(int nodes, size_t i, struct error *err)
{
	char name[24];
	int fd;

	snprintf(name, sizeof(name), "%zu", i);
	fd = mount_clone(nodes, name, false);
	return fd < 0 ? error_errno(err, fd, "clone the node of a device") : fd;
}

int nodes_detach(int nodes, struct error *err)
{
	struct kernel_statx a, b;
	int r = sys_statx(nodes, "", AT_EMPTY_PATH, STATX_MNT_ID, &a);

	/* ".." at the root goes up to what lies on it. */
	if (r == 0)
		r = sys_statx(AT_FDCWD, "/..", 0, STATX_MNT_ID, &b);
	if (r == 0 && a.stx_mnt_id != b.stx_mnt_id)
		r = -EPROTO;
	if (r == 0 && umount2("/..", MNT_DETACH) < 0)
		r = -errno;
	return r < 0 ? error_errno(err, r, "detach the directory of devices") : 0;
}
