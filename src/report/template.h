/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configurations that `spec` writes. */
#ifndef ORLOP_REPORT_TEMPLATE_H
#define ORLOP_REPORT_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "oci/types.h"
#include "store/options.h"
#include "util/error.h"
#include "util/mem.h"

struct template {
	bool rootless;
	uid_t uid;			/* what becomes 0 in the container, when rootless */
	gid_t gid;
	int bundle;			/* its directory */
	const char *rootfs;		/* as in config.json; NULL: rootfs */
	const char *profile;		/* NULL: the one without a name */
	const char *user;		/* "USER[:GROUP]", names or numbers; NULL: root */
	const char *net;		/* "host", "none"; NULL: host if rootless, else none */
	bool no_terminal;
	int64_t memory;			/* bytes; 0: no limit */
	uint64_t cpu_quota;		/* microseconds in TEMPLATE_CPU_PERIOD; 0: no limit */
	struct strings args;		/* none: a shell */
	struct strings env;		/* "NAME=VALUE" */
	struct strings mounts;		/* "SOURCE:DESTINATION[:OPTION,...]" */
};

#define TEMPLATE_CPU_PERIOD 100000u

/* The text of a configuration; malloc'ed.  What is written is one that `check` has no error for. */
int template_text(const struct template *t, char **ret, size_t *ret_len, struct error *err);

/*
 * That of a container, with the limits that hold, for a second one like it: with absolute paths, as its bundle will be
 * another, and without its cgroup, which is its own.
 */
int template_copy(const struct global_options *g, const char *id, char **ret, size_t *ret_len, struct error *err);

#endif
