/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device program, run by a small interpreter, against a model that reads the list as its
 * documentation says; and each program through the kernel's verifier where we may load it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <unistd.h>

#include "plan/parts.h"
#include "sys/syscalls.h"
#include "util/str.h"

#define LISTS 400
#define ACCESSES 50
#define MAX_RULES 24

struct access {
	char type;
	unsigned major, minor, bits;	/* DEVICE_ACCESS_* */
};

/* ---- the model ------------------------------------------------------------------------------ */

static bool is_default_device(const struct access *x, unsigned bit)
{
	if (bit == DEVICE_ACCESS_MKNOD)
		return true;
	if (x->type != 'c')
		return false;
	if (x->major == 1)
		return x->minor == 3 || x->minor == 5 || (x->minor >= 7 && x->minor <= 9);
	return (x->major == 5 && (x->minor == 0 || x->minor == 2)) || x->major == 136;
}

static bool model_bit(const struct oci_resources *r, const struct access *x, unsigned bit)
{
	if (is_default_device(x, bit))
		return true;
	for (size_t i = r->n_devices; i-- > 0;) {
		const struct oci_device_rule *d = &r->devices[i];

		if ((d->type == 'a' || d->type == x->type) && d->access & bit &&
		    (d->major < 0 || d->major == x->major) && (d->minor < 0 || d->minor == x->minor))
			return d->allow;
	}
	return false;
}

static bool model(const struct oci_resources *r, const struct access *x)
{
	for (unsigned bit = 1; bit <= 4; bit *= 2)
		if (x->bits & bit && !model_bit(r, x, bit))
			return false;
	return true;
}

/* ---- the interpreter ------------------------------------------------------------------------ */

static bool jumps(const struct bpf_insn *i, uint64_t dst)
{
	uint64_t imm = (uint64_t)(int64_t)i->imm;

	switch (BPF_OP(i->code)) {
	case BPF_JA:	return true;
	case BPF_JEQ:	return dst == imm;
	case BPF_JNE:	return dst != imm;
	case BPF_JGT:	return dst > imm;
	case BPF_JLT:	return dst < imm;
	case BPF_JSET:	return (dst & imm) != 0;
	}
	fail_msg("jump %#x", i->code);
	return false;
}

static uint64_t compute(const struct bpf_insn *i, const uint64_t *r)
{
	uint64_t operand = BPF_SRC(i->code) == BPF_X ? r[i->src_reg] : (uint64_t)(int64_t)i->imm;

	switch (BPF_OP(i->code)) {
	case BPF_MOV:	return operand;
	case BPF_AND:	return r[i->dst_reg] & operand;
	case BPF_RSH:	return r[i->dst_reg] >> operand;
	}
	fail_msg("instruction %#x", i->code);
	return 0;
}

static bool interpret(const struct plan_cgroup *p, const struct access *x)
{
	unsigned bits = (x->bits & DEVICE_ACCESS_MKNOD ? BPF_DEVCG_ACC_MKNOD : 0) |
			(x->bits & DEVICE_ACCESS_READ ? BPF_DEVCG_ACC_READ : 0) |
			(x->bits & DEVICE_ACCESS_WRITE ? BPF_DEVCG_ACC_WRITE : 0);
	struct bpf_cgroup_dev_ctx ctx = {
		.access_type = bits << 16 | (x->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
		.major = x->major, .minor = x->minor,
	};
	uint64_t r[11] = {0};

	if (!p->device_program)
		return true;
	for (size_t pc = 0; pc < p->n_device_insns; pc++) {
		const struct bpf_insn *i = &p->device_program[pc];

		switch (BPF_CLASS(i->code)) {
		case BPF_LDX: {
			uint32_t word;

			assert_int_equal(i->src_reg, 1);
			assert_true(i->off >= 0 && (size_t)i->off + sizeof(word) <= sizeof(ctx));
			memcpy(&word, (char *)&ctx + i->off, sizeof(word));
			r[i->dst_reg] = word;
			break;
		}
		case BPF_ALU64:
			r[i->dst_reg] = compute(i, r);
			break;
		case BPF_JMP:
			if (BPF_OP(i->code) == BPF_EXIT) {
				assert_true(r[0] <= 1);
				return r[0] == 1;
			}
			assert_true(i->off >= 0);
			pc += jumps(i, r[i->dst_reg]) ? (size_t)i->off : 0;
			break;
		default:
			fail_msg("instruction %#x", i->code);
		}
	}
	fail_msg("ran off the end");
	return false;
}

/* ---- the kernel ----------------------------------------------------------------------------- */

/* 0, or -errno of BPF_PROG_LOAD with the log on stderr. */
static int load(const struct plan_cgroup *p)
{
	static char log[1 << 16];
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	log[0] = '\0';
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uintptr_t)p->device_program;
	attr.insn_cnt = (uint32_t)p->n_device_insns;
	attr.license = (uintptr_t)"GPL";
	fd = sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
	if (fd >= 0) {
		close(fd);
		return 0;
	}
	attr.log_level = 1;	/* not at once: a log that is too small is an error itself */
	attr.log_buf = (uintptr_t)log;
	attr.log_size = sizeof(log);
	sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
	if (log[0])
		fprintf(stderr, "%s\n", log);
	return fd;
}

