/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A process that others may look into, and that needs nothing of the host. */
#ifndef ORLOP_UTIL_EMPTY_H
#define ORLOP_UTIL_EMPTY_H

#include <stddef.h>

/* Change root and directory to an empty one, and close every descriptor but the @n of @keep (the standard streams,
 * too).  Needs CAP_SYS_CHROOT, and /proc.  0 or -errno. */
int empty_self(const int *keep, size_t n);

#endif
