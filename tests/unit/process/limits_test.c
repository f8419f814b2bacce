/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Resource limits, oom_score_adj and sysctls of real processes. */
#include "../security/forked.h"

#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "process/process.h"
#include "util/log.h"

static struct oci_rlimit limits[] = {
	{.resource = RLIMIT_NOFILE, .name = "RLIMIT_NOFILE", .soft = 100, .hard = 200},
	{.resource = RLIMIT_CORE, .name = "RLIMIT_CORE", .soft = 0, .hard = 12345},
	{.resource = RLIMIT_STACK, .name = "RLIMIT_STACK", .soft = 1 << 20, .hard = UINT64_MAX},
};

static void set_limits(void *arg)
{
	struct error err = {0};

	CHECK(process_set_rlimits(arg, &err) == 0);
}

static void assert_limit(pid_t pid, int resource, uint64_t soft, uint64_t hard)
{
	struct rlimit64 l;

	assert_int_equal(prlimit64(pid, (enum __rlimit_resource)resource, NULL, &l), 0);
	assert_true(l.rlim_cur == soft && l.rlim_max == hard);
}

static void test_rlimits(void **state)
{
	struct oci_process p = {.rlimits = limits, .n_rlimits = 3};
	struct held h = hold(set_limits, &p);

	(void)state;
	assert_limit(h.pid, RLIMIT_NOFILE, 100, 200);
	assert_limit(h.pid, RLIMIT_CORE, 0, 12345);
	assert_limit(h.pid, RLIMIT_STACK, 1 << 20, UINT64_MAX);
	let_go(&h);
}

static void without_power(void *arg)
{
	struct oci_rlimit l = {.resource = RLIMIT_NOFILE, .name = "RLIMIT_NOFILE", .soft = 10,
			       .hard = 20};
	struct oci_process p = {.rlimits = &l, .n_rlimits = 1};
	struct error err = {0};

	(void)arg;
	CHECK(syscall(SYS_setresuid, 1000, 1000, 1000) == 0);
	CHECK(process_set_rlimits(&p, &err) == 0);
	l.hard = 21;
	CHECK(process_set_rlimits(&p, &err) == -EPERM);
	CHECK(strstr(err.text, "RLIMIT_NOFILE") && strstr(err.text, "CAP_SYS_RESOURCE"));
	CHECK(strcmp(err.where, "/process/rlimits/0") == 0);
	l.soft = 22;
	CHECK(process_set_rlimits(&p, &err) == -EINVAL);
}

static void wait_here(void *arg)
{
	(void)arg;
}

static void test_rlimits_refused(void **state)
{
	struct oci_rlimit l = {.resource = RLIMIT_NOFILE, .name = "RLIMIT_NOFILE", .soft = 10,
			       .hard = (uint64_t)1 << 40};
	struct oci_process p = {.rlimits = &l, .n_rlimits = 1};
	struct rlimit before;
	struct error err = {0};
	struct held h;

	(void)state;
	NEEDS_ROOT();
	assert_child_ok(without_power, NULL);
	/* Above fs.nr_open nobody may go; what is low enough already is left alone by the parent. */
	h = hold(wait_here, NULL);
	assert_int_equal(process_raise_rlimits(&p, h.pid, &err), -EPERM);
	assert_non_null(strstr(err.text, "fs.nr_open"));
	l.hard = 10;
	assert_int_equal(process_raise_rlimits(&p, h.pid, &err), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	assert_limit(h.pid, RLIMIT_NOFILE, before.rlim_cur, before.rlim_max);
	let_go(&h);
}

static void lower_hard(void *arg)
{
	struct rlimit64 l = {.rlim_cur = 50, .rlim_max = 64};

	(void)arg;
	CHECK(prlimit64(0, RLIMIT_NOFILE, &l, NULL) == 0);
}

static void test_raise(void **state)
{
	struct oci_rlimit l = {.resource = RLIMIT_NOFILE, .name = "RLIMIT_NOFILE", .soft = 60,
			       .hard = 128};
	struct oci_process p = {.rlimits = &l, .n_rlimits = 1};
	struct held h;
	struct error err = {0};

	(void)state;
	NEEDS_ROOT();
	h = hold(lower_hard, NULL);
	if (status_hex(getpid(), "CapEff") & 1u << CAP_SYS_RESOURCE) {
		assert_int_equal(process_raise_rlimits(&p, h.pid, &err), 0);
		assert_limit(h.pid, RLIMIT_NOFILE, 50, 128);
	} else {
		assert_int_equal(process_raise_rlimits(&p, h.pid, &err), -EPERM);
		assert_limit(h.pid, RLIMIT_NOFILE, 50, 64);
	}
	let_go(&h);
}

/* ---- oom_score_adj -------------------------------------------------------------------------- */

static int score(pid_t pid)
{
	char path[64], text[16] = {0};
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return atoi(text);
}

static unsigned warnings;

static void count(void *ctx, enum log_level level, const char *text)
{
	(void)ctx;
	(void)text;
	warnings += level == LOG_LEVEL_WARNING;
}

static void test_oom_score(void **state)
{
	struct held h = hold(wait_here, NULL);
	int before = score(h.pid), proc;
	struct error err = {0};
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "/proc/%d", h.pid);
	proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(proc >= 0);
	assert_int_equal(process_set_oom_score(proc, before, false, &err), 0);
	assert_int_equal(process_set_oom_score(proc, 500, false, &err), 0);
	assert_int_equal(score(h.pid), 500);
	assert_int_equal(process_set_oom_score(proc, 1001, false, &err), -EINVAL);
	assert_string_equal(err.where, "/process/oomScoreAdj");
	assert_int_equal(process_set_oom_score(proc, -1001, true, &err), -EINVAL);
	assert_int_equal(score(h.pid), 500);
	close(proc);
	let_go(&h);
}

