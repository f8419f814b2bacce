/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>

#include "plan/parts.h"
#include "util/log.h"
#include "util/str.h"

static struct arena *a;
static struct oci_mount mount_;
static struct oci_config config;
static struct plan plan;
static struct error err;
static unsigned warnings;

static void count(void *ctx, enum log_level level, const char *text)
{
	(void)ctx;
	(void)text;
	warnings += level == LOG_LEVEL_WARNING;
}

static int setup(void **state)
{
	(void)state;
	a = arena_new();
	mount_ = (struct oci_mount){ .destination = arena_strdup(a, "/a"),
				     .type = arena_strdup(a, "tmpfs") };
	config = (struct oci_config){ .mounts = &mount_, .n_mounts = 1 };
	plan = (struct plan){ .config = &config, .bundle = "/bundle", .rootfs.path = "/bundle/rootfs" };
	err = (struct error){0};
	warnings = 0;
	log_redirect(count, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	log_redirect(NULL, NULL);
	arena_free(a);
	return 0;
}

static void set_options(const char *const *words)
{
	struct strings s = {0};

	for (; *words; words++)
		arena_push(a, s.v, s.n) = arena_strdup(a, *words);
	mount_options_parse(a, &s, &mount_.options);
}

static const struct plan_mount *planned(const char *const *words)
{
	set_options(words);
	assert_int_equal(plan_mounts(a, &plan, NULL, &err), 0);
	assert_int_equal(plan.rootfs.n_mounts, 1);
	return &plan.rootfs.mounts[0];
}

static void assert_data(const struct plan_mount *m, const char *const *wanted)
{
	size_t n = 0;

	for (; wanted[n]; n++) {
		assert_true(n < m->data.n);
		assert_string_equal(m->data.v[n], wanted[n]);
	}
	assert_int_equal(m->data.n, n);
	assert_null(m->data.v[n]);
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define NO_WORDS   ((const char *const[]){ NULL })

static void test_data_is_cut(void **state)
{
	(void)state;
	assert_data(planned(WORDS("size=1m,mode=700", "nr_inodes=5", ",x,,y,")),
		    WORDS("size=1m", "mode=700", "nr_inodes=5", "x", "y"));
}

static void test_data_keeps_commas(void **state)
{
	(void)state;
	assert_data(planned(WORDS("lowerdir=/a\\,b:/c,upperdir=/u", "fscontext=\"u:r:t:s0:c1,c2\",z")),
		    WORDS("lowerdir=/a\\,b:/c", "upperdir=/u", "fscontext=u:r:t:s0:c1,c2", "z"));
	/* an open quote and a last backslash end with the word */
	assert_data((plan.rootfs.n_mounts = 0, planned(WORDS("a=\"b,c", "d\\"))),
		    WORDS("a=\"b,c", "d\\"));
}

static void test_no_data(void **state)
{
	(void)state;
	assert_data(planned(WORDS("nosuid")), NO_WORDS);
}

static void test_label(void **state)
{
	static char label[] = "u:r:t:s0:c1,c2";

	(void)state;
	config.linux_.mount_label = label;
	assert_data(planned(WORDS("size=1m")), WORDS("size=1m", "context=u:r:t:s0:c1,c2"));
	plan.rootfs.n_mounts = 0;
	assert_data(planned(WORDS("rootcontext=own")), WORDS("rootcontext=own"));
	plan.rootfs.n_mounts = 0;
	mount_.type = arena_strdup(a, "mqueue");
	assert_data(planned(NO_WORDS), NO_WORDS);
	plan.rootfs.n_mounts = 0;
	mount_.type = arena_strdup(a, "proc");
	assert_data(planned(NO_WORDS), NO_WORDS);
}

static void test_bind_data_warns(void **state)
{
	const struct plan_mount *m;

	(void)state;
	mount_.source = arena_strdup(a, "src");
	m = planned(WORDS("bind", "mode=755", "size=1k"));
	assert_int_equal(m->kind, MOUNT_BIND);
	assert_int_equal(m->data.n, 0);
	assert_int_equal(warnings, 2);
	assert_string_equal(m->source, "/bundle/src");
}

/* The type plays no part: config.md#mounts */
static void test_kinds(void **state)
{
	static const struct {
		const char *type;
		const char *words[3];
		enum plan_mount_kind kind;
	} cases[] = {
		{ "tmpfs", { "bind" }, MOUNT_BIND },
		{ "cgroup", { "rbind" }, MOUNT_BIND },
		{ "sysfs", { NULL }, MOUNT_SYSFS },
		{ "cgroup", { NULL }, MOUNT_CGROUP2 },
		{ "cgroup2", { NULL }, MOUNT_CGROUP2 },
		{ "tmpfs", { "remount" }, MOUNT_REMOUNT },
		{ "none", { "bind", "remount" }, MOUNT_REMOUNT },
		{ "mqueue", { "ro" }, MOUNT_FS },
	};

	(void)state;
	mount_.source = arena_strdup(a, "/src");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		plan.rootfs.n_mounts = 0;
		mount_.type = arena_strdup(a, cases[i].type);
		assert_int_equal(planned(cases[i].words)->kind, cases[i].kind);
	}
}

static void test_late_readonly(void **state)
{
	(void)state;
	assert_true(planned(WORDS("ro"))->late_readonly);
	plan.rootfs.n_mounts = 0;
	assert_false(planned(WORDS("ro", "rw"))->late_readonly);
	plan.rootfs.n_mounts = 0;
	mount_.type = arena_strdup(a, "ext4");
	assert_false(planned(WORDS("ro"))->late_readonly);
	plan.rootfs.n_mounts = 0;
	mount_.destination = arena_strdup(a, "/x/../dev/");
	assert_true(planned(WORDS("ro"))->late_readonly);
}

static void test_proc(void **state)
{
	static const struct {
		const char *destination;
		bool ok, on_proc;
	} cases[] = {
		{ "/proc", true, false },	     { "proc", true, false },
		{ "/processes", true, false },	     { "/proc/uptime", true, true },
		{ "/x/../proc//uptime/", true, true }, { "/proc/uptime/x", false, true },
		{ "/proc/sys", false, true },	     { "/proc/self/attr/exec", false, true },
		{ "/proc/../etc/x", true, false },   { "/proc/net/../sysrq-trigger", false, true },
	};

	(void)state;
	mount_.source = arena_strdup(a, "/src");
	set_options(WORDS("bind"));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		plan.rootfs.n_mounts = 0;
		err = (struct error){0};
		mount_.destination = arena_strdup(a, cases[i].destination);
		assert_int_equal(plan_mounts(a, &plan, NULL, &err), cases[i].ok ? 0 : -EINVAL);
		assert_string_equal(err.where, cases[i].ok ? "" : "/mounts/0/destination");
		assert_int_equal(plan.rootfs.mounts[0].on_proc, cases[i].on_proc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_data_is_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_data_keeps_commas, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_data, setup, teardown),
		cmocka_unit_test_setup_teardown(test_label, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bind_data_warns, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kinds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_late_readonly, setup, teardown),
		cmocka_unit_test_setup_teardown(test_proc, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
