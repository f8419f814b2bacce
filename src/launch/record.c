/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The id is taken, and what will be made is written down.  Runs on the host. */
#include "launch/creation.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "launch/host_mounts.h"
#include "launch/options.h"
#include "launch/patience.h"
#include "store/lookup.h"
#include "store/status.h"
#include "sys/mutate.h"
#include "util/cleanup.h"
#include "util/fd.h"

static void describe(struct creation *c)
{
	const struct plan *p = c->plan;
	struct state *st = &c->st;

	st->id = (char *)p->id;
	st->bundle = (char *)p->bundle;
	st->rootfs = (char *)p->rootfs.path;
	state_set_created(st);
	st->owner_uid = getuid();
	/* Where systemd makes it exactly, it will tell. */
	st->unit = p->cgroup.mode == PLAN_CGROUP_SYSTEMD ? (char *)p->cgroup.unit.name : NULL;
	st->unit_user = p->cgroup.unit.user;
	if (p->cgroup.mode != PLAN_CGROUP_NONE) {
		st->cgroup_root = (char *)p->cgroup.root;
		st->cgroup_path = (char *)p->cgroup.path;
	}
	st->ns_flags = plan_ns_made(p);
	for (size_t i = 0; i < p->ns.n_joins; i++)
		st->ns_flags |= p->ns.joins[i].flag;
	st->has_process = p->has_process;
	st->has_poststart = p->hooks->list[HOOK_POSTSTART].n > 0;
	st->has_poststop = p->hooks->list[HOOK_POSTSTOP].n > 0;
	st->agent_answers = p->has_process && p->security.seccomp_agent;
	st->start_timeout_ms = patience_for(p, false);
	st->terminal = p->has_process && p->process.terminal;
	st->rootless = p->rootless;
	st->creating = true;
	st->notify = c->notify.host >= 0 && !c->notify.runtime;
	st->own_pidns = p->ns.create & CLONE_NEWPID;
	st->annotations = p->config->annotations;
}

/* What it is that has the id, as far as can be told. */
static int explain_existing(const struct creation *c, struct error *err)
{
	_cleanup_(container_release) struct container there = CONTAINER_INIT;
	struct error none = {0};
	char pid[24] = "";

	if (container_lookup(c->o->global, c->o->id, LOOKUP, &there, &none) < 0)
		return -EEXIST;
	if (there.pidfd >= 0)
		snprintf(pid, sizeof(pid), "pid %d, ", (int)there.state.init.pid);
	error_of(err, ERROR_CONTAINER_EXISTS, EEXIST,
		 "container `%s` already exists: it is %s, %smade at %.19sZ",
		 c->o->id, container_status_names[there.status], pid, there.state.created);
	return error_hint(err, "`orlop delete%s %s` removes it%s", there.status == STATUS_STOPPED ? "" : " --force",
			  c->o->id, c->o->restore || c->o->replace ? "" :
			  "; with --replace the new one takes its place");
}

/*
 * The id is taken, and what will be made is written down before it is made: `delete --force` finds it
 * even if we are killed in between.
 */
int creation_record(struct creation *c, struct error *err)
{
	int r = store_open(c->o->global->root, true, &c->store, err);

	if (r == 0)
		r = store_create(c->store, c->o->id, &c->dir, err);
	if (r == -EEXIST)
		return explain_existing(c, err);
	if (r < 0)
		return r;
	describe(c);
	if (MUTATE(T53))
		return 0;
	if (c->plan->rootfs.host_mounts) {
		r = host_mounts_below(c->plan->rootfs.path, &c->st.host_mount, err);
		if (r < 0)
			return r;
	}
	r = fd_write_atomic(c->dir, STORE_CONFIG, c->config_text, c->config_len, 0600);
	if (r < 0)
		return error_errno(err, r, "save the configuration in %s/%s", store_path(c->store),
				   c->o->id);
	return state_write(c->dir, &c->st, err);
}
