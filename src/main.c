/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program: one call into cli. */
#include <signal.h>

#include "cli/cli.h"
#include "util/fd.h"

int main(int argc, char **argv)
{
	/* A caller that ignores it, and lets us inherit that, would keep us from collecting children. */
	signal(SIGCHLD, SIG_DFL);
	/* First of all, so that nothing we open becomes the payload's stdin, stdout or stderr. */
	if (fd_sanitize_stdio() < 0)
		return 1;
	return cli_main(argc, argv);
}
