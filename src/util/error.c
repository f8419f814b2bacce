/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errors without heap, for every process of ours. */
#include "util/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "sys/errors.h"
#include "sys/probe.h"

#define OLDEST_RELEASE "5.14"	/* cgroup.kill */

const char *error_words(int errnum)
{
	const char *words = sys_error_words(abs(errnum));

	return words ? words : "unknown error";
}

/* Append to a bounded string. */
static void append(char *buf, size_t size, const char *s)
{
	size_t len = strlen(buf);

	snprintf(buf + len, size - len, "%s", s);
}

/* All but the text. */
static void begin(struct error *err, int code, enum error_kind kind)
{
	err->code = abs(code);
	err->kind = (unsigned char)kind;
	err->hint = 0;
	err->phase[0] = err->where[0] = err->path[0] = '\0';
}

int error_set(struct error *err, int code, const char *fmt, ...)
{
	va_list ap;

	begin(err, code, ERROR_OF_ERRNO);
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -err->code;
}

int error_of(struct error *err, enum error_kind kind, int code, const char *fmt, ...)
{
	va_list ap;

	begin(err, code, kind);
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -err->code;
}

int error_errno(struct error *err, int errnum, const char *fmt, ...)
{
	va_list ap;

	begin(err, errnum, ERROR_OF_ERRNO);
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	append(err->text, sizeof(err->text), ": ");
	append(err->text, sizeof(err->text), error_words(errnum));
	return -err->code;
}

/* What was cut to fit is not cut within a character: step back to where one begins. */
static void end_with_a_character(char *s, size_t size)
{
	size_t n = strlen(s), start = n;

	if (n < size - 1)
		return;
	while (start > 0 && ((unsigned char)s[start - 1] & 0xc0) == 0x80)
		start--;
	if (start > 0 && (unsigned char)s[start - 1] >= 0xc0)
		s[start - 1] = '\0';
}

int error_config(struct error *err, const char *where, const char *fmt, ...)
{
	va_list ap;

	begin(err, EINVAL, ERROR_CONFIG);
	snprintf(err->where, sizeof(err->where), "%s", where);
	end_with_a_character(err->where, sizeof(err->where));
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -err->code;
}

int error_usage(struct error *err, const char *fmt, ...)
{
	va_list ap;

	begin(err, EINVAL, ERROR_USAGE);
	error_phase(err, "options");
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -err->code;
}

/* The hint has moved with the text, and is gone if that was cut before it. */
static void move_hint(struct error *err, size_t to)
{
	err->hint = err->hint && to < strlen(err->text) ? (unsigned short)to : 0;
}

