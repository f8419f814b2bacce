/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /proc/PID/mountinfo: proc_pid_mountinfo(5).  It grows with the host: not for every start. */
#ifndef ORLOP_UTIL_MOUNTINFO_H
#define ORLOP_UTIL_MOUNTINFO_H

#include <stdbool.h>
#include <stdint.h>

#include "util/str.h"

struct mountinfo {
	uint64_t id, parent;
	const char *root, *point, *options, *type, *source;	/* in the line */
	const char *fs_options;		/* of the file system, whatever mount shows it */
};

/* The whole file, at most 16 MiB (-E2BIG).  *ret is for strbuf_free, also after an error. */
int mountinfo_read(int dirfd, const char *path, struct strbuf *ret);

/* One line, which is cut into pieces; false for one of another form. */
bool mountinfo_parse(char *line, struct mountinfo *ret);

#endif
