/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a container does, by the kernel: real processes, their deaths, and strangers with their pid. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "container/container.h"
#include "store/status.h"
#include "store/store.h"
#include "sys/compat.h"
#include "sys/syscalls.h"
#include "util/fd.h"
#include "fake.h"

static struct fake f;

static int set_up(void **state)
{
	(void)state;
	fake_root(&f);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fake_clean(&f);
	return 0;
}

static enum container_status status(void)
{
	enum container_status s = STATUS_CREATING;
	int pidfd = -2;

	memset(&f.err, 0, sizeof(f.err));
	assert_int_equal(state_status(f.dir, &f.st, &s, &pidfd, &f.err), 0);
	assert_int_equal(f.err.code, 0);
	assert_int_equal(pidfd >= 0, s != STATUS_STOPPED);
	if (pidfd >= 0) {
		assert_int_equal(fcntl(pidfd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
		close(pidfd);
	}
	assert_int_equal(state_status(f.dir, &f.st, &s, NULL, &f.err), 0);
	return s;
}

static void freeze(bool on)
{
	int fd = -1;

	assert_int_equal(cgroup_open(f.st.cgroup_root, f.st.cgroup_path, f.st.cgroup_id, &fd, &f.err), 0);
	assert_int_equal(cgroup_freeze(fd, on, 5000, -1, &f.err), 0);
	close(fd);
}

static void test_life(void **state)
{
	siginfo_t info;

	(void)state;
	fake_need_cgroup();
	fake_make(&f, "c", FAKE_CGROUP | FAKE_GATE);
	assert_true(fake_in_cgroup(f.cgroup, f.pid));
	assert_int_equal(status(), STATUS_CREATED);
	assert_int_equal(status(), STATUS_CREATED);	/* looking changes nothing */
	freeze(true);
	assert_int_equal(status(), STATUS_PAUSED);
	freeze(false);
	assert_int_equal(status(), STATUS_CREATED);
	fake_pass_gate(&f);
	assert_int_equal(status(), STATUS_RUNNING);	/* although the fifo is still there */
	assert_int_equal(unlinkat(f.dir, STORE_START, 0), 0);
	assert_int_equal(status(), STATUS_RUNNING);
	freeze(true);
	assert_int_equal(status(), STATUS_PAUSED);
	freeze(false);
	kill(f.pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)f.pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(status(), STATUS_STOPPED);	/* a zombie */
	assert_int_equal(fake_collect(f.pid), 128 + SIGKILL);
	assert_int_equal(status(), STATUS_STOPPED);	/* nobody */
	f.pid = 0;
}

/* Dead at the gate: the fifo file is there and says nothing. */
static void test_death_at_gate(void **state)
{
	(void)state;
	fake_make(&f, "c", FAKE_GATE);
	assert_int_equal(status(), STATUS_CREATED);
	kill(f.pid, SIGKILL);
	fake_collect(f.pid);
	f.pid = 0;
	assert_int_equal(status(), STATUS_STOPPED);
}

/* Dead in a frozen cgroup is dead and not paused. */
static void test_death_while_frozen(void **state)
{
	(void)state;
	fake_need_cgroup();
	fake_make(&f, "c", FAKE_CGROUP);
	freeze(true);
	kill(f.pid, SIGKILL);
	fake_collect(f.pid);
	f.pid = 0;
	assert_int_equal(status(), STATUS_STOPPED);
	freeze(false);
}

static void test_no_process_yet(void **state)
{
	(void)state;
	fake_make(&f, "c", FAKE_GATE);
	f.st.init = (struct state_process){0};
	assert_int_equal(status(), STATUS_STOPPED);
}

static uint64_t start_time(pid_t pid)
{
	char path[64], text[2048], *p;
	unsigned long long v = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	assert_true(fd_read_pseudo(AT_FDCWD, path, text, sizeof(text)) > 0);
	p = strrchr(text, ')');
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	assert_non_null(p);
	assert_int_equal(sscanf(p, " %llu", &v), 1);
	return v;
}

/* The state names a living process that is not ours: each part of the identity counts. */
static void test_decoys(void **state)
{
	struct state_process good;

	(void)state;
	fake_make(&f, "c", 0);
	good = f.st.init;
	assert_int_equal(status(), STATUS_RUNNING);
	f.st.init.boot_id[0] ^= 1;
	assert_int_equal(status(), STATUS_STOPPED);
	f.st.init = good;
	f.st.init.pidfd_inode = 0;	/* unknown, before pidfs */
	f.st.init.start_time = start_time(good.pid);
	assert_int_equal(status(), STATUS_RUNNING);
	f.st.init.start_time++;
	assert_int_equal(status(), STATUS_STOPPED);
	f.st.init = good;
	if (good.pidfd_inode) {
		f.st.init.pidfd_inode = good.pidfd_inode + 1;
		assert_int_equal(status(), STATUS_STOPPED);
	}
	f.st.init = good;
	f.st.init.pid = 1;
	assert_int_equal(status(), STATUS_STOPPED);
	f.st.init.pid = getpid();
	assert_int_equal(status(), STATUS_STOPPED);
	f.st.init = good;
	assert_int_equal(status(), STATUS_RUNNING);
}

/* The same pid given to a stranger (rule R14, T45). */
static void test_recycled_pid(void **state)
{
	pid_t wanted;
	struct clone_args args = {.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&wanted, .set_tid_size = 1};
	pid_t pid;

	(void)state;
	fake_need_root();
	fake_make(&f, "c", 0);
	kill(f.pid, SIGKILL);
	fake_collect(f.pid);
	/* Two clock ticks, so that the start time alone would tell on old kernels too. */
	nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
	wanted = f.pid;
	pid = sys_clone3(&args);
	if (pid == 0)
		for (;;)
			pause();
	assert_int_equal(pid, f.pid);
	assert_int_equal(status(), STATUS_STOPPED);
	assert_int_equal(container_kill(&f.g, "c", SIGKILL, false, &f.err), -ESRCH);
	assert_int_equal(container_kill(&f.g, "c", SIGKILL, true, &f.err), 0);
	assert_int_equal(container_delete(&f.g, "c", true, &f.err), 0);
	assert_true(fake_lives(pid));
}

static void test_zombie_has_no_identity(void **state)
{
	struct state_process p;
	int pidfd;

	(void)state;
	fake_make(&f, "c", 0);
	pidfd = sys_pidfd_open(f.pid, 0);
	kill(f.pid, SIGKILL);
	assert_int_equal(fd_wait(pidfd, POLLIN, 5000), 1);
	assert_int_equal(state_identify(f.pid, pidfd, &p, &f.err), -ESRCH);
	close(pidfd);
}

static void test_cgroup_of_another(void **state)
{
	(void)state;
	fake_need_cgroup();
	fake_make(&f, "c", FAKE_CGROUP);
	freeze(true);
	assert_int_equal(status(), STATUS_PAUSED);
	f.st.cgroup_id++;
	assert_int_equal(status(), STATUS_RUNNING);	/* that one is not its cgroup */
	f.st.cgroup_id--;
	freeze(false);
	f.st.cgroup_path = (char *)"/orlop-test-is-not-there";
	assert_int_equal(status(), STATUS_RUNNING);
	f.st.cgroup_path = f.cgroup;
}

/* What is called `start` but is no fifo is never opened for writing, and never `created`. */
/* What is no fifo of ours is no gate: nobody waits there, so the process counts as running. */
static void test_hostile_gate(void **state)
{
	struct stat before, after;
	enum container_status s;

	(void)state;
	fake_make(&f, "c", 0);
	fake_write(f.root, "canary", "sings");
	assert_int_equal(symlinkat("../canary", f.dir, STORE_START), 0);
	assert_int_equal(state_status(f.dir, &f.st, &s, NULL, &f.err), 0);
	assert_int_equal(s, STATUS_RUNNING);
	assert_int_equal(unlinkat(f.dir, STORE_START, 0), 0);
	assert_int_equal(mkfifoat(f.dir, "other", 0600), 0);
	assert_int_equal(symlinkat("other", f.dir, STORE_START), 0);
	assert_int_equal(state_status(f.dir, &f.st, &s, NULL, &f.err), 0);
	assert_int_equal(s, STATUS_RUNNING);
	assert_int_equal(unlinkat(f.dir, STORE_START, 0), 0);
	assert_int_equal(mkdirat(f.dir, STORE_START, 0700), 0);
	assert_int_equal(state_status(f.dir, &f.st, &s, NULL, &f.err), 0);
	assert_int_equal(s, STATUS_RUNNING);
	assert_int_equal(unlinkat(f.dir, STORE_START, AT_REMOVEDIR), 0);
	close(openat(f.dir, STORE_START, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(fstatat(f.dir, STORE_START, &before, 0), 0);
	assert_int_equal(state_status(f.dir, &f.st, &s, NULL, &f.err), 0);
	assert_int_equal(s, STATUS_RUNNING);
	assert_int_equal(fstatat(f.dir, STORE_START, &after, 0), 0);
	assert_int_equal(after.st_size, before.st_size);
	fake_expect(f.root, "canary", "sings");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_death_at_gate, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_death_while_frozen, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_process_yet, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_decoys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_recycled_pid, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_zombie_has_no_identity, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cgroup_of_another, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hostile_gate, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
