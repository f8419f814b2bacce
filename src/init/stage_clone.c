/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stages of a process that works in a container without being seen there: into its namespaces, and in the end the
 * clone of the one that is seen (rule R8a).  Whatever needs the host's root, descriptors or privileges, or a program's
 * look-up by name, is done by then.
 */
#include "init/stages.h"

#include <errno.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/protocol_send.h"
#include "ns/ns.h"
#include "security/caps.h"
#include "sys/syscalls.h"

/* setns(2) into a mount namespace gives its root; without one of its own init has changed it alone. */
static int enter_root(struct handles *h, struct error *err)
{
	struct stat want, st;

	if (h->init_root < 0)
		return 0;
	if (fchdir(h->init_root) < 0 || chroot(".") < 0)
		return error_errno(err, errno, "enter the root of the container");
	if (fstat(h->init_root, &want) < 0 || stat("/", &st) < 0)
		return error_errno(err, errno, "look at the root of the container");
	if (st.st_dev != want.st_dev || st.st_ino != want.st_ino)
		return error_set(err, EPROTO, "the root of the container was not entered");
	close(h->init_root);
	h->init_root = -1;
	return 0;
}

/*
 * Needs: the pidfd of the container's init; the caller's privilege; already in the container's cgroup.
 * Does: drop every descriptor of the host, then enter the namespaces of init in one call; but for the pid namespace,
 * if there is a descriptor of it: that only counts for children.
 */
int stage_enter_container(struct stage_context *c, struct error *err)
{
	struct handles *h = c->h;
	int keep[] = {h->sync, h->init_pidfd, h->init_root, h->proc, h->pid_ns, c->conv.fd};
	uint64_t now = h->init_namespaces & ~(uint64_t)(h->pid_ns >= 0 ? CLONE_NEWPID : 0);
	int r = stage_close_others(3 + (int)c->p->process.keep_fds, keep, 6, err);

	if (r < 0)
		return r;
	if (now && setns(h->init_pidfd, (int)now) < 0)
		return error_errno(err, errno, "enter the container's namespaces");
	close(h->init_pidfd);
	h->init_pidfd = -1;
	r = enter_root(h, err);
	if (r < 0 || !(now & CLONE_NEWUSER))
		return r;
	return ns_become_root(&c->p->process.oci->user, c->p->process.keep_groups, err);
}

/*
 * Does: let the limit on the user's processes not count against the two that we are for a moment; the process that is
 * cloned sets what was asked for.
 */
int stage_lift_limits(struct stage_context *c, struct error *err)
{
	const struct oci_process *o = c->p->process.oci;
	struct sys_rlimit limit;
	bool asked = false;
	int r;

	for (size_t i = 0; i < o->n_rlimits; i++)
		asked = asked || o->rlimits[i].resource == RLIMIT_NPROC;
	if (!asked)
		return 0;
	r = sys_prlimit(0, RLIMIT_NPROC, NULL, &limit);
	limit.soft = limit.hard;
	if (r == 0)
		r = sys_prlimit(0, RLIMIT_NPROC, &limit, NULL);
	return r < 0 ? error_errno(err, r, "raise our own limit on processes") : 0;
}

int stage_pid_join(const struct stage_context *c)
{
	for (size_t i = 0; !c->h->exec && i < c->p->ns.n_joins; i++)
		if (c->p->ns.joins[i].flag == CLONE_NEWPID)
			return c->h->joins[i];
	return -1;
}

/*
 * Needs: CAP_SYS_ADMIN, kept for it.
 * Does: enter the pid namespace, for the process that is cloned.
 * Must not: come before anything that makes a process; come after a filter, which would refuse it.
 */
int stage_pid_namespace(struct stage_context *c, struct error *err)
{
	struct handles *h = c->h;
	int r = caps_raise(STAGE_UNTIL_CLONE, err);

	if (r == 0 && !h->exec)
		r = ns_enter_joins(&c->p->ns, h->joins, CLONE_NEWPID, err);
	if (r == 0 && h->pid_ns >= 0 && setns(h->pid_ns, CLONE_NEWPID) < 0)
		r = error_errno(err, errno, "enter the container's pid namespace");
	if (h->pid_ns >= 0)
		close(h->pid_ns);
	h->pid_ns = -1;
	return r < 0 ? r : caps_drop(&c->p->security.caps, STAGE_UNTIL_CLONE & ~c->p->security.until_exec, err);
}

/*
 * Needs: to have nothing that the container may not have: it shows from now on.
 * Does: clone it; this process ends.
 */
int stage_clone(struct stage_context *c, struct error *err)
{
	int r = sys_clone_successor();

	if (r < 0)
		return error_errno(err, r, "clone the process that is visible in the container");
	r = stage_go_dark(err);		/* the clone forgot who is to die with whom */
	return r < 0 ? r : conversation_send(&c->conv, MSG_CHILD_PID, -1, err);
}
