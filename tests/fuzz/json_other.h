/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jansson behind names that are not ours: both have an enum with JSON_OBJECT. */
#ifndef ORLOP_TESTS_JSON_OTHER_H
#define ORLOP_TESTS_JSON_OTHER_H

#include <stdbool.h>
#include <stddef.h>

/* NULL: refused; *ret_overflow: because a number is too large for a double. */
void *other_parse(const char *text, size_t len, bool *ret_overflow);
void other_free(void *v);	/* NULL is fine */

/* One of "nbdsao": null, boolean, number, string, array, object. */
char other_type(const void *v);
bool other_bool(const void *v);
double other_number(const void *v);
const char *other_string(const void *v, size_t *ret_len);
size_t other_count(const void *v);	/* of an array or object */
const void *other_item(const void *v, size_t i);
const void *other_member(const void *v, const char *key);

#endif
