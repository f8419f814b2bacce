/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A tree as text again. */
#include "json/value.h"

#include "json/tree.h"
#include "json/writer.h"

static void write_array(struct json_writer *w, const struct json *v)
{
	json_write_array(w);
	for (size_t i = 0; i < v->array.n; i++)
		json_write_value(w, v->array.v[i]);
	json_write_end_array(w);
}

static void write_object(struct json_writer *w, const struct json *v)
{
	json_write_object(w);
	for (size_t i = 0; i < v->object.n; i++) {
		json_write_key(w, v->object.keys[i]);
		json_write_value(w, v->object.v[i]);
	}
	json_write_end_object(w);
}

void json_write_value(struct json_writer *w, const struct json *v)
{
	switch (v->type) {
	case JSON_NULL:
		json_write_string(w, NULL);
		break;
	case JSON_BOOL:
		json_write_bool(w, v->boolean);
		break;
	case JSON_NUMBER:
		json_write_literal(w, v->number);
		break;
	case JSON_STRING:
		json_write_string(w, v->string.data);
		break;
	case JSON_ARRAY:
		write_array(w, v);
		break;
	case JSON_OBJECT:
		write_object(w, v);
		break;
	}
}
