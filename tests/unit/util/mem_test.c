/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arenas: alignment, zeroes, growth, sealing; allocation that cannot fail quietly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/mem.h"

static void arena_gives_aligned_zeroes(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	for (size_t size = 1; size < 200000; size = size * 3 + 1) {
		unsigned char *p = arena_alloc(a, size, 1);

		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, size);
	}
	assert_string_equal(arena_printf(a, "%s-%d", "x", 7), "x-7");
	assert_string_equal(arena_strndup(a, "abcdef", 3), "abc");
	arena_free(a);
	arena_free(NULL);
}

static void arena_arrays_grow(void **state)
{
	struct arena *a = arena_new();
	int *v = NULL;
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 5000; i++)
		arena_push(a, v, n) = i;
	assert_int_equal(n, 5000);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(v[i], i);
	arena_free(a);
}

/* How a child that runs @f ends: its wait status. */
static int in_child(void (*f)(void))
{
	const struct rlimit no_core = {0, 0};
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		signal(SIGSEGV, SIG_DFL);
		f();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void write_after_seal(void)
{
	struct arena *a = arena_new();
	volatile char *p = arena_strdup(a, "sealed");

	for (int i = 0; i < 10; i++)	/* several chunks */
		arena_alloc(a, 50000, 1);
	arena_seal(a);
	if (p[0] != 's')
		_exit(1);
	p[0] = 'x';
}

static void overflow(void)
{
	(void)!xcalloc(SIZE_MAX / 2, 3);
}

#ifndef __SANITIZE_ADDRESS__	/* which has its own idea of too much */
static void too_much(void)
{
	const struct rlimit small = {64u << 20, 64u << 20};

	setrlimit(RLIMIT_AS, &small);
	close(STDERR_FILENO);
	memset(xmalloc((size_t)1 << 40), 1, 1);
}
#endif

static void sealed_is_read_only(void **state)
{
	int status = in_child(write_after_seal);

	(void)state;
#ifdef __SANITIZE_ADDRESS__	/* which may report the fault itself, and exit */
	if (WIFEXITED(status))
		assert_int_not_equal(WEXITSTATUS(status), 0);
	else
#endif
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static void failure_ends_the_process(void **state)
{
	int status = in_child(overflow);

	(void)state;
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
#ifndef __SANITIZE_ADDRESS__
	status = in_child(too_much);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arena_gives_aligned_zeroes), cmocka_unit_test(arena_arrays_grow),
		cmocka_unit_test(sealed_is_read_only), cmocka_unit_test(failure_ends_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
