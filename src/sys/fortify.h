/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * _FORTIFY_SOURCE for a C library without it (musl): the compiler includes this before each file.
 * A call that would write past the end of an object whose size the compiler knows ends the process.
 */
#ifndef ORLOP_SYS_FORTIFY_H
#define ORLOP_SYS_FORTIFY_H

#include <sched.h>	/* declares some of them too */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#if defined(__has_builtin) && __has_builtin(__builtin_dynamic_object_size)
#define FORTIFY_SIZE(object) __builtin_dynamic_object_size(object, 0)
#else
#define FORTIFY_SIZE(object) __builtin_object_size(object, 0)
#endif

/* sys/fortify.c */
_Noreturn void fortify_fail(void);

static inline size_t fortify_check(size_t n, size_t size)
{
	if (n > size)
		fortify_fail();
	return n;
}

#define memcpy(to, from, n) __builtin___memcpy_chk(to, from, n, FORTIFY_SIZE(to))
#define memmove(to, from, n) __builtin___memmove_chk(to, from, n, FORTIFY_SIZE(to))
#define memset(to, byte, n) __builtin___memset_chk(to, byte, n, FORTIFY_SIZE(to))
#define strcpy(to, from) __builtin___strcpy_chk(to, from, FORTIFY_SIZE(to))
#define snprintf(to, n, ...) __builtin___snprintf_chk(to, n, 1, FORTIFY_SIZE(to), __VA_ARGS__)
#define vsnprintf(to, n, fmt, ap) __builtin___vsnprintf_chk(to, n, 1, FORTIFY_SIZE(to), fmt, ap)

#define read(fd, to, n) (read)(fd, to, fortify_check(n, FORTIFY_SIZE(to)))
#define pread(fd, to, n, at) (pread)(fd, to, fortify_check(n, FORTIFY_SIZE(to)), at)
#define recv(fd, to, n, flags) (recv)(fd, to, fortify_check(n, FORTIFY_SIZE(to)), flags)
#define readlink(path, to, n) (readlink)(path, to, fortify_check(n, FORTIFY_SIZE(to)))
#define readlinkat(dir, path, to, n) (readlinkat)(dir, path, to, fortify_check(n, FORTIFY_SIZE(to)))

#endif
