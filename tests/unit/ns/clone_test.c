/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/stat.h>

#include "child.h"
#include "ns/ns.h"
#include "sys/syscalls.h"

static void test_plain(void **state)
{
	pid_t pid;

	(void)state;
	pid = ns_clone(0, -1, NULL);
	if (pid == 0)
		_exit(7);
	assert_true(pid > 0);
	assert_int_equal(wait_for(pid), 7);
}

static void test_pidfd(void **state)
{
	int pidfd = -1;
	pid_t pid;
	struct pollfd p;

	(void)state;
	pid = ns_clone(0, -1, &pidfd);
	if (pid == 0)
		_exit(0);
	assert_true(pid > 0);
	assert_true(pidfd > 2);
	assert_true(fcntl(pidfd, F_GETFD) & FD_CLOEXEC);
	p = (struct pollfd){ .fd = pidfd, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(wait_for(pid), 0);
	close(pidfd);
}

static void test_namespaces(void **state)
{
	struct stat ours, theirs;
	char path[64];
	int go[2];
	pid_t pid;

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(pipe(go), 0);
	pid = ns_clone(CLONE_NEWPID | CLONE_NEWUTS, -1, NULL);
	if (pid == 0) {
		char c;

		close(go[1]);
		_exit(read(go[0], &c, 1) == 0 && getpid() == 1 ? 0 : 1);
	}
	assert_true(pid > 0);
	snprintf(path, sizeof(path), "/proc/%d/ns/uts", pid);
	assert_int_equal(stat("/proc/self/ns/uts", &ours), 0);
	assert_int_equal(stat(path, &theirs), 0);
	assert_true(ours.st_ino != theirs.st_ino);
	close(go[1]);
	assert_int_equal(wait_for(pid), 0);
	close(go[0]);
}

/* The child is a child of our parent, and its end is our parent's business. */
static void clone_sibling(void)
{
	pid_t parent = getppid(), pid = ns_clone(CLONE_PARENT, -1, NULL);

	if (pid == 0)
		_exit(getppid() == parent ? 0 : 1);
	CHECK(pid > 0);
	CHECK(waitpid(pid, NULL, 0) < 0 && errno == ECHILD);
}

/* It goes on where its maker was, with all that was written there, and its maker has ended without an error. */
static void clone_successor(void)
{
	volatile int written = 1;
	pid_t parent = getppid(), maker = getpid(), pid;
	sigset_t before = {0}, after = {0};	/* larger than the kernel's */

	CHECK(sigprocmask(SIG_SETMASK, NULL, &before) == 0);
	written++;
	pid = sys_clone_successor();
	CHECK(pid == 0 && getpid() != maker && getppid() == parent && written == 2);
	CHECK(sigprocmask(SIG_SETMASK, NULL, &after) == 0 && memcmp(&before, &after, sizeof(before)) == 0);
	_exit(0);
}

static void test_parent(void **state)
{
	int status, n = 0;

	(void)state;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	assert_int_equal(in_child(clone_sibling), 0);
	assert_int_equal(in_child(clone_successor), 0);
	while (waitpid(-1, &status, 0) > 0) {
		assert_int_equal(status, 0);
		n++;
	}
	assert_int_equal(n, 2);
}

static void test_into_cgroup(void **state)
{
	char dir[128], path[64], line[256], wanted[160];
	bool found = false;
	struct facts f;
	int fd, go[2];
	pid_t pid;
	FILE *in;

	(void)state;
	NEEDS_ROOT();
	facts_probe(&f);
	snprintf(dir, sizeof(dir), "%s/orlop-clone-test-%d", f.cgroup_root, getpid());
	if (!*f.cgroup_root || mkdir(dir, 0755) < 0)
		skip();
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pipe(go), 0);
	pid = ns_clone(0, fd, NULL);
	if (pid == 0) {
		char c;

		close(go[1]);
		_exit(read(go[0], &c, 1) == 0 ? 0 : 1);
	}
	if (pid > 0) {
		snprintf(wanted, sizeof(wanted), "/orlop-clone-test-%d\n", getpid());
		snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
		in = fopen(path, "re");
		while (in && fgets(line, sizeof(line), in))
			found |= strncmp(line, "0::", 3) == 0 && strstr(line, wanted);
		if (in)
			fclose(in);
	}
	close(go[1]);
	close(go[0]);
	close(fd);
	if (pid > 0)
		wait_for(pid);
	for (int i = 0; i < 100 && rmdir(dir) < 0; i++)
		usleep(10000);
	assert_true(pid > 0);
	assert_true(found);
}

static void test_refused(void **state)
{
	(void)state;
	/* clone(2): a new user namespace and shared file system attributes exclude each other */
	assert_int_equal(ns_clone(CLONE_NEWUSER | CLONE_FS, -1, NULL), -EINVAL);
	assert_int_equal(ns_clone(0, 1 << 20, NULL), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),	  cmocka_unit_test(test_pidfd),
		cmocka_unit_test(test_namespaces), cmocka_unit_test(test_parent),
		cmocka_unit_test(test_into_cgroup), cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
