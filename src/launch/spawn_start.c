/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The beginning of the parent's half: clone the process, and set what only the host may set.  Runs on the host. */
#include "launch/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "init/protocol_send.h"
#include "launch/spawn_parts.h"
#include "ns/ns.h"
#include "process/process.h"
#include "store/state.h"
#include "sys/compat.h"
#include "sys/mutate.h"
#include "util/caller.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/trace.h"

/*
 * pidfd_getfd(2) needs the power to trace the process, which is not dumpable, and its mm is one of our
 * user namespace: ptrace(2), PTRACE_MODE_ATTACH.  Without it the process sends its listener itself.
 */
static unsigned listener_flag(const struct own_status *own)
{
	return own->permitted >> CAP_SYS_PTRACE & 1 ? CONV_LISTENER : CONV_LISTENER_FD;
}

static unsigned conversation_flags(const struct spawn *s)
{
	const struct plan *p = s->plan;
	const struct handles *h = &s->handles;
	unsigned flags = 0;

	if (!h->exec && p->ns.launcher)
		flags |= CONV_LAUNCHER;
	if (h->exec || p->ns.clone_last)
		flags |= CONV_CLONE_LAST;
	if (s->attach_late || (!h->exec && p->ns.idmap != IDMAP_NONE && !p->ns.userns_first))
		flags |= CONV_MAPS;
	if (h->rootfs.n_asked)
		flags |= CONV_IDMAP;
	if (!h->exec && (p->hooks->list[HOOK_PRESTART].n || p->hooks->list[HOOK_CREATE_RUNTIME].n ||
			 p->hooks->list[HOOK_CREATE_CONTAINER].n))
		flags |= CONV_HOOKS;
	if (p->has_process && p->process.terminal)
		flags |= CONV_CONSOLE;
	if (p->has_process && p->security.seccomp)
		flags |= CONV_FILTER;
	if (p->has_process && p->security.seccomp_agent)
		flags |= listener_flag(&s->own);
	return flags;
}

