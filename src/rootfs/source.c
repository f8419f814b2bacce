/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bind sources in the order of the list, as if one mount were made after the other.  What lies below the root
 * file system may be covered by an earlier mount, or only be there because of it: it is looked up at its turn,
 * in the container's tree and confined to it, since others have made the names there (rule R1).  What lies
 * elsewhere on the host nobody covers: the parent says what it is (rule R6), and the child clones that very
 * object when it is its turn, so that the mounts also have their order in mountinfo, where newer kernels sort
 * by the time they were made.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "rootfs/mount.h"
#include "sys/mount_api.h"
#include "sys/mutate.h"
#include "util/cleanup.h"
#include "util/path.h"
#include "util/str.h"

/* @flags: O_NOFOLLOW, then the last name may be that of a link. */
static int real_path(const char *path, int flags, char *buf, size_t size)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC | flags);
	char link[40];
	ssize_t n;

	if (fd < 0)
		return -errno;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, buf, size - 1);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return buf[0] == '/' ? 0 : -ENOENT;
}

int source_real_path(const char *path, char *buf, size_t size)
{
	return real_path(path, 0, buf, size);
}

static int nofollow(const struct plan_mount *m, int flag)
{
	return m->options->src_nofollow ? flag : 0;
}

/* What is left of @path below @root: "" or "/a"; NULL when it is elsewhere. */
static const char *below(const char *root, const char *path)
{
	size_t n = strlen(root);

	if (n <= 1 || strncmp(root, path, n) != 0 || (path[n] && path[n] != '/'))
		return NULL;
	return path + n;
}

/* Do the names of @rest and then @path lead above where they begin, if none is a link? */
static bool leaves(const char *rest, const char *path)
{
	const char *const parts[] = {rest, path};
	int depth = 0;

	for (size_t i = 0; i < 2; i++) {
		for (const char *p = parts[i] + strspn(parts[i], "/"); *p;) {
			size_t n = strcspn(p, "/");

			if (n == 2 && strncmp(p, "..", 2) == 0)
				depth--;
			else if (n != 1 || *p != '.')
				depth++;
			if (depth < 0)
				return true;
			p += n;
			p += strspn(p, "/");
		}
	}
	return false;
}

/* The first directory of @path that is in the root, maybe by a link, and what follows. */
static char *find_inside(const char *root, const char *path, int flags)
{
	char prefix[PATH_MAX], real[PATH_MAX];
	size_t n = 0;

	while (path[n] && n < sizeof(prefix)) {
		const char *rest;

		n += 1 + strcspn(path + n + 1, "/");
		if (n >= sizeof(prefix))
			return NULL;
		memcpy(prefix, path, n);
		prefix[n] = '\0';
		if (real_path(prefix, path[n] ? 0 : flags, real, sizeof(real)) < 0)
			return NULL;
		rest = below(root, real);
		if (rest && !leaves(rest, path + n)) {
			char *inside = xmalloc(strlen(rest) + strlen(path + n) + 2);

			strcpy(inside, rest);
			strcat(inside, path + n);
			return inside;
		}
	}
	return NULL;
}

/* procfs shows each process something else. */
static bool is_steady(const char *real, int flags, struct stat *ret)
{
	return !str_starts(real, "/proc/") && fstatat(AT_FDCWD, real, ret, flags) == 0;
}

void source_find(const struct plan_mount *m, const char *root, struct rootfs_source *ret)
{
	char real[PATH_MAX];
	struct stat st, named;
	int flags = nofollow(m, AT_SYMLINK_NOFOLLOW);
	int r = real_path(m->source, nofollow(m, O_NOFOLLOW), real, sizeof(real));

	/* Without links the text tells. */
	if (r == 0 && str_eq(real, m->source) && !below(root, real))
		ret->inside = NULL;
	else
		ret->inside = find_inside(root, m->source, nofollow(m, O_NOFOLLOW));
	if (r < 0 || ret->inside)
		return;
	if (!is_steady(real, flags, &st) || fstatat(AT_FDCWD, m->source, &named, flags) < 0 ||
	    st.st_dev != named.st_dev || st.st_ino != named.st_ino)
		return;
	ret->path = xstrdup(real);
	ret->dev = st.st_dev;
	ret->ino = st.st_ino;
}

int source_read_link(const struct plan_mount *m, struct rootfs_source *place, struct error *err)
{
	_cleanup_close_ int fd = open(m->source, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char text[PATH_MAX];
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return mount_source_error(m, -errno, err);
	if (!S_ISLNK(st.st_mode))
		return 0;
	n = readlinkat(fd, "", text, sizeof(text) - 1);
	if (n < 0)
		return mount_source_error(m, -errno, err);
	text[n] = '\0';
	place->link = xstrdup(text);
	return 0;
}

static int open_inside(const struct plan_mount *m, const char *inside, int root, struct error *err)
{
	_cleanup_close_ int fd = path_open_in_root(root, *inside ? inside : "/", O_PATH | nofollow(m, O_NOFOLLOW));
	int r = fd;

	if (fd >= 0)
		r = mount_clone(fd, "", m->options->recursive);
	if (r >= 0)
		return r;
	mount_source_error(m, r, err);
	return error_hint(err, "it is %s in the root file system of the container, as it is at the turn of this mount",
			  *inside ? inside : "/");
}

static int open_outside(const struct plan_mount *m, const struct rootfs_source *place, const struct rootfs *r,
			struct error *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	fd = mount_clone_source(r, m, place->path);
	if (fd < 0)
		return mount_source_error(m, fd, err);
	if (fstat(fd, &st) < 0)
		return mount_source_error(m, -errno, err);
	if ((st.st_dev != place->dev || st.st_ino != place->ino) && !MUTATE(T24)) {
		error_set(err, ESTALE, "mount source %s: it was replaced while the container was being created",
			  m->source);
		return error_at(err, "/mounts/%u/source", m->index);
	}
	return steal_fd(&fd);
}

static int map_ids(const struct plan_mount *m, struct rootfs_source *place, int take_mnt, struct error *err)
{
	_cleanup_close_ int mnt = take_mnt, map = steal_fd(&place->map);
	int r = mnt < 0 ? mnt : mount_idmap_apply(m, mnt, map, err);

	return r < 0 ? r : steal_fd(&mnt);
}

static int ask_for_ids(const struct rootfs *r, int take_mnt, struct error *err)
{
	_cleanup_close_ int mnt = take_mnt;
	int ret = mnt < 0 ? mnt : r->ask_for_ids(r->ask_ctx, mnt, err);

	return ret < 0 ? ret : steal_fd(&mnt);
}

int source_open(const struct plan_mount *m, struct rootfs_source *place, const struct rootfs *r, struct error *err)
{
	if (place && place->early >= 0)
		return steal_fd(&place->early);
	if (place && place->ask)
		return ask_for_ids(r, open_inside(m, place->inside, r->root, err), err);
	if (place && place->inside && place->map >= 0)
		return map_ids(m, place, open_inside(m, place->inside, r->root, err), err);
	if (place && place->inside)
		return open_inside(m, place->inside, r->root, err);
	if (!place || !place->path)
		return mount_open_source(m, err);
	return open_outside(m, place, r, err);
}

int source_open_early(const struct plan_mount *m, struct rootfs_source *place, struct error *err)
{
	if (!place->path || !str_eq(place->path, "/") || !m->options->recursive)
		return 0;
	place->early = open_outside(m, place, NULL, err);
	return place->early < 0 ? place->early : 0;
}
