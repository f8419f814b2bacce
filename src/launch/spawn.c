/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parent's half of the conversation.  Runs on the host. */
#include "launch/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "init/protocol_receive.h"
#include "init/protocol_send.h"
#include "launch/patience.h"
#include "ns/ns.h"
#include "oci/names.h"
#include "process/process.h"
#include "store/state.h"
#include "sys/compat.h"
#include "sys/syscalls.h"
#include "util/caller.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/log.h"

/* Set-up makes no slow call but what file systems and hooks do; a minute is for ever. */
#define SETUP_TIMEOUT_MS 60000
#define LAUNCHER_TIMEOUT_MS 5000

void spawn_init(struct spawn *s, const struct plan *plan)
{
	memset(s, 0, sizeof(*s));
	s->plan = plan;
	s->cgroup = s->proc = s->pidfd = s->proc_pid = s->master = -1;
	s->handles.pid_ns = s->handles.user_ns = s->handles.time_ns = -1;
	s->launcher_pidfd = s->conv.fd = s->handles.sync = s->handles.init_pidfd = s->handles.init_root = -1;
	s->handles.start = s->handles.result = s->handles.proc = -1;
	rootfs_handles_init(&s->handles.rootfs);
}

static void close_take(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* What the child inherited is of no more use here. */
static void close_inherited(struct handles *h, const struct plan *p)
{
	close_take(&h->sync);
	close_take(&h->start);
	close_take(&h->result);
	close_take(&h->user_ns);
	close_take(&h->time_ns);
	rootfs_handles_close(&h->rootfs);
	for (size_t i = 0; h->joins && i < p->ns.n_joins; i++)
		close_take(&h->joins[i]);
}

void spawn_close(struct spawn *s)
{
	close_inherited(&s->handles, s->plan);
	close_take(&s->handles.init_pidfd);
	close_take(&s->handles.pid_ns);
	close_take(&s->handles.init_root);
	close_take(&s->proc);
	close_take(&s->pidfd);
	close_take(&s->proc_pid);
	close_take(&s->master);
	close_take(&s->conv.fd);
	close_take(&s->launcher_pidfd);
	free(s->handles.joins);
	s->handles.joins = NULL;
	if (s->handles.filter)
		munmap(s->handles.filter, seccomp_program_size() + sizeof(struct error));
	s->handles.filter = NULL;
	s->handles.last_words = NULL;
}

static void reap(struct spawn *s)
{
	pid_t r;

	if (s->reaped || s->pid <= 0)
		return;
	do
		r = waitpid(s->pid, &s->wait_status, 0);
	while (r < 0 && errno == EINTR);
	s->reaped = true;
	if (r < 0)
		s->wait_status = -1;
}

/* It has nothing left to do but to end; a container whose cgroup it is in may freeze it. */
static void collect_launcher(struct spawn *s)
{
	siginfo_t info;

	if (s->launcher <= 0)
		return;
	if (fd_wait(s->launcher_pidfd, POLLIN, LAUNCHER_TIMEOUT_MS) <= 0)
		sys_pidfd_send_signal(s->launcher_pidfd, SIGKILL, NULL, 0);
	while (waitid(P_PID, (id_t)s->launcher, &info, WEXITED) < 0 && errno == EINTR)
		;
	s->launcher = 0;
	close_take(&s->launcher_pidfd);
}

/*
 * The process that was to tell us its pid, and did not: it sees the end of the conversation and ends, unless something
 * in its container has stopped it.  It is a child of ours, and we have no others.
 */
static void end_untold(const struct spawn *s)
{
	if (!(s->conv.flags & CONV_CLONE_LAST) || s->told)
		return;
	for (;;) {
		_cleanup_close_ int pidfd = -1;
		siginfo_t info = {0};

		if (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT) < 0 || info.si_pid <= 0)
			return;
		pidfd = sys_pidfd_open(info.si_pid, 0);
		if (pidfd >= 0)
			sys_pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
		while (waitid(P_PID, (id_t)info.si_pid, &info, WEXITED) < 0 && errno == EINTR)
			;
	}
}

