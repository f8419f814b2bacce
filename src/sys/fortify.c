/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What _FORTIFY_SOURCE calls, for a C library without it (musl): our own files, by sys/fortify.h, and
 * archives that were compiled against glibc.  The names and the arguments are those of the LSB core
 * specification.  In every process of ours.
 */
#include <limits.h>

#if !defined(__GLIBC__) || defined(FORTIFY_WITH_GLIBC)	/* the latter for its test */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#undef memcpy
#undef memmove
#undef memset
#undef strcpy
#undef vsnprintf

_Noreturn void fortify_fail(void);
void *__memcpy_chk(void *to, const void *from, size_t n, size_t size);
void *__memmove_chk(void *to, const void *from, size_t n, size_t size);
void *__memset_chk(void *to, int byte, size_t n, size_t size);
char *__strcpy_chk(char *to, const char *from, size_t size);
int __vsnprintf_chk(char *to, size_t n, int flag, size_t size, const char *fmt, va_list ap)
	__attribute__((format(printf, 5, 0)));
int __snprintf_chk(char *to, size_t n, int flag, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
int __sprintf_chk(char *to, int flag, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
int __fprintf_chk(FILE *file, int flag, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int __asprintf_chk(char **ret, int flag, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* No abort(3): it signals the thread whose number the library remembers, after clone(2) another's. */
_Noreturn void fortify_fail(void)
{
	static const char text[] = "orlop: a buffer overflow was prevented: this is a bug\n";

	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		__builtin_trap();
	__builtin_trap();
}

static void check(size_t n, size_t size)
{
	if (n > size)
		fortify_fail();
}

void *__memcpy_chk(void *to, const void *from, size_t n, size_t size)
{
	check(n, size);
	return memcpy(to, from, n);
}

void *__memmove_chk(void *to, const void *from, size_t n, size_t size)
{
	check(n, size);
	return memmove(to, from, n);
}

void *__memset_chk(void *to, int byte, size_t n, size_t size)
{
	check(n, size);
	return memset(to, byte, n);
}

char *__strcpy_chk(char *to, const char *from, size_t size)
{
	size_t n = strlen(from) + 1;

	check(n, size);
	return memcpy(to, from, n);
}

int __vsnprintf_chk(char *to, size_t n, int flag, size_t size, const char *fmt, va_list ap)
{
	(void)flag;
	check(n, size);
	return vsnprintf(to, n, fmt, ap);
}

int __snprintf_chk(char *to, size_t n, int flag, size_t size, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = __vsnprintf_chk(to, n, flag, size, fmt, ap);
	va_end(ap);
	return r;
}

int __sprintf_chk(char *to, int flag, size_t size, const char *fmt, ...)
{
	size_t n = size < INT_MAX ? size : INT_MAX;
	va_list ap;
	int r;

	(void)flag;
	va_start(ap, fmt);
	r = vsnprintf(to, n, fmt, ap);
	va_end(ap);
	check(r < 0 ? 0 : (size_t)r + 1, n);
	return r;
}

int __asprintf_chk(char **ret, int flag, const char *fmt, ...)
{
	va_list ap;
	int r;

	(void)flag;
	va_start(ap, fmt);
	r = vasprintf(ret, fmt, ap);
	va_end(ap);
	return r;
}

int __fprintf_chk(FILE *file, int flag, const char *fmt, ...)
{
	va_list ap;
	int r;

	(void)flag;
	va_start(ap, fmt);
	r = vfprintf(file, fmt, ap);
	va_end(ap);
	return r;
}

#else
/* ISO C wants a declaration in each file. */
typedef int fortify_is_in_the_c_library;
#endif
