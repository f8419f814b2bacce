/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The transaction behind `create` and `run`: prepare (no side effect), build (each step has its
 * undo), then commit or undo.  Private to container/.
 */
#ifndef ORLOP_CONTAINER_CREATION_H
#define ORLOP_CONTAINER_CREATION_H

#include <signal.h>
#include <stdbool.h>

#include "cgroup/cgroup.h"
#include "container/container.h"
#include "container/spawn.h"
#include "container/store.h"
#include "util/mem.h"

struct netdevs;

struct creation {
	const struct create_options *o;
	bool run;			/* execve at once, no start gate */
	struct arena *arena;
	const struct plan *plan;
	char *config_text;
	size_t config_len;
	struct store *store;
	int dir;			/* its directory in the store, locked; -1 = not made yet */
	struct state st;
	struct cgroup cgroup;
	struct spawn spawn;
	int netns;			/* joined, and gets interfaces; or -1 */
	bool intelrdt_made;		/* the group, by us */
	struct netdevs *netdevs;	/* interfaces of the host that were moved there */
	int agent;			/* connected seccomp agent, or -1 */
	int console;			/* connected console socket, or -1 */
	int pidfd_socket;		/* likewise */
	bool pid_file_written;
	bool hooks_ran;			/* then poststop hooks run when it fails */
};

/* Steps 1 and 2: configuration, facts, plan; everything that can be refused without a side effect. */
int creation_prepare(struct creation *c, const struct create_options *o, bool run,
		     struct error *err);
/* Steps 3 and 4, and the state on disk: after it the process is confined and waits. */
int creation_build(struct creation *c, struct error *err);
/* Remove all that was made; keeps @err. */
void creation_undo(struct creation *c);
void creation_close(struct creation *c);

/* Run the hooks of @kind on the host with the state document. */
int creation_hooks(struct creation *c, enum oci_hook_kind kind, enum container_status status,
		   struct error *err);

/* options.c: what several verbs decide from the global options and the host. */
int options_rootless(const struct global_options *g, const struct facts *f);
int options_cgroup_manager(const struct global_options *g, enum cgroup_manager *ret,
			   struct error *err);
/* LISTEN_FDS of the environment, when it was meant for us (sd_listen_fds(3)); checks that they and
 * @preserve more are open, and closes every other descriptor the caller left open. */
int options_descriptors(unsigned preserve, unsigned *ret_listen_fds, struct error *err);
/* PATH/NAME: written atomically, decimal, no newline. */
int options_write_pid_file(const char *path, pid_t pid, struct error *err);

/* Can the labels and the seccomp profile be applied on this host? */
int options_check_security(const struct plan_security *s, struct error *err);
/* Connect to the AF_UNIX stream socket @path; NULL leaves *ret alone. */
int options_connect(const char *what, const char *path, int *ret, struct error *err);
/* Set the size of the pty that @s opened, and give its master to @socket, which is closed then (-1:
 * keep the master). */
int options_hand_over_console(struct spawn *s, int *socket, struct error *err);

/* interrupt.c: a signal to us during the transaction kills the half-made container process, so that
 * the transaction fails and is undone. */
void interrupt_arm(const int *pidfd);
/* The signal that came, or 0; the old handling is restored. */
int interrupt_disarm(void);
/* "interrupted by SIGTERM" in @err: -EINTR. */
int interrupt_explain(int sig, struct error *err);
/* 0 until a signal comes, for those who wait. */
const volatile sig_atomic_t *interrupt_flag(void);

/* foreground.c: wait for the end of @s, forwarding signals and copying its terminal. */
int foreground_wait(struct spawn *s, const sigset_t *forwarded, int signal_fd, struct error *err);
/* Block the signals to be forwarded; a signalfd(2). */
int foreground_signals(sigset_t *forwarded, struct error *err);

#endif
