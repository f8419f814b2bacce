/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The child side: a table of stages, walked in order by the container process after clone3(2), for
 * `create`, `run` and `exec` alike.  Between clone and execve nothing is decided, only done.
 */
#ifndef ORLOP_INIT_INIT_H
#define ORLOP_INIT_INIT_H

#include <stdbool.h>

#include "init/protocol.h"
#include "plan/plan.h"
#include "rootfs/rootfs.h"
#include "security/seccomp.h"

/* A state document with a gap for the pid, which only the child knows in its own namespace. */
struct hook_document {
	const char *head, *tail;	/* NULL = there are no such hooks */
};

/* The descriptors and memory the child inherits, and no others. */
struct handles {
	int sync;			/* the child's end of the conversation */
	int *joins;			/* plan->ns.joins, opened */
	int user_ns, time_ns;		/* plan->ns.userns_first: to be entered first; else -1 */
	int init_pidfd;			/* exec: the container's init, to enter its namespaces; else -1 */
	pid_t init_pid;			/* exec: its number in our pid namespace */
	uint64_t init_namespaces;	/* exec: which of them (CLONE_NEW*) */
	int pid_ns;			/* exec: the pid namespace to be entered last; else -1 */
	int init_root;			/* exec: "/" of init, where its mount namespace is ours; else -1 */
	struct rootfs_handles rootfs;
	struct seccomp_program *filter;	/* shared with the parent; NULL = no profile */
	struct error *last_words;	/* likewise: where a filter may deny write(2) */
	int start;			/* create: fifo on which `start` says go; else -1 */
	int result;			/* create: fifo on which the outcome of execve is told; else -1 */
	uint64_t ignored_signals;	/* bit N-1 = signal N is ignored by us: to be set to default */
	struct hook_document hook_state[2];	/* createContainer, startContainer */
	int hook_output[2];		/* stdout and stderr of createContainer hooks; or -1 */
	unsigned last_cap;		/* highest capability of the kernel */
	int proc;			/* the host's /proc, to set time offsets, or labels of exec; else -1 */
	bool exec;			/* one more process of a running container */
};

/* early.c: is the seccomp filter there before READY? */
bool init_filters_early(const struct plan *p, const struct handles *h, unsigned conversation_flags);

/* Walk the stages; ends in execve(2) or _exit(2).  Runs in the new process. */
_Noreturn void init_main(const struct plan *p, struct handles *h, unsigned conversation_flags);

/*
 * The launcher (plan->ns.launcher): enter what has to be entered first, clone the container process as a sibling
 * (CLONE_PARENT) and end; or go on as that one, if it is not yet the one that others see (plan->ns.clone_last).
 * @create_flags: CLONE_NEW* of the namespaces that are made then.
 */
_Noreturn void init_launcher(const struct plan *p, struct handles *h, uint64_t create_flags,
			     unsigned conversation_flags);

/* The name of a stage, for messages: "mounts". */
const char *init_stage_name(unsigned stage);
/* The last, execve(2): what fails there is the container's end, and no failure to make it. */
bool init_stage_is_exec(unsigned stage);

/* What `start` says at the gate.  Only the first byte is always there. */
struct start_go {
	uint8_t go, unused;
	uint16_t rows, cols;		/* of the terminal that `start` has; 0 = none */
};

/* What the child says when execve fails, on the result fifo; start reads it. */
struct start_result {
	uint32_t magic;			/* MESSAGE_MAGIC */
	uint32_t hook_failed;		/* a startContainer hook (or the filter), not execve */
	struct error error;
};

#endif
