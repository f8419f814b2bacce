/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The generated program against a model: both are asked about every number of every architecture.
 * The program is run by an interpreter of the classic BPF that seccomp(2) knows.
 */
#include "forked.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>

#include "profile.h"
#include "security/seccomp.h"

#define X32_BIT 0x40000000u

static uint32_t run(const struct seccomp_program *p, const struct seccomp_data *data)
{
	uint32_t a = 0, mem[BPF_MEMWORDS] = {0};

	for (size_t pc = 0; pc < p->n; pc++) {
		const struct sock_filter *f = &p->insns[pc];
		bool yes;

		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(f->k + 4 <= sizeof(*data) && f->k % 4 == 0);
			memcpy(&a, (const char *)data + f->k, 4);
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= f->k;
			continue;
		case BPF_ST:
			mem[f->k] = a;
			continue;
		case BPF_LD | BPF_MEM:
			a = mem[f->k];
			continue;
		case BPF_RET | BPF_K:
			return f->k;
		case BPF_JMP | BPF_JA:
			pc += f->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			yes = a == f->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			yes = a > f->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			yes = a >= f->k;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			yes = a & f->k;
			break;
		default:
			fail_msg("instruction 0x%x at %zu", f->code, pc);
			return 0;
		}
		pc += yes ? f->jt : f->jf;
	}
	fail_msg("ran over the end");
	return 0;
}

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

/* The stub alone in front of "allow everything", for architectures that this machine is not. */
static void test_stub_of_every_architecture(void **state)
{
	static const uint32_t archs[] = {
		SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32, SCMP_ARCH_ARM, SCMP_ARCH_AARCH64,
		SCMP_ARCH_MIPS, SCMP_ARCH_MIPS64, SCMP_ARCH_MIPS64N32, SCMP_ARCH_MIPSEL,
		SCMP_ARCH_MIPSEL64, SCMP_ARCH_MIPSEL64N32, SCMP_ARCH_PPC64LE, SCMP_ARCH_S390,
		SCMP_ARCH_S390X, SCMP_ARCH_RISCV64,
	};
	char *names[] = {(char *)"openat2", (char *)"breakpoint", (char *)"read", NULL};
	struct oci_seccomp_rule rule = {.names = {names, 3}, .action = SCMP_ACT_ALLOW};
	struct oci_seccomp profile = {.default_action = SCMP_ACT_ERRNO(EPERM), .rules = &rule,
				      .n_rules = 1};
	struct seccomp_program *p = shared_page(seccomp_program_size());
	size_t n = seccomp_stub(&profile, archs, sizeof(archs) / sizeof(archs[0]), p->insns);

	(void)state;
	assert_true(n > 0 && n <= SECCOMP_STUB_MAX);
	p->insns[n] = (struct sock_filter){BPF_RET | BPF_K, 0, 0, SCMP_ACT_ALLOW};
	p->n = (uint32_t)n + 1;
	for (size_t i = 0; i < sizeof(archs) / sizeof(archs[0]); i++) {
		int newest = seccomp_syscall_resolve_name_arch(archs[i], "openat2");
		struct seccomp_data d = {.arch = archs[i] == SCMP_ARCH_X32 ? AUDIT_ARCH_X86_64 : archs[i]};

		assert_true(newest > 0);
		d.nr = newest;
		assert_int_equal(run(p, &d), SCMP_ACT_ALLOW);
		d.nr = newest + 1;
		assert_int_equal(run(p, &d), SCMP_ACT_ERRNO(ENOSYS));
		d.nr = newest - 1;
		assert_int_equal(run(p, &d), SCMP_ACT_ALLOW);
		d.nr = 0;
		assert_int_equal(run(p, &d), archs[i] == SCMP_ARCH_S390 || archs[i] == SCMP_ARCH_S390X ?
				 SCMP_ACT_ERRNO(ENOSYS) : SCMP_ACT_ALLOW);
	}
	/* A profile that ends with sockets: the direct calls of i386 are known to it. */
	names[0] = (char *)"connect";
	n = seccomp_stub(&profile, &archs[1], 1, p->insns);
	p->insns[n] = (struct sock_filter){BPF_RET | BPF_K, 0, 0, SCMP_ACT_ALLOW};
	assert_int_equal(run(p, &(struct seccomp_data){.nr = 373, .arch = AUDIT_ARCH_I386}),
			 SCMP_ACT_ALLOW);
	assert_int_equal(run(p, &(struct seccomp_data){.nr = 374, .arch = AUDIT_ARCH_I386}),
			 SCMP_ACT_ERRNO(ENOSYS));
	names[0] = (char *)"openat2";
	n = seccomp_stub(&profile, archs, sizeof(archs) / sizeof(archs[0]), p->insns);
	p->insns[n] = (struct sock_filter){BPF_RET | BPF_K, 0, 0, SCMP_ACT_ALLOW};

	/* ARM's private calls are not new ones. */
	assert_int_equal(run(p, &(struct seccomp_data){.nr = 0x0f0002, .arch = AUDIT_ARCH_ARM}),
			 SCMP_ACT_ALLOW);
	assert_int_equal(run(p, &(struct seccomp_data){.nr = 0x0e0000, .arch = AUDIT_ARCH_ARM}),
			 SCMP_ACT_ERRNO(ENOSYS));
	/* An architecture that is not listed is left to the filter. */
	assert_int_equal(run(p, &(struct seccomp_data){.nr = 9999, .arch = AUDIT_ARCH_PARISC}),
			 SCMP_ACT_ALLOW);

	profile.default_action = SCMP_ACT_ERRNO(ENOSYS);
	assert_int_equal(seccomp_stub(&profile, archs, 1, p->insns), 0);
	profile.default_action = SCMP_ACT_TRAP;
	assert_int_equal(seccomp_stub(&profile, archs, 1, p->insns), 0);
	profile.default_action = SCMP_ACT_ERRNO(EPERM);
	rule.names.n = 0;
	assert_int_equal(seccomp_stub(&profile, archs, 1, p->insns), 0);
	munmap(p, seccomp_program_size());
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
		cmocka_unit_test(test_stub_of_every_architecture),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
