/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ORLOP_CGROUP_DELEGATE_H
#define ORLOP_CGROUP_DELEGATE_H

#include <sys/types.h>

#include "util/error.h"

#define CGROUP_DELEGATE_LIST "/sys/kernel/cgroup/delegate"

/*
 * Change the owner of the cgroup directory @fd and of the files in it that the kernel's @list names;
 * without that list, of the three files that may always be given away.
 */
int cgroup_delegate(int fd, uid_t owner, const char *list, struct error *err);

#endif
