/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Types of file systems; places of mounts and devices in the root file system: what is there, or that it cannot be
 * made there.  What a file system shows that is only mounted with the container is not known.
 */
#include "report/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/fd.h"

/* "fuse.sshfs" is one of "fuse"; no others have such names: get_fs_type(), FS_HAS_SUBTYPE */
static bool is_type(const char *have, const char *type)
{
	size_t n = str_starts(type, "fuse") ? strcspn(type, ".") : strlen(type);

	return strlen(have) == n && strncmp(have, type, n) == 0;
}

static const char *near_type(const struct strings *have, const char *type)
{
	const char *near = NULL;
	unsigned least = NAME_NEAR;

	for (size_t i = 0; i < have->n; i++)
		if (name_is_nearer(have->v[i], type, &least))
			near = have->v[i];
	return near;
}

static void check_type(struct check *c, const struct plan_mount *m)
{
	const struct host *h = &c->bundle.host;
	const char *near;
	char where[64];

	for (size_t i = 0; i < h->filesystems.n; i++)
		if (is_type(h->filesystems.v[i], m->fstype))
			return;
	near = near_type(&h->filesystems, m->fstype);
	snprintf(where, sizeof(where), "/mounts/%u/type", m->index);
	check_note(c, !h->all_filesystems, where, "the kernel has no file system type `%s`, %s%s%s%s", m->fstype,
		   h->all_filesystems ? "and no module for it"
				      : "unless a module brings it: there is no modules.alias that would tell",
		   near ? " (did you mean `" : "", near ? near : "", near ? "`?)" : "");
}

void check_types(struct check *c)
{
	const struct plan_rootfs *rf = &c->plan->rootfs;

	for (size_t i = 0; c->bundle.host.filesystems.n && i < rf->n_mounts; i++)
		if (rf->mounts[i].kind == MOUNT_FS)
			check_type(c, &rf->mounts[i]);
}

/* What lies on a place can have another than its name says. */
static bool has_odd_place(const struct plan_mount *m)
{
	return m->kind == MOUNT_REMOUNT || m->options->copy_symlink || m->options->src_nofollow ||
	       m->options->dest_nofollow;
}

/* 1: a directory, 0: a file, -1: not known. */
static int is_directory(const struct check *c, const struct plan_mount *m)
{
	struct stat st;

	if (m->kind != MOUNT_BIND)
		return 1;
	if (!c->bundle.host.here || check_is_of_the_container(c->plan, (size_t)(m - c->plan->rootfs.mounts)) ||
	    fstatat(AT_FDCWD, m->source, &st, 0) < 0)
		return -1;
	return S_ISDIR(st.st_mode);
}

static void check_kinds(struct check *c, const struct plan_mount *m, int fd, const char *where)
{
	static const char *const names[] = {"a file", "a directory"};
	int dir = is_directory(c, m);
	struct stat st;

	if (dir < 0 || fstat(fd, &st) < 0 || S_ISDIR(st.st_mode) == dir)
		return;
	check_note(c, false, where, "%s is %s: %s, which is %s, cannot be mounted on it", m->destination,
		   names[!dir], m->kind == MOUNT_BIND ? m->source : m->fstype, names[dir]);
}

/* Of what cannot be made, @r; those of which nobody knows, or who runs it may do more, are left out. */
static void check_making(struct check *c, const char *path, int r, const char *where)
{
	if (r == -ENOTDIR)
		check_note(c, false, where, "%s cannot be made: a file is on the way to it, not a directory", path);
	else if (r == -ELOOP)
		check_note(c, false, where, "%s cannot be reached: symbolic links of its path lead in a circle, or are "
			   "more than 40", path);
	else if (r == -EROFS && c->bundle.host.here)
		check_note(c, false, where, "%s is not there, and cannot be made: the root file system is on a mount "
			   "that is read-only", path);
}

static void check_mount(struct check *c, const struct inside *in, size_t i)
{
	const struct plan_mount *m = &c->plan->rootfs.mounts[i], *below;
	_cleanup_close_ int fd = -1;
	char where[64];

	snprintf(where, sizeof(where), "/mounts/%u/destination", m->index);
	if (has_odd_place(m))
		return;
	fd = inside_place(in, i, m->destination, &below);
	if (fd >= 0)
		check_kinds(c, m, fd, where);
	else
		check_making(c, m->destination, fd, where);
}

/* File systems of the kernel that take no files of others. */
static bool takes_nothing(const struct plan_mount *m)
{
	static const char *const types[] = {"cgroup2", "devpts", "mqueue", "proc", "sysfs"};

	for (size_t i = 0; m && m->kind != MOUNT_BIND && m->fstype && i < ARRAY_SIZE(types); i++)
		if (str_eq(m->fstype, types[i]))
			return true;
	return false;
}

static void check_device(struct check *c, const struct inside *in, const struct plan_device *d)
{
	_cleanup_free_ char *dir = xstrndup(d->path, (size_t)(strrchr(d->path, '/') - d->path));
	const struct plan_mount *m = NULL;
	_cleanup_close_ int fd = inside_place(in, c->plan->rootfs.n_mounts, *dir ? dir : "/", &m);
	struct stat st;

	if (takes_nothing(m))
		check_note(c, false, d->where, "%s: a file system of the type %s takes no device nodes", d->path,
			   m->fstype);
	else if (fd < 0)
		check_making(c, d->path, fd, d->where);
	else if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
		check_making(c, d->path, -ENOTDIR, d->where);
}

void check_mounts(struct check *c, const struct inside *in)
{
	const struct plan_rootfs *rf = &c->plan->rootfs;

	for (size_t i = 0; i < rf->n_mounts; i++)
		check_mount(c, in, i);
	for (size_t i = 0; i < rf->n_devices; i++)
		if (rf->devices[i].where[0])
			check_device(c, in, &rf->devices[i]);
}
