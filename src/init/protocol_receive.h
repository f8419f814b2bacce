/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Receiving in the conversation of protocol.h. */
#ifndef ORLOP_INIT_PROTOCOL_RECEIVE_H
#define ORLOP_INIT_PROTOCOL_RECEIVE_H

#include "init/protocol.h"

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

/* The child is gone: take what it left, its ERROR if there is one, else end of file. */
int protocol_last_words(struct conversation *c, struct error *err);

#endif
