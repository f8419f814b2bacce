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
	int dir, agent, console, pidfd_socket, pid_file;
	int cgroup;			/* the container's, or where its first process is if that is gone; -1: none */
	int sub_cgroup;			/* below it, where the new process goes; -1: into it */
	struct state st;
	enum container_status status;
	struct oci_config *config;
	struct oci_process process;
	struct spawn spawn;
};

/* From the saved configuration, and from the file or the options that are given. */
int execution_plan(struct execution *x, struct error *err);
/* Fills in the two, and what of x->spawn is about them. */
int execution_find_cgroup(struct execution *x, struct error *err);

#endif
