/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Affinity, scheduler, I/O priority, memory policy and personality of real processes. */
#include "../security/forked.h"

#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "process/process.h"
#include "sys/syscalls.h"
#include "util/str.h"

static struct error err;

static void affinity(void *arg)
{
	unsigned long one = 1, beyond[128] = {[127] = 1ul << 63};
	struct oci_bits zero = {.text = "0", .v = &one, .n_bits = 1};
	struct oci_bits none = {.text = "8191", .v = beyond, .n_bits = 8192};
	cpu_set_t before, now;

	(void)arg;
	CHECK(process_set_affinity(NULL, "", &err) == 0);
	CHECK(sched_getaffinity(0, sizeof(before), &before) == 0);
	if (!CPU_ISSET(0, &before))
		return;
	CHECK(process_set_affinity(&zero, "/a", &err) == 0);
	CHECK(sched_getaffinity(0, sizeof(now), &now) == 0);
	CHECK(CPU_COUNT(&now) == 1 && CPU_ISSET(0, &now));
	/* and all again: not the caller's */
	CHECK(process_set_affinity(NULL, "/a", &err) == 0);
	CHECK(sched_getaffinity(0, sizeof(now), &now) == 0);
	CHECK(CPU_EQUAL(&now, &before));

	CHECK(process_set_affinity(&none, "/a/b", &err) == -EINVAL);
	CHECK(strcmp(err.where, "/a/b") == 0 && strstr(err.text, "8191") && strstr(err.text, "cpuset"));
}

static void test_affinity(void **state)
{
	(void)state;
	assert_child_ok(affinity, NULL);
}

static void set_scheduler(void *arg)
{
	CHECK(process_set_scheduler(arg, 0, &err) == 0);
}

static void test_scheduler(void **state)
{
	struct oci_scheduler batch = {.present = true, .name = "SCHED_BATCH", .policy = SCHED_BATCH,
				      .nice = {true, 5}, .flags = 1};
	struct oci_scheduler idle = {.present = true, .name = "SCHED_IDLE", .policy = SCHED_IDLE};
	struct sys_sched_attr got;
	struct held h = hold(set_scheduler, &batch);

	(void)state;
	assert_true(sys_sched_getattr(h.pid, &got) >= 0);
	assert_int_equal(got.policy, SCHED_BATCH);
	assert_int_equal(got.nice, 5);
	assert_int_equal(got.flags, 1);

	/* from outside, as for a process in a user namespace */
	idle.present = false;
	assert_int_equal(process_set_scheduler(&idle, h.pid, &err), 0);
	assert_true(sys_sched_getattr(h.pid, &got) >= 0);
	assert_int_equal(got.policy, SCHED_BATCH);
	idle.present = true;
	assert_int_equal(process_set_scheduler(&idle, h.pid, &err), 0);
	assert_true(sys_sched_getattr(h.pid, &got) >= 0);
	assert_int_equal(got.policy, SCHED_IDLE);
	let_go(&h);
}

static void without_power(void *arg)
{
	struct rlimit none = {0, 0};
	struct oci_scheduler s = {.present = true, .name = "SCHED_FIFO", .policy = SCHED_FIFO,
				  .priority = {true, 1}};
	struct oci_io_priority io = {.present = true, .name = "IOPRIO_CLASS_RT", .class = 1};

	(void)arg;
	CHECK(setrlimit(RLIMIT_NICE, &none) == 0 && setrlimit(RLIMIT_RTPRIO, &none) == 0);
	CHECK(syscall(SYS_setresuid, 1000, 1000, 1000) == 0);
	CHECK(process_set_scheduler(&s, 0, &err) == -EPERM);
	CHECK(strcmp(err.where, "/process/scheduler") == 0);
	CHECK(strstr(err.text, "SCHED_FIFO") && strstr(err.text, "CAP_SYS_NICE"));
	s = (struct oci_scheduler){.present = true, .name = "SCHED_OTHER", .nice = {true, -1}};
	err = (struct error){0};
	CHECK(process_set_scheduler(&s, 0, &err) == -EPERM);
	CHECK(strstr(err.text, "RLIMIT_NICE"));
	err = (struct error){0};
	CHECK(process_set_io_priority(&io, 0, &err) == -EPERM);
	CHECK(strcmp(err.where, "/process/ioPriority") == 0);
	CHECK(strstr(err.text, "IOPRIO_CLASS_RT 0") && strstr(err.text, "CAP_SYS_NICE"));
}

