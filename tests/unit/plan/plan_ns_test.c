/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/sched.h>
#include <string.h>

#include "plan/parts.h"


static struct arena *a;
static struct oci_namespace list[8];
static struct oci_id_mapping uids[400], gids[400];
static struct oci_config config;
static struct plan plan;
static struct facts facts;
static struct error err;

static int setup(void **state)
{
	(void)state;
	a = arena_new();
	uids[0] = gids[0] = (struct oci_id_mapping){ 0, 1000, 1 };
	config = (struct oci_config){ .linux_ = { .namespaces = list,
						  .uid_mappings = { uids, 1 },
						  .gid_mappings = { gids, 1 } } };
	plan = (struct plan){ .config = &config };
	facts = (struct facts){ .cap_sys_admin = true, .in_initial_userns = true };
	err = (struct error){0};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(a);
	return 0;
}

static void add(uint64_t flag, const char *path)
{
	list[config.linux_.n_namespaces++] = (struct oci_namespace){
		.flag = flag, .path = path ? arena_strdup(a, path) : NULL,
	};
}

static int decide(void)
{
	struct plan_options o = {0};

	return plan_ns(a, &plan, &facts, &o, &err);
}

static void user1000(void)
{
	facts = (struct facts){ .euid = 1000, .egid = 1000, .in_initial_userns = true };
}

static void test_order_of_joins(void **state)
{
	(void)state;
	add(CLONE_NEWNS, "/mount");
	add(CLONE_NEWNET, "/net");
	add(CLONE_NEWUSER, "/user");
	add(CLONE_NEWIPC, NULL);
	add(CLONE_NEWCGROUP, NULL);
	add(CLONE_NEWUTS, "/uts");
	assert_int_equal(decide(), 0);
	assert_int_equal(plan.ns.create, CLONE_NEWIPC);
	assert_int_equal(plan.ns.unshare, CLONE_NEWCGROUP);
	assert_int_equal(plan.ns.n_joins, 4);
	assert_string_equal(plan.ns.joins[0].path, "/user");
	assert_string_equal(plan.ns.joins[0].where, "/linux/namespaces/2/path");
	assert_string_equal(plan.ns.joins[1].path, "/net");
	assert_string_equal(plan.ns.joins[2].path, "/uts");
	assert_string_equal(plan.ns.joins[3].path, "/mount");
	assert_true(plan.ns.launcher);
	assert_int_equal(plan.ns.launcher_joins, CLONE_NEWUSER);
	assert_true(plan.ns.userns);
	assert_int_equal(plan.ns.idmap, IDMAP_NONE);
	assert_false(plan.ns.loopback_up);
	assert_int_equal(plan_ns_flags(&plan), CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUSER |
			 CLONE_NEWIPC | CLONE_NEWCGROUP | CLONE_NEWUTS);
}

static void test_launcher(void **state)
{
	(void)state;
	add(CLONE_NEWNET, "/net");
	add(CLONE_NEWPID, NULL);
	assert_int_equal(decide(), 0);
	assert_false(plan.ns.launcher);
}

static void test_loopback(void **state)
{
	(void)state;
	add(CLONE_NEWNET, NULL);
	assert_int_equal(decide(), 0);
	assert_true(plan.ns.loopback_up);
}

