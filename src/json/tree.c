/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * yajl events to a tree.  Runs in the command's own process, on bytes that nobody has checked
 * (rule R17), without recursion: open containers live in a fixed array of 64 frames, unfinished
 * children on two stacks that are copied out when their container closes.
 */
#include "json/tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "json/pointer.h"
#include "json/text.h"
#include "sys/mutate.h"
#include "util/cleanup.h"
#include "util/str.h"

struct frame {
	struct json *node;
	size_t values, keys;		/* where its children start on the stacks */
};

struct builder {
	struct arena *arena;
	struct error *err;
	const char *text;
	size_t len;
	yajl_handle yajl;
	size_t end;			/* of the last token that was seen */
	bool failed;
	size_t culprit;			/* then: its offset */

	struct frame frames[JSON_MAX_DEPTH];
	size_t depth;
	struct json *root;
	size_t n_nodes;

	struct json **values;
	size_t n_values, cap_values;
	char **keys;
	size_t n_keys, cap_keys;

	/* Slabs: nodes and strings are many and small, the arena aligns every allocation. */
	struct json *nodes;
	size_t nodes_left;
	char *chars;
	size_t chars_left;
};

const char *json_type_words(enum json_type type)
{
	static const char *const words[] = {
		[JSON_NULL] = "null", [JSON_BOOL] = "a boolean", [JSON_NUMBER] = "a number",
		[JSON_STRING] = "a string", [JSON_ARRAY] = "an array", [JSON_OBJECT] = "an object",
	};

	return words[type];
}

/* ---- errors --------------------------------------------------------------------------------- */

/* The pointer of what is being read: the value that comes next, or was just begun. */
static void builder_where(const struct builder *b, char *buf, size_t size)
{
	buf[0] = '\0';
	for (size_t i = 0; i < b->depth; i++) {
		const struct frame *f = &b->frames[i], *inner = i + 1 < b->depth ? f + 1 : NULL;
		size_t values = (inner ? inner->values - 1 : b->n_values) - f->values;
		size_t keys = (inner ? inner->keys : b->n_keys) - f->keys;

		if (f->node->type == JSON_ARRAY)
			json_pointer_index(buf, size, values);
		else if (keys > values)
			json_pointer_key(buf, size, b->keys[f->keys + keys - 1]);
	}
}

