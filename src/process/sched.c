/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scheduling policy and its parameters, sched(7).  Runs in the container process,
 * or in the parent on its behalf. */
#include <errno.h>
#include <linux/sched.h>

#include "process/process.h"
#include "sys/syscalls.h"

static int fail(const struct oci_scheduler *s, int r, struct error *err)
{
	bool fair = s->policy == SCHED_NORMAL || s->policy == SCHED_BATCH;

	error_errno(err, r, "set the scheduling policy %s", s->name);
	if (r == -EPERM && fair)
		error_hint(err, "a nice value below the present one needs CAP_SYS_NICE on the host, or "
				"RLIMIT_NICE");
	else if (r == -EPERM && s->policy == SCHED_DEADLINE)
		error_hint(err, "it needs CAP_SYS_NICE on the host, and a cpuset of all CPUs that are "
				"balanced together");
	else if (r == -EPERM)
		error_hint(err, "it needs CAP_SYS_NICE on the host, or RLIMIT_RTPRIO; and a cgroup "
				"with real-time budget where the kernel has CONFIG_RT_GROUP_SCHED");
	else if (r == -EBUSY)
		error_hint(err, "there is not so much unpromised CPU time");
	else if (r == -EOPNOTSUPP)
		error_hint(err, "the kernel was built without CONFIG_UCLAMP_TASK");
	return error_at(err, "/process/scheduler");
}

/* The kernel keeps what a KEEP flag protects and reports only what means something to the policy. */
static bool same(const struct oci_scheduler *s, const struct sys_sched_attr *got)
{
	if ((s->flags & SCHED_FLAG_RESET_ON_FORK) && !(got->flags & SCHED_FLAG_RESET_ON_FORK))
		return false;
	if (s->flags & SCHED_FLAG_KEEP_ALL)
		return true;
	if (got->policy != s->policy)
		return false;
	switch (s->policy) {
	case SCHED_NORMAL:
	case SCHED_BATCH:
		return got->nice == s->nice.v;
	case SCHED_FIFO:
	case SCHED_RR:
		return got->priority == s->priority.v;
	case SCHED_DEADLINE:
		return got->runtime == s->runtime.v && got->deadline == s->deadline.v;
	default:
		return true;
	}
}

int process_set_scheduler(const struct oci_scheduler *s, pid_t pid, struct error *err)
{
	struct sys_sched_attr attr = {
		.policy = s->policy, .flags = s->flags, .nice = s->nice.v, .priority = s->priority.v,
		.runtime = s->runtime.v, .deadline = s->deadline.v, .period = s->period.v,
	};
	struct sys_sched_attr got = {0};
	int r;

	if (!s->present)
		return 0;
	r = sys_sched_setattr(pid, &attr);
	if (r == 0)
		r = sys_sched_getattr(pid, &got);
	if (r < 0)
		return fail(s, r, err);
	if (!same(s, &got)) {
		error_set(err, EPROTO, "the kernel did not take the scheduling policy %s", s->name);
		return error_at(err, "/process/scheduler");
	}
	return 0;
}
