/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "plan/parts.h"
#include "util/log.h"

static char warnings[2048];

static void note(void *ctx, enum log_level level, const char *text)
{
	(void)ctx;
	if (level == LOG_LEVEL_WARNING && strlen(warnings) + strlen(text) + 2 < sizeof(warnings)) {
		strcat(warnings, text);
		strcat(warnings, "\n");
	}
}

static struct plan_security decide(const struct oci_process *process, unsigned last_cap)
{
	struct arena *a = arena_new();
	struct oci_config c = {0};
	struct plan p = { .config = &c };
	struct facts f = { .last_cap = last_cap };
	struct plan_options o = {0};
	struct error err = {0};

	warnings[0] = '\0';
	log_redirect(note, NULL);
	assert_int_equal(plan_security(a, &p, process, &f, &o, &err), 0);
	log_redirect(NULL, NULL);
	arena_free(a);
	return p.security;
}

#define SETS(b, others) \
	{.bounding = (b), .effective = (others), .inheritable = (others), .permitted = (others), .ambient = (others)}

static void test_all_kept(void **state)
{
	struct oci_process p = { .has_capabilities = true,
				 .capabilities = SETS(0xff, 0x0f) };
	struct plan_security s = decide(&p, 40);

	(void)state;
	assert_memory_equal(&s.caps, &p.capabilities, sizeof(s.caps));
	assert_string_equal(warnings, "");
}

static void test_absent(void **state)
{
	/* the sets are not looked at when the member was not there */
	struct oci_process p = { .capabilities = SETS(1, 1) };
	struct plan_security s = decide(&p, 40);
	static const struct oci_capabilities none;

	(void)state;
	assert_memory_equal(&s.caps, &none, sizeof(none));
	assert_null(s.seccomp);
	assert_null(s.apparmor);
}

static void test_unknown_to_kernel(void **state)
{
	uint64_t all = 1ull << 40 | 1ull << 39 | 1;
	struct oci_process p = { .has_capabilities = true,
				 .capabilities = SETS(all, all) };
	struct plan_security s = decide(&p, 39);

	(void)state;
	assert_int_equal(s.caps.bounding, all & ~(1ull << 40));
	assert_int_equal(s.caps.effective, all & ~(1ull << 40));
	assert_int_equal(s.caps.ambient, all & ~(1ull << 40));
	assert_non_null(strstr(warnings, "bounding: capability 40 (CAP_CHECKPOINT_RESTORE)"));
	s = decide(&p, 63);
	assert_int_equal(s.caps.bounding, all);
}

static void test_ambient(void **state)
{
	struct oci_process p = { .has_capabilities = true,
				 .capabilities = { .permitted = 6, .inheritable = 3, .ambient = 15,
						   .effective = 7 } };
	struct plan_security s = decide(&p, 40);

	(void)state;
	assert_int_equal(s.caps.ambient, 2);
	assert_int_equal(s.caps.effective, 6);
	assert_int_equal(s.caps.inheritable, 3);
	assert_non_null(strstr(warnings, "ambient: capability 0 (CAP_CHOWN)"));
	assert_non_null(strstr(warnings, "ambient: capability 2 (CAP_DAC_READ_SEARCH)"));
	assert_non_null(strstr(warnings, "effective: capability 0 (CAP_CHOWN)"));
	assert_null(strstr(warnings, "capability 1 "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_kept),
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_unknown_to_kernel),
		cmocka_unit_test(test_ambient),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
