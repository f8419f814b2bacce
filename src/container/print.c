/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a verb says on success.  Runs on the host. */
#include "container/print.h"

#include <unistd.h>

#include "util/fd.h"

int container_print(const void *data, size_t n, struct error *err)
{
	int r = fd_write_all(STDOUT_FILENO, data, n);

	return r < 0 ? error_errno(err, r, "write to stdout") : 0;
}
