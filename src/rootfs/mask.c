/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Read-only and masked paths, and everything that becomes read-only last; in the container process.
 * Only a path that does not exist is forgiven: masks below a masked directory (rule R11).  Each is looked up below
 * the mount that it is in, wherever that is by now (place.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "rootfs/mount.h"
#include "sys/mount_api.h"
#include "sys/mutate.h"
#include "util/cleanup.h"
#include "util/mem.h"
#include "util/path.h"
#include "util/str.h"

/* Two mounts serve all masks: each is attached to the first path and cloned for the others. */
struct masks {
	int file, dir;
	bool file_used, dir_used;
};

/* One entry of maskedPaths or readonlyPaths, and where to look for it. */
struct entry {
	const char *path;
	bool below_mask;		/* of an earlier entry */
	struct place at;
};

static int look_up(const struct place *at, const char *path)
{
	if (at->in_mount)
		return path_open_beneath(at->dir, path, O_PATH);
	return path_open_in_root(at->dir, *path ? path : "/", O_PATH);
}

static bool is_missing(int r)
{
	return r == -ENOENT || r == -ENOTDIR;
}

/* Is the last name of @path, which was not found, in its directory all the same?  A link may lead to nothing. */
static int look_at_name(const struct place *at, int dir, const char *name, const char *path)
{
	struct stat st;
	int fd;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	fd = S_ISLNK(st.st_mode) ? look_up(at, path) : -EIO;
	if (fd < 0)
		return fd;
	close(fd);
	return -EIO;
}

/* 0: there is no such name in its directory; 1: there is no such directory; else an error. */
static int look_at_directory(const struct entry *e, const char *path, bool strict)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	_cleanup_free_ char *parent = xstrndup(path, slash ? (size_t)(slash - path) : 0);
	_cleanup_close_ int dir = look_up(&e->at, parent);
	int r;

	if (is_missing(dir))
		return *parent ? 1 : -EIO;
	if (dir < 0)
		return dir;
	r = look_at_name(&e->at, dir, name, path);
	return r == -ENOENT ? 0 : r == -ENOTDIR ? strict : r;
}

/*
 * The kernel says that @e is not there.  Look once more, another way (rule R11a): its directory is, and has no such
 * name.  In an image, and below a mask, that directory may be missing likewise; a procfs or sysfs without it is
 * another one than was thought of.
 */
static int check_missing(const struct entry *e, struct error *err)
{
	bool strict = e->at.of_kernel && !e->below_mask;
	_cleanup_free_ char *path = NULL;

	/* Nearly always, and the quick way. */
	if (*e->at.path && !strchr(e->at.path, '/') &&
	    look_at_name(&e->at, e->at.dir, e->at.path, e->at.path) == -ENOENT)
		return 0;
	path = xstrdup(e->at.path);
	while (*path) {
		int r = look_at_directory(e, path, strict);
		char *slash = strrchr(path, '/');

		if (r == 0)
			return 0;
		if (r < 0)
			return error_errno(err, r, "find out that it is not there");
		if (slash)
			*slash = '\0';
		if (strict) {
			error_set(err, ENOENT, "there is no directory %s in what is mounted at %.*s", path,
				  (int)(strlen(e->path) - strlen(e->at.path)), e->path);
			return error_hint(err, "only the last name of such a path may be missing: leave it out");
		}
		if (!slash)
			return 0;
	}
	return error_set(err, EIO, "it cannot be told what is mounted there");
}

/* What @e is; -ENOENT without an error when it is not there, which is forgiven. */
static int open_entry(struct rootfs *r, struct entry *e, struct error *err)
{
	int fd = place_base(r, e->path, &e->at, err);

	if (fd < 0)
		return fd;
	fd = look_up(&e->at, e->at.path);
	/* A link that leads out of a bind mount leads on from the root of the container. */
	if (fd == -EXDEV && e->at.in_mount && !e->at.of_kernel) {
		e->at = (struct place){.dir = r->root, .path = e->path + 1};
		fd = look_up(&e->at, e->at.path);
	}
	if (is_missing(fd)) {
		fd = check_missing(e, err);
		return fd < 0 ? fd : -ENOENT;
	}
	return fd < 0 ? error_errno(err, fd, "open it") : fd;
}

/* Attach @mnt onto what @e is.  Without statmount(2) only its path tells that this was done. */
static int attach(const struct rootfs *r, const struct entry *e, int mnt, int target, struct error *err)
{
	_cleanup_close_ int seen = -1;
	uint64_t a, b;
	int ret = mount_attach(mnt, target);

	if (ret < 0 || r->statmount)
		return ret < 0 ? error_errno(err, ret, "attach what lies over it") : 0;
	seen = *e->at.path ? look_up(&e->at, e->at.path) : path_open_in_root(r->root, e->path, O_PATH);
	if (seen < 0 || mount_id(r, seen, &a) < 0 || mount_id(r, mnt, &b) < 0 || a != b)
		return error_set(err, EPROTO, "what lies over it is not there");
	return 0;
}

