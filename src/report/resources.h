/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The limits of a container, one a row.  Private to report/. */
#ifndef ORLOP_REPORT_RESOURCES_H
#define ORLOP_REPORT_RESOURCES_H

#include <stddef.h>

#include "plan/plan.h"
#include "store/lookup.h"
#include "util/str.h"

struct json;

enum limit_state {
	LIMIT_SAME,
	LIMIT_ROUNDED,			/* by the kernel, to whole pages */
	LIMIT_DIFFERS,
	LIMIT_UNASKED,			/* holds, and nobody asked for it here */
	LIMIT_OVERRULED,		/* what comes later in the configuration has the same file */
	LIMIT_UNREADABLE,		/* the file acts once, and tells nothing */
	LIMIT_NO_FILE,
};

/* For JSON and for the table. */
extern const char *const limit_state_names[];

/* What was asked for: a member of a document. */
struct asked_member {
	const char *pointer;		/* in config.json: "/linux/resources/memory/limit" */
	const struct json *value;
};

struct limit_row {
	struct asked_member asked[2];	/* the second has no pointer mostly; the first neither: LIMIT_UNASKED */
	const char *asked_in;		/* "config.json", "update", or NULL */
	const char *file, *value;	/* what was written; value NULL: nothing */
	const char *properties[2];	/* of a unit of systemd, whose texts say the same, or NULL */
	const char *property_values[2];
	const char *now;		/* what the kernel's file says of it, NULL: nothing */
	const char *set_by;		/* who set that: as asked_in, "systemd", "others", "unknown", or NULL */
	enum limit_state state;
};

struct limits {
	struct arena *arena;
	struct container c;
	int cgroup;
	int outer;			/* with systemd, of the scope around it, which its properties limit; or -1 */
	struct plan_cgroup plan;
	struct limit_row *rows;
	size_t n;
};

/* What of @text, the content of @file, @value is about: the line of the same device, or all; "" if there is no such
 * line.  @value NULL: all. */
const char *limit_now(struct arena *a, const char *file, const char *value, const char *text);
/* Is @now what the kernel makes of @value? */
enum limit_state limit_compare(const char *file, const char *value, const char *now);
/* Does nothing of @earlier, written to the same file, hold after @later? */
bool limit_overrules(const char *file, const char *later, const char *earlier);
/* Rows for what the files of the cgroup say besides. */
void limits_add_unasked(struct limits *l);
/* Who has set what differs. */
void limits_attribute(struct limits *l);

void limits_write_json(const struct limits *l, struct strbuf *out);
int limits_print_table(const struct limits *l, struct error *err);

#endif
