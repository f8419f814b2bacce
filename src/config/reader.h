/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Field tables: one row per member of a JSON object says how it is read, into which member of which
 * struct, and what a single value must look like.  The reader knows the JSON pointer of everything it
 * looks at.  Rules between members are in validate*.c.
 */
#ifndef ORLOP_CONFIG_READER_H
#define ORLOP_CONFIG_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json/tree.h"
#include "oci/types.h"
#include "util/error.h"
#include "util/findings.h"
#include "util/mem.h"
#include "util/str.h"

struct reader {
	struct arena *arena;
	struct error *err;
	const struct json *culprit;	/* the value an error is about, for its line and column */
	unsigned warnings;		/* so that a hostile file cannot flood the log */
	struct findings *all;		/* every error is noted there and reading goes on; NULL: the first is the end */
};

/* Where we are: the members and indexes from here up to the root (@up == NULL). */
struct at {
	const struct at *up;
	const char *key;		/* NULL: an array element */
	size_t index;
};

enum field_type {
	FIELD_TYPE_BOOL, FIELD_TYPE_STRING, FIELD_TYPE_STRINGS, FIELD_TYPE_KEY_VALUES,
	FIELD_TYPE_U32, FIELD_TYPE_I64, FIELD_TYPE_U64,
	FIELD_TYPE_OPT_BOOL, FIELD_TYPE_OPT_I32, FIELD_TYPE_OPT_I64, FIELD_TYPE_OPT_U32,
	FIELD_TYPE_OPT_U64,
	FIELD_TYPE_OBJECT,		/* a struct inside the struct */
	FIELD_TYPE_LIST,		/* an array of structs */
	FIELD_TYPE_CALL,		/* a function of its own */
};

enum field_flags {
	REQUIRED = 1 << 0,
	NONEMPTY = 1 << 1,		/* strings, keys: "" is refused */
	EMPTY_IS_ABSENT = 1 << 2,	/* strings: "" leaves NULL (Go omits empty strings or not) */
	ABSOLUTE = 1 << 3,		/* strings: must begin with "/" */
	ENVIRONMENT = 1 << 4,		/* strings: NAME=value */
	ONE_LINE = 1 << 5,		/* strings: no newline */
	IS_ID = 1 << 6,			/* U32: 4294967295 is "no id" to the kernel */
	ZERO_IF_ABSENT = 1 << 7,	/* U32: absent is 0, with a warning */
	ANY_CASE = 1 << 8,		/* the name, too: callers write it so, as Go's reader takes any */
};

struct object;
struct reader;

struct field {
	const char *name;
	enum field_type type;
	unsigned flags;
	size_t offset, n_offset;	/* in the struct; n_offset: of a list's count */
	bool ranged;			/* @min and @max hold, else the range of the type */
	int64_t min;
	uint64_t max;
	const struct object *object;	/* OBJECT, LIST */
	int (*read)(struct reader *r, const struct at *at, const struct json *v, void *base);
};

struct object {
	const struct field *fields;
	size_t n_fields;		/* at most 64 */
	size_t size;			/* of the struct */
	size_t present;			/* offset of a bool set when the object is there */
	bool has_present;
	/* Runs after all members; @v is the object, @base the struct. */
	int (*done)(struct reader *r, const struct at *at, const struct json *v, void *base);
};

/* The offset of member @m in struct @s, checked to be of type @t. */
#define OFFSET_OF_TYPE(s, m, t) \
	(offsetof(s, m) + 0 * sizeof(char[ \
		__builtin_types_compatible_p(__typeof__(((s *)0)->m), t) ? 1 : -1]))

#define FIELD_(name_, type_, s, m, t) \
	.name = (name_), .type = (type_), .offset = OFFSET_OF_TYPE(s, m, t)
