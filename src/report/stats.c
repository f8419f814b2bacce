/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `stats`: looks, and shows what it saw: once, line after line, or as a page on the terminal.  Runs on the host. */
#include <errno.h>
#include <poll.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "report/stats.h"
#include "report/terminal.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/fd.h"
#include "util/mem.h"

struct view {
	const struct stats_options *o;
	enum stats_order order;		/* as keys changed it */
	struct sampling *sampling;
	struct stats_host host;
	struct sample **v;
	size_t n;
};

static void view_done(struct view *w)
{
	sampling_close(w->sampling);
}

static int look(struct view *w, struct error *err)
{
	int r = sampling_look(w->sampling, err);

	if (r < 0)
		return r;
	w->n = sampling_list(w->sampling, &w->v);
	stats_sort(w->v, w->n, w->order);
	return 0;
}

/* Of those that were named none runs any more. */
static bool at_end(const struct view *w)
{
	return w->o->ids.n && w->n == 0;
}

static void format(struct view *w, struct strbuf *out)
{
	static const struct stats_page endless = {.line_end = "\n"};

	if (w->o->format == STATS_OPENMETRICS)
		stats_openmetrics(out, w->v, w->n);
	else if (w->o->format == STATS_JSON)
		stats_json(out, w->v, w->n);
	else
		stats_table(out, w->v, w->n, &w->host, &endless);
}

static int print(struct view *w, struct error *err)
{
	_cleanup_(strbuf_free) struct strbuf out = {0};
	int r;

	format(w, &out);
	r = fd_write_all(STDOUT_FILENO, out.data, out.len);
	return r < 0 ? error_errno(err, r, "write to the standard output") : 0;
}

/* 1 when nobody reads any more. */
static int wait_until(int64_t until_ms)
{
	struct pollfd output = {.fd = STDOUT_FILENO};
	int64_t left;

	while ((left = until_ms - clock_now_ms()) > 0)
		if (poll(&output, 1, left > INT_MAX ? INT_MAX : (int)left) > 0 &&
		    output.revents & (POLLERR | POLLHUP | POLLNVAL))
			return 1;
	return 0;
}

/* ---- to a file or a pipe -------------------------------------------------------------------- */

static int print_again_and_again(struct view *w, struct error *err)
{
	int64_t next = clock_now_ms();
	bool first = true;
	int r;

	for (;;) {
		next += w->o->interval_ms;
		if (next < clock_now_ms())
			next = clock_now_ms() + w->o->interval_ms;
		if (wait_until(next))
			return 0;
		r = look(w, err);
		if (r < 0 || at_end(w))
			return r;
		if (w->o->format == STATS_TABLE && !first)
			r = fd_write_all(STDOUT_FILENO, "\n", 1);
		first = false;
		if (r == 0)
			r = print(w, err);
		if (r < 0)
			return r;
	}
}

/* What was used between two looks is known only after the second. */
static int print_once(struct view *w, struct error *err)
{
	int r = 0;

	if (w->o->format != STATS_OPENMETRICS) {
		wait_until(clock_now_ms() + w->o->interval_ms);
		r = look(w, err);
	}
	return r < 0 ? r : print(w, err);
}

/* ---- to a terminal -------------------------------------------------------------------------- */

static const struct {
	char key;
	enum stats_order order;
	const char *name;
} keys[] = {
	{'c', STATS_BY_CPU, "cpu"}, {'m', STATS_BY_MEMORY, "memory"}, {'p', STATS_BY_PIDS, "pids"},
	{'b', STATS_BY_IO, "block i/o"}, {'n', STATS_BY_NET, "net i/o"}, {'i', STATS_BY_ID, "id"},
};

static void add_first_line(const struct view *w, struct strbuf *out, unsigned columns)
{
	_cleanup_(strbuf_free) struct strbuf line = {0};

	strbuf_addf(&line, "%zu container%s; sorted by", w->n, w->n == 1 ? "" : "s");
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].order == w->order)
			strbuf_addf(&line, " %s", keys[i].name);
	strbuf_adds(&line, "; keys:");
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		strbuf_addf(&line, " %c %s,", keys[i].key, keys[i].name);
	strbuf_adds(&line, " q end");
	strbuf_addf(out, "%.*s%s", (int)columns, line.data, TERMINAL_LINE_END);
}

static int draw(struct view *w, struct error *err)
{
	_cleanup_(strbuf_free) struct strbuf out = {0};
	struct stats_page page = {.colour = terminal_has_colours(), .line_end = TERMINAL_LINE_END};

	terminal_size(&page.columns, &page.lines);
	if (page.lines > 1) {
		add_first_line(w, &out, page.columns);
		page.lines--;
	}
	stats_table(&out, w->v, w->n, &w->host, &page);
	out.len -= strlen("\r\n");	/* the last line would scroll */
	return terminal_draw(&out, err);
}

static void take_key(struct view *w, int key)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].key == key)
			w->order = keys[i].order;
	stats_sort(w->v, w->n, w->order);
}

/* 0, an exit status, or an error. */
static int show_page(struct view *w, struct terminal *t, struct error *err)
{
	int64_t next = clock_now_ms();
	int r = 0, sig = 0;

	while (r == 0) {
		int what;

		r = draw(w, err);
		if (r < 0)
			return r;
		if (next <= clock_now_ms())
			next = clock_now_ms() + w->o->interval_ms;
		what = terminal_wait(t, next, &sig);
		if (what == 'q' || what == 'Q')
			return 0;
		if (what == TERMINAL_END)
			return sig == SIGINT ? 0 : 128 + sig;
		if (what > 0)
			take_key(w, what);
		if (what != TERMINAL_TIMEOUT)
			continue;
		r = look(w, err);
		if (r == 0 && at_end(w))
			return 0;
	}
	return r;
}

static int show(struct view *w, struct error *err)
{
	struct terminal *t;
	int r = terminal_open(&t, err);

	if (r < 0)
		return r;
	r = show_page(w, t, err);
	terminal_close(t);
	return r;
}

int report_stats(const struct global_options *g, const struct stats_options *o, struct error *err)
{
	_cleanup_(view_done) struct view w = {.o = o, .order = o->order};
	bool all = o->format != STATS_TABLE;
	int r = sampling_open(g, &o->ids, all ? FIGURES_ALL : FIGURES_LIVE, &w.sampling, err);

	if (r < 0)
		return r;
	stats_host_read(&w.host);
	r = look(&w, err);
	if (r < 0)
		return r;
	if (o->no_stream || o->format == STATS_OPENMETRICS)
		return print_once(&w, err);
	if (o->format == STATS_TABLE && terminal_is_page())
		return show(&w, err);
	return print_again_and_again(&w, err);
}
