/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hooks (runtime-spec config.md#posix-platform-hooks).  Runs in the parent, and in the child for
 * those of the container; there possibly under the container's seccomp filter, so nothing exotic.
 *
 * The state comes from a memory file: a hook that never reads cannot block us, whatever its size.
 * The output goes into a pipe of which we keep the last few KiB.  A hook is finished when its own
 * process has ended; what it left behind may keep the pipe open for as long as it likes.
 */
#include "process/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "oci/names.h"
#include "process/hook_env.h"
#include "process/orphans.h"
#include "sys/compat.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/str.h"
#include "util/trace.h"

#define KEEP 4096		/* bytes of output */
#define SHOW 480		/* of these in the error */
#define REAP_MS 5000		/* after SIGKILL: a process in D state must not hold us */
#define STACK_SIZE 16384

struct ring {
	char data[KEEP];
	size_t total;
};

struct hook_child {
	const struct hook_run *run;
	const struct oci_hook *hook;
	char *const *argv;
	char *const *envp;
	int in, out, status;		/* status: errno of what failed before execve, close-on-exec */
	int cwd;
	const sigset_t *mask;
};

struct running {
	pid_t pid;
	int pidfd, out, status;
	struct timespec since;
	struct ring *ring;
	struct orphans orphans;
};

static void ring_add(struct ring *r, const char *data, size_t n)
{
	for (size_t i = 0; i < n; i++)
		r->data[r->total++ % KEEP] = data[i];
}

/* The last whole lines, at most @size - 1 bytes: newlines become " | ", the end is trimmed. */
static void ring_last(const struct ring *r, char *buf, size_t size)
{
	size_t have = r->total < KEEP ? r->total : KEEP, out = 0;
	size_t end = r->total, begin;
	bool cut;

	while (have > 0 && strchr("\n\r \t", r->data[(end - 1) % KEEP])) {
		end--;
		have--;
	}
	begin = end - (have < SHOW ? have : SHOW);
	cut = begin > 0;
	/* Begin at a line, unless there is only one. */
	for (size_t i = begin; cut && i < end; i++)
		if (r->data[i % KEEP] == '\n') {
			begin = i + 1;
			break;
		}
	for (size_t i = begin; i < end && out + 4 < size; i++) {
		char c = r->data[i % KEEP];

		if (c == '\n')
			out += (size_t)snprintf(buf + out, size - out, " | ");
		else
			buf[out++] = c ? c : '?';	/* other bytes: escaped where errors are printed */
	}
	buf[out] = '\0';
}

static double seconds_since(const struct timespec *t)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - t->tv_sec) + (double)(now.tv_nsec - t->tv_nsec) / 1e9;
}

/* The state as a file that the hook can neither change nor grow. */
static int state_file(const struct hook_run *run)
{
	_cleanup_close_ int fd = memfd_create("state", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r;

	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, run->state_json, run->state_len);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		return -errno;
	return steal_fd(&fd);
}

/* In the new process, up to execve(2).  Handlers and ignored signals would be inherited. */
static int child_main(void *arg)
{
	const struct hook_child *c = arg;
	int r = 0;

	for (int sig = 1; sig < NSIG; sig++)
		sys_signal_default(sig);	/* EINVAL for SIGKILL and SIGSTOP: fine */
	/* A session: no controlling terminal, and a process group that can be killed as one. */
	if (setsid() < 0 || dup2(c->in, STDIN_FILENO) < 0 ||
	    dup2(c->run->out > 0 ? c->run->out : c->out, STDOUT_FILENO) < 0 ||
	    dup2(c->run->err > 0 ? c->run->err : c->out, STDERR_FILENO) < 0)
		r = -errno;
	if (r == 0 && c->cwd > 0 && fchdir(c->cwd) < 0)
		r = -errno;
	if (r == 0)
		r = sys_close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
	if (r == 0 && sigprocmask(SIG_SETMASK, c->mask, NULL) < 0)
		r = -errno;
	if (r == 0 && c->run->before_exec)
		r = c->run->before_exec(c->run->ctx);
	if (r == 0) {
		execve(c->hook->path, c->argv, c->envp);
		r = -errno;
	}
	fd_write_all(c->status, &r, sizeof(r));
	sys_exit(127);
}

