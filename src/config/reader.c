/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Field tables to structs.  Runs in the command's own process.  It calls itself only as deep as the
 * tables nest, never as deep as the input does.
 */
#include "config/reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "json/pointer.h"
#include "sys/mutate.h"
#include "util/log.h"

#define MAX_WARNINGS 16
#define MAX_DEPTH 16		/* of the tables */

static void pointer(const struct at *at, char buf[ERROR_WHERE_MAX])
{
	const struct at *chain[MAX_DEPTH];
	size_t n = 0;

	for (; at && at->up && n < MAX_DEPTH; at = at->up)
		chain[n++] = at;
	buf[0] = '\0';
	while (n-- > 0) {
		if (chain[n]->key)
			json_pointer_key(buf, ERROR_WHERE_MAX, chain[n]->key);
		else
			json_pointer_index(buf, ERROR_WHERE_MAX, chain[n]->index);
	}
}

__attribute__((format(printf, 4, 0)))
static int fail(struct reader *r, const struct at *at, const struct json *v, const char *fmt,
		va_list ap)
{
	char where[ERROR_WHERE_MAX], text[ERROR_TEXT_MAX];

	pointer(at, where);
	vsnprintf(text, sizeof(text), fmt, ap);
	r->culprit = v;
	return error_config(r->err, where, "%s", text);
}

int reader_fail(struct reader *r, const struct at *at, const struct json *v, const char *fmt, ...)
{
	va_list ap;
	int ret;

	va_start(ap, fmt);
	ret = fail(r, at, v, fmt, ap);
	va_end(ap);
	return ret;
}

int reader_fail_member(struct reader *r, const struct at *at, const struct json *v,
		       const char *key, const char *fmt, ...)
{
	struct at member = {at, key, 0};
	const struct json *value = json_get(v, key);
	va_list ap;
	int ret;

	va_start(ap, fmt);
	ret = fail(r, &member, value ? value : v, fmt, ap);
	va_end(ap);
	return ret;
}

int reader_go_on(struct reader *r, int e)
{
	if (e >= 0 || !r->all)
		return e;
	findings_add(r->all, false, r->err, r->culprit ? r->culprit->offset : FINDING_NO_OFFSET);
	r->culprit = NULL;
	return 0;
}

/* How many errors were noted up to now. */
static size_t noted(const struct reader *r)
{
	return r->all ? r->all->errors : 0;
}

int reader_refuse(struct reader *r, const struct at *at, const struct json *v, const char *what)
{
	return reader_fail(r, at, v, "`%.80s` is not supported by this version of orlop", what);
}

void reader_warn(struct reader *r, const struct at *at, const char *fmt, ...)
{
	char where[ERROR_WHERE_MAX], text[256];
	va_list ap;

	if (r->warnings++ >= MAX_WARNINGS)
		return;
	pointer(at, where);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_warning("%s: %s", where, text);
	if (r->warnings == MAX_WARNINGS)
		log_warning("more warnings about this file are left out");
}

int reader_type(struct reader *r, const struct at *at, const struct json *v, enum json_type type)
{
	if (v->type == type)
		return 0;
	return reader_fail(r, at, v, "must be %s, not %s", json_type_words(type),
			   json_type_words(v->type));
}

/* ---- strings -------------------------------------------------------------------------------- */

static int check_string(struct reader *r, const struct at *at, const struct json *v, unsigned flags)
{
	const char *s = v->string.data, *equals;

	if ((flags & NONEMPTY) && !*s)
		return reader_fail(r, at, v, "must not be empty");
	if ((flags & ABSOLUTE) && *s != '/' && (*s || !(flags & EMPTY_IS_ABSENT)))
		return reader_fail(r, at, v, "must be an absolute path, not `%.80s`", s);
	if ((flags & ONE_LINE) && strchr(s, '\n'))
		return reader_fail(r, at, v, "must not have a line break");
	if (flags & ENVIRONMENT) {
		equals = strchr(s, '=');
		if (!equals || equals == s)
			return reader_fail(r, at, v, "must be NAME=value, not `%.80s`", s);
	}
	return 0;
}

static int read_string(struct reader *r, const struct at *at, const struct json *v, unsigned flags,
		       char **ret)
{
	int e = reader_type(r, at, v, JSON_STRING);

	if (e == 0)
		e = check_string(r, at, v, flags);
	if (e < 0)
		return e;
	if (v->string.len > 0 || !(flags & EMPTY_IS_ABSENT))
		*ret = v->string.data;
	return 0;
}

