/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `orlop doctor`. */
#include "cli/commands.h"
#include "report/report.h"

struct doctor_options {
	bool json;
};

static const struct option rows[] = {
	{ "json", 0, OPTION_FLAG, offsetof(struct doctor_options, json), NULL,
	  "an array of objects in the place of lines" },
};

static int run(struct invocation *inv, struct error *err)
{
	const struct doctor_options *o = inv->options;
	int status, r = report_doctor(inv->global, o->json, &status, err);

	return r < 0 ? r : status;
}

const struct command command_doctor = {
	.name = "doctor", .arguments = "", .max_args = 0,
	.summary = "Say what this machine has of all that containers may need",
	.details = "A line for each fact: `ok`, or `todo` and what to do about it. Nothing is changed. The exit\n"
		   "status is 1 if what the caller needs for any container is missing.",
	.options = rows, .n_options = ARRAY_SIZE(rows),
	.options_size = sizeof(struct doctor_options), .run = run,
};
