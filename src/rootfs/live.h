/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mounts into and out of a container that is running.  Three places, in this order: live_open() in the parent, on
 * the host; live_make() in a helper that has the user namespace of the container, and a mount namespace that is a
 * copy of the host's; the others in the same helper, in the mount namespace of the container, where no name of the
 * host means anything and each name inside is resolved once, below `root`.
 */
#ifndef ORLOP_ROOTFS_LIVE_H
#define ORLOP_ROOTFS_LIVE_H

#include "plan/plan.h"
#include "rootfs/rootfs.h"
#include "util/error.h"

#define LIVE_POINT_MAX 2048

/* One that is to come, or to go. */
struct live_mount {
	const struct plan_mount *m;	/* NULL: to go */
	unsigned index;			/* in the list: /mounts/INDEX */
	const char *destination;	/* cleaned */
	bool known;			/* a mount of ours is there, which may go: */
	uint64_t known_id;		/* its id; 0: any */
	int source;			/* detached, or -1 */
	bool from_parent;
	struct rootfs_source place;

	int mnt;			/* result: attached, or found; -1: not yet */
	bool replaced;
	bool gone;			/* it was to go, and nothing is mounted there */
	uint64_t id;
	char point[LIVE_POINT_MAX];	/* where it is, without links */
};

struct live {
	const struct plan_rootfs *p;	/* NULL: all are to go */
	struct live_mount *v;
	size_t n;
	bool forgiving;			/* what is to go and is not there is no error */
	bool replace;			/* put each in the place of the known one that is there */
	/* Helper: @v, whose id and point are known, is about to be attached. */
	int (*announce)(const struct live *l, const struct live_mount *v, struct error *err);
	void *ctx;			/* of announce() */
	int self;			/* /proc/self/fd of the host, for umount2(2); or -1 */
	struct rootfs r;
};

void live_init(struct live *l);
void live_close(struct live *l);

/* Parent: what it may and the helper may not make.  @rootfs: path of the container's root file system; @userns: of
 * the container, or -1. */
int live_open(struct live *l, const char *rootfs, int userns, struct error *err);

/* Helper, as above. */
int live_make(struct live *l, struct error *err);
int live_enter(struct live *l, struct error *err);
/* Mount the one, with all its flags before it is seen. */
int live_attach(struct live *l, struct live_mount *v, struct error *err);
/* Look for the one that is to go; then take it away, with all that is mounted below it. */
int live_find(struct live *l, struct live_mount *v, struct error *err);
int live_detach(struct live *l, struct live_mount *v, struct error *err);
/* Take away what was attached, the last one first; what was replaced does not come back. */
void live_undo(struct live *l);

#endif