static int make_readonly(struct rootfs *r, struct entry *e, struct error *err)
{
	_cleanup_close_ int target = -1, tree = -1;
	int ret;

	target = open_entry(r, e, err);
	if (target < 0)
		return target == -ENOENT && !err->code ? 0 : target;
	if (str_eq(e->path, "/"))
		return mount_change_attr(target, MOUNT_ATTR_RDONLY, 0, true, err);
	tree = mount_clone(target, "", true);
	if (tree < 0)
		return error_errno(err, tree, "clone it");
	ret = mount_change_attr(tree, MOUNT_ATTR_RDONLY, 0, true, err);
	return ret < 0 ? ret : attach(r, e, tree, target, err);
}

/*
 * The host's /dev/null.  Read-only, so that nobody changes
 * mode and owner of the host's node through it; reading and writing a device go on.
 */
static int make_file_mask(const struct rootfs *rootfs, struct error *err)
{
	_cleanup_close_ int own = MUTATE(T25) ? path_open_in_root(rootfs->root, "dev/null", O_PATH) : -1;
	_cleanup_close_ int fd = MUTATE(T25) ? mount_clone(own, "", false) : outside_clone(rootfs, "/dev/null", 0);
	struct stat st;
	int r;

	if (fd < 0)
		return error_errno(err, fd, "/dev/null of the host");
	if (fstat(fd, &st) < 0)
		return error_errno(err, errno, "look at /dev/null of the host");
	if (!MUTATE(T25) && (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3)))
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

/* Attach @mnt if it is still free, else a clone of it. */
static int attach_shared(const struct rootfs *r, const struct entry *e, int mnt, bool *used, int target,
			 struct error *err)
{
	_cleanup_close_ int clone = -1;
	int ret;

	if (*used) {
		clone = mount_clone(mnt, "", false);
		if (clone < 0)
			return error_errno(err, clone, "clone the mask");
	}
	ret = attach(r, e, *used ? clone : mnt, target, err);
	*used = true;
	return ret;
}

static int mask_path(struct rootfs *r, struct entry *e, struct masks *m, struct error *err)
{
	_cleanup_close_ int target = -1;
	struct stat st;

	if (MUTATE(T08))
		return 0;
	if (str_eq(e->path, "/"))
		return error_set(err, EINVAL, "the root cannot be masked");
	target = open_entry(r, e, err);
	if (target < 0)
		return target == -ENOENT && !err->code ? 0 : target;
	if (fstat(target, &st) < 0)
		return error_errno(err, errno, "look at it");
	if (S_ISDIR(st.st_mode)) {
		if (m->dir < 0)
			m->dir = make_dir_mask(err);
		return m->dir < 0 ? m->dir : attach_shared(r, e, m->dir, &m->dir_used, target, err);
	}
	if (m->file < 0)
		m->file = make_file_mask(r, err);
	return m->file < 0 ? m->file : attach_shared(r, e, m->file, &m->file_used, target, err);
}

static bool is_below_any(const char *path, const struct strings *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(list->v[i]);

		if (strncmp(path, list->v[i], len) == 0 && path[len] == '/')
			return true;
	}
	return false;
}

static int mask_all(const struct plan_rootfs *p, struct rootfs *r, struct error *err)
{
	struct masks m = {.file = -1, .dir = -1};
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < p->masked.n; i++) {
		struct entry e = {.path = p->masked.v[i], .below_mask = is_below_any(p->masked.v[i], &p->masked, i)};

		ret = mask_path(r, &e, &m, err);
		if (ret < 0) {
			error_in(err, "mask %s", e.path);
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
		struct entry e = {.path = p->readonly_paths.v[i]};

		ret = make_readonly(r, &e, err);
		if (ret < 0) {
			error_in(err, "make %s read-only", e.path);
			error_at(err, "/linux/readonlyPaths/%zu", i);
		}
	}
	if (ret == 0)
		ret = mask_all(p, r, err);
	if (ret == 0)
		ret = protect_late(r, err);
	if (ret == 0)
		ret = places_check(r, err);
	place_free(r);
	if (ret == 0 && p->readonly)
		ret = mount_change_attr(r->root, MOUNT_ATTR_RDONLY, 0, false, err) < 0
			      ? error_in(err, "make the root read-only")
			      : 0;
	return ret;
}