/* clone(2) with a descriptor of the process; no CLONE_VM, so that the stack need only exist. */
static pid_t spawn(struct hook_child *c, int *ret_pidfd)
{
	char stack[STACK_SIZE] __attribute__((aligned(16)));
	sigset_t all, old, none;
	int pidfd = -1;
	pid_t pid;

	/* Blocked until the child has reset them, so that no handler of ours runs there. */
	sys_all_signals(&all);
	sigemptyset(&none);
	c->mask = &none;
	if (sigprocmask(SIG_SETMASK, &all, &old) < 0)
		return -errno;
	pid = clone(child_main, stack + sizeof(stack), CLONE_PIDFD | SIGCHLD, c, &pidfd);
	if (pid < 0)
		pid = -errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (pid >= 0)
		*ret_pidfd = pidfd;
	return pid;
}

/* Take what is in the pipe, but never more than it can hold: a flood must not keep us from looking
 * at the clock.  False at the end of the file. */
static bool read_output(struct running *h)
{
	char chunk[4096];

	for (unsigned i = 0; i < 16; i++) {
		ssize_t n = read(h->out, chunk, sizeof(chunk));

		if (n < 0)
			return errno == EINTR || errno == EAGAIN;
		if (n == 0)
			return false;
		ring_add(h->ring, chunk, (size_t)n);
	}
	return true;
}

/* Milliseconds until the timeout, for poll(2); -1 without one. */
static int time_left(const struct running *h, const struct oci_hook *hook)
{
	double left;

	if (!hook->timeout_s.set)
		return -1;
	left = (double)hook->timeout_s.v - seconds_since(&h->since);
	if (left <= 0)
		return 0;
	return left > 3600 ? 3600 * 1000 : (int)(left * 1000) + 1;
}

/* poll(2) that returns -EINTR for a signal that came before it as well: looked at while blocked. */
static int poll_interruptible(struct pollfd *p, nfds_t n, int ms, const volatile sig_atomic_t *flag)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
	sigset_t all, old;
	int r = -EINTR;

	sys_all_signals(&all);
	if (sigprocmask(SIG_SETMASK, &all, &old) < 0)
		return -errno;
	if (!flag || !*flag) {
		r = ppoll(p, n, ms < 0 ? NULL : &t, &old);
		if (r < 0)
			r = -errno;
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	return r;
}

/* 0 when the process has ended, -ETIMEDOUT, -EINTR when the caller was interrupted, -errno. */
static int watch(struct running *h, const struct oci_hook *hook, const volatile sig_atomic_t *flag)
{
	bool open = true;

	for (;;) {
		struct pollfd p[] = {
			{.fd = h->pidfd, .events = POLLIN},
			{.fd = open ? h->out : -1, .events = POLLIN},
		};
		int left = time_left(h, hook);
		int r = poll_interruptible(p, 2, left, flag);

		if (r < 0 && (r != -EINTR || (flag && *flag)))
			return r;
		if (r > 0 && p[1].revents)
			open = read_output(h);
		if (r > 0 && p[0].revents) {
			if (open)
				read_output(h);
			return 0;
		}
		if (left == 0)
			return -ETIMEDOUT;
	}
}

/* By number, which is right here and nowhere else: the leader is our child and not reaped yet, so the
 * number cannot belong to another group.  (PIDFD_SIGNAL_PROCESS_GROUP needs Linux 6.9.) */
static void kill_group(const struct running *h)
{
	syscall(SYS_kill, -h->pid, SIGKILL);
	sys_pidfd_send_signal(h->pidfd, SIGKILL, NULL, 0);	/* it may not have reached setsid */
}

