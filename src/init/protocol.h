/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The conversation between the parent (P, on the host) and the container process (C).
 *
 *   C                                   P
 *   | <----------- MAPS_DONE ---------- |   user namespace: ids are mapped     [only if userns]
 *   | ----------- ROOTFS_READY -------> |   mounts done, before pivot_root     [only with hooks]
 *   | <----------- HOOKS_DONE --------- |   prestart, createRuntime have run   [only with hooks]
 *   | ----------- CONSOLE (fd) -------> |   master of the pty                  [only if terminal]
 *   | <----------- FILTER ------------- |   seccomp program is in shared memory [only with seccomp]
 *   | ----------- READY --------------> |   confined; all but execve is done
 *   |                                   |   P reads back from its own procfs
 *   | <----------- PROCEED ------------ |   run: execve now; create: wait for start
 *   | ----------- (end of file) ------> |   execve succeeded (close-on-exec)   [run, exec]
 *
 *   At any time C may send LOG (a warning) or ERROR (the last thing it says).  End of file before
 *   READY means that C died; P then asks the kernel how.
 *
 * SOCK_SEQPACKET: one message is one struct message, of fixed size, with at most one descriptor, and
 * only in the row that expects it.  No paths, no lengths, nothing to parse (rule R22).
 */
#ifndef ORLOP_INIT_PROTOCOL_H
#define ORLOP_INIT_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

enum message_type {
	MSG_MAPS_DONE = 1, MSG_HOOKS_DONE, MSG_FILTER, MSG_PROCEED,	/* parent to child */
	MSG_ROOTFS_READY, MSG_CONSOLE, MSG_READY,			/* child to parent */
	MSG_LOG, MSG_ERROR,						/* child to parent, any time */
	MSG_CHILD_PID,							/* launcher to parent */
	N_MSG_TYPES,
};

struct message {
	uint32_t magic;
	uint32_t type;			/* enum message_type */
	uint32_t stage;			/* index into the stage table: who speaks (ERROR) */
	uint32_t level;			/* LOG: enum log_level */
	struct error error;		/* ERROR: all of it; LOG: text only */
};

#define MESSAGE_MAGIC 0x6f726c70u

/* What the plan makes of the ladder above: which optional rows are there. */
enum conversation_flags {
	CONV_MAPS = 1, CONV_HOOKS = 2, CONV_CONSOLE = 4, CONV_FILTER = 8, CONV_LAUNCHER = 16,
};

/* States; one table {state, message, next} serves both sides and the tests. */
enum conversation_state {
	CS_LAUNCH, CS_MAPS, CS_ROOTFS, CS_HOOKS, CS_CONSOLE, CS_FILTER, CS_READY, CS_PROCEED, CS_DONE,
	CS_FAILED,
	N_CONVERSATION_STATES,
};

struct conversation_row {
	enum conversation_state state;
	enum message_type message;
	bool from_child;
	unsigned only_if;		/* conversation_flags; 0 = always */
	bool carries_fd;
	enum conversation_state next;
};

extern const struct conversation_row conversation_table[];
extern const size_t conversation_table_len;

/* The first state for @flags, and the state after @state when it is skipped or done. */
enum conversation_state conversation_start(unsigned flags);

/*
 * One end.  Both sides advance through the same table; a message that is not in the row of the
 * present state is -EPROTO.
 */
struct conversation {
	int fd;
	bool parent;
	unsigned flags;
	enum conversation_state state;
};

/* Send @type, which must be what this side owes in the present state (or LOG, ERROR). */
int conversation_send(struct conversation *c, enum message_type type, int fd, struct error *err);
/*
 * Wait (for ever if @timeout_ms < 0) for the message that the present state expects from the other
 * side.  Parent: LOG is logged and the wait goes on; ERROR fills @err and fails with its code;
 * end of file is -EPIPE with @err->code 0 (the caller says how the child died).
 * @watch_fd >= 0: also return -EPIPE when it becomes readable (a pidfd) and nothing is left to read.
 */
int conversation_expect(struct conversation *c, enum message_type type, int timeout_ms,
			int watch_fd, int *ret_fd, struct error *err);
/* Child: tell the parent why it gives up; cannot fail usefully. */
void conversation_send_error(struct conversation *c, unsigned stage, const struct error *e);
void conversation_send_log(struct conversation *c, unsigned level, const char *text);

#endif
