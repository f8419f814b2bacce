/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who the container process is: groups, ids, and the home directory of its user.  Runs in the child.
 *
 * Raw system calls (libc's would signal threads that are not there), and read back: a call that says
 * success without having done anything must not leave us privileged.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process/passwd.h"
#include "process/process.h"
#include "sys/mutate.h"
#include "sys/probe.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/path.h"

#define PASSWD_MAX (1u << 20)

/* Shell sort: qsort(3) may allocate and asks sysinfo(2). */
static void sort_gids(gid_t *v, size_t n)
{
	for (size_t gap = n / 2; gap > 0; gap /= 2)
		for (size_t i = gap; i < n; i++) {
			gid_t x = v[i];
			size_t j = i;

			for (; j >= gap && v[j - gap] > x; j -= gap)
				v[j] = v[j - gap];
			v[j] = x;
		}
}

/* Are our supplementary groups exactly these?  The kernel keeps duplicates, in its own order. */
static bool groups_are(const gid_t *want, size_t n)
{
	_cleanup_free_ gid_t *got = NULL, *sorted = NULL;
	long have = syscall(SYS_getgroups, 0, NULL);

	if (have < 0 || (size_t)have != n)
		return false;
	if (n == 0)
		return true;
	got = xcalloc(n, sizeof(*got));
	sorted = xcalloc(n, sizeof(*sorted));
	if (syscall(SYS_getgroups, (int)n, got) != (long)n)
		return false;
	memcpy(sorted, want, n * sizeof(*sorted));
	sort_gids(sorted, n);
	sort_gids(got, n);
	return memcmp(sorted, got, n * sizeof(*got)) == 0;
}

int process_set_groups(const struct oci_user *user, struct error *err)
{
	size_t n = user->n_additional_gids;
	int r = MUTATE(T82) ? 0 : sys_setgroups(n, user->additional_gids);

	/* With CAP_SETGID, EPERM means that /proc/PID/setgroups of the user namespace says "deny"
	 * (user_namespaces(7)): the groups of the caller stay, and that is all there is to it. */
	if (r == -EPERM && n == 0 && probe_effective_cap(CAP_SETGID))
		return 0;
	if (r < 0) {
		error_errno(err, r, "set %zu supplementary groups", n);
		if (r == -EPERM)
			error_hint(err, "setgroups is denied in this user namespace; the caller needs "
					"a range in /etc/subgid and newgidmap(1)");
		else if (r == -EINVAL)
			error_hint(err, "each must be mapped in the user namespace, and there may be at "
					"most %d", NGROUPS_MAX);
		return error_at(err, "/process/user/additionalGids");
	}
	if (!groups_are(user->additional_gids, n) && !MUTATE(T88))
		return error_set(err, EPERM, "the kernel did not take the supplementary groups");
	return 0;
}

int process_set_ids(const struct oci_user *user, struct error *err)
{
	uid_t uid = user->uid, ru, eu, su;
	gid_t gid = user->gid, rg, eg, sg;
	int r;

	r = sys_setresgid(gid, gid, gid);
	if (r < 0) {
		error_errno(err, r, "set group id %u", gid);
		if (r == -EINVAL)
			error_hint(err, "it is not mapped in the user namespace: linux.gidMappings");
		return error_at(err, "/process/user/gid");
	}
	r = sys_setresuid(uid, uid, uid);
	if (r < 0) {
		error_errno(err, r, "set user id %u", uid);
		if (r == -EINVAL)
			error_hint(err, "it is not mapped in the user namespace: linux.uidMappings");
		else if (r == -EAGAIN)
			error_hint(err, "the user has RLIMIT_NPROC processes already");
		return error_at(err, "/process/user/uid");
	}
	if (syscall(SYS_getresgid, &rg, &eg, &sg) < 0 || syscall(SYS_getresuid, &ru, &eu, &su) < 0)
		return error_errno(err, errno, "read the ids back");
	if (ru != uid || eu != uid || su != uid || rg != gid || eg != gid || sg != gid)
		return error_set(err, EPERM, "the kernel did not take user id %u, group id %u", uid, gid);
	return 0;
}

/* The file belongs to the image: a handle first, so that nothing but a regular file is ever opened
 * (a FIFO blocks, a device may act), and no magic link leads to a descriptor of ours. */
static int open_passwd(void)
{
	_cleanup_close_ int root = fd_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	_cleanup_close_ int handle = -1, fd = -1;
	struct stat first, second;

	if (root < 0)
		return root;
	handle = path_open_in_root(root, "etc/passwd", O_PATH);
	if (handle < 0)
		return handle;
	if (fstat(handle, &first) < 0 || (!S_ISREG(first.st_mode) && !MUTATE(T41)) || first.st_size > PASSWD_MAX)
		return -EINVAL;
	fd = path_open_in_root(root, "etc/passwd", O_RDONLY | (MUTATE(T41) ? 0 : O_NONBLOCK) | O_NOCTTY);
	if (fd < 0)
		return fd;
	if (fstat(fd, &second) < 0 || first.st_dev != second.st_dev || first.st_ino != second.st_ino)
		return -EAGAIN;
	return steal_fd(&fd);
}

const char *process_home(struct arena *a, uint32_t uid)
{
	_cleanup_close_ int fd = open_passwd();
	_cleanup_free_ char *text = NULL;
	size_t len = 0;

	if (fd < 0)
		return "/";
	text = xmalloc(PASSWD_MAX);
	while (len < PASSWD_MAX) {
		ssize_t n = read(fd, text + len, PASSWD_MAX - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	return passwd_home(a, text, len, uid);
}
