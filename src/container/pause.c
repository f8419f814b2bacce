/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `pause` and `resume`: the freezer of the container's cgroup. */
#include <errno.h>
#include <string.h>

#include "cgroup/cgroup.h"
#include "container/container.h"
#include "store/lookup.h"
#include "store/state.h"
#include "store/status.h"
#include "util/cleanup.h"

#define FREEZE_TIMEOUT_MS 10000

static int check_status(const struct container *c, bool freeze, struct error *err)
{
	if (!freeze && c->status != STATUS_PAUSED)
		return error_set(err, EINVAL, "container not paused: container `%s` is %s", c->state.id,
				 container_status_names[c->status]);
	if (freeze && (c->status == STATUS_STOPPED || c->status == STATUS_CREATING))
		return error_set(err, ESRCH, "container not running: container `%s` is %s", c->state.id,
				 container_status_names[c->status]);
	if (freeze && c->status == STATUS_PAUSED)
		return error_set(err, EINVAL, "container `%s` is paused already", c->state.id);
	return 0;
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
	r = cgroup_freeze(cgroup, freeze, FREEZE_TIMEOUT_MS, err);
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
