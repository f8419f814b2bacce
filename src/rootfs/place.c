/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the mounts are that we have made.  A mount point is a directory that others may rename: hooks, and who
 * shares the root file system.  The mount then goes along, with all that it shows, and something else is at its
 * path.  So what belongs into a mount is looked up below it, and at the end each is where the plan wants it.
 * Container process.
 *
 * On top of ours may lie what a later line of the plan or a hook has mounted there: that is seen by the
 * container, and ours is not.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "rootfs/mount.h"
#include "sys/mount_api.h"
#include "util/cleanup.h"
#include "util/mountinfo.h"
#include "util/path.h"
#include "util/str.h"

int mount_id(const struct rootfs *r, int fd, uint64_t *ret)
{
	unsigned mask = r->statmount ? STATX_MNT_ID_UNIQUE : STATX_MNT_ID;
	struct kernel_statx st;
	int ret_x = sys_statx(fd, "", AT_EMPTY_PATH, mask, &st);

	if (ret_x < 0)
		return ret_x;
	*ret = st.stx_mnt_id;
	return st.stx_mask & mask ? 0 : -EPROTO;
}

int place_add(struct rootfs *r, const struct plan_mount *m, int mnt, uint64_t id, uint64_t over,
	      struct error *err)
{
	struct placed *p = r->placed;
	int ret = id ? 0 : mount_id(r, mnt, &id);

	if (ret < 0)
		return error_errno(err, ret, "look at the mount");
	for (size_t i = 0; i < r->n_placed; i++)
		if (p[i].id == over)
			p[i].covered = r->n_placed;
	r->placed = p = xrealloc(p, r->n_placed + 1, sizeof(*p));
	p += r->n_placed++;
	*p = (struct placed){.m = m, .id = id, .base = -1, .link = m->options->src_nofollow && mount_is_link(mnt)};
	p->nofollow = m->options->dest_nofollow || p->link;
	return 0;
}

void place_free(struct rootfs *r)
{
	for (size_t i = 0; i < r->n_placed; i++)
		if (r->placed[i].base >= 0)
			close(r->placed[i].base);
	free(r->placed);
	r->placed = NULL;
	r->n_placed = 0;
}

/* ---- mount points as text: only when something is not simply at its path ----------------------- */

/* Without statmount(2): a line of mountinfo, which has the ids of STATX_MNT_ID. */
static int read_point(const struct rootfs *r, uint64_t id, char *buf, size_t size, struct error *err)
{
	_cleanup_(strbuf_free) struct strbuf text = {0};
	_cleanup_close_ int own = r->proc >= 0 ? -1 : rootfs_private_proc(r, err);
	char *rest, *line;
	int ret;

	if (r->proc < 0 && own < 0)
		return own;
	ret = mountinfo_read(r->proc >= 0 ? r->proc : own, "self/mountinfo", &text);
	if (ret < 0)
		return error_errno(err, ret, "read the mounts of the container");
	for (rest = text.data; (line = strsep(&rest, "\n"));) {
		struct mountinfo m;

		if (!mountinfo_parse(line, &m) || m.id != id)
			continue;
		if (strlen(m.point) < size)
			strcpy(buf, m.point);
		return 0;
	}
	return 0;
}

/* Where the mount @id is; "" when it is nowhere, or at too long a path. */
static int find_point(const struct rootfs *r, uint64_t id, char *buf, size_t size, struct error *err)
{
	struct sys_mount_info info;
	int ret;

	buf[0] = '\0';
	if (!r->statmount)
		return read_point(r, id, buf, size, err);
	ret = sys_statmount(id, &info);
	if (ret == -ENOENT)
		return 0;
	if (ret < 0)
		return error_errno(err, ret, "look at the mount");
	if (strlen(info.point) < size)
		strcpy(buf, info.point);
	return 0;
}

static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* Does a mount of a later line lie on a directory above @point, so that nobody comes there? */
static int is_hidden(const struct rootfs *r, const struct placed *p, const char *point, struct error *err)
{
	char above[PLACE_MAX];

	for (const struct placed *q = p + 1; q < r->placed + r->n_placed; q++) {
		int ret = find_point(r, q->id, above, sizeof(above), err);

		if (ret < 0)
			return ret;
		if (above[0] && is_below(point, above))
			return 1;
	}
	return 0;
}

static bool is_of_kernel(const struct plan_mount *m)
{
	return m->kind == MOUNT_SYSFS || (m->kind == MOUNT_FS && str_eq(m->fstype, "proc"));
}

