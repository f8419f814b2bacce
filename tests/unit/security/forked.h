/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Real processes for the tests of security/ and process/: run something in a child, or let a child
 * change itself and hold still while the parent reads what the kernel says about it.
 */
#ifndef ORLOP_TEST_FORKED_H
#define ORLOP_TEST_FORKED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define NEEDS_ROOT()                                                                             \
	do {                                                                                     \
		if (geteuid() != 0)                                                              \
			skip();                                                                  \
	} while (0)

/* In a child cmocka's assertions would unwind into the parent's tests: say where, and leave. */
#define CHECK(c)                                                                                 \
	do {                                                                                     \
		if (!(c)) {                                                                      \
			dprintf(2, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #c, errno);     \
			_exit(99);                                                               \
		}                                                                                \
	} while (0)

/* The wait status (waitpid(2)) of a child that ran @f. */
static inline int forked(void (*f)(void *), void *arg)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		f(arg);
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

#define assert_child_ok(f, arg) assert_int_equal(forked(f, arg), 0)

struct held {
	pid_t pid;
	int release;		/* closing it lets the child go */
};

/* Run @f in a child that then waits; assert that it got so far. */
static inline struct held hold(void (*f)(void *), void *arg)
{
	int ready[2], go[2];
	struct held h;
	char c = 0;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	h.pid = fork();
	if (h.pid == 0) {
		close(go[1]);
		f(arg);
		if (write(ready[1], "r", 1) != 1 || read(go[0], &c, 1) != 0)
			_exit(98);
		_exit(0);
	}
	assert_true(h.pid > 0);
	close(ready[1]);
	close(go[0]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	h.release = go[1];
	return h;
}

static inline void let_go(struct held *h)
{
	int status;

	close(h->release);
	assert_int_equal(waitpid(h->pid, &status, 0), h->pid);
	assert_int_equal(status, 0);
}

/* A line of /proc/PID/status, e.g. "CapEff", without its name; in a static buffer. */
static inline const char *status_line(pid_t pid, const char *key)
{
	static char line[4096];
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		size_t n = strlen(key);

		if (strncmp(line, key, n) == 0 && line[n] == ':') {
			fclose(f);
			line[strcspn(line, "\n")] = '\0';
			return line + n + 1 + strspn(line + n + 1, "\t ");
		}
	}
	fclose(f);
	fail_msg("no %s in %s", key, path);
	return NULL;
}

static inline uint64_t status_hex(pid_t pid, const char *key)
{
	return strtoull(status_line(pid, key), NULL, 16);
}

static inline void *shared_page(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	return p;
}

#endif
