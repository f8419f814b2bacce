/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The execution domain, personality(2): what uname(2) calls the machine.  Runs in the container
 * process; inherited over execve. */
#include <errno.h>
#include <sys/personality.h>

#include "process/process.h"

int process_set_personality(uint64_t domain, struct error *err)
{
	int got;

	if (personality(domain) < 0) {
		error_errno(err, errno, "set the personality %#llx", (unsigned long long)domain);
		return error_at(err, "/linux/personality/domain");
	}
	got = personality(0xffffffff);	/* asks only */
	if (got < 0 || (uint64_t)got != domain) {
		error_set(err, EPROTO, "the kernel did not take the personality %#llx",
			  (unsigned long long)domain);
		return error_at(err, "/linux/personality/domain");
	}
	return 0;
}
