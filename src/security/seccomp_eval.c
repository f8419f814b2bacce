/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a compiled program says of a call, without a call: the machine of classic BPF, as much of it as seccomp(2)
 * programs use (bpf(4), Documentation/networking/filter.rst).  Runs anywhere; pure.
 */
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>

#include "security/seccomp.h"

static bool jumps(const struct sock_filter *i, uint32_t a)
{
	switch (BPF_OP(i->code)) {
	case BPF_JEQ:
		return a == i->k;
	case BPF_JGT:
		return a > i->k;
	case BPF_JGE:
		return a >= i->k;
	default:
		return (a & i->k) != 0;		/* BPF_JSET */
	}
}

/* The answer, SECCOMP_RET_*; SECCOMP_RET_KILL_PROCESS of what is no such program. */
static uint32_t evaluate(const struct seccomp_program *prog, const struct seccomp_data *data)
{
	uint32_t n = __atomic_load_n(&prog->n, __ATOMIC_ACQUIRE), a = 0;

	for (uint32_t pc = 0; pc < n && n <= SECCOMP_MAX_INSNS; pc++) {
		const struct sock_filter *i = &prog->insns[pc];

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (i->k > sizeof(*data) - sizeof(a))
				return SECCOMP_RET_KILL_PROCESS;
			memcpy(&a, (const char *)data + i->k, sizeof(a));
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			break;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
		case BPF_JMP | BPF_JGT | BPF_K:
		case BPF_JMP | BPF_JGE | BPF_K:
		case BPF_JMP | BPF_JSET | BPF_K:
			pc += jumps(i, a) ? i->jt : i->jf;
			break;
		case BPF_RET | BPF_K:
			return i->k;
		default:
			return SECCOMP_RET_KILL_PROCESS;
		}
	}
	return SECCOMP_RET_KILL_PROCESS;
}

uint32_t seccomp_answer(const struct seccomp_program *prog, const char *name, const uint64_t args[6])
{
	struct seccomp_data data = {.nr = seccomp_syscall_resolve_name(name), .arch = seccomp_arch_native()};

	for (size_t i = 0; i < 6; i++)
		data.args[i] = args[i];
	return evaluate(prog, &data);
}

bool seccomp_allows(const struct seccomp_program *prog, long nr, uint64_t arg0, uint64_t arg1)
{
	struct seccomp_data data = {.nr = (int)nr, .arch = seccomp_arch_native(), .args = {arg0, arg1}};
	uint32_t action = evaluate(prog, &data) & SECCOMP_RET_ACTION_FULL;

	return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}

bool seccomp_has_conditions(const struct oci_seccomp *profile, const char *name)
{
	for (size_t i = 0; i < profile->n_rules; i++)
		for (size_t k = 0; profile->rules[i].n_args && k < profile->rules[i].names.n; k++)
			if (str_eq(profile->rules[i].names.v[k], name))
				return true;
	return false;
}
