/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of a passwd(5) that belongs to an image (rule R20).  Runs in the child. */
#include "process/passwd.h"

#include <limits.h>
#include <string.h>

#include "util/str.h"

/* Field @index of the colon-separated @line of @n bytes; NULL when there are fewer. */
static const char *field(const char *line, size_t n, unsigned index, size_t *ret_len)
{
	const char *end = line + n;

	for (; index > 0; index--) {
		line = memchr(line, ':', (size_t)(end - line));
		if (!line)
			return NULL;
		line++;
	}
	*ret_len = (size_t)(end - line);
	if (memchr(line, ':', *ret_len))
		*ret_len = (size_t)((const char *)memchr(line, ':', *ret_len) - line);
	return line;
}

/* passwd(5): name:password:UID:GID:GECOS:directory:shell. */
static const char *home_in_line(struct arena *a, const char *line, size_t n, uint32_t uid)
{
	char number[11];
	size_t len;
	uint32_t value;
	const char *f;

	if (memchr(line, '\0', n))
		return NULL;
	f = field(line, n, 2, &len);
	if (!f || len == 0 || len >= sizeof(number))
		return NULL;
	memcpy(number, f, len);
	number[len] = '\0';
	if (str_to_u32(number, &value) < 0 || value != uid)
		return NULL;
	f = field(line, n, 5, &len);
	if (!f || len == 0 || len >= PATH_MAX || f[0] != '/')
		return "/";
	return arena_strndup(a, f, len);
}

const char *passwd_find(struct arena *a, const char *text, size_t len, uint32_t uid)
{
	for (size_t pos = 0; pos < len;) {
		const char *line = text + pos, *nl = memchr(line, '\n', len - pos);
		size_t n = nl ? (size_t)(nl - line) : len - pos;
		const char *home = home_in_line(a, line, n, uid);

		if (home)
			return home;
		pos += n + 1;
	}
	return NULL;
}

const char *passwd_home(struct arena *a, const char *text, size_t len, uint32_t uid)
{
	const char *home = passwd_find(a, text, len, uid);

	return home ? home : "/";
}

static bool number_in_line(const char *line, size_t n, const struct passwd_question *q, uint32_t *ret)
{
	char number[11];
	size_t len;
	const char *f = field(line, n, q->key, &len);

	if (!f || len != strlen(q->word) || memcmp(f, q->word, len) != 0 || memchr(line, '\0', n))
		return false;
	f = field(line, n, q->wanted, &len);
	if (!f || len >= sizeof(number))
		return false;
	memcpy(number, f, len);
	number[len] = '\0';
	return str_to_u32(number, ret) == 0;
}

bool passwd_number(const char *text, size_t len, const struct passwd_question *q, uint32_t *ret)
{
	for (size_t pos = 0; pos < len;) {
		const char *line = text + pos, *nl = memchr(line, '\n', len - pos);
		size_t n = nl ? (size_t)(nl - line) : len - pos;

		if (number_in_line(line, n, q, ret))
			return true;
		pos += n + 1;
	}
	return false;
}
