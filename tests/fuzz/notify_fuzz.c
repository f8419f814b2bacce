/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any datagrams from a container, descriptors with them, and what the service manager gets to hear of it. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launch/notify.h"
#include "tests/fuzz/fuzz.h"
#include "util/fd.h"
#include "util/str.h"

const char fuzz_corpus[] = "tests/fuzz/notify";

static void send_one(int to, struct fuzz_input *in)
{
	uint8_t how = fuzz_byte(in);
	size_t n = fuzz_number(in, 2) % 5000, n_fds = how & 31;
	int fds[32], pipe_fds[2];

	if (n > in->n)
		n = in->n;
	must(pipe2(pipe_fds, O_CLOEXEC) == 0);
	for (size_t i = 0; i < n_fds; i++)
		fds[i] = how & 32 ? pipe_fds[1] : to;
	/* Of an unread flood the rest is lost, as anywhere. */
	fd_send(to, in->p, n, fds, n_fds);
	in->p += n;
	in->n -= n;
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

static void check_line(const char *line)
{
	static const char *const words[] = {
		"READY", "RELOADING", "STOPPING", "MONOTONIC_USEC", "STATUS", "ERRNO", "BUSERROR", "EXIT_STATUS",
		"WATCHDOG", "EXTEND_TIMEOUT_USEC", "MAINPID",
	};
	size_t n = strcspn(line, "="), i;
	uint32_t pid;

	for (i = 0; i < ARRAY_SIZE(words) && !(strlen(words[i]) == n && strncmp(words[i], line, n) == 0); i++)
		;
	must(i < ARRAY_SIZE(words) && line[n] == '=');
	/* Of all processes only ourselves are in this container. */
	if (strncmp(line, "MAINPID=", 8) == 0)
		must(str_to_u32(line + 8, &pid) == 0 && pid == (uint32_t)getpid());
}

static void check_message(char *text, size_t n, int fd)
{
	char *rest = text, *line;
	struct stat st;

	must(n > 0 && strlen(text) == n);
	if (fd >= 0) {
		must(str_eq(text, "BARRIER=1"));
		must(fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode));
		close(fd);
		return;
	}
	must(text[n - 1] == '\n');
	text[n - 1] = '\0';
	while ((line = strsep(&rest, "\n")))
		check_line(line);
}

static void listen_to(int sock)
{
	static char text[65536];
	union {
		char buf[CMSG_SPACE(sizeof(int) * 32)];
		struct cmsghdr align;
	} control;
	ssize_t n;

	for (;;) {
		struct iovec iov = {text, sizeof(text) - 1};
		struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf,
				   .msg_controllen = sizeof(control.buf)};
		struct cmsghdr *c;
		int fd = -1;

		n = recvmsg(sock, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (n < 0)
			return;
		c = CMSG_FIRSTHDR(&h);
		if (c) {
			must(c->cmsg_len == CMSG_LEN(sizeof(int)));
			memcpy(&fd, CMSG_DATA(c), sizeof(fd));
		}
		text[n] = '\0';
		check_message(text, (size_t)n, fd);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	struct state st = {.init.pid = getpid()};
	unsigned before = fuzz_open_fds();
	int inside[2], outside[2], on = 1;
	struct notify n = NOTIFY_INIT;

	fuzz_quiet();
	must(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, inside) == 0);
	must(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, outside) == 0);
	must(setsockopt(inside[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0);
	n.socket = inside[0];
	n.host = outside[0];
	n.st = &st;
	n.tell_main = fuzz_byte(&in) & 1;
	for (unsigned i = 0; i < 8 && in.n > 0; i++) {
		send_one(inside[1], &in);
		notify_serve(&n);
		listen_to(outside[1]);
	}
	notify_close(&n);
	close(inside[1]);
	close(outside[1]);
	must(fuzz_open_fds() == before);
	return 0;
}
