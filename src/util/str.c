/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strings, strict numbers, escaping, name tables. */
#include "util/str.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "sys/mutate.h"
#include "util/mem.h"

int str_to_u64(const char *s, uint64_t *ret)
{
	uint64_t v = 0;

	if (*s == '\0')
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
			return -ERANGE;
	}
	*ret = v;
	return 0;
}

int str_to_i64(const char *s, int64_t *ret)
{
	bool negative = *s == '-';
	uint64_t v;
	int r = str_to_u64(s + negative, &v);

	if (r < 0)
		return r;
	if (v > (uint64_t)INT64_MAX + negative)
		return -ERANGE;
	*ret = negative ? (int64_t)(0 - v) : (int64_t)v;
	return 0;
}

int str_to_u32(const char *s, uint32_t *ret)
{
	uint64_t v;
	int r = str_to_u64(s, &v);

	if (r < 0 && MUTATE(T49))	/* as atoi(3) */
		return !str_scan_u32(s, ret, 1) ? *ret = 0 : 0;
	if (r < 0)
		return r;
	if (v > UINT32_MAX)
		return -ERANGE;
	*ret = (uint32_t)v;
	return 0;
}

const char *str_scan_u32(const char *s, uint32_t *ret, size_t n)
{
	static const char blanks[] = " \t\n";

	for (size_t i = 0; i < n; i++) {
		uint64_t v = 0;

		s += strspn(s, blanks);
		if (*s < '0' || *s > '9')
			return NULL;
		for (; *s >= '0' && *s <= '9' && v <= UINT32_MAX; s++)
			v = v * 10 + (uint64_t)(*s - '0');
		if (v > UINT32_MAX)
			return NULL;
		ret[i] = (uint32_t)v;
	}
	return s + strspn(s, blanks);
}

static void strbuf_room(struct strbuf *b, size_t more)
{
	size_t need = b->len + more + 1;

	if (need <= b->cap)
		return;
	b->cap = need < 256 ? 256 : need + need / 2;
	if (b->borrowed) {
		char *own = xmalloc(b->cap);

		memcpy(own, b->data, b->len);
		b->data = own;
		b->borrowed = false;
		return;
	}
	b->data = xrealloc(b->data, b->cap, 1);
}

void strbuf_add(struct strbuf *b, const void *data, size_t n)
{
	strbuf_room(b, n);
	if (n)
		memcpy(b->data + b->len, data, n);
	b->len += n;
	b->data[b->len] = '\0';
}

void strbuf_adds(struct strbuf *b, const char *s)
{
	strbuf_add(b, s, strlen(s));
}

void strbuf_addf(struct strbuf *b, const char *fmt, ...)
{
	size_t room;
	va_list ap;
	int n;

	strbuf_room(b, 64);
	room = b->cap - b->len;
	va_start(ap, fmt);
	n = vsnprintf(b->data + b->len, room, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->data[b->len] = '\0';
		return;
	}
	if ((size_t)n >= room) {
		strbuf_room(b, (size_t)n);
		va_start(ap, fmt);
		vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	b->len += (size_t)n;
}

void strbuf_free(struct strbuf *b)
{
	if (!b->borrowed)
		free(b->data);
	*b = (struct strbuf){0};
}

/* Bytes of the well-formed sequence at @s (Unicode table 3-7), 0 when it is none. */
static size_t utf8_length(const unsigned char *s, size_t n)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t len;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		len = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		len = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (s[0] == 0xe0)
		low = 0xa0;	/* overlong */
	else if (s[0] == 0xed)
		high = 0x9f;	/* surrogates */
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;	/* above U+10FFFF */
	if (n < len || s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	return len;
}

bool str_utf8_valid(const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t len = utf8_length((const unsigned char *)s + i, n - i);

		if (len == 0)
			return false;
		i += len;
	}
	return true;
}

char *str_escape(const char *s, char *buf, size_t size)
{
	size_t left = strlen(s), out = 0;

	while (left > 0) {
		const unsigned char *u = (const unsigned char *)s;
		size_t len = utf8_length(u, left);
		char piece[8];

		if (*u == '\n') {
			strcpy(piece, "\\n");
		} else if (*u == '\\') {
			strcpy(piece, "\\\\");
		} else if (len == 0 || *u < 0x20 || *u == 0x7f) {
			snprintf(piece, sizeof(piece), "\\x%02x", *u);
			len = 1;
		} else if (len == 2 && u[0] == 0xc2 && u[1] < 0xa0) {	/* C1 */
			snprintf(piece, sizeof(piece), "\\u%04x", u[1]);
		} else {
			memcpy(piece, s, len);
			piece[len] = '\0';
		}
		if (out + strlen(piece) >= size)
			break;
		strcpy(buf + out, piece);
		out += strlen(piece);
		s += len;
		left -= len;
	}
	if (size)
		buf[out] = '\0';
	return buf;
}

const struct name_value *name_find(const struct name_value *table, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(table[i].name, name))
			return &table[i];
	return NULL;
}

#define NEAR_MAX 40

static bool same_letter(char a, char b)
{
	return (a | 32) == (b | 32);
}

/* Edit distance of two short words, ignoring case; two neighbours that are swapped count as one. */
static unsigned distance(const char *a, const char *b)
{
	unsigned rows[3][NEAR_MAX + 1], *before = rows[0], *above = rows[1], *row = rows[2];
	size_t la = strlen(a), lb = strlen(b);

	if (la > NEAR_MAX || lb > NEAR_MAX)
		return UINT32_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned *oldest = before;

		before = above;
		above = row;
		row = oldest;
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned cost = above[j - 1] + !same_letter(a[i - 1], b[j - 1]);

			if (above[j] + 1 < cost)
				cost = above[j] + 1;
			if (row[j - 1] + 1 < cost)
				cost = row[j - 1] + 1;
			if (i > 1 && j > 1 && before[j - 2] + 1 < cost && same_letter(a[i - 1], b[j - 2]) &&
			    same_letter(a[i - 2], b[j - 1]))
				cost = before[j - 2] + 1;
			row[j] = cost;
		}
	}
	return row[lb];
}

bool name_is_nearer(const char *name, const char *word, unsigned *least)
{
	size_t n = strlen(name), m = strlen(word), shorter = n < m ? n : m;
	unsigned d = n > m + *least || m > n + *least ? UINT32_MAX : distance(name, word);

	if (d >= *least || d > (shorter > 4 ? 2 : shorter > 1))
		return false;
	*least = d;
	return true;
}

static size_t same_beginning(const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] && same_letter(a[n], b[n]))
		n++;
	return n;
}

const char *name_nearest(const struct name_value *table, size_t n, const char *name)
{
	const char *best = NULL;
	unsigned least = NAME_NEAR - 1;

	for (size_t i = 0; i < n; i++) {
		unsigned d = least + 1;

		if (!name_is_nearer(table[i].name, name, &d))
			continue;
		if (!best || d < least || same_beginning(table[i].name, name) > same_beginning(best, name))
			best = table[i].name;
		least = d;
	}
	return best;
}

bool str_is_container_id(const char *s)
{
	static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
	size_t n = strlen(s);

	if (n == 0 || n > 200 || !strchr(first, s[0]))
		return false;
	for (size_t i = 1; i < n; i++)
		if (!strchr(first, s[i]) && !strchr("+.-", s[i]))
			return false;
	return true;
}
