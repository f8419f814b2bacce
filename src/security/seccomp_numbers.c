/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From names of system calls to numbers of an architecture, which libseccomp knows.  Runs in the parent.
 *
 * Where socketcall(2) and ipc(2) were the only way once, libseccomp gives their members negative numbers
 * (seccomp.h, __PNR_*).  A rule for one of them is, as there (src/arch.c), two: one for the call
 * through socketcall(2), whose first argument says which it is and hides the first of the rule; and one for
 * the direct call, where Linux has got one later.
 */
#include <errno.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <stdlib.h>

#include "security/seccomp_gen.h"
#include "util/mem.h"

#define N_SOCKET_CALLS 20	/* linux/net.h SYS_SOCKET .. SYS_SENDMMSG */
#define N_IPC_CALLS 24		/* linux/ipc.h SEMOP .. SHMCTL */

/* arch/.../syscall.tbl: the direct calls, by their number for socketcall(2).  0: none. */
static const uint16_t sockets_x86[N_SOCKET_CALLS + 1] = {
	0, 359, 361, 362, 363, 0, 367, 368, 360, 0, 0, 369, 371, 373, 366, 365, 370, 372, 364, 337, 345,
};
static const uint16_t sockets_s390[N_SOCKET_CALLS + 1] = {
	0, 359, 361, 362, 363, 0, 367, 368, 360, 0, 0, 369, 371, 373, 366, 365, 370, 372, 364, 357, 358,
};
static const uint16_t sockets_ppc[N_SOCKET_CALLS + 1] = {
	0, 326, 327, 328, 329, 330, 331, 332, 333, 334, 336, 335, 337, 338, 339, 340, 341, 342, 344, 343,
	349,
};
static const uint16_t sockets_mips[N_SOCKET_CALLS + 1] = {
	0, 183, 169, 170, 174, 168, 172, 171, 184, 178, 175, 180, 176, 182, 181, 173, 179, 177, 334, 335,
	343,
};
/* Linux 5.1 gave all of them the same. */
static const uint16_t ipcs[N_IPC_CALLS + 1] = {
	[2] = 393, [3] = 394, [11] = 400, [12] = 401, [13] = 399, [14] = 402, [21] = 397, [22] = 398,
	[23] = 395, [24] = 396,
};
#define IPC_SEMTIMEDOP 4
#define NR_SEMTIMEDOP 392	/* of those with 64 bits; the others have semtimedop_time64(2) */

static const struct multiplexer {
	uint32_t token;
	const uint16_t *sockets;
	uint32_t base, socketcall, ipc;
	uint16_t newest_socket;
	bool semtimedop;
} multiplexers[] = {
	{SCMP_ARCH_X86, sockets_x86, 0, 102, 117, 373, false},
	{SCMP_ARCH_S390, sockets_s390, 0, 102, 117, 373, false},
	{SCMP_ARCH_S390X, sockets_s390, 0, 102, 117, 373, true},
	{SCMP_ARCH_PPC, sockets_ppc, 0, 102, 117, 349, false},
	{SCMP_ARCH_PPC64, sockets_ppc, 0, 102, 117, 349, true},
	{SCMP_ARCH_PPC64LE, sockets_ppc, 0, 102, 117, 349, true},
	{SCMP_ARCH_MIPS, sockets_mips, 4000, 102, 117, 343, false},
	{SCMP_ARCH_MIPSEL, sockets_mips, 4000, 102, 117, 343, false},
};
#define NEWEST_IPC 402

static const struct multiplexer *multiplexer_of(uint32_t token)
{
	for (size_t i = 0; i < sizeof(multiplexers) / sizeof(multiplexers[0]); i++)
		if (multiplexers[i].token == token)
			return &multiplexers[i];
	return NULL;
}

/* -EINVAL: libseccomp does not know it; -EOPNOTSUPP: its socketcall(2) is not in the table. */
int seccomp_arch_find(uint32_t token, struct seccomp_arch *ret)
{
	if (token == SCMP_ARCH_NATIVE)
		token = seccomp_arch_native();
	*ret = (struct seccomp_arch){
		.token = token,
		/* SCMP_ARCH_* is AUDIT_ARCH_* everywhere but for x32 (seccomp.h). */
		.audit = token == SCMP_ARCH_X32 ? AUDIT_ARCH_X86_64 : token,
		/* MIPS N32 is of the 64-bit kind with 32-bit arguments. */
		.wide = token & __AUDIT_ARCH_64BIT && !(token & __AUDIT_ARCH_CONVENTION_MIPS64_N32),
		.big_endian = !(token & __AUDIT_ARCH_LE),
	};
	if (seccomp_syscall_resolve_name_arch(token, "read") < 0)
		return -EINVAL;
	if (!multiplexer_of(token) && seccomp_syscall_resolve_name_arch(token, "socketcall") >= 0)
		return -EOPNOTSUPP;
	return 0;
}

