/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON pointers: made while reading, and followed to find the line of a value. */
#include "json/pointer.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "json/tree.h"
#include "util/str.h"

#define CUT "..."

static bool is_cut(const char *buf, size_t len)
{
	return len >= strlen(CUT) && str_eq(buf + len - strlen(CUT), CUT);
}

static void cut(char *buf, size_t size, size_t len)
{
	/* Not in the middle of a UTF-8 sequence: step back to a byte that starts a character. */
	if (len > size - sizeof(CUT))
		len = size - sizeof(CUT);
	while (len > 0 && ((unsigned char)buf[len] & 0xc0) == 0x80)
		len--;
	memcpy(buf + len, CUT, sizeof(CUT));
}

/* Append @n bytes, or end the pointer in "..." and return false. */
static bool add(char *buf, size_t size, size_t *len, const char *bytes, size_t n)
{
	if (*len + n >= size) {
		cut(buf, size, *len);
		return false;
	}
	memcpy(buf + *len, bytes, n);
	*len += n;
	buf[*len] = '\0';
	return true;
}

void json_pointer_key(char *buf, size_t size, const char *key)
{
	size_t len = strlen(buf);

	if (is_cut(buf, len) || !add(buf, size, &len, "/", 1))
		return;
	for (; *key; key++) {
		const char *s = *key == '~' ? "~0" : *key == '/' ? "~1" : key;

		if (!add(buf, size, &len, s, s == key ? 1 : 2))
			return;
	}
}

void json_pointer_index(char *buf, size_t size, size_t index)
{
	char word[24];

	snprintf(word, sizeof(word), "%zu", index);
	json_pointer_key(buf, size, word);
}

/* Does the escaped segment @seg of length @n name @key? */
static bool segment_is(const char *seg, size_t n, const char *key)
{
	const char *end = seg + n;

	for (; seg < end; seg++, key++) {
		char c = *seg;

		if (c == '~' && seg + 1 < end)
			c = *++seg == '0' ? '~' : '/';
		if (*key != c)
			return false;
	}
	return *key == '\0';
}

static const struct json *child(const struct json *v, const char *seg, size_t n)
{
	if (v->type == JSON_OBJECT) {
		for (size_t i = 0; i < v->object.n; i++)
			if (segment_is(seg, n, v->object.keys[i]))
				return v->object.v[i];
	} else if (v->type == JSON_ARRAY && n > 0 && n < 10) {
		size_t index = 0;

		for (size_t i = 0; i < n; i++) {
			if (seg[i] < '0' || seg[i] > '9')
				return NULL;
			index = index * 10 + (size_t)(seg[i] - '0');
		}
		if (index < v->array.n)
			return v->array.v[index];
	}
	return NULL;
}

/* As far as *pointer, which moves behind what was found, leads. */
static const struct json *follow(const struct json *v, const char **pointer)
{
	while (**pointer == '/') {
		const char *seg = *pointer + 1;
		size_t n = strcspn(seg, "/");
		const struct json *c = child(v, seg, n);

		if (!c)
			break;
		v = c;
		*pointer = seg + n;
	}
	return v;
}

const struct json *json_pointer_find(const struct json *root, const char *pointer)
{
	return follow(root, &pointer);
}

const struct json *json_pointer_get(const struct json *root, const char *pointer)
{
	const struct json *v = follow(root, &pointer);

	return *pointer ? NULL : v;
}
