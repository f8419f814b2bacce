/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An assembler for seccomp(2)'s BPF.  Runs in the parent; pure.
 *
 * Conditional jumps of classic BPF go forward by at most 255 instructions.  The program is written from
 * its end: the targets of a jump exist when it is written, and a target too far away gets a BPF_JA
 * right behind the jump.
 */
#include <seccomp.h>

#include "security/seccomp_gen.h"

#define FAR 255u
#define NEAR_RETURN 200u	/* leaves room for what comes before the jump */

static size_t emit(struct seccomp_code *c, uint16_t op, uint32_t k, size_t jt, size_t jf)
{
	if (c->n < SECCOMP_MAX_INSNS)
		c->insns[SECCOMP_MAX_INSNS - 1 - c->n] =
			(struct sock_filter){op, (uint8_t)jt, (uint8_t)jf, k};
	return c->n++;
}

static size_t emit_far(struct seccomp_code *c, size_t target)
{
	return emit(c, BPF_JMP | BPF_JA, (uint32_t)(c->n - target - 1), 0, 0);
}

/* The label of an instruction that returns @action: one not far away, or a new one. */
size_t seccomp_emit_return(struct seccomp_code *c, uint32_t action)
{
	size_t slots = sizeof(c->returns) / sizeof(c->returns[0]);

	for (size_t i = 0; i < slots && i < c->next_return; i++)
		if (c->returns[i].action == action && c->n - c->returns[i].label < NEAR_RETURN)
			return c->returns[i].label;
	c->returns[c->next_return % slots].action = action;
	c->returns[c->next_return++ % slots].label = c->n;
	return emit(c, BPF_RET | BPF_K, action, 0, 0);
}

size_t seccomp_emit_jump(struct seccomp_code *c, uint16_t op, uint32_t k, size_t yes, size_t no)
{
	/* One less: a BPF_JA for the other target may come in between. */
	if (c->n - yes - 1 > FAR - 1)
		yes = emit_far(c, yes);
	if (c->n - no - 1 > FAR)
		no = emit_far(c, no);
	return emit(c, BPF_JMP | BPF_K | op, k, c->n - yes - 1, c->n - no - 1);
}

/* A load goes on with the instruction behind it, so @then must be that. */
static void adjoin(struct seccomp_code *c, size_t then)
{
	if (then + 1 != c->n)
		emit_far(c, then);
}

size_t seccomp_emit_load(struct seccomp_code *c, uint32_t offset, size_t then)
{
	adjoin(c, then);
	return emit(c, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

static size_t masked_load(struct seccomp_code *c, uint32_t offset, uint32_t mask, size_t then)
{
	if (mask != UINT32_MAX) {
		adjoin(c, then);
		then = emit(c, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
	}
	return seccomp_emit_load(c, offset, then);
}

static size_t equal(struct seccomp_code *c, const struct seccomp_cond *cond, uint32_t low,
		    uint32_t high, size_t yes, size_t no)
{
	uint32_t mask_low = (uint32_t)cond->mask, mask_high = (uint32_t)(cond->mask >> 32);

	if (mask_low || !mask_high) {
		yes = seccomp_emit_jump(c, BPF_JEQ, (uint32_t)cond->datum, yes, no);
		yes = masked_load(c, low, mask_low, yes);
	}
	if (mask_high) {
		yes = seccomp_emit_jump(c, BPF_JEQ, (uint32_t)(cond->datum >> 32), yes, no);
		yes = masked_load(c, high, mask_high, yes);
	}
	return yes;
}

/* @op: BPF_JGT or BPF_JGE for the lower halves; the upper ones decide if they differ. */
static size_t greater(struct seccomp_code *c, const struct seccomp_cond *cond, uint16_t op,
		      uint32_t low, uint32_t high, size_t yes, size_t no)
{
	uint32_t datum = (uint32_t)(cond->datum >> 32);
	size_t at;

	at = seccomp_emit_jump(c, op, (uint32_t)cond->datum, yes, no);
	at = seccomp_emit_load(c, low, at);
	if (cond->mask >> 32 == 0)
		return at;
	at = seccomp_emit_jump(c, BPF_JEQ, datum, at, no);
	at = seccomp_emit_jump(c, BPF_JGT, datum, yes, at);
	return seccomp_emit_load(c, high, at);
}

size_t seccomp_emit_cond(struct seccomp_code *c, const struct seccomp_arch *arch,
			 const struct seccomp_cond *cond, size_t yes, size_t no)
{
	uint32_t low = (uint32_t)(offsetof(struct seccomp_data, args) + cond->arg * sizeof(uint64_t));
	uint32_t high = low + 4;

	if (arch->big_endian) {
		high = low;
		low += 4;
	}
	switch (cond->op) {
	case SCMP_CMP_NE:
		return equal(c, cond, low, high, no, yes);
	case SCMP_CMP_LT:
		return greater(c, cond, BPF_JGE, low, high, no, yes);
	case SCMP_CMP_LE:
		return greater(c, cond, BPF_JGT, low, high, no, yes);
	case SCMP_CMP_GE:
		return greater(c, cond, BPF_JGE, low, high, yes, no);
	case SCMP_CMP_GT:
		return greater(c, cond, BPF_JGT, low, high, yes, no);
	default:
		return equal(c, cond, low, high, yes, no);
	}
}
