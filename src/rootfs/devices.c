/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device nodes and the links of /dev, in the container process.  An inode that is there already is
 * never changed: it is what was asked for, or an error (runtime-spec config-linux.md#devices).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "rootfs/mount.h"
#include "sys/mount_api.h"
#include "sys/mutate.h"
#include "sys/probe.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/path.h"
#include "util/str.h"

/* The directory of the last entry: most are neighbours in /dev. */
struct parent {
	int fd;
	const char *path;
	size_t len;
};

static int open_parent(struct parent *c, int root, const char *path, const char **ret_name,
		       struct error *err)
{
	size_t len = (size_t)(strrchr(path, '/') - path);
	int fd;

	*ret_name = path + len + 1;
	if (c->fd >= 0 && c->len == len && strncmp(c->path, path, len) == 0)
		return c->fd;
	fd = path_parent_in_root(root, path, ret_name);
	if (fd < 0)
		return error_errno(err, fd, "open the directory of %s", path);
	if (c->fd >= 0)
		close(c->fd);
	*c = (struct parent){.fd = fd, .path = path, .len = len};
	return fd;
}

static bool same_device(const struct plan_device *d, const struct stat *st)
{
	if ((st->st_mode & S_IFMT) != (d->mode & S_IFMT))
		return false;
	return S_ISFIFO(d->mode) || st->st_rdev == d->dev;
}

static const char *type_name(mode_t mode)
{
	return S_ISREG(mode)   ? "a regular file"
	       : S_ISDIR(mode) ? "a directory"
	       : S_ISLNK(mode) ? "a symbolic link"
	       : S_ISSOCK(mode) ? "a socket"
	       : S_ISFIFO(mode) ? "a FIFO"
	       : S_ISBLK(mode) ? "a block device"
			       : "a character device";
}

/* "a block device 8:0", "a FIFO" */
static const char *describe(mode_t mode, dev_t dev, char buf[64])
{
	if (!S_ISCHR(mode) && !S_ISBLK(mode))
		return type_name(mode);
	snprintf(buf, 64, "%s %u:%u", type_name(mode), major(dev), minor(dev));
	return buf;
}

static int wrong_device(const struct plan_device *d, const struct stat *st, struct error *err)
{
	char is[64], wanted[64];

	if (!same_device(d, st))
		return error_set(err, EEXIST, "device %s: another file is there, %s, not %s", d->path,
				 describe(st->st_mode, st->st_rdev, is), describe(d->mode, d->dev, wanted));
	return error_set(
		err, EEXIST,
		"device %s: is there with mode %o and owner %u:%u, not mode %o and owner %u:%u",
		d->path, st->st_mode & 07777, st->st_uid, st->st_gid, d->mode & 07777, d->uid,
		d->gid);
}

static bool same_owner(const struct plan_device *d, const struct stat *st)
{
	return st->st_uid == d->uid && st->st_gid == d->gid;
}

/* What was not asked for is as it is there. */
static bool as_asked(const struct plan_device *d, const struct stat *st, bool made)
{
	return ((!made && d->any_owner) || same_owner(d, st)) &&
	       ((!made && d->any_mode) || (st->st_mode & 07777) == (d->mode & 07777));
}

/* By descriptor: the name may be another's by now. */
static int give(const struct plan_device *d, int dir, const char *name, struct stat *ret, struct error *err)
{
	_cleanup_close_ int fd = fd_openat(dir, name, O_PATH | O_NOFOLLOW, 0);

	if (fd < 0 || fstat(fd, ret) < 0)
		return error_errno(err, fd < 0 ? fd : errno, "look at the device %s", d->path);
	if (!same_device(d, ret))
		return wrong_device(d, ret, err);
	if (fchownat(fd, "", d->uid, d->gid, AT_EMPTY_PATH) < 0)
		return error_errno(err, errno, "give the device %s to %u:%u", d->path, d->uid, d->gid);
	return fstat(fd, ret) < 0 ? error_errno(err, errno, "look at the device %s", d->path) : 0;
}

/* The node, made or found; only what was made here is touched. */
static int verify(const struct plan_device *d, int dir, const char *name, bool made,
		  struct error *err)
{
	struct stat st;
	int r;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_errno(err, errno, "look at the device %s", d->path);
	if (!same_device(d, &st))
		return wrong_device(d, &st, err);
	if (made && !same_owner(d, &st)) {
		r = give(d, dir, name, &st, err);
		if (r < 0)
			return r;
	}
	/* Of a default device the specification says nothing but that it is there. */
	if (!made && d->where[0] == '\0')
		return 0;
	return as_asked(d, &st, made) ? 0 : wrong_device(d, &st, err);
}

/* mknod(2): EPERM is for want of the capability, or of a file system that takes device nodes, or of the
 * device rules of a cgroup above. */
static int cannot_make(const struct plan_device *d, int dir, int r, struct error *err)
{
	struct statfs fs;

	error_errno(err, r, "make the device %s", d->path);
	if (r != -EPERM || fstatfs(dir, &fs) < 0)
		return r;
	if (fs.f_type == DEVPTS_SUPER_MAGIC)
		return error_hint(err, "a devpts makes its own nodes and takes no others");
	if (fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC || fs.f_type == CGROUP2_SUPER_MAGIC)
		return error_hint(err, "this file system of the kernel takes no device nodes");
	if (!probe_effective_cap(CAP_MKNOD))
		return error_hint(err, "CAP_MKNOD is missing");
	return error_hint(err, "its file system takes no device nodes, or the device rules of a cgroup forbid "
			  "to make it");
}

static int make_node(const struct plan_device *d, struct parent *c, int root, struct error *err)
{
	const char *name;
	int r, dir = open_parent(c, root, d->path, &name, err);

	if (dir < 0)
		return dir;
	r = mknodat(dir, name, d->mode, d->dev) < 0 ? -errno : 0;
	if (r < 0 && r != -EEXIST)
		return cannot_make(d, dir, r, err);
	return verify(d, dir, name, r == 0, err);
}

/* The host's node of the same name, if it is the one. */
static int clone_host_node(const struct plan_device *d, const struct rootfs *rootfs, struct error *err)
{
	_cleanup_close_ int node = outside_clone(rootfs, d->path, 0);
	struct stat st;
	int r;

	if (node < 0)
		return error_errno(err, node, "device %s of the host", d->path);
	if (fstat(node, &st) < 0)
		return error_errno(err, errno, "look at the device %s of the host", d->path);
	if (!same_device(d, &st))
		return error_set(err, ENODEV,
				 "device %s of the host is %u:%u, not %u:%u: without the right to make "
				 "nodes only one of the host can be given, under its own name",
				 d->path, major(st.st_rdev), minor(st.st_rdev), major(d->dev),
				 minor(d->dev));
	r = mount_set_propagation(node, MS_PRIVATE);
	return r < 0 ? error_errno(err, r, "stop the propagation of the device %s", d->path) : steal_fd(&node);
}

/* As where nodes are made: a link of the image is none, and a file of the kernel no place for one. */
static int check_place(const struct plan_device *d, int target, struct error *err)
{
	struct statfs fs;
	struct stat st;

	if (fstat(target, &st) < 0 || fstatfs(target, &fs) < 0)
		return error_errno(err, errno, "look at the place of the device %s", d->path);
	if (S_ISLNK(st.st_mode) || S_ISDIR(st.st_mode))
		return wrong_device(d, &st, err);
	if (fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC)
		return error_set(err, EPERM, "device %s: its place is a file of the kernel", d->path);
	return 0;
}

/* In a user namespace mknod(2) is refused. */
static int bind_node(const struct plan_rootfs *p, size_t i, const struct rootfs *rootfs, struct error *err)
{
	const struct plan_device *d = &p->devices[i];
	_cleanup_close_ int node = -1, target = -1;
	int r;

	if (d->made_outside && rootfs->nodes >= 0)
		node = nodes_clone(rootfs->nodes, i, err);
	else
		node = clone_host_node(d, rootfs, err);
	if (node < 0)
		return node;
	target = path_open_in_root(rootfs->root, d->path, O_PATH | O_NOFOLLOW);
	if (target == -ENOENT)
		target = path_make_in_root(rootfs->root, d->path, false);
	if (target < 0)
		return error_errno(err, target, "make a place for the device %s", d->path);
	r = check_place(d, target, err);
	if (r < 0)
		return r;
	r = mount_attach(node, target);
	return r < 0 ? error_errno(err, r, "bind the device %s", d->path) : 0;
}

/* A default device that linux.devices names again, with its own mode and owner. */
static bool named_again(const struct plan_rootfs *p, size_t i)
{
	if (p->devices[i].where[0] != '\0')
		return false;
	for (size_t k = i + 1; k < p->n_devices; k++)
		if (str_eq(p->devices[k].path, p->devices[i].path))
			return true;
	return false;
}

static int make_devices(const struct plan_rootfs *p, struct parent *c, const struct rootfs *rootfs,
			struct error *err)
{
	for (size_t i = 0; i < p->n_devices; i++) {
		const struct plan_device *d = &p->devices[i];
		int r;

		if ((p->skip_default_dev && d->where[0] == '\0') || named_again(p, i))
			continue;
		if (p->devices_by_bind && !S_ISFIFO(d->mode))
			r = bind_node(p, i, rootfs, err);
		else
			r = make_node(d, c, rootfs->root, err);
		if (r < 0)
			return error_at(err, "%s", d->where);
	}
	return 0;
}

/*
 * Something is where the link @l belongs.  A link stays, and all in the place of an optional one; a ptmx node of
 * the image does not.
 */
static int existing_link(const struct plan_link *l, int dir, const char *name, struct error *err)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_errno(err, errno, "look at %s", l->path);
	if (S_ISLNK(st.st_mode) || l->optional)
		return 0;
	if (!MUTATE(T06) && (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2) || !str_eq(name, "ptmx")))
		return error_set(err, EEXIST, "link %s: another file is there", l->path);
	if (unlinkat(dir, name, 0) < 0 || symlinkat(l->target, dir, name) < 0)
		return error_errno(err, errno, "replace the node %s by a link", l->path);
	return 0;
}

