/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory that never fails to its callers, and arenas. */
#include "util/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void *checked(void *p)
{
	static const char text[] = "orlop: out of memory\n";

	if (!p) {
		if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
			_exit(1);
		_exit(1);
	}
	return p;
}

static size_t product(size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		checked(NULL);
	return bytes ? bytes : 1;
}

void *xmalloc(size_t size)
{
	return checked(malloc(size ? size : 1));
}

void *xcalloc(size_t n, size_t size)
{
	return checked(calloc(1, product(n, size)));
}

void *xrealloc(void *p, size_t n, size_t size)
{
	return checked(realloc(p, product(n, size)));
}

char *xstrdup(const char *s)
{
	return checked(strdup(s));
}

char *xstrndup(const char *s, size_t n)
{
	return checked(strndup(s, n));
}

char *xvasprintf(const char *fmt, va_list ap)
{
	char *s = NULL;

	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	return checked(s);
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = xvasprintf(fmt, ap);
	va_end(ap);
	return s;
}

/* ---- arena: a list of mappings, so that it can be sealed ------------------------------------- */

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
			checked(NULL);
		size &= ~(size_t)4095;
	}
	c = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (c == MAP_FAILED)
		checked(NULL);
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
	size_t bytes = product(n, size);
	struct chunk *c = a->head;
	void *p;

	if (bytes > SIZE_MAX - 16)
		checked(NULL);
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

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = arena_alloc(a, n + 1, 1);

	memcpy(p, s, n);
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	char most[256], *p;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(most, sizeof(most), fmt, ap);
	va_end(ap);
	if (n < 0)
		checked(NULL);
	if ((size_t)n < sizeof(most))
		return arena_strndup(a, most, (size_t)n);
	p = arena_alloc(a, (size_t)n + 1, 1);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}

void *arena_grow(struct arena *a, void *v, size_t n, size_t size)
{
	void *p;

	if (n & (n - 1) || (n == 0 && v))
		return v;	/* capacity is the next power of two */
	p = arena_alloc(a, n ? n * 2 : 1, size);
	if (n)
		memcpy(p, v, n * size);
	return p;
}

void arena_seal(struct arena *a)
{
	/* Newest first: the head lies in the oldest chunk, which becomes read-only last. */
	for (struct chunk *c = a->head; c; c = c->next)
		mprotect(c, c->size, PROT_READ);
}
