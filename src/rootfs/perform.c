/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One mount of config.json: from its place in the plan to its place in the tree.  Container
 * process. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "rootfs/mount.h"
#include "sys/mount_api.h"
#include "sys/mutate.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/path.h"
#include "util/str.h"
#include "util/trace.h"

static bool has_key(const struct strings *words, const char *key)
{
	for (size_t i = 0; i < words->n; i++)
		if (str_starts(words->v[i], key))
			return true;
	return false;
}

/* A directory of the image that has a mode of its own (1777 of /tmp) keeps it. */
static bool keeps_mode(const struct plan_mount *m, const struct mount_target *t)
{
	return str_eq(m->fstype, "tmpfs") && !t->made && !has_key(&m->data, "mode=");
}

static int make_fs(const struct plan_rootfs *p, const struct plan_mount *m, const struct rootfs *rootfs,
		   const struct mount_target *t, struct error *err)
{
	char mode[16];
	int r;

	snprintf(mode, sizeof(mode), "%o", t->st.stx_mode & 07777u);
	r = mount_open_fs(p, m, keeps_mode(m, t) ? mode : NULL, rootfs, err);
	if (r == -EINVAL && str_eq(m->fstype, "devpts") && has_key(&m->data, "gid="))
		error_hint(err, "is the group of gid= mapped into the user namespace?");
	return r;
}

/* A file system that the parent made, because it is id-mapped. */
static int take_fs(const struct plan_mount *m, const struct mount_target *t, int *source,
		   struct error *err)
{
	_cleanup_close_ int dir = -1;

	if (!keeps_mode(m, t))
		return steal_fd(source);
	dir = fd_openat(*source, ".", O_RDONLY | O_DIRECTORY, 0);
	if (dir < 0 || fchmod(dir, t->st.stx_mode & 07777u) < 0)
		return error_errno(err, dir < 0 ? dir : errno, "give it the mode of the mount point "
				   "(mode= in the options sets another)");
	return steal_fd(source);
}

/* The host's tree at @path instead of a file system of our own, with the flags on all of it. */
static int clone_instead(const char *path, const struct plan_mount *m, const struct rootfs *rootfs, bool readonly,
			 struct error *err)
{
	_cleanup_close_ int fd = outside_clone(rootfs, path, AT_RECURSIVE);
	uint64_t set = mount_early_attr(m) & ~(uint64_t)MOUNT_ATTR__ATIME;
	int r;

	*err = (struct error){0};
	if (fd < 0)
		return error_errno(err, fd, "bind %s of the host instead", path);
	if (readonly)
		set |= MOUNT_ATTR_RDONLY;
	r = mount_change_attr(fd, set, 0, true, err);
	return r < 0 ? r : steal_fd(&fd);
}

static int make_sysfs(const struct plan_rootfs *p, const struct plan_mount *m, const struct rootfs *r,
		      const struct mount_target *t, struct error *err)
{
	int fd = make_fs(p, m, r, t, err);

	if (fd >= 0)
		return fd;
	fd = mount_excuse_sysfs(p, m, r, err);
	return fd < 0 ? fd : clone_instead("/sys", m, r, false, err);
}

/* PROC_CGROUP_INIT_INO: the first cgroup namespace, that of the host. */
#define FIRST_CGROUP_NS 0xEFFFFFFBu

/*
 * To mount cgroup2 in the host's cgroup namespace would set its options (nsdelegate, memory_recursiveprot) for
 * the whole host: apply_cgroup_root_flags() in kernel/cgroup/cgroup.c.
 */
static bool has_own_cgroups(const struct plan_rootfs *p, const struct rootfs *r)
{
	_cleanup_close_ int ns = p->joined_cgroupns ? mount_open_cgroupns(r) : -1;
	struct stat st;

	if (!p->joined_cgroupns)
		return p->new_cgroupns;
	return ns >= 0 && fstat(ns, &st) == 0 && st.st_ino != FIRST_CGROUP_NS;
}

/*
 * cgroup2 as seen from our own cgroup namespace, or where that is refused a bind of the container's own
 * cgroup.  Without a namespace a bind of the host's tree; as a last resort that one too, but read-only.
 */
