/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arenas: lists of mappings, so that they can be sealed.  Fuzz targets have others, which sanitizers see. */
#include <stdint.h>
#include <sys/mman.h>

#include "util/mem.h"

#define CHUNK_BYTES (64u << 10)

struct chunk {
	struct chunk *next;
	size_t size, used;		/* of the whole mapping, header included */
};

struct arena {
	struct chunk *head;
};

static struct chunk *chunk_new(size_t need)
{
	size_t size = CHUNK_BYTES;
	struct chunk *c;

	if (need > size - sizeof(*c)) {
		if (__builtin_add_overflow(need, sizeof(*c) + 4095, &size))
			mem_checked(NULL);
		size &= ~(size_t)4095;
	}
	c = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (c == MAP_FAILED)
		mem_checked(NULL);
	c->size = size;
	c->used = sizeof(*c);
	return c;
}

static size_t rounded(size_t n)
{
	return (n + 15) & ~(size_t)15;
}

struct arena *arena_new(void)
{
	struct chunk *c = chunk_new(0);
	struct arena *a;

	c->used = rounded(c->used);
	a = (struct arena *)((char *)c + c->used);	/* the arena lives in its first chunk */
	c->used += rounded(sizeof(*a));
	a->head = c;
	return a;
}

void arena_free(struct arena *a)
{
	struct chunk *c = a ? a->head : NULL;

	while (c) {
		struct chunk *next = c->next;

		munmap(c, c->size);
		c = next;
	}
}

void *arena_alloc(struct arena *a, size_t n, size_t size)
{
	size_t bytes = mem_product(n, size);
	struct chunk *c = a->head;
	void *p;

	if (bytes > SIZE_MAX - 16)
		mem_checked(NULL);
	bytes = rounded(bytes);
	if (bytes > c->size - c->used) {
		c = chunk_new(bytes + 16);
		c->used = rounded(c->used);
		c->next = a->head;
		a->head = c;
	}
	p = (char *)c + c->used;
	c->used += bytes;
	return p;
}

void arena_seal(struct arena *a)
{
	/* Newest first: the head lies in the oldest chunk, which becomes read-only last. */
	for (struct chunk *c = a->head; c; c = c->next)
		mprotect(c, c->size, PROT_READ);
}
