/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Time as text, for state files and log lines. */
#include "util/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
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

/* The number of @n digits at @s. */
static int64_t digits(const char *s, size_t n)
{
	int64_t v = 0;

	while (n-- > 0)
		v = v * 10 + (*s++ - '0');
	return v;
}

int64_t clock_read_text_us(const char *text)
{
	static const char form[] = "0000-00-00T00:00:00.000000000Z";
	int64_t year, month, day, days, seconds;
	size_t i;

	for (i = 0; form[i] && (form[i] == '0' ? text[i] >= '0' && text[i] <= '9' : text[i] == form[i]); i++)
		;
	if (form[i] || text[i])
		return -EINVAL;
	month = (digits(text + 5, 2) + 9) % 12;	/* 0 = March */
	year = digits(text, 4) - (month >= 10);
	day = (153 * month + 2) / 5 + digits(text + 8, 2) - 1;
	days = 365 * year + year / 4 - year / 100 + year / 400 + day - 719468;
	seconds = ((days * 24 + digits(text + 11, 2)) * 60 + digits(text + 14, 2)) * 60 + digits(text + 17, 2);
	return seconds * 1000000 + digits(text + 20, 6);
}

uint64_t clock_raw_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

int64_t clock_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static const struct unit {
	const char *name;
	int64_t ns;
} units[] = {		/* a name comes before one that it begins with */
	{"ns", 1}, {"us", 1000}, {"\302\265s", 1000}, {"\316\274s", 1000}, {"ms", 1000000},
	{"s", 1000000000}, {"m", 60000000000}, {"h", 3600000000000},
};

static const struct unit *find_unit(const char *text)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strncmp(text, units[i].name, strlen(units[i].name)) == 0)
			return &units[i];
	return NULL;
}

/* One number with its unit; what follows it, or NULL. */
static const char *take_part(const char *s, int64_t *sum, int *ret)
{
	int64_t whole = 0, fraction = 0, scale = 1, add;
	const struct unit *unit;
	bool digits = false, too_much = false;

	for (; *s >= '0' && *s <= '9'; s++, digits = true)
		too_much |= __builtin_mul_overflow(whole, 10, &whole) ||
			    __builtin_add_overflow(whole, *s - '0', &whole);
	s += *s == '.';		/* without one there is no digit left */
	for (; *s >= '0' && *s <= '9'; s++, digits = true) {
		if (scale > 100000000000000)	/* less than a nanosecond of the largest unit */
			continue;
		fraction = fraction * 10 + (*s - '0');
		scale *= 10;
	}
	unit = digits ? find_unit(s) : NULL;
	*ret = unit ? -ERANGE : -EINVAL;
	if (!unit || too_much || __builtin_mul_overflow(whole, unit->ns, &add) ||
	    __builtin_add_overflow(*sum, add, sum) ||
	    __builtin_add_overflow(*sum, (int64_t)((__int128)fraction * unit->ns / scale), sum))
		return NULL;
	return s + strlen(unit->name);
}

int clock_parse_duration(const char *text, int64_t *ret_ns)
{
	bool negative = *text == '-';
	const char *s = text + (*text == '-' || *text == '+');
	int64_t sum = 0;
	int r;

	if (strcmp(s, "0") == 0) {
		*ret_ns = 0;
		return 0;
	}
	do
		s = take_part(s, &sum, &r);
	while (s && *s);
	if (!s)
		return r;
	*ret_ns = negative ? -sum : sum;
	return 0;
}
