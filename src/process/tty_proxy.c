/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the caller's terminal and the container's, in the parent of a foreground `run` or
 * `exec --tty`.
 *
 *   stdin --> to_master --> master (pty)        master --> to_stdout --> stdout
 *
 * The caller's terminal is in raw mode, so that ^C and friends travel as bytes and the container's
 * line discipline acts on them.  stdin and stdout may be shared with other processes and are never
 * made non-blocking; after poll(2) said that they are ready, a bounded amount is moved.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "process/process.h"
#include "util/cleanup.h"
#include "util/log.h"

#define CHUNK 4096		/* PIPE_BUF: what a ready pipe takes without blocking (pipe(7)) */
#define HANGUP_RETRY_MS 100	/* nobody has the pty open at the moment; somebody may again */
#define EOF_FIRST_MS 100	/* how soon the end of the input is said again; then twice that, and so on */
#define EOF_LAST_MS 30000

struct queue {
	char data[CHUNK];
	size_t start, end;
};

struct tty_proxy {
	int master;
	bool raw;
	struct termios saved, ours;
	struct queue to_master, to_stdout;
	bool stdin_open, stdout_open, hung_up;
	bool mid_line;			/* the last byte of the input was no newline */
	int eof_wait_ms;		/* until the end of the input is said again; 0 = not any more */
};

static bool is_empty(const struct queue *q)
{
	return q->start == q->end;
}

int tty_proxy_new(int master, struct tty_proxy **ret, struct error *err)
{
	_cleanup_(tty_proxy_freep) struct tty_proxy *t = xcalloc(1, sizeof(*t));
	int flags;

	t->master = master;
	t->stdin_open = t->stdout_open = true;
	/* A file description of our own: the pty was made for us. */
	flags = fcntl(master, F_GETFL);
	if (flags < 0 || fcntl(master, F_SETFL, flags | O_NONBLOCK) < 0)
		return error_errno(err, errno, "make the terminal's master non-blocking");
	if (tcgetattr(STDIN_FILENO, &t->saved) == 0) {
		t->ours = t->saved;
		cfmakeraw(&t->ours);
		/* In the background this stops us, until we are fetched to the foreground. */
		if (tcsetattr(STDIN_FILENO, TCSANOW, &t->ours) < 0)
			return error_errno(err, errno, "put our terminal into raw mode");
		t->raw = true;
	}
	*ret = steal_ptr(t);
	return 0;
}

void tty_proxy_free(struct tty_proxy *t)
{
	if (!t)
		return;
	/* TCSADRAIN, not TCSAFLUSH: what the user has typed ahead belongs to the next reader. */
	if (t->raw && tcsetattr(STDIN_FILENO, TCSADRAIN, &t->saved) < 0 && errno != EIO)
		log_warning("restore our terminal: %s", error_words(errno));
	if (t->master >= 0)
		close(t->master);
	free(t);
}

void tty_proxy_freep(struct tty_proxy **t)
{
	tty_proxy_free(*t);
}

/* One read(2) into an empty queue: bytes, 0 at the end, -errno (-EAGAIN: nothing now). */
static ssize_t fill(int fd, struct queue *q)
{
	ssize_t n = read(fd, q->data, sizeof(q->data));

	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	q->start = 0;
	q->end = (size_t)n;
	return n;
}

/* One write(2) of what is there; the rest stays. */
static int drain(int fd, struct queue *q)
{
	ssize_t n = write(fd, q->data + q->start, q->end - q->start);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	q->start += (size_t)n;
	return 0;
}

static void read_master(struct tty_proxy *t)
{
	ssize_t n = fill(t->master, &t->to_stdout);

	/* EIO: no process has the other end open (pty(7)); not final. */
	t->hung_up = n == 0 || (n < 0 && n != -EAGAIN);
	if (!t->stdout_open)
		t->to_stdout.start = t->to_stdout.end;	/* nobody listens: the container goes on */
}

