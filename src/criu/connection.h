/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One `criu swrk`: a process that serves one request over a socket.  All waiting ends at a deadline, whatever the
 * process does; when the connection is closed the process has ended.
 */
#ifndef ORLOP_CRIU_CONNECTION_H
#define ORLOP_CRIU_CONNECTION_H

#include "criu/message.h"
#include "util/error.h"

#define CRIU_INHERIT_MAX 16
#define CRIU_FIRST_INHERITED 4		/* number there of the first descriptor that is handed on */

struct criu;

struct criu_setup {
	const char *program;		/* NULL: where distributions put it */
	int cgroup;			/* begin in this one; -1: ours */
	bool stdio;			/* hand on the standard streams; otherwise they are /dev/null */
	const int *inherit;		/* become 4, 5, ... there; read after prepare() */
	size_t n_inherit;
	/* In the new process, before all but its standard streams is closed; or NULL. */
	int (*prepare)(void *ctx, struct error *err);
	void *ctx;
};

/* Start it. */
int criu_open(const struct criu_setup *setup, struct criu **ret, struct error *err);
/* End it: wait a moment for it to end by itself, then kill it.  NULL is fine.  Its exit status, or -1. */
int criu_close(struct criu *c);
int criu_pidfd(const struct criu *c);	/* borrowed */

/* What CRIU tells on its way.  @fd: came with it, or -1; borrowed.  An error ends what it does. */
typedef int criu_notified_fn(void *ctx, const struct criu_answer *notification, int fd, struct error *err);

/*
 * Make the request and wait for its answer, @timeout_ms from one message to the next.  An answer without success is
 * no error here.  -ECONNRESET: it ended before.
 */
int criu_call(struct criu *c, const struct criu_request *request, int timeout_ms, criu_notified_fn *notified, void *ctx,
	      struct criu_answer *ret, struct error *err);

#endif
