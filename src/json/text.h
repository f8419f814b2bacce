/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ORLOP_JSON_TEXT_H
#define ORLOP_JSON_TEXT_H

#include <stddef.h>

/*
 * The offset of the first byte or escape that rule R17 forbids and yajl would take (a byte order mark,
 * a control character, a NUL escape, half a surrogate pair, invalid UTF-8), or @len.  *ret_why says
 * which of them it is.
 */
size_t json_first_forbidden(const char *text, size_t len, const char **ret_why);

#endif
