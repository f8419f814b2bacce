/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process itself: arguments, environment, directory, descriptors; for `create`, `run` and `exec`
 * alike.  Runs in the parent, before the first side effect; makes no system call.
 */
#include "plan/parts.h"

#include <errno.h>
#include <linux/sched.h>

#include "util/str.h"

/* LISTEN_FDS and --preserve-fds together; far below any limit on open files worth having. */
#define KEEP_FDS_MAX 65536

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
			    const struct oci_process *process, bool exec, bool rootless)
{
	if (process->scheduler.present || process->io_priority.present)
		pp->scheduled_by_parent = !rootless && has_userns(l);
	if (exec) {
		pp->initial_affinity = or_null(&process->exec_affinity.initial);
		pp->affinity = or_null(&process->exec_affinity.final);
	}
	if (l->memory_policy.present)
		pp->memory_policy = &l->memory_policy;
	if (l->personality.present)
		pp->personality = (struct opt_u64){true, l->personality.domain};
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

	pp->oci = process;
	pp->argv = or_empty(a, &process->args);
	pp->envp = or_empty(a, &process->env);
	pp->add_home = !has_home(&process->env);
	pp->cwd = process->cwd ? process->cwd : "/";
	pp->umask = process->user.umask.set ? process->user.umask.v : 022;
	pp->terminal = process->terminal;
	pp->keep_fds = o->listen_fds + o->preserve_fds;
	pp->listen_fds = o->listen_fds;
	pp->new_keyring = !o->no_new_keyring;
	pp->oom_optional = o->rootless;
	plan_attributes(pp, &p->config->linux_, process, process != &p->config->process,
			o->rootless);
	return 0;
}
