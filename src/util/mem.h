/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory.  Allocation failure ends the process (exit status 1, one line); no caller tests for it. */
#ifndef ORLOP_UTIL_MEM_H
#define ORLOP_UTIL_MEM_H

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);		/* zeroed; n * size is checked for overflow */
void *xrealloc(void *p, size_t n, size_t size);	/* likewise checked */
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *xvasprintf(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

/* When there is no memory any more @run(@ctx) is called, once, before the end; NULL: nothing is to be undone (any
 * more).  Not in a child, which has to say so if its pid could be the same. */
void mem_undo(void (*run)(void *ctx), void *ctx);

/* For what allocates: @p, unless it is NULL; n * size, at least 1. */
void *mem_checked(void *p);
size_t mem_product(size_t n, size_t size);

/*
 * An arena: memory that is freed as one, and can be made read-only as one.  All results are
 * zeroed, aligned for any type, and owned by the arena.
 */
struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *a);		/* NULL is fine */
void *arena_alloc(struct arena *a, size_t n, size_t size);
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* mprotect(2) the whole arena read-only; nothing can be allocated from it afterwards. */
void arena_seal(struct arena *a);

#define arena_new_array(a, type, n) ((type *)arena_alloc((a), (n), sizeof(type)))

/* Append one element to an arena array {v, n} whose capacity doubles at powers of two. */
void *arena_grow(struct arena *a, void *v, size_t n, size_t size);
#define arena_push(a, v, n) \
	(*(((v) = arena_grow((a), (v), (n), sizeof(*(v)))), &(v)[(n)++]))

#endif
