/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a system call takes below a seccomp filter.
 *
 * Usage: loop FILTER|- COUNT NUMBER...
 * FILTER: a file of compiled seccomp instructions to install first; -: none but what is there already.
 * Each call NUMBER is made COUNT times with all arguments 0xffffffff: no descriptor, no address, and to
 * personality(2) a question.  Nanoseconds for each, in this order, go to standard error, as that is
 * what the driver keeps.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NONE 0xffffffffL

static void fail(const char *what)
{
	fprintf(stderr, "loop: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void install(const char *path)
{
	static struct sock_filter code[1 << 13];
	struct sock_fprog program = {.filter = code};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, code, sizeof(code));

	if (size <= 0)
		fail(path);
	close(fd);
	program.len = (unsigned short)((size_t)size / sizeof(code[0]));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		fail("install the filter");
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
	long count;

	if (argc < 4)
		return 2;
	if (strcmp(argv[1], "-") != 0)
		install(argv[1]);
	count = atol(argv[2]);
	for (int i = 3; i < argc; i++) {
		long number = atol(argv[i]);
		double begin = now();

		for (long n = 0; n < count; n++)
			syscall(number, NONE, NONE, NONE, NONE, NONE, NONE);
		fprintf(stderr, "%.2f ", (now() - begin) / (double)count);
	}
	return 0;
}
