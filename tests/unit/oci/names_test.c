/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables against what the headers of the kernel, libc and libseccomp say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/resource.h>

#include "oci/hooks.h"
#include "oci/linux.h"
#include "oci/names.h"
#include "oci/seccomp.h"

static uint64_t value_of(const struct name_value *table, size_t n, const char *name)
{
	const struct name_value *row = name_find(table, n, name);

	if (!row)
		fail_msg("%s is missing", name);
	return row->value;
}

static void no_name_twice(const struct name_value *table, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_ptr_equal(name_find(table, n, table[i].name), &table[i]);
}

static void test_rlimits(void **state)
{
	uint64_t seen = 0;

	(void)state;
	no_name_twice(rlimit_names, n_rlimit_names);
	assert_int_equal(n_rlimit_names, RLIM_NLIMITS);
	for (size_t i = 0; i < n_rlimit_names; i++)
		seen |= 1ull << rlimit_names[i].value;
	assert_int_equal(seen, (1ull << RLIM_NLIMITS) - 1);
	assert_int_equal(value_of(rlimit_names, n_rlimit_names, "RLIMIT_NOFILE"), RLIMIT_NOFILE);
	assert_int_equal(value_of(rlimit_names, n_rlimit_names, "RLIMIT_RTTIME"), RLIMIT_RTTIME);
}

static void test_namespaces(void **state)
{
	static const struct name_value expected[] = {
		{"cgroup", CLONE_NEWCGROUP}, {"ipc", CLONE_NEWIPC}, {"mount", CLONE_NEWNS},
		{"network", CLONE_NEWNET}, {"pid", CLONE_NEWPID}, {"time", 0x80},
		{"user", CLONE_NEWUSER}, {"uts", CLONE_NEWUTS},
	};

	(void)state;
	assert_int_equal(n_namespace_names, ARRAY_SIZE(expected));
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_string_equal(namespace_names[i].name, expected[i].name);
		assert_int_equal(namespace_names[i].value, expected[i].value);
	}
}

