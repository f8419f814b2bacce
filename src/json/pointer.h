/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON pointers (RFC 6901) as `struct error.where` holds them: bounded text. */
#ifndef ORLOP_JSON_POINTER_H
#define ORLOP_JSON_POINTER_H

#include <stddef.h>

struct json;

/* Append "/key" (with "~" and "/" escaped) or "/3" to the pointer in @buf; a pointer that does not
 * fit ends in "..." and takes nothing more. */
void json_pointer_key(char *buf, size_t size, const char *key);
void json_pointer_index(char *buf, size_t size, size_t index);

/* The value at @pointer, or the deepest one on the way to it that exists. */
const struct json *json_pointer_find(const struct json *root, const char *pointer);
/* The value at @pointer itself, or NULL. */
const struct json *json_pointer_get(const struct json *root, const char *pointer);

#endif
