/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.json `process` (runtime-spec config.md#process); also the document of `exec --process`. */
#ifndef ORLOP_OCI_PROCESS_H
#define ORLOP_OCI_PROCESS_H

#include "oci/types.h"

struct oci_user {
	uint32_t uid, gid;
	struct opt_u32 umask;
	uint32_t *additional_gids;
	size_t n_additional_gids;
};

/* Bit N = capability N (capabilities(7)).  Names unknown here or to the kernel are left out by the
 * reader, with a warning. */
struct oci_capabilities {
	uint64_t bounding, effective, inheritable, permitted, ambient;
	/* For messages: where in the list each was that is in one. */
	struct oci_capability_places {
		uint16_t bounding[64], effective[64], inheritable[64], permitted[64], ambient[64];
	} at;
};

struct oci_rlimit {
	int resource;		/* RLIMIT_* of getrlimit(2) */
	const char *name;	/* "RLIMIT_NOFILE" */
	uint64_t soft, hard;	/* UINT64_MAX = unlimited */
};

/* sched_setattr(2); what is absent is 0. */
struct oci_scheduler {
	bool present;
	const char *name;	/* "SCHED_FIFO" */
	uint32_t policy;	/* SCHED_* */
	struct opt_i32 nice;	/* -20..19 */
	struct opt_u32 priority;	/* 0..99 */
	uint64_t flags;		/* SCHED_FLAG_* */
	struct opt_u64 runtime, deadline, period;	/* ns */
};

/* ioprio_set(2) */
struct oci_io_priority {
	bool present;
	const char *name;	/* "IOPRIO_CLASS_BE" */
	unsigned class;		/* IOPRIO_CLASS_* */
	uint32_t level;		/* 0 (highest) to 7 */
};

struct oci_exec_affinity {
	bool present;
	struct oci_bits initial, final;
};

struct oci_process {
	bool present;		/* the object was there at all */
	bool terminal;
	struct { bool set; uint16_t rows, cols; } console_size;
	char *cwd;
	struct strings args, env;
	struct oci_user user;
	bool has_capabilities;	/* absent means: all five sets empty */
	struct oci_capabilities capabilities;
	struct oci_rlimit *rlimits;
	size_t n_rlimits;
	char *apparmor_profile;	/* NULL or "" = none */
	char *selinux_label;	/* NULL or "" = none */
	bool no_new_privileges;
	struct opt_i32 oom_score_adj;
	struct oci_scheduler scheduler;
	struct oci_io_priority io_priority;
	struct oci_exec_affinity exec_affinity;
};

#endif
