/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `update`: what is merged, what is written, and what is saved. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "plan/plan_update.h"
#include "util/log.h"
#include "util/str.h"

static struct arena *arena;
static struct plan_update got;
static struct error err;

static void quiet(void *ctx, enum log_level level, const char *text)
{
	(void)ctx, (void)level, (void)text;
}

static int set_up(void **state)
{
	(void)state;
	arena = arena_new();
	memset(&err, 0, sizeof(err));
	log_redirect(quiet, NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static struct oci_resources parse(const char *text)
{
	struct oci_resources r = {0};
	struct error e = {0};

	if (config_parse_resources(arena, text, strlen(text), &r, &e) < 0)
		fail_msg("%s: %s", text, e.text);
	return r;
}

static int run(const char *base, const char *given)
{
	struct oci_resources b = parse(base), g = parse(given);

	memset(&err, 0, sizeof(err));
	return plan_update(arena, &b, &g, false, &got, &err);
}

/* "file=value file=value" in order */
static void writes(const char *base, const char *given, const char *expected)
{
	struct strbuf out = {0};

	assert_int_equal(run(base, given), 0);
	for (size_t i = 0; i < got.cgroup.n_writes; i++) {
		strbuf_addf(&out, "%s%s=%s", i ? ", " : "", got.cgroup.writes[i].file, got.cgroup.writes[i].value);
		assert_true(got.cgroup.writes[i].where[0] == '/' && !str_starts(got.cgroup.writes[i].where, "/linux"));
	}
	assert_string_equal(out.len ? out.data : "", expected);
	strbuf_free(&out);
}

static void merged(const char *base, const char *given, const char *part)
{
	char *text;
	size_t len;

	assert_int_equal(run(base, given), 0);
	text = config_resources_text(&got.merged, &len);
	if (!strstr(text, part))
		fail_msg("%s is not in %s", part, text);
	free(text);
}

static void refused(const char *base, const char *given, const char *where)
{
	assert_true(run(base, given) < 0);
	assert_string_equal(err.where, where);
}

static void test_only_what_is_given(void **state)
{
	(void)state;
	writes("{\"memory\":{\"limit\":100},\"pids\":{\"limit\":5}}", "{\"pids\":{\"limit\":6}}", "pids.max=6");
	writes("{\"memory\":{\"limit\":100},\"pids\":{\"limit\":5}}", "{}", "");
	merged("{\"memory\":{\"limit\":100},\"pids\":{\"limit\":5}}", "{\"pids\":{\"limit\":6}}", "\"limit\":100");
	writes("{}", "{\"cpu\":{\"cpus\":\"0-1\"}}", "cpuset.cpus=0-1");
	assert_int_equal(got.cgroup.controllers, CGROUP_CPUSET);
}

static void test_quota_and_period(void **state)
{
	const char *base = "{\"cpu\":{\"quota\":5000,\"period\":50000,\"burst\":1000}}";

	(void)state;
	writes(base, "{\"cpu\":{\"quota\":8000}}", "cpu.max=8000 50000, cpu.max.burst=1000");
	writes(base, "{\"cpu\":{\"period\":20000}}", "cpu.max=5000 20000, cpu.max.burst=1000");
	writes(base, "{\"cpu\":{\"quota\":-1}}", "cpu.max=max 50000, cpu.max.burst=1000");
	writes(base, "{\"cpu\":{\"quota\":0}}", "cpu.max=max 50000, cpu.max.burst=1000");
	writes(base, "{\"cpu\":{\"period\":0}}", "");
	writes(base, "{\"cpu\":{\"burst\":0}}", "cpu.max.burst=0");
	refused(base, "{\"cpu\":{\"burst\":5001}}", "/cpu/burst");
	refused("{\"cpu\":{\"quota\":5000,\"burst\":5000}}", "{\"cpu\":{\"quota\":4000}}", "/cpu/quota");
}

static void test_memory_and_swap(void **state)
{
	const char *base = "{\"memory\":{\"limit\":100,\"swap\":150}}";

	(void)state;
	writes(base, "{\"memory\":{\"limit\":120}}", "memory.max=120, memory.swap.max=30");
	writes(base, "{\"memory\":{\"swap\":200}}", "memory.swap.max=100");
	writes(base, "{\"memory\":{\"limit\":-1}}", "memory.max=max, memory.swap.max=max");
	writes(base, "{\"memory\":{\"limit\":-1,\"swap\":0}}", "memory.max=max, memory.swap.max=max");
	writes(base, "{\"memory\":{\"limit\":0,\"reservation\":0}}", "");
	writes("{}", "{\"memory\":{\"limit\":120}}", "memory.max=120");
	refused(base, "{\"memory\":{\"limit\":151}}", "/memory/limit");
	refused("{}", "{\"memory\":{\"swap\":151}}", "/memory/swap");
	refused(base, "{\"memory\":{\"swap\":99}}", "/memory/swap");
}

static void test_idle_and_shares(void **state)
{
	(void)state;
	writes("{\"cpu\":{\"shares\":512}}", "{\"cpu\":{\"idle\":1}}", "cpu.idle=1");
	writes("{\"cpu\":{\"shares\":512,\"idle\":1}}", "{\"cpu\":{\"idle\":0}}", "cpu.idle=0, cpu.weight=59");
	writes("{\"cpu\":{\"idle\":0}}", "{\"cpu\":{\"shares\":512}}", "cpu.weight=59");
	refused("{\"cpu\":{\"idle\":1}}", "{\"cpu\":{\"shares\":512}}", "/cpu/shares");
}

static void test_lists(void **state)
{
	const char *base = "{\"unified\":{\"a.b\":\"1\",\"c.d\":\"2\"},"
			   "\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":1}],"
			   "\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":5}]},"
			   "\"rdma\":{\"x\":{\"hcaHandles\":3}}}";

	(void)state;
	writes(base, "{\"unified\":{\"c.d\":\"3\"}}", "c.d=3");
	merged(base, "{\"unified\":{\"c.d\":\"3\",\"e.f\":\"4\"}}", "{\"a.b\":\"1\",\"c.d\":\"3\",\"e.f\":\"4\"}");
	merged(base, "{\"hugepageLimits\":[{\"pageSize\":\"1GB\",\"limit\":2},{\"pageSize\":\"2MB\",\"limit\":3}]}",
	       "[{\"pageSize\":\"2MB\",\"limit\":3},{\"pageSize\":\"1GB\",\"limit\":2}]");
	merged(base, "{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":1,\"rate\":6},"
	       "{\"major\":8,\"minor\":0,\"rate\":7}]}}",
	       "[{\"major\":8,\"minor\":0,\"rate\":7},{\"major\":8,\"minor\":1,\"rate\":6}]");
	writes(base, "{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":1,\"rate\":6}]}}",
	       "io.max=8:1 rbps=6");
	merged(base, "{\"rdma\":{\"x\":{\"hcaObjects\":9}}}", "\"x\":{\"hcaHandles\":3,\"hcaObjects\":9}");
	refused(base, "{\"unified\":{\"cgroup.procs\":\"1\"}}", "/unified/cgroup.procs");
}

