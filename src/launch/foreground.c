/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waiting in the foreground for `run` and `exec`.  Runs on the host. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "launch/creation.h"
#include "launch/foreground.h"
#include "launch/notify.h"
#include "process/process.h"
#include "sys/syscalls.h"
#include "util/fd.h"
#include "util/str.h"
#include "util/trace.h"

/* Still blocked when the container has ended, so that nothing is left half deleted. */
static sigset_t held;

/* Faults are our own, the terminal's stop signals are for us, CHLD and URG say nothing to the payload. */
int foreground_signals(sigset_t *forwarded, struct error *err)
{
	static const int not_these[] = {
		SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS,
		SIGCHLD, SIGURG, SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU,
	};
	int fd;

	sys_all_signals(forwarded);
	for (size_t i = 0; i < sizeof(not_these) / sizeof(not_these[0]); i++)
		sigdelset(forwarded, not_these[i]);
	if (sigprocmask(SIG_BLOCK, forwarded, NULL) < 0)
		return error_errno(err, errno, "sigprocmask");
	fd = signalfd(-1, forwarded, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? error_errno(err, errno, "signalfd") : fd;
}

static void forward(void *ctx, int sig)
{
	const struct spawn *s = ctx;

	if (sig == SIGIO && s->notify)
		notify_serve(s->notify);
	else
		sys_pidfd_send_signal(s->pidfd, sig, NULL, 0);	/* ESRCH: it has just ended */
}

static int wait_without_terminal(struct spawn *s, int signal_fd, struct error *err)
{
	struct pollfd p[] = {
		{.fd = s->pidfd, .events = POLLIN}, {.fd = signal_fd, .events = POLLIN},
		{.fd = s->caller, .events = POLLIN},
	};

	for (;;) {
		struct signalfd_siginfo info;

		if (poll(p, ARRAY_SIZE(p), -1) < 0) {
			if (errno == EINTR)
				continue;
			return error_errno(err, errno, "wait for the container");
		}
		if (p[0].revents)
			return 0;
		if (p[2].revents) {
			forward(s, SIGKILL);
			p[2].fd = -1;
		}
		if (read(signal_fd, &info, sizeof(info)) == sizeof(info))
			forward(s, (int)info.ssi_signo);
	}
}

/* Whatever we wait for, we wait for signals, too: let the socket send one.  SIGIO is blocked, fcntl(2). */
static int watch_notifications(struct spawn *s, struct error *err)
{
	int fd = s->notify->socket;

	if (fcntl(fd, F_SETOWN, getpid()) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC) < 0)
		return error_errno(err, errno, "watch the notification socket");
	notify_serve(s->notify);	/* what came before */
	return 0;
}

/* What came last may have sent a signal that nobody has read: it is discarded, sigaction(2), or would end us. */
static void unwatch_notifications(struct spawn *s)
{
	fcntl(s->notify->socket, F_SETFL, O_NONBLOCK);
	signal(SIGIO, SIG_IGN);
	signal(SIGIO, SIG_DFL);
	notify_serve(s->notify);
}

int foreground_wait(struct spawn *s, const sigset_t *forwarded, int signal_fd, struct error *err)
{
	TRACE("wait for the end", NULL);
	struct tty_proxy *proxy = NULL;
	int r = s->notify ? watch_notifications(s, err) : 0;

	if (r < 0)
		return r;
	if (s->master < 0) {
		r = wait_without_terminal(s, signal_fd, err);
	} else {
		signal(SIGPIPE, SIG_IGN);	/* whoever reads our stdout may go away */
		r = tty_proxy_new(s->master, &proxy, err);
		s->master = -1;
		if (r == 0)
			r = tty_proxy_run(proxy, s->pidfd, s->caller, signal_fd, forward, s, err);
		tty_proxy_free(proxy);
	}
	if (r < 0)
		return r;
	if (s->notify)
		unwatch_notifications(s);
	held = *forwarded;
	return spawn_wait(s, err);
}

/* One that came when the container had ended was for it, and is discarded: sigaction(2). */
static void discard_pending(void)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, old;
	sigset_t pending;

	if (sigpending(&pending) < 0)
		return;
	for (int sig = 1; sig < NSIG; sig++) {
		if (sigismember(&pending, sig) != 1 || sigismember(&held, sig) != 1)
			continue;
		sigaction(sig, &ignore, &old);
		sigaction(sig, &old, NULL);
	}
}

void foreground_release(void)
{
	discard_pending();
	sigprocmask(SIG_UNBLOCK, &held, NULL);
}
