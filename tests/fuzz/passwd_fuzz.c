/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as etc/passwd of an image, against a second reader that goes through them differently. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "process/passwd.h"
#include "tests/fuzz/fuzz.h"
#include "util/str.h"

const char fuzz_corpus[] = "tests/fuzz/passwd";

/* The number without leading zeros or anything else around it, as text. */
static bool is_number(const char *s, size_t n, uint32_t uid)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", uid);

	while (n > 1 && *s == '0' && n > (size_t)len) {
		s++;
		n--;
	}
	return n == (size_t)len && memcmp(s, text, n) == 0;
}

/* Byte by byte: where the fields of the present line begin. */
static char *expected(const char *text, size_t size, uint32_t uid)
{
	size_t start[8] = {0}, fields = 1;
	bool nul = false;

	for (size_t i = 0; i <= size; i++) {
		if (i < size && text[i] != '\n') {
			nul |= text[i] == '\0';
			if (text[i] == ':' && fields < 8)
				start[fields++] = i + 1;
			continue;
		}
		if (fields < 8)
			start[fields] = i + 1;
		if (i == size && start[0] == size)
			break;		/* no line behind the last line feed */
		if (!nul && fields >= 3 && start[3] - start[2] - 1 <= 10 &&
		    is_number(text + start[2], start[3] - start[2] - 1, uid)) {
			size_t n = fields >= 6 ? (fields > 6 ? start[6] : i + 1) - start[5] - 1 : 0;

			return n == 0 || n >= PATH_MAX || text[start[5]] != '/' ? xstrdup("/") :
			       xstrndup(text + start[5], n);
		}
		start[0] = i + 1;
		fields = 1;
		nul = false;
	}
	return xstrdup("/");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t uids[] = {0, 1, 7, 10, 1000, 65534, UINT32_MAX - 1, UINT32_MAX};

	for (size_t i = 0; i < ARRAY_SIZE(uids); i++) {
		struct arena *a = arena_new();
		const char *home = passwd_home(a, (const char *)data, size, uids[i]);
		char *want = expected((const char *)data, size, uids[i]);

		must(home[0] == '/' && !strpbrk(home, "\n:"));
		must(str_eq(home, want));
		free(want);
		arena_free(a);
	}
	return 0;
}
