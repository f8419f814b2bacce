/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs on the host. */
#include "launch/patience.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "launch/spawn.h"
#include "util/clock.h"
#include "util/fd.h"

#define EXEC_TIMEOUT_MS 30000		/* the program may lie on a slow disk */
#define STOPPED_SLICES 6		/* a debugger that attaches stops it for a moment */

uint64_t patience_for(const struct plan *p, bool exec)
{
	const struct oci_hook_list *hooks = exec ? NULL : &p->hooks->list[HOOK_START_CONTAINER];
	uint64_t ms = EXEC_TIMEOUT_MS;

	if (!hooks || hooks->n == 0)
		return p->security.seccomp_agent ? AGENT_TIMEOUT_MS : ms;
	for (size_t i = 0; i < hooks->n; i++) {
		if (!hooks->v[i].timeout_s.set || hooks->v[i].timeout_s.v > INT32_MAX)
			return 0;
		ms += 1000 * (uint64_t)hooks->v[i].timeout_s.v;
	}
	return ms;
}

void patience_begin(struct patience *p, int proc_pid, uint64_t ms, bool agent)
{
	*p = (struct patience){
		.proc = proc_pid, .until = ms ? clock_now_ms() + (int64_t)ms : INT64_MAX, .agent = agent,
	};
}

/* The letter after the name, which may have any character: proc_pid_stat(5). */
static char state_of(int proc_pid)
{
	char text[512];
	siginfo_t info = {0};
	const char *end;
	ssize_t n;

	if (proc_pid < 0)
		return waitid(P_ALL, 0, &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 && info.si_pid > 0 ? 'T' : '?';
	n = fd_read_pseudo(proc_pid, "stat", text, sizeof(text));
	end = n > 0 ? strrchr(text, ')') : NULL;
	return end && end[1] == ' ' ? end[2] : '?';
}

int patience_check(struct patience *p, struct error *err)
{
	char state = state_of(p->proc);
	bool late = clock_now_ms() >= p->until;

	p->stopped = state == 'T' || state == 't' ? p->stopped + 1 : 0;
	if (p->stopped < STOPPED_SLICES && !late)
		return 0;
	if (p->stopped)
		error_set(err, ETIMEDOUT, "the process was stopped before it executed its program, and was killed: %s",
			  state == 't' ? "something traces it"
				       : "something in its container sent it a signal");
	else if (p->agent)
		error_set(err, ETIMEDOUT, "the program did not start in time, and its process was killed: the seccomp "
			  "agent of the container has not answered its system calls");
	else
		error_set(err, ETIMEDOUT, "the program did not start in time, and its process was killed (is its "
			  "cgroup frozen, or a file system too slow?)");
	return -ETIMEDOUT;
}
