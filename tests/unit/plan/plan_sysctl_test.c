/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/sched.h>

#include "plan/plan.h"
#include "util/str.h"

#define ALL (CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWUSER)

static const struct {
	const char *key;
	uint64_t namespaces;
	const char *file;	/* NULL = refused */
} cases[] = {
	{ "kernel.msgmax", CLONE_NEWIPC, "kernel/msgmax" },
	{ "kernel/msgmax", CLONE_NEWIPC, "kernel/msgmax" },
	{ "kernel.msgmax", ALL & ~CLONE_NEWIPC, NULL },
	{ "kernel.msgmaxx", ALL, NULL },
	{ "kernel.shm_rmid_forced", CLONE_NEWIPC, "kernel/shm_rmid_forced" },
	{ "fs.mqueue.msg_max", CLONE_NEWIPC, "fs/mqueue/msg_max" },
	{ "fs.mqueue", ALL, NULL },
	{ "fs.mqueuex.a", ALL, NULL },
	{ "net.ipv4.ip_forward", CLONE_NEWNET, "net/ipv4/ip_forward" },
	{ "net.ipv4.ip_forward", ALL & ~CLONE_NEWNET, NULL },
	{ "net.ipv4.conf.eth0/100.rp_filter", CLONE_NEWNET, "net/ipv4/conf/eth0.100/rp_filter" },
	{ "net/ipv4/conf/eth0.100/rp_filter", CLONE_NEWNET, "net/ipv4/conf/eth0.100/rp_filter" },
	{ "network.x", ALL, NULL },
	{ "kernel.domainname", CLONE_NEWUTS, "kernel/domainname" },
	{ "kernel.hostname", ALL, NULL },
	{ "user.max_user_namespaces", CLONE_NEWUSER, "user/max_user_namespaces" },
	{ "vm.swappiness", ALL, NULL },
	{ "net", ALL, NULL },
	{ "", ALL, NULL },
	{ ".net.x", ALL, NULL },
	{ "net..x", ALL, NULL },
	{ "net.x.", ALL, NULL },
	{ "/net/x", ALL, NULL },
	{ "net/../kernel/panic", ALL, NULL },
	{ "net/./x", ALL, NULL },
	{ "net.//.kernel", ALL, NULL },
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena *a = arena_new();
		struct key_value kv = { arena_strdup(a, cases[i].key), arena_strdup(a, "1") };
		struct oci_config c = { .linux_.sysctl = { &kv, 1 } };
		struct plan p = { .config = &c, .ns.create = cases[i].namespaces };
		struct error err = {0};
		int r = plan_sysctl(a, &p, &err);

		if (cases[i].file) {
			assert_int_equal(r, 0);
			assert_string_equal(p.process.sysctls[0].file, cases[i].file);
			assert_string_equal(p.process.sysctls[0].value, "1");
		} else if (r != -EINVAL) {
			fail_msg("`%s` is accepted", cases[i].key);
		}
		arena_free(a);
	}
}

/* A joined namespace counts like a new one; the pointer is escaped as RFC 6901 wants. */
static void test_joined(void **state)
{
	struct arena *a = arena_new();
	struct plan_join j = { .flag = CLONE_NEWNET };
	struct key_value kv[] = { { arena_strdup(a, "net/a~b"), arena_strdup(a, "1") } };
	struct oci_config c = { .linux_.sysctl = { kv, 1 } };
	struct plan p = { .config = &c, .ns = { .joins = &j, .n_joins = 1 } };
	struct error err = {0};

	(void)state;
	assert_int_equal(plan_sysctl(a, &p, &err), 0);
	assert_string_equal(p.process.sysctls[0].where, "/linux/sysctl/net~1a~0b");
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_joined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
