/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of the host, once the container process is in a mount namespace that has none of them: for the moment of a
 * system call it is in the host's again.  What is cloned there is made in its turn, as newer kernels sort mountinfo by
 * the time a mount was made.  Container process.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "rootfs/mount.h"
#include "sys/mount_api.h"
#include "util/cleanup.h"
#include "util/fd.h"

#define PIDFD_GET_MNT_NAMESPACE 3	/* linux/pidfd.h, without its type */

static int enter(int ns)
{
	return setns(ns, CLONE_NEWNS) < 0 ? -errno : 0;
}

static int open_own_namespace(void)
{
	_cleanup_close_ int self = sys_pidfd_open(getpid(), 0);
	int ns = self < 0 ? self : ioctl(self, PIDFD_NAMESPACE_IOCTL(PIDFD_GET_MNT_NAMESPACE), 0);

	return self >= 0 && ns < 0 ? -errno : ns;
}

/* setns(2) gives the root of the namespace: the host's names begin at the root that we have here, maybe a chroot. */
int outside_leave(struct outside *o, int take_own, struct error *err)
{
	int r;

	o->own_ns = take_own;
	o->host_root = fd_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	o->host_ns = open_own_namespace();
	r = o->host_root < 0 ? o->host_root : o->host_ns;
	if (r < 0)
		return error_errno(err, r, "take hold of the mount namespace of the host");
	r = enter(o->own_ns);
	return r < 0 ? error_errno(err, r, "enter the mount namespace of the container") : 0;
}

void outside_forget(struct outside *o)
{
	int *const fds[] = {&o->host_ns, &o->host_root, &o->own_ns};

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

static int tree_at(int dir, const char *path, unsigned flags)
{
	return sys_open_tree(dir, path, flags | OPEN_TREE_CLOEXEC | (unsigned)(*path ? 0 : AT_EMPTY_PATH));
}

/*
 * In a clone may be files of mount namespaces, as of snapd, and those of older ones than ours cannot be attached
 * (ELOOP).  A copy that is a namespace leaves them out, as the copy of all the host's mounts would.
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
	int ret, host;

	if (!r || r->outside.host_ns < 0)
		return tree_at(AT_FDCWD, path, flags | OPEN_TREE_CLONE);
	ret = enter(r->outside.host_ns);
	if (ret < 0)
		return ret;
	host = r->outside.host_root;
	if (flags & AT_RECURSIVE)
		fd = clone_all_below(host, path + 1, flags & ~(unsigned)AT_RECURSIVE);
	else
		fd = tree_at(host, path + 1, flags | OPEN_TREE_CLONE);
	ret = enter(r->outside.own_ns);
	return ret < 0 ? ret : steal_fd(&fd);
}

int outside_open(const struct rootfs *r, const char *path)
{
	if (r->outside.host_root < 0)
		return fd_openat(AT_FDCWD, path, O_RDONLY, 0);
	return fd_openat(r->outside.host_root, path + 1, O_RDONLY, 0);
}
