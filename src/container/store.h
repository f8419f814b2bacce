/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state root on disk: one directory a container, with
 *   state.json   what is needed by every later command (written by rename)
 *   config.json  the configuration as it was at create
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
#ifndef ORLOP_CONTAINER_STORE_H
#define ORLOP_CONTAINER_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "oci/types.h"
#include "util/error.h"
#include "util/mem.h"

#define STORE_START "start"
#define STORE_RESULT "result"
#define STORE_CONFIG "config.json"
#define STORE_STATE "state.json"
#define STATE_MAX_BYTES (1u << 20)
#define STORE_LOCK_MS 10000	/* how long a command waits for another one on the same container */

struct store;

/*
 * @root NULL: /run/orlop for root of the initial user namespace, whatever XDG_RUNTIME_DIR says; else
 * $XDG_RUNTIME_DIR/orlop, where empty means unset; else /run/user/UID/orlop if /run/user/UID is ours,
 * and /run/orlop for root of another user namespace.
 * @create: make it (0711 for root, 0700 else) when missing; otherwise a missing root is an empty store.
 */
int store_open(const char *root, bool create, struct store **ret, struct error *err);
void store_close(struct store *s);	/* NULL is fine */
const char *store_path(const struct store *s);

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
/* Also undoes the lock when a child still holds a copy of the descriptor. */
int store_unlock(int dir, struct error *err);
/* Is @dir still what is called @id, or was that deleted (and perhaps made anew) meanwhile? */
bool store_is_current(struct store *s, const char *id, int dir);
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

/* ---- state.json ---- */

/* A process is (pid, start time, boot id); rule R14. */
struct state_process {
	pid_t pid;			/* 0 = none yet */
	uint64_t pidfd_inode;		/* of its pidfd (pidfs, 6.9), 0 = unknown */
	uint64_t start_time;		/* field 22 of /proc/PID/stat, clock ticks; 0 with an inode */
	char boot_id[37];
};

#define N_NAMESPACES 8

struct state {
	char *id, *bundle, *rootfs;	/* absolute paths */
	char created[40];		/* RFC 3339, nanoseconds, UTC */
	uid_t owner_uid;
	struct state_process init;
	char *cgroup_root, *cgroup_path;	/* NULL: none */
	uint64_t cgroup_id;
	unsigned cgroup_created_above;
	bool cgroup_created;
	char *intelrdt_root;		/* where resctrl is mounted; NULL: not asked for */
	char *intelrdt_group, *intelrdt_monitor;	/* below it; NULL: none (yet) */
	uint64_t intelrdt_inode, intelrdt_monitor_inode;	/* 0: about to be made */
	bool intelrdt_own;		/* the group is removed with the container */
	uint64_t ns_flags;		/* CLONE_NEW* the container has of its own or joined */
	uint64_t ns_inode[N_NAMESPACES];	/* in the order of namespace_files[] (spawn.h); 0 = unknown */
	bool has_process;		/* else start fails */
	bool has_poststart, has_poststop;	/* hooks in the saved config.json */
	bool agent_answers;		/* a seccomp agent may have to answer for our last calls, too, and
					 * no startContainer hook takes its time before */
	bool terminal;
	bool rootless;
	bool own_pidns;			/* init is process 1 of a pid namespace made for it: all die with it */
	struct key_values annotations;
};

/* st->created = now. */
void state_set_created(struct state *st);
/* One rename.  -E2BIG when it (its annotations) would exceed STATE_MAX_BYTES. */
int state_write(int dir, const struct state *st, struct error *err);
/* Strict: an unknown shape is -EBADMSG "state of container X is damaged"; -ENOENT when the creation
 * has not come so far.  Strings are in @a. */
int state_read(struct arena *a, int dir, const char *id, struct state *ret, struct error *err);

/* ---- status, from the kernel ---- */

enum container_status {
	STATUS_CREATING, STATUS_CREATED, STATUS_RUNNING, STATUS_PAUSED, STATUS_STOPPED,
};

/* Words engines know: "creating" is only used in hooks. */
extern const char *const container_status_names[5];

/*
 * Look at the process (boot, start time, pidfd inode, not a zombie), the freezer and the start fifo.
 * *ret_pidfd (may be NULL) is an open pidfd when the process lives, else -1.  Without a process yet
 * (pid 0): stopped, since `creating` is no word of the `state` command.
 */
int state_status(int dir, const struct state *st, enum container_status *ret, int *ret_pidfd,
		 struct error *err);

/* Only the process: *ret_pidfd is -1 when it has ended or there is none yet. */
int state_open_init(const struct state *st, int *ret_pidfd, struct error *err);

/* The OCI state document, malloc'ed: compact, with the specified members, for hooks; pretty, with
 * rootfs, created and owner too, for `state`.  @pid as given. */
char *state_document(const struct state *st, enum container_status status, pid_t pid, bool pretty,
		     size_t *ret_len);
struct json_writer;
/* The object of `state` as one element of a larger document (`list`). */
void state_write_document(struct json_writer *w, const struct state *st,
			  enum container_status status, pid_t pid);
/* The same with the specified members alone, as hooks get it. */
void state_write_oci_document(struct json_writer *w, const struct state *st,
			      enum container_status status, pid_t pid);

/* The name of @uid in the host's /etc/passwd (not by NSS), in @buf; "" when it has none there. */
const char *state_owner_name(uid_t uid, char *buf, size_t size);

/* Identify a live process: fills start_time, pidfd_inode, boot_id. */
int state_identify(pid_t pid, int pidfd, struct state_process *ret, struct error *err);

#endif
