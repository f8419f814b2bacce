/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A service that is handed its socket, sd_listen_fds(3): greets whoever connects. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
	const char *fds = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");

	if (!fds || strcmp(fds, "1") != 0 || !pid || atoi(pid) != getpid()) {
		fprintf(stderr, "no socket was handed over\n");
		return 1;
	}
	for (;;) {
		int conn = accept(3, NULL, NULL);

		if (conn < 0)
			return 2;
		dprintf(conn, "hello\n");
		close(conn);
	}
}
