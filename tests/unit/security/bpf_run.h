/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An interpreter of the classic BPF that seccomp(2) knows. */
#ifndef ORLOP_TEST_BPF_RUN_H
#define ORLOP_TEST_BPF_RUN_H

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "security/seccomp.h"

static inline uint32_t run(const struct seccomp_program *p, const struct seccomp_data *data)
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

#endif
