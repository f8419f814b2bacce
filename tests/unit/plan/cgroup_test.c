/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Path, mode and every conversion of linux.resources, as the list of writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>

#include "plan/parts.h"
#include "plan/plan_resources.h"
#include "util/log.h"
#include "util/str.h"

struct scene {
	struct arena *a;
	struct oci_config config;
	struct oci_resources *r;
	struct plan plan;
	struct facts facts;
	struct plan_options options;
	struct error err;
};

static void quiet(void *ctx, enum log_level level, const char *text)
{
	(void)ctx, (void)level, (void)text;
}

static int set_up(void **state)
{
	struct scene *s = xcalloc(1, sizeof(*s));

	s->a = arena_new();
	s->r = &s->config.linux_.resources;
	s->r->present = true;
	s->plan.config = &s->config;
	s->plan.id = "box";
	s->facts = (struct facts){.cgroup_root = "/sys/fs/cgroup"};
	s->options = (struct plan_options){.id = "box"};
	log_redirect(quiet, NULL);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *s = *state;

	arena_free(s->a);
	free(s);
	return 0;
}

static int run(struct scene *s)
{
	return plan_cgroup(s->a, &s->plan, &s->facts, &s->options, &s->err);
}

/* "file=value" lines; "?" in front of an optional one, "file=value|alt=value" with a second way. */
static const char *writes(struct scene *s)
{
	struct strbuf b = {0};
	const char *text;

	assert_int_equal(run(s), 0);
	for (size_t i = 0; i < s->plan.cgroup.n_writes; i++) {
		const struct plan_cgroup_write *w = &s->plan.cgroup.writes[i];

		strbuf_addf(&b, "%s%s%s=%s", i ? "; " : "", w->optional ? "?" : "", w->file, w->value);
		if (w->alt_file)
			strbuf_addf(&b, "|%s=%s", w->alt_file, w->alt_value);
		assert_int_equal(strncmp(w->where, "/linux/resources/", 17), 0);
	}
	text = arena_strdup(s->a, b.data ? b.data : "");
	strbuf_free(&b);
	return text;
}

static void refused(struct scene *s, const char *where)
{
	assert_int_equal(run(s), -EINVAL);
	assert_string_equal(s->err.where, where);
	assert_true(s->err.text[0] != '\0');
	s->err = (struct error){0};
}

#define SET(field, value) ((field).set = true, (field).v = (value))

static void test_weight_table(void **state)
{
	static const unsigned rows[][2] = {
		{0, 1}, {1, 1}, {2, 1}, {10, 4}, {64, 12}, {100, 17}, {128, 21}, {256, 35}, {500, 58},
		{512, 59}, {768, 80}, {1000, 99}, {1023, 100}, {1024, 100}, {1025, 101}, {1536, 138},
		{2048, 174}, {4096, 303}, {8192, 532}, {10000, 627}, {65536, 3023}, {131072, 5478},
		{262144, 10000}, {262145, 10000}, {UINT32_MAX, 10000},
	};
	unsigned last = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(plan_cpu_weight(rows[i][0]), rows[i][1]);
	for (unsigned shares = 2; shares <= 262144; shares++) {
		unsigned w = plan_cpu_weight(shares);

		assert_true(w >= last && w >= 1 && w <= 10000);
		last = w;
	}
	assert_int_equal(plan_cpu_weight(UINT64_MAX), 10000);
}