int error_in(struct error *err, const char *fmt, ...)
{
	char old[ERROR_TEXT_MAX];
	size_t before;
	va_list ap;

	memcpy(old, err->text, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	append(err->text, sizeof(err->text), ": ");
	before = strlen(err->text);
	append(err->text, sizeof(err->text), old);
	move_hint(err, before + err->hint);
	return -err->code;
}

int error_at(struct error *err, const char *fmt, ...)
{
	va_list ap;

	if (err->where[0] != '\0')
		return -err->code;
	va_start(ap, fmt);
	vsnprintf(err->where, sizeof(err->where), fmt, ap);
	va_end(ap);
	end_with_a_character(err->where, sizeof(err->where));
	return -err->code;
}

int error_kind(struct error *err, enum error_kind kind)
{
	if (err->kind == ERROR_OF_ERRNO)
		err->kind = (unsigned char)kind;
	return -err->code;
}

int error_phase(struct error *err, const char *phase)
{
	if (err->phase[0] == '\0')
		snprintf(err->phase, sizeof(err->phase), "%s", phase);
	return -err->code;
}

int error_path(struct error *err, const char *path)
{
	if (err->path[0] == '\0' && strlen(path) < sizeof(err->path))
		strcpy(err->path, path);
	return -err->code;
}

int error_note(struct error *err, const char *fmt, ...)
{
	char note[ERROR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(note, sizeof(note), fmt, ap);
	va_end(ap);
	append(err->text, sizeof(err->text), " (");
	append(err->text, sizeof(err->text), note);
	append(err->text, sizeof(err->text), ")");
	return -err->code;
}

int error_hint(struct error *err, const char *fmt, ...)
{
	char hint[ERROR_TEXT_MAX];
	size_t n = strlen(err->text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(hint, sizeof(hint), fmt, ap);
	va_end(ap);
	if (err->hint && err->text[n - 1] == ')') {
		err->text[n - 1] = '\0';
		append(err->text, sizeof(err->text), "; ");
	} else {
		append(err->text, sizeof(err->text), " (");
		if (!err->hint && n + 2 < sizeof(err->text) - 1)
			err->hint = (unsigned short)(n + 2);
	}
	append(err->text, sizeof(err->text), hint);
	append(err->text, sizeof(err->text), ")");
	return -err->code;
}

int error_hint_limits(struct error *err, int code)
{
	if (code == -ENOSPC || code == -EUSERS)
		error_hint(err, "a limit on namespaces or mounts is reached: see /proc/sys/user/max_*_namespaces and "
			   "/proc/sys/fs/mount-max");
	return code;
}

const char *error_hint_text(const struct error *err, char *buf, size_t size)
{
	size_t n;

	snprintf(buf, size, "%s", err->hint ? err->text + err->hint : "");
	n = strlen(buf);
	if (n > 0 && buf[n - 1] == ')')
		buf[n - 1] = '\0';
	return buf;
}

void error_received(struct error *err)
{
	err->phase[sizeof(err->phase) - 1] = err->where[sizeof(err->where) - 1] = '\0';
	err->path[sizeof(err->path) - 1] = err->text[sizeof(err->text) - 1] = '\0';
	if (err->kind >= N_ERROR_KINDS)
		err->kind = ERROR_OF_ERRNO;
	if (err->hint >= strlen(err->text))
		err->hint = 0;
}

const char *error_code_name(const struct error *err)
{
	static const char kinds[N_ERROR_KINDS][20] = {
		[ERROR_USAGE] = "usage", [ERROR_CONFIG] = "config", [ERROR_CONTAINER_UNKNOWN] = "container-unknown",
		[ERROR_CONTAINER_EXISTS] = "container-exists", [ERROR_CONTAINER_STATE] = "container-state",
		[ERROR_CONTAINER_DAMAGED] = "container-damaged", [ERROR_PROGRAM] = "program", [ERROR_HOOK] = "hook",
	};
	static const struct {
		unsigned char code;
		char name[15];
	} codes[] = {
		{EPERM, "denied"}, {EACCES, "denied"}, {EROFS, "denied"},
		{ENOENT, "not-found"}, {ENOTDIR, "not-found"}, {ENODEV, "not-found"}, {ENXIO, "not-found"},
		{ESRCH, "not-found"}, {EEXIST, "exists"}, {EBUSY, "busy"}, {ETXTBSY, "busy"}, {ENOTEMPTY, "busy"},
		{ENOSYS, "not-supported"}, {EOPNOTSUPP, "not-supported"}, {EPROTONOSUPPORT, "not-supported"},
		{ENOMEM, "no-resources"}, {ENOSPC, "no-resources"}, {EDQUOT, "no-resources"}, {EMFILE, "no-resources"},
		{ENFILE, "no-resources"}, {EAGAIN, "no-resources"}, {EFBIG, "no-resources"},
		{ETIMEDOUT, "timeout"}, {EINTR, "interrupted"}, {EINVAL, "refused"}, {ERANGE, "refused"},
		{ELOOP, "refused"}, {E2BIG, "refused"}, {ENAMETOOLONG, "refused"},
	};

	if (err->kind != ERROR_OF_ERRNO)
		return kinds[err->kind];
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].code == err->code)
			return codes[i].name;
	return "failed";
}

bool error_hint_release(struct error *err, const char *feature, const char *release)
{
	struct utsname host;

	if (!kernel_is_older(release) || uname(&host) < 0)
		return false;
	error_hint(err, "%s needs Linux %s or later, this is %s", feature, release, host.release);
	return true;
}

void error_hint_kernel(struct error *err)
{
	const struct kernel_call *missing = err->code == ENOSYS ? kernel_missing_call() : NULL;

	if (missing && !kernel_is_older(missing->release))
		error_hint(err, "%s(2) of Linux %s is missing here: a seccomp filter of the host may hide it",
			   missing->name, missing->release);
	else if (missing)
		error_hint(err, "there is no %s(2), which came with Linux %s", missing->name, missing->release);
	error_hint_release(err, "orlop", OLDEST_RELEASE);
}

void error_not_of_program(struct error *err)
{
	static const struct {
		const char *words, *instead;
	} table[] = {
		{"permission denied", "access denied"}, {"is a directory", "a directory"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char *at = strstr(err->text, table[i].words);
		size_t old = strlen(table[i].words), new = strlen(table[i].instead);

		for (; at; at = strstr(at + new, table[i].words)) {
			if (err->hint > (size_t)(at - err->text))
				err->hint = (unsigned short)(err->hint - (old - new));
			memcpy(at, table[i].instead, new);
			memmove(at + new, at + old, strlen(at + old) + 1);
		}
	}
}
