/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A trace drawn: a line for each phase, with a bar for its time.  Names may be anything, and are escaped. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "report/report.h"
#include "report/terminal.h"
#include "report/trace.h"
#include "util/cleanup.h"
#include "util/fd.h"

#define DEFAULT_COLUMNS 80
#define NAME_COLUMNS 36
#define BEFORE_BAR (2 * 11 + 11 + NAME_COLUMNS + 1)
#define BAR_MIN 10

/* ---- on the terminal -------------------------------------------------------------------------------- */

static void add_time(struct strbuf *out, int64_t ns)
{
	strbuf_addf(out, "%6" PRId64 ".%03d ", ns / 1000000, (int)(ns / 1000 % 1000));
}

static void add_bar(struct strbuf *out, const struct trace_rows *t, const struct trace_row *row, unsigned columns)
{
	unsigned from = (unsigned)((double)row->begin_ns / (double)t->end_ns * columns);
	unsigned to = (unsigned)((double)(row->begin_ns + row->length_ns) / (double)t->end_ns * columns);

	if (from >= columns)
		from = columns - 1;
	strbuf_addf(out, "%*s", (int)from, "");
	for (unsigned i = from; i < columns && (i < to || i == from); i++)
		strbuf_adds(out, "=");
}

void trace_draw_text(const struct trace_rows *t, unsigned columns, struct strbuf *out)
{
	unsigned bar = columns > BEFORE_BAR + BAR_MIN ? columns - BEFORE_BAR : BAR_MIN;

	strbuf_addf(out, "%10s %10s %-10s %-*s\n", "BEGIN ms", "TOOK ms", "PROCESS", NAME_COLUMNS, "PHASE");
	for (size_t i = 0; i < t->n; i++) {
		const struct trace_row *row = &t->v[i];
		char shown[NAME_COLUMNS + 1], lane[11], name[NAME_COLUMNS + 32];
		unsigned indent = row->depth < 8 ? 2 * row->depth : 16;

		add_time(out, row->begin_ns);
		add_time(out, row->length_ns);
		snprintf(name, sizeof(name), "%*s%s", (int)indent, "", str_escape(row->name, shown, sizeof(shown)));
		strbuf_addf(out, "%-10s %-*.*s ", str_escape(row->lane, lane, sizeof(lane)), NAME_COLUMNS, NAME_COLUMNS,
			    name);
		add_bar(out, t, row, bar);
		strbuf_adds(out, "\n");
	}
}

/* ---- SVG -------------------------------------------------------------------------------------------- */

#define WIDTH 1000
#define LINE 16
#define TEXT 420		/* where bars begin */

static void add_xml(struct strbuf *out, const char *s)
{
	char shown[512];

	str_escape(s, shown, sizeof(shown));
	for (s = shown; *s; s++)
		switch (*s) {
		case '<':
			strbuf_adds(out, "&lt;");
			break;
		case '&':
			strbuf_adds(out, "&amp;");
			break;
		case '>':
			strbuf_adds(out, "&gt;");
			break;
		default:
			strbuf_add(out, s, 1);
		}
}

/* Tenths of a pixel. */
static int64_t position(const struct trace_rows *t, int64_t ns)
{
	return (int64_t)((double)ns / (double)t->end_ns * (WIDTH - TEXT - 10) * 10);
}

static void add_svg_row(struct strbuf *out, const struct trace_rows *t, size_t i)
{
	const struct trace_row *row = &t->v[i];
	int64_t x = position(t, row->begin_ns), w = position(t, row->length_ns);
	unsigned y = (unsigned)(i + 1) * LINE, indent = row->depth < 8 ? 10 * row->depth : 80;

	strbuf_addf(out, "<text x=\"%u\" y=\"%u\">", 10 + indent, y);
	add_xml(out, row->name);
	strbuf_addf(out, "</text><text x=\"%d\" y=\"%u\" text-anchor=\"end\">%" PRId64 ".%03d ms</text>",
		    TEXT - 10, y, row->length_ns / 1000000, (int)(row->length_ns / 1000 % 1000));
	strbuf_addf(out, "<rect x=\"%" PRId64 ".%d\" y=\"%u\" width=\"%" PRId64 ".%d\" height=\"%d\" fill=\"%s\"/>\n",
		    TEXT + x / 10, (int)(x % 10), y - 11, w / 10, w < 10 ? 9 : (int)(w % 10), LINE - 3,
		    str_eq(row->lane, TRACE_CONTAINER_NAME) ? "#d9822b" : "#2b6cb0");
}

void trace_draw_svg(const struct trace_rows *t, struct strbuf *out)
{
	unsigned height = (unsigned)(t->n + 2) * LINE;

	strbuf_addf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%u\" viewBox=\"0 0 %d %u\" "
		    "font-family=\"sans-serif\" font-size=\"11\">\n", WIDTH, height, WIDTH, height);
	strbuf_addf(out, "<rect width=\"%d\" height=\"%u\" fill=\"white\"/>\n", WIDTH, height);
	for (size_t i = 0; i < t->n; i++)
		add_svg_row(out, t, i);
	strbuf_adds(out, "</svg>\n");
}

/* ---- either ----------------------------------------------------------------------------------------- */

int report_trace_show(const char *path, bool svg, struct error *err)
{
	_cleanup_(strbuf_free) struct strbuf out = {0};
	struct arena *a = arena_new();
	unsigned columns = DEFAULT_COLUMNS, lines;
	struct trace_rows rows;
	int r = trace_read(a, path, &rows, err);

	if (isatty(STDOUT_FILENO))
		terminal_size(&columns, &lines);
	if (r == 0 && svg)
		trace_draw_svg(&rows, &out);
	else if (r == 0)
		trace_draw_text(&rows, columns, &out);
	if (r == 0) {
		r = fd_write_all(STDOUT_FILENO, out.data, out.len);
		if (r < 0)
			error_errno(err, r, "write to the standard output");
	}
	arena_free(a);
	return r;
}
