/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The order of things in the container process: the tree that the parent took hold of (open.c) is attached, so that
 * pivot_root(2) finds it, and filled below the one descriptor `root`.
 */
#include "rootfs/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "rootfs/mount.h"
#include "sys/mount_api.h"
#include "sys/mutate.h"
#include "util/cleanup.h"
#include "util/fd.h"

static int open_directory(const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Child: in its own copy of the tree, and what the parent has seen there. */
static int open_own_root(const struct plan_rootfs *p, const struct rootfs_handles *h, struct error *err)
{
	_cleanup_close_ int fd = rootfs_make_private(p, mount_clone(AT_FDCWD, p->path, true), err);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return error_errno(err, errno, "look at the root file system %s", p->path);
	if (st.st_dev != h->root_dev || st.st_ino != h->root_ino)
		return error_set(err, ESTALE, "the root file system %s was exchanged meanwhile", p->path);
	return steal_fd(&fd);
}

/*
 * In a user namespace a mount may not be taken from under those on it (mount_namespaces(7)): systemd has one on
 * /proc/sys/fs/binfmt_misc.  With them, but what is used of it must be its own: our files here, sysctls as they
 * are opened.
 */
static int clone_covered_proc(const struct rootfs *r)
{
	static const char *const used[] = {"thread-self/attr", "self/fd", "sys"};
	_cleanup_close_ int fd = outside_clone(r, "/proc", AT_RECURSIVE);

	for (size_t i = 0; fd >= 0 && i < ARRAY_SIZE(used); i++) {
		int dir = sys_openat2(fd, used[i], O_PATH | O_DIRECTORY | O_CLOEXEC, 0, RESOLVE_NO_XDEV);

		if (dir < 0)
			return dir;
		close(dir);
	}
	return steal_fd(&fd);
}

/*
 * A procfs that is attached nowhere, so that nobody can have put anything over its files (rule R5).
 * Without rights over the pid namespace (it is the host's, and we are in a user namespace) a clone
 * of the procfs at /proc serves, after a look that it is one.
 */
int rootfs_private_proc(const struct rootfs *r, struct error *err)
{
	const struct mount_fs fs = {
		.fstype = "proc",
		.source = "proc",
		.attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
		.seen_by = r,
		.seen_at = "/proc",
	};
	_cleanup_close_ int fd = mount_new_fs(&fs, err);
	struct statfs st;
	struct stat root;

	if (fd == -EPERM) {
		*err = (struct error){0};
		fd = outside_clone(r, "/proc", 0);
		if (fd == -EINVAL)
			fd = clone_covered_proc(r);
		if (fd < 0)
			return error_errno(err, fd, "open /proc");
		if (fstatfs(fd, &st) < 0 || fstat(fd, &root) < 0)
			return error_errno(err, errno, "look at /proc");
		if (st.f_type != PROC_SUPER_MAGIC || root.st_ino != PROC_ROOT_INO)
			return error_set(err, EPERM, "/proc of the host is not a procfs");
	}
	return fd < 0 ? error_in(err, "private procfs") : steal_fd(&fd);
}

/*
 * Over "/", which stays the host's for this process, below, until it changes its root.  But hooks
 * that look at the mounts, or add some, find the tree by its path, if that leads to it here at all.
 */
static int attach_tree(const struct plan_rootfs *p, int tree, struct error *err)
{
	_cleanup_close_ int place = p->at_path ? open_directory(p->path) : -1;
	struct stat a, b;
	int r;

	if (place >= 0 && fstat(place, &a) == 0 && fstat(tree, &b) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino)
		r = mount_attach(tree, place);
	else
		r = sys_move_mount(tree, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);
	if (r == 0)
		r = mount_check_unshared(tree);
	return r < 0 ? error_errno(err, r, "attach the root file system %s", p->path) : 0;
}

/* A recursive clone of "/" has what lies over it, which shall not be our tree. */
static int open_early(const struct plan_rootfs *p, struct rootfs_handles *h, struct error *err)
{
	for (size_t i = 0; i < h->n_sources; i++) {
		int r = source_open_early(&p->mounts[i], &h->places[i], err);

		if (r < 0 && h->sources[i] < 0)
			return r;
		if (r < 0)	/* then the parent's does */
			*err = (struct error){0};
	}
	return 0;
}

static int check_cut_off(void)
{
	_cleanup_close_ int top = open_directory("/");

	return top < 0 ? top : mount_check_unshared(top);
}

/* Attached, it tells whether the kernel has statmount(2); mount_attach() has to know by itself. */
static int look_at_root(struct rootfs *r, struct error *err)
{
	struct sys_mount_info info;
	int ret = sys_mount_info(r->root, &info);

	r->statmount = ret == 0;
	return ret < 0 && ret != -ENOSYS ? error_errno(err, ret, "look at the root file system") : 0;
}

/* Cut the copied host tree off and attach the container's: pivot_root(2) wants a mount point whose
 * parent is not shared. */
static int enter_tree(const struct plan_rootfs *p, struct rootfs_handles *h, struct rootfs *r,
			 struct error *err)
{
	struct mount_attr attr = {
		.propagation = p->host_propagation & MS_SLAVE ? MS_SLAVE : MS_PRIVATE,
	};
	int ret = MUTATE(T14) ? 0 : sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attr);

	if (ret == -EINVAL) {
		error_errno(err, ret, "stop the propagation of mounts to the host");
		return error_hint(err, "/ is no mount point, as in a chroot: enter that after `mount --bind DIR DIR`");
	}
	if (ret == 0 && !MUTATE(T14))
		ret = check_cut_off();
	if (ret < 0)
		return error_errno(err, ret, "stop the propagation of mounts to the host");
	if (h->tree >= 0 && p->devices_by_bind) {
		int own = mount_clone_locked(mount_clone(AT_FDCWD, p->path, true), h->tree);

		if (own >= 0) {
			close(h->tree);
			h->tree = rootfs_make_private(p, own, err);
		}
	} else if (h->tree < 0) {
		h->tree = open_own_root(p, h, err);
	}
	if (h->tree < 0)
		return h->tree;
	ret = open_early(p, h, err);
	if (ret == 0)
		ret = attach_tree(p, h->tree, err);
	if (ret < 0)
		return ret;
	r->root = steal_fd(&h->tree);
	return look_at_root(r, err);
}

