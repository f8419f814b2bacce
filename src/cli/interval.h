/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The value of --interval and --timeout. */
#ifndef ORLOP_CLI_INTERVAL_H
#define ORLOP_CLI_INTERVAL_H

#include <stdint.h>

#include "util/error.h"

/* @text NULL: not given, and *ret_ms stays.  @command and @option ("interval"): for the error. */
int interval_parse(const char *command, const char *option, const char *text, int64_t *ret_ms, struct error *err);

#endif
