/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "plan/parts.h"
#include "util/str.h"

static const struct {
	const char *key, *file, *where;
} cases[] = {
	{ "kernel.msgmax", "kernel/msgmax", "/linux/sysctl/kernel.msgmax" },
	{ "kernel/msgmax", "kernel/msgmax", "/linux/sysctl/kernel~1msgmax" },
	{ "net.ipv4.conf.eth0/100.rp_filter", "net/ipv4/conf/eth0.100/rp_filter",
	  "/linux/sysctl/net.ipv4.conf.eth0~1100.rp_filter" },
	{ "net/ipv4/conf/eth0.100/rp_filter", "net/ipv4/conf/eth0.100/rp_filter",
	  "/linux/sysctl/net~1ipv4~1conf~1eth0.100~1rp_filter" },
	{ "net.a~b", "net/a~b", "/linux/sysctl/net.a~0b" },
};

static void test_files(void **state)
{
	struct key_value kv[ARRAY_SIZE(cases)];
	struct oci_config c = { .linux_.sysctl = { kv, ARRAY_SIZE(cases) } };
	struct plan p = { .config = &c };
	struct arena *a = arena_new();
	struct error err = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		kv[i] = (struct key_value){ arena_strdup(a, cases[i].key),
					    arena_printf(a, "%zu", i) };
	assert_int_equal(plan_sysctl(a, &p, &err), 0);
	assert_int_equal(p.process.n_sysctls, ARRAY_SIZE(cases));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_string_equal(p.process.sysctls[i].file, cases[i].file);
		assert_string_equal(p.process.sysctls[i].where, cases[i].where);
		assert_string_equal(p.process.sysctls[i].value, kv[i].value);
	}
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_files) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
