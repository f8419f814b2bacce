/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keep the host's binary out of the container's reach (CVE-2019-5736): a process of the container
 * that executes /proc/self/exe, or holds it open, must not be able to write to it afterwards.
 */
#ifndef ORLOP_INIT_SELF_EXE_H
#define ORLOP_INIT_SELF_EXE_H

#include "util/error.h"

/*
 * Called before anything is opened, by the commands that put a process into a container.  Returns 0
 * at once when our executable lies on a read-only mount, as sys/entry.c sees to, or is a sealed memory
 * file; otherwise
 * executes it again through a detached read-only bind mount (open_tree(2), mount_setattr(2)), or,
 * without the privilege for that, from a sealed copy (memfd_create(2)).  As it returns 0 it has called caller_hide().
 */
int self_exe_protect(char *const *argv, struct error *err);

#endif
