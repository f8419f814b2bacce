/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The generated program against a model: both are asked about every number of every architecture.
 */
#include "forked.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>

#include "bpf_run.h"
#include "profile.h"
#include "security/seccomp_gen.h"

#define X32_BIT 0x40000000u

static bool holds(const struct oci_seccomp_arg *c, const struct seccomp_data *d)
{
	uint64_t v = d->args[c->index];

	switch (c->op) {
	case SCMP_CMP_NE: return v != c->value;
	case SCMP_CMP_LT: return v < c->value;
	case SCMP_CMP_LE: return v <= c->value;
	case SCMP_CMP_EQ: return v == c->value;
	case SCMP_CMP_GE: return v >= c->value;
	case SCMP_CMP_GT: return v > c->value;
	case SCMP_CMP_MASKED_EQ: return (v & c->value) == c->value_two;
	}
	fail();
	return false;
}

/* For every number below MAX: the rules that speak of it; and the newest number. */
#define MAX 1024

struct model {
	const struct oci_seccomp *profile;
	uint32_t arch;
	unsigned rules[MAX][8];
	unsigned n_rules[MAX];
	uint32_t newest;
};

/* The direct calls beside socketcall(2) and ipc(2), arch/x86/entry/syscalls/syscall_32.tbl. */
static int direct_i386(const char *name)
{
	static const struct { const char *name; int nr; } table[] = {
		{"recvmmsg", 337}, {"sendmmsg", 345}, {"socket", 359}, {"socketpair", 360}, {"bind", 361},
		{"connect", 362}, {"listen", 363}, {"accept4", 364}, {"getsockopt", 365},
		{"setsockopt", 366}, {"getsockname", 367}, {"getpeername", 368}, {"sendto", 369},
		{"sendmsg", 370}, {"recvfrom", 371}, {"recvmsg", 372}, {"shutdown", 373},
		{"semget", 393}, {"semctl", 394}, {"shmget", 395}, {"shmctl", 396}, {"shmat", 397},
		{"shmdt", 398}, {"msgget", 399}, {"msgsnd", 400}, {"msgrcv", 401}, {"msgctl", 402},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].name, name) == 0)
			return table[i].nr;
	return -1;
}

static void build(struct model *m, const struct oci_seccomp *profile, uint32_t arch)
{
	memset(m, 0, sizeof(*m));
	m->profile = profile;
	m->arch = arch;
	for (unsigned i = 0; i < profile->n_rules; i++) {
		const struct strings *names = &profile->rules[i].names;

		for (size_t j = 0; j < names->n; j++) {
			int nr = seccomp_syscall_resolve_name_arch(arch, names->v[j]);
			uint32_t plain;

			if (arch == SCMP_ARCH_X86 && nr < 0)
				nr = direct_i386(names->v[j]);
			plain = (uint32_t)nr & ~X32_BIT;
			if (nr < 0)
				continue;
			assert_true(plain < MAX && m->n_rules[plain] < 8);
			m->rules[plain][m->n_rules[plain]++] = i;
			if (plain > m->newest && !(plain >= 512 && plain <= 547))
				m->newest = plain;
		}
	}
}

static uint32_t expected(const struct model *m, const struct seccomp_data *d)
{
	uint32_t nr = (uint32_t)d->nr & ~X32_BIT;
	bool special = m->arch != SCMP_ARCH_X86 && nr >= 512 && nr <= 547;

	if (nr > m->newest && !special)
		return SCMP_ACT_ERRNO(ENOSYS);
	for (unsigned i = 0; nr < MAX && i < m->n_rules[nr]; i++) {
		const struct oci_seccomp_rule *r = &m->profile->rules[m->rules[nr][i]];
		bool all = true;

		for (size_t j = 0; j < r->n_args && all; j++)
			all = holds(&r->args[j], d);
		if (all)
			return r->action;
	}
	return m->profile->default_action;
}

static const uint64_t values[] = {0, 1, 8, 40, 131072, 131080, 0xffffffff, 0x7e020000, 0x01000000,
				  0x10000000, 0x100000008, ~0ull};

