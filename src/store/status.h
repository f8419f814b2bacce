/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who a process is and what a container does, asked from the kernel. */
#ifndef ORLOP_STORE_STATUS_H
#define ORLOP_STORE_STATUS_H

#include "store/state.h"

/*
 * Look at the process (boot, start time, pidfd inode, not a zombie), the freezer and the start fifo.
 * *ret_pidfd (may be NULL) is an open pidfd when the process lives, else -1.  Without a process yet
 * (pid 0): stopped, since `creating` is no word of the `state` command.
 */
int state_status(int dir, const struct state *st, enum container_status *ret, int *ret_pidfd,
		 struct error *err);

/* Only the process: *ret_pidfd is -1 when it has ended or there is none yet. */
int state_open_init(const struct state *st, int *ret_pidfd, struct error *err);

/* Identify a live process: fills start_time, pidfd_inode, boot_id. */
int state_identify(pid_t pid, int pidfd, struct state_process *ret, struct error *err);

/* The container's cgroup, checked by id; *ret_fd -1 when it has none or that is gone. */
int state_open_cgroup(const struct state *st, int *ret_fd, struct error *err);

#endif
