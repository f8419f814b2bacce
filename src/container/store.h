/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state root on disk: one directory a container, with
 *   state.json   what is needed by every later command (written by rename)
 *   config.json  the configuration as it was at create
 *   start        the socket on which the created container waits for `start`; gone once it runs
 * Directories 0700 (the root 0711 so that a user namespace can pass), files 0600; the root must be a
 * real directory of ours that no group or other may write to (rule R16).
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

#define STORE_START_SOCKET "start"
#define STORE_CONFIG "config.json"
#define STORE_STATE "state.json"
#define STATE_MAX_BYTES (1u << 20)

struct store;

/* @root NULL: /run/orlop, or $XDG_RUNTIME_DIR/orlop when not root of the initial user namespace (then
 * it must be set and non-empty).  @create: make it (0711 for root, 0700 else) when missing; otherwise
 * a missing root is an empty store. */
int store_open(const char *root, bool create, struct store **ret, struct error *err);
void store_close(struct store *s);	/* NULL is fine */
const char *store_path(const struct store *s);

/* Exclusive: mkdir.  "container `X` already exists" (-EEXIST).  *ret_dir is its directory. */
int store_create(struct store *s, const char *id, int *ret_dir, struct error *err);
/* "container `X` does not exist" (-ENOENT).  Checks the id's alphabet first (-EINVAL). */
int store_container(struct store *s, const char *id, int *ret_dir, struct error *err);
/* flock(2) on the directory: exclusive or shared; waits at most @timeout_ms. */
int store_lock(int dir, bool exclusive, int timeout_ms, struct error *err);
/* Remove the known files and the directory; what is not there is not an error. */
int store_remove(struct store *s, const char *id, struct error *err);
/* The ids, sorted; malloc'ed strings in *ret. */
int store_list(struct store *s, struct strings *ret, struct error *err);

/* ---- state.json ---- */

/* A process is (pid, start time, boot id); rule R14. */
struct state_process {
	pid_t pid;			/* 0 = none yet */
	uint64_t start_time;		/* field 22 of /proc/PID/stat, clock ticks */
	uint64_t pidfd_inode;		/* of its pidfd (pidfs, 6.9), 0 = unknown */
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
	uint64_t ns_flags;		/* CLONE_NEW* the container has of its own or joined */
	uint64_t ns_inode[N_NAMESPACES];	/* in the order of namespace_names[]; 0 = the host's */
	bool has_process;		/* else start fails */
	bool has_poststart, has_poststop;	/* hooks in the saved config.json */
	bool terminal;
	bool rootless;
	struct key_values annotations;
};

int state_write(int dir, const struct state *st, struct error *err);
/* Strict: an unknown shape is -EBADMSG "state of container X is damaged". */
int state_read(struct arena *a, int dir, const char *id, struct state *ret, struct error *err);

/* ---- status, from the kernel ---- */

enum container_status {
	STATUS_CREATING, STATUS_CREATED, STATUS_RUNNING, STATUS_PAUSED, STATUS_STOPPED,
};

/* Words engines know: "creating" is only used in hooks. */
extern const char *const container_status_names[5];

/*
 * Look at the process (start time, zombie, pidfd inode), the start socket and the freezer.
 * *ret_pidfd (may be NULL) is an open pidfd when the process lives, else -1.
 */
int state_status(int dir, const struct state *st, enum container_status *ret, int *ret_pidfd,
		 struct error *err);

/* The OCI state document (compact for hooks, pretty for `state`), malloc'ed.  @pid as given. */
char *state_document(const struct state *st, enum container_status status, pid_t pid, bool pretty,
		     size_t *ret_len);

/* Identify a live process: fills start_time, pidfd_inode, boot_id. */
int state_identify(pid_t pid, int pidfd, struct state_process *ret, struct error *err);

#endif
