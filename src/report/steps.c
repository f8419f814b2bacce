/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Steps as lines, `WHAT key=value key="two words" (/pointer)`, or as an array of objects. */
#include "report/steps.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/cleanup.h"
#include "util/mem.h"

void steps_init(struct steps *s, bool json)
{
	*s = (struct steps){.json = json};
	if (!json)
		return;
	json_write_init(&s->writer, true);
	json_write_array(&s->writer);
}

void steps_begin(struct steps *s, const char *what)
{
	if (!s->json) {
		strbuf_addf(&s->text, "%-14s", what);
		return;
	}
	json_write_object(&s->writer);
	json_write_key(&s->writer, "step");
	json_write_string(&s->writer, what);
}

void steps_end(struct steps *s, const char *where)
{
	if (s->json) {
		json_write_key(&s->writer, "pointer");
		json_write_string(&s->writer, where && *where ? where : NULL);
		json_write_end_object(&s->writer);
		return;
	}
	if (where && *where)
		strbuf_addf(&s->text, " (%s)", where);
	strbuf_adds(&s->text, "\n");
}

/* Foreign text, so that it cannot forge a line or a member. */
static void add_value(struct strbuf *out, const char *value)
{
	size_t size = 4 * strlen(value) + 1;
	_cleanup_free_ char *clean = xmalloc(size);
	bool quoted = !*value || strpbrk(value, " \"'\t\n,");

	str_escape(value, clean, size);
	strbuf_addf(out, quoted ? "\"%s\"" : "%s", clean);
}

void steps_text(struct steps *s, const char *key, const char *value)
{
	if (!value)
		return;
	if (s->json) {
		json_write_key(&s->writer, key);
		json_write_string(&s->writer, value);
		return;
	}
	strbuf_addf(&s->text, " %s=", key);
	add_value(&s->text, value);
}

void steps_format(struct steps *s, const char *key, const char *fmt, ...)
{
	_cleanup_free_ char *value = NULL;
	va_list ap;

	va_start(ap, fmt);
	value = xvasprintf(fmt, ap);
	va_end(ap);
	steps_text(s, key, value);
}

void steps_number(struct steps *s, const char *key, uint64_t value)
{
	if (s->json) {
		json_write_key(&s->writer, key);
		json_write_u64(&s->writer, value);
	} else {
		strbuf_addf(&s->text, " %s=%llu", key, (unsigned long long)value);
	}
}

void steps_flag(struct steps *s, const char *key, bool value)
{
	if (!value)
		return;
	if (s->json) {
		json_write_key(&s->writer, key);
		json_write_bool(&s->writer, true);
	} else {
		strbuf_addf(&s->text, " %s", key);
	}
}

void steps_list(struct steps *s, const char *key, const struct strings *list)
{
	if (!list->n)
		return;
	if (s->json) {
		json_write_key(&s->writer, key);
		json_write_strings(&s->writer, list);
		return;
	}
	for (size_t i = 0; i < list->n; i++) {
		if (i == 0)
			strbuf_addf(&s->text, " %s=", key);
		else
			strbuf_adds(&s->text, ",");
		add_value(&s->text, list->v[i]);
	}
}

void steps_one(struct steps *s, const char *what, const char *key, const char *value, const char *where)
{
	if (!value)
		return;
	steps_begin(s, what);
	steps_text(s, key, value);
	steps_end(s, where);
}

char *steps_finish(struct steps *s, size_t *ret_len)
{
	if (s->json) {
		json_write_end_array(&s->writer);
		strbuf_adds(&s->writer.out, "\n");
		return json_write_finish(&s->writer, ret_len);
	}
	*ret_len = s->text.len;
	return s->text.data ? s->text.data : xstrdup("");
}
