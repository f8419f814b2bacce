/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers of bytes as people write them. */
#include "cli/bytes.h"

#include "util/str.h"

/* What follows a number of bytes: k, M, G, T, P in either case, also KB and KiB, and b alone; all by 1024. */
static bool parse_unit(const char *s, unsigned *ret_shift)
{
	static const char letters[] = "kmgtp";
	const char *at = *s ? strchr(letters, *s | 0x20) : NULL;

	*ret_shift = 0;
	if (at) {
		*ret_shift = 10 * (unsigned)(at - letters + 1);
		s++;
		if ((*s | 0x20) == 'i')
			s += (s[1] | 0x20) == 'b' ? 1 : 0;
	}
	if ((*s | 0x20) == 'b')
		s++;
	return *s == '\0';
}

bool bytes_parse(const char *s, int64_t *ret)
{
	char whole[24];
	uint64_t n, part = 0, thousand = 1000;
	size_t len = strspn(s, "0123456789");
	unsigned shift;

	if (len == 0 || len >= sizeof(whole))
		return false;
	memcpy(whole, s, len);
	whole[len] = '\0';
	s += len;
	if (*s == '.' && s[1] >= '0' && s[1] <= '9')
		for (s++; *s >= '0' && *s <= '9'; s++)
			if (thousand > 1)
				part += (uint64_t)(*s - '0') * (thousand /= 10);
	if (str_to_u64(whole, &n) < 0 || !parse_unit(s, &shift) || n > (uint64_t)INT64_MAX >> shift)
		return false;
	n = (n << shift) + (part << shift) / 1000;
	if (n > INT64_MAX)
		return false;
	*ret = (int64_t)n;
	return true;
}
