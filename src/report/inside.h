/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a path of the container will lead, as the plan has it and the files are now: its root file system and what
 * is bound into it, with nothing mounted and nothing outside of them ever reached.
 */
#ifndef ORLOP_REPORT_INSIDE_H
#define ORLOP_REPORT_INSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "plan/plan.h"
#include "util/mem.h"

struct access_user;
struct inside;

/* @root, a handle of the root file system, stays the caller's and open as long as the result is used.  In @a. */
struct inside *inside_new(struct arena *a, const struct plan_rootfs *plan, int root);

/*
 * A handle, O_PATH, of what @path will be, or -errno; -EXDEV: it is on a file system that is only mounted with the
 * container, so nobody can tell.  *ret_mount: the mount it is on, or NULL for the root file system.
 */
int inside_open(const struct inside *in, const char *path, const struct plan_mount **ret_mount);

/* Could @user come to @path?  *ret_dir, in @a: else the directory that may not be searched. */
bool inside_may_reach(const struct inside *in, const char *path, const struct access_user *user, struct arena *a,
		      const char **ret_dir);

/*
 * The same as inside_open() when the first @n mounts of the plan are there, and nothing else, as when the next one is
 * made; -EROFS: it is not there, and the file system that is to have it is read-only on this host.
 */
int inside_place(const struct inside *in, size_t n, const char *path, const struct plan_mount **ret_mount);

/* The beginning of a regular file that inside_open() found: how many bytes, or -errno. */
ssize_t inside_read(int handle, char *buf, size_t size);

#endif
