/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How near the machine is to those limits that are met with many containers. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "report/doctor.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/mountinfo.h"
#include "util/str.h"

#define FILES_LEAST 1024

static bool read_number(const char *file, uint64_t *ret)
{
	char text[32];

	return fd_read_pseudo(AT_FDCWD, file, text, sizeof(text)) > 0 && str_to_u64(text, ret) == 0;
}

/* Four fifths are much. */
static void compare(struct doctor *d, const char *id, const char *what, uint64_t used, uint64_t limit, const char *todo)
{
	const char *fact =
		arena_printf(d->arena, "%llu of %llu %s", (unsigned long long)used, (unsigned long long)limit, what);

	if (used / 4 >= limit / 5)
		doctor_todo(d, id, fact, "%s", todo);
	else
		doctor_ok(d, id, "%s", fact);
}

/* "    0:    14 13/13 8/1000000 65/25000000": proc(5), /proc/key-users. */
static void look_at_keys(struct doctor *d)
{
	char text[4096], want[24], *line, *rest = text;

	if (fd_read_pseudo(AT_FDCWD, "/proc/key-users", text, sizeof(text)) < 0) {
		doctor_todo(d, "limits.keys", "there are no keys",
			    "containers have the caller's session keyring then; build the kernel with CONFIG_KEYS");
		return;
	}
	snprintf(want, sizeof(want), "%u:", (unsigned)d->host.facts.euid);
	while ((line = strsep(&rest, "\n"))) {
		unsigned long used, limit;
		char *at;

		line += strspn(line, " ");
		if (!str_starts(line, want) || !(at = strchr(line, '/')) || !(at = strchr(at, ' ')))
			continue;
		used = strtoul(at, &at, 10);
		limit = *at == '/' ? strtoul(at + 1, NULL, 10) : 0;
		compare(d, "limits.keys", "keys", used, limit, d->host.facts.euid == 0 ?
			"raise sysctl kernel.keys.root_maxkeys; each container has a session keyring" :
			"raise sysctl kernel.keys.maxkeys; each container has a session keyring");
		return;
	}
	doctor_ok(d, "limits.keys", "none is used");
}

/* "0.00 0.01 0.05 1/234 5678": the number behind the slash. */
static void look_at_pids(struct doctor *d)
{
	char text[128], *at;
	uint64_t most;

	if (fd_read_pseudo(AT_FDCWD, "/proc/loadavg", text, sizeof(text)) < 0 || !(at = strchr(text, '/')) ||
	    !read_number("/proc/sys/kernel/pid_max", &most))
		doctor_todo(d, "limits.pids", "unknown", "is /proc mounted?");
	else
		compare(d, "limits.pids", "processes and threads", strtoul(at + 1, NULL, 10), most,
			"raise sysctl kernel.pid_max");
}

static void look_at_mounts(struct doctor *d)
{
	_cleanup_(strbuf_free) struct strbuf text = {0};
	uint64_t most, n = 0;

	if (mountinfo_read(AT_FDCWD, "/proc/self/mountinfo", &text) < 0 ||
	    !read_number("/proc/sys/fs/mount-max", &most)) {
		doctor_todo(d, "limits.mounts", "unknown", "is /proc mounted?");
		return;
	}
	for (size_t i = 0; i < text.len; i++)
		n += text.data[i] == '\n';
	compare(d, "limits.mounts", "mounts", n, most,
		"raise sysctl fs.mount-max; each container begins with a copy of all");
}

static void look_at_files(struct doctor *d)
{
	struct sys_rlimit is;

	if (sys_prlimit(0, RLIMIT_NOFILE, NULL, &is) == 0 && is.soft < FILES_LEAST)
		doctor_todo(d, "limits.files", arena_printf(d->arena, "%llu descriptors", (unsigned long long)is.soft),
			    "ulimit -n %d", FILES_LEAST);
	else
		doctor_ok(d, "limits.files", "%llu descriptors", (unsigned long long)is.soft);
}

void doctor_limits(struct doctor *d)
{
	look_at_keys(d);
	look_at_pids(d);
	look_at_mounts(d);
	look_at_files(d);
}
