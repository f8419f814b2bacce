/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting CRIU and talking with it.  Runs on the host; run_child() in what becomes CRIU. */
#include "criu/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/compat.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/fd.h"
#include "util/mem.h"

#define MESSAGE_MAX 65536		/* CRIU's own messages end at 40 KiB */
#define END_MS 10000			/* from its answer to its end */
#define OUT_OF_THE_WAY 64		/* descriptors wait above all numbers that they get */

struct criu {
	int sock, pidfd;
	pid_t pid;
	char message[MESSAGE_MAX];
};

/* Never PATH: the caller's environment does not choose which program gets our privileges. */
static const char *const places[] = {
	"/usr/sbin/criu", "/usr/bin/criu", "/usr/local/sbin/criu", "/usr/local/bin/criu", "/sbin/criu", "/bin/criu",
};

static const char *find_program(struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	error_set(err, ENOENT, "criu is needed for this, and is not installed");
	error_hint(err, "the package is criu; it is looked for in /usr/sbin, /usr/bin and below /usr/local");
	return NULL;
}

/* ---- the process ------------------------------------------------------------------------------ */

struct child {
	const struct criu_setup *setup;
	const char *program;
	int sock, report;
	int sources[CRIU_INHERIT_MAX + 5];	/* what becomes 0, 1, 2, ... */
	size_t n;
};

/* Each of them above all numbers first. */
static int place_descriptors(struct child *c)
{
	int null = c->setup->stdio ? -1 : fd_openat(AT_FDCWD, "/dev/null", O_RDWR, 0);
	int report = c->report;

	if (null < 0 && !c->setup->stdio)
		return null;
	for (int i = 0; i < 3; i++)
		c->sources[c->n++] = null < 0 ? i : null;
	c->sources[c->n++] = c->sock;
	for (size_t i = 0; i < c->setup->n_inherit; i++)
		c->sources[c->n++] = c->setup->inherit[i];
	for (size_t i = 0; i <= c->n; i++) {
		int *fd = i < c->n ? &c->sources[i] : &report;

		*fd = fcntl(*fd, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
		if (*fd < 0)
			return -errno;
	}
	for (size_t i = 0; i < c->n; i++)
		if (dup2(c->sources[i], (int)i) < 0)
			return -errno;
	c->report = fcntl(report, F_DUPFD_CLOEXEC, (int)c->n);
	if (c->report < 0)
		return -errno;
	return fd_close_others((int)c->n, &c->report, 1);
}

/*
 * CRIU looks for descriptors in the process that has made its socket, by /proc/PID/fd: so it is made here, and what
 * is handed on are numbers of its own.
 */
static int make_socket(struct child *c, struct error *err)
{
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_errno(err, errno, "make a socket for criu");
	c->sock = pair[0];
	r = fd_send(c->report, "", 1, &pair[1], 1);
	close(pair[1]);
	return r < 0 ? error_errno(err, r, "send the socket of criu") : 0;
}

static int become_criu(struct child *c, struct error *err)
{
	/* CRIU runs iptables, ip and tar. */
	static char name[] = "criu", command[] = "swrk", sock[] = "3",
		    path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char *const argv[] = {name, command, sock, NULL}, *const envp[] = {path, NULL};
	int r = c->setup->prepare ? c->setup->prepare(c->setup->ctx, err) : 0;
	sigset_t none;

	if (r == 0)
		r = make_socket(c, err);
	if (r < 0)
		return r;
	r = place_descriptors(c);
	if (r < 0)
		return error_errno(err, r, "arrange descriptors for criu");
	sigemptyset(&none);
	for (int sig = 1; sig < NSIG; sig++)
		sys_signal_default(sig);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(c->program, argv, envp);
	return error_errno(err, errno, "execute %s", c->program);
}

static _Noreturn void run_child(struct child *c)
{
	struct error err = {0};

	become_criu(c, &err);
	fd_send(c->report, &err, sizeof(err), NULL, 0);
	sys_exit(127);
}

/* Its socket, and then its last words if it did not become CRIU. */
static int heard(int report, int *ret_sock, struct error *err)
{
	struct error words;
	size_t n_fds;
	ssize_t n;
	int fd;

	for (;;) {
		n = fd_wait(report, POLLIN, END_MS) > 0 ? fd_recv(report, &words, sizeof(words), &fd, 1, &n_fds) : -1;
		if (n == 1 && n_fds == 1 && *ret_sock < 0) {
			*ret_sock = fd;
			continue;
		}
		if (n > 0 && n_fds == 1)
			close(fd);
		if (n == 0 && *ret_sock >= 0)
			return 0;
		break;
	}
	if (n != sizeof(words) || words.code < 1 || words.code > 4095)
		return error_set(err, EIO, "the process that was to become criu ended, or hangs");
	error_received(&words);
	*err = words;
	return -words.code;
}

static pid_t start(struct child *child, int cgroup, int *ret_pidfd)
{
	struct clone_args args = {
		.flags = CLONE_PIDFD, .pidfd = (uintptr_t)ret_pidfd, .exit_signal = SIGCHLD,
	};
	pid_t pid;

	if (cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup;
	}
	pid = sys_clone3(&args);
	if (pid == 0)
		run_child(child);
	return pid;
}

int criu_open(const struct criu_setup *setup, struct criu **ret, struct error *err)
{
	struct child child = {.setup = setup, .program = setup->program};
	_cleanup_close_ int report = -1;
	struct criu *c;
	int pair[2], r, pidfd = -1;
	pid_t pid;

	if (setup->n_inherit > CRIU_INHERIT_MAX)
		return error_set(err, E2BIG, "too many descriptors for criu");
	if (!child.program)
		child.program = find_program(err);
	if (!child.program)
		return -err->code;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_errno(err, errno, "make a socket for what becomes criu");
	report = pair[0];
	child.report = pair[1];
	pid = start(&child, setup->cgroup, &pidfd);
	close(child.report);
	if (pid < 0)
		return error_errno(err, pid, "start criu");
	c = xcalloc(1, sizeof(*c));
	*c = (struct criu){.sock = -1, .pid = pid, .pidfd = pidfd};
	r = heard(report, &c->sock, err);
	if (r < 0) {
		sys_pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
		criu_close(c);
		return r;
	}
	*ret = c;
	return 0;
}

int criu_pidfd(const struct criu *c)
{
	return c->pidfd;
}

int criu_close(struct criu *c)
{
	siginfo_t info = {0};
	int r;

	if (!c)
		return -1;
	if (c->sock >= 0)
		close(c->sock);
	if (fd_wait(c->pidfd, POLLIN, END_MS) <= 0)
		sys_pidfd_send_signal(c->pidfd, SIGKILL, NULL, 0);
	do
		r = waitid(P_PID, (id_t)c->pid, &info, WEXITED);
	while (r < 0 && errno == EINTR);
	close(c->pidfd);
	free(c);
	return r == 0 && info.si_code == CLD_EXITED ? info.si_status : -1;
}

/* ---- the conversation ------------------------------------------------------------------------- */

static int lies(const char *how, struct error *err)
{
	return error_set(err, EPROTO, "criu %s: is /usr/sbin/criu what it should be?", how);
}

static int ended(const struct criu *c, struct error *err)
{
	siginfo_t info = {0};

	fd_wait(c->pidfd, POLLIN, 1000);
	waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT);
	if (info.si_pid && info.si_code != CLD_EXITED)
		return error_set(err, ECONNRESET, "criu was ended by signal %d", info.si_status);
	if (info.si_pid)
		return error_set(err, ECONNRESET, "criu ended with status %d without an answer", info.si_status);
	return error_set(err, ECONNRESET, "criu closed the connection without an answer");
}

