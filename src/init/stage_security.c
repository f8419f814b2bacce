/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stages: from root of the container's user namespace to exactly what was asked for. */
#include "init/protocol_receive.h"
#include "init/protocol_send.h"
#include "init/stages.h"
#include "oci/annotations.h"
#include "process/process.h"
#include "security/caps.h"
#include "security/core_sched.h"
#include "sys/mutate.h"
#include "sys/probe.h"
#include "sys/syscalls.h"

#include <errno.h>
#include <sys/prctl.h>
#include <unistd.h>


/* The parent gives it to the agent, without which the next call of ours may never return. */
static int hand_over(struct stage_context *c, int listener, struct error *err)
{
	unsigned type = c->conv.flags & CONV_LISTENER ? MSG_LISTENER : MSG_LISTENER_FD;
	int r = conversation_send(&c->conv, type, listener, err);

	if (r == 0)
		r = conversation_expect(&c->conv, MSG_LISTENER_TAKEN, -1, -1, NULL, err);
	/* The agent's must be the last: when it closes it, waiting calls end with ENOSYS. */
	if (r == 0)
		close(listener);
	return r;
}

int stage_install_filter(struct stage_context *c, int *ret_listener, struct error *err)
{
	int r = caps_raise(c->p->security.until_exec, err);

	if (r == 0)
		r = seccomp_install(c->h->filter, ret_listener, err);
	return r < 0 ? error_at(err, "/linux/seccomp") : 0;
}

/*
 * Does: wait until the parent has compiled the profile; install it if it lets us do what is left to do.  If not, that
 * is done immediately before execve, so that the profile decides about the program and not about us.
 */
int stage_filter(struct stage_context *c, struct error *err)
{
	const struct plan_security *s = &c->p->security;
	int listener, r;

	if (!s->seccomp)
		return 0;
	r = conversation_expect(&c->conv, MSG_FILTER, -1, -1, NULL, err);
	if (r < 0)
		return error_at(err, "/linux/seccomp");
	if (!init_filters_early(c->p, c->h, c->conv.flags))
		return 0;
	r = stage_install_filter(c, &listener, err);
	c->filtered = r == 0;
	return r < 0 || !s->until_exec ? r : caps_drop(&s->caps, s->until_exec, err);
}

/*
 * Does: the filter if an agent answers calls: it needs the parent to get the listener, and the agent our pid.
 * Must not: be followed by anything that safety depends on: the profile may refuse it.
 */
int stage_agent_filter(struct stage_context *c, struct error *err)
{
	int listener = -1, r;

	if (!c->p->security.seccomp_agent)
		return 0;
	r = stage_install_filter(c, &listener, err);
	if (r == 0)
		r = hand_over(c, listener, err);
	if (r < 0)
		return error_at(err, "/linux/seccomp");
	c->filtered = true;
	return 0;
}

/* Without a program: nobody is to get anything by a process that does nothing. */
static int drop_everything(struct stage_context *c, struct error *err)
{
	static const struct oci_capabilities none;
	uint64_t keep = c->conv.flags & CONV_CLONE_LAST ? STAGE_UNTIL_CLONE : 0;
	int r = caps_limit_bounding(&none, c->h->last_cap, err);

	if (r == 0)
		r = caps_apply(&none, keep, err);
	return r < 0 ? r : stage_go_dark(err);
}

/*
 * Needs: CAP_SETPCAP, CAP_SETGID, CAP_SETUID.
 * Does: bounding set, groups, gid, uid, the other four sets, no_new_privs, in this order (R23).
 */
