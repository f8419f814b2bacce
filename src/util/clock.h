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
/* Microseconds since 1970 of what clock_text() wrote; -EINVAL for any other text. */
int64_t clock_read_text_us(const char *text);

/*
 * As Go writes durations: "5s", "100ms", "1m30s", "1.5h", "-2us"; of "0" the unit may be left out.  Nanoseconds, or
 * -EINVAL, or -ERANGE above 292 years.
 */
int clock_parse_duration(const char *text, int64_t *ret_ns);

/* Microseconds of CLOCK_MONOTONIC_RAW, which nobody sets nor slews, as that of the kernel's log: clock_getres(2). */
uint64_t clock_raw_us(void);
/* Milliseconds that never go back, for deadlines. */
int64_t clock_now_ms(void);

#endif
