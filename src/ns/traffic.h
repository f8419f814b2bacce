/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What has gone through the interfaces of a process's network namespace. */
#ifndef ORLOP_NS_TRAFFIC_H
#define ORLOP_NS_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct traffic_counters {
	uint64_t bytes, packets, errors, dropped;
};

struct traffic_interface {
	char name[16];		/* whatever its owner called it: no blanks, slashes or colons */
	struct traffic_counters in, out;
};

struct traffic {
	bool known;
	struct traffic_interface *v;	/* without the loopback interface */
	size_t n;
};

/*
 * @proc: the directory of a process in /proc, by which its namespace is looked at without being entered.  What cannot
 * be read (the process is gone, procfs hides it) is unknown.
 */
void traffic_read(int proc, struct traffic *ret);
/* The same of a text as /proc/net/dev has it. */
void traffic_scan(const char *text, struct traffic *ret);
void traffic_free(struct traffic *t);

#endif
