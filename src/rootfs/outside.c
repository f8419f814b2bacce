/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of the host, once the container process is in a mount namespace that has none of them: for the moment of a
 * system call it is where they are.  What is cloned there is made in its turn, as newer kernels sort mountinfo by the
 * time a mount was made.  Who has power over the host's mount namespace goes back to it.  Who has not, in a user
 * namespace, has made views before: mount namespaces that begin with some directory of the host, whose mounts are
 * locked there as in a copy of all.  Container process.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "rootfs/mount.h"
#include "sys/mount_api.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/mem.h"

#define PIDFD_GET_MNT_NAMESPACE 3	/* linux/pidfd.h, without its type */

static int enter(int ns)
{
	return setns(ns, CLONE_NEWNS) < 0 ? -errno : 0;
}

/* ---- leaving ---------------------------------------------------------------------------------- */

/* What is left of @path below that of @v, "" or "a/b"; NULL: it is elsewhere. */
static const char *below(const struct outside_view *v, const char *path)
{
	if (strncmp(v->dir, path, v->len) != 0 || (v->len > 1 && path[v->len] && path[v->len] != '/'))
		return NULL;
	path += v->len;
	return *path == '/' ? path + 1 : path;
}

static const struct outside_view *find_view(const struct outside *o, const char *path)
{
	for (size_t i = 0; i < o->n_views; i++)
		if (below(&o->views[i], path))
			return &o->views[i];
	return NULL;
}

static int open_view(const char *dir)
{
	return sys_open_tree(AT_FDCWD, dir, OPEN_TREE_NAMESPACE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
}

void outside_view(struct outside *o, const char *path)
{
	struct outside_view v = {0};

	if (find_view(o, path))
		return;
	v.dir = xstrdup(path);
	v.ns = open_view(v.dir);
	if (v.ns == -ENOTDIR) {
		char *slash = strrchr(v.dir, '/');

		slash[slash == v.dir] = '\0';
		v.ns = open_view(v.dir);
	}
	v.len = strlen(v.dir);
	o->views = xrealloc(o->views, o->n_views + 1, sizeof(*o->views));
	o->views[o->n_views++] = v;
}

static int open_own_namespace(void)
{
	_cleanup_close_ int self = sys_pidfd_open(getpid(), 0);
	int ns = self < 0 ? self : ioctl(self, PIDFD_NAMESPACE_IOCTL(PIDFD_GET_MNT_NAMESPACE), 0);

	return self >= 0 && ns < 0 ? -errno : ns;
}

/* setns(2) gives the root of the namespace: the host's names begin at the root that we have here, maybe a chroot. */
static int remember(struct outside *o, struct error *err)
{
	int r;

	o->host_root = fd_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	o->host_ns = open_own_namespace();
	r = o->host_root < 0 ? o->host_root : o->host_ns;
	return r < 0 ? error_errno(err, r, "take hold of the mount namespace of the host") : 0;
}

int outside_leave(struct outside *o, int take_own, bool foreign, struct error *err)
{
	int r;

	o->own_ns = take_own;
	r = foreign ? 0 : remember(o, err);
	if (r < 0)
		return r;
	r = enter(o->own_ns);
	if (r < 0)
		return error_errno(err, r, "enter the mount namespace of the container");
	o->away = true;
	return 0;
}

void outside_forget(struct outside *o)
{
	int *const fds[] = {&o->host_ns, &o->host_root, &o->own_ns};

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
	for (size_t i = 0; i < o->n_views; i++) {
		if (o->views[i].ns >= 0)
			close(o->views[i].ns);
		free(o->views[i].dir);
	}
	free(o->views);
	o->views = NULL;
	o->n_views = 0;
}

/* ---- and back for a moment ---------------------------------------------------------------------- */

/* Then @path is *ret below @dir. */
static int go(const struct outside *o, const char *path, int *dir, const char **ret)
{
	const struct outside_view *v;
	int r;

	if (o->host_ns >= 0) {
		*dir = o->host_root;
		*ret = path + 1;
		return enter(o->host_ns);
	}
	v = find_view(o, path);
	if (!v || v->ns < 0)
		return v ? v->ns : -ENOENT;
	r = enter(v->ns);
	*dir = AT_FDCWD;	/* our root, which is our directory */
	*ret = *below(v, path) ? below(v, path) : ".";
	return r;
}

static int tree_at(int dir, const char *path, unsigned flags)
{
	return sys_open_tree(dir, path, flags | OPEN_TREE_CLOEXEC | (unsigned)(*path ? 0 : AT_EMPTY_PATH));
}

/*
 * In a clone may be files of mount namespaces, as of snapd, and those of older ones than ours cannot be attached
 * (ELOOP).  A copy that is a namespace, as a view is, leaves them out, as the copy of all the host's mounts would.
 */
static int clone_all_below(int dir, const char *path, unsigned flags)
{
	_cleanup_close_ int ns = tree_at(dir, path, flags | OPEN_TREE_NAMESPACE | AT_RECURSIVE);
	int r;

	if (ns == -ENOTDIR)	/* below a file there is nothing */
		return tree_at(dir, path, flags | OPEN_TREE_CLONE);
	r = ns < 0 ? ns : enter(ns);
	return r < 0 ? r : mount_clone(AT_FDCWD, "/", true);
}

int outside_clone(const struct rootfs *r, const char *path, unsigned flags)
{
	_cleanup_close_ int fd = -1;
	const char *rest;
	int ret, dir;

	if (!r || !r->outside.away)
		return tree_at(AT_FDCWD, path, flags | OPEN_TREE_CLONE);
	ret = go(&r->outside, path, &dir, &rest);
	if (ret < 0)
		return ret;
	if ((flags & AT_RECURSIVE) && dir != AT_FDCWD)
		fd = clone_all_below(dir, rest, flags & ~(unsigned)AT_RECURSIVE);
	else
		fd = tree_at(dir, rest, flags | OPEN_TREE_CLONE);
	ret = enter(r->outside.own_ns);
	return ret < 0 ? ret : steal_fd(&fd);
}

int outside_open(const struct rootfs *r, const char *path)
{
	_cleanup_close_ int fd = -1;
	const char *rest;
	int ret, dir;

	if (!r->outside.away)
		return fd_openat(AT_FDCWD, path, O_RDONLY, 0);
	ret = go(&r->outside, path, &dir, &rest);
	if (ret < 0)
		return ret;
	fd = fd_openat(dir, rest, O_RDONLY, 0);
	ret = enter(r->outside.own_ns);
	return ret < 0 ? ret : steal_fd(&fd);
}

int outside_begin(const struct rootfs *r, const char *path)
{
	const char *rest;
	int dir;

	return r->outside.away ? go(&r->outside, path, &dir, &rest) : 0;
}

int outside_end(const struct rootfs *r)
{
	return r->outside.away ? enter(r->outside.own_ns) : 0;
}
