/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The conversation between the parent (P, on the host) and the container process (C).
 *
 *   C                                   P
 *   | ----------- CHILD_PID ----------> |   "here I am", with its credentials    [only if launcher]
 *   | <----------- MAPS_DONE ---------- |   user namespace: ids are mapped       [only if userns]
 *   | ----------- IDMAP (fd) ---------> |   a mount that only P may give the mapping of ids that the plan has
 *   | <----------- IDMAPPED ----------- |   for it, before it is attached; for each such mount, in the order
 *   |                                   |   of the plan                          [only if there are some]
 *   | ----------- ROOTFS_READY -------> |   mounts done, before pivot_root       [only with hooks]
 *   | <----------- HOOKS_DONE --------- |   prestart, createRuntime have run     [only with hooks]
 *   | ----------- CONSOLE (fd) -------> |   master of the pty                    [only if terminal]
 *   | ----------- CHILD_PID ----------> |   the same, from the process that executes the program: all but
 *   |                                   |   its session and filter was done by C, in whose place it is
 *   |                                   |   from now on                          [only if cloned last]
 *   | ----------- LISTENER (number) --> |   the filter is installed; the number of its listener in
 *   |   or ------ LISTENER_FD (fd) ---> |   C, for pidfd_getfd(2), or itself     [only if it notifies]
 *   | <-------- LISTENER_TAKEN -------- |   the agent has it and answers         [only if it notifies]
 *   | ----------- READY --------------> |   confined; all but execve is done
 *   |                                   |   P reads back from its own procfs
 *   | <----------- PROCEED ------------ |   run: execve now; create: wait for start
 *   | ----------- (end of file) ------> |   execve succeeded (close-on-exec)     [run, exec]
 *
 *   FILTER (P to C: the seccomp program is in shared memory) [only with seccomp] is not a rung: P sends
 *   it once, whenever the program is compiled and at any rung before PROCEED; C finds it in its queue
 *   before, between or after the messages it waits for, remembers it, and needs it before READY.
 *   So: C may not send READY or LISTENER before FILTER came, and P may not wait for them before it
 *   sent FILTER.
 *
 *   From LISTENER on any system call of C may wait for the agent's answer: C only writes until P has
 *   handed the listener over (a profile may not notify of write(2)), then it closes its own copy, so
 *   that the kernel sees when the agent is gone.
 *
 *   At any time C may send LOG (a warning) or ERROR (the last thing it says).  End of file before
 *   READY means that C died; P then asks the kernel how.
 *
 *   The connection that `start` makes to a created container repeats the end of the ladder on a
 *   socket of its own: both sides begin at CS_PROCEED without flags.  A connection that is closed
 *   without a word (somebody looked whether C still listens) is -EPIPE for C, which takes the next.
 *
 * SOCK_SEQPACKET: one message is one struct message, of fixed size, with at most one descriptor, and
 * only in the row that expects it.  No paths, no lengths, nothing to parse (rule R22).
 */
#ifndef ORLOP_INIT_PROTOCOL_H
#define ORLOP_INIT_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/error.h"

enum message_type {
	MSG_MAPS_DONE = 1, MSG_HOOKS_DONE, MSG_FILTER, MSG_PROCEED,	/* parent to child */
	MSG_ROOTFS_READY, MSG_CONSOLE, MSG_READY,			/* child to parent */
	MSG_LOG, MSG_ERROR,						/* child to parent, any time */
	MSG_CHILD_PID,							/* child to parent, with credentials */
	MSG_LISTENER, MSG_LISTENER_FD,					/* child to parent */
	MSG_LISTENER_TAKEN,						/* parent to child */
	MSG_IDMAP,							/* child to parent */
	MSG_IDMAPPED,							/* parent to child */
	N_MSG_TYPES,
};

/* "MAPS_DONE", ...; [0] is "?". */
extern const char *const message_names[N_MSG_TYPES];

struct message {
	uint32_t magic;
	uint32_t type;			/* enum message_type */
	uint32_t stage;			/* index into the stage table: who speaks (ERROR) */
	uint32_t level;			/* LOG: enum log_level */
	uint32_t number;		/* LISTENER: of the descriptor; else 0 */
	struct error error;		/* ERROR: all of it; LOG: text only */
};

