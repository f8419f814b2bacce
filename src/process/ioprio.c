/* SPDX-License-Identifier: GPL-2.0-or-later */
/* I/O class and priority, ioprio_set(2); children inherit them.  Runs in the container process, or in
 * the parent on its behalf. */
#include <errno.h>

#include "process/process.h"
#include "sys/syscalls.h"

#define CLASS_SHIFT 13			/* <linux/ioprio.h> */
#define CLASS_RT 1

int process_set_io_priority(const struct oci_io_priority *io, pid_t pid, struct error *err)
{
	int want = (int)(io->class << CLASS_SHIFT | io->level);
	int r;

	if (!io->present)
		return 0;
	r = sys_ioprio_set(pid, want);
	if (r < 0) {
		error_errno(err, r, "set the I/O priority %s %u", io->name, io->level);
		if (r == -EPERM && io->class == CLASS_RT)
			error_hint(err, "the real-time class needs CAP_SYS_NICE or CAP_SYS_ADMIN on the "
					"host");
		return error_at(err, "/process/ioPriority");
	}
	r = sys_ioprio_get(pid);
	if (r < 0)
		error_errno(err, r, "read the I/O priority back");
	else if (r != want)
		error_set(err, EPROTO, "the kernel did not take the I/O priority %s %u", io->name,
			  io->level);
	return r == want ? 0 : error_at(err, "/process/ioPriority");
}