static void compare(const struct seccomp_program *p, const struct oci_seccomp *profile, uint32_t arch,
		    uint32_t audit, uint32_t bit)
{
	static struct model m;

	build(&m, profile, arch);
	for (uint32_t nr = 0; nr < MAX; nr++)
		for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
			struct seccomp_data d = {.nr = (int)(nr | bit), .arch = audit};
			uint32_t got, want;

			/* Both 32-bit ABIs: libseccomp looks at the lower half only. */
			for (unsigned i = 0; i < 6; i++)
				d.args[i] = arch == SCMP_ARCH_X86_64 ? values[v] : (uint32_t)values[v];
			got = run(p, &d);
			want = expected(&m, &d);
			if (got != want)
				fail_msg("arch 0x%x number %u value 0x%" PRIx64 ": 0x%x, not 0x%x", arch,
					 nr, values[v], got, want);
		}
}

static void test_docker_profile(void **state)
{
	struct oci_seccomp *profile = load_profile("docker-seccomp.json");
	struct seccomp_program *p = shared_page(seccomp_program_size());
	struct seccomp_data other = {.nr = 0, .arch = AUDIT_ARCH_AARCH64};
	struct error err = {0};

	(void)state;
	if (seccomp_arch_native() != SCMP_ARCH_X86_64)
		skip();
	assert_int_equal(seccomp_compile(profile, p, &err), 0);
	compare(p, profile, SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64, 0);
	compare(p, profile, SCMP_ARCH_X86, AUDIT_ARCH_I386, 0);
	compare(p, profile, SCMP_ARCH_X32, AUDIT_ARCH_X86_64, X32_BIT);
	assert_int_equal(run(p, &other), SCMP_ACT_KILL_PROCESS);
	other.nr = 100000;
	assert_int_equal(run(p, &other), SCMP_ACT_KILL_PROCESS);

	/* Without x32 in the list its calls end the process, new ones too. */
	profile->n_archs = 1;
	assert_int_equal(seccomp_compile(profile, p, &err), 0);
	compare(p, profile, SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64, 0);
	other = (struct seccomp_data){.nr = (int)(X32_BIT | 1), .arch = AUDIT_ARCH_X86_64};
	assert_int_equal(run(p, &other), SCMP_ACT_KILL_PROCESS);
	other.nr = (int)(X32_BIT | 900);
	assert_int_equal(run(p, &other), SCMP_ACT_KILL_PROCESS);
	other = (struct seccomp_data){.nr = 4, .arch = AUDIT_ARCH_I386};
	assert_int_equal(run(p, &other), SCMP_ACT_KILL_PROCESS);
	munmap(p, seccomp_program_size());
}

