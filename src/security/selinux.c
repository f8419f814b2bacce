/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SELinux: is the label valid in the loaded policy (parent), and what the next execve(2), the next
 * key gets (child).
 *
 * Of libselinux only context_new(3) is used.  The functions that talk to the kernel sit in an object
 * with a constructor that looks for selinuxfs and /etc/selinux/config: eight system calls at every
 * start of the program.  What security_check_context_raw(3) does is one write to selinuxfs.
 */
#include <errno.h>
#include <fcntl.h>
#include <selinux/context.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "security/lsm.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/str.h"

#define SELINUXFS "/sys/fs/selinux"
#define SELINUXFS_MAGIC 0xf97cff8c	/* SELINUX_MAGIC of linux/magic.h */

static void context_freep(context_t *c)
{
	if (*c)
		context_free(*c);
}

static bool enabled(void)
{
	struct statfs fs;

	return statfs(SELINUXFS, &fs) == 0 && (unsigned long)fs.f_type == SELINUXFS_MAGIC;
}

int selinux_check(const char *label, const char *where, struct error *err)
{
	_cleanup_(context_freep) context_t parsed = NULL;
	int r;

	if (!label || label[0] == '\0')
		return 0;
	if (!enabled())
		return error_config(err, where, "SELinux label `%s` is asked for, but SELinux is not "
						"enabled on this host", label);
	parsed = context_new(label);
	if (!parsed)
		return error_config(err, where, "`%s` is not an SELinux label, which is "
						"user:role:type[:level]", label);
	/* The terminating NUL belongs to the data, as security_check_context_raw(3) writes it. */
	r = fd_write_pseudo(AT_FDCWD, SELINUXFS "/context", label, strlen(label) + 1);
	if (r == -EINVAL)
		return error_config(err, where, "SELinux label `%s` is not valid in the policy of "
						"this host", label);
	if (r < 0) {
		error_errno(err, r, "ask %s/context about the label `%s`", SELINUXFS, label);
		return error_at(err, "%s", where);
	}
	return 0;
}

/* Read back, the file says how the kernel spells the label: security_canonicalize_context_raw(3). */
bool selinux_same(const char *label, const char *got)
{
	_cleanup_close_ int fd = -1;
	char own[4096];
	size_t size = strlen(label) + 1;
	ssize_t n;

	if (str_eq(label, got))
		return true;
	fd = fd_openat(AT_FDCWD, SELINUXFS "/context", O_RDWR, 0);
	if (fd < 0 || write(fd, label, size) != (ssize_t)size)
		return false;
	n = read(fd, own, sizeof(own) - 1);
	if (n < 0)
		return false;
	own[n] = '\0';
	return str_eq(own, got);
}

int selinux_set_exec(int proc, const char *label, struct error *err)
{
	int r;

	if (!label || label[0] == '\0')
		return 0;
	r = fd_write_pseudo(proc, "thread-self/attr/exec", label, strlen(label) + 1);
	if (r < 0) {
		error_errno(err, r, "set SELinux label `%s` for execve (/proc/thread-self/attr/exec)",
			    label);
		return error_at(err, "/process/selinuxLabel");
	}
	return 0;
}

int selinux_set_key(int proc, const char *label, struct error *err)
{
	const char *text = label ? label : "";
	int r;

	if (label && label[0] == '\0')
		return 0;
	/* A lone NUL takes the setting back (security/selinux/hooks.c, selinux_setprocattr). */
	r = fd_write_pseudo(proc, "thread-self/attr/keycreate", text, strlen(text) + 1);
	if (r < 0) {
		error_errno(err, r, "set SELinux label `%s` for new keys "
				    "(/proc/thread-self/attr/keycreate)", text);
		return error_at(err, "/process/selinuxLabel");
	}
	return 0;
}
