/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A new time namespace with offsets, time_namespaces(7), 5.6: unshare(2) makes it for our children, its
 * clocks can be set until somebody is in it, setns(2) takes ourselves in.  (Without offsets clone3 makes
 * it and enters it at once.)  Runs in the container process or in the launcher.
 */
#include "ns/ns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sys/compat.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/str.h"

static int open_offsets(int dir, const char *name, struct error *err)
{
	int fd = fd_openat(dir, name, O_RDWR, 0);

	if (fd < 0) {
		error_errno(err, fd, "open timens_offsets of the process that makes the time namespace");
		if (fd == -ENOENT)
			error_hint(err, "the kernel was built without CONFIG_TIME_NS");
		return error_at(err, "/linux/timeOffsets");
	}
	return fd;
}

int ns_time_open(int proc, struct error *err)
{
	return open_offsets(proc, "self/timens_offsets", err);
}

/* The kernel prints a line for each clock, "monotonic       86400         0", in the order of ours. */
static int verify(int fd, const char *want, struct error *err)
{
	static const char *const clocks[] = {"1", "7"};
	char text[256], got[256] = "", *save = NULL, *rest = text;
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		return error_errno(err, errno, "read the time offsets back");
	text[n] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++, rest = NULL) {
		const char *name = strtok_r(rest, " \n", &save);
		const char *secs = name ? strtok_r(NULL, " \n", &save) : NULL;
		const char *nanosecs = secs ? strtok_r(NULL, " \n", &save) : NULL;
		size_t used = strlen(got);

		if (nanosecs)
			snprintf(got + used, sizeof(got) - used, "%s %s %s\n", clocks[i], secs,
				 nanosecs);
	}
	if (strcmp(got, want) != 0)
		return error_set(err, EPROTO, "the kernel did not take the time offsets");
	return 0;
}

static int set_clocks(const struct plan_ns *p, int fd, struct error *err)
{
	ssize_t n = write(fd, p->time_offsets, strlen(p->time_offsets));

	if (n < 0) {
		int code = errno;

		error_errno(err, code, "set the clocks of the time namespace");
		if (code == ERANGE)
			error_hint(err, "a clock would be below zero, or above half of what the kernel "
					"can count");
		else if (code == EPERM)
			error_hint(err, "it needs CAP_SYS_TIME");
		return error_at(err, "/linux/timeOffsets");
	}
	if (verify(fd, p->time_offsets, err) < 0)
		return error_at(err, "/linux/timeOffsets");
	return 0;
}

int ns_time_make(const struct plan_ns *p, int fd, struct error *err)
{
	if (unshare(CLONE_NEWTIME) < 0)
		return error_hint_limits(err, error_errno(err, errno, "make a time namespace"));
	return set_clocks(p, fd, err);
}

int ns_time_set(const struct plan_ns *p, int proc_pid, struct error *err)
{
	_cleanup_close_ int fd = open_offsets(proc_pid, "timens_offsets", err);

	return fd < 0 ? fd : set_clocks(p, fd, err);
}

int ns_time_enter(int proc, struct error *err)
{
	_cleanup_close_ int fd = fd_openat(proc, "self/ns/time_for_children", O_RDONLY, 0);

	if (fd < 0)
		return error_errno(err, fd, "open the time namespace");
	if (setns(fd, CLONE_NEWTIME) < 0)
		return error_errno(err, errno, "enter the time namespace");
	return 0;
}