static int map_filter(struct handles *h, struct error *err)
{
	void *p = mmap(NULL, seccomp_program_size() + sizeof(struct error), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return error_errno(err, errno, "map memory for the seccomp program");
	h->filter = p;
	h->last_words = (void *)((char *)p + seccomp_program_size());
	return 0;
}

/*
 * clone3 into the cgroup.  @flags: CLONE_NEW*.  EACCES: an unprivileged caller may make a cgroup but not
 * move a process there from its own (cgroups(7), delegation containment).
 */
static pid_t clone_into_cgroup(struct spawn *s, uint64_t flags, int *pidfd, struct error *err)
{
	pid_t pid = ns_clone(flags, s->attach_late || MUTATE(T94) ? -1 : s->cgroup, pidfd);

	if (pid == -EBUSY && s->find_other_cgroup) {
		int r = s->find_other_cgroup(s, s->ctx, err);

		if (r < 0)
			return r;
		return ns_clone(flags, s->cgroup, pidfd);
	}
	/* Asked twice, so that it is for good. */
	if (pid == -EACCES && s->cgroup >= 0 && !s->handles.exec && s->plan->cgroup.optional)
		pid = ns_clone(flags, s->cgroup, pidfd);
	if (pid == -EACCES && s->cgroup >= 0 && !s->handles.exec && s->plan->cgroup.optional) {
		s->cgroup_dropped = true;
		s->cgroup = -1;
		return ns_clone(flags, -1, pidfd);
	}
	return pid;
}

static int clone_process(struct spawn *s, unsigned flags, struct error *err)
{
	TRACE("clone the process", NULL);
	const struct plan_ns *ns = &s->plan->ns;
	uint64_t create = s->handles.exec ? 0 : ns->create;
	bool launcher = flags & CONV_LAUNCHER;
	int pidfd = -1;
	pid_t pid;

	memset(err, 0, sizeof(*err));
	pid = clone_into_cgroup(s, launcher ? 0 : create, &pidfd, err);
	if (pid < 0 && err->code)
		return pid;
	if (pid < 0) {
		error_errno(err, pid, "clone3 the container process");
		if (pid == -EACCES && s->cgroup >= 0)
			error_hint(err, "the caller may not move a process from its own cgroup there: "
				   "run it in a delegated one, as by systemd-run --user --scope "
				   "-p Delegate=yes");
		else if (pid == -EBUSY && s->cgroup >= 0)
			error_hint(err, "its cgroup shares controllers out to those below it "
				   "(cgroup.subtree_control) and so takes no processes: name one "
				   "of them");
		else if (pid == -EOPNOTSUPP && s->cgroup >= 0)
			error_hint(err, "its cgroup takes no processes because one above it, or beside it, is "
				   "threaded: see its cgroup.type, and cgroups(7); choose another "
				   "linux.cgroupsPath");
		else if (pid == -EPERM)
			error_hint(err, "are user namespaces allowed here? see "
				   "/proc/sys/kernel/unprivileged_userns_clone");
		else if (pid == -EAGAIN)
			error_hint(err, "a limit on processes: pids.max of the cgroup, or RLIMIT_NPROC");
		return error_hint_limits(err, pid);
	}
	if (pid == 0) {
		caller_hide_arguments();
		close(s->conv.fd);
		if (launcher)
			init_launcher(s->plan, &s->handles, create, flags);
		init_main(s->plan, &s->handles, flags);
	}
	s->n_idmaps = rootfs_take_idmaps(&s->plan->rootfs, &s->handles.rootfs, &s->idmaps);
	spawn_close_inherited(&s->handles, s->plan);
	s->pid = pid;
	s->pidfd = pidfd;
	return launcher ? spawn_learn_pid(s, SETUP_TIMEOUT_MS, err) : 0;
}

int spawn_set_oom_score(const struct spawn *s, struct error *err)
{
	const struct plan *p = s->plan;
	int r;

	if (!p->has_process || !p->process.oci->oom_score_adj.set || geteuid() != 0)
		return 0;
	r = process_set_oom_score(s->proc_pid, p->process.oci->oom_score_adj.v, p->process.oom_optional, err);
	return r < 0 ? error_at(err, "/process/oomScoreAdj") : 0;
}

/* The service manager may move what an unprivileged caller may not (cgroups(7), delegation containment). */
static int attach(const struct spawn *s, struct error *err)
{
	int r = s->attach_late ? cgroup_attach(s->cgroup, s->pid, err) : 0;

	if (!s->unit_user || (r != -EACCES && r != -EPERM))
		return r;
	memset(err, 0, sizeof(*err));
	return cgroup_unit_attach(s->unit, s->unit_user, s->subgroup, s->pid, err);
}

static int attach_and_go_on(struct spawn *s, struct error *err)
{
	int r = attach(s, err);

	return r < 0 ? r : spawn_heard(s, conversation_send(&s->conv, MSG_MAPS_DONE, -1, err), err);
}

/* What only the host may set on it. */
static int set_from_outside(struct spawn *s, struct error *err)
{
	const struct plan *p = s->plan;
	int r;

	if (s->handles.exec)	/* there will be another to look at */
		return s->attach_late ? attach_and_go_on(s, err) : 0;
	r = spawn_open_proc_pid(s, err);
	if (r < 0)
		return r;
	r = ns_check_maps(&p->ns, s->proc_pid, err);
	if (r < 0)
		return r;
	/* Of what is cloned last that is for spawn_serve(): this one does not wait for us. */
	if (!(s->conv.flags & CONV_CLONE_LAST)) {
		r = spawn_set_oom_score(s, err);
		if (r < 0)
			return r;
	}
	if (!(s->conv.flags & CONV_MAPS))
		return 0;
	r = attach(s, err);
	if (r == 0 && p->ns.idmap != IDMAP_NONE && !p->ns.userns_first)
		r = ns_write_maps(&p->ns, s->proc_pid, s->pid, err);
	if (r < 0)
		return r;
	return spawn_heard(s, conversation_send(&s->conv, MSG_MAPS_DONE, -1, err), err);
}

/*
 * The file of a dark process belongs to root, proc(5): an unprivileged runtime gives the value to itself, for the
 * child to inherit, before it goes dark.  *ret_fd: by which it takes @old back, or -1.
 */
static int lend_oom_score(struct spawn *s, int *ret_fd, char old[16], struct error *err)
{
	const struct plan *p = s->plan;
	_cleanup_close_ int self = -1;
	ssize_t n;
	int r;

	if (!p->has_process || !p->process.oci->oom_score_adj.set || geteuid() == 0)
		return 0;
	self = fd_openat(s->proc, "self", O_RDONLY | O_DIRECTORY, 0);
	n = self < 0 ? self : fd_read_pseudo(self, "oom_score_adj", old, 16);
	if (n >= 0)
		*ret_fd = fd_openat(self, "oom_score_adj", O_WRONLY, 0);
	r = n < 0 ? (int)n : *ret_fd < 0 ? *ret_fd : 0;
	if (r < 0)
		return error_errno(err, r, "open our own oom_score_adj");
	r = process_set_oom_score(self, p->process.oci->oom_score_adj.v, p->process.oom_optional, err);
	return r < 0 ? error_at(err, "/process/oomScoreAdj") : 0;
}

int spawn_start(struct spawn *s, struct error *err)
{
	_cleanup_close_ int oom = -1;
	struct conversation child;
	unsigned flags = 0;
	char old_oom[16];
	int r;

	if (s->proc < 0)
		s->proc = fd_openat(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY, 0);
	if (s->proc < 0)
		return error_errno(err, s->proc, "open /proc");
	r = readback_own(s->proc, &s->own, err);
	/* What we ignore would be ignored by the payload: it sets that back (signal(7), execve). */
	s->handles.ignored_signals = s->own.ignored_signals;
	if (r == 0)
		flags = conversation_flags(s);
	if (r == 0 && (flags & CONV_FILTER))
		r = map_filter(&s->handles, err);
	if (r == 0)
		r = lend_oom_score(s, &oom, old_oom, err);
	if (r == 0)
		r = caller_go_dark(err);	/* if we are not: caller.c */
	/* Hard limits that the child may not raise it inherits from us.  On itself would be a race: it may
	 * have set its limits, or changed its ids, before we come to it. */
	if (r == 0 && s->plan->has_process)
		r = process_raise_rlimits(s->plan->process.oci, 0, err);
	/* runtime-spec config.md#linux-process: the CPUs of whoever makes the process */
	if (r == 0 && s->plan->process.initial_affinity)
		r = process_set_affinity(s->plan->process.initial_affinity,
					 "/process/execCPUAffinity/initial", err);
	if (r < 0)
		return r;
	r = conversation_pair(flags, &s->conv, &child, err);
	if (r < 0)
		return r;
	s->conv.n_idmaps = s->handles.rootfs.n_asked;
	s->handles.sync = child.fd;
	s->ways = 1u + (s->handles.start >= 0) + (s->handles.result >= 0);
	if (s->plan->ns.time_offsets || (s->handles.exec && (s->plan->security.apparmor || s->plan->security.selinux)))
		s->handles.proc = s->proc;
	r = clone_process(s, flags, err);
	if (oom >= 0)
		fd_write_all(oom, old_oom, strlen(old_oom));
	if (r < 0)
		return r;
	log_debug("process %d is made", (int)s->pid);
	return set_from_outside(s, err);
}
