/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state root: which directory, whose it is, and the containers' directories in it.  On the host. */
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/root.h"
#include "sys/mutate.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/str.h"

struct store {
	char *path;
	int fd;		/* O_RDONLY directory, or -1: the root does not exist, so nothing is in it */
};

/* ---- the root ---- */

int store_open(const char *root, bool create, struct store **ret, struct error *err)
{
	_cleanup_free_ char *path = NULL;
	struct store *s;
	int fd = -1, r = 0;

	if (!root)
		r = root_default(&path, err);
	else if (!root[0])
		r = error_usage(err, "--root is empty");
	else
		path = xstrdup(root);
	if (r < 0)
		return r;
	r = root_open(path, create, &fd, err);
	if (r < 0 && (create || r != -ENOENT)) {
		error_phase(err, "state");
		return error_path(err, path);
	}
	if (r < 0)
		memset(err, 0, sizeof(*err));
	s = xcalloc(1, sizeof(*s));
	s->path = steal_ptr(path);
	s->fd = fd;
	*ret = s;
	return 0;
}

int store_directory(struct arena *a, const char *root, const char *id, const char **ret, struct error *err)
{
	_cleanup_free_ char *path = NULL;
	char here[PATH_MAX];
	int r = root ? 0 : root_default(&path, err);

	if (r < 0)
		return r;
	root = root ? root : path;
	if (root[0] == '/')
		*ret = arena_printf(a, "%s/%s", root, id);
	else if (getcwd(here, sizeof(here)))
		*ret = arena_printf(a, "%s/%s/%s", here, root, id);
	else
		return error_errno(err, errno, "find the current directory");
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
	free(s);
}

const char *store_path(const struct store *s)
{
	return s->path;
}

int store_fd(const struct store *s)
{
	return s->fd;
}

/* ---- a container's directory ---- */

static int check_id(const char *id, struct error *err)
{
	if (str_is_container_id(id) || MUTATE(T55))
		return 0;
	return error_of(err, ERROR_USAGE, EINVAL, "container id `%.200s` is not allowed: 1 to 200 letters, digits and "
			"_ + . -, and not . + or - first", id);
}

static int does_not_exist(const char *id, struct error *err)
{
	return error_of(err, ERROR_CONTAINER_UNKNOWN, ENOENT, "container `%s` does not exist", id);
}

