/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The transaction behind `create` and `run`: prepare (no side effect), build (each step has its
 * undo), then commit or undo.  Private to launch/ and container/.
 */
#ifndef ORLOP_LAUNCH_CREATION_H
#define ORLOP_LAUNCH_CREATION_H

#include <stdbool.h>

#include "cgroup/cgroup.h"
#include "launch/notify.h"
#include "launch/spawn.h"
#include "store/options.h"
#include "store/state.h"
#include "store/store.h"
#include "util/mem.h"

struct netdevs;

enum creation_kind {
	CREATION_WAITS,			/* for `start` */
	CREATION_RUNS,			/* execve at once, no start gate */
	CREATION_RESTORES,		/* the same, and CRIU makes namespaces and mounts */
};

struct creation {
	const struct create_options *o;
	enum creation_kind kind;
	struct arena *arena;
	const struct plan *plan;
	char *config_text;
	size_t config_len;
	struct store *store;
	int bundle;			/* its directory */
	int dir;			/* its directory in the store, locked; -1 = not made yet */
	struct state st;
	struct cgroup cgroup;
	struct spawn spawn;
	int netns;			/* joined, and gets interfaces; or -1 */
	bool intelrdt_made;		/* the group, by us */
	struct netdevs *netdevs;	/* interfaces of the host that were moved there */
	int agent;			/* connected seccomp agent, or -1 */
	int console;			/* connected console socket, or -1 */
	int pidfd_sockets[2];		/* likewise, of the option and of the annotation */
	struct notify notify;		/* the caller's NOTIFY_SOCKET, if it has one */
	int pid_file;			/* open, or -1: pid_file_open() */
	bool pid_file_made;
	bool hooks_ran;			/* then poststop hooks run when it fails */
};

/* Steps 1 and 2: configuration, facts, plan; everything that can be refused without a side effect. */
int creation_prepare(struct creation *c, const struct create_options *o, enum creation_kind kind,
		     struct error *err);
/* For --replace: is there what the plan names, and will it do?  Nothing stays open, or is made. */
int creation_rehearse(struct creation *c, struct error *err);
/* Steps 3 and 4, and the state on disk: after it the process is confined and waits. */
int creation_build(struct creation *c, struct error *err);
/* Remove all that was made, or what is left of it. */
void creation_undo(struct creation *c);
/* From now on memory that ends has it undone; NULL: no more. */
void creation_may_undo(struct creation *c);
void creation_close(struct creation *c);

/* Parts of it, for what begins in the middle: the id is taken, namespaces are opened, the cgroup is made; and in the
 * end the state and whoever waits for the pid are told. */
int creation_record(struct creation *c, struct error *err);
int creation_join(struct creation *c, struct error *err);
int creation_make_cgroup(struct creation *c, struct error *err);
int creation_tell(struct creation *c, struct error *err);

/* Run the hooks of @kind on the host with the state document. */
int creation_hooks(struct creation *c, enum oci_hook_kind kind, enum container_status status,
		   struct error *err);

#endif
