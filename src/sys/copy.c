/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * memcpy(3) and memmove(3), for a C library whose own are `rep movsq` whatever the length (musl on
 * x86_64): 30 ns each, and nearly all we copy is short: names, numbers, lines.  A start makes 1600
 * copies.  In every process of ours.
 */
#include <limits.h>

#if !defined(__GLIBC__) || defined(COPY_WITH_GLIBC)	/* the latter for its test */

#include <stddef.h>
#include <stdint.h>

/* Loads and stores at any address, not calls of what is defined here. */
typedef uint16_t __attribute__((aligned(1), may_alias)) bytes2;
typedef uint32_t __attribute__((aligned(1), may_alias)) bytes4;
typedef uint64_t __attribute__((aligned(1), may_alias)) bytes8;
typedef uint64_t __attribute__((vector_size(16))) vector16;
typedef vector16 __attribute__((aligned(1), may_alias)) bytes16;

/* Both ends are loaded before one is stored; they overlap where @n is less than two of them. */
#define COPY_ENDS(type) \
	do { \
		type first = *(const type *)f, last = *(const type *)(f + n - sizeof(type)); \
		*(type *)t = first; \
		*(type *)(t + n - sizeof(type)) = last; \
	} while (0)

#ifdef COPY_WITH_GLIBC
#define memmove copy_bytes
#else
#undef memcpy
#undef memmove
void *memcpy(void *restrict to, const void *restrict from, size_t n) __attribute__((alias("memmove")));
#endif

void *memmove(void *to, const void *from, size_t n);

/* Compilers see what the loops are, and would call memmove. */
#ifdef __clang__
__attribute__((no_builtin("memcpy", "memmove")))
#else
__attribute__((optimize("no-tree-loop-distribute-patterns")))
#endif
void *memmove(void *to, const void *from, size_t n)
{
	const char *f = from;
	char *t = to;

	if (n > 32 && (uintptr_t)t - (uintptr_t)f >= n) {	/* upwards: @to does not lie within @from */
		bytes16 last = *(const bytes16 *)(f + n - 16);

		for (size_t i = 0; i < n - 16; i += 16)
			*(bytes16 *)(t + i) = *(const bytes16 *)(f + i);
		*(bytes16 *)(t + n - 16) = last;
	} else if (n > 32) {
		bytes16 first = *(const bytes16 *)f;

		for (size_t i = n; i > 16; i -= 16)
			*(bytes16 *)(t + i - 16) = *(const bytes16 *)(f + i - 16);
		*(bytes16 *)t = first;
	} else if (n >= 16) {
		COPY_ENDS(bytes16);
	} else if (n >= 8) {
		COPY_ENDS(bytes8);
	} else if (n >= 4) {
		COPY_ENDS(bytes4);
	} else if (n >= 2) {
		COPY_ENDS(bytes2);
	} else if (n) {
		*t = *f;
	}
	return to;
}

#else
/* ISO C wants a declaration in each file. */
typedef int copy_is_in_the_c_library;
#endif
