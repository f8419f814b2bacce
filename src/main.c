/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program: one call into cli. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "cli/cli.h"
#include "util/error.h"
#include "util/fd.h"

/*
 * getauxval(3): the kernel gave us more than the caller has.  Environment and arguments are the caller's, so before
 * anything is done with them.  Root gets nothing; there an LSM says so when it changes the domain.
 */
static bool has_powers_of_its_file(void)
{
	return getauxval(AT_SECURE) && (getuid() != 0 || geteuid() != 0 || getgid() != getegid());
}

int main(int argc, char **argv)
{
	struct error err = {0};
	int r;

	if (has_powers_of_its_file()) {
		static const char text[] = "orlop: refused to run set-user-ID, set-group-ID or with file capabilities: "
					   "whoever calls it would have these powers\n";

		return write(STDERR_FILENO, text, sizeof(text) - 1) == sizeof(text) - 1 ? 1 : 2;
	}
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
