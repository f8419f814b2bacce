/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said where the kernel has no core scheduling, and what this one says. */
#include "forked.h"

#include "security/core_sched.h"
#include "sys/core_sched.h"
#include "util/str.h"

#define POINTER "/annotations/org.orlop.core-sched"

static void test_values(void **state)
{
	const char *with;

	(void)state;
	assert_int_equal(core_sched_value("true", &with), CORE_SCHED_REQUIRED);
	assert_null(with);
	assert_int_equal(core_sched_value("best-effort", &with), CORE_SCHED_BEST_EFFORT);
	assert_int_equal(core_sched_value("share:a-b_c.1", &with), CORE_SCHED_SHARED);
	assert_string_equal(with, "a-b_c.1");
	assert_int_equal(core_sched_value("share:", &with), CORE_SCHED_NONE);
	assert_int_equal(core_sched_value("share:../a", &with), CORE_SCHED_NONE);
	assert_null(with);
	assert_int_equal(core_sched_value("share", &with), CORE_SCHED_NONE);
	assert_int_equal(core_sched_value("false", &with), CORE_SCHED_NONE);
	assert_int_equal(core_sched_value("", &with), CORE_SCHED_NONE);
	assert_string_equal(core_sched_name(CORE_SCHED_BEST_EFFORT), "best-effort");
	assert_null(core_sched_name(CORE_SCHED_NONE));
}

static void test_answers(void **state)
{
	static const struct {
		enum core_sched mode;
		int answer, expected;
		const char *words;
	} rows[] = {
		{CORE_SCHED_NONE, -EINVAL, 0, NULL},
		{CORE_SCHED_REQUIRED, 0, 0, NULL},
		{CORE_SCHED_REQUIRED, -EINVAL, -ENOTSUP, "CONFIG_SCHED_CORE"},
		{CORE_SCHED_REQUIRED, -ENODEV, -ENOTSUP, "/sys/devices/system/cpu/smt/control"},
		{CORE_SCHED_REQUIRED, -EPERM, -EPERM, "core scheduling cookie"},
		{CORE_SCHED_BEST_EFFORT, 0, 0, NULL},
		{CORE_SCHED_BEST_EFFORT, -EINVAL, 0, NULL},
		{CORE_SCHED_BEST_EFFORT, -ENODEV, 0, NULL},
		{CORE_SCHED_BEST_EFFORT, -EPERM, -EPERM, "core scheduling cookie"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error err = {0};

		assert_int_equal(core_sched_check_answer(rows[i].mode, rows[i].answer, &err), rows[i].expected);
		if (!rows[i].words)
			continue;
		assert_string_equal(err.where, POINTER);
		assert_non_null(strstr(err.text, rows[i].words));
	}
}

/* In a process of its own, which has another cookie afterwards. */
static void make_one(void *arg)
{
	struct error err = {0};
	uint64_t before, now;

	(void)arg;
	CHECK(sys_core_sched_get(0, &before) == 0);
	CHECK(core_sched_create(CORE_SCHED_REQUIRED, &err) == 0);
	CHECK(sys_core_sched_get(0, &now) == 0 && now != 0 && now != before);
	CHECK(core_sched_readback(CORE_SCHED_REQUIRED, getpid(), true, &err) == 0);
	CHECK(core_sched_readback(CORE_SCHED_REQUIRED, getpid(), false, &err) == -EPROTO);
	CHECK(core_sched_join(CORE_SCHED_REQUIRED, getpid(), &err) == 0);
}

static void refuse_all(int answer)
{
	struct error err = {0};

	assert_int_equal(core_sched_create(CORE_SCHED_REQUIRED, &err), answer);
	assert_string_equal(err.where, POINTER);
	assert_int_equal(core_sched_join(CORE_SCHED_REQUIRED, getpid(), &err), answer);
	assert_int_equal(core_sched_readback(CORE_SCHED_REQUIRED, getpid(), true, &err), answer);
	assert_int_equal(core_sched_create(CORE_SCHED_BEST_EFFORT, &err), 0);
	assert_int_equal(core_sched_join(CORE_SCHED_BEST_EFFORT, getpid(), &err), 0);
	assert_int_equal(core_sched_readback(CORE_SCHED_BEST_EFFORT, getpid(), true, &err), 0);
}

static void test_this_kernel(void **state)
{
	uint64_t cookie;
	int answer = sys_core_sched_get(0, &cookie);

	(void)state;
	if (answer == -EINVAL || answer == -ENODEV)
		refuse_all(answer);
	else
		assert_child_ok(make_one, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_this_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
