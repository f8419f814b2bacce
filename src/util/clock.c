/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Time as text, for state files and log lines. */
#include "util/clock.h"

#include <stdio.h>
#include <time.h>

/* A year that begins in March has its leap day at the end, so month lengths follow one formula. */
void clock_text(int64_t sec, unsigned nsec, char ret[CLOCK_TEXT_MAX])
{
	int64_t days = (sec >= 0 ? sec : sec - 86399) / 86400;
	unsigned rest = (unsigned)(sec - days * 86400);
	int64_t shifted = days + 719468;	/* days since 0000-03-01 */
	int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;	/* of 400 years */
	unsigned day = (unsigned)(shifted - era * 146097);
	unsigned year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	unsigned of_year = day - (365 * year + year / 4 - year / 100);
	unsigned month = (5 * of_year + 2) / 153;	/* 0 = March */

	snprintf(ret, CLOCK_TEXT_MAX, "%04u-%02u-%02uT%02u:%02u:%02u.%09uZ",
		 (unsigned)(era * 400 + year + (month >= 10)) % 10000u, (month + 2) % 12 + 1,
		 (of_year - (153 * month + 2) / 5 + 1) % 100, rest / 3600 % 100, rest / 60 % 60,
		 rest % 60, nsec % 1000000000u);
}

void clock_text_now(char ret[CLOCK_TEXT_MAX])
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	clock_text(now.tv_sec, (unsigned)now.tv_nsec, ret);
}

int64_t clock_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