/* spec: CL-048 CL-051 */
static void test_path(void **state)
{
	static const char *const rows[][2] = {
		{NULL, "/orlop/box"}, {"", "/orlop/box"}, {"/a/b", "/a/b"}, {"//a/./b//", "/a/b"},
		{"a", "/orlop/a"}, {"a/b", "/orlop/a/b"}, {"/a:b:c", "/a:b:c"}, {"a:b", "/orlop/a:b"},
		{"/..a/b..", "/..a/b.."}, {"/a/../b", "/b"}, {"/a/b/../../c", "/c"}, {"a/../b", "/orlop/b"},
		{"/./a/.././b/", "/b"}, {"system.slice:docker:box", "/orlop/system.slice:docker:box"},
	};
	static const char *const bad[] = {
		"/", ".", "/.", "//", "..", "/..", "../../x", "/../x",
		"/a/../../b", "/a/..", "a/..", "a/../../b",
		"a/b/../../../orlop/c", "a\nb", "/a\033b",
		"/a\177",
	};
	struct scene *s = *state;
	char longest[5001];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		s->config.linux_.cgroups_path = (char *)rows[i][0];
		assert_int_equal(run(s), 0);
		assert_int_equal(s->plan.cgroup.mode, PLAN_CGROUP_FS);
		assert_string_equal(s->plan.cgroup.path, rows[i][1]);
		assert_string_equal(s->plan.cgroup.root, "/sys/fs/cgroup");
		assert_false(s->plan.cgroup.optional);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		s->config.linux_.cgroups_path = (char *)bad[i];
		refused(s, "/linux/cgroupsPath");
	}
	memset(longest, 'a', sizeof(longest) - 1);
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	s->config.linux_.cgroups_path = longest;
	refused(s, "/linux/cgroupsPath");
}

static void test_modes(void **state)
{
	struct scene *s = *state;

	s->options.rootless = true;
	assert_int_equal(run(s), 0);
	assert_true(s->plan.cgroup.optional && s->plan.cgroup.rootless);
	SET(s->r->pids_limit, 5);
	assert_int_equal(run(s), 0);
	assert_false(s->plan.cgroup.optional);

	s->facts.cgroup_root[0] = '\0';
	refused(s, "/linux/resources/pids/limit");
	s->r->pids_limit.v = -1;	/* asks for nothing */
	s->r->has_devices = true;
	assert_int_equal(run(s), 0);
	assert_int_equal(s->plan.cgroup.mode, PLAN_CGROUP_NONE);
	assert_true(s->plan.cgroup.optional);
	assert_int_equal(s->plan.cgroup.n_writes, 0);
	s->options.rootless = false;
	refused(s, "/linux/resources/devices");
	s->r->has_devices = false;
	assert_int_equal(run(s), 0);
	assert_int_equal(s->plan.cgroup.mode, PLAN_CGROUP_NONE);

	s->facts.cgroup_root[0] = '/';
	s->options.cgroup_manager = CGROUP_MANAGER_DISABLED;
	s->r->has_devices = true;	/* as podman --cgroups=disabled writes it */
	assert_int_equal(run(s), 0);
	assert_int_equal(s->plan.cgroup.mode, PLAN_CGROUP_NONE);
	assert_int_equal(plan_cgroup_devices(s->a, &s->plan, &s->err), 0);
	assert_null(s->plan.cgroup.device_program);
	SET(s->r->memory.limit, 1 << 20);
	refused(s, "/linux/resources/memory/limit");
}

/* The caller's own cgroup is for those without privileges, and a path from the root is one. */
static void test_home(void **state)
{
	static const struct {
		const char *given, *rootless, *root;
	} cases[] = {
		{NULL, "/user/app/orlop/box", "/orlop/box"}, {"a/b", "/user/app/orlop/a/b", "/orlop/a/b"},
		{"a/../b", "/user/app/orlop/b", "/orlop/b"}, {"/a/b", "/a/b", "/a/b"},
	};
	struct scene *s = *state;

	strcpy(s->facts.cgroup_home, "/user/app");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		s->config.linux_.cgroups_path = (char *)cases[i].given;
		s->options.rootless = true;
		assert_int_equal(run(s), 0);
		assert_string_equal(s->plan.cgroup.path, cases[i].rootless);
		s->options.rootless = false;
		assert_int_equal(run(s), 0);
		assert_string_equal(s->plan.cgroup.path, cases[i].root);
	}
	s->options.rootless = true;
	s->config.linux_.cgroups_path = (char *)".";
	refused(s, "/linux/cgroupsPath");
	s->config.linux_.cgroups_path = (char *)"../x";
	refused(s, "/linux/cgroupsPath");
}

