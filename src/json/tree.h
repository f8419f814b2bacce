/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON text to a tree in an arena.  Strict (rule R17): valid UTF-8, no NUL escape, no lone
 * surrogate, depth <= 64, strings <= 1 MiB, no duplicate member, nothing after the value; besides,
 * at most 2^18 values.
 * The only user of yajl.  Numbers keep their text, so 64-bit integers stay exact.
 */
#ifndef ORLOP_JSON_TREE_H
#define ORLOP_JSON_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"
#include "util/mem.h"

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
	enum json_type type;
	uint32_t offset;		/* of the value in the text, for line:column */
	union {
		bool boolean;
		char *number;		/* its text */
		struct { char *data; size_t len; } string;	/* NUL-terminated, no NUL inside */
		struct { struct json **v; size_t n; } array;
		struct { char **keys; struct json **v; size_t n; } object;
	};
};

#define JSON_MAX_DEPTH 64
#define JSON_MAX_STRING (1u << 20)
#define JSON_MAX_TEXT (16u << 20)
#define JSON_MAX_VALUES (1u << 18)	/* bounds the memory a hostile text can take: 64 MiB */

/* @text may be freed afterwards.  An error says where: JSON pointer, line and column. */
int json_parse(struct arena *a, const char *text, size_t len, struct json **ret, struct error *err);

/* The same; *ret_offset: where in @text the error is. */
int json_parse_at(struct arena *a, const char *text, size_t len, struct json **ret, size_t *ret_offset,
		  struct error *err);

/* Member of an object, or NULL; also NULL when it is JSON null (engines write null for "absent"). */
const struct json *json_get(const struct json *object, const char *key);

/* Line and column (from 1) of @offset. */
void json_position(const char *text, size_t len, size_t offset, unsigned *line, unsigned *column);

/* Strict integers out of a number's text: -EINVAL (not an integer literal) or -ERANGE. */
int json_i64(const struct json *v, int64_t *ret);
int json_u64(const struct json *v, uint64_t *ret);

/* "a string", "an object", ... for messages. */
const char *json_type_words(enum json_type type);

#endif
