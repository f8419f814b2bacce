/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "child.h"
#include "ns/ns.h"

static struct plan_join joins[] = {
	{ CLONE_NEWUTS, "/proc/self/ns/uts", "/linux/namespaces/0/path" },
	{ CLONE_NEWIPC, "/proc/self/ns/ipc", "/linux/namespaces/1/path" },
};
static struct plan_ns plan;
static struct error err;
static int fds[2];

static int setup(void **state)
{
	(void)state;
	joins[0].path = "/proc/self/ns/uts";
	joins[1].path = "/proc/self/ns/ipc";
	joins[1].flag = CLONE_NEWIPC;
	plan = (struct plan_ns){ .joins = joins, .n_joins = 2 };
	err = (struct error){0};
	fds[0] = fds[1] = -1;
	return 0;
}

/* The lowest free descriptor: equal before and after means that none leaked. */
static int lowest(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(fd);
	return fd;
}

static void test_open(void **state)
{
	struct stat a, b;

	(void)state;
	assert_int_equal(ns_open_joins(&plan, fds, &err), 0);
	for (int i = 0; i < 2; i++) {
		assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
		assert_int_equal(fstat(fds[i], &a), 0);
		assert_int_equal(stat(joins[i].path, &b), 0);
		assert_int_equal(a.st_ino, b.st_ino);
		close(fds[i]);
	}
}

static void refuse(const char *path, int code, const char *text)
{
	int before = lowest();

	joins[1].path = path;
	assert_int_equal(ns_open_joins(&plan, fds, &err), -code);
	assert_int_equal(err.code, code);
	assert_string_equal(err.where, "/linux/namespaces/1/path");
	assert_non_null(strstr(err.text, text));
	assert_non_null(strstr(err.text, path));
	assert_int_equal(lowest(), before);
	assert_int_equal(fds[0], -1);
}

static void test_missing(void **state)
{
	(void)state;
	refuse("/proc/self/ns/absent", ENOENT, "no such file");
}

static void test_other_type(void **state)
{
	(void)state;
	refuse("/proc/self/ns/net", EINVAL, "is a network namespace, not a ipc namespace");
}

static void test_no_namespace(void **state)
{
	(void)state;
	refuse("/etc/passwd", EINVAL, "is not a namespace");
}

static void test_directory(void **state)
{
	(void)state;
	refuse("/proc/self/ns", EINVAL, "is not a namespace");
}

static void test_fifo(void **state)
{
	char dir[] = "/tmp/orlop-join-XXXXXX", path[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/fifo", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	alarm(5);
	refuse(path, EINVAL, "is not a namespace");
	alarm(0);
	unlink(path);
	rmdir(dir);
}

/* A process in a uts namespace of its own with the name "joined"; *ret_stop ends it. */
static pid_t start_target(int *ret_stop)
{
	int ready[2], stop[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(stop), 0);
	pid = fork();
	if (pid == 0) {
		close(stop[1]);
		CHECK(unshare(CLONE_NEWUTS) == 0 && sethostname("joined", 6) == 0);
		CHECK(write(ready[1], "", 1) == 1);
		_exit(read(stop[0], &c, 1) == 0 ? 0 : 1);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	close(stop[0]);
	*ret_stop = stop[1];
	return pid;
}

static void enter_uts_only(void)
{
	struct utsname u;
	int uts = fds[0];

	CHECK(ns_enter_joins(&plan, fds, CLONE_NEWUTS, &err) == 0);
	CHECK(uname(&u) == 0 && strcmp(u.nodename, "joined") == 0);
	CHECK(fds[0] == -1 && fcntl(uts, F_GETFD) < 0);
	CHECK(fds[1] >= 0 && fcntl(fds[1], F_GETFD) >= 0);
	CHECK(ns_enter_joins(&plan, fds, ~0ull & ~(uint64_t)CLONE_NEWUTS, &err) == 0);
	CHECK(fds[1] == -1);
}

static void enter_as_nobody(void)
{
	become_nobody();
	CHECK(ns_enter_joins(&plan, fds, ~0ull, &err) == -EPERM);
	CHECK(strcmp(err.where, "/linux/namespaces/0/path") == 0);
	CHECK(strstr(err.text, "enter the uts namespace"));
}

static void test_enter(void **state)
{
	char path[64];
	int stop;
	pid_t pid;

	(void)state;
	NEEDS_ROOT();
	pid = start_target(&stop);
	snprintf(path, sizeof(path), "/proc/%d/ns/uts", pid);
	joins[0].path = path;
	assert_int_equal(ns_open_joins(&plan, fds, &err), 0);
	assert_int_equal(in_child(enter_uts_only), 0);
	assert_int_equal(in_child(enter_as_nobody), 0);
	close(fds[0]);
	close(fds[1]);
	close(stop);
	assert_int_equal(wait_for(pid), 0);
}

static void enter_own_user(void)
{
	CHECK(ns_enter_joins(&plan, fds, CLONE_NEWUSER, &err) == -EINVAL);
	CHECK(strstr(err.text, "in this user namespace already"));
}

static void test_own_user(void **state)
{
	(void)state;
	NEEDS_ROOT();
	joins[1].flag = CLONE_NEWUSER;
	joins[1].path = "/proc/self/ns/user";
	assert_int_equal(ns_open_joins(&plan, fds, &err), 0);
	assert_int_equal(in_child(enter_own_user), 0);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_open, setup),
		cmocka_unit_test_setup(test_missing, setup),
		cmocka_unit_test_setup(test_other_type, setup),
		cmocka_unit_test_setup(test_no_namespace, setup),
		cmocka_unit_test_setup(test_directory, setup),
		cmocka_unit_test_setup(test_fifo, setup),
		cmocka_unit_test_setup(test_enter, setup),
		cmocka_unit_test_setup(test_own_user, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