static void test_resources_absent(void **state)
{
	struct scene *s = *state;

	SET(s->r->pids_limit, 5);
	s->r->present = false;
	assert_string_equal(writes(s), "");
	assert_int_equal(s->plan.cgroup.controllers, 0);
}

static void test_memory(void **state)
{
	static const struct {
		int64_t limit, swap;	/* INT64_MIN: absent */
		const char *expected;	/* NULL: refused */
	} rows[] = {
		{1000, INT64_MIN, "memory.max=1000"},
		{0, INT64_MIN, ""},
		{-1, INT64_MIN, "?memory.max=max; ?memory.swap.max=max"},
		{-1, 0, "?memory.max=max; ?memory.swap.max=max"},
		{1000, 0, "memory.max=1000"},
		{1000, -1, "memory.max=1000; ?memory.swap.max=max"},
		{INT64_MIN, -1, "?memory.swap.max=max"},
		{-1, 500, "?memory.max=max; memory.swap.max=500"},
		{1000, 1000, "memory.max=1000; ?memory.swap.max=0"},
		{1000, 1500, "memory.max=1000; memory.swap.max=500"},
		{INT64_MIN, 1500, NULL}, {0, 1500, NULL}, {2000, 1500, NULL}, {1000, -2, NULL},
	};
	struct scene *s = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		s->r->memory.limit = (struct opt_i64){rows[i].limit != INT64_MIN, rows[i].limit};
		s->r->memory.swap = (struct opt_i64){rows[i].swap != INT64_MIN, rows[i].swap};
		if (rows[i].expected)
			assert_string_equal(writes(s), rows[i].expected);
		else
			refused(s, "/linux/resources/memory/swap");
	}
	s->r->memory.limit.v = -2;
	s->r->memory.swap.set = false;
	refused(s, "/linux/resources/memory/limit");
	s->r->memory.limit.set = false;
	SET(s->r->memory.reservation, 4096);
	assert_string_equal(writes(s), "memory.low=4096");
	assert_int_equal(s->plan.cgroup.controllers, CGROUP_MEMORY);
	s->r->memory.reservation.v = -1;	/* protects all: not the same as nothing */
	assert_string_equal(writes(s), "memory.low=max");
}

/* spec: CL-064 CL-065 */
static const char *checks(struct scene *s)
{
	struct strbuf b = {0};
	const char *text;

	assert_int_equal(run(s), 0);
	for (size_t i = 0; i < s->plan.cgroup.n_writes; i++)
		if (s->plan.cgroup.writes[i].usage_file)
			strbuf_addf(&b, "%s>=%s;", s->plan.cgroup.writes[i].file,
				    s->plan.cgroup.writes[i].usage_file);
	text = arena_strdup(s->a, b.data ? b.data : "");
	strbuf_free(&b);
	return text;
}

static void test_check_before_update(void **state)
{
	struct scene *s = *state;

	SET(s->r->memory.limit, 1000);
	SET(s->r->memory.reservation, 1000);
	SET(s->r->memory.swap, 2000);
	assert_string_equal(checks(s), "");
	SET(s->r->memory.check_before_update, false);
	assert_string_equal(checks(s), "");
	SET(s->r->memory.check_before_update, true);
	assert_string_equal(checks(s), "memory.max>=memory.current;memory.swap.max>=memory.swap.current;");
	s->r->memory.swap.set = false;
	assert_string_equal(checks(s), "memory.max>=memory.current;");
	s->r->memory.limit.set = false;
	assert_string_equal(checks(s), "");
}

