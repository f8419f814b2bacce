/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The terminal of the container, out of its own devpts, in the container process.  Every step is by
 * descriptor and stays in that one file system: a ptmx of the image or of another devpts is
 * refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "rootfs/mount.h"
#include "sys/mount_api.h"
#include "sys/mutate.h"
#include "util/cleanup.h"
#include "util/path.h"

/* Unix98 pty slaves: Documentation/admin-guide/devices.txt. */
#define PTS_MAJOR_FIRST 136
#define PTS_MAJOR_LAST	143
#define CONSOLE_MODE	0620

static int open_master(int root, dev_t *ret_dev, struct error *err)
{
	_cleanup_close_ int pts = -1, master = -1;
	struct statfs fs;
	struct stat st;

	pts = path_open_in_root(root, "/dev/pts", O_PATH | O_DIRECTORY);
	if (pts < 0)
		return error_errno(err, pts, "open /dev/pts");
	if (fstatfs(pts, &fs) < 0)
		return error_errno(err, errno, "look at /dev/pts");
	if (fs.f_type != DEVPTS_SUPER_MAGIC && !MUTATE(T96)) {
		error_set(err, ENODEV, "/dev/pts is not a devpts");
		return error_hint(err, "a terminal needs a mount of type devpts there");
	}
	master = sys_openat2(pts, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC, 0,
			     RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
	if (master < 0)
		return error_errno(err, master, "open /dev/pts/ptmx");
	if (fstat(master, &st) < 0)
		return error_errno(err, errno, "look at /dev/pts/ptmx");
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2))
		return error_set(err, ENODEV, "/dev/pts/ptmx is not the pty multiplexer");
	*ret_dev = st.st_dev;
	return steal_fd(&master);
}

/* The other end.  It belongs to the user of the container, in the group the devpts gives it. */
static int open_peer(int master, dev_t devpts, uint32_t uid, struct error *err)
{
	_cleanup_close_ int peer = -1;
	int unlocked = 0;
	struct stat st;

	if (ioctl(master, TIOCSPTLCK, &unlocked) < 0)
		return error_errno(err, errno, "unlock the pty");
	peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (peer < 0)
		return error_errno(err, errno, "open the other end of the pty");
	if (fstat(peer, &st) < 0)
		return error_errno(err, errno, "look at the pty");
	if (!S_ISCHR(st.st_mode) || major(st.st_rdev) < PTS_MAJOR_FIRST ||
	    major(st.st_rdev) > PTS_MAJOR_LAST || (st.st_dev != devpts && !MUTATE(T96)))
		return error_set(err, ENODEV,
				 "the other end of the pty is not in the devpts of the container");
	if (st.st_uid != uid && fchown(peer, uid, (gid_t)-1) < 0)
		return error_errno(err, errno, "give the pty to user %u", uid);
	if ((st.st_mode & 07777) != CONSOLE_MODE && fchmod(peer, CONSOLE_MODE) < 0)
		return error_errno(err, errno, "set the mode of the pty");
	return steal_fd(&peer);
}

static int bind_console(int root, int peer, struct error *err)
{
	_cleanup_close_ int node = -1, target = -1;
	int r;

	target = path_open_in_root(root, "/dev/console", O_PATH);
	if (target == -ENOENT)
		target = path_make_in_root(root, "/dev/console", false);
	if (target < 0)
		return error_errno(err, target, "make /dev/console");
	node = mount_clone(peer, "", false);
	if (node < 0)
		return error_errno(err, node, "clone the pty");
	r = mount_attach(node, target);
	return r < 0 ? error_errno(err, r, "bind the pty onto /dev/console") : 0;
}

int rootfs_console(const struct plan_rootfs *p, struct rootfs *r, uint32_t uid, int *ret_master,
		   int *ret_peer, struct error *err)
{
	_cleanup_close_ int master = -1, peer = -1;
	dev_t devpts;
	int ret = 0;

	master = open_master(r->root, &devpts, err);
	if (master < 0)
		return master;
	peer = open_peer(master, devpts, uid, err);
	if (peer < 0)
		return peer;
	if (p->any_mounts && p->console)
		ret = bind_console(r->root, peer, err);
	if (ret < 0)
		return ret;
	*ret_master = steal_fd(&master);
	*ret_peer = steal_fd(&peer);
	return 0;
}
