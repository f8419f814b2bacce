/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Read-only and masked paths, and everything that becomes read-only last; in the container process.
 * Only a path that does not exist is forgiven: masks below a masked directory (rule R11).
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "rootfs/mount.h"
#include "sys/mount_api.h"
#include "util/cleanup.h"
#include "util/path.h"
#include "util/str.h"

/* Two mounts serve all masks: each is attached to the first path and cloned for the others. */
struct masks {
	int file, dir;
	bool file_used, dir_used;
};

/* What @path is, or -ENOENT for one that is forgiven. */
static int open_path(int root, const char *path, struct error *err)
{
	int fd = path_open_in_root(root, path, O_PATH);

	if (fd == -ENOENT || fd == -ENOTDIR)
		return -ENOENT;
	return fd < 0 ? error_errno(err, fd, "open it") : fd;
}

static int make_readonly(int root, const char *path, struct error *err)
{
	_cleanup_close_ int target = -1, tree = -1;
	int r;

	target = open_path(root, path, err);
	if (target < 0)
		return target == -ENOENT ? 0 : target;
	if (str_eq(path, "/"))
		return mount_change_attr(target, MOUNT_ATTR_RDONLY, 0, true, err);
	tree = mount_clone(target, "", true);
	if (tree < 0)
		return error_errno(err, tree, "clone it");
	r = mount_change_attr(tree, MOUNT_ATTR_RDONLY, 0, true, err);
	if (r < 0)
		return r;
	r = mount_attach(tree, target);
	return r < 0 ? error_errno(err, r, "attach it") : 0;
}

/*
 * The host's /dev/null: "/" is the host's until pivot_root(2).  Read-only, so that nobody changes
 * mode and owner of the host's node through it; reading and writing a device go on.
 */
static int make_file_mask(struct error *err)
{
	_cleanup_close_ int fd = mount_clone(AT_FDCWD, "/dev/null", false);
	struct stat st;
	int r;

	if (fd < 0)
		return error_errno(err, fd, "/dev/null of the host");
	if (fstat(fd, &st) < 0)
		return error_errno(err, errno, "look at /dev/null of the host");
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return error_set(err, ENODEV, "/dev/null of the host is not the null device");
	r = mount_set_propagation(fd, MS_PRIVATE);
	if (r < 0)
		return error_errno(err, r, "stop the propagation of /dev/null");
	r = mount_change_attr(fd, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0,
			      false, err);
	return r < 0 ? r : steal_fd(&fd);
}

static int make_dir_mask(struct error *err)
{
	static char *words[] = {(char *)"size=4k", (char *)"nr_inodes=1", (char *)"mode=555", NULL};
	const struct strings data = {.v = words, .n = 3};
	const struct mount_fs fs = {
		.fstype = "tmpfs",
		.source = "tmpfs",
		.data = &data,
		.attr = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			MOUNT_ATTR_NOEXEC,
	};

	return mount_new_fs(&fs, err);
}

/* Attach @mnt onto @target if it is still free, else a clone of it. */
static int attach_shared(int mnt, bool *used, int target, struct error *err)
{
	_cleanup_close_ int clone = -1;
	int r;

	if (*used) {
		clone = mount_clone(mnt, "", false);
		if (clone < 0)
			return error_errno(err, clone, "clone the mask");
	}
	r = mount_attach(*used ? clone : mnt, target);
	*used = true;
	return r < 0 ? error_errno(err, r, "attach the mask") : 0;
}

static int mask_path(int root, const char *path, struct masks *m, struct error *err)
{
	_cleanup_close_ int target = -1;
	struct stat st;

	if (str_eq(path, "/"))
		return error_set(err, EINVAL, "the root cannot be masked");
	target = open_path(root, path, err);
	if (target < 0)
		return target == -ENOENT ? 0 : target;
	if (fstat(target, &st) < 0)
		return error_errno(err, errno, "look at it");
	if (S_ISDIR(st.st_mode)) {
		if (m->dir < 0)
			m->dir = make_dir_mask(err);
		return m->dir < 0 ? m->dir : attach_shared(m->dir, &m->dir_used, target, err);
	}
	if (m->file < 0)
		m->file = make_file_mask(err);
	return m->file < 0 ? m->file : attach_shared(m->file, &m->file_used, target, err);
}

static int mask_all(const struct plan_rootfs *p, int root, struct error *err)
{
	struct masks m = {.file = -1, .dir = -1};
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < p->masked.n; i++) {
		ret = mask_path(root, p->masked.v[i], &m, err);
		if (ret < 0) {
			error_in(err, "mask %s", p->masked.v[i]);
			error_at(err, "/linux/maskedPaths/%zu", i);
		}
	}
	if (m.dir >= 0)
		close(m.dir);
	if (m.file >= 0)
		close(m.file);
	return ret;
}

static int protect_late(struct rootfs *r, struct error *err)
{
	int ret = 0;

	for (size_t i = 0; i < r->n_late; i++) {
		if (ret == 0)
			ret = mount_change_attr(r->late[i], MOUNT_ATTR_RDONLY, 0, false, err);
		close(r->late[i]);
	}
	free(r->late);
	r->late = NULL;
	r->n_late = 0;
	return ret < 0 ? error_in(err, "make a mount read-only") : 0;
}

/* As mount points are made: 0755, of the container's root.  What cannot be made, and what is there but no
 * directory, whoever enters it tells. */
static void make_cwd(const struct plan_rootfs *p, int root)
{
	int fd = path_open_in_root(root, p->cwd, O_PATH);

	if (fd == -ENOENT)
		fd = path_make_in_root(root, p->cwd, true);
	if (fd >= 0)
		close(fd);
}

int rootfs_protect(const struct plan_rootfs *p, struct rootfs *r, struct error *err)
{
	int ret = 0;

	if (!p->any_mounts)
		return 0;
	if (p->cwd)
		make_cwd(p, r->root);
	for (size_t i = 0; ret == 0 && i < p->readonly_paths.n; i++) {
		ret = make_readonly(r->root, p->readonly_paths.v[i], err);
		if (ret < 0) {
			error_in(err, "make %s read-only", p->readonly_paths.v[i]);
			error_at(err, "/linux/readonlyPaths/%zu", i);
		}
	}
	if (ret == 0)
		ret = mask_all(p, r->root, err);
	if (ret == 0)
		ret = protect_late(r, err);
	if (ret == 0 && p->readonly)
		ret = mount_change_attr(r->root, MOUNT_ATTR_RDONLY, 0, false, err) < 0
			      ? error_in(err, "make the root read-only")
			      : 0;
	return ret;
}
