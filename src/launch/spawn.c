/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parent's half of the conversation.  Runs on the host. */
#include "launch/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "init/protocol_receive.h"
#include "init/protocol_send.h"
#include "launch/patience.h"
#include "launch/spawn_parts.h"
#include "oci/names.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/log.h"

#define LAUNCHER_TIMEOUT_MS 5000

void spawn_init(struct spawn *s, const struct plan *plan)
{
	memset(s, 0, sizeof(*s));
	s->plan = plan;
	s->cgroup = s->proc = s->pidfd = s->caller = s->proc_pid = s->master = -1;
	s->handles.pid_ns = s->handles.user_ns = s->handles.time_ns = -1;
	s->launcher_pidfd = s->conv.fd = s->handles.sync = s->handles.init_pidfd = s->handles.init_root = -1;
	s->handles.start = s->handles.result = s->handles.proc = -1;
	s->handles.hook_output[0] = s->handles.hook_output[1] = -1;
	rootfs_handles_init(&s->handles.rootfs);
}

static void close_take(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* What the child inherited is of no more use here. */
void spawn_close_inherited(struct handles *h, const struct plan *p)
{
	close_take(&h->sync);
	close_take(&h->start);
	close_take(&h->result);
	close_take(&h->hook_output[0]);
	close_take(&h->hook_output[1]);
	close_take(&h->user_ns);
	close_take(&h->time_ns);
	rootfs_handles_close(&h->rootfs);
	for (size_t i = 0; h->joins && i < p->ns.n_joins; i++)
		close_take(&h->joins[i]);
}

void spawn_close_handles(struct spawn *s)
{
	spawn_close_inherited(&s->handles, s->plan);
	free(s->handles.joins);
	s->handles.joins = NULL;
	rootfs_handles_init(&s->handles.rootfs);
}

void spawn_close(struct spawn *s)
{
	spawn_close_inherited(&s->handles, s->plan);
	close_take(&s->handles.init_pidfd);
	close_take(&s->handles.pid_ns);
	close_take(&s->handles.init_root);
	close_take(&s->proc);
	close_take(&s->pidfd);
	close_take(&s->caller);
	close_take(&s->proc_pid);
	close_take(&s->master);
	close_take(&s->conv.fd);
	close_take(&s->launcher_pidfd);
	for (size_t i = 0; i < s->n_idmaps; i++)
		close_take(&s->idmaps[i].map);
	free(s->idmaps);
	s->idmaps = NULL;
	s->n_idmaps = 0;
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

bool spawn_killed_at_birth(struct spawn *s, struct error *err)
{
	siginfo_t info = {0};

	if (s->pid <= 0 || s->cgroup < 0 || s->attach_late || s->told)
		return false;
	if (!s->reaped && waitid(P_PID, (id_t)s->pid, &info, WEXITED | WNOHANG) == 0 && info.si_pid == s->pid) {
		s->reaped = true;
		s->wait_status = info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status;
	}
	if (!s->reaped || !WIFSIGNALED(s->wait_status) || WTERMSIG(s->wait_status) != SIGKILL ||
	    !cgroup_kills_newcomers(s->cgroup))
		return false;
	error_set(err, EPIPE, "the container process was killed as it was made");
	error_hint(err, "as is each that comes from our cgroup into its, by a fault of this kernel, since one of the "
		   "two was once killed as a whole, see cgroup.kill in cgroups(7): use another one");
	return true;
}

void spawn_again(struct spawn *s)
{
	int cgroup = s->handles.rootfs.cgroup;

	spawn_abort(s);
	rootfs_handles_init(&s->handles.rootfs);
	s->handles.rootfs.cgroup = cgroup;
	s->pid = 0;
	s->wait_status = 0;
	s->reaped = s->cgroup_dropped = false;
	s->attach_late = true;
}

/* Did it leave words in memory, as it could not send them?  Distrusted like a message (rule R22). */
static bool take_last_words(const struct spawn *s, struct error *err)
{
	const struct error *words = s->handles.last_words;

	if (!words || words->code < 1 || words->code > 4095)
		return false;
	*err = *words;
	error_received(err);
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
	else if (WIFSIGNALED(s->wait_status) && WTERMSIG(s->wait_status) == SIGKILL && s->cgroup >= 0 &&
		 cgroup_is_gone(s->cgroup))
		error_hint(err, "its cgroup is gone, too, and cannot be asked: if memory is limited, raise the limit");
	else if (WIFSIGNALED(s->wait_status) && WTERMSIG(s->wait_status) == SIGSYS)
		error_hint(err, "the seccomp profile kills a call that is needed to start the program");
	return -err->code;
}

/* The result of a step of the conversation. */
int spawn_heard(struct spawn *s, int r, struct error *err)
{
	if (r >= 0)
		return r;
	if (r == -EPIPE && err->code == 0)
		return explain_death(s, err);
	return r;
}

int spawn_expect(struct spawn *s, int proc, int timeout,
		 int (*expect)(struct spawn *s, int ms, void *to, struct error *err), void *to, struct error *err)
{
	struct patience patience;
	bool again;
	int r;

	patience_begin(&patience, proc, timeout < 0 ? 0 : (uint64_t)timeout, s->plan->security.seccomp_agent);
	do {
		r = expect(s, PATIENCE_SLICE_MS, to, err);
		again = r == -ETIMEDOUT && s->conv.state != CS_FAILED;	/* not what the child tells */
	} while (again && patience_check(&patience, err) == 0);
	return spawn_heard(s, r, err);
}

static int expect_pid(struct spawn *s, int ms, void *to, struct error *err)
{
	return conversation_expect_pid(&s->conv, ms, -1, to, err);
}

static int expect_exec(struct spawn *s, int ms, void *to, struct error *err)
{
	(void)to;
	return conversation_expect_end(&s->conv, ms, s->pidfd, err);
}

/* The process that we made is not the one that we want, and tells us in its place: learn that one's pid. */
int spawn_learn_pid(struct spawn *s, int timeout, struct error *err)
{
	pid_t pid, launcher = s->pid;
	siginfo_t info;
	int pidfd, r = spawn_expect(s, -1, timeout, expect_pid, &pid, err);

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

int spawn_open_proc_pid(struct spawn *s, struct error *err)
{
	char name[24];

	snprintf(name, sizeof(name), "%d", (int)s->pid);
	close_take(&s->proc_pid);
	s->proc_pid = fd_openat(s->proc, name, O_RDONLY | O_DIRECTORY, 0);
	return s->proc_pid < 0 ? error_errno(err, s->proc_pid, "open /proc/%s", name) : 0;
}

int spawn_agent_late(const struct spawn *s, int r, struct error *err)
{
	if (r == -ETIMEDOUT && s->plan->security.seccomp_agent)
		error_hint(err, "the seccomp agent at %s has not answered its system calls",
			   s->plan->security.seccomp_agent);
	return r;
}

int spawn_proceed(struct spawn *s, bool wait_exec, struct error *err)
{
	int r = spawn_heard(s, conversation_send(&s->conv, MSG_PROCEED, -1, err), err);

	collect_launcher(s);	/* while the program is executed */
	if (r == 0 && wait_exec)
		r = spawn_expect(s, s->proc_pid, (int)patience_for(s->plan, s->handles.exec), expect_exec, NULL, err);
	if (r < 0)
		s->exec_failed = init_stage_is_exec(s->conv.stage);
	/* The end of the conversation is also its own, if a filter refused write(2). */
	if (r == 0 && wait_exec && take_last_words(s, err)) {
		s->exec_failed = true;
		r = -err->code;
	}
	if (r == 0 && wait_exec)
		log_debug("process %d executes its program", (int)s->pid);
	return spawn_agent_late(s, r, err);
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
