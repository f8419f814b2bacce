/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capability names against the kernel's numbers, and the one spelling that is taken. */
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "oci/names.h"

static void numbers(void **state)
{
	(void)state;
	assert_int_equal(capability_number("CAP_CHOWN"), CAP_CHOWN);
	assert_int_equal(capability_number("CAP_SYS_ADMIN"), CAP_SYS_ADMIN);
	assert_int_equal(capability_number("CAP_AUDIT_READ"), CAP_AUDIT_READ);
	assert_int_equal(capability_number("CAP_CHECKPOINT_RESTORE"), CAP_CHECKPOINT_RESTORE);
}

/* libcap alone would take these. */
static void other_spellings(void **state)
{
	static const char *const words[] = {"cap_chown", "Cap_chown", "CAP_chown", "0", "12", "CHOWN", "",
					    "CAP_", "CAP_CHOWN ", "CAP_12", "CAP_OF_THE_FUTURE", "cap_12"};

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_int_equal(capability_number(words[i]), -1);
}

static void names(void **state)
{
	char buf[32];

	(void)state;
	for (unsigned i = 0; i <= CAP_LAST_CAP; i++) {
		assert_ptr_equal(capability_name(i, buf), buf);
		assert_int_equal(capability_number(buf), i);
	}
	assert_null(capability_name(63, buf));
	assert_null(capability_name(64, buf));
	assert_null(capability_name(UINT32_MAX, buf));
}

static void lists(void **state)
{
	char *text = capability_list(1ull << CAP_CHOWN | 1ull << CAP_BPF);

	(void)state;
	assert_string_equal(text, "CAP_CHOWN,CAP_BPF");
	free(text);
	text = capability_list(0);
	assert_string_equal(text, "");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers), cmocka_unit_test(other_spellings), cmocka_unit_test(names),
		cmocka_unit_test(lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
