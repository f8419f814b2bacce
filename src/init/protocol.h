/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The conversation between the parent (P, on the host) and the container process (C).
 *
 *   C                                   P
 *   | ----------- CHILD_PID ----------> |   "here I am", with its credentials    [only if launcher]
 *   | <----------- MAPS_DONE ---------- |   user namespace: ids are mapped       [only if userns]
 *   | ----------- ROOTFS_READY -------> |   mounts done, before pivot_root       [only with hooks]
 *   | <----------- HOOKS_DONE --------- |   prestart, createRuntime have run     [only with hooks]
 *   | ----------- CONSOLE (fd) -------> |   master of the pty                    [only if terminal]
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
};

/* States; one table {state, message, next} serves both sides and the tests. */
enum conversation_state {
	CS_LAUNCH, CS_MAPS, CS_ROOTFS, CS_HOOKS, CS_CONSOLE, CS_LISTENER, CS_LISTENER_FD, CS_TAKEN,
	CS_READY, CS_PROCEED, CS_DONE, CS_FAILED,
	N_CONVERSATION_STATES,
};

enum conversation_load { CARRIES_NOTHING, CARRIES_FD, CARRIES_NUMBER };

struct conversation_row {
	enum conversation_state state;
	enum message_type message;
	bool from_child;
	unsigned only_if;		/* conversation_flags; 0 = always */
	enum conversation_load carries;
	enum conversation_state next;
};

/* One row a state, in the order of the enum, up to CS_PROCEED. */
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
	unsigned logs;			/* LOG messages taken so far */
	unsigned stage;			/* of the ERROR that came */
};

/* Make the pair of sockets, close-on-exec, and both ends at the first state for @flags. */
int conversation_pair(unsigned flags, struct conversation *parent, struct conversation *child,
		      struct error *err);

/*
 * Send @type, which must be what this side owes in the present state (or FILTER, see above), with
 * @fd (borrowed) in the row that carries one or its number and -1 in the others.  When the child has
 * died, its ERROR, if it left one, is in @err; otherwise as end of file below.
 */
int conversation_send(struct conversation *c, enum message_type type, int fd, struct error *err);
/*
 * Wait (for ever if @timeout_ms < 0) for the message that the present state expects from the other
 * side.  Parent: LOG is logged and the wait goes on; ERROR fills @err and fails with its code;
 * end of file is -EPIPE with @err->code 0 (the caller says how the child died); -ETIMEDOUT.
 * @watch_fd >= 0: also return -EPIPE when it becomes readable (a pidfd) and nothing is left to read.
 * *ret_fd (may be NULL where no row carries one) is close-on-exec, or only the number that was sent.
 */
int conversation_expect(struct conversation *c, enum message_type type, int timeout_ms,
			int watch_fd, int *ret_fd, struct error *err);
/*
 * Parent, CS_LAUNCH: wait for CHILD_PID.  *ret_pid is the sender as the kernel translates it into
 * our pid namespace (pid_namespaces(7), SCM_CREDENTIALS): so it is the container process itself that
 * must send it, with conversation_send(), and nothing that it could say in the message counts.
 */
int conversation_expect_pid(struct conversation *c, int timeout_ms, int watch_fd, pid_t *ret_pid,
			    struct error *err);
/* Parent, CS_DONE: wait for end of file (0), which is execve; LOG, ERROR, deadline, @watch_fd as above. */
int conversation_expect_end(struct conversation *c, int timeout_ms, int watch_fd, struct error *err);
/* Child: tell the parent why it gives up; cannot fail usefully. */
void conversation_send_error(struct conversation *c, unsigned stage, const struct error *e);
void conversation_send_log(struct conversation *c, unsigned level, const char *text);

#endif