static void test_cpu(void **state)
{
	struct scene *s = *state;

	SET(s->r->cpu.shares, 0);
	assert_string_equal(writes(s), "");
	s->r->cpu.shares.v = 1024;
	assert_string_equal(writes(s), "cpu.weight=100");
	SET(s->r->cpu.idle, 0);
	assert_string_equal(writes(s), "?cpu.idle=0; cpu.weight=100");
	s->r->cpu.idle.v = 1;
	assert_string_equal(writes(s), "cpu.idle=1");
	s->r->cpu.idle.v = 2;
	refused(s, "/linux/resources/cpu/idle");
	s->r->cpu.idle.set = s->r->cpu.shares.set = false;

	SET(s->r->cpu.quota, 5000);
	assert_string_equal(writes(s), "cpu.max=5000 100000");
	SET(s->r->cpu.period, 20000);
	assert_string_equal(writes(s), "cpu.max=5000 20000");
	s->r->cpu.quota.v = -1;
	assert_string_equal(writes(s), "cpu.max=max 20000");
	s->r->cpu.period.v = 0;
	assert_string_equal(writes(s), "?cpu.max=max 100000");
	assert_int_equal(s->plan.cgroup.controllers, 0);
	s->r->cpu.quota.v = 0;
	assert_string_equal(writes(s), "");
	s->r->cpu.period.v = 50000;
	assert_string_equal(writes(s), "cpu.max=max 50000");
	s->r->cpu.quota.v = 10000;
	SET(s->r->cpu.burst, 10000);
	assert_string_equal(writes(s), "cpu.max=10000 50000; cpu.max.burst=10000");
	s->r->cpu.burst.v = 10001;
	refused(s, "/linux/resources/cpu/burst");
	s->r->cpu.quota.set = s->r->cpu.period.set = s->r->cpu.burst.set = false;

	s->r->cpu.cpus = (char *)"0-1";
	s->r->cpu.mems = (char *)"0";
	assert_string_equal(writes(s), "cpuset.cpus=0-1; cpuset.mems=0");
	assert_int_equal(s->plan.cgroup.controllers, CGROUP_CPUSET);
	s->r->cpu.cpus = s->r->cpu.mems = (char *)"";
	assert_string_equal(writes(s), "");
}

/* spec: CL-068 CL-071 CL-074 */
static void test_block_io(void **state)
{
	static const unsigned weights[][2] = {{10, 1}, {100, 910}, {500, 4950}, {1000, 10000}};
	struct oci_throttle t = {8, 16, 1000}, zero = {8, 0, 0};
	struct oci_weight_device d = {.major = 8, .minor = 0};
	struct scene *s = *state;
	char expected[64];

	for (size_t i = 0; i < ARRAY_SIZE(weights); i++) {
		SET(s->r->block_io.weight, weights[i][0]);
		snprintf(expected, sizeof(expected), "io.bfq.weight=%u|io.weight=%u", weights[i][0],
			 weights[i][1]);
		assert_string_equal(writes(s), expected);
	}
	s->r->block_io.weight.v = 9;
	refused(s, "/linux/resources/blockIO/weight");
	s->r->block_io.weight.v = 1001;
	refused(s, "/linux/resources/blockIO/weight");
	s->r->block_io.weight.v = 0;
	assert_string_equal(writes(s), "");

	s->r->block_io.weight_device = &d;
	s->r->block_io.n_weight_device = 1;
	refused(s, "/linux/resources/blockIO/weightDevice/0");
	SET(d.weight, 500);
	assert_string_equal(writes(s), "io.bfq.weight=8:0 500|io.weight=8:0 4950");
	SET(d.leaf_weight, 10);
	refused(s, "/linux/resources/blockIO/weightDevice/0/leafWeight");
	d.leaf_weight.set = false;
	d.major = -1;
	refused(s, "/linux/resources/blockIO/weightDevice/0");
	s->r->block_io.n_weight_device = 0;

	s->r->block_io.read_bps = (struct oci_throttles){&t, 1};
	s->r->block_io.write_bps = (struct oci_throttles){&t, 1};
	s->r->block_io.read_iops = (struct oci_throttles){&t, 1};
	s->r->block_io.write_iops = (struct oci_throttles){&zero, 1};
	assert_string_equal(writes(s), "io.max=8:16 rbps=1000; io.max=8:16 wbps=1000; "
			    "io.max=8:16 riops=1000; ?io.max=8:0 wiops=max");
	assert_int_equal(s->plan.cgroup.controllers, CGROUP_IO);
}

