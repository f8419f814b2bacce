/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our programs against those that libseccomp makes of the same profiles.
 *
 * Both are run for every number of every architecture, with arguments around each value that the
 * profile compares with.  The answers must be the same, but for ENOSYS to calls that are newer than the
 * profile; and ours must be what one of the rules says that hold, or the default when none does.
 *
 * libseccomp 2.5.4 loses its way in some trees that it makes of several rules for one call where one has
 * NE, LT or LE, and misses a rule that holds or takes one that does not.  Of such calls with 64-bit arguments
 * or conditions on several arguments, its differing answers are counted, and ours counts.
 */
#include "forked.h"

#include <time.h>

#include "seccomp_compare.h"

#define MAX_RULES 64

/* libseccomp 2.5.4 loses nodes of some of its trees: nothing for our leak checker to report. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libseccomp";
}

static const char *const call_names[] = {
	"read", "write", "open", "openat", "openat2", "clone", "clone3", "mmap", "mmap2", "ioctl", "fcntl",
	"fcntl64", "prctl", "personality", "mount", "futex", "futex_time64", "socketcall", "ipc", "socket",
	"socketpair", "bind", "connect", "listen", "accept", "accept4", "send", "recv", "sendto",
	"recvfrom", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg", "shutdown", "getsockopt", "setsockopt",
	"getsockname", "getpeername", "semop", "semget", "semctl", "semtimedop", "semtimedop_time64",
	"msgsnd", "msgrcv", "msgget", "msgctl", "shmat", "shmdt", "shmget", "shmctl", "breakpoint",
	"arm_fadvise64_64", "cacheflush", "set_tls", "s390_runtime_instr", "arch_prctl", "modify_ldt",
	"rt_sigaction", "execve", "execveat", "ptrace", "readv", "process_vm_readv", "close_range",
	"no_such_call",
};
static const uint32_t some_archs[] = {
	SCMP_ARCH_X86, SCMP_ARCH_X32, SCMP_ARCH_X86_64, SCMP_ARCH_ARM, SCMP_ARCH_AARCH64,
	SCMP_ARCH_MIPSEL, SCMP_ARCH_MIPSEL64, SCMP_ARCH_MIPSEL64N32, SCMP_ARCH_PPC64LE, SCMP_ARCH_RISCV64,
};
static const uint32_t some_actions[] = {
	SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(EPERM), SCMP_ACT_ERRNO(EXDEV), SCMP_ACT_KILL_PROCESS,
	SCMP_ACT_KILL_THREAD, SCMP_ACT_LOG, SCMP_ACT_TRAP, SCMP_ACT_TRACE(7), SCMP_ACT_ERRNO(ENOSYS),
	SCMP_ACT_NOTIFY,
};
static const uint64_t some_values[] = {
	0, 1, 2, 5, 16, 40, 0xffff, 0x7e020000, 0xffffffff, 0x100000000, 0x100000005, 0x500000001,
	0xffffffff00000000, ~0ull, 0x8000000000000000,
};

#define PICK(table) ((table)[dice(sizeof(table) / sizeof((table)[0]))])

/* What a random profile may have. */
enum {
	MANY_ARGS = 1,		/* rules with conditions on several arguments */
	MANY_RULES = 2,		/* several rules for a call */
	ORDER = 4,		/* LT, LE, GE, GT, NE too */
	ACTIONS = 8,		/* actions that differ */
	SPLIT = 16,		/* several conditions on an argument */
};

static void random_args(struct oci_seccomp_rule *rule, unsigned kind)
{
	unsigned n = dice(4) ? kind & MANY_ARGS ? 1 + dice(4) : 1 : 0, start = dice(6);

	for (unsigned i = 0; i < n && start + i < 6; i++) {
		static const unsigned equal[] = {SCMP_CMP_EQ, SCMP_CMP_MASKED_EQ};

		rule->args[rule->n_args++] = (struct oci_seccomp_arg){
			.index = start + i, .op = kind & ORDER ? 1 + dice(7) : PICK(equal),
			.value = PICK(some_values), .value_two = PICK(some_values),
		};
	}
	if (kind & SPLIT && rule->n_args && dice(3) == 0) {
		rule->args[rule->n_args] = rule->args[0];
		rule->args[rule->n_args++].value = PICK(some_values);
	}
}

