/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A session keyring of the container's own, anonymous, so that the caller's keys stay outside. */
#ifndef ORLOP_SECURITY_KEYRING_H
#define ORLOP_SECURITY_KEYRING_H

#include "util/error.h"

/* EDQUOT and ENOSYS are warnings that name the sysctl; everything else is an error. */
int keyring_new_session(struct error *err);

#endif
