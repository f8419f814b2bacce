/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel's log tells of a cgroup that is gone: systemd removes that of a scope as soon as no process is left,
 * and memory.events with it.
 */
#ifndef ORLOP_CGROUP_OOM_LOG_H
#define ORLOP_CGROUP_OOM_LOG_H

#include <stdint.h>

/*
 * How many times the log @kmsg, a descriptor of /dev/kmsg that does not block, tells of a kill for want of memory in
 * the cgroup @path ("/a/b") or below it, at @since_us or later, in microseconds of the log's own clock.  Or -errno.
 * The kernel leaves out some of many, and the oldest when the log is full.
 */
int64_t oom_log_count(int kmsg, const char *path, uint64_t since_us);

/* The same of the host's log.  -EPERM: kernel.dmesg_restrict, without CAP_SYSLOG. */
int64_t oom_log_count_since(const char *path, uint64_t since_us);

#endif
