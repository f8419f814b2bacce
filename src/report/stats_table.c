/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of `stats`.  All text in it is ours but the ids, whose alphabet is harmless. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysinfo.h>

#include "report/stats.h"
#include "store/state.h"
#include "util/mem.h"

#define CELL_MAX 40
#define GAP 2
#define ID_LEAST 12

#define BOLD "\033[1m"
#define YELLOW "\033[33m"
#define RED "\033[31m"
#define PLAIN "\033[0m"

enum alarm { CALM, WARM, HOT };

/* ---- figures -------------------------------------------------------------------------------- */

void stats_host_read(struct stats_host *ret)
{
	struct sysinfo info;

	ret->memory = sysinfo(&info) == 0 ? (uint64_t)info.totalram * info.mem_unit : FIGURE_MAX;
}

uint64_t stats_memory_limit(const struct sample *x, const struct stats_host *host)
{
	uint64_t limit = x->figures.memory.limit;

	return limit < host->memory ? limit : host->memory;
}

uint64_t stats_memory_used(const struct sample *x)
{
	const struct figures_memory *m = &x->figures.memory;

	return m->usage > m->inactive_file ? m->usage - m->inactive_file : 0;
}

struct stats_sums stats_io(const struct sample *x)
{
	struct stats_sums sum = {0};

	for (size_t i = 0; x->has_figures && i < x->figures.io.n; i++) {
		sum.in += x->figures.io.v[i].read_bytes;
		sum.out += x->figures.io.v[i].write_bytes;
	}
	return sum;
}

struct stats_sums stats_net(const struct sample *x)
{
	struct stats_sums sum = {0};

	for (size_t i = 0; x->traffic.known && i < x->traffic.n; i++) {
		sum.in += x->traffic.v[i].in.bytes;
		sum.out += x->traffic.v[i].out.bytes;
	}
	return sum;
}

/* ---- order ---------------------------------------------------------------------------------- */

static uint64_t weight(const struct sample *x, enum stats_order order)
{
	struct stats_sums sum;

	if (order == STATS_BY_NET || order == STATS_BY_IO) {
		sum = order == STATS_BY_NET ? stats_net(x) : stats_io(x);
		return sum.in + sum.out;
	}
	if (order == STATS_BY_ID || !x->has_figures)
		return 0;
	if (order == STATS_BY_CPU)
		return (uint64_t)(x->cpu_percent + 1);
	return order == STATS_BY_MEMORY ? stats_memory_used(x) : x->figures.pids.current;
}

static int compare(const void *a, const void *b, enum stats_order order)
{
	const struct sample *x = *(struct sample *const *)a, *y = *(struct sample *const *)b;
	uint64_t u = weight(x, order), v = weight(y, order);

	return u != v ? (u < v) - (u > v) : strcmp(x->id, y->id);
}

#define COMPARE(name, order)						\
	static int name(const void *a, const void *b)			\
	{								\
		return compare(a, b, order);				\
	}

COMPARE(by_cpu, STATS_BY_CPU)
COMPARE(by_memory, STATS_BY_MEMORY)
COMPARE(by_pids, STATS_BY_PIDS)
COMPARE(by_io, STATS_BY_IO)
COMPARE(by_net, STATS_BY_NET)
COMPARE(by_id, STATS_BY_ID)

void stats_sort(struct sample **v, size_t n, enum stats_order order)
{
	static int (*const by[])(const void *a, const void *b) = {
		[STATS_BY_CPU] = by_cpu, [STATS_BY_MEMORY] = by_memory, [STATS_BY_PIDS] = by_pids,
		[STATS_BY_IO] = by_io, [STATS_BY_NET] = by_net, [STATS_BY_ID] = by_id,
	};

	if (n)
		qsort(v, n, sizeof(*v), by[order]);
}

/* ---- cells ---------------------------------------------------------------------------------- */

/* Three digits and a unit: "1.23MiB" with @base 1024, "1.23MB" with 1000. */
static void bytes(char *buf, size_t size, uint64_t v, unsigned base)
{
	static const char units[] = "kMGTPE";
	uint64_t whole = v, rest = 0;
	unsigned unit = 0;

	if (v < base) {
		snprintf(buf, size, "%uB", (unsigned)v);
		return;
	}
	for (; whole >= base && unit < 6; unit++) {
		rest = whole % base;
		whole /= base;
	}
	rest = rest * 100 / base;
	if (whole < 10)
		snprintf(buf, size, "%u.%02u", (unsigned)whole, (unsigned)rest);
	else if (whole < 100)
		snprintf(buf, size, "%u.%u", (unsigned)whole, (unsigned)rest / 10);
	else
		snprintf(buf, size, "%u", (unsigned)whole);
	unit--;
	snprintf(buf + strlen(buf), size - strlen(buf), "%c%sB", unit == 0 && base == 1024 ? 'K' : units[unit],
		 base == 1024 ? "i" : "");
}

