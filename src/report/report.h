/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is told to people, and to the programs that watch for them.  Runs on the host, for cli/. */
#ifndef ORLOP_REPORT_REPORT_H
#define ORLOP_REPORT_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "oci/types.h"
#include "store/options.h"
#include "util/error.h"

enum stats_format { STATS_TABLE, STATS_JSON, STATS_OPENMETRICS };
enum stats_order { STATS_BY_CPU, STATS_BY_MEMORY, STATS_BY_PIDS, STATS_BY_IO, STATS_BY_NET, STATS_BY_ID };

struct stats_options {
	struct strings ids;		/* none: all that run */
	enum stats_format format;
	enum stats_order order;
	bool no_stream;
	int64_t interval_ms;
};

/* The exit status, or -errno. */
int report_stats(const struct global_options *g, const struct stats_options *o, struct error *err);

#endif
