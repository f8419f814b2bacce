/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ORLOP_PROCESS_PASSWD_H
#define ORLOP_PROCESS_PASSWD_H

#include <stdbool.h>
#include <stdint.h>

#include "util/mem.h"

/* The home directory in the first line of @text, a passwd(5) of @len bytes, that has exactly @uid; "/" when
 * there is none, or it is not absolute.  In @a. */
const char *passwd_home(struct arena *a, const char *text, size_t len, uint32_t uid);

/* The same; NULL when no line has it. */
const char *passwd_find(struct arena *a, const char *text, size_t len, uint32_t uid);

/* Fields of passwd(5) and group(5), from 0 on: the number in @wanted of the first line whose @key is exactly @word. */
struct passwd_question {
	unsigned key;
	const char *word;
	unsigned wanted;
};

enum { PASSWD_NAME = 0, PASSWD_UID = 2, PASSWD_GID = 3, GROUP_NAME = 0, GROUP_GID = 2 };

/* False: no line has it.  @text as above, or a group(5). */
bool passwd_number(const char *text, size_t len, const struct passwd_question *q, uint32_t *ret);

#endif
