/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our memmove against the C library's: every length and distance, and nothing besides is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

void *copy_bytes(void *to, const void *from, size_t n);
#define COPY_WITH_GLIBC
#include "sys/copy.c"
#undef memmove

#define SIZE 640
#define FROM 256

static void fill(unsigned char *v)
{
	for (size_t i = 0; i < SIZE; i++)
		v[i] = (unsigned char)(i * 7 + i / 256);
}

static void test_lengths_and_distances(void **state)
{
	unsigned char ours[SIZE], theirs[SIZE];

	(void)state;
	for (size_t n = 0; n <= 130; n++)
		for (size_t to = FROM - 140; to <= FROM + 140; to++) {
			fill(ours);
			fill(theirs);
			assert_ptr_equal(copy_bytes(ours + to, ours + FROM, n), ours + to);
			memmove(theirs + to, theirs + FROM, n);
			if (memcmp(ours, theirs, SIZE))
				fail_msg("%zu bytes from %d to %zu", n, FROM, to);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths_and_distances),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
