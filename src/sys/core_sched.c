/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Core scheduling, Documentation/admin-guide/hw-vuln/core-scheduling.rst.  In every process. */
#include "sys/core_sched.h"

#include <errno.h>
#include <stddef.h>
#include <sys/prctl.h>

#define SCHED_CORE 62		/* PR_SCHED_CORE */

enum { GET = 0, CREATE = 1, SHARE_TO = 2, SHARE_FROM = 3 };	/* PR_SCHED_CORE_* */
enum { THREAD = 0, THREAD_GROUP = 1 };		/* PR_SCHED_CORE_SCOPE_* */

static int call(unsigned long command, pid_t pid, unsigned long scope, uint64_t *cookie)
{
	return prctl(SCHED_CORE, command, (unsigned long)pid, scope, (unsigned long)cookie) < 0 ? -errno : 0;
}

int sys_core_sched_get(pid_t pid, uint64_t *ret_cookie)
{
	*ret_cookie = 0;
	return call(GET, pid, THREAD, ret_cookie);
}

int sys_core_sched_create(void)
{
	return call(CREATE, 0, THREAD_GROUP, NULL);
}

int sys_core_sched_share_from(pid_t pid)
{
	return call(SHARE_FROM, pid, THREAD, NULL);
}

int sys_core_sched_share_to(pid_t pid)
{
	return call(SHARE_TO, pid, THREAD_GROUP, NULL);
}
