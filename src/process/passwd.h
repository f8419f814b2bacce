/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ORLOP_PROCESS_PASSWD_H
#define ORLOP_PROCESS_PASSWD_H

#include <stdint.h>

#include "util/mem.h"

/* The home directory in the first line of @text, a passwd(5) of @len bytes, that has exactly @uid; "/" when
 * there is none, or it is not absolute.  In @a. */
const char *passwd_home(struct arena *a, const char *text, size_t len, uint32_t uid);

/* The same; NULL when no line has it. */
const char *passwd_find(struct arena *a, const char *text, size_t len, uint32_t uid);

#endif
