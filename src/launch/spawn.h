/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parent's half of making a process in a container, the same for create, run and exec: clone it,
 * serve the conversation, read back what the kernel says of it, let it go.  Private to launch/ and container/.
 */
#ifndef ORLOP_LAUNCH_SPAWN_H
#define ORLOP_LAUNCH_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "store/state.h"
#include "init/init.h"
#include "init/protocol.h"
#include "plan/plan.h"

/* What the runtime itself has: a container cannot get more. */
struct own_status {
	uint64_t ignored_signals, permitted, bounding, filters;
};

struct notify;

struct spawn {
	const struct plan *plan;
	struct handles handles;		/* what the child inherits */
	int cgroup;			/* borrowed; CLONE_INTO_CGROUP, -1 = none */
	bool attach_late;		/* clone outside of it, and move the process there, by the service manager
					 * where we may not: */
	const char *unit, *subgroup;	/* NULL: not of systemd; subgroup "" or "/a/b" below the unit's cgroup */
	bool unit_user;
	bool cgroup_dropped;		/* result: refused, and the plan can do without */
	/* exec: the cgroup got sub-cgroups with controllers and takes no processes any more (EBUSY): put
	 * another descriptor into @cgroup, or fail.  NULL = none to try. */
	int (*find_other_cgroup)(struct spawn *s, void *ctx, struct error *err);
	/* Give the seccomp listener of the process to the agent; a plan that has one needs it. */
	int (*send_listener)(struct spawn *s, int listener, struct error *err);
	void *ctx;			/* for both */
	struct notify *notify;		/* to be served in the foreground, or NULL */
	int proc;			/* the host's /proc */
	unsigned ways;			/* descriptors that the child keeps until execve: conversation, gate */
	struct own_status own;
	struct rootfs_idmap *idmaps;	/* mounts whose ids we shall be asked to map */
	size_t n_idmaps;
	bool our_userns;		/* the process is in the runtime's own user namespace */
	int caller;			/* pidfd of the process whose end kills it, too; or -1 */

	/* results of spawn_start */
	pid_t pid;
	int pidfd;
	int proc_pid;			/* its directory in the host's /proc */
	struct conversation conv;
	int master;			/* of the pty, when one was asked for */
	bool exec_failed;		/* all was made, and execve(2) failed: the container has ended */
	bool told;			/* the process that is cloned last has told us its pid */
	pid_t launcher;			/* that made it, and is about to end; 0: none, or collected */
	int launcher_pidfd;
	bool reaped;
	int wait_status;		/* as of waitpid(2), once reaped */
};

void spawn_init(struct spawn *s, const struct plan *plan);
/* Ends the process if it was not let go, closes everything. */
void spawn_abort(struct spawn *s);
void spawn_close(struct spawn *s);
/* What was opened for the child, which is not made yet: as after spawn_init(). */
void spawn_close_handles(struct spawn *s);
/*
 * After an error: has the kernel killed the process before its first instruction, as cgroup_kills_newcomers() tells?
 * Then @err says so. spawn_again(): as it was before spawn_start(), but to be moved into the cgroup afterwards; what
 * the child inherits has to be opened once more.
 */
bool spawn_killed_at_birth(struct spawn *s, struct error *err);
void spawn_again(struct spawn *s);

/* Clone; the process waits at its first rung.  Also sets what only the host may set: maps, oom score,
 * hard limits. */
int spawn_start(struct spawn *s, struct error *err);

/*
 * Serve the conversation until READY, then read back.  @hooks is called when the root file system is
 * mounted (prestart, createRuntime); NULL when there are none.  *ret_ns: inodes of its namespaces in
 * the order of namespace_files[].
 */
int spawn_serve(struct spawn *s, int (*hooks)(void *ctx, struct error *err), void *ctx,
		uint64_t ret_ns[N_NAMESPACES], struct error *err);

/* What depends on the answers of a seccomp agent waits this long. */
#define AGENT_TIMEOUT_MS 20000

/* PROCEED.  With @wait_exec: wait until execve has happened (0) or failed. */
int spawn_proceed(struct spawn *s, bool wait_exec, struct error *err);

/* Collect the exit of a child of ours: 0..255, 128 + signal. */
int spawn_wait(struct spawn *s, struct error *err);

int readback_own(int proc, struct own_status *ret, struct error *err);

/* The files of /proc/PID, in the order of state.json's namespaceInodes. */
struct namespace_file {
	uint64_t flag;			/* CLONE_NEW* */
	unsigned pidfd_ioctl;		/* PIDFD_GET_*_NAMESPACE without its type */
	const char *file;		/* "ns/cgroup" */
};
extern const struct namespace_file namespace_files[N_NAMESPACES];

/* Inode of our own namespace @i.  *pidfd is of ourselves, opened when it is -1; @proc: /proc. */
int readback_own_namespace(int *pidfd, int proc, size_t i, uint64_t *ret);

/* readback.c: a descriptor of namespace @i of the process of @pidfd, whose directory in @proc is @process ("12/"). */
int readback_open_namespace(int pidfd, int proc, const char *process, size_t i);

/* readback.c: what the host calls the user @uid of the process, by its uid_map; the overflow id when it has no name
 * for it. */
int readback_outside_uid(const struct spawn *s, uint32_t uid, uid_t *ret, struct error *err);

/* readback.c: compare the process with what was asked for, rule R12.  Any difference is an error.  Its namespaces are
 * what they will be as soon as it is cloned last, so before the rest. */
int readback_namespaces(struct spawn *s, uint64_t ret_ns[N_NAMESPACES], struct error *err);
int readback_check(const struct spawn *s, struct error *err);

#endif
