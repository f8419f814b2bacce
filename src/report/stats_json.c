/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Figures for programs.  Bytes and microseconds; no limit is null, and so is a part that is not known. */
#include "json/writer.h"
#include "report/stats.h"

static void number(struct json_writer *w, const char *key, uint64_t v)
{
	json_write_key(w, key);
	json_write_u64(w, v);
}

static void limit(struct json_writer *w, const char *key, uint64_t v)
{
	json_write_key(w, key);
	if (v == FIGURE_MAX)
		json_write_string(w, NULL);
	else
		json_write_u64(w, v);
}

/* The object of a part, or null: then there is nothing to write. */
static bool begin(struct json_writer *w, const char *key, bool known)
{
	json_write_key(w, key);
	if (known)
		json_write_object(w);
	else
		json_write_string(w, NULL);
	return known;
}

static void pressure_line(struct json_writer *w, const char *key, const struct figures_pressure_line *l)
{
	json_write_key(w, key);
	json_write_object(w);
	json_write_key(w, "avg10");
	json_write_hundredths(w, l->avg10);
	json_write_key(w, "avg60");
	json_write_hundredths(w, l->avg60);
	json_write_key(w, "avg300");
	json_write_hundredths(w, l->avg300);
	number(w, "total", l->total_us);
	json_write_end_object(w);
}

static void pressure(struct json_writer *w, const struct figures_pressure *p)
{
	if (!begin(w, "pressure", p->known))
		return;
	pressure_line(w, "some", &p->some);
	pressure_line(w, "full", &p->full);
	json_write_end_object(w);
}

static void cpu(struct json_writer *w, const struct sample *x)
{
	const struct figures_cpu *c = &x->figures.cpu;

	if (!begin(w, "cpu", x->has_figures))
		return;
	json_write_key(w, "percent");
	if (x->cpu_percent < 0)
		json_write_string(w, NULL);
	else
		json_write_hundredths(w, x->cpu_percent);
	number(w, "usage", c->usage_us);
	number(w, "user", c->user_us);
	number(w, "system", c->system_us);
	number(w, "periods", c->periods);
	number(w, "throttledPeriods", c->throttled_periods);
	number(w, "throttled", c->throttled_us);
	limit(w, "quota", c->quota_us);
	limit(w, "period", c->period_us ? c->period_us : FIGURE_MAX);
	pressure(w, &c->pressure);
	json_write_end_object(w);
}

static void memory(struct json_writer *w, const struct sample *x)
{
	const struct figures_memory *m = &x->figures.memory;

	if (!begin(w, "memory", x->has_figures && m->known))
		return;
	number(w, "usage", m->usage);
	number(w, "workingSet", stats_memory_used(x));
	limit(w, "limit", m->limit);
	number(w, "peak", m->peak);
	number(w, "file", m->file);
	number(w, "anon", m->anon);
	number(w, "oomKills", m->oom_kills);
	pressure(w, &m->pressure);
	json_write_end_object(w);
}

static void swap(struct json_writer *w, const struct sample *x)
{
	if (!begin(w, "swap", x->has_figures && x->figures.swap.known))
		return;
	number(w, "usage", x->figures.swap.usage);
	limit(w, "limit", x->figures.swap.limit);
	json_write_end_object(w);
}

static void pids(struct json_writer *w, const struct sample *x)
{
	if (!begin(w, "pids", x->has_figures && x->figures.pids.known))
		return;
	number(w, "current", x->figures.pids.current);
	limit(w, "limit", x->figures.pids.limit);
	json_write_end_object(w);
}

static void io(struct json_writer *w, const struct sample *x)
{
	const struct figures_io *f = &x->figures.io;

	if (!begin(w, "io", x->has_figures && f->known))
		return;
	json_write_key(w, "devices");
	json_write_array(w);
	for (size_t i = 0; i < f->n; i++) {
		json_write_object(w);
		number(w, "major", f->v[i].major);
		number(w, "minor", f->v[i].minor);
		number(w, "readBytes", f->v[i].read_bytes);
		number(w, "writeBytes", f->v[i].write_bytes);
		number(w, "reads", f->v[i].reads);
		number(w, "writes", f->v[i].writes);
		json_write_end_object(w);
	}
	json_write_end_array(w);
	pressure(w, &f->pressure);
	json_write_end_object(w);
}

static void counters(struct json_writer *w, const char *key, const struct traffic_counters *c)
{
	json_write_key(w, key);
	json_write_object(w);
	number(w, "bytes", c->bytes);
	number(w, "packets", c->packets);
	number(w, "errors", c->errors);
	number(w, "dropped", c->dropped);
	json_write_end_object(w);
}

static void network(struct json_writer *w, const struct sample *x)
{
	if (!begin(w, "network", x->traffic.known))
		return;
	for (size_t i = 0; i < x->traffic.n; i++) {
		json_write_key(w, x->traffic.v[i].name);
		json_write_object(w);
		counters(w, "received", &x->traffic.v[i].in);
		counters(w, "transmitted", &x->traffic.v[i].out);
		json_write_end_object(w);
	}
	json_write_end_object(w);
}

void stats_json(struct strbuf *out, struct sample *const *v, size_t n)
{
	struct json_writer w;
	size_t len;
	char *text;

	json_write_init(&w, false);
	json_write_array(&w);
	for (size_t i = 0; i < n; i++) {
		json_write_object(&w);
		json_write_key(&w, "id");
		json_write_string(&w, v[i]->id);
		json_write_key(&w, "status");
		json_write_string(&w, container_status_names[v[i]->status]);
		number(&w, "pid", (uint64_t)v[i]->c.state.init.pid);
		cpu(&w, v[i]);
		memory(&w, v[i]);
		swap(&w, v[i]);
		pids(&w, v[i]);
		io(&w, v[i]);
		network(&w, v[i]);
		json_write_end_object(&w);
	}
	json_write_end_array(&w);
	text = json_write_finish(&w, &len);
	strbuf_add(out, text, len);
	strbuf_adds(out, "\n");
	free(text);
}
