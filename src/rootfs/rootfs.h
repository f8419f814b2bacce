/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The root file system, from the plan's list of mounts to pivot_root(2).  Runs in the container
 * process, except rootfs_open() which runs in the parent.  Names inside are resolved once, below
 * `root`, by openat2(2) (util/path.h); mounts are made by descriptor with their attributes set
 * before they are attached.
 */
#ifndef ORLOP_ROOTFS_ROOTFS_H
#define ORLOP_ROOTFS_ROOTFS_H

#include "plan/plan.h"
#include "util/error.h"

/* Where a bind source is that the child takes at its turn, found out by the parent: source.c. */
struct rootfs_source {
	char *inside;			/* in the container's tree, "/a/b", where earlier mounts may lie on
					 * it; or NULL */
	char *path;			/* on the host, without links; or NULL */
	dev_t dev;			/* and what is there */
	ino_t ino;
	char *link;			/* copy-symlink: what the link says that it is; or NULL */
	int early;			/* the clone of "/", taken before anything lies over it; or -1 */
	int map;			/* the user namespace with the id mapping that it is to have; or -1 */
	bool ask;			/* the parent alone has the power to give it that */
};

/* plan->alone: how to come to names of the host afterwards, outside.c. */
struct outside {
	bool away;			/* where we are they mean nothing */
	int own_ns;			/* the mount namespace that we are in; -1 when there is no way any more */
	int host_ns, host_root;		/* with power over it: the host's, and what was "/" there; or -1 */
	struct outside_view {
		char *dir;
		size_t len;
		int ns;			/* without: a mount namespace of our own that begins with it; or -errno */
	} *views;
	size_t n_views;
};
#define OUTSIDE_NONE {.own_ns = -1, .host_ns = -1, .host_root = -1}

/* Opened by the parent, inherited by the child.  -1 where not needed. */
struct rootfs_handles {
	int bundle;			/* borrowed: its directory, where a relative root is; or -1 */
	dev_t root_dev;			/* with sources_in_child: what the root is */
	ino_t root_ino;
	int tree;			/* detached clone of the root file system, made private; plan->alone: the
					 * mount namespace that begins with one; foreign: the directory */
	bool copy;			/* plan->alone all the same cannot be: a source is another for each
					 * process */
	int *sources;			/* per plan mount: detached clone of a bind source, or -1 */
	struct rootfs_source *places;	/* per plan mount: of those that are -1 */
	size_t n_sources, n_asked;	/* how many there are, and with `ask` */
	int nodes;			/* detached tmpfs with the devices made outside, or -1 */
	int cgroup;			/* borrowed: the container's cgroup directory, or -1 */
	int userns;			/* borrowed: the user namespace to be joined, or -1 */
};

void rootfs_handles_init(struct rootfs_handles *h);
void rootfs_handles_close(struct rootfs_handles *h);

/* Parent: check that the root file system is a directory and open what the parent can open.  With
 * plan->sources_in_child only the check is done. */
int rootfs_open(const struct plan_rootfs *p, struct rootfs_handles *h, struct error *err);

/* Parent: of a mount that the child will ask for, with the user namespace that has its mapping. */
struct rootfs_idmap {
	const struct plan_mount *m;
	int map;
};

/* Take those of @h, in the order of the plan: @ret is malloc'ed, the descriptors are the caller's.  How many. */
size_t rootfs_take_idmaps(const struct plan_rootfs *p, struct rootfs_handles *h, struct rootfs_idmap **ret);
/* Map the ids of the detached mount @mnt. */
int rootfs_map_ids(const struct rootfs_idmap *idmap, int mnt, struct error *err);

/* A mount of the plan that was made. */
struct placed {
	const struct plan_mount *m;
	uint64_t id;
	size_t covered;			/* by which other one, at the same place; 0: by none, the first covers none */
	int base;			/* what is seen at its place, once looked up; or -1 */
	bool nofollow;			/* its place, or it, may be a link */
	bool link;			/* it is one: nothing is below it */
};

/* Child state between the stages below. */
struct rootfs {
	int root;			/* O_PATH: "/" of the container */
	int proc;			/* private, unmasked, unattached procfs, or -1 */
	int nodes;			/* of the handles */
	struct outside outside;
	int pid_ns;			/* borrowed: of which a procfs is to be, if not of ours; or -1 */
	/* Where the kernel's procfs has no option for it: a descriptor of fsopen(2). */
	int (*foreign_proc)(int pid_ns, struct error *err);
	/* Of a detached mount, for rootfs_source.ask: by the parent. */
	int (*ask_for_ids)(void *ctx, int mnt, struct error *err);
	void *ask_ctx;
	int *late;			/* mounts that become read-only in rootfs_protect() */
	size_t n_late;
	bool entered;			/* live.c: names of the host mean nothing here any more */
	bool statmount;			/* the kernel has statmount(2), so mounts have ids that are never used again */
	struct placed *placed;		/* in the order of the plan */
	size_t n_placed;
};

/* Child, in order.  All return 0 or -errno with @err. */

/* Stop propagation to and from the host, attach the root tree, open `root`. */
int rootfs_enter(const struct plan_rootfs *p, struct rootfs_handles *h, struct rootfs *r,
		 struct error *err);
/* Every mount of the plan, in the listed order; closes the sources. */
int rootfs_mounts(const struct plan_rootfs *p, struct rootfs_handles *h, struct rootfs *r,
		  struct error *err);
/* Default devices, linux.devices, links. */
int rootfs_devices(const struct plan_rootfs *p, struct rootfs *r, struct error *err);
/*
 * Open a pty in the container's own devpts: the ptmx below dev/pts of `root`, verified by file
 * system magic and device number, the peer by TIOCGPTPEER; bind the peer onto /dev/console when the
 * plan says so.
 */
int rootfs_console(const struct plan_rootfs *p, struct rootfs *r, uint32_t uid, int *ret_master,
		   int *ret_peer, struct error *err);
/* readonlyPaths, maskedPaths (in this order), late read-only tmpfs, read-only root. */
int rootfs_protect(const struct plan_rootfs *p, struct rootfs *r, struct error *err);
/* pivot_root (or chroot with no_pivot / without a mount namespace), drop the old root, apply the
 * propagation of "/", chdir("/"). */
int rootfs_pivot(const struct plan_rootfs *p, struct rootfs *r, struct error *err);

#endif
