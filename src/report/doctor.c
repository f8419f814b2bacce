/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `doctor`: what this machine has of all that containers may need, a line for each, and what to do where it lacks
 * something.  Nothing is changed, and nothing of it takes privileges.  Runs on the host.
 */
#include "report/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "json/writer.h"
#include "report/report.h"
#include "util/fd.h"
#include "util/str.h"

static __attribute__((format(printf, 2, 0))) char *text_of(struct arena *a, const char *fmt, va_list ap)
{
	char text[1024], clean[2048];

	vsnprintf(text, sizeof(text), fmt, ap);
	return arena_strdup(a, str_escape(text, clean, sizeof(clean)));
}

void doctor_ok(struct doctor *d, const char *id, const char *fmt, ...)
{
	struct fact f = {.id = id};
	va_list ap;

	va_start(ap, fmt);
	f.is = text_of(d->arena, fmt, ap);
	va_end(ap);
	arena_push(d->arena, d->v, d->n) = f;
}

void doctor_todo(struct doctor *d, const char *id, const char *is, const char *fmt, ...)
{
	struct fact f = {.id = id, .is = is};
	va_list ap;

	va_start(ap, fmt);
	f.todo = text_of(d->arena, fmt, ap);
	va_end(ap);
	arena_push(d->arena, d->v, d->n) = f;
}

void doctor_need(struct doctor *d)
{
	d->v[d->n - 1].needed = true;
}

static void add_text(struct strbuf *out, const struct doctor *d)
{
	for (const struct fact *f = d->v; f < d->v + d->n; f++)
		strbuf_addf(out, "%-5s %-18s %s%s%s\n", f->todo ? "todo" : "ok", f->id, f->is, f->todo ? ": " : "",
			    f->todo ? f->todo : "");
}

static void add_json(struct strbuf *out, const struct doctor *d)
{
	struct json_writer w;

	json_write_init(&w, true);
	json_write_array(&w);
	for (const struct fact *f = d->v; f < d->v + d->n; f++) {
		json_write_object(&w);
		json_write_key(&w, "id");
		json_write_string(&w, f->id);
		json_write_key(&w, "ok");
		json_write_bool(&w, !f->todo);
		json_write_key(&w, "needed");
		json_write_bool(&w, f->needed);
		json_write_key(&w, "fact");
		json_write_string(&w, f->is);
		if (f->todo) {
			json_write_key(&w, "todo");
			json_write_string(&w, f->todo);
		}
		json_write_end_object(&w);
	}
	json_write_end_array(&w);
	strbuf_add(out, w.out.data, w.out.len);
	strbuf_adds(out, "\n");
	strbuf_free(&w.out);
}

static bool lacks_what_it_needs(const struct doctor *d)
{
	for (const struct fact *f = d->v; f < d->v + d->n; f++)
		if (f->needed && f->todo)
			return true;
	return false;
}

int report_doctor(const struct global_options *g, bool json, int *ret_status, struct error *err)
{
	struct doctor d = {.arena = arena_new(), .global = g};
	struct strbuf out = {0};
	int r;

	host_probe(d.arena, false, &d.host);
	doctor_kernel(&d);
	doctor_cgroup(&d);
	doctor_caller(&d);
	doctor_limits(&d);
	doctor_engines(&d);
	if (json)
		add_json(&out, &d);
	else
		add_text(&out, &d);
	*ret_status = lacks_what_it_needs(&d);
	r = fd_write_all(STDOUT_FILENO, out.data, out.len);
	if (r < 0)
		error_errno(err, r, "write to stdout");
	strbuf_free(&out);
	arena_free(d.arena);
	return r;
}
