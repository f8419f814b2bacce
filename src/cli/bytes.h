/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ORLOP_CLI_BYTES_H
#define ORLOP_CLI_BYTES_H

#include <stdbool.h>
#include <stdint.h>

/* "500000000", "512M", "1.5g": false, and *ret stays, for what is no number of bytes; what is behind the third digit of
 * a fraction is left out. */
bool bytes_parse(const char *s, int64_t *ret);

#endif
