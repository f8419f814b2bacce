/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ENOSYS for system calls that are newer than a seccomp profile.  Runs in the parent; pure.
 *
 * A profile that lists what is allowed and answers EPERM to the rest cannot know the calls of later
 * kernels.  libc tries such a call, falls back on ENOSYS, but gives up on EPERM.  So numbers above
 * the newest one that the profile names, in whatever rule, are answered as a kernel without the call
 * would.  Only when the default action is ERRNO: who asks for a signal or a log gets it.
 */
#include <errno.h>
#include <linux/audit.h>
#include <seccomp.h>

#include "security/seccomp.h"

#define X32_BIT 0x40000000u	/* __X32_SYSCALL_BIT of asm/unistd.h */

/*
 * How the numbers of an architecture lie.  Numbers from @low to @high are a block of their own that
 * has nothing to do with age: arch/x86 512..547 are x32's special entries, and ARM has private calls.
 * @free_zero: number 0 is what a call unknown to the kernel shows up as (s390 keeps numbers that do
 * not fit the svc instruction in a register, and setup(2), the old number 0, is gone).
 */
struct numbering {
	uint32_t arch;			/* SCMP_ARCH_* */
	uint32_t audit;			/* AUDIT_ARCH_*, in seccomp_data.arch */
	uint32_t low, high;
	bool free_zero;
};

static const struct numbering numberings[] = {
	{SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64, 512, 547, false},
	{SCMP_ARCH_X32, AUDIT_ARCH_X86_64, X32_BIT | 512, X32_BIT | 547, false},
	{SCMP_ARCH_ARM, AUDIT_ARCH_ARM, 0x0f0000, 0x0fffff, false},
	{SCMP_ARCH_S390, AUDIT_ARCH_S390, 0, 0, true},
	{SCMP_ARCH_S390X, AUDIT_ARCH_S390X, 0, 0, true},
};

static struct numbering numbering_of(uint32_t arch)
{
	for (size_t i = 0; i < sizeof(numberings) / sizeof(numberings[0]); i++)
		if (numberings[i].arch == arch)
			return numberings[i];
	/* SCMP_ARCH_* is AUDIT_ARCH_* everywhere but for x32 (seccomp.h). */
	return (struct numbering){.arch = arch, .audit = arch};
}

static bool is_special(const struct numbering *a, uint32_t nr)
{
	return a->high && nr >= a->low && nr <= a->high;
}

/* The newest number that the profile names; false when it names none. */
static bool newest(const struct oci_seccomp *profile, const struct numbering *a, uint32_t *ret)
{
	bool any = false;

	for (size_t i = 0; i < profile->n_rules; i++) {
		const struct strings *names = &profile->rules[i].names;

		for (size_t j = 0; j < names->n; j++) {
			int nr = seccomp_syscall_resolve_name_arch(a->arch, names->v[j]);

			/* Negative: unknown, or not a call of this architecture (seccomp.h, __PNR_*). */
			if (nr < 0 || is_special(a, (uint32_t)nr))
				continue;
			if (!any || (uint32_t)nr > *ret)
				*ret = (uint32_t)nr;
			any = true;
		}
	}
	return any;
}

struct code {
	struct sock_filter *v;
	size_t n;
};

static void emit(struct code *c, uint16_t op, uint32_t k, uint8_t jt, uint8_t jf)
{
	c->v[c->n++] = (struct sock_filter){op, jt, jf, k};
}

#define LOAD (BPF_LD | BPF_W | BPF_ABS)
#define JUMP(op) (BPF_JMP | (op) | BPF_K)
#define ENOSYS_ACTION SCMP_ACT_ERRNO(ENOSYS)

/* With the number in A: return ENOSYS when it is newer than @max, else fall through. */
static void emit_check(struct code *c, const struct numbering *a, uint32_t max)
{
	if (a->free_zero) {
		emit(c, JUMP(BPF_JEQ), 0, 0, 1);
		emit(c, BPF_RET | BPF_K, ENOSYS_ACTION, 0, 0);
	}
	if (a->high) {
		emit(c, JUMP(BPF_JGT), max, 0, 3);
		emit(c, JUMP(BPF_JGE), a->low, 0, 1);
		emit(c, JUMP(BPF_JGT), a->high, 0, 1);
	} else {
		emit(c, JUMP(BPF_JGT), max, 0, 1);
	}
	emit(c, BPF_RET | BPF_K, ENOSYS_ACTION, 0, 0);
}

/* x86_64 and x32 share one seccomp_data.arch and differ by a bit of the number.  Without @x32 such
 * numbers are left to the filter, which kills. */
static void emit_x86_64(struct code *c, const struct numbering *a, uint32_t max,
			const struct numbering *x32, uint32_t x32_max)
{
	size_t split = c->n, over;

	emit(c, JUMP(BPF_JGE), X32_BIT, 0, 0);
	if (x32)
		emit_check(c, x32, x32_max);
	over = c->n;
	emit(c, BPF_JMP | BPF_JA, 0, 0, 0);
	c->v[split].jf = (uint8_t)(c->n - split - 1);
	emit_check(c, a, max);
	c->v[over].k = (uint32_t)(c->n - over - 1);
}

size_t seccomp_stub(const struct oci_seccomp *profile, const uint32_t *archs, size_t n_archs,
		    struct sock_filter *ret)
{
	struct numbering x32 = numbering_of(SCMP_ARCH_X32);
	size_t exits[32], n_exits = 0;
	struct code c = {.v = ret};
	uint32_t x32_max = 0;
	bool has_x32 = false;

	if ((profile->default_action & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_ERRNO ||
	    profile->default_action == ENOSYS_ACTION)
		return 0;
	for (size_t i = 0; i < n_archs; i++)
		if (archs[i] == SCMP_ARCH_X32)
			has_x32 = newest(profile, &x32, &x32_max);

	emit(&c, LOAD, offsetof(struct seccomp_data, arch), 0, 0);
	for (size_t i = 0; i < n_archs && n_exits < 32; i++) {
		struct numbering a = numbering_of(archs[i]);
		size_t start = c.n;
		uint32_t max;

		if (a.arch == SCMP_ARCH_X32 || !newest(profile, &a, &max))
			continue;
		emit(&c, JUMP(BPF_JEQ), a.audit, 0, 0);
		emit(&c, LOAD, offsetof(struct seccomp_data, nr), 0, 0);
		if (a.arch == SCMP_ARCH_X86_64)
			emit_x86_64(&c, &a, max, has_x32 ? &x32 : NULL, x32_max);
		else
			emit_check(&c, &a, max);
		exits[n_exits++] = c.n;
		emit(&c, BPF_JMP | BPF_JA, 0, 0, 0);
		c.v[start].jf = (uint8_t)(c.n - start - 1);
	}
	for (size_t i = 0; i < n_exits; i++)
		c.v[exits[i]].k = (uint32_t)(c.n - exits[i] - 1);
	return n_exits ? c.n : 0;
}
