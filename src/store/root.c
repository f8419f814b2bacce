/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which directory the state root is, the way to it, and whose it is (rule R16).  On the host. */
#include "store/root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/compat.h"
#include "sys/mutate.h"
#include "sys/probe.h"
#include "sys/syscalls.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/mem.h"

#define LINKS_MAX 40	/* as the kernel, path_resolution(7) */
#define MAP_BYTES 16384	/* 340 lines of uid_map, user_namespaces(7) */

static bool is_own_directory(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

int root_default(char **ret, struct error *err)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	char user[64];

	/* Real root ignores the variable: it may come from the session of a less powerful user. */
	if (geteuid() == 0 && probe_initial_userns()) {
		*ret = xstrdup("/run/orlop");
		return 0;
	}
	if (xdg && xdg[0] == '/') {
		*ret = xasprintf("%s/orlop", xdg);
		return 0;
	}
	if (xdg && xdg[0])
		return error_set(err, EINVAL, "XDG_RUNTIME_DIR is not an absolute path: %s", xdg);
	snprintf(user, sizeof(user), "/run/user/%u", (unsigned)geteuid());
	if (is_own_directory(user)) {
		*ret = xasprintf("%s/orlop", user);
		return 0;
	}
	if (geteuid() == 0) {
		*ret = xstrdup("/run/orlop");
		return 0;
	}
	return error_set(err, ENOENT, "no place to keep state: XDG_RUNTIME_DIR is not set and %s is not "
			 "there (set the variable to a directory of yours, or give --root DIR)", user);
}

/* ---- the way to it ---- */

/* mkdirat(2) with exactly this mode. */
int root_mkdir(int dir, const char *name, mode_t mode)
{
	mode_t old = umask(0);
	int r = mkdirat(dir, name, mode) < 0 ? -errno : 0;

	umask(old);
	return r;
}

/* In a user namespace who has no name there has this uid: root of the host, among others. */
static bool looks_nameless(uid_t uid)
{
	char text[16];

	return !probe_initial_userns() &&
	       fd_read_pseudo(AT_FDCWD, "/proc/sys/kernel/overflowuid", text, sizeof(text)) >= 0 &&
	       uid == strtoul(text, NULL, 10);
}

/* Where a user of the namespace has it, it is that user's. */
static bool is_nameless(uid_t uid)
{
	unsigned long inside, outside, size;
	_cleanup_free_ char *map = NULL;

	if (!looks_nameless(uid))
		return false;
	map = xmalloc(MAP_BYTES);
	if (fd_read_pseudo(AT_FDCWD, "/proc/self/uid_map", map, MAP_BYTES) < 0)
		return false;
	for (char *line = map; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (sscanf(line, "%lu %lu %lu", &inside, &outside, &size) == 3 && uid >= inside && uid - inside < size)
			return false;
	}
	return true;
}

/* capabilities(7), CAP_FOWNER: for files whose owner is mapped. */
static bool has_fowner(void)
{
	char text[4096], *line;

	if (fd_read_pseudo(AT_FDCWD, "/proc/self/status", text, sizeof(text)) < 0)
		return false;
	line = strstr(text, "\nCapEff:");
	return line && strtoull(line + strlen("\nCapEff:"), NULL, 16) & 1ULL << CAP_FOWNER;
}

/*
 * Where ranges as those of subuid(5) are mapped, the overflow id is one of them, and both look the same: root of the
 * host, and a user of the namespace.  O_NOATIME is refused with EPERM to who is neither the owner nor has CAP_FOWNER
 * over it (open(2)), which root of the namespace has over all of its users, and over nobody else.
 */
static bool is_of_nobody_here(int dir, uid_t uid)
{
	int fd;

	if (!looks_nameless(uid) || !has_fowner())
		return false;
	fd = fd_openat(dir, ".", O_RDONLY | O_DIRECTORY | O_NOATIME, 0);
	if (fd >= 0)
		close(fd);
	return fd == -EPERM;
}

/*
 * A place on which something of root of the host's is mounted, as the host's /run below the one that rootlesskit makes:
 * only who may mount here put it there.
 */
