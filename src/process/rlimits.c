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
		struct rlimit64 want = {.rlim_cur = l->soft, .rlim_max = l->hard}, got;

		if (prlimit64(0, (enum __rlimit_resource)l->resource, &want, NULL) < 0)
			return fail(p, i, -errno, "set", err);
		if (prlimit64(0, (enum __rlimit_resource)l->resource, NULL, &got) < 0)
			return fail(p, i, -errno, "read back", err);
		if (got.rlim_cur != l->soft || got.rlim_max != l->hard)
			return fail(p, i, -EPERM, "the kernel did not take", err);
	}
	return 0;
}

int process_raise_rlimits(const struct oci_process *p, pid_t pid, struct error *err)
{
	for (size_t i = 0; i < p->n_rlimits; i++) {
		const struct oci_rlimit *l = &p->rlimits[i];
		struct rlimit64 limit;

		if (prlimit64(pid, (enum __rlimit_resource)l->resource, NULL, &limit) < 0)
			return fail(p, i, -errno, "look at", err);
		if (l->hard <= limit.rlim_max)
			continue;
		limit.rlim_max = l->hard;
		if (prlimit64(pid, (enum __rlimit_resource)l->resource, &limit, NULL) < 0)
			return fail(p, i, -errno, "raise", err);
	}
	return 0;
}
