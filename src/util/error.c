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

int error_set(struct error *err, int code, const char *fmt, ...)
{
	va_list ap;

	code = abs(code);
	err->code = code;
	err->where[0] = '\0';
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -code;
}

int error_errno(struct error *err, int errnum, const char *fmt, ...)
{
	va_list ap;

	err->code = abs(errnum);
	err->where[0] = '\0';
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

	err->code = EINVAL;
	snprintf(err->where, sizeof(err->where), "%s", where);
	end_with_a_character(err->where, sizeof(err->where));
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -err->code;
}

int error_in(struct error *err, const char *fmt, ...)
{
	char old[ERROR_TEXT_MAX];
	va_list ap;

	memcpy(old, err->text, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	append(err->text, sizeof(err->text), ": ");
	append(err->text, sizeof(err->text), old);
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

int error_hint(struct error *err, const char *fmt, ...)
{
	char hint[ERROR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(hint, sizeof(hint), fmt, ap);
	va_end(ap);
	append(err->text, sizeof(err->text), " (");
	append(err->text, sizeof(err->text), hint);
	append(err->text, sizeof(err->text), ")");
	return -err->code;
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
			memcpy(at, table[i].instead, new);
			memmove(at + new, at + old, strlen(at + old) + 1);
		}
	}
}
