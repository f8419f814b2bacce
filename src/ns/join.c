/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Namespaces of others: all files are opened and checked in the parent, in whose mount namespace the
 * paths are meant, before any is entered in the launcher or in the container process.
 */
#include "ns/ns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "oci/linux.h"
#include "sys/compat.h"
#include "util/cleanup.h"
#include "util/fd.h"

static const char *ns_name(uint64_t flag)
{
	for (size_t i = 0; i < n_namespace_names; i++)
		if (namespace_names[i].value == flag)
			return namespace_names[i].name;
	return "unknown";
}

static int check_type(int fd, const struct plan_join *j, struct error *err)
{
	struct statfs st;
	int type;

	if (fstatfs(fd, &st) < 0)
		return error_errno(err, errno, "look at %s", j->path);
	if ((unsigned long)st.f_type != NSFS_MAGIC)
		return error_set(err, EINVAL, "%s is not a namespace: expected a file such as "
				 "/proc/PID/ns/... or a bind mount of one", j->path);
	type = ioctl(fd, NS_GET_NSTYPE);	/* ioctl_ns(2), 4.11 */
	if (type < 0)
		return error_errno(err, errno, "ask for the type of the namespace %s", j->path);
	if ((uint64_t)type != j->flag)
		return error_set(err, EINVAL, "%s is a %s namespace, not a %s namespace", j->path,
				 ns_name((uint64_t)type), ns_name(j->flag));
	return 0;
}

/* A path need not lead away from here: what is changed in the namespace would be changed on the host. */
static int check_foreign(int fd, const struct plan_join *j, struct error *err)
{
	const char *own = j->flag == CLONE_NEWNET ? "/proc/self/ns/net" :
			  j->flag == CLONE_NEWIPC ? "/proc/self/ns/ipc" : "/proc/self/ns/uts";
	struct stat a, b;

	if (fstat(fd, &a) < 0 || stat(own, &b) < 0)
		return error_errno(err, errno, "compare %s with our own namespace", j->path);
	if (a.st_dev != b.st_dev || a.st_ino != b.st_ino)
		return 0;
	return error_set(err, EINVAL, "%s is the host's own %s namespace, and the configuration changes "
			 "it (hostname, domainname, linux.sysctl, linux.netDevices)", j->path, ns_name(j->flag));
}

/* O_NONBLOCK: a FIFO in the place of the file must not stop us. */
static int open_join(const struct plan_join *j, uint64_t changed, struct error *err)
{
	_cleanup_close_ int fd = fd_openat(AT_FDCWD, j->path, O_RDONLY | O_NONBLOCK, 0);
	int r;

	if (fd < 0)
		return error_errno(err, fd, "open the %s namespace %s", ns_name(j->flag), j->path);
	r = check_type(fd, j, err);
	if (r == 0 && (j->flag & changed & (CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)))
		r = check_foreign(fd, j, err);
	return r < 0 ? r : steal_fd(&fd);
}

static void close_joins(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		close(fds[i]);
		fds[i] = -1;
	}
}

int ns_open_joins(const struct plan_ns *p, int *ret_fds, struct error *err)
{
	for (size_t i = 0; i < p->n_joins; i++) {
		ret_fds[i] = open_join(&p->joins[i], p->changed, err);
		if (ret_fds[i] < 0) {
			error_at(err, "%s", p->joins[i].where);
			close_joins(ret_fds, i);
			return -err->code;
		}
	}
	return 0;
}

static int enter(const struct plan_join *j, int fd, struct error *err)
{
	int code;

	if (setns(fd, (int)j->flag) == 0)
		return 0;
	code = errno;
	error_errno(err, code, "enter the %s namespace %s", ns_name(j->flag), j->path);
	if (j->flag == CLONE_NEWUSER && code == EINVAL)
		error_hint(err, "we may be in this user namespace already: then leave it out");
	else if (code == EPERM)
		error_hint(err, "it belongs to a user namespace over which we have no power");
	return error_at(err, "%s", j->where);
}

/* Does the user namespace @user own the namespace @ns?  Then there is time to enter it: ioctl_ns(2). */
static bool is_owned_by(int ns, int user)
{
	_cleanup_close_ int owner = user < 0 ? -1 : ioctl(ns, NS_GET_USERNS);
	struct stat a, b;

	return owner >= 0 && fstat(owner, &a) == 0 && fstat(user, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/*
 * setns(2) needs CAP_SYS_ADMIN in the user namespace that owns the other one: ours may, and the user
 * namespace that comes next has no power over it.  What fails is tried again from inside, and told then.
 * Not the mount namespace: who has no power over it could not mount anything there.
 */
static void enter_before_user(const struct plan_ns *p, int *fds)
{
	int user = p->n_joins > 0 && p->joins[0].flag == CLONE_NEWUSER ? fds[0] : -1;

	for (size_t i = 0; i < p->n_joins; i++) {
		if ((p->joins[i].flag & (CLONE_NEWUSER | CLONE_NEWNS)) ||
		    (p->joins[i].flag == CLONE_NEWPID && is_owned_by(fds[i], user)) ||
		    setns(fds[i], (int)p->joins[i].flag) < 0)
			continue;
		close(fds[i]);
		fds[i] = -1;
	}
}

int ns_enter_first(const struct plan_ns *p, int *fds, int user, int time, struct error *err)
{
	enter_before_user(p, fds);
	if (setns(user, CLONE_NEWUSER) < 0)
		return error_errno(err, errno, "enter the new user namespace");
	close(user);
	if (time < 0)
		return 0;
	if (setns(time, CLONE_NEWTIME) < 0)
		return error_errno(err, errno, "enter the new time namespace");
	close(time);
	return 0;
}

int ns_enter_joins(const struct plan_ns *p, int *fds, uint64_t which, struct error *err)
{
	/* user first: plan_ns.joins */
	if (p->n_joins > 0 && (p->joins[0].flag & which & CLONE_NEWUSER))
		enter_before_user(p, fds);
	for (size_t i = 0; i < p->n_joins; i++) {
		int r;

		if (!(p->joins[i].flag & which) || fds[i] < 0)
			continue;
		r = enter(&p->joins[i], fds[i], err);
		if (r < 0)
			return r;
		close(fds[i]);
		fds[i] = -1;
	}
	return 0;
}