int stage_credentials(struct stage_context *c, struct error *err)
{
	const struct plan_security *s = &c->p->security;
	const struct oci_user *user = &c->p->process.oci->user;
	uint64_t keep = s->until_exec | (c->conv.flags & CONV_CLONE_LAST ? STAGE_UNTIL_CLONE : 0);
	int r;

	if (!c->p->has_process)
		return drop_everything(c, err);
	process_give_stdio(user->uid);
	r = caps_limit_bounding(&s->caps, c->h->last_cap, err);
	if (r == 0)
		r = caps_keep(err);
	if (r == 0 && !c->p->process.keep_groups)
		r = process_set_groups(user, err);
	if (r == 0)
		r = process_set_ids(user, err);
	if (r == 0)
		r = caps_apply(&s->caps, keep, err);
	if (r < 0)
		return r;
	if (s->no_new_privs && !MUTATE(T81) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_errno(err, errno, "set no_new_privs");
	return stage_go_dark(err);
}

/* Does: open what the annotation names, while we may. */
int stage_landlock_rules(struct stage_context *c, struct error *err)
{
	const struct oci_landlock *l = c->p->security.landlock;

	return l ? landlock_prepare(l, c->h->exec, &c->landlock, err) : 0;
}

static int enforce_landlock(const struct stage_context *c, struct error *err)
{
	const struct plan_security *s = &c->p->security;
	int r;

	if (!s->landlock)
		return 0;
	r = caps_raise(s->until_exec, err);
	if (r == 0)
		r = landlock_enforce(s->landlock, &c->landlock, err);
	/* The filter, if there is one, raises it again. */
	return r < 0 ? r : caps_drop(&s->caps, s->seccomp ? 0 : s->until_exec, err);
}

/*
 * Does: what is left to us by then is no file's: the conversation, the gate, a clone, execve.
 * Must not: be followed by a mount.
 */
int stage_landlock(struct stage_context *c, struct error *err)
{
	int r = enforce_landlock(c, err);

	if (c->landlock.fd >= 0)
		close(c->landlock.fd);
	c->landlock.fd = -1;
	return r;
}

/*
 * Needs, for exec: the caller's privilege, as it looks into the container's first process; to be in the caller's user
 * namespace.  Its pidfd tells that the number was still that process's.
 * Does: the cookie, which all that the process starts inherit.
 * Must not: come before createContainer hooks, which are the host's.
 */
int stage_core_sched(struct stage_context *c, struct error *err)
{
	enum core_sched mode = c->p->security.core_sched;
	int r;

	if (!mode || (mode == CORE_SCHED_SHARED && !c->h->exec))	/* then the parent gives it */
		return 0;
	if (!c->h->exec)
		return core_sched_create(mode, err);
	r = core_sched_join(mode, c->h->init_pid, err);
	if (r == 0 && (r = sys_pidfd_send_signal(c->h->init_pidfd, 0, NULL, 0)) < 0)
		error_errno(err, r, "look at the container's first process");
	return r;
}

int stage_explain_landlock(const struct stage_context *c, struct error *err)
{
	const struct oci_landlock *l = c->p->security.landlock;

	if (!l || !l->has_paths)
		return -err->code;
	return error_hint(err, "the annotation " ANNOTATION_LANDLOCK " lets only be executed what is below its "
			  "`execute`, the interpreter of a program included");
}

/* In the process that tries the program, which may be visible. */
static int drop_kept(void *ctx)
{
	const struct stage_context *c = ctx;
	struct error err = {0};
	int r = enforce_landlock(c, &err);

	return r < 0 ? r : caps_drop(&c->p->security.caps, c->p->security.until_exec | STAGE_UNTIL_CLONE, &err);
}

/* Does: look the program up as the user who will execute it, so that the errors are the user's. */
int stage_program(struct stage_context *c, struct error *err)
{
	const struct plan_process *pp = &c->p->process;
	int r = c->cwd_entered ? 0 : process_enter_cwd(pp->cwd, false, err);

	if (r < 0)
		return r;
	c->env = process_environment(c->scratch, pp, pp->oci->user.uid);
	r = process_find_program(c->scratch, pp->argv, c->env, &c->program, err);
	if (r < 0)
		return r;
	r = process_check_program(c->program, pp->argv, c->env, c->p->security.landlock, drop_kept, c, err);
	return r == -EACCES ? stage_explain_landlock(c, err) : r;
}
