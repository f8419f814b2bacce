/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON on stdout.  Bytes from 0x80 on become \u0080 to \u00ff: Python decodes them as latin-1. */
#include "probe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool comma;

static void name_of(const char *name)
{
	if (comma)
		putchar(',');
	comma = true;
	if (name)
		printf("\"%s\":", name);
}

void json_open(const char *name, char bracket)
{
	name_of(name);
	putchar(bracket);
	comma = false;
}

void json_close(char bracket)
{
	putchar(bracket);
	comma = true;
}

void json_bytes(const char *name, const char *value, long len)
{
	name_of(name);
	putchar('"');
	for (long i = 0; i < len; i++) {
		unsigned char c = (unsigned char)value[i];

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

void json_string(const char *name, const char *value)
{
	if (value) {
		json_bytes(name, value, (long)strlen(value));
		return;
	}
	name_of(name);
	fputs("null", stdout);
}

void json_number(const char *name, long long value)
{
	name_of(name);
	printf("%lld", value);
}

void json_bool(const char *name, bool value)
{
	name_of(name);
	fputs(value ? "true" : "false", stdout);
}

void json_end_line(void)
{
	putchar('\n');
	comma = false;
}

const char *errno_name(int e)
{
	return e == 0 ? NULL : strerrorname_np(e);
}
