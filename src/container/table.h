/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables that verbs print for people.  Private to container/. */
#ifndef ORLOP_CONTAINER_TABLE_H
#define ORLOP_CONTAINER_TABLE_H

#include <stddef.h>

#include "util/error.h"

#define TABLE_COLUMNS_MAX 6

struct table_row {
	char *cell[TABLE_COLUMNS_MAX];		/* malloc'ed */
};

struct table {
	size_t columns;
	struct table_row *rows;		/* the first is the header */
	size_t n_rows;
};

void table_init(struct table *t, const char *const *names, size_t columns);
struct table_row *table_add(struct table *t);
int table_print(const struct table *t, struct error *err);
void table_free(struct table *t);

#endif