#define FIELD_BOOL(n, s, m) FIELD_(n, FIELD_TYPE_BOOL, s, m, bool)
#define FIELD_STRING(n, s, m) FIELD_(n, FIELD_TYPE_STRING, s, m, char *)
#define FIELD_STRINGS(n, s, m) FIELD_(n, FIELD_TYPE_STRINGS, s, m, struct strings)
#define FIELD_KEY_VALUES(n, s, m) FIELD_(n, FIELD_TYPE_KEY_VALUES, s, m, struct key_values)
#define FIELD_U32(n, s, m) FIELD_(n, FIELD_TYPE_U32, s, m, uint32_t)
#define FIELD_I64(n, s, m) FIELD_(n, FIELD_TYPE_I64, s, m, int64_t)
#define FIELD_U64(n, s, m) FIELD_(n, FIELD_TYPE_U64, s, m, uint64_t)
#define FIELD_OPT_BOOL(n, s, m) FIELD_(n, FIELD_TYPE_OPT_BOOL, s, m, struct opt_bool)
#define FIELD_OPT_I32(n, s, m) FIELD_(n, FIELD_TYPE_OPT_I32, s, m, struct opt_i32)
#define FIELD_OPT_I64(n, s, m) FIELD_(n, FIELD_TYPE_OPT_I64, s, m, struct opt_i64)
#define FIELD_OPT_U32(n, s, m) FIELD_(n, FIELD_TYPE_OPT_U32, s, m, struct opt_u32)
#define FIELD_OPT_U64(n, s, m) FIELD_(n, FIELD_TYPE_OPT_U64, s, m, struct opt_u64)
#define FIELD_OBJECT(n, s, m, o) \
	.name = (n), .type = FIELD_TYPE_OBJECT, .offset = offsetof(s, m), .object = (o)
/* @m: array of structs, @c: its size_t count, both members of @s. */
#define FIELD_LIST(n, s, m, c, o) \
	.name = (n), .type = FIELD_TYPE_LIST, .offset = offsetof(s, m), \
	.n_offset = OFFSET_OF_TYPE(s, c, size_t), .object = (o)
#define FIELD_CALL(n, f) .name = (n), .type = FIELD_TYPE_CALL, .read = (f)
#define RANGE(lo, hi) .ranged = true, .min = (lo), .max = (hi)

#define LIST_MAX 65536u		/* elements in an array of objects */

/* An error about @v at @at: code EINVAL, returned negative. */
int reader_fail(struct reader *r, const struct at *at, const struct json *v, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The same for the member @key of @at, which may be missing in the object @v. */
int reader_fail_member(struct reader *r, const struct at *at, const struct json *v,
		       const char *key, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* After a member or an element that was read with the result @e: returned, or, with @all, noted and 0. */
int reader_go_on(struct reader *r, int e);

/* "not supported by this version of orlop". */
int reader_refuse(struct reader *r, const struct at *at, const struct json *v, const char *what);

/* A warning with the pointer of @at; only the first few are printed. */
void reader_warn(struct reader *r, const struct at *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

int reader_type(struct reader *r, const struct at *at, const struct json *v, enum json_type type);
int reader_object(struct reader *r, const struct at *at, const struct json *v,
		  const struct object *o, void *base);
/* An array of objects, as the row @f says. */
int reader_list(struct reader *r, const struct at *at, const struct json *v,
		const struct field *f, void *base);
/* A number of the type and in the range of @f, for reader.c. */
int reader_number_field(struct reader *r, const struct at *at, const struct json *v,
			const struct field *f, void *to);
/* One number that is a uid or gid. */
int reader_id(struct reader *r, const struct at *at, const struct json *v, uint32_t *ret);
int reader_strings(struct reader *r, const struct at *at, const struct json *v, unsigned flags,
		   struct strings *ret);
/* A string that must be a word of @table; "did you mean" is part of the error. */
int reader_word(struct reader *r, const struct at *at, const struct json *v,
		const struct name_value *table, size_t n, const struct name_value **ret);

#endif