static void test_devices(void **state)
{
	const char *base = "{\"devices\":[{\"allow\":false},"
			   "{\"allow\":true,\"type\":\"c\",\"major\":1,\"access\":\"r\"}]}";

	(void)state;
	assert_int_equal(run(base, "{\"pids\":{\"limit\":1}}"), 0);
	assert_true(!got.devices && !got.cgroup.device_program && got.merged.n_devices == 2);
	assert_int_equal(run(base, "{\"devices\":[]}"), 0);
	assert_true(got.devices && got.cgroup.device_program && got.merged.n_devices == 0);
	assert_int_equal(run(base, "{\"devices\":[{\"allow\":true,\"access\":\"rwm\"}]}"), 0);
	assert_true(got.devices && !got.cgroup.device_program);
	merged("{}", base, "{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":-1,\"access\":\"r\"}");
	refused("{}", "{\"devices\":[{\"allow\":true,\"type\":\"c\",\"major\":9999}]}", "/devices/0");
}

static void test_what_version_1_had(void **state)
{
	(void)state;
	writes("{}", "{\"memory\":{\"kernel\":5,\"kernelTCP\":6}}", "");
	refused("{}", "{\"memory\":{\"swappiness\":5}}", "/memory/swappiness");
	refused("{}", "{\"network\":{\"classID\":5}}", "/network/classID");
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_only_what_is_given), T(test_quota_and_period), T(test_memory_and_swap), T(test_idle_and_shares),
		T(test_lists), T(test_devices), T(test_what_version_1_had),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