static bool is_mounted_of_nobody(int fd, uid_t uid)
{
	struct kernel_statx st;

	return fd >= 0 && sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &st) == 0 &&
	       (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) && is_of_nobody_here(fd, uid);
}

/* Root, or we. */
static bool is_trusted(uid_t uid)
{
	return uid == 0 || uid == geteuid() || is_nameless(uid);
}

/* Others than the owner may write there.  A group of the number of its owner is that user's own, adduser(8). */
static bool is_open_to_others(const struct stat *st)
{
	bool own_group = st->st_gid == 0 || (st->st_uid == geteuid() && st->st_gid == st->st_uid);

	return (st->st_mode & S_IWOTH) || ((st->st_mode & S_IWGRP) && !own_group);
}

/*
 * Nobody else may be able to exchange @next, the entry of @dir on the way: or all below it were his.  With the
 * sticky bit only the owners of the two can, as in /tmp.
 */
static int check_way(int dir, const struct stat *st, int next_fd, const struct stat *next, const char *shown,
		     struct error *err)
{
	char link[40], path[PATH_MAX] = "a directory";
	bool foreign = !is_trusted(st->st_uid) && !is_of_nobody_here(dir, st->st_uid);
	ssize_t n;

	if (!foreign && !is_open_to_others(st))
		return 0;
	if (!foreign && (st->st_mode & S_ISVTX) &&
	    (is_trusted(next->st_uid) || is_mounted_of_nobody(next_fd, next->st_uid)))
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
	n = readlink(link, path, sizeof(path) - 1);
	if (n >= 0)
		path[n] = '\0';
	if (foreign)
		error_set(err, EPERM, "state root %s: %s on the way to it belongs to uid %u, who could exchange "
			  "what is in it", shown, path, (unsigned)st->st_uid);
	else
		error_set(err, EPERM, "state root %s: others may write to %s on the way to it (mode %04o), and "
			  "exchange what is in it", shown, path, (unsigned)st->st_mode & 07777);
	return error_hint(err, "give --root a path through directories of root or of your own");
}

/*
 * The text of the link @fd, unless it belongs to somebody who could lead us astray with it.  Whose one is that looks
 * like root's cannot be told, but check_way() has seen that nobody but the owner of its directory put it there.
 * *ret_rest becomes "TARGET/REST".
 */
static int read_link(int fd, const struct stat *st, const char *shown, char **rest, struct error *err)
{
	char target[PATH_MAX], *joined;
	ssize_t n;

	if (!is_trusted(st->st_uid) && !looks_nameless(st->st_uid))
		return error_set(err, EPERM, "state root %s: there is a symbolic link of uid %u on the way "
				 "to it, which is not followed (give --root the path behind it)",
				 shown, (unsigned)st->st_uid);
	n = readlinkat(fd, "", target, sizeof(target) - 1);
	if (n < 0)
		return error_errno(err, errno, "state root %s: read a symbolic link", shown);
	target[n] = '\0';
	joined = xasprintf("%s/%s", target, *rest);
	free(*rest);
	*rest = joined;
	return 0;
}

static int cannot_make(int r, const char *shown, struct error *err)
{
	error_errno(err, r, "make state root %s", shown);
	if (r == -EACCES && strncmp(shown, "/run/user/", strlen("/run/user/")) == 0)
		error_hint(err, "systemd makes /run/user/UID when the user logs in, or from the start after "
			   "`loginctl enable-linger`");
	return r;
}

