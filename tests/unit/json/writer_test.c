/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "json/tree.h"
#include "json/writer.h"

static void sample(struct json_writer *w, bool pretty)
{
	struct key_value pair[] = {{(char *)"k\"1", (char *)"v/1"}, {(char *)"k2", (char *)""}};
	char *words[] = {(char *)"a", (char *)"b", NULL};

	json_write_init(w, pretty);
	json_write_object(w);
	json_write_key(w, "n");
	json_write_i64(w, INT64_MIN);
	json_write_key(w, "u");
	json_write_u64(w, UINT64_MAX);
	json_write_key(w, "t");
	json_write_bool(w, true);
	json_write_key(w, "none");
	json_write_string(w, NULL);
	json_write_key(w, "kv");
	json_write_key_values(w, &(struct key_values){pair, 2});
	json_write_key(w, "list");
	json_write_strings(w, &(struct strings){words, 2});
	json_write_key(w, "empty");
	json_write_strings(w, &(struct strings){NULL, 0});
	json_write_key(w, "deep");
	json_write_array(w);
	json_write_object(w);
	json_write_end_object(w);
	json_write_array(w);
	json_write_bool(w, false);
	json_write_end_array(w);
	json_write_end_array(w);
	json_write_end_object(w);
}

static void test_compact(void **state)
{
	struct json_writer w;
	size_t len;
	char *text;

	(void)state;
	sample(&w, false);
	text = json_write_finish(&w, &len);
	assert_string_equal(text, "{\"n\":-9223372036854775808,\"u\":18446744073709551615,\"t\":true,"
			    "\"none\":null,\"kv\":{\"k\\\"1\":\"v/1\",\"k2\":\"\"},"
			    "\"list\":[\"a\",\"b\"],\"empty\":[],\"deep\":[{},[false]]}");
	assert_int_equal(len, strlen(text));
	free(text);
}

static void test_pretty(void **state)
{
	struct json_writer w;
	char *text;

	(void)state;
	sample(&w, true);
	text = json_write_finish(&w, NULL);
	assert_string_equal(text, "{\n  \"n\": -9223372036854775808,\n  \"u\": 18446744073709551615,\n"
			    "  \"t\": true,\n  \"none\": null,\n  \"kv\": {\n    \"k\\\"1\": \"v/1\",\n"
			    "    \"k2\": \"\"\n  },\n  \"list\": [\n    \"a\",\n    \"b\"\n  ],\n"
			    "  \"empty\": [],\n  \"deep\": [\n    {},\n    [\n      false\n    ]\n"
			    "  ]\n}");
	free(text);
}

static void test_strings(void **state)
{
	static const struct { const char *in, *out; } rows[] = {
		{"", "\"\""},
		{"a/b", "\"a/b\""},
		{"\"\\", "\"\\\"\\\\\""},
		{"\b\t\n\f\r\v\x01\x1f\x7f", "\"\\b\\t\\n\\f\\r\\u000b\\u0001\\u001f\\u007f\""},
		{"\xc3\xa9\xf0\x9f\x98\x80", "\"\xc3\xa9\xf0\x9f\x98\x80\""},
		{"\xc2\x9b" "x", "\"\\u009bx\""},
		{"a\xff" "b\xc3", "\"a\\ufffdb\\ufffd\""},
		{"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct json_writer w;
		char *text;

		json_write_init(&w, false);
		json_write_string(&w, rows[i].in);
		text = json_write_finish(&w, NULL);
		assert_string_equal(text, rows[i].out);
		free(text);
	}
}

/* Whatever bytes go in, what comes out is JSON. */
static void test_every_byte(void **state)
{
	(void)state;
	for (int i = 1; i < 256; i++) {
		for (int j = 1; j < 256; j += 3) {
			char s[4] = {(char)i, (char)j, (char)(256 - i), 0};
			struct json_writer w;
			struct arena *a = arena_new();
			struct error err = {0};
			struct json *v;
			size_t len;
			char *text;

			json_write_init(&w, false);
			json_write_string(&w, s);
			text = json_write_finish(&w, &len);
			assert_int_equal(json_parse(a, text, len, &v, &err), 0);
			if (str_utf8_valid(s, 3))
				assert_string_equal(v->string.data, s);
			free(text);
			arena_free(a);
		}
	}
}

static void test_nothing(void **state)
{
	struct json_writer w;
	char *text;

	(void)state;
	json_write_init(&w, false);
	text = json_write_finish(&w, NULL);
	assert_string_equal(text, "");
	free(text);
}

static void test_hundredths(void **state)
{
	static const struct {
		int64_t in;
		const char *out;
	} rows[] = {
		{0, "0"}, {1, "0.01"}, {10, "0.1"}, {-50, "-0.5"}, {150, "1.5"}, {12345, "123.45"},
		{INT64_MIN, "-92233720368547758.08"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct json_writer w;
		char *text;

		json_write_init(&w, false);
		json_write_hundredths(&w, rows[i].in);
		text = json_write_finish(&w, NULL);
		assert_string_equal(text, rows[i].out);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compact), cmocka_unit_test(test_pretty),
		cmocka_unit_test(test_strings), cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_nothing), cmocka_unit_test(test_hundredths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
