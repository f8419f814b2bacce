/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Can the seccomp filter be installed before others see the process that waits?  It can if the profile lets that
 * process do the little that is left to do: a process without its filter is one that a neighbour with CAP_SYS_PTRACE
 * could use, and without no_new_privs it would keep CAP_SYS_ADMIN to install it.  But a profile decides about the
 * program and not about us: one that denies us one of these calls comes last of all.  Runs in the parent and in the
 * container process, which come to the same conclusion.
 */
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "init/init.h"
#include "sys/compat.h"
#include "sys/syscalls.h"

struct call {
	long number;
	uint64_t arg0, arg1;
};

/* The conversation, and the gate. */
static const struct call always[] = {{SYS_read, 0, 0}, {SYS_write, 0, 0}, {SYS_close, 0, 0}};
/* caps_drop() */
static const struct call privileged[] = {{SYS_capget, 0, 0}, {SYS_capset, 0, 0}};
static const struct call cloned_last[] = {
	{SYS_clone, SYS_SUCCESSOR_FLAGS, 0}, {SYS_rt_sigprocmask, 0, 0}, {SYS_exit_group, 0, 0}, {SYS_setsid, 0, 0},
	{SYS_prlimit64, 0, 0},
	{SYS_prctl, PR_SET_PDEATHSIG, 0}, {SYS_prctl, PR_GET_PDEATHSIG, 0}, {SYS_prctl, PR_SET_DUMPABLE, 0},
};
static const struct call terminal[] = {{SYS_ioctl, 0, TIOCGWINSZ}, {SYS_ioctl, 0, TIOCSWINSZ}};
static const struct call new_terminal[] = {
	{SYS_ioctl, 0, TIOCSCTTY}, {SYS_dup3, 0, 0}, {SYS_dup2, 0, 0},
};

#define ALL_ALLOWED(prog, calls) all_allowed(prog, calls, sizeof(calls) / sizeof((calls)[0]))

static bool all_allowed(const struct seccomp_program *prog, const struct call *calls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!seccomp_allows(prog, calls[i].number, calls[i].arg0, calls[i].arg1))
			return false;
	return true;
}

bool init_filters_early(const struct plan *p, const struct handles *h, unsigned conversation_flags)
{
	bool last = conversation_flags & CONV_CLONE_LAST;

	/* What runs a hook makes many calls. */
	if (!p->security.seccomp || p->security.seccomp_agent ||
	    (!h->exec && p->hooks->list[HOOK_START_CONTAINER].n))
		return false;
	return ALL_ALLOWED(h->filter, always) &&
	       (!p->security.until_exec || ALL_ALLOWED(h->filter, privileged)) &&
	       (!last || ALL_ALLOWED(h->filter, cloned_last)) &&
	       (!p->process.terminal || ALL_ALLOWED(h->filter, terminal)) &&
	       (!last || !p->process.terminal || ALL_ALLOWED(h->filter, new_terminal));
}
