/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program: one call into cli. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "util/error.h"
#include "util/fd.h"

int main(int argc, char **argv)
{
	struct error err = {0};
	int r;

	/* A caller that ignores it, and lets us inherit that, would keep us from collecting children. */
	signal(SIGCHLD, SIG_DFL);
	/* First of all, so that nothing we open becomes the payload's stdin, stdout or stderr. */
	r = fd_sanitize_stdio();
	if (r < 0) {
		error_errno(&err, r, "open /dev/null");
		dprintf(STDERR_FILENO, "orlop: %s\n", err.text);
		return 1;
	}
	return cli_main(argc, argv);
}
