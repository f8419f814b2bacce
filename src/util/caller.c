/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs in the parent, and in each process that it makes. */
#include "util/caller.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "sys/mutate.h"
#include "util/mem.h"

extern char **environ;

/*
 * What /proc/PID/environ and cmdline show are the strings we were executed with, in ours and in every process that
 * we make: the caller's secrets and host paths.  They lie in one piece, arguments first (execve(2)).
 */
static struct {
	char *begin, *end;
} arguments;

static char *end_of(char *const *strings, char *begin)
{
	char *end = begin;

	for (; *strings; strings++)
		if (*strings + strlen(*strings) > end)
			end = *strings + strlen(*strings);
	return end;
}

/* From now on a copy serves: our own code still wants it. */
static void move_environment(void)
{
	size_t n = 0, bytes = 0;
	char **copy, *to;

	if (MUTATE(T36))
		return;
	while (environ[n])
		bytes += strlen(environ[n++]) + 1;
	copy = xmalloc((n + 1) * sizeof(*copy) + bytes);
	to = (char *)(copy + n + 1);
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(environ[i]) + 1;

		copy[i] = memcpy(to, environ[i], len);
		memset(environ[i], 0, len);
		to += len;
	}
	copy[n] = NULL;
	environ = copy;
}

void caller_hide_arguments(void)
{
	size_t n = (size_t)(arguments.end - arguments.begin);

	memset(arguments.begin, 0, n);
	memcpy(arguments.begin, "init", n < 4 ? n : 4);
}

/*
 * In us, so that what we make is dark from its first instant (rules R8b, R10).  Not where we are an unprivileged
 * user: then our own files in /proc would not be ours any more, and one has to be written first (launch/spawn.c).
 */
int caller_hide(char *const *argv, struct error *err)
{
	arguments.begin = argv[0];
	arguments.end = end_of(argv, argv[0]);
	move_environment();
	return geteuid() == 0 ? caller_go_dark(err) : 0;
}

int caller_go_dark(struct error *err)
{
	return prctl(PR_SET_DUMPABLE, MUTATE(T35)) < 0 ? error_errno(err, errno, "prctl(PR_SET_DUMPABLE)") : 0;
}
