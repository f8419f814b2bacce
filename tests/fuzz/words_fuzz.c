/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as the small things: numbers, signals, capabilities, ids, paths, lines of mountinfo, escapes. */
#include <errno.h>
#include <string.h>

#include "oci/names.h"
#include "tests/fuzz/check.h"
#include "util/mountinfo.h"
#include "util/path.h"
#include "util/str.h"

const char fuzz_corpus[] = "tests/fuzz/words";

/* Digits by hand, in 128 bits. */
static bool number(const char *s, bool negative_too, __int128 min, __int128 max, __int128 *ret)
{
	bool minus = negative_too && *s == '-';
	__int128 v = 0;

	s += minus;
	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		if (v < (__int128)1 << 100)
			v = v * 10 + *s - '0';
	}
	*ret = minus ? -v : v;
	return *ret >= min && *ret <= max;
}

static void check_numbers(const char *s)
{
	uint32_t u32 = 42;
	uint64_t u64 = 42;
	int64_t i64 = 42;
	__int128 v = 0;

	must((str_to_u32(s, &u32) == 0) == number(s, false, 0, UINT32_MAX, &v));
	must(u32 == 42 || u32 == v);
	must((str_to_u64(s, &u64) == 0) == number(s, false, 0, UINT64_MAX, &v));
	must(u64 == 42 || u64 == v);
	must((str_to_i64(s, &i64) == 0) == number(s, true, INT64_MIN, INT64_MAX, &v));
	must(i64 == 42 || i64 == v);
}

static void check_names(const char *s)
{
	char buf[32];
	int sig = signal_parse(s), cap = capability_number(s);
	bool id = s[0] && s[0] != '.' && s[0] != '-' && s[0] != '+' && strlen(s) <= 200 &&
		  s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+.-")] == '\0';

	must(sig == -EINVAL || (sig >= 0 && sig <= 64));
	if (sig > 0)
		must(signal_parse(signal_name(sig, buf)) == sig || strstr(buf, "signal "));
	must(cap >= -1 && cap < 64);
	if (cap >= 0)
		must(capability_name((unsigned)cap, buf) && str_eq(buf, s));
	must(str_is_container_id(s) == id);
	name_nearest(signal_names, n_signal_names, s);
}

static void check_escape(const char *s)
{
	char buf[64], small[5];

	str_escape(s, buf, sizeof(buf));
	str_escape(s, small, sizeof(small));
	must(strlen(buf) < sizeof(buf) && strlen(small) < sizeof(small));
	for (const char *c = buf; *c; c++)
		must((unsigned char)*c >= 0x20 && *c != 0x7f);
	must(str_utf8_valid(buf, strlen(buf)));
	must(str_utf8_valid(small, strlen(small)));
}

static void check_path(struct arena *a, const char *s)
{
	char *clean = path_clean(a, s);

	must(is_clean(clean, true));
	must(str_eq(path_clean(a, clean), clean));
	must(path_join(a, "/base", s)[0] == '/');
}

static void check_mountinfo(struct arena *a, const char *s)
{
	struct mountinfo m;
	uint32_t v[3];
	const char *rest = str_scan_u32(s, v, 3);

	must(!rest || (rest > s && rest <= s + strlen(s)));
	if (mountinfo_parse(arena_strdup(a, s), &m))
		must(strlen(m.root) + strlen(m.point) + strlen(m.type) <= strlen(s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	struct arena *a = arena_new();

	while (in.n > 0) {
		const char *s = fuzz_text(&in, a);

		check_numbers(s);
		check_names(s);
		check_escape(s);
		check_path(a, s);
		check_mountinfo(a, s);
	}
	arena_free(a);
	return 0;
}
