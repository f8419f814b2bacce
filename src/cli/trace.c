/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop trace`. */
#include "cli/commands.h"
#include "report/report.h"

struct trace_options {
	bool svg;
};

static const struct option rows[] = {
	{ "svg", 0, OPTION_FLAG, offsetof(struct trace_options, svg), NULL, "write a picture, as SVG" },
};

static int run(struct invocation *inv, struct error *err)
{
	const struct trace_options *o = inv->options;

	return report_trace_show(inv->args[0], o->svg, err);
}

const struct command command_trace = {
	.name = "trace", .arguments = "FILE", .max_args = 1,
	.summary = "Draw what took how long",
	.details = "FILE is one that the global option --trace has written (\"-\": the standard input).",
	.options = rows, .n_options = ARRAY_SIZE(rows),
	.options_size = sizeof(struct trace_options), .run = run,
};
