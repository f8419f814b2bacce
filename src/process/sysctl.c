/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sysctls of the container's namespaces.  Runs in the child, on a procfs of our own that nobody else
 * sees, so that neither a mask nor a fake file of the image is in the way.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "process/process.h"
#include "sys/compat.h"
#include "sys/mutate.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/fd.h"

/* One write(2), at offset 0, as the kernel wants it; nothing added to the value, but an empty write
 * would not reach the handler at all, so "" is written as an empty line. */
static int write_value(int fd, const char *value)
{
	const char *text = value[0] ? value : "\n";
	size_t n = strlen(text);
	ssize_t done;

	do
		done = write(fd, text, n);
	while (done < 0 && errno == EINTR);
	if (done < 0)
		return -errno;
	return (size_t)done == n ? 0 : -EINVAL;
}

int process_write_sysctls(const struct plan_process *p, int proc, struct error *err)
{
	_cleanup_close_ int sys = -1;

	if (p->n_sysctls == 0)
		return 0;
	sys = fd_openat(proc, "sys", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	if (sys < 0)
		return error_errno(err, sys, "open sys of the private procfs");
	for (size_t i = 0; i < p->n_sysctls; i++) {
		const struct plan_sysctl *s = &p->sysctls[i];
		_cleanup_close_ int fd = sys_openat2(sys, s->file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0,
						     (MUTATE(T10) ? 0 : RESOLVE_BENEATH) | RESOLVE_NO_SYMLINKS |
						     RESOLVE_NO_MAGICLINKS | (MUTATE(T27) ? 0 : RESOLVE_NO_XDEV));
		int r = fd < 0 ? fd : write_value(fd, s->value);

		if (r == 0)
			continue;
		error_errno(err, r, "write `%s` to /proc/sys/%s", s->value, s->file);
		if (r == -ENOENT)
			error_hint(err, "the kernel has no such sysctl, or not in this namespace");
		return error_at(err, "%s", s->where);
	}
	return 0;
}
