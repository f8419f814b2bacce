/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parent does for a child that sets itself up, until that is ready.  Runs on the host. */
#include "launch/spawn.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>

#include "init/protocol_receive.h"
#include "init/protocol_send.h"
#include "launch/spawn_parts.h"
#include "process/process.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/log.h"

/* Slow (milliseconds), so done while the child mounts. */
static int send_filter(struct spawn *s, struct error *err)
{
	int r = seccomp_compile(s->plan->security.seccomp, s->handles.filter, err);

	if (r < 0)
		return error_at(err, "/linux/seccomp");
	return spawn_heard(s, conversation_send(&s->conv, MSG_FILTER, -1, err), err);
}

/* A hook of the container's side may take as long as it is allowed to. */
static int ready_timeout(const struct plan *p)
{
	const struct oci_hook_list *hooks = &p->hooks->list[HOOK_CREATE_CONTAINER];
	int64_t ms = SETUP_TIMEOUT_MS;

	for (size_t i = 0; i < hooks->n; i++) {
		if (!hooks->v[i].timeout_s.set)
			return -1;
		ms += 1000 * hooks->v[i].timeout_s.v;
		if (ms > INT_MAX)
			return -1;
	}
	return (int)ms;
}

static int take_listener(struct spawn *s, int timeout, struct error *err)
{
	int number, fd = -1, r;

	if (s->conv.flags & CONV_LISTENER_FD)
		return spawn_heard(s, conversation_expect(&s->conv, MSG_LISTENER_FD, timeout, s->pidfd, &fd, err),
			     err) < 0 ? -err->code : fd;
	r = spawn_heard(s, conversation_expect(&s->conv, MSG_LISTENER, timeout, s->pidfd, &number, err), err);
	if (r < 0)
		return r;
	fd = sys_pidfd_getfd(s->pidfd, number, 0);
	if (fd < 0) {
		error_errno(err, fd, "take the seccomp listener from the container process");
		error_hint(err, "pidfd_getfd(2) may be forbidden here: see /proc/sys/kernel/yama/"
			   "ptrace_scope");
	}
	return fd;
}

/* Before anything else is awaited: from now on each call of the process may need the agent. */
static int hand_over_listener(struct spawn *s, int timeout, struct error *err)
{
	_cleanup_close_ int fd = take_listener(s, timeout, err);
	int r;

	if (fd < 0)
		return fd;
	if (!seccomp_is_listener(fd))
		return error_set(err, EPROTO, "the container process handed over something that is not "
				 "a seccomp listener");
	r = s->send_listener(s, fd, err);
	if (r < 0)
		return r;
	return spawn_heard(s, conversation_send(&s->conv, MSG_LISTENER_TAKEN, -1, err), err);
}

static int expect_ready(struct spawn *s, int ms, void *to, struct error *err)
{
	(void)to;
	return conversation_expect(&s->conv, MSG_READY, ms, s->pidfd, NULL, err);
}

/* The process has no power over inodes of users that its user namespace does not know. */
static int give_stdio(const struct spawn *s, struct error *err)
{
	const struct plan *p = s->plan;
	uid_t uid;
	int r;

	if (!p->has_process || p->process.terminal || !(p->ns.userns || (s->handles.init_namespaces & CLONE_NEWUSER)))
		return 0;
	r = readback_outside_uid(s, p->process.oci->user.uid, &uid, err);
	if (r == 0)
		process_give_stdio(uid);
	return r;
}

/* Of mounts in a user namespace, which has no power over the ids of the host's file systems. */
static int map_ids(struct spawn *s, struct error *err)
{
	struct conversation *c = &s->conv;
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n_idmaps; i++) {
		_cleanup_close_ int mnt = -1;

		r = spawn_heard(s, conversation_expect(c, MSG_IDMAP, SETUP_TIMEOUT_MS, s->pidfd, &mnt, err), err);
		if (r == 0)
			r = rootfs_map_ids(&s->idmaps[i], mnt, err);
		if (r == 0)
			r = spawn_heard(s, conversation_send(c, MSG_IDMAPPED, -1, err), err);
	}
	return r;
}

int spawn_serve(struct spawn *s, int (*hooks)(void *ctx, struct error *err), void *ctx,
		uint64_t ret_ns[N_NAMESPACES], struct error *err)
{
	struct conversation *c = &s->conv;
	int r = 0, timeout = s->handles.exec ? SETUP_TIMEOUT_MS : ready_timeout(s->plan);

	if (c->flags & CONV_FILTER)
		r = send_filter(s, err);
	if (r == 0)
		r = map_ids(s, err);
	if (r == 0 && (c->flags & CONV_HOOKS)) {
		r = spawn_heard(s, conversation_expect(c, MSG_ROOTFS_READY, SETUP_TIMEOUT_MS, s->pidfd, NULL,
						 err), err);
		if (r == 0 && hooks)
			r = hooks(ctx, err);
		if (r == 0)
			r = spawn_heard(s, conversation_send(c, MSG_HOOKS_DONE, -1, err), err);
	}
	if (r == 0 && (c->flags & CONV_CONSOLE))
		r = spawn_heard(s, conversation_expect(c, MSG_CONSOLE, timeout, s->pidfd, &s->master, err),
			  err);
	if (r == 0 && (c->flags & CONV_CLONE_LAST)) {
		r = spawn_learn_pid(s, timeout, err);
		s->told = r == 0;
		if (r == 0)
			r = spawn_open_proc_pid(s, err);
		if (r == 0)
			r = spawn_set_oom_score(s, err);
		if (r == 0)	/* while it makes its session */
			r = readback_namespaces(s, ret_ns, err);
	}
	if (r == 0 && s->plan->security.seccomp_agent && (c->flags & CONV_FILTER)) {
		r = hand_over_listener(s, timeout, err);
		timeout = AGENT_TIMEOUT_MS;
	}
	if (r == 0)
		r = spawn_expect(s, s->proc_pid, timeout, expect_ready, NULL, err);
	/* Late: none of the set-up runs under them.  The process waits, and is our unreaped child. */
	if (r == 0 && s->plan->process.scheduled_by_parent)
		r = process_set_scheduler(&s->plan->process.oci->scheduler, s->pid, err);
	if (r == 0 && s->plan->process.scheduled_by_parent)
		r = process_set_io_priority(&s->plan->process.oci->io_priority, s->pid, err);
	if (r < 0)
		return spawn_agent_late(s, r, err);
	if (!(c->flags & CONV_CLONE_LAST))
		r = readback_namespaces(s, ret_ns, err);
	if (r == 0)
		r = readback_check(s, err);
	if (r == 0)
		r = give_stdio(s, err);
	if (r == 0)
		log_debug("process %d is set up, and the kernel says so", (int)s->pid);
	return r;
}