static void test_methods(void **state)
{
	(void)state;
	add(CLONE_NEWUSER, NULL);
	assert_int_equal(decide(), 0);
	assert_int_equal(plan.ns.idmap, IDMAP_WRITE);
	assert_false(plan.ns.deny_setgroups);
	assert_string_equal(plan.ns.uid_map, "0 1000 1\n");

	user1000();
	plan.ns = (struct plan_ns){0};
	assert_int_equal(decide(), 0);
	assert_int_equal(plan.ns.idmap, IDMAP_WRITE);
	assert_true(plan.ns.deny_setgroups);

	/* each of the three things that make it a matter for the helpers */
	gids[0].host_id = 1001;
	plan.ns = (struct plan_ns){0};
	assert_int_equal(decide(), 0);
	assert_int_equal(plan.ns.idmap, IDMAP_HELPERS);
	assert_false(plan.ns.deny_setgroups);
	gids[0].host_id = 1000;
	uids[0].size = 2;
	plan.ns = (struct plan_ns){0};
	assert_int_equal(decide(), 0);
	assert_int_equal(plan.ns.idmap, IDMAP_HELPERS);
	uids[0].size = 1;
	uids[1] = (struct oci_id_mapping){ 1, 2000, 1 };
	config.linux_.uid_mappings.n = 2;
	plan.ns = (struct plan_ns){0};
	assert_int_equal(decide(), 0);
	assert_int_equal(plan.ns.idmap, IDMAP_HELPERS);
	assert_string_equal(plan.ns.uid_map, "0 1000 1\n1 2000 1\n");
}

static void test_limits(void **state)
{
	(void)state;
	add(CLONE_NEWUSER, NULL);
	for (unsigned i = 0; i < 400; i++)
		uids[i] = (struct oci_id_mapping){ i, i, 1 };
	config.linux_.uid_mappings.n = 340;
	assert_int_equal(decide(), 0);
	for (unsigned i = 0; i < 340; i++)
		uids[i].host_id = 4000000000u + i;
	assert_int_equal(decide(), -EINVAL);
	assert_string_equal(err.where, "/linux/uidMappings");
	assert_non_null(strstr(err.text, "4096"));
}

static void test_privilege(void **state)
{
	(void)state;
	user1000();
	add(CLONE_NEWNS, NULL);
	assert_int_equal(decide(), -EPERM);
	assert_string_equal(err.where, "/linux/namespaces");
	assert_non_null(strstr(err.text, "orlop spec --rootless"));
	err = (struct error){0};
	plan.ns = (struct plan_ns){0};
	add(CLONE_NEWUSER, "/user");
	assert_int_equal(decide(), 0);
}

static void time_case(uint64_t joined, uint64_t created, bool in_launcher)
{
	config.linux_.n_namespaces = 0;
	plan.ns = (struct plan_ns){0};
	if (joined)
		add(joined, "/joined");
	if (created)
		add(created, NULL);
	add(CLONE_NEWTIME, NULL);
	assert_int_equal(decide(), 0);
	assert_int_equal(plan.ns.create, created);
	assert_int_equal(plan.ns.unshare, CLONE_NEWTIME);
	assert_int_equal(plan.ns.time_in_launcher, in_launcher);
	assert_string_equal(plan.ns.time_offsets, "1 -7 0\n7 0 5\n");
}

static void test_time(void **state)
{
	(void)state;
	/* without offsets clone3 does it all */
	add(CLONE_NEWTIME, NULL);
	assert_int_equal(decide(), 0);
	assert_int_equal(plan.ns.create, CLONE_NEWTIME);
	assert_int_equal(plan.ns.unshare, 0);
	assert_null(plan.ns.time_offsets);

	config.linux_.time_offsets.monotonic = (struct oci_time_offset){ true, -7, 0 };
	config.linux_.time_offsets.boottime = (struct oci_time_offset){ true, 0, 5 };
	time_case(0, 0, false);
	time_case(CLONE_NEWNET, CLONE_NEWPID, false);
	time_case(0, CLONE_NEWUSER, false);
	time_case(CLONE_NEWPID, 0, false);
	time_case(CLONE_NEWUSER, CLONE_NEWPID, true);
	/* the new user namespace has to own it */
	time_case(CLONE_NEWPID, CLONE_NEWUSER, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order_of_joins, setup, teardown),
		cmocka_unit_test_setup_teardown(test_launcher, setup, teardown),
		cmocka_unit_test_setup_teardown(test_loopback, setup, teardown),
		cmocka_unit_test_setup_teardown(test_methods, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_privilege, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
