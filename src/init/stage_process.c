/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stages: what the process itself gets while it is still privileged.  Run in the container process,
 * inside the container's root. */
#include "init/stages.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process/process.h"
#include "security/keyring.h"
#include "security/lsm.h"
#include "sys/mutate.h"
#include "sys/syscalls.h"
#include "util/fd.h"

/*
 * Needs: a procfs that is not the container's (rule R5): for exec the host's, before it is left.
 * Does: tell the LSM which label the execve at the end gets.
 */
int stage_labels(struct stage_context *c, struct error *err)
{
	const struct plan_security *s = &c->p->security;
	int r = 0;

	if (!s->apparmor && !s->selinux)
		return 0;
	if (c->h->exec)
		c->rootfs.proc = c->h->proc;
	if (s->selinux) {
		r = selinux_set_exec(c->rootfs.proc, s->selinux, err);
		if (r < 0)
			error_at(err, "/process/selinuxLabel");
	}
	if (r == 0 && s->apparmor) {
		r = apparmor_set_exec(c->rootfs.proc, s->apparmor, err);
		if (r < 0)
			error_at(err, "/process/apparmorProfile");
	}
	return r;
}

/* Does: a keyring without the caller's keys; umask. */
int stage_keys(struct stage_context *c, struct error *err)
{
	const char *label = c->p->security.selinux;
	int r = 0;

	umask(c->p->process.umask);
	if (!c->p->process.new_keyring || MUTATE(T85))
		return 0;
	if (label)
		r = selinux_set_key(c->rootfs.proc, label, err);
	if (r == 0)
		r = keyring_new_session(err);
	if (r == 0 && label)
		r = selinux_set_key(c->rootfs.proc, NULL, err);
	return r;
}

/*
 * Does: a session without the caller's terminal (TIOCSTI, T95), as the leader of which a shell has its jobs in its own
 * pid namespace; the terminal of our own when asked for.
 */
int stage_session(struct stage_context *c, struct error *err)
{
	pid_t session = MUTATE(T95) ? 1 : setsid();
	int r;

	if (session < 0 && (errno != EPERM || getsid(0) != getpid()))	/* EPERM: leader already, setsid(2) */
		return error_errno(err, errno, "make a session (setsid)");
	if (session == 0)
		return error_set(err, EPROTO, "setsid: no session was made");
	if (c->console < 0)
		return 0;
	r = tty_take_control(c->console, err);
	c->console = -1;
	return r;
}

/*
 * Needs: CAP_SYS_NICE for much of it; the cgroup, whose cpuset cuts CPUs and nodes.
 * Does: CPU affinity (without any asked for: the cpuset's, not the caller's), memory policy, scheduling
 * policy, I/O priority, personality.  What is not asked for stays the caller's.
 * Must not: come before the LSM attribute (R23); bind CPUs after SCHED_DEADLINE, which forbids that.
 */
int stage_attributes(struct stage_context *c, struct error *err)
{
	const struct plan_process *pp = &c->p->process;
	int r = process_set_affinity(pp->affinity, "/process/execCPUAffinity/final", err);

	if (r == 0 && pp->memory_policy)
		r = process_set_memory_policy(pp->memory_policy, err);
	if (r == 0 && !pp->scheduled_by_parent)
		r = process_set_scheduler(&pp->oci->scheduler, 0, err);
	if (r == 0 && !pp->scheduled_by_parent)
		r = process_set_io_priority(&pp->oci->io_priority, 0, err);
	if (r == 0 && pp->personality.set)
		r = process_set_personality(pp->personality.v, err);
	return r;
}

/* Does: enter the working directory as root; refused there (a root-squashing file system), it is
 * tried again as the user. */
int stage_cwd(struct stage_context *c, struct error *err)
{
	int r = process_enter_cwd(c->p->process.cwd, !c->h->exec, err);

	c->cwd_entered = r == 0;
	return r == -EACCES || r == -EPERM ? 0 : r;
}

int stage_close_others(int from, int *keep, size_t n, struct error *err)
{
	int r = 0;

	if (MUTATE(T31))
		return 0;
	for (size_t i = 1; i < n; i++) {
		int fd = keep[i];
		size_t at = i;

		for (; at > 0 && keep[at - 1] > fd; at--)
			keep[at] = keep[at - 1];
		keep[at] = fd;
	}
	for (size_t i = 0; i < n && r == 0; i++) {
		if (keep[i] < from)
			continue;
		if (keep[i] > from)
			r = sys_close_range((unsigned)from, (unsigned)keep[i] - 1, 0);
		from = keep[i] + 1;
	}
	if (r == 0)
		r = fd_close_from(from);
	return r < 0 ? error_errno(err, r, "close_range") : 0;
}

/*
 * Does: close everything but 0-2, what the caller handed on, and the way to the parent (rule R7).
 * Must not: come after a filter that could refuse it.
 */
int stage_descriptors(struct stage_context *c, struct error *err)
{
	int keep[] = {c->conv.fd, c->h->start, c->h->result, c->console, c->h->pid_ns, stage_pid_join(c),
		      c->landlock.fd};

	c->rootfs.root = c->rootfs.proc = -1;
	return stage_close_others(3 + (int)c->p->process.keep_fds, keep, ARRAY_SIZE(keep), err);
}

/* Late, since our own work should not run under them. */
int stage_limits(struct stage_context *c, struct error *err)
{
	return process_set_rlimits(c->p->process.oci, err);
}