void spawn_abort(struct spawn *s)
{
	if (s->pid > 0 && !s->reaped) {
		if (s->pidfd >= 0)
			sys_pidfd_send_signal(s->pidfd, SIGKILL, NULL, 0);
		close_take(&s->conv.fd);	/* and if it has no pidfd yet, end of file ends it */
		reap(s);
		collect_launcher(s);
		end_untold(s);
	}
	spawn_close(s);
}

/* Did it leave words in memory, as it could not send them?  Distrusted like a message (rule R22). */
static bool take_last_words(const struct spawn *s, struct error *err)
{
	const struct error *words = s->handles.last_words;

	if (!words || words->code < 1 || words->code > 4095)
		return false;
	*err = *words;
	err->text[sizeof(err->text) - 1] = err->where[sizeof(err->where) - 1] = '\0';
	return err->code >= 1 && err->code <= 4095;
}

/* The child is gone without a word: say what the kernel knows of its end. */
static int explain_death(struct spawn *s, struct error *err)
{
	uint64_t ooms = s->cgroup >= 0 ? cgroup_oom_kills(s->cgroup) : 0;
	char name[16];

	reap(s);
	if (take_last_words(s, err))
		return -err->code;
	if (ooms > 0)
		error_set(err, ENOMEM, "the container process was killed for want of memory during set-up");
	else if (WIFSIGNALED(s->wait_status))
		error_set(err, EPIPE, "the container process was killed by signal %d (%s) during set-up",
			  WTERMSIG(s->wait_status), signal_name(WTERMSIG(s->wait_status), name));
	else
		error_set(err, EPIPE, "the container process ended with status %d during set-up",
			  WEXITSTATUS(s->wait_status));
	if (ooms > 0)
		error_hint(err, "raise the memory limit");
	else if (WIFSIGNALED(s->wait_status) && WTERMSIG(s->wait_status) == SIGSYS)
		error_hint(err, "the seccomp profile kills a call that is needed to start the program");
	return -err->code;
}

/* The result of a step of the conversation. */
static int heard(struct spawn *s, int r, struct error *err)
{
	if (r >= 0)
		return r;
	if (r == -EPIPE && err->code == 0)
		return explain_death(s, err);
	return r;
}

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
	if (!h->exec && ((p->ns.idmap != IDMAP_NONE && !p->ns.userns_first) || p->cgroup.attach_late))
		flags |= CONV_MAPS;
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
 * What @expect awaits of a process that others can see, in slices of its patience; @proc: as of struct patience.
 */
static int expect_seen(struct spawn *s, int proc, int timeout, int (*expect)(struct spawn *s, int ms, void *to,
		       struct error *err), void *to, struct error *err)
{
	struct patience patience;
	int r;

	patience_begin(&patience, proc, timeout < 0 ? 0 : (uint64_t)timeout, s->plan->security.seccomp_agent);
	do {
		r = expect(s, PATIENCE_SLICE_MS, to, err);
		if (r == -ETIMEDOUT)
			r = patience_check(&patience, err) < 0 ? -ETIMEDOUT : -EAGAIN;
	} while (r == -EAGAIN);
	return heard(s, r, err);
}

static int expect_pid(struct spawn *s, int ms, void *to, struct error *err)
{
	return conversation_expect_pid(&s->conv, ms, -1, to, err);
}

static int expect_ready(struct spawn *s, int ms, void *to, struct error *err)
{
	(void)to;
	return conversation_expect(&s->conv, MSG_READY, ms, s->pidfd, NULL, err);
}

static int expect_exec(struct spawn *s, int ms, void *to, struct error *err)
{
	(void)to;
	return conversation_expect_end(&s->conv, ms, s->pidfd, err);
}

