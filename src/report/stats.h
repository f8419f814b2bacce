/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ways in which figures of containers are shown.  Private to report/. */
#ifndef ORLOP_REPORT_STATS_H
#define ORLOP_REPORT_STATS_H

#include <stddef.h>

#include "container/sampling.h"
#include "report/report.h"
#include "util/str.h"

/* What the machine has. */
struct stats_host {
	uint64_t memory;		/* bytes */
};

void stats_host_read(struct stats_host *ret);

/* The limit of its own, or what the machine has. */
uint64_t stats_memory_limit(const struct sample *x, const struct stats_host *host);
/* Without the part of the page cache that is not used at present, as other tools count it. */
uint64_t stats_memory_used(const struct sample *x);

struct stats_sums {
	uint64_t in, out;
};

struct stats_sums stats_io(const struct sample *x);
struct stats_sums stats_net(const struct sample *x);

/* The largest first; by id where they are the same. */
void stats_sort(struct sample **v, size_t n, enum stats_order order);

struct stats_page {
	unsigned columns, lines;	/* 0: as many as it takes */
	bool colour;
	const char *line_end;
};

/* Columns that do not fit are left out, and so are rows. */
void stats_table(struct strbuf *out, struct sample *const *v, size_t n, const struct stats_host *host,
		 const struct stats_page *page);
/* One line: an array with an object for each. */
void stats_json(struct strbuf *out, struct sample *const *v, size_t n);
void stats_openmetrics(struct strbuf *out, struct sample *const *v, size_t n);

#endif