static int moved(const struct placed *p, const char *point, struct error *err)
{
	error_set(err, ESTALE, "the mount at %s is no more where it was mounted", p->m->destination);
	if (point[0])
		error_hint(err, "it is at %s now: does a hook, or another user of the root file system, rename its "
			   "directories?", point);
	else
		error_hint(err, "it is gone: does a hook, or another user of the root file system, take it away?");
	return error_at(err, "/mounts/%u", p->m->index);
}

/*
 * What one comes to at the path of @p: the mount itself, or one that lies on it.  A descriptor; -ENOENT without
 * an error when later lines of the plan hide it.
 */
static int open_top(const struct rootfs *r, const struct placed *p, struct error *err)
{
	/* As when it was mounted: perform.c */
	int flags = O_PATH | (is_of_kernel(p->m) ? O_DIRECTORY | O_NOFOLLOW : p->nofollow ? O_NOFOLLOW : 0);
	_cleanup_close_ int fd = path_open_in_root(r->root, p->m->destination, flags);
	char ours[PLACE_MAX], top[PLACE_MAX] = "";
	uint64_t id = 0;
	int ret = fd >= 0 ? mount_id(r, fd, &id) : fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP ? 0 : fd;

	if (ret < 0)
		return error_errno(err, ret, "look for the mount at %s", p->m->destination);
	if (fd >= 0 && id == p->id)
		return steal_fd(&fd);
	ret = find_point(r, p->id, ours, sizeof(ours), err);
	if (ret == 0 && fd >= 0)
		ret = find_point(r, id, top, sizeof(top), err);
	if (ret < 0)
		return ret;
	if (ours[0] && str_eq(ours, top))
		return steal_fd(&fd);
	ret = ours[0] ? is_hidden(r, p, ours, err) : 0;
	if (ret < 0)
		return ret;
	return ret ? -ENOENT : moved(p, ours, err);
}

/* ---- what the others ask ---------------------------------------------------------------------- */

static struct placed *find_base(const struct rootfs *r, const char *path)
{
	struct placed *found = NULL;

	for (size_t i = 0; i < r->n_placed; i++)
		if (is_below(path, r->placed[i].m->destination))
			found = &r->placed[i];
	while (found && found->covered)
		found = &r->placed[found->covered];
	return found;
}

int place_base(struct rootfs *r, const char *path, struct place *ret, struct error *err)
{
	struct placed *p = find_base(r, path);

	*ret = (struct place){.dir = r->root, .path = path + 1};
	if (!p || !is_below(path, p->m->destination))
		return 0;
	if (p->link) {
		error_set(err, ELOOP, "a symbolic link is mounted at %s", p->m->destination);
		return error_hint(err, "name the path that it leads to");
	}
	if (p->base < 0)
		p->base = open_top(r, p, err);
	if (p->base < 0)
		return p->base == -ENOENT && !err->code ? 0 : p->base;
	ret->dir = p->base;
	ret->path = path + strlen(p->m->destination);
	ret->path += *ret->path == '/';
	ret->in_mount = true;
	ret->of_kernel = is_of_kernel(p->m);
	return 0;
}

/* statmount(2) tells the whole path below our root, which is the host's still. */
static int check_by_point(const struct placed *p, const char *root, struct error *err)
{
	size_t n = str_eq(root, "/") ? 0 : strlen(root);
	struct sys_mount_info info = {0};
	int ret = sys_statmount(p->id, &info);

	if (ret < 0 && ret != -ENOENT)
		return error_errno(err, ret, "look at the mount at %s", p->m->destination);
	return ret == 0 && root[0] && strncmp(info.point, root, n) == 0 && str_eq(info.point + n, p->m->destination);
}

int places_check(const struct rootfs *r, struct error *err)
{
	struct sys_mount_info root = {0};
	int ret = r->statmount && r->n_placed ? sys_mount_info(r->root, &root) : 0;

	if (ret < 0)
		return error_errno(err, ret, "look at the root file system");
	for (const struct placed *p = r->placed; p < r->placed + r->n_placed; p++) {
		int fd;

		ret = !p->covered && r->statmount ? check_by_point(p, root.point, err) : p->covered != 0;
		if (ret > 0)
			continue;
		fd = ret < 0 ? ret : open_top(r, p, err);
		if (fd >= 0)
			close(fd);
		else if (err->code)
			return fd;
	}
	return 0;
}