/* Every architecture, those that this machine is not too. */
static void test_newer_calls_of_every_architecture(void **state)
{
	static const uint32_t tokens[] = {
		SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32, SCMP_ARCH_ARM, SCMP_ARCH_AARCH64,
		SCMP_ARCH_MIPS, SCMP_ARCH_MIPS64, SCMP_ARCH_MIPS64N32, SCMP_ARCH_MIPSEL,
		SCMP_ARCH_MIPSEL64, SCMP_ARCH_MIPSEL64N32, SCMP_ARCH_PPC64LE, SCMP_ARCH_S390,
		SCMP_ARCH_S390X, SCMP_ARCH_RISCV64,
	};
	enum { N = sizeof(tokens) / sizeof(tokens[0]) };
	char *names[] = {(char *)"openat2", (char *)"breakpoint", (char *)"read", NULL};
	struct oci_seccomp_rule rule = {.names = {names, 3}, .action = SCMP_ACT_ALLOW};
	struct oci_seccomp profile = {.default_action = SCMP_ACT_ERRNO(EPERM), .rules = &rule,
				      .n_rules = 1};
	struct seccomp_program *p = shared_page(seccomp_program_size());
	struct seccomp_arch archs[N];
	unsigned unknown;

	(void)state;
	for (size_t i = 0; i < N; i++)
		assert_int_equal(seccomp_arch_find(tokens[i], &archs[i]), 0);
	p->n = (uint32_t)seccomp_generate(&profile, archs, N, p->insns, &unknown);
	for (size_t i = 0; i < N; i++) {
		int newest = seccomp_syscall_resolve_name_arch(tokens[i], "openat2");
		struct seccomp_data d = {.arch = archs[i].audit};
		bool s390 = tokens[i] == SCMP_ARCH_S390 || tokens[i] == SCMP_ARCH_S390X;

		assert_true(newest > 0);
		d.nr = newest;
		assert_int_equal(run(p, &d), SCMP_ACT_ALLOW);
		d.nr = newest + 1;
		assert_int_equal(run(p, &d), SCMP_ACT_ERRNO(ENOSYS));
		d.nr = newest - 1;
		assert_int_equal(run(p, &d), SCMP_ACT_ERRNO(EPERM));
		d.nr = seccomp_syscall_resolve_name_arch(tokens[i], "read");
		assert_int_equal(run(p, &d), SCMP_ACT_ALLOW);
		d.nr = tokens[i] == SCMP_ARCH_X32 ? (int)(X32_BIT | 19) : 1;
		assert_int_equal(run(p, &d), SCMP_ACT_ERRNO(EPERM));
		d.nr = 0;
		if (s390)
			assert_int_equal(run(p, &d), SCMP_ACT_ERRNO(ENOSYS));
	}
	/* ARM's private calls and x32's special ones are not new. */
	assert_int_equal(run(p, &(struct seccomp_data){.nr = 0x0f0001, .arch = AUDIT_ARCH_ARM}),
			 SCMP_ACT_ALLOW);
	assert_int_equal(run(p, &(struct seccomp_data){.nr = 0x0f0002, .arch = AUDIT_ARCH_ARM}),
			 SCMP_ACT_ERRNO(EPERM));
	assert_int_equal(run(p, &(struct seccomp_data){.nr = 0x0e0000, .arch = AUDIT_ARCH_ARM}),
			 SCMP_ACT_ERRNO(ENOSYS));
	assert_int_equal(run(p, &(struct seccomp_data){.nr = 0x100000, .arch = AUDIT_ARCH_ARM}),
			 SCMP_ACT_ERRNO(ENOSYS));
	assert_int_equal(run(p, &(struct seccomp_data){.nr = 547, .arch = AUDIT_ARCH_X86_64}),
			 SCMP_ACT_ERRNO(EPERM));
	assert_int_equal(run(p, &(struct seccomp_data){.nr = 548, .arch = AUDIT_ARCH_X86_64}),
			 SCMP_ACT_ERRNO(ENOSYS));
	assert_int_equal(run(p, &(struct seccomp_data){.nr = (int)(X32_BIT | 512),
						       .arch = AUDIT_ARCH_X86_64}),
			 SCMP_ACT_ERRNO(EPERM));
	/* An architecture that is not listed. */
	assert_int_equal(run(p, &(struct seccomp_data){.nr = 9999, .arch = AUDIT_ARCH_PARISC}),
			 SCMP_ACT_KILL_PROCESS);

	/* A profile that ends with sockets: the direct calls of i386 are known to it. */
	names[0] = (char *)"accept";
	p->n = (uint32_t)seccomp_generate(&profile, &archs[1], 1, p->insns, &unknown);
	assert_int_equal(run(p, &(struct seccomp_data){.nr = 373, .arch = AUDIT_ARCH_I386}),
			 SCMP_ACT_ERRNO(EPERM));
	assert_int_equal(run(p, &(struct seccomp_data){.nr = 374, .arch = AUDIT_ARCH_I386}),
			 SCMP_ACT_ERRNO(ENOSYS));
	munmap(p, seccomp_program_size());
}

static uint32_t answer(struct oci_seccomp *profile, int nr)
{
	struct seccomp_program *p = shared_page(seccomp_program_size());
	struct error err = {0};
	uint32_t r;

	assert_int_equal(seccomp_compile(profile, p, &err), 0);
	r = run(p, &(struct seccomp_data){.nr = nr, .arch = seccomp_arch_native()});
	munmap(p, seccomp_program_size());
	return r;
}

static void test_newer_calls_of_other_defaults(void **state)
{
	char *names[] = {(char *)"write", NULL};
	struct oci_seccomp_rule rule = {.names = {names, 1}, .action = SCMP_ACT_ALLOW};
	struct oci_seccomp profile = {.default_action = SCMP_ACT_ERRNO(EPERM), .rules = &rule,
				      .n_rules = 1};

	(void)state;
	assert_int_equal(answer(&profile, 9999), SCMP_ACT_ERRNO(ENOSYS));
	profile.default_action = SCMP_ACT_TRAP;
	assert_int_equal(answer(&profile, 9999), SCMP_ACT_TRAP);
	/* One that names nothing knows nothing. */
	profile.default_action = SCMP_ACT_ERRNO(EPERM);
	rule.names.n = 0;
	assert_int_equal(answer(&profile, 9999), SCMP_ACT_ERRNO(EPERM));
}

