/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Time as text, against the C library's calendar. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
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
		clock_text(t, 7999, got);
		assert_true(clock_read_text_us(got) == t * 1000000 + 7);
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

static void durations(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} good[] = {
		{"5s", 5000000000}, {"100ms", 100000000}, {"1m30s", 90000000000}, {"1.5h", 5400000000000}, {"0", 0},
		{"+0", 0}, {"-2us", -2000}, {"3\302\265s", 3000}, {"3\316\274s", 3000}, {".5s", 500000000},
		{"1.s", 1000000000}, {"1h1m1s1ms1us1ns", 3661001001001}, {"0.000000001s", 1},
		{"0.00000000000000000000001h", 0}, {"2562047h", 9223369200000000000},
	};
	static const char *const bad[] = {
		"", "5", "s", ".s", "-", "5 s", " 5s", "5s ", "5x", "1e3s", "--5s", "5s3", "0x1s", "5S", "1d",
	};
	int64_t ns = 42;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(clock_parse_duration(good[i].text, &ns), 0);
		assert_int_equal(ns, good[i].ns);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(clock_parse_duration(bad[i], &ns), -EINVAL);
	assert_int_equal(clock_parse_duration("2562048h", &ns), -ERANGE);
	assert_int_equal(clock_parse_duration("99999999999999999999s", &ns), -ERANGE);
	assert_int_equal(clock_parse_duration("2562047h2562047h", &ns), -ERANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_as_the_library), cmocka_unit_test(edges), cmocka_unit_test(durations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