static int reap(const struct running *h, siginfo_t *ret)
{
	int r = fd_wait(h->pidfd, POLLIN, REAP_MS);

	if (r <= 0)
		return r < 0 ? r : -ETIMEDOUT;
	do
		r = waitid(P_PIDFD, (id_t)h->pidfd, ret, WEXITED);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

/* "exit status 3" and so on, in @err, with the output. */
static int explain(const struct running *h, const siginfo_t *info, int watched, struct error *err)
{
	double took = seconds_since(&h->since);
	char output[SHOW + 128], name[16];
	int before = 0;

	/* An end of file instead of an errno: execve(2) succeeded. */
	if (read(h->status, &before, sizeof(before)) == sizeof(before) && before < 0) {
		error_errno(err, before, "execute it");
		return -err->code;
	}
	if (watched == -ETIMEDOUT)
		error_set(err, ETIMEDOUT, "timeout: killed after %.2f s", took);
	else if (watched < 0)
		error_errno(err, watched, "wait for it");
	else if (info->si_code == CLD_EXITED && info->si_status == 0)
		return 0;
	else if (info->si_code == CLD_EXITED)
		error_set(err, ECANCELED, "exit status %d after %.2f s", info->si_status, took);
	else
		error_set(err, ECANCELED, "killed by %s%s%s after %.2f s",
			  signal_name(info->si_status, name),
			  info->si_status == SIGSYS ? " (bad system call)" : "",
			  info->si_code == CLD_DUMPED ? " (core dumped)" : "", took);
	ring_last(h->ring, output, sizeof(output));
	if (output[0])
		error_hint(err, "its output ends: %s", output);
	return -err->code;
}

static int finish(struct running *h, const struct hook_run *run, const struct oci_hook *hook,
		  struct error *err)
{
	siginfo_t info = {0};
	int watched = watch(h, hook, run->interrupted);
	int r;

	if (watched < 0)
		kill_group(h);
	r = reap(h, &info);
	if (watched < 0)
		orphans_kill(&h->orphans);
	orphans_end(&h->orphans);
	if (watched == 0 && r < 0) {
		error_errno(err, r, "learn how it ended");
		if (r == -ECHILD)
			error_hint(err, "SIGCHLD is ignored in this process");
		return -err->code;
	}
	if (watched < 0 && r == 0)
		read_output(h);
	return explain(h, &info, watched, err);
}

static int run_one(const struct hook_run *run, const struct oci_hook *hook, struct error *err)
{
	_cleanup_close_ int in = -1, out_read = -1, out_write = -1, st_read = -1, st_write = -1;
	_cleanup_close_ int pidfd = -1;
	_cleanup_free_ char **own = NULL;
	char *const just_path[] = {hook->path, NULL};
	struct ring ring = {.total = 0};
	struct hook_child child = {.run = run, .hook = hook};
	struct running h = {.ring = &ring};
	int out[2], st[2];

	in = state_file(run);
	if (in < 0)
		return error_errno(err, in, "prepare the state for it");
	if (pipe2(out, O_CLOEXEC | O_NONBLOCK) < 0)
		return error_errno(err, errno, "make a pipe for its output");
	out_read = out[0];
	out_write = out[1];
	/* Only our end: a hook does not expect EAGAIN from its stdout. */
	if (fcntl(out_write, F_SETFL, 0) < 0)
		return error_errno(err, errno, "make a pipe for its output");
	if (pipe2(st, O_CLOEXEC | O_NONBLOCK) < 0)
		return error_errno(err, errno, "make a pipe");
	st_read = st[0];
	st_write = st[1];

	child.argv = hook->args.n ? hook->args.v : just_path;
	child.envp = hook_environment(hook, run->default_env, &own);
	child.in = in;
	child.out = out_write;
	child.status = st_write;
	child.cwd = run->cwd;
	clock_gettime(CLOCK_MONOTONIC, &h.since);
	if (run->adopt && hook->timeout_s.set)
		orphans_adopt(&h.orphans);
	h.pid = spawn(&child, &pidfd);
	if (h.pid < 0) {
		orphans_end(&h.orphans);
		return error_errno(err, h.pid, "clone a process for it");
	}
	h.pidfd = pidfd;
	h.out = out_read;
	h.status = st_read;
	/* The pipes must come to their end when the hook's copies are closed. */
	close(steal_fd(&out_write));
	close(steal_fd(&st_write));
	return finish(&h, run, hook, err);
}

int hooks_run(const struct hook_run *run, bool go_on, struct error *err)
{
	for (size_t i = 0; i < run->list->n; i++) {
		const struct oci_hook *hook = &run->list->v[i];
		TRACE(oci_hook_names[run->kind], hook->path);
		int r = hook->path[0] == '/' ? run_one(run, hook, err) :
			error_set(err, EINVAL, "its path is not absolute");

		if (r == 0)
			continue;
		error_in(err, "error running %s hook #%zu: `%s`", oci_hook_names[run->kind], i, hook->path);
		error_at(err, "/hooks/%s/%zu", oci_hook_names[run->kind], i);
		error_kind(err, ERROR_HOOK);
		error_phase(err, "hooks");
		error_path(err, hook->path);
		if (!go_on)
			return r;
		log_warning("%s", err->text);
		*err = (struct error){0};
	}
	return 0;
}
