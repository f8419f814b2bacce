/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A signal to us during the transaction kills the half-made container process, so that the transaction
 * fails and is undone.
 */
#ifndef ORLOP_LAUNCH_INTERRUPT_H
#define ORLOP_LAUNCH_INTERRUPT_H

#include <signal.h>

#include "util/error.h"

void interrupt_arm(const int *pidfd);
/* The signal that came, or 0; the old handling is restored. */
int interrupt_disarm(void);
/* "interrupted by SIGTERM" in @err: -EINTR. */
int interrupt_explain(int sig, struct error *err);
/* 0 until a signal comes, for those who wait. */
const volatile sig_atomic_t *interrupt_flag(void);

#endif
