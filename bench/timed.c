/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * In the place of a runtime, below an engine: executes the file of its own name in the directory `real` beside its own,
 * waits for it, and appends a line to the file `log` beside that: microseconds by the clock, name.
 */
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t child;

static void pass_on(int sig)
{
	kill(child, sig);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
	char self[PATH_MAX], path[2 * PATH_MAX], line[PATH_MAX + 32];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *name, *directory;
	double begin = now();
	int status, log;

	if (argc < 1 || n < 0)
		err(1, "/proc/self/exe");
	self[n] = '\0';
	name = strrchr(self, '/');
	*name++ = '\0';
	directory = strrchr(self, '/');
	*directory = '\0';
	snprintf(path, sizeof(path), "%s/real/%s", self, name);
	child = vfork();
	if (child == 0) {
		execv(path, argv);
		_exit(127);
	}
	for (int sig = 1; sig < NSIG; sig++)
		if (sig != SIGCHLD)
			signal(sig, pass_on);
	while (waitpid(child, &status, 0) < 0)
		;
	snprintf(path, sizeof(path), "%s/log", self);
	snprintf(line, sizeof(line), "%.0f %s\n", now() - begin, name);
	log = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (log < 0 || write(log, line, strlen(line)) < 0)
		err(1, "%s", path);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
