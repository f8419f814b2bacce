/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was found, for people as compilers print it, and as JSON. */
#include "report/check.h"

#include <stdlib.h>

#include "config/sections.h"
#include "json/writer.h"
#include "util/cleanup.h"

/* The rule is about what is written, not about a host. */
static const char *rule_of(const struct finding *f)
{
	return f->error.where[0] ? config_section(f->error.where) : NULL;
}

/* Foreign text, so that it cannot forge a line. */
static void add_clean(struct strbuf *out, const char *s)
{
	size_t size = 4 * strlen(s) + 1;
	_cleanup_free_ char *buf = xmalloc(size);

	strbuf_adds(out, str_escape(s, buf, size));
}

static void add_finding(const struct check *c, const struct finding *f, struct strbuf *out)
{
	const char *rule = rule_of(f);

	add_clean(out, c->bundle.name);
	if (f->line)
		strbuf_addf(out, ":%u:%u", f->line, f->column);
	strbuf_adds(out, f->warning ? ": warning: " : ": error: ");
	if (f->error.where[0]) {
		add_clean(out, f->error.where);
		strbuf_adds(out, ": ");
	}
	add_clean(out, f->error.text);
	if (rule)
		strbuf_addf(out, " [%s]", rule);
	strbuf_adds(out, "\n");
}

static size_t warnings(const struct check *c)
{
	return c->all.n + c->all.left_out - c->all.errors;
}

void check_write_text(const struct check *c, struct strbuf *out)
{
	for (size_t i = 0; i < c->all.n; i++)
		add_finding(c, &c->all.v[i], out);
	if (c->all.left_out)
		strbuf_addf(out, "%zu more are left out\n", c->all.left_out);
	if (c->all.n)
		strbuf_addf(out, "errors: %zu, warnings: %zu\n", c->all.errors, warnings(c));
	if (!c->plan)
		strbuf_adds(out, "host and root file system are looked at when the configuration has no errors\n");
}

static void write_member(struct json_writer *w, const char *key, const char *value)
{
	json_write_key(w, key);
	json_write_string(w, value);
}

static void write_place(struct json_writer *w, const char *key, unsigned n)
{
	json_write_key(w, key);
	if (n)
		json_write_u64(w, n);
	else
		json_write_string(w, NULL);
}

static void write_finding(struct json_writer *w, const struct finding *f)
{
	char hint[ERROR_TEXT_MAX];

	json_write_object(w);
	write_member(w, "severity", f->warning ? "warning" : "error");
	write_member(w, "topic", f->topic);
	write_member(w, "pointer", f->error.where);
	write_place(w, "line", f->line);
	write_place(w, "column", f->column);
	write_member(w, "rule", rule_of(f));
	write_member(w, "message", f->error.text);
	write_member(w, "hint", *error_hint_text(&f->error, hint, sizeof(hint)) ? hint : NULL);
	json_write_end_object(w);
}

void check_write_json(const struct check *c, struct strbuf *out)
{
	_cleanup_free_ char *text = NULL;
	struct json_writer w;
	size_t len;

	json_write_init(&w, true);
	json_write_object(&w);
	write_member(&w, "bundle", c->bundle.path);
	write_member(&w, "config", c->bundle.name);
	json_write_key(&w, "errors");
	json_write_u64(&w, c->all.errors);
	json_write_key(&w, "warnings");
	json_write_u64(&w, warnings(c));
	json_write_key(&w, "complete");		/* host and root file system were looked at, too */
	json_write_bool(&w, c->plan != NULL);
	json_write_key(&w, "findings");
	json_write_array(&w);
	for (size_t i = 0; i < c->all.n; i++)
		write_finding(&w, &c->all.v[i]);
	json_write_end_array(&w);
	json_write_end_object(&w);
	text = json_write_finish(&w, &len);
	strbuf_add(out, text, len);
	strbuf_adds(out, "\n");
}
