/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checks of _FORTIFY_SOURCE for a C library without it, beside those that this one has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Without optimisation or builtins, so that it is ours that is called. */
#undef _FORTIFY_SOURCE
#define FORTIFY_WITH_GLIBC
#define __memcpy_chk our_memcpy_chk
#define __memmove_chk our_memmove_chk
#define __memset_chk our_memset_chk
#define __strcpy_chk our_strcpy_chk
#define __vsnprintf_chk our_vsnprintf_chk
#define __snprintf_chk our_snprintf_chk
#define __sprintf_chk our_sprintf_chk
#define __fprintf_chk our_fprintf_chk
#include "sys/fortify.c"

static char buf[8];
static const char *volatile word = "four";	/* with its NUL 5 bytes */

/* @f in a child with a buffer that is said to have @size bytes: how it ended. */
static int ended(void (*f)(size_t size), size_t size)
{
	static const struct rlimit no_core;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		close(STDERR_FILENO);
		setrlimit(RLIMIT_CORE, &no_core);
		signal(SIGILL, SIG_DFL);	/* cmocka catches it */
		signal(SIGTRAP, SIG_DFL);
		f(size);
		_exit(strcmp(buf, "four") ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void copies(size_t size) { our_memcpy_chk(buf, word, 5, size); }
static void moves(size_t size) { our_memmove_chk(buf, word, 5, size); }
static void strings(size_t size) { our_strcpy_chk(buf, word, size); }
static void prints(size_t size) { our_snprintf_chk(buf, 5, 1, size, "%s", word); }
static void prints_all(size_t size) { our_sprintf_chk(buf, 1, size, "%s", word); }
static void sets(size_t size)
{
	our_memset_chk(buf, 0, 5, size);
	strcpy(buf, "four");
}

static void test_sizes(void **state)
{
	static void (*const all[])(size_t size) = {copies, moves, strings, prints, prints_all, sets};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_int_equal(ended(all[i], 5), 0);
		assert_int_equal(ended(all[i], SIZE_MAX), 0);	/* the compiler does not know it */
		assert_true(WIFSIGNALED(ended(all[i], 4)));
	}
}

static void test_results(void **state)
{
	FILE *f = tmpfile();

	(void)state;
	assert_int_equal(our_snprintf_chk(buf, 3, 1, sizeof(buf), "%d", 12345), 5);
	assert_string_equal(buf, "12");
	assert_int_equal(our_sprintf_chk(buf, 1, sizeof(buf), "%d", 1234567), 7);
	assert_string_equal(buf, "1234567");
	assert_ptr_equal(our_memcpy_chk(buf, "x", 2, 2), buf);
	assert_non_null(f);
	assert_int_equal(our_fprintf_chk(f, 1, "%s %d\n", "a", 1), 4);
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes), cmocka_unit_test(test_results),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
