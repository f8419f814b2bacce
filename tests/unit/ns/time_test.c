/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <time.h>

#include "child.h"
#include "ns/ns.h"

static struct error err;

#define NEEDS_TIME_NAMESPACES()                                                                  \
	do {                                                                                     \
		if (access("/proc/self/timens_offsets", F_OK) < 0)                               \
			skip();                                                                  \
	} while (0)

static long long seconds(clockid_t clock)
{
	struct timespec t;

	CHECK(clock_gettime(clock, &t) == 0);
	return t.tv_sec;
}

static ino_t namespace_of(const char *path)
{
	struct stat st;

	CHECK(stat(path, &st) == 0);
	return st.st_ino;
}

static int open_proc(void)
{
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CHECK(proc >= 0);
	return proc;
}

static void enter(void)
{
	struct plan_ns p = { .time_offsets = "1 864000 5\n7 1728000 0\n" };
	long long monotonic = seconds(CLOCK_MONOTONIC), boot = seconds(CLOCK_BOOTTIME);
	ino_t before = namespace_of("/proc/self/ns/time");
	int proc = open_proc(), fd = ns_time_open(proc, &err);

	CHECK(fd >= 0);
	CHECK(ns_time_make(&p, fd, &err) == 0);
	CHECK(namespace_of("/proc/self/ns/time") == before);
	CHECK(ns_time_enter(proc, &err) == 0);
	CHECK(namespace_of("/proc/self/ns/time") != before);
	CHECK(namespace_of("/proc/self/ns/time") == namespace_of("/proc/self/ns/time_for_children"));
	CHECK(seconds(CLOCK_MONOTONIC) - monotonic >= 864000);
	CHECK(seconds(CLOCK_MONOTONIC) - monotonic < 864000 + 60);
	CHECK(seconds(CLOCK_BOOTTIME) - boot >= 1728000);
	CHECK(seconds(CLOCK_BOOTTIME) - boot < 1728000 + 60);
}

static void test_enter(void **state)
{
	(void)state;
	NEEDS_ROOT();
	NEEDS_TIME_NAMESPACES();
	assert_int_equal(in_child(enter), 0);
}

/* As the launcher does: who is cloned afterwards is in it. */
static void child_is_in(void)
{
	struct plan_ns p = { .time_offsets = "1 0 0\n7 864000 0\n" };
	long long boot = seconds(CLOCK_BOOTTIME);
	int fd = ns_time_open(open_proc(), &err);
	pid_t pid;

	CHECK(ns_time_make(&p, fd, &err) == 0);
	pid = ns_clone(0, -1, NULL);
	CHECK(pid >= 0);
	if (pid == 0)
		_exit(seconds(CLOCK_BOOTTIME) - boot < 864000);
	CHECK(wait_for(pid) == 0);
}

static void test_launcher(void **state)
{
	(void)state;
	NEEDS_ROOT();
	NEEDS_TIME_NAMESPACES();
	assert_int_equal(in_child(child_is_in), 0);
}

static void refused(void)
{
	struct plan_ns p = { .time_offsets = "1 0 0\n7 -4000000000 0\n" };
	int proc = open_proc(), fd = ns_time_open(proc, &err);

	CHECK(ns_time_make(&p, fd, &err) == -ERANGE);
	CHECK(strcmp(err.where, "/linux/timeOffsets") == 0 && strstr(err.text, "below zero"));
	become_nobody();
	fd = ns_time_open(proc, &err);
	CHECK(fd >= 0);
	CHECK(ns_time_make(&p, fd, &err) == -EPERM);
}

static void test_refused(void **state)
{
	(void)state;
	NEEDS_ROOT();
	NEEDS_TIME_NAMESPACES();
	assert_int_equal(in_child(refused), 0);
}

/* Somebody is in it: the offsets are for good.  What was set is compared with what was asked for. */
static void too_late(void)
{
	struct plan_ns p = { .time_offsets = "1 0 0\n7 0 0\n" }, other = { .time_offsets = "x" };
	int proc = open_proc(), fd = ns_time_open(proc, &err);

	CHECK(ns_time_make(&p, fd, &err) == 0);
	CHECK(ns_time_enter(proc, &err) == 0);
	CHECK(write(fd, p.time_offsets, strlen(p.time_offsets)) < 0 && errno == EACCES);
	CHECK(ns_time_make(&other, fd, &err) == -EINVAL);
}

static void test_too_late(void **state)
{
	(void)state;
	NEEDS_ROOT();
	NEEDS_TIME_NAMESPACES();
	assert_int_equal(in_child(too_late), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_enter), cmocka_unit_test(test_launcher),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_too_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
