/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our capability names against libcap's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <strings.h>
#include <sys/capability.h>

#include <cmocka.h>

#include "oci/names.h"

static void same_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_capability_names; i++) {
		cap_value_t value;

		assert_int_equal(cap_from_name(capability_names[i].name, &value), 0);
		assert_int_equal(value, capability_names[i].value);
	}
}

/* Every capability that both libcap and the kernel have a name for is in the table. */
static void none_is_missing(void **state)
{
	(void)state;
	for (cap_value_t value = 0; value <= CAP_LAST_CAP; value++) {
		char *name = cap_to_name(value);
		size_t found = 0;

		for (size_t i = 0; i < n_capability_names; i++)
			found += strcasecmp(capability_names[i].name, name) == 0;
		assert_int_equal(found, 1);
		cap_free(name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_numbers), cmocka_unit_test(none_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
