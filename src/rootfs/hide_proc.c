/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Without pivot_root(2) the host's tree stays in the mount namespace, below the container's.  As long as
 * a whole procfs or sysfs is mounted there, the kernel lets a process of a new user namespace mount one
 * more (mount_too_revealing in fs/namespace.c), without the container's masks and read-only paths.  So
 * they go, or something lies on them.  Container process.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rootfs/mount.h"
#include "sys/mount_api.h"
#include "util/cleanup.h"
#include "util/mem.h"
#include "util/mountinfo.h"
#include "util/str.h"

struct table {
	struct strbuf text;
	struct mountinfo *v;
	size_t n, room;
};

static void table_free(struct table *t)
{
	strbuf_free(&t->text);
	free(t->v);
}

static int read_table(int proc, struct table *t)
{
	int r = mountinfo_read(proc, "self/mountinfo", &t->text);
	char *rest = t->text.data, *text;

	while (r == 0 && rest && (text = strsep(&rest, "\n"))) {
		if (t->n == t->room) {
			t->room = t->room ? 2 * t->room : 64;
			t->v = xrealloc(t->v, t->room, sizeof(*t->v));
		}
		if (mountinfo_parse(text, &t->v[t->n]))
			t->n++;
	}
	return r;
}

/* Does it show a whole procfs or sysfs? */
static bool shows(const struct mountinfo *m)
{
	return str_eq(m->type, "proc") || str_eq(m->type, "sysfs");
}

/* Below the container's root. */
static bool is_inside(const struct table *t, const struct mountinfo *l, uint64_t root)
{
	for (size_t depth = 0; l && depth <= t->n; depth++) {
		uint64_t parent = l->parent;

		if (l->id == root)
			return true;
		l = NULL;
		for (size_t i = 0; !l && i < t->n; i++)
			if (t->v[i].id == parent)
				l = &t->v[i];
	}
	return false;
}

static int cover(const char *path, struct error *err)
{
	const struct mount_fs fs = {
		.fstype = "tmpfs", .source = "tmpfs", .mode = "0",
		.attr = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
	};
	_cleanup_close_ int mnt = mount_new_fs(&fs, err);
	int r;

	if (mnt < 0)
		return mnt;
	r = sys_move_mount(mnt, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
	/* It went away together with the mount that it lay on. */
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	return r < 0 ? error_errno(err, r, "cover %s of the host", path) : 0;
}

/* What a user namespace has locked cannot be detached: mount_namespaces(7). */
static int hide(const char *path, struct error *err)
{
	if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0 || errno == ENOENT || errno == ENOTDIR)
		return 0;
	if (errno != EINVAL && errno != EPERM)
		return error_errno(err, errno, "detach %s of the host", path);
	return cover(path, err);
}

static bool is_covered(const struct table *t, const struct mountinfo *l)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].parent == l->id && str_eq(t->v[i].point, l->point))
			return true;
	return false;
}

static int check_hidden(int proc, uint64_t root, struct error *err)
{
	_cleanup_(table_free) struct table t = {0};
	int r = read_table(proc, &t);

	if (r < 0)
		return error_errno(err, r, "read the mounts of the host");
	for (size_t i = 0; i < t.n; i++)
		if (shows(&t.v[i]) && !is_inside(&t, &t.v[i], root) && !is_covered(&t, &t.v[i]))
			return error_set(err, EPROTO, "%s of the host cannot be hidden from the container "
					 "(do without --no-pivot)", t.v[i].point);
	return 0;
}

int mount_hide_proc(int proc, int root, struct error *err)
{
	_cleanup_(table_free) struct table t = {0};
	struct kernel_statx st;
	int r = read_table(proc, &t);

	if (r < 0)
		return error_errno(err, r, "read the mounts of the host");
	r = sys_statx(root, "", AT_EMPTY_PATH, STATX_MNT_ID, &st);
	if (r < 0)
		return error_errno(err, r, "look at the root file system");
	if (!(st.stx_mask & STATX_MNT_ID))
		return error_set(err, ENOSYS, "the kernel does not tell which mounts are those of the host "
				 "(Linux 5.8 does)");
	for (size_t i = 0; r == 0 && i < t.n; i++)
		if (shows(&t.v[i]) && !is_inside(&t, &t.v[i], st.stx_mnt_id))
			r = hide(t.v[i].point, err);
	return r < 0 ? r : check_hidden(proc, st.stx_mnt_id, err);
}
