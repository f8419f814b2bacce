/* SPDX-License-Identifier: GPL-2.0-or-later */
/* seccomp(2): profile to BPF in the parent, with names by libseccomp; loading in the child. */
#ifndef ORLOP_SECURITY_SECCOMP_H
#define ORLOP_SECURITY_SECCOMP_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "oci/seccomp.h"
#include "util/error.h"
#include "util/mem.h"

#define SECCOMP_MAX_INSNS BPF_MAXINSNS	/* 4096: the kernel takes no longer filter */

/* Lives in memory shared by parent and child (MAP_SHARED|MAP_ANONYMOUS), so the parent may compile
 * while the child mounts. */
struct seccomp_program {
	uint32_t flags;			/* SECCOMP_FILTER_FLAG_* for seccomp(2) */
	uint32_t n;			/* instructions, 0 = not compiled yet */
	struct sock_filter insns[];
};

size_t seccomp_program_size(void);	/* bytes to map */

/*
 * Compile.  Unknown system call names are skipped (counted, debug log); a rule equal to the default is
 * skipped; several conditions on one argument are split (they become OR, as runc does); of several rules
 * for one call the one that libseccomp would try first wins (seccomp_rules.c).  System calls newer than
 * every name in the profile answer ENOSYS when the default action is ERRNO, so that libc falls back.
 * The bad-architecture action is kill process.
 */
int seccomp_compile(const struct oci_seccomp *profile, struct seccomp_program *ret,
		    struct error *err);

/*
 * seccomp(2) with this operation, which no kernel has, is answered with this errno, which no kernel gives, by
 * each program that we compile, whatever the profile says.  So the process that installed it sees that it is
 * in force (rule R12) without a call that the profile could deny.
 */
#define SECCOMP_PROOF_OP 0x6f726c70u
#define SECCOMP_PROOF_ERRNO 2929

/* Child: install, and see that it is in force.  Needs no_new_privs or CAP_SYS_ADMIN.  (seccomp_load is
 * libseccomp's.)  *ret_listener: where calls with SCMP_ACT_NOTIFY are reported, -1 when the profile has none. */
int seccomp_install(const struct seccomp_program *prog, int *ret_listener, struct error *err);

/* seccomp_eval.c: would the call go through, with these arguments (0 for those that do not matter)? */
bool seccomp_allows(const struct seccomp_program *prog, long nr, uint64_t arg0, uint64_t arg1);

/* What the system call of this machine that is called @name is answered: SECCOMP_RET_*. */
uint32_t seccomp_answer(const struct seccomp_program *prog, const char *name, const uint64_t args[6]);

/* Does a rule for the call depend on its arguments? */
bool seccomp_has_conditions(const struct oci_seccomp *profile, const char *name);

/* Is @fd such a listener? */
bool seccomp_is_listener(int fd);

/* Flags the running kernel and library support, for `features`. */
uint32_t seccomp_supported_flags(void);

/* What can be refused without compiling, before any side effect: actions and flags that are not
 * supported by us or the running kernel. */
int seccomp_check(const struct oci_seccomp *profile, struct error *err);

/* Two conditions of @rule on one argument: libseccomp takes but one, and as in runc the rule becomes one for each
 * condition, so that all of them are alternatives. */
bool seccomp_are_alternatives(const struct oci_seccomp_rule *rule);

const char *seccomp_library_version(void);	/* "2.5.4" */

/* Does libseccomp know a system call of this name on any machine?  All that it knows of this one are added to @ret. */
bool seccomp_is_known(const char *name);
void seccomp_known_names(struct arena *a, struct strings *ret);

#endif
