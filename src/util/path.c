/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names below a descriptor, in the parent and in the container process. */
#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "sys/compat.h"
#include "sys/mutate.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/str.h"

#define RETRY_MAX 128
#define RETRY_NS  (5 * 1000 * 1000)
#define LINKS_MAX 40 /* as the kernel: path_resolution(7) */

/* Copy the components of @path behind @out, which holds a cleaned absolute path without its final
 * "/" ("" for the root); ".." takes away the last component unless @keep_dotdot. */
static size_t add_components(char *out, size_t len, const char *path, bool keep_dotdot)
{
	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 0) {
			path++;
			continue;
		}
		if (n == 2 && path[0] == '.' && path[1] == '.' && !keep_dotdot) {
			while (len > 0 && out[--len] != '/')
				;
		} else if (!(n == 1 && path[0] == '.')) {
			out[len++] = '/';
			memcpy(out + len, path, n);
			len += n;
		}
		path += n;
	}
	return len;
}

char *path_clean(struct arena *a, const char *path)
{
	char *out = arena_alloc(a, strlen(path) + 3, 1);
	size_t len = add_components(out, 0, path, false);

	if (len == 0)
		out[len++] = '/';
	out[len] = '\0';
	return out;
}

char *path_join(struct arena *a, const char *base, const char *path)
{
	char *out = arena_alloc(a, strlen(base) + strlen(path) + 4, 1);
	size_t len = 0;

	if (path[0] != '/')
		len = add_components(out, 0, base, true);
	len = add_components(out, len, path, true);
	if (len == 0)
		out[len++] = '/';
	out[len] = '\0';
	return out;
}

static long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static int open_resolved(int root, const char *path, int flags, uint64_t resolve)
{
	/* openat2(2) refuses what O_PATH would ignore. */
	uint64_t all = (unsigned)flags | O_CLOEXEC | (unsigned)(flags & O_PATH ? 0 : O_NOCTTY);
	long long start = 0;

	for (int i = 0;; i++) {
		int r = sys_openat2(root, path, all, 0, resolve | RESOLVE_NO_MAGICLINKS);

		if (r == -EINTR)
			continue;
		/* Somebody renames below us, and a ".." could not be verified: openat2(2). */
		if (r != -EAGAIN || (i >= RETRY_MAX && !MUTATE(T22)))
			return r;
		if (start == 0)
			start = now_ns();
		else if (now_ns() - start > RETRY_NS && !MUTATE(T22))
			return r;
	}
}

