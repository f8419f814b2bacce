/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `kill`: a signal for init, through its pidfd, so that a recycled number is never hit (rule R14).
 * Takes no lock, because a `start` that hangs in its hooks must be killable.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "cgroup/cgroup.h"
#include "container/container.h"
#include "launch/destroy.h"
#include "store/lookup.h"
#include "store/status.h"
#include "sys/mutate.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"

/* Engines look for both halves of it. */
static int not_running(const struct container *c, struct error *err)
{
	return error_of(err, ERROR_CONTAINER_STATE, ESRCH, "container not running: `%s` has ended (no such process)",
			c->state.id);
}

static int signal_init(const struct container *c, int sig, struct error *err)
{
	int r;

	if (c->pidfd < 0)
		return not_running(c, err);
	r = sys_pidfd_send_signal(c->pidfd, sig, NULL, 0);
	if (r == -ESRCH)
		return not_running(c, err);
	return r < 0 ? error_errno(err, r, "send signal %d to process %d", sig, (int)c->state.init.pid) : 0;
}

/* --all: everything in the cgroup, also what init left behind when it ended. */
static int signal_cgroup(const struct container *c, int sig, struct error *err)
{
	_cleanup_close_ int cgroup = -1;
	int r = state_open_cgroup(&c->state, &cgroup, err);

	if (r < 0)
		return r;
	if (cgroup < 0 && c->pidfd < 0)
		return 0;
	/* All processes of an own pid namespace die with process 1, cgroup or not. */
	if (cgroup < 0 && sig == SIGKILL && c->state.own_pidns)
		return signal_init(c, sig, err);
	if (cgroup < 0)
		return error_set(err, ENOENT, "container `%s` has no cgroup, so its processes are not known: "
				 "--all is not possible", c->state.id);
	if (sig == SIGKILL)
		return cgroup_kill_all(cgroup, err);
	return cgroup_signal_all(cgroup, sig, err);
}

/* Init has ended.  Without a pid namespace of its own the others live on. */
static int kill_left(const struct container *c, struct error *err)
{
	_cleanup_close_ int cgroup = -1;
	_cleanup_free_ pid_t *pids = NULL;
	size_t n = 0;
	int r;

	/* Without an id it is not known to be ours: cgroup_open would not compare. */
	if (c->state.own_pidns || !c->state.cgroup_created || !c->state.cgroup_id)
		return not_running(c, err);
	r = state_open_cgroup(&c->state, &cgroup, err);
	if (r == 0 && cgroup >= 0)
		r = cgroup_procs(cgroup, &pids, &n, err);
	if (r < 0)
		return r;
	return n ? cgroup_kill_all(cgroup, err) : not_running(c, err);
}

int container_kill(const struct global_options *g, const char *id, int sig, bool all,
		   struct error *err)
{
	_cleanup_(container_release) struct container c = CONTAINER_INIT;
	int r = container_lookup(g, id, LOOKUP, &c, err);

	if (r < 0)
		return r;
	/* runtime-spec runtime.md#kill: neither created nor running */
	if (c.status == STATUS_CREATING)
		return not_running(&c, err);
	if (all)
		return signal_cgroup(&c, sig, err);
	if (c.status == STATUS_STOPPED)
		return sig == SIGKILL ? kill_left(&c, err) : not_running(&c, err);
	/* Without a pid namespace of its own the others would live on. */
	if (sig == SIGKILL && !c.state.own_pidns && !MUTATE(T103))
		return container_kill_rest(&c.state, c.pidfd, err);
	return signal_init(&c, sig, err);
}
