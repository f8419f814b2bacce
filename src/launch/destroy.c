/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a container, for `delete`, a finished `run`, and a `create` or `start` that failed. */
#include "launch/destroy.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "cgroup/cgroup.h"
#include "config/config.h"
#include "launch/foreground.h"
#include "launch/host_hooks.h"
#include "launch/host_mounts.h"
#include "launch/intelrdt.h"
#include "store/lookup.h"
#include "store/state.h"
#include "store/status.h"
#include "store/store.h"
#include "sys/mutate.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/trace.h"

/* The saved configuration, read before it is removed; NULL when no hook is to be run. */
static struct oci_config *load_hooks(struct arena *a, int dir, const struct state *st)
{
	struct oci_config *config;
	struct error err = {0};

	if (!st->has_poststop)
		return NULL;
	if (config_load(a, dir, STORE_CONFIG, &config, NULL, NULL, &err) == 0)
		return config;
	log_warning("poststop hooks of container `%s` are not run: its saved configuration: %s", st->id,
		    err.text);
	return NULL;
}

static void run_hooks(const struct oci_config *config, const struct state *st)
{
	struct error err = {0};

	foreground_release();
	if (host_hooks_run(HOOK_POSTSTOP, &config->hooks.list[HOOK_POSTSTOP], st, STATUS_STOPPED, 0, NULL,
			   &err) < 0)
		log_warning("poststop hooks of container `%s`: %s", st->id, err.text);
}

int container_kill_rest(const struct state *st, int pidfd, struct error *err)
{
	_cleanup_close_ int cgroup = -1;
	int r;

	if (pidfd >= 0) {
		r = sys_pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
		if (r < 0 && r != -ESRCH)
			return error_errno(err, r, "kill process %d", (int)st->init.pid);
	}
	/* Without an id it is not known to be ours: cgroup_open would not compare. */
	if (!st->cgroup_created || !st->cgroup_id)
		return 0;
	r = state_open_cgroup(st, &cgroup, err);
	if (r < 0 || cgroup < 0)
		return r;
	return cgroup_kill_all(cgroup, err);
}

static int wait_for_end(const struct state *st, int pidfd, struct error *err)
{
	int r = fd_wait(pidfd, POLLIN, DESTROY_TIMEOUT_MS);

	if (r < 0)
		return error_errno(err, r, "wait for the end of process %d", (int)st->init.pid);
	if (r == 0)
		return error_set(err, ETIMEDOUT, "process %d was killed and did not end within %d s: it waits "
				 "in the kernel (try again when that is over)", (int)st->init.pid,
				 DESTROY_TIMEOUT_MS / 1000);
	return 0;
}

/* Without systemd that is all that can be done, and no reason to stay: an empty scope ends. */
static void forget_unit(const struct state *st, bool stop)
{
	struct error err = {0};

	if (cgroup_unit_end(st->unit, st->unit_user, stop, &err) < 0)
		log_warning("the unit %s of systemd: %s", st->unit, err.text);
}

/* Who made it was killed while it waited for systemd, and with it the process in the scope: if there is one without
 * any, it is that. */
static void abandon_unit(const struct state *st)
{
	struct error err = {0};

	if (cgroup_unit_abandon(st->cgroup_root, st->cgroup_path, st->unit, st->unit_user, &err) < 0)
		log_warning("the unit %s of systemd: %s", st->unit, err.text);
}

/*
 * A unit is ours as long as its cgroup is the one that was made for the container; when that is gone, systemd has
 * stopped the unit by itself, and may only remember how it ended.
 */
static int end_unit(const struct state *st, struct error *err)
{
	_cleanup_close_ int cgroup = -1;
	int r = cgroup_open(st->cgroup_root, st->cgroup_path, st->cgroup_id, &cgroup, err);

	if (r == -ESTALE)
		return 0;
	if (r < 0 && r != -ENOENT)
		return r;
	if (cgroup >= 0)
		r = cgroup_kill_all(cgroup, err);
	if (cgroup >= 0 && r < 0)
		return r;
	memset(err, 0, sizeof(*err));
	forget_unit(st, cgroup >= 0);
	return 0;
}

/* It was there before: what we did to it is taken back, but for the limits, which the next one has, too. */
static int leave_cgroup(const struct state *st, struct error *err)
{
	_cleanup_close_ int cgroup = -1;
	int r = state_open_cgroup(st, &cgroup, err);

	return r < 0 || cgroup < 0 ? r : cgroup_leave(cgroup, st->cgroup_path, err);
}

static int remove_cgroup(const struct state *st, struct error *err)
{
	int r;

	if (st->unit && st->cgroup_path && !st->cgroup_id)
		abandon_unit(st);
	if (!st->cgroup_path || !st->cgroup_id)
		return 0;
	if (!st->cgroup_created)
		return leave_cgroup(st, err);
	r = st->unit ? end_unit(st, err) : 0;
	if (r < 0)
		return r;
	return cgroup_destroy(st->cgroup_root, st->cgroup_path, st->cgroup_id, st->cgroup_created_above,
			      true, DESTROY_TIMEOUT_MS, err);
}

static int destroy(struct store *store, const char *id, const struct state *st, struct error *err)
{
	_cleanup_close_ int pidfd = -1;
	int r = state_open_init(st, &pidfd, err);

	if (r == 0 && pidfd >= 0)
		r = container_kill_rest(st, pidfd, err);
	if (r == 0 && pidfd >= 0)
		r = wait_for_end(st, pidfd, err);
	if (r == 0)
		r = host_mounts_remove(st, err);
	if (r == 0)
		r = remove_cgroup(st, err);
	if (r == 0)
		r = container_intelrdt_remove(st, err);
	return r < 0 && !MUTATE(T105) ? r : store_remove(store, id, err);
}

int container_destroy(struct store *store, const char *id, int dir, const struct state *st,
		      bool run_poststop, struct error *err)
{
	TRACE("clean up", NULL);
	struct arena *a = arena_new();
	struct oci_config *config;
	int r = store_lock(dir, true, STORE_LOCK_MS, err);

	if (r == 0)
		r = store_look_at(store, id, dir, err);
	if (r > 0) {
		config = run_poststop ? load_hooks(a, dir, st) : NULL;
		r = destroy(store, id, st, err);
		if (r == 0 && config)
			run_hooks(config, st);
	}
	arena_free(a);
	if (r == 0)
		log_debug("container `%s` is removed", id);
	return r < 0 ? error_in(err, "delete container `%s`", id) : 0;
}
