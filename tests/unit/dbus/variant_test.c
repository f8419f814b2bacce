/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "dbus/variant.h"
#include "tests/unit/dbus/print.h"

static struct error err;

/* As it is printed by a second reader; NULL: refused. */
static char *read_back(const char *text, bool seconds)
{
	static char ret[65536];
	struct arena *a = arena_new();
	struct strbuf b = {0}, out = {0};
	struct variant *v;
	int r = variant_parse(a, text, &v, &err);

	if (r == 0)
		r = seconds ? variant_put_usec(&b, v, &err) : variant_put(&b, v, &err);
	if (r == 0) {
		struct dbus_reader reader = {.data = (unsigned char *)b.data, .size = b.len};

		print_value(&reader, "v", &out);
		assert_false(reader.failed);
		assert_int_equal(reader.pos, reader.size);
		snprintf(ret, sizeof(ret), "%s", out.data);
	}
	arena_free(a);
	strbuf_free(&b);
	strbuf_free(&out);
	return r == 0 ? ret : NULL;
}

/* Each was given to g_variant_parse(3) as well. */
static void test_taken(void **state)
{
	static const struct {
		const char *text, *value;
	} rows[] = {
		{"true", "<true>"},
		{" false ", "<false>"},
		{"5", "<5>"},
		{"+5", "<5>"},
		{"-5", "<-5>"},
		{"0x1F", "<31>"},
		{"-0x80000000", "<-2147483648>"},
		{"017", "<15>"},
		{"1.5", "<double 1.50000000000000000e+00>"},
		{".5", "<double 5.00000000000000000e-01>"},
		{"1e3", "<double 1.00000000000000000e+03>"},
		{"-inf", "<double -inf>"},
		{"nan", "<double nan>"},
		{"double 3", "<double 3.00000000000000000e+00>"},
		{"byte 0xff", "<byte 0xff>"},
		{"int16 -32768", "<int16 -32768>"},
		{"uint16 65535", "<uint16 65535>"},
		{"int32 5", "<5>"},
		{"uint32 4294967295", "<uint32 4294967295>"},
		{"int64 -9223372036854775808", "<int64 -9223372036854775808>"},
		{"uint64 18446744073709551615", "<uint64 18446744073709551615>"},
		{"@t 5", "<uint64 5>"},
		{"boolean true", "<true>"},
		{"'a'", "<'a'>"},
		{"\"it's\"", "<'it\\'s'>"},
		{"'\\n\\t\\'\\\\\\x\\\n'", "<'\\u000a\\u0009\\'\\\\x'>"},
		{"'\\u00e4\\U0001F600'", "<'ä\xf0\x9f\x98\x80'>"},
		{"string ''", "<''>"},
		{"objectpath '/a/b_1'", "<objectpath '/a/b_1'>"},
		{"signature 'a{sv}'", "<signature 'a{sv}'>"},
		{"b'a\\377\\x'", "<@ay [byte 0x61, byte 0xff, byte 0x78, byte 0x00]>"},
		{"[byte 0x03]", "<@ay [byte 0x03]>"},
		{"@ay [1, 0x20]", "<@ay [byte 0x01, byte 0x20]>"},
		{"['a','b']", "<@as ['a', 'b']>"},
		{"['/a', objectpath '/b']", "<@ao [objectpath '/a', objectpath '/b']>"},
		{"[1, 2.5]", "<@ad [double 1.00000000000000000e+00, double 2.50000000000000000e+00]>"},
		{"[1, uint64 3]", "<@at [uint64 1, uint64 3]>"},
		{"@as []", "<@as []>"},
		{"[[], [1], @ai []]", "<@aai [@ai [], @ai [1], @ai []]>"},
		{"@a(ss) [('/dev/null','rwm')]", "<@a(ss) [('/dev/null', 'rwm')]>"},
		{"[('8:0', uint64 100)]", "<@a(st) [('8:0', uint64 100)]>"},
		{"('a', (1,), true)", "<('a', (1,), true)>"},
		{"{'a': 1, 'b': -2}", "<@a{si} {'a': 1, 'b': -2}>"},
		{"@a{sv} {}", "<@a{sv} {}>"},
		{"[{'a', 1}, {'b', 2}]", "<@a{si} {'a': 1, 'b': 2}>"},
		{"{1: <'x'>, 2: <[true]>}", "<@a{iv} {1: <'x'>, 2: <@ab [true]>}>"},
		{"<<5>>", "<<<5>>>"},
		{"[(1, []), (uint32 2, ['a'])]", "<@a(uas) [(uint32 1, @as []), (uint32 2, @as ['a'])]>"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *value = read_back(rows[i].text, false);

		if (!value)
			fail_msg("%s: %s", rows[i].text, err.text);
		assert_string_equal(value, rows[i].value);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{"", "no value at the end"},
		{"5 5", "something follows the value at byte 3"},
		{"08", "no number"},
		{"1.2.3", "no number"},
		{"-", "no number"},
		{"1e", "no number"},
		{"0x", "no number"},
		{"2147483648", "out of the range"},
		{"byte 256", "out of the range of its type at byte 6"},
		{"byte -1", "out of the range"},
		{"uint64 -1", "out of the range"},
		{"uint64 18446744073709551616", "too large"},
		{"int16 32768", "out of the range"},
		{"uint64 1.5", "no whole number"},
		{"double 1e400", "too large"},
		{"'x", "a quote is missing at the end"},
		{"'x\\", "a quote is missing"},
		{"'\\u12'", "hexadecimal digits"},
		{"'\\ud800'", "no character"},
		{"'\\u0000'", "no character"},
		{"'\xff'", "not UTF-8"},
		{"b'\\0'", "NUL"},
		{"x", "an unknown word at byte 1"},
		{"True", "no value"},
		{"just 5", "maybe"},
		{"nothing", "maybe"},
		{"@mi 5", "maybe"},
		{"@ms nothing", "maybe"},
		{"@", "no type"},
		{"@as[]", "no blank behind the type"},
		{"@s 5", "another type than is declared"},
		{"@as [5]", "another type"},
		{"@t 'x'", "another type"},
		{"@(ss) ('a',)", "too few members"},
		{"@(s) ('a', 'b')", "too many members"},
		{"uint64 'x'", "another type than is declared"},
		{"objectpath 'x'", "no path of an object"},
		{"objectpath '/a/'", "no path"},
		{"signature 'z'", "no signature"},
		{"handle 0", "descriptor"},
		{"[]", "needs its type"},
		{"{}", "needs its type"},
		{"[[], []]", "needs its type"},
		{"()", "a tuple with nothing in it"},
		{"(1)", "no ',' behind the first of a tuple"},
		{"(1, 2,)", "no value"},
		{"[1,]", "no value"},
		{"[1 2]", "no ',' or ']'"},
		{"[1", "no ',' or ']' at the end"},
		{"[1, 'a']", "another type than those before it at byte 5"},
		{"[(1, 2), (1,)]", "another type"},
		{"[<1>, 1]", "another type"},
		{"{'a': 1, 'b': 'x'}", "another type"},
		{"{'a' 1}", "no ':' behind a key"},
		{"{'a', 1}", "an entry that is in no dictionary"},
		{"{['a']: 1}", "no type for"},
		{"<5", "no '>'"},
		{"%i", "no value"},
	};
	char deep[200], *wide;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		err = (struct error){0};
		if (read_back(rows[i].text, false))
			fail_msg("%s was taken", rows[i].text);
		assert_int_equal(err.code, EINVAL);
		if (!strstr(err.text, rows[i].error))
			fail_msg("%s: not \"%s\": %s", rows[i].text, rows[i].error, err.text);
	}
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	assert_null(read_back(deep, false));
	assert_non_null(strstr(err.text, "too many values in each other"));
	memset(deep, '<', sizeof(deep) - 1);
	assert_null(read_back(deep, false));
	wide = xcalloc(VARIANT_TEXT_MAX + 2, 1);
	memset(wide, ' ', VARIANT_TEXT_MAX + 1);
	assert_null(read_back(wide, false));
	assert_non_null(strstr(err.text, "longer than"));
	/* A tuple whose type would be too long. */
	strcpy(wide, "(1");
	for (unsigned i = 0; i < 300; i++)
		strcat(wide, ",1");
	strcat(wide, ")");
	assert_null(read_back(wide, false));
	assert_non_null(strstr(err.text, "a type that is too long"));
	free(wide);
}

static void test_seconds(void **state)
{
	static const struct {
		const char *text, *value;
	} rows[] = {
		{"5", "<uint64 5000000>"},
		{"uint64 5", "<uint64 5000000>"},
		{"int32 7", "<uint64 7000000>"},
		{"0", "<uint64 0>"},
		{"2.5", "<uint64 2500000>"},
		{"double 3", "<uint64 3000000>"},
		{"18446744073709", "<uint64 18446744073709000000>"},
		{"18446744073710", NULL},
		{"-1", NULL},
		{"-0.5", NULL},
		{"inf", NULL},
		{"nan", NULL},
		{"1e30", NULL},
		{"byte 300", NULL},
		{"'5'", NULL},
		{"'5s'", NULL},
		{"true", NULL},
		{"[5]", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *value = read_back(rows[i].text, true);

		if (!value != !rows[i].value)
			fail_msg("%s: %s", rows[i].text, value ? value : err.text);
		if (value)
			assert_string_equal(value, rows[i].value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
