/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The agent that answers for system calls with SCMP_ACT_NOTIFY.  Private to launch/ and container/. */
#ifndef ORLOP_LAUNCH_AGENT_H
#define ORLOP_LAUNCH_AGENT_H

#include "store/state.h"
#include "plan/plan.h"
#include "util/error.h"

/* Connect to its socket, before the first side effect; *ret stays as it is when the plan has none. */
int agent_connect(const struct plan *p, int *ret, struct error *err);

/*
 * Send the container process state with @listener (borrowed), and close the connection.  @pid: of the
 * process that is filtered; @status: of the container @st.
 */
int agent_send(int *connection, const struct plan *p, const struct state *st,
	       enum container_status status, pid_t pid, int listener, struct error *err);

#endif