static struct oci_seccomp *random_profile(unsigned kind)
{
	struct oci_seccomp *p = calloc(1, sizeof(*p));
	size_t n = 1 + dice(kind & MANY_RULES ? 24 : 12);
	uint32_t action = PICK(some_actions);
	bool used[sizeof(call_names) / sizeof(call_names[0])] = {false};

	p->default_action = PICK(some_actions);
	p->archs = calloc(8, sizeof(*p->archs));
	for (size_t k = dice(5); k > 0; k--)
		p->archs[p->n_archs++] = dice(2) ? some_archs[dice(3)] : PICK(some_archs);
	p->rules = calloc(MAX_RULES, sizeof(*p->rules));
	for (size_t i = 0; i < n; i++) {
		struct oci_seccomp_rule *rule = &p->rules[p->n_rules++];

		rule->action = kind & ACTIONS ? PICK(some_actions) : action;
		rule->names.v = calloc(8, sizeof(char *));
		rule->args = calloc(8, sizeof(*rule->args));
		for (size_t k = 1 + dice(5); k > 0; k--) {
			uint32_t which = dice(kind & MANY_RULES && dice(2) ? 24 : sizeof(used));

			if (used[which] && !(kind & MANY_RULES))
				continue;
			used[which] = true;
			rule->names.v[rule->names.n++] = (char *)call_names[which];
		}
		random_args(rule, kind);
	}
	return p;
}

static void release(struct oci_seccomp *p)
{
	for (size_t i = 0; i < p->n_rules; i++) {
		free(p->rules[i].names.v);
		free(p->rules[i].args);
	}
	free(p->rules);
	free(p->archs);
	free(p);
}

static void drop_rule(struct oci_seccomp *p, size_t i)
{
	free(p->rules[i].names.v);
	free(p->rules[i].args);
	memmove(&p->rules[i], &p->rules[i + 1], (--p->n_rules - i) * sizeof(p->rules[0]));
}

static void check(struct oci_seccomp *p, unsigned times)
{
	struct seccomp_program *ours = shared_page(seccomp_program_size());
	struct seccomp_program *theirs = shared_page(seccomp_program_size());
	struct error err = {0};
	size_t bad;

	while (reference(p, theirs, &bad) < 0)
		drop_rule(p, bad);
	if (seccomp_compile(p, ours, &err) < 0)
		fail_msg("%s: %s", err.where, err.text);
	compare(p, ours, theirs, times);
	munmap(ours, seccomp_program_size());
	munmap(theirs, seccomp_program_size());
}

static void check_random(unsigned flag, unsigned without)
{
	unsigned long asked = n_asked, wrong = n_wrong;
	unsigned profiles = 0;

	for (unsigned kind = 0; kind < 32; kind++)
		for (unsigned i = 0; i < 8 && (kind & flag) == flag && !(kind & without); i++) {
			struct oci_seccomp *p = random_profile(kind);

			check(p, 40);
			release(p);
			profiles++;
		}
	print_message("%u profiles, %lu questions; libseccomp's answer was wrong to %lu\n", profiles,
		      n_asked - asked, n_wrong - wrong);
	/* Else the comparison would be worth nothing. */
	assert_true((n_wrong - wrong) * 500 < n_asked - asked);
}

static void test_random_equality(void **state)
{
	unsigned long wrong = n_wrong;

	(void)state;
	check_random(0, ORDER);
	assert_int_equal(n_wrong, wrong);
}

static void test_random_single_rules(void **state)
{
	unsigned long wrong = n_wrong;

	(void)state;
	check_random(ORDER, MANY_RULES | SPLIT);
	assert_int_equal(n_wrong, wrong);
}

