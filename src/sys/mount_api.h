/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The new mount interface: constants, structures and calls. */
#ifndef ORLOP_SYS_MOUNT_API_H
#define ORLOP_SYS_MOUNT_API_H

#include "sys/compat.h"
#include "sys/syscalls.h"

#endif