/* All that is looked at on the host while the container is made. */
static void make_views(const struct plan_rootfs *p, const struct rootfs_handles *h, struct outside *o)
{
	outside_view(o, "/proc");
	for (size_t i = 0; i < p->n_mounts; i++) {
		const char *seen = p->mounts[i].fstype ? mount_seen_at(p, p->mounts[i].fstype) : NULL;

		if (seen)
			outside_view(o, seen);
		if (p->mounts[i].kind == MOUNT_BIND && h->places[i].path && !h->places[i].link)
			outside_view(o, h->places[i].path);
	}
	if (p->masked.n)
		outside_view(o, "/dev/null");
	for (size_t i = 0; i < p->n_devices; i++)
		if (!S_ISFIFO(p->devices[i].mode) && !p->devices[i].made_outside)
			outside_view(o, p->devices[i].path);
}

/*
 * The mount namespace has nothing but the tree, and entering it makes that our root.  What is still to be taken from
 * the host is taken there.
 */
static int enter_alone(const struct plan_rootfs *p, struct rootfs_handles *h, struct rootfs *r, struct error *err)
{
	int ret, own = p->foreign ? rootfs_make_namespace(p, h->tree, err) : steal_fd(&h->tree);

	if (own < 0)
		return own;
	if (p->foreign)
		make_views(p, h, &r->outside);
	ret = outside_leave(&r->outside, own, p->foreign, err);
	if (ret < 0)
		return ret;
	r->root = rootfs_make_private(p, open_directory("/"), err);
	if (r->root < 0)
		return r->root;
	ret = MUTATE(T14) ? 0 : mount_check_unshared(r->root);
	if (ret < 0)
		return error_errno(err, ret, "stop the propagation of %s", p->path);
	return look_at_root(r, err);
}

/* Into the mount namespace of the container, new or joined. */
static int enter_mounts(const struct plan_rootfs *p, struct rootfs_handles *h, struct rootfs *r, struct error *err)
{
	if (p->alone && !h->copy)
		return enter_alone(p, h, r, err);
	if (p->alone && unshare(CLONE_NEWNS) < 0)
		return error_hint_limits(err, error_errno(err, errno, "copy the mounts of the host"));
	return enter_tree(p, h, r, err);
}

/*
 * Without a mount namespace: over its own directory, where the host sees it too.  The kernel makes what is
 * attached to a shared mount shared; then nothing more that is mounted in it shall be seen elsewhere.
 */
static int attach_at_path(const struct plan_rootfs *p, struct rootfs_handles *h, struct rootfs *r,
			  struct error *err)
{
	_cleanup_close_ int place = open_directory(p->path);
	int ret = place;

	if (ret >= 0)
		ret = mount_attach(h->tree, place);
	if (ret == 0)
		ret = mount_set_propagation(h->tree, MS_REC | MS_PRIVATE);
	if (ret < 0)
		return error_errno(err, ret, "attach the root file system %s", p->path);
	r->root = steal_fd(&h->tree);
	return look_at_root(r, err);
}

int rootfs_enter(const struct plan_rootfs *p, struct rootfs_handles *h, struct rootfs *r,
		 struct error *err)
{
	int ret;

	*r = (struct rootfs){.root = -1, .proc = -1, .nodes = steal_fd(&h->nodes),
			     .outside = OUTSIDE_NONE, .pid_ns = -1};
	if (!p->any_mounts) {
		r->root = steal_fd(&h->tree);
	} else if (p->host_mounts) {
		ret = attach_at_path(p, h, r, err);
		if (ret < 0)
			return ret;
	} else {
		ret = enter_mounts(p, h, r, err);
		if (ret < 0)
			return ret;
	}
	if (p->private_proc)
		r->proc = rootfs_private_proc(r, err);
	return p->private_proc && r->proc < 0 ? r->proc : 0;
}

int mount_blame_root(const struct plan_rootfs *p, int root, struct error *err)
{
	struct stat st;

	if (err->code != EACCES || fstat(root, &st) < 0 ||
	    sys_faccessat2(root, "", X_OK, AT_EACCESS | AT_EMPTY_PATH) != -EACCES)
		return -err->code;
	*err = (struct error){0};
	error_set(err, EACCES, "the root file system %s has mode %04o, and the container's root, who is not its "
		  "owner, may not enter it", p->path, st.st_mode & 07777);
	error_hint(err, "give it to the host's id of linux.uidMappings, or `chmod a+x` it");
	return error_at(err, "/root/path");
}

int rootfs_mounts(const struct plan_rootfs *p, struct rootfs_handles *h, struct rootfs *r,
		  struct error *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && p->any_mounts && i < p->n_mounts; i++) {
		int source = i < h->n_sources ? steal_fd(&h->sources[i]) : -1;

		ret = mount_perform(p, &p->mounts[i], source, h->places ? &h->places[i] : NULL, r, err);
	}
	rootfs_handles_close(h);
	return ret < 0 ? mount_blame_root(p, r->root, err) : 0;
}
