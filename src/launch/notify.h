/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NOTIFY_SOCKET (sd_notify(3)): a socket of ours is in the container, and what its processes may say of their
 * service goes on to the one that the caller gave us.  Private to launch/ and container/.
 */
#ifndef ORLOP_LAUNCH_NOTIFY_H
#define ORLOP_LAUNCH_NOTIFY_H

#include <stdbool.h>

#include "store/state.h"
#include "util/error.h"

struct notify {
	int host;			/* connected to the caller's, -1 = none */
	int socket;			/* that of the container, -1 = none yet */
	const struct state *st;		/* of the container, for pids in it */
	bool runtime;			/* the container has none: we say when its program runs */
	bool tell_main;			/* add the container process to READY, as we will not stay */
	bool ready;			/* READY=1 has come */
};

#define NOTIFY_INIT {.host = -1, .socket = -1}

/* Connect to NOTIFY_SOCKET of the environment.  Without one, or with one that cannot be reached (a warning),
 * n->host stays -1. */
void notify_connect(struct notify *n);
/* Make the directory that is mounted into the container, in its state directory. */
int notify_make_directory(int dir, struct error *err);
/* Make the socket in it. */
int notify_listen(struct notify *n, int dir, const struct state *st, struct error *err);
/* READY=1 of our own; @main_pid 0: we stay, and are the one to watch. */
void notify_ready(struct notify *n, pid_t main_pid);
/* Pass on what has come. */
void notify_serve(struct notify *n);
/* Until READY=1 has come, or the container process has ended. */
int notify_wait(struct notify *n, int pidfd, struct error *err);
void notify_close(struct notify *n);

#endif
