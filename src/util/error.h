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
#include <stddef.h>

#define ERROR_WHERE_MAX 128
#define ERROR_TEXT_MAX  896
#define ERROR_PHASE_MAX 24
#define ERROR_PATH_MAX  256

/* What programs tell errors apart by, if the errno value is not all; their names are in error_code_name(). */
enum error_kind {
	ERROR_OF_ERRNO,			/* that says it */
	ERROR_USAGE,			/* the command line, or the environment */
	ERROR_CONFIG,			/* a document asks for what is wrong, or cannot be had */
	ERROR_CONTAINER_UNKNOWN,
	ERROR_CONTAINER_EXISTS,
	ERROR_CONTAINER_STATE,		/* it is not in a state in which that can be done */
	ERROR_CONTAINER_DAMAGED,	/* what is kept of it cannot be used */
	ERROR_PROGRAM,			/* the program of a container cannot be executed */
	ERROR_HOOK,			/* a hook failed */
	N_ERROR_KINDS,
};

struct error {
	int code;			/* errno value, positive; 0 = no error */
	unsigned char kind;		/* enum error_kind */
	unsigned short hint;		/* where in @text it is said what to do about it; 0: nowhere */
	char phase[ERROR_PHASE_MAX];	/* what was being done ("mounts"), or "" */
	char where[ERROR_WHERE_MAX];	/* JSON pointer into config.json ("/mounts/3/options/1"), or "" */
	char path[ERROR_PATH_MAX];	/* the file it is about, or "", also if that is longer */
	char text[ERROR_TEXT_MAX];	/* what was tried: on what: why; and what to do about it */
};

/* All return -code, so that a caller writes `return error_set(err, EINVAL, "...")`. */

/* A new error with a text of its own.  @code is a positive errno value. */
int error_set(struct error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same of a kind that the errno value does not tell. */
int error_of(struct error *err, enum error_kind kind, int code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* A new error whose text ends in ": " and the kernel's words for @errnum (positive or negative). */
int error_errno(struct error *err, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* As error_set, with the JSON pointer @where (a printf result is not needed: see error_at). */
int error_config(struct error *err, const char *where, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));	/* code EINVAL, ERROR_CONFIG */

/* The same of a mistake on the command line: code EINVAL, ERROR_USAGE, in
 * the phase "options". */
int error_usage(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Put context in front of an existing error: "CONTEXT: TEXT". */
int error_in(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Set the JSON pointer of an existing error, unless it has one already. */
int error_at(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Set the kind, the phase or the path of an existing error, unless it has one already. */
int error_kind(struct error *err, enum error_kind kind);
int error_phase(struct error *err, const char *phase);
int error_path(struct error *err, const char *path);

/*
 * ENOSPC of a call that makes namespaces or mounts, namespaces(7) and proc(5): the hint says which limits there are.
 * Returns @code.
 */
int error_hint_limits(struct error *err, int code);

/* Append what to do about it: "TEXT (HINT)", and another one: "TEXT (HINT; HINT)". */
int error_hint(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Append what else is known of it, which nobody can do anything with: "TEXT (NOTE)". */
int error_note(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Append that @feature needs Linux @release, if the running kernel is older than that; was it? */
bool error_hint_release(struct error *err, const char *feature, const char *release);

/* The same of an error that only such a kernel gives, whatever was tried: a system call is missing, or the
 * kernel is older than all that we are made for. */
void error_hint_kernel(struct error *err);

/* Engines take some words for the program's, and give the container exit status 126 for them: others for what
 * else of a container was denied, such as the source of a mount. */
void error_not_of_program(struct error *err);

/* What came from another process may be anything: afterwards its strings end and its numbers are in range. */
void error_received(struct error *err);

/* What programs know it by: a word of the list in orlop(8). */
const char *error_code_name(const struct error *err);
/* What to do about it, in @buf; "" if nothing is said. */
const char *error_hint_text(const struct error *err, char *buf, size_t size);

/* The kernel's words for an errno value, positive or negative; never NULL, no locale. */
const char *error_words(int errnum);

#endif