static bool can_load(void)
{
	static const struct bpf_insn allow[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1}, {.code = BPF_JMP | BPF_EXIT},
	};
	struct plan_cgroup p = {.device_program = (struct bpf_insn *)allow, .n_device_insns = 2};
	int r = load(&p);

	return r != -EPERM && r != -ENOSYS;
}

/* ---- the tests ------------------------------------------------------------------------------ */

static void plan_list(struct arena *a, struct oci_config *config, struct oci_device_rule *rules,
		      size_t n, struct plan *ret)
{
	struct error err;

	config->linux_.resources = (struct oci_resources){
		.present = true, .has_devices = true, .devices = rules, .n_devices = n,
	};
	*ret = (struct plan){.config = config, .cgroup.mode = PLAN_CGROUP_FS};
	assert_int_equal(plan_cgroup_devices(a, ret, &err), 0);
}

/* What engines send: docker run with one device more. */
static struct oci_device_rule engine_list[] = {
	{false, 'a', -1, -1, 7},
	{true, 'c', 1, 5, 7}, {true, 'c', 1, 3, 7}, {true, 'c', 1, 9, 7}, {true, 'c', 1, 8, 7},
	{true, 'c', 5, 0, 7}, {true, 'c', 5, 1, 7}, {false, 'c', 10, 229, 7},
	{true, 'c', -1, -1, DEVICE_ACCESS_MKNOD}, {true, 'b', -1, -1, DEVICE_ACCESS_MKNOD},
	{true, 'c', 136, -1, 7}, {true, 'c', 10, 200, 7},
};

/* spec: CL-061 */
static void test_engine_list(void **state)
{
	static const struct { struct access x; bool allowed; } rows[] = {
		{{'c', 1, 3, 7}, true}, {{'c', 1, 5, 3}, true}, {{'c', 5, 1, 3}, true},
		{{'c', 5, 2, 3}, true}, {{'c', 136, 77, 3}, true}, {{'c', 10, 200, 3}, true},
		{{'c', 10, 229, 1}, false}, {{'c', 10, 229, 4}, true}, {{'c', 1, 1, 1}, false},
		{{'b', 8, 0, 1}, false}, {{'b', 8, 0, 4}, true}, {{'b', 8, 0, 5}, false},
		{{'b', 1, 3, 1}, false},
	};
	struct arena *a = arena_new();
	struct oci_config config = {0};
	struct plan p;

	(void)state;
	plan_list(a, &config, engine_list, ARRAY_SIZE(engine_list), &p);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(interpret(&p.cgroup, &rows[i].x), rows[i].allowed);
	assert_in_range(p.cgroup.n_device_insns, 1, 42);
	arena_free(a);
}

static void test_no_program(void **state)
{
	struct oci_device_rule all[] = {{false, 'a', -1, -1, 7}, {true, 'a', -1, -1, 7}};
	struct access disk = {'b', 8, 0, 1};
	struct arena *a = arena_new();
	struct oci_config config = {0};
	struct error err;
	struct plan p;

	(void)state;
	plan_list(a, &config, all, 2, &p);
	assert_null(p.cgroup.device_program);
	plan_list(a, &config, all, 1, &p);
	assert_non_null(p.cgroup.device_program);
	assert_false(interpret(&p.cgroup, &disk));
	plan_list(a, &config, NULL, 0, &p);	/* present and empty: deny */
	assert_false(interpret(&p.cgroup, &disk));
	config.linux_.resources.has_devices = false;
	assert_int_equal(plan_cgroup_devices(a, &p, &err), 0);
	assert_null(p.cgroup.device_program);
	plan_list(a, &config, all, 1, &p);
	p.cgroup.mode = PLAN_CGROUP_NONE;
	assert_int_equal(plan_cgroup_devices(a, &p, &err), 0);
	assert_null(p.cgroup.device_program);
	arena_free(a);
}