/* The direct calls of socketcall(2) and ipc(2), against libseccomp's own tables. */
static void test_multiplexed_numbers(void **state)
{
	static const uint32_t tokens[] = {
		SCMP_ARCH_X86, SCMP_ARCH_S390, SCMP_ARCH_S390X, SCMP_ARCH_PPC, SCMP_ARCH_PPC64,
		SCMP_ARCH_PPC64LE, SCMP_ARCH_MIPS, SCMP_ARCH_MIPSEL,
	};
	struct seccomp_arch arch;

	(void)state;
	for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
		unsigned checked = 0;

		assert_int_equal(seccomp_arch_find(tokens[i], &arch), 0);
		for (int nr = seccomp_syscall_resolve_name_arch(tokens[i], "exit"); nr < 5000; nr++) {
			char *names[] = {seccomp_syscall_resolve_num_arch(tokens[i], nr), NULL};
			struct oci_seccomp_rule rule = {.names = {names, 1}, .action = SCMP_ACT_LOG};
			struct oci_seccomp profile = {.rules = &rule, .n_rules = 1};
			struct seccomp_entries e = {0};
			bool found = false;
			int pseudo;

			if (!names[0])
				continue;
			pseudo = seccomp_syscall_resolve_name_arch(tokens[i], names[0]);
			if (pseudo >= 0) {
				free(names[0]);
				continue;
			}
			seccomp_entries_add(&e, &profile, &arch);
			for (size_t k = 0; k < e.n; k++) {
				if (e.v[k].call == 0) {
					assert_int_equal(e.v[k].nr, nr);
					found = true;
				} else {
					assert_int_equal(e.v[k].call, -pseudo % 100);
					assert_int_equal(e.v[k].nr, seccomp_syscall_resolve_name_arch(
						tokens[i], pseudo > -200 ? "socketcall" : "ipc"));
				}
			}
			if (!found || e.n != 2)
				fail_msg("architecture 0x%x: %s", tokens[i], names[0]);
			checked++;
			free(e.v);
			free(names[0]);
		}
		assert_true(checked >= 27);
	}
}

/* Binary tree or not, from no rule to many: one call denied at a time. */
static void test_sizes(void **state)
{
	char *names[512];
	struct oci_seccomp_rule rule = {.names = {names, 0}, .action = SCMP_ACT_ERRNO(EXDEV)};
	struct oci_seccomp profile = {.default_action = SCMP_ACT_ALLOW, .rules = &rule, .n_rules = 1};
	struct seccomp_program *p = shared_page(seccomp_program_size());
	struct error err = {0};
	uint32_t native = seccomp_arch_native();

	(void)state;
	for (int nr = 0; nr < 400; nr++) {
		char *name = seccomp_syscall_resolve_num_arch(native, nr);

		if (!name)
			continue;
		names[rule.names.n++] = name;
		if (rule.names.n > 12 && rule.names.n % 61)
			continue;
		assert_int_equal(seccomp_compile(&profile, p, &err), 0);
		for (int k = 0; k < 450; k++) {
			struct seccomp_data d = {.nr = k, .arch = native};
			char *known = seccomp_syscall_resolve_num_arch(native, k);
			uint32_t want = known && k <= nr ? SCMP_ACT_ERRNO(EXDEV) : SCMP_ACT_ALLOW;

			free(known);
			if (run(p, &d) != want)
				fail_msg("%zu rules, number %d: 0x%x", rule.names.n, k, run(p, &d));
		}
	}
	for (size_t i = 0; i < rule.names.n; i++)
		free(names[i]);
	munmap(p, seccomp_program_size());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_docker_profile),
		cmocka_unit_test(test_newer_calls_of_every_architecture),
		cmocka_unit_test(test_newer_calls_of_other_defaults),
		cmocka_unit_test(test_multiplexed_numbers),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
