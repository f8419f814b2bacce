/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of errors are those of errno(3) as glibc has them, in lower case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "sys/errors.h"

static void test_words(void **state)
{
	(void)state;
	for (int i = 1; i < 200; i++) {
		char words[80];

		/* the last that every release we build on knows is EHWPOISON */
		if (i > EHWPOISON && !sys_error_words(i))
			continue;
		if (!strerrordesc_np(i)) {
			assert_null(sys_error_words(i));
			continue;
		}
		snprintf(words, sizeof(words), "%s", strerrordesc_np(i));
		if (!isupper((unsigned char)words[1]))	/* "RFS specific error" */
			words[0] = (char)tolower((unsigned char)words[0]);
		assert_string_equal(sys_error_words(i), words);
		assert_string_equal(sys_error_name(i), strerrorname_np(i));
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
