/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text of cgroup files to numbers: kernel Documentation/admin-guide/cgroup-v2.rst, accounting/psi.rst.  No file is
 * opened here. */
#include "cgroup/figures_text.h"

#include <stdlib.h>
#include <string.h>

#include "util/mem.h"
#include "util/str.h"

bool figures_take_number(const char **text, uint64_t *ret)
{
	const char *s = *text;
	uint64_t v = 0;

	for (; *s >= '0' && *s <= '9'; s++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
			return false;
	if (s == *text)
		return false;
	*text = s;
	*ret = v;
	return true;
}

static const char *next_line(const char *s)
{
	s += strcspn(s, "\n");
	return s + (*s == '\n');
}

static bool at_end(const char *s)
{
	return *s == '\n' || *s == '\0';
}

void figures_scan_keys(const char *text, const struct figures_row *rows, size_t n, void *base)
{
	for (const char *line = text; *line; line = next_line(line)) {
		size_t len = strcspn(line, " \n");
		const char *s = line + len + (line[len] == ' ');
		uint64_t v;

		for (size_t i = 0; i < n; i++) {
			if (strncmp(rows[i].key, line, len) != 0 || rows[i].key[len])
				continue;
			if (figures_take_number(&s, &v) && at_end(s))
				memcpy((char *)base + rows[i].offset, &v, sizeof(v));
			break;
		}
	}
}

void figures_scan_all(char *text, struct figures_key **v, size_t *n)
{
	size_t cap = 0;
	char *line = text;

	*n = 0;
	while (line && *line) {
		char *end = strchr(line, '\n'), *space;
		uint64_t value;

		if (end)
			*end++ = '\0';
		space = strchr(line, ' ');
		if (space && space != line && str_to_u64(space + 1, &value) == 0) {
			*space = '\0';
			if (*n >= cap) {
				cap = cap ? cap * 2 : 64;
				*v = xrealloc(*v, cap, sizeof(**v));
			}
			(*v)[(*n)++] = (struct figures_key){line, value};
		}
		line = end;
	}
}

bool figures_scan_limit(const char *text, uint64_t *ret)
{
	uint64_t v = FIGURE_MAX;

	if (strncmp(text, "max", 3) == 0)
		text += 3;
	else if (!figures_take_number(&text, &v))
		return false;
	if (*text != ' ' && !at_end(text))
		return false;
	*ret = v;
	return true;
}

/* "0.00" */
static bool take_hundredths(const char **text, uint32_t *ret)
{
	const char *s = *text;
	uint64_t v;

	if (!figures_take_number(&s, &v) || v > UINT32_MAX / 1000)
		return false;
	v *= 100;
	if (s[0] == '.' && s[1] >= '0' && s[1] <= '9' && s[2] >= '0' && s[2] <= '9') {
		v += (uint64_t)((s[1] - '0') * 10 + (s[2] - '0'));
		s += 3;
	}
	*text = s;
	*ret = (uint32_t)v;
	return true;
}

/* Behind "@key=", when that is what stands at *@text. */
static bool take_key(const char **text, const char *key)
{
	size_t n = strlen(key);

	if (strncmp(*text, key, n) != 0 || (*text)[n] != '=')
		return false;
	*text += n + 1;
	return true;
}

static const char *next_word(const char *s)
{
	s += strcspn(s, " \n");
	return s + strspn(s, " ");
}

static void scan_pressure_line(const char *s, struct figures_pressure_line *ret)
{
	for (; !at_end(s); s = next_word(s)) {
		const char *v = s;

		if (take_key(&v, "avg10"))
			take_hundredths(&v, &ret->avg10);
		else if (take_key(&v, "avg60"))
			take_hundredths(&v, &ret->avg60);
		else if (take_key(&v, "avg300"))
			take_hundredths(&v, &ret->avg300);
		else if (take_key(&v, "total"))
			figures_take_number(&v, &ret->total_us);
	}
}

void figures_scan_pressure(const char *text, struct figures_pressure *ret)
{
	*ret = (struct figures_pressure){0};
	for (const char *line = text; *line; line = next_line(line)) {
		if (strncmp(line, "some ", 5) == 0)
			scan_pressure_line(line + 5, &ret->some);
		else if (strncmp(line, "full ", 5) == 0)
			scan_pressure_line(line + 5, &ret->full);
		else
			continue;
		ret->known = true;
	}
}

static bool scan_device(const char *s, struct figures_device *ret)
{
	uint64_t major, minor;

	if (!figures_take_number(&s, &major) || *s++ != ':' || !figures_take_number(&s, &minor) || *s != ' ' ||
	    major > UINT32_MAX || minor > UINT32_MAX)
		return false;
	*ret = (struct figures_device){.major = (uint32_t)major, .minor = (uint32_t)minor};
	for (s++; !at_end(s); s = next_word(s)) {
		const char *v = s;

		if (take_key(&v, "rbytes"))
			figures_take_number(&v, &ret->read_bytes);
		else if (take_key(&v, "wbytes"))
			figures_take_number(&v, &ret->write_bytes);
		else if (take_key(&v, "rios"))
			figures_take_number(&v, &ret->reads);
		else if (take_key(&v, "wios"))
			figures_take_number(&v, &ret->writes);
	}
	return true;
}

void figures_scan_devices(const char *text, struct figures_device **v, size_t *n)
{
	size_t cap = 0;

	*n = 0;
	for (const char *line = text; *line; line = next_line(line)) {
		struct figures_device d;

		if (!scan_device(line, &d))
			continue;
		if (*n >= cap) {
			cap = cap ? cap * 2 : 8;
			*v = xrealloc(*v, cap, sizeof(**v));
		}
		(*v)[(*n)++] = d;
	}
}