static int fail_at(struct builder *b, size_t offset, const char *where, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Returns 0, which ends the parse when a callback returns it. */
static int fail_at(struct builder *b, size_t offset, const char *where, const char *fmt, ...)
{
	char own[ERROR_WHERE_MAX], text[256];
	unsigned line, column;
	va_list ap;

	if (!where) {
		builder_where(b, own, sizeof(own));
		where = own;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	b->culprit = offset;
	json_position(b->text, b->len, offset, &line, &column);
	error_config(b->err, where, "not valid JSON: %s (line %u, column %u)", text, line, column);
	b->failed = true;
	return 0;
}

/* ---- pieces of memory ----------------------------------------------------------------------- */

static struct json *new_node(struct builder *b, enum json_type type, size_t offset)
{
	struct json *v;

	if (b->nodes_left == 0) {
		b->nodes_left = 64;
		b->nodes = arena_new_array(b->arena, struct json, b->nodes_left);
	}
	v = b->nodes++;
	b->nodes_left--;
	v->type = type;
	v->offset = (uint32_t)offset;
	return v;
}

static char *new_string(struct builder *b, const void *data, size_t n)
{
	char *s;

	if (n + 1 > 1024)
		return arena_strndup(b->arena, data, n);
	if (b->chars_left < n + 1) {
		b->chars_left = 4096;
		b->chars = arena_new_array(b->arena, char, b->chars_left);
	}
	s = b->chars;
	b->chars += n + 1;
	b->chars_left -= n + 1;
	memcpy(s, data, n);
	s[n] = '\0';
	return s;
}

/* A stack of pointers, twice as large. */
static void *grown(struct builder *b, void *v, size_t *cap)
{
	void *p = arena_alloc(b->arena, *cap ? 2 * *cap : 128, sizeof(void *));

	if (*cap)
		memcpy(p, v, *cap * sizeof(void *));
	*cap = *cap ? 2 * *cap : 128;
	return p;
}

/* For the callbacks: 1, or 0 when there are too many. */
static int push_value(struct builder *b, struct json *v)
{
	if (++b->n_nodes > JSON_MAX_VALUES)
		return fail_at(b, v->offset, NULL, "more than %u values", JSON_MAX_VALUES);
	if (b->depth == 0) {
		b->root = v;
		return 1;
	}
	if (b->n_values == b->cap_values)
		b->values = grown(b, b->values, &b->cap_values);
	b->values[b->n_values++] = v;
	return 1;
}

static bool is_between(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',' || c == ':';
}

/*
 * Where the token that yajl has just finished begins.  yajl tells only where it ends; between two
 * tokens that have an event there is nothing but white space, "," and ":".
 */
static size_t token_start(struct builder *b)
{
	size_t start = b->end;

	while (start < b->len && is_between(b->text[start]))
		start++;
	b->end = yajl_get_bytes_consumed(b->yajl);
	return start;
}

/* ---- events --------------------------------------------------------------------------------- */

static int on_null(void *ctx)
{
	struct builder *b = ctx;

	return push_value(b, new_node(b, JSON_NULL, token_start(b)));
}

static int on_boolean(void *ctx, int value)
{
	struct builder *b = ctx;
	struct json *v = new_node(b, JSON_BOOL, token_start(b));

	v->boolean = value != 0;
	return push_value(b, v);
}

static int on_number(void *ctx, const char *text, size_t n)
{
	struct builder *b = ctx;
	size_t start = token_start(b);
	struct json *v;

	if (n > 1024)
		return fail_at(b, start, NULL, "a number of %zu digits", n);
	v = new_node(b, JSON_NUMBER, start);
	v->number = new_string(b, text, n);
	return push_value(b, v);
}

static int on_string(void *ctx, const unsigned char *data, size_t n)
{
	struct builder *b = ctx;
	size_t start = token_start(b);
	struct json *v;

	if (n > JSON_MAX_STRING)
		return fail_at(b, start, NULL, "a string of %zu bytes, at most %u are taken", n,
			       JSON_MAX_STRING);
	v = new_node(b, JSON_STRING, start);
	v->string.data = new_string(b, data, n);
	v->string.len = n;
	return push_value(b, v);
}

static int on_key(void *ctx, const unsigned char *data, size_t n)
{
	struct builder *b = ctx;
	size_t start = token_start(b);

	if (n > JSON_MAX_STRING)
		return fail_at(b, start, NULL, "a member name of %zu bytes, at most %u are taken",
			       n, JSON_MAX_STRING);
	if (b->n_keys == b->cap_keys)
		b->keys = grown(b, b->keys, &b->cap_keys);
	b->keys[b->n_keys++] = new_string(b, data, n);
	return 1;
}

static int open_container(struct builder *b, enum json_type type)
{
	size_t start = token_start(b);
	struct json *v;

	if (b->depth == JSON_MAX_DEPTH)
		return fail_at(b, start, NULL, "nested deeper than %d levels", JSON_MAX_DEPTH);
	v = new_node(b, type, start);
	if (!push_value(b, v))
		return 0;
	b->frames[b->depth++] = (struct frame){v, b->n_values, b->n_keys};
	return 1;
}

static int on_start_array(void *ctx)
{
	return open_container(ctx, JSON_ARRAY);
}

static int on_start_object(void *ctx)
{
	return open_container(ctx, JSON_OBJECT);
}

static struct json **take_values(struct builder *b, const struct frame *f, size_t *ret_n)
{
	size_t n = b->n_values - f->values;
	struct json **v = NULL;

	if (n > 0) {
		v = arena_new_array(b->arena, struct json *, n);
		memcpy(v, b->values + f->values, n * sizeof(*v));
	}
	b->n_values = f->values;
	*ret_n = n;
	return v;
}

static int on_end_array(void *ctx)
{
	struct builder *b = ctx;
	struct frame *f = &b->frames[b->depth - 1];

	token_start(b);
	f->node->array.v = take_values(b, f, &f->node->array.n);
	b->depth--;
	return 1;
}

static int compare_keys(const void *x, const void *y)
{
	char *const *a = *(char *const *const *)x, *const *b = *(char *const *const *)y;
	int r = strcmp(*a, *b);

	return r ? r : a < b ? -1 : a > b;	/* equal keys in the order of the text */
}

/* The second of two equal keys, or NULL.  Sorted when there are many: never quadratic. */
static char *const *duplicate_key(char *const *keys, size_t n)
{
	_cleanup_free_ char *const **sorted = NULL;

	if (n <= 12) {
		for (size_t i = 1; i < n; i++)
			for (size_t j = 0; j < i; j++)
				if (str_eq(keys[i], keys[j]))
					return &keys[i];
		return NULL;
	}
	sorted = xcalloc(n, sizeof(*sorted));
	for (size_t i = 0; i < n; i++)
		sorted[i] = &keys[i];
	qsort(sorted, n, sizeof(*sorted), compare_keys);
	for (size_t i = 1; i < n; i++)
		if (str_eq(*sorted[i - 1], *sorted[i]))
			return sorted[i];
	return NULL;
}

static int on_end_object(void *ctx)
{
	struct builder *b = ctx;
	struct frame *f = &b->frames[b->depth - 1];
	struct json *o = f->node;
	char *const *dup;

	token_start(b);
	o->object.v = take_values(b, f, &o->object.n);
	if (o->object.n > 0) {
		o->object.keys = arena_new_array(b->arena, char *, o->object.n);
		memcpy(o->object.keys, b->keys + f->keys, o->object.n * sizeof(char *));
	}
	b->n_keys = f->keys;
	dup = MUTATE(T73) ? NULL : duplicate_key(o->object.keys, o->object.n);
	if (dup) {
		char where[ERROR_WHERE_MAX];

		b->depth--;
		b->n_values--;		/* the object itself: its pointer is the one wanted */
		if (b->depth > 0)
			builder_where(b, where, sizeof(where));
		else
			where[0] = '\0';
		json_pointer_key(where, sizeof(where), *dup);
		return fail_at(b, o->object.v[dup - o->object.keys]->offset, where,
			       "the member `%.64s` is there twice", *dup);
	}
	b->depth--;
	return 1;
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_start_object,
	.yajl_map_key = on_key,
	.yajl_end_map = on_end_object,
	.yajl_start_array = on_start_array,
	.yajl_end_array = on_end_array,
};

/* ---- memory for yajl ------------------------------------------------------------------------ */

/* A few buffers that double: from the arena, as the C library would map and unmap pages for each. */
static void *yajl_arena_alloc(void *ctx, size_t size)
{
	size_t *p = arena_alloc(ctx, 1, size + 16);

	*p = size;
	return (char *)p + 16;
}

static void *yajl_arena_realloc(void *ctx, void *old, size_t size)
{
	size_t had = old ? *(size_t *)((char *)old - 16) : 0;
	void *p = had >= size ? old : yajl_arena_alloc(ctx, size);

	if (had && p != old)
		memcpy(p, old, had);
	return p;
}

static void yajl_arena_free(void *ctx, void *p)
{
	(void)ctx;
	(void)p;
}

/* yajl's own words for what it refused, without its line break. */
static void yajl_words(yajl_handle h, char *buf, size_t size)
{
	unsigned char *words = yajl_get_error(h, 0, NULL, 0);

	snprintf(buf, size, "%s", words ? (const char *)words : "syntax error");
	buf[strcspn(buf, "\n")] = '\0';
	if (words)
		yajl_free_error(h, words);
}

/* The first byte from @from that is no white space, or @len; the text need not end in a NUL. */
static size_t skip_blank(const char *text, size_t len, size_t from)
{
	while (from < len && memchr(" \t\r\n", text[from], 4))
		from++;
	return from;
}

static int build(struct builder *b)
{
	const char *why = NULL;
	size_t good = MUTATE(T68) ? b->len : json_first_forbidden(b->text, b->len, &why);
	yajl_status status = yajl_parse(b->yajl, (const unsigned char *)b->text, good);
	size_t consumed = yajl_get_bytes_consumed(b->yajl);
	size_t offset = consumed - (consumed > 0);	/* the culprit itself is counted */

	if (status == yajl_status_ok && good < b->len)
		return fail_at(b, good, NULL, "%s", why);
	/* yajl overlooks an unfinished token behind the value: {}" */
	if (status == yajl_status_ok && b->root && b->depth == 0 &&
	    skip_blank(b->text, b->len, b->end) < b->len && !MUTATE(T70))
		return fail_at(b, skip_blank(b->text, b->len, b->end), "", "trailing garbage");
	if (status == yajl_status_ok) {
		status = yajl_complete_parse(b->yajl);
		offset = b->len;
	}
	if (status != yajl_status_ok && !b->failed) {
		char words[128];

		yajl_words(b->yajl, words, sizeof(words));
		return fail_at(b, offset, NULL, "%s", words);
	}
	return !b->failed && b->root;
}

int json_parse(struct arena *a, const char *text, size_t len, struct json **ret, struct error *err)
{
	size_t offset;

	return json_parse_at(a, text, len, ret, &offset, err);
}

int json_parse_at(struct arena *a, const char *text, size_t len, struct json **ret, size_t *ret_offset,
		  struct error *err)
{
	yajl_alloc_funcs memory = {yajl_arena_alloc, yajl_arena_realloc, yajl_arena_free, a};
	struct builder b = {.arena = a, .err = err, .text = text, .len = len};
	bool done;

	*ret_offset = 0;
	if (len > JSON_MAX_TEXT && !MUTATE(T66))
		return error_set(err, E2BIG, "not valid JSON: %zu bytes, at most %u are taken", len,
				 JSON_MAX_TEXT);
	if (skip_blank(text, len, 0) == len)
		return error_set(err, EINVAL, "not valid JSON: the text is empty");
	b.yajl = yajl_alloc(&callbacks, &memory, &b);
	done = build(&b);
	yajl_free(b.yajl);
	*ret_offset = b.culprit;
	if (!done)
		return -EINVAL;
	*ret = b.root;
	return 0;
}

/* ---- access --------------------------------------------------------------------------------- */

const struct json *json_get(const struct json *object, const char *key)
{
	if (!object || object->type != JSON_OBJECT)
		return NULL;
	for (size_t i = 0; i < object->object.n; i++)
		if (str_eq(object->object.keys[i], key))
			return object->object.v[i]->type == JSON_NULL ? NULL : object->object.v[i];
	return NULL;
}
