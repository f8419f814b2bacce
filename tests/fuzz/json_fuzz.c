/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our reader of JSON against jansson: what both take is the same tree; what one alone takes is so for a reason
 * that is written down here.  And what we write of a tree is read as that tree again, by both.
 */
#include <stdio.h>
#include <string.h>

#include "json/tree.h"
#include "json/writer.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/json_other.h"
#include "util/str.h"

const char fuzz_corpus[] = "tests/fuzz/json";

static void same(const struct json *ours, const void *theirs)
{
	size_t len;
	const char *text;

	must(theirs && other_type(theirs) == "nbdsao"[ours->type]);
	switch (ours->type) {
	case JSON_NULL:
		break;
	case JSON_BOOL:
		must(other_bool(theirs) == ours->boolean);
		break;
	case JSON_NUMBER:
		must(other_number(theirs) == strtod(ours->number, NULL));
		break;
	case JSON_STRING:
		text = other_string(theirs, &len);
		must(len == ours->string.len && memcmp(text, ours->string.data, len + 1) == 0);
		break;
	case JSON_ARRAY:
		must(other_count(theirs) == ours->array.n);
		for (size_t i = 0; i < ours->array.n; i++)
			same(ours->array.v[i], other_item(theirs, i));
		break;
	case JSON_OBJECT:
		must(other_count(theirs) == ours->object.n);
		for (size_t i = 0; i < ours->object.n; i++)
			same(ours->object.v[i], other_member(theirs, ours->object.keys[i]));
		break;
	}
}

static void write_value(struct json_writer *w, const struct json *v)
{
	int64_t i;
	uint64_t u;

	switch (v->type) {
	case JSON_NULL:
		json_write_string(w, NULL);
		break;
	case JSON_BOOL:
		json_write_bool(w, v->boolean);
		break;
	case JSON_NUMBER:
		/* Fractions are never written by us. */
		if (json_u64(v, &u) == 0)
			json_write_u64(w, u);
		else if (json_i64(v, &i) == 0)
			json_write_i64(w, i);
		else
			json_write_string(w, v->number);
		break;
	case JSON_STRING:
		json_write_string(w, v->string.data);
		break;
	case JSON_ARRAY:
		json_write_array(w);
		for (size_t k = 0; k < v->array.n; k++)
			write_value(w, v->array.v[k]);
		json_write_end_array(w);
		break;
	case JSON_OBJECT:
		json_write_object(w);
		for (size_t k = 0; k < v->object.n; k++) {
			json_write_key(w, v->object.keys[k]);
			write_value(w, v->object.v[k]);
		}
		json_write_end_object(w);
		break;
	}
}

static bool equal(const struct json *a, const struct json *b)
{
	size_t n;

	/* A fraction came back as a string; minus zero as zero. */
	if (a->type == JSON_NUMBER)
		return strtod(a->number, NULL) == strtod(b->type == JSON_STRING ? b->string.data : b->number, NULL);
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case JSON_BOOL:
		return a->boolean == b->boolean;
	case JSON_STRING:
		return a->string.len == b->string.len && memcmp(a->string.data, b->string.data, a->string.len) == 0;
	case JSON_ARRAY:
		for (n = 0; n < a->array.n && n < b->array.n && equal(a->array.v[n], b->array.v[n]); n++)
			;
		return n == a->array.n && n == b->array.n;
	case JSON_OBJECT:
		for (n = 0; n < a->object.n && n < b->object.n; n++)
			if (!str_eq(a->object.keys[n], b->object.keys[n]) || !equal(a->object.v[n], b->object.v[n]))
				return false;
		return n == a->object.n && n == b->object.n;
	default:
		return true;
	}
}

static void write_back(struct arena *a, const struct json *root, bool pretty)
{
	struct json_writer w;
	struct json *again;
	struct error err;
	bool overflow;
	size_t len;
	char *text;
	void *theirs;

	json_write_init(&w, pretty);
	write_value(&w, root);
	text = json_write_finish(&w, &len);
	must(strlen(text) == len);
	must(json_parse(a, text, len, &again, &err) == 0);
	must(equal(root, again));
	theirs = other_parse(text, len, &overflow);
	same(again, theirs);
	other_free(theirs);
	free(text);
}

/* Our limits, which are no matter of syntax. */
static bool is_limit(const struct error *err)
{
	static const char *const words[] = {"deep", "more than", "longer", "larger", "at most"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strstr(err->text, words[i]))
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct json *root = NULL;
	struct error err = {0};
	bool overflow;
	void *theirs = other_parse((const char *)data, size, &overflow);
	int r = json_parse(a, (const char *)data, size, &root, &err);

	if (r < 0)
		fuzz_check_error(r, &err);
	if (r == 0 && theirs)
		same(root, theirs);
	else if (r == 0)	/* 1e999 */
		must(overflow);
	else	/* jansson overlooks NUL outside of strings */
		must(!theirs || is_limit(&err) || memchr(data, 0, size));
	must(r < 0 || !memchr(data, 0, size));
	if (r == 0) {
		write_back(a, root, false);
		write_back(a, root, true);
	}
	other_free(theirs);
	arena_free(a);
	return 0;
}
