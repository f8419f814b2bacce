/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The attacker of races: exchanges names of a shared directory.
 *
 *   swap once A B              what is called A is now called B, and the other way round: renameat2(2)
 *   swap loop A B [A B]...     for ever, one process for each pair, until its stdin ends; then as it was at first
 *   swap blink PATH=TARGET...  rmdir, a link to the target, mkdir, until stdin ends
 *   swap over PID FILE PATH... mount FILE over each path in the mount namespace of that process
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
	(void)sig;
	stopped = 1;
}

static int exchange(const char *a, const char *b)
{
	return renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
}

/* An even number of exchanges leaves everything in its place. */
static unsigned long loop(const char *a, const char *b)
{
	unsigned long n = 0;

	while (!stopped)
		n += exchange(a, b) == 0;
	if (n % 2)
		n += exchange(a, b) == 0;
	return n;
}

static unsigned long blink(const char *path, const char *target)
{
	unsigned long n = 0;

	for (; !stopped; n++) {
		rmdir(path);
		if (symlink(target, path) == 0)
			unlink(path);
		mkdir(path, 0755);
	}
	return n;
}

static void child(const char *a, const char *b, bool blinks, int out)
{
	unsigned long n;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGTERM, stop);
	n = blinks ? blink(a, b) : loop(a, b);
	dprintf(out, "%lu\n", n);
	_exit(0);
}

static int storm(char **v, int n, bool blinks)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
	pid_t pids[64];
	int count = 0;

	for (int i = 0; i < n && count < 64; i += blinks ? 1 : 2, count++) {
		char *b = blinks ? strchr(v[i], '=') : v[i + 1];

		if (blinks && b)
			*b++ = '\0';
		pids[count] = fork();
		if (pids[count] == 0)
			child(v[i], b, blinks, STDOUT_FILENO);
	}
	poll(&p, 1, -1);
	for (int i = 0; i < count; i++)
		kill(pids[i], SIGTERM);
	while (wait(NULL) > 0)
		;
	return 0;
}

/* By hand: what these are called differs between C libraries and headers. */
static int over(int argc, char **argv)
{
	char path[64];
	int tree[16], ns, net, n = 0;

	snprintf(path, sizeof(path), "/proc/%s/ns/mnt", argv[2]);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%s/ns/net", argv[2]);
	net = open(path, O_RDONLY | O_CLOEXEC);		/* its /proc/sys/net is its own */
	for (int i = 4; i < argc && n < 16; i++)
		tree[n++] = (int)syscall(SYS_open_tree, AT_FDCWD, argv[3], 1 /* OPEN_TREE_CLONE */);
	if (ns < 0 || setns(net, CLONE_NEWNET) < 0 || setns(ns, CLONE_NEWNS) < 0)
		return errno;
	for (int i = 0; i < n; i++)
		syscall(SYS_move_mount, tree[i], "", AT_FDCWD, argv[i + 4], 4 /* MOVE_MOUNT_F_EMPTY_PATH */);
	return 0;
}

int main(int argc, char **argv)
{
	bool blinks = argc > 2 && strcmp(argv[1], "blink") == 0;

	if (argc == 4 && strcmp(argv[1], "once") == 0)
		return exchange(argv[2], argv[3]) < 0 ? errno : 0;
	if (argc > 2 && (blinks || (strcmp(argv[1], "loop") == 0 && argc % 2 == 0)))
		return storm(argv + 2, argc - 2, blinks);
	if (argc > 4 && strcmp(argv[1], "over") == 0)
		return over(argc, argv);
	fprintf(stderr, "swap once A B | loop A B... | blink PATH=TARGET... | over PID FILE PATH...\n");
	return 125;
}
