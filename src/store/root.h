/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state root's directory itself.  Private to store.c. */
#ifndef ORLOP_STORE_ROOT_H
#define ORLOP_STORE_ROOT_H

#include <stdbool.h>
#include <sys/types.h>

#include "util/error.h"

/* Where it is without --root, malloc'ed: see store_open(). */
int root_default(char **ret, struct error *err);
/* Open it, making what is missing of @path when @create; -ENOENT otherwise.  O_RDONLY. */
int root_open(const char *path, bool create, int *ret_fd, struct error *err);
/* Ours, and nobody else can put or exchange anything in it?  @what and @name are for the message. */
int root_check_owner(int fd, const char *what, const char *name, struct error *err);
/* mkdirat(2) with exactly this mode. */
int root_mkdir(int dir, const char *name, mode_t mode);

#endif
