/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strict numbers, escaping, UTF-8, name tables, ids, buffers. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "util/str.h"

static void numbers(void **state)
{
	static const struct { const char *text; int result; uint64_t value; } cases[] = {
		{"0", 0, 0}, {"18446744073709551615", 0, UINT64_MAX}, {"007", 0, 7},
		{"18446744073709551616", -ERANGE, 0}, {"99999999999999999999999", -ERANGE, 0},
		{"", -EINVAL, 0}, {"-1", -EINVAL, 0}, {"+1", -EINVAL, 0}, {" 1", -EINVAL, 0},
		{"1 ", -EINVAL, 0}, {"0x1", -EINVAL, 0}, {"1x", -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t v = 42;

		assert_int_equal(str_to_u64(cases[i].text, &v), cases[i].result);
		assert_true(v == (cases[i].result ? 42 : cases[i].value));
	}
}

static void signed_numbers(void **state)
{
	int64_t v = 0;
	uint32_t u = 0;

	(void)state;
	assert_int_equal(str_to_i64("-9223372036854775808", &v), 0);
	assert_true(v == INT64_MIN);
	assert_int_equal(str_to_i64("9223372036854775807", &v), 0);
	assert_true(v == INT64_MAX);
	assert_int_equal(str_to_i64("9223372036854775808", &v), -ERANGE);
	assert_int_equal(str_to_i64("-9223372036854775809", &v), -ERANGE);
	assert_int_equal(str_to_i64("-", &v), -EINVAL);
	assert_int_equal(str_to_i64("--1", &v), -EINVAL);
	assert_int_equal(str_to_u32("4294967295", &u), 0);
	assert_true(u == UINT32_MAX);
	assert_int_equal(str_to_u32("4294967296", &u), -ERANGE);
}

static void escapes(void **state)
{
	static const struct { const char *in, *out; } cases[] = {
		{"plain", "plain"}, {"a\nb", "a\\nb"}, {"\x1b[31m", "\\x1b[31m"}, {"\x7f", "\\x7f"},
		{"back\\slash", "back\\\\slash"}, {"\xc3\xa9", "\xc3\xa9"}, {"\xc2\x85", "\\u0085"},
		{"\xff\xfe", "\\xff\\xfe"}, {"\xed\xa0\x80", "\\xed\\xa0\\x80"}, {"\t", "\\x09"},
		{"\xc0\xaf", "\\xc0\\xaf"},
	};
	char small[6];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char buf[64];

		assert_string_equal(str_escape(cases[i].in, buf, sizeof(buf)), cases[i].out);
	}
	/* Never cut in the middle of an escape. */
	assert_string_equal(str_escape("abc\n\n", small, sizeof(small)), "abc\\n");
	assert_string_equal(str_escape("abcd\xc3\xa9", small, sizeof(small)), "abcd");
}

static void utf8(void **state)
{
	(void)state;
	assert_true(str_utf8_valid("", 0));
	assert_true(str_utf8_valid("a\xf4\x8f\xbf\xbf", 5));
	assert_false(str_utf8_valid("\xf4\x90\x80\x80", 4));	/* above U+10FFFF */
	assert_false(str_utf8_valid("\xe0\x80\x80", 3));	/* overlong */
	assert_false(str_utf8_valid("\xed\xbf\xbf", 3));	/* surrogate */
	assert_false(str_utf8_valid("\xc3", 1));		/* cut off */
	assert_false(str_utf8_valid("\x80", 1));
}

static void names(void **state)
{
	static const struct name_value table[] = {{"RLIMIT_CORE", 4}, {"RLIMIT_NOFILE", 7}};
	static const struct {
		const char *name, *word;
		bool is_near;
	} near[] = {
		{"ro", "r0", true}, {"ro", "or", true}, {"ro", "rot", true}, {"ro", "xy", false}, {"ro", "o", false},
		{"list", "lsit", true}, {"wait", "lsit", false}, {"kill", "pall", false}, {"noexec", "noexc", true},
		{"noexec", "neoxce", true}, {"noexec", "nexc", false}, {"noexec", "onxece", false},
		{"hostname", "HOSTNAM", true}, {"hostname", "hostnames2", true}, {"hostname", "hostnames22", false},
	};

	(void)state;
	assert_int_equal(name_find(table, 2, "RLIMIT_NOFILE")->value, 7);
	assert_null(name_find(table, 2, "rlimit_nofile"));
	assert_null(name_find(table, 2, "RLIMIT_NOFIL"));
	assert_string_equal(name_nearest(table, 2, "RLIMIT_NOFIEL"), "RLIMIT_NOFILE");
	assert_string_equal(name_nearest(table, 2, "rlimit_core"), "RLIMIT_CORE");
	assert_null(name_nearest(table, 2, "something else"));
	for (size_t i = 0; i < ARRAY_SIZE(near); i++) {
		const struct name_value word = {near[i].name, 0};
		const char *found = name_nearest(&word, 1, near[i].word);

		if ((found != NULL) != near[i].is_near)
			fail_msg("%s for %s", near[i].word, near[i].name);
	}
}

static void ids(void **state)
{
	static const char *const good[] = {"a", "0", "_", "web-7.x_y+z", "a..b"};
	static const char *const bad[] = {"", ".", "..", ".a", "-rf", "+a", "a/b", "a b", "a\n", "\xc3\xa9",
					  "a%n\x1b"};
	char longest[202];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(str_is_container_id(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(str_is_container_id(bad[i]));
	memset(longest, 'x', sizeof(longest));
	longest[200] = '\0';
	assert_true(str_is_container_id(longest));
	longest[200] = 'x';
	longest[201] = '\0';
	assert_false(str_is_container_id(longest));
}

static void buffers(void **state)
{
	struct strbuf b = {0};

	(void)state;
	for (int i = 0; i < 1000; i++)
		strbuf_addf(&b, "%d,", i % 10);
	strbuf_adds(&b, "end");
	strbuf_add(&b, "\0x", 2);
	assert_int_equal(b.len, 2005);
	assert_int_equal(memcmp(b.data + 1998, "9,end\0x", 8), 0);
	strbuf_free(&b);
	assert_null(b.data);
}

static void lines_of_numbers(void **state)
{
	uint32_t v[3] = {7, 7, 7};
	const char *rest;

	(void)state;
	rest = str_scan_u32("         0       1000 4294967295\n  1 2 3\n", v, 3);
	assert_non_null(rest);
	assert_int_equal(v[0], 0);
	assert_int_equal(v[1], 1000);
	assert_int_equal(v[2], UINT32_MAX);
	assert_string_equal(rest, "1 2 3\n");
	rest = str_scan_u32(rest, v, 3);
	assert_string_equal(rest, "");
	assert_int_equal(v[2], 3);
	assert_null(str_scan_u32(rest, v, 1));
	assert_null(str_scan_u32("1\t2", v, 3));
	assert_null(str_scan_u32("1 -2 3", v, 3));
	assert_null(str_scan_u32("4294967296", v, 1));
	assert_null(str_scan_u32("99999999999999999999999", v, 1));
	assert_string_equal(str_scan_u32("0x", v, 1), "x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers), cmocka_unit_test(signed_numbers), cmocka_unit_test(escapes),
		cmocka_unit_test(lines_of_numbers),
		cmocka_unit_test(utf8), cmocka_unit_test(names), cmocka_unit_test(ids),
		cmocka_unit_test(buffers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
