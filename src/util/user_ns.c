/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs in the parent, and hold() in the process that holds the namespace meanwhile. */
#include "util/user_ns.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/sched.h>

#include "sys/compat.h"
#include "sys/syscalls.h"
#include "util/caller.h"
#include "util/cleanup.h"
#include "util/empty.h"
#include "util/fd.h"

#define HOLDER_TIMEOUT_MS 10000

/* Its own namespaces a process may always open. */
static int hand_over(int sync, bool time)
{
	int fds[2] = {-1, -1}, r;

	if (time && unshare(CLONE_NEWTIME) < 0)
		return -errno;
	fds[0] = fd_openat(AT_FDCWD, "/proc/self/ns/user", O_RDONLY, 0);
	if (fds[0] >= 0 && time)
		fds[1] = fd_openat(AT_FDCWD, "/proc/self/ns/time_for_children", O_RDONLY, 0);
	r = fds[0] < 0 ? fds[0] : time && fds[1] < 0 ? fds[1] : fd_send(sync, "n", 1, fds, time ? 2 : 1);
	return r;
}

/*
 * Until its end of @sync is closed, which also happens when the parent is killed.  @others: an unprivileged parent,
 * or newuidmap(1), may write the maps only of a process that its other processes may look into (proc(5)): so that
 * is allowed when there is nothing left to see.
 */
static _Noreturn void hold(int sync, bool time, bool others)
{
	int r = prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ? -errno : hand_over(sync, time);
	char c;

	if (r == 0)
		r = empty_self(&sync, 1);
	if (r == 0 && prctl(PR_SET_DUMPABLE, others) < 0)
		r = -errno;
	if (r == 0)
		r = fd_write_all(sync, "r", 1);
	while (r == 0 && read(sync, &c, 1) < 0 && errno == EINTR)
		;
	sys_exit(-r);
}

/* Its two messages: the namespaces, and that it has nothing any more. */
static int hear(int sync, int *ret_user, int *ret_time)
{
	int fds[2] = {-1, -1}, r;
	size_t n = 0;
	char c = 0;

	r = fd_wait(sync, POLLIN, HOLDER_TIMEOUT_MS);
	r = r < 0 ? r : r == 0 ? -ETIMEDOUT : (int)fd_recv(sync, &c, 1, fds, 2, &n);
	*ret_user = fds[0];
	*ret_time = fds[1];
	if (r == 1 && (c != 'n' || fds[0] < 0))
		return -EPROTO;
	if (r == 1) {
		r = fd_wait(sync, POLLIN, HOLDER_TIMEOUT_MS);
		r = r < 0 ? r : r == 0 ? -ETIMEDOUT : (int)fd_read_up_to(sync, &c, 1);
	}
	return r < 0 ? r : r == 0 ? -EPIPE : 0;
}

static int set_up(const struct user_ns_request *q, pid_t pid, struct error *err)
{
	_cleanup_close_ int proc = -1;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	proc = fd_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
	if (proc < 0)
		return error_errno(err, proc, "open %s", path);
	return q->set_up(q->ctx, proc, pid, err);
}

/* It ended before it was asked to: why, it said by its status. */
static int explain(int r, int status, struct error *err)
{
	if (r == -EPIPE && WIFEXITED(status) && WEXITSTATUS(status))
		r = -WEXITSTATUS(status);
	return error_errno(err, r, "make the process that holds a user namespace while its ids are mapped");
}

/* It has not heard that it is to end.  It is our unreaped child: the number is its own. */
static void end(pid_t pid)
{
	_cleanup_close_ int pidfd = sys_pidfd_open(pid, 0);

	if (pidfd >= 0)
		sys_pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
}

static int with_holder(const struct user_ns_request *q, int sync, pid_t pid, int *ret_user, int *ret_time,
		       struct error *err)
{
	int failed = hear(sync, ret_user, ret_time), r = failed, status = 0;

	if (r == 0)
		r = set_up(q, pid, err);
	if (shutdown(sync, SHUT_RDWR) < 0)
		end(pid);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return failed < 0 ? explain(failed, status, err) : r;
}

int user_ns_make(const struct user_ns_request *q, int *ret_user, int *ret_time, struct error *err)
{
	_cleanup_close_ int ours = -1, theirs = -1, user = -1, time = -1;
	struct clone_args args = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
	bool others = geteuid() != 0;	/* asked in the new namespace it would be nobody */
	int ends[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return error_errno(err, errno, "make a pair of sockets");
	ours = ends[0];
	theirs = ends[1];
	pid = sys_clone3(&args);
	if (pid == 0) {
		caller_hide_arguments();
		close(steal_fd(&ours));
		hold(theirs, q->time, others);
	}
	if (pid < 0) {
		error_errno(err, (int)pid, "make a user namespace");
		if (pid == -EPERM)
			error_hint(err, "are user namespaces allowed here? see "
				   "/proc/sys/kernel/unprivileged_userns_clone");
		return error_hint_limits(err, pid);
	}
	close(steal_fd(&theirs));
	r = with_holder(q, ours, pid, &user, &time, err);
	if (r < 0)
		return r;
	*ret_user = steal_fd(&user);
	*ret_time = steal_fd(&time);
	return 0;
}
