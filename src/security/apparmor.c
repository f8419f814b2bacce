/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AppArmor: is the profile loaded (parent), and the change to it at the next execve(2) (child).
 * Kernel interface: Documentation/admin-guide/LSM/apparmor.rst, apparmorfs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "security/lsm.h"
#include "sys/mutate.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/str.h"

#define APPARMOR_PROFILES "/sys/kernel/security/apparmor/profiles"
#define APPARMOR_ENABLED "/sys/module/apparmor/parameters/enabled"
#define PROFILE_NAME_MAX 3800	/* "exec NAME" must fit in one page (apparmor/procattr.c) */

/* One line of the list is "NAME (MODE)\n"; NAME may hold spaces and brackets. */
static bool list_has(const char *list, const char *profile)
{
	size_t n = strlen(profile);

	for (const char *line = list; *line;) {
		const char *end = strchrnul(line, '\n');

		if ((size_t)(end - line) > n + 2 && strncmp(line, profile, n) == 0 &&
		    strncmp(line + n, " (", 2) == 0 && end[-1] == ')' &&
		    !memchr(line + n + 2, '(', (size_t)(end - line) - n - 2))
			return true;
		line = *end ? end + 1 : end;
	}
	return false;
}

/* The file may be larger than one read(2) gives. */
static int read_list(int fd, struct strbuf *list)
{
	char chunk[8192];

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		strbuf_add(list, chunk, (size_t)n);
		if (list->len > (16u << 20))
			return -EFBIG;
	}
}

bool apparmor_is_enabled(void)
{
	char enabled[8];

	return fd_read_pseudo(AT_FDCWD, APPARMOR_ENABLED, enabled, sizeof(enabled)) >= 1 &&
	       enabled[0] == 'Y';
}

int apparmor_check(const char *profile, struct error *err)
{
	_cleanup_(strbuf_free) struct strbuf list = {0};
	_cleanup_close_ int fd = -1;
	int r;

	if (!profile || profile[0] == '\0' || str_eq(profile, APPARMOR_UNCONFINED))
		return 0;
	if (strlen(profile) > PROFILE_NAME_MAX || strpbrk(profile, "\n"))
		return error_config(err, "/process/apparmorProfile",
				    "not the name of an AppArmor profile: too long or with a newline");
	if (!apparmor_is_enabled() && MUTATE(T84))
		return 0;
	if (!apparmor_is_enabled())
		return error_config(err, "/process/apparmorProfile",
				    "AppArmor profile `%s` is asked for, but AppArmor is not enabled on "
				    "this host", profile);
	fd = fd_openat(AT_FDCWD, APPARMOR_PROFILES, O_RDONLY, 0);
	/* Not readable for us (rootless, or no securityfs here): the kernel decides at execve(2). */
	if (fd == -EACCES || fd == -EPERM || fd == -ENOENT)
		return 0;
	if (fd < 0)
		return error_errno(err, fd, "open %s", APPARMOR_PROFILES);
	r = read_list(fd, &list);
	if (r < 0)
		return error_errno(err, r, "read %s", APPARMOR_PROFILES);
	/* "a//&b" stacks profiles, ":ns:name" looks into a namespace: not lines of this list. */
	if (profile[0] == ':' || strstr(profile, "//&") || strchr(profile, '&'))
		return 0;
	if (!list.data || !list_has(list.data, profile))
		return error_config(err, "/process/apparmorProfile",
				    "AppArmor profile `%s` is not loaded; see " APPARMOR_PROFILES
				    ", load it with apparmor_parser(8)", profile);
	return 0;
}

#define STACKED "//&"

/* Is each of the profiles stacked in @some one of those in @all? */
static bool has_all(const char *all, size_t n_all, const char *some, size_t n_some)
{
	while (n_some > 0) {
		const char *next = memmem(some, n_some, STACKED, strlen(STACKED)), *rest = all;
		size_t n = next ? (size_t)(next - some) : n_some, left = n_all;
		bool found = false;

		while (!found && left > 0) {
			const char *end = memmem(rest, left, STACKED, strlen(STACKED));
			size_t m = end ? (size_t)(end - rest) : left;

			found = m == n && memcmp(rest, some, n) == 0;
			m += end ? strlen(STACKED) : 0;
			rest += m;
			left -= m;
		}
		if (!found)
			return false;
		n += next ? strlen(STACKED) : 0;
		some += n;
		n_some -= n;
	}
	return true;
}

/* ":ns://name" is ":ns:name". */
static char *without_slashes(const char *profile)
{
	char *copy = xstrdup(profile);

	for (char *p = copy, *slashes; (slashes = strstr(p, "://")) != NULL; p = slashes + 1)
		if (memchr(p, ':', (size_t)(slashes - p)))
			memmove(slashes + 1, slashes + 3, strlen(slashes + 3) + 1);
	return copy;
}

bool apparmor_same(const char *asked, const char *got)
{
	_cleanup_free_ char *profile = without_slashes(asked);
	const char *mode = strrchr(got, '(');
	size_t n = strlen(profile), m = strlen(got);

	if (mode > got && mode[-1] == ' ' && got[m - 1] == ')')
		m = (size_t)(mode - 1 - got);
	return has_all(got, m, profile, n) && has_all(profile, n, got, m);
}

int apparmor_set_exec(int proc, const char *profile, struct error *err)
{
	char command[PROFILE_NAME_MAX + 8];
	int n, r;

	if (!profile || profile[0] == '\0' || (MUTATE(T84) && !apparmor_is_enabled()))
		return 0;
	n = snprintf(command, sizeof(command), "exec %s", profile);
	if (n < 0 || (size_t)n >= sizeof(command))
		return error_config(err, "/process/apparmorProfile", "profile name too long");
	/* Since 5.8 the LSM has a directory of its own, so that it can be stacked with others. */
	r = fd_write_pseudo(proc, "thread-self/attr/apparmor/exec", command, (size_t)n);
	if (r == -ENOENT)
		r = fd_write_pseudo(proc, "thread-self/attr/exec", command, (size_t)n);
	/* Nobody listens, and nobody confines.  That it is so the parent asks: readback_check(). */
	if ((r == -ENOENT || r == -EINVAL) && str_eq(profile, APPARMOR_UNCONFINED))
		return 0;
	if (r < 0) {
		error_errno(err, r, "set AppArmor profile `%s` for execve (/proc/thread-self/attr/"
				    "apparmor/exec)", profile);
		return error_at(err, "/process/apparmorProfile");
	}
	return 0;
}
