/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process itself: arguments, environment, directory, descriptors; for `create`, `run` and `exec`
 * alike.  Runs in the parent, before the first side effect; makes no system call.
 */
#include "plan/parts.h"

#include <errno.h>
#include <linux/sched.h>
#include <stdlib.h>
#include <string.h>

#include "util/str.h"

/* LISTEN_FDS and --preserve-fds together; far below any limit on open files worth having. */
#define KEEP_FDS_MAX 65536

/* The caller's socket is not in the container, and another one that is named there would not be used. */
static char *const *with_notify(struct arena *a, const struct strings *env)
{
	static const char name[] = "NOTIFY_SOCKET=";
	char **all = arena_new_array(a, char *, env->n + 2);
	size_t n = 0;

	for (size_t i = 0; i < env->n; i++)
		if (!str_starts(env->v[i], name))
			all[n++] = env->v[i];
	all[n] = arena_printf(a, "%s" PLAN_NOTIFY_SOCKET, name);
	return all;
}

static char *const *or_empty(struct arena *a, const struct strings *s)
{
	return s->v ? s->v : arena_new_array(a, char *, 1);
}

/* The last entry counts, and an empty HOME is none: so engines pass on one that is not set. */
static bool has_home(const struct strings *env)
{
	for (size_t i = env->n; i-- > 0;)
		if (str_starts(env->v[i], "HOME="))
			return env->v[i][strlen("HOME=")] != '\0';
	return false;
}

static bool has_userns(const struct oci_linux *l)
{
	for (size_t i = 0; i < l->n_namespaces; i++)
		if (l->namespaces[i].flag == CLONE_NEWUSER)
			return true;
	return false;
}

static const struct oci_bits *or_null(const struct oci_bits *b)
{
	return b->n_bits ? b : NULL;
}

/* The last two are the container's, so those of `exec` too. */
static void plan_attributes(struct plan_process *pp, const struct oci_linux *l,
			    const struct oci_process *process, bool exec, bool rootless, bool clone_last)
{
	const struct oci_scheduler *s = &process->scheduler;

	if (s->present || process->io_priority.present)
		pp->scheduled_by_parent = !rootless && has_userns(l);
	/* A clone does not pass these on, or is refused: sched(7). */
	if (s->present && clone_last && (s->policy == SCHED_DEADLINE || (s->flags & SCHED_FLAG_RESET_ON_FORK)))
		pp->scheduled_by_parent = true;
	if (exec) {
		pp->initial_affinity = or_null(&process->exec_affinity.initial);
		pp->affinity = or_null(&process->exec_affinity.final);
	}
	if (l->memory_policy.present)
		pp->memory_policy = &l->memory_policy;
	if (l->personality.present)
		pp->personality = (struct opt_u64){true, l->personality.domain};
}

static int compare_ids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static bool has_twice(const struct oci_user *u)
{
	size_t n = u->n_additional_gids, size = n * sizeof(uint32_t);
	uint32_t *sorted = n > 1 ? xmalloc(size) : NULL;
	bool found = false;

	if (!sorted)
		return false;
	memcpy(sorted, u->additional_gids, size);
	qsort(sorted, n, sizeof(uint32_t), compare_ids);
	for (size_t i = 1; i < n && !found; i++)
		found = sorted[i] == sorted[i - 1];
	free(sorted);
	return found;
}

static bool has_id(const uint32_t *v, size_t n, uint32_t id)
{
	while (n > 0)
		if (v[--n] == id)
			return true;
	return false;
}

/* setgroups(2) would keep a group as often as it is named. */
static const struct oci_process *groups_once(struct arena *a, const struct oci_process *process)
{
	const struct oci_user *u = &process->user;
	struct oci_process *copy;
	uint32_t *ids;
	size_t n = 0;

	if (!has_twice(u))
		return process;
	copy = arena_new_array(a, struct oci_process, 1);
	ids = arena_new_array(a, uint32_t, u->n_additional_gids);
	for (size_t i = 0; i < u->n_additional_gids; i++)
		if (!has_id(ids, n, u->additional_gids[i]))
			ids[n++] = u->additional_gids[i];
	*copy = *process;
	copy->user.additional_gids = ids;
	copy->user.n_additional_gids = n;
	return copy;
}

int plan_process(struct arena *a, struct plan *p, const struct oci_process *process,
		 const struct facts *f, const struct plan_options *o, struct error *err)
{
	struct plan_process *pp = &p->process;

	(void)f;
	if (process->present && process->args.n == 0)
		return error_config(err, "/process/args", "there is nothing to run: at least one entry is "
				    "needed");
	if (o->preserve_fds > KEEP_FDS_MAX || o->listen_fds > KEEP_FDS_MAX)
		return error_set(err, E2BIG, "%u descriptors to preserve and %u in LISTEN_FDS: at most %d "
				 "of each are possible", o->preserve_fds, o->listen_fds, KEEP_FDS_MAX);

	pp->oci = groups_once(a, process);
	pp->argv = or_empty(a, &process->args);
	pp->envp = o->notify ? with_notify(a, &process->env) : or_empty(a, &process->env);
	pp->add_home = !has_home(&process->env);
	pp->cwd = process->cwd ? process->cwd : "/";
	pp->umask = process->user.umask.set ? process->user.umask.v : 022;
	pp->terminal = process->terminal;
	pp->die_with_parent = o->die_with_parent;
	pp->keep_fds = o->listen_fds + o->preserve_fds;
	pp->listen_fds = o->listen_fds;
	pp->listen_names = o->listen_fds && o->listen_names ? arena_strdup(a, o->listen_names) : NULL;
	pp->new_keyring = !o->no_new_keyring;
	pp->keep_groups = plan_keeps_groups(p->config);
	pp->oom_optional = o->rootless;
	plan_attributes(pp, &p->config->linux_, process, process != &p->config->process,
			o->rootless,
			process != &p->config->process || p->ns.clone_last);
	return 0;
}
