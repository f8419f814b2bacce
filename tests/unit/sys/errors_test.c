/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of errors are those of errno(3) as glibc has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "sys/errors.h"

static void test_words(void **state)
{
	(void)state;
	for (int i = 1; i < 200; i++) {
		/* the last that every release we build on knows is EHWPOISON */
		if (i > EHWPOISON && !sys_error_words(i))
			continue;
		if (strerrordesc_np(i))
			assert_string_equal(sys_error_words(i), strerrordesc_np(i));
		else
			assert_null(sys_error_words(i));
	}
	assert_null(sys_error_words(0));
	assert_null(sys_error_words(-1));
	assert_null(sys_error_words(INT_MIN));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_words)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
