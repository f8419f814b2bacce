/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A profile as one program.  Runs in the parent; pure, but for libseccomp, which knows the names.
 *
 * The program looks at the architecture, then searches the ranges of numbers that are answered alike,
 * as a balanced binary tree.  An architecture that is not listed ends the process, and so does the
 * half of x86_64's numbers that belongs to x32, or the other one, when that is not listed.
 */
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/syscall.h>

#include "security/seccomp_gen.h"
#include "sys/mutate.h"
#include "util/cleanup.h"
#include "util/mem.h"

/* Numbers from @start, up to the next one's: @action; or @n_entries rules of one number. */
struct range {
	uint32_t start, action;
	const struct seccomp_entry *entries;
	size_t n_entries;
	const struct seccomp_arch *proof;	/* the number that proves the filter, see seccomp.h */
};

struct ranges {
	struct range *v;
	size_t n;
};

static void append(struct ranges *r, const struct range *range)
{
	struct range *last = r->n ? &r->v[r->n - 1] : NULL;

	/* Nothing is left of it. */
	if (last && last->start == range->start)
		last = --r->n ? &r->v[r->n - 1] : NULL;
	if (last && !last->entries && !range->entries && last->action == range->action)
		return;
	r->v[r->n++] = *range;
}

/* Lay the rules over the ranges of @base, whose first begins at 0. */
static void lay_over(struct ranges *r, const struct seccomp_range *base, size_t n_base,
		     const struct seccomp_entries *e)
{
	uint32_t below = base[0].action;
	size_t b = 0, next;

	for (size_t i = 0; i < e->n; i = next) {
		struct range here = {.start = e->v[i].nr}, after = {.start = here.start + 1};

		for (next = i + 1; next < e->n && e->v[next].nr == here.start;)
			next++;
		for (; b < n_base && base[b].start <= here.start; b++) {
			below = base[b].action;
			append(r, &(struct range){.start = base[b].start, .action = below});
		}
		if (!seccomp_rules_plain(&e->v[i], next - i, &here.action)) {
			here.entries = &e->v[i];
			here.n_entries = next - i;
		}
		append(r, &here);
		after.action = below;
		append(r, &after);
	}
	for (; b < n_base; b++)
		append(r, &(struct range){.start = base[b].start, .action = base[b].action});
}

/* The call by which the process that installs the program sees that it answers: whatever the profile says. */
static size_t emit_proof(struct seccomp_code *c, const struct seccomp_arch *arch, size_t no)
{
	const struct seccomp_cond cond = {.op = SCMP_CMP_EQ, .mask = UINT64_MAX, .datum = SECCOMP_PROOF_OP};
	size_t yes = seccomp_emit_return(c, SCMP_ACT_ERRNO(SECCOMP_PROOF_ERRNO));

	return seccomp_emit_cond(c, arch, &cond, yes, no);
}

static size_t emit_range(struct seccomp_code *c, const struct range *r, uint32_t default_action)
{
	size_t at = r->entries ? seccomp_emit_rules(c, r->entries, r->n_entries, default_action) :
				 seccomp_emit_return(c, r->action);

	return r->proof ? emit_proof(c, r->proof, at) : at;
}

/* Into @ret, with a range of its own for the number of seccomp(2) of @arch, which is ours: at most two more. */
static size_t split_for_proof(const struct ranges *r, const struct seccomp_arch *arch, struct range *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		bool last = i + 1 == r->n;
		struct range here = r->v[i];

		if (here.start > SYS_seccomp || (!last && r->v[i + 1].start <= SYS_seccomp)) {
			ret[n++] = here;
			continue;
		}
		if (here.start < SYS_seccomp)
			ret[n++] = here;
		here.start = SYS_seccomp;
		ret[n] = here;
		ret[n++].proof = arch;
		if (!last && r->v[i + 1].start == SYS_seccomp + 1)
			continue;
		here.start = SYS_seccomp + 1;
		ret[n++] = here;
	}
	return n;
}

/* It calls itself as often as ranges can be halved: not more than 32 times deep. */
static size_t emit_search(struct seccomp_code *c, const struct range *v, size_t n,
			  uint32_t default_action)
{
	size_t half = n / 2, low, high;

	if (n == 1)
		return emit_range(c, v, default_action);
	high = emit_search(c, v + half, n - half, default_action);
	low = emit_search(c, v, half, default_action);
	return seccomp_emit_jump(c, BPF_JGE, v[half].start, high, low);
}