/* spec: CL-078 CL-081 CL-082 */
static void test_small_ones(void **state)
{
	struct oci_hugepage_limit h = {(char *)"2MB", 4194304};
	struct oci_rdma d = {.device = (char *)"mlx5_1"};
	struct key_value podman = {(char *)"io.container.manager", (char *)"libpod"};
	struct scene *s = *state;

	s->r->hugepage_limits = &h;
	s->r->n_hugepage_limits = 1;
	assert_string_equal(writes(s), "?hugetlb.2MB.rsvd.max=4194304; hugetlb.2MB.max=4194304");
	assert_int_equal(s->plan.cgroup.controllers, CGROUP_HUGETLB);
	h.page_size = (char *)"../2MB";
	refused(s, "/linux/resources/hugepageLimits/0/pageSize");
	s->r->n_hugepage_limits = 0;

	s->r->rdma = &d;
	s->r->n_rdma = 1;
	refused(s, "/linux/resources/rdma/mlx5_1");
	SET(d.hca_handles, 2);
	assert_string_equal(writes(s), "rdma.max=mlx5_1 hca_handle=2");
	SET(d.hca_objects, 10);
	assert_string_equal(writes(s), "rdma.max=mlx5_1 hca_handle=2 hca_object=10");
	d.device = (char *)"a b";
	refused(s, "/linux/resources/rdma/a b");
	s->r->n_rdma = 0;

	SET(s->r->pids_limit, 5);
	assert_string_equal(writes(s), "pids.max=5");
	assert_false(s->plan.cgroup.attach_late);
	s->r->pids_limit.v = 0;
	assert_string_equal(writes(s), "pids.max=0");
	assert_true(s->plan.cgroup.attach_late);
	/* Podman means none, and nobody else does */
	s->config.annotations = (struct key_values){&podman, 1};
	assert_string_equal(writes(s), "?pids.max=max");
	assert_false(s->plan.cgroup.attach_late);
	s->r->pids_limit.v = 7;
	assert_string_equal(writes(s), "pids.max=7");
	s->r->pids_limit.v = 0;
	podman.value = (char *)"libpod2";
	assert_string_equal(writes(s), "pids.max=0");
	assert_true(s->plan.cgroup.attach_late);
	s->r->pids_limit.v = -7;
	assert_string_equal(writes(s), "?pids.max=max");
	assert_int_equal(s->plan.cgroup.controllers, 0);
}

/* spec: CL-084 */
static void test_unified(void **state)
{
	static const char *const bad[][2] = {
		{"", ""}, {"../memory.max", "..~1memory.max"}, {"a/b", "a~1b"}, {"..", ".."}, {".", "."},
		{"a\nb", "a\nb"}, {"cgroup.procs", "cgroup.procs"}, {"cgroup.threads", "cgroup.threads"},
		{"cgroup.kill", "cgroup.kill"}, {"cgroup.freeze", "cgroup.freeze"},
	};
	struct key_value kv[] = {
		{(char *)"memory.high", (char *)"5000"},
		{(char *)"io.max", (char *)"8:0 rbps=1\n8:16 wbps=2\n"},
		{(char *)"cpuset.cpus", (char *)""},
		{(char *)"cgroup.max.depth", (char *)"3"},
		{(char *)"new~thing.max", (char *)"1"},
	};
	struct scene *s = *state;

	SET(s->r->pids_limit, 5);
	s->r->unified = (struct key_values){kv, ARRAY_SIZE(kv)};
	assert_string_equal(writes(s), "pids.max=5; memory.high=5000; io.max=8:0 rbps=1; "
			    "io.max=8:16 wbps=2; cpuset.cpus=\n; cgroup.max.depth=3; new~thing.max=1");
	assert_int_equal(s->plan.cgroup.controllers,
			 CGROUP_PIDS | CGROUP_MEMORY | CGROUP_IO | CGROUP_CPUSET);
	assert_string_equal(s->plan.cgroup.writes[6].where, "/linux/resources/unified/new~0thing.max");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char where[64];

		kv[0].key = (char *)bad[i][0];
		snprintf(where, sizeof(where), "/linux/resources/unified/%s", bad[i][1]);
		refused(s, where);
	}
}

