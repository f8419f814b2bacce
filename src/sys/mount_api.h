/* SPDX-License-Identifier: GPL-2.0-or-later */
/* <linux/mount.h> and <sys/mount.h> cannot always be included together: this includes both safely. */
#ifndef ORLOP_SYS_MOUNT_API_H
#define ORLOP_SYS_MOUNT_API_H

#include <linux/types.h>
#include <sys/mount.h>

#include "sys/compat.h"
#include "sys/syscalls.h"

#endif
