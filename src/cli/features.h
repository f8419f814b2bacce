/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ORLOP_CLI_FEATURES_H
#define ORLOP_CLI_FEATURES_H

#include <stddef.h>

/* The features document of the runtime specification; malloc'ed. */
char *features_text(size_t *ret_len);

#endif
