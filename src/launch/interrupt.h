/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A signal to us during the transaction kills the half-made container process, so that the transaction
 * fails and is undone.
 */
#ifndef ORLOP_LAUNCH_INTERRUPT_H
#define ORLOP_LAUNCH_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>

#include "util/error.h"

void interrupt_arm(const int *pidfd);
/* The signal that came, or 0: it may have hit what was made, whether that was seen or not.  From now on none does.
 * The old handling is restored, unless all that is left is to say so (@over): a signal that kills us then would tell
 * the caller that nothing was made. */
int interrupt_disarm(bool over);
/* "interrupted by SIGTERM" in @err: -EINTR. */
int interrupt_explain(int sig, struct error *err);
/* 0 until a signal comes, for those who wait. */
const volatile sig_atomic_t *interrupt_flag(void);

#endif
