/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is drawn of a file of trace events.  Private to report/. */
#ifndef ORLOP_REPORT_TRACE_H
#define ORLOP_REPORT_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"
#include "util/mem.h"
#include "util/str.h"

struct trace_row {
	const char *name, *lane;
	int64_t begin_ns, length_ns;	/* begin: since the first one began */
	unsigned depth;			/* how many of the same lane it is in */
};

struct trace_rows {
	struct trace_row *v;		/* as they begin */
	size_t n;
	int64_t end_ns;			/* of the last one to end; at least 1 */
};

#define TRACE_RUNTIME_NAME "runtime"
#define TRACE_CONTAINER_NAME "container"

/* In @a. */
int trace_read(struct arena *a, const char *path, struct trace_rows *ret, struct error *err);

void trace_draw_text(const struct trace_rows *t, unsigned columns, struct strbuf *out);
void trace_draw_svg(const struct trace_rows *t, struct strbuf *out);

#endif