/* The caller's terminal is gone: to the container it shall look as if its own were. */
static void hang_up(struct tty_proxy *t)
{
	close(t->master);
	t->master = -1;
	t->to_master.start = t->to_master.end;
}

/* Whose reader has gone is nobody's terminal any more, as without one a pipe is nobody's.  A full disk is not that. */
static void write_stdout(struct tty_proxy *t)
{
	int r = drain(STDOUT_FILENO, &t->to_stdout);

	if (r == 0)
		return;
	t->stdout_open = false;
	t->to_stdout.start = t->to_stdout.end;
	if (r == -EPIPE || r == -EIO)
		hang_up(t);
	else
		log_warning("what the container writes to its terminal is lost from now on: %s", error_words(r));
}

static void write_master(struct tty_proxy *t)
{
	if (drain(t->master, &t->to_master) < 0)
		t->to_master.start = t->to_master.end;	/* hung up: what was typed has no reader */
}

static bool is_final(int sig)
{
	return sig == SIGTERM || sig == SIGINT || sig == SIGQUIT || sig == SIGHUP;
}

/* Returns true when a signal says that we shall not wait for our reader any longer. */
static bool take_signals(struct tty_proxy *t, int signal_fd, bool ended,
			 void (*on_signal)(void *ctx, int sig), void *ctx)
{
	struct signalfd_siginfo info;
	struct error ignored;

	if (read(signal_fd, &info, sizeof(info)) != sizeof(info))
		return false;
	if (info.ssi_signo == SIGWINCH)
		tty_set_size(t->master, 0, 0, &ignored);
	/* Whoever had the terminal while we were stopped, a shell, has set it for himself. */
	if (info.ssi_signo == SIGCONT && t->raw && tcgetpgrp(STDIN_FILENO) == getpgrp())
		tcsetattr(STDIN_FILENO, TCSANOW, &t->ours);
	if (info.ssi_signo != SIGWINCH && on_signal && info.ssi_signo != SIGPIPE)	/* ours: stdout was closed */
		on_signal(ctx, (int)info.ssi_signo);
	return ended && is_final((int)info.ssi_signo);
}

enum { P_STDIN, P_STDOUT, P_MASTER, P_PIDFD, P_SIGNAL, P_CALLER, N_POLL };

/* What to wait for.  A descriptor of -1 is passed over by poll(2). */
static void prepare(const struct tty_proxy *t, int pidfd, int caller, int signal_fd, struct pollfd *p)
{
	short master = (short)((is_empty(&t->to_stdout) ? POLLIN : 0) |
			       (is_empty(&t->to_master) ? 0 : POLLOUT));

	memset(p, 0, N_POLL * sizeof(*p));
	p[P_STDIN].fd = t->stdin_open && is_empty(&t->to_master) ? STDIN_FILENO : -1;
	p[P_STDIN].events = POLLIN;
	p[P_STDOUT].fd = t->stdout_open && !is_empty(&t->to_stdout) ? STDOUT_FILENO : -1;
	p[P_STDOUT].events = POLLOUT;
	/* POLLHUP cannot be masked: a master without a peer would make us spin. */
	p[P_MASTER].fd = master && !t->hung_up ? t->master : -1;	/* or -1 for good */
	p[P_MASTER].events = master;
	p[P_PIDFD].fd = pidfd;
	p[P_PIDFD].events = POLLIN;
	p[P_SIGNAL].fd = signal_fd;
	p[P_SIGNAL].events = POLLIN;
	p[P_CALLER].fd = caller;
	p[P_CALLER].events = POLLIN;
}

/*
 * A file or pipe has ended, and a terminal has no end: as its user would, type the character for it.  Within a line
 * that only ends the line, so twice.  A program in raw mode takes it as it does from its user.
 */
