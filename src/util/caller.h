/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What our processes show of whoever called us. */
#ifndef ORLOP_UTIL_CALLER_H
#define ORLOP_UTIL_CALLER_H

#include "util/error.h"

/*
 * Parent, before it makes a process: move the environment out of sight of /proc/PID/environ.  getenv(3) goes on to
 * work; what it returned before is empty then.  For root it also goes dark.  @argv: of main().
 */
int caller_hide(char *const *argv, struct error *err);

/* In a process that we made, first of all: /proc/PID/cmdline says "init". */
void caller_hide_arguments(void);

/* PR_SET_DUMPABLE 0: not to be looked into (proc(5)) by processes without CAP_SYS_PTRACE; clone(2) passes it on. */
int caller_go_dark(struct error *err);

#endif
