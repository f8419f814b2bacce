/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tmpcopyup: what the image has at the mount point, copied into a tmpfs before that covers it.  Runs in
 * the container process.  The source is hostile (threats: links that lead out, special files, a file
 * of a terabyte, a million entries): each entry is opened once, by O_PATH below the descriptor of its
 * directory and on the same mount; only a regular file is ever opened for reading; everything has a
 * bound.  The tmpfs is detached: nobody but us can reach it yet.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "rootfs/mount.h"
#include "sys/mount_api.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/str.h"

#define MAX_DEPTH    64			/* two descriptors each */
#define MAX_ENTRIES  (1u << 18)
#define MAX_BYTES    (8ull << 30)	/* read; what is written the size of the tmpfs bounds */
#define LINK_BUCKETS 4096
#define BLOCK	     (64u << 10)
#define XATTR_MAX    (64u << 10)	/* XATTR_LIST_MAX and XATTR_SIZE_MAX, xattr(7) */

struct level {
	DIR *from;
	int to;
	struct stat st;
	size_t path_len;		/* of the path of the directory */
};

/* A file with several names, and the first of them. */
struct linked {
	struct linked *next;
	dev_t dev;
	ino_t ino;
	char *path;
};

struct copy {
	int proc;			/* private procfs */
	struct level levels[MAX_DEPTH];
	unsigned depth, entries;
	uint64_t bytes;
	struct strbuf path;		/* below the mount point; for messages and hard links */
	struct linked *linked[LINK_BUCKETS];
	bool keep_owner, keep_mode;	/* of the root of the tmpfs: options say otherwise */
	bool xattr_lost;
	char buf[BLOCK], list[XATTR_MAX];
};

static int fail(struct error *err, int code, const char *what)
{
	error_errno(err, code, "%s", what);
	if (code == ENOSPC)
		return error_hint(err, "the tmpfs is full: see size= and nr_inodes= in tmpfs(5)");
	return -err->code;
}

/* ---- attributes ----------------------------------------------------------------------------- */

/* Labels belong to the policy of the host and to the mount, hashes to a key; the rest to the file. */
static bool is_copied(const char *xattr)
{
	return !str_eq(xattr, "security.selinux") && !str_eq(xattr, "security.ima") &&
	       !str_eq(xattr, "security.evm");
}

static int copy_xattrs(struct copy *c, int from, int to, struct error *err)
{
	ssize_t len = flistxattr(from, c->list, sizeof(c->list)), n;

	if (len < 0)
		return errno == ENOTSUP ? 0 : fail(err, errno, "list extended attributes");
	for (char *name = c->list; name < c->list + len; name += strlen(name) + 1) {
		if (!is_copied(name))
			continue;
		n = fgetxattr(from, name, c->buf, sizeof(c->buf));
		if (n < 0)
			return fail(err, errno, name);
		if (fsetxattr(to, name, c->buf, (size_t)n, 0) == 0)
			continue;
		if (errno != ENOTSUP)
			return fail(err, errno, name);
		/* user.*: tmpfs has it since 6.6 */
		if (!c->xattr_lost)
			log_warning("tmpcopyup: this kernel's tmpfs cannot keep the extended attribute %s",
				    name);
		c->xattr_lost = true;
	}
	return 0;
}

static int no_owner(const struct stat *st, struct error *err)
{
	int code = errno;

	error_errno(err, code, "give it to %u:%u", st->st_uid, st->st_gid);
	if (code == EINVAL)
		return error_hint(err, "the owner has no id in the user namespace");
	return -code;
}

/* Of an open file or directory: the owner first, since a change of owner takes away the
 * set-user-ID bit and capabilities(7); times last. */
static int finish_open(struct copy *c, int from, int to, const struct stat *st, bool owner, bool mode,
		       struct error *err)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};
	int r;

	if (owner && fchown(to, st->st_uid, st->st_gid) < 0)
		return no_owner(st, err);
	if (mode && fchmod(to, st->st_mode & 07777) < 0)
		return fail(err, errno, "set the mode");
	r = copy_xattrs(c, from, to, err);
	if (r == 0 && futimens(to, times) < 0)
		return fail(err, errno, "set the times");
	return r;
}

