/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A page on the terminal: ECMA-48 and the private modes that all terminals of today have; termios(3). */
#include "report/terminal.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/mem.h"

/* The alternate screen, without a cursor; and back. */
#define BEGIN "\033[?1049h\033[?25l"
#define END "\033[?25h\033[?1049l"
#define TOP "\033[H"
#define ERASE_BELOW "\033[J"

struct terminal {
	int signals;			/* signalfd(2) */
	sigset_t before;		/* mask of signals */
	bool keys;			/* stdin is a terminal, too */
	struct termios settings;	/* as they were */
};

bool terminal_is_page(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term && *term && !str_eq(term, "dumb");
}

bool terminal_has_colours(void)
{
	const char *no = getenv("NO_COLOR");

	return terminal_is_page() && !(no && *no);
}

void terminal_size(unsigned *ret_columns, unsigned *ret_lines)
{
	struct winsize w;

	*ret_columns = 80;
	*ret_lines = 24;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0)
		return;
	if (w.ws_col)
		*ret_columns = w.ws_col;
	if (w.ws_row)
		*ret_lines = w.ws_row;
}

static void enter(struct terminal *t)
{
	struct termios raw = t->settings;

	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);	/* Ctrl-C still sends its signal */
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	if (t->keys)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	fd_write_all(STDOUT_FILENO, BEGIN, sizeof(BEGIN) - 1);
}

static void leave(void *ctx)
{
	struct terminal *t = ctx;

	fd_write_all(STDOUT_FILENO, END, sizeof(END) - 1);
	if (t->keys)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &t->settings);
}

int terminal_open(struct terminal **ret, struct error *err)
{
	static const int wanted[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH};
	struct terminal *t = xcalloc(1, sizeof(*t));
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		sigaddset(&set, wanted[i]);
	t->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (t->signals < 0) {
		error_errno(err, errno, "make a descriptor for signals");
		free(t);
		return -err->code;
	}
	sigprocmask(SIG_BLOCK, &set, &t->before);
	t->keys = tcgetattr(STDIN_FILENO, &t->settings) == 0;
	mem_undo(leave, t);
	enter(t);
	*ret = t;
	return 0;
}

void terminal_close(struct terminal *t)
{
	if (!t)
		return;
	leave(t);
	mem_undo(NULL, NULL);
	close(t->signals);
	sigprocmask(SIG_SETMASK, &t->before, NULL);
	free(t);
}

int terminal_draw(const struct strbuf *text, struct error *err)
{
	_cleanup_(strbuf_free) struct strbuf out = {0};
	int r;

	strbuf_adds(&out, TOP);
	strbuf_add(&out, text->data, text->len);
	strbuf_adds(&out, ERASE_BELOW);
	r = fd_write_all(STDOUT_FILENO, out.data, out.len);
	return r < 0 ? error_errno(err, r, "write to the terminal") : 0;
}

/* Ctrl-Z: the shell gets its terminal as it was. */
static void stop(struct terminal *t)
{
	leave(t);
	raise(SIGSTOP);
	if (t->keys)	/* the shell may have other settings now */
		tcgetattr(STDIN_FILENO, &t->settings);
	enter(t);
}

static int take_signal(struct terminal *t, int *ret_signal)
{
	struct signalfd_siginfo info;

	if (read(t->signals, &info, sizeof(info)) != sizeof(info))
		return TERMINAL_TIMEOUT;
	if (info.ssi_signo == SIGTSTP)
		stop(t);
	if (info.ssi_signo == SIGTSTP || info.ssi_signo == SIGWINCH)
		return TERMINAL_REDRAW;
	*ret_signal = (int)info.ssi_signo;
	return TERMINAL_END;
}

static int take_key(struct terminal *t)
{
	unsigned char key;
	ssize_t n = read(STDIN_FILENO, &key, 1);

	if (n == 1)
		return key ? key : TERMINAL_TIMEOUT;
	if (n == 0 || (errno != EINTR && errno != EAGAIN))
		t->keys = n == 0 && isatty(STDIN_FILENO);	/* hung up: nobody types any more */
	return TERMINAL_TIMEOUT;
}

int terminal_wait(struct terminal *t, int64_t until_ms, int *ret_signal)
{
	for (;;) {
		struct pollfd fds[] = {
			{.fd = t->signals, .events = POLLIN},
			{.fd = t->keys ? STDIN_FILENO : -1, .events = POLLIN},
			{.fd = STDOUT_FILENO},
		};
		int64_t left = until_ms - clock_now_ms();
		int r = TERMINAL_TIMEOUT;

		if (poll(fds, ARRAY_SIZE(fds), left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left) <= 0 && left <= 0)
			return TERMINAL_TIMEOUT;
		if (fds[0].revents)
			r = take_signal(t, ret_signal);
		else if (fds[1].revents & POLLIN)
			r = take_key(t);
		else if ((fds[1].revents | fds[2].revents) & (POLLERR | POLLHUP)) {
			*ret_signal = SIGHUP;
			return TERMINAL_END;
		}
		if (r != TERMINAL_TIMEOUT)
			return r;
	}
}