static void pair(char *cell, uint64_t a, uint64_t b, unsigned base)
{
	char x[16], y[16];

	bytes(x, sizeof(x), a, base);
	bytes(y, sizeof(y), b, base);
	snprintf(cell, CELL_MAX, "%s / %s", x, y);
}

static void percent(char *cell, uint64_t hundredths)
{
	snprintf(cell, CELL_MAX, "%u.%02u%%", (unsigned)(hundredths / 100), (unsigned)(hundredths % 100));
}

static enum alarm above(uint64_t v, uint64_t warm, uint64_t hot)
{
	return v >= hot ? HOT : v >= warm ? WARM : CALM;
}

static enum alarm cell_cpu(const struct sample *x, const struct stats_host *host, char *cell)
{
	const struct figures_cpu *c = &x->figures.cpu;
	uint64_t most;

	(void)host;
	if (!x->has_figures || x->cpu_percent < 0)
		return CALM;
	percent(cell, (uint64_t)x->cpu_percent);
	if (c->quota_us == FIGURE_MAX || !c->period_us)
		return CALM;
	most = c->quota_us * 10000 / c->period_us;
	return above((uint64_t)x->cpu_percent, most * 8 / 10, most * 95 / 100);
}

static enum alarm cell_memory(const struct sample *x, const struct stats_host *host, char *cell)
{
	if (x->has_figures && x->figures.memory.known)
		pair(cell, stats_memory_used(x), stats_memory_limit(x, host), 1024);
	return CALM;
}

static enum alarm cell_memory_percent(const struct sample *x, const struct stats_host *host, char *cell)
{
	uint64_t limit = stats_memory_limit(x, host), v;

	if (!x->has_figures || !x->figures.memory.known || !limit)
		return CALM;
	v = (uint64_t)((unsigned __int128)stats_memory_used(x) * 10000 / limit);
	percent(cell, v);
	return above(v, 8000, 9500);
}

static enum alarm cell_pids(const struct sample *x, const struct stats_host *host, char *cell)
{
	const struct figures_pids *p = &x->figures.pids;

	(void)host;
	if (!x->has_figures || !p->known)
		return CALM;
	if (p->limit == FIGURE_MAX) {
		snprintf(cell, CELL_MAX, "%llu", (unsigned long long)p->current);
		return CALM;
	}
	snprintf(cell, CELL_MAX, "%llu/%llu", (unsigned long long)p->current, (unsigned long long)p->limit);
	return above(p->current, p->limit - p->limit / 5, p->limit);
}

static size_t add_pressure(char *cell, size_t at, const struct figures_pressure *p)
{
	const char *slash = at ? "/" : "";
	int n;

	if (p->known)
		n = snprintf(cell + at, CELL_MAX - at, "%s%u.%u", slash, p->some.avg10 / 100, p->some.avg10 / 10 % 10);
	else
		n = snprintf(cell + at, CELL_MAX - at, "%s-", slash);
	return at + (size_t)n;
}

static enum alarm cell_pressure(const struct sample *x, const struct stats_host *host, char *cell)
{
	const struct cgroup_figures *f = &x->figures;
	uint32_t most = f->cpu.pressure.some.avg10;
	size_t at;

	(void)host;
	if (!x->has_figures || !(f->cpu.pressure.known || f->memory.pressure.known || f->io.pressure.known))
		return CALM;
	at = add_pressure(cell, 0, &f->cpu.pressure);
	at = add_pressure(cell, at, &f->memory.pressure);
	add_pressure(cell, at, &f->io.pressure);
	if (f->memory.pressure.some.avg10 > most)
		most = f->memory.pressure.some.avg10;
	if (f->io.pressure.some.avg10 > most)
		most = f->io.pressure.some.avg10;
	return above(most, 2000, 5000);
}

static enum alarm cell_io(const struct sample *x, const struct stats_host *host, char *cell)
{
	struct stats_sums sum = stats_io(x);

	(void)host;
	if (x->has_figures && x->figures.io.known)
		pair(cell, sum.in, sum.out, 1000);
	return CALM;
}

static enum alarm cell_net(const struct sample *x, const struct stats_host *host, char *cell)
{
	struct stats_sums sum = stats_net(x);

	(void)host;
	if (x->traffic.known)
		pair(cell, sum.in, sum.out, 1000);
	return CALM;
}

