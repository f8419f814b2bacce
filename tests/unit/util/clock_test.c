/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Time as text, against the C library's calendar. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "util/clock.h"

static void same_as_the_library(void **state)
{
	/* Odd steps, so that every hour, day, month and the leap years come by; up to the year 2400. */
	(void)state;
	for (int64_t t = -86400 * 400; t < INT64_C(13569465600); t += 997 * 61 * 3) {
		char want[64], got[CLOCK_TEXT_MAX];
		time_t tt = (time_t)t;
		struct tm tm;

		gmtime_r(&tt, &tm);
		strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S.000000007Z", &tm);
		clock_text(t, 7, got);
		assert_string_equal(got, want);
	}
}

static void edges(void **state)
{
	char text[CLOCK_TEXT_MAX];

	(void)state;
	clock_text(0, 0, text);
	assert_string_equal(text, "1970-01-01T00:00:00.000000000Z");
	clock_text(951782399, 999999999, text);
	assert_string_equal(text, "2000-02-28T23:59:59.999999999Z");
	clock_text(951868799, 1, text);
	assert_string_equal(text, "2000-02-29T23:59:59.000000001Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_as_the_library), cmocka_unit_test(edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
