/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kills for want of memory in the kernel's log: records as it writes them, and such as somebody would like it to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cgroup/oom_log.h"
#include "util/str.h"

#define BEGIN "6,812,5000000,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=a.scope,mems_allowed=0," \
	"oom_memcg="

/* In a log of @n records, each of which is one message, as one read(2) of /dev/kmsg gives one. */
static int64_t count(const char *const *records, size_t n, const char *path)
{
	int pair[2];
	int64_t found;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	for (size_t i = 0; i < n; i++)
		assert_true(send(pair[1], records[i], strlen(records[i]), 0) > 0);
	found = oom_log_count(pair[0], path, 5000000);
	close(pair[0]);
	close(pair[1]);
	return found;
}

static void told(void **state)
{
	static const char *const records[] = {
		"6,811,4999999,-;sh invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
		BEGIN "/m/a.scope,task_memcg=/m/a.scope,task=sh,pid=1220,uid=0\n SUBSYSTEM=x",
		BEGIN "/m/a.scope,task_memcg=/m/a.scope/below,task=sh,pid=1221,uid=0",
		"6,812,7000000,-,caller=T1;oom-kill:constraint=CONSTRAINT_X,global_oom,task_memcg=/m/a.scope,task=sh",
	};

	(void)state;
	assert_int_equal(count(records, ARRAY_SIZE(records), "/m/a.scope"), 3);
	assert_int_equal(count(records, ARRAY_SIZE(records), "/m"), 3);
	assert_int_equal(count(records, ARRAY_SIZE(records), "/m/a.scope/below"), 1);
	assert_int_equal(count(records, ARRAY_SIZE(records), "/m/a"), 0);
	assert_int_equal(count(records, ARRAY_SIZE(records), "/m/b.scope"), 0);
	assert_int_equal(count(NULL, 0, "/m/a.scope"), 0);
}

static void not_believed(void **state)
{
	static const char *const records[] = {
		/* before */
		"6,812,4999999,-;oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/v,task_memcg=/v,task=sh,pid=1,uid=0",
		/* written by a program */
		"12,812,5000000,-;oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/v,task_memcg=/v,task=sh,pid=1,uid=0",
		/* names of cgroups and of processes that are chosen by others */
		BEGIN "/a/x,task_memcg=/v,task=sh,task_memcg=/a/x,task_memcg=/v,task=sh,task=sh,pid=1,uid=0",
		BEGIN "/a,task_memcg=/a/x,task_memcg=/v,task=sh,pid=1,uid=0",
		BEGIN "/a,task_memcg=/a,task=,task_memcg=/v,pid=1,uid=0",
		BEGIN "/v,task_memcg=/vv,task=sh,pid=1,uid=0",
		"6,812,5000000,-;a: oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/v,task_memcg=/v,task=sh,pid=1",
		/* damaged */
		"6,812,5000000,-", "6,812;oom-kill:,task_memcg=/v,task=", "x;oom-kill:,task_memcg=/v,task=", ";",
		"6,;",
		"6,812,5000000,-;oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/v,task_memcg=/v",
	};

	(void)state;
	assert_int_equal(count(records, ARRAY_SIZE(records), "/v"), 0);
}

static void cannot_be_read(void **state)
{
	(void)state;
	assert_int_equal(oom_log_count(-1, "/a", 0), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(told),
		cmocka_unit_test(not_believed),
		cmocka_unit_test(cannot_be_read),
	};

	return cmocka_run_group_tests_name("oom_log", tests, NULL, NULL);
}