static void test_random_order(void **state)
{
	(void)state;
	check_random(ORDER | MANY_RULES, 0);
	check_random(ORDER | SPLIT, MANY_RULES);
}

static void test_docker(void **state)
{
	static const uint32_t defaults[] = {SCMP_ACT_ERRNO(EPERM), SCMP_ACT_ERRNO(ENOSYS), SCMP_ACT_TRAP,
					    SCMP_ACT_KILL_PROCESS, SCMP_ACT_LOG, SCMP_ACT_ALLOW};
	struct oci_seccomp *p = load_profile("docker-seccomp.json");
	unsigned long wrong = n_wrong;
	size_t n_archs = p->n_archs;

	(void)state;
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
		p->default_action = defaults[i];
		p->n_archs = i % 2 ? i / 2 : n_archs;
		check(p, 200);
	}
	assert_int_equal(n_wrong, wrong);
}

/* What runtime-tools generates: a rule for each name, some with conditions. */
static void test_one_rule_a_name(void **state)
{
	static uint32_t archs[] = {SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32};
	struct oci_seccomp_arg args[] = {
		{.index = 0, .op = SCMP_CMP_EQ, .value = 0}, {.index = 0, .op = SCMP_CMP_EQ, .value = 8},
		{.index = 0, .op = SCMP_CMP_EQ, .value = 0xffffffff},
		{.index = 0, .op = SCMP_CMP_MASKED_EQ, .value = 2080505856},
	};
	static struct oci_seccomp_rule rules[600];
	static char *names[600];
	struct oci_seccomp p = {.default_action = SCMP_ACT_ERRNO(EPERM), .rules = rules, .archs = archs,
				.n_archs = 3};
	unsigned long wrong = n_wrong;

	(void)state;
	for (int nr = 0; nr < 600; nr++) {
		char *name = seccomp_syscall_resolve_num_arch(nr % 3 ? SCMP_ARCH_X86_64 : SCMP_ARCH_X86, nr);
		bool special;

		if (!name || p.n_rules + 4 > 600)
			continue;
		special = strcmp(name, "personality") == 0 || strcmp(name, "clone") == 0;
		for (size_t i = 0; i < (special ? 4 : 1); i++) {
			names[p.n_rules] = name;
			rules[p.n_rules] = (struct oci_seccomp_rule){
				.names = {&names[p.n_rules], 1}, .action = SCMP_ACT_ALLOW,
				.args = &args[i], .n_args = special,
			};
			p.n_rules++;
		}
	}
	assert_true(p.n_rules > 250);
	check(&p, 200);
	assert_int_equal(n_wrong, wrong);
}

/* Every member of socketcall(2) and ipc(2), with and without conditions, one by one and all. */
static void test_multiplexed(void **state)
{
	static uint32_t archs[] = {SCMP_ARCH_X86, SCMP_ARCH_MIPSEL, SCMP_ARCH_PPC64LE};
	static const unsigned ops[] = {SCMP_CMP_EQ, SCMP_CMP_NE, SCMP_CMP_MASKED_EQ, SCMP_CMP_LE};
	unsigned long wrong = n_wrong;

	(void)state;
	for (unsigned i = 0; i < sizeof(call_names) / sizeof(call_names[0]); i++) {
		char *one[] = {(char *)call_names[i]}, *other[] = {(char *)PICK(call_names)};
		struct oci_seccomp_arg args[] = {
			{.index = dice(2), .op = ops[i % 4], .value = 40, .value_two = 8},
			{.index = 3, .op = SCMP_CMP_EQ, .value = 3},
		};
		struct oci_seccomp_rule rules[] = {
			{.names = {one, 1}, .action = SCMP_ACT_ERRNO(EXDEV), .args = args, .n_args = i % 3},
			{.names = {other, 1}, .action = SCMP_ACT_ERRNO(EXDEV)},
		};
		struct oci_seccomp p = {.default_action = i % 2 ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM),
					.rules = rules, .n_rules = 1 + i % 2, .archs = archs, .n_archs = 3};

		check(&p, 100);
	}
	assert_int_equal(n_wrong, wrong);
}

