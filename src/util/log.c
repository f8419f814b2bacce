/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages to stderr and to the file of --log.  Runs in the parent; the child redirects. */
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "sys/errors.h"
#include "sys/mutate.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/fd.h"
#include "util/input.h"
#include "util/str.h"

/* The sink: one of the two pieces of mutable file-scope data (style: "the log sink"). */
static struct {
	int fd;
	enum log_format format;		/* of the file */
	enum log_format on_stderr;
	bool on_stderr_set;
	enum log_level level;
	void (*send)(void *ctx, enum log_level level, const char *text);
	void *ctx;
} sink = {.fd = -1, .level = LOG_LEVEL_WARNING};

static const char *const level_words[] = {"error", "warning", "info", "debug"};

#define LINKS_MAX 8

/* The link @path leads to what is put into @path.  1: it is one of /proc, which only the kernel can follow. */
static int follow_link(char path[PATH_MAX])
{
	_cleanup_close_ int link = fd_openat(AT_FDCWD, path, O_PATH | O_NOFOLLOW, 0);
	char target[PATH_MAX], joined[2 * PATH_MAX], *slash = strrchr(path, '/');
	struct statfs fs;
	struct stat st;
	ssize_t n;

	if (link < 0)
		return link;
	if (fstat(link, &st) < 0 || fstatfs(link, &fs) < 0)
		return -errno;
	if (fs.f_type == PROC_SUPER_MAGIC)
		return 1;
	if (!S_ISLNK(st.st_mode) || (st.st_uid != 0 && st.st_uid != geteuid()))
		return -ELOOP;
	n = readlinkat(link, "", target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	snprintf(joined, sizeof(joined), "%.*s%s", target[0] == '/' || !slash ? 0 : (int)(slash + 1 - path),
		 path, target);
	if (strlen(joined) >= PATH_MAX)
		return -ENAMETOOLONG;
	strcpy(path, joined);
	return 0;
}

/*
 * A link of anybody else could lead us to any file.  O_NONBLOCK: a FIFO without a reader must not hang us
 * (ENXIO instead).
 */
static int open_file(const char *name)
{
	int flags = O_WRONLY | O_CREAT | O_APPEND | (MUTATE(T100) ? 0 : O_NONBLOCK), fd = -ELOOP, r = 0;
	char path[PATH_MAX];

	if (strlen(name) >= sizeof(path))
		return -ENAMETOOLONG;
	strcpy(path, name);
	for (unsigned i = 0; i < LINKS_MAX && fd == -ELOOP && r == 0; i++) {
		fd = fd_openat(AT_FDCWD, path, flags | O_NOFOLLOW, 0644);
		if (fd == -ELOOP)
			r = follow_link(path);
	}
	if (r < 0)
		return r;
	if (r == 1)
		fd = fd_openat(AT_FDCWD, path, flags, 0644);
	/* A socket cannot be opened again, nor the terminal of another user. */
	if (r == 1 && fd < 0 && input_descriptor(path) >= 0) {
		fd = fcntl(input_descriptor(path), F_DUPFD_CLOEXEC, 3);
		fd = fd < 0 ? -errno : fd;
	}
	return fd;
}

/* Would an error be seen there twice? */
static bool is_stderr(int fd)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && fstat(STDERR_FILENO, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

int log_open(const char *path, enum log_format format, enum log_level level, struct error *err)
{
	int r;

	sink.format = format;
	sink.level = level;
	if (!sink.on_stderr_set && !path)
		sink.on_stderr = format;
	if (!path)
		return 0;
	r = open_file(path);
	if (r == -ELOOP)
		error_set(err, ELOOP, "open log file %s: a symbolic link is only followed if it belongs to "
			  "root or to the caller", path);
	else if (r < 0)
		error_errno(err, r, "open log file %s", path);
	if (r < 0)
		return error_path(err, path);
	sink.fd = r;
	return 0;
}

void log_stderr_format(enum log_format format)
{
	sink.on_stderr = format;
	sink.on_stderr_set = true;
}

int log_fd(void)
{
	return sink.fd;
}

int log_move(int from)
{
	int fd = fcntl(sink.fd, F_DUPFD_CLOEXEC, from);

	if (fd < 0)
		return -errno;
	close(sink.fd);
	sink.fd = fd;
	return 0;
}

bool log_enabled(enum log_level level)
{
	return level <= sink.level;
}

void log_at_least(enum log_level level)
{
	if (sink.level < level)
		sink.level = level;
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

/* A text to be one line, bounded: what does not fit is left out. */
struct line {
	char text[12288];
	size_t n;
};

static __attribute__((format(printf, 2, 3))) void add(struct line *l, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->text + l->n, sizeof(l->text) - l->n, fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < sizeof(l->text) - l->n)
		l->n += (size_t)n;
	l->text[l->n] = '\0';
}

/* @value is foreign. */
static void add_member(struct line *l, const char *key, const char *value)
{
	char clean[2048], quoted[sizeof(clean) * 2];

	if (!value || !*value)
		return;
	json_escape(str_escape(value, clean, sizeof(clean)), quoted, sizeof(quoted));
	add(l, ",\"%s\":\"%s\"", key, quoted);
}

/* What programs look at, whatever the words are. */
static void add_error(struct line *l, const struct error *err)
{
	char hint[ERROR_TEXT_MAX];

	add_member(l, "code", error_code_name(err));
	add_member(l, "phase", err->phase);
	add_member(l, "pointer", err->where);
	add_member(l, "path", err->path);
	add_member(l, "errno", sys_error_name(err->code));
	add_member(l, "hint", error_hint_text(err, hint, sizeof(hint)));
}

/* @text is clean; @err NULL: it is no error, or nothing is known of it but that. */
static void put_message(int fd, enum log_format format, enum log_level level, const char *text,
			const struct error *err)
{
	char quoted[4096], when[CLOCK_TEXT_MAX];
	struct line line;

	line.n = 0;
	clock_text_now(when);
	json_escape(text, quoted, sizeof(quoted));
	if (format == LOG_FORMAT_TEXT) {
		add(&line, "time=\"%s\" level=%s msg=\"%s\"\n", when, level_words[level], quoted);
	} else {
		add(&line, "{\"level\":\"%s\",\"msg\":\"%s\",\"time\":\"%s\"", level_words[level], quoted, when);
		if (err)
			add_error(&line, err);
		add(&line, "}\n");
	}
	put(fd, line.text, line.n);
}

/* https://no-color.org */
static bool has_colours(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return !(no && *no) && term && *term && !str_eq(term, "dumb") && isatty(STDERR_FILENO);
}

static void to_stderr(enum log_level level, const char *text, const struct error *err)
{
	static const char *const begins[][2] = {
		[LOG_LEVEL_ERROR] = {"orlop: ", "\033[1;31morlop:\033[0m "},
		[LOG_LEVEL_WARNING] = {"orlop: warning: ", "orlop: \033[1;33mwarning:\033[0m "},
		[LOG_LEVEL_INFO] = {"orlop: ", "orlop: "},
		[LOG_LEVEL_DEBUG] = {"orlop: ", "orlop: "},
	};
	char line[4096];
	int n;

	if (sink.on_stderr == LOG_FORMAT_JSON) {
		put_message(STDERR_FILENO, LOG_FORMAT_JSON, level, text, err);
		return;
	}
	n = snprintf(line, sizeof(line), "%s%s\n", begins[level][has_colours()], text);
	put(STDERR_FILENO, line, (size_t)n);
}

/* @text is foreign in part: it is escaped here, once, for every way out. */
static void emit(enum log_level level, const char *text, const struct error *err)
{
	char clean[2048];

	if (!log_enabled(level))
		return;
	if (sink.send) {
		sink.send(sink.ctx, level, text);
		return;
	}
	if (MUTATE(T99))
		snprintf(clean, sizeof(clean), "%s", text);
	else
		str_escape(text, clean, sizeof(clean));
	if (sink.fd >= 0)
		put_message(sink.fd, sink.format, level, clean, err);
	/* With a log file only errors are repeated on stderr, which belongs to the container too. */
	if (sink.fd < 0 || (level == LOG_LEVEL_ERROR && !is_stderr(sink.fd)))
		to_stderr(level, clean, err);
}

void log_error(const struct error *err)
{
	char text[ERROR_TEXT_MAX + ERROR_WHERE_MAX + 16];

	if (err->where[0])
		snprintf(text, sizeof(text), "%s (at %s)", err->text, err->where);
	else
		snprintf(text, sizeof(text), "%s", err->text);
	emit(LOG_LEVEL_ERROR, text, err);
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
		emit(level, text, NULL);                                       \
	}

DEFINE_LOG(log_warning, LOG_LEVEL_WARNING)
DEFINE_LOG(log_info, LOG_LEVEL_INFO)
DEFINE_LOG(log_debug, LOG_LEVEL_DEBUG)