static void push(struct seccomp_entries *e, const struct seccomp_entry *entry)
{
	if (e->n == e->size) {
		e->size = e->size ? e->size * 2 : 512;
		e->v = xrealloc(e->v, e->size, sizeof(*e->v));
	}
	e->v[e->n] = *entry;
	e->v[e->n].seq = (uint32_t)e->n;
	e->n++;
}

bool seccomp_are_alternatives(const struct oci_seccomp_rule *rule)
{
	unsigned seen = 0;

	for (size_t i = 0; i < rule->n_args; i++) {
		if (seen & 1u << rule->args[i].index)
			return true;
		seen |= 1u << rule->args[i].index;
	}
	return false;
}

static void add(struct seccomp_entries *e, struct seccomp_entry entry, uint32_t nr, uint16_t call)
{
	entry.nr = nr;
	entry.call = call;
	if (!seccomp_are_alternatives(entry.rule)) {
		push(e, &entry);
		return;
	}
	for (size_t i = 0; i < entry.rule->n_args; i++) {
		entry.only = (uint16_t)(i + 1);
		push(e, &entry);
	}
}

static void note(struct seccomp_entries *e, const struct seccomp_arch *arch, uint32_t nr)
{
	if (nr > e->newest && !seccomp_is_special(arch, nr))
		e->newest = nr;
}

/* @keep: false only notes how new it is. */
static void add_multiplexed(struct seccomp_entries *e, const struct seccomp_entry *entry, unsigned pseudo,
			    bool keep)
{
	const struct multiplexer *m = multiplexer_of(entry->arch->token);
	bool is_socket = pseudo > 100 && pseudo <= 100 + N_SOCKET_CALLS;
	uint16_t call = (uint16_t)(pseudo % 100);
	uint32_t direct;

	if (!m || !(is_socket || (pseudo > 200 && pseudo <= 200 + N_IPC_CALLS)))
		return;
	direct = is_socket ? m->sockets[call] :
		 call == IPC_SEMTIMEDOP && m->semtimedop ? NR_SEMTIMEDOP : ipcs[call];
	/* Whoever knows one of them knows all. */
	note(e, entry->arch, m->base + (is_socket ? m->newest_socket : NEWEST_IPC));
	if (!keep)
		return;
	add(e, *entry, m->base + (is_socket ? m->socketcall : m->ipc), call);
	if (direct)
		add(e, *entry, m->base + direct, 0);
}

static void add_name(struct seccomp_entries *e, const struct seccomp_entry *entry, const char *name,
		     bool keep)
{
	int nr = seccomp_syscall_resolve_name_arch(entry->arch->token, name);

	if (nr == __NR_SCMP_ERROR) {
		e->unknown++;
		return;
	}
	if (nr < 0) {
		add_multiplexed(e, entry, (unsigned)-nr, keep);
		return;
	}
	note(e, entry->arch, (uint32_t)nr);
	if (keep)
		add(e, *entry, (uint32_t)nr, 0);
}

void seccomp_entries_add(struct seccomp_entries *e, const struct oci_seccomp *profile,
			 const struct seccomp_arch *arch)
{
	e->newest = 0;
	e->unknown = 0;
	for (size_t i = 0; i < profile->n_rules; i++) {
		const struct oci_seccomp_rule *rule = &profile->rules[i];
		struct seccomp_entry entry = {.rule = rule, .arch = arch};
		/* One that says the same as the default does nothing. */
		bool keep = rule->action != profile->default_action;

		for (size_t j = 0; j < rule->names.n; j++)
			add_name(e, &entry, rule->names.v[j], keep);
	}
}

static int by_number(const void *left, const void *right)
{
	const struct seccomp_entry *a = left, *b = right;

	if (a->nr != b->nr)
		return a->nr < b->nr ? -1 : 1;
	return a->seq < b->seq ? -1 : a->seq > b->seq;
}

void seccomp_entries_sort(struct seccomp_entries *e)
{
	if (e->n)
		qsort(e->v, e->n, sizeof(*e->v), by_number);
}
