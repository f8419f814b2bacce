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
 * How the numbers of an architecture lie.
 * @low, @high: a block of its own that has nothing to do with age: arch/x86 has x32's special entries
 * from 512 to 547, ARM has private calls.
 * @sockets, @ipc: where socketcall(2) and ipc(2) were the only way once, libseccomp gives their
 * members negative numbers; the newest of the direct calls that were added later.
 * @free_zero: number 0 is what a call unknown to the kernel shows up as (s390 keeps numbers that do
 * not fit the svc instruction in a register, and setup(2), the old number 0, is gone).
 */
struct numbering {
	uint32_t arch;			/* SCMP_ARCH_* */
	uint32_t audit;			/* AUDIT_ARCH_*, in seccomp_data.arch */
	uint32_t low, high;
	uint32_t sockets, ipc;
	bool free_zero;
};

static const struct numbering numberings[] = {
	{.arch = SCMP_ARCH_X86_64, .audit = AUDIT_ARCH_X86_64, .low = 512, .high = 547},
	{.arch = SCMP_ARCH_X32, .audit = AUDIT_ARCH_X86_64, .low = X32_BIT | 512,
	 .high = X32_BIT | 547},
	{.arch = SCMP_ARCH_X86, .audit = AUDIT_ARCH_I386, .sockets = 373, .ipc = 402},
	{.arch = SCMP_ARCH_ARM, .audit = AUDIT_ARCH_ARM, .low = 0x0f0000, .high = 0x0fffff},
	{.arch = SCMP_ARCH_S390, .audit = AUDIT_ARCH_S390, .sockets = 373, .ipc = 402,
	 .free_zero = true},
	{.arch = SCMP_ARCH_S390X, .audit = AUDIT_ARCH_S390X, .sockets = 373, .ipc = 402,
	 .free_zero = true},
	{.arch = SCMP_ARCH_PPC, .audit = AUDIT_ARCH_PPC, .sockets = 349, .ipc = 402},
	{.arch = SCMP_ARCH_PPC64, .audit = AUDIT_ARCH_PPC64, .sockets = 349, .ipc = 402},
	{.arch = SCMP_ARCH_PPC64LE, .audit = AUDIT_ARCH_PPC64LE, .sockets = 349, .ipc = 402},
	{.arch = SCMP_ARCH_MIPS, .audit = AUDIT_ARCH_MIPS, .sockets = 4343, .ipc = 4402},
	{.arch = SCMP_ARCH_MIPSEL, .audit = AUDIT_ARCH_MIPSEL, .sockets = 4343, .ipc = 4402},
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

/* The number that @name stands for when asking how new a profile is; 0 for none.  Negative numbers
 * of libseccomp (seccomp.h, __PNR_*): unknown, or not a call of this architecture by itself. */
static uint32_t number_of(const struct numbering *a, const char *name)
{
	int nr = seccomp_syscall_resolve_name_arch(a->arch, name);

	if (nr <= -101 && nr >= -120)
		return a->sockets;
	if (nr <= -201 && nr >= -224)
		return a->ipc;
	return nr < 0 || is_special(a, (uint32_t)nr) ? 0 : (uint32_t)nr;
}

/* The newest number that the profile names; false when it names none. */
static bool newest(const struct oci_seccomp *profile, const struct numbering *a, uint32_t *ret)
{
	uint32_t max = 0;

	for (size_t i = 0; i < profile->n_rules; i++) {
		const struct strings *names = &profile->rules[i].names;

		for (size_t j = 0; j < names->n; j++) {
			uint32_t nr = number_of(a, names->v[j]);

			if (nr > max)
				max = nr;
		}
	}
	*ret = max;
	return max > 0;
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