static enum alarm cell_status(const struct sample *x, const struct stats_host *host, char *cell)
{
	(void)host;
	snprintf(cell, CELL_MAX, "%s", container_status_names[x->status]);
	return CALM;
}

/* Behind the id; the most wanted first, as what does not fit is left out from the end. */
static const struct column {
	const char *title;
	unsigned width;			/* at least */
	enum alarm (*cell)(const struct sample *x, const struct stats_host *host, char *cell);
} columns[] = {
	{"CPU %", 7, cell_cpu}, {"MEM USAGE / LIMIT", 17, cell_memory}, {"MEM %", 7, cell_memory_percent},
	{"PIDS", 5, cell_pids}, {"PSI C/M/I", 11, cell_pressure}, {"BLOCK I/O", 15, cell_io},
	{"NET I/O", 15, cell_net}, {"STATUS", 7, cell_status},
};

#define N_COLUMNS ARRAY_SIZE(columns)

/* ---- the table ------------------------------------------------------------------------------ */

struct row {
	char cell[N_COLUMNS][CELL_MAX];
	enum alarm alarm[N_COLUMNS];
};

struct layout {
	unsigned id, wide[N_COLUMNS];
	size_t n;			/* columns shown */
};

static void fill(struct row *r, const struct sample *x, const struct stats_host *host)
{
	for (size_t i = 0; i < N_COLUMNS; i++) {
		strcpy(r->cell[i], "-");
		r->alarm[i] = columns[i].cell(x, host, r->cell[i]);
	}
}

/* All as wide as it takes; of a narrow page the last columns are left out, and then the id is cut. */
static struct layout lay_out(const struct row *rows, struct sample *const *v, size_t n, const struct stats_page *page)
{
	struct layout l = {.id = 2};
	unsigned used, least, most;

	for (size_t i = 0; i < n; i++)
		if (strlen(v[i]->id) > l.id)
			l.id = (unsigned)strlen(v[i]->id);
	for (size_t c = 0; c < N_COLUMNS; c++) {
		l.wide[c] = columns[c].width;
		for (size_t i = 0; i < n; i++)
			if (strlen(rows[i].cell[c]) > l.wide[c])
				l.wide[c] = (unsigned)strlen(rows[i].cell[c]);
	}
	l.n = N_COLUMNS;
	if (!page->columns)
		return l;
	least = l.id < ID_LEAST ? l.id : ID_LEAST;
	for (used = least, l.n = 0; l.n < N_COLUMNS && used + GAP + l.wide[l.n] <= page->columns; l.n++)
		used += GAP + l.wide[l.n];
	most = page->columns > used ? least + page->columns - used : least;
	if (most > page->columns)
		most = page->columns;
	if (l.id > most)
		l.id = most;
	return l;
}

static void add_cell(struct strbuf *out, const char *text, unsigned wide, enum alarm alarm, bool colour)
{
	if (colour && alarm != CALM)
		strbuf_adds(out, alarm == HOT ? RED : YELLOW);
	strbuf_addf(out, "%*s", (int)wide, text);
	if (colour && alarm != CALM)
		strbuf_adds(out, PLAIN);
}

static void add_header(struct strbuf *out, const struct layout *l, const struct stats_page *page)
{
	if (page->colour)
		strbuf_adds(out, BOLD);
	strbuf_addf(out, "%-*.*s", (int)l->id, (int)l->id, "ID");
	for (size_t c = 0; c < l->n; c++)
		strbuf_addf(out, "%*s%*s", GAP, "", (int)l->wide[c], columns[c].title);
	if (page->colour)
		strbuf_adds(out, PLAIN);
	strbuf_adds(out, page->line_end);
}

void stats_table(struct strbuf *out, struct sample *const *v, size_t n, const struct stats_host *host,
		 const struct stats_page *page)
{
	struct row *rows = xcalloc(n + 1, sizeof(*rows));
	struct layout l;
	size_t shown = n;

	for (size_t i = 0; i < n; i++)
		fill(&rows[i], v[i], host);
	l = lay_out(rows, v, n, page);
	add_header(out, &l, page);
	if (page->lines && n + 1 > page->lines)
		shown = page->lines > 2 ? page->lines - 2 : 0;
	for (size_t i = 0; i < shown; i++) {
		strbuf_addf(out, "%-*.*s", (int)l.id, (int)l.id, v[i]->id);
		for (size_t c = 0; c < l.n; c++) {
			strbuf_addf(out, "%*s", GAP, "");
			add_cell(out, rows[i].cell[c], l.wide[c], rows[i].alarm[c], page->colour);
		}
		strbuf_adds(out, page->line_end);
	}
	if (shown < n && page->lines > 1)
		strbuf_addf(out, "%zu more%s", n - shown, page->line_end);
	free(rows);
}
