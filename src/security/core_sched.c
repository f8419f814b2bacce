/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The annotation org.orlop.core-sched.  Above each function of the header: in which process it runs. */
#include "security/core_sched.h"

#include <errno.h>
#include <sys/wait.h>

#include <linux/sched.h>

#include "oci/annotations.h"
#include "sys/core_sched.h"
#include "sys/syscalls.h"
#include "util/log.h"
#include "util/str.h"

#define WHERE "/annotations/" ANNOTATION_CORE_SCHED

/* With which one can go on, if that was said. */
static const struct lack {
	int answer;
	const char *what, *todo;
} lacks[] = {
	{-EINVAL, "the kernel has no core scheduling",
	 "it takes Linux 5.14 built with CONFIG_SCHED_CORE; else give the container whole cores of its own by "
	 "linux.resources.cpu.cpus, without the annotation; `best-effort` goes without"},
	{-ENODEV, "no core of this machine has two threads (SMT), so there is no core scheduling",
	 "it has none, or it is switched off, see /sys/devices/system/cpu/smt/control: nobody shares a core, and the "
	 "annotation is not needed; `best-effort` goes without"},
};

static const struct lack *find_lack(int answer)
{
	for (size_t i = 0; i < ARRAY_SIZE(lacks); i++)
		if (lacks[i].answer == answer)
			return &lacks[i];
	return NULL;
}

static bool goes_without(enum core_sched mode, int answer)
{
	return mode == CORE_SCHED_BEST_EFFORT && find_lack(answer);
}

static int failed(int r, const char *what, struct error *err)
{
	error_errno(err, r, "%s", what);
	return error_at(err, WHERE);
}

static int differs(const char *what, struct error *err)
{
	error_set(err, EPROTO, "the container process does not have what was asked for: %s", what);
	return error_at(err, WHERE);
}

int core_sched_check(enum core_sched mode, struct error *err)
{
	uint64_t cookie;

	return mode ? core_sched_check_answer(mode, sys_core_sched_get(0, &cookie), err) : 0;
}

int core_sched_check_answer(enum core_sched mode, int answer, struct error *err)
{
	const struct lack *lack = find_lack(answer);

	if (answer == 0 || mode == CORE_SCHED_NONE)
		return 0;
	if (!lack)
		return failed(answer, "ask for the core scheduling cookie", err);
	if (mode == CORE_SCHED_BEST_EFFORT) {
		log_warning(WHERE ": %s", lack->what);
		return 0;
	}
	error_set(err, ENOTSUP, "%s", lack->what);
	error_at(err, WHERE);
	return error_hint(err, "%s", lack->todo);
}

int core_sched_create(enum core_sched mode, struct error *err)
{
	uint64_t before, now;
	int r = sys_core_sched_get(0, &before);

	if (goes_without(mode, r))
		return 0;
	if (r == 0)
		r = sys_core_sched_create();
	if (r == 0)
		r = sys_core_sched_get(0, &now);
	if (r < 0)
		return failed(r, "make a core scheduling cookie", err);
	return now && now != before ? 0 : differs("a core scheduling cookie of its own", err);
}

int core_sched_join(enum core_sched mode, pid_t init, struct error *err)
{
	uint64_t wanted, now;
	int r = sys_core_sched_share_from(init);

	if (goes_without(mode, r))
		return 0;
	if (r == 0)
		r = sys_core_sched_get(init, &wanted);
	if (r == 0)
		r = sys_core_sched_get(0, &now);
	if (r < 0)
		return failed(r, "share the core scheduling cookie of the container's first process", err);
	/* With best-effort it may be of a time when SMT was switched off. */
	if (now == wanted && (now || mode == CORE_SCHED_BEST_EFFORT))
		return 0;
	return differs("the core scheduling cookie of the container", err);
}

int core_sched_check_other(pid_t other, const char *id, struct error *err)
{
	uint64_t cookie;
	int r = sys_core_sched_get(other, &cookie);

	if (r < 0)
		return failed(r, "read the core scheduling cookie of the container to share with", err);
	if (cookie)
		return 0;
	error_set(err, ESRCH, "container `%s` has no core scheduling cookie to share", id);
	error_at(err, WHERE);
	return error_hint(err, "create it with the annotation " ANNOTATION_CORE_SCHED "=true");
}

/* In a process that ends, as there is no way back to the cookie that one had.  Its end is no signal: a caller that
 * ignores SIGCHLD would take it from us. */
static int carry(pid_t from, pid_t to)
{
	struct clone_args args = {.exit_signal = 0};
	pid_t pid = sys_clone3(&args);
	int status;

	if (pid == 0) {
		int r = sys_core_sched_share_from(from);

		sys_exit(r < 0 ? -r : -sys_core_sched_share_to(to));
	}
	while (pid > 0 && waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	if (pid < 0)
		return pid;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

int core_sched_give(pid_t from, int from_pidfd, pid_t to, struct error *err)
{
	uint64_t wanted, now;
	int r = carry(from, to);

	if (r == 0)
		r = sys_core_sched_get(from, &wanted);
	if (r == 0)
		r = sys_core_sched_get(to, &now);
	if (r == 0)	/* a number is that process's as long as it can be signalled */
		r = sys_pidfd_send_signal(from_pidfd, 0, NULL, 0);
	if (r < 0)
		return failed(r, "share the core scheduling cookie of the other container", err);
	return now && now == wanted ? 0 : differs("the core scheduling cookie of the other container", err);
}

int core_sched_readback(enum core_sched mode, pid_t process, bool joined, struct error *err)
{
	uint64_t own, cookie;
	int r = sys_core_sched_get(0, &own);

	if (goes_without(mode, r) || (mode == CORE_SCHED_SHARED && !joined))
		return 0;	/* core_sched_give() comes later, and looks itself */
	if (r == 0)
		r = sys_core_sched_get(process, &cookie);
	if (r < 0)
		return failed(r, "read the core scheduling cookie of the container process", err);
	if (joined ? cookie || mode == CORE_SCHED_BEST_EFFORT : cookie && cookie != own)
		return 0;
	return differs("a core scheduling cookie", err);
}
