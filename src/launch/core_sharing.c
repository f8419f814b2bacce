/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sharing the core scheduling cookie of another container.  Runs on the host: the new container's process does not see
 * the other one's, as they have different pid namespaces.
 */
#include "launch/core_sharing.h"

#include <errno.h>

#include "oci/annotations.h"
#include "security/core_sched.h"
#include "store/lookup.h"
#include "util/cleanup.h"

/* A process may live of one that is not wholly made: it has no cookie that would stay. */
static int find(const struct global_options *g, const char *id, struct container *ret, struct error *err)
{
	int r = container_lookup(g, id, LOOKUP, ret, err);

	if (r == 0 && (ret->pidfd < 0 || ret->status == STATUS_CREATING || ret->status == STATUS_STOPPED))
		r = error_of(err, ERROR_CONTAINER_STATE, ESRCH, "container `%s` is %s", id,
			     container_status_names[ret->status]);
	return r < 0 ? error_at(err, "/annotations/" ANNOTATION_CORE_SCHED) : 0;
}

int core_sharing_check(const struct global_options *g, const struct plan *p, struct error *err)
{
	_cleanup_(container_release) struct container other = CONTAINER_INIT;
	const char *id = p->security.core_sched_with;
	int r = id ? find(g, id, &other, err) : 0;

	return id && r == 0 ? core_sched_check_other(other.state.init.pid, id, err) : r;
}

int core_sharing_apply(const struct global_options *g, const struct plan *p, pid_t process, struct error *err)
{
	_cleanup_(container_release) struct container other = CONTAINER_INIT;
	const char *id = p->security.core_sched_with;
	int r = id ? find(g, id, &other, err) : 0;

	return id && r == 0 ? core_sched_give(other.state.init.pid, other.pidfd, process, err) : r;
}