/* The process that we made is not the one that we want, and tells us in its place: learn that one's pid. */
static int learn_pid(struct spawn *s, struct error *err)
{
	pid_t pid, launcher = s->pid;
	siginfo_t info;
	int pidfd, r = expect_seen(s, -1, SETUP_TIMEOUT_MS, expect_pid, &pid, err);

	if (r < 0)
		return r;
	if (pid == launcher)	/* it went on itself */
		return 0;
	/* It must be a child of ours; unreaped, its pid cannot be taken by another (rule R14). */
	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		if (errno != EINTR)
			return error_set(err, ECHILD, "the process that answered is not the one we made");
	pidfd = sys_pidfd_open(pid, 0);
	if (pidfd < 0)
		return error_errno(err, pidfd, "pidfd_open");
	collect_launcher(s);	/* an earlier one */
	s->launcher = launcher;
	s->launcher_pidfd = s->pidfd;
	s->pid = pid;
	s->pidfd = pidfd;
	return 0;
}

static int open_proc_pid(struct spawn *s, struct error *err)
{
	char name[24];

	snprintf(name, sizeof(name), "%d", (int)s->pid);
	close_take(&s->proc_pid);
	s->proc_pid = fd_openat(s->proc, name, O_RDONLY | O_DIRECTORY, 0);
	return s->proc_pid < 0 ? error_errno(err, s->proc_pid, "open /proc/%s", name) : 0;
}

/*
 * clone3 into the cgroup.  @flags: CLONE_NEW*.  EACCES: an unprivileged caller may make a cgroup but not
 * move a process there from its own (cgroups(7), delegation containment).
 */
static pid_t clone_into_cgroup(struct spawn *s, uint64_t flags, int *pidfd, struct error *err)
{
	bool late = !s->handles.exec && s->plan->cgroup.attach_late;
	pid_t pid = ns_clone(flags, late ? -1 : s->cgroup, pidfd);

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
		else if (pid == -EPERM || pid == -ENOSPC || pid == -EUSERS)
			error_hint(err, "are user namespaces allowed here? see "
				   "/proc/sys/user/max_user_namespaces and "
				   "/proc/sys/kernel/unprivileged_userns_clone");
		else if (pid == -EAGAIN)
			error_hint(err, "a limit on processes: pids.max of the cgroup, or RLIMIT_NPROC");
		return pid;
	}
	if (pid == 0) {
		caller_hide_arguments();
		close(s->conv.fd);
		if (launcher)
			init_launcher(s->plan, &s->handles, create, flags);
		init_main(s->plan, &s->handles, flags);
	}
	close_inherited(&s->handles, s->plan);
	s->pid = pid;
	s->pidfd = pidfd;
	return launcher ? learn_pid(s, err) : 0;
}

