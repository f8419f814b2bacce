/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PR_SCHED_CORE of prctl(2), Linux 5.14: written out, as kernel headers of build hosts are older.  Tasks with the same
 * cookie may run at once on the threads of one core, and no others with them; 0 is the cookie of all that have none.
 *
 * All return 0 or -errno.  -EINVAL: the kernel was built without; -ENODEV: no core has two threads; -EPERM: another
 * process, into which we may not look (PTRACE_MODE_READ, ptrace(2)); -ESRCH: none in our pid namespace has that number.
 */
#ifndef ORLOP_SYS_CORE_SCHED_H
#define ORLOP_SYS_CORE_SCHED_H

#include <stdint.h>
#include <sys/types.h>

/* That of @pid, 0: our own.  As a number which only can be compared. */
int sys_core_sched_get(pid_t pid, uint64_t *ret_cookie);
/* A new one for this process, all threads; whatever it clones inherits it. */
int sys_core_sched_create(void);
/* That of @pid for this thread. */
int sys_core_sched_share_from(pid_t pid);
/* Ours for the process @pid. */
int sys_core_sched_share_to(pid_t pid);

#endif
