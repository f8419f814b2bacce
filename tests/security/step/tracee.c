/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers of a process that stands still: the one file that knows processors. */
#include "step.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

/* As in linux/ptrace.h, which does not go together with sys/ptrace.h. */
struct syscall_info {
	uint8_t op, pad[3];
	uint32_t arch;
	uint64_t ip, sp, nr, args[6];
	uint64_t more[4];
};
#define OP_ENTRY 1

int tracee_entering(const struct tracee *t, struct call *call)
{
	struct syscall_info info = {0};

	if (ptrace(PTRACE_GET_SYSCALL_INFO, t->pid, (void *)sizeof(info), &info) < 0)
		return -errno;
	if (info.op != OP_ENTRY)
		return 0;
	call->nr = (long)info.nr;
	for (int i = 0; i < 6; i++)
		call->args[i] = info.args[i];
	call->name = call_name(call->nr);
	return 1;
}

static int get(pid_t pid, struct user_regs_struct *r)
{
	struct iovec v = {r, sizeof(*r)};

	return ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &v) < 0 ? -errno : 0;
}

static int set(pid_t pid, struct user_regs_struct *r)
{
	struct iovec v = {r, sizeof(*r)};

	return ptrace(PTRACE_SETREGSET, pid, (void *)NT_PRSTATUS, &v) < 0 ? -errno : 0;
}

#if defined(__x86_64__)
static void set_number(pid_t pid, struct user_regs_struct *r, long nr)
{
	(void)pid;
	r->orig_rax = (unsigned long long)nr;
}

static int64_t *result_of(struct user_regs_struct *r)
{
	return (int64_t *)&r->rax;
}

static void set_prctl(struct user_regs_struct *r)
{
	r->rdi = PR_GET_DUMPABLE;
	r->rsi = r->rdx = r->r10 = r->r8 = 0;
}

/* Back before the instruction that made the call. */
static void make_again(struct user_regs_struct *r)
{
	r->rip -= 2;
	r->rax = r->orig_rax;
}
#elif defined(__aarch64__)
static void set_number(pid_t pid, struct user_regs_struct *r, long nr)
{
	int number = (int)nr;
	struct iovec v = {&number, sizeof(number)};

	(void)r;
	ptrace(PTRACE_SETREGSET, pid, (void *)NT_ARM_SYSTEM_CALL, &v);
}

static int64_t *result_of(struct user_regs_struct *r)
{
	return (int64_t *)&r->regs[0];
}

static void set_prctl(struct user_regs_struct *r)
{
	r->regs[0] = PR_GET_DUMPABLE;
	r->regs[1] = r->regs[2] = r->regs[3] = r->regs[4] = 0;
}

static void make_again(struct user_regs_struct *r)
{
	r->pc -= 4;
}
#else
#error "step knows x86_64 and aarch64"
#endif

void tracee_skip_call(const struct tracee *t)
{
	struct user_regs_struct r;

	if (get(t->pid, &r) < 0)
		return;
	set_number(t->pid, &r, -1);
	set(t->pid, &r);
}

void tracee_set_result(const struct tracee *t, int64_t result)
{
	struct user_regs_struct r;

	if (get(t->pid, &r) < 0)
		return;
	*result_of(&r) = result;
	set(t->pid, &r);
}

/* To its next stop at a call; false: it is gone, and @t->stop says how. */
static bool to_next_stop(struct tracee *t)
{
	int sig = 0;

	for (;;) {
		if (ptrace(PTRACE_SYSCALL, t->pid, 0, (void *)(intptr_t)sig) < 0)
			return false;
		if (waitpid(t->pid, &t->stop, __WALL) < 0 || !WIFSTOPPED(t->stop))
			return false;
		if (WSTOPSIG(t->stop) == (SIGTRAP | 0x80))
			return true;
		sig = t->stop >> 16 ? 0 : WSTOPSIG(t->stop);
	}
}

int tracee_dumpable(struct tracee *t)
{
	struct user_regs_struct saved, r;
	int64_t answer;

	if (get(t->pid, &saved) < 0)
		return -1;
	r = saved;
	set_number(t->pid, &r, SYS_prctl);
	set_prctl(&r);
	if (set(t->pid, &r) < 0 || !to_next_stop(t) || get(t->pid, &r) < 0)
		return -1;
	answer = *result_of(&r);
	make_again(&saved);
	if (set(t->pid, &saved) < 0 || !to_next_stop(t))
		return -1;
	return answer < 0 ? -1 : (int)answer;
}