int reader_strings(struct reader *r, const struct at *at, const struct json *v, unsigned flags,
		   struct strings *ret)
{
	char **words;
	size_t before = noted(r);
	int e = reader_type(r, at, v, JSON_ARRAY);

	if (e < 0 || v->array.n == 0)
		return e;
	words = arena_new_array(r->arena, char *, v->array.n + 1);
	for (size_t i = 0; i < v->array.n; i++) {
		struct at element = {at, NULL, i};

		e = reader_go_on(r, read_string(r, &element, v->array.v[i], flags, &words[i]));
		if (e < 0)
			return e;
	}
	if (noted(r) == before)
		*ret = (struct strings){words, v->array.n};
	return 0;
}

/* One of them; null leaves it without a value. */
static int read_key_value(struct reader *r, const struct at *at, const struct json *v, unsigned flags,
			  struct key_value *ret)
{
	if ((flags & NONEMPTY) && !*at->key)
		return reader_fail(r, at, v, "a key must not be empty");
	if (v->type == JSON_NULL)
		return 0;
	ret->key = (char *)at->key;
	return read_string(r, at, v, flags & ~(unsigned)NONEMPTY, &ret->value);
}

static int read_key_values(struct reader *r, const struct at *at, const struct json *v,
			   unsigned flags, struct key_values *ret)
{
	struct key_value *kv;
	size_t n = 0;
	int e = reader_type(r, at, v, JSON_OBJECT);

	if (e < 0 || v->object.n == 0)
		return e;
	kv = arena_new_array(r->arena, struct key_value, v->object.n);
	for (size_t i = 0; i < v->object.n; i++) {
		const struct json *value = v->object.v[i];
		struct at member = {at, v->object.keys[i], 0};

		e = read_key_value(r, &member, value, flags, &kv[n]);
		if (reader_go_on(r, e) < 0)
			return e;
		n += e == 0 && kv[n].value;
	}
	*ret = (struct key_values){n ? kv : NULL, n};
	return 0;
}

int reader_word(struct reader *r, const struct at *at, const struct json *v,
		const struct name_value *table, size_t n, const struct name_value **ret)
{
	const char *near;
	int e = reader_type(r, at, v, JSON_STRING);

	if (e < 0)
		return e;
	*ret = name_find(table, n, v->string.data);
	if (*ret)
		return 0;
	near = name_nearest(table, n, v->string.data);
	return reader_fail(r, at, v, "`%.80s` is not known%s%s%s", v->string.data,
			   near ? " (did you mean `" : "", near ? near : "", near ? "`?)" : "");
}

/* ---- objects -------------------------------------------------------------------------------- */

int reader_list(struct reader *r, const struct at *at, const struct json *v,
		const struct field *f, void *base_)
{
	char *list, *base = base_;
	int e = reader_type(r, at, v, JSON_ARRAY);

	if (e < 0 || v->array.n == 0)
		return e;
	if (v->array.n > LIST_MAX)
		return reader_fail(r, at, v, "%zu elements, at most %u are taken", v->array.n,
				   LIST_MAX);
	list = arena_alloc(r->arena, v->array.n, f->object->size);
	for (size_t i = 0; i < v->array.n; i++) {
		struct at element = {at, NULL, i};

		e = reader_go_on(r, reader_object(r, &element, v->array.v[i], f->object,
						  list + i * f->object->size));
		if (e < 0)
			return e;
	}
	*(void **)(base + f->offset) = list;
	*(size_t *)(base + f->n_offset) = v->array.n;
	return 0;
}

static int read_field(struct reader *r, const struct at *at, const struct json *v,
		      const struct field *f, char *base)
{
	void *to = base + f->offset;
	int e;

	switch (f->type) {
	case FIELD_TYPE_BOOL:
		e = reader_type(r, at, v, JSON_BOOL);
		if (e == 0)
			*(bool *)to = v->boolean;
		return e;
	case FIELD_TYPE_OPT_BOOL:
		e = reader_type(r, at, v, JSON_BOOL);
		if (e == 0)
			*(struct opt_bool *)to = (struct opt_bool){true, v->boolean};
		return e;
	case FIELD_TYPE_STRING:
		return read_string(r, at, v, f->flags, to);
	case FIELD_TYPE_STRINGS:
		return reader_strings(r, at, v, f->flags, to);
	case FIELD_TYPE_KEY_VALUES:
		return read_key_values(r, at, v, f->flags, to);
	case FIELD_TYPE_OBJECT:
		return reader_object(r, at, v, f->object, to);
	case FIELD_TYPE_LIST:
		return reader_list(r, at, v, f, base);
	case FIELD_TYPE_CALL:
		return (f->read)(r, at, v, base);
	default:
		return reader_number_field(r, at, v, f, to);
	}
}

