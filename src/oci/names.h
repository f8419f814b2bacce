/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Name tables that belong to no single type. */
#ifndef ORLOP_OCI_NAMES_H
#define ORLOP_OCI_NAMES_H

#include "util/str.h"

extern const struct name_value capability_names[];	/* "CAP_CHOWN" -> 0 */
extern const size_t n_capability_names;

extern const struct name_value rlimit_names[];		/* "RLIMIT_NOFILE" -> RLIMIT_NOFILE */
extern const size_t n_rlimit_names;

extern const struct name_value signal_names[];		/* "TERM" -> SIGTERM */
extern const size_t n_signal_names;

/*
 * "TERM", "SIGTERM", "sigterm", "15", "RTMIN+3": a signal number 0..64, or -EINVAL.
 * 0 is the null signal of kill(2).
 */
int signal_parse(const char *word);

#endif
