/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables that verbs print for people. */
#include "container/table.h"

#include <stdlib.h>
#include <string.h>

#include "container/print.h"
#include "util/cleanup.h"
#include "util/mem.h"
#include "util/str.h"

#define COLUMN_MIN 12
#define COLUMN_PADDING 3

struct table_row *table_add(struct table *t)
{
	t->rows = xrealloc(t->rows, t->n_rows + 1, sizeof(*t->rows));
	memset(&t->rows[t->n_rows], 0, sizeof(*t->rows));
	return &t->rows[t->n_rows++];
}

void table_init(struct table *t, const char *const *names, size_t columns)
{
	struct table_row *row;

	*t = (struct table){.columns = columns};
	row = table_add(t);
	for (size_t i = 0; i < columns; i++)
		row->cell[i] = xstrdup(names[i]);
}

/* In characters, not bytes: the first byte of each is no continuation byte. */
static size_t width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* All columns but the last are as wide as their widest cell and the padding, or the minimum. */
int table_print(const struct table *t, struct error *err)
{
	_cleanup_(strbuf_free) struct strbuf out = {0};
	size_t wide[TABLE_COLUMNS_MAX], last = t->columns - 1;

	for (size_t i = 0; i < last; i++) {
		wide[i] = COLUMN_MIN;
		for (size_t n = 0; n < t->n_rows; n++)
			if (width(t->rows[n].cell[i]) + COLUMN_PADDING > wide[i])
				wide[i] = width(t->rows[n].cell[i]) + COLUMN_PADDING;
	}
	for (size_t n = 0; n < t->n_rows; n++) {
		for (size_t i = 0; i < last; i++) {
			const char *cell = t->rows[n].cell[i];

			strbuf_addf(&out, "%s%*s", cell, (int)(wide[i] - width(cell)), "");
		}
		strbuf_addf(&out, "%s\n", t->rows[n].cell[last]);
	}
	return container_print(out.data, out.len, err);
}

void table_free(struct table *t)
{
	for (size_t n = 0; n < t->n_rows; n++)
		for (size_t i = 0; i < t->columns; i++)
			free(t->rows[n].cell[i]);
	free(t->rows);
	t->rows = NULL;
}
