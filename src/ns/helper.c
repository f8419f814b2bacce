/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * newuidmap(1) and newgidmap(1), run by the parent of a container process whose ids an unprivileged
 * user may not map by writing the files.
 */
#include "ns/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ns/ns.h"
#include "sys/compat.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/str.h"

#define HELPER_TIMEOUT_MS 30000		/* it may ask a directory service for the ranges */

/* Never PATH: the caller's environment does not choose which program gets our trust. */
static const char *const directories[] = { "/usr/bin", "/usr/sbin", "/bin", "/usr/local/bin" };

static char *find_helper(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		char *path = xasprintf("%s/%s", directories[i], name);

		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

bool ns_has_map_helpers(void)
{
	_cleanup_free_ char *users = find_helper("newuidmap"), *groups = find_helper("newgidmap");

	return users && groups;
}

/* {path, PID, numbers..., NULL}; @numbers is cut into pieces. */
static char **make_argv(char *path, char *pid, char *numbers)
{
	char **argv = xcalloc(strlen(numbers) / 2 + 4, sizeof(*argv)), *save = NULL;
	size_t n = 0;

	argv[n++] = path;
	argv[n++] = pid;
	for (char *s = strtok_r(numbers, " \n", &save); s; s = strtok_r(NULL, " \n", &save))
		argv[n++] = s;
	return argv;
}

_Noreturn static void run_child(char **argv, int null, int output)
{
	char *const envp[] = { NULL };
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(null, 0) == 0 && dup2(output, 1) == 1 && dup2(output, 2) == 2 &&
	    fd_close_from(3) == 0)
		execve(argv[0], argv, envp);
	_exit(127);
}

/* The helper has ended: what it said, without the line's end.  A pipe holds more than it ever says. */
static void read_output(int fd, char *buf, size_t size)
{
	ssize_t n = fd_wait(fd, POLLIN, 0) > 0 ? read(fd, buf, size - 1) : 0;

	if (n < 0)
		n = 0;
	while (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
}

static int wait_child(const char *name, int pidfd, int output, struct error *err)
{
	int ready = fd_wait(pidfd, POLLIN, HELPER_TIMEOUT_MS);
	char said[256];
	siginfo_t si = {0};
	int r;

	if (ready <= 0)
		sys_pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	do
		r = waitid(P_PIDFD, (id_t)pidfd, &si, WEXITED);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return error_errno(err, errno, "wait for %s", name);
	if (ready < 0)
		return error_errno(err, ready, "wait for %s", name);
	if (ready == 0)
		return error_set(err, ETIMEDOUT, "%s did not end within %d seconds", name,
				 HELPER_TIMEOUT_MS / 1000);
	if (si.si_code == CLD_EXITED && si.si_status == 0)
		return 0;

	read_output(output, said, sizeof(said));
	if (si.si_code != CLD_EXITED)
		return error_set(err, EPERM, "%s was ended by signal %d", name, si.si_status);
	return error_set(err, EPERM, "%s failed with status %d: %s", name, si.si_status,
			 *said ? said : "it gave no reason");
}

int ns_run_map_helper(const char *name, pid_t pid, const char *map, struct error *err)
{
	_cleanup_free_ char *path = find_helper(name), *pid_text = xasprintf("%d", (int)pid),
			    *numbers = xstrdup(map);
	_cleanup_free_ char **argv = make_argv(path, pid_text, numbers);
	_cleanup_close_ int null = -1, read_end = -1, write_end = -1, pidfd = -1;
	int ends[2];
	pid_t helper;

	if (!path)
		return error_set(err, ENOENT, "%s is needed for these mappings and is not installed "
				 "(package uidmap, or shadow-utils)", name);
	null = fd_openat(AT_FDCWD, "/dev/null", O_RDONLY, 0);
	if (null < 0)
		return error_errno(err, null, "open /dev/null");
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_errno(err, errno, "make a pipe for %s", name);
	read_end = ends[0];
	write_end = ends[1];

	helper = ns_clone(0, -1, &pidfd);
	if (helper < 0)
		return error_errno(err, helper, "start %s", name);
	if (helper == 0)
		run_child(argv, null, write_end);
	return wait_child(path, pidfd, read_end, err);
}
