/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The container's user becomes the owner of the container's cgroup, so that it can make cgroups below
 * it: cgroups(7), "Cgroups delegation".  On the host side.  Files that hold limits stay ours.
 * And, if that is asked for, controllers for what it makes.
 */
#include "cgroup/delegate.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "cgroup/controllers.h"
#include "cgroup/events.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/mountinfo.h"
#include "util/trace.h"

#define DIVIDE_MS 2000

/* What kernels before 4.15 delegate; they have no file that says it. */
#define OLDEST "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n"

int cgroup_delegate(int fd, uid_t owner, const char *list, struct error *err)
{
	char names[4096], *save = NULL;
	ssize_t n = fd_read_pseudo(AT_FDCWD, list, names, sizeof(names));

	if (n == -ENOENT)
		memcpy(names, OLDEST, sizeof(OLDEST));
	else if (n < 0)
		return error_errno(err, (int)n, "read %s", list);
	if (fchown(fd, owner, (gid_t)-1) < 0)
		return error_errno(err, errno, "give the container's cgroup to user %u", owner);
	for (char *s = strtok_r(names, "\n", &save); s; s = strtok_r(NULL, "\n", &save)) {
		if (strchr(s, '/') || fchownat(fd, s, owner, (gid_t)-1, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		/* Files of controllers that are not enabled here are not here. */
		if (errno != ENOENT)
			return error_errno(err, errno, "give %s of the container's cgroup to user %u", s,
					   owner);
	}
	return 0;
}

/* ---- with controllers ------------------------------------------------------------------------ */

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *s = list; s; s = strchr(s, ',')) {
		s += *s == ',';
		if (strncmp(s, word, n) == 0 && (s[n] == ',' || !s[n]))
			return true;
	}
	return false;
}

/* cgroups(7), nsdelegate: the limits of a namespace's root are out of reach in it, and what is outside of it, too. All
 * mounts of cgroup2 have the same options. */
int cgroup_check_confined(const struct plan_cgroup *p, struct error *err)
{
	_cleanup_(strbuf_free) struct strbuf text = {0};
	char *save = NULL;
	int r = mountinfo_read(AT_FDCWD, "/proc/self/mountinfo", &text);

	if (r < 0)
		return error_errno(err, r, "read /proc/self/mountinfo");
	for (char *l = text.data ? strtok_r(text.data, "\n", &save) : NULL; l; l = strtok_r(NULL, "\n", &save)) {
		struct mountinfo m;

		if (mountinfo_parse(l, &m) && str_eq(m.type, "cgroup2") && has_word(m.fs_options, "nsdelegate"))
			return 0;
	}
	error_set(err, ENOTSUP, "cgroup2 is mounted without nsdelegate on this host: a container could change the "
		  "limits of a cgroup that is delegated to it");
	error_hint(err, "mount -o remount,nsdelegate %s, in the host's cgroup namespace", p->root);
	return error_at(err, "%s", p->delegation.where);
}

/* As if it had made it itself: all files, the limits of this one, too. */
static int give_all(int dirfd, uid_t owner, struct error *err)
{
	int fd = fd_openat(dirfd, ".", O_RDONLY | O_DIRECTORY, 0), r = fd < 0 ? fd : 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	while (dir && r == 0 && (d = readdir(dir)))
		if (!str_eq(d->d_name, "..") && fchownat(fd, d->d_name, owner, (gid_t)-1, AT_SYMLINK_NOFOLLOW) < 0 &&
		    errno != ENOENT)
			r = -errno;
	if (dir)
		closedir(dir);
	return r < 0 ? error_errno(err, r, "give " CGROUP_DELEGATE_INNER " in the container's cgroup to user %u", owner)
		     : 0;
}

static int make_inner(int fd, int *ret, struct error *err)
{
	int inner = -1;

	if (mkdirat(fd, CGROUP_DELEGATE_INNER, 0755) == 0)
		inner = fd_openat(fd, CGROUP_DELEGATE_INNER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	*ret = inner;
	/* The umask is the caller's. */
	if (inner < 0 || fchmod(inner, 0755) < 0)
		return error_errno(err, errno, "make the cgroup " CGROUP_DELEGATE_INNER " in that of the container");
	return 0;
}

int cgroup_divide(int fd, const struct plan_cgroup *p, struct error *err)
{
	TRACE("share the cgroup out", NULL);
	int64_t deadline = cgroup_now_ms() + DIVIDE_MS;
	_cleanup_close_ int inner = -1;
	int r = make_inner(fd, &inner, err);

	if (r < 0)
		return r;
	for (;;) {
		r = cgroup_move_all(fd, inner, err);
		if (r == 0)
			r = cgroup_pass_on(fd, &p->delegation, err);
		/* What has made the container's process may not be quite gone. */
		if (r != -EBUSY || cgroup_now_ms() >= deadline)
			break;
		memset(err, 0, sizeof(*err));
		usleep(1000);
	}
	return r == 0 ? give_all(inner, p->owner.v, err) : r;
}