static bool equal_ignoring_case(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		char x = *a >= 'A' && *a <= 'Z' ? (char)(*a | 0x20) : *a;
		char y = *b >= 'A' && *b <= 'Z' ? (char)(*b | 0x20) : *b;

		if (x != y)
			return false;
	}
	return *a == *b;
}

/* The known member that @key, which is none, is nearest to; of those as near one that @v does not have; or NULL. */
static const char *nearest_member(const struct json *v, const struct object *o, const char *key)
{
	const char *near = NULL;
	unsigned least = NAME_NEAR;

	for (int present = 0; present <= 1; present++)
		for (size_t i = 0; i < o->n_fields; i++)
			if (!!json_get(v, o->fields[i].name) == present &&
			    name_is_nearer(o->fields[i].name, key, &least))
				near = o->fields[i].name;
	return near;
}

/* A member of @v that is not known is ignored, as the specification wants it; one that is nearly known gets a
 * warning. */
static void unknown_member(struct reader *r, const struct at *at, const struct json *v, const struct object *o)
{
	const char *near = r->warnings < MAX_WARNINGS ? nearest_member(v, o, at->key) : NULL;

	if (!near)
		return;
	if (equal_ignoring_case(near, at->key))
		reader_warn(r, at, "unknown member, ignored: names are case-sensitive, did you mean `%s`?", near);
	else if (json_get(v, near))
		reader_warn(r, at, "unknown member, ignored: is it a second `%s`?", near);
	else
		reader_warn(r, at, "unknown member, ignored: did you mean `%s`?", near);
}

/* The row of @key, or -1. */
static int find_field(const struct object *o, const char *key)
{
	for (size_t i = 0; i < o->n_fields; i++)
		if (str_eq(o->fields[i].name, key) ||
		    (o->fields[i].flags & ANY_CASE && equal_ignoring_case(o->fields[i].name, key)))
			return (int)i;
	return -1;
}

/* The members that are there; *ret_seen: a bit for each row. */
static int read_members(struct reader *r, const struct at *at, const struct json *v, const struct object *o,
			void *base, uint64_t *ret_seen)
{
	for (size_t i = 0; i < v->object.n; i++) {
		struct at member = {at, v->object.keys[i], 0};
		int row = find_field(o, member.key), e;

		if (row < 0) {
			unknown_member(r, &member, v, o);
			continue;
		}
		if (v->object.v[i]->type == JSON_NULL)
			continue;	/* engines write null for "absent" */
		if (*ret_seen & (1ull << row) && !MUTATE(T73))	/* one key twice was refused before: ANY_CASE */
			e = reader_fail(r, &member, v->object.v[i], "`%s` is there twice", o->fields[row].name);
		else
			e = read_field(r, &member, v->object.v[i], &o->fields[row], base);
		*ret_seen |= 1ull << row;
		e = reader_go_on(r, e);
		if (e < 0)
			return e;
	}
	return 0;
}

static int read_absent(struct reader *r, const struct at *at, const struct json *v, const struct field *f)
{
	struct at member = {at, f->name, 0};

	if (f->flags & REQUIRED)
		return reader_fail_member(r, at, v, f->name, "`%s` is required", f->name);
	if (f->flags & ZERO_IF_ABSENT)
		reader_warn(r, &member, "is missing, 0 is taken");
	return 0;
}

int reader_object(struct reader *r, const struct at *at, const struct json *v,
		  const struct object *o, void *base)
{
	uint64_t seen = 0;
	size_t before = noted(r);
	int e = reader_type(r, at, v, JSON_OBJECT);

	if (e < 0)
		return e;
	if (o->has_present)
		*(bool *)((char *)base + o->present) = true;
	e = read_members(r, at, v, o, base, &seen);
	for (size_t i = 0; e == 0 && i < o->n_fields; i++)
		if (!(seen & (1ull << i)))
			e = reader_go_on(r, read_absent(r, at, v, &o->fields[i]));
	/* What the members have in common is only looked at if they were read. */
	return e == 0 && o->done && noted(r) == before ? o->done(r, at, v, base) : e;
}
