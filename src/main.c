/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program: one call into cli. */
#include "cli/cli.h"
#include "util/fd.h"

int main(int argc, char **argv)
{
	/* First of all, so that nothing we open becomes the payload's stdin, stdout or stderr. */
	if (fd_sanitize_stdio() < 0)
		return 1;
	return cli_main(argc, argv);
}
