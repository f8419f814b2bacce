/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From which NUMA nodes memory is taken, set_mempolicy(2).  Runs in the container process. */
#include <errno.h>
#include <linux/mempolicy.h>

#include "process/process.h"
#include "sys/compat.h"
#include "sys/syscalls.h"

#define WORDS 16			/* 1024 nodes: the kernel wants room for all it can have */
#define BITS_PER_WORD (8 * sizeof(unsigned long))
#define MODE_FLAGS (7 << 13)

static bool too_old(const struct oci_memory_policy *m, struct error *err)
{
	if (m->mode == MPOL_MODE_WEIGHTED_INTERLEAVE)
		return error_hint_release(err, m->name, "6.9");
	if (m->mode == MPOL_MODE_PREFERRED_MANY && (m->flags & MPOL_F_NUMA_BALANCING))
		return error_hint_release(err, "MPOL_F_NUMA_BALANCING with MPOL_PREFERRED_MANY", "6.10");
	if (m->mode == MPOL_MODE_PREFERRED_MANY)
		return error_hint_release(err, m->name, "5.15");
	if (m->flags & MPOL_F_NUMA_BALANCING)
		return error_hint_release(err, "MPOL_F_NUMA_BALANCING", "5.12");
	return false;
}

static int refused(const struct oci_memory_policy *m, int r, struct error *err)
{
	error_errno(err, r, "set the memory policy %s%s%s", m->name, m->nodes.text ? " of nodes " : "",
		    m->nodes.text ? m->nodes.text : "");
	if (r == -ENOSYS)
		error_hint(err, "the kernel was built without CONFIG_NUMA");
	else if (r == -EINVAL && !too_old(m, err))
		error_hint(err, "the kernel has none of the nodes, or the cpuset of the cgroup does not "
				"allow them");
	return error_at(err, "/linux/memoryPolicy");
}

/* The kernel leaves out nodes, never adds any; and it calls "preferred, without nodes" local. */
static bool same(const struct oci_memory_policy *m, int mode, const unsigned long *nodes)
{
	size_t words = (m->nodes.n_bits + BITS_PER_WORD - 1) / BITS_PER_WORD;
	unsigned got = (unsigned)(mode & ~MODE_FLAGS);

	if ((uint64_t)(mode & MODE_FLAGS) != m->flags)
		return false;
	if (m->nodes.n_bits == 0)
		return got == m->mode || (m->mode == MPOL_PREFERRED && got == MPOL_LOCAL) ||
		       (m->mode == MPOL_LOCAL && got == MPOL_PREFERRED);	/* before 5.14 */
	for (size_t i = 0; i < WORDS; i++)
		if (nodes[i] & ~(i < words ? m->nodes.v[i] : 0))
			return false;
	return got == m->mode;
}

int process_set_memory_policy(const struct oci_memory_policy *m, struct error *err)
{
	unsigned long nodes[WORDS] = {0};
	int mode = 0, r;

	/* The kernel reads one bit less than it is told: get_nodes() in mm/mempolicy.c. */
	r = sys_set_mempolicy((int)(m->mode | m->flags), m->nodes.v,
			      m->nodes.n_bits ? m->nodes.n_bits + 1 : 0);
	if (r < 0)
		return refused(m, r, err);
	r = sys_get_mempolicy(&mode, nodes, WORDS * BITS_PER_WORD);
	if (r < 0)
		return error_errno(err, r, "read the memory policy back");
	if (!same(m, mode, nodes)) {
		error_set(err, EPROTO, "the kernel did not take the memory policy %s", m->name);
		return error_at(err, "/linux/memoryPolicy");
	}
	return 0;
}
