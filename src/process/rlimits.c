/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Resource limits.  The child sets its own late, because its set-up work would run under them; what
 * only the parent may do (raise a hard limit: CAP_SYS_RESOURCE in the initial user namespace,
 * getrlimit(2)) it does before, to itself, and the child inherits it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

#include "process/process.h"
#include "sys/syscalls.h"

/* "unlimited" or the number. */
static const char *amount(uint64_t v, char buf[24])
{
	if (v == UINT64_MAX)
		return "unlimited";
	snprintf(buf, 24, "%" PRIu64, v);
	return buf;
}

static int fail(const struct oci_process *p, size_t i, int r, const char *what, struct error *err)
{
	const struct oci_rlimit *l = &p->rlimits[i];
	char soft[24], hard[24];

	error_errno(err, r, "%s %s, soft %s, hard %s", what, l->name, amount(l->soft, soft),
		    amount(l->hard, hard));
	if (r == -EPERM && l->resource == RLIMIT_NOFILE)
		error_hint(err, "a hard limit is raised with CAP_SYS_RESOURCE only, and never above the "
				"sysctl fs.nr_open");
	else if (r == -EPERM)
		error_hint(err, "a hard limit is raised with CAP_SYS_RESOURCE only");
	else if (r == -EINVAL)
		error_hint(err, "soft may not be above hard");
	return error_at(err, "/process/rlimits/%zu", i);
}

int process_set_rlimits(const struct oci_process *p, struct error *err)
{
	for (size_t i = 0; i < p->n_rlimits; i++) {
		const struct oci_rlimit *l = &p->rlimits[i];
		struct sys_rlimit want = {.soft = l->soft, .hard = l->hard}, got;
		int r = sys_prlimit(0, l->resource, &want, NULL);

		if (r < 0)
			return fail(p, i, r, "set", err);
		r = sys_prlimit(0, l->resource, NULL, &got);
		if (r < 0)
			return fail(p, i, r, "read back", err);
		if (got.soft != l->soft || got.hard != l->hard)
			return fail(p, i, -EPERM, "the kernel did not take", err);
	}
	return 0;
}

int process_raise_rlimits(const struct oci_process *p, pid_t pid, struct error *err)
{
	for (size_t i = 0; i < p->n_rlimits; i++) {
		const struct oci_rlimit *l = &p->rlimits[i];
		struct sys_rlimit limit;
		int r = sys_prlimit(pid, l->resource, NULL, &limit);

		if (r < 0)
			return fail(p, i, r, "look at", err);
		if (l->hard <= limit.hard)
			continue;
		limit.hard = l->hard;
		r = sys_prlimit(pid, l->resource, &limit, NULL);
		if (r < 0)
			return fail(p, i, r, "raise", err);
	}
	return 0;
}