static void say_eof(struct tty_proxy *t)
{
	struct termios now;

	if (tcgetattr(t->master, &now) < 0 || now.c_cc[VEOF] == _POSIX_VDISABLE || !is_empty(&t->to_master))
		return;
	t->to_master.start = 0;
	t->to_master.end = t->mid_line && (now.c_lflag & ICANON) ? 2 : 1;
	memset(t->to_master.data, now.c_cc[VEOF], t->to_master.end);
	t->mid_line = false;
}

/* One that came before a program went into raw mode is lost to it; another program may want one too. */
static void say_eof_again(struct tty_proxy *t)
{
	say_eof(t);
	t->eof_wait_ms = t->eof_wait_ms < EOF_LAST_MS ? 2 * t->eof_wait_ms : 0;
}

static int poll_timeout(const struct tty_proxy *t)
{
	if (t->hung_up && t->master >= 0)
		return HANGUP_RETRY_MS;
	return t->eof_wait_ms ? t->eof_wait_ms : -1;
}

static void move_bytes(struct tty_proxy *t, const struct pollfd *p)
{
	if (p[P_STDIN].revents) {
		ssize_t n = fill(STDIN_FILENO, &t->to_master);

		if (n > 0)
			t->mid_line = t->to_master.data[n - 1] != '\n';
		if (n == 0 || (n < 0 && n != -EAGAIN))
			t->stdin_open = false;
		/* A terminal in raw mode has no end of file but this one (termios(3), tty_ioctl(4)). */
		if (t->raw && (n == 0 || n == -EIO)) {
			hang_up(t);
			return;
		}
		if (!t->stdin_open) {
			say_eof(t);
			t->eof_wait_ms = EOF_FIRST_MS;
		}
	}
	if (p[P_MASTER].revents & POLLOUT)
		write_master(t);
	if ((p[P_MASTER].revents & (POLLIN | POLLHUP | POLLERR)) && is_empty(&t->to_stdout))
		read_master(t);
	if (p[P_STDOUT].revents)
		write_stdout(t);
}

/* After the end of the process: what it still wrote.  A background process may hold the pty and go
 * on writing; only what is there now is copied, at most what a pty buffers several times over. */
static void finish(struct tty_proxy *t, int signal_fd, void (*on_signal)(void *ctx, int sig),
		   void *ctx)
{
	for (unsigned rounds = 0; rounds < 64; rounds++) {
		if (is_empty(&t->to_stdout)) {
			read_master(t);
			if (is_empty(&t->to_stdout))
				return;
		}
		while (!is_empty(&t->to_stdout)) {
			struct pollfd p[N_POLL];

			prepare(t, -1, -1, signal_fd, p);
			p[P_STDIN].fd = p[P_MASTER].fd = -1;
			if (poll(p, N_POLL, -1) < 0 && errno != EINTR)
				return;
			if (p[P_SIGNAL].revents && take_signals(t, signal_fd, true, on_signal, ctx))
				return;
			if (p[P_STDOUT].revents)
				write_stdout(t);
		}
	}
}

int tty_proxy_run(struct tty_proxy *t, int pidfd, int caller, int signal_fd,
		  void (*on_signal)(void *ctx, int sig), void *ctx, struct error *err)
{
	for (;;) {
		struct pollfd p[N_POLL];
		int r;

		prepare(t, pidfd, caller, signal_fd, p);
		r = poll(p, N_POLL, poll_timeout(t));
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return error_errno(err, errno, "wait for the container's terminal");
		if (p[P_SIGNAL].revents)
			take_signals(t, signal_fd, false, on_signal, ctx);
		if (p[P_CALLER].revents) {
			on_signal(ctx, SIGKILL);
			caller = -1;
		}
		if (r == 0 && is_empty(&t->to_stdout))
			read_master(t);
		if (r == 0 && t->eof_wait_ms)
			say_eof_again(t);
		move_bytes(t, p);
		if (p[P_PIDFD].revents) {
			finish(t, signal_fd, on_signal, ctx);
			return 0;
		}
	}
}
