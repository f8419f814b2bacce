/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several rules for one system call: which is tried first.  Runs in the parent; pure.
 *
 * config.json has no word on it; profiles are written for what libseccomp (src/db.c) does:
 *  - the first rule without conditions decides, before or after all with conditions;
 *  - the other rules are sorted by their first condition, and where that is the same, by the next:
 *    higher arguments first; equality (EQ, NE, MASKED_EQ) before less before greater; and larger
 *    values first, for less smaller ones first;
 *  - what is equal stays in the order of the profile, and a rule whose conditions are all among
 *    the first of another's hides that one when it came before.
 * 64-bit values are compared there by their upper half, then by the lower one.
 */
#include <seccomp.h>

#include "security/seccomp_gen.h"
#include "util/cleanup.h"
#include "util/mem.h"

/* A condition, or half a one: by these rules are sorted. */
struct key {
	uint8_t word, class, op;
	uint32_t datum, mask;
};

struct test {
	uint32_t action;
	const struct seccomp_arch *arch;
	uint8_t n, n_keys;
	struct seccomp_cond conds[6];
	struct key keys[12];
};

/* false: the condition holds always */
static bool normalize(const struct seccomp_arch *arch, const struct oci_seccomp_arg *a,
		      struct seccomp_cond *ret)
{
	bool masked = a->op == SCMP_CMP_MASKED_EQ;

	*ret = (struct seccomp_cond){
		.arg = (uint8_t)a->index, .op = (uint8_t)a->op,
		.mask = masked ? a->value : UINT64_MAX, .datum = masked ? a->value_two : a->value,
	};
	/* Where arguments have 32 bits the upper half holds nothing. */
	if (!arch->wide)
		ret->mask &= UINT32_MAX;
	ret->datum &= ret->mask;
	return ret->mask != 0;
}

static uint8_t class_of(uint8_t op)
{
	switch (op) {
	case SCMP_CMP_LT:
	case SCMP_CMP_LE:
		return 2;
	case SCMP_CMP_GT:
	case SCMP_CMP_GE:
		return 1;
	default:
		return 3;
	}
}

/* An operator and its negation are one test with two ends. */
static uint8_t base_op(uint8_t op)
{
	switch (op) {
	case SCMP_CMP_NE:
		return SCMP_CMP_EQ;
	case SCMP_CMP_LT:
		return SCMP_CMP_GE;
	case SCMP_CMP_LE:
		return SCMP_CMP_GT;
	default:
		return op;
	}
}

static void add_keys(struct test *t, const struct seccomp_cond *cond)
{
	uint8_t class = class_of(cond->op), op = base_op(cond->op);

	if (t->arch->wide)
		t->keys[t->n_keys++] = (struct key){
			.word = (uint8_t)(cond->arg * 2 + 1), .class = class,
			.op = class == 3 ? op : (uint8_t)SCMP_CMP_GT,
			.datum = (uint32_t)(cond->datum >> 32), .mask = (uint32_t)(cond->mask >> 32),
		};
	t->keys[t->n_keys++] = (struct key){
		.word = (uint8_t)(cond->arg * 2), .class = class, .op = op,
		.datum = (uint32_t)cond->datum, .mask = (uint32_t)cond->mask,
	};
}

static void make_test(const struct seccomp_entry *entry, struct test *ret)
{
	const struct oci_seccomp_rule *rule = entry->rule;
	const struct oci_seccomp_arg *of[6] = {NULL};
	struct oci_seccomp_arg call = {.index = 0, .op = SCMP_CMP_EQ, .value = entry->call};

	*ret = (struct test){.action = rule->action, .arch = entry->arch};
	for (size_t i = 0; i < rule->n_args; i++)
		if (!entry->only || entry->only == i + 1)
			of[rule->args[i].index] = &rule->args[i];
	if (entry->call)
		of[0] = &call;
	for (size_t i = 0; i < 6; i++)
		if (of[i] && normalize(ret->arch, of[i], &ret->conds[ret->n]))
			add_keys(ret, &ret->conds[ret->n++]);
}

static bool is_plain(const struct seccomp_entry *entry)
{
	struct test t;

	if (entry->rule->n_args == 0 && entry->call == 0)
		return true;
	make_test(entry, &t);
	return t.n == 0;
}

bool seccomp_rules_plain(const struct seccomp_entry *v, size_t n, uint32_t *ret_action)
{
	for (size_t i = 0; i < n; i++)
		if (is_plain(&v[i])) {
			*ret_action = v[i].rule->action;
			return true;
		}
	return false;
}

static bool same(const struct key *a, const struct key *b)
{
	return a->word == b->word && a->op == b->op && a->datum == b->datum && a->mask == b->mask;
}

static bool goes_before(const struct key *a, const struct key *b)
{
	if (a->word != b->word)
		return a->word > b->word;
	if (a->class != b->class)
		return a->class > b->class;
	return a->class == 2 ? a->datum < b->datum : a->datum > b->datum;
}

/* Where among v[0..n) the test @t belongs.  At each step v[begin..end) begins with the same keys. */
static size_t place(struct test *const *v, size_t n, const struct test *t)
{
	size_t begin = 0, end = n;

	for (size_t depth = 0; depth < t->n_keys; depth++) {
		const struct key *key = &t->keys[depth];
		size_t i;

		for (i = begin; i < end; i++)
			if (v[i]->n_keys == depth)
				return end;
		for (i = begin; i < end && !same(&v[i]->keys[depth], key); i++)
			if (goes_before(key, &v[i]->keys[depth]))
				return i;
		if (i == end)
			return end;
		begin = i;
		while (i < end && same(&v[i]->keys[depth], key))
			i++;
		end = i;
	}
	return end;
}

size_t seccomp_emit_rules(struct seccomp_code *c, const struct seccomp_entry *v, size_t n,
			  uint32_t default_action)
{
	_cleanup_free_ struct test *tests = NULL;
	_cleanup_free_ struct test **order = NULL;
	size_t at = seccomp_emit_return(c, default_action);

	/* Each makes two instructions at least.  Nothing is sorted for a program that is too long. */
	if (n > SECCOMP_MAX_INSNS || c->n > SECCOMP_MAX_INSNS) {
		c->n += 2 * n;
		return c->n - 1;
	}
	tests = xcalloc(n, sizeof(*tests));
	order = xcalloc(n, sizeof(*order));
	for (size_t i = 0; i < n; i++) {
		size_t to;

		make_test(&v[i], &tests[i]);
		to = place(order, i, &tests[i]);
		for (size_t j = i; j > to; j--)
			order[j] = order[j - 1];
		order[to] = &tests[i];
	}
	for (size_t i = n; i-- > 0;) {
		size_t yes = seccomp_emit_return(c, order[i]->action), no = at;

		at = yes;
		for (size_t j = order[i]->n; j-- > 0;)
			at = seccomp_emit_cond(c, order[i]->arch, &order[i]->conds[j], at, no);
	}
	return at;
}
