/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where messages go: stderr, and a file when --log is given.  Foreign bytes are escaped (C0, DEL,
 * C1, invalid UTF-8); in JSON a line is one valid object {"level","msg","time"} as engines parse it, and of an error
 * the members of struct error besides.
 * The sink is one of the few pieces of global state.
 */
#ifndef ORLOP_UTIL_LOG_H
#define ORLOP_UTIL_LOG_H

#include <stdbool.h>

#include "util/error.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/*
 * @path: a file to append to (NULL: stderr only).  With a file, errors still go to stderr as plain
 * text too, because conmon and go-runc read them there.  Opened O_APPEND|O_NOFOLLOW|O_NONBLOCK|
 * O_CLOEXEC, mode 0644.  0 or -errno with @err.
 */
int log_open(const char *path, enum log_format format, enum log_level level, struct error *err);

/* The format there, whatever that of the file is; without this: text, or that of log_open() if there is no file. */
void log_stderr_format(enum log_format format);

/* The error as one line: "orlop: TEXT" plus " (at WHERE)" when a JSON pointer is known. */
void log_error(const struct error *err);

void log_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
bool log_enabled(enum log_level level);

/*
 * In the child: warnings must not be written to a file of the host but sent to the parent.
 * @send is called with each formatted line; NULL restores the normal sink.
 */
void log_redirect(void (*send)(void *ctx, enum log_level level, const char *text), void *ctx);

/* Let messages up to @level be made, whatever was said to log_open(): for who gathers them by log_redirect(). */
void log_at_least(enum log_level level);

/* The descriptor of the log file, or -1 (for the tests that count descriptors). */
int log_fd(void);
/* Give it a number from @from on: -errno. */
int log_move(int from);

#endif
