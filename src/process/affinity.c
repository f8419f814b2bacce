/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The CPUs a process may run on.  Runs in the container process, inside its cgroup; and for
 * process.execCPUAffinity.initial in `exec` itself, before it makes one.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "process/process.h"
#include "util/str.h"

#define WORDS 128			/* 8192 CPUs, more than any kernel is built for */
#define BITS_PER_WORD (8 * sizeof(unsigned long))

static int apply(const unsigned long *mask, size_t words)
{
	/* What the cpuset does not allow is left out by the kernel: sched_setaffinity(2). */
	return sched_setaffinity(0, words * sizeof(long), (const cpu_set_t *)mask) < 0 ? -errno : 0;
}

static int check(const struct oci_bits *cpus, struct error *err)
{
	unsigned long got[WORDS] = {0};
	size_t words = (cpus->n_bits + BITS_PER_WORD - 1) / BITS_PER_WORD;

	if (sched_getaffinity(0, sizeof(got), (cpu_set_t *)got) < 0)
		return error_errno(err, errno, "read the CPU affinity back");
	for (size_t i = 0; i < WORDS; i++)
		if (got[i] & ~(i < words ? cpus->v[i] : 0))
			return error_set(err, EPROTO, "the kernel did not take the CPUs %s",
					 cpus->text);
	return 0;
}

int process_set_affinity(const struct oci_bits *cpus, const char *where, struct error *err)
{
	unsigned long all[WORDS];
	int r;

	if (!cpus) {
		memset(all, 0xff, sizeof(all));
		r = apply(all, WORDS);
		return r < 0 ? error_errno(err, r, "allow the process all CPUs of its cpuset") : 0;
	}
	r = apply(cpus->v, (cpus->n_bits + BITS_PER_WORD - 1) / BITS_PER_WORD);
	if (r < 0) {
		error_errno(err, r, "run on the CPUs %s", cpus->text);
		if (r == -EINVAL)
			error_hint(err, "none of them is there and in the cpuset of the cgroup");
	} else {
		r = check(cpus, err);
	}
	return r < 0 ? error_at(err, "%s", where) : 0;
}
