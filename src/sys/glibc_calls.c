/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What archives that were compiled against glibc call by a name of glibc's alone, for another C library
 * (musl).  In every process of ours; the checks of _FORTIFY_SOURCE are in fortify.c.
 */
#include <limits.h>

#ifndef __GLIBC__

#include <stdio.h>
#include <stdlib.h>

#undef fopen64

FILE *fopen64(const char *path, const char *mode);
long __isoc23_strtol(const char *s, char **end, int base);
unsigned long __isoc23_strtoul(const char *s, char **end, int base);
long long __isoc23_strtoll(const char *s, char **end, int base);
unsigned long long __isoc23_strtoull(const char *s, char **end, int base);

/* off_t has 64 bits anyway; musl from 1.2.4 on knows that name only for the dynamic linker. */
FILE *fopen64(const char *path, const char *mode)
{
	return fopen(path, mode);
}

/* From glibc 2.38 on: they also take "0b1", which none of our callers means. */
long __isoc23_strtol(const char *s, char **end, int base)
{
	return strtol(s, end, base);
}

unsigned long __isoc23_strtoul(const char *s, char **end, int base)
{
	return strtoul(s, end, base);
}

long long __isoc23_strtoll(const char *s, char **end, int base)
{
	return strtoll(s, end, base);
}

unsigned long long __isoc23_strtoull(const char *s, char **end, int base)
{
	return strtoull(s, end, base);
}

#else
/* ISO C wants a declaration in each file. */
typedef int these_are_in_the_c_library;
#endif