/* What only the host may set on it. */
static int set_from_outside(struct spawn *s, struct error *err)
{
	const struct plan *p = s->plan;
	const struct oci_process *o = p->process.oci;
	int r;

	/* Of exec there is nothing to set, and soon another to look at. */
	if (s->handles.exec && !(p->has_process && o->oom_score_adj.set))
		return 0;
	r = open_proc_pid(s, err);
	if (r < 0)
		return r;
	r = ns_check_maps(&p->ns, s->proc_pid, err);
	if (r < 0)
		return r;
	if (p->has_process && o->oom_score_adj.set && geteuid() == 0) {
		r = process_set_oom_score(s->proc_pid, o->oom_score_adj.v, p->process.oom_optional, err);
		if (r < 0)
			return error_at(err, "/process/oomScoreAdj");
	}
	if (!(s->conv.flags & CONV_MAPS))
		return 0;
	if (p->cgroup.attach_late)
		r = cgroup_attach(s->cgroup, s->pid, err);
	if (r == 0 && p->ns.idmap != IDMAP_NONE && !p->ns.userns_first)
		r = ns_write_maps(&p->ns, s->proc_pid, s->pid, err);
	if (r < 0)
		return r;
	return heard(s, conversation_send(&s->conv, MSG_MAPS_DONE, -1, err), err);
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

/* Slow (milliseconds), so done while the child mounts. */
static int send_filter(struct spawn *s, struct error *err)
{
	int r = seccomp_compile(s->plan->security.seccomp, s->handles.filter, err);

	if (r < 0)
		return error_at(err, "/linux/seccomp");
	return heard(s, conversation_send(&s->conv, MSG_FILTER, -1, err), err);
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
		return heard(s, conversation_expect(&s->conv, MSG_LISTENER_FD, timeout, s->pidfd, &fd, err),
			     err) < 0 ? -err->code : fd;
	r = heard(s, conversation_expect(&s->conv, MSG_LISTENER, timeout, s->pidfd, &number, err), err);
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
	return heard(s, conversation_send(&s->conv, MSG_LISTENER_TAKEN, -1, err), err);
}

static int agent_late(const struct spawn *s, int r, struct error *err)
{
	if (r == -ETIMEDOUT && s->plan->security.seccomp_agent)
		error_hint(err, "the seccomp agent at %s has not answered its system calls",
			   s->plan->security.seccomp_agent);
	return r;
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

int spawn_serve(struct spawn *s, int (*hooks)(void *ctx, struct error *err), void *ctx,
		uint64_t ret_ns[N_NAMESPACES], struct error *err)
{
	struct conversation *c = &s->conv;
	int r = 0, timeout = s->handles.exec ? SETUP_TIMEOUT_MS : ready_timeout(s->plan);

	if (c->flags & CONV_FILTER)
		r = send_filter(s, err);
	if (r == 0 && (c->flags & CONV_HOOKS)) {
		r = heard(s, conversation_expect(c, MSG_ROOTFS_READY, SETUP_TIMEOUT_MS, s->pidfd, NULL,
						 err), err);
		if (r == 0 && hooks)
			r = hooks(ctx, err);
		if (r == 0)
			r = heard(s, conversation_send(c, MSG_HOOKS_DONE, -1, err), err);
	}
	if (r == 0 && (c->flags & CONV_CONSOLE))
		r = heard(s, conversation_expect(c, MSG_CONSOLE, timeout, s->pidfd, &s->master, err),
			  err);
	if (r == 0 && (c->flags & CONV_CLONE_LAST)) {
		r = learn_pid(s, err);
		s->told = r == 0;
		if (r == 0)
			r = open_proc_pid(s, err);
		if (r == 0)	/* while it makes its session */
			r = readback_namespaces(s, ret_ns, err);
	}
	if (r == 0 && s->plan->security.seccomp_agent && (c->flags & CONV_FILTER)) {
		r = hand_over_listener(s, timeout, err);
		timeout = AGENT_TIMEOUT_MS;
	}
	if (r == 0)
		r = expect_seen(s, s->proc_pid, timeout, expect_ready, NULL, err);
	/* Late: none of the set-up runs under them.  The process waits, and is our unreaped child. */
	if (r == 0 && s->plan->process.scheduled_by_parent)
		r = process_set_scheduler(&s->plan->process.oci->scheduler, s->pid, err);
	if (r == 0 && s->plan->process.scheduled_by_parent)
		r = process_set_io_priority(&s->plan->process.oci->io_priority, s->pid, err);
	if (r < 0)
		return agent_late(s, r, err);
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

int spawn_proceed(struct spawn *s, bool wait_exec, struct error *err)
{
	int r = heard(s, conversation_send(&s->conv, MSG_PROCEED, -1, err), err);

	collect_launcher(s);	/* while the program is executed */
	if (r == 0 && wait_exec)
		r = expect_seen(s, s->proc_pid, (int)patience_for(s->plan, s->handles.exec), expect_exec, NULL, err);
	if (r < 0)
		s->exec_failed = init_stage_is_exec(s->conv.stage);
	/* The end of the conversation is also its own, if a filter refused write(2). */
	if (r == 0 && wait_exec && take_last_words(s, err)) {
		s->exec_failed = true;
		r = -err->code;
	}
	if (r == 0 && wait_exec)
		log_debug("process %d executes its program", (int)s->pid);
	return agent_late(s, r, err);
}

int spawn_wait(struct spawn *s, struct error *err)
{
	reap(s);
	if (s->wait_status == -1)
		return error_set(err, ECHILD, "the container process was collected by somebody else");
	log_debug("process %d has ended", (int)s->pid);
	if (WIFSIGNALED(s->wait_status))
		return 128 + WTERMSIG(s->wait_status);
	return WEXITSTATUS(s->wait_status);
}