static uint32_t answer(const struct oci_seccomp *p, uint64_t arg0, uint64_t arg1)
{
	struct seccomp_program *ours = shared_page(seccomp_program_size());
	struct seccomp_data d = {.nr = seccomp_syscall_resolve_name("mount"), .arch = seccomp_arch_native(),
				 .args = {arg0, arg1}};
	struct error err = {0};
	uint32_t r;

	assert_int_equal(seccomp_compile(p, ours, &err), 0);
	r = run(ours, &d);
	munmap(ours, seccomp_program_size());
	return r;
}

/* The general rule after the special one is refused by libseccomp; it is what the profile says. */
static void test_contradiction(void **state)
{
	char *names[] = {(char *)"mount"};
	struct oci_seccomp_arg args[] = {{.index = 0, .op = SCMP_CMP_EQ, .value = 1},
					 {.index = 1, .op = SCMP_CMP_EQ, .value = 2}};
	struct oci_seccomp_rule special = {.names = {names, 1}, .action = SCMP_ACT_LOG, .args = args,
					   .n_args = 2};
	struct oci_seccomp_rule general = {.names = {names, 1}, .action = SCMP_ACT_TRAP, .args = args,
					   .n_args = 1};
	struct oci_seccomp_rule rules[] = {special, general};
	struct oci_seccomp p = {.default_action = SCMP_ACT_ALLOW, .rules = rules, .n_rules = 2};
	struct seccomp_program *theirs = shared_page(seccomp_program_size());
	size_t bad;

	(void)state;
	assert_int_equal(reference(&p, theirs, &bad), -EEXIST);
	assert_int_equal(bad, 1);
	assert_int_equal(answer(&p, 1, 2), SCMP_ACT_LOG);
	assert_int_equal(answer(&p, 1, 3), SCMP_ACT_TRAP);
	assert_int_equal(answer(&p, 0, 2), SCMP_ACT_ALLOW);
	/* The general one first hides the special one. */
	rules[0] = general;
	rules[1] = special;
	check(&p, 100);
	assert_int_equal(answer(&p, 1, 2), SCMP_ACT_TRAP);
	/* Of two without conditions the first, wherever it is. */
	rules[0].n_args = 2;
	rules[1].n_args = 0;
	check(&p, 100);
	assert_int_equal(answer(&p, 1, 2), SCMP_ACT_LOG);
	munmap(theirs, seccomp_program_size());
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Best of some: what the processor needs, whatever else it does. */
static void test_time(void **state)
{
	struct oci_seccomp *p = load_profile("docker-seccomp.json");
	struct seccomp_program *program = shared_page(seccomp_program_size());
	uint64_t ours = UINT64_MAX, theirs = UINT64_MAX, start, took;
	struct error err = {0};
	uint32_t n;
	size_t bad;

	(void)state;
	for (int i = 0; i < 8; i++) {
		start = now_ns();
		assert_int_equal(reference(p, program, &bad), 0);
		took = now_ns() - start;
		theirs = took < theirs ? took : theirs;
		n = program->n;
		start = now_ns();
		assert_int_equal(seccomp_compile(p, program, &err), 0);
		took = now_ns() - start;
		ours = took < ours ? took : ours;
	}
	print_message("Docker's profile: %" PRIu64 " us, %u instructions; libseccomp %" PRIu64 " us, %u\n",
		      ours / 1000, program->n, theirs / 1000, n);
	assert_true(ours * 4 < theirs);
	munmap(program, seccomp_program_size());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_equality),
		cmocka_unit_test(test_random_single_rules),
		cmocka_unit_test(test_random_order),
		cmocka_unit_test(test_docker),
		cmocka_unit_test(test_one_rule_a_name),
		cmocka_unit_test(test_multiplexed),
		cmocka_unit_test(test_contradiction),
		cmocka_unit_test(test_time),
	};

	/* Who has another native architecture lists others. */
	if (seccomp_arch_native() != SCMP_ARCH_X86_64)
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