/* spec: CL-086 */
static void test_v1_only(void **state)
{
	struct scene *s = *state;
	struct oci_resources *r = s->r;

	/* What engines write although it asks for nothing. */
	SET(r->memory.kernel, -1);
	SET(r->memory.kernel_tcp, -1);
	SET(r->memory.disable_oom_killer, false);
	SET(r->memory.use_hierarchy, true);
	SET(r->memory.check_before_update, true);
	SET(r->cpu.realtime_runtime, 0);
	SET(r->cpu.realtime_period, 0);
	SET(r->block_io.leaf_weight, 0);
	assert_string_equal(writes(s), "");
#define REFUSED(field, bad, good, name) \
	((field) = (bad), refused(s, "/linux/resources/" name), (field) = (good))
	REFUSED(r->memory.kernel.v, 4096, -1, "memory/kernel");
	REFUSED(r->memory.kernel_tcp.v, 4096, -1, "memory/kernelTCP");
	REFUSED(r->memory.disable_oom_killer.v, true, false, "memory/disableOOMKiller");
	REFUSED(r->memory.use_hierarchy.v, false, true, "memory/useHierarchy");
	REFUSED(r->memory.swappiness.set, true, false, "memory/swappiness");
	REFUSED(r->cpu.realtime_runtime.v, 1, 0, "cpu/realtimeRuntime");
	REFUSED(r->cpu.realtime_period.v, 1, 0, "cpu/realtimePeriod");
	REFUSED(r->block_io.leaf_weight.v, 10, 0, "blockIO/leafWeight");
	r->network.class_id.set = true;
	REFUSED(r->network.class_id.v, 1, 0, "network/classID");
	REFUSED(r->network.n_priorities, 1, 0, "network/priorities");
	assert_string_equal(writes(s), "");
}

/* spec: CL-053 CL-054 CL-055 */
static void test_owner(void **state)
{
	struct oci_id_mapping map[] = {{0, 100000, 1000}, {1000, 5, 1}};
	struct oci_mount m[] = {
		{.destination = (char *)"/proc", .source = (char *)"proc"},
		{.destination = (char *)"/sys/fs/cgroup", .source = (char *)"cgroup"},
	};
	struct scene *s = *state;
#define OWNER(expected_set, expected) do { \
		assert_int_equal(run(s), 0); \
		assert_int_equal(s->plan.cgroup.owner.set, expected_set); \
		assert_int_equal(s->plan.cgroup.owner.v, expected); \
	} while (0)

	s->config.mounts = m;
	s->config.n_mounts = 2;
	s->config.process.user.uid = 7;
	OWNER(false, 0);		/* no cgroup namespace, or one by path */
	s->plan.rootfs.new_cgroupns = true;
	OWNER(true, 7);
	m[1].options.ro = true;
	OWNER(false, 0);
	m[1].options = (struct oci_mount_options){.rattr_set = MOUNT_ATTR_RDONLY};
	OWNER(false, 0);
	m[1].options.rattr_set = 0;
	m[1].source = (char *)"cgroup2";
	OWNER(false, 0);
	m[1].source = (char *)"cgroup";
	s->config.n_mounts = 1;
	OWNER(false, 0);
	s->config.n_mounts = 2;
	s->plan.ns.userns = true;
	OWNER(false, 0);		/* of another: its mappings are not known */
	s->config.linux_.uid_mappings = (struct oci_id_mappings){map, 2};
	OWNER(true, 100007);
	s->config.process.user.uid = 1000;
	OWNER(true, 5);
	s->options.rootless = true;
	OWNER(false, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_weight_table),
		cmocka_unit_test_setup_teardown(test_path, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_modes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_resources_absent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_home, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_memory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_check_before_update, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cpu, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_block_io, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_small_ones, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unified, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_v1_only, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_owner, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
