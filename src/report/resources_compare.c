/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel makes of what is written to a file of a cgroup, and shows there afterwards.  Pure.
 * Facts: kernel Documentation/admin-guide/cgroup-v2.rst.
 */
#include <stdlib.h>
#include <unistd.h>

#include "report/resources.h"

#define CPUS_MAX 8192		/* of the kernel, CONFIG_NR_CPUS */
#define NO_LIMIT (UINT64_C(1) << 62)

struct word {
	const char *at;
	size_t n;
};

/* The next word of *s, which moves behind it; false: there is none. */
static bool next_word(const char **s, struct word *ret)
{
	*s += strspn(*s, " \t\n");
	*ret = (struct word){*s, strcspn(*s, " \t\n")};
	*s += ret->n;
	return ret->n > 0;
}

static bool same_word(struct word a, struct word b)
{
	return a.n == b.n && memcmp(a.at, b.at, a.n) == 0;
}

/* Has @file a line for each device, or whatever its first word names, and is @value for one of them? */
static bool is_keyed(const char *file, const char *value)
{
	size_t n = strcspn(value, " ");

	return n > 0 && value[n + strspn(value + n, " ")] && !str_starts(value, "default ") && !str_eq(file, "cpu.max");
}

static const char *without_default(const char *value)
{
	return str_starts(value, "default ") ? value + strlen("default ") : value;
}

const char *limit_now(struct arena *a, const char *file, const char *value, const char *text)
{
	bool keyed = value && is_keyed(file, value);
	size_t n = keyed ? strcspn(value, " ") : strlen("default");
	const char *key = keyed ? value : "default";

	for (const char *line = text; value && *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *from = keyed ? line : line + n + 1;

		if (strncmp(line, key, n) == 0 && line[n] == ' ')
			return arena_strndup(a, from, (size_t)(line + strcspn(line, "\n") - from));
	}
	return keyed ? "" : text;
}

/* "max", or a number with the letters of the kernel's memparse(). */
static bool read_amount(struct word w, uint64_t *ret)
{
	static const char letters[] = "kmgtpe";
	char text[32], *end;
	const char *at;

	if (w.n == 0 || w.n >= sizeof(text))
		return false;
	memcpy(text, w.at, w.n);
	text[w.n] = '\0';
	*ret = UINT64_MAX;
	if (str_eq(text, "max"))
		return true;
	if (text[0] < '0' || text[0] > '9')
		return false;
	*ret = strtoull(text, &end, 10);
	at = *end ? strchr(letters, *end | 0x20) : NULL;
	if (at) {
		*ret <<= 10 * (unsigned)(at - letters + 1);
		end++;
	}
	/* As much as the kernel counts, in pages of any size, is none. */
	if (*ret >= NO_LIMIT)
		*ret = UINT64_MAX;
	return *end == '\0';
}

/* "20" is "20.00". */
static bool same_decimal(struct word value, struct word now)
{
	if (now.n <= value.n || memcmp(now.at, value.at, value.n) != 0 || now.at[value.n] != '.')
		return false;
	for (size_t i = value.n + 1; i < now.n; i++)
		if (now.at[i] != '0')
			return false;
	return true;
}

/* To whole pages, what is an amount. */
static bool is_rounded(const char *file, uint64_t value, uint64_t now)
{
	bool bytes = str_ends(file, ".max") || str_ends(file, ".high") || str_ends(file, ".low") ||
		     str_ends(file, ".min");
	uint64_t unit = bytes && str_starts(file, "memory.") ? (uint64_t)sysconf(_SC_PAGESIZE) : 0;
	struct word size = {file + strlen("hugetlb."), 0};

	if (str_starts(file, "hugetlb.")) {
		size.n = strcspn(size.at, "B");
		if (!read_amount(size, &unit))
			return false;
	}
	return unit && now < value && value - now < unit && now % unit == 0;
}

static enum limit_state compare_words(const char *file, struct word value, struct word now)
{
	uint64_t asked, has;

	if (same_word(value, now) || same_decimal(value, now))
		return LIMIT_SAME;
	if (!read_amount(value, &asked) || !read_amount(now, &has))
		return LIMIT_DIFFERS;
	if (asked == has)
		return LIMIT_SAME;
	return is_rounded(file, asked, has) ? LIMIT_ROUNDED : LIMIT_DIFFERS;
}

/* "rbps=max": of a device without a line. */
static bool is_no_limit(struct word w)
{
	const char *at = memchr(w.at, '=', w.n);
	size_t skip = at ? (size_t)(at + 1 - w.at) : 0;
	struct word v = {w.at + skip, w.n - skip};

	return same_word(v, (struct word){"max", 3}) || same_word(v, (struct word){"default", 7}) ||
	       same_word(v, (struct word){"0", 1});
}

/* Each word of the one line is in the other. */
static enum limit_state compare_lines(const char *value, const char *now)
{
	struct word w, other;
	const char *rest = value;

	next_word(&rest, &w);	/* the device */
	while (next_word(&rest, &w)) {
		const char *line = now;
		bool found = !*now && is_no_limit(w);

		while (!found && next_word(&line, &other))
			found = same_word(w, other);
		if (!found)
			return LIMIT_DIFFERS;
	}
	return LIMIT_SAME;
}

/* "0-3,8" */
static bool read_list(const char *s, unsigned char bits[CPUS_MAX])
{
	memset(bits, 0, CPUS_MAX);
	for (s += strspn(s, " \n"); *s && !strchr(" \n", *s); s += *s == ',') {
		char *end;
		unsigned long first = strtoul(s, &end, 10), last = first;

		if (end == s)
			return false;
		s = end;
		if (*s == '-') {
			last = strtoul(s + 1, &end, 10);
			s = end;
		}
		if (last >= CPUS_MAX || last < first || (*s && !strchr(", \n", *s)))
			return false;
		memset(bits + first, 1, last - first + 1);
	}
	return true;
}

static bool same_list(const char *value, const char *now)
{
	unsigned char one[CPUS_MAX], other[CPUS_MAX];

	return read_list(value, one) && read_list(now, other) && memcmp(one, other, sizeof(one)) == 0;
}

enum limit_state limit_compare(const char *file, const char *value, const char *now)
{
	enum limit_state state = LIMIT_SAME;
	struct word asked, has;

	if (str_eq(file, "cpuset.cpus") || str_eq(file, "cpuset.mems"))
		return same_list(value, now) ? LIMIT_SAME : LIMIT_DIFFERS;
	if (str_eq(file, "cpuset.cpus.partition"))	/* "root invalid (why)" */
		return str_eq(value, now) ? LIMIT_SAME : LIMIT_DIFFERS;
	if (is_keyed(file, value))
		return compare_lines(value, now);
	value = without_default(value);
	while (state == LIMIT_SAME && next_word(&value, &asked)) {
		next_word(&now, &has);
		state = compare_words(file, asked, has);
	}
	return state;
}

bool limit_overrules(const char *file, const char *later, const char *earlier)
{
	size_t n = strcspn(earlier, " ");
	struct word w, other;

	if (is_keyed(file, later) != is_keyed(file, earlier))
		return false;
	if (!is_keyed(file, earlier))
		return true;
	if (strncmp(later, earlier, n + 1) != 0)
		return false;
	for (earlier += n; next_word(&earlier, &w);) {
		const char *line = later + n, *equals = memchr(w.at, '=', w.n);
		size_t key = equals ? (size_t)(equals - w.at) : 0;
		bool found = !equals;

		while (!found && next_word(&line, &other))
			found = other.n > key && memcmp(other.at, w.at, key + 1) == 0;
		if (!found)
			return false;
	}
	return true;
}
