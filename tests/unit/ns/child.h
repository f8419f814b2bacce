/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the tests of this folder: run a function in a process of its own and tell how it ended. */
#ifndef ORLOP_TEST_NS_CHILD_H
#define ORLOP_TEST_NS_CHILD_H

#include <grp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

#define NEEDS_ROOT()                                                                             \
	do {                                                                                     \
		if (geteuid() != 0)                                                              \
			skip();                                                                  \
	} while (0)

/* In a child cmocka's assertions would unwind into the parent's tests: say where, and leave. */
#define CHECK(c)                                                                                 \
	do {                                                                                     \
		if (!(c)) {                                                                      \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #c);                  \
			_exit(1);                                                                \
		}                                                                                \
	} while (0)

static inline int wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline int in_child(void (*f)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		f();
		_exit(0);
	}
	return pid < 0 ? -1 : wait_for(pid);
}

/* Without any power, but with /proc/self still its own. */
static inline void become_nobody(void)
{
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0)
		_exit(99);
}

#endif
