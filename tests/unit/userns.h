/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a test can make user namespaces: not where it was started by chroot(1), user_namespaces(7). */
#ifndef ORLOP_TEST_USERNS_H
#define ORLOP_TEST_USERNS_H

#include <sched.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

static inline bool has_userns(void)
{
	int status = 1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER) != 0);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

#define NEEDS_USERNS()                                                                           \
	do {                                                                                     \
		if (!has_userns())                                                               \
			skip();                                                                  \
	} while (0)

#endif
