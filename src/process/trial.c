/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * execve(2) without its program: a process that is traced is stopped by the kernel when the new program is
 * there and has not run an instruction (ptrace(2), PTRACE_O_TRACEEXEC), and is killed then; or when its tracer
 * ends.  So the kernel itself says what it thinks of a file: binfmt_misc, security modules and all.
 * Runs in the child, just before it is ready, for the few programs that look odd.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/sched.h>

#include "process/format.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"

#define NO_TRIAL 254	/* no errno that execve(2) gives is as large */

static _Noreturn void try(const char *path, char *const *argv, char *const *envp, int (*confine)(void *), void *ctx)
{
	if (confine && confine(ctx) < 0)
		sys_exit(NO_TRIAL);
	/* Stopped until the tracer has said that we end with it. */
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || syscall(SYS_kill, getpid(), SIGSTOP) < 0)
		sys_exit(NO_TRIAL);
	execve(path, argv, envp);
	sys_exit(errno < NO_TRIAL ? errno : NO_TRIAL);
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	return status;
}

int exec_trial(const char *path, char *const *argv, char *const *envp, int (*confine)(void *ctx), void *ctx)
{
	_cleanup_close_ int pidfd = -1;
	struct clone_args args = {.flags = CLONE_PIDFD, .pidfd = (uintptr_t)&pidfd, .exit_signal = SIGCHLD};
	pid_t pid = sys_clone3(&args);
	int status;

	if (pid < 0)
		return 0;
	if (pid == 0)
		try(path, argv, envp, confine, ctx);
	status = wait_for(pid);
	if (status >= 0 && WIFSTOPPED(status)) {
		void *options = (void *)(uintptr_t)(PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC);

		if (ptrace(PTRACE_SETOPTIONS, pid, NULL, options) == 0 && ptrace(PTRACE_CONT, pid, NULL, NULL) == 0)
			status = wait_for(pid);
	}
	if (status >= 0 && WIFSTOPPED(status)) {	/* executed, or not to be traced */
		sys_pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
		wait_for(pid);
		return 0;
	}
	if (status < 0 || !WIFEXITED(status) || WEXITSTATUS(status) == NO_TRIAL)
		return 0;
	return -WEXITSTATUS(status);
}
