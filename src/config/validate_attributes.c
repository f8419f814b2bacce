/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules between the members of process.scheduler, linux.memoryPolicy and linux.timeOffsets: what the
 * kernel would refuse with EINVAL when the container is half made is refused here.
 */
#include "config/validate_parts.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>

#include "util/log.h"

/* ---- sched_setattr(2) ----------------------------------------------------------------------- */

#define DEADLINE_MIN 1024u		/* sched(7): nanoseconds */
#define DEADLINE_MAX INT64_MAX		/* sched(7): less than 2^63 */

static int check_deadline(const struct oci_scheduler *s, const char *base, struct error *err)
{
	/* sched(7): a period of 0 is taken for the deadline */
	uint64_t period = s->period.v ? s->period.v : s->deadline.v;

	if (s->runtime.v < DEADLINE_MIN)
		return invalid_at(err, "SCHED_DEADLINE needs a runtime of at least 1024 nanoseconds",
				  "%s/scheduler/runtime", base);
	if (s->deadline.v < s->runtime.v || s->deadline.v > DEADLINE_MAX)
		return invalid_at(err, "must be from the runtime to 2^63 - 1 nanoseconds",
				  "%s/scheduler/deadline", base);
	if (period < s->deadline.v || period > DEADLINE_MAX)
		return invalid_at(err, "must be from the deadline to 2^63 - 1 nanoseconds",
				  "%s/scheduler/period", base);
	return 0;
}

static int check_scheduler(const struct oci_scheduler *s, const char *base, struct error *err)
{
	static const char only[] = "is for SCHED_DEADLINE alone";
	bool real_time = s->policy == SCHED_FIFO || s->policy == SCHED_RR;

	if (real_time && s->priority.v == 0)
		return invalid_at(err, "SCHED_FIFO and SCHED_RR need a priority from 1 to 99",
				  "%s/scheduler/priority", base);
	if (!real_time && s->priority.v != 0)
		return invalid_at(err, "is for SCHED_FIFO and SCHED_RR alone",
				  "%s/scheduler/priority", base);
	if (s->policy == SCHED_DEADLINE)
		return check_deadline(s, base, err);
	if (s->runtime.v != 0)
		return invalid_at(err, only, "%s/scheduler/runtime", base);
	if (s->deadline.v != 0)
		return invalid_at(err, only, "%s/scheduler/deadline", base);
	if (s->period.v != 0)
		return invalid_at(err, only, "%s/scheduler/period", base);
	return 0;
}

int validate_scheduler(const struct oci_scheduler *s, const char *base, struct error *err)
{
	int e = s->present ? check_scheduler(s, base, err) : 0;

	if (e == 0 && s->nice.v != 0 && s->policy != SCHED_NORMAL && s->policy != SCHED_BATCH)
		log_warning("%s/scheduler/nice: has no effect with %s", base, s->name);
	return e;
}

/* ---- set_mempolicy(2) ----------------------------------------------------------------------- */

#define STATIC_NODES (1u << 15)
#define RELATIVE_NODES (1u << 14)
#define NUMA_BALANCING (1u << 13)
#define PREFERRED_MANY 5u

static int check_nodes(const struct oci_memory_policy *m, struct error *err)
{
	static const char where[] = "/linux/memoryPolicy/nodes";
	bool none = m->nodes.n_bits == 0;

	switch (m->mode) {
	case MPOL_DEFAULT:
	case MPOL_LOCAL:
		return none ? 0 : error_config(err, where, "%s mode requires 0 nodes but "
						 "got `%s`", m->name, m->nodes.text);
	case MPOL_PREFERRED:
		return 0;
	default:
		return none ? error_config(err, where, "%s needs at least one node", m->name) : 0;
	}
}

int validate_memory_policy(const struct oci_config *c, struct error *err)
{
	static const char where[] = "/linux/memoryPolicy/flags";
	const struct oci_memory_policy *m = &c->linux_.memory_policy;
	int e = m->present ? check_nodes(m, err) : 0;

	if (e < 0 || !m->flags)
		return e;
	if ((m->flags & STATIC_NODES) && (m->flags & RELATIVE_NODES))
		return error_config(err, where, "MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES "
				    "exclude each other");
	if (m->nodes.n_bits == 0)
		return error_config(err, where, "flags need nodes");
	if ((m->flags & NUMA_BALANCING) && m->mode != MPOL_BIND && m->mode != PREFERRED_MANY)
		return error_config(err, where, "MPOL_F_NUMA_BALANCING does not go with %s",
				    m->name);
	return 0;
}

/* ---- time_namespaces(7) --------------------------------------------------------------------- */

int validate_time_offsets(const struct oci_config *c, struct error *err)
{
	static const char where[] = "/linux/timeOffsets";
	const struct oci_namespace *ns = oci_find_namespace(c, CLONE_NEWTIME);

	if (!c->linux_.time_offsets.monotonic.present && !c->linux_.time_offsets.boottime.present)
		return 0;
	if (!ns)
		return error_config(err, where, "needs a `time` namespace in /linux/namespaces: the "
				    "host's clocks have no offsets");
	if (ns->path)
		return error_config(err, where, "a time namespace that is joined (by `path`) has its "
				    "offsets already");
	return 0;
}