#define MESSAGE_MAGIC 0x6f726c70u
/* LOG messages that one conversation may hold: the parent has a deadline and so has its patience. */
#define MESSAGE_MAX_LOGS 1000

/* What the plan makes of the ladder above: which optional rows are there. */
enum conversation_flags {
	CONV_MAPS = 1, CONV_HOOKS = 2, CONV_CONSOLE = 4, CONV_FILTER = 8, CONV_LAUNCHER = 16,
	/* One of them: the parent takes the listener with pidfd_getfd(2), or has not the privilege
	 * for it and C sends it, which a profile could forbid. */
	CONV_LISTENER = 32, CONV_LISTENER_FD = 64,
	CONV_CLONE_LAST = 128, CONV_IDMAP = 256,
};

/* States; one table {state, message, next} serves both sides and the tests. */
enum conversation_state {
	CS_LAUNCH, CS_MAPS, CS_IDMAP, CS_IDMAPPED, CS_ROOTFS, CS_HOOKS, CS_CONSOLE, CS_CLONE,
	CS_LISTENER, CS_LISTENER_FD, CS_TAKEN, CS_READY, CS_PROCEED, CS_DONE, CS_FAILED,
	N_CONVERSATION_STATES,
};

enum conversation_load { CARRIES_NOTHING, CARRIES_FD, CARRIES_NUMBER };

/*
 * How long the receiver waits.  C never waits for a parent that is gone: it sees the end of file.  P always has a
 * deadline, as C may have been stopped; but with hooks, which take as long as they like and come before anything of
 * the container runs.  tests/model/ shows that this suffices.
 */
enum conversation_patience { UNTIL_THE_END, UNTIL_A_DEADLINE, UNTIL_HOOKS_ARE_DONE };

/* P waits for execve(2) likewise. */
#define END_PATIENCE UNTIL_A_DEADLINE

struct conversation_row {
	enum conversation_state state;
	enum message_type message;
	bool from_child;
	unsigned only_if;		/* conversation_flags; 0 = always */
	enum conversation_load carries;
	enum conversation_patience patience;
	enum conversation_state next;
};

/* One row a state, in the order of the enum, up to CS_PROCEED.  The two of IDMAP are gone through as often as there
 * are such mounts, each time with a deadline of its own. */
extern const struct conversation_row conversation_table[];
extern const size_t conversation_table_len;

/* The first state for @flags. */
enum conversation_state conversation_start(unsigned flags);
/* The state after the message of @state was exchanged: rows that @flags leave out are skipped. */
enum conversation_state conversation_after(enum conversation_state state, unsigned flags);

/*
 * One end.  Both sides advance through the same table; a message that is not in the row of the
 * present state is -EPROTO, and so is everything after it.
 */
struct conversation {
	int fd;
	bool parent;
	unsigned flags;
	enum conversation_state state;
	bool filter_done;		/* FILTER was sent, or came */
	size_t n_idmaps;		/* how many mounts are still to be mapped; both sides know from the plan */
	unsigned logs;			/* LOG messages taken so far */
	unsigned stage;			/* of the ERROR that came */
};

/* Make the pair of sockets, close-on-exec, and both ends at the first state for @flags. */
int conversation_pair(unsigned flags, struct conversation *parent, struct conversation *child,
		      struct error *err);

/* ---- what sending and receiving share ---- */

/* The row of @state, NULL behind the last. */
const struct conversation_row *protocol_row(enum conversation_state state);
/* After the message of the present state was exchanged. */
void protocol_advance(struct conversation *c);
/* -EPROTO, and nothing more is said or heard. */
int protocol_failed(struct conversation *c, struct error *err, const char *what, uint32_t type);
/* End of file, -EPIPE: the caller knows how to find out why. */
int protocol_ended(struct conversation *c, struct error *err);
/* Is it too early for @type, since FILTER was not exchanged? */
bool protocol_needs_filter(const struct conversation *c, uint32_t type);

#endif