/* The same value is not written: it would be refused here. */
static void oom_without_power(void *arg)
{
	int proc = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct error err = {0};
	int before = score(getpid());

	(void)arg;
	CHECK(syscall(SYS_setresuid, 1000, 1000, 1000) == 0);
	log_redirect(count, NULL);
	CHECK(process_set_oom_score(proc, before, false, &err) == 0);
	CHECK(process_set_oom_score(proc, -900, false, &err) == -EACCES);
	CHECK(strstr(err.text, "CAP_SYS_RESOURCE") && warnings == 0);
	CHECK(process_set_oom_score(proc, -900, true, &err) == 0);
	CHECK(warnings == 1);
	CHECK(score(getpid()) == before);
}

static void test_oom_refused(void **state)
{
	(void)state;
	NEEDS_ROOT();
	assert_child_ok(oom_without_power, NULL);
}

/* ---- sysctl --------------------------------------------------------------------------------- */

static void read_sysctl(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, buf, size - 1);

	CHECK(fd >= 0 && n >= 0);
	buf[n] = '\0';
	close(fd);
}

static int write_one(int proc, const char *file, const char *value, struct error *err)
{
	struct plan_sysctl s = {.file = file, .value = value, .where = "/linux/sysctl/x"};
	struct plan_process p = {.sysctls = &s, .n_sysctls = 1};

	return process_write_sysctls(&p, proc, err);
}

static void sysctls(void *arg)
{
	struct error err = {0};
	char before[256], after[256];
	int proc;

	(void)arg;
	CHECK(unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET) == 0);
	CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	CHECK(mount("proc", "/mnt", "proc", 0, NULL) == 0);
	proc = open("/mnt", O_PATH | O_DIRECTORY | O_CLOEXEC);
	read_sysctl("/proc/sys/kernel/core_pattern", before, sizeof(before));

	CHECK(write_one(proc, "kernel/domainname", "orlop.test", &err) == 0);
	read_sysctl("/proc/sys/kernel/domainname", after, sizeof(after));
	CHECK(strcmp(after, "orlop.test\n") == 0);
	CHECK(write_one(proc, "kernel/domainname", "", &err) == 0);
	read_sysctl("/proc/sys/kernel/domainname", after, sizeof(after));
	CHECK(strcmp(after, "\n") == 0);
	CHECK(write_one(proc, "net/ipv4/ip_forward", "1", &err) == 0);
	read_sysctl("/proc/sys/net/ipv4/ip_forward", after, sizeof(after));
	CHECK(strcmp(after, "1\n") == 0);
	CHECK(write_one(proc, "kernel/shm_rmid_forced", "1", &err) == 0);

	CHECK(write_one(proc, "kernel/shm_rmid_forced", "five", &err) == -EINVAL);
	CHECK(strstr(err.text, "kernel/shm_rmid_forced") && strcmp(err.where, "/linux/sysctl/x") == 0);
	CHECK(write_one(proc, "net/ipv4/no_such_thing", "1", &err) == -ENOENT);
	CHECK(write_one(proc, "net", "1", &err) == -EISDIR);
	/* T10: no way out of sys, whatever the plan let through. */
	CHECK(write_one(proc, "../self/oom_score_adj", "999", &err) == -EXDEV);
	CHECK(score(getpid()) != 999);
	CHECK(write_one(proc, "/proc/sys/kernel/core_pattern", "x", &err) == -EXDEV);
	read_sysctl("/proc/sys/kernel/core_pattern", after, sizeof(after));
	CHECK(strcmp(before, after) == 0);
}

static void test_sysctls(void **state)
{
	(void)state;
	NEEDS_ROOT();
	assert_child_ok(sysctls, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rlimits),
		cmocka_unit_test(test_rlimits_refused),
		cmocka_unit_test(test_raise),
		cmocka_unit_test(test_oom_score),
		cmocka_unit_test(test_oom_refused),
		cmocka_unit_test(test_sysctls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
