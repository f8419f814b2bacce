/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last look at the host: change the root and let the old one go.  Container process. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rootfs/mount.h"
#include "sys/mount_api.h"

/* Both names may be the same directory: the old root then lies on top of the new one and is the one
 * that umount2(2) takes: pivot_root(2), NOTES. */
static int pivot(struct error *err)
{
	int r = sys_pivot_root(".", ".");

	if (r < 0) {
		error_errno(err, r, "pivot_root");
		return r == -EINVAL ? error_hint(err, "is the root of the host a ramdisk? "
						      "--no-pivot does without")
				    : r;
	}
	if (umount2(".", MNT_DETACH) < 0)
		return error_errno(err, errno, "detach the root of the host");
	return 0;
}

/* Without pivot_root(2) the tree has to lie over "/": a mere chroot(2) can be left. */
static int change_root(const struct plan_rootfs *p, const struct rootfs *rootfs, struct error *err)
{
	int root = rootfs->root;
	int r = p->mount_ns ? mount_hide_proc(rootfs->proc, root, err) : 0;

	if (r < 0)
		return r;
	if (p->mount_ns && p->at_path) {
		r = sys_move_mount(root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);

		if (r < 0)
			return error_errno(err, r, "move the root file system over /");
	}
	return chroot(".") < 0 ? error_errno(err, errno, "chroot") : 0;
}

/* "/" is the container's root, and nothing lies on it: ".." crosses into what is mounted there. */
static int check_root(int root)
{
	static const char *const paths[] = {"/", "/..", "."};
	struct stat want, st;

	if (fstat(root, &want) < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (stat(paths[i], &st) < 0)
			return -errno;
		if (st.st_dev != want.st_dev || st.st_ino != want.st_ino)
			return -EPROTO;
	}
	return 0;
}

int rootfs_pivot(const struct plan_rootfs *p, struct rootfs *r, struct error *err)
{
	int ret = 0;

	if (fchdir(r->root) < 0)
		return error_errno(err, errno, "enter the root file system");
	outside_forget(&r->outside);
	if (r->outside.away)	/* it is our root, and there is no other */
		ret = 0;
	else if (p->mount_ns && !p->no_pivot)
		ret = pivot(err);
	else
		ret = change_root(p, r, err);
	if (ret < 0)
		return ret;
	if (chdir("/") < 0)
		return error_errno(err, errno, "enter the new root");
	ret = check_root(r->root);
	if (ret < 0)
		return error_errno(err, ret, "let go of the root of the host");
	if (p->any_mounts && p->propagation)
		ret = mount_set_propagation(r->root, p->propagation);
	if (ret < 0)
		return error_errno(err, ret, "set the propagation of the root");
	close(r->root);
	r->root = -1;
	return 0;
}
