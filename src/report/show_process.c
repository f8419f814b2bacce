/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process of a plan, and the hooks around it. */
#include "report/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

#include "oci/hooks.h"

void show_hooks(struct steps *s, const struct plan *p, enum oci_hook_kind kind)
{
	for (size_t i = 0; i < p->hooks->list[kind].n; i++) {
		const struct oci_hook *hook = &p->hooks->list[kind].v[i];
		char where[64];

		snprintf(where, sizeof(where), "/hooks/%s/%zu", oci_hook_names[kind], i);
		steps_begin(s, "hook");
		steps_text(s, "kind", oci_hook_names[kind]);
		steps_text(s, "path", hook->path);
		steps_list(s, "args", &hook->args);
		if (hook->timeout_s.set)
			steps_number(s, "timeout", (uint64_t)hook->timeout_s.v);
		steps_end(s, where);
	}
}

static void limit(struct steps *s, const char *key, uint64_t v)
{
	if (v == RLIM_INFINITY)
		steps_text(s, key, "unlimited");
	else
		steps_number(s, key, v);
}

static void show_limits(struct steps *s, const struct oci_process *o)
{
	for (size_t i = 0; i < o->n_rlimits; i++) {
		char where[48];

		snprintf(where, sizeof(where), "/process/rlimits/%zu", i);
		steps_begin(s, "rlimit");
		steps_text(s, "type", o->rlimits[i].name);
		limit(s, "soft", o->rlimits[i].soft);
		limit(s, "hard", o->rlimits[i].hard);
		steps_end(s, where);
	}
}

static void show_scheduling(struct steps *s, const struct plan *plan)
{
	const struct plan_process *p = &plan->process;
	const struct oci_process *o = p->oci;

	if (o->oom_score_adj.set) {
		steps_begin(s, "oom-score");
		steps_format(s, "value", "%d", o->oom_score_adj.v);
		steps_end(s, "/process/oomScoreAdj");
	}
	if (o->scheduler.present) {
		steps_begin(s, "scheduler");
		steps_text(s, "policy", o->scheduler.name);
		steps_format(s, "nice", "%d", o->scheduler.nice.v);
		steps_number(s, "priority", o->scheduler.priority.v);
		steps_end(s, "/process/scheduler");
	}
	if (o->io_priority.present) {
		steps_begin(s, "io-priority");
		steps_text(s, "class", o->io_priority.name);
		steps_number(s, "priority", o->io_priority.level);
		steps_end(s, "/process/ioPriority");
	}
	steps_one(s, "affinity", "cpus", p->affinity ? p->affinity->text : NULL, "/process/execCPUAffinity");
	if (p->memory_policy)
		steps_one(s, "memory-policy", "mode", p->memory_policy->name, "/linux/memoryPolicy");
	if (p->personality.set)
		steps_one(s, "personality", "domain", plan->config->linux_.personality.name, "/linux/personality");
}

static void show_user(struct steps *s, const struct plan_process *p)
{
	const struct oci_user *u = &p->oci->user;

	steps_begin(s, "user");
	steps_number(s, "uid", u->uid);
	steps_number(s, "gid", u->gid);
	steps_format(s, "umask", "%04o", p->umask);
	if (u->n_additional_gids)
		steps_number(s, "groups", u->n_additional_gids);
	steps_flag(s, "groups-of-caller", p->keep_groups);
	steps_end(s, "/process/user");
}

void show_process(struct steps *s, const struct plan *p)
{
	const struct plan_process *x = &p->process;

	if (x->new_keyring)
		steps_one(s, "keyring", "new", "session", NULL);
	show_scheduling(s, p);
	steps_one(s, "directory", "enter", x->cwd, "/process/cwd");
	show_limits(s, x->oci);
	show_user(s, x);
}

void show_execution(struct steps *s, const struct plan *p)
{
	const struct plan_process *x = &p->process;
	struct strings args = {0};

	args.v = (char **)x->argv;
	while (args.v[args.n])
		args.n++;
	steps_begin(s, "execute");
	steps_list(s, "args", &args);
	steps_flag(s, "terminal", x->terminal);
	steps_flag(s, "home-of-passwd", x->add_home);
	steps_end(s, "/process/args");
}
