/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arenas for fuzz targets, in the place of util/arena.c: each piece is malloc's, so that a sanitizer knows its
 * ends and that it was freed. */
#include "util/mem.h"

struct piece {
	struct piece *next;
	max_align_t data[];
};

struct arena {
	struct piece *head;
};

struct arena *arena_new(void)
{
	return xcalloc(1, sizeof(struct arena));
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	for (struct piece *p = a->head, *next; p; p = next) {
		next = p->next;
		free(p);
	}
	free(a);
}

void *arena_alloc(struct arena *a, size_t n, size_t size)
{
	size_t bytes;
	struct piece *p;

	if (__builtin_add_overflow(mem_product(n, size), sizeof(*p), &bytes))
		mem_checked(NULL);
	p = mem_checked(calloc(1, bytes));
	p->next = a->head;
	a->head = p;
	return p->data;
}

void arena_seal(struct arena *a)
{
	(void)a;
}