static void test_impossible_number(void **state)
{
	struct oci_device_rule rules[] = {{true, 'c', 1, 3, 7}, {true, 'c', 4096, 0, 7}};
	struct arena *a = arena_new();
	struct oci_config config = {0};
	struct error err = {0};
	struct plan p = {.config = &config, .cgroup.mode = PLAN_CGROUP_FS};

	(void)state;
	config.linux_.resources = (struct oci_resources){
		.present = true, .has_devices = true, .devices = rules, .n_devices = 2,
	};
	assert_int_equal(plan_cgroup_devices(a, &p, &err), -EINVAL);
	assert_string_equal(err.where, "/linux/resources/devices/1");
	rules[1] = (struct oci_device_rule){true, 'c', 1, 1 << 20, 7};
	assert_int_equal(plan_cgroup_devices(a, &p, &err), -EINVAL);
	arena_free(a);
}

/* Neighbouring numbers become a range, so the program does not grow with them. */
static void test_ranges(void **state)
{
	struct oci_device_rule rules[257] = {{false, 'a', -1, -1, 7}};
	struct arena *a = arena_new();
	struct oci_config config = {0};
	struct plan p;

	(void)state;
	for (unsigned i = 0; i < 256; i++)
		rules[1 + i] = (struct oci_device_rule){true, 'c', 4, (i * 37) % 256, 3};
	plan_list(a, &config, rules, 257, &p);
	assert_in_range(p.cgroup.n_device_insns, 1, 48);
	for (unsigned minor = 0; minor < 300; minor++) {
		struct access x = {'c', 4, minor, 3};

		assert_int_equal(interpret(&p.cgroup, &x), minor < 256);
	}
	arena_free(a);
}

static uint32_t seed = 1;

static unsigned below(unsigned n)
{
	seed = seed * 1664525 + 1013904223;
	return (unsigned)(((uint64_t)(seed >> 8) * n) >> 24);
}

static int64_t some_number(bool any)
{
	static const int64_t numbers[] = {1, 5, 136, 3, 4, 2, 8, 7, 0, 4095};

	return any && below(4) == 0 ? -1 : numbers[below(ARRAY_SIZE(numbers))];
}

/* spec: CL-061 */
static void test_random(void **state)
{
	bool kernel = can_load();
	unsigned checked = 0, allowed = 0;

	(void)state;
	for (int list = 0; list < LISTS; list++) {
		struct oci_device_rule rules[MAX_RULES];
		struct arena *a = arena_new();
		struct oci_config config = {0};
		size_t n = below(MAX_RULES);
		struct plan p;

		for (size_t i = 0; i < n; i++)
			rules[i] = (struct oci_device_rule){
				.allow = below(2), .type = "aabbccccccc"[below(11)],
				.major = some_number(true), .minor = some_number(true),
				.access = below(3) ? 1 + below(7) : 7,
			};
		plan_list(a, &config, rules, n, &p);
		for (int i = 0; i < ACCESSES; i++) {
			struct access x = {"bc"[below(2)], (unsigned)some_number(false),
					   (unsigned)some_number(false), 1 + below(7)};
			bool want = model(&config.linux_.resources, &x);

			if (interpret(&p.cgroup, &x) != want)
				fail_msg("list %d, %c %u:%u access %u: should be %d", list, x.type,
					 x.major, x.minor, x.bits, want);
			checked++;
			allowed += want;
		}
		if (kernel && p.cgroup.device_program)
			assert_int_equal(load(&p.cgroup), 0);
		arena_free(a);
	}
	assert_int_equal(checked, LISTS * ACCESSES);
	assert_in_range(allowed, checked / 10, checked - checked / 10);
	if (!kernel)
		print_message("programs were not loaded: bpf(2) is not permitted here\n");
}

/* As many entries as are taken, none of which can be merged. */
static void test_largest(void **state)
{
	static struct oci_device_rule rules[4096];
	struct access in = {'c', 4095, 2, 1}, out = {'c', 4095, 1, 1};
	struct arena *a = arena_new();
	struct oci_config config = {0};
	struct plan p;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rules); i++)
		rules[i] = (struct oci_device_rule){true, 'c', i, 2, i < 200 ? 1 + i % 2 : 7};
	plan_list(a, &config, rules, ARRAY_SIZE(rules), &p);
	assert_true(interpret(&p.cgroup, &in));
	assert_false(interpret(&p.cgroup, &out));
	if (can_load())
		assert_int_equal(load(&p.cgroup), 0);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engine_list), cmocka_unit_test(test_no_program),
		cmocka_unit_test(test_impossible_number), cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_random), cmocka_unit_test(test_largest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
