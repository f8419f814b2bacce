/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a process that the caller waits for. */
#ifndef ORLOP_LAUNCH_FOREGROUND_H
#define ORLOP_LAUNCH_FOREGROUND_H

#include <signal.h>

#include "launch/spawn.h"

/* Wait for the end of @s, forwarding signals and copying its terminal.  They stay blocked. */
int foreground_wait(struct spawn *s, const sigset_t *forwarded, int signal_fd, struct error *err);
/* Block the signals to be forwarded; a signalfd(2). */
int foreground_signals(sigset_t *forwarded, struct error *err);
/* What follows may take its time: signals end us again.  What had come meanwhile is discarded. */
void foreground_release(void);

#endif
