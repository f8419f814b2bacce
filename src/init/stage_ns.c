/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stages: into the namespaces.  Run in the container process, first of all. */
#include "init/protocol_receive.h"
#include "init/stages.h"
#include "ns/ns.h"
#include "sys/compat.h"
#include "util/cleanup.h"

#include <errno.h>
#include <sched.h>
#include <unistd.h>


/*
 * Needs: CAP_SYS_ADMIN and CAP_SYS_TIME in our user namespace, new or not; our files in /proc to be our own
 * still: before the maps in a new user namespace, while we are dumpable.
 * Does: make a time namespace, set its clocks, enter it.
 * Must not: touch other files, see stage_maps; keep the host's /proc (rule R8).
 */
int stage_time(struct stage_context *c, struct error *err)
{
	const struct plan_ns *ns = &c->p->ns;
	_cleanup_close_ int offsets = -1;
	int r;

	if (!ns->time_offsets || ns->time_in_launcher || ns->userns_first)
		return 0;
	offsets = ns_time_open(c->h->proc, err);
	if (offsets < 0)
		return offsets;
	r = ns_time_make(ns, offsets, err);
	if (r == 0)
		r = ns_time_enter(c->h->proc, err);
	close(c->h->proc);
	c->h->proc = -1;
	return r;
}

/*
 * Needs: a new user namespace, unmapped; or a cgroup that no process can be made in (pids.max 0).
 * Does: wait until the parent has written the maps, and moved us, become 0:0 inside, or the user.
 * Must not: touch files before: its ids are the overflow ids.
 */
int stage_maps(struct stage_context *c, struct error *err)
{
	int r;

	if (!(c->conv.flags & CONV_MAPS))
		return 0;
	r = conversation_expect(&c->conv, MSG_MAPS_DONE, -1, -1, NULL, err);
	if (r == 0 && c->p->ns.idmap != IDMAP_NONE)
		r = ns_become_root(c->p->has_process ? &c->p->process.oci->user : NULL,
				   c->p->process.keep_groups, err);
	return r < 0 ? r : stage_go_dark(err);
}

/*
 * Needs: CAP_SYS_ADMIN in the user namespace that owns each namespace.
 * Does: enter the namespaces given by path (mount last: it changes "/"); make the cgroup namespace,
 * which takes the cgroup its maker is in for its root (cgroup_namespaces(7)), so not in clone3.
 */
int stage_namespaces(struct stage_context *c, struct error *err)
{
	const struct plan_ns *ns = &c->p->ns;
	int r;

	r = ns_enter_joins(ns, c->h->joins, ~(ns->launcher_joins | CLONE_NEWPID), err);
	if (r < 0)
		return r;
	if ((ns->unshare & CLONE_NEWCGROUP) && unshare(CLONE_NEWCGROUP) < 0)
		return error_hint_limits(err, error_errno(err, errno, "make a cgroup namespace"));
	return 0;
}

/* Does: host name, domain name, the loopback interface. */
int stage_names(struct stage_context *c, struct error *err)
{
	int r = ns_set_names(&c->p->ns, err);

	if (r < 0 || !c->p->ns.loopback_up)
		return r;
	return ns_loopback_up(err);
}
