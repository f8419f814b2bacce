/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mounts into and out of a running container: live.h says where each function runs. */
#include "rootfs/live.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rootfs/mount.h"
#include "sys/mount_api.h"
#include "sys/mutate.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/path.h"
#include "util/str.h"

void live_init(struct live *l)
{
	*l = (struct live){.self = -1, .r = {.root = -1, .proc = -1, .nodes = -1, .pid_ns = -1,
					     .outside = OUTSIDE_NONE}};
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void live_close(struct live *l)
{
	for (struct live_mount *v = l->v; v < l->v + l->n; v++) {
		close_fd(&v->source);
		close_fd(&v->mnt);
		if (v->m)
			close_fd(&v->place.early);
		free(v->place.inside);
		free(v->place.path);
	}
	close_fd(&l->self);
	close_fd(&l->r.root);
	close_fd(&l->r.proc);
	l->n = 0;
}

static int in_mount(const struct live_mount *v, struct error *err)
{
	error_in(err, "mount %s", v->destination);
	error_phase(err, "mounts");
	error_path(err, v->destination);
	return error_at(err, "/mounts/%u", v->index);
}

/* ---- parent ------------------------------------------------------------------------------------ */

/* In the root file system others have made the names: they lead to nothing outside of it (rule R1). */
static int open_inside(const struct live_mount *v, const char *rootfs, struct error *err)
{
	_cleanup_close_ int root = fd_openat(AT_FDCWD, rootfs, O_PATH | O_DIRECTORY, 0);
	_cleanup_close_ int fd = root < 0 ? root : path_open_in_root(root, *v->place.inside ? v->place.inside : "/",
								     O_PATH);
	int r = fd < 0 ? fd : mount_clone(fd, "", v->m->options->recursive);

	return r < 0 ? mount_source_error(v->m, r, err) : r;
}

static int open_bind(struct live_mount *v, const struct plan_rootfs *p, const char *rootfs, const char *root,
		     struct error *err)
{
	if (v->m->options->src_nofollow || v->m->options->dest_nofollow)
		return error_set(err, EOPNOTSUPP, "src-nofollow and dest-nofollow are for mounts of config.json only");
	if (v->m->options->copy_symlink)
		return error_set(err, EOPNOTSUPP, "copy-symlink is for mounts of config.json only: make the link with "
				 "`exec`");
	source_find(v->m, root, &v->place);
	if (p->sources_in_child || (v->place.inside && !v->m->idmap_where))
		return 0;
	v->source = v->place.inside ? open_inside(v, rootfs, err) : mount_open_source(v->m, err);
	return v->source < 0 ? v->source : 0;
}

static int open_one(struct live_mount *v, const struct plan_rootfs *p, const char *rootfs, const char *root,
		    int userns, struct idmap_ns *ns, struct error *err)
{
	int r = 0;

	if (v->m->kind == MOUNT_BIND)
		r = open_bind(v, p, rootfs, root, err);
	else if (v->m->idmap_where)
		r = v->source = mount_open_fs(p, v->m, NULL, NULL, err);
	v->from_parent = v->source >= 0;
	if (r < 0 || !v->m->idmap_where)
		return r < 0 ? r : 0;
	return mount_idmap(v->m, v->source, userns, ns, err);
}

int live_open(struct live *l, const char *rootfs, int userns, struct error *err)
{
	_cleanup_(idmap_ns_close) struct idmap_ns ns = {.fd = -1};
	char root[PATH_MAX];
	int r = 0;

	if (source_real_path(rootfs, root, sizeof(root)) < 0)
		strcpy(root, "/");
	for (struct live_mount *v = l->v; r >= 0 && v < l->v + l->n; v++) {
		r = open_one(v, l->p, rootfs, root, userns, &ns, err);
		if (r < 0)
			in_mount(v, err);
	}
	return r < 0 ? r : 0;
}

/* ---- helper, with the host's tree --------------------------------------------------------------- */

/*
 * A bind source as the user namespace of the container may have it: flags that the host has set are locked then
 * (mount_namespaces(7)).  Where it cannot come there the parent's clone serves, as at create.
 */
static int make_bind(struct live_mount *v, const struct plan_rootfs *p, struct error *err)
{
	if (v->place.inside && v->source < 0)
		return 0;
	if (v->source < 0)
		v->source = mount_open_source(v->m, err);
	else if (p->devices_by_bind && !v->m->idmap_where && !v->place.inside)
		v->place.early = mount_clone_locked(mount_clone_source(NULL, v->m, v->m->source), v->source);
	return v->source < 0 ? v->source : 0;
}

static int make_fs(struct live *l, struct live_mount *v, struct error *err)
{
	if (v->source < 0)
		v->source = mount_open_fs(l->p, v->m, NULL, &l->r, err);
	v->from_parent = true;
	return v->source < 0 ? v->source : 0;
}

int live_make(struct live *l, struct error *err)
{
	int r = 0;

	if (l->p && l->p->private_proc) {
		l->r.proc = rootfs_private_proc(&l->r, err);
		r = l->r.proc;
	}
	for (struct live_mount *v = l->v; r >= 0 && l->p && v < l->v + l->n; v++) {
		r = v->m->kind == MOUNT_BIND ? make_bind(v, l->p, err) : make_fs(l, v, err);
		if (r < 0)
			in_mount(v, err);
	}
	return r < 0 ? r : 0;
}

/* ---- helper, in the container ------------------------------------------------------------------- */

int live_enter(struct live *l, struct error *err)
{
	struct sys_mount_info info;
	int r;

	l->r.root = fd_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	if (l->r.root < 0)
		return error_errno(err, l->r.root, "open / of the container");
	r = sys_mount_info(l->r.root, &info);
	l->r.statmount = r == 0;
	l->r.entered = true;
	return r < 0 && r != -ENOSYS ? error_errno(err, r, "look at / of the container") : 0;
}

/* The path of @fd as the kernel has it, below our root, which is the container's. */
static int read_point(const struct live *l, int fd, char *buf, struct error *err)
{
	char name[16];
	ssize_t n;

	snprintf(name, sizeof(name), "%d", fd);
	n = readlinkat(l->self, name, buf, LIVE_POINT_MAX);
	if (n < 0)
		return error_errno(err, errno, "ask where the mount point is");
	if (n >= LIVE_POINT_MAX || buf[0] != '/')
		return error_set(err, n >= LIVE_POINT_MAX ? ENAMETOOLONG : ESTALE, "the path of the mount point is %s",
				 n >= LIVE_POINT_MAX ? "too long" : "not in the container");
	buf[n] = '\0';
	return 0;
}

/* umount2(2) takes a path: that of the descriptor in the host's procfs, of which we have nothing else. */
static int detach(const struct live *l, int fd)
{
	char name[16];
	int r;

	snprintf(name, sizeof(name), "%d", fd);
	if (fchdir(l->self) < 0)
		return -errno;
	r = umount2(name, MNT_DETACH) < 0 ? -errno : 0;
	return chdir("/") < 0 ? -errno : r;
}

/* What lies over files of procfs is there to hide them. */
static int check_point(const char *point, struct error *err)
{
	if (!str_starts(point, "/proc/") || mount_proc_file_allowed(point))
		return 0;
	return error_set(err, EPERM, "it leads to %s, and nothing may be mounted inside of procfs", point);
}

static bool is_directory(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

static int not_attached(const struct live_mount *v, int mnt, int target, int r, struct error *err)
{
	bool dir = is_directory(mnt);

	/* move_mount(2) calls this EINVAL, among other things. */
	if (dir == is_directory(target))
		return error_errno(err, r, "attach the mount");
	/* Docker knows these words of the kernel, and takes "is a directory" for a program that is one. */
	return error_errno(err, ENOTDIR, "%s, %s, cannot be mounted on %s",
			   v->m->kind == MOUNT_BIND ? v->m->source : "the mount", dir ? "a directory" : "a file",
			   dir ? "a file" : "a directory");
}

/* Is it the mount that the caller knows, and may be taken away? */
static int check_known(const struct live *l, const struct live_mount *v, int fd, const char *point,
		       struct error *err)
{
	uint64_t id = 0;
	int r = mount_id(&l->r, fd, &id);

	if (r < 0)
		return error_errno(err, r, "look at the mount");
	if (!str_eq(point, v->destination) && !MUTATE(T112))
		return error_set(err, ELOOP, "a symbolic link leads to %s: name the mount by its own path", point);
	if (!v->known && !MUTATE(T112))
		return error_set(err, EBUSY, "what is mounted there is neither of config.json nor of `mounts add`");
	if (v->known_id && v->known_id != id && !MUTATE(T112))
		return error_set(err, ESTALE, "another mount lies there now than the one that was added");
	return 0;
}

/*
 * Under the one that is there, which is then taken off: who looks there sees the old or the new one, and at no
 * instant what is below both (move_mount(2), 6.5).
 */
static int replace(const struct live *l, int mnt, int old, struct error *err)
{
	const unsigned empty = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
	int r = sys_move_mount(mnt, "", old, "", empty | MOVE_MOUNT_BENEATH);

	if (r < 0) {
		error_errno(err, r, "put the mount under the one that is there");
		if (r == -EINVAL && !error_hint_release(err, "replacing a mount", "6.5"))
			error_hint(err, "not where it would spread to other mounts, or where the one that is there is "
				   "locked by another user namespace");
		return -err->code;
	}
	r = detach(l, old);
	return r < 0 ? error_errno(err, r, "take the mount off that is replaced") : 0;
}

static int attach(struct live *l, struct live_mount *v, int mnt, const struct mount_target *t, struct error *err)
{
	struct sys_mount_info info = {0};
	bool mounted = t->st.stx_attributes & STATX_ATTR_MOUNT_ROOT;
	int r;

	if (l->replace && mounted) {
		if (is_directory(mnt) != is_directory(t->fd))
			return not_attached(v, mnt, t->fd, -ENOTDIR, err);
		r = check_known(l, v, t->fd, v->point, err);
		v->replaced = r == 0;
		return r < 0 ? r : replace(l, mnt, t->fd, err);
	}
	r = mount_attach_info(mnt, t->fd, &info);
	if (r < 0)
		return not_attached(v, mnt, t->fd, r, err);
	if (v->m->idmap_where && info.id && !(info.attr & MOUNT_ATTR_IDMAP))
		return error_set(err, EPROTO, "the ids of the mount are not mapped");
	return 0;
}

/* All that the mount is to have, ro as well: nothing is made in it any more. */
static int prepare(struct live *l, struct live_mount *v, const struct mount_target *t, struct error *err)
{
	_cleanup_close_ int mnt = mount_prepare(l->p, v->m, &l->r, &v->source, &v->place, t, err);
	int r = mnt < 0 ? mnt : 0;

	if (r == 0 && v->m->late_readonly)
		r = mount_change_attr(mnt, MOUNT_ATTR_RDONLY, 0, false, err);
	return r < 0 ? r : steal_fd(&mnt);
}

static int place_and_attach(struct live *l, struct live_mount *v, struct mount_target *t, struct error *err)
{
	_cleanup_close_ int mnt = -1;
	int r;

	t->from_parent = v->from_parent;
	if (v->m->kind == MOUNT_BIND && v->source < 0)
		v->source = source_open(v->m, &v->place, &l->r, err);
	if (v->source < 0)
		return v->source;
	r = mount_target_open(v->m, &l->r, v->m->kind == MOUNT_BIND ? v->source : -1, t, err);
	if (r == 0)
		r = read_point(l, t->fd, v->point, err);
	if (r == 0)
		r = check_point(v->point, err);
	if (r < 0)
		return r;
	mnt = prepare(l, v, t, err);
	r = mnt < 0 ? mnt : mount_id(&l->r, mnt, &v->id);
	if (mnt >= 0 && r < 0)
		error_errno(err, r, "look at the mount");
	if (r == 0)
		r = l->announce(l, v, err);
	if (r < 0)
		return r;
	r = attach(l, v, mnt, t, err);
	if (r < 0 && !v->replaced)	/* it may be there all the same: what failed may have been to look at it */
		detach(l, mnt);
	v->mnt = r == 0 ? steal_fd(&mnt) : -1;
	return r;
}

int live_attach(struct live *l, struct live_mount *v, struct error *err)
{
	struct mount_target t = {.fd = -1};
	int r = place_and_attach(l, v, &t, err);

	close_fd(&t.fd);
	return r < 0 ? in_mount(v, err) : 0;
}

/* A name that leads elsewhere by a link would take away what hides files, say. */
static int find(struct live *l, struct live_mount *v, struct error *err)
{
	struct kernel_statx st;
	int r;

	v->mnt = sys_openat2(l->r.root, v->destination, O_PATH | O_CLOEXEC, 0,
			     RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | (MUTATE(T112) ? 0 : RESOLVE_NO_SYMLINKS));
	if (v->mnt == -ELOOP)
		return error_set(err, ELOOP, "a symbolic link is on the way: name the mount by its own path");
	r = v->mnt < 0 ? v->mnt : sys_statx(v->mnt, "", AT_EMPTY_PATH, STATX_TYPE, &st);
	if (r < 0 && r != -ENOENT)
		return error_errno(err, r, "look for the mount");
	v->gone = r < 0 || !(st.stx_attributes & STATX_ATTR_MOUNT_ROOT);
	if (v->gone)
		return error_set(err, ENOENT, "nothing is mounted there any more");
	r = mount_id(&l->r, v->mnt, &v->id);
	if (r < 0)
		return error_errno(err, r, "look at the mount");
	r = read_point(l, v->mnt, v->point, err);
	return r < 0 ? r : check_known(l, v, v->mnt, v->point, err);
}

int live_find(struct live *l, struct live_mount *v, struct error *err)
{
	if (find(l, v, err) == 0)
		return 0;
	if (!l->forgiving)
		return in_mount(v, err);
	*err = (struct error){0};
	close_fd(&v->mnt);
	return 0;
}

/* Gone with one above it that was listed, too? */
static bool is_gone(const struct live *l, const struct live_mount *v)
{
	for (const struct live_mount *w = l->v; w < l->v + l->n; w++) {
		size_t n = strlen(w->destination);

		if (w != v && w->mnt < 0 && strncmp(v->destination, w->destination, n) == 0 &&
		    v->destination[n] == '/')
			return true;
	}
	return false;
}

int live_detach(struct live *l, struct live_mount *v, struct error *err)
{
	int r = v->mnt >= 0 ? detach(l, v->mnt) : 0;

	if (r == -EINVAL && is_gone(l, v))
		r = 0;
	if (r < 0) {
		error_errno(err, r, "unmount it");
		if (r == -EINVAL)
			error_hint(err, "it is locked: it came with other mounts from another user namespace");
		return in_mount(v, err);
	}
	close_fd(&v->mnt);
	return 0;
}

void live_undo(struct live *l)
{
	for (size_t i = l->n; l->p && i-- > 0;)
		if (l->v[i].mnt >= 0 && !l->v[i].replaced)
			detach(l, l->v[i].mnt);
}
