/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop stats`. */
#include "cli/commands.h"

#include <errno.h>

#include "cli/interval.h"
#include "report/report.h"

struct stats_command_options {
	const char *format, *sort, *interval;
	bool no_stream;
};

static const struct option rows[] = {
	{ "no-stream", 0, OPTION_FLAG, offsetof(struct stats_command_options, no_stream), NULL,
	  "show the figures once, after one interval, and end" },
	{ "format", 'f', OPTION_WORD, offsetof(struct stats_command_options, format), "table|json|openmetrics",
	  "form of the output (default: table); openmetrics is shown\nonce, at once" },
	{ "sort", 0, OPTION_WORD, offsetof(struct stats_command_options, sort), "cpu|memory|pids|io|net|id",
	  "largest first (default: cpu; not of a table: id)" },
	{ "interval", 0, OPTION_STRING, offsetof(struct stats_command_options, interval), "DURATION",
	  "time between two looks (default: 1s)" },
};

static enum stats_format format_of(const char *word)
{
	if (!word || str_eq(word, "table"))
		return STATS_TABLE;
	return str_eq(word, "json") ? STATS_JSON : STATS_OPENMETRICS;
}

static enum stats_order order_of(const char *word, enum stats_format format)
{
	static const struct name_value words[] = {
		{ "cpu", STATS_BY_CPU }, { "memory", STATS_BY_MEMORY }, { "pids", STATS_BY_PIDS },
		{ "io", STATS_BY_IO }, { "net", STATS_BY_NET }, { "id", STATS_BY_ID },
	};

	if (word)
		return (enum stats_order)name_find(words, ARRAY_SIZE(words), word)->value;
	return format == STATS_TABLE ? STATS_BY_CPU : STATS_BY_ID;
}

static int run(struct invocation *inv, struct error *err)
{
	const struct stats_command_options *o = inv->options;
	struct stats_options s = { .no_stream = o->no_stream, .interval_ms = 1000 };
	int r = interval_parse("stats", "interval", o->interval, &s.interval_ms, err);

	if (r < 0)
		return r;
	s.format = format_of(o->format);
	s.order = order_of(o->sort, s.format);
	s.ids.v = inv->args;
	s.ids.n = inv->n_args;
	if (s.format == STATS_OPENMETRICS && o->interval)
		return error_usage(err, "stats: --interval has no meaning with --format openmetrics, which "
				   "is shown once");
	return report_stats(inv->global, &s, err);
}

const struct command command_stats = {
	.name = "stats", .arguments = "[ID...]", .max_args = ARGS_UNLIMITED,
	.summary = "Show what containers use, again and again",
	.details = "Without ID all that run are shown. On a terminal q ends it and c, m, p, b, n, i change the order.",
	.options = rows, .n_options = ARRAY_SIZE(rows),
	.options_size = sizeof(struct stats_command_options), .run = run,
};
