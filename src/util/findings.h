/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that is wrong, for who wants to know more than the first error. */
#ifndef ORLOP_UTIL_FINDINGS_H
#define ORLOP_UTIL_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"
#include "util/mem.h"

#define FINDINGS_MAX 200u		/* so that a hostile file cannot take what memory it likes */
#define FINDING_NO_OFFSET ((size_t)-1)

struct finding {
	bool warning;
	struct error error;
	size_t offset;			/* in the text it is about, or FINDING_NO_OFFSET */
	unsigned line, column;		/* from 1; 0: not known */
	const char *topic;
};

struct findings {
	struct arena *arena;		/* of @v */
	struct finding *v;
	size_t n;
	size_t left_out;		/* beyond FINDINGS_MAX */
	size_t errors;			/* how many are no warnings, those left out among them */
	const char *topic;		/* of what is added from now on */
};

/* @offset as above. */
void findings_add(struct findings *all, bool warning, const struct error *err, size_t offset);

/*
 * What to do after a step that returned @e: as ever, with @all NULL, it is returned.  Else an error is noted in
 * @all and the next step has its turn: 0.
 */
int findings_go_on(struct findings *all, int e, const struct error *err);

/* Is there an error at the JSON pointer @where, above or below it? */
bool findings_touch(const struct findings *all, const char *where);

/* By line; those of one line, and those without one at the end, in the order in which they were found. */
void findings_sort(struct findings *all);

#endif
