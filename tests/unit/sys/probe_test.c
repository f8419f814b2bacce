/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Old kernels: what uname(2) says, and a seccomp filter that takes system calls away. */
#include "../security/forked.h"

#include <seccomp.h>
#include <sys/personality.h>
#include <sys/syscall.h>

#include "sys/probe.h"
#include "util/error.h"
#include "util/str.h"

static void hide(int number)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	CHECK(ctx && seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), number, 0) == 0 && seccomp_load(ctx) == 0);
	seccomp_release(ctx);
}

static void test_release(void **state)
{
	(void)state;
	assert_false(kernel_is_older("2.6"));
	assert_false(kernel_is_older("5.14"));		/* the least that the tests run on */
	assert_true(kernel_is_older("99.0"));
	assert_true(personality(UNAME26) >= 0);
	assert_false(kernel_is_older("2.5"));
	assert_false(kernel_is_older("2.6"));
	assert_true(kernel_is_older("2.1000"));
	assert_true(kernel_is_older("3.0"));
	assert_true(personality(PER_LINUX) >= 0);
}

static void without_two(void *arg)
{
	struct error err;

	(void)arg;
	hide(SYS_mount_setattr);
	hide(SYS_openat2);
	/* the one that came first */
	CHECK(kernel_missing_call() && str_eq(kernel_missing_call()->name, "openat2"));
	error_errno(&err, ENOSYS, "try it");
	error_hint_kernel(&err);
	CHECK(strstr(err.text, "try it: function not implemented (openat2(2) of Linux 5.6 is missing here"));
	CHECK(personality(UNAME26) >= 0);
	error_errno(&err, ENOSYS, "try it");
	error_hint_kernel(&err);
	CHECK(strstr(err.text, "(there is no openat2(2), which came with Linux 5.6; orlop needs Linux 5.14"));
	/* another error is not about system calls */
	error_errno(&err, EPERM, "try it");
	error_hint_kernel(&err);
	CHECK(!strstr(err.text, "openat2") && strstr(err.text, "orlop needs Linux 5.14 or later, this is 2.6."));
}

static void test_missing_call(void **state)
{
	struct error err;

	(void)state;
	assert_null(kernel_missing_call());
	error_errno(&err, ENOSYS, "try it");
	error_hint_kernel(&err);
	assert_string_equal(err.text, "try it: function not implemented");
	assert_false(error_hint_release(&err, "this", "5.14"));
	assert_string_equal(err.text, "try it: function not implemented");
	assert_true(error_hint_release(&err, "this", "99.1"));
	assert_non_null(strstr(err.text, "(this needs Linux 99.1 or later, this is "));
	assert_child_ok(without_two, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_missing_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
