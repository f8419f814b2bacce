/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Name tables that belong to no single type. */
#ifndef ORLOP_OCI_NAMES_H
#define ORLOP_OCI_NAMES_H

#include "util/str.h"

/* "CAP_CHOWN" -> 0; -1: libcap has no such name.  In the case of the specification alone. */
int capability_number(const char *name);
/* 0 -> "CAP_CHOWN", in @buf; NULL: libcap has no name for it. */
const char *capability_name(unsigned number, char buf[32]);
/* The name from which @word, which is none, differs by one letter, in @buf; or NULL. */
const char *capability_nearest(const char *word, char buf[32]);
/* "CAP_CHOWN,CAP_KILL" for a set of bits, by cap_iab_to_text(3); malloc'ed. */
char *capability_list(uint64_t set);

extern const struct name_value rlimit_names[];		/* "RLIMIT_NOFILE" -> RLIMIT_NOFILE */
extern const size_t n_rlimit_names;

/* attributes.c */
extern const struct name_value scheduler_policy_names[];	/* "SCHED_FIFO" -> SCHED_FIFO */
extern const size_t n_scheduler_policy_names;
extern const struct name_value scheduler_flag_names[];	/* "SCHED_FLAG_RECLAIM" */
extern const size_t n_scheduler_flag_names;
extern const struct name_value io_class_names[];	/* "IOPRIO_CLASS_BE" -> 2 */
extern const size_t n_io_class_names;
extern const struct name_value memory_mode_names[];	/* "MPOL_BIND" -> MPOL_BIND */
extern const size_t n_memory_mode_names;
extern const struct name_value memory_flag_names[];	/* "MPOL_F_STATIC_NODES" */
extern const size_t n_memory_flag_names;
extern const struct name_value personality_names[];	/* "LINUX32" -> PER_LINUX32 */
extern const size_t n_personality_names;

extern const struct name_value signal_names[];		/* "TERM" -> SIGTERM */
extern const size_t n_signal_names;

/*
 * "TERM", "SIGTERM", "sigterm", "15", "RTMIN+3": a signal number 0..64, or -EINVAL.
 * 0 is the null signal of kill(2).
 */
int signal_parse(const char *word);
/* "SIGTERM", "SIGRTMIN+3", "signal 33": written to @buf, which is returned. */
const char *signal_name(int sig, char buf[16]);

#endif