/* What rule R1 is against, for tests: look whether there is a link, and then use the name. */
static int check_then_use(int root, const char *path, int flags)
{
	int fd = open_resolved(root, path, O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);

	if (fd < 0)
		return open_resolved(root, path, flags, RESOLVE_IN_ROOT);
	close(fd);
	path += strspn(path, "/");
	fd = openat(root, *path ? path : ".", flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int path_open_in_root(int root, const char *path, int flags)
{
	if (MUTATE(T01))	/* links lead to files of the host */
		return fd_openat(root, path[strspn(path, "/")] ? path + strspn(path, "/") : ".", flags, 0);
	if (MUTATE(T20))
		return check_then_use(root, path, flags);
	return open_resolved(root, path, flags, RESOLVE_IN_ROOT);
}

int path_open_without_links(int root, const char *path, int flags)
{
	return open_resolved(root, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
}

int path_open_beneath(int dir, const char *path, int flags)
{
	int fd;

	if (*path)
		return open_resolved(dir, path, flags, RESOLVE_BENEATH);
	fd = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

/* Make one missing entry in @dir and open what was made; -EEXIST when something is there. */
static int make_entry(int dir, const char *name, bool is_dir)
{
	mode_t mask = umask(0);
	int r;

	if (is_dir)
		r = mkdirat(dir, name, 0755) < 0 ? -errno : 0;
	else
		r = fd_openat(dir, name, O_RDONLY | O_CREAT | (MUTATE(T03) ? 0 : O_EXCL | O_NOFOLLOW), 0644);
	umask(mask);
	if (r < 0 || !is_dir)
		return r;
	return fd_openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
}

/*
 * A walk that takes one component at a time and makes what is missing.  `done` is the way from the
 * root without links, for "..", which the kernel would otherwise resolve against the descriptor at
 * hand.
 */
struct walk {
	int root, cur;
	unsigned links, retries;
	size_t done_len;
	char done[PATH_MAX], todo[PATH_MAX];
};

static int walk_reopen(struct walk *w)
{
	int fd;

	w->done[w->done_len] = '\0';
	fd = path_open_in_root(w->root, w->done_len ? w->done : "/", O_PATH | O_DIRECTORY);
	if (fd < 0)
		return fd;
	if (w->cur >= 0)
		close(w->cur);
	w->cur = fd;
	return 0;
}

/* The link @fd stands in the way: its text goes in front of @rest, what is left to do. */
static int walk_link(struct walk *w, int fd, const char *rest)
{
	char text[PATH_MAX];
	size_t rest_len = strlen(rest);
	ssize_t n;

	if (++w->links > LINKS_MAX)
		return -ELOOP;
	n = readlinkat(fd, "", text, sizeof(text));
	if (n < 0)
		return -errno;
	if (n == 0)
		return -ENOENT;
	if ((size_t)n + rest_len + 2 > sizeof(w->todo))
		return -ENAMETOOLONG;
	memmove(w->todo + n + 1, rest, rest_len + 1);
	memcpy(w->todo, text, (size_t)n);
	w->todo[n] = '/';
	if (rest_len == 0)
		w->todo[n] = '\0';
	if (text[0] != '/')
		return 0;
	w->done_len = 0;
	return walk_reopen(w);
}

static int walk_up(struct walk *w)
{
	int r;

	while (w->done_len > 0 && w->done[--w->done_len] != '/')
		;
	r = walk_reopen(w);
	return r < 0 ? r : 1;
}

/* One step into @name.  1: taken; 0: look at `todo` again (a link, or somebody was faster). */
static int walk_step(struct walk *w, const char *name, const char *rest, bool is_dir)
{
	_cleanup_close_ int fd = -1;
	size_t n = strlen(name);
	struct stat st;

	fd = fd_openat(w->cur, name, O_PATH | O_NOFOLLOW, 0);
	if (fd < 0 && fd != -ENOENT)
		return fd;
	if (fd < 0) {
		fd = make_entry(w->cur, name, *rest || is_dir);
		if (fd == -EEXIST && ++w->retries < RETRY_MAX)
			return 0;
		if (fd < 0)
			return fd;
	}
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return walk_link(w, fd, rest);
	if (*rest && !S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (w->done_len + n + 2 > sizeof(w->done))
		return -ENAMETOOLONG;
	w->done[w->done_len++] = '/';
	memcpy(w->done + w->done_len, name, n);
	w->done_len += n;
	close(w->cur);
	w->cur = steal_fd(&fd);
	return 1;
}

static int walk_run(struct walk *w, bool is_dir)
{
	int r = walk_reopen(w);

	while (r >= 0) {
		char name[NAME_MAX + 1];
		const char *at = w->todo + strspn(w->todo, "/"), *rest;
		size_t n = strcspn(at, "/");

		if (n == 0)
			return 0;
		if (n >= sizeof(name))
			return -ENAMETOOLONG;
		memcpy(name, at, n);
		name[n] = '\0';
		rest = at + n + strspn(at + n, "/");
		if (str_eq(name, "."))
			r = 1;
		else if (str_eq(name, ".."))
			r = walk_up(w);
		else
			r = walk_step(w, name, rest, is_dir);
		if (r == 1)
			memmove(w->todo, rest, strlen(rest) + 1);
	}
	return r;
}

/* Out of line: the frame of its callers is small, and on the stack of a new process each page costs. */
static __attribute__((noinline)) int walk_and_make(int root, const char *path, bool is_dir)
{
	struct walk w = {.root = root, .cur = -1};
	int r;

	if (strlen(path) >= sizeof(w.todo))
		return -ENAMETOOLONG;
	strcpy(w.todo, path);
	r = walk_run(&w, is_dir);
	if (r < 0 && w.cur >= 0)
		close(w.cur);
	return r < 0 ? r : w.cur;
}

/* Split at the last component; false when it is not a plain name. */
static bool split(const char *path, char *dir, size_t size, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t n = (size_t)(name - path);

	if (*name == '\0' || str_eq(name, ".") || str_eq(name, "..") || n + 2 > size)
		return false;
	memcpy(dir, path, n);
	dir[n] = '\0';
	if (n == 0)
		strcpy(dir, "/");
	*ret_name = name;
	return true;
}

int path_make_in_root(int root, const char *path, bool is_dir)
{
	_cleanup_close_ int parent = -1;
	char dir[PATH_MAX];
	const char *name;
	int fd;

	/* Nearly always only the last component is missing: no walk for that. */
	if (split(path, dir, sizeof(dir), &name)) {
		parent = path_open_in_root(root, dir, O_PATH | O_DIRECTORY);
		if (parent < 0 && parent != -ENOENT)
			return parent;
		if (parent >= 0) {
			fd = make_entry(parent, name, is_dir);
			if (fd != -EEXIST)
				return fd;
			fd = path_open_in_root(root, path, O_PATH);
			if (fd != -ENOENT)
				return fd;
		}
	}
	return walk_and_make(root, path, is_dir);
}

int path_parent_in_root(int root, const char *path, const char **ret_name)
{
	char dir[PATH_MAX];
	int fd;

	if (!split(path, dir, sizeof(dir), ret_name))
		return -EINVAL;
	fd = path_open_in_root(root, dir, O_PATH | O_DIRECTORY);
	if (fd == -ENOENT)
		fd = path_make_in_root(root, dir, true);
	return fd;
}