/* Wait for what is there to be read: 0, or an error.  It may have ended and left its socket to its children. */
static int wait_for_message(const struct criu *c, int timeout_ms, struct error *err)
{
	struct pollfd p[2] = {{.fd = c->sock, .events = POLLIN}, {.fd = c->pidfd, .events = POLLIN}};
	int64_t deadline = clock_now_ms() + timeout_ms;

	for (;;) {
		int64_t left = deadline - clock_now_ms();
		int r = left <= 0 ? 0 : poll(p, 2, (int)left);

		if (r < 0 && errno != EINTR)
			return error_errno(err, errno, "wait for criu");
		if (r == 0)
			return error_set(err, ETIMEDOUT, "criu said nothing for %g s", timeout_ms / 1000.0);
		if (r > 0 && p[0].revents)
			return 0;
		if (r > 0 && p[1].revents)
			return ended(c, err);
	}
}

static int receive(struct criu *c, int timeout_ms, struct criu_answer *ret, int *ret_fd, struct error *err)
{
	size_t n_fds = 0;
	ssize_t n;
	int r = wait_for_message(c, timeout_ms, err);

	if (r < 0)
		return r;
	n = fd_recv(c->sock, c->message, sizeof(c->message), ret_fd, 1, &n_fds);
	if (n_fds == 0)
		*ret_fd = -1;
	if (n == -ECONNRESET || n == 0)
		return ended(c, err);
	if (n < 0)
		return error_errno(err, (int)n, "read what criu says");
	if ((size_t)n == sizeof(c->message) || criu_answer_parse(c->message, (size_t)n, ret) < 0)
		return lies("sends what is no answer", err);
	return 0;
}

static int send_to(struct criu *c, const struct strbuf *m, struct error *err)
{
	int r;

	if (fd_wait(c->sock, POLLOUT, END_MS) <= 0)
		return error_set(err, ETIMEDOUT, "criu takes no request");
	r = fd_send(c->sock, m->data, m->len, NULL, 0);
	if (r == -EPIPE || r == -ECONNRESET)
		return ended(c, err);
	return r < 0 ? error_errno(err, r, "send a request to criu") : 0;
}

static int answer_notification(struct criu *c, bool success, struct error *err)
{
	_cleanup_(strbuf_free) struct strbuf m = {0};

	criu_put_notified(&m, success);
	return send_to(c, &m, err);
}

int criu_call(struct criu *c, const struct criu_request *request, int timeout_ms, criu_notified_fn *notified, void *ctx,
	      struct criu_answer *ret, struct error *err)
{
	_cleanup_(strbuf_free) struct strbuf m = {0};
	struct error second = {0};
	int r;

	criu_put_request(&m, request);
	r = send_to(c, &m, err);
	while (r == 0) {
		_cleanup_close_ int fd = -1;

		r = receive(c, timeout_ms, ret, &fd, err);
		if (r < 0)
			return r;
		if (ret->type != CRIU_NOTIFY)
			break;
		r = notified ? notified(ctx, ret, fd, err) : 0;
		if (r < 0)
			answer_notification(c, false, &second);
		else
			r = answer_notification(c, true, err);
	}
	if (r < 0)
		return r;
	/* Before it looks at the request CRIU may refuse it as an empty one. */
	if (ret->type != request->type && (ret->type != CRIU_EMPTY || ret->success))
		return lies("answers what was not asked", err);
	return 0;
}
