/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Time as text.  gmtime(3) opens the time zone file of the C library: not for us. */
#ifndef ORLOP_UTIL_CLOCK_H
#define ORLOP_UTIL_CLOCK_H

#include <stdint.h>

#define CLOCK_TEXT_MAX 40

/* @sec, @nsec since 1970 in UTC, as RFC 3339 with nanoseconds: "2026-11-23T17:01:02.000000003Z". */
void clock_text(int64_t sec, unsigned nsec, char ret[CLOCK_TEXT_MAX]);
/* The same for now. */
void clock_text_now(char ret[CLOCK_TEXT_MAX]);

/* Milliseconds that never go back, for deadlines. */
int64_t clock_now_ms(void);

#endif
