/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Removing a cgroup with all below it.  On the host side. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "cgroup/devices.h"
#include "cgroup/events.h"
#include "cgroup/walk.h"
#include "sys/mutate.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/str.h"

/* Remove everything below @fd, bottom up.  A child that is busy is left for the next round. */
static int remove_children(int fd)
{
	_cleanup_(cgroup_walk_done) struct cgroup_walk w = CGROUP_WALK_INIT;
	int r = cgroup_walk_start(&w, fd);

	if (MUTATE(T106))
		return 0;
	while (r >= 0 && (r = cgroup_walk_next(&w)) > WALK_END) {
		if (r == WALK_LEAVE && unlinkat(w.fd, w.name, AT_REMOVEDIR) < 0 &&
		    errno != ENOENT && errno != ENODEV && errno != EBUSY)
			return -errno;
	}
	return r;
}

static int error_populated(int fd, const char *path, int timeout_ms, struct error *err)
{
	_cleanup_(strbuf_free) struct strbuf list = {0};
	_cleanup_free_ pid_t *pids = NULL;
	struct error ignored;
	size_t n = 0;

	if (cgroup_procs(fd, &pids, &n, &ignored) == 0)
		for (size_t i = 0; i < n && i < 16; i++)
			strbuf_addf(&list, " %d", (int)pids[i]);
	return error_set(err, EBUSY, "cgroup %s still holds %zu process%s after %d ms:%s%s", path, n,
			 n == 1 ? "" : "es", timeout_ms, list.data ? list.data : "",
			 n > 16 ? " ..." : "");
}

static int remove_tree(int root, int fd, const char *path, int timeout_ms, struct error *err)
{
	int64_t deadline = cgroup_now_ms() + timeout_ms;

	for (;;) {
		int r = cgroup_wait_event(fd, "populated", 0, deadline, -1);

		if (r == -ETIMEDOUT)
			return error_populated(fd, path, timeout_ms, err);
		if (r == -ENODEV || r == -ENOENT)
			return 0;	/* somebody else removed it */
		if (r < 0)
			return error_errno(err, r, "wait for cgroup %s to become empty", path);
		if (unlinkat(root, path + 1, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		if (errno != EBUSY)
			return error_errno(err, errno, "remove cgroup %s", path);
		r = remove_children(fd);
		if (r < 0 && r != -ENOENT && r != -ENODEV)
			return error_errno(err, r, "remove the cgroups below %s", path);
		if (unlinkat(root, path + 1, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		if (errno != EBUSY || cgroup_now_ms() >= deadline)
			return error_errno(err, errno, "remove cgroup %s", path);
		/* Somebody entered it, of which there is an event, or made a child, of which there
		 * is none: look again a little later. */
		cgroup_wait_event(fd, "populated", 1, cgroup_now_ms() + 5, -1);
	}
}

/*
 * The directories above that were made for it, and those that another container has made and that have our mark, as
 * long as nothing else is in them: who made it, is not always the last to leave.
 */
static void remove_above(int root, const char *path, unsigned above)
{
	char buf[PATH_MAX], *slash;
	struct stat st;

	if (strlen(path) >= sizeof(buf))
		return;
	strcpy(buf, path);
	while ((slash = strrchr(buf, '/')) != NULL && slash != buf) {
		*slash = '\0';
		if (above > 0)
			above--;
		else if (fstatat(root, buf + 1, &st, AT_SYMLINK_NOFOLLOW) < 0 || !(st.st_mode & S_ISVTX) ||
			 st.st_uid != geteuid())
			return;
		if (unlinkat(root, buf + 1, AT_REMOVEDIR) < 0 && errno != ENOENT)
			return;
	}
}

int cgroup_destroy(const char *root, const char *path, uint64_t id, unsigned above, bool kill_rest,
		   int timeout_ms, struct error *err)
{
	_cleanup_close_ int root_fd = cgroup_open_root(root, O_PATH, err), fd = -1;
	int r = root_fd < 0 ? root_fd : cgroup_open_below(root_fd, path, id, &fd, err);

	if (r == -ESTALE) {	/* ours is gone; this one is somebody else's */
		log_warning("cgroup %s was removed and made again by somebody else: left alone", path);
		return 0;
	}
	if (r == -ENOENT && root_fd >= 0 && faccessat(root_fd, path + 1, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return error_in(err, "it is there");
	if (r < 0 && (r != -ENOENT || root_fd < 0))
		return r == -ENOENT ? 0 : r;
	/* Nearly always it is empty, and one call does it. */
	if (r == 0 && unlinkat(root_fd, path + 1, AT_REMOVEDIR) < 0) {
		r = kill_rest ? cgroup_kill_all(fd, err) : 0;
		if (r == 0)
			r = remove_tree(root_fd, fd, path, timeout_ms, err);
		if (r < 0)
			return r;
	}
	remove_above(root_fd, path, above);
	return 0;
}

int cgroup_leave(int fd, const char *path, struct error *err)
{
	char text[8];
	int r = 0;

	if (fd_read_pseudo(fd, "cgroup.freeze", text, sizeof(text)) > 0 && str_eq(text, "1"))
		r = fd_write_pseudo(fd, "cgroup.freeze", "0", 1);
	if (r < 0)
		return error_errno(err, r, "write 0 to cgroup.freeze of cgroup %s", path);
	r = cgroup_detach_devices(fd);
	/* Without privilege none was attached. */
	return r < 0 && r != -EPERM && r != -EACCES ?
	       error_errno(err, r, "detach the device program from cgroup %s", path) : 0;
}