static void test_refused(void **state)
{
	struct oci_scheduler bad = {.present = true, .name = "SCHED_DEADLINE", .policy = 6};

	(void)state;
	NEEDS_ROOT();
	assert_child_ok(without_power, NULL);
	err = (struct error){0};
	assert_int_equal(process_set_scheduler(&bad, 0, &err), -EINVAL);
	assert_string_equal(err.where, "/process/scheduler");
}

static void set_io(void *arg)
{
	CHECK(process_set_io_priority(arg, 0, &err) == 0);
}

static void test_io_priority(void **state)
{
	struct oci_io_priority io = {.present = true, .name = "IOPRIO_CLASS_BE", .class = 2, .level = 6};
	struct oci_io_priority idle = {.present = true, .name = "IOPRIO_CLASS_IDLE", .class = 3};
	struct held h = hold(set_io, &io);

	(void)state;
	assert_int_equal(sys_ioprio_get(h.pid), 2 << 13 | 6);
	assert_int_equal(process_set_io_priority(&idle, h.pid, &err), 0);
	assert_int_equal(sys_ioprio_get(h.pid), 3 << 13);
	let_go(&h);
}

static void memory_policy(void *arg)
{
	unsigned long zero = 1, nodes[16] = {0}, far = 1ul << 63;
	struct oci_memory_policy m = {.present = true, .name = "MPOL_BIND", .mode = MPOL_BIND,
				      .nodes = {.text = "0", .v = &zero, .n_bits = 1}};
	int mode = 0;

	(void)arg;
	if (sys_get_mempolicy(&mode, nodes, 1024) == -ENOSYS)
		_exit(77);
	CHECK(process_set_memory_policy(&m, &err) == 0);
	CHECK(sys_get_mempolicy(&mode, nodes, 1024) == 0);
	CHECK(mode == MPOL_BIND && nodes[0] == 1);
	m = (struct oci_memory_policy){.present = true, .name = "MPOL_PREFERRED", .mode = MPOL_PREFERRED};
	CHECK(process_set_memory_policy(&m, &err) == 0);
	m = (struct oci_memory_policy){.present = true, .name = "MPOL_DEFAULT"};
	CHECK(process_set_memory_policy(&m, &err) == 0);
	CHECK(sys_get_mempolicy(&mode, nodes, 1024) == 0 && mode == MPOL_DEFAULT);

	/* the last node of the list counts: 63 alone is not there, so there is nothing left */
	m = (struct oci_memory_policy){.present = true, .name = "MPOL_INTERLEAVE",
				       .mode = MPOL_INTERLEAVE,
				       .nodes = {.text = "63", .v = &far, .n_bits = 64}};
	if (access("/sys/devices/system/node/node63", F_OK) == 0)
		return;
	CHECK(process_set_memory_policy(&m, &err) == -EINVAL);
	CHECK(strcmp(err.where, "/linux/memoryPolicy") == 0);
	CHECK(strstr(err.text, "MPOL_INTERLEAVE of nodes 63") && strstr(err.text, "cpuset"));
}

static void test_memory_policy(void **state)
{
	int status = forked(memory_policy, NULL);

	(void)state;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

static void set_personality(void *arg)
{
	(void)arg;
	CHECK(process_set_personality(PER_LINUX32, &err) == 0);
	CHECK(personality(0xffffffff) == PER_LINUX32);
	/* the caller's flags are gone too */
	CHECK(personality(ADDR_NO_RANDOMIZE) >= 0);
	CHECK(process_set_personality(PER_LINUX, &err) == 0);
	CHECK(personality(0xffffffff) == PER_LINUX);
}

static void test_personality(void **state)
{
	(void)state;
	assert_child_ok(set_personality, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_affinity), cmocka_unit_test(test_scheduler),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_io_priority),
		cmocka_unit_test(test_memory_policy), cmocka_unit_test(test_personality),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
