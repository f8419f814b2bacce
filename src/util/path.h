/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names inside a root file system that somebody else controls (rules R1, R2, R4): resolved once,
 * beneath a descriptor, never by string afterwards.
 */
#ifndef ORLOP_UTIL_PATH_H
#define ORLOP_UTIL_PATH_H

#include <stdbool.h>
#include <sys/types.h>

#include "util/mem.h"

/*
 * Lexically cleaned absolute form of @path: "/" in front, no "//", no ".", and ".." removed with
 * its predecessor ("/../x" is "/x").  No file system is looked at.  Owned by the arena.
 */
char *path_clean(struct arena *a, const char *path);

/* @path itself when absolute, else @base/@path, cleaned but with ".." kept for the kernel. */
char *path_join(struct arena *a, const char *base, const char *path);

/*
 * openat2(2) with RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS below @root.  @flags as for open(2) (O_PATH
 * for a handle).  EAGAIN is retried at most 128 times or 5 ms.  A descriptor or -errno.
 */
int path_open_in_root(int root, const char *path, int flags);

/* The same, and a symbolic link anywhere in @path is -ELOOP. */
int path_open_without_links(int root, const char *path, int flags);

/* The same with RESOLVE_BENEATH: what leads out of @dir is -EXDEV.  @path "": @dir itself. */
int path_open_beneath(int dir, const char *path, int flags);

/*
 * The first again, but missing components are made: directories 0755, and the last one a directory
 * (@is_dir) or an empty regular file 0644, independent of the umask, by mkdirat/openat with
 * O_EXCL|O_NOFOLLOW in the descriptor of the parent.  A descriptor good as a mount point and for
 * *at calls (O_PATH, or of the file just made), or -errno.
 * A dangling link in the way is resolved inside the root like any other.
 */
int path_make_in_root(int root, const char *path, bool is_dir);

/*
 * Open the parent directory of @path below @root (made when missing) as O_PATH|O_DIRECTORY and
 * give the last component in *ret_name (a pointer into @path, which must be clean: path_clean).
 */
int path_parent_in_root(int root, const char *path, const char **ret_name);

#endif