/* One component.  @dir, of which *st tells, is replaced by it; a link is put in front of @rest instead. */
static int step(int *dir, struct stat *dir_st, const char *name, const char *shown, bool create, char **rest,
		unsigned *links, struct error *err)
{
	_cleanup_close_ int fd = fd_openat(*dir, name, O_PATH | O_NOFOLLOW, 0);
	struct stat st = {.st_uid = geteuid()};
	int r;

	if (fd == -ENOENT && create) {
		r = check_way(*dir, dir_st, -1, &st, shown, err);
		if (r < 0)
			return r;
		r = root_mkdir(*dir, name, geteuid() == 0 ? 0711 : 0700);
		if (r < 0 && r != -EEXIST)
			return cannot_make(r, shown, err);
		fd = fd_openat(*dir, name, O_PATH | O_NOFOLLOW, 0);
	}
	if (fd < 0)
		return error_errno(err, fd, "open state root %s", shown);
	if (fstat(fd, &st) < 0)
		return error_errno(err, errno, "look at state root %s", shown);
	r = check_way(*dir, dir_st, fd, &st, shown, err);
	if (r < 0)
		return r;
	if (S_ISLNK(st.st_mode)) {
		if (++*links > LINKS_MAX)
			return error_errno(err, ELOOP, "open state root %s", shown);
		r = read_link(fd, &st, shown, rest, err);
		if (r < 0 || (*rest)[0] != '/')
			return r;
		close(fd);
		fd = fd_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
		if (fd < 0 || fstat(fd, dir_st) < 0)
			return error_errno(err, fd < 0 ? fd : errno, "open /");
	} else if (!S_ISDIR(st.st_mode)) {
		return error_errno(err, ENOTDIR, "open state root %s", shown);
	}
	if (S_ISDIR(st.st_mode))
		*dir_st = st;
	if (S_ISDIR(st.st_mode) || (*rest)[0] == '/') {
		close(*dir);
		*dir = steal_fd(&fd);
	}
	return 0;
}

/* All of it, from the root on: also a relative path has one. */
static int walk(const char *path, bool create, int *ret_dir, struct error *err)
{
	_cleanup_close_ int dir = fd_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	_cleanup_free_ char *here = path[0] == '/' ? NULL : getcwd(NULL, 0);
	_cleanup_free_ char *rest = here ? xasprintf("%s/%s", here, path) : xstrdup(path);
	unsigned links = 0;
	struct stat st;

	if (path[0] != '/' && (!here || here[0] != '/'))
		return error_errno(err, here ? ENOENT : errno, "find the current directory");
	if (dir < 0 || fstat(dir, &st) < 0)
		return error_errno(err, dir < 0 ? dir : errno, "open state root %s", path);
	for (;;) {
		char *p = rest + strspn(rest, "/"), name[NAME_MAX + 1];
		size_t n = strcspn(p, "/");
		int r;

		if (n == 0)
			break;
		if (n >= sizeof(name))
			return error_errno(err, ENAMETOOLONG, "open state root %s", path);
		memcpy(name, p, n);
		name[n] = '\0';
		p += n + strspn(p + n, "/");
		memmove(rest, p, strlen(p) + 1);
		r = step(&dir, &st, name, path, create, &rest, &links, err);
		if (r < 0)
			return r;
	}
	*ret_dir = fd_openat(dir, ".", O_RDONLY | O_DIRECTORY, 0);
	if (*ret_dir < 0)
		return error_errno(err, *ret_dir, "open state root %s", path);
	return 0;
}

/* Rule R16: ours, and nobody else can put or exchange anything in it. */
int root_check_owner(int fd, const char *what, const char *name, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_errno(err, errno, "look at %s %s", what, name);
	if (MUTATE(T56))
		return 0;
	if (st.st_uid != geteuid())
		return error_set(err, EPERM, "%s %s belongs to uid %u and not to us (uid %u), so its content "
				 "cannot be trusted (give another --root, or remove it)",
				 what, name, (unsigned)st.st_uid, (unsigned)geteuid());
	if (st.st_mode & 022)
		return error_set(err, EPERM, "%s %s can be written by others (mode %04o), so its content cannot "
				 "be trusted (chmod go-w, after a look at what is in it)",
				 what, name, (unsigned)st.st_mode & 07777);
	return 0;
}

static int check(int fd, const char *path, struct error *err)
{
	struct stat st, top;

	if (fstat(fd, &st) == 0 && stat("/", &top) == 0 && st.st_dev == top.st_dev &&
	    st.st_ino == top.st_ino)
		return error_set(err, EINVAL, "the state root cannot be / (give --root a directory of its own)");
	return root_check_owner(fd, "state root", path, err);
}

int root_open(const char *path, bool create, int *ret_fd, struct error *err)
{
	_cleanup_close_ int fd = -1;
	int r = walk(path, create, &fd, err);

	if (r == 0)
		r = check(fd, path, err);
	if (r == 0)
		*ret_fd = steal_fd(&fd);
	return r;
}