static int make_cgroup2(const struct plan_rootfs *p, const struct plan_mount *m, const struct rootfs *rootfs,
			int *source, struct error *err)
{
	struct mount_fs fs = {
		.fstype = "cgroup2",
		.source = m->source ? m->source : "cgroup",
		.flags = &m->options->sb_flags,
		.data = &m->data,
		.seen_by = rootfs,
		.seen_at = mount_seen_at(p, "cgroup2"),
		.attr = MUTATE(T91) ? 0 : mount_early_attr(m) | (p->cgroup_readonly ? MOUNT_ATTR_RDONLY : 0),
	};
	bool own = p->new_cgroupns || p->joined_cgroupns;
	int r;

	if (has_own_cgroups(p, rootfs)) {
		r = mount_new_fs(&fs, err);
		if (r >= 0)
			return r;
		r = mount_excuse_cgroup2(p, m, rootfs, *source >= 0, err);
		if (r < 0)
			return r;
	}
	if (*source < 0)
		return clone_instead(p->cgroup_tree, m, rootfs, own || p->cgroup_readonly, err);
	if (p->joined_cgroupns)
		fs.attr |= MOUNT_ATTR_RDONLY;
	r = mount_isolate(p, m, *source, err);
	if (r == 0)
		r = mount_change_attr(*source, fs.attr, m->options->attr_clr & ~fs.attr, !own, err);
	return r < 0 ? r : steal_fd(source);
}

static int make_mount(const struct plan_rootfs *p, const struct plan_mount *m, const struct rootfs *r, int *source,
		      bool from_parent, struct rootfs_source *place, const struct mount_target *t,
		      struct error *err)
{
	if (r->entered && m->kind != MOUNT_BIND)
		return take_fs(m, t, source, err);
	switch (m->kind) {
	case MOUNT_BIND:
		return mount_make_bind(p, m, r, source, from_parent, place, err);
	case MOUNT_FS:
		return from_parent ? take_fs(m, t, source, err) : make_fs(p, m, r, t, err);
	case MOUNT_CGROUP2:
		return make_cgroup2(p, m, r, source, err);
	case MOUNT_SYSFS:
		return make_sysfs(p, m, r, t, err);
	case MOUNT_REMOUNT:
		break;
	}
	return error_set(err, EINVAL, "unknown kind of mount");
}

/* What comes on top of the plain attributes, for a mount of any kind. */
static int finish(const struct plan_mount *m, int mnt, struct error *err)
{
	const struct oci_mount_options *o = m->options;
	int r = 0;

	if (m->kind != MOUNT_BIND)
		r = mount_change_attr(mnt, o->rattr_set, o->rattr_clr, true, err);
	for (size_t i = 0; r == 0 && i < o->n_propagation; i++) {
		r = mount_set_propagation(mnt, o->propagation[i]);
		if (r < 0)
			error_errno(err, r, "set the propagation");
	}
	return r;
}

static void keep_for_late(struct rootfs *r, const struct plan_mount *m, int *mnt)
{
	if (!m->late_readonly)
		return;
	r->late = xrealloc(r->late, r->n_late + 1, sizeof(*r->late));
	r->late[r->n_late++] = steal_fd(mnt);
}

