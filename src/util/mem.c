/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory that never fails to its callers; what is made in arenas (arena.c). */
#include "util/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What was begun and has to be undone, by this process alone: a child begins with its own pid, or forgets it. */
static struct {
	void (*run)(void *ctx);
	void *ctx, *reserve;
	pid_t pid;
} undoing;

#define RESERVE (1u << 20)	/* of address space: never touched */

void mem_undo(void (*run)(void *ctx), void *ctx)
{
	if (run && !undoing.reserve)
		undoing.reserve = mmap(NULL, RESERVE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	undoing.run = run;
	undoing.ctx = ctx;
	undoing.pid = getpid();
}

static _Noreturn void give_up(void)
{
	static const char text[] = "orlop: out of memory\n";
	void (*run)(void *ctx) = undoing.pid == getpid() ? undoing.run : NULL;

	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		undoing.pid = 0;
	undoing.run = NULL;	/* once: it needs memory, too */
	if (run && undoing.reserve != MAP_FAILED)
		munmap(undoing.reserve, RESERVE);
	if (run)
		run(undoing.ctx);
	_exit(1);
}

void *mem_checked(void *p)
{
	if (!p)
		give_up();
	return p;
}

size_t mem_product(size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		mem_checked(NULL);
	return bytes ? bytes : 1;
}

void *xmalloc(size_t size)
{
	return mem_checked(malloc(size ? size : 1));
}

void *xcalloc(size_t n, size_t size)
{
	return mem_checked(calloc(1, mem_product(n, size)));
}

void *xrealloc(void *p, size_t n, size_t size)
{
	return mem_checked(realloc(p, mem_product(n, size)));
}

char *xstrdup(const char *s)
{
	return mem_checked(strdup(s));
}

char *xstrndup(const char *s, size_t n)
{
	return mem_checked(strndup(s, n));
}

char *xvasprintf(const char *fmt, va_list ap)
{
	char *s = NULL;

	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	return mem_checked(s);
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
		mem_checked(NULL);
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
