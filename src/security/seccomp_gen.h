/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the rules of a profile to BPF: what the files seccomp*.c share.  Nobody else includes it. */
#ifndef ORLOP_SECURITY_SECCOMP_GEN_H
#define ORLOP_SECURITY_SECCOMP_GEN_H

#include "security/seccomp.h"

#define SECCOMP_X32_BIT 0x40000000u	/* __X32_SYSCALL_BIT of asm/unistd.h */

/* An architecture of a profile, as <seccomp.h> has it. */
struct seccomp_arch {
	uint32_t token;		/* SCMP_ARCH_* */
	uint32_t audit;		/* AUDIT_ARCH_*, in seccomp_data.arch */
	bool wide;		/* arguments have 64 bits */
	bool big_endian;
};

/*
 * seccomp_numbers.c: what a profile says about one system call number of one architecture.
 * @only: 0, or that condition of the rule alone, counted from 1.
 * @call: when not 0, the number is socketcall(2) or ipc(2), whose first argument must be this.
 */
struct seccomp_entry {
	uint32_t nr, seq;
	const struct oci_seccomp_rule *rule;
	uint16_t only, call;
	const struct seccomp_arch *arch;
};

struct seccomp_entries {
	struct seccomp_entry *v;
	size_t n, size;
	uint32_t newest;	/* of the numbers of the architecture added last; 0: none */
	unsigned unknown;	/* names that libseccomp does not know there at all */
};

int seccomp_arch_find(uint32_t token, struct seccomp_arch *ret);
void seccomp_entries_add(struct seccomp_entries *e, const struct oci_seccomp *profile,
			 const struct seccomp_arch *arch);
void seccomp_entries_sort(struct seccomp_entries *e);

/*
 * seccomp_stub.c: what numbers without a rule are answered, as ranges that begin at @start; written
 * to @ret in ascending order.  @first is 0, or x32's bit for its half of the numbers.
 */
struct seccomp_range {
	uint32_t start, action;
};

#define SECCOMP_STUB_MAX 6
size_t seccomp_stub(uint32_t default_action, const struct seccomp_arch *arch, uint32_t newest,
		    struct seccomp_range *ret);
bool seccomp_is_special(const struct seccomp_arch *arch, uint32_t nr);

/* seccomp_bpf.c: an assembler that writes a program from its end to its beginning, so that each jump
 * knows how far its targets are.  A label is how many instructions there were before its own. */
struct seccomp_code {
	struct sock_filter *insns;	/* SECCOMP_MAX_INSNS; filled from the end */
	size_t n;			/* may exceed that: then it only counts */
	struct {
		uint32_t action;
		size_t label;
	} returns[8];
	size_t next_return;
};

struct seccomp_cond {
	uint8_t arg, op;		/* enum scmp_compare */
	uint64_t mask, datum;
};

size_t seccomp_emit_return(struct seccomp_code *c, uint32_t action);
size_t seccomp_emit_jump(struct seccomp_code *c, uint16_t op, uint32_t k, size_t yes, size_t no);
size_t seccomp_emit_load(struct seccomp_code *c, uint32_t offset, size_t then);
size_t seccomp_emit_cond(struct seccomp_code *c, const struct seccomp_arch *arch,
			 const struct seccomp_cond *cond, size_t yes, size_t no);

/*
 * seccomp_rules.c: the rules of one number.  _plain: one of them decides whatever the arguments, and says
 * @ret_action.  Else seccomp_emit_rules() tries them in their order; returns the label.
 */
bool seccomp_rules_plain(const struct seccomp_entry *v, size_t n, uint32_t *ret_action);
size_t seccomp_emit_rules(struct seccomp_code *c, const struct seccomp_entry *v, size_t n,
			  uint32_t default_action);

/* seccomp_tree.c: the whole.  @archs without repetition.  Returns the number of instructions, which
 * are in ret[0..] if there are at most SECCOMP_MAX_INSNS. */
size_t seccomp_generate(const struct oci_seccomp *profile, const struct seccomp_arch *archs,
			size_t n_archs, struct sock_filter *ret, unsigned *ret_unknown);

#endif
