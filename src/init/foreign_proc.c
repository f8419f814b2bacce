/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A procfs of a pid namespace that we are not in, for kernels whose procfs has not the option pidns= (Linux 6.17).  It
 * is of the pid namespace of whoever calls fsopen(2), so a process has to be in there, and its neighbours see it.  It
 * has nothing: an empty root, no descriptors, of the capabilities the one that fsopen(2) wants, and a filter since
 * before it was there: it can open a file system and send it.  Whoever takes it over gains nothing: what is done with
 * a file system afterwards is up to the capabilities of whoever does it.
 */
#include <errno.h>
#include <linux/mount.h>
#include <poll.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/stages.h"
#include "ns/ns.h"
#include "security/caps.h"
#include "sys/mount_api.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/empty.h"
#include "util/fd.h"
#include "util/mem.h"

#define HELPER_TIMEOUT_MS 10000

static struct seccomp_program *compile(struct error *err)
{
	static char *calls[] = {(char *)"fsopen", (char *)"sendmsg", (char *)"clone", (char *)"exit_group"};
	struct oci_seccomp_rule allow = {.names = {.v = calls, .n = 4}, .action = SCMP_ACT_ALLOW};
	struct oci_seccomp profile = {
		.present = true, .default_action = SCMP_ACT_KILL_PROCESS, .rules = &allow, .n_rules = 1,
	};
	struct seccomp_program *prog = xcalloc(1, seccomp_program_size());

	if (seccomp_compile(&profile, prog, err) == 0)
		return prog;
	free(prog);
	return NULL;
}

/* Seen from the clone on. */
static _Noreturn void open_and_send(int sync)
{
	int fs = sys_fsopen("proc", FSOPEN_CLOEXEC);

	sys_exit(fs < 0 ? -fs : -fd_send(sync, "p", 1, &fs, 1));
}

static _Noreturn void become(const struct seccomp_program *prog, int sync, int pid_ns)
{
	static const uint64_t need = STAGE_UNTIL_CLONE;
	const struct oci_capabilities caps = {.permitted = need, .effective = need};
	int keep[] = {sync, pid_ns}, listener, r = empty_self(keep, 2);
	struct error err;
	int pidfd = -1;

	if (r == 0 && setns(pid_ns, CLONE_NEWPID) < 0)
		r = -errno;
	close(pid_ns);
	if (r == 0)
		r = caps_limit_bounding(&caps, CAP_LAST_CAP, &err);
	if (r == 0)
		r = caps_apply(&caps, 0, &err);
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	if (r == 0)
		r = seccomp_install(prog, &listener, &err);
	if (r == 0)
		r = sys_clone_sibling(&pidfd);
	if (r == 0)
		open_and_send(sync);
	if (r > 0)	/* its neighbours may stop it: so it can be ended */
		r = fd_send(sync, "h", 1, &pidfd, 1);
	sys_exit(-r);
}

/* From either of them: what the last one opened, and the last one itself. */
static int hear(int sync, int *ret_fs, int *ret_pidfd)
{
	for (int i = 0; i < 2; i++) {
		int fd = -1, r = fd_wait(sync, POLLIN, HELPER_TIMEOUT_MS);
		size_t n = 0;
		char c = 0;

		if (r > 0)
			r = (int)fd_recv(sync, &c, 1, &fd, 1, &n);
		if (r <= 0)
			return r < 0 ? r : -ETIMEDOUT;
		*(c == 'h' ? ret_pidfd : ret_fs) = fd;
	}
	return *ret_fs < 0 || *ret_pidfd < 0 ? -EPROTO : 0;
}

/* Its status, as an error; 0 if it was killed by us. */
static int collect(int pidfd)
{
	siginfo_t info = {0};

	if (pidfd < 0)
		return 0;
	sys_pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0 && errno == EINTR)
		;
	return info.si_code == CLD_EXITED ? -info.si_status : 0;
}

int init_foreign_proc(int pid_ns, struct error *err)
{
	_cleanup_free_ struct seccomp_program *prog = compile(err);
	_cleanup_close_ int ours = -1, theirs = -1, first = -1, last = -1, fs = -1;
	int ends[2], r, why, also;
	pid_t pid;

	if (!prog)
		return -err->code;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return error_errno(err, errno, "make a pair of sockets");
	ours = ends[0];
	theirs = ends[1];
	pid = ns_clone(0, -1, &first);
	if (pid == 0)
		become(prog, theirs, pid_ns);
	close(steal_fd(&theirs));
	if (pid < 0)
		return error_errno(err, (int)pid, "make a process for the pid namespace that is joined");
	r = hear(ours, &fs, &last);
	why = collect(first);
	also = collect(last);
	if (r == 0)
		return steal_fd(&fs);
	r = why ? why : also ? also : r;
	error_errno(err, r, "open a procfs of the pid namespace that is joined");
	return r == -ETIMEDOUT ? error_hint(err, "the process that was to do it was stopped there") : r;
}
