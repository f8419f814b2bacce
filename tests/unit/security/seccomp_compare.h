/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One profile, the program that libseccomp makes of it and ours: do they answer alike? */
#ifndef ORLOP_TEST_SECCOMP_COMPARE_H
#define ORLOP_TEST_SECCOMP_COMPARE_H

#include <linux/audit.h>
#include <seccomp.h>

#include "bpf_run.h"
#include "profile.h"
#include "security/seccomp.h"

#define X32_BIT 0x40000000u

/* Operators that libseccomp 2.5.4 loses its way in, if several rules are for one call. */
#ifndef IS_FRAGILE
#define IS_FRAGILE(op) ((op) <= SCMP_CMP_LE)
#endif

/* xorshift: the same profiles on every run */
static uint64_t seed = 88172645463325252ull;

static uint32_t dice(uint32_t sides)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 20) % sides;
}

/* ---- libseccomp ---- */

static int reference_rule(scmp_filter_ctx ctx, const struct oci_seccomp_rule *rule, const char *name)
{
	struct scmp_arg_cmp args[6];
	int nr = seccomp_syscall_resolve_name(name), r = 0;
	unsigned seen = 0;
	bool split = false;

	if (nr == __NR_SCMP_ERROR)
		return 0;
	for (size_t i = 0; i < rule->n_args; i++) {
		split |= seen & 1u << rule->args[i].index;
		seen |= 1u << rule->args[i].index;
	}
	for (size_t i = 0; i < rule->n_args && r == 0; i++) {
		const struct oci_seccomp_arg *a = &rule->args[i];

		args[split ? 0 : i] = (struct scmp_arg_cmp){a->index, (enum scmp_compare)a->op,
							    a->value, a->value_two};
		if (split)
			r = seccomp_rule_add_array(ctx, rule->action, nr, 1, args);
	}
	return split ? r : seccomp_rule_add_array(ctx, rule->action, nr, (unsigned)rule->n_args, args);
}

/* -EEXIST: libseccomp finds rules of the profile contradictory, and ignores some; @bad is one of them. */
static int reference(const struct oci_seccomp *profile, struct seccomp_program *ret, size_t *bad)
{
	scmp_filter_ctx ctx = seccomp_init(profile->default_action);
	int fd = memfd_create("reference", MFD_CLOEXEC), r = 0;
	ssize_t size;

	assert_non_null(ctx);
	assert_int_equal(seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), 0);
	assert_int_equal(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2), 0);
	for (size_t i = 0; i < profile->n_archs; i++) {
		int e = seccomp_arch_add(ctx, profile->archs[i]);

		assert_true(e == 0 || e == -EEXIST);
	}
	for (size_t i = 0; i < profile->n_rules && r == 0; i++) {
		const struct oci_seccomp_rule *rule = &profile->rules[i];

		*bad = i;
		if (rule->action == profile->default_action)
			continue;
		for (size_t j = 0; j < rule->names.n && r == 0; j++)
			r = reference_rule(ctx, rule, rule->names.v[j]);
	}
	if (r == 0) {
		assert_int_equal(seccomp_export_bpf(ctx, fd), 0);
		size = lseek(fd, 0, SEEK_END);
		assert_true(size > 0 && (size_t)size <= SECCOMP_MAX_INSNS * sizeof(ret->insns[0]));
		assert_int_equal(pread(fd, ret->insns, (size_t)size, 0), size);
		ret->n = (uint32_t)((size_t)size / sizeof(ret->insns[0]));
	} else {
		assert_int_equal(r, -EEXIST);
	}
	seccomp_release(ctx);
	close(fd);
	return r;
}

/* ---- what to ask ---- */

struct question {
	uint32_t token, audit, bit;
	uint32_t first, last;
};

