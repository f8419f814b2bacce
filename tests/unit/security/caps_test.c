/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capability sets of real processes, as /proc/PID/status shows them to somebody else. */
#include "forked.h"

#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "security/caps.h"
#include "util/log.h"

#define BIT(n) ((uint64_t)1 << (n))
#define DOCKER 0xa80425fbull	/* the engines' default set */

static unsigned last_cap(void)
{
	unsigned cap = 0;

	while (prctl(PR_CAPBSET_READ, cap + 1, 0, 0, 0) >= 0)
		cap++;
	return cap;
}

struct want {
	struct oci_capabilities caps;
	uint32_t uid;
	char warnings[1024];
};

static void collect(void *ctx, enum log_level level, const char *text)
{
	struct want *w = ctx;

	if (level == LOG_LEVEL_WARNING)
		snprintf(w->warnings, sizeof(w->warnings), "%s", text);
}

/* The whole way of a container process. */
static void become(void *arg)
{
	struct want *w = arg;
	struct error err = {0};

	log_redirect(collect, w);
	CHECK(caps_limit_bounding(&w->caps, last_cap(), &err) == 0);
	CHECK(caps_keep(&err) == 0);
	CHECK(prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0) == 1);
	CHECK(syscall(SYS_setresgid, w->uid, w->uid, w->uid) == 0);
	CHECK(syscall(SYS_setresuid, w->uid, w->uid, w->uid) == 0);
	CHECK(caps_apply(&w->caps, 0, &err) == 0);
	CHECK(prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0) == 0);
	CHECK(prctl(PR_GET_SECUREBITS, 0, 0, 0, 0) == 0);
}

static void check_sets(struct want *w, const struct oci_capabilities *expect)
{
	struct held h = hold(become, w);

	assert_true(status_hex(h.pid, "CapBnd") == expect->bounding);
	assert_true(status_hex(h.pid, "CapPrm") == expect->permitted);
	assert_true(status_hex(h.pid, "CapEff") == expect->effective);
	assert_true(status_hex(h.pid, "CapInh") == expect->inheritable);
	assert_true(status_hex(h.pid, "CapAmb") == expect->ambient);
	let_go(&h);
}

/* T80: every pattern of one capability over the five sets, as root and as a user. */
static void test_all_patterns(void **state)
{
	(void)state;
	NEEDS_ROOT();
	for (unsigned pattern = 0; pattern < 64; pattern++) {
		uint64_t bit = BIT(CAP_NET_RAW);
		struct want *w = shared_page(sizeof(*w));
		struct oci_capabilities e;

		w->uid = pattern & 32 ? 1000 : 0;
		w->caps.bounding = pattern & 1 ? bit : 0;
		w->caps.effective = pattern & 2 ? bit : 0;
		w->caps.inheritable = pattern & 4 ? bit : 0;
		w->caps.permitted = pattern & 8 ? bit : 0;
		w->caps.ambient = pattern & 16 ? bit : 0;
		e = w->caps;
		e.effective &= e.permitted;
		e.inheritable &= e.bounding;
		e.ambient &= e.permitted & e.inheritable;
		check_sets(w, &e);
		munmap(w, sizeof(*w));
	}
}

static void test_engine_defaults(void **state)
{
	struct want *w = shared_page(sizeof(*w));

	(void)state;
	NEEDS_ROOT();
	w->caps = (struct oci_capabilities){.bounding = DOCKER, .effective = DOCKER,
					    .permitted = DOCKER};
	check_sets(w, &w->caps);
	assert_string_equal(w->warnings, "");
	w->uid = 1000;
	check_sets(w, &w->caps);
	w->caps.inheritable = w->caps.ambient = DOCKER;
	check_sets(w, &w->caps);
	assert_string_equal(w->warnings, "");
	munmap(w, sizeof(*w));
}

/* Absent `capabilities`: five empty sets, the bounding one too. */
static void test_empty(void **state)
{
	struct want *w = shared_page(sizeof(*w));

	(void)state;
	NEEDS_ROOT();
	check_sets(w, &w->caps);
	w->uid = 1000;
	check_sets(w, &w->caps);
	munmap(w, sizeof(*w));
}

static void lose_sys_time_then_become(void *arg)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	CHECK(syscall(SYS_capget, &head, data) == 0);
	data[0].effective &= ~(1u << CAP_SYS_TIME);
	data[0].permitted &= ~(1u << CAP_SYS_TIME);
	CHECK(syscall(SYS_capset, &head, data) == 0);
	become(arg);
}

static void test_not_available_is_left_out(void **state)
{
	struct want *w = shared_page(sizeof(*w));
	uint64_t all = DOCKER | BIT(CAP_SYS_TIME);
	struct held h;

	(void)state;
	NEEDS_ROOT();
	w->caps = (struct oci_capabilities){.bounding = all, .effective = all, .permitted = all};
	h = hold(lose_sys_time_then_become, w);
	assert_true(status_hex(h.pid, "CapPrm") == DOCKER);
	assert_true(status_hex(h.pid, "CapEff") == DOCKER);
	let_go(&h);
	assert_non_null(strstr(w->warnings, "CAP_SYS_TIME"));
	assert_non_null(strstr(w->warnings, "permitted"));
	munmap(w, sizeof(*w));
}

static void with_securebits(void *arg)
{
	CHECK(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_KEEP_CAPS, 0, 0, 0) == 0);
	become(arg);
}

static void with_locked_securebits(void *arg)
{
	struct want *w = arg;
	struct error err = {0};

	CHECK(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED, 0, 0, 0) == 0);
	CHECK(caps_limit_bounding(&w->caps, last_cap(), &err) == -EPERM);
	CHECK(strstr(err.text, "locked"));
}

static void test_securebits(void **state)
{
	struct want *w = shared_page(sizeof(*w));
	struct held h;

	(void)state;
	NEEDS_ROOT();
	h = hold(with_securebits, w);
	let_go(&h);
	assert_child_ok(with_locked_securebits, w);
	munmap(w, sizeof(*w));
}

static void limit_without_power(void *arg)
{
	struct want *w = arg;
	struct error err = {0};

	CHECK(syscall(SYS_setresuid, 1000, 1000, 1000) == 0);
	CHECK(caps_limit_bounding(&w->caps, last_cap(), &err) == -EPERM);
	CHECK(strstr(err.text, "bounding set"));
	w->caps.bounding = ~0ull;
	CHECK(caps_limit_bounding(&w->caps, last_cap(), &err) == 0);
}

static void test_bounding_needs_setpcap(void **state)
{
	struct want *w = shared_page(sizeof(*w));

	(void)state;
	NEEDS_ROOT();
	assert_child_ok(limit_without_power, w);
	munmap(w, sizeof(*w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_patterns),
		cmocka_unit_test(test_engine_defaults),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_not_available_is_left_out),
		cmocka_unit_test(test_securebits),
		cmocka_unit_test(test_bounding_needs_setpcap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
