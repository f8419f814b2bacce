/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words for attributes of a process: sched(7), ioprio_set(2), set_mempolicy(2), personality(2). */
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <sys/personality.h>

#include "oci/names.h"

/* SCHED_ISO (4) is in the specification and in no kernel. */
const struct name_value scheduler_policy_names[] = {
	{"SCHED_OTHER", SCHED_NORMAL},
	{"SCHED_FIFO", SCHED_FIFO},
	{"SCHED_RR", SCHED_RR},
	{"SCHED_BATCH", SCHED_BATCH},
	{"SCHED_IDLE", SCHED_IDLE},
	{"SCHED_DEADLINE", SCHED_DEADLINE},
};

const size_t n_scheduler_policy_names = ARRAY_SIZE(scheduler_policy_names);

const struct name_value scheduler_flag_names[] = {
	{"SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK},
	{"SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM},
	{"SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN},
	{"SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY},
	{"SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS},
	{"SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN},
	{"SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX},
};

const size_t n_scheduler_flag_names = ARRAY_SIZE(scheduler_flag_names);

const struct name_value io_class_names[] = {
	{"IOPRIO_CLASS_RT", 1},
	{"IOPRIO_CLASS_BE", 2},
	{"IOPRIO_CLASS_IDLE", 3},
};

const size_t n_io_class_names = ARRAY_SIZE(io_class_names);

const struct name_value memory_mode_names[] = {
	{"MPOL_DEFAULT", MPOL_DEFAULT},
	{"MPOL_PREFERRED", MPOL_PREFERRED},
	{"MPOL_BIND", MPOL_BIND},
	{"MPOL_INTERLEAVE", MPOL_INTERLEAVE},
	{"MPOL_LOCAL", MPOL_LOCAL},
	{"MPOL_PREFERRED_MANY", 5},		/* 5.15 */
	{"MPOL_WEIGHTED_INTERLEAVE", 6},	/* 6.9 */
};

const size_t n_memory_mode_names = ARRAY_SIZE(memory_mode_names);

const struct name_value memory_flag_names[] = {
	{"MPOL_F_STATIC_NODES", 1 << 15},
	{"MPOL_F_RELATIVE_NODES", 1 << 14},
	{"MPOL_F_NUMA_BALANCING", 1 << 13},	/* 5.12 */
};

const size_t n_memory_flag_names = ARRAY_SIZE(memory_flag_names);

const struct name_value personality_names[] = {
	{"LINUX", PER_LINUX},
	{"LINUX32", PER_LINUX32},
};

const size_t n_personality_names = ARRAY_SIZE(personality_names);