static const struct question questions[] = {
	{SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64, 0, 0, 1100},
	{SCMP_ARCH_X32, AUDIT_ARCH_X86_64, X32_BIT, 0, 1100},
	{SCMP_ARCH_X86, AUDIT_ARCH_I386, 0, 0, 1100},
	{SCMP_ARCH_X86, AUDIT_ARCH_I386, X32_BIT, 0, 600},
	{SCMP_ARCH_ARM, AUDIT_ARCH_ARM, 0, 0, 500},
	{SCMP_ARCH_ARM, AUDIT_ARCH_ARM, 0, 0x0efffe, 0x0f0010},
	{SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64, 0, 0, 500},
	{SCMP_ARCH_MIPSEL, AUDIT_ARCH_MIPSEL, 0, 3990, 4500},
	{SCMP_ARCH_MIPSEL64, AUDIT_ARCH_MIPSEL64, 0, 4990, 5500},
	{SCMP_ARCH_MIPSEL64N32, AUDIT_ARCH_MIPSEL64N32, 0, 5990, 6500},
	{SCMP_ARCH_PPC64LE, AUDIT_ARCH_PPC64LE, 0, 0, 500},
	{SCMP_ARCH_RISCV64, AUDIT_ARCH_RISCV64, 0, 0, 500},
	{SCMP_ARCH_S390X, AUDIT_ARCH_S390X, 0, 0, 20},
};

#define N_QUESTIONS (sizeof(questions) / sizeof(questions[0]))

static uint64_t pool[6][512];
static uint32_t n_pool[6];

static void pool_add(unsigned arg, uint64_t v)
{
	for (size_t i = 0; i < n_pool[arg]; i++)
		if (pool[arg][i] == v)
			return;
	if (n_pool[arg] < 512)
		pool[arg][n_pool[arg]++] = v;
}

static void fill_pool(const struct oci_seccomp *profile)
{
	for (unsigned i = 0; i < 6; i++) {
		n_pool[i] = 0;
		pool_add(i, 0);
		pool_add(i, ~0ull);
	}
	for (uint64_t call = 1; call <= 24; call++)	/* of socketcall(2) and ipc(2) */
		pool_add(0, call);
	for (size_t i = 0; i < profile->n_rules; i++)
		for (size_t j = 0; j < profile->rules[i].n_args; j++) {
			const struct oci_seccomp_arg *a = &profile->rules[i].args[j];
			uint64_t v[] = {a->value, a->value_two, a->value & a->value_two};

			for (size_t k = 0; k < 3; k++) {
				pool_add(a->index, v[k] - 1);
				pool_add(a->index, v[k]);
				pool_add(a->index, v[k] + 1);
				pool_add(a->index, v[k] ^ 1ull << 32);
				pool_add(a->index, v[k] + (1ull << 32));
				pool_add(a->index, v[k] - (1ull << 32));
				pool_add(a->index, (uint32_t)v[k]);
				pool_add(a->index, v[k] >> 32 << 32);
			}
		}
}

/* ---- what the rules say, for a call that has few of them ---- */

/* The newest number named.  Negative ones of socketcall(2) and ipc(2) stand for their newest. */
static uint32_t newest_named(const struct oci_seccomp *profile, uint32_t token)
{
	uint32_t bit = token == SCMP_ARCH_X32 ? X32_BIT : 0;
	int newest = 0, socket = 0, ipc = 0;

	if (token == SCMP_ARCH_X86 || token == SCMP_ARCH_PPC64LE) {
		socket = token == SCMP_ARCH_X86 ? 373 : 349;
		ipc = 402;
	} else if (token == SCMP_ARCH_MIPSEL) {
		socket = 4343;
		ipc = 4402;
	}
	for (size_t i = 0; i < profile->n_rules; i++)
		for (size_t j = 0; j < profile->rules[i].names.n; j++) {
			int nr = seccomp_syscall_resolve_name_arch(token, profile->rules[i].names.v[j]);

			if (nr < 0)
				nr = nr > -100 || nr <= -300 ? 0 : nr > -200 ? socket : ipc;
			else
				nr ^= (int)bit;
			/* x32's own block, and ARM's private calls */
			if (nr > newest && !(bit && nr >= 512 && nr <= 547) && nr < 0x0f0000)
				newest = nr;
		}
	return (uint32_t)newest | bit;
}

static bool is_wide(uint32_t token)
{
	return token & __AUDIT_ARCH_64BIT && token != SCMP_ARCH_MIPSEL64N32;
}

