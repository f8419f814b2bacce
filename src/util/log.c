/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages to stderr and to the file of --log.  Runs in the parent; the child redirects. */
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/fd.h"
#include "util/str.h"

/* The sink: one of the two pieces of mutable file-scope data (style: "the log sink"). */
static struct {
	int fd;
	enum log_format format;
	enum log_level level;
	void (*send)(void *ctx, enum log_level level, const char *text);
	void *ctx;
} sink = {.fd = -1, .level = LOG_LEVEL_WARNING};

static const char *const level_words[] = {"error", "warning", "info", "debug"};

int log_open(const char *path, enum log_format format, enum log_level level, struct error *err)
{
	sink.format = format;
	sink.level = level;
	if (!path)
		return 0;
	/* O_NONBLOCK: a FIFO without a reader must not hang us (ENXIO instead). */
	sink.fd = fd_openat(AT_FDCWD, path,
			    O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK, 0644);
	if (sink.fd < 0) {
		int r = sink.fd;

		sink.fd = -1;
		return error_errno(err, r, "open log file %s", path);
	}
	return 0;
}

int log_fd(void)
{
	return sink.fd;
}

bool log_enabled(enum log_level level)
{
	return level <= sink.level;
}

void log_redirect(void (*send)(void *ctx, enum log_level level, const char *text), void *ctx)
{
	sink.send = send;
	sink.ctx = ctx;
}

/* One write(2) a line, so that lines of several processes do not mix.  A full disk or a closed pipe
 * must not change what the command does. */
static void put(int fd, const char *line, size_t n)
{
	ssize_t done;

	do
		done = write(fd, line, n);
	while (done < 0 && errno == EINTR);
}

/* JSON needs " escaped and our \xNN turned into \u00NN; the text was escaped for terminals before. */
static void json_escape(const char *s, char *buf, size_t size)
{
	size_t out = 0;

	for (; *s && out + 8 < size; s++) {
		if (*s == '"' || *s == '\\')
			buf[out++] = '\\';
		buf[out++] = *s;
	}
	buf[out] = '\0';
}

static void to_file(enum log_level level, const char *text)
{
	char line[6144], quoted[4096], when[CLOCK_TEXT_MAX];
	int n;

	clock_text_now(when);
	json_escape(text, quoted, sizeof(quoted));
	if (sink.format == LOG_FORMAT_JSON)
		n = snprintf(line, sizeof(line), "{\"level\":\"%s\",\"msg\":\"%s\",\"time\":\"%s\"}\n",
			     level_words[level], quoted, when);
	else
		n = snprintf(line, sizeof(line), "time=\"%s\" level=%s msg=\"%s\"\n", when,
			     level_words[level], quoted);
	put(sink.fd, line, (size_t)n);
}

static void to_stderr(enum log_level level, const char *text)
{
	char line[4096];
	int n;

	if (sink.format == LOG_FORMAT_JSON && sink.fd < 0) {
		int saved = sink.fd;

		sink.fd = STDERR_FILENO;
		to_file(level, text);
		sink.fd = saved;
		return;
	}
	n = snprintf(line, sizeof(line), "orlop: %s%s\n", level == LOG_LEVEL_ERROR ? "" :
		     level == LOG_LEVEL_WARNING ? "warning: " : "", text);
	put(STDERR_FILENO, line, (size_t)n);
}

/* @text is foreign in part: it is escaped here, once, for every way out. */
static void emit(enum log_level level, const char *text)
{
	char clean[2048];

	if (!log_enabled(level))
		return;
	if (sink.send) {
		sink.send(sink.ctx, level, text);
		return;
	}
	str_escape(text, clean, sizeof(clean));
	if (sink.fd >= 0)
		to_file(level, clean);
	/* With a log file only errors are repeated on stderr, which belongs to the container too. */
	if (sink.fd < 0 || level == LOG_LEVEL_ERROR)
		to_stderr(level, clean);
}

void log_error(const struct error *err)
{
	char text[ERROR_TEXT_MAX + ERROR_WHERE_MAX + 16];

	if (err->where[0])
		snprintf(text, sizeof(text), "%s (at %s)", err->text, err->where);
	else
		snprintf(text, sizeof(text), "%s", err->text);
	emit(LOG_LEVEL_ERROR, text);
}

#define DEFINE_LOG(name, level)                                                \
	void name(const char *fmt, ...)                                        \
	{                                                                      \
		char text[1024];                                               \
		va_list ap;                                                    \
                                                                               \
		if (!log_enabled(level))                                       \
			return;                                                \
		va_start(ap, fmt);                                             \
		vsnprintf(text, sizeof(text), fmt, ap);                        \
		va_end(ap);                                                    \
		emit(level, text);                                             \
	}

DEFINE_LOG(log_warning, LOG_LEVEL_WARNING)
DEFINE_LOG(log_info, LOG_LEVEL_INFO)
DEFINE_LOG(log_debug, LOG_LEVEL_DEBUG)
