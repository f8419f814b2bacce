/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who a process is and what a container does, asked from the kernel. */
#ifndef ORLOP_STORE_STATUS_H
#define ORLOP_STORE_STATUS_H

#include "store/state.h"

/*
 * Read the state and ask what the container does.  @locked: the caller holds the exclusive lock of @dir, so
 * that nobody else is creating it.  *ret_pidfd as of state_status(); it may live while the status says
 * `creating`, or `stopped` after a creation that was killed.
 */
int state_load(struct arena *a, int dir, const char *id, bool locked, struct state *ret,
	       enum container_status *ret_status, int *ret_pidfd, struct error *err);

/*
 * Look at the process (boot, start time, pidfd inode, not a zombie), the freezer and the start fifo.
 * *ret_pidfd (may be NULL) is an open pidfd when the process lives, else -1.  What is not wholly made is
 * `stopped` here.
 */
int state_status(int dir, const struct state *st, enum container_status *ret, int *ret_pidfd,
		 struct error *err);

/* Only the process: *ret_pidfd is -1 when it has ended or there is none yet. */
int state_open_init(const struct state *st, int *ret_pidfd, struct error *err);

/* Identify a live process: fills start_time, pidfd_inode, boot_id. */
int state_identify(pid_t pid, int pidfd, struct state_process *ret, struct error *err);

/*
 * How a process ended, as of waitpid(2), whether its parent has collected it or not: from its pidfd, or as long as it
 * is not collected from its directory @proc in /proc (-1: none).  An error: nobody can tell any more, or not us.
 */
int state_exit(int pidfd, int proc, int *ret);
/* That directory of a process of which we have a pidfd, or -errno. */
int state_open_proc(const struct state_process *p, int pidfd);
/* Both of a process that has ended, unless it was collected: then -ESRCH. */
int state_open_ended(const struct state_process *want, int *ret_pidfd, int *ret_proc);

/* The container's cgroup, checked by id; *ret_fd -1 when it has none or that is gone. */
int state_open_cgroup(const struct state *st, int *ret_fd, struct error *err);

#endif
