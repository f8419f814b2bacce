/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cgroup.events: what is so now, and waiting for it to change. */
#ifndef ORLOP_CGROUP_EVENTS_H
#define ORLOP_CGROUP_EVENTS_H

#include <stdint.h>

/* The number behind "@key " in a flat keyed file of the cgroup; -ENOMSG without such a line. */
int64_t cgroup_read_key(int fd, const char *file, const char *key);

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t cgroup_now_ms(void);

/* Wait until cgroup.events says "@key @value": 0, -ETIMEDOUT at @deadline_ms, -errno. */
int cgroup_wait_event(int fd, const char *key, int value, int64_t deadline_ms);

#endif
