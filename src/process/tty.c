/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Terminals: the child's end, the hand-over to an engine, the window size. */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "process/process.h"
#include "util/cleanup.h"
#include "util/fd.h"

int tty_set_size(int fd, uint16_t rows, uint16_t cols, struct error *err)
{
	struct winsize size = {.ws_row = rows, .ws_col = cols};

	if (rows == 0 && cols == 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0)
		return 0;	/* no terminal of ours to take it from */
	if (ioctl(fd, TIOCSWINSZ, &size) < 0)
		return error_errno(err, errno, "set the terminal's size to %u rows, %u columns",
				   size.ws_row, size.ws_col);
	return 0;
}

int tty_plain_line_ends(int fd, struct error *err)
{
	struct termios t;

	if (tcgetattr(fd, &t) < 0)
		return error_errno(err, errno, "read the terminal's attributes");
	t.c_oflag &= ~(tcflag_t)ONLCR;
	if (tcsetattr(fd, TCSANOW, &t) < 0)
		return error_errno(err, errno, "set the terminal's attributes");
	return 0;
}

void tty_size_unless_known(int fd, uint16_t rows, uint16_t cols)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_row || size.ws_col)
		return;
	size = (struct winsize){.ws_row = rows, .ws_col = cols};
	ioctl(fd, TIOCSWINSZ, &size);
}

bool tty_own_size(uint16_t *ret_rows, uint16_t *ret_cols)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		struct winsize size;

		if (ioctl(fd, TIOCGWINSZ, &size) < 0 || !size.ws_row || !size.ws_col)
			continue;
		*ret_rows = size.ws_row;
		*ret_cols = size.ws_col;
		return true;
	}
	return false;
}

int tty_take_control(int peer, struct error *err)
{
	_cleanup_close_ int fd = peer;

	/* 0: do not steal it from another session (ioctl_tty(2)). */
	if (ioctl(fd, TIOCSCTTY, 0) < 0)
		return error_errno(err, errno, "make the terminal the controlling one");
	for (int target = STDIN_FILENO; target <= STDERR_FILENO; target++)
		if (dup2(fd, target) < 0)
			return error_errno(err, errno, "put the terminal on descriptor %d", target);
	if (fd <= STDERR_FILENO)
		steal_fd(&fd);
	return 0;
}

int tty_send_console(int socket, int master, struct error *err)
{
	/* One message, one descriptor; go-runc takes the bytes as a name, conmon wants at least one. */
	static const char name[] = "/dev/ptmx";
	int r = fd_send(socket, name, sizeof(name) - 1, &master, 1);

	if (r < 0)
		return error_errno(err, r, "send the terminal over the console socket");
	return 0;
}
