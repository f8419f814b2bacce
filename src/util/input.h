/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the caller names on the command line may also be a descriptor that it gave us: /dev/stdin, /dev/fd/63. */
#ifndef ORLOP_UTIL_INPUT_H
#define ORLOP_UTIL_INPUT_H

#include <sys/types.h>

#include "util/mem.h"

/*
 * Read a file of at most @max bytes into the arena, NUL-terminated: a regular file, or a pipe or socket up
 * to its end.  Returns the length, or -errno: -EFBIG; -EINVAL for any other kind of file; -ETIMEDOUT when
 * nobody writes, or not to the end in time.
 */
ssize_t input_read(struct arena *a, int dirfd, const char *path, size_t max, char **ret);

/* What @word of the command line names: "-" is the standard input. */
const char *input_path(const char *word);

/* The number in a name of a descriptor of ours, or -1: for what cannot be opened by that name, as a socket. */
int input_descriptor(const char *path);

#endif
