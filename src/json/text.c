/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON text below the level of values: what yajl takes and we do not, positions, integers. */
#include "json/text.h"

#include <errno.h>
#include <string.h>

#include "json/tree.h"
#include "util/str.h"

static int hex4(const char *p, const char *end)
{
	int v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int c = (unsigned char)p[i], lower = c | 0x20;

		if (c >= '0' && c <= '9')
			v = v * 16 + c - '0';
		else if (lower >= 'a' && lower <= 'f')
			v = v * 16 + lower - 'a' + 10;
		else
			return -1;
	}
	return v;
}

/* @p stands on a backslash.  NULL when the escape is fine (or is one that yajl refuses). */
static const char *bad_escape(const char *p, const char *end, size_t *ret_len)
{
	int first, second;

	*ret_len = end - p < 2 ? (size_t)(end - p) : 2;
	if (end - p < 2 || p[1] != 'u')
		return NULL;
	first = hex4(p + 2, end);
	if (first < 0)
		return NULL;
	*ret_len = 6;
	if (first == 0)
		return "the escape \\u0000 (strings cannot hold a NUL)";
	if (first < 0xd800 || first > 0xdfff)
		return NULL;
	second = end - p >= 8 && p[6] == '\\' && p[7] == 'u' ? hex4(p + 8, end) : -1;
	*ret_len = 12;
	if (first <= 0xdbff && second >= 0xdc00 && second <= 0xdfff)
		return NULL;
	return "a surrogate escape without its partner";
}

/* Backslashes outside of strings need no thought: yajl refuses them. */
size_t json_first_forbidden(const char *text, size_t len, const char **ret_why)
{
	const char *p = text, *end = text + len;
	size_t n = 0;

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		*ret_why = "a byte order mark at the start";
		return 0;
	}
	while (p < end) {
		unsigned char c = (unsigned char)*p;

		if (c == '\\') {
			*ret_why = bad_escape(p, end, &n);
			if (*ret_why)
				return (size_t)(p - text);
			p += n;
			continue;
		}
		if (c < 0x20 && c != '\t' && c != '\n' && c != '\r') {
			*ret_why = "a control character";
			return (size_t)(p - text);
		}
		if (c < 0x80) {
			p++;
			continue;
		}
		n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
		if ((size_t)(end - p) < n || !str_utf8_valid(p, n)) {
			*ret_why = "a byte that is not UTF-8";
			return (size_t)(p - text);
		}
		p += n;
	}
	return len;
}

void json_position(const char *text, size_t len, size_t offset, unsigned *line, unsigned *column)
{
	const char *start = text, *at = text + (offset < len ? offset : len), *p;

	*line = 1;
	while ((p = memchr(start, '\n', (size_t)(at - start)))) {
		start = p + 1;
		(*line)++;
	}
	*column = 1;
	for (; start < at; start++)
		if (((unsigned char)*start & 0xc0) != 0x80)	/* characters, not bytes */
			(*column)++;
}

/* Digits with at most a minus in front; JSON has no leading zeros and no plus. */
static bool is_integer(const char *s)
{
	if (*s == '-')
		s++;
	return *s && s[strspn(s, "0123456789")] == '\0';
}

int json_i64(const struct json *v, int64_t *ret)
{
	if (v->type != JSON_NUMBER || !is_integer(v->number))
		return -EINVAL;
	return str_to_i64(v->number, ret);
}

int json_u64(const struct json *v, uint64_t *ret)
{
	if (v->type != JSON_NUMBER || !is_integer(v->number))
		return -EINVAL;
	if (v->number[0] == '-')
		return -ERANGE;
	return str_to_u64(v->number, ret);
}
