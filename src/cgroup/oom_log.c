/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Documentation/ABI/testing/dev-kmsg of the kernel: each read gives one record, "priority,number,time,flags;text".
 * Its clock is sched_clock(), which nobody sets nor slews, as with CLOCK_MONOTONIC_RAW.
 */
#include "cgroup/oom_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/fd.h"
#include "util/str.h"

#define RECORD_MAX 8192			/* more than the kernel's CONSOLE_EXT_LOG_MAX */
#define RECORDS_MAX 1000000		/* whoever fills the log meanwhile does not hold us up */
#define KERNEL_ITSELF 8			/* from here on, priorities are those of programs that write there */
#define TASK ",task_memcg="

/* "oom-kill:constraint=CONSTRAINT_MEMCG,...,task_memcg=/a/b,task=sh,pid=1,uid=0".  A name may have a comma: whose name
 * could make one record look like another's is not believed. */
static bool tells_of(const char *text, const char *path)
{
	const char *at = str_starts(text, "oom-kill:") ? strstr(text, TASK) : NULL;
	size_t n = strlen(path);

	if (!at || strstr(at + 1, TASK))
		return false;
	at += strlen(TASK);
	return strncmp(at, path, n) == 0 && (at[n] == '/' || str_starts(at + n, ",task="));
}

static bool record_tells_of(const char *record, const char *path, uint64_t since_us)
{
	const char *text = strchr(record, ';');
	unsigned long priority;
	char *end;

	if (!text)
		return false;
	priority = strtoul(record, &end, 10);
	if (*end != ',' || priority >= KERNEL_ITSELF)
		return false;
	strtoull(end + 1, &end, 10);
	return *end == ',' && strtoull(end + 1, NULL, 10) >= since_us && tells_of(text + 1, path);
}

int64_t oom_log_count(int kmsg, const char *path, uint64_t since_us)
{
	char record[RECORD_MAX + 1];
	int64_t found = 0;

	for (unsigned i = 0; i < RECORDS_MAX; i++) {
		ssize_t n = read(kmsg, record, RECORD_MAX);

		if (n < 0 && (errno == EPIPE || errno == EINTR))	/* the next ones were overwritten */
			continue;
		if (n < 0 && errno != EAGAIN)
			return -errno;
		if (n <= 0)
			break;
		record[n] = '\0';
		if (record_tells_of(record, path, since_us))
			found++;
	}
	return found;
}

int64_t oom_log_count_since(const char *path, uint64_t since_us)
{
	_cleanup_close_ int kmsg = fd_openat(AT_FDCWD, "/dev/kmsg", O_RDONLY | O_NONBLOCK, 0);

	return kmsg < 0 ? kmsg : oom_log_count(kmsg, path, since_us);
}