int store_container(struct store *s, const char *id, int *ret_dir, struct error *err)
{
	_cleanup_close_ int dir = -1;
	int r = check_id(id, err);

	if (r < 0)
		return r;
	dir = s->fd < 0 ? -ENOENT : fd_openat(s->fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (dir == -ENOENT)
		return does_not_exist(id, err);
	if (dir < 0)
		return error_errno(err, dir, "open the state directory of container `%s`", id);
	r = root_check_owner(dir, "state directory", id, err);
	if (r < 0)
		return r;
	*ret_dir = steal_fd(&dir);
	return 0;
}

static void pause_ms(long ms)
{
	struct timespec t = {.tv_nsec = ms * 1000000};

	nanosleep(&t, NULL);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int store_lock(int dir, bool exclusive, int timeout_ms, struct error *err)
{
	int64_t deadline = now_ms() + timeout_ms;
	long wait = 1;

	if (MUTATE(T47))
		return 0;
	/* flock(2) has no deadline, and a timer's signal could hit before it waits: so ask again. */
	while (flock(dir, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return error_errno(err, errno, "lock the container's state");
		if (now_ms() >= deadline)
			return error_set(err, EBUSY, "another command is busy with this container and did "
					 "not end within %d s", timeout_ms / 1000);
		pause_ms(wait);
		wait = wait < 16 ? wait * 2 : 20;
	}
	return 0;
}

bool store_is_locked(int dir)
{
	/* A lock belongs to the open file: through @dir itself we would turn our own into another one. */
	_cleanup_close_ int fd = fd_openat(dir, ".", O_RDONLY | O_DIRECTORY, 0);

	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

int store_unlock(int dir, struct error *err)
{
	while (flock(dir, LOCK_UN) < 0)
		if (errno != EINTR)
			return error_errno(err, errno, "unlock the container's state");
	return 0;
}

int store_look_at(struct store *s, const char *id, int dir, struct error *err)
{
	struct stat a, b;

	if (s->fd < 0)
		return 0;
	if (fstat(dir, &a) < 0)
		return error_errno(err, errno, "look at the state directory of container `%s`", id);
	if (fstatat(s->fd, id, &b, AT_SYMLINK_NOFOLLOW) == 0)
		return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
	return errno == ENOENT ? 0 : error_errno(err, errno, "look for the state directory of container `%s`", id);
}

bool store_is_current(struct store *s, const char *id, int dir)
{
	struct error ignored = {0};

	return store_look_at(s, id, dir, &ignored) > 0;
}

int store_container_locked(struct store *s, const char *id, int timeout_ms, int *ret_dir,
			   struct error *err)
{
	int64_t deadline = now_ms() + timeout_ms;

	for (;;) {
		_cleanup_close_ int dir = -1;
		int64_t left = deadline - now_ms();
		int r = store_container(s, id, &dir, err);

		if (r < 0)
			return r;
		r = store_lock(dir, true, left > 0 ? (int)left : 0, err);
		if (r == -EBUSY)
			return error_set(err, EBUSY, "another command is busy with container `%s` and did not "
					 "end within %d s", id, timeout_ms / 1000);
		if (r < 0)
			return r;
		if (store_is_current(s, id, dir)) {
			*ret_dir = steal_fd(&dir);
			return 0;
		}
	}
}

int store_create(struct store *s, const char *id, int *ret_dir, struct error *err)
{
	_cleanup_close_ int dir = -1;
	int r = check_id(id, err);

	if (r < 0)
		return r;
	if (s->fd < 0)
		return error_set(err, ENOENT, "state root %s is gone", s->path);
	r = root_mkdir(s->fd, id, MUTATE(T61) ? 0755 : 0700);
	if (r == -EEXIST && !MUTATE(T60))
		return error_of(err, ERROR_CONTAINER_EXISTS, EEXIST, "container `%s` already exists", id);
	if (r < 0 && r != -EEXIST)
		return error_errno(err, r, "make the state directory of container `%s` in %s", id, s->path);
	/* A `delete --force` of the half-made container may be faster than our lock. */
	r = store_container_locked(s, id, STORE_LOCK_MS, &dir, err);
	if (r < 0) {
		/* Unless somebody else is at it, nobody but us has anything to do with it as long as it is empty. */
		if (r != -EBUSY && r != -ENOENT && unlinkat(s->fd, id, AT_REMOVEDIR) < 0 &&
		    errno != ENOENT && errno != ENOTEMPTY)
			error_hint(err, "and %s/%s is still there: %s", s->path, id, error_words(errno));
		return r;
	}
	if (faccessat(dir, STORE_STATE, F_OK, 0) == 0 && !MUTATE(T60))
		return error_of(err, ERROR_CONTAINER_EXISTS, EEXIST, "container `%s` already exists", id);
	*ret_dir = steal_fd(&dir);
	return 0;
}

/* Everything but subdirectories. */
static int remove_all_files(int dir)
{
	_cleanup_close_ int fd = fd_openat(dir, ".", O_RDONLY | O_DIRECTORY, 0);
	struct dirent *e;
	DIR *d;

	if (fd < 0)
		return fd;
	d = fdopendir(fd);
	if (!d)
		return -errno;
	fd = -1;
	while ((e = readdir(d)))
		if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, ".."))
			unlinkat(dir, e->d_name, 0);
	closedir(d);
	return 0;
}

static int remove_state(struct store *s, const char *id, int dir)
{
	if (unlinkat(dir, STORE_STATE, 0) < 0 && errno != ENOENT)
		return -errno;
	if (unlinkat(s->fd, id, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

int store_remove(struct store *s, const char *id, struct error *err)
{
	static const char *const names[] = {STORE_START, STORE_RESULT, STORE_CONFIG};
	_cleanup_close_ int dir = -1;
	int r = store_container(s, id, &dir, err);

	if (r == -ENOENT) {
		memset(err, 0, sizeof(*err));
		return 0;
	}
	if (r < 0)
		return r;
	/* What is nearly always all of it; then whatever else there is.  The state, which is needed to try
	 * again, comes last. */
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unlinkat(dir, names[i], 0);
	r = remove_state(s, id, dir);
	if (r == -ENOTEMPTY) {
		unlinkat(dir, STORE_NOTIFY "/" STORE_NOTIFY_SOCKET, 0);
		unlinkat(dir, STORE_NOTIFY, AT_REMOVEDIR);
		unlinkat(dir, STORE_CRIU_ROOT, AT_REMOVEDIR);
		r = remove_all_files(dir);
		if (r == 0)
			r = remove_state(s, id, dir);
	}
	if (r < 0)
		return error_errno(err, r, "remove the state directory %s/%s", s->path, id);
	return 0;
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int store_list(struct store *s, struct strings *ret, struct error *err)
{
	struct strings list = {0};
	struct dirent *e;
	size_t cap = 0;
	DIR *d;
	int fd;

	*ret = list;
	if (s->fd < 0)
		return 0;
	fd = fd_openat(s->fd, ".", O_RDONLY | O_DIRECTORY, 0);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		int r = error_errno(err, fd < 0 ? fd : errno, "read state root %s", s->path);

		if (fd >= 0)
			close(fd);
		return r;
	}
	while ((e = readdir(d))) {
		if (!str_is_container_id(e->d_name))
			continue;	/* also . and .., and our own caches */
		if (list.n + 2 > cap) {
			cap = cap ? cap * 2 : 16;
			list.v = xrealloc(list.v, cap, sizeof(*list.v));
		}
		list.v[list.n++] = xstrdup(e->d_name);
		list.v[list.n] = NULL;
	}
	closedir(d);
	if (list.n > 1)
		qsort(list.v, list.n, sizeof(*list.v), compare_strings);
	*ret = list;
	return 0;
}

void store_list_free(struct strings *ids)
{
	for (size_t i = 0; i < ids->n; i++)
		free(ids->v[i]);
	free(ids->v);
}

int store_open_start(int dir)
{
	_cleanup_close_ int fd = fd_openat(dir, STORE_START, O_WRONLY | O_NONBLOCK | O_NOFOLLOW, 0);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISFIFO(st.st_mode) && !MUTATE(T51))
		return -EINVAL;
	return steal_fd(&fd);
}
