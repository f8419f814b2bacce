/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One error, of fixed size and without heap: it can be made after clone(2) and is sent over the
 * parent/child socket as it is.
 *
 * Functions that can fail return 0 (or a count, or a descriptor) on success and -errno on failure
 * and take a `struct error *err` last.  Only the function that knows *what* was tried, on *which*
 * object, fills the error; util/ and sys/ return -errno alone.
 */
#ifndef ORLOP_UTIL_ERROR_H
#define ORLOP_UTIL_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

#define ERROR_WHERE_MAX 128
#define ERROR_TEXT_MAX  896

struct error {
	int code;			/* errno value, positive; 0 = no error */
	char where[ERROR_WHERE_MAX];	/* JSON pointer into config.json ("/mounts/3/options/1"), or "" */
	char text[ERROR_TEXT_MAX];	/* what was tried: on what: why; and what to do about it */
};

/* All return -code, so that a caller writes `return error_set(err, EINVAL, "...")`. */

/* A new error with a text of its own.  @code is a positive errno value. */
int error_set(struct error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A new error whose text ends in ": " and the kernel's words for @errnum (positive or negative). */
int error_errno(struct error *err, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* As error_set, with the JSON pointer @where (a printf result is not needed: see error_at). */
int error_config(struct error *err, const char *where, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));	/* code EINVAL */

/* Put context in front of an existing error: "CONTEXT: TEXT". */
int error_in(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Set the JSON pointer of an existing error, unless it has one already. */
int error_at(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Append what to do about it: "TEXT (HINT)". */
int error_hint(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Append that @feature needs Linux @release, if the running kernel is older than that; was it? */
bool error_hint_release(struct error *err, const char *feature, const char *release);

/* The same of an error that only such a kernel gives, whatever was tried: a system call is missing, or the
 * kernel is older than all that we are made for. */
void error_hint_kernel(struct error *err);

/* Engines take some words for the program's, and give the container exit status 126 for them: others for what
 * else of a container was denied, such as the source of a mount. */
void error_not_of_program(struct error *err);

/* The kernel's words for an errno value, positive or negative; never NULL, no locale. */
const char *error_words(int errnum);

#endif
