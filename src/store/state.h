/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state.json: what later commands need to know of a container. */
#ifndef ORLOP_STORE_STATE_H
#define ORLOP_STORE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "oci/types.h"
#include "util/error.h"
#include "util/mem.h"

#define STATE_MAX_BYTES (1u << 20)

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
	uint64_t created_raw_us;	/* by clock_raw_us(), as somebody may set the other clock; 0: nobody knows */
	uid_t owner_uid;
	struct state_process init;
	char *cgroup_root, *cgroup_path;	/* NULL: none (yet) */
	char *unit;			/* of systemd, which made the cgroup; NULL: we did */
	bool unit_user;			/* of the user's service manager */
	uint64_t cgroup_id;
	unsigned cgroup_created_above;
	bool cgroup_created;
	char *intelrdt_root;		/* where resctrl is mounted; NULL: not asked for */
	char *intelrdt_group, *intelrdt_monitor;	/* below it; NULL: none (yet) */
	uint64_t host_mount;	/* without a mount namespace: the mount on which the container's root lies; 0:
				 * has one */
	uint64_t intelrdt_inode, intelrdt_monitor_inode;	/* 0: about to be made */
	bool intelrdt_own;		/* the group is removed with the container */
	uint64_t ns_flags;		/* CLONE_NEW* the container has of its own or joined */
	uint64_t ns_inode[N_NAMESPACES];	/* in the order of namespace_files[] (spawn.h); 0 = unknown */
	bool has_process;		/* else start fails */
	bool has_poststart, has_poststop;	/* hooks in the saved config.json */
	bool agent_answers;		/* a seccomp agent may have to answer for our last calls, too */
	uint64_t start_timeout_ms;	/* from `start` to execve; 0: a startContainer hook has no limit */
	bool notify;			/* a notification socket is in the container while `start` waits */
	bool terminal;
	bool rootless;
	bool creating;			/* `create` or `run` is not done with it, or was killed then */
	bool own_pidns;			/* init is process 1 of a pid namespace made for it: all die with it */
	struct key_values annotations;
};

/* Now, by both clocks. */
void state_set_created(struct state *st);
/* One rename.  -E2BIG when it (its annotations) would exceed STATE_MAX_BYTES. */
int state_write(int dir, const struct state *st, struct error *err);
/* Unknown members are ignored.  -ENOENT: the creation has not come so far; -EBADMSG: a member is missing or
 * wrong, "state of container X is damaged"; -EPROTONOSUPPORT: of a later version.  Strings are in @a. */
int state_read(struct arena *a, int dir, const char *id, struct state *ret, struct error *err);
/*
 * What is left in a state that state_read() refuses, for `delete --force`: the process and the cgroup, each
 * as a whole or not at all.  @ret has an id and a bundle in any case.
 */
void state_salvage(struct arena *a, int dir, const char *id, struct state *ret);

enum container_status {
	STATUS_CREATING, STATUS_CREATED, STATUS_RUNNING, STATUS_PAUSED, STATUS_STOPPED,
};

/* Words engines know. */
extern const char *const container_status_names[5];

#endif
