/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `exec` knows of the process that it starts.  Runs on the host; private to exec*.c. */
#ifndef ORLOP_CONTAINER_EXECUTION_H
#define ORLOP_CONTAINER_EXECUTION_H

#include "config/config.h"
#include "container/container.h"
#include "launch/spawn.h"
#include "store/state.h"
#include "store/store.h"

struct execution {
	const struct exec_options *o;
	struct arena *arena;
	struct store *store;
	int dir, cgroup, agent, console, pidfd_socket, pid_file;
	struct state st;
	enum container_status status;
	struct oci_config *config;
	struct oci_process process;
	struct spawn spawn;
};

/* From the saved configuration, and from the file or the options that are given. */
int execution_plan(struct execution *x, struct error *err);
/* The container's cgroup, one below it, or that of its first process; what is opened is in x->cgroup. */
int execution_find_cgroup(struct execution *x, struct error *err);

#endif
