/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making, opening and entering a cgroup, by the plan.  On the host side. */
#include "cgroup/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cgroup/controllers.h"
#include "cgroup/delegate.h"
#include "cgroup/devices.h"
#include "cgroup/events.h"
#include "cgroup/limits.h"
#include "sys/compat.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/str.h"
#include "util/trace.h"

#define MKDIR_TRIES 16

/* ---- directories ---------------------------------------------------------------------------- */

int cgroup_open_root(const char *root, int flags, struct error *err)
{
	_cleanup_close_ int fd = fd_openat(AT_FDCWD, root, O_DIRECTORY | flags, 0);
	struct statfs st;

	if (fd < 0)
		return error_errno(err, fd, "open %s", root);
	if (fstatfs(fd, &st) < 0)
		return error_errno(err, errno, "look at %s", root);
	if (st.f_type != CGROUP2_SUPER_MAGIC)
		return error_set(err, ENODEV, "%s is not a cgroup2 file system", root);
	return steal_fd(&fd);
}

static int open_below(int root, const char *path)
{
	return sys_openat2(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0,
			   RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

/* The directories above @path that are missing; counted are those in one piece down to @path.  They have our mark, so
 * that whoever is their last user removes them. */
static int make_above(int root, const char *path, unsigned *ret_made)
{
	char prefix[PATH_MAX];

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		memcpy(prefix, path, (size_t)(slash - path));
		prefix[slash - path] = '\0';
		if (mkdirat(root, prefix, CGROUP_OUR_MODE) == 0)
			*ret_made += 1;
		else if (errno == EEXIST)
			*ret_made = 0;
		else
			return -errno;
	}
	return 0;
}

/* False when the leaf is still there. */
static bool remove_made(int root, const char *path, const struct cgroup *c)
{
	char prefix[PATH_MAX], *slash;
	unsigned n = c->created_above;

	if (c->created && unlinkat(root, path, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return false;
	strcpy(prefix, path);
	while (n-- > 0 && (slash = strrchr(prefix, '/')) != NULL) {
		*slash = '\0';
		if (unlinkat(root, prefix, AT_REMOVEDIR) < 0)
			break;
	}
	return true;
}

/* One try.  -ENOENT and -ENODEV: a directory above was removed meanwhile, as the last container in
 * it was deleted. */
static int try_make(int root, const char *path, struct cgroup *ret)
{
	int r;

	ret->created_above = 0;
	ret->created = mkdirat(root, path, CGROUP_OUR_MODE) == 0;
	if (!ret->created && errno == ENOENT) {
		r = make_above(root, path, &ret->created_above);
		if (r < 0)
			return r;
		ret->created = mkdirat(root, path, CGROUP_OUR_MODE) == 0;
	}
	if (!ret->created && errno != EEXIST)
		return -errno;
	ret->fd = open_below(root, path);
	return ret->fd < 0 ? ret->fd : 0;
}

static int make(int root, const struct plan_cgroup *p, struct cgroup *ret, struct error *err)
{
	int r = -ENOENT;

	for (int i = 0; i < MKDIR_TRIES && (r == -ENOENT || r == -ENODEV); i++) {
		r = try_make(root, p->path + 1, ret);
		if (r < 0)
			remove_made(root, p->path + 1, ret);
	}
	if (r == 0)
		return 0;
	ret->created = false;
	ret->created_above = 0;
	error_errno(err, r, "make cgroup %s in %s", p->path, p->root);
	error_path(err, p->path);
	if (r == -EAGAIN)
		error_hint(err, "cgroup.max.depth or cgroup.max.descendants of a cgroup above is reached");
	if (r == -EACCES || r == -EPERM)
		cgroup_hint_delegate(p, err);
	return r;
}

/* ---- what is in it -------------------------------------------------------------------------- */

static int identify(struct cgroup *c, const char *path, struct error *err)
{
	struct stat st;

	if (fstat(c->fd, &st) < 0)
		return error_errno(err, errno, "look at cgroup %s", path);
	c->id = st.st_ino;
	/* The umask is the caller's; the container's users look into it through a mount. */
	if (c->created && (st.st_mode & 07777) != CGROUP_OUR_MODE && fchmod(c->fd, CGROUP_OUR_MODE) < 0)
		return error_errno(err, errno, "set the mode of cgroup %s", path);
	return 0;
}

/* A cgroup of somebody else must not be limited, entered, or later killed; and what is cloned into
 * a frozen one (or below one) never returns.  @held: what is in it is ours, or systemd's. */
static int check_fit(const struct cgroup *c, const struct plan_cgroup *p, struct error *err)
{
	bool held = p->mode == PLAN_CGROUP_SYSTEMD;
	const char *path = p->path;
	int64_t populated = 0, frozen = 0;
	int r = cgroup_read_events(c->fd, &populated, &frozen);

	if (r < 0)
		return error_errno(err, r, "read cgroup.events of cgroup %s", path);
	if (populated && !held) {
		error_set(err, EEXIST, "container's cgroup is not empty: %s exists already and "
			  "holds processes", path);
		return error_hint(err, "choose another linux.cgroupsPath, or delete the container in it");
	}
	if (!c->created && p->delegation.where) {
		error_set(err, EEXIST, "cgroup %s was there before, and is not ours to give to the container", path);
		return error_at(err, "%s", p->delegation.where);
	}
	if (frozen > 0) {
		error_set(err, EBUSY, "container's cgroup unexpectedly frozen: %s, itself or by "
			  "one above it", path);
		return error_hint(err, "write 0 to its cgroup.freeze");
	}
	return 0;
}

/* To the container's user.  One that was there before stays whose it is. */
static int give_away(const struct cgroup *c, const struct plan_cgroup *p, struct error *err)
{
	const char *asked = p->delegation.where;
	int r;

	if (!c->created || !p->owner.set)
		return 0;
	r = cgroup_delegate(c->fd, p->owner.v, CGROUP_DELEGATE_LIST, err);
	if (r == 0 || !asked)
		return r;
	if (r == -EPERM)
		error_hint(err, "a caller without privileges can only let itself be the owner: run the process as root "
			   "of the container's user namespace");
	return error_at(err, "%s", asked);
}

static int set_up(int root, const struct plan_cgroup *p, struct cgroup *c, struct error *err)
{
	int r = identify(c, p->path, err);

	if (r == 0)
		r = check_fit(c, p, err);
	if (r == 0)
		r = cgroup_enable_controllers(root, c->fd, p, err);
	for (size_t i = 0; r == 0 && i < p->n_writes; i++) {
		int written;

		r = cgroup_check_usage(c->fd, p, &p->writes[i], err);
		if (r == 0)
			r = cgroup_write_limit(c->fd, p, &p->writes[i], &written, err);
	}
	if (r == 0)
		r = cgroup_attach_devices(c->fd, p, !c->created, err);
	return r == 0 ? give_away(c, p, err) : r;
}

/* In the nearest directory of @path that is there. */
static bool may_not_write(int root, const char *path)
{
	char dir[PATH_MAX], *slash;

	if (strlen(path) >= sizeof(dir))
		return false;
	strcpy(dir, path);
	while ((slash = strrchr(dir, '/')) != NULL) {
		*slash = '\0';
		if (faccessat(root, dir, F_OK, 0) == 0)
			return faccessat(root, dir, W_OK, AT_EACCESS) < 0;
	}
	return faccessat(root, ".", W_OK, AT_EACCESS) < 0;
}

/*
 * In a scope the container has a cgroup of its own: systemd looks at the scope and takes it away as soon as it is
 * empty, and whoever wants to read why a container ended, as conmon does, comes before it only if what is in there
 * goes first.  crun does it so.  What holds the scope moves along, or no controllers could be passed on.
 */
static int make_inner(int root, struct cgroup *c, struct error *err)
{
	char *path = xasprintf("%s/" CGROUP_UNIT_INNER, c->path);

	free(c->path);
	c->path = path;
	if (mkdirat(root, path + 1, CGROUP_OUR_MODE) < 0 && errno != EEXIST)
		return error_errno(err, errno, "make cgroup %s", path);
	c->fd = open_below(root, path + 1);
	if (c->fd < 0)
		return error_errno(err, c->fd, "open cgroup %s", path);
	return cgroup_attach(c->fd, c->holder.pid, err);
}

/* What systemd has made is filled like any other, so that no word of it is needed to keep the limits. */
static int prepare_unit(int root, const struct plan_cgroup *p, struct cgroup *ret, struct error *err)
{
	struct plan_cgroup made = *p;
	int r = cgroup_unit_start(root, p, &ret->holder, &ret->path, err);

	if (r < 0)
		return r;
	ret->created = true;
	if (p->unit.slice) {
		ret->fd = open_below(root, ret->path + 1);
		if (ret->fd < 0)
			return error_errno(err, ret->fd, "open cgroup %s of the unit %s", ret->path, p->unit.name);
	} else {
		r = make_inner(root, ret, err);
	}
	made.path = ret->path;
	if (r == 0)
		r = set_up(root, &made, ret, err);
	if (r == 0)
		r = cgroup_unit_set_weights(&p->unit, ret->fd, err);
	if (r < 0 && ret->fd >= 0) {
		close(ret->fd);
		ret->fd = -1;
	}
	return r;
}

void cgroup_release(struct cgroup *c)
{
	cgroup_unit_release(&c->holder);
	free(steal_ptr(c->path));
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

int cgroup_prepare(const struct plan_cgroup *p, struct cgroup *ret, struct error *err)
{
	TRACE("make the cgroup", NULL);
	_cleanup_close_ int root = -1;
	int r;

	*ret = (struct cgroup)CGROUP_INIT;
	if (p->mode == PLAN_CGROUP_NONE)
		return 0;
	root = cgroup_open_root(p->root, O_RDONLY, err);
	if (root < 0)
		return root;
	r = p->delegation.where ? cgroup_check_confined(p, err) : 0;
	if (r < 0)
		return r;
	if (p->mode == PLAN_CGROUP_SYSTEMD)
		return prepare_unit(root, p, ret, err);
	r = p->rootless ? cgroup_check_controllers(root, p->path, p, err) : 0;
	if (r < 0)
		return r;
	r = make(root, p, ret, err);
	if (p->optional && (r == -EACCES || r == -EPERM || r == -EROFS) && may_not_write(root, p->path + 1)) {
		log_debug("no cgroup for the container: %s", err->text);
		return 0;
	}
	if (r < 0)
		return r;
	r = set_up(root, p, ret, err);
	if (r < 0) {
		close(ret->fd);
		ret->fd = -1;
		if (remove_made(root, p->path + 1, ret))
			*ret = (struct cgroup)CGROUP_INIT;
	}
	return r;
}

/* ---- later ---------------------------------------------------------------------------------- */

/* It comes from a state file: must name one cgroup below the root, not the root. */
static bool is_path(const char *path)
{
	size_t n = 0;

	if (path[0] != '/' || strlen(path) >= PATH_MAX)
		return false;
	for (const char *s = path + 1; ; s += n + 1) {
		n = strcspn(s, "/");
		if (n == 0 || (s[0] == '.' && (n == 1 || (n == 2 && s[1] == '.'))))
			return false;
		if (!s[n])
			return true;
	}
}

int cgroup_open_below(int root, const char *path, uint64_t id, int *ret_fd, struct error *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (!is_path(path))
		return error_set(err, EINVAL, "\"%s\" is not the path of a container's cgroup", path);
	fd = open_below(root, path + 1);
	if (fd < 0)
		return error_errno(err, fd, "open cgroup %s", path);
	if (fstat(fd, &st) < 0)
		return error_errno(err, errno, "look at cgroup %s", path);
	if (id && id != st.st_ino)
		return error_set(err, ESTALE, "cgroup %s is not the one that was made for the container",
				 path);
	*ret_fd = steal_fd(&fd);
	return 0;
}

int cgroup_open(const char *root, const char *path, uint64_t id, int *ret_fd, struct error *err)
{
	_cleanup_close_ int root_fd = cgroup_open_root(root, O_PATH, err);

	if (root_fd < 0)
		return root_fd;
	return cgroup_open_below(root_fd, path, id, ret_fd, err);
}

int cgroup_attach(int fd, pid_t pid, struct error *err)
{
	char text[16];
	int r, n = snprintf(text, sizeof(text), "%d", (int)pid);

	r = fd_write_pseudo(fd, "cgroup.procs", text, (size_t)n);
	if (r == 0)
		return 0;
	error_errno(err, r, "move process %d into the container's cgroup", (int)pid);
	if (r == -EBUSY)
		error_hint(err, "it passes controllers on to cgroups below it, and can then hold no "
			   "process itself");
	if (r == -EACCES || r == -EPERM)
		error_hint(err, "needs write permission to cgroup.procs there and in the nearest cgroup "
			   "above both places");
	return r;
}
