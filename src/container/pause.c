/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `pause` and `resume`: the freezer of the container's cgroup. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "container/container.h"
#include "oci/names.h"
#include "store/lookup.h"
#include "store/state.h"
#include "store/status.h"
#include "util/cleanup.h"
#include "util/str.h"

#define FREEZE_TIMEOUT_MS 10000

static int check_status(const struct container *c, bool freeze, struct error *err)
{
	if (!freeze && c->status != STATUS_PAUSED)
		return error_of(err, ERROR_CONTAINER_STATE, EINVAL,
				"container not paused: container `%s` is %s",
				c->state.id, container_status_names[c->status]);
	if (freeze && (c->status == STATUS_STOPPED || c->status == STATUS_CREATING))
		return error_of(err, ERROR_CONTAINER_STATE, ESRCH,
				"container not running: container `%s` is %s",
				c->state.id, container_status_names[c->status]);
	if (freeze && c->status == STATUS_PAUSED)
		return error_of(err, ERROR_CONTAINER_STATE, EINVAL, "container `%s` is paused already", c->state.id);
	return 0;
}

/* Signals that end us, to be waited for: they stay blocked, as whoever is killed after a success has not told it. */
static int open_signals(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction now;
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (sigaction(signals[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			sigaddset(&set, signals[i]);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd >= 0)
		sigprocmask(SIG_BLOCK, &set, NULL);
	return fd;
}

static int freeze_patiently(int cgroup, struct error *err)
{
	_cleanup_close_ int signals = open_signals();
	int r = cgroup_freeze(cgroup, true, FREEZE_TIMEOUT_MS, signals, err);
	struct signalfd_siginfo info;
	char name[16];

	if (r == -EINTR && read(signals, &info, sizeof(info)) == sizeof(info))
		error_in(err, "interrupted by %s", signal_name((int)info.ssi_signo, name));
	return r;
}

/* Somebody may have moved it; an empty cgroup freezes, too. */
static int check_inside(const struct container *c, int cgroup, struct error *err)
{
	_cleanup_free_ pid_t *pids = NULL;
	size_t n = 0;
	int r = cgroup_procs(cgroup, &pids, &n, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		if (pids[i] == c->state.init.pid)
			return 0;
	return error_set(err, ESTALE, "process %d of the container is not in its cgroup %s any more: somebody has "
			 "moved it", (int)c->state.init.pid, c->state.cgroup_path);
}

static int set_frozen(const struct global_options *g, const char *id, bool freeze, struct error *err)
{
	_cleanup_(container_release) struct container c = CONTAINER_INIT;
	_cleanup_close_ int cgroup = -1;
	int r = container_lookup(g, id, LOOKUP_LOCKED_IF_MADE, &c, err);

	if (r == 0)
		r = check_status(&c, freeze, err);
	if (r == 0)
		r = state_open_cgroup(&c.state, &cgroup, err);
	if (r < 0)
		return r;
	if (cgroup < 0)
		return error_set(err, ENOENT, "container `%s` has no cgroup, and only a cgroup can be paused",
				 id);
	if (freeze)
		r = check_inside(&c, cgroup, err);
	if (r == 0)
		r = freeze ? freeze_patiently(cgroup, err) : cgroup_freeze(cgroup, false, FREEZE_TIMEOUT_MS, -1, err);
	return r < 0 ? error_in(err, "%s container `%s`", freeze ? "pause" : "resume", id) : 0;
}

int container_pause(const struct global_options *g, const char *id, struct error *err)
{
	return set_frozen(g, id, true, err);
}

int container_resume(const struct global_options *g, const char *id, struct error *err)
{
	return set_frozen(g, id, false, err);
}
