/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cgroup.events: what is so now, and waiting for it to change. */
#ifndef ORLOP_CGROUP_EVENTS_H
#define ORLOP_CGROUP_EVENTS_H

#include <stdint.h>

/* The number behind "@key " in a flat keyed file of the cgroup; -ENOMSG without such a line. */
int64_t cgroup_read_key(int fd, const char *file, const char *key);

/* The same in the text of such a file. */
int64_t cgroup_find_key(const char *text, const char *key);

/* cgroup.events in one look; @ret_frozen is -ENOMSG without a freezer (before 5.2). */
int cgroup_read_events(int fd, int64_t *ret_populated, int64_t *ret_frozen);

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t cgroup_now_ms(void);

/* Wait until cgroup.events says "@key @value": 0, -ETIMEDOUT at @deadline_ms, -EINTR when @cancel (-1: none) can be
 * read, -errno. */
int cgroup_wait_event(int fd, const char *key, int value, int64_t deadline_ms, int cancel);

#endif
