/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A walk that takes one component at a time, from one handle to the next: the kernel never follows a link, and `..`
 * never leaves.  On the host, with the caller's rights.
 */
#include "report/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "report/access.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/str.h"

#define LINKS_MAX 40		/* path_resolution(7) */

struct inside {
	int root;
	const struct plan_mount *mounts;
	const char **places;		/* of them, without links */
	size_t n;			/* that are there already */
};

struct walk {
	const struct inside *in;
	const struct plan_mount *mount;
	int cur;			/* -1: a directory made for a mount, or on one that is not there yet */
	bool unknown;			/* the latter */
	bool denied;			/* the user may not search a directory on the way */
	const struct access_user *user;	/* or NULL: nobody is asked for */
	unsigned links;
	char done[PATH_MAX];		/* the way without links up to `cur`, "" for the root */
	char todo[PATH_MAX];		/* what is left */
};

static void move(struct walk *w, int fd)
{
	if (w->cur >= 0)
		close(w->cur);
	w->cur = fd;
}

static int begin(struct walk *w)
{
	int fd = fcntl(w->in->root, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return -errno;
	move(w, fd);
	w->mount = NULL;
	w->unknown = false;
	w->done[0] = '\0';
	return 0;
}

/* What is to be done is @first and then @rest, which may be part of it. */
static int put_before(struct walk *w, const char *first, const char *rest)
{
	size_t n = strlen(first), m = strlen(rest);

	if (n + m + 2 > sizeof(w->todo))
		return -ENAMETOOLONG;
	memmove(w->todo + n + 1, rest, m + 1);
	memcpy(w->todo, first, n);
	w->todo[n] = '/';
	return 0;
}

/* The last mount on the place @path, or NULL; *ret_below: there is one below it. */
static const struct plan_mount *mount_at(const struct inside *in, const char *path, bool *ret_below)
{
	const struct plan_mount *found = NULL;
	size_t n = strlen(path);

	*ret_below = false;
	for (size_t i = 0; i < in->n; i++) {
		if (strncmp(in->places[i], path, n) != 0)
			continue;
		if (in->places[i][n] == '\0' && in->mounts[i].kind != MOUNT_REMOUNT)
			found = &in->mounts[i];
		else if (in->places[i][n] == '/')
			*ret_below = true;
	}
	return found;
}

static int enter_mount(struct walk *w, const struct plan_mount *m)
{
	bool link = m->options->src_nofollow || m->options->copy_symlink;
	int fd = m->kind == MOUNT_BIND ? fd_openat(AT_FDCWD, m->source, O_PATH | (link ? O_NOFOLLOW : 0), 0) : -1;

	if (m->kind == MOUNT_BIND && fd < 0)
		return -EXDEV;
	move(w, fd);
	w->mount = m;
	/* A tmpfs begins empty, and so there is nothing unknown about it. */
	w->unknown = m->kind != MOUNT_BIND && (!m->fstype || !str_eq(m->fstype, "tmpfs") || m->options->tmpcopyup);
	return 0;
}

static int up(struct walk *w, const char *rest)
{
	char parent[PATH_MAX], *slash;

	strcpy(parent, w->done);
	slash = strrchr(parent, '/');
	if (slash)
		*slash = '\0';
	if (put_before(w, parent, rest) < 0)
		return -ENAMETOOLONG;
	return begin(w);
}

static int follow(struct walk *w, int link, const char *rest)
{
	char text[PATH_MAX], *slash;
	ssize_t n = readlinkat(link, "", text, sizeof(text) - 1);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	if (++w->links > LINKS_MAX)
		return -ELOOP;
	slash = strrchr(w->done, '/');
	*slash = '\0';
	if (put_before(w, text, rest) < 0)
		return -ENAMETOOLONG;
	return text[0] == '/' ? begin(w) : 0;
}

/* The name is at the end of `done` already. */
static int step(struct walk *w, const char *name, const char *rest)
{
	_cleanup_close_ int fd = -1;
	bool below;
	const struct plan_mount *m = mount_at(w->in, w->done, &below);
	struct stat st;

	if (w->user && w->cur >= 0 && !access_may_search(w->user, w->cur, w->mount)) {
		w->denied = true;
		return -EACCES;
	}
	if (m && !m->options->copy_symlink)
		return enter_mount(w, m);
	fd = w->cur >= 0 ? fd_openat(w->cur, name, O_PATH | O_NOFOLLOW, 0) : w->unknown ? -EXDEV : -ENOENT;
	if ((fd == -ENOENT || fd == -EXDEV) && below) {
		move(w, -1);
		return 0;
	}
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return follow(w, fd, rest);
	if (*rest && !S_ISDIR(st.st_mode))
		return -ENOTDIR;
	move(w, steal_fd(&fd));
	return 0;
}

static int run(struct walk *w)
{
	int r = begin(w);

	while (r >= 0) {
		char name[NAME_MAX + 1];
		const char *at = w->todo + strspn(w->todo, "/"), *rest;
		size_t n = strcspn(at, "/"), done = strlen(w->done);

		if (n == 0)
			return 0;
		if (n >= sizeof(name) || done + n + 2 > sizeof(w->done))
			return -ENAMETOOLONG;
		memcpy(name, at, n);
		name[n] = '\0';
		rest = at + n + strspn(at + n, "/");
		if (str_eq(name, "..")) {
			r = up(w, rest);
			continue;
		}
		if (str_eq(name, ".")) {
			memmove(w->todo, rest, strlen(rest) + 1);
			continue;
		}
		snprintf(w->done + done, sizeof(w->done) - done, "/%s", name);
		memmove(w->todo, rest, strlen(rest) + 1);
		r = step(w, name, w->todo);
	}
	return r;
}

static int walk(struct walk *w, const struct inside *in, const char *path)
{
	w->in = in;
	w->cur = -1;
	w->links = 0;
	w->denied = false;
	if (strlen(path) >= sizeof(w->todo))
		return -ENAMETOOLONG;
	strcpy(w->todo, path);
	return run(w);
}

struct inside *inside_new(struct arena *a, const struct plan_rootfs *plan, int root)
{
	struct inside *in = arena_new_array(a, struct inside, 1);
	struct walk *w = arena_new_array(a, struct walk, 1);

	*in = (struct inside){.root = root, .mounts = plan->mounts};
	in->places = arena_new_array(a, const char *, plan->n_mounts + 1);
	for (size_t i = 0; i < plan->n_mounts; in->n = ++i) {
		/* What is not there will be made, at the place that is written. */
		int r = walk(w, in, plan->mounts[i].destination);

		in->places[i] = r < 0 ? plan->mounts[i].destination : arena_strdup(a, w->done);
		move(w, -1);
	}
	return in;
}

int inside_open(const struct inside *in, const char *path, const struct plan_mount **ret_mount)
{
	struct walk *w = xcalloc(1, sizeof(*w));
	int r = walk(w, in, path);

	*ret_mount = w->mount;
	if (r >= 0)
		r = w->cur >= 0 ? w->cur : w->unknown ? -EXDEV : -ENOENT;
	else if (w->cur >= 0)
		close(w->cur);
	free(w);
	return r;
}

bool inside_may_reach(const struct inside *in, const char *path, const struct access_user *user, struct arena *a,
		      const char **ret_dir)
{
	struct walk *w = xcalloc(1, sizeof(*w));
	bool may;

	w->user = user;
	walk(w, in, path);
	may = !w->denied;
	if (!may) {
		char *slash = strrchr(w->done, '/');	/* the name that was next */

		*slash = '\0';
		*ret_dir = w->done[0] ? arena_strdup(a, w->done) : "/";
	}
	move(w, -1);
	free(w);
	return may;
}

/* A name that is missing in the directory where the walk stopped would have to be made there. */
static int look_for_place(struct walk *w)
{
	struct statvfs fs;
	int r = run(w);

	if (r >= 0)
		return w->cur >= 0 ? fcntl(w->cur, F_DUPFD_CLOEXEC, 3) : w->unknown ? -EXDEV : -ENOENT;
	if (r == -ENOENT && w->cur >= 0 && fstatvfs(w->cur, &fs) == 0 && (fs.f_flag & ST_RDONLY))
		return -EROFS;
	return r;
}

int inside_place(const struct inside *in, size_t n, const char *path, const struct plan_mount **ret_mount)
{
	struct walk *w = xcalloc(1, sizeof(*w));
	struct inside earlier = *in;
	int r = -ENAMETOOLONG;

	earlier.n = n;
	w->in = &earlier;
	w->cur = -1;
	if (strlen(path) < sizeof(w->todo)) {
		strcpy(w->todo, path);
		r = look_for_place(w);
	}
	*ret_mount = w->mount;
	move(w, -1);
	free(w);
	return r;
}

ssize_t inside_read(int handle, char *buf, size_t size)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	char path[40];
	ssize_t n;

	if (fstat(handle, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", handle);
	fd = fd_openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0);
	if (fd < 0)
		return fd;
	n = fd_read_up_to(fd, buf, size);
	return n;
}
