/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop events`. */
#include "cli/commands.h"

#include "cli/interval.h"

struct events_options {
	const char *interval;
	bool stats;
};

static const struct option rows[] = {
	{ "interval", 0, OPTION_STRING, offsetof(struct events_options, interval), "DURATION",
	  "time between two lines of figures (default: 5s)" },
	{ "stats", 0, OPTION_FLAG, offsetof(struct events_options, stats), NULL,
	  "print the figures once, and end" },
};

static int run(struct invocation *inv, struct error *err)
{
	const struct events_options *o = inv->options;
	int64_t interval_ms = 5000;
	int r = interval_parse("events", "interval", o->interval, &interval_ms, err);

	return r < 0 ? r : container_events(inv->global, inv->args[0], interval_ms, o->stats, err);
}

const struct command command_events = {
	.name = "events", .arguments = "ID", .max_args = 1,
	.summary = "Print figures and out-of-memory events of a container as lines of JSON",
	.details = "A line has the type stats or oom. The first figures come after one interval; the command ends\n"
		   "with the container. DURATION is a number with a unit, as 5s, 100ms or 1m30s.",
	.options = rows, .n_options = ARRAY_SIZE(rows),
	.options_size = sizeof(struct events_options), .run = run,
};
