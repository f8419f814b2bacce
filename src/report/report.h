/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is told to people, and to the programs that watch for them.  Runs on the host, for cli/. */
#ifndef ORLOP_REPORT_REPORT_H
#define ORLOP_REPORT_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "oci/types.h"
#include "store/options.h"
#include "util/error.h"

struct plan;

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

struct check_options {
	const char *bundle;		/* NULL: the current directory */
	const char *config;		/* NULL: config.json */
	const char *host;		/* facts of another machine, "-" for the standard input; NULL: this one */
	bool json;
};

/* Print as JSON what this host has, as far as it decides what can be run here. */
int report_host(const struct global_options *g, struct error *err);

/* Print what this host has of all that containers may need.  *ret_status: 1 if the caller can make none. */
int report_doctor(const struct global_options *g, bool json, int *ret_status, struct error *err);

struct explain_options {
	const char *config;		/* a file, "-" for the standard input */
	const char *call;		/* of this machine */
	uint64_t args[6];
	bool json;
};

/* Print what the filter of a configuration answers to a system call. */
int report_explain(const struct explain_options *o, struct error *err);

struct report_plan_options {
	const char *bundle, *config, *host;	/* as below */
	const char *id;			/* NULL: any */
	bool json;
};

/* Print what would be done with a bundle. */
int report_plan(const struct global_options *g, const struct report_plan_options *o, struct error *err);

/* Make the file of --trace, or find out that it cannot be made; nothing of it stays open. */
int report_trace_begin(const char *path, struct error *err);
/* Write all phases there. */
int report_trace_end(const char *path, struct error *err);
/* Draw such a file, as text or as SVG. */
int report_trace_show(const char *path, bool svg, struct error *err);

/* Print the limits of a container: asked for, converted, as the kernel has them. */
int report_resources(const struct global_options *g, const char *id, bool json, struct error *err);

/* create_options.judge: the first of the errors that `check` would find on this host and in the root file system. */
int report_judge(const struct global_options *g, const struct plan *plan, struct error *err);

/* Print all that is wrong with a bundle.  *ret_status: 0, 1 if it would fail, 2 for warnings alone. */
int report_check(const struct global_options *g, const struct check_options *o, int *ret_status, struct error *err);

#endif
