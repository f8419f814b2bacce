/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state root on disk: one directory a container, with
 *   state.json   what is needed by every later command (written by rename)
 *   config.json  the configuration as it was at create
 *   resources.json  `linux.resources` as it holds since the last `update`; none: as in config.json
 *   mounts.json  mounts that came later (added.h); none: no file
 *   exit.json    how its first process ended (ending.h), if somebody learned it
 *   start        the fifo on which the created container waits for `start`; nobody reads it once the
 *                program runs (close-on-exec), and that is how `created` and `running` differ
 *   result       the fifo on which the container tells `start` how execve went
 * Directories 0700 (the root 0711 so that a user namespace can pass), files 0600; the root must be a
 * real directory of ours that no group or other may write to (rule R16).  Everything is reached
 * by descriptor, and no symbolic link of another user is followed on the way to the root.
 *
 * Whoever changes a container holds the exclusive lock of its directory; `state`, `list`, `ps` and
 * `kill` take none, because `start` keeps it while hooks run.
 */
#ifndef ORLOP_STORE_STORE_H
#define ORLOP_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "oci/types.h"
#include "util/error.h"
#include "util/mem.h"

#define STORE_START "start"
#define STORE_RESULT "result"
#define STORE_CONFIG "config.json"
#define STORE_STATE "state.json"
#define STORE_RESOURCES "resources.json"
#define STORE_MOUNTS "mounts.json"
#define STORE_EXIT "exit.json"
#define STORE_NOTIFY "notify"			/* directory, mounted into the container */
#define STORE_NOTIFY_SOCKET "notify.sock"	/* in it */
#define STORE_CRIU_ROOT "criu-root"		/* empty directory, while `restore` is at it */
#define STORE_LOCK_MS 10000	/* how long a command waits for another one on the same container */

struct store;

/*
 * @root NULL: /run/orlop for root of the initial user namespace, whatever XDG_RUNTIME_DIR says; else
 * $XDG_RUNTIME_DIR/orlop, where empty means unset; else /run/user/UID/orlop if /run/user/UID is ours,
 * and /run/orlop for root of another user namespace.
 * @create: make it (0711 for root, 0700 else) when missing; otherwise a missing root is an empty store.
 */
int store_open(const char *root, bool create, struct store **ret, struct error *err);
/* The absolute path that the directory of container @id has or will have, in @a. */
int store_directory(struct arena *a, const char *root, const char *id, const char **ret, struct error *err);
void store_close(struct store *s);	/* NULL is fine */
const char *store_path(const struct store *s);
int store_fd(const struct store *s);	/* borrowed; -1: the root does not exist */

/* Exclusive: mkdir.  "container `X` already exists" (-EEXIST).  *ret_dir is its directory, and the
 * exclusive lock of it is held already, so that no `delete --force` comes between. */
int store_create(struct store *s, const char *id, int *ret_dir, struct error *err);
/* "container `X` does not exist" (-ENOENT).  Checks the id's alphabet first (-EINVAL). */
int store_container(struct store *s, const char *id, int *ret_dir, struct error *err);
/* The same with the exclusive lock, waiting at most @timeout_ms; the directory is still the one of
 * that name afterwards. */
int store_container_locked(struct store *s, const char *id, int timeout_ms, int *ret_dir,
			   struct error *err);
/* flock(2) on the directory: exclusive or shared; waits at most @timeout_ms (-EBUSY). */
int store_lock(int dir, bool exclusive, int timeout_ms, struct error *err);
/* Does anybody, we ourselves too, hold the exclusive lock of @dir?  Nothing waits, and nothing stays locked. */
bool store_is_locked(int dir);
/* Also undoes the lock when a child still holds a copy of the descriptor. */
int store_unlock(int dir, struct error *err);
/* Is @dir still what is called @id, or was that deleted (and perhaps made anew) meanwhile? */
bool store_is_current(struct store *s, const char *id, int dir);
/* The same, 1 or 0, or an error: it could not be found out. */
int store_look_at(struct store *s, const char *id, int dir, struct error *err);
/* Remove what is in the directory (never a subdirectory), and it; what is not there is not an error. */
int store_remove(struct store *s, const char *id, struct error *err);
/*
 * The writing end of the `start` fifo, non-blocking: a descriptor when somebody waits there, -ENXIO
 * when nobody reads (any more), -ENOENT when there is none, -EINVAL when it is no fifo.
 * Opening and closing it disturbs nobody as long as the reader opened it O_RDWR.
 */
int store_open_start(int dir);
/* The ids, sorted; malloc'ed strings in *ret. */
int store_list(struct store *s, struct strings *ret, struct error *err);
void store_list_free(struct strings *ids);

#endif
