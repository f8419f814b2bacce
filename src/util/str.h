/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strings, numbers and small tables of names. */
#ifndef ORLOP_UTIL_STR_H
#define ORLOP_UTIL_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline bool str_eq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static inline bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static inline bool str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && strcmp(s + n - m, suffix) == 0;
}

/*
 * Strict numbers: decimal digits only (a leading '-' for the signed form), no spaces, no '+',
 * whole string, in range.  0, or -EINVAL, or -ERANGE.  Nothing is stored on failure.
 */
int str_to_u64(const char *s, uint64_t *ret);
int str_to_i64(const char *s, int64_t *ret);
int str_to_u32(const char *s, uint32_t *ret);

/*
 * @n such numbers from a line that the kernel wrote, with blanks (also ends of lines) between and
 * around them; what follows them, or NULL.  sscanf(3) brings 80 KiB of other conversions along.
 */
const char *str_scan_u32(const char *s, uint32_t *ret, size_t n);

/* A growing byte buffer; start with {0}, always NUL-terminated once anything was added. */
struct strbuf {
	char *data;
	size_t len, cap;
	bool borrowed;		/* @data is the caller's, up to @cap */
};

/* An empty one that begins in the array @buf and leaves it when that is too small. */
#define STRBUF_IN(buf) ((struct strbuf){.data = (buf), .cap = sizeof(buf), .borrowed = true})

void strbuf_add(struct strbuf *b, const void *data, size_t n);
void strbuf_adds(struct strbuf *b, const char *s);
void strbuf_addf(struct strbuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strbuf_free(struct strbuf *b);

/*
 * Copy @s into @buf (at most @size bytes, always terminated) with every byte that could forge a
 * line or drive a terminal (C0, DEL, C1, invalid UTF-8, backslash) written as \xNN or \n, \t, \\.
 * Returns @buf.
 */
char *str_escape(const char *s, char *buf, size_t size);

/* Is it well-formed UTF-8 (no overlong forms, no surrogates, at most U+10FFFF)? */
bool str_utf8_valid(const char *s, size_t n);

/* One row per word: the parser, error messages and `features` read the same table. */
struct name_value {
	const char *name;
	uint64_t value;
};

/* Exact, case-sensitive lookup; NULL when absent. */
const struct name_value *name_find(const struct name_value *table, size_t n, const char *name);

/*
 * Could @word, which is not known, be meant for @name, and rather than for those that were asked about with the same
 * *least before?  That begins as NAME_NEAR.  Letters may be missing, too many, others, or swapped with the next, in
 * either case: one in words of up to four letters, two in longer ones.
 */
#define NAME_NEAR 3u
bool name_is_nearer(const char *name, const char *word, unsigned *least);

/* The entry of @table that @name is nearest to in this sense, of those as near the one that begins like it; or NULL.
 * For error messages. */
const char *name_nearest(const struct name_value *table, size_t n, const char *name);

/* A container id: [A-Za-z0-9_][A-Za-z0-9_+.-]*, 1 to 200 bytes. */
bool str_is_container_id(const char *s);

#endif