/* What x86_64's half of the numbers and x32's are answered when they have no rule; -1 is what a tracer
 * sets to skip a call (seccomp(2)), and left to the default. */
static size_t base_x86_64(uint32_t default_action, const struct seccomp_arch *const half[2],
			  const uint32_t newest[2], struct seccomp_range *ret)
{
	size_t n = 0;

	for (int i = 0; i < 2; i++) {
		if (half[i])
			n += seccomp_stub(default_action, half[i], newest[i], ret + n);
		else
			ret[n++] = (struct seccomp_range){i ? SECCOMP_X32_BIT : 0, SCMP_ACT_KILL_PROCESS};
	}
	if (!half[1])
		ret[n++] = (struct seccomp_range){UINT32_MAX, default_action};
	return n;
}

/* The section of the architectures that show up as archs[index].audit. */
static size_t emit_section(struct seccomp_code *c, const struct oci_seccomp *profile,
			   const struct seccomp_arch *archs, size_t n_archs, size_t index,
			   unsigned *unknown)
{
	const struct seccomp_arch *half[2] = {NULL};
	struct seccomp_range base[2 * SECCOMP_STUB_MAX];
	_cleanup_free_ struct seccomp_entry *entries = NULL;
	_cleanup_free_ struct range *v = NULL, *split = NULL;
	struct seccomp_entries e = {0};
	struct ranges ranges = {0};
	uint32_t newest[2] = {0};
	size_t n_base, at;

	for (size_t i = index; i < n_archs; i++) {
		int side = archs[i].token == SCMP_ARCH_X32;

		if (archs[i].audit != archs[index].audit)
			continue;
		half[side] = &archs[i];
		seccomp_entries_add(&e, profile, &archs[i]);
		newest[side] = e.newest;
		if (i == 0)
			*unknown = e.unknown;
	}
	entries = e.v;
	seccomp_entries_sort(&e);
	if (archs[index].audit == AUDIT_ARCH_X86_64)
		n_base = base_x86_64(profile->default_action, half, newest, base);
	else
		n_base = seccomp_stub(profile->default_action, half[0], newest[0], base);
	ranges.v = v = xcalloc(2 * e.n + n_base, sizeof(*v));
	lay_over(&ranges, base, n_base, &e);
	if (index == 0) {
		split = xcalloc(ranges.n + 2, sizeof(*split));
		ranges.n = split_for_proof(&ranges, &archs[0], split);
		ranges.v = split;
	}
	at = emit_search(c, ranges.v, ranges.n, profile->default_action);
	return seccomp_emit_load(c, offsetof(struct seccomp_data, nr), at);
}

static bool is_first(const struct seccomp_arch *archs, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (archs[j].audit == archs[i].audit)
			return false;
	return true;
}

size_t seccomp_generate(const struct oci_seccomp *profile, const struct seccomp_arch *archs,
			size_t n_archs, struct sock_filter *ret, unsigned *ret_unknown)
{
	_cleanup_free_ struct sock_filter *insns = xcalloc(SECCOMP_MAX_INSNS, sizeof(*insns));
	_cleanup_free_ size_t *sections = xcalloc(n_archs, sizeof(*sections));
	struct seccomp_code c = {.insns = insns};
	unsigned unknown = 0;
	size_t at;

	for (size_t i = n_archs; i-- > 0;)
		if (is_first(archs, i))
			sections[i] = emit_section(&c, profile, archs, n_archs, i, &unknown);
	at = seccomp_emit_return(&c, MUTATE(T75) ? SCMP_ACT_ALLOW : SCMP_ACT_KILL_PROCESS);
	for (size_t i = n_archs; i-- > 0;)
		if (is_first(archs, i))
			at = seccomp_emit_jump(&c, BPF_JEQ, archs[i].audit, sections[i], at);
	seccomp_emit_load(&c, offsetof(struct seccomp_data, arch), at);
	for (size_t i = 0; i < c.n && c.n <= SECCOMP_MAX_INSNS; i++)
		ret[i] = insns[SECCOMP_MAX_INSNS - c.n + i];
	*ret_unknown = unknown;
	return c.n;
}