static bool is_directory(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

static int attach(const struct plan_mount *m, int mnt, const struct mount_target *t, struct rootfs *rootfs,
		  struct error *err)
{
	struct sys_mount_info info;
	int target = t->fd, r = mount_attach_info(mnt, target, &info);
	bool dir;

	if (r == 0 && m->kind == MOUNT_BIND && !(mount_wanted_propagation(m) & MS_SHARED) && info.id &&
	    (info.propagation & MS_SHARED))
		r = -EPROTO;
	if (r == 0 && m->idmap_where && info.id && !(info.attr & MOUNT_ATTR_IDMAP))
		return error_set(err, EPROTO, "the ids of the mount are not mapped");
	if (r == 0)
		return place_add(rootfs, m, mnt, info.id,
				 t->st.stx_attributes & STATX_ATTR_MOUNT_ROOT ? t->st.stx_mnt_id : 0, err);
	dir = is_directory(mnt);
	/* move_mount(2) calls this EINVAL, among other things. */
	if (dir == is_directory(target))
		return error_hint_limits(err, error_errno(err, r, "attach the mount"));
	/* Docker knows these words of the kernel, and takes "is a directory" for a program that is one. */
	return error_errno(err, ENOTDIR, "%s, %s, cannot be mounted on %s",
			   m->kind == MOUNT_BIND ? m->source : "the mount", dir ? "a directory" : "a file",
			   dir ? "a file" : "a directory");
}

static int perform_remount(const struct plan_mount *m, struct rootfs *r, struct mount_target *t,
			   struct error *err)
{
	int ret;

	if (m->data.n || m->options->sb_flags.n)
		return error_set(err, EOPNOTSUPP,
				 "remount with options of the file system (%s) is not supported",
				 m->data.n ? m->data.v[0] : m->options->sb_flags.v[0]);
	if (!(t->st.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return error_set(err, EINVAL, "remount: nothing is mounted there");
	ret = mount_change_attr(t->fd, mount_early_attr(m), m->options->attr_clr, false, err);
	if (ret == 0)
		ret = finish(m, t->fd, err);
	if (ret == 0)
		keep_for_late(r, m, &t->fd);
	return ret;
}

int mount_prepare(const struct plan_rootfs *p, const struct plan_mount *m, const struct rootfs *r, int *source,
		  struct rootfs_source *place, const struct mount_target *t, struct error *err)
{
	bool from_parent = t->from_parent;
	_cleanup_close_ int mnt = make_mount(p, m, r, source, from_parent, place, t, err);
	int ret = 0;

	if (mnt < 0)
		return mnt;
	if (m->options->tmpcopyup && !t->made)
		ret = mount_copy_up(m, t->fd, mnt, r->proc, err);
	if (ret == 0)
		ret = finish(m, mnt, err);
	return ret < 0 ? ret : steal_fd(&mnt);
}

/* copy-symlink: the same link, whatever it leads to in the container. */
static int perform_link(const struct plan_mount *m, const char *text, const struct rootfs *rootfs, struct error *err)
{
	char there[PATH_MAX];
	const char *name;
	_cleanup_close_ int dir = path_parent_in_root(rootfs->root, m->destination, &name);
	ssize_t n;

	if (dir < 0)
		return error_errno(err, dir, "mount point");
	if (symlinkat(text, dir, name) == 0)
		return 0;
	if (errno != EEXIST)
		return error_errno(err, -errno, "make the link to %s", text);
	n = readlinkat(dir, name, there, sizeof(there));
	if (n >= 0 && (size_t)n == strlen(text) && strncmp(there, text, (size_t)n) == 0)
		return 0;
	return error_set(err, EEXIST, "copy-symlink: %s is there already, and is no link to %s", m->destination, text);
}

static int perform(const struct plan_rootfs *p, const struct plan_mount *m, int *source,
		   struct rootfs_source *place, struct rootfs *r, struct mount_target *t,
		   struct error *err)
{
	_cleanup_close_ int mnt = -1;
	int ret;

	if (place && place->link)
		return perform_link(m, place->link, r, err);
	t->from_parent = *source >= 0;
	if (m->idmap_where && !t->from_parent && (!place || place->map < 0))
		return error_set(err, EPERM, "an id-mapped mount is not possible here");
	if (m->kind == MOUNT_BIND && *source < 0)
		*source = source_open(m, place, r, err);
	if (m->kind == MOUNT_BIND && *source < 0)
		return *source;
	ret = mount_target_open(m, r, m->kind == MOUNT_BIND ? *source : -1, t, err);
	if (ret < 0)
		return ret;
	if (m->kind == MOUNT_REMOUNT)
		return perform_remount(m, r, t, err);
	mnt = mount_prepare(p, m, r, source, place, t, err);
	if (mnt < 0)
		return mnt;
	ret = attach(m, mnt, t, r, err);
	if (ret == 0)
		keep_for_late(r, m, &mnt);
	return ret;
}

int mount_perform(const struct plan_rootfs *p, const struct plan_mount *m, int take_source,
		  struct rootfs_source *place, struct rootfs *r, struct error *err)
{
	TRACE("mount", m->destination);
	_cleanup_close_ int source = take_source;
	struct mount_target t = {.fd = -1};
	int ret = perform(p, m, &source, place, r, &t, err);

	if (t.fd >= 0)
		close(t.fd);
	if (ret < 0) {
		error_in(err, "mount %s", m->destination);
		error_path(err, m->destination);
		error_at(err, "/mounts/%u", m->index);
	}
	return ret;
}
