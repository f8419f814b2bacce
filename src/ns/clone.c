/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A new process in new namespaces and in its cgroup, by one system call.  Runs in the parent and in
 * the launcher; returns in the child as well.
 */
#include "ns/ns.h"

#include <linux/sched.h>
#include <signal.h>

#include "sys/compat.h"
#include "sys/syscalls.h"
#include "util/mem.h"

/*
 * The raw call runs no fork handlers and leaves the cached thread id of libc stale: the child must not
 * use raise(3), threads or recursive locks, and we have none of them.
 */
pid_t ns_clone(uint64_t flags, int cgroup_fd, int *ret_pidfd)
{
	int pidfd = -1;
	struct clone_args args = {
		.flags = flags,
		/* clone(2): with CLONE_PARENT the signal is the one our own parent gets */
		.exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD,
	};
	pid_t pid;

	if (ret_pidfd) {
		args.flags |= CLONE_PIDFD;	/* close-on-exec from the start */
		args.pidfd = (uintptr_t)&pidfd;
	}
	if (cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;	/* clone(2), 5.7 */
		args.cgroup = (unsigned)cgroup_fd;
	}
	pid = sys_clone3(&args);
	if (pid == 0)
		mem_undo(NULL, NULL);	/* what the parent has begun; in a pid namespace its number may be ours */
	if (pid > 0 && ret_pidfd)
		*ret_pidfd = pidfd;
	return pid;
}