static int finish_named(int to, const char *name, const struct stat *st, struct error *err)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};

	if (fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return no_owner(st, err);
	if (!S_ISLNK(st->st_mode) && fchmodat(to, name, st->st_mode & 07777, 0) < 0)
		return fail(err, errno, "set the mode");
	if (utimensat(to, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(err, errno, "set the times");
	return 0;
}

/* ---- regular files -------------------------------------------------------------------------- */

static bool all_zero(const char *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

static int write_at(int to, const char *p, size_t n, off_t at, struct error *err)
{
	while (n > 0) {
		ssize_t w = pwrite(to, p, n, at);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return fail(err, errno, "write");
		p += w;
		n -= (size_t)w;
		at += w;
	}
	return 0;
}

/* The data between @at and @end; blocks of zeros become holes. */
static int copy_range(struct copy *c, int from, int to, off_t at, off_t end, struct error *err)
{
	while (at < end) {
		size_t want = end - at < (off_t)sizeof(c->buf) ? (size_t)(end - at) : sizeof(c->buf);
		ssize_t n = pread(from, c->buf, want, at);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(err, errno, "read");
		if (n == 0)
			return 0;	/* somebody cut it off meanwhile */
		c->bytes += (uint64_t)n;
		if (c->bytes > MAX_BYTES)
			return error_set(err, E2BIG, "more than %llu bytes are not copied", MAX_BYTES);
		r = all_zero(c->buf, (size_t)n) ? 0 : write_at(to, c->buf, (size_t)n, at, err);
		if (r < 0)
			return r;
		at += n;
	}
	return 0;
}

static int copy_data(struct copy *c, int from, int to, off_t size, struct error *err)
{
	off_t at = 0;

	while (at < size) {
		off_t data = lseek(from, at, SEEK_DATA), end;
		int r;

		if (data < 0 && errno == ENXIO)
			break;		/* nothing but a hole is left */
		if (data < 0)
			data = at;	/* the file system does not tell */
		end = lseek(from, data, SEEK_HOLE);
		if (end < 0 || end > size)
			end = size;
		r = copy_range(c, from, to, data, end, err);
		if (r < 0)
			return r;
		at = end;
	}
	return ftruncate(to, size) < 0 ? fail(err, errno, "set the size") : 0;
}

/* @fd is an O_PATH descriptor of what is known to be a regular file: opened through it, not by name. */
static int copy_file(struct copy *c, int fd, int dir, const char *name, const struct stat *st,
		     struct error *err)
{
	_cleanup_close_ int from = -1, to = -1;
	char link[32];
	int r;

	snprintf(link, sizeof(link), "self/fd/%d", fd);
	from = fd_openat(c->proc, link, O_RDONLY, 0);
	if (from < 0)
		return fail(err, -from, "open");
	to = fd_openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (to < 0)
		return fail(err, -to, "make");
	r = copy_data(c, from, to, st->st_size, err);
	return r < 0 ? r : finish_open(c, from, to, st, true, true, err);
}

/* ---- other entries -------------------------------------------------------------------------- */

static int copy_link(int fd, int dir, const char *name, struct error *err)
{
	char text[4096];
	ssize_t n = readlinkat(fd, "", text, sizeof(text) - 1);

	if (n < 0)
		return fail(err, errno, "read the link");
	text[n] = '\0';
	return symlinkat(text, dir, name) < 0 ? fail(err, errno, "make the link") : 0;
}

/* Made like the one that is there, which is not opened. */
static int copy_special(int dir, const char *name, const struct stat *st, struct error *err)
{
	if (mknodat(dir, name, (st->st_mode & S_IFMT) | 0600, st->st_rdev) == 0)
		return 0;
	error_errno(err, errno, "make the special file %u:%u", major(st->st_rdev), minor(st->st_rdev));
	return err->code == EPERM ? error_hint(err, "devices cannot be made in a user namespace")
				  : -err->code;
}

static struct linked *find_linked(struct copy *c, const struct stat *st)
{
	struct linked *l = c->linked[st->st_ino % LINK_BUCKETS];

	while (l && (l->ino != st->st_ino || l->dev != st->st_dev))
		l = l->next;
	return l;
}

static void remember(struct copy *c, const struct stat *st)
{
	struct linked **bucket = &c->linked[st->st_ino % LINK_BUCKETS], *l = xmalloc(sizeof(*l));

	*l = (struct linked){*bucket, st->st_dev, st->st_ino, xstrdup(c->path.data)};
	*bucket = l;
}

/* Another mount lies here: it is not part of what the tmpfs covers.  Its place stays. */
static int skip_mount(int from, int to, const char *name, struct error *err)
{
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
		return fail(err, errno, "look");
	if (!S_ISDIR(st.st_mode))
		return 0;
	return mkdirat(to, name, 0755) < 0 ? fail(err, errno, "make a directory") : 0;
}

/* ---- the walk ------------------------------------------------------------------------------- */

/* @from is an O_PATH descriptor of the directory. */
static int enter(struct copy *c, int from, int to_dir, const char *to_name, const struct stat *st,
		 struct error *err)
{
	struct level *l = &c->levels[c->depth];
	int fd;

	if (c->depth == MAX_DEPTH)
		return error_set(err, ELOOP, "directories are copied at most %d deep", MAX_DEPTH);
	l->to = fd_openat(to_dir, to_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (l->to < 0)
		return fail(err, -l->to, "open the copy");
	fd = fd_openat(from, ".", O_RDONLY | O_DIRECTORY, 0);
	l->from = fd < 0 ? NULL : fdopendir(fd);
	if (!l->from) {
		close(l->to);
		return fail(err, fd < 0 ? -fd : ENOMEM, "open the directory");
	}
	l->st = *st;
	l->path_len = c->path.len;
	c->depth++;
	return 0;
}

static int leave(struct copy *c, bool ok, struct error *err)
{
	struct level *l = &c->levels[--c->depth];
	bool root = c->depth == 0;
	int r = 0;

	if (ok)
		r = finish_open(c, dirfd(l->from), l->to, &l->st, !root || c->keep_owner,
				!root || c->keep_mode, err);
	closedir(l->from);
	close(l->to);
	return r;
}

static int copy_other(struct copy *c, int fd, int to, const char *name, const struct stat *st,
		      struct error *err)
{
	int r;

	if (st->st_nlink > 1) {
		const struct linked *first = find_linked(c, st);

		if (first)
			return linkat(c->levels[0].to, first->path, to, name, 0) < 0
				       ? fail(err, errno, "make the hard link") : 0;
		remember(c, st);
	}
	if (S_ISREG(st->st_mode))
		return copy_file(c, fd, to, name, st, err);
	r = S_ISLNK(st->st_mode) ? copy_link(fd, to, name, err) : copy_special(to, name, st, err);
	return r < 0 ? r : finish_named(to, name, st, err);
}

static int copy_entry(struct copy *c, const char *name, struct error *err)
{
	const struct level *l = &c->levels[c->depth - 1];
	int from = dirfd(l->from), fd_or_error;
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (++c->entries > MAX_ENTRIES)
		return error_set(err, E2BIG, "more than %u entries are not copied", MAX_ENTRIES);
	fd_or_error = sys_openat2(from, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0,
				  RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
	if (fd_or_error == -EXDEV)
		return skip_mount(from, l->to, name, err);
	if (fd_or_error < 0)
		return fd_or_error == -ENOENT ? 0 : fail(err, -fd_or_error, "open");
	fd = fd_or_error;
	if (fstat(fd, &st) < 0)
		return fail(err, errno, "look");
	if (!S_ISDIR(st.st_mode))
		return copy_other(c, fd, l->to, name, &st, err);
	if (mkdirat(l->to, name, 0700) < 0)
		return fail(err, errno, "make a directory");
	return enter(c, fd, l->to, name, &st, err);
}

/* The next entry of the innermost directory.  1: there is more to do; 0: all is done. */
static int step(struct copy *c, struct error *err)
{
	struct level *l = &c->levels[c->depth - 1];
	struct dirent *e;
	int r;

	c->path.len = l->path_len;
	c->path.data[c->path.len] = '\0';
	errno = 0;
	e = readdir(l->from);
	if (!e && errno)
		return fail(err, errno, "read the directory");
	if (!e) {
		r = leave(c, true, err);
		return r < 0 ? r : c->depth > 0;
	}
	if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
		return 1;
	strbuf_addf(&c->path, "%s%s", c->path.len ? "/" : "", e->d_name);
	r = copy_entry(c, e->d_name, err);
	return r < 0 ? r : 1;
}

static void free_copy(struct copy *c)
{
	struct error ignored = {0};

	while (c->depth > 0)
		leave(c, false, &ignored);
	for (size_t i = 0; i < LINK_BUCKETS; i++) {
		for (struct linked *l = c->linked[i], *next; l; l = next) {
			next = l->next;
			free(l->path);
			free(l);
		}
	}
	strbuf_free(&c->path);
	free(c);
}

static bool has_key(const struct strings *words, const char *key)
{
	for (size_t i = 0; i < words->n; i++)
		if (str_starts(words->v[i], key))
			return true;
	return false;
}

int mount_copy_up(const struct plan_mount *m, int from, int mnt, int proc, struct error *err)
{
	struct copy *c = xcalloc(1, sizeof(*c));
	char shown[256];
	struct stat st;
	int r;

	c->proc = proc;
	c->keep_mode = !has_key(&m->data, "mode=");
	c->keep_owner = !has_key(&m->data, "uid=") && !has_key(&m->data, "gid=");
	strbuf_adds(&c->path, "");
	r = fstat(from, &st) < 0 ? fail(err, errno, "look") : enter(c, from, mnt, ".", &st, err);
	while (r == 0 || r == 1) {
		r = step(c, err);
		if (r == 0)
			break;
	}
	if (r < 0)
		error_in(err, "tmpcopyup: %s", str_escape(c->path.len ? c->path.data : ".", shown,
							  sizeof(shown)));
	free_copy(c);
	return r;
}
