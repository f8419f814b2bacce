/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fuzz/json_other.h"

#include <jansson.h>

void *other_parse(const char *text, size_t len, bool *ret_overflow)
{
	json_error_t why;
	json_t *v = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, &why);

	*ret_overflow = !v && json_error_code(&why) == json_error_numeric_overflow;
	return v;
}

void other_free(void *v)
{
	json_decref(v);
}

char other_type(const void *v)
{
	switch (json_typeof((const json_t *)v)) {
	case JSON_NULL: return 'n';
	case JSON_TRUE:
	case JSON_FALSE: return 'b';
	case JSON_REAL: return 'd';
	case JSON_STRING: return 's';
	case JSON_ARRAY: return 'a';
	case JSON_OBJECT: return 'o';
	default: return '?';
	}
}

bool other_bool(const void *v)
{
	return json_is_true((const json_t *)v);
}

double other_number(const void *v)
{
	return json_real_value(v);
}

const char *other_string(const void *v, size_t *ret_len)
{
	*ret_len = json_string_length(v);
	return json_string_value(v);
}

size_t other_count(const void *v)
{
	return json_is_array((const json_t *)v) ? json_array_size(v) : json_object_size(v);
}

const void *other_item(const void *v, size_t i)
{
	return json_array_get(v, i);
}

const void *other_member(const void *v, const char *key)
{
	return json_object_get(v, key);
}
