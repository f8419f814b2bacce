/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Complete events of the Trace Event Format: ours, or those of another program.  Its bytes are not trusted. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "json/tree.h"
#include "report/trace.h"
#include "util/input.h"

#define ROWS_MAX 10000
#define TIME_MAX INT64_C(1000000000000000)	/* microseconds: 30 years */

/* "12.345" microseconds, from 0 on. */
static bool read_time(const struct json *v, int64_t *ret_ns)
{
	uint64_t whole = 0, part = 0, unit = 1000;
	const char *s = v && v->type == JSON_NUMBER ? v->number : "";

	if (*s < '0' || *s > '9')
		return false;
	for (; *s >= '0' && *s <= '9' && whole < TIME_MAX; s++)
		whole = whole * 10 + (uint64_t)(*s - '0');
	if (*s == '.')
		for (s++; *s >= '0' && *s <= '9'; s++)
			if (unit > 1)
				part += (uint64_t)(*s - '0') * (unit /= 10);
	*ret_ns = (int64_t)(whole * 1000 + part);
	return *s == '\0' && whole < TIME_MAX;
}

static const char *text_of(const struct json *event, const char *key)
{
	const struct json *v = json_get(event, key);

	return v && v->type == JSON_STRING ? v->string.data : "";
}

static bool same_number(const struct json *a, const struct json *b)
{
	return a && b && a->type == JSON_NUMBER && b->type == JSON_NUMBER && str_eq(a->number, b->number);
}

/* What the file calls the thread of @event. */
static const char *lane_of(const struct json *events, const struct json *event)
{
	for (size_t i = 0; i < events->array.n && i < 64; i++) {
		const struct json *e = events->array.v[i], *args;

		if (e->type != JSON_OBJECT || !str_eq(text_of(e, "name"), "thread_name") ||
		    !same_number(json_get(e, "tid"), json_get(event, "tid")) ||
		    !same_number(json_get(e, "pid"), json_get(event, "pid")))
			continue;
		args = json_get(e, "args");
		return args && args->type == JSON_OBJECT ? text_of(args, "name") : "";
	}
	return "";
}

static int by_begin(const void *a, const void *b)
{
	const struct trace_row *one = a, *other = b;

	if (one->begin_ns != other->begin_ns)
		return one->begin_ns < other->begin_ns ? -1 : 1;
	return one->length_ns > other->length_ns ? -1 : one->length_ns < other->length_ns;
}

/* Of those before it in its lane, which end at its end or later. */
static void find_depths(struct trace_rows *t)
{
	for (size_t i = 0; i < t->n; i++) {
		struct trace_row *row = &t->v[i];

		for (size_t j = i; j-- > 0;) {
			const struct trace_row *outer = &t->v[j];

			if (!str_eq(outer->lane, row->lane) || outer->begin_ns + outer->length_ns <= row->begin_ns)
				continue;
			row->depth = outer->depth + 1;
			break;
		}
	}
}

static int take_events(struct arena *a, const struct json *events, struct trace_rows *t, struct error *err)
{
	for (size_t i = 0; i < events->array.n && t->n < ROWS_MAX; i++) {
		const struct json *e = events->array.v[i];
		struct trace_row row = {0};

		if (e->type != JSON_OBJECT || !str_eq(text_of(e, "ph"), "X") ||
		    !read_time(json_get(e, "ts"), &row.begin_ns) || !read_time(json_get(e, "dur"), &row.length_ns))
			continue;
		row.name = text_of(e, "name");
		row.lane = lane_of(events, e);
		arena_push(a, t->v, t->n) = row;
	}
	return t->n < ROWS_MAX ? 0 : error_set(err, E2BIG, "%d events or more are too many to be drawn", ROWS_MAX);
}

int trace_read(struct arena *a, const char *path, struct trace_rows *ret, struct error *err)
{
	const char *name = input_path(path);
	const struct json *events;
	struct json *tree;
	char *text;
	ssize_t n = input_read(a, AT_FDCWD, name, JSON_MAX_TEXT, &text);
	int r;

	if (n < 0)
		return error_errno(err, (int)n, "read the trace %s", path);
	r = json_parse(a, text, (size_t)n, &tree, err);
	if (r < 0)
		return error_in(err, "the trace %s", path);
	events = tree->type == JSON_OBJECT ? json_get(tree, "traceEvents") : tree;
	*ret = (struct trace_rows){.end_ns = 1};
	if (events && events->type == JSON_ARRAY)
		r = take_events(a, events, ret, err);
	if (r < 0)
		return error_in(err, "the trace %s", path);
	if (ret->n == 0)
		return error_set(err, EINVAL, "%s has no complete trace events, as `orlop --trace FILE` writes them",
				 path);
	qsort(ret->v, ret->n, sizeof(*ret->v), by_begin);
	find_depths(ret);
	for (size_t i = ret->n; i-- > 0;) {
		struct trace_row *row = &ret->v[i];

		row->begin_ns -= ret->v[0].begin_ns;
		if (row->begin_ns + row->length_ns > ret->end_ns)
			ret->end_ns = row->begin_ns + row->length_ns;
	}
	return 0;
}
