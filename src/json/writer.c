/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON out.  What is written is one valid document, whatever bytes the strings hold (rule R19). */
#include "json/writer.h"

#include <stdio.h>

void json_write_init(struct json_writer *w, bool pretty)
{
	*w = (struct json_writer){.pretty = pretty, .first = true};
}

static void newline(struct json_writer *w)
{
	static const char spaces[] = "                                ";

	if (!w->pretty)
		return;
	strbuf_add(&w->out, "\n", 1);
	for (unsigned left = 2 * w->depth; left > 0;) {
		unsigned n = left < sizeof(spaces) - 1 ? left : (unsigned)sizeof(spaces) - 1;

		strbuf_add(&w->out, spaces, n);
		left -= n;
	}
}

/* What goes between the item before and the one that comes now. */
static void separate(struct json_writer *w)
{
	if (w->after_key) {
		w->after_key = false;
		return;
	}
	if (!w->first)
		strbuf_add(&w->out, ",", 1);
	if (w->depth > 0)
		newline(w);
	w->first = false;
}

static void open_with(struct json_writer *w, const char *bracket)
{
	separate(w);
	strbuf_add(&w->out, bracket, 1);
	w->depth++;
	w->first = true;
}

static void close_with(struct json_writer *w, const char *bracket)
{
	w->depth--;
	if (!w->first)
		newline(w);
	strbuf_add(&w->out, bracket, 1);
	w->first = false;
}

void json_write_object(struct json_writer *w)
{
	open_with(w, "{");
}

void json_write_end_object(struct json_writer *w)
{
	close_with(w, "}");
}

void json_write_array(struct json_writer *w)
{
	open_with(w, "[");
}

void json_write_end_array(struct json_writer *w)
{
	close_with(w, "]");
}

/*
 * How @p (with @left bytes) is written: the number of bytes taken, and in @out the escape, or ""
 * when they are written as they are.  C1 characters are escaped too: terminals obey them.
 */
static size_t escape(const char *p, size_t left, char out[8])
{
	static const char names[] = "btn\0fr";		/* from 0x08 */
	unsigned char c = (unsigned char)*p;
	size_t n;

	out[0] = '\0';
	if (c == '"' || c == '\\')
		snprintf(out, 8, "\\%c", c);
	else if (c >= 0x08 && c <= 0x0d && c != 0x0b)
		snprintf(out, 8, "\\%c", names[c - 8]);
	else if (c < 0x20 || c == 0x7f)
		snprintf(out, 8, "\\u%04x", c);
	if (c < 0x80)
		return 1;
	n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	if (n > left || !str_utf8_valid(p, n)) {
		snprintf(out, 8, "\\ufffd");
		return 1;
	}
	if (c == 0xc2 && (unsigned char)p[1] < 0xa0)
		snprintf(out, 8, "\\u%04x", (unsigned char)p[1]);
	return n;
}

static void add_quoted(struct json_writer *w, const char *s)
{
	size_t left = strlen(s), plain = 0;
	char esc[8];

	strbuf_add(&w->out, "\"", 1);
	while (plain < left) {
		size_t n = escape(s + plain, left - plain, esc);

		if (!esc[0]) {
			plain += n;
			continue;
		}
		strbuf_add(&w->out, s, plain);
		strbuf_adds(&w->out, esc);
		s += plain + n;
		left -= plain + n;
		plain = 0;
	}
	strbuf_add(&w->out, s, plain);
	strbuf_add(&w->out, "\"", 1);
}

void json_write_key(struct json_writer *w, const char *key)
{
	separate(w);
	add_quoted(w, key);
	strbuf_adds(&w->out, w->pretty ? ": " : ":");
	w->after_key = true;
}

void json_write_string(struct json_writer *w, const char *s)
{
	separate(w);
	if (s)
		add_quoted(w, s);
	else
		strbuf_adds(&w->out, "null");
}

static void add_number(struct json_writer *w, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + v % 10);
	while (v /= 10);
	strbuf_add(&w->out, digits + at, sizeof(digits) - at);
}

void json_write_i64(struct json_writer *w, int64_t v)
{
	separate(w);
	if (v < 0)
		strbuf_add(&w->out, "-", 1);
	add_number(w, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void json_write_literal(struct json_writer *w, const char *text)
{
	separate(w);
	strbuf_adds(&w->out, text);
}

void json_write_u64(struct json_writer *w, uint64_t v)
{
	separate(w);
	add_number(w, v);
}

void json_write_hundredths(struct json_writer *w, int64_t v)
{
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	unsigned rest = (unsigned)(u % 100);
	char fraction[4] = {'.', (char)('0' + rest / 10), (char)('0' + rest % 10)};

	separate(w);
	if (v < 0)
		strbuf_add(&w->out, "-", 1);
	add_number(w, u / 100);
	if (rest)
		strbuf_add(&w->out, fraction, rest % 10 ? 3 : 2);
}

void json_write_bool(struct json_writer *w, bool v)
{
	separate(w);
	strbuf_adds(&w->out, v ? "true" : "false");
}

void json_write_key_values(struct json_writer *w, const struct key_values *kv)
{
	json_write_object(w);
	for (size_t i = 0; i < kv->n; i++) {
		json_write_key(w, kv->v[i].key);
		json_write_string(w, kv->v[i].value);
	}
	json_write_end_object(w);
}

void json_write_strings(struct json_writer *w, const struct strings *s)
{
	json_write_array(w);
	for (size_t i = 0; i < s->n; i++)
		json_write_string(w, s->v[i]);
	json_write_end_array(w);
}

char *json_write_finish(struct json_writer *w, size_t *ret_len)
{
	char *text;

	strbuf_add(&w->out, "", 0);	/* so that even nothing is a string */
	text = w->out.data;
	if (ret_len)
		*ret_len = w->out.len;
	w->out = (struct strbuf){0};
	return text;
}