static bool holds(const struct oci_seccomp_arg *c, uint64_t v, uint64_t width)
{
	uint64_t value = c->value & width;

	v &= width;
	switch (c->op) {
	case SCMP_CMP_NE: return v != value;
	case SCMP_CMP_LT: return v < value;
	case SCMP_CMP_LE: return v <= value;
	case SCMP_CMP_EQ: return v == value;
	case SCMP_CMP_GE: return v >= value;
	case SCMP_CMP_GT: return v > value;
	case SCMP_CMP_MASKED_EQ: return (v & value) == (c->value_two & value);
	}
	fail();
	return false;
}

static bool rule_holds(const struct oci_seccomp_rule *r, const struct seccomp_data *d, uint64_t width,
		       bool multiplexed)
{
	unsigned seen = 0, n = 0, true_ones = 0;
	bool split = false;

	for (size_t i = 0; i < r->n_args; i++) {
		split |= seen & 1u << r->args[i].index;
		seen |= 1u << r->args[i].index;
		n++;
		true_ones += (multiplexed && r->args[i].index == 0) ||
			     holds(&r->args[i], d->args[r->args[i].index], width);
	}
	return split ? true_ones > 0 : true_ones == n;
}

/* The rules of one number: @call is what the first argument must be, or 0. */
struct asked {
	const struct oci_seccomp *profile;
	const struct question *q;
	uint32_t nr;
	struct {
		const struct oci_seccomp_rule *rule;
		unsigned call;
	} v[512];
	uint32_t n;
	bool conditional, fragile;
};

static void collect(struct asked *a)
{
	char *name = seccomp_syscall_resolve_num_arch(a->q->token, (int)a->nr);
	int multiplexer = !name ? 0 : strcmp(name, "socketcall") == 0 ? 1 : strcmp(name, "ipc") == 0 ? 2 : 0;
	bool negated = false, several = is_wide(a->q->token) || multiplexer;
	unsigned tests = 0;

	a->n = 0;
	a->conditional = a->fragile = false;
	for (size_t i = 0; name && i < a->profile->n_rules; i++) {
		const struct oci_seccomp_rule *rule = &a->profile->rules[i];

		for (size_t j = 0; j < rule->names.n && rule->action != a->profile->default_action; j++) {
			int nr = seccomp_syscall_resolve_name_arch(a->q->token, rule->names.v[j]);
			bool direct = strcmp(rule->names.v[j], name) == 0;

			if (!direct && !(multiplexer && nr < -100 && nr > -300 && -nr / 100 == multiplexer))
				continue;
			assert_true(a->n < 512);
			a->v[a->n].rule = rule;
			a->v[a->n++].call = direct ? 0 : (unsigned)-nr % 100;
			a->conditional |= !direct || rule->n_args;
			several |= rule->n_args > 1;
			tests += rule->n_args ? (unsigned)rule->n_args : 1;
			for (size_t k = 0; k < rule->n_args; k++)
				negated |= IS_FRAGILE(rule->args[k].op);
		}
	}
	a->fragile = negated && several && tests > 1 && a->n > 0;
	free(name);
}

/* May the answer be @action? */
static bool plausible(const struct asked *a, const struct seccomp_data *d, uint32_t action)
{
	uint64_t width = is_wide(a->q->token) ? UINT64_MAX : UINT32_MAX;
	bool any = false;

	for (size_t i = 0; i < a->n; i++) {
		if (a->v[i].call && (d->args[0] & width) != a->v[i].call)
			continue;
		if (!rule_holds(a->v[i].rule, d, width, a->v[i].call))
			continue;
		if (a->v[i].rule->action == action)
			return true;
		any = true;
	}
	return !any && action == a->profile->default_action;
}

/* Arguments for which one of the rules holds, or nearly. */
static void aim(const struct asked *a, struct seccomp_data *d)
{
	const struct oci_seccomp_rule *rule;
	uint32_t i;

	for (i = 0; i < 6; i++)
		d->args[i] = pool[i][dice(n_pool[i])];
	if (a->n == 0 || dice(4) == 0)
		return;
	i = dice(a->n);
	rule = a->v[i].rule;
	for (size_t j = 0; j < rule->n_args; j++) {
		const struct oci_seccomp_arg *c = &rule->args[j];
		__u64 *v = &d->args[c->index], low = dice(2) ? 1 : 1ull << 32;

		if (dice(8) == 0)
			continue;
		switch (c->op) {
		case SCMP_CMP_LT: *v = c->value - low; break;
		case SCMP_CMP_NE:
		case SCMP_CMP_GT: *v = c->value + low; break;
		case SCMP_CMP_MASKED_EQ: *v = (*v & ~c->value) | (c->value & c->value_two); break;
		default: *v = c->value;
		}
	}
	if (a->v[i].call)
		d->args[0] = a->v[i].call;
}

