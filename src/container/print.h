/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to container/. */
#ifndef ORLOP_CONTAINER_PRINT_H
#define ORLOP_CONTAINER_PRINT_H

#include <stddef.h>

#include "util/error.h"

/* Write a verb's output to stdout. */
int container_print(const void *data, size_t n, struct error *err);

#endif
