/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of a cgroup show after something was written to them, of which kernels there are too many to ask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "report/resources.h"

static const struct {
	const char *file, *value, *text;	/* written, and the whole file afterwards */
	enum limit_state state;
	const char *now;
} rows[] = {
	{"memory.max", "4096", "4096", LIMIT_SAME, "4096"},
	{"memory.max", "64M", "67108864", LIMIT_SAME, "67108864"},
	{"memory.max", "67108865", "67108864", LIMIT_ROUNDED, "67108864"},
	{"memory.max", "67108864", "67112960", LIMIT_DIFFERS, "67112960"},
	{"memory.max", "67108865", "67104768", LIMIT_DIFFERS, "67104768"},
	{"memory.max", "max", "max", LIMIT_SAME, "max"},
	{"memory.max", "9223372036854775807", "max", LIMIT_SAME, "max"},
	{"memory.max", "4096", "max", LIMIT_DIFFERS, "max"},
	{"hugetlb.2MB.max", "5000000", "4194304", LIMIT_ROUNDED, "4194304"},
	{"hugetlb.1GB.max", "max", "9223372036854771712", LIMIT_SAME, "9223372036854771712"},
	{"hugetlb.1GB.max", "2097152", "0", LIMIT_ROUNDED, "0"},
	{"pids.max", "33", "32", LIMIT_DIFFERS, "32"},
	{"pids.max", "33 ", "33", LIMIT_SAME, "33"},
	{"cpu.max", "150000", "150000 100000", LIMIT_SAME, "150000 100000"},
	{"cpu.max", "150000 50000", "150000 100000", LIMIT_DIFFERS, "150000 100000"},
	{"cpu.max", "max 100000", "max 100000", LIMIT_SAME, "max 100000"},
	{"cpu.uclamp.min", "20", "20.00", LIMIT_SAME, "20.00"},
	{"cpu.uclamp.min", "20", "20.50", LIMIT_DIFFERS, "20.50"},
	{"cpuset.cpus", "0,1,2,5", "0-2,5", LIMIT_SAME, "0-2,5"},
	{"cpuset.cpus", "0-2", "0-1", LIMIT_DIFFERS, "0-1"},
	{"cpuset.cpus", "0", "", LIMIT_DIFFERS, ""},
	{"cpuset.mems", "\n", "", LIMIT_SAME, ""},
	{"io.weight", "200", "default 200\n8:0 50", LIMIT_SAME, "200"},
	{"io.weight", "default 200", "default 100\n8:0 200", LIMIT_DIFFERS, "100"},
	{"io.weight", "8:0 50", "default 200\n8:0 50", LIMIT_SAME, "8:0 50"},
	{"io.weight", "8:0 50", "default 50", LIMIT_DIFFERS, ""},
	{"io.weight", "8:0 default", "default 50", LIMIT_SAME, ""},
	{"io.max", "8:0 rbps=1", "8:16 rbps=2 wbps=max\n8:0 rbps=1 wbps=max", LIMIT_SAME, "8:0 rbps=1 wbps=max"},
	{"io.max", "8:0 rbps=1", "8:0 rbps=11 wbps=1", LIMIT_DIFFERS, "8:0 rbps=11 wbps=1"},
	{"io.max", "8:0 rbps=max", "8:16 rbps=2", LIMIT_SAME, ""},
	{"io.max", "8:1 rbps=2", "8:16 rbps=2", LIMIT_DIFFERS, ""},
	{"rdma.max", "a hca_handle=2", "a hca_handle=2 hca_object=max", LIMIT_SAME, "a hca_handle=2 hca_object=max"},
	{"cpuset.cpus.partition", "root", "root invalid (Cpu list)", LIMIT_DIFFERS, "root invalid (Cpu list)"},
	{"memory.oom.group", "1", "0", LIMIT_DIFFERS, "0"},
};

static void test_compare(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *now = limit_now(a, rows[i].file, rows[i].value, rows[i].text);

		if (!str_eq(now, rows[i].now) || limit_compare(rows[i].file, rows[i].value, now) != rows[i].state)
			fail_msg("%s: \"%s\" and \"%s\": %s, %d", rows[i].file, rows[i].value, rows[i].text, now,
				 limit_compare(rows[i].file, rows[i].value, now));
	}
	arena_free(a);
}

static void test_overrules(void **state)
{
	(void)state;
	assert_true(limit_overrules("memory.max", "1", "2"));
	assert_true(limit_overrules("io.weight", "default 100", "200"));
	assert_false(limit_overrules("io.weight", "8:0 100", "200"));
	assert_false(limit_overrules("io.max", "8:0 rbps=1", "8:16 rbps=2"));
	assert_false(limit_overrules("io.max", "8:0 rbps=1", "8:0 wbps=2"));
	assert_true(limit_overrules("io.max", "8:0 wbps=3 rbps=1", "8:0 rbps=2"));
	assert_true(limit_overrules("cpu.max", "1000 2000", "max"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compare), cmocka_unit_test(test_overrules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
