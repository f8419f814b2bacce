/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "json/pointer.h"
#include "json/tree.h"
#include "util/str.h"

static int setup(void **state)
{
	*state = arena_new();
	return 0;
}

static int teardown(void **state)
{
	arena_free(*state);
	return 0;
}

static const struct json *parse(void **state, const char *text)
{
	struct error err = {0};
	struct json *v = NULL;
	/* A copy that is overwritten afterwards: nothing may point into the text. */
	size_t len = strlen(text);
	char *copy = xstrdup(text);

	if (json_parse(*state, copy, len, &v, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	memset(copy, 'x', len);
	free(copy);
	return v;
}

static void test_values(void **state)
{
	const struct json *v = parse(state, " {\"a\": [1, -2.50e1, true, false, null], \"b\\n\": "
				     "\"x\\u00e9\\ud83d\\ude00\\/\", \"o\": {}, \"e\": []}\n");
	const struct json *a = json_get(v, "a");

	assert_int_equal(v->type, JSON_OBJECT);
	assert_int_equal(v->object.n, 4);
	assert_int_equal(a->type, JSON_ARRAY);
	assert_int_equal(a->array.n, 5);
	assert_string_equal(a->array.v[0]->number, "1");
	assert_string_equal(a->array.v[1]->number, "-2.50e1");
	assert_true(a->array.v[2]->boolean);
	assert_false(a->array.v[3]->boolean);
	assert_int_equal(a->array.v[4]->type, JSON_NULL);
	assert_string_equal(json_get(v, "b\n")->string.data, "x\xc3\xa9\xf0\x9f\x98\x80/");
	assert_int_equal(json_get(v, "b\n")->string.len, 8);
	assert_int_equal(json_get(v, "o")->object.n, 0);
	assert_int_equal(json_get(v, "e")->array.n, 0);
	assert_null(json_get(v, "z"));
	assert_null(json_get(a, "z"));
	assert_null(json_get(NULL, "z"));
}

static void test_null_is_absent(void **state)
{
	const struct json *v = parse(state, "{\"a\": null}");

	assert_null(json_get(v, "a"));
	assert_int_equal(v->object.n, 1);
}

static void test_scalar_documents(void **state)
{
	assert_int_equal(parse(state, "17")->type, JSON_NUMBER);
	assert_string_equal(parse(state, "17")->number, "17");
	assert_int_equal(parse(state, "null")->type, JSON_NULL);
	assert_string_equal(parse(state, "\"\"")->string.data, "");
}

static void test_offsets(void **state)
{
	static const char text[] = "{\"k\\u0041\" : [ \"\\u0041\", 12 ,\n  {\"é\":\"é\", \"x\": true} ] }";
	const struct json *v = parse(state, text), *a = v->object.v[0];
	unsigned line, column;

	assert_int_equal(v->offset, 0);
	assert_int_equal(text[a->offset], '[');
	assert_int_equal(text[a->array.v[0]->offset], '"');
	assert_int_equal(text[a->array.v[1]->offset], '1');
	assert_int_equal(text[a->array.v[2]->offset], '{');
	assert_memory_equal(text + a->array.v[2]->object.v[1]->offset, "true", 4);
	json_position(text, strlen(text), a->array.v[2]->object.v[1]->offset, &line, &column);
	assert_int_equal(line, 2);
	assert_int_equal(column, 18);	/* characters, not bytes */
	json_position(text, strlen(text), 100000, &line, &column);
	assert_int_equal(line, 2);
	json_position("", 0, 0, &line, &column);
	assert_int_equal(line, 1);
	assert_int_equal(column, 1);
}

static const struct {
	const char *text, *where, *words;
} refused[] = {
	{"", "", "empty"},
	{" \n\t ", "", "empty"},
	{"{", "", "line 1, column 2"},
	{"{\"a\":1", "", "EOF"},
	{"[1,]", "/1", "line 1, column"},
	{"{\"a\":1,}", "", "line 1, column"},
	{"{'a':1}", "", "lexical error"},
	{"{a:1}", "", "lexical error"},
	{"{\"a\":NaN}", "/a", "lexical error"},
	{"{\"a\":01}", "", "line 1"},
	{"{\"a\":1.}", "/a", "line 1"},
	{"{\"a\":+1}", "/a", "lexical error"},
	{"{\"a\":tru}", "/a", "lexical error"},
	{"{} {}", "", "trailing garbage"},
	{"{}\n1", "", "trailing garbage (line 2, column"},
	{"1 2", "", "trailing garbage"},
	{"{}}", "", "trailing garbage"},
	{"{}\"", "", "trailing garbage (line 1, column 3)"},
	{"[1] tru", "", "trailing garbage"},
	{"1 \"a", "", "trailing garbage"},
	{"{}\v", "", "control character (line 1, column 3)"},
	{"[1,\f2]", "/1", "control character"},
	{"/* c */ {}", "", "lexical error"},
	{"{} // c", "", "line 1"},
	{"\xef\xbb\xbf{}", "", "byte order mark at the start (line 1, column 1)"},
	{"[1,[2,\"a\\u0000b\"]]", "/1/1", "\\u0000"},
	{"{\"a\":{\"b\\u0000\":1}}", "/a", "\\u0000"},
	{"{\"a\":\"\\ud800\"}", "/a", "surrogate"},
	{"{\"a\":\"\\ud800\\u0041\"}", "/a", "surrogate"},
	{"{\"a\":\"\\ud800\\ud800\"}", "/a", "surrogate"},
	{"{\"a\":\"\\udc00\"}", "/a", "surrogate"},
	{"{\"a\":\"\\udc00\\ud800\"}", "/a", "surrogate"},
	{"{\"a\":\"\\uD83D", "/a", "surrogate"},
	{"{\"a\":\"\\u00g0\"}", "/a", "line 1"},
	{"{\"a\":\"\\x41\"}", "/a", "line 1"},
	{"{\"a\":\"\xff\"}", "/a", "not UTF-8"},
	{"{\"a\":\"\xc0\xaf\"}", "/a", "not UTF-8"},
	{"{\"a\":\"\xe0\x80\xaf\"}", "/a", "not UTF-8"},
	{"{\"a\":\"\xed\xa0\x80\"}", "/a", "not UTF-8"},
	{"{\"a\":\"\xf4\x90\x80\x80\"}", "/a", "not UTF-8"},
	{"{\"a\":\"\xc3\"}", "/a", "not UTF-8"},
	{"{\"a\":\"\xc3", "/a", "not UTF-8"},
	{"{\"a\":\"x\ny\"}", "/a", "line 1"},
	{"{\"a\":\"x\x01y\"}", "/a", "line 1"},
	{"\\u0000", "", "line 1"},
	{"{\"a\":1,\"a\":2}", "/a", "`a` is there twice (line 1, column 12)"},
	{"{\"a\":1,\"\\u0061\":2}", "/a", "twice"},
	{"{\"x/y\":{\"l\":[0,{\"~\":1,\"b\":2,\"~\":3}]}}", "/x~1y/l/1/~0", "twice"},
	{"[[1],{\"\":1,\"\":1}]", "/1/", "twice"},
	/* more than a dozen members: the sorted way */
	{"{\"a\":{\"1\":0,\"2\":0,\"3\":0,\"4\":0,\"5\":0,\"6\":0,\"7\":0,\"8\":0,\"9\":0,\"10\":0,"
	 "\"11\":0,\"12\":0,\"13\":0,\"14\":0,\"3\":7}}", "/a/3", "`3` is there twice (line 1, column 100)"},
};

/* spec: GL-001 GL-002 CF-079 */
static void test_refused(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct error err = {0};
		struct json *v = NULL;
		int r = json_parse(*state, refused[i].text, strlen(refused[i].text), &v, &err);

		if (r != -EINVAL || err.code != EINVAL || v || strcmp(err.where, refused[i].where) ||
		    !strstr(err.text, refused[i].words))
			fail_msg("%s: %d at `%s` instead of `%s`: %s", refused[i].text, r, err.where,
				 refused[i].where, err.text);
	}
}

static void test_raw_nul(void **state)
{
	static const char text[] = "{\"a\":\"x\0y\"}", after[] = "{}\0";
	struct error err = {0};
	struct json *v;

	assert_int_equal(json_parse(*state, text, sizeof(text) - 1, &v, &err), -EINVAL);
	assert_string_equal(err.where, "/a");
	assert_int_equal(json_parse(*state, after, sizeof(after) - 1, &v, &err), -EINVAL);
}

/* @n openings of @open, then "1" and the closings. */
static int nested(void **state, size_t n, const char *open, const char *close, struct error *err)
{
	struct strbuf text = {0};
	struct json *v;
	int r;

	for (size_t i = 0; i < n; i++)
		strbuf_adds(&text, open);
	strbuf_adds(&text, "1");
	for (size_t i = 0; i < n; i++)
		strbuf_adds(&text, close);
	r = json_parse(*state, text.data, text.len, &v, err);
	strbuf_free(&text);
	return r;
}

static void test_depth(void **state)
{
	struct error err = {0};

	assert_int_equal(nested(state, 64, "[", "]", &err), 0);
	assert_int_equal(nested(state, 64, "{\"a\":", "}", &err), 0);
	assert_int_equal(nested(state, 65, "[", "]", &err), -EINVAL);
	assert_non_null(strstr(err.text, "deeper than 64"));
	assert_int_equal(nested(state, 65, "{\"a\":", "}", &err), -EINVAL);
	assert_true(str_starts(err.where, "/a/a/a/a"));
	assert_int_equal(nested(state, 1000000, "[", "]", &err), -EINVAL);
	assert_int_equal(nested(state, 100000, "{\"a\":", "}", &err), -EINVAL);
}

static int of_string(void **state, size_t n, bool key, struct error *err)
{
	struct strbuf text = {0};
	struct json *v;
	char *s = xcalloc(n + 1, 1);
	int r;

	memset(s, 'a', n);
	strbuf_addf(&text, key ? "{\"%s\":1}" : "[\"%s\"]", s);
	free(s);
	r = json_parse(*state, text.data, text.len, &v, err);
	if (r == 0)
		assert_int_equal(key ? strlen(v->object.keys[0]) : v->array.v[0]->string.len, n);
	strbuf_free(&text);
	return r;
}

static void test_sizes(void **state)
{
	struct error err = {0};
	struct json *v;
	char *big;

	for (int key = 0; key < 2; key++) {
		assert_int_equal(of_string(state, 1023, key, &err), 0);
		assert_int_equal(of_string(state, 1024, key, &err), 0);
		assert_int_equal(of_string(state, JSON_MAX_STRING, key, &err), 0);
		assert_int_equal(of_string(state, JSON_MAX_STRING + 1, key, &err), -EINVAL);
		assert_non_null(strstr(err.text, "1048577 bytes"));
	}
	big = xcalloc(1, JSON_MAX_TEXT + 1);
	memset(big, ' ', JSON_MAX_TEXT + 1);
	assert_int_equal(json_parse(*state, big, JSON_MAX_TEXT + 1, &v, &err), -E2BIG);
	big[0] = '1';
	assert_int_equal(json_parse(*state, big, JSON_MAX_TEXT, &v, &err), 0);
	memset(big, '9', 2000);
	assert_int_equal(json_parse(*state, big, JSON_MAX_TEXT, &v, &err), -EINVAL);
	free(big);
}

static void test_many(void **state)
{
	struct strbuf text = {0};
	struct error err = {0};
	struct json *v;

	strbuf_adds(&text, "[0");
	for (size_t i = 1; i < JSON_MAX_VALUES - 1; i++)
		strbuf_add(&text, ",0", 2);
	strbuf_adds(&text, "]");
	assert_int_equal(json_parse(*state, text.data, text.len, &v, &err), 0);
	assert_int_equal(v->array.n, JSON_MAX_VALUES - 1);
	text.len--;
	strbuf_adds(&text, ",0]");
	assert_int_equal(json_parse(*state, text.data, text.len, &v, &err), -EINVAL);
	assert_non_null(strstr(err.text, "more than 262144 values"));
	strbuf_free(&text);
}

static void test_many_members(void **state)
{
	struct strbuf text = {0};
	struct error err = {0};
	struct json *v;

	for (int i = 0; i < 200000; i++)
		strbuf_addf(&text, "%s\"k%06d\":%d", i ? "," : "{", i, i);
	strbuf_adds(&text, "}");
	assert_int_equal(json_parse(*state, text.data, text.len, &v, &err), 0);
	assert_int_equal(v->object.n, 200000);
	assert_string_equal(json_get(v, "k199999")->number, "199999");
	text.len--;
	strbuf_adds(&text, ",\"k000077\":1}");
	assert_int_equal(json_parse(*state, text.data, text.len, &v, &err), -EINVAL);
	assert_string_equal(err.where, "/k000077");
	strbuf_free(&text);
}

static void test_integers(void **state)
{
	static const struct {
		const char *text;
		int i64, u64;		/* results */
		int64_t i;
		uint64_t u;
	} rows[] = {
		{"0", 0, 0, 0, 0},
		{"-1", 0, -ERANGE, -1, 0},
		{"9223372036854775807", 0, 0, INT64_MAX, INT64_MAX},
		{"9223372036854775808", -ERANGE, 0, 0, (uint64_t)INT64_MAX + 1},
		{"-9223372036854775808", 0, -ERANGE, INT64_MIN, 0},
		{"-9223372036854775809", -ERANGE, -ERANGE, 0, 0},
		{"18446744073709551615", -ERANGE, 0, 0, UINT64_MAX},
		{"18446744073709551616", -ERANGE, -ERANGE, 0, 0},
		{"1.0", -EINVAL, -EINVAL, 0, 0},
		{"1e3", -EINVAL, -EINVAL, 0, 0},
		{"1E3", -EINVAL, -EINVAL, 0, 0},
		{"-1.5", -EINVAL, -EINVAL, 0, 0},
		{"\"0\"", -EINVAL, -EINVAL, 0, 0},
		{"true", -EINVAL, -EINVAL, 0, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct json *v = parse(state, rows[i].text);
		int64_t s = 7;
		uint64_t u = 7;

		assert_int_equal(json_i64(v, &s), rows[i].i64);
		assert_true(s == (rows[i].i64 ? 7 : rows[i].i));
		assert_int_equal(json_u64(v, &u), rows[i].u64);
		assert_true(u == (rows[i].u64 ? 7 : rows[i].u));
	}
}

static void test_pointer(void **state)
{
	char buf[32] = "";
	const struct json *v;

	json_pointer_key(buf, sizeof(buf), "a/b~c");
	json_pointer_index(buf, sizeof(buf), 12);
	json_pointer_key(buf, sizeof(buf), "");
	assert_string_equal(buf, "/a~1b~0c/12/");
	json_pointer_key(buf, sizeof(buf), "0123456789012345678901234567890");
	assert_string_equal(buf, "/a~1b~0c/12//012345678901234...");
	json_pointer_key(buf, sizeof(buf), "x");
	assert_string_equal(buf, "/a~1b~0c/12//012345678901234...");
	strcpy(buf, "");
	json_pointer_key(buf, sizeof(buf), "aaaaaaaaaaaaaaaaaaaaaaaaaa\xc3\xa9\xc3\xa9\xc3\xa9");
	assert_true(str_utf8_valid(buf, strlen(buf)));
	assert_string_equal(buf, "/aaaaaaaaaaaaaaaaaaaaaaaaaa...");

	v = parse(state, "{\"a/b~c\": [0, {\"x\": 5}], \"\": 9}");
	assert_ptr_equal(json_pointer_find(v, ""), v);
	assert_string_equal(json_pointer_find(v, "/a~1b~0c/1/x")->number, "5");
	assert_string_equal(json_pointer_find(v, "/")->number, "9");
	assert_int_equal(json_pointer_find(v, "/a~1b~0c/7")->type, JSON_ARRAY);
	assert_int_equal(json_pointer_find(v, "/a~1b~0c/1/y/z")->type, JSON_OBJECT);
	assert_ptr_equal(json_pointer_find(v, "/nothing"), v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(test_values), T(test_null_is_absent), T(test_scalar_documents), T(test_offsets),
		T(test_refused), T(test_raw_nul), T(test_depth), T(test_sizes), T(test_many),
		T(test_many_members), T(test_integers), T(test_pointer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