/* sched_setattr(2), ioprio_set(2), set_mempolicy(2), personality(2): numbers of the kernel's ABI. */
static void test_attributes(void **state)
{
	static const struct {
		const struct name_value *table;
		const size_t *n;
		struct name_value expected[8];
	} rows[] = {
		{scheduler_policy_names, &n_scheduler_policy_names,
		 {{"SCHED_OTHER", 0}, {"SCHED_FIFO", 1}, {"SCHED_RR", 2}, {"SCHED_BATCH", 3},
		  {"SCHED_IDLE", 5}, {"SCHED_DEADLINE", 6}}},
		{scheduler_flag_names, &n_scheduler_flag_names,
		 {{"SCHED_FLAG_RESET_ON_FORK", 1}, {"SCHED_FLAG_RECLAIM", 2},
		  {"SCHED_FLAG_DL_OVERRUN", 4}, {"SCHED_FLAG_KEEP_POLICY", 8},
		  {"SCHED_FLAG_KEEP_PARAMS", 16}, {"SCHED_FLAG_UTIL_CLAMP_MIN", 32},
		  {"SCHED_FLAG_UTIL_CLAMP_MAX", 64}}},
		{io_class_names, &n_io_class_names,
		 {{"IOPRIO_CLASS_RT", 1}, {"IOPRIO_CLASS_BE", 2}, {"IOPRIO_CLASS_IDLE", 3}}},
		{memory_mode_names, &n_memory_mode_names,
		 {{"MPOL_DEFAULT", 0}, {"MPOL_PREFERRED", 1}, {"MPOL_BIND", 2},
		  {"MPOL_INTERLEAVE", 3}, {"MPOL_LOCAL", 4}, {"MPOL_PREFERRED_MANY", 5},
		  {"MPOL_WEIGHTED_INTERLEAVE", 6}}},
		{memory_flag_names, &n_memory_flag_names,
		 {{"MPOL_F_STATIC_NODES", 0x8000}, {"MPOL_F_RELATIVE_NODES", 0x4000},
		  {"MPOL_F_NUMA_BALANCING", 0x2000}}},
		{personality_names, &n_personality_names, {{"LINUX", 0}, {"LINUX32", 8}}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t n = 0;

		for (; n < 8 && rows[i].expected[n].name; n++)
			assert_int_equal(value_of(rows[i].table, *rows[i].n, rows[i].expected[n].name),
					 rows[i].expected[n].value);
		assert_int_equal(*rows[i].n, n);
	}
	assert_null(name_find(scheduler_policy_names, n_scheduler_policy_names, "SCHED_ISO"));
}

static void test_hooks(void **state)
{
	static const char *const expected[] = {
		"prestart", "createRuntime", "createContainer", "startContainer", "poststart",
		"poststop",
	};

	(void)state;
	assert_int_equal(N_HOOK_KINDS, ARRAY_SIZE(expected));
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		assert_string_equal(oci_hook_names[i], expected[i]);
}

static void test_signal_table(void **state)
{
	(void)state;
	no_name_twice(signal_names, n_signal_names);
	for (int sig = 1; sig < 32; sig++) {
		const char *name = sigabbrev_np(sig);

		assert_non_null(name);
		assert_int_equal(value_of(signal_names, n_signal_names, name), sig);
	}
	assert_int_equal(signal_parse("RTMIN"), SIGRTMIN);
	assert_int_equal(signal_parse("RTMAX"), SIGRTMAX);
}

static void test_signal_parse(void **state)
{
	static const struct { const char *word; int result; } rows[] = {
		{"TERM", SIGTERM}, {"SIGTERM", SIGTERM}, {"sigterm", SIGTERM}, {"term", SIGTERM},
		{"SigKill", SIGKILL}, {"15", 15}, {"0", 0}, {"1", 1}, {"64", 64}, {"015", 15},
		{"RTMIN+3", 37}, {"SIGRTMIN+3", 37}, {"rtmin+0", 34}, {"RTMIN+30", 64},
		{"RTMAX-1", 63}, {"sigrtmax-30", 34}, {"CLD", SIGCHLD}, {"POLL", SIGIO},
		{"65", -EINVAL}, {"-1", -EINVAL}, {"", -EINVAL}, {"SIG", -EINVAL},
		{"SIGSIGTERM", -EINVAL}, {"RTMIN+31", -EINVAL}, {"RTMAX-31", -EINVAL},
		{"RTMIN+", -EINVAL}, {"RTMIN-1", -EINVAL}, {"RTMAX+1", -EINVAL}, {"RTMIN+-1", -EINVAL},
		{"RTMIN+99999999999999999999", -EINVAL}, {"TERM ", -EINVAL}, {" TERM", -EINVAL},
		{"FOO", -EINVAL}, {"15x", -EINVAL}, {"4294967311", -EINVAL}, {"SIG15", -EINVAL},
		{"TERMTERMTERMTERMTERMTERM", -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (signal_parse(rows[i].word) != rows[i].result)
			fail_msg("`%s`: %d", rows[i].word, signal_parse(rows[i].word));
}

static void test_signal_name(void **state)
{
	static const struct { int sig; const char *name; } rows[] = {
		{SIGTERM, "SIGTERM"}, {SIGABRT, "SIGABRT"}, {SIGCHLD, "SIGCHLD"}, {SIGIO, "SIGIO"},
		{SIGSYS, "SIGSYS"}, {32, "signal 32"}, {33, "signal 33"}, {34, "SIGRTMIN"},
		{37, "SIGRTMIN+3"}, {63, "SIGRTMIN+29"}, {64, "SIGRTMAX"}, {65, "signal 65"}, {0, "signal 0"},
		{-2147483647 - 1, "signal -2147483648"},
	};
	char buf[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows) - 1; i++)
		assert_string_equal(signal_name(rows[i].sig, buf), rows[i].name);
	/* What is no signal is cut, not written past the end. */
	assert_memory_equal(signal_name(rows[ARRAY_SIZE(rows) - 1].sig, buf), "signal -2147483", 16);
	for (int sig = 1; sig <= 64; sig++)
		if (sig != 32 && sig != 33)
			assert_int_equal(signal_parse(signal_name(sig, buf)), sig);
}

static void test_seccomp_actions(void **state)
{
#define ACT(name, value) \
	assert_int_equal(value_of(seccomp_action_names, n_seccomp_action_names, #name), value)

	(void)state;
	no_name_twice(seccomp_action_names, n_seccomp_action_names);
	assert_int_equal(n_seccomp_action_names, 9);
	ACT(SCMP_ACT_ALLOW, SCMP_ACT_ALLOW);
	ACT(SCMP_ACT_ERRNO, SCMP_ACT_ERRNO(0));
	ACT(SCMP_ACT_KILL, SCMP_ACT_KILL);
	ACT(SCMP_ACT_KILL_THREAD, SCMP_ACT_KILL_THREAD);
	ACT(SCMP_ACT_KILL_PROCESS, SCMP_ACT_KILL_PROCESS);
	ACT(SCMP_ACT_LOG, SCMP_ACT_LOG);
	ACT(SCMP_ACT_TRACE, SCMP_ACT_TRACE(0));
	ACT(SCMP_ACT_TRAP, SCMP_ACT_TRAP);
	ACT(SCMP_ACT_NOTIFY, SCMP_ACT_NOTIFY);
}

static void test_seccomp_operators(void **state)
{
#define CMP(name) \
	assert_int_equal(value_of(seccomp_operator_names, n_seccomp_operator_names, #name), name)

	(void)state;
	no_name_twice(seccomp_operator_names, n_seccomp_operator_names);
	assert_int_equal(n_seccomp_operator_names, 7);
	CMP(SCMP_CMP_NE), CMP(SCMP_CMP_LT), CMP(SCMP_CMP_LE), CMP(SCMP_CMP_EQ);
	CMP(SCMP_CMP_GE), CMP(SCMP_CMP_GT), CMP(SCMP_CMP_MASKED_EQ);
}

static void test_seccomp_archs(void **state)
{
#define ARCH(name) \
	assert_int_equal(value_of(seccomp_arch_names, n_seccomp_arch_names, #name), name)

	(void)state;
	no_name_twice(seccomp_arch_names, n_seccomp_arch_names);
	assert_int_equal(n_seccomp_arch_names, 23);
	ARCH(SCMP_ARCH_X86), ARCH(SCMP_ARCH_X86_64), ARCH(SCMP_ARCH_X32), ARCH(SCMP_ARCH_ARM);
	ARCH(SCMP_ARCH_AARCH64), ARCH(SCMP_ARCH_MIPS), ARCH(SCMP_ARCH_MIPS64);
	ARCH(SCMP_ARCH_MIPS64N32), ARCH(SCMP_ARCH_MIPSEL), ARCH(SCMP_ARCH_MIPSEL64);
	ARCH(SCMP_ARCH_MIPSEL64N32), ARCH(SCMP_ARCH_PPC), ARCH(SCMP_ARCH_PPC64);
	ARCH(SCMP_ARCH_PPC64LE), ARCH(SCMP_ARCH_S390), ARCH(SCMP_ARCH_S390X);
	ARCH(SCMP_ARCH_PARISC), ARCH(SCMP_ARCH_PARISC64), ARCH(SCMP_ARCH_RISCV64);
	/* What libseccomp 2.5 lacks, from linux/audit.h (AUDIT_ARCH_M68K is the bare EM_68K). */
	assert_int_equal(value_of(seccomp_arch_names, n_seccomp_arch_names, "SCMP_ARCH_M68K"), 4);
	assert_int_equal(value_of(seccomp_arch_names, n_seccomp_arch_names, "SCMP_ARCH_SHEB"), 42);
	assert_int_equal(value_of(seccomp_arch_names, n_seccomp_arch_names, "SCMP_ARCH_SH"),
			 42 | 0x40000000);
	assert_int_equal(value_of(seccomp_arch_names, n_seccomp_arch_names,
				  "SCMP_ARCH_LOONGARCH64"), 258 | 0xc0000000);
}

static void test_seccomp_flags(void **state)
{
#define FLAG(name) \
	assert_int_equal(value_of(seccomp_flag_names, n_seccomp_flag_names, #name), name)

	(void)state;
	no_name_twice(seccomp_flag_names, n_seccomp_flag_names);
	assert_int_equal(n_seccomp_flag_names, 4);
	FLAG(SECCOMP_FILTER_FLAG_TSYNC), FLAG(SECCOMP_FILTER_FLAG_LOG);
	FLAG(SECCOMP_FILTER_FLAG_SPEC_ALLOW), FLAG(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rlimits),
		cmocka_unit_test(test_namespaces), cmocka_unit_test(test_attributes), cmocka_unit_test(test_hooks),
		cmocka_unit_test(test_signal_table), cmocka_unit_test(test_signal_parse),
		cmocka_unit_test(test_signal_name),
		cmocka_unit_test(test_seccomp_actions), cmocka_unit_test(test_seccomp_operators),
		cmocka_unit_test(test_seccomp_archs), cmocka_unit_test(test_seccomp_flags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