static int make_links(const struct plan_rootfs *p, struct parent *c, int root, struct error *err)
{
	for (size_t i = 0; !p->skip_default_dev && i < p->n_links; i++) {
		const struct plan_link *l = &p->links[i];
		const char *name;
		int r, dir = open_parent(c, root, l->path, &name, err);

		if (dir < 0)
			return dir;
		if (symlinkat(l->target, dir, name) == 0)
			continue;
		if (errno != EEXIST)
			return error_errno(err, errno, "make the link %s", l->path);
		r = existing_link(l, dir, name, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int rootfs_devices(const struct plan_rootfs *p, struct rootfs *r, struct error *err)
{
	struct parent c = {.fd = -1};
	mode_t mask;
	int ret;

	if (!p->any_mounts)
		return 0;
	mask = umask(0);
	ret = r->nodes >= 0 ? nodes_attach(r->nodes, err) : 0;
	if (ret == 0)
		ret = make_devices(p, &c, r, err);
	if (ret == 0 && r->nodes >= 0)
		ret = nodes_detach(r->nodes, err);
	if (r->nodes >= 0)
		close(r->nodes);
	r->nodes = -1;
	if (ret == 0)
		ret = make_links(p, &c, r->root, err);
	umask(mask);
	if (c.fd >= 0)
		close(c.fd);
	return ret < 0 ? mount_blame_root(p, r->root, err) : 0;
}