static unsigned long n_asked, n_wrong;

static void report(const struct asked *a, const struct seccomp_data *d, uint32_t ours, uint32_t theirs)
{
	print_message("architecture 0x%x number 0x%x (%" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64
		      " %" PRIx64 "), default 0x%x\n", a->q->token, a->nr, (uint64_t)d->args[0],
		      (uint64_t)d->args[1], (uint64_t)d->args[2], (uint64_t)d->args[3], (uint64_t)d->args[4],
		      (uint64_t)d->args[5], a->profile->default_action);
	for (size_t i = 0; i < a->n; i++) {
		const struct oci_seccomp_rule *r = a->v[i].rule;

		print_message("  rule %zd: 0x%x, call %u", r - a->profile->rules, r->action, a->v[i].call);
		for (size_t j = 0; j < r->n_args; j++)
			print_message(" [arg %u op %u 0x%" PRIx64 " 0x%" PRIx64 "]", r->args[j].index,
				      r->args[j].op, r->args[j].value, r->args[j].value_two);
		print_message("\n");
	}
	fail_msg("ours 0x%x, libseccomp's 0x%x", ours, theirs);
}

static void ask(const struct oci_seccomp *profile, const struct question *q, uint32_t nr, unsigned times,
		bool listed, const struct seccomp_program *ours, const struct seccomp_program *theirs)
{
	static struct asked a;
	struct seccomp_data d = {.nr = (int)nr, .arch = q->audit, .instruction_pointer = 0x123456789abcdef0};
	bool errno_default = (profile->default_action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO;

	a.profile = profile;
	a.q = q;
	a.nr = nr;
	collect(&a);
	if (!a.conditional)
		times = 1;
	for (unsigned t = 0; t < times; t++) {
		uint32_t got, want;

		aim(&a, &d);
		got = run(ours, &d);
		want = run(theirs, &d);
		n_asked++;
		if (errno_default && got == SCMP_ACT_ERRNO(ENOSYS) && want == profile->default_action &&
		    listed && nr > newest_named(profile, q->token))
			continue;
		if (listed && !plausible(&a, &d, got))
			report(&a, &d, got, want);
		if (got == want)
			continue;
		if (!a.fragile)
			report(&a, &d, got, want);
		n_wrong++;
	}
}

static bool is_listed(const struct oci_seccomp *profile, uint32_t token)
{
	bool found = token == seccomp_arch_native();

	for (size_t i = 0; i < profile->n_archs && !found; i++)
		found = profile->archs[i] == token;
	return found;
}

static void compare(const struct oci_seccomp *profile, const struct seccomp_program *ours,
		    const struct seccomp_program *theirs, unsigned times)
{
	static const uint32_t ends[] = {0xfffffffe, 0xffffffff, 0x7fffffff, 0x80000000};

	fill_pool(profile);
	for (size_t i = 0; i < N_QUESTIONS; i++) {
		const struct question *q = &questions[i];
		bool listed = is_listed(profile, q->token);

		for (uint32_t nr = q->first; nr <= q->last; nr++)
			ask(profile, q, nr | q->bit, times, listed, ours, theirs);
		/* Of x86_64 these are x32's, and -1 is nobody's. */
		listed = listed && q->token != SCMP_ARCH_X86_64 && q->token != SCMP_ARCH_X32;
		for (size_t k = 0; k < sizeof(ends) / sizeof(ends[0]); k++)
			ask(profile, q, ends[k], 1, listed ||
			    (q->audit == AUDIT_ARCH_X86_64 && is_listed(profile, SCMP_ARCH_X32)), ours,
			    theirs);
	}
}

#endif
